"""Of rows with one id the first counts: ids of a whole file as hashes in one open table, 12 bytes a place, at most 70 % full."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Marks = NDArray[np.uint32]
Mask = NDArray[np.bool_]

_FULLEST = 0.7
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: neighbours go far apart


class Told(NamedTuple):
    """What each row of a batch is; a row that is neither is the first of its id."""

    duplicate: Mask  # as the first one: same mark
    contradicting: Mask


class Firsts:
    """Ids that were seen, each with the mark of its first row (what it said, in 32 bits)."""

    def __init__(self, places: int = 1 << 16) -> None:
        """Nothing was seen yet; `places` is a power of two."""
        self._ids: Hashes = np.zeros(places, dtype=np.uint64)  # 0 is free
        self._marks: Marks = np.zeros(places, dtype=np.uint32)
        self.count = 0

    def tell(self, ids: Hashes, marks: Marks) -> Told:
        """Take in rows in the order of their file."""
        ids = np.where(ids == 0, np.uint64(1), ids)
        _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        first_of = first[inverse]
        known = self._mark_of(ids[first])  # -1: not seen in an earlier batch
        new = known < 0
        self._add(ids[first[new]], marks[first[new]])
        said = np.where(new, marks[first].astype(np.int64), known)[inverse]
        again = (first_of != np.arange(len(ids))) | ~new[inverse]
        same = said == marks
        return Told(again & same, again & ~same)

    def _places(self, ids: Hashes) -> NDArray[np.int64]:
        shift = np.uint64(64 - (len(self._ids).bit_length() - 1))
        return ((ids * _MIX) >> shift).astype(np.int64)

    def _mark_of(self, ids: Hashes) -> NDArray[np.int64]:
        found = np.full(len(ids), -1, dtype=np.int64)
        place = self._places(ids)
        left = np.arange(len(ids))
        last = len(self._ids) - 1
        while len(left):
            there = self._ids[place]
            hit = there == ids[left]
            found[left[hit]] = self._marks[place[hit]]
            on = ~hit & (there != 0)
            left, place = left[on], (place[on] + 1) & last
        return found

    def _add(self, ids: Hashes, marks: Marks) -> None:
        """Ids that are different and not seen yet."""
        while self.count + len(ids) > _FULLEST * len(self._ids):
            self._grow()
        self.count += len(ids)
        self._put(ids, marks)

    def _put(self, ids: Hashes, marks: Marks) -> None:
        place = self._places(ids)
        last = len(self._ids) - 1
        while len(ids):
            free = self._ids[place] == 0
            self._ids[place[free]] = ids[free]  # of several that want one place the last gets it
            mine = self._ids[place] == ids
            self._marks[place[mine]] = marks[mine]
            ids, marks, place = ids[~mine], marks[~mine], (place[~mine] + 1) & last

    def _grow(self) -> None:
        old_ids, old_marks = self._ids, self._marks
        self._ids = np.zeros(2 * len(old_ids), dtype=np.uint64)
        self._marks = np.zeros(2 * len(old_ids), dtype=np.uint32)
        for start in range(0, len(old_ids), 1 << 18):
            part = slice(start, start + (1 << 18))
            taken = old_ids[part] != 0
            self._put(old_ids[part][taken], old_marks[part][taken])
