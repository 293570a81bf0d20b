"""Asks ports what they are, each a few times, and makes a server of the answers."""

from __future__ import annotations

import asyncio
import random
import time

from tui_monitor.collect.command import NOT_LISTED, Recognised, forwarded_to
from tui_monitor.collect.fingerprint import QUESTION_S, ClientFactory, fingerprint
from tui_monitor.collect.hits import Hit, reachable, reads, urls_of
from tui_monitor.collect.look import FORWARDERS, Look
from tui_monitor.collect.processes import Process
from tui_monitor.collect.servers.kind import Kind, base_name
from tui_monitor.collect.strangers import Strangers
from tui_monitor.model import Found, clean

SPREAD_S = 0.2  # the first questions go out over this time, not all at once
AT_ONCE = 32
AGAIN_S = 30.0  # a port that is due again within this time is worth another look

_STRANGERS = Strangers()


class Asker:
    """The questions of one look around."""

    def __init__(self, look: Look, servers: list[Recognised], factory: ClientFactory) -> None:
        self._look, self._factory = look, factory
        self._next_door = [one for one in servers if one.elsewhere]
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.unseen: list[str] = []
        self.again = False  # a port was silent or busy, and is due again soon
        self.behind: set[int] = set()  # processes of other network namespaces that are reached through a forwarder

    def may_ask(self, port: int) -> bool:
        """Whether it is time to ask a port of unknown purpose (again)."""
        return _STRANGERS.may_ask(self._key(port), time.monotonic())

    async def of_command(self, one: Recognised) -> Found:
        """A server known by its command line: what flags, files and defaults leave open is asked, kind by kind and port by port."""
        kind, process = one.kind, one.process
        at = {name: port for name, port in one.places.items() if port in self._look.ports or not one.ports}
        wanted = ["api", *(["metrics"] if kind.metrics and kind.metrics.port else []), *kind.places]
        missing = [name for name in wanted if name not in at]
        unclear = [port for port in one.unclear if port in one.ports or self.may_ask(port)]  # those of nobody are asked like strangers
        if unclear and missing:
            answers = await asyncio.gather(*(self._which(kind, port, missing) for port in unclear))
            for port, names in zip(unclear, answers, strict=True):
                for name in names:
                    at.setdefault(name, port)
        api = at.get("api") or one.places.get("api") or next((port for port in unclear if port in one.ports and port not in at.values()), 0)
        api = api or kind.api_port
        tls = kind.tls_flag and any(word.startswith(kind.tls_flag) for word in process.words)
        urls = {name: self._url(one, port) for name, port in at.items() if name in kind.places}
        if kind.metrics and "metrics" in at and at["metrics"] != api:
            urls["metrics"] = self._url(one, at["metrics"]) + kind.metrics.path
        held = one.ports or {port: held[0] for port in (api,) if (held := self._look.ports.get(port)) and one.unclear}
        return Found(
            name=kind.read_name(process.words) or kind.name,
            kind=kind.name,
            url=self._url(one, api, "https" if tls else "http"),
            urls=urls,
            pid=process.pid,
            started_s=process.started_s,
            ports=tuple(sorted({api, *at.values(), *one.places.values()} & (set(held) | set(at.values()) & set(self._look.ports)))),
            how=f"process {clean(process.comm, 20)} ({process.pid})" + ("" if held else ", no port open yet"),
            models=one.models,
            container=one.container,
        )

    def _url(self, one: Recognised, port: int, scheme: str = "http") -> str:
        listener = one.ports.get(port) or next(iter(self._look.ports.get(port, [])), None)
        api = next(iter(one.ports.values()), None)
        host = listener.host if listener else api.host if api else "127.0.0.1"
        return f"{scheme}://{reachable(host)}:{port}"

    async def _which(self, kind: Kind, port: int, missing: list[str]) -> list[str]:
        """Which of the missing places of a server a port of it is."""
        async with self._gate:
            client = self._factory(f"http://{reachable(self._look.ports[port][0].host)}:{port}", QUESTION_S)
            try:
                seen = await fingerprint(client, kind.name)
                self.again = self.again or seen.unsure
                if seen.kind is not None:
                    by = seen.by if seen.by in missing else "api"
                    return [by] if by in missing else []
                if not seen.heard:
                    return []
                for name in missing:
                    for ask in (kind.models, kind.version, kind.ready):
                        if ask is not None and ask.place == name != "api" and ask.method == "GET":
                            answer = await client.get(ask.path)
                            if answer.status in ask.accept and reads(kind, ask, answer.body):
                                return [name]
            finally:
                await client.aclose()
        return []

    async def of_port(self, port: int) -> Hit | None:
        """A listener whose process says nothing: what it answers decides."""
        await asyncio.sleep(random.uniform(0, SPREAD_S))  # noqa: S311 - no secret: only so that not all are asked at once
        key = self._key(port)
        urls = dict.fromkeys([url for one in self._look.ports.get(port, [])[:2] for url in urls_of(one)] or [f"http://127.0.0.1:{port}"])
        for url in urls:
            async with self._gate:
                client = self._factory(url, QUESTION_S)
                try:
                    seen = await fingerprint(client, asked=_STRANGERS.asked_before(key))
                finally:
                    await client.aclose()
            if seen.kind is not None:
                owner = next(iter(self._look.owners(port)), None)
                through = owner if owner and FORWARDERS.fullmatch(owner.comm) else None
                if seen.kind.name in NOT_LISTED:
                    _STRANGERS.later(key, time.monotonic())
                return Hit(port, url, seen.kind, seen.by, self._behind(through, seen.kind) if through else owner, through)
            if not seen.closed:
                if seen.unsure:
                    self.soon(port)
                else:
                    _STRANGERS.later(key, time.monotonic())
                return None
        return None

    def _behind(self, forwarder: Process, kind: Kind) -> Process | None:
        """The process in a container whose published port a forwarder holds, when it can only be that one."""
        address, port = forwarded_to(forwarder)
        same = [one for one in self._next_door if one.kind is kind]
        exact = [one for one in same if address and address in one.addresses]
        one = exact[0] if len(exact) == 1 else same[0] if len(same) == 1 and not same[0].addresses and not port else None
        if one is None:
            return None
        self.behind.add(one.process.pid)
        return one.process

    def soon(self, port: int) -> None:
        """It has to be asked again."""
        if _STRANGERS.soon(self._key(port), time.monotonic()) <= AGAIN_S:
            self.again = True

    def _key(self, port: int) -> object:
        return (self._look.root, port, *(one.inode for one in self._look.ports.get(port, [])))

    async def of_hits(self, hits: list[Hit]) -> Found:
        """One server from its recognised ports, the API's first."""
        first, kind, owner = hits[0], hits[0].kind, hits[0].owner
        page = next((hit for hit in hits if hit.by == "metrics"), None)
        path = kind.metrics.path if kind.metrics else ""
        said = f"port {first.port} answers like {kind.name}"
        if first.through:
            said += f", through {clean(first.through.comm, 20)}"
        if owner:
            said += f", process {clean(owner.comm, 20)} ({owner.pid})"
        elif not first.through and first.port in self._look.ports:
            self.unseen.append(
                f"port {first.port}: its process is not ours to see, recognised as {kind.name} by its answers - run as root to see its "
                "processor, memory and GPUs"
            )
        name = kind.read_name(owner.words) if owner else ""
        page_alone = first is page and bool(kind.metrics and kind.metrics.port)  # then the API keeps its distance from it
        away = {port - kind.api_port: name for name, port in kind.places.items()}
        others = {away[hit.port - first.port]: hit.url for hit in hits[1:] if hit is not page and hit.port - first.port in away}
        return Found(
            name=name or await self._model_name(kind, first.url) or kind.name,
            kind=kind.name,
            url=first.url + path if page_alone else first.url,
            urls=others | ({"metrics": page.url + path} if page and page is not first else {}),
            pid=owner.pid if owner else None,
            started_s=owner.started_s if owner else None,
            ports=tuple(sorted(hit.port for hit in hits)),
            how=said,
        )

    async def _model_name(self, kind: Kind, url: str) -> str:
        """The first model that it lists, when a GET lists them."""
        if kind.models is None or kind.models.method != "GET" or kind.models.place != "api":
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
