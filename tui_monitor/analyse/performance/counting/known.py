"""Predictions that may still get a label, or come again: a bounded join by id over plain columns.

Ids are kept as keyed hashes of 64 bits, never as they came. Rows stand in segments in the order in which they arrived; each segment has
an open hash table of its own, so that a batch is looked up with a few array operations, nothing is ever sorted or moved, and the oldest
rows are forgotten a whole segment at a time. With a million rows two ids share a hash with a chance of 3 in 10^8.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]  # of rows, in the order of arrival; -1 is none

LIMIT = 1_000_000  # rows that are held at least, once so many came; at most a segment more
SEGMENT_ROWS = 65_536
_ROOM = 2  # places of the hash table for each row


class Keyed:
    """Ids as 64 bits under a secret key: nobody can find an id by its hash without it."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._empty = hashlib.blake2b(key=key, digest_size=8)

    def one(self, identity: str) -> int:
        """The hash of an id."""
        state = self._empty.copy()
        state.update(identity.encode("utf-8", "surrogatepass"))
        return int.from_bytes(state.digest(), "little")

    def many(self, identities: Iterable[str]) -> Hashes:
        """The hashes of ids, in their order."""
        return np.fromiter((self.one(identity) for identity in identities), np.uint64)


class _Segment:
    """Rows that arrived one after the other."""

    __slots__ = ("_mask", "_table", "columns", "hashes", "newest_s", "used")

    def __init__(self, rows: int, columns: Mapping[str, np.dtype[Any]]) -> None:
        places = 1 << (rows * _ROOM - 1).bit_length()
        self._mask = np.uint64(places - 1)
        self._table = np.zeros(places, np.int32)  # row + 1; 0 is free. Pages that were never written cost nothing
        self.hashes: Hashes = np.empty(rows, np.uint64)
        self.columns: dict[str, NDArray[Any]] = {name: np.empty(rows, dtype) for name, dtype in columns.items()}
        self.used = 0
        self.newest_s = -np.inf

    def find(self, hashes: Hashes) -> NDArray[np.int32]:
        """Row of each hash, -1 where it is not here."""
        found = np.full(len(hashes), -1, np.int32)
        place = hashes & self._mask
        left = np.arange(len(hashes))
        while len(left):
            row = self._table[place[left]] - 1
            taken = row >= 0
            hit = taken & (self.hashes[row] == hashes[left])
            found[left[hit]] = row[hit]
            left = left[taken & ~hit]
            place[left] = (place[left] + np.uint64(1)) & self._mask
        return found

    def add(self, hashes: Hashes, at_s: NDArray[np.float64], columns: Mapping[str, NDArray[Any]]) -> None:
        """Rows with hashes that are different and not yet here."""
        first, self.used = self.used, self.used + len(hashes)
        self.hashes[first : self.used] = hashes
        for name, kept in self.columns.items():
            kept[first : self.used] = columns[name]
        self.newest_s = max(self.newest_s, float(at_s.max()))
        place = hashes & self._mask
        number = np.arange(first + 1, self.used + 1, dtype=np.int32)
        left = np.arange(len(hashes))
        while len(left):
            wanted = place[left]
            free = self._table[wanted] == 0
            self._table[wanted[free]] = number[left[free]]  # of several that want one place the last gets it
            left = left[self._table[wanted] != number[left]]
            place[left] = (place[left] + np.uint64(1)) & self._mask


class Known:
    """Rows by the hash of their id, newest `limit` of them; `at_s` is always one of the columns.

    Args:
        columns: name -> type.
        limit: rows.
        segment_rows: that are forgotten at once.
        dropped: is shown the columns of rows that have to make room, before they are forgotten.
    """

    def __init__(
        self,
        columns: Mapping[str, Any],
        *,
        limit: int = LIMIT,
        segment_rows: int = SEGMENT_ROWS,
        dropped: Callable[[Mapping[str, NDArray[Any]]], None] | None = None,
    ) -> None:
        self._dropped = dropped
        self._columns = {"at_s": np.dtype(np.float64)} | {name: np.dtype(dtype) for name, dtype in columns.items()}
        self._segment_rows = max(1, min(segment_rows, limit))
        self._most = -(-limit // self._segment_rows) + 1
        self._segments: deque[_Segment] = deque()
        self._first = 0  # number of the oldest segment that is still here

    def __len__(self) -> int:
        return sum(segment.used for segment in self._segments)

    def find(self, hashes: Hashes) -> Places:
        """Place of each id; -1 where it is not known, or no more."""
        places = np.full(len(hashes), -1, np.int64)
        left = np.arange(len(hashes))
        for number in range(len(self._segments) - 1, -1, -1):  # the newest first: labels mostly belong to young rows
            if not len(left):
                break
            row = self._segments[number].find(hashes[left])
            hit = row >= 0
            places[left[hit]] = row[hit] + (self._first + number) * self._segment_rows
            left = left[~hit]
        return places

    def add(self, hashes: Hashes, columns: Mapping[str, NDArray[Any]]) -> int:
        """Rows whose ids are different and not known yet; returns how many old ones had to be forgotten for them."""
        forgotten, start = 0, 0
        while start < len(hashes):
            if not self._segments or self._segments[-1].used == self._segment_rows:
                self._segments.append(_Segment(self._segment_rows, self._columns))
                if len(self._segments) > self._most:
                    oldest = self._segments[0]
                    if self._dropped is not None:
                        self._dropped({name: column[: oldest.used] for name, column in oldest.columns.items()})
                    forgotten += self._drop()
            newest = self._segments[-1]
            part = slice(start, start + self._segment_rows - newest.used)
            newest.add(hashes[part], columns["at_s"][part], {name: columns[name][part] for name in self._columns})
            start = part.stop
        return forgotten

    def get(self, name: str, places: Places) -> NDArray[Any]:
        """A column at places that `find` gave."""
        result = np.empty(len(places), self._columns[name])
        for segment, here, rows in self._by_segment(places):
            result[here] = segment.columns[name][rows]
        return result

    def set(self, name: str, places: Places, values: NDArray[Any]) -> None:
        """Write a column at places that `find` gave."""
        for segment, here, rows in self._by_segment(places):
            segment.columns[name][rows] = values[here]

    def clear_bits(self, name: str, bits: int) -> None:
        """Take bits out of a column of every row: what they stood for is no more."""
        for segment in self._segments:
            segment.columns[name][: segment.used] &= np.uint64(~bits & 0xFFFF_FFFF_FFFF_FFFF)

    def forget(self, before_s: float) -> int:
        """Let go of the oldest segments while all their rows are older than this; returns how many rows that were."""
        forgotten = 0
        while self._segments and self._segments[0].newest_s < before_s:
            forgotten += self._drop()
        return forgotten

    def newest(self, most: int) -> tuple[Hashes, dict[str, NDArray[Any]]]:
        """The newest rows as arrays, in the order in which they arrived."""
        parts: list[tuple[_Segment, int]] = []
        for segment in reversed(self._segments):
            if most <= 0:
                break
            parts.append((segment, max(0, segment.used - most)))
            most -= segment.used
        parts.reverse()
        hashes = np.concatenate([np.empty(0, np.uint64), *(segment.hashes[first : segment.used] for segment, first in parts)])
        columns = {
            name: np.concatenate([np.empty(0, dtype), *(segment.columns[name][first : segment.used] for segment, first in parts)])
            for name, dtype in self._columns.items()
        }
        return hashes, columns

    def plain(self, most: int) -> dict[str, Any]:
        """The newest rows as values that can be written."""
        hashes, columns = self.newest(most)
        return {"hashes": hashes.tobytes(), "columns": {name: column.tobytes() for name, column in columns.items()}}

    def restore(self, plain: dict[str, Any]) -> None:
        """Add what `plain` gave.

        Raises:
            ValueError: it is damaged, or of other columns.
        """
        try:
            hashes = np.frombuffer(plain["hashes"], np.uint64)
            columns = {name: np.frombuffer(plain["columns"][name], dtype) for name, dtype in self._columns.items()}
        except (KeyError, TypeError) as error:
            raise ValueError(f"predictions that wait for labels are damaged ({error})") from None
        if any(len(column) != len(hashes) for column in columns.values()) or len(np.unique(hashes)) != len(hashes):
            raise ValueError("predictions that wait for labels are damaged")
        self.add(hashes, columns)

    def _drop(self) -> int:
        self._first += 1
        used: int = self._segments.popleft().used
        return used

    def _by_segment(self, places: Places) -> Iterable[tuple[_Segment, NDArray[np.intp], Places]]:
        numbers = places // self._segment_rows
        for number in np.unique(numbers):
            here = np.flatnonzero(numbers == number)
            yield self._segments[int(number) - self._first], here, places[here] - int(number) * self._segment_rows


def firsts(hashes: Hashes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Within one batch: the index of every id's first row, and for each row the index of the first with its id."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return np.sort(first), first[inverse]
