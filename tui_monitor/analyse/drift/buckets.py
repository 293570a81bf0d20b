"""What a histogram's buckets prove about the distributions behind them: exact values where there are such, else bounds.

F and G are the shares of reference and now at or below each edge. Inside a bucket anything is possible; at the edges nothing is.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from tui_monitor.analyse.drift.judge import Floats


class Bounded(NamedTuple):
    """`low` <= the measure of the rows themselves <= `high`; `high` None: nothing is known above."""

    low: float
    high: float | None
    bound: Literal["=", ">="]


def ks(reference: Floats, now: Floats) -> Bounded:
    """max|F - G| <= D <= the largest difference that rows inside their buckets can hide."""
    f, g = np.cumsum(reference) / reference.sum(), np.cumsum(now) / now.sum()
    low = float(np.abs(f - g).max())
    below_f, below_g = np.concatenate([[0.0], f[:-1]]), np.concatenate([[0.0], g[:-1]])
    high = float(np.maximum(f - below_g, g - below_f).max())
    return Bounded(low, min(1.0, high), "=" if high == low else ">=")


def wasserstein(mean_reference: float | None, mean_now: float | None, reference: Floats, now: Floats) -> Bounded | None:
    """|difference of the exact means| <= W1, and equal to it where one distribution lies above the other at every edge. None without sums."""
    if mean_reference is None or mean_now is None:
        return None
    f, g = np.cumsum(reference) / reference.sum(), np.cumsum(now) / now.sum()
    ordered = bool((f <= g).all() or (f >= g).all())
    # Ordered at the edges need not be ordered inside the buckets: it stays a bound, as near to the truth as buckets let one come.
    return Bounded(abs(mean_now - mean_reference), None, "=" if ordered and ks(reference, now).low == 0.0 else ">=")


def mann_whitney(reference: Floats, now: Floats) -> Bounded:
    """P(now > reference) + P(equal) / 2, where rows of one bucket count half; the bounds let each of them go one way."""
    below = np.cumsum(reference) - reference
    product = float(reference.sum() * now.sum())
    certain, tied = float((now * below).sum()) / product, float((now * reference).sum()) / product
    return Bounded(certain, certain + tied, "=" if tied == 0 else ">=")
