"""Finds model servers of this host without configuration: listening socket -> process -> a few polite GETs.

A process whose command line tells its kind is believed; it is asked only to tell its ports apart, and is found while it starts and before
any port is open. Any other listener gets at most four GETs until one fits a kind. Nothing is ever posted, nothing generated. Ports of
workers, of well-known other services and of our own process are left alone. Each step is bounded, and what could not be seen is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from msgspec import Struct, structs

from tui_monitor.collect.fingerprint import QUESTION_S, ClientFactory, fingerprint, plain_client, recognise
from tui_monitor.collect.look import FORWARDERS, Look
from tui_monitor.collect.processes import Process
from tui_monitor.collect.servers.kind import Kind, base_name, fits, flag
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.collect.sockets import Listener, listeners
from tui_monitor.collect.worker import Busy, Worker
from tui_monitor.model import Found, clean

__all__ = ["Discovered", "discover", "listening", "recognise"]

WHOLE_S = 1.8  # of a look around; all ports are asked side by side
AT_ONCE = 32
MAX_PORTS = 256
NEW_FOR_S = 120.0
SELDOM_S = 600.0

T = TypeVar("T")


class Discovered(Struct, frozen=True):
    """What one look around found."""

    found: list[Found]
    unseen: list[str]  # what it could not see, and why
    sockets: frozenset[int]
    owners: dict[str, int] = {}  # configured targets of this host -> process that listens on their port
    again: bool = False  # a port accepted and was silent, or said that it is busy: worth another look soon


def listening(root: Path = Path("/proc")) -> frozenset[int]:
    """The inodes of all listening sockets: while they stay the same there is nothing new to find. Cheap; empty when nobody may look."""
    try:
        return frozenset(listener.inode for listener in listeners(root))
    except OSError:
        return frozenset()


class Strangers:
    """Listeners that speak HTTP and are no server of models: asked at each look while they are new, seldom afterwards.

    Each question is a line in somebody's log; without this every web service of the host would get three a minute for ever.
    """

    def __init__(self) -> None:
        self._first_last: dict[object, tuple[float, float]] = {}

    def may_ask(self, who: object, now_s: float) -> bool:
        """Whether it is time to ask a listener (again)."""
        first_s, last_s = self._first_last.get(who, (now_s, -SELDOM_S))
        return now_s - first_s < NEW_FOR_S or now_s - last_s >= SELDOM_S

    def asked(self, who: object, now_s: float) -> None:
        """A listener answered, and like no kind."""
        if len(self._first_last) >= 4 * MAX_PORTS:
            self._first_last.pop(next(iter(self._first_last)))
        self._first_last[who] = (self._first_last.get(who, (now_s, 0.0))[0], now_s)


_STRANGERS = Strangers()
_LOOKER: Worker[Look] = Worker("discover")  # one for all: behind a look that is stuck in the kernel no other is started


async def discover(
    extra_ports: Sequence[int],
    known: Sequence[Found],
    *,
    root: Path = Path("/proc"),
    client_factory: ClientFactory = plain_client,
) -> Discovered:
    """Looks around once, in less than two seconds.

    Args:
        extra_ports: asked even where their process or number says that there is nothing to find.
        known: servers that are watched already; they are not asked again while the same process listens on the same ports.
        root: of the process file system.
        client_factory: makes the clients.
    """
    begun_s = time.monotonic()
    try:
        look = await _LOOKER.run(lambda: Look(root), WHOLE_S)
    except (TimeoutError, Busy):
        return Discovered([], [f"processes: the kernel did not answer within {WHOLE_S:g} s ({root})"], frozenset(), again=True)
    return await _Round(look, set(extra_ports), list(known), client_factory).run(begun_s + WHOLE_S)


async def owners(known: Sequence[Found], *, root: Path = Path("/proc")) -> dict[str, int]:
    """Which process listens on the port of each configured target of this host; nobody is asked anything."""
    try:
        look = await _LOOKER.run(lambda: Look(root), WHOLE_S)
    except (TimeoutError, Busy):
        return {}
    return _Round(look, set(), list(known), plain_client).owners()


class _Hit(Struct, frozen=True):
    """A port whose answers fit a kind."""

    port: int
    url: str
    kind: Kind
    by: str  # api or metrics
    owner: Process | None
    through: str  # a forwarder's name


class _Round:
    """One look around: who is known, who is recognised by command line, and who has to be asked."""

    def __init__(self, look: Look, extra: set[int], known: list[Found], factory: ClientFactory) -> None:
        self._look, self._extra, self._known, self._factory = look, extra, known, factory
        self._unseen = list(look.unseen)
        self._found: list[Found] = []
        self._owners: dict[str, int] = {}
        self._claimed: set[int] = set()  # processes of servers that are watched already
        self._taken: set[int] = set()  # ports that need no asking
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._again = False

    def owners(self) -> dict[str, int]:
        """Configured target -> the process that listens there."""
        self._keep_known()
        return self._owners

    async def run(self, until_s: float) -> Discovered:
        """Looks at everything, as far as it answers before `until_s` of the monotonic clock."""
        ports = self._look.ports
        self._keep_known()
        believed: list[Coroutine[object, object, Found | None]] = []
        for kind, process in self._by_command_line():
            mine = [port for port in sorted(ports) if self._look.holds(process, port)]
            watched = process.pid in self._claimed or bool(self._taken & set(mine))
            self._taken |= set(mine)
            if watched:
                continue
            if process.here:
                believed.append(self._of_process(kind, process, {port: ports[port][0] for port in mine}))
            else:
                self._unseen.append(f"{kind.name} (process {process.pid}) is in another network namespace: give its URL in [[targets]]")
        strangers = [port for port in sorted(ports) if port not in self._taken and self._worth_asking(port)]
        strangers += [port for port in sorted(self._extra) if port not in ports and port not in self._taken]
        if len(strangers) > MAX_PORTS:
            self._unseen.append(f"{len(strangers) - MAX_PORTS} more listening ports: {MAX_PORTS} are asked at most")
        fresh, hits = await asyncio.gather(
            self._done(believed, until_s),
            self._done([self._of_port(port) for port in strangers[:MAX_PORTS]], until_s),
        )
        there = {port for one in fresh for url in (one.url, *one.urls.values()) if (port := urlsplit(url).port)}
        groups = _grouped([hit for hit in hits if hit.port not in there])
        fresh += await self._done([self._of_hits(group) for group in groups], until_s)
        self._name(sorted(fresh, key=lambda one: (one.ports, one.url)))
        return Discovered(self._found, self._unseen, self._look.sockets, self._owners, self._again)

    async def _done(self, jobs: Sequence[Coroutine[object, object, T | None]], until_s: float) -> list[T]:
        """What the jobs that end in time bring."""
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
            self._again = True
            self._unseen.append(f"{len(late)} listening ports did not answer in time")
        return [found for task in tasks if task in done and not task.exception() and (found := task.result()) is not None]

    # -- who is who -------------------------------------------------------------------------------------------------------------------

    def _keep_known(self) -> None:
        """Servers that are watched already stay found while the same process listens."""
        for one in self._known:
            at = {port for url in (one.url, *one.urls.values()) if (port := self._local_port(url))}
            holders = [process for port in sorted(at) for process in self._look.owners(port)]
            family = {pid for holder in holders for pid in self._look.family(holder.pid)}
            if one.configured:
                self._taken |= at
                if holders and not FORWARDERS.fullmatch(holders[0].comm):
                    self._owners[one.name] = holders[0].pid
                    self._claimed |= {holder.pid for holder in holders}
            elif one.ports and at & set(self._look.ports) and (one.pid in family or (one.pid is None and not holders)):
                self._taken |= at | set(one.ports)
                self._found.append(one)
                if one.pid is not None:
                    self._claimed.add(one.pid)

    def _local_port(self, url: str) -> int:
        """The port of a URL of this host, else 0."""
        try:
            parts = urlsplit(url)
            port, host = parts.port or (443 if parts.scheme == "https" else 80), parts.hostname or ""
        except ValueError:
            return 0
        bound = any(one.host == host for one in self._look.ports.get(port, []))
        return port if bound or host in ("localhost", "::1") or host.startswith("127.") else 0

    def _by_command_line(self) -> list[tuple[Kind, Process]]:
        """Processes that say what they are; of a family the eldest, whose children are its workers."""
        found: dict[int, tuple[Kind, Process]] = {}
        for process in self._look.processes.values():
            if self._look.may_serve(process):
                for kind in KINDS.values():
                    if fits(kind.process, process.words) and not fits(kind.workers, process.words):
                        found[process.pid] = (kind, process)
                        break
        return [(kind, one) for kind, one in found.values() if one.parent not in found or found[one.parent][0] is not kind]

    def _worth_asking(self, port: int) -> bool:
        if port in self._extra:
            return True
        owners = self._look.owners(port)
        watched = bool(owners) and all(self._claimed & set(self._look.family(one.pid)) for one in owners)
        return not watched and self._look.worth_asking(port) and _STRANGERS.may_ask(self._key(port), time.monotonic())

    # -- asking -----------------------------------------------------------------------------------------------------------------------

    async def _of_process(self, kind: Kind, process: Process, ports: dict[int, Listener]) -> Found:
        """A server known by its command line: its flags name its ports, the default ones stand in, and questions decide the rest."""
        words = process.words
        wanted = {page: _number(flag(words, name)) for page, name in kind.port_flags.items()}
        defaults = {"api": kind.api_port} | ({"metrics": kind.metrics.port} if kind.metrics and kind.metrics.port else {})
        at = {page: port for page, default in defaults.items() if (port := wanted.get(page) or default) in ports or not ports}
        left = [port for port in ports if port not in at.values() and port not in wanted.values()]
        if len(at) < len(defaults):
            for hit in await asyncio.gather(*(self._of_port(port) for port in left)):
                if hit is not None and hit.kind is kind:
                    at.setdefault(hit.by if hit.by in defaults else "api", hit.port)
        api = at.get("api") or wanted.get("api") or next(iter(left), 0) or next(iter(ports), 0) or kind.api_port
        scheme = "https" if kind.tls_flag and any(word.startswith(kind.tls_flag) for word in words) else "http"
        host = _reachable(ports[api].host) if api in ports else "127.0.0.1"
        urls = {}
        if "metrics" in at and kind.metrics:
            page = ports.get(at["metrics"])
            urls["metrics"] = f"http://{_reachable(page.host) if page else host}:{at['metrics']}{kind.metrics.path}"
        return Found(
            name=kind.read_name(words) or kind.name,
            kind=kind.name,
            url=f"{scheme}://{host}:{api}",
            urls=urls,
            pid=process.pid,
            started_s=process.started_s,
            ports=tuple(sorted({api, *at.values(), *wanted.values()} & set(ports))),  # not those of its workers
            how=f"process {clean(process.comm, 20)} ({process.pid})" + ("" if ports else ", no port open yet"),
        )

    async def _of_port(self, port: int) -> _Hit | None:
        """A listener whose process says nothing: what it answers decides."""
        urls = dict.fromkeys([url for one in self._look.ports.get(port, [])[:2] for url in _urls(one)] or [f"http://127.0.0.1:{port}"])
        for url in urls:
            async with self._gate:
                client = self._factory(url, QUESTION_S)
                try:
                    seen = await fingerprint(client)
                finally:
                    await client.aclose()
            self._again = self._again or seen.unsure
            if seen.kind is not None:
                owner = next(iter(self._look.owners(port)), None)
                through = owner.comm if owner and FORWARDERS.fullmatch(owner.comm) else ""
                return _Hit(port, url, seen.kind, seen.by, None if through else owner, through)
            if seen.heard:
                if not seen.unsure:
                    _STRANGERS.asked(self._key(port), time.monotonic())
                return None
        return None

    def _key(self, port: int) -> object:
        return (self._look.root, port, *(one.inode for one in self._look.ports.get(port, [])))

    async def _of_hits(self, hits: list[_Hit]) -> Found:
        """One server from its recognised ports, the API's first."""
        first, kind, owner = hits[0], hits[0].kind, hits[0].owner
        page = next((hit for hit in hits if hit.by == "metrics"), None)
        path = kind.metrics.path if kind.metrics else ""
        said = f"port {first.port} answers like {kind.name}"
        if first.through:
            said += f", through {clean(first.through, 20)}"
        elif owner:
            said += f", process {clean(owner.comm, 20)} ({owner.pid})"
        elif first.port in self._look.ports:
            self._unseen.append(f"port {first.port}: its process is not ours to see; recognised as {kind.name} by its answers")
        name = kind.read_name(owner.words) if owner else ""
        page_alone = first is page and bool(kind.metrics and kind.metrics.port)  # then the API keeps its distance from it
        return Found(
            name=name or await self._model_name(kind, first.url) or kind.name,
            kind=kind.name,
            url=first.url + path if page_alone else first.url,
            urls={"metrics": page.url + path} if page and page is not first else {},
            pid=owner.pid if owner else None,
            started_s=owner.started_s if owner else None,
            ports=tuple(sorted(hit.port for hit in hits)),
            how=said,
        )

    async def _model_name(self, kind: Kind, url: str) -> str:
        """The first model that it lists, when a GET lists them."""
        if kind.models is None or kind.models.method != "GET":
            return ""
        client = self._factory(url, QUESTION_S)
        try:
            answer = await client.get(kind.models.path)
            models = kind.read_models(answer.body) if answer.failure is None else ()
        except ValueError:
            models = ()
        finally:
            await client.aclose()
        return base_name(models[0].name) if models else ""

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


def _grouped(hits: list[_Hit]) -> list[list[_Hit]]:
    """Ports of one server together, its API first: a metrics page belongs to the API of its process, or to the one at the usual distance."""
    groups = [[hit] for hit in hits if hit.by == "api"]
    for page in (hit for hit in hits if hit.by == "metrics"):
        distance = page.kind.metrics.port - page.kind.api_port if page.kind.metrics and page.kind.metrics.port else 0
        for group in groups:
            api = group[0]
            same = api.owner is page.owner if page.owner else not api.owner and page.port - api.port == distance
            if api.kind is page.kind and same and len(group) == 1:
                group.append(page)
                break
        else:
            groups.append([page])
    return groups


def _number(text: str) -> int:
    """A port on a command line; 0 when it is none."""
    return int(text) if text.isdecimal() and text.isascii() and 0 < int(text) < 65536 else 0


def _reachable(host: str) -> str:
    """The address under which a listener bound to `host` answers on this host."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared with, never bound to
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _urls(listener: Listener) -> list[str]:
    """Where to ask; `::` may or may not take IPv4."""
    first = f"http://{_reachable(listener.host)}:{listener.port}"
    return [first, f"http://[::1]:{listener.port}"] if listener.host == "::" else [first]
