"""Finds model servers of this host without configuration: listening socket -> process -> a few polite GETs.

A process whose command line tells its kind is believed; it is asked only to tell its ports apart, and is found while it starts and before
any port is open. Any other listener gets a handful of GETs, spread over a moment, until one fits a kind. Nothing is ever posted, nothing
generated. Ports of workers, of well-known other services and of our own process are left alone. Each step is bounded, and what could not
be seen is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from msgspec import Struct, structs

from tui_monitor.collect.asking import Asker
from tui_monitor.collect.command import NOT_LISTED, Recognised, recognised
from tui_monitor.collect.fingerprint import ClientFactory, plain_client, recognise
from tui_monitor.collect.hits import USUAL, grouped
from tui_monitor.collect.lineage import Lineage
from tui_monitor.collect.look import FORWARDERS, Look
from tui_monitor.collect.servers.places import place, places
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.collect.sockets import listeners
from tui_monitor.collect.worker import Busy, Worker
from tui_monitor.model import Found, Orphan, clean

__all__ = ["Discovered", "discover", "listening", "owners", "recognise"]

WHOLE_S = 1.8  # of a look around; all ports are asked side by side
MAX_PORTS = 256

T = TypeVar("T")


class Discovered(Struct, frozen=True):
    """What one look around found."""

    found: list[Found]
    unseen: list[str]  # what it could not see, why, and behind " - " the cure
    sockets: frozenset[int]
    owners: dict[str, int] = {}  # configured targets of this host -> process that listens on their port
    again: bool = False  # a port accepted and was silent, or said that it is busy: worth another look soon
    orphans: list[Orphan] = []  # left behind by servers that are gone, and still holding a port
    left_behind: list[Orphan] = []  # the same without a port: they matter where they hold the memory of a GPU
    known: dict[str, Found] = {}  # configured targets -> what the host knows of their process: pid, started, container, orphan


def listening(root: Path = Path("/proc")) -> frozenset[int]:
    """The inodes of all listening sockets: while they stay the same there is nothing new to find. Cheap; empty when nobody may look."""
    try:
        return frozenset(listener.inode for listener in listeners(root))
    except OSError:
        return frozenset()


class _Survey(Struct, frozen=True, eq=False):
    """What one look at the process file system brought; nobody was asked anything."""

    look: Look
    servers: list[Recognised]
    containers: dict[int, str]  # of the processes that listen


_LINEAGES: dict[Path, Lineage] = {}
_LOOKER: Worker[_Survey] = Worker("discover")  # one for all: behind a look that is stuck in the kernel no other is started


def _survey(root: Path) -> _Survey:
    look = Look(root)
    servers = recognised(look)
    listen = {process.pid for port in look.ports for process in look.owners(port)}
    return _Survey(look, servers, {pid: look.host.container(pid) for pid in listen})


async def discover(
    extra_ports: Sequence[int],
    known: Sequence[Found],
    *,
    root: Path = Path("/proc"),
    client_factory: ClientFactory = plain_client,
    now_s: float | None = None,
) -> Discovered:
    """Looks around once, in less than two seconds.

    Args:
        extra_ports: asked even where their process or number says that there is nothing to find.
        known: servers that are watched already; they are not asked again while the same process listens on the same ports.
        root: of the process file system.
        client_factory: makes the clients.
        now_s: the wall clock; `time.time()` when None.
    """
    begun_s = time.monotonic()
    try:
        survey = await _LOOKER.run(lambda: _survey(root), WHOLE_S)
    except (TimeoutError, Busy):
        why = f"processes: the kernel did not answer within {WHOLE_S:g} s ({root}) - a process hangs in the kernel: see dmesg"
        return Discovered([], [why], frozenset(), again=True)
    around = _Round(survey, set(extra_ports), list(known), client_factory, time.time() if now_s is None else now_s)
    return await around.run(begun_s + WHOLE_S)


async def owners(known: Sequence[Found], *, root: Path = Path("/proc")) -> dict[str, int]:
    """Which process listens on the port of each configured target of this host; nobody is asked anything."""
    try:
        survey = await _LOOKER.run(lambda: _survey(root), WHOLE_S)
    except (TimeoutError, Busy):
        return {}
    return _Round(survey, set(), list(known), plain_client, time.time()).owners()


class _Round:
    """One look around: who is known, who is recognised by command line, and who has to be asked."""

    def __init__(self, survey: _Survey, extra: set[int], known: list[Found], factory: ClientFactory, now_s: float) -> None:
        self._survey, self._look, self._extra, self._known = survey, survey.look, extra, known
        self._now_s = now_s
        self._lineage = _LINEAGES.setdefault(survey.look.root, Lineage())
        self._unseen = list(survey.look.unseen)
        self._found: list[Found] = []
        self._owners: dict[str, int] = {}
        self._claimed: set[int] = set()  # processes of servers that are watched already
        self._taken: set[int] = set()  # ports that need no asking
        self._ask = Asker(survey.look, survey.servers, factory)

    def owners(self) -> dict[str, int]:
        """Configured target -> the process that listens there."""
        self._keep_known()
        return self._owners

    async def run(self, until_s: float) -> Discovered:
        """Looks at everything, as far as it answers before `until_s` of the monotonic clock."""
        ports = self._look.ports
        self._keep_known()
        believed: list[Coroutine[object, object, Found | None]] = []
        for one in self._survey.servers:
            watched = bool(self._claimed & set(self._look.below(one.process.pid))) or bool(self._taken & set(one.ports))
            self._taken |= set(one.ports)
            if not watched and not one.elsewhere:
                believed.append(self._ask.of_command(one))
        strangers = [port for port in ports if port not in self._taken and self._worth_asking(port)]
        strangers.sort(key=lambda port: (port not in self._extra, port not in USUAL, port))
        strangers += [port for port in sorted(self._extra) if port not in ports and port not in self._taken]
        if len(strangers) > MAX_PORTS:
            self._unseen.append(
                f"{len(strangers) - MAX_PORTS} more listening ports: {MAX_PORTS} are asked at most - name servers in [[targets]]"
            )
        fresh, hits = await asyncio.gather(
            self._done(believed, [], until_s),
            self._done([self._ask.of_port(port) for port in strangers[:MAX_PORTS]], strangers[:MAX_PORTS], until_s),
        )
        there = {port for one in fresh for url in (one.url, *one.urls.values()) if (port := urlsplit(url).port)}
        groups = grouped([hit for hit in hits if hit.port not in there and (hit.kind.name not in NOT_LISTED or hit.port in self._extra)])
        fresh += await self._done([self._ask.of_hits(group) for group in groups], [], until_s)
        self._name(sorted(fresh, key=lambda one: (one.ports, one.url)))
        self._unseen += [
            one.elsewhere for one in self._survey.servers if one.elsewhere and one.process.pid not in self._claimed | self._ask.behind
        ]
        self._unseen += self._ask.unseen
        return self._told()

    async def _done(self, jobs: Sequence[Coroutine[object, object, T | None]], ports: list[int], until_s: float) -> list[T]:
        """What the jobs that end in time bring; `ports`, where each job has one, are asked again."""
        if not jobs:
            return []
        tasks = [asyncio.ensure_future(job) for job in jobs]
        try:
            done, late = await asyncio.wait(tasks, timeout=max(0.05, until_s - time.monotonic()))
        finally:
            for task in tasks:
                task.cancel()
        if late:
            await asyncio.gather(*late, return_exceptions=True)
            silent = [port for task, port in zip(tasks, ports, strict=False) if task in late]
            for port in silent:
                self._ask.soon(port)
            named = ": " + " ".join(map(str, silent[:8])) + (" ..." if len(silent) > 8 else "") if silent else ""
            count = f"{len(late)} listening port{'s' if len(late) > 1 else ''}"
            self._unseen.append(f"{count} did not answer in time{named} - they are asked again; name a server there under [[targets]]")
        return [found for task in tasks if task in done and not task.exception() and (found := task.result()) is not None]

    def _told(self) -> Discovered:
        """The result, with what the families of all servers say about orphans."""
        servers = {one.process.pid: one.kind.name for one in self._survey.servers}
        servers |= {one.pid: one.kind for one in self._found if one.pid}
        servers |= {pid: one.kind for one in self._known if one.configured and (pid := self._owners.get(one.name))}
        found = [self._as_child(one) for one in self._found]
        configured = {
            one.name: self._as_child(structs.replace(one, pid=pid, started_s=self._look.processes[pid].started_s))
            for one in self._known
            if one.configured and (pid := self._owners.get(one.name)) in self._look.processes and pid is not None
        }
        left = self._lineage.left_behind(self._look, servers)
        self._lineage.remember(self._look, servers, self._now_s)
        return Discovered(
            found,
            self._unseen,
            self._look.sockets,
            self._owners,
            self._ask.again,
            [one for one in left if one.ports],
            [one for one in left if not one.ports],
            configured,
        )

    def _as_child(self, one: Found) -> Found:
        """With its container, and whether it is an orphan, as they are now."""
        if one.pid is None:
            return one
        container = self._survey.containers.get(one.pid) or next(
            (s.container for s in self._survey.servers if s.process.pid == one.pid), ""
        )
        return structs.replace(one, orphan=self._lineage.is_orphan(self._look, one.pid), container=container)

    # -- who is who -------------------------------------------------------------------------------------------------------------------

    def _keep_known(self) -> None:
        """Servers that are watched already stay found while the same process listens."""
        for one in self._known:
            at = {port for url in self._all_urls(one) if (port := self._local_port(url))}
            holders = [process for port in sorted(at) for process in self._look.owners(port)]
            theirs = [holder for holder in holders if not FORWARDERS.fullmatch(holder.comm)]
            family = {pid for holder in theirs for pid in self._look.family(holder.pid)}
            if one.configured:
                self._taken |= at
                api = self._local_port(one.url)
                first = next((holder for holder in self._look.owners(api) if holder in theirs), None) or next(iter(theirs), None)
                if first is not None:
                    self._owners[one.name] = first.pid
                    self._claimed |= {holder.pid for holder in theirs}
            elif one.ports and at & set(self._look.ports) and (one.pid in family or (not theirs and self._still_there(one))):
                self._taken |= at | set(one.ports)
                self._found.append(one)
                if one.pid is not None:
                    self._claimed.add(one.pid)

    def _still_there(self, one: Found) -> bool:
        """Whether the process of a server whose sockets are not ours to see, or behind a forwarder, can be the same."""
        if one.pid is None:
            return True
        process = self._look.processes.get(one.pid)
        return process is not None and process.started_s == one.started_s

    def _all_urls(self, one: Found) -> list[str]:
        """Where it is asked, as far as those ports are its own."""
        kind = KINDS.get(one.kind)
        urls = [one.url, *one.urls.values()]
        if kind is None or not one.configured:
            return urls
        api = self._look.owners(self._local_port(one.url))
        derived = [*places(one, kind), *(place(one, kind, name) for name in kind.places)]
        mine = {process.pid for process in api}
        return urls + [url for url in derived if url and mine & {process.pid for process in self._look.owners(self._local_port(url))}]

    def _local_port(self, url: str) -> int:
        """The port of a URL of this host, else 0."""
        try:
            parts = urlsplit(url)
            port, host = parts.port or (443 if parts.scheme == "https" else 80), parts.hostname or ""
        except ValueError:
            return 0
        bound = any(one.host == host for one in self._look.ports.get(port, []))
        return port if bound or host in ("localhost", "::1") or host.startswith("127.") else 0

    def _worth_asking(self, port: int) -> bool:
        if port in self._extra:
            return True
        owners = self._look.owners(port)
        watched = bool(owners) and all(self._claimed & set(self._look.family(one.pid)) for one in owners)
        return not watched and self._look.worth_asking(port) and self._ask.may_ask(port)

    def _name(self, fresh: list[Found]) -> None:
        """Names that nobody else has, and that stay: a server that was known here keeps its own; a port tells two of one name apart."""
        by_url = {one.url: one.name for one in self._known if not one.configured}
        by_pid = {one.pid: one.name for one in self._known if one.pid and not one.configured}
        taken = {one.name for one in self._known}
        for found in fresh:
            wanted = clean(found.name, 40).replace(" ", "-") or found.kind
            name = by_url.get(found.url) or by_pid.get(found.pid or 0)
            if name is None or any(one.name == name for one in self._found):
                port = urlsplit(found.url).port or 80
                options = (wanted, f"{wanted}-{port}", *(f"{wanted}-{port}-{number}" for number in range(2, len(taken) + 3)))
                name = next(option for option in options if option not in taken)
            taken.add(name)
            self._found.append(structs.replace(found, name=name))
