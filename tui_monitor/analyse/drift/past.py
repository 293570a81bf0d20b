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

    @property
    def rows(self) -> float:
        """How many."""
        return float(self.counts.sum())


class Snapshot(Struct, frozen=True):
    """The running counts as they were at a time."""

    at_s: float
    total: list[float]
    expected: list[float]


class Past:
    """Running counts since the reference."""

    def __init__(self, bins: int) -> None:
        self.total: Floats = np.zeros(bins)
        self.expected: Floats = np.zeros(bins)
        self._before: list[tuple[float, Floats, Floats]] = []  # as they were before the rows since then, oldest first

    def add(self, since_s: float, counts: Floats, shares: Floats) -> None:
        """Rows that came since a time, and the shares that the reference has for that hour."""
        self._before.append((since_s, self.total, self.expected))
        if len(self._before) > MOST_SNAPSHOTS:
            half = MOST_SNAPSHOTS // 2
            self._before = self._before[:half:2] + self._before[half:]
        self.total = self.total + counts
        self.expected = self.expected + shares * counts.sum()

    def since(self, at_s: float) -> Stretch:
        """The rows since a time, or since the oldest moment that is kept before it."""
        known = next((one for one in reversed(self._before) if one[0] <= at_s), self._before[0] if self._before else None)
        if known is None:
            return Stretch(at_s, self.total, self.expected)
        return Stretch(known[0], self.total - known[1], self.expected - known[2])

    def newest(self, rows: float) -> Stretch:
        """The newest rows, at least so many where there are."""
        for since_s, total, expected in reversed(self._before):
            if float(self.total.sum() - total.sum()) >= rows:
                return Stretch(since_s, self.total - total, self.expected - expected)
        return Stretch(self._before[0][0] if self._before else 0.0, self.total, self.expected)

    def slots(self, since_s: float, before: int = 0) -> tuple[Floats, Floats, Floats]:
        """(times, counts, expected counts) of each stretch between snapshots since a time, and `before` of them earlier; one row a slot."""
        first = next((place for place, one in enumerate(self._before) if one[0] >= since_s), len(self._before) - 1)
        kept = self._before[max(0, first - before) :]
        if not kept:
            return np.zeros(0), np.zeros((0, self.total.size)), np.zeros((0, self.total.size))
        times = np.asarray([one[0] for one in kept])
        total = np.stack([*(one[1] for one in kept), self.total])
        expected = np.stack([*(one[2] for one in kept), self.expected])
        return times, np.diff(total, axis=0), np.diff(expected, axis=0)

    def dump(self) -> list[Snapshot]:
        """The snapshots; the newest one holds the running counts of now."""
        known = [*self._before, (np.inf, self.total, self.expected)]
        return [Snapshot(at_s, total.tolist(), expected.tolist()) for at_s, total, expected in known]

    @classmethod
    def load(cls, saved: list[Snapshot]) -> Past:
        """As `dump` gave it.

        Raises:
            ValueError: it does not fit together.
        """
        if not saved or len({len(one.total) for one in saved} | {len(one.expected) for one in saved}) != 1:
            raise ValueError("the snapshots of a signal do not fit together")
        past = cls(len(saved[0].total))
        past._before = [(one.at_s, np.asarray(one.total), np.asarray(one.expected)) for one in saved[:-1]]
        past.total, past.expected = np.asarray(saved[-1].total), np.asarray(saved[-1].expected)
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
