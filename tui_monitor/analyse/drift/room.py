"""All signals of this host, and the one budget of false alarms that they share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift import verdicts
from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.saved import Closed, Intake, Limits, Role, SavedSignal
from tui_monitor.analyse.drift.signal import Signal
from tui_monitor.config import DriftSettings
from tui_monitor.model import Drift
from tui_monitor.vocabulary import seconds

MAX_SIGNALS = 256
SAVED_AS = 2


class Saved(msgspec.Struct):
    """The room as it survives a restart."""

    schema: int
    signals: list[SavedSignal]


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
                known.rows(at_s[there], values)

    def _new(self, key: tuple[str, str], make: Callable[[], Signal]) -> Signal | None:
        if len(self._signals) >= MAX_SIGNALS:
            if len(self.left_out) < MAX_SIGNALS:
                self.left_out.add(key)
            return None
        made = self._signals[key] = make()
        return made

    def give(self, source: str, signal: str, role: Role | str, bins: Bins, reference: Reference, intake: Intake = "rows") -> None:
        """Give a signal its reference instead of learning it."""
        known = self._signals.get((source, signal))
        if known is None and len(self._signals) >= MAX_SIGNALS:
            return
        self._signals[source, signal] = Signal(source, signal, _role(role), self._limits, intake, bins=bins, reference=reference)

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

    def pin(self, source: str, signal: str) -> str:
        """What a signal shows now becomes its reference; returns why not, or nothing."""
        known = self._signals.get((source, signal))
        return known.pin() if known else f"there is no signal {signal} of {source}"

    def check(self, now_s: float) -> None:
        """Judge every signal, if the last time is long enough ago."""
        if self._checked_s is not None and 0 <= now_s - self._checked_s < self._every_s * 0.999:
            return
        self._checked_s = now_s
        budget_checks = max(1.0, self._budget_s / self._every_s * max(1, len(self._signals)))
        for signal in self._signals.values():
            signal.check(now_s, budget_checks)

    def verdicts(self, now_s: float) -> list[Drift]:
        """Every signal, the worst first."""
        return sorted((verdicts.verdict(signal, now_s) for signal in self._signals.values()), key=_badness)

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
        return msgspec.msgpack.encode(Saved(SAVED_AS, [signal.dump() for signal in self._signals.values()]))

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
        for one in room.signals[:MAX_SIGNALS]:
            try:
                self._signals.setdefault((one.source, one.name), Signal.load(one, self._limits))
            except ValueError:
                complete = False
        return complete


_ORDER = ("drift", "watch", "stable", "blind", "idle", "learning", "stale")
_ROLES: tuple[Role, ...] = ("input", "output", "score", "performance", "latency", "quality")


def _badness(verdict: Drift) -> tuple[int, float, str, str]:
    evidence = verdict.evidence if verdict.evidence is not None else -math.inf
    return _ORDER.index(verdict.state), -evidence, verdict.source, verdict.signal


def _role(text: str) -> Role:
    return next((role for role in _ROLES if role == text), "quality")
