"""Follows log files as they grow, are rotated and are cut; gives whole lines, each once. Blocks on the disk: for threads only."""

from __future__ import annotations

import glob
import os
import stat

LONGEST_LINE = 1_000_000  # bytes; longer ones are dropped and counted
MOST_FILES = 64  # open at once, the newest ones
_HEAD = 64  # bytes at a file's start that tell a new content from more of the old
_QUIET_READS = 3  # a rotated file is still written to for a moment
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")


class Followed:
    """One open file, known by its inode so that renaming does not matter."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self.header: list[str] | None = None  # for who reads lines with a header
        self.open_quote = b""  # for who reads lines that may go on
        self._descriptor = descriptor
        self._offset = 0
        self._head = b""
        self._rest = b""  # of the last line, which is not finished
        self._too_long = False
        self.quiet_reads = 0
        self.dropped = 0

    def read(self, limit_bytes: int) -> tuple[list[bytes], int]:
        """(whole lines that are new, bytes read)."""
        head = os.pread(self._descriptor, _HEAD, 0)
        if os.fstat(self._descriptor).st_size < self._offset or not head.startswith(self._head):
            self.header, self.open_quote, self._offset, self._rest, self._too_long = None, b"", 0, b"", False  # cut, and begun anew
        self._head = head
        data = os.pread(self._descriptor, limit_bytes, self._offset)
        self._offset += len(data)
        self.quiet_reads = 0 if data else self.quiet_reads + 1
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._too_long and lines:
            self._too_long = False
            lines.pop(0)
        if len(self._rest) > LONGEST_LINE:
            self.dropped += not self._too_long
            self._too_long, self._rest = True, b""
        return lines, len(data)

    def close(self) -> list[bytes]:
        """The last line, which nobody will finish any more."""
        os.close(self._descriptor)
        rest, self._rest = self._rest, b""
        return [rest] if rest and not self._too_long else []


class Tail:
    """All files that a path or pattern names."""

    def __init__(self, pattern: str) -> None:
        """Nothing is opened yet."""
        self.pattern = pattern
        self.behind = False  # the last read stopped at its limit
        self.refused = ""  # why a file could not be opened
        self._files: dict[tuple[int, int], Followed] = {}

    @property
    def found(self) -> bool:
        """Whether any file is followed."""
        return bool(self._files)

    def read(self, limit_bytes: int) -> list[tuple[Followed, list[bytes]]]:
        """New whole lines of every file, those rotated away first, at most about `limit_bytes` together."""
        named = self._look()
        batches: list[tuple[Followed, list[bytes]]] = []
        left = limit_bytes
        for key in sorted(self._files, key=lambda key: (key in named, self._files[key].path)):
            if left <= 0:
                break
            followed = self._files[key]
            lines, size = followed.read(left)
            left -= size
            if key not in named and followed.quiet_reads >= _QUIET_READS:
                lines += self._files.pop(key).close()
            if lines or followed.dropped:
                batches.append((followed, lines))
        self.behind = left <= 0
        return batches

    def close(self) -> None:
        """Lets go of all files."""
        while self._files:
            self._files.popitem()[1].close()

    def _look(self) -> set[tuple[int, int]]:
        """Opens what is new; the identities of what the pattern names now."""
        self.refused = ""
        seen: list[tuple[float, tuple[int, int], str]] = []
        for path in glob.glob(self.pattern) if glob.has_magic(self.pattern) else [self.pattern]:  # noqa: PTH207 - the pattern may be absolute
            if path.endswith(_PACKED):
                continue
            try:
                status = os.stat(path)  # noqa: PTH116
            except OSError as error:
                self.refused = f"{path}: {error.strerror}"
                continue
            if stat.S_ISREG(status.st_mode):
                seen.append((status.st_mtime, (status.st_dev, status.st_ino), path))
            else:
                self.refused = f"{path}: not a regular file"
        named = {key: path for _, key, path in sorted(seen)[-MOST_FILES:]}
        for key, path in named.items():
            if key in self._files:
                self._files[key].path = path
                continue
            try:
                self._files[key] = Followed(path, os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
            except OSError as error:
                self.refused = f"{path}: {error.strerror}"
        return set(named)
