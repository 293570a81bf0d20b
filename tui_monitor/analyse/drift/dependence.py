"""How many rows tell as much as one independent row: the correlation time tau of an ordered reference.

Rows that resemble their neighbours are worth less than one each; counts and the reference's size are divided by tau. Without that a
judge whose false alarms are set to one in thirty days raises hundreds a day on correlated rows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.judge import Floats

WINDOW = 5.0  # the sum over lags stops at this many times tau (Sokal 1997)
MOST_ROWS = 200_000  # of a reference that are looked at: the newest
LEAST_ROWS = 50  # below, nothing can be said and tau is 1
MOST_CATEGORIES = 8
CAUTION = 1.64  # standard errors of tau that are added to it: too small a tau cries wolf, too large a one is only late
SLOT_S = 60.0  # gaps up to that are none
SILENT = 0.25  # of the time, from which on rows come in bursts
SURE = 2.0  # standard errors beyond 1 from which on rows are taken to depend on each other at all


def ranks(values: Floats) -> Floats:
    """Ranks from 1, equal values share the mean of theirs: ranking ties by position would invent a trend."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Floats = last - (counts - 1) / 2
    return means[place]


def correlation_time(values: Floats) -> float:
    """Integrated autocorrelation time of the ranks of values in order of time; at least 1.

    tau = 1 + 2 (rho_1 + ... + rho_W) with the smallest W >= 5 tau.
    """
    values = values[-MOST_ROWS:]
    if values.size < LEAST_ROWS:
        return 1.0
    return _integrated(ranks(values))


def correlation_time_of_categories(codes: NDArray[np.int64]) -> float:
    """The largest tau among the most frequent categories, each as a series of zeros and ones."""
    codes = codes[-MOST_ROWS:]
    if codes.size < LEAST_ROWS:
        return 1.0
    names, counts = np.unique(codes, return_counts=True)
    frequent = names[np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]]
    return max(_integrated((codes == name).astype(np.float64)) for name in frequent)


def cautious(tau: float, rows: float) -> float:
    """What to reckon with when tau was found in so few rows: its upper bound, or 1 where it is 1 within its error.

    The standard error is tau sqrt((4 W + 2) / n), and taking the mean out of n rows hides tau (2 W + 1) / n of it, with the window W = 5 tau
    (Madras and Sokal 1988).
    """
    if rows < LEAST_ROWS or tau <= 1 + SURE * math.sqrt((4 * WINDOW + 2) / rows):
        return 1.0
    hidden = min(0.5, (2 * WINDOW * tau + 1) / rows)
    found = tau / (1 - hidden)
    return found * (1 + CAUTION * math.sqrt((4 * WINDOW * found + 2) / rows))


def bursts(times: Floats, until_s: float) -> float:
    """In how many bursts rows came; infinite where they came all the time.

    Rows of one burst may resemble each other in whatever way, and only other bursts tell how much: few bursts tell little, however many rows.

    Args:
        times: of slots that have rows, rising, at least one.
        until_s: now.
    """
    gaps = np.diff(times)
    slot_s = max(SLOT_S, float(np.median(gaps)) if gaps.size else 0.0)
    silent = np.append(gaps, until_s - times[-1]) - slot_s
    if silent[silent > slot_s / 2].sum() <= SILENT * (until_s - times[0]):
        return math.inf
    return float(np.count_nonzero(silent[:-1] > slot_s / 2) + 1)


def _integrated(series: Floats) -> float:
    centred = series - series.mean()
    variance = float(centred @ centred)
    if variance <= 0:
        return 1.0
    size = 1 << int(np.ceil(np.log2(2 * centred.size)))
    spectrum = np.fft.rfft(centred, size)
    rho = np.fft.irfft(spectrum * spectrum.conj(), size)[: centred.size] / variance
    taus = 2 * np.cumsum(rho) - 1
    window = np.flatnonzero(np.arange(taus.size) >= WINDOW * taus)
    found = float(taus[window[0]]) if window.size else float(taus[-1])
    return max(1.0, found)
