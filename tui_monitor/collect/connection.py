"""HTTP/1.1 over one kept connection: h11 reads the protocol, asyncio moves the bytes.

A question costs a fifth of what it costs through httpx (0.2 ms of processor time against 1.1), which decides how many targets an engine can
watch. Nothing here is lenient: whatever is not HTTP/1.1 is an error of h11, and the connection is gone.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

import h11

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

HEAD_BYTES = 65_536  # of a status line and its headers
CHUNK_BYTES = 262_144
IDLE_S = 30.0  # a kept connection that rested longer is closed: proxies forget such ones without a word


class Place(NamedTuple):
    """Where a connection leads."""

    host: str
    port: int
    secure: bool


class Head(NamedTuple):
    """What stands before a body."""

    status: int
    reason: str
    headers: dict[str, str]  # names in lower case; of one that stands several times the last


class Connection:
    """One connection to one place; one question at a time."""

    def __init__(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use `open_connection`."""
        self.place = place
        self.local_port = 0
        address = writer.get_extra_info("sockname")
        if isinstance(address, tuple) and len(address) >= 2:
            self.local_port = int(address[1])
        self._reader, self._writer = reader, writer
        self._state = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
        self._rested_s = time.monotonic()

    async def ask(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes | None) -> Head:
        """Sends a request and reads the head of its answer; the body is read by `body`.

        Raises:
            h11.RemoteProtocolError: no HTTP answer, or the connection ended.
            h11.LocalProtocolError: the request cannot be said in HTTP.
            OSError: the connection broke.
        """
        request = self._state.send(h11.Request(method=method, target=target, headers=headers)) or b""
        if body:
            request += self._state.send(h11.Data(data=body)) or b""
        self._writer.write(request + (self._state.send(h11.EndOfMessage()) or b""))
        await self._writer.drain()
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                self._state.receive_data(await self._reader.read(CHUNK_BYTES))
            elif isinstance(event, h11.Response):
                fields = {name.decode("ascii"): value.decode("latin-1") for name, value in list(event.headers)[:100]}
                return Head(event.status_code, event.reason.decode("latin-1"), fields)
            elif not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("no answer")

    async def body(self) -> AsyncIterator[bytes]:
        """The answer's body as it comes, its transfer encoding taken off.

        Raises:
            h11.RemoteProtocolError: it ended early.
            OSError: the connection broke.
        """
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                self._state.receive_data(await self._reader.read(CHUNK_BYTES))
            elif isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                return  # the end of the message

    def rest(self) -> bool:
        """Whether the connection can carry another question; if so it is ready for it."""
        if self._state.our_state is not h11.DONE or self._state.their_state is not h11.DONE:
            return False
        self._state.start_next_cycle()
        self._rested_s = time.monotonic()
        return True

    def fresh(self) -> bool:
        """Whether a resting connection is worth a question: neither closed by the other side nor idle for long."""
        return not self._reader.at_eof() and time.monotonic() - self._rested_s < IDLE_S and not self._writer.transport.is_closing()

    def close(self) -> None:
        """Ends it at once; nobody waits for the other side."""
        self._writer.transport.abort()


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


async def open_connection(place: Place, context: ssl.SSLContext | None) -> Connection:
    """A new connection.

    Raises:
        OSError: nobody listens there, or the name is not known.
        ssl.SSLError: the other side's certificate is not trusted, or it speaks no TLS.
    """
    reader, writer = await asyncio.open_connection(
        place.host,
        place.port,
        limit=CHUNK_BYTES,
        ssl=context if place.secure else None,
        happy_eyeballs_delay=None if _is_address(place.host) else 0.25,  # its race may lose an open socket when it is cancelled
    )
    return Connection(place, reader, writer)
