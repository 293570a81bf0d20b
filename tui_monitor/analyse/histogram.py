"""Buckets become quantiles, with the bucket a quantile fell into.

The value is Prometheus' interpolation (promql/quantile.go, BucketQuantile), operation by operation in its order, bit by bit the same;
its true error is the width of the bucket, so the bucket's bounds go with it everywhere. Prometheus does not say in which order it adds
the counts of equal bounds ("1" and "1.0"); of whole counts the order does not matter.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from msgspec import Struct

from tui_monitor.analyse.dialect import V3, Dialect

_FLOAT_NOISE = 1e-12  # a step between cumulative counts smaller than this share of their sum is rounding, for Prometheus since 2.49


class Reached(Struct, frozen=True):
    """A quantile: its interpolated value, and the bucket it lies in."""

    value: float
    low: float
    high: float  # inf in the open top bucket
    at_least: bool  # it fell into the open top bucket: `value` is that bucket's lower bound, the truth is there or above


def monotone(buckets: Iterable[tuple[float, float]], dialect: Dialect = V3) -> list[tuple[float, float]]:
    """Cumulative buckets in order of their bound, equal bounds added, falls and rounding noise levelled."""
    merged: dict[float, float] = {}
    for bound, count in buckets:
        merged[bound] = merged[bound] + count if bound in merged else count
    return levelled(sorted(merged.items()), dialect)


def levelled(buckets: Iterable[tuple[float, float]], dialect: Dialect = V3) -> list[tuple[float, float]]:
    """Buckets that are in order and stand once each, falls and rounding noise levelled."""
    result: list[tuple[float, float]] = []
    before = math.nan  # nothing is below it or equal to it
    for bound, count in buckets:
        if not (count <= before or (dialect.levels_noise and _noise(before, count))):
            before = count
        result.append((bound, before))
    return result


def _noise(before: float, count: float) -> bool:
    """Whether a step is rounding only (util/almost, Equal)."""
    both, step = abs(before) + abs(count), abs(before - count)
    if both < sys.float_info.min:
        return step < _FLOAT_NOISE * sys.float_info.min
    return step / min(both, sys.float_info.max) < _FLOAT_NOISE


def quantile(q: float, buckets: Iterable[tuple[float, float]], dialect: Dialect = V3) -> Reached | None:
    """The value that a share `q` of the observations does not exceed.

    Args:
        q: 0..1; the answer below 0 is -inf and above 1 inf.
        buckets: (upper bound, observations at or below it), in any order; the highest bound must be infinite.
        dialect: the generation of servers to agree with.

    Returns:
        None where Prometheus says NaN or nothing: no observations, no infinite bucket or only that one, a `q` of 0 whose first bucket is
        empty.
    """
    return reached(q, monotone(buckets, dialect))


def above(bound: float, levels: Sequence[tuple[float, float]]) -> float | None:
    """The share of the observations over a bound, as Prometheus' histogram_fraction counts it: evenly spread within a bucket.

    Args:
        bound: in the unit of the buckets.
        levels: as `monotone` gives them.

    Returns:
        None where nobody can say: no observations, no infinite bucket, or a bound above the largest finite one.
    """
    if len(levels) < 2 or levels[-1][0] != math.inf or levels[-1][1] <= 0 or bound > levels[-2][0]:
        return None
    at = bisect_left(levels, bound, key=lambda level: level[0])
    high, count = levels[at]
    low, below = levels[at - 1] if at > 0 else (min(0.0, high), 0.0)
    share = 1.0 if high == low else (bound - low) / (high - low)
    return 1.0 - (below + (count - below) * max(0.0, share)) / levels[-1][1]


def reached(q: float, levels: Sequence[tuple[float, float]]) -> Reached | None:
    """The same for buckets that `monotone` has put in order; several quantiles of one histogram share that work."""
    if levels and (q < 0 or q > 1):
        beyond = math.copysign(math.inf, q)
        return Reached(beyond, beyond, beyond, at_least=False)
    if math.isnan(q) or len(levels) < 2 or levels[-1][0] != math.inf or levels[-1][1] == 0:
        return None
    rank = q * levels[-1][1]
    at = bisect_left(levels, True, hi=len(levels) - 1, key=lambda level: level[1] >= rank)  # noqa: FBT003 -- the first that reaches it
    if at == len(levels) - 1:
        top = levels[-2][0]
        return Reached(top, top, math.inf, at_least=True)
    high, inside = levels[at]
    if at == 0 and high <= 0:
        return Reached(high, -math.inf, high, at_least=False)
    low = 0.0
    if at > 0:
        low, below = levels[at - 1]
        inside -= below
        rank -= below
    value = low + (high - low) * (rank / inside) if inside else math.nan
    return None if math.isnan(value) else Reached(value, low, high, at_least=False)
