"""Counters become rates.

A counter only grows, except when its process restarts. Everything here is Prometheus' arithmetic (promql/functions.go,
extrapolatedRate, 3.x: the window is open on the left), so that a number on our screen is the number in the user's dashboard.
Pure: times are arguments, in seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Sample = tuple[float, float]  # (time_s, value)


def extrapolated(grown: float, first: float, count: int, first_s: float, last_s: float, start_s: float, end_s: float) -> float:
    """Growth between the first and the last sample of a window, carried on to the window's edges.

    Args:
        grown: growth from the first to the last sample, resets added back.
        first: the counter as it stood at the first sample.
        count: samples in the window, at least 2.
        first_s: time of the first sample.
        last_s: time of the last sample, later than the first.
        start_s: the window's start.
        end_s: the window's end.
    """
    span_s = last_s - first_s
    typical_gap_s = span_s / (count - 1)
    before_s, after_s = (gap_s if gap_s < 1.1 * typical_gap_s else typical_gap_s / 2 for gap_s in (first_s - start_s, end_s - last_s))
    if grown > 0 and first >= 0:
        before_s = min(before_s, span_s * (first / grown))  # a counter was never below zero
    return grown * ((span_s + before_s + after_s) / span_s)


def increase(samples: Sequence[Sample], start_s: float, end_s: float) -> float | None:
    """Growth of a counter over (start_s, end_s], extrapolated to the window's edges.

    Args:
        samples: in order of time, without stale markers; those outside the window are ignored.
        start_s: the window's start, itself not in the window.
        end_s: the window's end.

    Returns:
        The growth in the counter's own unit, or None with fewer than two samples in the window: that is "not known yet", not 0.
    """
    inside = [sample for sample in samples if start_s < sample[0] <= end_s]
    if len(inside) < 2 or inside[-1][0] <= inside[0][0]:
        return None
    (first_s, first), (last_s, last) = inside[0], inside[-1]
    grown = last - first + sum(before for (_, before), (_, after) in pairwise(inside) if after < before)
    return extrapolated(grown, first, len(inside), first_s, last_s, start_s, end_s)


def rate(samples: Sequence[Sample], start_s: float, end_s: float) -> float | None:
    """Growth per second over the window; see `increase`."""
    grown = increase(samples, start_s, end_s)
    return None if grown is None else grown / (end_s - start_s)
