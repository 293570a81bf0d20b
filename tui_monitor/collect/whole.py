"""Every row of a log once, with all its columns as they came: for who takes rows out of a log and not numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tui_monitor.collect.lines import Reader, Row
from tui_monitor.collect.parquet import Tables
from tui_monitor.collect.tail import Followed, named_files

_BLOCK_BYTES = 2_000_000
_BLOCK_ROWS = 8192


class Whole:
    """All files that a path or pattern names, or that lie in a folder; JSONL, CSV, TSV and Parquet by their endings."""

    def __init__(self, pattern: str) -> None:
        """Nothing is opened yet."""
        self.pattern = pattern
        self.refused = ""  # why a file could not be read, in one line
        self.files = 0  # read so far
        self._reader = Reader()

    @property
    def unreadable(self) -> int:
        """Rows that are none, so far."""
        return self._reader.left_out["row_unreadable"]

    def rows(self) -> Iterator[list[Row]]:
        """The rows, some thousand at a time, oldest file first."""
        found, self.refused = named_files(self.pattern)
        for one in found:
            if one.path.endswith(".parquet"):
                yield from self._table(one.path)
                continue
            try:
                descriptor = os.open(one.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                self.refused = f"{one.path}: {error.strerror}"
                continue
            self.files += 1
            yield from self._lines(Followed(one.path, descriptor), one.status.st_size)

    def _lines(self, followed: Followed, size: int) -> Iterator[list[Row]]:
        left = size  # a log that is written to meanwhile has an end all the same
        try:
            while left > 0:
                lines, read, _ = followed.read(min(left, _BLOCK_BYTES))
                if not read:
                    break
                left -= read
                yield list(self._reader.rows(followed, lines))
        except OSError as error:
            self.refused = f"{followed.path}: {error.strerror}"
        finally:
            last = followed.close()
        yield list(self._reader.rows(followed, last))

    def _table(self, path: str) -> Iterator[list[Row]]:
        tables = Tables(path)
        while True:
            yield from tables.read(_BLOCK_ROWS)
            if not tables.behind:
                break
        self.refused = tables.refused or self.refused
        self.files += not tables.refused
