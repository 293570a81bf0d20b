"""A small HTTP/1.1 server on loopback: keep-alive, one request at a time on a connection, everything bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import NamedTuple, cast

HEAD_LIMIT_BYTES = 16_384
BODY_LIMIT_BYTES = 262_144
TEXT = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    body: bytes


class Said(NamedTuple):
    """What the server says to it."""

    status: int
    body: bytes = b""
    content_type: str = JSON


Answer = Callable[[Asked], Awaitable[Said]]


class Connection(asyncio.Protocol):
    """One client. Its request is cancelled when it hangs up."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits for the answer any more."""
        self._transport = None
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer when a whole request is there."""
        self._buffer += data
        if len(self._buffer) > HEAD_LIMIT_BYTES + BODY_LIMIT_BYTES:
            self._refuse(413)
        elif self._task is None:
            self._next()

    def _next(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT_BYTES:
                self._refuse(431)
            return
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        words, length = first.split(), headers.get("content-length", "0")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not length.isdecimal() or "transfer-encoding" in headers:
            self._refuse(400)
            return
        whole = end + 4 + int(length)
        if int(length) > BODY_LIMIT_BYTES:
            self._refuse(413)
        elif len(self._buffer) >= whole:
            asked = Asked(words[0], words[1].partition("?")[0], bytes(self._buffer[end + 4 : whole]))
            del self._buffer[:whole]
            close = headers.get("connection", "").lower() == "close" or words[2] == "HTTP/1.0"
            self._task = asyncio.get_running_loop().create_task(self._say(asked, close))

    async def _say(self, asked: Asked, close: bool) -> None:  # noqa: FBT001
        said = await self._answer(asked)
        self._task = None
        self._write(said, close, head_only=asked.method == "HEAD")
        if self._buffer and self._transport is not None:
            self._next()

    def _refuse(self, status: int) -> None:
        self._buffer.clear()
        self._write(Said(status), close=True)

    def _write(self, said: Said, close: bool, *, head_only: bool = False) -> None:  # noqa: FBT001
        if self._transport is None:
            return
        kind = f"Content-Type: {said.content_type}\r\n" if said.body else ""
        head = f"HTTP/1.1 {said.status} {HTTPStatus(said.status).phrase}\r\n{kind}Content-Length: {len(said.body)}\r\n"
        head += "Connection: close\r\n\r\n" if close else "\r\n"
        self._transport.write(head.encode("latin-1") + (b"" if head_only else said.body))
        if close:
            self._transport.close()


async def listen(answer: Answer, port: int = 0) -> tuple[asyncio.Server, int]:
    """Listen on loopback only; port 0 takes a free one. Returns the server and its port."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(answer), "127.0.0.1", port)
    return server, server.sockets[0].getsockname()[1]
