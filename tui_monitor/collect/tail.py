"""Follows log files as they grow, are rotated and are cut; gives whole lines, each once. Blocks on the disk: for threads only.

A file is known by its inode and by what stands in it: its first bytes, and the bytes before the place up to which it was read. So renaming
reads nothing twice, a file that was cut or replaced is read from its start, and the copy that copytruncate leaves is read from where the
original was left.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

LONGEST_LINE = 1_000_000  # bytes; longer ones are dropped and counted
MOST_FILES = 64  # open at once, the newest ones
_HEAD = 64  # bytes at a file's start, and before the place it was read to, that tell a new content from more of the old
_QUIET_READS = 3  # a rotated file is still written to for a moment
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_OF_A_FOLDER = re.compile(r"[^.].*\.(jsonl|ndjson|json|csv|tsv|log|txt)([._-][0-9][\w.-]*)?")
_BLOCK = 4096  # what is given up of a file that the disk cannot read
_BROKEN_READS = 3  # a disk that fails may do so once
_MOST_MARKS = 64


class Trace(Struct, frozen=True):
    """Bytes that stood somewhere, so that they are known again; they themselves may be private, and are not kept."""

    size: int
    digest: bytes

    @staticmethod
    def of(data: bytes) -> Trace:
        """What to remember of `data`."""
        return Trace(len(data), hashlib.blake2b(data, digest_size=8).digest())


class Mark(Struct, frozen=True):
    """How far a file was read. What stood there says whether it is still the same."""

    path: str
    device: int
    inode: int
    offset: int  # where its first line starts that was not given
    head: Trace
    before: Trace  # what stood before `offset`
    header: list[str] | None = None
    skipping: bool = False  # in a line that is too long

    def fits(self, descriptor: int) -> bool:
        """Whether the file still holds what was read.

        Raises:
            OSError: the disk cannot be read.
        """
        return (
            os.fstat(descriptor).st_size >= self.offset
            and Trace.of(os.pread(descriptor, self.head.size, 0)) == self.head
            and Trace.of(os.pread(descriptor, self.before.size, self.offset - self.before.size)) == self.before
        )


class Followed:
    """One open file, known by its inode so that renaming does not matter."""

    def __init__(self, path: str, descriptor: int, mark: Mark | None = None) -> None:
        """Reads on at `mark`, which must fit, else from the start.

        Raises:
            OSError: the disk cannot be read.
        """
        self.path = path
        self.header: list[str] | None = mark.header if mark else None  # for who reads lines with a header
        self.former_header: list[str] | None = None  # of the content that was cut
        self.open_quote = b""  # for who reads lines that may go on
        self.touched_s = 0.0  # last written, as far as known
        self.dropped = 0
        self.quiet_reads = 0
        self._descriptor = descriptor
        self._offset = mark.offset if mark else 0
        self._head = os.pread(descriptor, mark.head.size, 0) if mark else b""
        self._given = (
            os.pread(descriptor, mark.before.size, mark.offset - mark.before.size) if mark else b""
        )  # the end of what was given, up to where `_rest` begins
        self._rest = b""  # of the last line, which is not finished
        self._too_long = mark.skipping if mark else False
        self._broken_reads = 0

    def read(self, limit_bytes: int) -> tuple[list[bytes], int, Mark | None]:
        """(whole lines that are new, bytes read, how far the content went that is gone now).

        Raises:
            OSError: the disk cannot be read; what is unreadable for long is skipped with the line it is in.
        """
        gone: Mark | None = None
        head = os.pread(self._descriptor, _HEAD, 0)
        if self._is_another(head):
            gone = self._forget()
        self._head = head
        began = self._offset
        data = self._next(limit_bytes)
        self._offset += len(data)
        self.quiet_reads = 0 if data else self.quiet_reads + 1
        data = self._rest + data
        *lines, self._rest = data.split(b"\n")
        if lines:
            begins = len(data) - len(self._rest)
            self._given = (self._given + data[max(0, begins - _HEAD) : begins])[-_HEAD:]
        if self._too_long and lines:
            self._too_long = False
            lines.pop(0)
        if len(self._rest) > LONGEST_LINE:
            self.dropped += not self._too_long
            self._given = (self._given + self._rest[-_HEAD:])[-_HEAD:]
            self._too_long, self._rest = True, b""
        if len(data) > LONGEST_LINE and (long := sum(len(line) > LONGEST_LINE for line in lines)):
            self.dropped += long
            lines = [line for line in lines if len(line) <= LONGEST_LINE]
        return lines, self._offset - began, gone

    def _is_another(self, head: bytes) -> bool:
        if os.fstat(self._descriptor).st_size < self._offset or not head.startswith(self._head):
            return True  # cut
        before = (self._given + self._rest[-_HEAD:])[-_HEAD:]
        return (
            bool(before) and os.pread(self._descriptor, len(before), self._offset - len(before)) != before
        )  # cut, and grown beyond where it was

    def _forget(self) -> Mark:
        gone = self.mark()
        self.former_header = self.header or self.former_header
        self.header, self.open_quote, self._offset, self._rest, self._too_long, self._given = None, b"", 0, b"", False, b""
        return gone

    def _next(self, limit_bytes: int) -> bytes:
        try:
            data = os.pread(self._descriptor, limit_bytes, self._offset)
        except OSError as error:
            if error.errno != errno.EIO or os.fstat(self._descriptor).st_size <= self._offset:
                raise
            try:
                data = os.pread(self._descriptor, _BLOCK - self._offset % _BLOCK, self._offset)  # what is readable before the bad place
            except OSError:
                self._broken_reads += 1
                if self._broken_reads >= _BROKEN_READS:
                    self._skip()
                raise
        self._broken_reads = 0
        return data

    def _skip(self) -> None:
        """Gives up the block at hand, and the line that it is in."""
        self._broken_reads = 0
        self._offset += _BLOCK - self._offset % _BLOCK
        self.dropped += not self._too_long
        self._rest, self._given, self.open_quote, self._too_long = b"", b"", b"", True

    def mark(self) -> Mark:
        """How far it was given, also when what was there is gone by now.

        Raises:
            OSError: the disk cannot be read.
        """
        status = os.fstat(self._descriptor)
        at = self._offset - len(self._rest) - len(self.open_quote)
        before = self._given
        if self.open_quote:
            size = min(at, _HEAD)
            before = os.pread(self._descriptor, size, at - size)
        head = Trace.of(self._head)
        return Mark(self.path, status.st_dev, status.st_ino, at, head, Trace.of(before), self.header, self._too_long)

    def close(self) -> list[bytes]:
        """The last line, which nobody will finish any more."""
        os.close(self._descriptor)
        rest, self._rest = self._rest, b""
        return [rest] if rest and not self._too_long else []


class Named(NamedTuple):
    """A file that a path or pattern names."""

    path: str
    status: os.stat_result

    @property
    def key(self) -> tuple[int, int]:
        """What stays when it is renamed."""
        return self.status.st_dev, self.status.st_ino


def named_files(pattern: str, packed: tuple[str, ...] = _PACKED) -> tuple[list[Named], str]:
    """(regular files that a path, a pattern or a folder names, oldest first; why one cannot be used)."""
    refused = odd = ""
    if os.path.isdir(pattern):  # noqa: PTH112
        try:
            with os.scandir(pattern) as entries:
                paths = sorted(one.path for one in entries if _OF_A_FOLDER.fullmatch(one.name) or one.name.endswith(".parquet"))
        except OSError as error:
            return [], f"{pattern}: {error.strerror}"
        refused = "" if paths else f"{pattern}: a folder without a log (known: .jsonl .csv .tsv .parquet)"
    else:
        paths = glob.glob(pattern) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207 - the pattern may be absolute
    seen: list[Named] = []
    for path in paths:
        if path.endswith(packed):
            continue
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError as error:
            refused = f"{path}: {error.strerror}"
            continue
        if stat.S_ISREG(status.st_mode):
            seen.append(Named(path, status))
        else:
            odd = f"{path}: not a regular file"
    return sorted(seen, key=lambda one: (one.status.st_mtime, one.path)), refused or ("" if seen else odd)


class Tail:
    """All files that a path or pattern names, or that lie in a folder."""

    def __init__(self, pattern: str) -> None:
        """Nothing is opened yet."""
        self.pattern = pattern
        self.behind = False  # the last read stopped at its limit
        self.refused = ""  # why a file could not be opened or read
        self.usable = False  # some file that has the name could be read
        self._files: dict[tuple[int, int], Followed] = {}
        self._past: list[Mark] = []  # of files that are closed, and of what was cut off
        self._resumed: list[Mark] = []  # files that may have been renamed while nobody looked

    @property
    def found(self) -> bool:
        """Whether any file is followed."""
        return bool(self._files)

    def read(self, limit_bytes: int) -> Iterator[tuple[Followed, list[bytes]]]:
        """New whole lines of every file, those rotated away first, at most about `limit_bytes` together."""
        named = self._look()
        left = limit_bytes
        self.behind = self.usable = False
        for key in sorted(self._files, key=lambda key: (key in named, self._files[key].touched_s, self._files[key].path)):
            if left <= 0:
                break
            followed = self._files[key]
            lines: list[bytes] = []
            try:
                lines, size, gone = followed.read(left)
                left -= size
                self.usable |= key in named
                if gone:
                    self._keep(gone)
                if key not in named and followed.quiet_reads >= _QUIET_READS:
                    self._keep(followed.mark())
                    lines += self._files.pop(key).close()
            except OSError as error:
                self.refused = f"{followed.path}: {error.strerror or error}"
                if key not in named:
                    self._files.pop(key).close()
            if lines or followed.dropped:
                yield followed, lines
        self.behind = left <= 0

    def marks(self) -> list[Mark]:
        """How far every file was read, the newest last."""
        marks = list(self._past)
        for followed in self._files.values():
            try:
                marks.append(followed.mark())
            except OSError:
                continue  # it is read from its start, should its disk come back
        return marks[-2 * _MOST_MARKS :]

    def resume(self, marks: list[Mark]) -> None:
        """Reads on where `marks` stand; call it before the first read."""
        self._past = list(marks)
        self._resumed = list(marks)

    def close(self) -> None:
        """Lets go of all files."""
        while self._files:
            self._files.popitem()[1].close()

    def _keep(self, mark: Mark) -> None:
        self._past.append(mark)
        del self._past[:-_MOST_MARKS]

    def _look(self) -> set[tuple[int, int]]:
        """Opens what is new; the identities of what the pattern names now."""
        found, self.refused = named_files(self.pattern, (*_PACKED, ".parquet"))
        found = found[-MOST_FILES:]
        named = {one.key for one in found}
        renamed, self._resumed = self._renamed(named), []
        for one in [*renamed, *found]:
            known = self._files.get(one.key)
            if known is not None:
                known.path, known.touched_s = one.path, one.status.st_mtime
                continue
            try:
                descriptor = os.open(one.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                self.refused = f"{one.path}: {error.strerror}"
                continue
            try:
                followed = Followed(one.path, descriptor, self._left_at(one.key, descriptor))
            except OSError as error:
                os.close(descriptor)
                self.refused = f"{one.path}: {error.strerror}"
                continue
            followed.touched_s = one.status.st_mtime
            self._files[one.key] = followed
        return named

    def _left_at(self, key: tuple[int, int], descriptor: int) -> Mark | None:
        """Where this file was left, or the one that it is a copy of."""
        marks = sorted(self._past, key=lambda mark: ((mark.device, mark.inode) == key, mark.offset), reverse=True)
        for mark in [*marks, *self._open_marks()]:
            own = (mark.device, mark.inode) == key
            if (own or mark.head.size == mark.before.size == _HEAD) and mark.fits(descriptor):
                self._past = [one for one in self._past if (one.device, one.inode) != key]
                return mark
        return None

    def _open_marks(self) -> Iterator[Mark]:
        for followed in self._files.values():
            try:
                yield followed.mark()
            except OSError:
                continue

    def _renamed(self, named: set[tuple[int, int]]) -> list[Named]:
        """Files of an earlier run that the pattern does not name any more: rotated away meanwhile, perhaps with lines nobody has read."""
        wanted = {(mark.device, mark.inode): mark for mark in self._resumed}
        found = []
        for folder in {os.path.dirname(mark.path) or "." for mark in wanted.values()}:  # noqa: PTH120
            try:
                with os.scandir(folder) as entries:
                    paths = [one.path for one in entries if any(one.inode() == inode for _, inode in wanted)]
                nearby = [Named(path, os.stat(path)) for path in paths]  # noqa: PTH116
            except OSError:
                continue
            found += [
                one
                for one in nearby
                if one.key in wanted and one.key not in named and stat.S_ISREG(one.status.st_mode)
                and one.status.st_size > wanted[one.key].offset and not one.path.endswith(_PACKED)
            ]  # fmt: skip
        return sorted(found, key=lambda one: one.status.st_mtime)
