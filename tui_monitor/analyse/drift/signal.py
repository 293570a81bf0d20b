"""One signal: learns its reference, then is judged at every check."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import NEW, Bins
from tui_monitor.analyse.drift.early import Early
from tui_monitor.analyse.drift.first_day import CLEARLY, SLOW_S, WHY, FirstDay
from tui_monitor.analyse.drift.judge import Floats, Judge, cuts, singles
from tui_monitor.analyse.drift.kinds import Fitted, Kind, fitted, kind_of
from tui_monitor.analyse.drift.learning import LearnedCategories, LearnedCounts, LearnedRows
from tui_monitor.analyse.drift.past import Past, Stretch, effect
from tui_monitor.analyse.drift.reference import DAY_S, HOURS, Reference
from tui_monitor.analyse.drift.saved import Before, Closed, Intake, Limits, Role, SavedSignal
from tui_monitor.model import SignalState, clean

LEAST_ROWS = 500  # of a reference: below, the shares themselves are noise
LEAST_WORTH = 125  # of a learned reference, rows that do not depend on each other: few bursts tell neither what is usual nor their own tau
MORE_ROWS = 1.2  # times as many as at the last try, before a reference is tried again
FRESH_ROWS = 100  # since the reference, before anything is said
RECENT_ROWS = 500  # the newest rows that stand for "now" while nothing moved
FLOOR = 0.05  # of the effect: what is certain but smaller is watched, not an alarm
EARLY = -1.0  # evidence this near to the budget, with an effect, is watched
NOISE = 0.87  # mean of the largest difference of n rows from their own distribution, times sqrt(n)
OVER_CHECKS = 5  # in a row: one look may be quiet by chance
MOST_CLOSED = 50
MOST_NEW = 10  # new categories that are named
MOST_BEFORE = 3  # earlier references that are kept
SHARE_ROWS = 1000.0  # the newest rows that tell the share of missing values, as they fade
MOST_EVIDENCE = 240  # points of its chart
SLOTS_BEFORE = 120  # of a change, that tell its kind: a slope begins long before it is found


class Signal:
    """State of one signal, bounded: a reference, some hundred snapshots of counts, and the judge."""

    def __init__(
        self,
        source: str,
        name: str,
        role: Role,
        limits: Limits,
        intake: Intake,
        *,
        edges: Sequence[float] = (),
        bins: Bins | None = None,
        reference: Reference | None = None,
    ) -> None:
        """`bins` and `reference` where they are given, `edges` of a histogram; else both are learned."""
        self.source, self.name, self.intake = source, name, intake
        self.role: Role = role
        self.limits = limits
        self.bins = bins if bins is not None else Bins("numeric", edges=list(edges)) if intake == "histogram" else None
        self.seen_s = 0.0  # last time its source told it
        self.rows_s: float | None = None  # last time there were new rows
        self.state: SignalState = "learning"
        self.why_anew = ""
        self.why_blind = ""
        self.why_watched = ""
        self.first_day: FirstDay | None = None  # of a reference that was learned in less than a day
        self.untimed: tuple[Bins, Reference] | None = None  # given, but what its rows are worth is learned first
        self.unfit = False  # nothing can be learned from its values; `why_blind` tells why
        self.befores: list[Before] = []  # what was the reference before, newest last
        self.missing_reference: float | None = None  # share of the rows without a value
        self._came = self._missing = 0.0  # rows, and those without a value; while it is judged they fade
        self.reference: Reference | None = None
        self.judge: Judge | None = None
        self.past = Past(len(self.bins) if self.bins else 0)
        self.since_s: float | None = None  # of the drift that is on
        self.start_s: float | None = None
        self.evidence: float | None = None
        self.evidence_past: deque[tuple[float, float]] = deque()
        self.most_closed = MOST_CLOSED
        self.closed: list[Closed] = []  # drifts that are over, oldest first
        self.new_names: Counter[str] = Counter()
        self.early = Early()
        self.checks = 0
        self._over_checks = 0
        self._tried_rows = 0.0  # that a reference was made of, and were too few
        self._learned: LearnedCounts | LearnedCategories | LearnedRows = _learner(intake, self.bins)
        self._before: dict[str, float] | Floats | None = None  # the cumulative counts of the last observation
        self._amount_before: float | None = None
        self._pending: Floats = np.zeros(len(self.bins) if self.bins else 0)
        self._pending_words: Counter[str] = Counter()
        self._pending_amount = 0.0
        self._begun_s: float | None = None
        self._checked_s: float | None = None
        self.offered = ""  # which reference was given last: the same one is not taken again after a restart
        self.given = reference is not None  # not learned: another version of a model does not change it
        if reference is not None:
            self.learned(reference)

    @property
    def category(self) -> bool:
        """Whether its bins have no order."""
        return self.intake == "categories" or (self.bins is not None and self.bins.kind == "category")

    @property
    def learned_rows(self) -> float:
        """Rows of the reference so far."""
        return self._learned.rows + float(self._pending.sum()) + self._pending_words.total()

    @property
    def begun_s(self) -> float | None:
        """When its learning began."""
        return self._begun_s

    # -- what came ----------------------------------------------------------------------------------------------------------------------

    def observe(self, at_s: float, cumulative: Sequence[float], categories: Sequence[str] | None, amount: float | None = None) -> None:
        """The counts since the source began; what was there before the first look, or fell since the last one, tells nothing.

        Args:
            at_s: when they were read.
            cumulative: at or below each edge, then all rows; for categories the rows of each.
            categories: their names.
            amount: the sum of all rows' values, where the source tells it.
        """
        self._seen(at_s)
        if self.intake == "categories":
            self._observe_categories(dict(zip(categories or (), cumulative, strict=True)))
            return
        now = np.diff(np.asarray(cumulative, dtype=np.float64), prepend=0.0)
        before, amount_before = self._before, self._amount_before
        self._before, self._amount_before = now, amount
        if isinstance(before, np.ndarray):
            grown = now - before
            if (grown >= 0).all():  # else its source began anew: a new segment
                self._pending += grown
                if amount is not None and amount_before is not None:
                    self._pending_amount += amount - amount_before

    def _observe_categories(self, now: dict[str, float]) -> None:
        before = self._before
        if isinstance(before, dict):
            grown = Counter({name: count - before.get(name, 0.0) for name, count in now.items() if count > before.get(name, 0.0)})
            self._words(grown)
        self._before = now

    def _words(self, grown: Mapping[str, float]) -> None:
        if self.bins is None:
            self._pending_words.update(grown)
            return
        places = self.bins.places(np.asarray(list(grown), dtype=object)) if grown else ()
        for (name, count), place in zip(grown.items(), places, strict=True):
            self._pending[place] += count
            if place == len(self.bins) - 1:
                self._strange(name, count)

    def _strange(self, name: str, count: float) -> None:
        if name in self.new_names or len(self.new_names) < MOST_NEW:
            self.new_names[clean(name, 60)] += round(count)

    def rows(self, at_s: Floats, values: NDArray[Any]) -> None:
        """Values that came, none of them missing: finite numbers, or texts."""
        if not values.size:
            return
        self._seen(float(at_s.max()))
        if self.unfit:
            return
        if self.bins is None:
            if isinstance(self._learned, LearnedRows):
                self._learned.add(at_s, values)
            return
        if self.bins.kind == "numeric":
            if values.dtype == object:
                values = np.asarray([value for value in values if isinstance(value, float)], dtype=np.float64)
            self.why_blind = "" if values.size else "its values are texts now, they were numbers in the reference"
            self._pending += self.bins.counts(values)
            self._pending_amount += float(values.sum())
        else:
            self._words(Counter(text if isinstance(text, str) else f"{text:.12g}" for text in values.tolist()))

    def came(self, at_s: float, rows: int, missing: int) -> None:
        """So many rows came, of which so many have no value here; `at_s` is the time of the newest."""
        self._seen(at_s)
        if self.reference is not None:
            fading = 0.5 ** (rows / SHARE_ROWS)
            self._came, self._missing = self._came * fading, self._missing * fading
        self._came += rows
        self._missing += missing

    @property
    def missing_now(self) -> float | None:
        """Share of the newest rows without a value; None where that is not told."""
        return self._missing / self._came if self._came and self.reference is not None else None

    def add(self, at_s: float, counts: Floats) -> None:
        """Rows per bin that came."""
        self._seen(at_s)
        self._pending = self._pending + counts

    def _seen(self, at_s: float) -> None:
        self.seen_s = at_s
        if self._begun_s is None:
            self._begun_s = at_s

    # -- a check ------------------------------------------------------------------------------------------------------------------------

    def check(self, now_s: float, budget_checks: float) -> None:
        """Judge what came since the last check. No new rows: no check."""
        since_s, self._checked_s = self._checked_s if self._checked_s is not None else (self._begun_s or now_s), now_s
        if self.reference is None:
            self._learn(now_s)
        elif self._pending.sum() > 0:
            counts, amount = self._pending, self._pending_amount
            self._pending, self._pending_amount = np.zeros_like(counts), 0.0
            self._judge(counts, amount, since_s, now_s)
        self._decide(now_s, budget_checks)
        if self.state != "drift":
            self._day_is_over()

    def step(self, since_s: float, now_s: float, counts: Floats, budget_checks: float) -> None:
        """One check over rows that are counted already: what `add` and `check` do, at the times of a log."""
        self.seen_s = self._checked_s = now_s
        self._judge(counts, 0.0, since_s, now_s, charted=False)
        self._decide(now_s, budget_checks)

    def _judge(self, counts: Floats, amount: float, since_s: float, now_s: float, *, charted: bool = True) -> None:
        reference = self.reference
        if reference is None or self.judge is None:
            return
        self.rows_s = now_s
        self.checks += 1
        hour = int(since_s % DAY_S // 3600)
        shares = self._shares[hour % len(self._shares)]
        self.past.add(since_s, counts, shares, amount)
        self.judge.update(counts, since_s, hour)
        if self.first_day is not None and self.since_s is None:
            self.first_day.add(since_s, counts, amount)
        if charted:  # early charts are for the eye
            self.early.update(counts, shares, reference.tau)

    def _learn(self, now_s: float) -> None:
        learned = self._learned
        if isinstance(learned, LearnedCounts) and self._pending.sum() > 0:
            learned.add(now_s, self._pending, self._pending_amount)
            self._pending, self._pending_amount = np.zeros_like(self._pending), 0.0
            self.rows_s = now_s
        elif isinstance(learned, LearnedCategories) and self._pending_words:
            learned.add(now_s, self._pending_words)
            self._pending_words = Counter()
            self.rows_s = now_s
        if self.untimed is not None and isinstance(learned, LearnedRows):
            if learned.rows >= LEAST_ROWS:
                (self.bins, reference), self.untimed = self.untimed, None
                self.why_anew = ""
                self.learned(reference, learned.tau())
                self.given = True
            return
        if self._begun_s is None or now_s - self._begun_s < self.limits.learn_s:
            return
        if isinstance(learned, LearnedRows) and not self.unfit:
            none = not learned.rows and self._came >= LEAST_ROWS
            self.why_blind = f"no value in any of {self._came:.0f} rows" if none else ""
        if learned.rows < LEAST_ROWS:
            return
        if isinstance(learned, LearnedRows) and (why := learned.unfit()):
            self.unfit, self.why_blind, self._learned = True, why, LearnedRows()
            return
        if not isinstance(learned, LearnedRows) and len(learned.slots) < 2:
            return
        if learned.rows < self._tried_rows * MORE_ROWS:
            return
        bins, reference = learned.learned(f"learned in {_span(now_s - self._begun_s)} until {_moment(now_s)}")
        self._tried_rows = learned.rows
        if reference.rows < LEAST_WORTH * reference.tau and now_s - self._begun_s < max(DAY_S, self.limits.learn_s):
            self.why_anew = f"its rows resemble their neighbours, {reference.tau:.0f} tell as much as one"
            return
        self.bins, self._tried_rows, self.why_anew = bins, 0.0, ""
        self.missing_reference = self._missing / self._came if self._came else None
        self._came = self._missing = 0.0
        self.learned(reference)
        if now_s - self._begun_s < DAY_S and not reference.hours:
            self.first_day = FirstDay(bins)

    def _day_is_over(self) -> None:
        """What was learned in less gives way to the whole day; a row is never worth more than it was thought before."""
        if self.first_day is None or not self.first_day.whole or self.reference is None:
            return
        reference, before = self.first_day.learned(), self.reference.tau
        self.learned(reference, None if reference.hours else before)

    def learned(self, reference: Reference, tau: float | None = None) -> None:
        """Take a reference, and judge against it from now on.

        Args:
            reference: it fits the bins.
            tau: what a row is worth where the reference itself cannot tell.
        """
        if tau is not None:
            reference = Reference(
                reference.counts, max(tau, reference.tau), reference.hours, reference.mean, reference.sd, reference.origin
            )
        self.reference, self.first_day, self.why_watched = reference, None, ""
        self._shares = [reference.shares(hour) for hour in range(HOURS)] if reference.hours else [reference.shares()]
        counts = np.asarray(reference.counts, dtype=np.float64)
        tests = singles(counts) if self.category else cuts(counts)
        self.judge = Judge(counts, tests, reference.tau, self.limits.tolerance, reference.of_hours(), ordered=not self.category)
        self.past = Past(counts.size)
        self._pending = np.zeros(counts.size)
        self._pending_amount = 0.0
        self.since_s = self.start_s = self.evidence = None
        self.early.restart()
        self.new_names.clear()
        self._learned = _learner(self.intake, self.bins)

    def anew(self, now_s: float, why: str) -> None:
        """Learn another reference and keep this one, because what it describes is no more; `why` for people."""
        self._keep_before(now_s)
        self.reference = self.judge = self.evidence = self.rows_s = self._begun_s = None
        if self.intake != "histogram":
            self.bins = None
        self._learned = _learner(self.intake, self.bins)
        self._pending, self._pending_words, self._pending_amount = np.zeros(len(self.bins or ())), Counter(), 0.0
        self.past = Past(len(self.bins or ()))
        self.why_anew, self.why_blind, self.unfit, self.given, self.state = why, "", False, False, "learning"
        self._came = self._missing = 0.0
        self.new_names.clear()

    def back(self, now_s: float) -> str:
        """Judge by the reference before this one again, and keep this one; returns why not, or nothing."""
        if not self.befores:
            return f"{self.name} has no earlier reference"
        before = self.befores.pop()
        if self.bins is not None and self.intake == "histogram" and before.bins != self.bins:
            return f"{self.name} has other buckets by now than that reference"
        self._keep_before(now_s)
        self.bins, self.unfit, self.why_blind, self.why_anew = before.bins, False, "", ""
        self.learned(before.reference)
        self.given, self.state = before.given, "idle"
        return ""

    def _keep_before(self, now_s: float) -> None:
        if self.since_s is not None:
            self._close(now_s)
        if self.reference is not None and self.bins is not None:
            self.befores = [*self.befores, Before(self.bins, self.reference, self.given)][-MOST_BEFORE:]

    def pin(self) -> str:
        """Take the rows since the change (or the newest ones) as the reference; returns why not, or nothing."""
        rows = self.now()
        if self.reference is None or rows.rows < LEAST_ROWS:
            return f"{self.name} has {rows.rows:.0f} rows since the change, {LEAST_ROWS} are needed for a reference"
        if self.bins is not None:
            self.befores = [*self.befores, Before(self.bins, self.reference, self.given)][-MOST_BEFORE:]
        self.learned(Reference(rows.counts.tolist(), origin="as it was when somebody said so"), self.reference.tau)
        self.given = False
        self.state = "idle"
        return ""

    # -- what it means ------------------------------------------------------------------------------------------------------------------

    def now(self) -> Stretch:
        """The rows that stand for now: since the change where there is one, else the newest."""
        change_s = self.since_s if self.since_s is not None else self.judge.change_s if self.judge and self.state == "watch" else None
        return self.past.since(change_s) if change_s is not None else self.recent()

    def recent(self) -> Stretch:
        """The newest rows, some hundreds."""
        return self.past.newest(RECENT_ROWS * self.tau)

    def _decide(self, now_s: float, budget_checks: float) -> None:
        if self.reference is None or self.judge is None:
            self.state = "blind" if self.why_blind else "learning"
            return
        self.evidence = self.judge.evidence(budget_checks)
        self._note_evidence(now_s, self.evidence)
        self.why_watched = ""
        if self.since_s is not None:
            self._over_checks = self._over_checks + 1 if self._looks_over() else 0
            if self._over_checks < OVER_CHECKS:
                self.state = "drift"
                return
            self._close(now_s)
            self.evidence = self.judge.evidence(budget_checks)
        if self.evidence >= EARLY and self._tells(now_s, self.evidence):
            return
        if self.past.total.sum() < FRESH_ROWS * self.reference.tau or self.quiet(now_s):
            self.state = "idle"
        else:
            self.state = "blind" if self.why_blind or self.one_bin() is not None else "stable"

    def _tells(self, now_s: float, evidence: float) -> bool:
        """Whether evidence that is near the budget or beyond it makes a drift, or something to watch."""
        change_s = self.judge.change_s if self.judge else None
        recent = self.recent()
        since = self.past.since(change_s) if change_s is not None else recent
        worth = since.rows >= FRESH_ROWS and effect(since, category=self.category).size >= FLOOR
        noise = 1.4 / math.sqrt(max(recent.rows / self.tau, 1.0))  # a small sample's largest difference
        began_s: float | None = None
        if evidence >= 0 and worth:
            began_s = change_s if change_s is not None else recent.since_s
        elif evidence >= 0 and effect(recent, category=self.category).size >= FLOOR + noise:
            began_s = recent.since_s
        if began_s is not None and self.first_day is not None and self._fit(began_s, SLOW_S).step_wins < CLEARLY:
            self.state, self.why_watched = "watch", WHY
        elif began_s is not None:
            self._open(began_s, now_s)
        elif evidence >= 0 or worth:
            self.state = "watch"
        else:
            return False
        return True

    def _note_evidence(self, now_s: float, evidence: float) -> None:
        self.evidence_past.append((now_s, evidence))
        if len(self.evidence_past) > MOST_EVIDENCE:
            half = MOST_EVIDENCE // 2
            kept = list(self.evidence_past)
            self.evidence_past = deque([*kept[:half:2], *kept[half:]])

    def _open(self, since_s: float, now_s: float) -> None:
        self.state, self.since_s, self.start_s, self._over_checks = "drift", since_s, now_s, 0

    def _close(self, now_s: float) -> None:
        episode = self.episode(now_s)
        if episode is not None:
            self.closed.append(episode)
            del self.closed[: -self.most_closed]
        if self.judge is not None:
            self.judge.restart()
        self.early.restart()
        self.since_s = self.start_s = None

    def episode(self, end_s: float | None) -> Closed | None:
        """The drift that is on, ended then, or None where there is none."""
        from tui_monitor.analyse.drift import verdicts

        if self.since_s is None or self.start_s is None or self.reference is None:
            return None
        rows = self.past.since(self.since_s)
        found = effect(rows, category=self.category)
        return Closed(
            source=self.source,
            signal=self.name,
            since_s=self.since_s,
            start_s=self.start_s,
            end_s=end_s,
            kind=self.kind(),
            test="l_infinity" if self.category else "ks",
            effect=found.size,
            evidence=self.evidence or 0.0,
            sentence=verdicts.moved(self, rows, self.since_s, end_s if end_s is not None else (self._checked_s or self.since_s)),
            up=self._up(rows, found.at),
            category=self.bins.labels()[found.at] if self.category and self.bins else "",
        )

    def _up(self, rows: Stretch, at: int) -> bool:
        expected, now = rows.expected / max(float(rows.expected.sum()), 1e-300), rows.counts / max(rows.rows, 1.0)
        return bool(now[at] > expected[at]) if self.category else bool(now[: at + 1].sum() < expected[: at + 1].sum())

    def kind(self) -> Kind:
        """Sudden, gradual or recurring, as known by now."""
        if self.since_s is None:
            return ""
        rows = self.past.since(self.since_s)
        at = effect(rows, category=self.category).at
        fit = self._fit(self.since_s)
        up = self._up(rows, at)
        earlier = sum(one.up == up for one in self.closed)
        return kind_of(fit, earlier) or "sudden"

    def _fit(self, since_s: float, slow_s: float = 0.0) -> Fitted:
        """The shape of a change at the cut (or in the category) that shows it best."""
        at = effect(self.past.since(since_s), category=self.category).at
        times, counts, expected = self.past.slots(since_s, SLOTS_BEFORE)
        if not len(counts):
            return Fitted("", 0, 1.0)
        total, wanted = counts.sum(axis=1), expected.sum(axis=1)
        inside, usual = (
            (counts[:, at], expected[:, at]) if self.category else (counts[:, : at + 1].sum(axis=1), expected[:, : at + 1].sum(axis=1))
        )
        level = np.divide(inside, total, out=np.zeros_like(total), where=total > 0)
        usually = np.divide(usual, wanted, out=np.zeros_like(wanted), where=wanted > 0)
        return fitted(level - usually, total, 0.0, times, slow_s)

    def _looks_over(self) -> bool:
        """Whether the newest rows look like the reference again: a small change needs many of them to be told from none."""
        if self.since_s is None:
            return False
        whole = effect(self.past.since(self.since_s), category=self.category).size
        needed = self.tau * max(RECENT_ROWS, (4 * NOISE / max(whole, FLOOR)) ** 2)
        rows = self.past.newest(needed)
        if rows.since_s < self.since_s or rows.rows < needed:
            return False
        return effect(rows, category=self.category).size < whole / 2 + NOISE * math.sqrt(self.tau / rows.rows)

    @property
    def tau(self) -> float:
        """Rows that tell as much as one independent row."""
        return self.reference.tau if self.reference else 1.0

    def quiet(self, now_s: float) -> bool:
        """Whether there have been no rows for long."""
        return self.rows_s is None or now_s - self.rows_s > max(10 * self.limits.every_s, 60.0)

    def one_bin(self) -> int | None:
        """The bin that nearly all of the reference lies in, where there is one."""
        if self.reference is None or self.category:
            return None
        shares = self.reference.shares()
        return int(shares.argmax()) if shares.size and shares.max() >= 0.99 else None

    # -- over a restart -----------------------------------------------------------------------------------------------------------------

    def dump(self) -> SavedSignal:
        """What must survive."""
        judge, learned = self.judge, self._learned
        return SavedSignal(
            source=self.source,
            name=self.name,
            role=self.role,
            intake=self.intake,
            bins=self.bins,
            reference=self.reference,
            slots=[(at_s, counts.tolist()) for at_s, counts in learned.slots] if isinstance(learned, LearnedCounts) else [],
            words=[(at_s, dict(counts)) for at_s, counts in learned.slots] if isinstance(learned, LearnedCategories) else [],
            begun_s=self._begun_s,
            state=self.state,
            since_s=self.since_s,
            start_s=self.start_s,
            past=self.past.dump() if self.reference is not None else [],
            log_e=[] if judge is None else judge.log_e.ravel().tolist(),
            log_run=[] if judge is None else judge.log_run.ravel().tolist(),
            run_s=[] if judge is None else judge.run_s.ravel().tolist(),
            rows_s=self.rows_s,
            closed=self.closed,
            evidence_past=list(self.evidence_past),
            befores=self.befores,
            unfit=self.why_blind if self.unfit else "",
            given=self.given,
            offered=self.offered,
            missing_reference=self.missing_reference,
            first_day=[(at_s, counts.tolist()) for at_s, counts in self.first_day.slots] if self.first_day else None,
        )

    @classmethod
    def load(cls, saved: SavedSignal, limits: Limits) -> Signal:
        """A signal as `dump` left it; the next observation begins a new segment.

        Raises:
            ValueError: what was saved does not fit together.
        """
        signal = cls(saved.source, saved.name, saved.role, limits, saved.intake, bins=saved.bins)
        signal._restore(saved)
        return signal

    def _restore(self, saved: SavedSignal) -> None:
        self._begun_s, self.rows_s = saved.begun_s, saved.rows_s
        self.offered = saved.offered
        self.befores, self.missing_reference = (
            [one for one in saved.befores if len(one.bins) == len(one.reference.counts)],
            saved.missing_reference,
        )
        self.unfit, self.why_blind, self.seen_s = bool(saved.unfit), saved.unfit, saved.rows_s or saved.begun_s or 0.0
        if isinstance(self._learned, LearnedCounts):
            if any(len(counts) != len(self.bins or ()) for _, counts in saved.slots):
                raise ValueError(f"{saved.name}: what was learned does not fit its bins")
            self._learned.slots = [(at_s, np.asarray(counts, dtype=np.float64)) for at_s, counts in saved.slots]
        elif isinstance(self._learned, LearnedCategories):
            self._learned.slots = [(at_s, Counter({str(name): count for name, count in words.items()})) for at_s, words in saved.words]
        else:
            self._begun_s = saved.begun_s if saved.reference is not None else None  # rows are never kept: it learns from the start
        if saved.reference is None:
            return
        reference = saved.reference
        if (
            self.bins is None
            or len(reference.counts) != len(self.bins)
            or not reference.rows > 0
            or any(len(hour) != len(self.bins) for hour in reference.hours)
        ):
            raise ValueError(f"{saved.name}: reference and layout differ")
        self.learned(reference)
        if saved.first_day is not None and all(len(counts) == len(self.bins) for _, counts in saved.first_day):
            self.first_day = FirstDay(self.bins, [(at_s, np.asarray(counts, dtype=np.float64)) for at_s, counts in saved.first_day])
        self.given = saved.given
        past = Past.load(saved.past)
        if past.total.size != len(self.bins):
            raise ValueError(f"{saved.name}: past and layout differ")
        self.past = past
        judge = self.judge
        if judge is not None and len(saved.log_e) == len(saved.log_run) == len(saved.run_s) == judge.log_e.size:
            shape = judge.log_e.shape
            judge.log_e = np.asarray(saved.log_e, dtype=np.float64).reshape(shape)
            judge.log_run = np.asarray(saved.log_run, dtype=np.float64).reshape(shape)
            judge.run_s = np.asarray(saved.run_s, dtype=np.float64).reshape(shape)
        self.state, self.since_s, self.start_s = saved.state, saved.since_s, saved.start_s
        self.closed, self.evidence_past = list(saved.closed), deque(saved.evidence_past)


def _learner(intake: Intake, bins: Bins | None) -> LearnedCounts | LearnedCategories | LearnedRows:
    if intake == "rows":
        return LearnedRows()
    return LearnedCategories() if intake == "categories" or bins is None else LearnedCounts(bins)


def _moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).astimezone().strftime("%d %b %H:%M")


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def new_share(signal: Signal, rows: Stretch) -> float:
    """Share of rows in categories that the reference never had."""
    if not signal.category or signal.bins is None or signal.bins.names[-1:] != [NEW] or rows.rows <= 0:
        return 0.0
    return float(rows.counts[-1] / rows.rows)
