"""One polite HTTP question that cannot hang, cannot flood, and says in one line why it has no answer.

One client a target; it keeps a connection or two open between questions. `asyncio.timeout` bounds the whole question. The size limit is on
decoded bytes and is kept while decoding, because 100 kB of gzip can hold 100 MB.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import functools
import ssl
import time
import zlib
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import h11
from msgspec import Struct

from tui_monitor.collect.connection import Connection, Head, Place, open_connection
from tui_monitor.model import Failure, clean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tui_monitor.model import FailureKind

ACCEPT = "text/plain;version=0.0.4;q=1,application/json;q=0.9,*/*;q=0.1"  # OpenMetrics is not asked for: exemplars tell us nothing
LIMIT_BYTES = 10_000_000
ERROR_BYTES = 16_384  # of a body whose status already says no
HOPS = 3
MAX_RESTING = 2  # connections
_OK = frozenset({200})
_LOOPBACK = ("127.", "localhost", "::1")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"  # what may stand in a path as it is; a % begins what is quoted already


class TlsFiles(Struct, frozen=True):
    """Paths of PEM files; empty means the system's certificates, and no certificate of our own."""

    ca: str = ""
    cert: str = ""
    key: str = ""


class Answer(Struct, frozen=True, eq=False):
    """What came back. `failure` says why it is no use; `status` is None when not even a status line came."""

    status: int | None
    headers: dict[str, str]  # names in lower case
    body: bytes  # decoded
    took_s: float
    failure: Failure | None = None


class _Refusal(Exception):
    """Ends one exchange from within; never leaves this file."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(kind, message)


@functools.lru_cache(maxsize=64)
def _context(tls: TlsFiles) -> ssl.SSLContext:
    """One context a CA setting: making one costs 31 ms and 0.8 MB."""
    context = ssl.create_default_context(cafile=tls.ca or None)
    if tls.cert:
        context.load_cert_chain(tls.cert, tls.key or None)
    return context


def without_secrets(url: str) -> str:
    """A URL without user, password, query and fragment: fit for messages."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return "a broken URL"


class Client:
    """Asks one target. `get` never raises, except when it is cancelled."""

    def __init__(
        self,
        base_url: str,
        timeout_s: float,
        *,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        tls: TlsFiles | None = None,
        follow_redirects: bool = False,
        limit_bytes: int = LIMIT_BYTES,
        also: dict[str, str] | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            base_url: what paths are joined to; a user and password in it become basic authentication.
            timeout_s: for a whole question, from the first packet to the last byte.
            headers: sent with every question, and never shown.
            auth: user and password of basic authentication.
            tls: certificates; read when the first question goes out, so that a wrong path is a Failure.
            follow_redirects: up to three hops, and then without headers and auth.
            limit_bytes: of a decoded body.
            also: headers that are no secret.
        """
        try:
            parts = urlsplit(base_url)
        except ValueError:
            parts = urlsplit("")  # the first question says so
        if parts.username is not None:
            auth = auth or (parts.username, parts.password or "")
        self.base_url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, "")).rstrip("/")
        self.timeout_s = timeout_s
        self.limit_bytes = limit_bytes
        self.local_ports: deque[int] = deque(maxlen=32)  # our ends of connections, newest last: not clients of the server
        self.open = 0  # connections that are open now
        self._headers = dict(headers or {})
        self._also = dict(also or {})
        self._auth = auth
        self._tls = tls or TlsFiles()
        self._follow = follow_redirects
        self._resting: list[Connection] = []  # kept open between questions
        self._usual_headers: dict[tuple[Place, bool, float], list[tuple[str, str]]] = {}
        self._in_flight = 0
        self._secrets = sorted({s for s in self._secret_strings() if s}, key=len, reverse=True)

    def said(self, text: object, limit: int = 160) -> str:
        """A server's words fit for a screen: cleaned, and our own secrets that it may echo blacked out."""
        words = str(text)
        for secret in self._secrets:
            words = words.replace(secret, "***")
        return clean(words, limit)

    async def get(
        self,
        url_or_path: str = "",
        *,
        method: str = "GET",
        body: bytes | None = None,
        accept: Iterable[int] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """Asks once; over a kept connection that the server closed meanwhile it asks a second time.

        Args:
            url_or_path: a path below the base URL, or a whole URL that the configuration or discovery names.
            method: anything but GET only where the server offers no other way to read.
            body: of a POST.
            accept: statuses that count as an answer; {200} when None. Others are failures that keep status and body.
            content_type: of `body`.
        """
        url = url_or_path if "://" in url_or_path else f"{self.base_url}/{url_or_path.lstrip('/')}" if url_or_path else self.base_url
        begun_s = time.monotonic()
        accepted = frozenset(accept) if accept is not None else _OK
        exchange = _Exchange(url, method, body, accepted, content_type)
        self._in_flight += 1
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._ask(exchange)
        except TimeoutError:
            exchange.failure = Failure("timeout", exchange.silence(self.timeout_s))
        except _Refusal as refusal:
            exchange.failure = refusal.failure
        except (h11.ProtocolError, OSError) as error:
            exchange.failure = self._broken(error, exchange)
        except (zlib.error, ValueError, OverflowError) as error:
            exchange.failure = self._odd(error, url)
        except Exception as error:  # noqa: BLE001 - the border of a source: what a hostile server can make a library raise is its answer
            exchange.failure = Failure("damaged", self.said(f"{type(error).__name__}: {error}"))
        finally:
            self._in_flight -= 1
        if exchange.failure is not None and exchange.failure.kind in ("timeout", "damaged", "too_large", "refused") and not self._in_flight:
            await self._renew()
        return Answer(exchange.status, exchange.headers, bytes(exchange.body), time.monotonic() - begun_s, exchange.failure)

    async def aclose(self) -> None:
        """Closes the connections. The client may be used again afterwards."""
        await self._renew()

    async def _renew(self) -> None:
        """Drops all resting connections: they are not trusted after a question that went wrong."""
        resting, self._resting = self._resting, []
        for connection in resting:
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        self.open -= 1
        connection.close()

    async def _ask(self, exchange: _Exchange) -> None:
        for _hop in range(HOPS + 1):
            place, target = _place_and_target(exchange.url)
            while (kept := self._kept(place)) is not None:
                try:
                    await self._once(exchange, kept, target)
                    break
                except (h11.RemoteProtocolError, OSError):
                    if exchange.status is not None:
                        raise  # else a server may close a kept connection at any moment; that is no failure
            else:
                connection = await open_connection(place, _context(self._tls) if place.secure else None)
                self.open += 1
                self.local_ports.append(connection.local_port)
                await self._once(exchange, connection, target)
            if not exchange.moved_to:
                return
            exchange.follow()
        raise _Refusal("redirect", f"more than {HOPS} redirects")

    def _kept(self, place: Place) -> Connection | None:
        """A resting connection to a place, if there is one that is worth a question."""
        for connection in [one for one in self._resting if one.place == place]:
            self._resting.remove(connection)
            if connection.fresh():
                return connection
            self._close(connection)
        return None

    async def _once(self, exchange: _Exchange, connection: Connection, target: str) -> None:
        """One question over one connection, which rests or is closed afterwards."""
        rests = False
        try:
            head = await connection.ask(exchange.method, target, self._request_headers(exchange, connection.place), exchange.sends)
            exchange.status, exchange.headers = head.status, head.headers
            wanted = head.status in exchange.accept
            if not wanted and head.status in _REDIRECTS and "location" in head.headers:
                self._redirected(exchange, head)
                return
            limit = self.limit_bytes if wanted else ERROR_BYTES
            encoding = head.headers.get("content-encoding", "identity").strip().lower()
            await _decode(connection.body(), encoding, limit, exchange.body, cut=not wanted)
            rests = connection.rest()
            if not wanted:
                self._refused_status(head.status, head.reason, bytes(exchange.body))
        finally:
            if rests and len(self._resting) < MAX_RESTING:
                self._resting.append(connection)
            else:
                self._close(connection)

    def _request_headers(self, exchange: _Exchange, place: Place) -> list[tuple[str, str]]:
        """Made once for each place: the same question goes there again and again."""
        which = (place, exchange.bare, self.timeout_s)
        if exchange.sends is not None:
            return self._made_headers(exchange, place)
        if which not in self._usual_headers:
            self._usual_headers = {which: self._made_headers(exchange, place)}
        return self._usual_headers[which]

    def _made_headers(self, exchange: _Exchange, place: Place) -> list[tuple[str, str]]:
        host = f"[{place.host}]" if ":" in place.host else place.host
        headers = {
            "Host": host if place.port == (443 if place.secure else 80) else f"{host}:{place.port}",
            "Accept": ACCEPT,
            "Accept-Encoding": "identity" if place.host.startswith(_LOOPBACK) else "gzip",
            "User-Agent": "tui-monitor",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{self.timeout_s:g}",
        }
        if exchange.sends is not None:
            headers |= {"Content-Type": exchange.content_type, "Content-Length": str(len(exchange.sends))}
        named = {name.lower() for name in self._also}
        headers = {name: value for name, value in headers.items() if name.lower() not in named} | self._also
        if not exchange.bare:
            if self._auth is not None:
                headers["Authorization"] = "Basic " + base64.b64encode(":".join(self._auth).encode()).decode()
            named = {name.lower() for name in self._headers}
            headers = {name: value for name, value in headers.items() if name.lower() not in named} | self._headers
        return list(headers.items())

    def _redirected(self, exchange: _Exchange, head: Head) -> None:
        target = urljoin(exchange.url, head.headers["location"])
        shown = self.said(without_secrets(target))
        if not self._follow or exchange.method != "GET":
            raise _Refusal("redirect", f"{head.status}, redirects to {shown}: not followed")
        parts = urlsplit(target)
        if parts.scheme not in ("http", "https"):
            raise _Refusal("redirect", f"{head.status}, redirects to {shown}: not http")
        exchange.moved_to = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))

    def _refused_status(self, status: int, phrase: str, body: bytes) -> None:
        words = "" if body.lstrip()[:1] == b"<" else self.said(body.decode(errors="replace"), 120)
        line = f"{status} {self.said(phrase, 40)}".strip() + (f": {words}" if words else "")
        if status in (401, 403):
            raise _Refusal("auth", f"{line} (set bearer_token_file, basic_auth or headers)" if not self._secrets else line)
        raise _Refusal("bad_status", line)

    def _broken(self, error: Exception, exchange: _Exchange) -> Failure:
        """What ended a question that went out, or could not."""
        place = self._place(exchange.url)
        if isinstance(error, ssl.SSLError):
            return Failure("tls", self.said(f"{place}: {getattr(error, 'verify_message', '') or error.reason or error}"))
        if isinstance(error, FileNotFoundError | PermissionError):
            return Failure("tls", self.said(f"certificate files: {error.strerror}"))
        if isinstance(error, h11.LocalProtocolError):
            return Failure("unsupported", "a configured header or token holds what HTTP cannot carry")
        if exchange.status is not None:
            return Failure("damaged", f"the answer broke off after {len(exchange.body)} bytes")
        if isinstance(error, h11.RemoteProtocolError | ConnectionResetError | BrokenPipeError):
            return Failure("damaged", f"{place} closed the connection without an answer")
        if isinstance(error, ConnectionRefusedError) or f"Errno {errno.ECONNREFUSED}]" in str(error):
            return Failure("refused", f"nobody listens on {place}")
        return Failure("refused", self.said(f"cannot connect to {place}: {getattr(error, 'strerror', '') or error}"))

    def _odd(self, error: Exception, url: str) -> Failure:
        if isinstance(error, zlib.error):
            return Failure("damaged", "its gzip is broken")
        return Failure("unsupported", self.said(f"{self._place(url)}: {error}"))

    def _place(self, url: str) -> str:
        return self.said(urlsplit(without_secrets(url)).netloc or "that URL", 80)

    def _secret_strings(self) -> Iterable[str]:
        for value in self._headers.values():
            yield value
            yield value.partition(" ")[2]  # the token behind "Bearer"
        if self._auth:
            yield from self._auth
            yield base64.b64encode(":".join(self._auth).encode()).decode()


class _Exchange:
    """One question and what is known of its answer so far; it outlives whatever ends the question."""

    def __init__(self, url: str, method: str, sends: bytes | None, accept: frozenset[int], content_type: str) -> None:
        self.url, self.method, self.sends, self.accept, self.content_type = url, method, sends, accept, content_type
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.failure: Failure | None = None
        self.moved_to = ""
        self.bare = False  # behind a redirect: no credentials

    def follow(self) -> None:
        self.url, self.moved_to, self.bare, self.status = self.moved_to, "", True, None
        del self.body[:]

    def silence(self, timeout_s: float) -> str:
        if self.status is None:
            return f"no answer within {timeout_s:g} s"
        return f"answer not finished within {timeout_s:g} s ({len(self.body)} bytes came)"


async def _decode(chunks: AsyncIterator[bytes], encoding: str, limit: int, into: bytearray, *, cut: bool) -> None:
    """Collects a body up to `limit` decoded bytes. With `cut` the rest is left, else it is a refusal."""
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise _Refusal("damaged", f"content-encoding {clean(encoding, 40)} was not asked for")
    unzip = zlib.decompressobj(31) if "gzip" in encoding else None
    first = True
    async for chunk in chunks:
        if first and unzip is None and chunk[:2] == b"\x1f\x8b":  # gzip although not asked for, and not declared
            unzip = zlib.decompressobj(31)
        first = False
        plain = chunk if unzip is None else unzip.decompress(chunk, limit - len(into) + 1)
        into += plain[: limit - len(into)] if cut else plain
        if len(into) >= limit and cut:
            return
        if len(into) > limit:
            del into[:]
            raise _Refusal("too_large", f"more than {limit / 1e6:g} MB")
    if unzip is not None and not unzip.eof and not cut:
        raise _Refusal("damaged", "its gzip stream is cut short")


def _place_and_target(url: str) -> tuple[Place, str]:
    """Where a URL leads and what is asked for there.

    Raises:
        ValueError: it is no URL for HTTP.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    if parts.scheme not in ("http", "https"):
        raise ValueError("the URL is not http or https")
    if not parts.hostname:
        raise ValueError("the URL has no host")
    target = quote(parts.path or "/", safe=_PATH_SAFE) + (f"?{quote(parts.query, safe=_PATH_SAFE + '?')}" if parts.query else "")
    return Place(parts.hostname, parts.port or (443 if secure else 80), secure), target
