"""Tests and distances of counts: bins of numbers, or categories. One vector a side, of equal length; no row is needed."""

from __future__ import annotations

import math

import numpy as np

from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.model import Measured

FLOOR = 1e-4  # of a share, in PSI and KL: an empty bin would make them infinite
DECILES = np.linspace(0.1, 0.9, 9)


def decile_edges(reference: Floats) -> Floats:
    """The reference's deciles, repeated ones merged: the edges that PSI, KL, JS and Hellinger stand on."""
    return np.unique(np.quantile(reference, DECILES))


def binned(values: Floats, edges: Floats) -> Floats:
    """Counts per bin, `len(edges) + 1` of them; a value equal to an edge counts below it."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=edges.size + 1).astype(np.float64)


def psi(reference: Floats, now: Floats) -> Measured:
    """Population stability index, nats, shares floored at 1e-4."""
    p, q = _floored(reference), _floored(now)
    return Measured(float(((q - p) * np.log(q / p)).sum()))


def kl(reference: Floats, now: Floats) -> Measured:
    """Kullback-Leibler divergence of now from the reference, nats, shares floored at 1e-4."""
    p, q = _floored(reference), _floored(now)
    return Measured(float((q * np.log(q / p)).sum()))


def js(reference: Floats, now: Floats) -> Measured:
    """Jensen-Shannon distance, base 2, 0..1."""
    p, q = reference / reference.sum(), now / now.sum()
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / (2 * math.log(2))
    return Measured(math.sqrt(max(divergence, 0.0)))


def hellinger(reference: Floats, now: Floats) -> Measured:
    """Hellinger distance, 0..1."""
    p, q = reference / reference.sum(), now / now.sum()
    return Measured(math.sqrt(max(0.0, 1.0 - float(np.sqrt(p * q).sum()))))


def l_infinity(reference: Floats, now: Floats) -> Measured:
    """The largest difference of a share."""
    return Measured(float(np.abs(reference / reference.sum() - now / now.sum()).max()))


def chi_square(reference: Floats, now: Floats) -> Measured:
    """Pearson's chi-square on the 2 x K table, without Yates' correction; categories that neither side has are left out."""
    table, expected = _table(reference, now)
    if table.shape[1] < 2:
        return Measured(None)
    statistic = float(((table - expected) ** 2 / expected).sum())
    return Measured(statistic, beyond(table.shape[1] - 1, statistic))


def g_test(reference: Floats, now: Floats) -> Measured:
    """The likelihood ratio G on the 2 x K table."""
    table, expected = _table(reference, now)
    if table.shape[1] < 2:
        return Measured(None)
    statistic = max(0.0, 2 * _relative_entropy(table, expected))  # the margins are equal: the rest of rel_entr's law is zero
    return Measured(statistic, beyond(table.shape[1] - 1, statistic))


def cramers_v(reference: Floats, now: Floats) -> Measured:
    """Cramer's V of the 2 x K table: sqrt(chi-square / N), 0..1."""
    statistic = chi_square(reference, now).statistic
    return Measured(None if statistic is None else math.sqrt(statistic / float(reference.sum() + now.sum())))


def fisher(reference: Floats, now: Floats) -> Measured:
    """Fisher's exact test of a 2 x 2 table, two-sided: tables at most as likely as this one. The statistic is the sample's odds ratio."""
    if reference.size != 2:
        return Measured(None)
    (a, b), (c, d) = (int(x) for x in reference), (int(x) for x in now)
    odds = None if b * c == 0 else a * d / (b * c)
    row, column, total = a + b, a + c, a + b + c + d
    cells = np.arange(max(0, row + column - total), min(row, column) + 1, dtype=np.float64)
    logs = _log_choose(column, cells) + _log_choose(total - column, row - cells)
    from scipy import special

    logs -= special.logsumexp(logs)
    own = logs[a - int(cells[0])]
    return Measured(odds, min(1.0, float(np.exp(logs[logs <= own + 1e-7]).sum())))


def _log_choose(n: int, k: Floats) -> Floats:
    from scipy import special

    logs: Floats = special.gammaln(k + 1) + special.gammaln(n - k + 1) - float(special.gammaln(n + 1))
    return -logs


def beyond(freedom: int, statistic: float) -> float:
    """P(chi-square of so many degrees of freedom > statistic): the closed sums of Abramowitz and Stegun 26.4.4 and 26.4.5."""
    if freedom < 1 or statistic <= 0:
        return 1.0
    half = statistic / 2
    if freedom % 2:
        found, term, place = math.erfc(math.sqrt(half)), math.exp(-half) * math.sqrt(half) / math.gamma(1.5), 0.5
    else:
        found, term, place = math.exp(-half), math.exp(-half) * half, 1.0
    for _ in range((freedom - 1) // 2):
        found += term
        place += 1
        term *= half / place
    return min(1.0, found)


def _relative_entropy(counts: Floats, expected: Floats) -> float:
    """Sum of counts log(counts / expected); nothing for empty bins."""
    some = counts > 0
    with np.errstate(divide="ignore"):
        return float((counts[some] * np.log(counts[some] / expected[some])).sum())


def _floored(counts: Floats) -> Floats:
    floored: Floats = np.maximum(counts / counts.sum(), FLOOR)
    return floored


def _table(reference: Floats, now: Floats) -> tuple[Floats, Floats]:
    table = np.stack([reference, now])
    table = table[:, table.sum(axis=0) > 0]
    return table, np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
