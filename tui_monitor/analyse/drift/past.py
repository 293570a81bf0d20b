"""What came since the reference: running counts, and what the reference would have expected, so that any stretch is a difference of two."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from tui_monitor.analyse.drift.judge import Floats

MOST_SNAPSHOTS = 384  # beyond, the older half is thinned: a day stays, more coarsely


class Stretch(NamedTuple):
    """Rows since a time: per bin, and as many as the reference would have had there at those hours."""

    since_s: float
    counts: Floats
    expected: Floats
    amount: float = 0.0  # sum of their values, where the source tells it

    @property
    def rows(self) -> float:
        """How many."""
        return float(self.counts.sum())


class Snapshot(Struct, frozen=True):
    """The running counts as they were at a time."""

    at_s: float
    total: list[float]
    expected: list[float]
    amount: float = 0.0


class Past:
    """Running counts since the reference."""

    def __init__(self, bins: int) -> None:
        self._bins = bins
        self._now: Floats = np.zeros(2 * bins + 1)  # rows per bin, rows expected there, and the sum of their values
        self._times: Floats = np.zeros(MOST_SNAPSHOTS + 1)
        self._before: Floats = np.zeros(
            (MOST_SNAPSHOTS + 1, 2 * bins + 1)
        )  # the running counts before the rows since those times, oldest first
        self._kept = 0

    @property
    def total(self) -> Floats:
        """All rows, per bin."""
        return self._now[: self._bins]

    @property
    def expected(self) -> Floats:
        """What the reference would have had, per bin."""
        return self._now[self._bins : -1]

    @property
    def amount(self) -> float:
        """Sum of all values."""
        return float(self._now[-1])

    def add(self, since_s: float, counts: Floats, shares: Floats, amount: float = 0.0) -> None:
        """Rows that came since a time, the shares that the reference has for that hour, and the sum of the rows' values."""
        if self._kept > MOST_SNAPSHOTS:
            half = MOST_SNAPSHOTS // 2
            kept = np.concatenate([np.arange(0, half, 2), np.arange(half, self._kept)])
            self._kept = kept.size
            self._times[: kept.size], self._before[: kept.size] = self._times[kept], self._before[kept]
        self._times[self._kept], self._before[self._kept] = since_s, self._now
        self._kept += 1
        now = self._now.copy()  # stretches that were given out stay as they are
        now[: self._bins] += counts
        now[self._bins : -1] += shares * counts.sum()
        now[-1] += amount
        self._now = now

    def _stretch(self, since_s: float, place: int | None) -> Stretch:
        gap = self._now if place is None else self._now - self._before[place]
        return Stretch(since_s, gap[: self._bins], gap[self._bins : -1], float(gap[-1]))

    def _place(self, at_s: float) -> int | None:
        if not self._kept:
            return None
        known = np.flatnonzero(self._times[: self._kept] <= at_s)
        return int(known[-1]) if known.size else 0

    def since(self, at_s: float) -> Stretch:
        """The rows since a time, or since the oldest moment that is kept before it."""
        place = self._place(at_s)
        return self._stretch(at_s if place is None else float(self._times[place]), place)

    def newest(self, rows: float) -> Stretch:
        """The newest rows, at least so many where there are."""
        if not self._kept:
            return self._stretch(0.0, None)
        came = self.total.sum() - self._before[: self._kept, : self._bins].sum(axis=1)
        place = max(int(np.searchsorted(-came, -rows, side="right")) - 1, 0)
        return self._stretch(float(self._times[place]), place if came[place] >= rows else None)

    def gaps(self, starts_s: list[float], *, category: bool, least: float) -> list[float | None]:
        """`effect(since(start_s))` of several starts at once; None where there are fewer rows than `least`."""
        places = [place for at_s in starts_s if (place := self._place(at_s)) is not None]
        if not places:
            return [None] * len(starts_s)
        stretch = self._now - self._before[places]
        counts, expected = stretch[:, : self._bins], stretch[:, self._bins : -1]
        rows = counts.sum(axis=1)
        moved = counts / np.maximum(rows, 1e-300)[:, None] - expected / np.maximum(expected.sum(axis=1), 1e-300)[:, None]
        if not category:
            moved = np.cumsum(moved, axis=1)[:, :-1]
        sizes = np.abs(moved).max(axis=1, initial=0.0)
        return [float(size) if came >= least else None for size, came in zip(sizes, rows, strict=True)]

    def __len__(self) -> int:
        """How many moments are kept."""
        return self._kept

    def slots(self, since_s: float, before: int = 0) -> tuple[Floats, Floats, Floats]:
        """(times, counts, expected counts) of each stretch between snapshots since a time, and `before` of them earlier; one row a slot."""
        if not self._kept:
            return np.zeros(0), np.zeros((0, self._bins)), np.zeros((0, self._bins))
        times = self._times[: self._kept]
        later = np.flatnonzero(times >= since_s)
        first = max(0, (int(later[0]) if later.size else self._kept - 1) - before)
        known = np.diff(np.vstack([self._before[first : self._kept], self._now]), axis=0)
        return times[first:].copy(), known[:, : self._bins], known[:, self._bins : -1]

    def dump(self) -> list[Snapshot]:
        """The snapshots; the newest one holds the running counts of now."""
        known = [*zip(self._times[: self._kept].tolist(), self._before, strict=False), (np.inf, self._now)]
        return [Snapshot(at_s, row[: self._bins].tolist(), row[self._bins : -1].tolist(), float(row[-1])) for at_s, row in known]

    @classmethod
    def load(cls, saved: list[Snapshot]) -> Past:
        """As `dump` gave it.

        Raises:
            ValueError: it does not fit together.
        """
        if not saved or len({len(one.total) for one in saved} | {len(one.expected) for one in saved}) != 1:
            raise ValueError("the snapshots of a signal do not fit together")
        past = cls(len(saved[0].total))
        kept = saved[:-1][-MOST_SNAPSHOTS - 1 :]
        for place, one in enumerate(kept):
            past._times[place], past._before[place] = one.at_s, [*one.total, *one.expected, one.amount]
        past._kept = len(kept)
        past._now = np.asarray([*saved[-1].total, *saved[-1].expected, saved[-1].amount])
        return past


class Effect(NamedTuple):
    """The largest difference to what was expected, and where: the cut above which, or the category in which, it lies."""

    size: float
    at: int


def effect(stretch: Stretch, *, category: bool) -> Effect:
    """Largest difference of a category's share, or of the distribution functions at an edge."""
    rows = stretch.rows
    if rows <= 0:
        return Effect(0.0, 0)
    expected, now = stretch.expected / max(float(stretch.expected.sum()), 1e-300), stretch.counts / rows
    if not category:
        expected, now = np.cumsum(expected)[:-1], np.cumsum(now)[:-1]
    if not expected.size:
        return Effect(0.0, 0)
    gap = np.abs(expected - now)
    at = int(gap.argmax())
    return Effect(float(gap[at]), at)
