"""Whose child a process was at earlier looks: what tells a server or a worker that was left behind from one that was sent away on purpose.

A process whose parent is pid 1 says nothing by itself: services, daemons and whatever outlived a login shell have that. It is an orphan
- when it was seen as the child of another program (no shell, no service manager) for longer than a launcher that sends its server away
  lives, and now has a reaper of orphans for parent,
- or when its command line says that it is a worker, which only a server of its kind starts, and its parent is a reaper,
- or when it shares a listening socket with other processes of the same command, none of which is above another: a socket is shared by
  inheritance, so who opened it is gone.
"""

from __future__ import annotations

import re

from tui_monitor.collect.look import TOOLS, WORKERS, Look
from tui_monitor.collect.processes import Process
from tui_monitor.collect.servers.kind import Kind, fits
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.model import Orphan, clean

SENT_AWAY_S = 30.0  # a launcher that outlives its server's start by this much means to stay
MAX_KNOWN = 8192
REAPERS = re.compile(r"systemd|(dumb-|docker-)?init|tini|catatonit|s6-svscan|runit|containerd-shim.*|conmon")
_PROGRAMS = re.compile(r"python.*|java|ray|uv|pypy.*")  # as pid 1 of a container these started their children themselves
_MANAGERS = re.compile(
    r"supervisord|circusd|monit|cron|crond|atd|sshd|login|su|systemd.*|runsv.*|s6-.*|gnome-.*|xterm|konsole|containerd.*|kubelet"
)
_ANYBODYS = re.compile(r"multiprocessing|resource_tracker")  # children of any Python program: they tell no kind
_BY_NAME = (("vllm", re.compile(r"^VLLM::")), ("sglang", re.compile(r"^sglang::")), ("ray-serve", re.compile(r"^ray::")),
            ("triton", re.compile(r"triton_python_backend_stub")), ("torchserve", re.compile(r"/model_service_worker\.py")),
            ("ollama", re.compile(r"ollama(_llama_server)? runner|ollama_llama_server")))  # fmt: skip


class Lineage:
    """Remembers servers and what came from them, from look to look."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[str, int, tuple[int, int]]] = {}  # process -> kind, its parent's pid, its server

    def remember(self, look: Look, servers: dict[int, str], now_s: float) -> None:
        """Takes note of the families of `servers` (pid -> kind) as they stand."""
        known = {(one.pid, one.ticks) for one in look.processes.values()}
        self._known = {key: told for key, told in self._known.items() if key in known}
        for server, kind in servers.items():
            if server not in look.processes:
                continue
            head = (server, look.processes[server].ticks)
            for pid in look.below(server)[:1024]:
                process = look.processes[pid]
                key = (pid, process.ticks)
                old = process.started_s is not None and now_s - process.started_s >= SENT_AWAY_S
                if old and len(self._known) < MAX_KNOWN and self._may_be_missed(look, process):
                    self._known[key] = kind, process.parent, head

    def _may_be_missed(self, look: Look, process: Process) -> bool:
        """Whether the death of its parent would mean something."""
        parent = look.processes.get(process.parent)
        return parent is not None and parent.pid != 1 and not any(one.fullmatch(parent.comm) for one in (TOOLS, REAPERS, _MANAGERS))

    def is_orphan(self, look: Look, pid: int) -> bool:
        """Whether whoever started a process is gone, and meant to stay."""
        process = look.processes.get(pid)
        if process is None or not _reaped(look, process):
            return False
        before = self._known.get((pid, process.ticks))
        if before is not None and before[1] != process.parent:
            return True
        return look.is_worker(process) or _heirs(look, process)

    def left_behind(self, look: Look, servers: dict[int, str]) -> list[Orphan]:
        """Processes of servers that are gone; some hold a port, others perhaps the memory of a GPU.

        Args:
            look: the host now.
            servers: pid -> kind of what serves now; their families are theirs.
        """
        served = {pid for server in servers for pid in (*look.below(server), *look.sharers(server))}
        found: dict[int, Orphan] = {}
        for process in look.processes.values():
            if process.pid in served or process.pid in found or not _reaped(look, process):
                continue
            kind = self._kind_of(look, process)
            if kind:
                for pid in look.below(process.pid)[:64]:
                    if pid not in served:
                        one = look.processes[pid]
                        found[pid] = Orphan(pid=pid, name=_name(one), kind=kind, ports=sorted(look.ports_of([pid])))
        return [found[pid] for pid in sorted(found)]

    def _kind_of(self, look: Look, process: Process) -> str:
        """The kind of server that left it behind, "" when none did."""
        before = self._known.get((process.pid, process.ticks))
        if before is not None:
            kind, parent, (server, ticks) = before
            alive = server in look.processes and look.processes[server].ticks == ticks
            return kind if parent != process.parent and not alive else ""
        return kind_of_worker(process)


def kind_of_worker(process: Process) -> str:
    """The kind whose worker a command line is, "" when it is nobody's or anybody's."""
    words = process.words or (process.comm,)
    line = " ".join(words)
    for name, expression in _BY_NAME:
        if expression.search(line):
            return name
    if _ANYBODYS.search(line) or (WORKERS.search(line) is None and not any(fits(kind.workers, words) for kind in KINDS.values())):
        return ""
    return next((kind.name for kind in KINDS.values() if _own(kind, words)), "")


def _own(kind: Kind, words: tuple[str, ...]) -> bool:
    return fits(kind.workers, words) and not fits(kind.process, words)


def _reaped(look: Look, process: Process) -> bool:
    """Whether its parent is one that takes in orphans and never was a server."""
    parent = look.processes.get(process.parent)
    if parent is None:
        return process.parent in (0, 1)  # pid 1 that we may not see; 0: from outside of this pid namespace
    if parent.pid == 1:
        return _PROGRAMS.fullmatch(parent.comm) is None and not any(fits(kind.process, parent.words) for kind in KINDS.values())
    return REAPERS.fullmatch(parent.comm) is not None


def _heirs(look: Look, process: Process) -> bool:
    """Whether it holds a listening socket together with another of the same command, neither of them above the other."""
    others = [look.processes[pid] for pid in look.sharers(process.pid)]
    return any(
        one.words == process.words
        and _reaped(look, one)
        and process.pid not in look.family(one.pid)
        and one.pid not in look.family(process.pid)
        for one in others
    )


def _name(process: Process) -> str:
    """Its name as `ps` has it: the rest of a command line may hold secrets."""
    first = process.words[0].split(maxsplit=1)[:1] if process.words else []
    return clean(first[0] if first and "::" in first[0] else process.comm, 40)
