"""The charts' past in memory: each number at two resolutions, in rings of fixed size."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable

from tui_monitor.model import History, HistoryQuery, Metrics
from tui_monitor.vocabulary import VOCABULARY

FINE_S = 1800.0  # how far the ring of single ticks reaches
COARSE_STEP_S = 30.0
COARSE_S = 86400.0
EXPECTED = (" expected", " expected.low", " expected.high")  # ends of keys that are put once a minute
EXPECTED_STEP_S = 60.0
MAX_SERIES = 4000


class _Ring:
    """Values by slot of time; a slot that was never written, or long ago, is a gap."""

    __slots__ = ("newest", "size", "step_s", "values")

    def __init__(self, step_s: float, span_s: float) -> None:
        self.step_s, self.size = step_s, max(2, round(span_s / step_s))
        self.values = array("f", [math.nan]) * self.size
        self.newest = -1

    def put(self, at_s: float, value: float, *, worst: bool) -> None:
        slot = int(at_s / self.step_s)
        if slot > self.newest:
            first = max(self.newest + 1, slot - self.size + 1) if self.newest >= 0 else slot
            for skipped in range(first, slot):
                self.values[skipped % self.size] = math.nan
            self.newest = slot
            self.values[slot % self.size] = value
        elif slot <= self.newest - self.size:  # the clock was set back by more than the ring holds: it begins anew
            self.values = array("f", [math.nan]) * self.size
            self.newest = slot
            self.values[slot % self.size] = value
        else:
            before = self.values[slot % self.size]
            self.values[slot % self.size] = max(before, value) if worst and not math.isnan(before) else value

    def between(self, start_s: float, end_s: float) -> list[float]:
        """The known values of slots that begin in [start, end)."""
        low = max(math.ceil(start_s / self.step_s), self.newest - self.size + 1, 0)
        high = min(math.ceil(end_s / self.step_s) - 1, self.newest)
        values = (self.values[slot % self.size] for slot in range(low, high + 1))
        return [value for value in values if not math.isnan(value)]


class Rings:
    """Every number's past, by (subject, key). Bounded: what comes after MAX_SERIES is counted, not kept."""

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._rings: dict[tuple[str, str], tuple[_Ring, _Ring]] = {}
        self.left_out = 0

    def put(self, at_s: float, subject: str, metrics: Metrics) -> None:
        """Keep the numbers that are known; what is unknown leaves a gap."""
        for key, value in metrics.items():
            if value is None:
                continue
            pair = self._rings.get((subject, key))
            if pair is None:
                if len(self._rings) >= MAX_SERIES:
                    self.left_out += 1
                    continue
                pair = self._rings[subject, key] = (
                    (_Ring(EXPECTED_STEP_S, FINE_S), _Ring(EXPECTED_STEP_S, COARSE_S))
                    if key.endswith(EXPECTED)
                    else (_Ring(self._tick_s, FINE_S), _Ring(COARSE_STEP_S, COARSE_S))
                )
            pair[0].put(at_s, value, worst=False)
            pair[1].put(at_s, value, worst=never_averaged(key))

    def back_fill(self, subject: str, key: str, samples: Iterable[tuple[float, float]], step_s: float) -> None:
        """Numbers from before we watched, in order of time, each true of the `step_s` before it; they never replace what was seen here."""
        pair = self._rings.pop((subject, key), None)
        for at_s, value in samples:
            slots = max(1, min(int(step_s / self._tick_s), 60))
            for back in range(slots - 1, -1, -1):
                self.put(at_s - back * self._tick_s, subject, {key: value})
        if pair is None:
            return
        seen = pair[0]
        for slot in range(max(0, seen.newest - seen.size + 1), seen.newest + 1):
            value = seen.values[slot % seen.size]
            if not math.isnan(value):
                self.put(slot * seen.step_s, subject, {key: value})

    def query(self, query: HistoryQuery) -> History:
        """A chart's columns: rates and gauges as the mean of the column, latencies and fill levels as its worst value."""
        points = max(1, min(query.points, 2000))
        step_s = max((query.end_s - query.start_s) / points, 1e-3)
        fine = query.start_s >= query.end_s - FINE_S - 1 and step_s < COARSE_STEP_S * 4
        values: dict[str, list[float | None]] = {}
        for key in query.keys:
            pair = self._rings.get((query.subject, key))
            if pair is None:
                values[key] = [None] * points
                continue
            ring = pair[0] if fine else pair[1]
            values[key] = _columns(ring, key, query.start_s, step_s, points)
        return History(query.subject, query.start_s, step_s, values)


def _columns(ring: _Ring, key: str, start_s: float, step_s: float, points: int) -> list[float | None]:
    columns: list[float | None] = []
    for i in range(points):
        at_s = start_s + i * step_s
        # A column narrower than a slot shows the slot it lies in: a gap there would be the chart's, not the data's.
        seen = ring.between(at_s, at_s + step_s) or (ring.between(at_s - ring.step_s, at_s + 1e-9) if step_s < ring.step_s * 1.5 else [])
        columns.append((max(seen) if never_averaged(key) else sum(seen) / len(seen)) if seen else None)
    return columns


def never_averaged(key: str) -> bool:
    """A percentile is never averaged, nor is how full something is."""
    term = VOCABULARY.get(key)
    return term is not None and term.bad == "high" and term.over in ("merge", "worst")
