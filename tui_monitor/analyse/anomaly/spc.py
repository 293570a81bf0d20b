"""Control charts of single values: Shewhart's limits from the moving range, the Western Electric rules and Nelson's.

Limits: centre +- 3 sigma with sigma = mean moving range / 1.128 (d2 of two values; NIST/SEMATECH e-Handbook 6.3.2.2). Rules: Western Electric, Statistical Quality Control Handbook (1956); Nelson, J. Quality Technology 16 (1984), p. 237.
Values that are missing are no points: what stands beside them are neighbours. The rules are for values that do not depend on each other; of
numbers of servers, minute by minute, they say much more than is true, so they mark points in a chart and raise nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from msgspec import Struct

D2 = 1.128

MEANINGS = {
    1: "a point beyond 3 sigma",
    2: "nine points in a row on one side of the centre",
    3: "six points in a row all rising or all falling",
    4: "fourteen points in a row going up and down in turn",
    5: "two of three points in a row beyond 2 sigma on one side",
    6: "four of five points in a row beyond 1 sigma on one side",
    7: "fifteen points in a row within 1 sigma",
    8: "eight points in a row beyond 1 sigma, on both sides",
}
"""Nelson's rules by their numbers."""
WESTERN_MEANINGS = {
    1: MEANINGS[1],
    2: MEANINGS[5],
    3: MEANINGS[6],
    4: "eight points in a row on one side of the centre",
}
"""The Western Electric rules by theirs."""


class Limits(Struct, frozen=True):
    """Of a chart of single values."""

    centre: float
    sigma: float

    @property
    def low(self) -> float:
        """Centre - 3 sigma."""
        return self.centre - 3 * self.sigma

    @property
    def high(self) -> float:
        """Centre + 3 sigma."""
        return self.centre + 3 * self.sigma


class Point(Struct, frozen=True):
    """A value and the rules that it completes; `index` is its place in what was given."""

    index: int
    value: float
    rules: tuple[int, ...] = ()


class Chart(Struct, frozen=True):
    """A control chart; without two values there are no limits."""

    limits: Limits | None
    points: list[Point]


def limits_of(values: Sequence[float]) -> Limits | None:
    """Limits of values in their order; None of fewer than two."""
    if len(values) < 2:
        return None
    ranges = [abs(after - before) for before, after in pairwise(values)]
    return Limits(math.fsum(values) / len(values), math.fsum(ranges) / len(ranges) / D2)


def spc(values: Sequence[float | None], limits: Limits | None = None, *, western: bool = False) -> Chart:
    """The chart of some values.

    Args:
        values: in order of time; None and what is no number are left out.
        limits: of a time that was in control; None: of the values themselves.
        western: by the rules of Western Electric and their numbers, not Nelson's.
    """
    known = [(index, value) for index, value in enumerate(values) if value is not None and math.isfinite(value)]
    limits = limits or limits_of([value for _, value in known])
    if limits is None:
        return Chart(None, [Point(index, value) for index, value in known])
    z = [_distance(value, limits) for _, value in known]
    tests = _WESTERN if western else _NELSON
    points = []
    for place, (index, value) in enumerate(known):
        upto = z[max(0, place - 14) : place + 1]
        points.append(Point(index, value, tuple(number for number, test in tests.items() if test(upto))))
    return Chart(limits, points)


def _distance(value: float, limits: Limits) -> float:
    """From the centre in sigmas; without any spread the centre, or infinitely far."""
    apart = value - limits.centre
    if limits.sigma > 0:
        return apart / limits.sigma
    return 0.0 if math.isclose(value, limits.centre, rel_tol=1e-12) else math.copysign(math.inf, apart)


def _beyond(z: Sequence[float], count: int, of: int, sigmas: float) -> bool:
    """Whether so many of the last points lie beyond so many sigmas on one side, the newest among them."""
    last = z[-of:]
    up, down = sum(one > sigmas for one in last), sum(one < -sigmas for one in last)
    return (last[-1] > sigmas and up >= count) or (last[-1] < -sigmas and down >= count)


def _one_side(z: Sequence[float], count: int) -> bool:
    last = z[-count:]
    return len(last) == count and (all(one > 0 for one in last) or all(one < 0 for one in last))


def _monotone(z: Sequence[float], count: int) -> bool:
    last = z[-count:]
    pairs = list(pairwise(last))
    return len(last) == count and (all(after > before for before, after in pairs) or all(after < before for before, after in pairs))


def _alternating(z: Sequence[float], count: int) -> bool:
    last = z[-count:]
    steps = [after - before for before, after in pairwise(last)]
    return len(last) == count and all(before * after < 0 for before, after in pairwise(steps))


def _within(z: Sequence[float], count: int) -> bool:
    last = z[-count:]
    return len(last) == count and all(abs(one) < 1 for one in last) and any(last)


def _mixture(z: Sequence[float], count: int) -> bool:
    last = z[-count:]
    return len(last) == count and all(abs(one) > 1 for one in last) and max(last) > 0 > min(last)


_Test = Callable[[Sequence[float]], bool]
_NELSON: dict[int, _Test] = {
    1: lambda z: abs(z[-1]) > 3,
    2: lambda z: _one_side(z, 9),
    3: lambda z: _monotone(z, 6),
    4: lambda z: _alternating(z, 14),
    5: lambda z: _beyond(z, 2, 3, 2),
    6: lambda z: _beyond(z, 4, 5, 1),
    7: lambda z: _within(z, 15),
    8: lambda z: _mixture(z, 8),
}
_WESTERN: dict[int, _Test] = {1: _NELSON[1], 2: _NELSON[5], 3: _NELSON[6], 4: lambda z: _one_side(z, 8)}
