"""Whole files of rows, CSV with a header, JSONL or Parquet by ending, as chunks of columns: for the verbs that read a log from end to end.

Only the columns that are asked for are turned into values. A row that cannot be read is counted and left out; the rest goes on. Missing is an
empty cell, `null`, `NaN`, `nan` or an absent key. Memory is that of one chunk, however long the file is.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

import msgspec

from tui_monitor.collect.tail import LONGEST_LINE

if TYPE_CHECKING:
    from numpy import bool_, float64, int32, object_, uint64
    from numpy.typing import NDArray

Kind = Literal["time", "class", "number", "id", "feature"]
"""What a column is read as.

time: seconds since 1970, NaN where it is missing or no time. class: `Coded`. number: NaN where it is missing or no number, infinite as it is.
id: `Keys`. feature: numbers (NaN missing) where all of a chunk are, else objects (None missing).
"""

CSV, TSV, JSONL, PARQUET = (".csv",), (".tsv",), (".jsonl", ".ndjson", ".json"), (".parquet", ".pq")


_ENDING_BYTES = 1 << 18


class TableError(Exception):
    """A file of which nothing can be read; the message is one line for people."""


class Coded(msgspec.Struct, frozen=True, eq=False):
    """Texts of few kinds: `names[codes[row]]`; -1 is missing. Names are as classes are compared: a whole number without its `.0`."""

    codes: NDArray[int32]
    names: list[str]


class Keys(msgspec.Struct, frozen=True, eq=False):
    """Ids as 64 bits of a hash of their text; among ten million ids two share one with a chance of 3 in a million."""

    hashes: NDArray[uint64]
    known: NDArray[bool_]


Wanted = tuple[str, Kind]
"""A column by its name, and what it is read as; one column may be wanted as several kinds."""


class Chunk(msgspec.Struct, frozen=True, eq=False):
    """Some rows in the order of the file; a column that the file does not have is missing in every row."""

    rows: int
    columns: Mapping[Wanted, NDArray[float64] | NDArray[object_] | Coded | Keys]

    def times(self, name: str) -> NDArray[float64]:
        """A column that was wanted as time."""
        return self.columns[name, "time"]  # type: ignore[return-value]

    def numbers(self, name: str) -> NDArray[float64]:
        """A column that was wanted as number."""
        return self.columns[name, "number"]  # type: ignore[return-value]

    def coded(self, name: str) -> Coded:
        """A column that was wanted as class."""
        return self.columns[name, "class"]  # type: ignore[return-value]

    def keys(self, name: str) -> Keys:
        """A column that was wanted as id."""
        return self.columns[name, "id"]  # type: ignore[return-value]

    def feature(self, name: str) -> NDArray[float64] | NDArray[object_]:
        """A column that was wanted as feature."""
        return self.columns[name, "feature"]  # type: ignore[return-value]


class Table(Protocol):
    """One file. It is read once, from its start, by `chunks`."""

    names: list[str]  # its columns; of JSONL those of the first rows
    unreadable: int  # rows that were left out so far
    read_bytes: int  # how far the reading has come ...
    size_bytes: int  # ... of how much

    def chunks(self, wanted: Collection[Wanted]) -> Iterator[Chunk]:
        """The rows, those columns only."""

    def close(self) -> None:
        """Let go of the file."""


def open_table(path: str) -> Table:
    """Open a file by its ending and read what it says of itself.

    Raises:
        TableError: nothing of it can be read.
    """
    ending = os.path.splitext(path)[1].lower()  # noqa: PTH122 - the ending is all that is asked
    if ending not in (*CSV, *TSV, *JSONL, *PARQUET):
        raise TableError(f"{path}: the ending says neither CSV (.csv .tsv) nor JSONL (.jsonl .ndjson) nor Parquet (.parquet .pq)")
    try:
        file = open(path, "rb")  # noqa: SIM115, PTH123 - the table closes it
        size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    try:
        return _opened(path, ending, file, size)
    except OSError as error:
        file.close()
        raise TableError(f"{path}: {error.strerror or error}") from None
    except TableError:
        file.close()
        raise


def _opened(path: str, ending: str, file: BinaryIO, size: int) -> Table:
    if ending in PARQUET:
        from tui_monitor.collect.table_parquet import ParquetTable

        return ParquetTable(path, file, size)
    if ending in JSONL:
        from tui_monitor.collect.table_json import JsonTable

        return JsonTable(path, file, size)
    from tui_monitor.collect.table_csv import CsvTable

    return CsvTable(path, file, size, b"\t" if ending in TSV else b",")


def newest_s(path: str, column: str, *, everywhere: bool = False) -> float | None:
    """The newest time at the end of a file, where logs have it; of Parquet, and where it is looked for everywhere, the newest of all.

    Raises:
        TableError: nothing of it can be read.
    """
    table = open_table(path)
    try:
        if not everywhere and not path.lower().endswith(PARQUET):
            table = _ending(path, table)
        newest = -math.inf
        for chunk in table.chunks([(column, "time")]):
            known = chunk.times(column)
            known = known[known == known]  # noqa: PLR0124 - not NaN
            newest = max(newest, float(known.max()) if len(known) else -math.inf)
        return newest if newest > -math.inf else None
    finally:
        table.close()


def _ending(path: str, table: Table) -> Table:
    """The last rows of a file of lines, as a table of their own."""
    table.close()
    with open(path, "rb") as file:  # noqa: PTH123
        head = file.read(LONGEST_LINE)
        head = head[: head.find(b"\n") + 1] or head
        file.seek(max(table.size_bytes - _ENDING_BYTES, len(head)))
        tail = file.read()
    if table.size_bytes - _ENDING_BYTES > len(head):
        tail = tail[tail.find(b"\n") + 1 :]
    ending = os.path.splitext(path)[1].lower()  # noqa: PTH122
    data = head + tail
    return _opened(path, ending, io.BytesIO(data), len(data))
