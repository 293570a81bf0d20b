"""Which rows people should label: a stratified sample in one pass, with more of the rows of which the model is unsure.

Strata are score bins x slices. Each keeps the rows that drew the smallest random numbers, which is a reservoir: the first n of them are a
simple random sample of n, also of several strata taken together. When the log has been read, Neyman's allocation says how many each gives:
as many as it has rows, times the spread sqrt(p (1 - p)) that is to be expected of right and wrong in it, and never none.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.numbers.intervals import Z

Floats = NDArray[np.float64]
Row = TypeVar("Row")

BINS = 10  # of the score
MOST_KEPT = 10_000  # rows in all reservoirs together, or twice as many as are to be drawn
SUREST = 0.97  # nobody knows yet whether scores near 1 are deserved, so no row counts as more certain than this
UNKNOWN = 0.5  # chance to be right without a score: the widest interval there can be


class Stratum(NamedTuple):
    """Rows that are drawn from together: one score bin of one slice, or several of them."""

    bins: tuple[Hashable, ...]
    slices: tuple[int, ...]  # position of the slice; -1: in none of them
    rows: int
    right: float  # mean chance that the prediction is right
    drawn: int = 0

    @property
    def weight(self) -> float:
        """1 / the chance of a row to be drawn."""
        return self.rows / self.drawn


class Drawn(NamedTuple, Generic[Row]):
    """One row that people should label."""

    row: Row
    stratum: Stratum


class _Reservoir(Generic[Row]):
    __slots__ = ("kept", "right", "rows")

    def __init__(self) -> None:
        self.rows = 0
        self.right = 0.0
        self.kept: list[tuple[float, int, Row]] = []  # (-random number, a number of its own, row): the largest random number first


class Draw(Generic[Row]):
    """Rows go by once; `drawn` says which were drawn."""

    def __init__(self, n: int, seed: int | None = None) -> None:
        """Draw n rows; with a seed the same ones each time."""
        self._n = n
        self._limit = n  # rows that a reservoir keeps
        self._random = np.random.default_rng(seed)
        self._reservoirs: dict[tuple[Hashable, int], _Reservoir[Row]] = {}
        self._seen = 0

    @property
    def rows(self) -> int:
        """Rows that went by."""
        return sum(one.rows for one in self._reservoirs.values())

    def add(self, bins: Sequence[Hashable], slices: Sequence[int], right: Floats, row: Callable[[int], Row]) -> None:
        """Some rows.

        Args:
            bins: the score bin of each.
            slices: the position of the slice that each belongs to, -1 for none.
            right: the chance that each prediction is right; nan where it has no score.
            row: makes what is to be kept of one, by its position.
        """
        chances = np.where(np.isfinite(right), np.clip(right, 1 - SUREST, SUREST), UNKNOWN).tolist()
        numbers = self._random.random(len(chances)).tolist()
        for place, (key, chance, number) in enumerate(zip(zip(bins, slices, strict=True), chances, numbers, strict=True)):
            reservoir = self._reservoirs.get(key)
            if reservoir is None:
                reservoir = self._reservoirs[key] = _Reservoir()
                self._shrink()
            reservoir.rows += 1
            reservoir.right += chance
            kept = reservoir.kept
            if len(kept) < self._limit:
                heapq.heappush(kept, (-number, self._next(), row(place)))
            elif -number > kept[0][0]:
                heapq.heapreplace(kept, (-number, self._next(), row(place)))

    def drawn(self) -> list[Drawn[Row]]:
        """The sample, in random order; all rows where there are no more than asked for."""
        result: list[Drawn[Row]] = []
        for stratum, kept in self._allocated():
            chosen = sorted(kept, key=lambda one: -one[0])[: stratum.drawn]
            result += [Drawn(row, stratum) for _, _, row in chosen]
        return [result[place] for place in self._random.permutation(len(result))]

    def _next(self) -> int:
        self._seen += 1
        return self._seen

    def _shrink(self) -> None:
        """Keep fewer of each stratum when there are many."""
        limit = min(self._limit, max(1, max(MOST_KEPT, 2 * self._n) // len(self._reservoirs)))
        if limit < self._limit:
            self._limit = limit
            for reservoir in self._reservoirs.values():
                while len(reservoir.kept) > limit:
                    heapq.heappop(reservoir.kept)

    def _allocated(self) -> list[tuple[Stratum, list[tuple[float, int, Row]]]]:
        groups = _merged(sorted(self._reservoirs, key=str), self._n)
        result: list[tuple[Stratum, list[tuple[float, int, Row]]]] = []
        for keys in groups:
            parts = [self._reservoirs[key] for key in keys]
            rows = sum(part.rows for part in parts)
            right = sum(part.right for part in parts) / rows
            bins, slices = (tuple(dict.fromkeys(key[at] for key in keys)) for at in (0, 1))
            result.append((Stratum(bins, slices, rows, right), [one for part in parts for one in part.kept]))  # type: ignore[arg-type]
        # Also of strata taken together, the rows with the smallest numbers are among those that their reservoirs kept.
        most = np.array([min(stratum.rows, self._limit) for stratum, _ in result])
        drawn = allocated(np.array([s.rows for s, _ in result], dtype=float), np.array([s.right for s, _ in result]), self._n, most)
        return [(stratum._replace(drawn=int(count)), kept) for (stratum, kept), count in zip(result, drawn, strict=True)]


def allocated(rows: Floats, right: Floats, n: int, most: NDArray[np.integer]) -> NDArray[np.int64]:
    """How many rows each stratum gives: Neyman's allocation, at least one (two, where n allows it) and at most what it has."""
    if not len(rows):
        return np.zeros(0, dtype=np.int64)
    n = min(n, int(most.sum()))
    least = np.minimum(most, 2 if 4 * len(rows) <= n else 1)
    pull = rows * np.sqrt(right * (1 - right))
    open_ = np.ones(len(rows), dtype=bool)
    share = least.astype(np.float64)
    while open_.any():
        left = n - share[~open_].sum()
        ideal = left * pull / pull[open_].sum()
        over, under = open_ & (ideal >= most), open_ & (ideal <= least)
        if over.any():
            share[over] = most[over]
            open_ &= ~over
        elif under.any():
            share[under] = least[under]
            open_ &= ~under
        else:
            share[open_] = ideal[open_]
            break
    whole: NDArray[np.int64] = np.minimum(np.maximum(np.floor(share + 1e-9).astype(np.int64), least), most)
    for place in np.argsort(whole - share, kind="stable"):  # the largest remainders first
        if whole.sum() >= n:
            break
        whole[place] += whole[place] < most[place]
    return whole


def half_width(strata: Sequence[Stratum]) -> float:
    """Half of the 95 % interval of accuracy to expect of a sample, by the variance that will be computed from it."""
    rows = sum(stratum.rows for stratum in strata)
    if not rows:
        return math.nan
    mean = sum(stratum.rows * stratum.right for stratum in strata) / rows
    variance = 0.0
    for stratum in strata:
        spread = stratum.right * (1 - mean) ** 2 + (1 - stratum.right) * mean**2
        variance += stratum.drawn * (stratum.weight / rows) ** 2 * spread
    return Z * math.sqrt(variance)


def bin_of(score: float) -> int:
    """The score bin, 0 to 9; -1 without a usable score."""
    return min(int(score * BINS + 1e-9), BINS - 1) if 0.0 <= score <= 1.0 else -1


def _merged(keys: list[tuple[Hashable, int]], n: int) -> list[list[tuple[Hashable, int]]]:
    """Strata that are taken together so that there are at most n: first all bins of a slice, then all slices."""
    if len(keys) <= n:
        return [[key] for key in keys]
    slices = sorted({key[1] for key in keys})
    if len(slices) <= n:
        return [[key for key in keys if key[1] == one] for one in slices]
    return [keys]
