"""Buckets become quantiles, with the bucket a quantile fell into.

The value is Prometheus' interpolation (promql/quantile.go, bucketQuantile, 3.x); its true error is the width of the bucket, so the
bucket's bounds go with it everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

_FLOAT_NOISE = 1e-12  # steps between cumulative counts smaller than this share of them are rounding, as in Prometheus since 2.46


class Reached(Struct, frozen=True):
    """A quantile: its interpolated value, and the bucket it lies in."""

    value: float
    low: float
    high: float  # inf in the open top bucket
    at_least: bool  # it fell into the open top bucket: `value` is that bucket's lower bound, the truth is there or above


def monotone(buckets: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Cumulative buckets in order of their bound, equal bounds added, falls and rounding noise levelled."""
    merged: dict[float, float] = {}
    for bound, count in buckets:
        merged[bound] = merged.get(bound, 0.0) + count
    result: list[tuple[float, float]] = []
    before = -math.inf
    for bound, count in sorted(merged.items()):
        noise = result and abs(count - before) < _FLOAT_NOISE * (abs(count) + abs(before))
        level = before if result and (count < before or noise) else count
        result.append((bound, level))
        before = level
    return result


def quantile(q: float, buckets: Iterable[tuple[float, float]]) -> Reached | None:
    """The value that a share `q` of the observations does not exceed.

    Args:
        q: 0..1.
        buckets: (upper bound, observations at or below it), in any order; the highest bound must be infinite.

    Returns:
        None when there is nothing to say: no observations, no infinite bucket, or only that one.
    """
    levels = monotone(buckets)
    if len(levels) < 2 or levels[-1][0] != math.inf or not levels[-1][1] > 0:
        return None
    rank = q * levels[-1][1]
    at = next((i for i in range(len(levels) - 1) if levels[i][1] >= rank), len(levels) - 1)
    if at == len(levels) - 1:
        top = levels[-2][0]
        return Reached(top, top, math.inf, at_least=True)
    high = levels[at][0]
    if at == 0 and high <= 0:
        return Reached(high, -math.inf, high, at_least=False)
    low, below = levels[at - 1] if at else (0.0, 0.0)
    inside = levels[at][1] - below
    share = (rank - below) / inside if inside else 0.0
    return Reached(low + (high - low) * share, low, high, at_least=False)
