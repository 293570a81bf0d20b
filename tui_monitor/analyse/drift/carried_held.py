"""Rows of a log that are held in memory: the newest, and one of k since the log is known; both bounded, never written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.judge import Floats

MOST_ROWS = 5000  # of the newest, and of those since the log is known
RAREST = 1 << 20  # one of so many: billions of rows
MOST_PIECES = 64  # that they are held in

Values = tuple[NDArray[Any], NDArray[np.bool_]]
"""The values of the rows that have one, and which rows those are."""


class Piece(NamedTuple):
    """Some rows."""

    at_s: Floats
    numbers: NDArray[np.int64]
    bits: NDArray[np.uint64]  # of the slices of each row; 0 while there are none
    columns: dict[str, Values]

    @classmethod
    def of(cls, at_s: Floats, numbers: NDArray[np.int64], columns: Mapping[str, tuple[str, NDArray[Any], NDArray[np.bool_]]]) -> Piece:
        """Rows of which no slice is known yet; `columns`: role, values of the rows that have one, and which rows those are."""
        return cls(at_s, numbers, np.zeros(at_s.size, np.uint64), {name: (values, there) for name, (_, values, there) in columns.items()})

    def take(self, chosen: Any) -> Piece:
        """Some of them."""
        columns = {name: _chosen(values, there, chosen) for name, (values, there) in self.columns.items()}
        return Piece(self.at_s[chosen], self.numbers[chosen], self.bits[chosen], columns)


class Held:
    """Rows, bounded: the newest, or one of k of all."""

    def __init__(self, *, newest: bool) -> None:
        self._newest, self._one_of = newest, 1
        self._pieces: list[Piece] = []
        self.size = 0

    def add(self, piece: Piece) -> None:
        """New rows."""
        if self._newest:
            piece = piece.take(slice(-MOST_ROWS, None)) if piece.at_s.size > MOST_ROWS else piece
        elif self._one_of > 1:
            piece = piece.take(_drawn(piece.numbers, self._one_of))
        self._pieces.append(piece)
        self.size += piece.at_s.size
        if len(self._pieces) > MOST_PIECES or self.size > 1.5 * MOST_ROWS:
            self.together()

    def together(self) -> Piece:
        """All of them."""
        whole = joined(self._pieces)
        if self._newest and whole.at_s.size > MOST_ROWS:
            whole = whole.take(slice(-MOST_ROWS, None))
        while not self._newest and whole.at_s.size > MOST_ROWS and self._one_of < RAREST:
            self._one_of *= 2
            whole = whole.take(_drawn(whole.numbers, self._one_of))
        self._pieces, self.size = [whole], whole.at_s.size
        return whole

    def put(self, whole: Piece) -> None:
        """The same rows, known better."""
        self._pieces, self.size = [whole], whole.at_s.size


class Stream:
    """Rows as they come, or labelled rows as their labels come."""

    def __init__(self) -> None:
        self.newest, self.since = Held(newest=True), Held(newest=False)
        self.rows = 0

    def add(self, piece: Piece) -> None:
        """New rows."""
        self.newest.add(piece)
        self.since.add(piece)
        self.rows += piece.at_s.size


def _drawn(numbers: NDArray[np.int64], one_of: int) -> NDArray[np.bool_]:
    """One row of so many (a power of 2), by a hash of its number; of twice as many one is drawn from these."""
    mixed = (numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    made: NDArray[np.bool_] = (mixed & np.uint64(one_of - 1)) == 0
    return made


def some(rows: int, most: int) -> NDArray[np.int64]:
    """At most so many rows, in their order."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])


def full(values: NDArray[Any], there: NDArray[np.bool_]) -> NDArray[Any]:
    """A column with its missing values: NaN of numbers, else None."""
    made = np.full(there.size, None, dtype=object) if values.dtype == object else np.full(there.size, np.nan)
    made[there] = values
    return made


def _chosen(values: NDArray[Any], there: NDArray[np.bool_], chosen: Any) -> Values:
    wanted = np.zeros(there.size, np.bool_)
    wanted[chosen] = True
    return values[wanted[there]], there[chosen]


def joined(pieces: Sequence[Piece]) -> Piece:
    """One after the other; a column that some lack is missing there."""
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        return Piece(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.uint64), {})
    columns: dict[str, Values] = {}
    for name in dict.fromkeys(name for piece in pieces for name in piece.columns):
        parts = [piece.columns.get(name) or (np.zeros(0), np.zeros(piece.at_s.size, np.bool_)) for piece in pieces]
        sides = [values for values, _ in parts if values.size]
        if any(values.dtype == object for values in sides):
            sides = [values.astype(object) for values in sides]
        columns[name] = np.concatenate(sides) if sides else np.zeros(0), np.concatenate([there for _, there in parts])
    at_s, numbers, bits, _ = zip(*pieces, strict=True)
    return Piece(np.concatenate(at_s), np.concatenate(numbers), np.concatenate(bits), columns)
