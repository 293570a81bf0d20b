"""`[listener]`: predictions that are posted. A small HTTP server: POST only, bounded in everything, on loopback unless a token is asked for.

What it takes is told by `inbox`. What was taken is answered with 204 (an event with 200: KServe's logger calls anything else an error in its
log).
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import h11

from tui_monitor.collect.connection import CHUNK_BYTES
from tui_monitor.collect.inbox import Inbox, Unknown
from tui_monitor.collect.payload import Unreadable
from tui_monitor.collect.posted import Full, ListenedLog
from tui_monitor.config import ListenerSettings, PredictionSettings, bytes_of
from tui_monitor.credentials import CredentialError, secret
from tui_monitor.model import clean

MOST_CONNECTIONS = 32
MOST_REQUESTS = 10_000  # over one connection
HEAD_BYTES = 16_384
IDLE_S = 60.0  # between two requests
HEAD_S = 10.0  # from the first byte of a request to the end of its head
BODY_S = 20.0
LINGER_S = 1.0  # a refused body is read on for so long, or the client never sees the answer
SWEEP_S = 5.0  # how often halves are looked at that wait for their other one
_RETRY = (("Retry-After", "2"),)


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether nobody else can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def address(listen: str) -> Address:
    """The place that `listen` names.

    Raises:
        ValueError: it names none.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) <= 65535 or (":" in host and not host.startswith("[")):
        raise ValueError(f"{clean(listen, 60)!r} is no HOST:PORT (write 127.0.0.1:9479)")
    return Address(host.strip("[]") or "0.0.0.0", int(port))  # noqa: S104 - refused without a token


def fault(settings: ListenerSettings) -> str:
    """What is wrong with `[listener]`, in one line; empty when nothing is."""
    if not settings.listen:
        return ""
    try:
        place = address(settings.listen)
    except ValueError as error:
        return f"listener.listen: {error}"
    if not place.is_loopback and not settings.bearer_token_file and not settings.bearer_token_env:
        return f"listener.listen: {settings.listen} can be reached by others: set bearer_token_file or bearer_token_env, or listen on 127.0.0.1"
    return ""


class _Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, line: str, *, ends: bool = False, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(line)
        self.status, self.line, self.ends, self.headers = status, line, ends, tuple(headers)


class Listener:
    """The HTTP server. `logs` are its sources: one for each `[[predictions]]`, with a path or without."""

    def __init__(
        self, settings: ListenerSettings, predictions: Sequence[PredictionSettings], clock: Callable[[], float] = time.time
    ) -> None:
        """Nothing is opened before `start`."""
        self.logs = [ListenedLog(one) for one in predictions]
        self.port = 0
        self.answered: Counter[int] = Counter()  # status -> requests
        self._settings = settings
        self._inbox = Inbox(self.logs, clock)
        self._most_bytes = int(bytes_of(settings.max_body))
        self._token = b""
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._idle: OrderedDict[asyncio.StreamWriter, None] = OrderedDict()  # between two requests, the longest first

    async def start(self) -> str:
        """Begins to listen. Returns why it cannot, in one line, or nothing; its logs without a path then fail with that line."""
        problem = fault(self._settings) or await self._open()
        for log in self.logs:
            log.problem = problem
        return problem

    async def _open(self) -> str:
        settings = self._settings
        if not settings.listen:
            return "nothing is listened to: set listener.listen"
        try:
            token = secret("listener.bearer_token", settings.bearer_token_file, settings.bearer_token_env)
        except CredentialError as error:
            return str(error)
        if not token and (settings.bearer_token_file or settings.bearer_token_env):
            return "listener.bearer_token: is empty"
        self._token = token.encode()
        place = address(settings.listen)
        try:
            self._server = await asyncio.start_server(self._connected, place.host, place.port, limit=CHUNK_BYTES, backlog=MOST_CONNECTIONS)
        except OSError as error:
            return f"listener.listen: cannot listen on {settings.listen}: {error.strerror or error}"
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._sweeper = asyncio.create_task(self._sweep())
        return ""

    async def close(self) -> None:
        """Ends all connections."""
        if self._server:
            self._server.close()
        tasks = [*self._serving, *([self._sweeper] if self._sweeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- HTTP ---------------------------------------------------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        crowded = len(self._serving) >= MOST_CONNECTIONS
        if crowded and self._idle:
            self._idle.popitem(last=False)[0].transport.abort()  # whoever rests longest makes room
            crowded = False
        self._serving.add(task)
        try:
            await (self._turn_away(writer) if crowded else self._serve(reader, writer))
        except (h11.ProtocolError, OSError, TimeoutError):
            pass  # the client broke off, or is too slow
        except asyncio.CancelledError:
            pass  # the listener ends; the task that serves a connection is nobody's to await
        finally:
            self._serving.discard(task)
            self._idle.pop(writer, None)
            if writer.transport.get_write_buffer_size():
                writer.transport.abort()
            else:
                writer.close()

    async def _turn_away(self, writer: asyncio.StreamWriter) -> None:
        state = h11.Connection(our_role=h11.SERVER)
        self.answered[503] += 1
        await self._respond(state, writer, 503, "too many connections", _RETRY, ends=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state = h11.Connection(our_role=h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        for served in range(MOST_REQUESTS):
            ends = served == MOST_REQUESTS - 1
            status, line = 204, ""
            headers: tuple[tuple[str, str], ...] = ()
            try:
                request = await self._head(state, reader, writer)
                if request is None:
                    return
                status = await self._answer(request, state, reader, writer)
            except _Refusal as refusal:
                status, line, headers, ends = refusal.status, refusal.line, refusal.headers, ends or refusal.ends
            except h11.RemoteProtocolError as error:
                if state.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
                    return
                status, line, ends = error.error_status_hint, "this is no HTTP/1.1 request", True
            self.answered[status] += 1
            await self._respond(state, writer, status, line, headers, ends=ends)
            if state.our_state is not h11.DONE or state.their_state is not h11.DONE or ends:
                await self._linger(reader, writer)
                return
            state.start_next_cycle()

    async def _head(self, state: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> h11.Request | None:
        """The next request's head; None when there is none."""
        if state.next_event() is not h11.NEED_DATA:
            raise h11.RemoteProtocolError("pipelined")  # no client of ours does that
        self._idle[writer] = None
        try:
            async with asyncio.timeout(IDLE_S):
                data = await reader.read(CHUNK_BYTES)
        finally:
            self._idle.pop(writer, None)
        async with asyncio.timeout(HEAD_S):
            while True:
                if not data:
                    return None
                state.receive_data(data)
                got = state.next_event()
                if isinstance(got, h11.Request):
                    return got
                if got is not h11.NEED_DATA:
                    return None
                data = await reader.read(CHUNK_BYTES)

    async def _answer(self, request: h11.Request, state: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        headers = {name.decode("ascii"): value.decode("utf-8", "replace") for name, value in request.headers}
        self._let_in(headers)
        if request.method != b"POST":
            raise _Refusal(405, "only POST is answered here", ends=True, headers=[("Allow", "POST")])
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise _Refusal(415, "send it without content-encoding", ends=True)
        too_large = _Refusal(413, f"the body is larger than {self._settings.max_body}", ends=True)
        length = headers.get("content-length", "0")
        if length.isdecimal() and (len(length) > 15 or int(length) > self._most_bytes):
            raise too_large
        if state.they_are_waiting_for_100_continue:
            writer.write(state.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_S):
                while not isinstance(got := state.next_event(), h11.EndOfMessage):
                    if got is h11.NEED_DATA:
                        data = await reader.read(CHUNK_BYTES)
                        state.receive_data(data)
                    elif isinstance(got, h11.Data):
                        body += got.data
                        if len(body) > self._most_bytes:
                            raise too_large
        except TimeoutError:
            raise _Refusal(408, f"the body did not come within {BODY_S:g} s", ends=True) from None
        try:
            return self._inbox.take(request.target.decode("ascii", "replace"), headers, bytes(body))
        except Unreadable as error:
            raise _Refusal(400, clean(error)) from None
        except Unknown as error:
            raise _Refusal(404, clean(error)) from None
        except Full:
            raise _Refusal(503, "too many rows wait already", headers=_RETRY) from None
        except Exception as error:  # noqa: BLE001 - the border of the listener: what a body can make us raise is answered
            raise _Refusal(500, clean(f"{type(error).__name__}: {error}")) from None

    def _let_in(self, headers: Mapping[str, str]) -> None:
        if "origin" in headers:
            raise _Refusal(403, "a browser has nothing to post here", ends=True)
        if self._token:
            kind, _, shown = headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode(), self._token):
                raise _Refusal(401, "the bearer token is missing or wrong", ends=True, headers=[("WWW-Authenticate", "Bearer")])

    async def _respond(
        self, state: h11.Connection, writer: asyncio.StreamWriter, status: int, line: str, headers: Iterable[tuple[str, str]], *, ends: bool
    ) -> None:
        body = f"{line}\n".encode() if line else b""
        fields = [*headers, *([("Connection", "close")] if ends else [])]
        if status != 204:
            fields += [("Content-Length", str(len(body)))]
        if body:
            fields += [("Content-Type", "text/plain; charset=utf-8")]
        data = state.send(h11.Response(status_code=status, headers=fields)) or b""
        if body:
            data += state.send(h11.Data(data=body)) or b""
        writer.write(data + (state.send(h11.EndOfMessage()) or b""))
        async with asyncio.timeout(HEAD_S):
            await writer.drain()

    @staticmethod
    async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads a refused body on for a moment: an early end would take the answer with it."""
        if writer.can_write_eof():
            writer.write_eof()
        try:
            async with asyncio.timeout(LINGER_S):
                while await reader.read(CHUNK_BYTES):
                    pass
        except TimeoutError:
            pass

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self._inbox.sweep()
