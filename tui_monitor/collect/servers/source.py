"""Asks one model server its questions, side by side, and makes one Reading of the answers.

The page and the health are separate questions with separate failures: a server may be healthy without a page, and a page may come from a
server that is not ready. Model lists and versions change seldom and are asked seldom (`listing`). Only when nothing answers at all has
the whole Reading failed.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import structs

from tui_monitor.collect.credentials import CredentialError, Credentials, credentials
from tui_monitor.collect.ending import Ending
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.http import LIMIT_BYTES, Client, TlsFiles
from tui_monitor.collect.servers.listing import Listing
from tui_monitor.collect.servers.places import place, places
from tui_monitor.collect.sockets import CONNECTIONS
from tui_monitor.collect.unanswered import unanswered
from tui_monitor.model import Failure, Layout, Page, Reading, SeriesKey, ServerAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tui_monitor.collect.http import Answer
    from tui_monitor.collect.servers.kind import Kind
    from tui_monitor.collect.sockets import Connections
    from tui_monitor.config import TargetSettings
    from tui_monitor.model import Found, ModelAnswer

_LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")  # noqa: S104 - compared with, never bound to
_WORST_FIRST = ("refused", "timeout", "damaged", "tls", "unsupported")
_MEASURED = ("content-length", "transfer-encoding", "content-encoding")  # headers with which a cut body is noticed
_SWITCHED_OFF = (404, 405, 501)  # of a metrics page
NOBODY = Credentials({}, None, TlsFiles())  # servers that were found are asked without credentials
READING_S = 25.0
READY_AGAIN_S = 4.0  # a page that came says that its server lives: readiness is asked no more often than this then


class ServerSource:
    """One watched server. `read` is called by one caller at a time."""

    def __init__(
        self,
        found: Found,
        kind: Kind,
        settings: TargetSettings | None,
        interval_s: float,
        timeout_s: float,
        *,
        limit_bytes: int = LIMIT_BYTES,
        reader: PageReader | None = None,
        connections: Connections = CONNECTIONS,
        root: Path = Path("/proc"),
    ) -> None:
        """Nothing is opened yet.

        Args:
            found: where it is; may be replaced while it is watched, when its process started again (`move`).
            kind: what to ask.
            settings: of a configured target: credentials, certificates, redirects.
            interval_s: between two reads.
            timeout_s: of each question; they are asked side by side.
            limit_bytes: of a page.
            reader: of its metrics page.
            connections: the kernel's table of sockets.
            root: of the process file system.
        """
        self.name = found.name
        self.interval_s = interval_s
        self.deadline_s = timeout_s + READING_S  # each question has its own deadline; a first page of 200,000 samples takes a while to read
        self.found = found
        self._kind, self._settings, self._timeout_s, self._limit_bytes = kind, settings, timeout_s, limit_bytes
        self._connections, self._root = connections, root
        self._api_url, self._page_url = places(found, kind)
        self._clients: dict[tuple[str, float], Client] = {}
        self._who: Credentials | None = None
        self._page_answer: Answer | None = None
        self._page_path = ""  # the one of the kind's paths that this server has
        self._ready: tuple[float, Answer] | None = None  # when readiness was last asked, and the answer
        self._reader = reader or PageReader()
        self._ending = Ending()
        self._listing = Listing(kind, self._client_of)
        self._told: tuple[Layout | None, tuple[SeriesKey, ...], dict[tuple[str, str], str], Layout] | None = None
        self._others: dict[tuple[str, str], str] = {}  # (model, a version's other name on the page) -> the version
        self._moved = False
        self.others: Callable[[], Iterable[Client]] = tuple  # who else of us asks this server: golden questions

    def move(self, found: Found) -> None:
        """The same server as another process, or at other ports: the next read goes there."""
        self.found = found
        self._moved = self._moved or places(found, self._kind) != (self._api_url, self._page_url)

    async def read(self, now_s: float) -> Reading:
        """Asks once. Never raises, except when it is cancelled."""
        begun_s = time.monotonic()
        if self._moved:
            self._moved = False
            await self.close()
            self._api_url, self._page_url = places(self.found, self._kind)
            self._page_path = ""
            self._ending = Ending()
            self._listing.forget()
        if self._who is None:
            failure = self._identify()
            if failure is not None:
                return Reading(self.name, now_s, 0.0, failure=failure)
        named = tuple(dict.fromkeys((*(self._settings.models if self._settings else ()), *self.found.models)))
        ready_before, ready = self._ready, self._known_ready(begun_s)
        if ready is not None and not self._listing.due(begun_s, named):
            page = await self._ask_page()  # the usual round: a task for it would cost as much as the question
        else:
            page, ready, _ = await asyncio.gather(
                self._ask_page(), self._ask_ready(begun_s, ready), self._listing.ask(begun_s, named, self._timeout_s)
            )  # none of them raises
        if self._ready is ready_before and ready is not None and (self._page_answer is None or self._page_answer.failure is not None):
            ready = await self._ask_ready(begun_s, None)  # what was good a moment ago may have ended with the page
        content = self._with_told(page if isinstance(page, Page) else None)
        page_failure = page if isinstance(page, Failure) else None
        took_s = time.monotonic() - begun_s
        asked = [one for one in (self._page_answer, ready) if one is not None]
        silent = [one.failure for one in asked if one.status is None and one.failure is not None]
        if asked and len(silent) == len(asked):
            self._listing.forget()
            return Reading(self.name, now_s, took_s, failure=min(silent, key=_gravity))
        if any(one.failure is not None and one.failure.kind == "auth" for one in asked):
            await self.close()  # the token may have been replaced: its file is read again
        answered = ready is not None and ready.failure is None and ready.status is not None
        answer = ServerAnswer(
            ready=self._kind.read_ready(ready.status or 0, ready.body) if ready is not None and answered else None,
            ready_why=self._ready_why(ready),
            ready_took_s=ready.took_s if ready is not None and answered and self._ready is not ready_before else None,
            version=self._listing.version,
            models=self._listing.models,
            page=content,
            page_failure=page_failure,
            clients=self._connected(),
            backlog=self._backlog(),
            process_alive=self._process_alive(),
        )
        page_took_s = self._page_answer.took_s if isinstance(page, Page) and self._page_answer else None
        return Reading(self.name, now_s, took_s if page_took_s is None else page_took_s, answer)

    async def close(self) -> None:
        """Closes the connections; the next read opens them anew."""
        await self._listing.stop()
        clients, self._clients, self._who = list(self._clients.values()), {}, None
        for client in clients:
            await client.aclose()

    # -- clients ------------------------------------------------------------------------------------------------------------------------

    def _identify(self) -> Failure | None:
        if self._settings is None:
            self._who = NOBODY
            return None
        try:
            self._who = credentials(self._settings)
        except CredentialError as error:
            return Failure("unreadable", str(error))
        return None

    def _client(self, url: str, timeout_s: float) -> Client:
        """One client a place: a page on the API's port shares its client."""
        who, key = self._who or NOBODY, (url, timeout_s)
        if key not in self._clients:
            follow = self._settings.follow_redirects if self._settings else False
            self._clients[key] = Client(
                url, timeout_s, headers=who.headers, auth=who.auth, tls=who.tls, follow_redirects=follow, limit_bytes=self._limit_bytes
            )
        return self._clients[key]

    def _client_of(self, name: str, timeout_s: float) -> Client | None:
        url = self._api_url if name == "api" else place(self.found, self._kind, name)
        return self._client(url, timeout_s or self._timeout_s) if url else None

    # -- questions ----------------------------------------------------------------------------------------------------------------------

    async def _ask_page(self) -> Page | Failure | None:
        self._page_answer = None
        page, url = self._kind.metrics, self._page_url
        if page is None or not url:
            return None
        if self._page_path:
            url = url.removesuffix(page.path) + self._page_path
        answer = await self._client(self._page_url, self._timeout_s).get(url)
        if answer.status == 404 and not self._page_path and url.endswith(page.path):
            for path in page.also:
                other = await self._client(self._page_url, self._timeout_s).get(url.removesuffix(page.path) + path)
                if other.failure is None:
                    self._page_path, answer = path, other
                    break
        self._page_answer = answer
        if answer.failure is not None and answer.status in _SWITCHED_OFF and self._kind.page_flag:
            return Failure("unsupported", self._kind.page_flag)
        if answer.failure is not None:
            too_large = answer.failure.kind == "too_large"
            return Failure("too_large", f"{answer.failure.message} ([limits] page)") if too_large else answer.failure
        read = await self._reader.read_slowly(answer.body)
        cut = self._ending.judge(answer.body, measured=any(name in answer.headers for name in _MEASURED))
        return structs.replace(read, damaged=cut) if cut and isinstance(read, Page) and not read.damaged else read

    def _known_ready(self, now_s: float) -> Answer | None:
        """The last answer to the question for readiness, where it was good lately and the page came with it."""
        known = self._ready
        page_came = self._page_answer is not None and self._page_answer.failure is None
        if known is None or not page_came or known[1].status != 200 or now_s - known[0] >= max(READY_AGAIN_S, 1.5 * self.interval_s):
            return None
        return known[1]

    async def _ask_ready(self, now_s: float, known: Answer | None) -> Answer | None:
        """Readiness, unless it is known."""
        question = self._kind.ready
        client = self._client_of(question.place, 0.0) if question is not None else None
        if known is not None or client is None or question is None:
            return known
        answer = await client.get(self._found_url("health", question.path), accept=question.accept)
        self._ready = (now_s, answer)
        return answer

    def _found_url(self, page: str, path: str) -> str:
        """A question's own URL when the configuration has one, else its path."""
        url = self.found.urls.get(page, "")
        return url if url and urlsplit(url).path.strip("/") else path

    def _with_told(self, page: Page | None) -> Page | None:
        """The page with the versions' own names, and behind it the gauges that the server tells in its list of models instead."""
        models, by = self._listing.models, self._kind.says.by
        numbers = _numbers(models, by)
        if models is not None:
            self._others = {(one.name, other): one.version for one in models for other in one.also}
        if not (numbers or self._others) or (page is not None and page.damaged):
            return page
        keys, before = tuple(numbers), page.layout if page is not None else None
        if self._told is None or self._told[0] is not before or self._told[1:3] != (keys, self._others):
            series, types = (before.series, before.types) if before is not None else ((), {})
            named = (_named(key, by, self._others) for key in series) if self._others else series
            self._told = before, keys, self._others, Layout((*named, *keys), types)
        layout, values = self._told[3], [*(page.values if page is not None else ()), *numbers.values()]
        return Page(layout, values, 0) if page is None else structs.replace(page, layout=layout, values=values)

    # -- what the host sees -------------------------------------------------------------------------------------------------------------

    def _ready_why(self, ready: Answer | None) -> str:
        if ready is None:
            return ""
        if ready.failure is not None:
            return ready.failure.message
        if self._kind.read_ready(ready.status or 0, ready.body):
            return ""
        broken = [f"{one.name} {one.state}" for one in self._listing.models or () if one.state not in ("READY", "")]
        client = self._client_of("api", 0.0)
        words = client.said(ready.body.decode(errors="replace"), 80) if client and ready.body.lstrip()[:1] != b"<" else ""
        return ": ".join(part for part in (f"answers {ready.status}", words or ", ".join(broken[:3])) if part)

    def _port(self) -> int | None:
        """The API's port, when it is on this host."""
        parts = urlsplit(self._api_url)
        try:
            port, host = parts.port, parts.hostname or ""
        except ValueError:
            return None
        if self.found.pid is None and host not in _LOOPBACK:
            return None  # another host's
        return port or (443 if parts.scheme == "https" else 80)

    def _connected(self) -> int | None:
        """Clients that are connected to the API, ourselves left out."""
        port, ours = self._port(), {one for client in self._ours() for one in client.local_ports}
        return None if port is None else self._connections.to_port(port, ours)

    def _backlog(self) -> int | None:
        """Connections to the API that nobody has accepted."""
        port = self._port()
        return None if port is None else self._connections.waiting(port, sum(client.open for client in self._ours()))

    def _ours(self) -> list[Client]:
        return [*self._clients.values(), *self.others()]

    def unanswered(self) -> int | None:
        """Clients of the API that asked some seconds ago and have no answer; None where the kernel does not say, or it is elsewhere."""
        port = self._port()
        return None if port is None else unanswered(port, {one for client in self._ours() for one in client.local_ports})

    def _process_alive(self) -> bool | None:
        pid = self.found.pid
        if pid is None:
            return None
        try:
            state = (self._root / str(pid) / "stat").read_bytes().rpartition(b") ")[2][:1]
        except FileNotFoundError:
            return False
        except OSError:
            return None
        return state not in b"ZX"


def _numbers(models: tuple[ModelAnswer, ...] | None, by: tuple[str, ...]) -> dict[SeriesKey, float]:
    found: dict[SeriesKey, float] = {}
    for model in models or ():
        labels = tuple(sorted((label, value) for label, value in zip(by, (model.name, model.version), strict=False) if value))
        for name, value in model.numbers.items():
            found[SeriesKey(name, labels)] = value
    return found


def _named(key: SeriesKey, by: tuple[str, ...], others: dict[tuple[str, str], str]) -> SeriesKey:
    """A series under its version's own name; what stood there is kept in a label of its own, so that no two become one."""
    labels = dict(key.labels)
    name, called = (labels.get(label, "") for label in by[:2]) if len(by) > 1 else ("", "")
    version = others.get((name, called))
    return key if version is None else SeriesKey(key.name, tuple(sorted((labels | {by[1]: version, f"{by[1]}_asked": called}).items())))


def _gravity(failure: Failure) -> int:
    """The failure that tells most comes first."""
    return _WORST_FIRST.index(failure.kind) if failure.kind in _WORST_FIRST else len(_WORST_FIRST)
