"""Counters become rates, gauges become differences.

A counter only grows, except when its process restarts. Everything here is Prometheus' arithmetic (promql/functions.go,
extrapolatedRate), operation by operation in its order, so that a number on our screen has the bits of the number in the user's
dashboard. Pure: times are arguments, in seconds since 1970. As in Prometheus a moment is a whole millisecond and a length of time is
the difference of two of them: differences of seconds since 1970 would be off in the seventh digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tui_monitor.analyse.dialect import V3, Dialect

Sample = tuple[float, float]  # (time_s, value)


def milliseconds(time_s: float) -> int:
    """The whole millisecond nearest to a time; for one that was made of whole milliseconds, that very one."""
    return round(time_s * 1000)


class Stretch:
    """Where the samples of a window lie in it: how far growth between them is carried on to the window's edges.

    The same for all series with samples at the same times, so it is made once for them.
    """

    __slots__ = ("_after_s", "_before_s", "_half_gap_s", "_limit_s", "_span_s", "width_s")

    def __init__(self, first_s: float, last_s: float, count: int, start_s: float, end_s: float, dialect: Dialect = V3) -> None:
        """Prepare.

        Args:
            first_s: time of the first sample.
            last_s: time of the last sample, at least a millisecond later.
            count: samples in the window, at least 2.
            start_s: the window's start.
            end_s: the window's end.
            dialect: the generation of servers to agree with.
        """
        first_ms, last_ms, start_ms, end_ms = map(milliseconds, (first_s, last_s, start_s, end_s))
        self._span_s = (last_ms - first_ms) / 1000
        gap_s = self._span_s / (count - 1)
        self._half_gap_s = gap_s / 2
        self._limit_s = gap_s * 1.1  # a gap longer than this means that the series began or ended inside the window
        before_s, after_s = (first_ms - start_ms) / 1000, (end_ms - last_ms) / 1000
        self._before_s = self._half_gap_s if before_s >= self._limit_s and not dialect.zero_first else before_s
        self._after_s = self._half_gap_s if after_s >= self._limit_s else after_s
        whole_s, rest_ms = divmod(end_ms - start_ms, 1000)
        self.width_s = whole_s + rest_ms / 1000  # as Go's Duration.Seconds, which rounds twice

    def _factor(self, grown: float, first: float) -> float:
        before_s = self._before_s
        if grown > 0 and first >= 0:  # a counter was never below zero
            before_s = min(before_s, self._span_s * (first / grown))
        if before_s >= self._limit_s:
            before_s = self._half_gap_s
        return (self._span_s + before_s + self._after_s) / self._span_s

    def increase(self, grown: float, first: float) -> float:
        """A counter's growth over the window, from its growth between the samples and where it stood at the first."""
        return grown * self._factor(grown, first)

    def rate(self, grown: float, first: float) -> float:
        """The same per second of the window. Not `increase` divided by the width: that differs in the last bit."""
        return grown * (self._factor(grown, first) / self.width_s)

    def delta(self, moved: float) -> float:
        """A gauge's change over the window; it may be below zero, so nothing limits it."""
        return moved * self._factor(moved, -1.0)


def growth(values: Sequence[float]) -> float:
    """How far a counter grew from its first to its last value; what stood before a fall is added back, in order."""
    grown = values[-1] - values[0]
    for before, after in pairwise(values):  # one after another: sum() rounds otherwise from Python 3.12 on
        if after < before:
            grown += before
    return grown


def increase(samples: Sequence[Sample], start_s: float, end_s: float, dialect: Dialect = V3) -> float | None:
    """Growth of a counter over (start_s, end_s], extrapolated to the window's edges.

    Args:
        samples: in order of time, without stale markers; those outside the window are ignored.
        start_s: the window's start, in the window only in a 2.x dialect.
        end_s: the window's end.
        dialect: the generation of servers to agree with.

    Returns:
        The growth in the counter's own unit, or None with fewer than two samples in the window: that is "not known yet", not 0.
    """
    values, stretch = _inside(samples, start_s, end_s, dialect)
    return None if stretch is None else stretch.increase(growth(values), values[0])


def rate(samples: Sequence[Sample], start_s: float, end_s: float, dialect: Dialect = V3) -> float | None:
    """Growth per second over the window; see `increase`."""
    values, stretch = _inside(samples, start_s, end_s, dialect)
    return None if stretch is None else stretch.rate(growth(values), values[0])


def delta(samples: Sequence[Sample], start_s: float, end_s: float, dialect: Dialect = V3) -> float | None:
    """Change of a gauge over the window, extrapolated to its edges; see `increase`."""
    values, stretch = _inside(samples, start_s, end_s, dialect)
    return None if stretch is None else stretch.delta(values[-1] - values[0])


def _inside(samples: Sequence[Sample], start_s: float, end_s: float, dialect: Dialect) -> tuple[list[float], Stretch | None]:
    start_ms, end_ms = milliseconds(start_s), milliseconds(end_s)
    if dialect.closed:
        start_ms -= 1
    inside = [(at_s, float(value)) for at_s, value in samples if start_ms < milliseconds(at_s) <= end_ms]
    values = [value for _, value in inside]
    if len(inside) < 2 or milliseconds(inside[-1][0]) <= milliseconds(inside[0][0]):
        return values, None
    return values, Stretch(inside[0][0], inside[-1][0], len(inside), start_s, end_s, dialect)
