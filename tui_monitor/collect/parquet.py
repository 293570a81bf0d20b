"""Parquet files of a prediction log. One is complete when its footer is there, and is read once; pyarrow is loaded when the first one is seen.

Blocks on the disk: for threads only.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from tui_monitor.collect.tail import MOST_FILES, Named, named_files
from tui_monitor.model import clean

EXTRA = "Parquet needs pyarrow: pip install 'tui-monitor[parquet]'"
_MOST_DONE = 1000
_BATCH = 8192
_MAGIC = b"PAR1"

Row = dict[str, Any]


class Done(Struct, frozen=True):
    """A Parquet file and how many of its rows were given; another size or time is another content."""

    device: int
    inode: int
    size: int
    modified_ns: int
    rows: int
    whole: bool = True

    def of(self, one: Named) -> bool:
        """Whether this is what was read then."""
        status = one.status
        return (self.device, self.inode, self.size, self.modified_ns) == (*one.key, status.st_size, status.st_mtime_ns)


class Tables:
    """All Parquet files that a path or pattern names, or that lie in a folder."""

    def __init__(self, pattern: str) -> None:
        """Nothing is opened yet."""
        self.pattern = pattern
        self.behind = False
        self.refused = ""  # why a file could not be read
        self.found = self.usable = False
        self._done: deque[Done] = deque(maxlen=_MOST_DONE)

    def read(self, limit_rows: int) -> Iterator[list[Row]]:
        """Rows of files that are new and complete, oldest file first, at most about `limit_rows`."""
        names, _ = named_files(self.pattern)
        names = [one for one in names if one.path.endswith(".parquet")][-MOST_FILES:]
        self.refused, self.behind, self.found, self.usable = "", False, bool(names), False
        left = limit_rows
        for one in names:
            before = next((done for done in self._done if done.of(one)), None)
            if before is not None and before.whole:
                self.usable = True
                continue
            if left <= 0:
                self.behind = True
                return
            given = before.rows if before else 0
            try:
                for rows, whole in self._batches(one, given):
                    given += len(rows)
                    left -= len(rows)
                    self._remember(one, given, whole=whole)
                    self.usable = True
                    yield rows
                    if left <= 0:
                        break
            except _Waits:
                self.refused = f"{one.path}: not a complete Parquet file (yet)"
            except ImportError:
                self.refused = EXTRA
                return
            except Exception as error:  # noqa: BLE001 - what a broken file makes the library raise is its answer
                self.refused = clean(f"{one.path}: {str(error) or type(error).__name__}")

    def _batches(self, one: Named, skip: int) -> Iterator[tuple[list[Row], bool]]:
        with open(one.path, "rb") as file:  # noqa: PTH123
            size = os.fstat(file.fileno()).st_size
            start = os.pread(file.fileno(), 4, 0)
            if size < 12 or start != _MAGIC or os.pread(file.fileno(), 4, size - 4) != _MAGIC:
                raise _Waits
            import pyarrow.parquet

            table = pyarrow.parquet.ParquetFile(file)
            total = table.metadata.num_rows
            if total <= skip:
                self._remember(one, skip, whole=True)
                self.usable = True
                return
            groups: list[int] = []
            at = 0
            for group in range(table.num_row_groups):
                rows = table.metadata.row_group(group).num_rows
                if groups or at + rows > skip:
                    groups.append(group)
                else:
                    at += rows
            for batch in table.iter_batches(batch_size=_BATCH, row_groups=groups):
                begins, at = at, at + batch.num_rows
                if at > skip:
                    yield batch.slice(max(0, skip - begins)).to_pylist(), at >= total

    def marks(self) -> list[Done]:
        """What was read, oldest first."""
        return list(self._done)

    def resume(self, done: list[Done]) -> None:
        """What an earlier run has read is not read again; call it before the first read."""
        self._done = deque(done, maxlen=_MOST_DONE)

    def _remember(self, one: Named, rows: int, *, whole: bool) -> None:
        status = one.status
        for before in [before for before in self._done if (before.device, before.inode) == one.key]:
            self._done.remove(before)
        self._done.append(Done(*one.key, status.st_size, status.st_mtime_ns, rows, whole))


class _Waits(Exception):
    """Still being written."""
