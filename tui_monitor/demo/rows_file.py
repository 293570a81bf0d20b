"""A file of JSON rows that grows, and is renamed when it is large, as any log is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

LIMIT_BYTES = 4_000_000


class RowsFile:
    """Appends rows; at most two files of `limit_bytes` exist: the current one, and the one before (`.1`)."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._path, self._limit_bytes = path, limit_bytes
        self._file: TextIO | None = None

    def append(self, row: dict[str, Any]) -> None:
        """Write one row, whole and at once.

        Raises:
            OSError: it cannot be written.
        """
        if self._file is None:
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        if self._file.tell() >= self._limit_bytes:
            self.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
