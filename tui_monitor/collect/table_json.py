"""JSONL: one object a line. A line that is none, is no UTF-8 or is longer than 1 MB is unreadable."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import msgspec

from tui_monitor.collect import table_cells as cells
from tui_monitor.collect.table import Chunk, TableError, Wanted
from tui_monitor.collect.tail import LONGEST_LINE

ROWS = 100_000  # a chunk, at most
BLOCK_BYTES = 8_000_000
_LOOK = 1000  # rows whose keys are the columns' names
_BOM = b"\xef\xbb\xbf"


class JsonTable:
    """A JSONL file."""

    def __init__(self, path: str, file: BinaryIO, size_bytes: int) -> None:
        self.unreadable = 0
        self.read_bytes = 0
        self.size_bytes = size_bytes
        self._file = file
        if size_bytes == 0:
            raise TableError(f"{path}: is empty")
        names: dict[str, None] = {}
        for place, line in enumerate(self._lines()):
            row = _whole(line)
            names |= dict.fromkeys(row or ())
            if place >= _LOOK:
                break
        self.names = list(names)
        file.seek(0)
        self.unreadable = self.read_bytes = 0

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def chunks(self, wanted: Collection[Wanted]) -> Iterator[Chunk]:
        """The rows, those columns only."""
        names = list(dict.fromkeys(name for name, _ in wanted))
        fields = [(f"c{place}", Any, None) for place in range(len(names))]
        row_type = msgspec.defstruct("Row", fields, rename={f"c{place}": name for place, name in enumerate(names)}, gc=False)
        decode = msgspec.json.Decoder(row_type).decode
        listed: list[tuple[Any, ...]] = []
        for line in self._lines():
            try:
                listed.append(msgspec.structs.astuple(decode(line)))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                row = _whole(line)
                if row is None:
                    self.unreadable += 1
                    continue
                listed.append(tuple(row.get(name) for name in names))
            if len(listed) >= ROWS:
                yield _chunk(listed, names, wanted)
                listed = []
        if listed:
            yield _chunk(listed, names, wanted)

    def _lines(self) -> Iterator[bytes]:
        """Lines that are not blank; those that are too long are counted."""
        rest, first = b"", True
        while data := self._file.read(BLOCK_BYTES):
            self.read_bytes += len(data)
            if first:
                data, first = data.removeprefix(_BOM), False
            *lines, rest = (rest + data).split(b"\n")
            while len(rest) > LONGEST_LINE:  # its end is not here yet
                self.unreadable += 1
                rest = self._skip_line()
                *more, rest = rest.split(b"\n")
                lines += more
            yield from self._fit(lines)
        yield from self._fit([rest])

    def _fit(self, lines: list[bytes]) -> Iterator[bytes]:
        for line in lines:
            if len(line) > LONGEST_LINE:
                self.unreadable += 1
            elif line and not line.isspace():
                yield line

    def _skip_line(self) -> bytes:
        while data := self._file.read(BLOCK_BYTES):
            self.read_bytes += len(data)
            if (end := data.find(b"\n")) >= 0:
                return data[end + 1 :]
        return b""


def _chunk(listed: list[tuple[Any, ...]], names: list[str], wanted: Collection[Wanted]) -> Chunk:
    if not wanted:
        return Chunk(len(listed), {})
    columns = dict(zip(names, zip(*listed, strict=True), strict=True))
    return Chunk(len(listed), {(name, kind): cells.of_values(kind, list(columns[name])) for name, kind in wanted})


def _whole(line: bytes) -> dict[str, Any] | None:
    """A line as Python's own writer spells it, with NaN and Infinity; None when it is no object."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
