"""The processes of the served models with everything they started, each as a family: memory, processor use, and who of them is stopped.

One read of `/proc/PID/stat` a process and look (proc_pid_stat(5)), of known members only; who belongs to whom is looked up seldom, as that
means to read every process of the host.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from tui_monitor.model import Process, ServerProcess, clean, utc

MEET_EVERY_S = 10.0
MEMBERS = 4_000
READS_A_LOOK = 400  # beyond that many members, each look reads some of them in turn
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_COMM = 15  # characters that the kernel keeps of a name


class Stat(NamedTuple):
    """What the kernel tells of a process in one line."""

    comm: str
    state: str
    parent: int
    cpu_s: float
    reaped_s: float  # processor time of children that ended, and of theirs
    started: int  # ticks since boot: with the pid, who it is
    rss_bytes: int


def stat(root: Path, pid: int) -> Stat | None:
    """One process now; None when it is gone or not ours to see."""
    try:
        with open(f"{root}/{pid}/stat", "rb") as file:  # noqa: PTH123 - hundreds a look: a Path each costs more than the read
            line = file.read(4096)
        begin, end = line.index(b"("), line.rindex(b")")
        fields = line[end + 2 :].split()
        return Stat(
            line[begin + 1 : end].decode(errors="replace"),
            fields[0].decode(),
            int(fields[1]),
            (int(fields[11]) + int(fields[12])) / _TICK,
            (int(fields[13]) + int(fields[14])) / _TICK,
            int(fields[19]),
            int(fields[21]) * _PAGE,
        )
    except (OSError, ValueError, IndexError):
        return None


class _Member(Struct):
    """A watched process: what it was at the newest look, and the processor use since the one before."""

    target: str
    name: str
    user: str | None
    now: Stat
    at_s: float
    cores: float | None = None  # not known before the second look
    traced: int = 0  # looks in a row that saw it held by a debugger


class Families:
    """All watched processes. May block where the kernel does: `/proc/PID/cmdline` of a stuck process."""

    def __init__(self, root: Path = Path("/proc")) -> None:
        """`root`: of the process file system."""
        self._root = root
        self._members: dict[int, _Member] = {}
        self._roots: dict[int, str] = {}
        self._met_s: float | None = None
        self._next = 0
        self._booted_s = _booted_s(root)

    def look(self, roots: dict[int, str], tick_s: float) -> list[Process]:
        """The processes now, those of a family side by side, the eldest of a family first.

        Args:
            roots: pid -> target; their children are found.
            tick_s: now, on a clock that never goes back.
        """
        if roots != self._roots or self._met_s is None or tick_s - self._met_s >= MEET_EVERY_S:
            self._roots, self._met_s = dict(roots), tick_s
            self._meet(roots, tick_s)
        self._read(tick_s)
        living = [(pid, member) for pid, member in self._members.items() if member.now.state not in "ZX"]
        living.sort(key=lambda one: (one[1].target, one[1].now.started, one[0]))
        return [self._told(pid, member) for pid, member in living]

    # -- who belongs to whom ------------------------------------------------------------------------------------------------------------

    def _meet(self, roots: dict[int, str], tick_s: float) -> None:
        kept: dict[int, _Member] = {}
        for pid, target in _descendants(self._root, roots).items():
            old = self._members.get(pid)
            now = stat(self._root, pid)
            if now is None or (now.state in "ZX" and old is None):
                continue
            if old is not None and old.now.started == now.started:  # else the pid was given to another
                old.target = target
                kept[pid] = old
            else:
                kept[pid] = _Member(target, self._name(pid, now.comm), _user(self._root, pid), now, tick_s)
        self._members = kept

    def _name(self, pid: int, comm: str) -> str:
        """Its name; where the kernel has cut it, whole from the command line."""
        if len(comm.encode()) >= _COMM:
            try:
                first = (self._root / str(pid) / "cmdline").read_bytes()[:4096].split(b"\0")[0].decode(errors="replace")
            except OSError:
                first = ""
            whole = first.rpartition("/")[2] if first.startswith("/") else first
            if whole.startswith(comm):
                comm = whole
        return clean(comm, 64)

    # -- what they use ------------------------------------------------------------------------------------------------------------------

    def _read(self, tick_s: float) -> None:
        pids = list(self._members)
        every = len(pids) <= READS_A_LOOK
        if not every:
            first = self._next % len(pids)
            self._next = first + READS_A_LOOK
            pids = (pids + pids)[first : first + READS_A_LOOK]
        seen: dict[int, Stat] = {}
        ended_s: dict[int, float] = {}  # parent -> processor time of its children that ended, as far as it was known to us
        for pid in pids:
            before, now = self._members[pid].now, stat(self._root, pid)
            if now is not None and now.started == before.started:
                seen[pid] = now
            else:
                ended_s[before.parent] = ended_s.get(before.parent, 0.0) + before.cpu_s + before.reaped_s
                del self._members[pid]
        for pid, now in seen.items():
            member = self._members[pid]
            before, passed_s = member.now, tick_s - member.at_s
            if passed_s > 0:
                # Children that came and went between two looks are seen only in what their parent took over from them.
                unseen_s = now.reaped_s - before.reaped_s - ended_s.get(pid, 0.0) if every else 0.0
                member.cores = max(0.0, now.cpu_s - before.cpu_s + max(0.0, unseen_s)) / passed_s
                member.at_s = tick_s
            if now.comm != before.comm:
                member.name = self._name(pid, now.comm)
            member.traced = member.traced + 1 if now.state == "t" else 0
            member.now = now

    def _told(self, pid: int, member: _Member) -> Process:
        now = member.now
        started_s = None if self._booted_s is None else self._booted_s + now.started / _TICK
        state = "S" if now.state == "t" and member.traced < 2 else now.state  # a profiler holds it for a moment
        return Process(pid, member.name, member.user, member.target, now.rss_bytes, member.cores, started_s, state, now.parent)


def families(processes: Iterable[Process]) -> dict[str, ServerProcess]:
    """Target -> its processes as one. Shared pages count in each of them, as in every sum of resident memory.

    What one look cannot tell is left as it is in `ServerProcess`: restarts, GPU memory, orphan, container.
    """
    members: dict[str, list[Process]] = {}
    for process in processes:
        if process.target is not None:
            members.setdefault(process.target, []).append(process)
    return {target: _family(one) for target, one in members.items()}


def _family(members: list[Process]) -> ServerProcess:
    eldest = min(members, key=lambda one: (one.started_s is None, one.started_s, one.pid))
    rss = [one.rss_bytes for one in members if one.rss_bytes is not None]
    cpu = [one.cpu for one in members if one.cpu is not None]
    return ServerProcess(
        pid=eldest.pid,
        started=None if eldest.started_s is None else utc(eldest.started_s),
        processes=len(members),
        rss_bytes=sum(rss) if rss else None,
        cpu=sum(cpu) if cpu and eldest.cpu is not None else None,
        stopped=[f"{one.name} ({one.pid})" for one in members if one.state in ("T", "t")],
    )


def _descendants(root: Path, roots: dict[int, str]) -> dict[int, str]:
    """`roots` and everything they started, each with its target; a child that is a root itself keeps its own target."""
    if not roots:
        return {}
    children: dict[int, list[int]] = {}
    for name in os.listdir(root):  # noqa: PTH208 - names, not paths: there are thousands
        if name.isdigit() and (seen := stat(root, int(name))) is not None:
            children.setdefault(seen.parent, []).append(int(name))
    members = dict(roots)
    queue = list(roots)
    while queue and len(members) < MEMBERS:
        parent = queue.pop()
        for child in children.get(parent, []):
            if child not in members:
                members[child] = members[parent]
                queue.append(child)
    return members


def _booted_s(root: Path) -> float | None:
    try:
        line = next(line for line in (root / "stat").read_bytes().split(b"\n") if line.startswith(b"btime "))
        return float(line.split()[1])
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _user(root: Path, pid: int) -> str | None:
    try:
        return _login((root / str(pid)).stat().st_uid)
    except OSError:
        return None


@lru_cache(maxsize=256)
def _login(uid: int) -> str:
    try:
        return clean(pwd.getpwuid(uid).pw_name, 64)
    except KeyError:
        return str(uid)
