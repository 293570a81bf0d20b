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
        self.total: Floats = np.zeros(bins)
        self.expected: Floats = np.zeros(bins)
        self.amount = 0.0
        self._before: list[tuple[float, Floats, Floats, float]] = []  # as they were before the rows since then, oldest first

    def add(self, since_s: float, counts: Floats, shares: Floats, amount: float = 0.0) -> None:
        """Rows that came since a time, the shares that the reference has for that hour, and the sum of the rows' values."""
        self._before.append((since_s, self.total, self.expected, self.amount))
        if len(self._before) > MOST_SNAPSHOTS:
            half = MOST_SNAPSHOTS // 2
            self._before = self._before[:half:2] + self._before[half:]
        self.total = self.total + counts
        self.expected = self.expected + shares * counts.sum()
        self.amount += amount

    def since(self, at_s: float) -> Stretch:
        """The rows since a time, or since the oldest moment that is kept before it."""
        known = next((one for one in reversed(self._before) if one[0] <= at_s), self._before[0] if self._before else None)
        if known is None:
            return Stretch(at_s, self.total, self.expected, self.amount)
        return Stretch(known[0], self.total - known[1], self.expected - known[2], self.amount - known[3])

    def newest(self, rows: float) -> Stretch:
        """The newest rows, at least so many where there are."""
        now = float(self.total.sum())
        for since_s, total, expected, amount in reversed(self._before):
            if now - float(total.sum()) >= rows:
                return Stretch(since_s, self.total - total, self.expected - expected, self.amount - amount)
        return Stretch(self._before[0][0] if self._before else 0.0, self.total, self.expected, self.amount)

    def __len__(self) -> int:
        """How many moments are kept."""
        return len(self._before)

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
        known = [*self._before, (np.inf, self.total, self.expected, self.amount)]
        return [Snapshot(at_s, total.tolist(), expected.tolist(), amount) for at_s, total, expected, amount in known]

    @classmethod
    def load(cls, saved: list[Snapshot]) -> Past:
        """As `dump` gave it.

        Raises:
            ValueError: it does not fit together.
        """
        if not saved or len({len(one.total) for one in saved} | {len(one.expected) for one in saved}) != 1:
            raise ValueError("the snapshots of a signal do not fit together")
        past = cls(len(saved[0].total))
        past._before = [(one.at_s, np.asarray(one.total), np.asarray(one.expected), one.amount) for one in saved[:-1]]
        past.total, past.expected, past.amount = np.asarray(saved[-1].total), np.asarray(saved[-1].expected), saved[-1].amount
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
