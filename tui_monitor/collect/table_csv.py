"""CSV with a header. Records are found here, so that each bad one is counted; pandas' parser then reads only good ones.

A record is unreadable when it has another number of cells than the header, is no UTF-8, is longer than 1 MB, or opens a quote that nobody
closes: then only its first line is lost.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tui_monitor.collect import table_cells as cells
from tui_monitor.collect.table import Chunk, Kind, TableError, Wanted
from tui_monitor.collect.tail import LONGEST_LINE

BLOCK_BYTES = 8_000_000
_BOM = b"\xef\xbb\xbf"
_LOOK_BYTES = 65_536  # of the first block: they show most columns of texts
_QUOTE, _BREAK = 34, 10
_WORD = "\x01"  # no class is called so; a text in a column keeps pandas from reading 01 as 1


class CsvTable:
    """A CSV file."""

    def __init__(self, path: str, file: BinaryIO, size_bytes: int, comma: bytes) -> None:
        self.unreadable = 0
        self.size_bytes = size_bytes
        self._file, self._comma = file, comma
        start = file.read(LONGEST_LINE).removeprefix(_BOM)
        header, self._rest = _first_record(start)
        self.read_bytes = len(header)
        self._end = not self._rest and len(start) < LONGEST_LINE - len(_BOM)
        try:
            self._header = [cell.strip() for cell in next(csv.reader([header.decode()], delimiter=comma.decode()), [])]
        except (UnicodeDecodeError, csv.Error) as error:
            raise TableError(f"{path}: its header cannot be read: {error}") from None
        if not any(self._header):
            raise TableError(f"{path}: " + ("is empty" if size_bytes == 0 else "has no header"))
        self.names = list(dict.fromkeys(self._header))
        self._looked = False
        self._as_text: set[str] = set()  # columns in which a number was expected and something else found

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def chunks(self, wanted: Collection[Wanted]) -> Iterator[Chunk]:
        """The rows, those columns only."""
        for block in self._blocks():
            frame = self._parsed(block, wanted)
            if frame is None:
                continue
            rows = len(frame)
            found = {(name, kind): self._column(kind, frame[name]) if name in frame else cells.absent(kind, rows) for name, kind in wanted}
            yield Chunk(rows, found)

    # -- records

    def _blocks(self) -> Iterator[bytes]:
        """Whole records with the header's number of cells, some megabytes at a time."""
        rest = self._rest
        while True:
            more = b"" if self._end else self._file.read(BLOCK_BYTES)
            self.read_bytes += len(more)
            self._end = not more
            data = rest + more
            if self._end and data and not data.endswith(b"\n"):
                data += b"\n"
            good, used = self._records(data)
            if good:
                yield good
            rest = data[used:]
            while len(rest) > LONGEST_LINE or (self._end and rest):  # a quote that nobody closes, or an endless line
                first = rest.find(b"\n") + 1
                if not first:
                    self.unreadable += 1
                    rest = self._skip_line()
                    continue
                if self._is_row(rest[: first - 1]):  # a quote inside a cell is just a sign
                    yield rest[:first]
                else:
                    self.unreadable += 1
                good, used = self._records(rest[first:])
                if good:
                    yield good
                rest = rest[first + used :]
            if self._end:
                return

    def _skip_line(self) -> bytes:
        """What stands behind the end of a line that is too long."""
        while more := self._file.read(BLOCK_BYTES):
            self.read_bytes += len(more)
            if (end := more.find(b"\n")) >= 0:
                return more[end + 1 :]
        self._end = True
        return b""

    def _records(self, data: bytes) -> tuple[bytes, int]:
        """(the good records, how many bytes were looked at: up to the end of the last whole record)."""
        raw = np.frombuffer(data, dtype=np.uint8)
        breaks, commas = np.flatnonzero(raw == _BREAK), np.flatnonzero(raw == self._comma[0])
        if b'"' in data:
            inside = (np.cumsum(raw == _QUOTE, dtype=np.uint8) & 1).astype(np.bool_)
            breaks, commas = breaks[~inside[breaks]], commas[~inside[commas]]
        if not len(breaks):
            return b"", 0
        ends = breaks + 1
        starts = np.concatenate(([0], ends[:-1]))
        lengths = ends - starts
        blank = (lengths == 1) | ((lengths == 2) & (raw[starts] == 13))
        counted = np.diff(np.searchsorted(commas, ends), prepend=0) + 1
        good = ((counted == len(self._header)) & (lengths <= LONGEST_LINE)) | blank
        used = int(ends[-1])
        if not _is_text(data[:used]):
            good &= [blank_ or _is_text(data[start:end]) for blank_, start, end in zip(blank, starts, ends, strict=True)]
        if good.all():
            return data[:used], used
        parts: list[bytes] = []
        kept = 0  # up to here everything is in parts
        for place in np.flatnonzero(~good).tolist():
            start, end = int(starts[place]), int(ends[place])
            parts += (data[kept:start], self._saved(data[start:end]))
            kept = end
        parts.append(data[kept:used])
        return b"".join(parts), used

    def _saved(self, record: bytes) -> bytes:
        """The good lines of a bad record: a stray quote may have made one of several."""
        lines = record.split(b"\n")[:-1]
        good = [line for line in lines if self._is_row(line)] if len(lines) > 1 else []
        self.unreadable += len(lines) - len(good)
        return b"".join(line + b"\n" for line in good)

    def _is_row(self, line: bytes) -> bool:
        try:
            found = next(csv.reader([line.decode().rstrip("\r")], delimiter=self._comma.decode(), strict=True), [])
        except (UnicodeDecodeError, csv.Error):
            return False
        return len(found) == len(self._header) and len(line) <= LONGEST_LINE

    # -- columns

    def _parsed(self, block: bytes, wanted: Collection[Wanted]) -> pd.DataFrame | None:
        """The block as a frame of the wanted columns that are there; None when it holds no row."""
        try:
            frame = self._frame(block, wanted)
        except pd.errors.EmptyDataError:
            return None
        except (pd.errors.ParserError, UnicodeError):  # the parser sees other records than we do: line by line
            frame = self._frame(self._saved(block), wanted)
        return frame if len(frame) else None

    def _frame(self, block: bytes, wanted: Collection[Wanted]) -> pd.DataFrame:
        places = {name: self._header.index(name) for name, _ in wanted if name in self._header}
        if not places:  # rows count even where no column is there
            places = {"": 0}
        if not self._looked:
            self._looked = True
            self._find_texts(block[: block.rfind(b"\n", 0, _LOOK_BYTES) + 1] or block, places, wanted)
        try:
            return self._read(block, places, wanted)
        except ValueError as error:
            if isinstance(error, pd.errors.ParserError | pd.errors.EmptyDataError | UnicodeError):
                raise
        self._find_texts(block, places, wanted)
        return self._read(block, places, wanted)

    def _find_texts(self, block: bytes, places: Mapping[str, int], wanted: Collection[Wanted]) -> None:
        """Which columns hold something that is no number?"""
        try:
            self._read(block, places, wanted)
            return
        except ValueError:
            pass
        for name in places:
            try:
                self._read(block, {name: places[name]}, wanted)
            except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError):
                pass
            except ValueError:
                self._as_text.add(name)

    def _read(self, block: bytes, places: Mapping[str, int], wanted: Collection[Wanted]) -> pd.DataFrame:
        kinds: dict[int, Any] = {place: self._dtype(name, {kind for of, kind in wanted if of == name}) for name, place in places.items()}
        # One row before the others: a text that is no number in columns of classes, a number elsewhere.
        first = self._comma.join(_WORD.encode() if kinds.get(place) == "category" else b"0" for place in range(len(self._header)))
        frame: pd.DataFrame = pd.read_csv(
            io.BytesIO(first + b"\n" + block), sep=self._comma.decode(), header=None, names=list(range(len(self._header))),
            usecols=list(places.values()), dtype=kinds, keep_default_na=False, na_values=list(cells.MISSING), engine="c", low_memory=False,
        )  # fmt: skip
        frame = frame.iloc[1:]
        return frame.rename(columns={place: name for name, place in places.items()})

    def _dtype(self, name: str, kinds: set[Kind]) -> Any:
        if "class" in kinds or (kinds == {"feature"} and name in self._as_text):
            return "category"
        return "float64" if kinds and kinds <= {"time", "number", "feature"} and name not in self._as_text else object

    def _column(self, kind: Kind, column: pd.Series[Any]) -> Any:
        if column.dtype == "category":
            return _decoded(kind, [str(text) for text in column.cat.categories], np.asarray(column.cat.codes))
        if column.dtype == np.float64:
            found = column.to_numpy(dtype=np.float64)
            return cells.in_range(found) if kind == "time" else found
        listed = [text if isinstance(text, str) else None for text in column.tolist()]
        if kind == "id":
            return cells.keys(listed)
        if kind in ("feature", "class"):
            return cells.of_values(kind, listed)
        return cells.times(listed) if kind == "time" else cells.numbers(listed)


def _decoded(kind: Kind, raw: list[str], codes: NDArray[Any]) -> Any:
    """A column that was read as a few texts and, for each row, which of them."""
    if kind == "class":
        return cells.recoded(codes, raw)
    if kind == "feature":
        return _feature(codes, raw)
    if kind == "id":
        texts: list[str | None] = [*raw, None]
        return cells.keys([texts[code] for code in codes.tolist()])
    return np.append(cells.times(raw) if kind == "time" else cells.numbers(raw), np.nan)[codes]


def _first_record(start: bytes) -> tuple[bytes, bytes]:
    """The header and what follows it."""
    end = start.find(b"\n")
    while end >= 0 and start[:end].count(b'"') % 2:
        end = start.find(b"\n", end + 1)
    return (start.rstrip(b"\r"), b"") if end < 0 else (start[:end].rstrip(b"\r"), start[end + 1 :])


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _feature(codes: NDArray[Any], raw: list[str]) -> NDArray[np.float64] | NDArray[np.object_]:
    """Numbers where every value of the chunk is one."""
    used = np.zeros(len(raw) + 1, dtype=np.bool_)
    used[codes] = True
    as_numbers = cells.numbers(raw)
    if not np.isnan(as_numbers[used[:-1]]).any():
        numbers: NDArray[np.float64] = np.append(as_numbers, np.nan)[codes]
        return numbers
    texts: NDArray[np.object_] = np.array([*raw, None], dtype=object)[codes]
    return texts
