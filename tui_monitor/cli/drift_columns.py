"""The columns of a file as what can be compared: all finite numbers of each, how often each text occurs, and a sample of whole rows.

Exact measures of numbers need every value: a float64 of each is kept, 80 MB for ten million rows of one column. Beyond `MOST_VALUES` a side
each column keeps a random part of its values, and says so; texts are counted, at most `MOST_TEXTS` different ones a column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tui_monitor.analyse.drift.nature import Column
from tui_monitor.analyse.performance.counting.firsts import Firsts
from tui_monitor.collect.cells import category, number
from tui_monitor.collect.table import Chunk, Table, Wanted

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]  # bytes read, of how many

ID = "id"
MOST_VALUES = 25_000_000  # kept of one file, over all of its columns: 200 MB
MOST_TEXTS = 100_000  # different ones, of one column
SAMPLED_ROWS = 20_000  # whole rows kept for what needs rows; fewer where there are very many columns
SAMPLED_CELLS = 4_000_000
_SEED = 7


class FileColumns(Struct, frozen=True):
    """One file, read."""

    path: str
    rows: int  # that count
    duplicate: int  # rows with an id that an earlier row has
    unreadable: int
    columns: Mapping[str, Column]
    sample: Mapping[str, NDArray[Any]]  # column -> values of the same random rows: float64 (NaN missing) or object (None missing)


def gather(path: str, table: Table, names: Sequence[str], progress: Progress | None) -> FileColumns:
    """Read a file to its end.

    Args:
        path: of the file.
        table: the file, opened; it is closed here.
        names: the columns that are wanted.
        progress: told how far the reading has come.
    """
    there = [name for name in names if name in table.names]
    kept = {name: _Kept(MOST_VALUES // max(len(there), 1)) for name in there}
    sample = _Rows(there)
    wanted: list[Wanted] = [(name, "feature") for name in there]
    firsts = Firsts() if ID in table.names else None
    if firsts is not None:
        wanted.append((ID, "id"))
    rows = duplicate = 0
    try:
        for chunk in table.chunks(wanted):
            if progress is not None:
                progress(table.read_bytes, table.size_bytes)
            left = first_of_each(chunk, firsts)
            size = chunk.rows if left is None else int(left.sum())
            rows, duplicate = rows + size, duplicate + chunk.rows - size
            found = {name: (value if left is None else value[left]) for name in there for value in [chunk.feature(name)]}
            for name, values in found.items():
                kept[name].add(values)
            sample.add(size, found)
    finally:
        table.close()
    columns = {name: one.column() for name, one in kept.items()}
    return FileColumns(path, rows, duplicate, table.unreadable, columns, sample.columns(columns))


def first_of_each(chunk: Chunk, firsts: Firsts | None, used: NDArray[np.bool_] | None = None) -> NDArray[np.bool_] | None:
    """Which rows count: of the used rows with one id the first; None: all."""
    left = np.ones(chunk.rows, dtype=np.bool_) if used is None else used.copy()
    if firsts is not None:
        keys = chunk.keys(ID)
        asked = np.flatnonzero(keys.known & left)
        told = firsts.tell(keys.hashes[asked], np.zeros(len(asked), dtype=np.uint32))
        left[asked[told.duplicate | told.contradicting]] = False
    return None if left.all() else left


class _Kept:
    """One column while it is read."""

    def __init__(self, most: int) -> None:
        self._most = max(most, 1000)
        self._chance = np.random.default_rng(_SEED)
        self._share = 1.0  # of the numbers that are kept
        self._parts: list[Floats] = []
        self._size = 0
        self._finite = self._missing = self._infinite = self._rows = self._beyond = 0
        self._texts: Counter[str] = Counter()

    def add(self, values: NDArray[Any]) -> None:
        """The values of the next rows."""
        self._rows += values.size
        if values.dtype != object:
            self._numbers(values)
            return
        counted = Counter(values.tolist())
        self._missing += counted.pop(None, 0)
        numbers = {value: value if isinstance(value, float) else number(value) for value in counted}
        if all(value is not None for value in numbers.values()):  # numbers that are written as text
            read = np.array([float(value) for value in numbers.values() if value is not None])
            self._numbers(np.repeat(read, list(counted.values())))
            return
        for value, times in counted.items():
            text = category(value)
            if text is None:
                self._missing += times
            elif text in self._texts or len(self._texts) < MOST_TEXTS:
                self._texts[text] += times
            else:
                self._beyond += times

    def _numbers(self, values: Floats) -> None:
        finite = values[np.isfinite(values)]
        missing = int(np.isnan(values).sum()) if finite.size < values.size else 0
        self._missing += missing
        self._infinite += values.size - finite.size - missing
        self._finite += finite.size
        self._parts.append(self._thinned(finite, self._share))
        self._size += self._parts[-1].size
        while self._size > self._most:
            self._share /= 2
            self._parts = [self._thinned(np.concatenate(self._parts), 0.5)]
            self._size = self._parts[0].size

    def _thinned(self, values: Floats, share: float) -> Floats:
        return values if share >= 1.0 else values[self._chance.random(values.size) < share]

    def column(self) -> Column:
        """The whole column."""
        numbers = np.concatenate(self._parts) if self._parts else np.zeros(0)
        self._parts = []
        if not self._texts:
            drawn_from = self._finite if self._share < 1.0 else 0
            return Column(self._rows, numbers, missing_rows=self._missing, infinite=self._infinite, drawn_from=drawn_from)
        texts, beyond = self._texts, self._beyond
        words = sum(number(text) is None for text in texts)
        values, counts = np.unique(numbers, return_counts=True)  # text in another part of the file made these words too
        for value, times in zip(values[:MOST_TEXTS].tolist(), counts[:MOST_TEXTS].tolist(), strict=True):
            texts[category(value) or ""] += times
        beyond += self._finite - int(counts[:MOST_TEXTS].sum())
        return Column(self._rows, None, texts, self._missing + self._infinite, beyond=beyond, words=words)


class _Rows:
    """A random sample of whole rows: each has a random number, the smallest are kept."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._most = max(100, min(SAMPLED_ROWS, SAMPLED_CELLS // max(len(names), 1)))
        self._chance = np.random.default_rng(_SEED)
        self._priority: Floats = np.zeros(0)
        self._kept: dict[str, NDArray[Any]] = {name: np.zeros(0) for name in names}

    def add(self, rows: int, found: Mapping[str, NDArray[Any]]) -> None:
        """The next rows."""
        priority = self._chance.random(rows)
        both = np.concatenate([self._priority, priority])
        places = np.arange(both.size)
        if both.size > self._most:
            places = np.sort(np.argpartition(both, self._most)[: self._most])
        before = self._priority.size
        old, new = places[places < before], places[places >= before] - before
        self._priority = both[places]
        for name, values in found.items():
            self._kept[name] = _joined(self._kept[name][old], values[new])

    def columns(self, of: Mapping[str, Column]) -> dict[str, NDArray[Any]]:
        """Each column of one kind."""
        result: dict[str, NDArray[Any]] = {}
        for name, values in self._kept.items():
            if of[name].numeric:
                listed = (
                    values if values.dtype != object else np.array([np.nan if (v := number(x)) is None else v for x in values.tolist()])
                )
                result[name] = np.where(np.isfinite(listed), listed, np.nan)
            else:
                result[name] = np.array([*(category(value) for value in values.tolist()), None], dtype=object)[:-1]
        return result


def _joined(one: NDArray[Any], two: NDArray[Any]) -> NDArray[Any]:
    if one.dtype == two.dtype or not one.size:
        return np.concatenate([one, two]) if one.size else two
    return np.concatenate([one.astype(object), two.astype(object)])
