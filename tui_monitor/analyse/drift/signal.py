"""One signal: learns its reference, then is judged at every check."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tui_monitor.analyse.drift import sentence
from tui_monitor.analyse.drift.judge import Floats, Judge, cuts, overdispersion, singles
from tui_monitor.analyse.drift.saved import Limits, Role, SavedSignal
from tui_monitor.analyse.histogram import quantile
from tui_monitor.model import Drift, Shares, SignalState, utc

LEAST_ROWS = 500  # of a reference: below, the shares themselves are noise
FRESH_ROWS = 100  # since the reference, before anything is said
RECENT_ROWS = 500  # the newest rows that stand for "now" while nothing moved
FLOOR = 0.05  # of the effect: what is certain but smaller is watched, not an alarm
EARLY = -1.0  # evidence this near to the budget, with an effect, is watched
MAX_SLOTS = 512
MAX_SNAPSHOTS = 256
MAX_CATEGORIES = 30
OTHER, NEW = "other", "new"


class Signal:
    """State of one signal, bounded: a reference, two hundred snapshots of counts, and the judge."""

    def __init__(self, source: str, name: str, role: Role, edges: Sequence[float], limits: Limits, *, category: bool) -> None:
        self.source = source
        self.name = name
        self.role: Role = role
        self.edges = list(edges)
        self.category = category
        self.names: list[str] = []  # categories in the order of the counts
        self.seen_s = 0.0  # last time its source told it
        self.rows_s: float | None = None  # last time there were new rows
        self.state: SignalState = "learning"
        self.why_anew = ""
        self._limits = limits
        self._before: dict[str, float] | Floats | None = None  # the cumulative counts of the last observation
        self._pending: Floats = np.zeros(self._bins)
        self._slots: list[Floats] = []
        self._begun_s: float | None = None
        self._checked_s: float | None = None
        self._reference: Floats | None = None
        self._tests: Floats = np.zeros((0, 0))
        self._tau = 1.0
        self._judge: Judge | None = None
        self._total: Floats = np.zeros(self._bins)  # rows since the reference
        self._snapshots: list[tuple[float, Floats]] = []  # (time, total then), oldest first
        self._since_s: float | None = None
        self._evidence: float | None = None

    @property
    def _bins(self) -> int:
        return len(self.names) if self.category else len(self.edges) + 1

    # -- what came ----------------------------------------------------------------------------------------------------------------------

    def observe(self, at_s: float, cumulative: Sequence[float], categories: Sequence[str] | None) -> None:
        """The counts since the source began; what was there before the first look, or fell since the last one, tells nothing."""
        self.seen_s = at_s
        if self._begun_s is None:
            self._begun_s = at_s
        if self.category:
            self._observe_categories(dict(zip(categories or (), cumulative, strict=True)))
            return
        now = np.diff(np.asarray(cumulative, dtype=np.float64), prepend=0.0)
        before = self._before
        if isinstance(before, np.ndarray):
            grown = now - before
            if (grown >= 0).all():  # else its source began anew: a new segment
                self._pending += grown
        self._before = now

    def _observe_categories(self, now: dict[str, float]) -> None:
        before = self._before
        if isinstance(before, dict):
            for name, count in now.items():
                grown = count - before.get(name, 0.0)
                if grown > 0:
                    place = self._place(name)
                    self._pending[place] += grown
        self._before = now

    def _place(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        if self._reference is not None:
            return len(self.names) - 1  # NEW
        self.names.append(name)
        self._pending = np.append(self._pending, 0.0)
        return len(self.names) - 1

    # -- a check ------------------------------------------------------------------------------------------------------------------------

    def check(self, now_s: float, budget_checks: float) -> None:
        """Judge what came since the last check. No new rows: no check."""
        counts, self._pending = self._pending, np.zeros(self._bins)
        since_s, self._checked_s = self._checked_s if self._checked_s is not None else (self._begun_s or now_s), now_s
        if counts.sum() > 0:
            self.rows_s = now_s
            if self._reference is None:
                self._learn(counts)
            else:
                self._snapshot(since_s)
                self._total = self._total + counts
                if self._judge is not None:
                    self._judge.update(counts, since_s)
        if self._reference is None:
            self._freeze(now_s)
        self._decide(now_s, budget_checks)

    def _learn(self, counts: Floats) -> None:
        self._slots.append(counts)
        if len(self._slots) > MAX_SLOTS:
            slots = self._padded()
            self._slots = list(slots[: len(slots) // 2 * 2].reshape(-1, 2, slots.shape[1]).sum(axis=1)) + list(slots[len(slots) // 2 * 2 :])

    def _padded(self) -> Floats:
        return np.asarray([np.pad(slot, (0, self._bins - slot.size)) for slot in self._slots]).reshape(len(self._slots), self._bins)

    def _freeze(self, now_s: float) -> None:
        """The reference is full: fix the categories, estimate tau, begin to judge."""
        if self._begun_s is None or now_s - self._begun_s < self._limits.learn_s or len(self._slots) < 2:
            return
        slots = self._padded()
        if slots.sum() < LEAST_ROWS:
            return
        if self.category:
            order = np.argsort(-slots.sum(axis=0), kind="stable")
            kept, rest = order[:MAX_CATEGORIES], order[MAX_CATEGORIES:]
            slots = np.column_stack([slots[:, kept], slots[:, rest].sum(axis=1), np.zeros(len(slots))])
            self.names = [*(self.names[i] for i in kept), OTHER, NEW]
            self._pending = np.zeros(self._bins)
        self._slots = []
        self.learned(slots)

    def learned(self, slots: Floats) -> None:
        """Take a reference: counts per slot of time (one slot where only the sum is known)."""
        self._reference = slots.sum(axis=0)
        self._tests = singles(self._reference) if self.category else cuts(self._reference)
        self._tau = overdispersion(slots, self._tests)
        self._judge = Judge(self._reference, self._tests, self._tau, self._limits.tolerance)
        self._total = np.zeros(self._bins)
        self._snapshots = []
        self._since_s = None

    def pin(self) -> str:
        """Take the rows since the change (or the newest ones) as the reference; returns why not, or nothing."""
        change_s = self._since_s if self._since_s is not None else self._judge.change_s if self._judge else None
        rows = self._since(change_s) if change_s is not None else self._recent()[1]
        if self._reference is None or rows.sum() < LEAST_ROWS:
            return f"{self.name} has {rows.sum():.0f} rows since the change, {LEAST_ROWS} are needed for a reference"
        tau = self._tau
        self.learned(rows[None, :])
        self._tau = max(tau, self._tau)  # one sum tells nothing of how the rows depend on each other
        self._judge = Judge(rows, self._tests, self._tau, self._limits.tolerance)
        self.state = "idle"
        return ""

    def _snapshot(self, at_s: float) -> None:
        self._snapshots.append((at_s, self._total))
        if len(self._snapshots) > MAX_SNAPSHOTS:
            half = MAX_SNAPSHOTS // 2
            self._snapshots = self._snapshots[:half:2] + self._snapshots[half:]

    # -- what it means ------------------------------------------------------------------------------------------------------------------

    def _decide(self, now_s: float, budget_checks: float) -> None:
        if self._reference is None or self._judge is None:
            self.state = "learning"
            return
        self._evidence = evidence = self._judge.evidence(budget_checks)
        if self._since_s is not None:
            if self._over():
                self._judge.restart()
                self._since_s = None
            else:
                self.state = "drift"
                return
        change_s = self._judge.change_s
        recent_s, recent = self._recent()
        since = self._since(change_s) if change_s is not None else recent
        enough = since.sum() >= FRESH_ROWS
        effect = self._effect(since)[0]
        noise = 1.4 / np.sqrt(max(recent.sum() / self._tau, 1.0))  # a small sample's largest difference
        if evidence >= 0 and enough and effect >= FLOOR:
            self.state, self._since_s = "drift", change_s if change_s is not None else recent_s
        elif evidence >= 0 and self._effect(recent)[0] >= FLOOR + noise:
            self.state, self._since_s = "drift", recent_s
        elif evidence >= 0 or (evidence >= EARLY and enough and effect >= FLOOR):
            self.state = "watch"
        elif self._total.sum() < FRESH_ROWS * self._tau or self._quiet(now_s):
            self.state = "idle"
        else:
            self.state = "blind" if self._one_bucket() is not None else "stable"

    def _over(self) -> bool:
        """Whether the newest rows look like the reference again."""
        recent_s, recent = self._recent()
        if self._since_s is None or recent_s < self._since_s or recent.sum() < RECENT_ROWS * self._tau:
            return False
        return self._effect(recent)[0] < max(FLOOR, self._effect(self._since(self._since_s))[0] / 2)

    def _quiet(self, now_s: float) -> bool:
        return self.rows_s is None or now_s - self.rows_s > max(10 * self._limits.every_s, 60.0)

    def _one_bucket(self) -> int | None:
        if self._reference is None or self.category:
            return None
        share = self._reference / self._reference.sum()
        return int(share.argmax()) if share.max() >= 0.99 else None

    def _since(self, at_s: float) -> Floats:
        """Counts of the rows since a time."""
        before = next((total for then_s, total in reversed(self._snapshots) if then_s <= at_s), None)
        if before is None:
            before = self._snapshots[0][1] if self._snapshots else np.zeros(self._bins)
        return self._total - before

    def _recent(self) -> tuple[float, Floats]:
        """The newest rows, some hundreds, and since when they came."""
        least = RECENT_ROWS * self._tau
        for then_s, total in reversed(self._snapshots):
            rows = self._total - total
            if rows.sum() >= least:
                return then_s, rows
        return (self._snapshots[0][0] if self._snapshots else self._checked_s or 0.0), self._total

    def _effect(self, counts: Floats) -> tuple[float, int]:
        """The largest difference of the distribution functions at an edge (or of a category's share), and where it is."""
        if self._reference is None or counts.sum() <= 0:
            return 0.0, 0
        reference, now = self._reference / self._reference.sum(), counts / counts.sum()
        if not self.category:
            reference, now = np.cumsum(reference)[:-1], np.cumsum(now)[:-1]
        if not reference.size:
            return 0.0, 0
        difference = np.abs(reference - now)
        at = int(difference.argmax())
        return float(difference[at]), at

    # -- the verdict --------------------------------------------------------------------------------------------------------------------

    def verdict(self, now_s: float) -> Drift:
        """How it stands."""
        test, bound = ("L-infinity", "=") if self.category else ("KS", ">=")
        state = self.state
        if now_s - self.seen_s > max(self._limits.every_s, 30.0):
            state = "stale"
        if self._reference is None:
            rows = sum(float(slot.sum()) for slot in self._slots) + float(self._pending.sum())
            passed_s = max(0.0, now_s - (self._begun_s if self._begun_s is not None else now_s))
            said = sentence.learning(rows, LEAST_ROWS, passed_s, self._limits.learn_s)
            said = f"{self.why_anew}; {said}" if self.why_anew else said
            progress = min(rows / LEAST_ROWS, passed_s / self._limits.learn_s if self._limits.learn_s else 1.0, 1.0)
            return Drift(
                signal=self.name, source=self.source, role=self.role, state=state, since=None, test=test, effect=None, bound=bound, p=None,
                n_reference=round(rows), n_now=0, evidence=None, progress=progress,
                sentence=sentence.silent(sentence.clock(self.seen_s, now_s)) if state == "stale" else said,
            )  # fmt: skip
        change_s = self._since_s if self.state == "drift" else self._judge.change_s if self.state == "watch" and self._judge else None
        now = self._since(change_s) if change_s is not None else self._recent()[1]
        effect, at = self._effect(now)
        rows = float(now.sum())
        return Drift(
            signal=self.name,
            source=self.source,
            role=self.role,
            state=state,
            since=utc(change_s) if change_s is not None else None,
            test=test,
            effect=effect if rows else None,
            bound=bound,
            p=None,
            n_reference=round(float(self._reference.sum())),
            n_now=round(rows),
            evidence=self._evidence,
            sentence=self._sentence(now_s, state, change_s, now, effect, at),
            quantiles=self._quantiles(now),
            shares=self._shares(now),
        )

    def _sentence(self, now_s: float, state: SignalState, change_s: float | None, now: Floats, effect: float, at: int) -> str:
        reference = self._reference
        if state == "stale" or reference is None:
            return sentence.silent(sentence.clock(self.seen_s, now_s))
        if state in ("drift", "watch") and now.sum() > 0:
            since = sentence.clock(change_s if change_s is not None else now_s, now_s)
            was, is_now = reference / reference.sum(), now / now.sum()
            if self.category:
                return sentence.changed(self.name, since, self.names[at], float(was[at]), float(is_now[at]))
            return sentence.moved(self.name, since, self.edges, at, float(was[: at + 1].sum()), float(is_now[: at + 1].sum()))
        if state == "idle":
            if self._quiet(now_s) and self.rows_s is not None:
                return sentence.quiet(sentence.clock(self.rows_s, now_s))
            return sentence.waiting(float(self._total.sum()), FRESH_ROWS * self._tau)
        bucket = self._one_bucket()
        if state == "blind" and bucket is not None:
            low = sentence.number(self.edges[bucket - 1], "") if bucket else "0"
            return sentence.blind(f"{low} … {sentence.number(self.edges[bucket], self.name) if bucket < len(self.edges) else 'more'}")
        return sentence.same("L-infinity" if self.category else "KS", "=" if self.category else ">=", effect, now.sum(), reference.sum())

    def _quantiles(self, now: Floats) -> dict[str, tuple[float | None, float | None]]:
        if self.category or self._reference is None:
            return {}

        def at(q: float, counts: Floats) -> float | None:
            reached = quantile(q, zip([*self.edges, float("inf")], np.cumsum(counts).tolist(), strict=True))
            return None if reached is None else reached.value

        return {key: (at(q, self._reference), at(q, now)) for key, q in (("p50", 0.5), ("p95", 0.95))}

    def _shares(self, now: Floats) -> Shares | None:
        if self.category or self._reference is None or now.sum() <= 0:
            return None
        return Shares(self.edges, (self._reference / self._reference.sum()).tolist(), (now / now.sum()).tolist())

    # -- over a restart -----------------------------------------------------------------------------------------------------------------

    def dump(self) -> SavedSignal:
        """What must survive."""
        judge = self._judge
        return SavedSignal(
            source=self.source,
            name=self.name,
            role=self.role,
            edges=self.edges,
            categories=self.names if self.category else None,
            reference=None if self._reference is None else self._reference.tolist(),
            tau=self._tau,
            slots=self._padded().tolist(),
            begun_s=self._begun_s,
            state=self.state,
            since_s=self._since_s,
            total=self._total.tolist(),
            snapshots=[(at_s, total.tolist()) for at_s, total in self._snapshots],
            log_e=[] if judge is None else judge.log_e.ravel().tolist(),
            log_run=[] if judge is None else judge.log_run.ravel().tolist(),
            run_s=[] if judge is None else judge.run_s.ravel().tolist(),
            rows_s=self.rows_s,
        )

    @classmethod
    def load(cls, saved: SavedSignal, limits: Limits) -> Signal:
        """A signal as `dump` left it; the next observation begins a new segment.

        Raises:
            ValueError: what was saved does not fit together.
        """
        signal = cls(saved.source, saved.name, saved.role, saved.edges, limits, category=saved.categories is not None)
        signal.names = list(saved.categories or [])
        signal._pending = np.zeros(signal._bins)
        signal._restore(saved)
        return signal

    def _restore(self, saved: SavedSignal) -> None:
        self._slots = [np.asarray(slot, dtype=np.float64) for slot in saved.slots]
        self._begun_s, self.rows_s = saved.begun_s, saved.rows_s
        if saved.reference is None:
            return
        reference = np.asarray(saved.reference, dtype=np.float64)
        if reference.size != self._bins or len(saved.total) != self._bins or not reference.sum() > 0:
            raise ValueError(f"{saved.name}: reference and layout differ")
        self.learned(reference[None, :])
        self._tau = max(1.0, saved.tau)
        judge = Judge(reference, self._tests, self._tau, self._limits.tolerance)
        if len(saved.log_e) == len(saved.log_run) == len(saved.run_s) == judge.log_e.size:
            shape = judge.log_e.shape
            judge.log_e = np.asarray(saved.log_e, dtype=np.float64).reshape(shape)
            judge.log_run = np.asarray(saved.log_run, dtype=np.float64).reshape(shape)
            judge.run_s = np.asarray(saved.run_s, dtype=np.float64).reshape(shape)
        self._judge = judge
        self._total = np.asarray(saved.total, dtype=np.float64)
        self._snapshots = [(at_s, np.asarray(total, dtype=np.float64)) for at_s, total in saved.snapshots]
        self.state, self._since_s = saved.state, saved.since_s


def equal_layout(signal: Signal, edges: Sequence[float], *, category: bool) -> bool:
    """Whether a signal's counts still mean the same."""
    return signal.category == category and (category or signal.edges == list(edges))
