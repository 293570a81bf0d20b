"""How many rows tell as much as one independent row: the correlation time tau of an ordered reference.

Rows that resemble their neighbours are worth less than one each; counts and the reference's size are divided by tau. Without that a
judge whose false alarms are set to one in thirty days raises hundreds a day on correlated rows. Of less than a day only what came and went a
dozen times is known: bursts with silence between them, and moods of minutes without.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.judge import Floats, telling

WINDOW = 5.0  # the sum over lags stops at this many times tau (Sokal 1997)
MOST_ROWS = 200_000  # of a reference that are looked at: the newest
LEAST_ROWS = 50  # below, nothing can be said and tau is 1
MOST_CATEGORIES = 8
CAUTION = 1.64  # standard errors of tau that are added to it: too small a tau cries wolf, too large a one is only late
SLOT_S = 60.0  # gaps up to that are none
SILENT = 0.25  # of the time, from which on rows come in bursts
SURE = 2.0  # standard errors beyond 1 from which on rows are taken to depend on each other at all
SLOWEST_S = 1.5 * 3600.0  # a wave that tells of moods: in longer ones is the hour of the day too
LEAST_SLOTS = 12  # with rows, below which nothing can be said of waves
SURE_OF_MOODS = 3.7  # standard errors: 1 in 10,000 by chance
MOODS_A_WAVE = 1.25  # that were seen for each half wave up to where half of what is beyond chance lies: tried on moods of 5 to 40 minutes
LEAST_SEEN = 12  # bursts or moods: rows of one may be alike in whatever way, and an hour with few of them is like no other hour
LEAST_WORTH = 125  # rows that do not depend on each other: fewer tell neither what is usual nor their own tau


class Moods(NamedTuple):
    """Stretches of time in which rows resemble each other."""

    seen: float  # how many; infinite where slots are no more alike than chance
    tau: float  # rows that tell as much as one, at least


NO_MOODS = Moods(math.inf, 1.0)


class Enough(NamedTuple):
    """Whether rows of less than a day tell what is usual."""

    why_not: str  # for people; empty: they do
    tau: float  # rows that tell as much as one
    part: float = 1.0  # of what is needed, that was seen


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


def enough(times: Floats, slots: Floats, tests: Floats, tau: float, until_s: float) -> Enough:
    """Whether rows that came in less than a day tell what is usual: only what came and went a dozen times in them is known.

    Args:
        times: of the slots, rising.
        slots: counts, one row each.
        tests: which bins each test adds up, as `judge.cuts` or `judge.singles`.
        tau: rows that tell as much as one, as found by other means.
        until_s: now.
    """
    came = slots.sum(axis=1) > 0
    if not came.any():
        return Enough("it has no rows", tau, 0.0)
    if (seen := bursts(times[came], until_s)) < LEAST_SEEN:
        return Enough(f"its rows come in bursts, {seen:.0f} of {LEAST_SEEN} seen", tau, seen / LEAST_SEEN)
    found = moods(slots, tests, float(times[-1] - times[0]))
    tau = max(tau, found.tau)
    if found.seen < LEAST_SEEN:
        return Enough(
            f"rows of some minutes resemble each other, {found.seen:.0f} of {LEAST_SEEN} such times seen", tau, found.seen / LEAST_SEEN
        )
    if (rows := float(slots.sum())) < LEAST_WORTH * tau:
        return Enough(f"its rows resemble their neighbours, {tau:.0f} tell as much as one", tau, rows / (LEAST_WORTH * tau))
    return Enough("", tau)


def moods(slots: Floats, tests: Floats, span_s: float) -> Moods:
    """Whether rows come in moods of minutes, with silence between them or not, and how many moods were seen.

    The course of each test's share is taken apart into waves. Where slots do not resemble each other all are equally strong; where moods last,
    the long ones are stronger, and how long those are tells how long moods last. A trend is in the very longest, which are left out.

    Args:
        slots: counts, one row a slot, in order of time.
        tests: which bins each test adds up, as `judge.cuts` or `judge.singles`.
        span_s: from the first slot's time to the last one's.
    """
    slots = slots[slots.sum(axis=1) > 0]
    if len(slots) < LEAST_SLOTS:
        return NO_MOODS
    rows, inside = slots.sum(axis=1, keepdims=True), slots @ tests.T
    share = inside.sum(axis=0) / rows.sum()
    told = telling(share)
    if not told.any():
        return NO_MOODS
    share, inside = share[told], inside[:, told]
    strength = _waves((inside - rows * share) / np.sqrt(rows * share * (1 - share)))
    half = len(slots) // 2
    first = min(max(2, math.ceil(2 * span_s / SLOWEST_S)), half)
    long, noise = strength[first:half], np.maximum(strength[half:].mean(axis=0), 1.0)
    many = np.arange(1, len(long) + 1)[:, None]
    summed = np.cumsum(long / noise, axis=0)
    sure = (np.cbrt(summed / many) - 1 + 2 / (9 * many)) / np.sqrt(2 / (9 * many))  # of a chi-square (Wilson and Hilferty 1931)
    waves = len(slots) - first
    found = Moods(math.inf, max(1.0, float(strength[first:].mean()) * (1 - math.sqrt(3 / waves))))
    for test in np.flatnonzero((sure > SURE_OF_MOODS).any(axis=0)):
        beyond = summed[:, test] - many[:, 0]
        up_to = int(np.flatnonzero(beyond >= beyond.max() / 2)[0])
        found = Moods(min(found.seen, MOODS_A_WAVE * (first + up_to)), max(found.tau, float(long[: up_to + 1, test].mean())))
    return found


def _waves(series: Floats) -> Floats:
    """Squared strength of the cosines of 0, 1, 2 ... half turns in each column (DCT-II, orthonormal: 1 each where rows are independent)."""
    size = len(series)
    turned = np.fft.rfft(np.concatenate([series, series[::-1]]), axis=0)[:size]
    strength: Floats = (turned * np.exp(-0.5j * np.pi * np.arange(size) / size)[:, None]).real ** 2 / (2 * size)
    return strength


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
