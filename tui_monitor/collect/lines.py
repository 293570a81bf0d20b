"""Lines of a log as rows: JSONL, CSV and TSV by the file's ending."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from tui_monitor.collect.tail import LONGEST_LINE, Followed

Row = dict[str, Any]

_BOM = b"\xef\xbb\xbf"
_COMMAS = re.compile(r"\.(csv|tsv)([._-][0-9][\w.-]*)?$")
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def row_of(line: bytes) -> Row | None:
    """One JSON object, also with the NaN and Infinity that Python writes; None when it is none."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if line.startswith(_BOM):
        return row_of(line.removeprefix(_BOM))
    if b"NaN" not in line and b"Infinity" not in line:
        return None
    try:
        known = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return known if isinstance(known, dict) else None


class Reader:
    """Turns lines into rows and counts what it had to leave out."""

    def __init__(self) -> None:
        """Nothing was left out yet."""
        self.left_out: Counter[str] = Counter()

    def rows(self, followed: Followed, lines: list[bytes]) -> Iterator[Row]:
        """The readable rows of one file's new lines."""
        self.left_out["row_unreadable"] += followed.dropped
        followed.dropped = 0
        commas = _COMMAS.search(followed.path)
        if commas or followed.header:
            yield from self._csv(followed, lines, "\t" if commas and commas[1] == "tsv" else ",")
        else:
            yield from self._jsonl(lines)

    def _jsonl(self, lines: list[bytes]) -> Iterator[Row]:
        for line in lines:
            row = row_of(line)
            if row is not None:
                yield row
            elif line.strip():
                self.left_out["row_unreadable"] += 1

    def _csv(self, followed: Followed, lines: list[bytes], comma: str) -> Iterator[Row]:
        if not lines:
            return
        for cells in self._quick(followed, lines, comma) or self._one_by_one(followed, lines, comma):
            if not cells:
                continue
            header = followed.header
            if header is None or cells[0] == header[0]:  # the writer began again, perhaps with other columns
                named = [cell.strip() for cell in cells]
                before = followed.former_header
                if header is None and before and len(before) == len(named) and not set(before) & set(named):
                    followed.header = before  # it was cut, and its writer goes on without a header
                    yield dict(zip(before, cells, strict=True))
                else:
                    followed.header = named
            elif len(cells) == len(header):
                yield dict(zip(header, cells, strict=True))
            else:
                self.left_out["row_unreadable"] += 1

    def _quick(self, followed: Followed, lines: list[bytes], comma: str) -> list[list[str]]:
        """All lines at once where no cell is quoted; nothing when that cannot be."""
        text = b"\n".join(lines)
        if followed.open_quote or b'"' in text:
            return []
        try:
            return list(csv.reader(text.decode("utf-8-sig").split("\n"), delimiter=comma, quoting=csv.QUOTE_NONE))
        except (UnicodeDecodeError, csv.Error):
            return []

    def _one_by_one(self, followed: Followed, lines: list[bytes], comma: str) -> Iterator[list[str]]:
        for line in lines:
            record = followed.open_quote + line
            followed.open_quote = b""
            if record.count(b'"') % 2:  # a quoted cell goes on in the next line
                if len(record) < LONGEST_LINE:
                    followed.open_quote = record + b"\n"
                else:
                    self.left_out["row_unreadable"] += 1
                continue
            try:
                yield next(csv.reader([record.decode("utf-8-sig").rstrip("\r")], delimiter=comma), [])
            except (UnicodeDecodeError, csv.Error):
                self.left_out["row_unreadable"] += 1
