"""Tests and distances of two samples of numbers, exact, from sorted values; the p-values without scipy.stats, which takes a second to load.

F is the distribution function of the reference, G that of now. Everything is computed from one merged pass, see `Pair`.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.model import Measured

_CELLS = 4096
_BLOCK = 1_000_000  # values
EXACT_UP_TO = 1_000_000  # lattice points of the exact Kolmogorov-Smirnov p; beyond, the limit law is right to a few per cent of p


class Pair:
    """Two samples, merged: the distinct values, and how many of each side are at or below each."""

    def __init__(self, reference: Floats, now: Floats, *, reference_sorted: bool = False) -> None:
        """Finite values in any order; `reference_sorted` saves sorting a reference that is used again and again.

        Raises:
            ValueError: a side is empty.
        """
        if not reference.size or not now.size:
            raise ValueError("a sample is empty")
        self._reference, self._now, self._reference_sorted = reference, now, reference_sorted
        self.n, self.m = reference.size, now.size

    @cached_property
    def reference(self) -> Floats:
        """In order."""
        return self._reference if self._reference_sorted else np.sort(self._reference)

    @cached_property
    def now(self) -> Floats:
        """In order."""
        return np.sort(self._now)

    @cached_property
    def _merged(self) -> tuple[Floats, Floats, Floats]:
        """(distinct values, reference rows at or below each, rows of now at or below each)."""
        both = np.concatenate([self.reference, self.now])
        both.sort(kind="stable")  # two sorted runs: one merge
        values = both[np.append(both[1:] != both[:-1], True)]
        below = np.searchsorted(self.reference, values, side="right").astype(np.float64)
        return values, below, np.searchsorted(self.now, values, side="right").astype(np.float64)

    @cached_property
    def _gap(self) -> Floats:
        """F - G at each distinct value."""
        _, below, now_below = self._merged
        gap: Floats = below / self.n - now_below / self.m
        return gap

    @cached_property
    def _extremes(self) -> tuple[float, float, int, int]:
        """(max(F - G), max(G - F), where in the reference F - G and G - F are largest), with one search of one side in the other.

        F steps up at its own values alone: the one is largest at a value of the reference, the other just before one, or at the end.
        """
        upto = np.searchsorted(self.now, self.reference, side="right")
        over = np.arange(1, self.n + 1) * self.m  # times n m, where all is whole; of equal values the last one counts, and is the largest
        over -= upto * self.n
        at_over, at_under = int(over.argmax()), int(over.argmin())
        most, least = int(over[at_over]), self.m - int(over[at_under])
        if ((self.now[np.maximum(upto - 1, 0)] == self.reference) & (upto > 0)).any():  # a value on both sides: G just before it is another
            under = np.searchsorted(self.now, self.reference, side="left") * self.n - np.arange(self.n) * self.m
            at_under = int(under.argmax())
            least = int(under[at_under])
        return max(most, 0) / (self.n * self.m), max(least, 0) / (self.n * self.m), at_over, at_under

    @property
    def _effective(self) -> float:
        return self.n * self.m / (self.n + self.m)

    def ks(self) -> Measured:
        """Kolmogorov-Smirnov: sup|F - G|; p exact for small samples (ties: conservative), else by the limit law as corrected by Stephens (1970)."""
        if self.n * self.m <= EXACT_UP_TO or "reference" in self.__dict__:
            over, under, _, _ = self._extremes
            statistic = max(over, under)
        else:
            statistic = largest_difference(self._reference, self._now)
        if self.n * self.m <= EXACT_UP_TO:
            return Measured(statistic, _ks_exact(statistic, self.n, self.m))
        root = math.sqrt(self._effective)
        return Measured(statistic, float(special.kolmogorov((root + 0.12 + 0.11 / root) * statistic)))

    def largest_gap(self) -> tuple[float, float, float]:
        """(value, F there, G there) where the two differ most."""
        over, under, at_over, at_under = self._extremes
        value = float(self.reference[at_over])
        if under > over:  # just below a value of the reference: at the largest of now that is smaller
            before = int(np.searchsorted(self.now, self.reference[at_under], side="left"))
            value = float(self.now[before - 1])
        f, g = (float(np.searchsorted(side, value, side="right")) for side in (self.reference, self.now))
        return value, f / self.n, g / self.m

    def kuiper(self) -> Measured:
        """Kuiper: D+ + D-, which does not care where a circle is cut; p by his series with Stephens' correction (Press et al., 14.3)."""
        over, under, _, _ = self._extremes
        statistic = over + under
        root = math.sqrt(self._effective)
        return Measured(statistic, _kuiper_p((root + 0.155 + 0.24 / root) * statistic))

    def anderson_darling(self) -> Measured:
        """Anderson-Darling for two samples with midranks, normalised (Scholz and Stephens 1987); p between 0.001 and 0.25, as tabulated.

        The statistic does not exist where all values are the same.
        """
        values, below, now_below = self._merged
        total = self.n + self.m
        if values.size < 2:
            return Measured(None)
        both = below + now_below
        ties = np.diff(both, prepend=0.0)
        at = both - ties / 2  # midranks
        weight = at * (total - at) - total * ties / 4
        statistic = 0.0
        for cumulative, size in ((below, self.n), (now_below, self.m)):
            own = np.diff(cumulative, prepend=0.0)
            middle = cumulative - own / 2
            statistic += float((ties / total * (total * middle - at * size) ** 2 / weight).sum()) / size
        statistic *= (total - 1) / total
        sigma = math.sqrt(_anderson_variance((self.n, self.m)))
        normalised = (statistic - 1) / sigma
        return Measured(normalised, _anderson_p(normalised))

    def cramer_von_mises(self) -> Measured:
        """Cramer-von Mises for two samples with midranks (Anderson 1962); p by the limit law."""
        _, below, now_below = self._merged
        both = below + now_below
        ranks = both - (np.diff(both, prepend=0.0) - 1) / 2
        total, product = self.n + self.m, self.n * self.m
        u = 0.0
        for cumulative, size in ((below, self.n), (now_below, self.m)):
            own = np.diff(cumulative, prepend=0.0)
            # sum over the sample of (rank - i)^2, i = 1..size in order; equal values share a rank
            first = cumulative - own
            linear = own * first + own * (own + 1) / 2
            square = _squares(cumulative) - _squares(first)
            u += size * float((own * ranks**2 - 2 * ranks * linear + square).sum())
        statistic = u / (product * total) - (4 * product - 1) / (6 * total)
        expected = (1 + 1 / total) / 6
        variance = (total + 1) * (4 * product * total - 3 * (self.m**2 + self.n**2) - 2 * product) / (45 * total**2 * 4 * product)
        scaled = 1 / 6 + (statistic - expected) / math.sqrt(45 * variance)
        return Measured(statistic, _cvm_limit(scaled) if scaled > 0 else 1.0)

    def mann_whitney(self) -> Measured:
        """P(now > reference) + P(now = reference) / 2; p two-sided by the normal law, corrected for ties and continuity."""
        _, below, now_below = self._merged
        ties = np.diff(below + now_below, prepend=0.0)
        own, theirs = np.diff(now_below, prepend=0.0), np.diff(below, prepend=0.0)
        u = float((own * (below - theirs / 2)).sum())
        product, total = self.n * self.m, self.n + self.m
        variance = product / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
        if variance <= 0:
            return Measured(u / product, 1.0)
        z = (abs(u - product / 2) - 0.5) / math.sqrt(variance)
        return Measured(u / product, min(1.0, float(2 * special.ndtr(-z))))

    def welch_t(self) -> Measured:
        """Welch's t of the means, now - reference; p two-sided with Satterthwaite's degrees of freedom."""
        if min(self.n, self.m) < 2:
            return Measured(None)
        own, theirs = float(self.now.var(ddof=1)) / self.m, float(self.reference.var(ddof=1)) / self.n
        if own + theirs <= 0:
            return Measured(None)
        t = (float(self.now.mean()) - float(self.reference.mean())) / math.sqrt(own + theirs)
        freedom = (own + theirs) ** 2 / (own**2 / (self.m - 1) + theirs**2 / (self.n - 1))
        return Measured(t, float(2 * special.stdtr(freedom, -abs(t))))

    def wasserstein(self) -> Measured:
        """Wasserstein distance W1 in the column's unit: the area between F and G."""
        values = self._merged[0]
        return Measured(float((np.abs(self._gap[:-1]) * np.diff(values)).sum()))

    def energy(self) -> Measured:
        """Energy distance as in `scipy.stats.energy_distance`: sqrt(2 * area between F and G, squared)."""
        values = self._merged[0]
        return Measured(math.sqrt(2 * float((self._gap[:-1] ** 2 * np.diff(values)).sum())))


def largest_difference(reference: Floats, now: Floats) -> float:
    """sup|F - G| of values in any order, exactly, and without sorting them all.

    Cells of equal width are in order where their rows are not: at their ends F - G is known from counts. Only in cells in which it could
    be larger than at every end, all rows of one side first, rows are put in order; of most distributions those are few.
    """
    n, m = reference.size, now.size
    low, high = min(reference.min(), now.min()), max(reference.max(), now.max())
    with np.errstate(over="ignore"):
        scale = _CELLS / (high - low) if high > low else 0.0
    if not 0.0 < scale < math.inf:  # all alike, or further apart than numbers reach
        low, scale = 0.0, 0.0
    (cells, rows), (cells_now, rows_now) = (_cells(side, low, scale) for side in (reference, now))
    gap = np.cumsum(rows) * m - np.cumsum(rows_now) * n  # times n m, where all is whole
    before = np.concatenate([[0], gap[:-1]])
    best = int(np.abs(gap).max())
    open_ = (before + rows * m > best) | (rows_now * n - before > best)
    some, some_now = (np.sort(_picked(side, cell, open_)) for side, cell in ((reference, cells), (now, cells_now)))
    if not some.size:
        return best / (n * m)
    cell = _cells(some, low, scale)[0]
    closed, closed_now = (np.cumsum(np.where(open_, 0, counts)) for counts in (rows, rows_now))  # rows below that were not looked at
    upto = (closed[cell] + np.arange(some.size)) * m  # without the row itself
    over = upto + m - (closed_now[cell] + np.searchsorted(some_now, some, side="right")) * n
    under = (closed_now[cell] + np.searchsorted(some_now, some, side="left")) * n - upto
    return max(best, int(over.max()), int(under.max())) / (n * m)


def _cells(values: Floats, low: float, scale: float) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """The cell of each value, which never falls where values rise, and how many each cell has; in blocks, that many values need little room."""
    found = np.empty(values.size, dtype=np.uint16)
    rows = np.zeros(_CELLS, dtype=np.int64)
    for begin in range(0, values.size, _BLOCK):
        part = found[begin : begin + _BLOCK]
        part[:] = np.clip((values[begin : begin + _BLOCK] - low) * scale, 0, _CELLS - 1)
        rows += np.bincount(part, minlength=_CELLS)
    return found, rows


def _picked(values: Floats, cells: NDArray[np.uint16], open_: NDArray[np.bool_]) -> Floats:
    parts = [values[begin : begin + _BLOCK][open_[cells[begin : begin + _BLOCK]]] for begin in range(0, values.size, _BLOCK)]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _squares(upto: Floats) -> Floats:
    """1 + 4 + ... + n^2."""
    return upto * (upto + 1) * (2 * upto + 1) / 6


def _ks_exact(d: float, n: int, m: int) -> float:
    """Chance of a difference of at least d between two samples of one continuous distribution.

    It is the share of the lattice paths from (0, 0) to (n, m) that leave the band |i/n - j/m| < d (Hodges 1958).
    """
    divisor = math.gcd(n, m)
    right, up = m // divisor, n // divisor
    limit = round(d * n * right)  # the band is |i * right - j * up| < limit
    if limit <= 0:
        return 1.0
    paths = np.zeros(m + 1)
    paths[: min(m, (limit - 1) // up) + 1] = 1.0
    scale = 0.0  # log of what the paths were divided by
    for i in range(1, n + 1):
        low, high = max(0, -((limit - 1 - i * right) // up)), min(m, (limit - 1 + i * right) // up)
        if low > high:
            return 1.0
        paths[:low] = 0.0
        inside = np.cumsum(paths[low : high + 1])
        paths[low : high + 1] = inside
        if inside[-1] > 1e200:
            paths *= 1e-200
            scale += 200 * math.log(10)
    if paths[m] <= 0:
        return 1.0
    log_all = special.gammaln(n + m + 1) - special.gammaln(n + 1) - special.gammaln(m + 1)
    outside = -math.expm1(min(0.0, math.log(paths[m]) + scale - float(log_all)))
    if outside > 1e-8:
        return min(1.0, outside)
    root = math.sqrt(n * m / (n + m))  # so small that the subtraction has no digits left
    return float(special.kolmogorov((root + 0.12 + 0.11 / root) * d))


def _kuiper_p(scaled: float) -> float:
    if scaled < 0.4:
        return 1.0
    square = (np.arange(1, 101) * scaled) ** 2
    return float(min(1.0, max(0.0, 2 * ((4 * square - 1) * np.exp(-2 * square)).sum())))


def _anderson_variance(sizes: tuple[int, int]) -> float:
    """Variance of the statistic under no difference (Scholz and Stephens, equation 4; k = 2)."""
    total = sum(sizes)
    big_h = sum(1 / size for size in sizes)
    h = float((1 / np.arange(1, total)).sum())
    i = np.arange(1, total - 1)
    harmonic = np.cumsum(1 / np.arange(1, total))  # harmonic[k - 1] = 1 + ... + 1/k
    g = float(((h - harmonic[i - 1]) / (total - i)).sum())
    a = (4 * g - 6) + (10 - 6 * g) * big_h
    b = (2 * g - 4) * 4 + 8 * h * 2 + (2 * g - 14 * h - 4) * big_h - 8 * h + 4 * g - 6
    c = (6 * h + 2 * g - 2) * 4 + (4 * h - 4 * g + 6) * 2 + (2 * h - 6) * big_h + 4 * h
    d = (2 * h + 6) * 4 - 4 * h * 2
    variance: float = (a * total**3 + b * total**2 + c * total + d) / ((total - 1.0) * (total - 2.0) * (total - 3.0))
    return variance


_ANDERSON_LEVELS = np.log([0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001])
_ANDERSON_CRITICAL = (  # b0 + b1 / sqrt(m) + b2 / m with m = 1, Scholz and Stephens' table 2 as extended for k-sample use
    np.array([0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085])
    + np.array([-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615])
    + np.array([-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154])
)
_ANDERSON_FIT = np.polyfit(_ANDERSON_CRITICAL, _ANDERSON_LEVELS, 2)


def _anderson_p(normalised: float) -> float:
    if normalised < _ANDERSON_CRITICAL.min():
        return 0.25
    if normalised > _ANDERSON_CRITICAL.max():
        return 0.001
    return float(math.exp(np.polyval(_ANDERSON_FIT, normalised)))


def _cvm_limit(scaled: float) -> float:
    """1 - the limit distribution function (Csorgo and Faraway 1996, equation 1.2)."""
    total = 0.0
    for k in range(20):
        odd = 4 * k + 1
        u = odd**2 / (16 * scaled)
        term = math.exp(special.gammaln(k + 0.5) - special.gammaln(k + 1)) / (math.pi**1.5 * math.sqrt(scaled))
        term *= math.sqrt(odd) * math.exp(-u) * float(special.kv(0.25, u))
        total += term
        if k > 2 and term < 1e-15:
            break
    return min(1.0, max(0.0, 1.0 - total))
