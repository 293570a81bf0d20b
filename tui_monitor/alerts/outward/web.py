"""One HTTP question to an outward system: bounded in time and size, no redirects, and no secret in anything that it says.

httpx is loaded, in a thread, when the first question goes out: most engines never speak to anybody.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urljoin, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from tui_monitor.alerts.outward.aside import aside
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.config import OutwardUrl
from tui_monitor.credentials import CredentialError, secret
from tui_monitor.model import clean
from tui_monitor.vocabulary import seconds

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

LIMIT_BYTES = 8_000_000
ERROR_BYTES = 16_384
SHORTEST_SECRET = 3  # what is shorter is none, and would black out half of every line
_UNDERSTOOD = frozenset({400, 405, 409, 410, 413, 414, 415, 422})  # saying it again would end the same way


class Reply(Struct, frozen=True):
    """What came back, with a status that was asked for."""

    status: int
    body: bytes
    about: str  # who said it, for messages

    def read(self, kind: type[T]) -> T:
        """The JSON in it.

        Raises:
            NotSent: it is something else.
        """
        try:
            return msgspec.json.decode(self.body, type=kind, strict=False)
        except (msgspec.DecodeError, RecursionError):
            raise NotSent(f"{self.about} answers with something else than it should") from None


class Refused(NotSent):
    """An answer with a status that says no."""

    def __init__(self, reason: str, status: int, body: bytes, *, again: bool, after_s: float | None = None) -> None:
        """`body` as it came, at most 16 kB."""
        super().__init__(reason, again=again, after_s=after_s)
        self.status, self.body = status, body


class Web:
    """Asks one outward system."""

    def __init__(self, key: str, settings: OutwardUrl, *, headers: dict[str, str] | None = None, hide: Iterable[str] = ()) -> None:
        """Nothing is opened or read yet.

        Args:
            key: of its table in the configuration, for messages about its credentials.
            settings: where and how.
            headers: besides the configured ones; never shown either.
            hide: what must not be seen besides.
        """
        self.settings, self._key = settings, key
        self.timeout_s = seconds(settings.timeout)
        self._headers = dict(settings.headers) | dict(headers or {})
        self._hide = set(hide)
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._base, self._query = "", ""
        self._auth: tuple[str, str] | None = None
        self._authorised = False
        self.aim(settings.url)

    def hide(self, value: str) -> None:
        """Never show this."""
        self._hide.add(value)

    def aim(self, url: str, *, is_secret: bool = False) -> None:
        """Ask there from now on. User, password and query of a URL are secrets; of one from a file the path too."""
        try:
            parts = urlsplit(url)
            self.place = parts.netloc.rpartition("@")[2] or "that URL"
            self._base = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")).rstrip("/")
            self._auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username is not None else None
            self._query = parts.query
        except ValueError:
            self.place, self._base, self._query, self._auth = "a broken URL", "", "", None
        self._hide.update((self._query, *((url, parts.path, *parts.path.split("/")) if is_secret else ())))
        self._hide.update(value for _, value in parse_qsl(self._query))
        self._hide_auth()

    def _hide_auth(self) -> None:
        for value in self._headers.values():
            self._hide.update((value, value.partition(" ")[2]))
        if self._auth is not None:
            self._hide.update((*self._auth, base64.b64encode(":".join(self._auth).encode()).decode()))

    def said(self, text: object, limit: int = 160) -> str:
        """Words of others fit for a screen: cleaned, and our secrets that they may echo blacked out, however they are quoted."""
        words = str(text)
        for one in sorted((one for one in self._hide if len(one) >= SHORTEST_SECRET), key=len, reverse=True):
            for form in {one, quote(one, safe=""), json.dumps(one)[1:-1]}:
                words = words.replace(form, "***")
        return clean(words, limit)

    async def ask(
        self,
        method: str,
        path: str = "",
        *,
        body: Any = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        accept: Iterable[int] = (200,),
    ) -> Reply:
        """Ask once.

        Args:
            method: of HTTP.
            path: below the URL.
            body: what is sent as JSON.
            query: besides that of the URL.
            headers: for this question.
            accept: statuses that are an answer.

        Raises:
            Refused: another status.
            NotSent: no answer.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                client = await self._opened()
        except TimeoutError:
            raise NotSent(f"{self.place}: could not be opened within {self.timeout_s:g} s") from None
        import httpx  # loaded by now

        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._ask(client, method, path, body, query or {}, headers or {}, frozenset(accept))
        except TimeoutError:
            raise NotSent(f"{self.place}: no answer within {self.timeout_s:g} s") from None
        except httpx.TimeoutException:
            raise NotSent(f"{self.place}: no answer within {self.timeout_s:g} s") from None
        except httpx.ConnectError as error:
            raise NotSent(self._no_connection(error)) from None
        except httpx.HTTPError:
            raise NotSent(f"{self.place}: the connection broke off") from None
        except (httpx.InvalidURL, ValueError, OSError) as error:
            raise NotSent(f"{self.place}: cannot be asked ({type(error).__name__})") from None

    async def _ask(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        body: Any,
        query: dict[str, str],
        headers: dict[str, str],
        accept: frozenset[int],
    ) -> Reply:
        pairs = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in query.items())
        url = self._base + path + ("?" if self._query or pairs else "") + "&".join(part for part in (self._query, pairs) if part)
        content = None if body is None else msgspec.json.encode(body)
        head = {"Content-Type": "application/json"} | headers if content is not None else headers
        async with client.stream(method, url, content=content, headers=head) as answer:
            status, wanted = answer.status_code, answer.status_code in accept
            if answer.headers.get("content-encoding", "identity") not in ("identity", ""):
                raise NotSent(f"{self.place}: answers in an encoding that was not asked for")
            data = bytearray()
            async for chunk in answer.aiter_raw():
                data += chunk
                if len(data) > (LIMIT_BYTES if wanted else ERROR_BYTES):
                    if wanted:
                        raise NotSent(f"{self.place}: its answer has more than {LIMIT_BYTES / 1e6:g} MB")
                    break
            if wanted:
                return Reply(status, bytes(data), self.place)
            raise self._refused(status, answer.reason_phrase, answer.headers, url, bytes(data))

    def _refused(self, status: int, phrase: str, headers: Any, url: str, body: bytes) -> Refused:
        line = f"{self.place}: {status} {self.said(phrase, 40)}".strip()
        if 300 <= status < 400 and "location" in headers:
            try:
                parts = urlsplit(urljoin(url, headers["location"]))
                target = self.said(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))
            except ValueError:
                target = "a broken URL"
            return Refused(f"{line}, redirects to {target}: not followed", status, body, again=True)
        if status in (401, 403):
            self._forget()
            if not self._authorised:
                line += f" (set bearer_token_file or basic_auth of [{self._key}])"
        words = "" if body.lstrip()[:1] == b"<" else self.said(body.decode(errors="replace"), 120)
        after = headers.get("retry-after", "")
        return Refused(
            line + (f": {words}" if words else ""),
            status,
            body,
            again=status not in _UNDERSTOOD,
            after_s=float(after) if after.isdecimal() and len(after) < 6 else None,
        )

    def _no_connection(self, error: BaseException) -> str:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError):
                return (
                    f"{self.place}: TLS failed ({self.said(getattr(cause, 'verify_message', '') or cause.reason or 'no TLS there', 100)})"
                )
            if isinstance(cause, ConnectionRefusedError):
                return f"nobody listens on {self.place}"
            cause = cause.__cause__ or cause.__context__
        return f"cannot connect to {self.place}: {self.said(error, 80)}"

    async def _opened(self) -> httpx.AsyncClient:
        """The client; its credentials are read when it is made, which is once until somebody says 401."""
        async with self._opening:
            if self._client is None:
                self._client = await aside(f"open {self._key}", self._make)
        return self._client

    def _make(self) -> httpx.AsyncClient:
        import httpx

        for noisy in ("httpx", "httpcore"):  # they log whole URLs
            logging.getLogger(noisy).setLevel(logging.WARNING)
        settings, headers, auth = self.settings, dict(self._headers), self._auth
        try:
            token = secret(f"{self._key}.bearer_token", settings.bearer_token_file, settings.bearer_token_env)
            basic = settings.basic_auth
            if basic.username:
                auth = (basic.username, secret(f"{self._key}.basic_auth.password", basic.password_file, basic.password_env))
        except CredentialError as error:
            raise NotSent(str(error)) from None
        if token:
            headers["Authorization"] = f"Bearer {token}"
            self._hide.add(token)
        self._auth = auth
        self._hide_auth()
        self._authorised = bool(token or auth or headers)
        secure = self._base.startswith("https:")
        local = urlsplit(self._base).hostname in ("localhost", "::1") or self.place.startswith("127.")
        try:
            context = ssl.create_default_context(cafile=settings.tls.ca or None) if secure else None
            if context is not None and settings.tls.cert:
                context.load_cert_chain(settings.tls.cert, settings.tls.key or None)
            return httpx.AsyncClient(
                auth=None if token else auth,  # one door, one key
                headers={"User-Agent": "tui-monitor", "Accept": "application/json", "Accept-Encoding": "identity"} | headers,
                timeout=self.timeout_s,
                follow_redirects=False,
                verify=context if context is not None else False,
                trust_env=not local,  # a proxy of the environment is for others than this host
                limits=httpx.Limits(max_connections=8, max_keepalive_connections=8, keepalive_expiry=15.0),
            )
        except (OSError, ssl.SSLError, ValueError) as error:
            reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
            raise NotSent(f"{self._key}.tls or headers cannot be used: {self.said(reason, 80)}") from None

    def _forget(self) -> None:
        """Read the credentials again with the next question: somebody may have changed the file."""
        client, self._client = self._client, None
        if client is not None:
            task = asyncio.ensure_future(client.aclose())
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
