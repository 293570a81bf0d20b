"""Which processes of this host are there and which sockets they hold, as `/proc` shows them to us."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from tui_monitor.collect.containers import container

MAX_PROCESSES = 20_000
MAX_DESCRIPTORS = 65_536  # of one process
COMMAND_BYTES = 16_384


class Process(Struct, frozen=True):
    """One process. Command lines may hold keys and passwords: they are matched, never shown."""

    pid: int
    comm: str
    words: tuple[str, ...]
    parent: int
    started_s: float | None  # wall clock
    here: bool  # in our network namespace: its ports are ours to reach
    ticks: int = 0  # when it started, since boot: with the pid it tells a process from a later one of the same number


class Host:
    """A look at all processes; what could not be seen is None or empty, never an error."""

    def __init__(self, root: Path = Path("/proc")) -> None:
        self.root = root
        self._booted_s = self._boot_time()
        self._namespace = self._link("self/ns/net")
        self._tick = os.sysconf("SC_CLK_TCK")

    def pids(self) -> list[int]:
        """Of all processes.

        Raises:
            OSError: when there is no process file system.
        """
        return sorted(int(name) for name in os.listdir(self.root) if name.isdigit())[:MAX_PROCESSES]  # noqa: PTH208 - names, not paths: there are thousands

    def process(self, pid: int) -> Process | None:
        """One process, None when it is gone, dead or not ours to see."""
        try:
            command = self._read(f"{pid}/cmdline", COMMAND_BYTES)
            stat = self._read(f"{pid}/stat", 4096)
        except OSError:
            return None
        begin, end = stat.find(b"("), stat.rfind(b")")
        fields = stat[end + 2 :].split()
        if begin < 0 or len(fields) < 20 or fields[0] in b"ZX":
            return None  # a zombie holds nothing and serves nobody
        words = tuple(word.decode(errors="replace") for word in command.rstrip(b"\0").split(b"\0") if word)
        started_s = None if self._booted_s is None else self._booted_s + int(fields[19]) / self._tick
        namespace = self._link(f"{pid}/ns/net")
        here = not namespace or not self._namespace or namespace == self._namespace
        return Process(pid, stat[begin + 1 : end].decode(errors="replace"), words, int(fields[1]), started_s, here, int(fields[19]))

    def holders(self, inodes: Iterable[int], pids: Iterable[int]) -> dict[int, list[int]]:
        """Socket inode -> processes that hold it, in the order of `pids`; those of other users are missing unless we are root."""
        wanted = {f"socket:[{inode}]": inode for inode in inodes}
        held: dict[int, list[int]] = {}
        for pid in pids:
            folder = f"{self.root}/{pid}/fd"
            try:
                names = os.listdir(folder)[:MAX_DESCRIPTORS]  # noqa: PTH208 - as above
            except OSError:
                continue
            mine = set()
            for name in names:
                try:
                    inode = wanted.get(os.readlink(f"{folder}/{name}"))  # noqa: PTH115 - as above
                except OSError:
                    continue
                if inode is not None:
                    mine.add(inode)
            for inode in mine:
                held.setdefault(inode, []).append(pid)
        return held

    def user(self, pid: int) -> int | None:
        """Whose process it is; None when it is gone."""
        try:
            for line in self._read(f"{pid}/status", 4096).split(b"\n"):
                if line.startswith(b"Uid:"):
                    return int(line.split()[2])  # the effective one: a socket is made with it
        except (OSError, ValueError, IndexError):
            pass
        return None

    def container(self, pid: int) -> str:
        """In which container it is; "" where it is in none, or in our own."""
        own = self._text("self/cgroup")
        text = self._text(f"{pid}/cgroup")
        return "" if container(own) == container(text) else container(text)

    def sees_namespace(self, pid: int) -> bool:
        """Whether the kernel tells us its network namespace; it does not of other users' processes."""
        return bool(self._link(f"{pid}/ns/net"))

    def folder(self, pid: int) -> Path:
        """Its working directory, as far as it can be followed: through its own mounts."""
        return self.root / str(pid) / "cwd"

    def words_from_here(self, process: Process) -> tuple[str, ...]:
        """Its command line with absolute paths as they are seen from here, when it has another root directory (a container)."""
        if self._link(f"{process.pid}/ns/mnt") == self._link("self/ns/mnt") and self._link(f"{process.pid}/root") in ("", "/"):
            return process.words
        root = f"{self.root}/{process.pid}/root"
        return tuple(re.sub(r"(^|=)/", rf"\g<1>{root}/", word, count=1) for word in process.words)

    def addresses(self, pid: int) -> frozenset[str]:
        """IPv4 addresses of its network namespace, without loopback."""
        found = re.findall(r"\|-- (\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL", self._text(f"{pid}/net/fib_trie", 1_000_000))
        return frozenset(one for one in found if not one.startswith("127."))

    def _boot_time(self) -> float | None:
        try:
            for line in self._read("stat", 1_000_000).split(b"\n"):
                if line.startswith(b"btime "):
                    return float(line.split()[1])
        except (OSError, ValueError, IndexError):
            pass
        return None

    def _read(self, name: str, limit: int) -> bytes:
        with (self.root / name).open("rb") as file:
            return file.read(limit)

    def _text(self, name: str, limit: int = 65_536) -> str:
        try:
            return self._read(name, limit).decode(errors="replace")
        except OSError:
            return ""

    def _link(self, name: str) -> str:
        try:
            return str((self.root / name).readlink())
        except OSError:
            return ""
