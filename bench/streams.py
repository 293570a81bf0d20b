"""Streams of rows in which nothing changes, and such in which something does: what the judges are tried on.

Everything is made from a seed. A stream is a column of values with the time of each; time begins at midnight UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr

Floats: TypeAlias = NDArray[np.float64]
Chance: TypeAlias = np.random.Generator

START_S = 1_800_057_600.0  # a midnight
DAY_S = 86_400.0
EDGES = [float(digit * 10**power) for power in range(5) for digit in (1, 2, 5)]  # vLLM's buckets of tokens
CATEGORIES = 8


class Stream(NamedTuple):
    """Rows in order of time."""

    at_s: Floats
    values: NDArray[Any]


def regular(span_s: float, per_minute: float) -> Floats:
    """Times of rows that come evenly, each a little after its turn begins."""
    return START_S + (np.arange(round(span_s / 60 * per_minute)) + 0.5) * 60 / per_minute


def autoregressive(chance: Chance, rows: int, phi: float) -> Floats:
    """Standard normal rows, each remembering `phi` of the one before."""
    noise = chance.normal(size=rows) * np.sqrt(1 - phi**2)
    noise[:1] /= np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise), dtype=np.float64)


def shared(chance: Chance, group: NDArray[np.int64], share: float) -> Floats:
    """Standard normal rows; those of a group have `share` of their variance in common."""
    mood = chance.normal(size=int(group.max()) + 1)[group]
    return np.asarray(np.sqrt(share) * mood + np.sqrt(1 - share) * chance.normal(size=group.size))


def batches(chance: Chance, span_s: float, per_minute: float) -> Stream:
    """Batches of 20 rows at one moment each, sharing 64 % of their variance, at chance moments."""
    moments = START_S + np.sort(chance.uniform(0, span_s, round(span_s / 60 * per_minute / 20)))
    group = np.repeat(np.arange(moments.size), 20)
    return Stream(moments[group], shared(chance, group, 0.64))


def bursts(chance: Chance, span_s: float, per_minute: float) -> Stream:
    """Silence, then some hundred rows within minutes that resemble each other (20 % of the variance): lengths and gaps at chance."""
    rows = round(span_s / 60 * per_minute)
    sizes = 1 + chance.geometric(1 / 200, size=rows // 200 + 1)
    begins = START_S + np.sort(chance.uniform(0, span_s, sizes.size))
    group = np.repeat(np.arange(sizes.size), sizes)
    at_s = begins[group] + chance.uniform(0, 180, group.size)
    order = np.argsort(at_s)
    return Stream(at_s[order], shared(chance, group, 0.2)[order])


def daily(chance: Chance, span_s: float, per_minute: float, swing: float) -> Stream:
    """The mean follows the sun, `swing` standard deviations up and down."""
    at_s = regular(span_s, per_minute)
    return Stream(at_s, chance.normal(size=at_s.size) + swing * np.sin(2 * np.pi * (at_s - START_S) / DAY_S))


def weekly(chance: Chance, span_s: float, per_minute: float) -> Stream:
    """A daily swing of 0.3, and Saturdays and Sundays lower by half a standard deviation; a weekend comes and goes within hours."""
    at_s = regular(span_s, per_minute)
    of_week = (at_s / DAY_S + 5) % 7  # 0: Saturday begins
    weekend = np.clip(np.minimum(of_week, 2 - of_week) * 4 + 0.5, 0, 1) + np.clip((of_week - 7) * 4 + 0.5, 0, 1)
    return Stream(at_s, chance.normal(size=at_s.size) + 0.3 * np.sin(2 * np.pi * (at_s - START_S) / DAY_S) - 0.5 * weekend)


def tokens(values: Floats) -> Floats:
    """Normal rows as lengths in tokens: lognormal around 300."""
    return np.ceil(300 * np.exp(0.9 * values))


def words(uniform: Floats) -> NDArray[Any]:
    """Numbers of 0..1 as categories, some of them rare."""
    shares = 1 / np.arange(1, CATEGORIES + 1)
    names = np.asarray([f"class {i}" for i in range(CATEGORIES)], dtype=object)
    return names[np.searchsorted(np.cumsum(shares / shares.sum())[:-1], uniform)]


def _plain(make: Callable[[Chance, int], NDArray[Any]]) -> Callable[[Chance, float, float], Stream]:
    def made(chance: Chance, span_s: float, per_minute: float) -> Stream:
        at_s = regular(span_s, per_minute)
        return Stream(at_s, make(chance, at_s.size))

    return made


def moods(chance: Chance, span_s: float, per_minute: float) -> Stream:
    """Rows without silence between them; those of 20 minutes share 25 % of their variance. An hour of learning holds three such moods."""
    at_s = regular(span_s, per_minute)
    return Stream(at_s, shared(chance, ((at_s - START_S) // 1200).astype(np.int64), 0.25))


KINDS: dict[str, Callable[[Chance, float, float], Stream]] = {
    "iid": _plain(lambda chance, rows: chance.normal(size=rows)),
    "ar0.3": _plain(lambda chance, rows: autoregressive(chance, rows, 0.3)),
    "ar0.7": _plain(lambda chance, rows: autoregressive(chance, rows, 0.7)),
    "ar0.9": _plain(lambda chance, rows: autoregressive(chance, rows, 0.9)),
    "batches": batches,
    "bursts": bursts,
    "moods": moods,
    "daily0.3": lambda chance, span_s, per_minute: daily(chance, span_s, per_minute, 0.3),
    "daily0.6": lambda chance, span_s, per_minute: daily(chance, span_s, per_minute, 0.6),
    "weekly": weekly,
    "cauchy": _plain(lambda chance, rows: chance.standard_cauchy(size=rows)),
    "lognormal": _plain(lambda chance, rows: np.exp(2 * chance.normal(size=rows))),
    "discrete": _plain(lambda chance, rows: chance.choice(5, size=rows, p=[0.5, 0.25, 0.15, 0.08, 0.02]).astype(np.float64)),
    "errors": _plain(lambda chance, rows: (chance.random(rows) < 0.1).astype(np.float64)),
    "category": _plain(lambda chance, rows: words(chance.random(rows))),
    "category-ar0.7": _plain(lambda chance, rows: words(ndtr(autoregressive(chance, rows, 0.7)))),
}
"""Nothing changes in any of them."""

BUCKETS = ("iid", "ar0.7", "ar0.9", "batches", "bursts", "moods", "daily0.3", "daily0.6", "weekly")
"""Those that are tried as cumulative histograms too."""

MIXED = [name for name in KINDS if name != "moods"]
"""Of hosts with all kinds: moods are beyond what an hour can tell, and have rows of their own."""
