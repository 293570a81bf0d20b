"""A small HTTP/1.1 client for the demo's traffic: a pool of connections to one server on loopback, a deadline for each request."""

from __future__ import annotations

import asyncio
import json
from typing import Any


class Unanswered(Exception):
    """No answer: refused, cut off, or too late."""


class Caller:
    """Asks one server. Connections are kept and reused; there are as many as requests that wait at the same time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, path: str, body: dict[str, Any], timeout_s: float) -> tuple[int, dict[str, Any]]:
        """POST a JSON object; returns the status and the JSON object that came back.

        Raises:
            Unanswered: with the reason.
        """
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    status, answer = await self._exchange(reader, writer, path, json.dumps(body).encode())
                except BaseException:
                    writer.transport.abort()  # half an answer may still be on its way: never reuse
                    raise
                self._idle.append((reader, writer))
                return status, answer
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, TimeoutError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from error

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, body: bytes
    ) -> tuple[int, dict[str, Any]]:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode("latin-1") + body)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        answer = await reader.readexactly(int(headers.get("content-length", "0")))
        return int(first.split()[1]), json.loads(answer) if answer else {}

    def close(self) -> None:
        """Drop the idle connections."""
        while self._idle:
            self._idle.pop()[1].close()
