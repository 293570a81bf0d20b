"""95 % intervals: of shares, of means, and of what follows from them."""

from __future__ import annotations

import math

from tui_monitor.model import Estimate

Z = 1.959963984540054  # 97.5 % quantile of the normal distribution


def unknown(n: int = 0) -> Estimate:
    """A number that cannot be told."""
    return Estimate(None, n=n)


def wilson(value: float, n: float) -> tuple[float, float]:
    """Wilson's interval of a share that was seen in n rows; n may be an effective number of rows."""
    if n <= 0:
        return 0.0, 1.0
    square = Z * Z / n
    middle = (value + square / 2) / (1 + square)
    half = Z * math.sqrt(max(value * (1 - value), 0.0) / n + square / (4 * n)) / (1 + square)
    return max(0.0, min(value, middle - half)), min(1.0, max(value, middle + half))


def share(hits: float, of: float) -> Estimate:
    """A share with Wilson's interval; unknown where there is nothing to share."""
    if of <= 0:
        return unknown()
    low, high = wilson(hits / of, of)
    return Estimate(hits / of, low, high, n=round(of))


def within(value: float, variance: float, rows: float, n: int, floor: float = 0.0, ceiling: float = 1.0) -> Estimate:
    """A number between two bounds: Wilson's interval with as many rows as a share of that variance would have.

    It stays inside the bounds and does not shrink to a point where every row was the same, which a normal interval does.

    Args:
        value: between floor and ceiling.
        variance: of the value, not of a row.
        rows: that it counts for where the variance is 0.
        n: rows to show beside it.
        floor: smallest possible value.
        ceiling: largest possible value.
    """
    span = ceiling - floor
    if span <= 0:
        return Estimate(value, value, value, n=n)
    part = min(max((value - floor) / span, 0.0), 1.0)
    spread = part * (1 - part)
    effective = spread * span * span / variance if variance > 0 and spread > 0 else rows
    low, high = wilson(part, effective)
    return Estimate(value, min(value, floor + span * low), max(value, floor + span * high), n=n)


def student(degrees: int) -> float:
    """97.5 % quantile of Student's distribution (Abramowitz and Stegun 26.7.5; within 0.3 % from 3 degrees on, exact for 1 and 2)."""
    if degrees < 3:
        return 12.706204736 if degrees == 1 else 4.302652730
    z, d = Z, float(degrees)
    return (
        z
        + (z**3 + z) / (4 * d)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * d**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * d**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * d**4)
    )


def mean(total: float, squares: float, n: int, floor: float | None = None) -> Estimate:
    """A mean with Student's interval, from the sums of the values and of their squares; of one row there is no interval."""
    if n <= 0:
        return unknown()
    value = total / n
    if n < 2:
        return Estimate(value, n=n)
    half = student(n - 1) * math.sqrt(max(squares / n - value * value, 0.0) / (n - 1))
    low = value - half
    return Estimate(value, low if floor is None else min(value, max(floor, low)), value + half, n=n)


def root(square: Estimate) -> Estimate:
    """The root of a mean square and of its bounds."""
    value, low, high = (None if x is None else math.sqrt(max(x, 0.0)) for x in (square.value, square.low, square.high))
    return Estimate(value, low, high, n=square.n)
