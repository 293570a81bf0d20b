"""What a signal learns its reference from: counts of slots, categories as they appear, or rows."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import MOST_CATEGORIES, NEW, OTHER, Bins
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.nature import Column, nature, of_numbers
from tui_monitor.analyse.drift.reference import Reference, of_rows, of_slots

MOST_SLOTS = 2048  # beyond, two neighbours become one
MOST_ROWS = 50_000  # held in memory, the newest; never written
NEARLY_ALL_NUMBERS = 0.95  # of a column of numbers; the rest is of the wrong type


class LearnedCounts:
    """Slots of a histogram whose edges are known."""

    def __init__(self, bins: Bins) -> None:
        self._bins = bins
        self.slots: list[tuple[float, Floats]] = []
        self.amount = 0.0

    @property
    def rows(self) -> float:
        """Rows so far."""
        return float(sum(counts.sum() for _, counts in self.slots))

    def add(self, at_s: float, counts: Floats, amount: float) -> None:
        """One slot."""
        self.slots.append((at_s, counts))
        self.amount += amount
        if len(self.slots) > MOST_SLOTS:
            self.slots = _by_twos(self.slots)

    def counted(self, bins: Bins) -> list[tuple[float, Floats]]:
        """Time and counts of each slot."""
        return self.slots

    def learned(self, origin: str) -> tuple[Bins, Reference]:
        """Bins and reference."""
        times, counts = np.asarray([at_s for at_s, _ in self.slots]), np.stack([counts for _, counts in self.slots])
        found = of_slots(counts, len(self._bins), origin, times, category=self._bins.kind == "category")
        if self.amount:
            found = Reference(found.counts, found.tau, found.hours, self.amount / max(found.rows, 1.0), None, origin)
        return self._bins, found


class LearnedCategories:
    """Slots of categories that appear as they come."""

    def __init__(self) -> None:
        self.slots: list[tuple[float, Counter[str]]] = []

    @property
    def rows(self) -> float:
        """Rows so far."""
        return float(sum(counts.total() for _, counts in self.slots))

    def add(self, at_s: float, counts: Counter[str]) -> None:
        """One slot."""
        self.slots.append((at_s, counts))
        if len(self.slots) > MOST_SLOTS:
            self.slots = _by_twos(self.slots)

    def learned(self, origin: str) -> tuple[Bins, Reference]:
        """Bins and reference: the most frequent categories by name."""
        whole: Counter[str] = Counter()
        for _, counts in self.slots:
            whole.update(counts)
        names = [name for name, _ in whole.most_common()]
        bins = Bins("category", names=[*names[:MOST_CATEGORIES], OTHER, NEW], seen=sorted(names[MOST_CATEGORIES:]))
        times, table = zip(*self.counted(bins), strict=True)
        return bins, of_slots(np.stack(table), len(bins), origin, np.asarray(times), category=True)

    def counted(self, bins: Bins) -> list[tuple[float, Floats]]:
        """Time of each slot, and its counts in bins that know all of its categories."""
        place = {name: i for i, name in enumerate(bins.names[:-2])} | dict.fromkeys(bins.seen, len(bins) - 2)
        found = []
        for at_s, counts in self.slots:
            row = np.zeros(len(bins))
            for name, count in counts.items():
                row[place[name]] += count
            found.append((at_s, row))
        return found


class LearnedRows:
    """Rows of a log's column."""

    def __init__(self) -> None:
        self._held: list[tuple[Floats, NDArray[Any]]] = []
        self._seen = 0

    @property
    def rows(self) -> float:
        """Rows so far, those too that are held no longer."""
        return float(self._seen)

    def add(self, at_s: Floats, values: NDArray[Any]) -> None:
        """New rows."""
        self._held.append((at_s, values))
        self._seen += values.size
        while len(self._held) > 1 and sum(values.size for _, values in self._held) - self._held[0][1].size >= MOST_ROWS:
            self._held.pop(0)

    def unfit(self) -> str:
        """Why no distribution can be judged of such values: ids, times, sentences; nothing where one can."""
        _, values = self._together()
        if values.dtype != object:
            side = of_numbers(values)
        else:
            counts = Counter(values.tolist())
            side = Column(values.size, texts=counts)
        found = nature(side, side)
        return (
            found.why.replace(" in the reference", "").replace(" of the reference", "").partition("; to judge it")[0] if found.state else ""
        )

    def learned(self, origin: str) -> tuple[Bins, Reference]:
        """Bins and reference: of numbers where nearly all are, else of categories."""
        at_s, values = self._together()
        bins = Bins.of_numbers(values) if values.dtype != object else Bins.of_categories(values)
        return bins, of_rows(values, at_s, bins, origin)

    def counted(self, bins: Bins) -> list[tuple[float, Floats]]:
        """Beginning of each minute with rows that are held, and their counts."""
        at_s, values = self._together()
        minutes, slot = np.unique(at_s // 60, return_inverse=True)
        return list(zip((60 * minutes).tolist(), bins.slots(values, slot.astype(np.int64), minutes.size), strict=True))

    def _together(self) -> tuple[Floats, NDArray[Any]]:
        """Times and values: the numbers where nearly all are (the rest is of the wrong type), else all as texts."""
        at_s = np.concatenate([times for times, _ in self._held])
        sides = [values for _, values in self._held]
        if all(values.dtype != object for values in sides):
            return at_s, np.concatenate(sides)
        values: NDArray[Any] = np.concatenate([values.astype(object) for values in sides])
        numbers = np.fromiter((isinstance(value, float) for value in values), np.bool_, values.size)
        if numbers.mean() >= NEARLY_ALL_NUMBERS:
            return at_s[numbers], values[numbers].astype(np.float64)
        values[numbers] = [f"{value:.12g}" for value in values[numbers]]
        return at_s, values


_Counts = TypeVar("_Counts", Floats, Counter[str])


def _by_twos(slots: list[tuple[float, _Counts]]) -> list[tuple[float, _Counts]]:
    """Every two neighbours as one slot that begins with the first."""
    odd = [slots[-1]] if len(slots) % 2 else []
    return [(first[0], first[1] + second[1]) for first, second in zip(slots[::2], slots[1::2], strict=False)] + odd
