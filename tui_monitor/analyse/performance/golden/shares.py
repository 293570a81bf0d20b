"""Intervals of golden answers: a share that not every answer widens, a paired difference (Agresti and Min), a mean."""

from __future__ import annotations

import math

from tui_monitor.analyse.performance.numbers import intervals
from tui_monitor.analyse.performance.numbers.intervals import Z
from tui_monitor.model import Basis, Estimate

__all__ = ["Z", "mean", "paired", "wilson"]


def wilson(hits: float, of: float, independent: float | None = None, source: Basis = "probe") -> Estimate:
    """A share with Wilson's interval (1927); None where there is nothing to share.

    Args:
        hits: that count.
        of: of so many.
        independent: how many of them tell something new; the interval is as wide as that many make it. None: all.
        source: of the estimate.
    """
    if of <= 0:
        return Estimate(None, source=source, n=0)
    n = of if independent is None else min(of, independent)
    value = hits / of
    low, high = intervals.wilson(value, n)
    return Estimate(value, low, high, source=source, n=round(of))


def paired(gained: float, lost: float, pairs: float, source: Basis = "probe") -> Estimate:
    """(gained - lost) / pairs of the same questions at two times; interval of Agresti and Min (2005): half a pair in each cell more."""
    if pairs <= 0:
        return Estimate(None, source=source, n=0)
    value = (gained - lost) / pairs
    n = pairs + 2
    middle = (gained - lost) / n
    half = Z * math.sqrt(max(0.0, gained + lost + 1 - (gained - lost) ** 2 / n)) / n
    return Estimate(value, max(-1.0, min(value, middle - half)), min(1.0, max(value, middle + half)), source=source, n=round(pairs))


def mean(total: float, squares: float, n: int, source: Basis = "probe") -> Estimate:
    """A mean of what cannot be negative, from its sums, with its normal interval."""
    if n <= 0:
        return Estimate(None, source=source, n=0)
    value = total / n
    if n < 2:
        return Estimate(value, source=source, n=n)
    half = Z * math.sqrt(max(0.0, squares / n - value * value) / (n - 1))
    return Estimate(value, max(0.0, value - half), value + half, source=source, n=n)
