"""All signals of this host, and the one budget of false alarms that they share."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift import kept, renewed, sentence, verdicts, weights
from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.carried_saved import SavedCarried
from tui_monitor.analyse.drift.expectations import Expectation
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.multivariate import methods, outliers
from tui_monitor.analyse.drift.offer import Offer
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.residual import Transform
from tui_monitor.analyse.drift.saved import Closed, Intake, Limits, Role, SavedSignal
from tui_monitor.analyse.drift.season import DAY_S
from tui_monitor.analyse.drift.signal import Signal
from tui_monitor.analyse.drift.together import SILENT_S, together
from tui_monitor.config import DriftSettings, PredictionSettings
from tui_monitor.model import Drift, clean, worst_first
from tui_monitor.vocabulary import seconds

if TYPE_CHECKING:
    from tui_monitor.analyse.drift.carried_rows import Carried

MAX_SIGNALS = 256
GONE_S = 7 * DAY_S  # a source that tells nothing for so long takes no part of the budget any more
SAVED_AS = 2
MOST_NOTES = 100

_T = TypeVar("_T")


class Saved(msgspec.Struct):
    """The room as it survives a restart."""

    schema: int
    signals: list[SavedSignal]
    expectations: dict[str, list[Expectation]] = {}
    smallest_shift: float | None = None  # that the evidence is against
    residuals: dict[str, Transform] = {}
    carried: dict[str, SavedCarried] = {}


class DriftRoom:
    """Takes cumulative counts at every scrape, checks at most once every `every`, and tells how each signal stands.

    The budget is for the whole host: each of n signals may raise a false alarm n times more seldom (rates add, whatever depends on what), those
    that matter more somewhat sooner than the others.
    """

    def __init__(self, settings: DriftSettings, importance: Mapping[str, float] | None = None) -> None:
        """`importance` is that of a file; what stands in the settings comes before it."""
        self._set(settings, importance or {})
        self._signals: dict[tuple[str, str], Signal] = {}
        self._checked_s: float | None = None
        self._behind: dict[str, float] = {}  # logs that are read from their past: source -> the check of its rows' own time
        self._offered: dict[tuple[str, str], Offer] = {}  # references of signals that have not come yet
        self._files: dict[str, str] = {}  # source -> the file that is its reference: what is not in it is learned
        self._why_learned: dict[tuple[str, str], str] = {}  # signals that should have been given a reference: why they were not
        self.expectations: dict[str, list[Expectation]] = {}  # of each log, learned or given
        self.residuals: dict[str, Transform] = {}  # of each log: what the errors of each sort of inputs are
        self._carried: dict[str, Carried] = {}  # of each log: which slices carry a change
        self._carried_before: dict[str, SavedCarried] = {}  # by an earlier engine
        self.left_out: set[tuple[str, str]] = set()  # signals over the bound
        self._failed: set[tuple[str, str]] = set()  # signals that cannot be judged because that raised: blind until they are new
        self._notes: list[str] = []  # what people are to be told

    def _set(self, settings: DriftSettings, importance: Mapping[str, float]) -> None:
        self._every_s = seconds(settings.every)
        self._budget_s = seconds(settings.false_alarm_every)
        self._limits = Limits(seconds(settings.learn), self._every_s, settings.smallest_shift)
        self._importance = (settings.importance, importance)

    def renew(self, settings: DriftSettings, importance: Mapping[str, float] | None = None) -> int:
        """Other limits, budget and importances; nothing that was learned is lost, and signals whose judging raised are tried anew.

        Returns:
            Of how many signals the evidence begins anew, because another shift is the smallest worth knowing.
        """
        self._set(settings, importance or {})
        for source, name in list(self._failed):
            self.drop(source, name)
        return sum(renewed.renew(signal, self._limits, self._checked_s or signal.seen_s) for signal in self._signals.values())

    @property
    def failed(self) -> int:
        """Signals whose judging raised."""
        return len(self._failed)

    def notes(self) -> list[str]:
        """What people are to be told since the last call."""
        said, self._notes = self._notes, []
        return said

    def observe(
        self,
        at_s: float,
        source: str,
        signal: str,
        role: Role | str,
        edges: Sequence[float],
        cumulative: Sequence[float],
        categories: Sequence[str] | None = None,
        amount: float | None = None,
    ) -> None:
        """The counts of one signal as they stand.

        Args:
            at_s: when they were read.
            source: the target's name.
            signal: as exposed.
            role: input, output, latency ...
            edges: finite upper bounds of the buckets; ignored for categories.
            cumulative: since the source began: rows at or below each edge, then all rows; for categories the rows of each.
            categories: set for a signal of categories: their names, in the order of `cumulative`.
            amount: the sum of all values since the source began, where it tells that.
        """
        key = (source, signal)
        known = self._signals.get(key)
        intake: Intake = "categories" if categories is not None else "histogram"
        if known is not None and (
            known.intake != intake or (intake == "histogram" and known.bins is not None and known.bins.edges != list(edges))
        ):
            known = self._put(key, Signal(source, signal, _role(role), self._limits, intake, edges=edges))
            known.why_anew = "its buckets changed"
        known = known or self._new(key, lambda: Signal(source, signal, _role(role), self._limits, intake, edges=edges))
        if known is not None:
            self._take(key, at_s, lambda known: known.observe(at_s, cumulative, categories, amount))

    def rows(self, source: str, at_s: Floats, columns: Mapping[str, tuple[Role | str, NDArray[Any], NDArray[np.bool_]]]) -> None:
        """New rows of a prediction log.

        Args:
            source: the log's name.
            at_s: their times.
            columns: name -> (role, values of the rows that have one, which rows those are).
        """
        for name, (role, values, there) in columns.items():
            known = self._signals.get((source, name))
            known = known or self._new((source, name), lambda name=name, role=role: Signal(source, name, _role(role), self._limits, "rows"))  # type: ignore[misc]
            if known is not None and at_s.size:
                self._take((source, name), float(at_s.max()), lambda known, values=values, there=there: _came(known, at_s, values, there))  # type: ignore[misc]

    def carry(self, settings: PredictionSettings, work: Callable[[Carried], _T]) -> _T | None:
        """Something to do with the slices of one log; what raises there ends nothing but that it is told which of them carry a change."""
        known = self._carried.get(settings.name)
        if known is None or known.settings != settings:
            from tui_monitor.analyse.drift.carried_rows import Carried  # takes half as long to load as all of the rest: for logs only

            before = known.dump() if known is not None else self._carried_before.pop(settings.name, None)
            known = self._carried[settings.name] = Carried(settings, before)
        if known.failed:
            return None
        try:
            return work(known)
        except Exception as error:  # noqa: BLE001 - whatever it is, the signals are judged on
            known.failed = clean(f"{type(error).__name__}: {error}")
        if len(self._notes) < MOST_NOTES:
            self._notes.append(f"drift: which slices of {clean(settings.name, 60)} carry a change is not told any more: {known.failed}")
        return None

    def _look_at_slices(self, sources: Collection[str]) -> None:
        for known in list(self._carried.values()):
            if known.settings.name in sources:
                signals = self._of(known.settings.name)
                self.carry(known.settings, lambda known, signals=signals: known.look(signals))  # type: ignore[misc]

    def counted(
        self, source: str, at_s: float, name: str, role: Role | str, labels: Sequence[str], counts: Sequence[float], usual: Reference
    ) -> None:
        """Rows that are counted by what holds for them (`missing`, `there`); `usual` is what to expect."""
        known = self._signals.get((source, name))
        bins = Bins("category", names=list(labels))
        known = known or self._new(
            (source, name), lambda: Signal(source, name, _role(role), self._limits, "histogram", bins=bins, reference=usual)
        )
        if known is not None and known.bins is not None and len(known.bins) == len(counts):
            self._take((source, name), at_s, lambda known: known.add(at_s, np.asarray(counts, dtype=np.float64)))

    def has(self, source: str, name: str) -> bool:
        """Whether there is such a signal."""
        return (source, name) in self._signals

    def drifts(self, source: str, name: str) -> bool:
        """Whether there is such a signal, and it is in drift."""
        known = self._signals.get((source, name))
        return known is not None and known.since_s is not None

    def catch_up(self, source: str, end_s: float) -> None:
        """Check the signals of one log at a time of its own rows, while what it holds is read from its past.

        Until `caught_up` they are left alone by `check`. A time that is not a whole `every` after the last one is no check.
        """
        last_s = self._behind.get(source, -math.inf)
        if end_s - last_s < self._every_s * 0.999:
            return
        self._behind[source] = end_s
        budgets = self._budgets()
        for signal in self._of(source):
            if _of_log(signal):
                self._judge((signal.source, signal.name), end_s, budgets)
        self._look_at_slices((source,))

    def caught_up(self, source: str) -> None:
        """The rows of this log are of now."""
        self._behind.pop(source, None)

    def _of(self, source: str) -> list[Signal]:
        return [signal for key, signal in self._signals.items() if key[0] == source]

    def _budgets(self) -> dict[tuple[str, str], float]:
        """The time of one false alarm of each signal that has a share of the budget."""
        importance = {key: value for key in self._signals if (value := weights.importance_of(self._importance, key)) is not None}
        roles = {key: "" if key[1] in _WHOLE_ROWS else signal.role for key, signal in self._signals.items()}
        weighed = weights.weights(roles, importance)
        return weights.split(self._budget_s, {key: weight for key, weight in weighed.items() if not self._signals[key].unfit})

    def _judge(self, key: tuple[str, str], now_s: float, budgets: Mapping[tuple[str, str], float]) -> None:
        if key not in self._failed:
            checks = max(1.0, budgets.get(key, self._budget_s) / self._every_s)
            self._within(key, lambda signal: signal.check(now_s, checks))

    def _take(self, key: tuple[str, str], at_s: float, take: Callable[[Signal], None]) -> None:
        """Rows for a signal; one that failed only shows that its source is there."""
        if key in self._failed:
            self._signals[key].seen_s = at_s
        else:
            self._within(key, take)

    def _within(self, key: tuple[str, str], work: Callable[[Signal], _T]) -> _T | None:
        """The border between signals: what raises in one ends nothing but that one, which is blind from then on, and is told once."""
        signal = self._signals[key]
        try:
            return work(signal)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other signals are judged on
            why = clean(f"{type(error).__name__}: {error}")
        self._put(key, renewed.failed(signal, why))
        self._failed.add(key)
        if len(self._notes) < MOST_NOTES:
            self._notes.append(f"drift: {clean(key[1], 80)} of {clean(key[0], 60)} is not judged any more: {why}")
        return None

    def _put(self, key: tuple[str, str], signal: Signal) -> Signal:
        self._signals[key] = signal
        self._failed.discard(key)
        return signal

    def deployed(self, source: str, version: str, now_s: float, *, logs: bool) -> int:
        """Another version of a model serves: learn what is usual of it, and keep what was; returns how many signals learn anew.

        Args:
            source: target or log.
            version: for people.
            now_s: since when.
            logs: whether a log tells it, or a server.
        """
        learn = [
            signal
            for signal in self._of(source)
            if _of_log(signal) == logs and not signal.given and (signal.reference is not None or signal.unfit)
        ]
        if logs and (known := self._carried.get(source)) is not None:
            self.carry(known.settings, lambda known: known.anew())
        for signal in learn:
            signal.anew(now_s, f"version {clean(version, 40)} since {sentence.clock(now_s, now_s)}")
            self._failed.discard((source, signal.name))
        return len(learn)

    def back(self, source: str, signal: str, now_s: float) -> str:
        """The reference before this one holds again; returns why not, or nothing."""
        known = self._signals.get((source, signal))
        said = known.back(now_s) if known else f"there is no signal {signal} of {source}"
        if not said:
            self._failed.discard((source, signal))
        return said

    def expire(self, now_s: float, present: Collection[str]) -> list[str]:
        """Forget the sources that are gone for long, so that the budget is shared by what is there; returns which."""
        newest: dict[str, float] = {}
        for (source, _), signal in self._signals.items():
            newest[source] = max(newest.get(source, 0.0), signal.seen_s)
        gone = [source for source, seen_s in newest.items() if source not in present and now_s - seen_s > GONE_S]
        for source in gone:
            self.forget(source)
        return gone

    def _new(self, key: tuple[str, str], make: Callable[[], Signal]) -> Signal | None:
        if len(self._signals) >= MAX_SIGNALS:
            if len(self.left_out) < MAX_SIGNALS:
                self.left_out.add(key)
            return None
        made = make()
        offer = self._offered.pop(key, None)
        if offer is not None and offer.intake == made.intake and (made.intake != "histogram" or made.bins == offer.bins):
            made = offer.signal(key, made.role, self._limits)
        elif offer is not None:
            made.why_anew = f"{offer.reference.origin} has other buckets"
        elif key in self._why_learned:
            made.why_anew = self._why_learned.pop(key)
        elif key[0] in self._files and made.intake == "rows":
            made.why_anew = f"not in {self._files[key[0]]}"
        self._signals[key] = made
        return made

    def give(self, source: str, signal: str, role: Role | str, bins: Bins, reference: Reference, intake: Intake = "rows") -> None:
        """Give a signal its reference instead of learning it."""
        known = self._signals.get((source, signal))
        if known is None and len(self._signals) >= MAX_SIGNALS:
            self.left_out.add((source, signal))
            return
        self._put((source, signal), Signal(source, signal, _role(role), self._limits, intake, bins=bins, reference=reference))

    def offer(
        self,
        source: str,
        signal: str,
        bins: Bins,
        reference: Reference,
        intake: Intake = "rows",
        *,
        timed: bool = True,
        brief: bool = False,
    ) -> str:
        """A reference for a signal, now or when its first rows come; returns why it does not fit, or nothing.

        Args:
            source: target or log.
            signal: as exposed, or the column.
            bins: of the reference.
            reference: what is usual.
            intake: how its rows come.
            timed: whether the order of its rows in time was known; else how they cluster is learned from the first that come.
            brief: whether it was not given but learned, in less than a day.
        """
        key, made = (source, signal), Offer(bins, reference, intake, timed, brief)
        known = self._signals.get(key)
        if known is None:
            if len(self._offered) < MAX_SIGNALS:
                self._offered[key] = made
            return ""
        if known.intake != intake or (intake == "histogram" and known.bins != bins):
            return f"{signal}: {reference.origin} has other buckets than it has now"
        nothing = known.reference is None and known.untimed is None
        if (
            known.offered != made.key or nothing
        ):  # else it is the same as before a restart: its evidence stands, or that somebody has pinned another
            self._put(key, made.signal(key, known.role, self._limits))
        return ""

    def reference_file(self, source: str, name: str) -> None:
        """Columns of a source that this file does not have say so while they learn."""
        self._files[source] = name

    def not_given(self, source: str, signal: str, why: str) -> None:
        """A reference that was asked for cannot be had: it is learned, and the signal tells why."""
        known = self._signals.get((source, signal))
        if known is not None and known.reference is None:
            known.why_anew = why
        elif known is None and len(self._why_learned) < MAX_SIGNALS:
            self._why_learned[source, signal] = why

    def reference(self, source: str, signal: str, role: Role | str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Give a histogram its reference: counts per bin (`len(edges) + 1`).

        Raises:
            ValueError: bins do not fit the edges, or there are no rows.
        """
        if len(counts) != len(edges) + 1 or not sum(counts) > 0:
            raise ValueError(f"{signal}: {len(counts)} counts for {len(edges)} edges, {sum(counts):g} rows")
        self.give(source, signal, role, Bins("numeric", edges=list(edges)), Reference(list(counts), origin="given"), "histogram")

    def forget(self, source: str) -> None:
        """A source is no more: its signals take no part of the budget."""
        for key in [key for key in self._signals if key[0] == source]:
            del self._signals[key]
        self.left_out = {key for key in self.left_out if key[0] != source}
        self._failed = {key for key in self._failed if key[0] != source}
        self._behind.pop(source, None)
        self.expectations.pop(source, None)
        self.residuals.pop(source, None)
        self._carried.pop(source, None)

    def drop(self, source: str, signal: str) -> None:
        """A signal that is measured in another way from now on: it learns anew."""
        self._signals.pop((source, signal), None)
        self._failed.discard((source, signal))

    def pin(self, source: str, signal: str) -> str:
        """What a signal shows now becomes its reference; returns why not, or nothing."""
        known = self._signals.get((source, signal))
        if (source, signal) in self._failed and known is not None:
            return f"{signal}: {known.why_blind}"
        return known.pin() if known else f"there is no signal {signal} of {source}"

    def check(self, now_s: float) -> bool:
        """Judge every signal, if the last time is long enough ago; returns whether it was."""
        if self._checked_s is not None and 0 <= now_s - self._checked_s < self._every_s * 0.999:
            return False
        self._checked_s = now_s
        budgets = self._budgets()
        for key, signal in self._signals.items():
            if key[0] not in self._behind or not _of_log(signal):
                self._judge(key, now_s, budgets)
        self._look_at_slices(self._carried.keys() - self._behind.keys())
        return True

    def verdicts(self, now_s: float) -> list[Drift]:
        """Every signal, the worst first."""
        budgets = self._budgets()
        made = [self._verdict(key, now_s, budgets) for key in self._signals]
        silent = {key for key, signal in self._signals.items() if now_s - signal.seen_s > SILENT_S}
        return worst_first(together(made, silent))

    def _verdict(self, key: tuple[str, str], now_s: float, budgets: Mapping[tuple[str, str], float]) -> Drift:
        told = self._within(key, lambda signal: verdicts.verdict(signal, now_s)) or verdicts.verdict(self._signals[key], now_s)
        budget_s = budgets.get(key) if not self._signals[key].unfit else None
        log = self._carried.get(key[0]) if told.state in ("drift", "watch") else None
        carries = self.carry(log.settings, lambda log: log.carriers(self._signals[key])) if log is not None else None
        return msgspec.structs.replace(
            told,
            slices=carries or [],
            importance=weights.importance_of(self._importance, key),
            budget_days=budget_s / DAY_S if budget_s is not None else None,
        )

    def episodes(self, end_s: float | None = None) -> list[Closed]:
        """Every drift that was, and those that are on, by the check that raised them."""
        known = [one for signal in self._signals.values() for one in (*signal.closed, signal.episode(end_s)) if one is not None]
        return sorted(known, key=lambda one: (one.start_s, one.source, one.signal))

    @property
    def signals(self) -> int:
        """How many signals share the budget."""
        return len(self._signals)

    def dump(self) -> bytes:
        """References and running evidence."""
        signals = [kept.dumped(signal) for key, signal in self._signals.items() if key not in self._failed]
        carried = self._carried_before | {name: known.dump() for name, known in self._carried.items()}
        return msgspec.msgpack.encode(Saved(SAVED_AS, signals, self.expectations, self._limits.tolerance, self.residuals, carried))

    def load(self, saved: bytes) -> bool:
        """Take up what `dump` gave; what cannot be read is learned anew.

        Returns:
            Whether everything could be read.
        """
        try:
            room = msgspec.msgpack.decode(saved, type=Saved)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return False
        if room.schema != SAVED_AS:
            return False
        complete = True
        self.expectations |= room.expectations
        self.residuals |= room.residuals
        self._carried_before |= room.carried
        for one in room.signals[:MAX_SIGNALS]:
            try:
                loaded = self._signals.setdefault((one.source, one.name), kept.loaded(one, self._limits))
            except ValueError:
                complete = False
                continue
            if room.smallest_shift not in (None, self._limits.tolerance):
                renewed.judge_anew(loaded, loaded.seen_s)
        return complete


_WHOLE_ROWS = frozenset((*methods.SIGNALS.values(), *outliers.SHARES.values()))  # inputs, all at once
_ROLES: tuple[Role, ...] = ("input", "output", "score", "performance", "latency", "quality")


def _of_log(signal: Signal) -> bool:
    """Whether its rows come from a prediction log: as values, or counted by what holds for them."""
    return signal.intake == "rows" or (signal.intake == "histogram" and signal.category)


def _came(signal: Signal, at_s: Floats, values: NDArray[Any], there: NDArray[np.bool_]) -> None:
    signal.came(float(at_s.max()), int(at_s.size), int(at_s.size - there.sum()))
    signal.rows(at_s[there], values)


def _role(text: str) -> Role:
    return next((role for role in _ROLES if role == text), "quality")
