"""One signal: learns its reference, then is judged at every check."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from tui_monitor.analyse.drift.arrivals import Arrivals, learner_of
from tui_monitor.analyse.drift.binning import NEW, Bins
from tui_monitor.analyse.drift.dependence import LEAST_SEEN, NO_MOODS, Moods, enough
from tui_monitor.analyse.drift.early import Early
from tui_monitor.analyse.drift.first_weeks import MORE, SLOW_S, FirstWeeks
from tui_monitor.analyse.drift.judge import Floats, Judge, tests_of
from tui_monitor.analyse.drift.kinds import NEAR, SURELY, Fitted, Kind, fitted, kind_of, sudden_s
from tui_monitor.analyse.drift.learning import LearnedCategories, LearnedCounts, LearnedRows
from tui_monitor.analyse.drift.past import Past, Stretch, effect
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.saved import Before, Closed, Intake, Limits, Role
from tui_monitor.analyse.drift.season import DAY_S, NEARLY, WEEK_HOURS
from tui_monitor.model import SignalState

LEAST_ROWS = 500  # of a reference: below, the shares themselves are noise
MORE_ROWS = 1.2  # times as many as at the last try, before a reference is tried again
FRESH_ROWS = 100  # since the reference, before anything is said
RECENT_ROWS = 500  # the newest rows that stand for "now" while nothing moved
FLOOR = 0.05  # of the effect: what is certain but smaller is watched, not an alarm
EARLY = -1.0  # evidence this near to the budget, with an effect, is watched
NOISE = 0.87  # mean of the largest difference of n rows from their own distribution, times sqrt(n)
MONTH_S = 30 * DAY_S
WHY_MOODS = "it jumped before, and this may be just another jump; a dozen of them tell"
SHAPE_AT = (30, 60, 120, 240, 480, 960)  # checks of a drift
LOOKED_AT, LOOKED_EVERY = (
    10,
    5,
)  # checks of what moved slowly: after the first ones a jump is looked for now and then, it costs a millisecond
OVER_CHECKS = 5  # in a row: one look may be quiet by chance
MOST_CLOSED = 50
MOST_BEFORE = 3  # earlier references that are kept
MOST_EVIDENCE = 240  # points of its chart
SLOTS_BEFORE = 120  # of a change, that tell its kind: a slope begins long before it is found


class Signal(Arrivals):
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
        super().__init__(intake, bins if bins is not None else Bins("numeric", edges=list(edges)) if intake == "histogram" else None)
        self.source, self.name = source, name
        self.role: Role = role
        self.limits = limits
        self.rows_s: float | None = None  # last time there were new rows
        self.state: SignalState = "learning"
        self.why_anew = ""
        self.learned_part = 1.0  # of what must be seen beside rows and time, at the last try
        self.why_watched = ""
        self.first_weeks: FirstWeeks | None = None  # of a reference that was learned in less
        self.untimed: tuple[Bins, Reference] | None = None  # given, but what its rows are worth is learned first
        self.befores: list[Before] = []  # what was the reference before, newest last
        self.missing_reference: float | None = None  # share of the rows without a value
        self.judge: Judge | None = None
        self.past = Past(len(self.bins) if self.bins else 0)
        self.since_s: float | None = None  # of the drift that is on
        self.start_s: float | None = None
        self.evidence: float | None = None
        self.evidence_past: deque[tuple[float, float]] = deque()
        self.most_closed = MOST_CLOSED
        self.closed: list[Closed] = []  # drifts that are over, oldest first
        self.early = Early()
        self.checks = 0
        self._over_checks = 0
        self._drift_checks = 0
        self._watched_checks = 0  # in a row
        self._jumped = False  # and it began with a clear jump
        self._in_moods = False  # what jumped at the last look did so before
        self._fit_then: Fitted | None = None  # the shape of the drift that is on, as it was told last
        self._tried_rows = 0.0  # that a reference was made of, and were too few
        self._checked_s: float | None = None
        self.offered = ""  # which reference was given last: the same one is not taken again after a restart
        self.given = reference is not None  # not learned: another version of a model does not change it
        if reference is not None:
            self.learned(reference)
            self.first_weeks = FirstWeeks(self.bins, given=True) if self.bins else None

    @property
    def category(self) -> bool:
        """Whether its bins have no order."""
        return self.intake == "categories" or (self.bins is not None and self.bins.kind == "category")

    @property
    def learned_rows(self) -> float:
        """Rows of the reference so far."""
        return self.learner.rows + float(self.pending.sum()) + self.pending_words.total()

    # -- a check ------------------------------------------------------------------------------------------------------------------------

    def check(self, now_s: float, budget_checks: float) -> None:
        """Judge what came since the last check. No new rows: no check."""
        since_s, self._checked_s = self._checked_s if self._checked_s is not None else (self.begun_s or now_s), now_s
        if self.reference is None:
            self._learn(now_s)
        elif self.pending.sum() > 0:
            counts, amount = self.pending, self.pending_amount
            self.pending, self.pending_amount = np.zeros_like(counts), 0.0
            self._judge(counts, amount, since_s, now_s)
        self._decide(now_s, budget_checks)
        if self.state != "drift":
            self._days_go_by()

    def step(self, since_s: float, now_s: float, counts: Floats, budget_checks: float) -> None:
        """One check over rows that are counted already: what `add` and `check` do, at the times of a log."""
        self.seen_s = self._checked_s = now_s
        self._judge(counts, 0.0, since_s, now_s, charted=False)
        self._decide(now_s, budget_checks)
        if self.state != "drift":
            self._days_go_by()

    def _judge(self, counts: Floats, amount: float, since_s: float, now_s: float, *, charted: bool = True) -> None:
        reference = self.reference
        if reference is None or self.judge is None:
            return
        self.rows_s = now_s
        self.checks += 1
        hour = reference.cell(since_s)
        shares = self._shares[hour or 0]
        self.past.add(since_s, counts, shares, amount)
        self.judge.update(counts, since_s, hour)
        if self.first_weeks is not None and self.since_s is None:
            self.first_weeks.add(since_s, counts, amount)
        if charted:  # early charts are for the eye
            self.early.update(counts, shares, reference.tau)

    def _learn(self, now_s: float) -> None:
        learned = self.learner
        if isinstance(learned, LearnedCounts) and self.pending.sum() > 0:
            learned.add(now_s, self.pending, self.pending_amount)
            self.pending, self.pending_amount = np.zeros_like(self.pending), 0.0
            self.rows_s = now_s
        elif isinstance(learned, LearnedCategories) and self.pending_words:
            learned.add(now_s, self.pending_words)
            self.pending_words = Counter()
            self.rows_s = now_s
        if self.begun_s is None or now_s - self.begun_s < self.limits.learn_s:
            return
        if isinstance(learned, LearnedRows) and not self.unfit and self.untimed is None:
            none = not learned.rows and self.seen_rows >= LEAST_ROWS
            self.why_blind = f"no value in any of {self.seen_rows:.0f} rows" if none else ""
        if learned.rows < LEAST_ROWS:
            return
        if isinstance(learned, LearnedRows) and self.untimed is None and (why := learned.unfit()):
            self.unfit, self.why_blind, self.learner = True, why, LearnedRows()
            return
        if not isinstance(learned, LearnedRows) and len(learned.slots) < 2:
            return
        if learned.rows < self._tried_rows * MORE_ROWS and now_s - self.begun_s < DAY_S:
            return
        bins, reference = learned.learned(f"learned in {_span(now_s - self.begun_s)} until {_moment(now_s)}")
        self._tried_rows = learned.rows
        counted, tau = learned.counted(bins), reference.tau
        if now_s - self.begun_s < max(DAY_S, self.limits.learn_s):
            times, slots = np.asarray([at_s for at_s, _ in counted]), np.stack([counts for _, counts in counted])
            found = enough(times, slots, tests_of(slots.sum(axis=0), category=bins.kind == "category"), tau, now_s)
            self.why_anew, tau, self.learned_part = found
            if found.why_not:
                return
        if self.untimed is not None:
            (self.bins, given), self.untimed, self.why_anew = self.untimed, None, ""
            self.learned(given, tau)
            self.first_weeks, self.given = FirstWeeks(self.bins, given=True), True
            return
        self.bins, self.why_anew = bins, ""
        self.missing_reference = self.seen_missing / self.seen_rows if self.seen_rows else None
        self.seen_rows = self.seen_missing = 0.0
        self.learned(reference, tau)
        if len(reference.hours) != WEEK_HOURS:
            self.first_weeks = weeks = FirstWeeks(bins, day_s=now_s if now_s - self.begun_s >= DAY_S * NEARLY else None)
            for at_s, counts in counted:  # the first of its hours, and what a jump is held against
                weeks.add(at_s, counts, (reference.mean or 0.0) * float(counts.sum()))

    def _days_go_by(self) -> None:
        """What was learned in less gives way to a whole day and then two weeks; without hours a row is never worth more than before."""
        weeks, before = self.first_weeks, self.reference
        if weeks is None or before is None:
            return
        found = weeks.over(watched=self.state == "watch" and bool(self.why_watched))
        if found is None:
            return
        if not weeks.given:
            self.learned(found, None if found.hours else before.tau)
        elif found.tau > MORE * before.tau:
            self.learned(before, found.tau)
        self.first_weeks = None if weeks.ended else weeks

    def learned(self, reference: Reference, tau: float | None = None) -> None:
        """Take a reference, and judge against it from now on.

        Args:
            reference: it fits the bins.
            tau: what a row is worth where the reference itself cannot tell.
        """
        if tau is not None:
            reference = reference.worth(tau)
        self.reference, self.first_weeks, self.why_watched = reference, None, ""
        self._tried_rows, self.learned_part = 0.0, 1.0
        self._shares = [reference.shares(hour) for hour in range(len(reference.hours))] or [reference.shares()]
        counts = np.asarray(reference.counts, dtype=np.float64)
        tests = tests_of(counts, category=self.category)
        self.judge = Judge(counts, tests, reference.tau, self.limits.tolerance, reference.of_hours(), ordered=not self.category)
        self.past = Past(counts.size)
        self.pending = np.zeros(counts.size)
        self.pending_amount = 0.0
        self.since_s = self.start_s = self.evidence = None
        self.early.restart()
        self.new_names.clear()
        self.learner = learner_of(self.intake, self.bins)

    def anew(self, now_s: float, why: str) -> None:
        """Learn another reference and keep this one, because what it describes is no more; `why` for people."""
        self._keep_before(now_s)
        self.reference = self.judge = self.evidence = self.rows_s = self.begun_s = None
        if self.intake != "histogram":
            self.bins = None
        self.learner = learner_of(self.intake, self.bins)
        self.pending, self.pending_words, self.pending_amount = np.zeros(len(self.bins or ())), Counter(), 0.0
        self.past = Past(len(self.bins or ()))
        self.why_anew, self.why_blind, self.unfit, self.given, self.state = why, "", False, False, "learning"
        self.seen_rows = self.seen_missing = 0.0
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
        self.first_weeks = FirstWeeks(self.bins) if self.bins is not None else None
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
            self._look_at_shape()
            if self._over_checks < OVER_CHECKS:
                self.state = "drift"
                return
            self._close(now_s)
            self.evidence = self.judge.evidence(budget_checks)
        if self.evidence < EARLY:
            self._watched_checks = 0
        elif self._tells(now_s, self.evidence, budget_checks):
            return
        if self.past.total.sum() < FRESH_ROWS * self.reference.tau or self.quiet(now_s):
            self.state = "idle"
        else:
            self.state = "blind" if self.why_blind or self.one_bin() is not None else "stable"

    def _look_at_shape(self) -> None:
        """The shape of a drift is looked at after 30, 60, 120 ... checks: later the time of its beginning is kept too coarsely to tell."""
        self._drift_checks += 1
        if self.since_s is not None and self._drift_checks in SHAPE_AT and not self._jumped:
            self._fit_then = self._fit(self.since_s)

    def _tells(self, now_s: float, evidence: float, budget_checks: float) -> bool:
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
        why = self.first_weeks.why if self.first_weeks is not None else ""
        self._watched_checks = self._watched_checks + 1 if began_s is not None and why else 0
        looked = self._watched_checks <= LOOKED_AT or self._watched_checks % LOOKED_EVERY == 0
        if began_s is not None and why and looked:
            step_s = self._sudden_s(began_s, budget_checks)
            before = self._moods(step_s) if step_s is not None else NO_MOODS
            if before.tau > MORE * self.tau:
                self._worth_less(before.tau, budget_checks)
                return False
            self._in_moods = before.seen < LEAST_SEEN
            if step_s is not None and not self._in_moods:
                self._open(step_s, now_s)
                self._fit_then, self._jumped = Fitted("sudden", 0, 0.0), True
                return True
        if began_s is not None and why:
            self.state, self.why_watched = "watch", WHY_MOODS if self._in_moods else why
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
        self._fit_then, self._jumped, self._drift_checks = None, False, 0

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
        fit = self._fit_then or self._fit(self.since_s)
        up = self._up(rows, at)
        earlier = sum(one.up == up for one in self.closed)
        return kind_of(fit, earlier) or "sudden"

    def _sudden_s(self, since_s: float, budget_checks: float) -> float | None:
        """When what moved since a time has clearly jumped; None where it did not, or the jump alone is not worth an alarm."""
        at = self._telling(since_s)
        times, counts, _ = self.past.slots(since_s, SLOTS_BEFORE)
        if self.first_weeks is not None and times.size:  # a reference may have been learned a minute ago
            earlier, before = self.first_weeks.slots(float(times[0]) - NEAR * SLOW_S, float(times[0]))
            times, counts = np.concatenate([earlier, times]), np.concatenate([before, counts])
        fresh = times >= ((self.closed[-1].end_s or 0.0) if self.closed else 0.0)  # the jump of an earlier drift is another one
        times, counts = times[fresh], counts[fresh]
        level, rows = self._share(counts, at), counts.sum(axis=1)  # of what came itself: what is expected jumps from hour to hour
        share = float(level @ rows) / max(float(rows.sum()), 1.0)
        surely = SURELY + 2 * math.log(max(budget_checks * self.limits.every_s / MONTH_S, 1.0))  # the tail of a normal
        step_s = sudden_s(level, rows, times, SLOW_S, self.tau * share * (1 - share), surely)
        if step_s is None or effect(self.past.since(step_s), category=self.category).size < FLOOR:
            return None
        return step_s

    def _moods(self, until_s: float) -> Moods:
        """Whether rows came in moods before a jump: then it may be just another one."""
        weeks, reference = self.first_weeks, self.reference
        if weeks is None or reference is None:
            return NO_MOODS
        return weeks.moods(until_s, tests_of(np.asarray(reference.counts, dtype=np.float64), category=self.category))

    def _worth_less(self, tau: float, budget_checks: float) -> None:
        """A row is worth less than was learned: evidence begins anew."""
        weeks = self.first_weeks
        if self.reference is not None:
            self.learned(self.reference, tau)
            self.first_weeks = weeks
            self.evidence = self.judge.evidence(budget_checks) if self.judge else None

    def _telling(self, since_s: float) -> int:
        """The cut, or the category, that shows best what moved since a time."""
        return effect(self.past.since(since_s), category=self.category).at

    def _share(self, counts: Floats, at: int) -> Floats:
        """Share of the rows up to that cut, or in that category, one number a slot; 0 where there are none."""
        total, inside = counts.sum(axis=1), counts[:, at] if self.category else counts[:, : at + 1].sum(axis=1)
        share: Floats = np.divide(inside, total, out=np.zeros_like(total), where=total > 0)
        return share

    def _fit(self, since_s: float) -> Fitted:
        """The shape of a change at the cut (or in the category) that shows it best."""
        at = self._telling(since_s)
        times, counts, expected = self.past.slots(since_s, SLOTS_BEFORE)
        if not times.size:
            return Fitted("", 0, 1.0)
        return fitted(self._share(counts, at) - self._share(expected, at), counts.sum(axis=1), 0.0, times)

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


def _moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).astimezone().strftime("%d %b %H:%M")


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def new_share(signal: Signal, rows: Stretch) -> float:
    """Share of rows in categories that the reference never had."""
    if not signal.category or signal.bins is None or signal.bins.names[-1:] != [NEW] or rows.rows <= 0:
        return 0.0
    return float(rows.counts[-1] / rows.rows)
