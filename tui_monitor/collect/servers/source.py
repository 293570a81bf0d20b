"""Asks one model server its questions, side by side, and makes one Reading of the answers.

The page and the health are separate questions with separate failures: a server may be healthy without a page, and a page may come from a
server that is not ready. Model lists and versions change seldom and are asked seldom. Only when nothing answers at all has the whole
Reading failed.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from tui_monitor.collect.credentials import CredentialError, credentials
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.http import Client
from tui_monitor.collect.sockets import CONNECTIONS
from tui_monitor.model import Failure, Page, Reading, ServerAnswer

if TYPE_CHECKING:
    from tui_monitor.collect.http import Answer
    from tui_monitor.collect.servers.kind import ServerKind
    from tui_monitor.collect.sockets import Connections
    from tui_monitor.config import TargetSettings
    from tui_monitor.model import Found, ModelAnswer

MODELS_EVERY_S = 10.0
VERSION_EVERY_S = 300.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")  # noqa: S104 - compared with, never bound to
_WORST_FIRST = ("refused", "timeout", "damaged", "tls", "unsupported")


def places(found: Found, kind: ServerKind) -> tuple[str, str]:
    """Where the API is asked and where the metrics page is; either may be empty.

    A URL with a path that ends like the kind's page, or any path for a kind without an API, is the page itself. A page that has a port
    of its own by default keeps its distance from the API's port when that is moved (Triton: 8000 and 8002).
    """
    parts = urlsplit(found.url)
    path = parts.path.rstrip("/")
    page = kind.metrics
    origin = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    is_page = bool(path) and page is not None and (path.endswith(page.path) or not (kind.ready or kind.models))
    api = origin if is_page else found.url.rstrip("/")
    if page is None:
        metrics = ""
    elif is_page:
        metrics = found.url
        if page.port:
            api = _at_port(found.url, (parts.port or page.port) - page.port + kind.api_port)
    else:
        metrics = api + page.path
        if page.port:
            metrics = _at_port(found.url, (parts.port or kind.api_port) - kind.api_port + page.port) + page.path
    return found.urls.get("api") or found.urls.get("health") or api, found.urls.get("metrics") or metrics


def _at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return urlunsplit((parts.scheme, f"{user}{at}{host}:{port}", "", "", ""))


class ServerSource:
    """One watched server. `read` is called by one caller at a time."""

    def __init__(
        self,
        found: Found,
        kind: ServerKind,
        settings: TargetSettings | None,
        interval_s: float,
        timeout_s: float,
        *,
        connections: Connections = CONNECTIONS,
        root: Path = Path("/proc"),
    ) -> None:
        """Nothing is opened yet.

        Args:
            found: where it is; may be replaced while it is watched, when its process started again.
            kind: what to ask.
            settings: of a configured target: credentials, certificates, redirects.
            interval_s: between two reads.
            timeout_s: of each question; they are asked side by side.
            connections: the kernel's table of sockets.
            root: of the process file system.
        """
        self.name = found.name
        self.interval_s = interval_s
        self.deadline_s = timeout_s + 0.5
        self.found = found
        self._kind, self._settings, self._timeout_s = kind, settings, timeout_s
        self._connections, self._root = connections, root
        self._api_url, self._page_url = places(found, kind)
        self._api: Client | None = None
        self._page: Client | None = None
        self._page_answer: Answer | None = None
        self._reader = PageReader()
        self._version = ""
        self._version_at_s: float | None = None
        self._models: tuple[ModelAnswer, ...] | None = None
        self._models_at_s: float | None = None

    async def read(self, now_s: float) -> Reading:
        """Asks once. Never raises, except when it is cancelled."""
        begun_s = time.monotonic()
        if self._api is None or self._page is None:
            failure = self._open()
            if failure is not None:
                return Reading(self.name, now_s, 0.0, failure=failure)
        page, ready, _, _ = await asyncio.gather(
            self._ask_page(), self._ask_ready(), self._ask_version(begun_s), self._ask_models(begun_s)
        )  # none of them raises
        content = page if isinstance(page, Page) else None
        page_failure = page if isinstance(page, Failure) else None
        took_s = time.monotonic() - begun_s
        silent = [one.failure for one in (self._page_answer, ready) if one is not None and one.status is None and one.failure is not None]
        asked = [one for one in (self._page_answer, ready) if one is not None]
        if asked and len(silent) == len(asked):
            self._version_at_s = self._models_at_s = None  # whoever answers next may be another
            self._models = None
            return Reading(self.name, now_s, took_s, failure=min(silent, key=_gravity))
        if any(one.failure is not None and one.failure.kind == "auth" for one in asked):
            await self.close()  # the token may have been replaced: its file is read again
        answer = ServerAnswer(
            ready=None if ready is None or ready.failure is not None else ready.status == 200,
            ready_why=self._ready_why(ready),
            ready_took_s=None if ready is None or ready.failure is not None else ready.took_s,
            version=self._version,
            models=self._models,
            page=content,
            page_failure=page_failure,
            clients=self._clients(),
            process_alive=self._process_alive(),
        )
        return Reading(self.name, now_s, self._page_answer.took_s if content is not None and self._page_answer else took_s, answer)

    async def close(self) -> None:
        """Closes the connections; the next read opens them anew."""
        clients = {self._api, self._page} - {None}
        self._api = self._page = None
        for client in clients:
            if client is not None:
                await client.aclose()

    def _open(self) -> Failure | None:
        """One client a place; a page on the API's port shares its client."""
        settings = self._settings
        if settings is None:
            self._api = Client(self._api_url, self._timeout_s)
            self._page = Client(self._page_url, self._timeout_s)
            return None
        try:
            who = credentials(settings)
        except CredentialError as error:
            return Failure("unreadable", str(error))
        self._api, self._page = (
            Client(url, self._timeout_s, headers=who.headers, auth=who.auth, tls=who.tls, follow_redirects=settings.follow_redirects)
            for url in (self._api_url, self._page_url)
        )
        return None

    async def _ask_page(self) -> Page | Failure | None:
        self._page_answer = None
        if self._page is None or not self._page_url:
            return None
        answer = self._page_answer = await self._page.get()
        return answer.failure or await self._reader.read_slowly(answer.body)

    async def _ask_ready(self) -> Answer | None:
        question = self._kind.ready
        if self._api is None or question is None:
            return None
        return await self._api.get(self._found_url("health", question.path), accept=question.accept)

    async def _ask_version(self, now_s: float) -> None:
        question = self._kind.version
        if self._api is None or question is None or _fresh(self._version_at_s, now_s, VERSION_EVERY_S):
            return
        answer = await self._api.get(question.path, accept=question.accept)
        if answer.failure is None:
            self._version_at_s = now_s
            try:
                self._version = self._api.said(self._kind.read_version(answer.body), 40)
            except ValueError:
                self._version = ""

    async def _ask_models(self, now_s: float) -> None:
        question = self._kind.models
        if self._api is None or question is None or _fresh(self._models_at_s, now_s, MODELS_EVERY_S):
            return
        answer = await self._api.get(question.path, method=question.method, body=question.body, accept=question.accept)
        self._models_at_s = now_s
        try:
            self._models = self._kind.read_models(answer.body) if answer.failure is None else None
        except ValueError:
            self._models = None

    def _found_url(self, page: str, path: str) -> str:
        """A question's own URL when the configuration has one, else its path."""
        url = self.found.urls.get(page, "")
        return url if url and urlsplit(url).path.strip("/") else path

    def _ready_why(self, ready: Answer | None) -> str:
        if ready is None:
            return ""
        if ready.failure is not None:
            return ready.failure.message
        if ready.status == 200:
            return ""
        broken = [f"{one.name} {one.state}" for one in self._models or () if one.state not in ("READY", "")]
        words = self._api.said(ready.body.decode(errors="replace"), 80) if self._api and ready.body.lstrip()[:1] != b"<" else ""
        return ": ".join(part for part in (f"answers {ready.status}", words or ", ".join(broken[:3])) if part)

    def _clients(self) -> int | None:
        parts = urlsplit(self._api_url)
        try:
            port, host = parts.port, parts.hostname or ""
        except ValueError:
            return None
        if self.found.pid is None and host not in _LOOPBACK:
            return None  # another host's
        ours = (self._api.local_ports if self._api else set()) | (self._page.local_ports if self._page else set())
        return self._connections.to_port(port or (443 if parts.scheme == "https" else 80), ours)

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


def _fresh(at_s: float | None, now_s: float, for_s: float) -> bool:
    return at_s is not None and now_s - at_s < for_s


def _gravity(failure: Failure) -> int:
    """The failure that tells most comes first."""
    return _WORST_FIRST.index(failure.kind) if failure.kind in _WORST_FIRST else len(_WORST_FIRST)
