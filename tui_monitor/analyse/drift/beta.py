"""Quantiles of the beta distribution, for the exact interval of a share, with numpy alone: loading scipy.special costs twice what numpy does.

The start is Abramowitz and Stegun 26.5.22; Halley steps on the continued fraction of the incomplete beta function make it exact, as in
Numerical Recipes 6.4. Where both parameters are large, the start is right to a thousandth of the width and is kept.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LARGE = 3000.0  # both parameters: the start is good enough
STEPS, TERMS, ENOUGH = 12, 400, 1e-12
_TINY = 1e-300


def quantile(a: Floats, b: Floats, p: float) -> Floats:
    """The x with I_x(a, b) = p.

    Args:
        a: above 0.
        b: above 0.
        p: between 0 and 1.
    """
    x = _start(a, b, p)
    inner = np.minimum(a, b) < LARGE
    if inner.any():
        x[inner] = _refined(a[inner], b[inner], p, x[inner])
    return x


def cumulative(a: Floats, b: Floats, x: Floats) -> Floats:
    """I_x(a, b), the share of the beta distribution up to x."""
    x = np.clip(x, 1e-15, 1 - 1e-15)
    swap = x > (a + 1) / (a + b + 2)
    one, two, at = np.where(swap, b, a), np.where(swap, a, b), np.where(swap, 1 - x, x)
    with np.errstate(under="ignore"):
        front = np.exp(_log_front(one, two, at)) * at * (1 - at) / one * _fraction(one, two, at)
    return np.asarray(np.where(swap, 1 - front, front))


def _start(a: Floats, b: Floats, p: float) -> Floats:
    t = math.sqrt(-2 * math.log(min(p, 1 - p)))
    z = t - (2.30753 + 0.27061 * t) / (1 + (0.99229 + 0.04481 * t) * t)
    if p > 0.5:
        z = -z
    c, d = np.maximum(a, 1.0), np.maximum(b, 1.0)
    c, d = np.where(c > 1, 2 * c - 1, 1.0), np.where(d > 1, 2 * d - 1, 1.0)
    level = (z * z - 3) / 6
    h = 2 / (1 / c + 1 / d)
    w = z * np.sqrt(np.maximum(level + h, 1e-9)) / h - (1 / d - 1 / c) * (level + 5 / 6 - 2 / (3 * h))
    with np.errstate(over="ignore"):
        x = a / (a + b * np.exp(2 * w))
    return np.asarray(np.clip(x, 1e-12, 1 - 1e-12))


def _refined(a: Floats, b: Floats, p: float, x: Floats) -> Floats:
    low, high = np.zeros_like(x), np.ones_like(x)
    for _ in range(STEPS * 4):
        gap = cumulative(a, b, x) - p
        low, high = np.where(gap < 0, x, low), np.where(gap > 0, x, high)
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            step = gap / np.maximum(np.exp(_log_front(a, b, x)), _TINY)
            new = x - step / (1 - 0.5 * np.minimum(1.0, step * ((a - 1) / x - (b - 1) / (1 - x))))
        new = np.clip(new, 1e-15, 1 - 1e-15)
        new = np.where((new >= low) & (new <= high), new, (low + high) / 2)  # Halley where it stays inside, else the middle
        moved = np.abs(new - x)
        x = new
        if (moved <= ENOUGH * np.minimum(x, 1 - x) + 1e-16).all():
            break
    return x


def _log_front(a: Floats, b: Floats, x: Floats) -> Floats:
    """Log of the density at x."""
    log_beta = _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)
    with np.errstate(divide="ignore"):
        return np.asarray((a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - log_beta)


def _log_gamma(a: Floats) -> Floats:
    return np.asarray([math.lgamma(value) for value in a.tolist()])


def _fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    c, d = np.ones_like(x), 1 / _away(1 - (a + b) * x / (a + 1))
    found = d.copy()
    for m in range(1, TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / _away(1 + even * d), _away(1 + even / c)
        found *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / _away(1 + odd * d), _away(1 + odd / c)
        found *= d * c
        if (np.abs(d * c - 1) < 1e-14).all():
            break
    return found


def _away(value: Floats) -> Floats:
    return np.where(np.abs(value) < _TINY, _TINY, value)
