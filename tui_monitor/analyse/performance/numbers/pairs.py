"""The model against another one: on the same rows, or before and after a deploy."""

from __future__ import annotations

import math

from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.numbers.intervals import mean, share, unknown, wilson
from tui_monitor.model import Estimate, Paired


def paired(counts: Counts, other: str, window: str) -> Paired | None:
    """The model against the base model on the rows that both answered: accuracy, in regression the mean absolute error.

    None where the log has no base model.
    """
    if "pairs" not in counts:
        return None
    if not counts.layout.regression:
        (neither, theirs), (ours, both) = counts["pairs"].tolist()
        n = neither + theirs + ours + both
        return Paired(
            other,
            window,
            "accuracy",
            share(ours + both, n),
            share(theirs + both, n),
            matched(both, ours, theirs, neither),
        )
    n = round(counts["pairs"][0])
    own, own_squares, base, base_squares, gap, gap_squares = counts["differences"].tolist()
    return Paired(
        other, window, "mae", mean(own, own_squares, n, floor=0.0), mean(base, base_squares, n, floor=0.0), mean(gap, gap_squares, n)
    )


def matched(both: float, first: float, second: float, neither: float) -> Estimate:
    """Difference of two shares of the same rows: right by both, only the first, only the second, neither.

    Newcombe (1998), Statistics in Medicine 17:2635, method 10: Wilson's limits of both shares and their correlation.
    """
    n = both + first + second + neither
    if n <= 0:
        return unknown()
    one, two = (both + first) / n, (both + second) / n
    low_1, high_1 = wilson(one, n)
    low_2, high_2 = wilson(two, n)
    product = (both + first) * (second + neither) * (both + second) * (first + neither)
    cross = both * neither - first * second
    if cross > 0:
        cross = max(cross - n / 2, 0.0)
    phi = cross / math.sqrt(product) if product > 0 else 0.0
    difference = one - two
    below = _length(one - low_1, high_2 - two, phi)
    above = _length(high_1 - one, two - low_2, phi)
    return Estimate(difference, difference - below, difference + above, n=round(n))


def independent(first: Estimate, second: Estimate) -> Estimate:
    """Difference of two numbers of other rows, from their intervals (Newcombe 1998, method 10 for shares; MOVER for all others)."""
    if first.value is None or second.value is None:
        return unknown()
    difference = first.value - second.value
    n = None if first.n is None or second.n is None else min(first.n, second.n)
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Estimate(difference, n=n)
    below = _length(first.value - first.low, second.high - second.value, 0.0)
    above = _length(first.high - first.value, second.value - second.low, 0.0)
    return Estimate(difference, difference - below, difference + above, n=n)


def versions(value: Estimate, before: Estimate, key: str, other: str, window: str) -> Paired:
    """A number of this version beside that of an earlier one, which answered other rows."""
    return Paired(other, window, key, value, before, independent(value, before))


def _length(one: float, two: float, phi: float) -> float:
    return math.sqrt(max(one * one - 2 * phi * one * two + two * two, 0.0))
