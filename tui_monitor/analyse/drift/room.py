"""All signals of this host, and the one budget of false alarms that they share."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift import kept, sentence, verdicts
from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.expectations import Expectation
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.saved import Closed, Intake, Limits, Role, SavedSignal
from tui_monitor.analyse.drift.signal import Signal
from tui_monitor.analyse.drift.together import SILENT_S, together
from tui_monitor.config import DriftSettings
from tui_monitor.model import Drift, clean
from tui_monitor.vocabulary import seconds

MAX_SIGNALS = 256
GONE_S = 7 * 86_400.0  # a source that tells nothing for so long takes no part of the budget any more
SAVED_AS = 2


class Saved(msgspec.Struct):
    """The room as it survives a restart."""

    schema: int
    signals: list[SavedSignal]
    expectations: dict[str, list[Expectation]] = {}


class Offer(NamedTuple):
    """A reference that waits for its signal."""

    bins: Bins
    reference: Reference
    intake: Intake
    timed: bool

    @property
    def key(self) -> str:
        """Which reference it is: two of the same file are one."""
        return f"{self.reference.origin} {crc32(msgspec.msgpack.encode((self.bins, self.reference.counts))):08x}"


class DriftRoom:
    """Takes cumulative counts at every scrape, checks at most once every `every`, and tells how each signal stands.

    The budget is for the whole host: each of n signals may raise a false alarm n times more seldom (rates add, whatever depends on what).
    """

    def __init__(self, settings: DriftSettings) -> None:
        self._every_s = seconds(settings.every)
        self._budget_s = seconds(settings.false_alarm_every)
        self._limits = Limits(seconds(settings.learn), self._every_s, settings.smallest_shift)
        self._signals: dict[tuple[str, str], Signal] = {}
        self._checked_s: float | None = None
        self._importance = settings.importance
        self._behind: dict[str, float] = {}  # logs that are read from their past: source -> the check of its rows' own time
        self._offered: dict[tuple[str, str], Offer] = {}  # references of signals that have not come yet
        self._files: dict[str, str] = {}  # source -> the file that is its reference: what is not in it is learned
        self._why_learned: dict[tuple[str, str], str] = {}  # signals that should have been given a reference: why they were not
        self.expectations: dict[str, list[Expectation]] = {}  # of each log, learned or given
        self.left_out: set[tuple[str, str]] = set()  # signals over the bound

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
            self._signals[key] = known = Signal(source, signal, _role(role), self._limits, intake, edges=edges)
            known.why_anew = "its buckets changed"
        known = known or self._new(key, lambda: Signal(source, signal, _role(role), self._limits, intake, edges=edges))
        if known is not None:
            known.observe(at_s, cumulative, categories, amount)

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
            if known is not None:
                if at_s.size:
                    known.came(float(at_s.max()), int(at_s.size), int(at_s.size - there.sum()))
                known.rows(at_s[there], values)

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
            known.add(at_s, np.asarray(counts, dtype=np.float64))

    def has(self, source: str, name: str) -> bool:
        """Whether there is such a signal."""
        return (source, name) in self._signals

    def catch_up(self, source: str, end_s: float) -> None:
        """Check the signals of one log at a time of its own rows, while what it holds is read from its past.

        Until `caught_up` they are left alone by `check`. A time that is not a whole `every` after the last one is no check.
        """
        last_s = self._behind.get(source, -math.inf)
        if end_s - last_s < self._every_s * 0.999:
            return
        self._behind[source] = end_s
        for signal in self._of(source):
            if _of_log(signal):
                signal.check(end_s, self._budget_checks)

    def caught_up(self, source: str) -> None:
        """The rows of this log are of now."""
        self._behind.pop(source, None)

    def _of(self, source: str) -> list[Signal]:
        return [signal for key, signal in self._signals.items() if key[0] == source]

    @property
    def _budget_checks(self) -> float:
        judged = sum(not signal.unfit for signal in self._signals.values())
        return max(1.0, self._budget_s / self._every_s * max(1, judged))

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
        for signal in learn:
            signal.anew(now_s, f"version {clean(version, 40)} since {sentence.clock(now_s, now_s)}")
        return len(learn)

    def back(self, source: str, signal: str, now_s: float) -> str:
        """The reference before this one holds again; returns why not, or nothing."""
        known = self._signals.get((source, signal))
        return known.back(now_s) if known else f"there is no signal {signal} of {source}"

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
        if offer is not None and offer.intake == made.intake and (made.intake == "rows" or made.bins == offer.bins):
            made = self._of_offer(key, made.role, offer)
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
        self._signals[source, signal] = Signal(source, signal, _role(role), self._limits, intake, bins=bins, reference=reference)

    def offer(self, source: str, signal: str, bins: Bins, reference: Reference, intake: Intake = "rows", *, timed: bool = True) -> str:
        """A reference for a signal, now or when its first rows come; returns why it does not fit, or nothing.

        Args:
            source: target or log.
            signal: as exposed, or the column.
            bins: of the reference.
            reference: what is usual.
            intake: how its rows come.
            timed: whether the order of its rows in time was known; else how they cluster is learned from the first that come.
        """
        key, made = (source, signal), Offer(bins, reference, intake, timed)
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
            self._signals[key] = self._of_offer(key, known.role, made)
        return ""

    def _of_offer(self, key: tuple[str, str], role: Role, offer: Offer) -> Signal:
        if offer.timed:
            made = Signal(*key, role, self._limits, offer.intake, bins=offer.bins, reference=offer.reference)
            made.offered = offer.key
            return made
        made = Signal(*key, role, self._limits, offer.intake)
        made.offered = offer.key
        made.untimed = (offer.bins, offer.reference)
        made.why_anew = f"{offer.reference.origin} has no times: how rows cluster is learned first"
        return made

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
        self._behind.pop(source, None)
        self.expectations.pop(source, None)

    def drop(self, source: str, signal: str) -> None:
        """A signal that is measured in another way from now on: it learns anew."""
        self._signals.pop((source, signal), None)

    def pin(self, source: str, signal: str) -> str:
        """What a signal shows now becomes its reference; returns why not, or nothing."""
        known = self._signals.get((source, signal))
        return known.pin() if known else f"there is no signal {signal} of {source}"

    def check(self, now_s: float) -> bool:
        """Judge every signal, if the last time is long enough ago; returns whether it was."""
        if self._checked_s is not None and 0 <= now_s - self._checked_s < self._every_s * 0.999:
            return False
        self._checked_s = now_s
        budget_checks = self._budget_checks
        for (source, _), signal in self._signals.items():
            if source not in self._behind or not _of_log(signal):
                signal.check(now_s, budget_checks)
        return True

    def verdicts(self, now_s: float) -> list[Drift]:
        """Every signal, the worst first."""
        made = [self._weighed(verdicts.verdict(signal, now_s)) for signal in self._signals.values()]
        silent = {key for key, signal in self._signals.items() if now_s - signal.seen_s > SILENT_S}
        return sorted(together(made, silent), key=_badness)

    def _weighed(self, verdict: Drift) -> Drift:
        weight = self._importance.get(f"{verdict.source}/{verdict.signal}", self._importance.get(verdict.signal))
        return verdict if weight is None else msgspec.structs.replace(verdict, importance=weight)

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
        return msgspec.msgpack.encode(Saved(SAVED_AS, [kept.dumped(signal) for signal in self._signals.values()], self.expectations))

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
        for one in room.signals[:MAX_SIGNALS]:
            try:
                self._signals.setdefault((one.source, one.name), kept.loaded(one, self._limits))
            except ValueError:
                complete = False
        return complete


_ORDER = ("drift", "watch", "stable", "blind", "idle", "learning", "stale")
_ROLES: tuple[Role, ...] = ("input", "output", "score", "performance", "latency", "quality")


def _of_log(signal: Signal) -> bool:
    """Whether its rows come from a prediction log: as values, or counted by what holds for them."""
    return signal.intake == "rows" or (signal.intake == "histogram" and signal.category)


def _badness(verdict: Drift) -> tuple[int, float, float, str, str]:
    """Within a state by importance times effect where importances are given, else by evidence."""
    evidence = verdict.evidence if verdict.evidence is not None else -math.inf
    weighed = (verdict.importance or 0.0) * (verdict.effect or 0.0)
    return _ORDER.index(verdict.state), -weighed, -evidence, verdict.source, verdict.signal


def _role(text: str) -> Role:
    return next((role for role in _ROLES if role == text), "quality")
