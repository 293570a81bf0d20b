"""The small server and its client, over a real socket on loopback."""

from __future__ import annotations

import asyncio
import json

import pytest

from tui_monitor.demo.http_client import Caller, Unanswered
from tui_monitor.demo.http_server import BODY_LIMIT_BYTES, Asked, Said, listen


async def echo(asked: Asked) -> Said:
    return Said(200, json.dumps({"path": asked.path, "body": asked.body.decode("utf-8", "replace")}).encode())


async def raw(port: int, *parts: bytes) -> bytes:
    """What the server says to these bytes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)
    said = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return said


LAST = b"GET /z HTTP/1.1\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("why", "parts", "expected"),
    [
        ("a plain question", [LAST], [b"200", b'"path": "/z"']),
        ("one that comes in pieces", [LAST[:9], LAST[9:30], LAST[30:]], [b"200", b'"path": "/z"']),
        ("two on one connection, sent at once", [b"GET /a?q=1 HTTP/1.1\r\n\r\n" + LAST], [b'"path": "/a"', b'"path": "/z"']),
        ("a body", [b"POST /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel", b"lo" + LAST], [b'"body": "hello"']),
        ("HTTP/1.0 is closed", [b"GET /old HTTP/1.0\r\n\r\n"], [b"200"]),
        ("no HTTP", [b"hello\r\n\r\n"], [b"400"]),
        ("a length that is none", [b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n"], [b"400"]),
        ("chunks are not spoken", [b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"], [b"400"]),
        ("a head without end", [b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000], [b"431"]),
        ("a body over the limit", [f"POST / HTTP/1.1\r\nContent-Length: {BODY_LIMIT_BYTES + 1}\r\n\r\n".encode()], [b"413"]),
        ("HEAD has no body", [b"HEAD /h HTTP/1.1\r\nConnection: close\r\n\r\n"], [b"200", b"Content-Length: "]),
    ],
)
def test_what_the_server_says(why: str, parts: list[bytes], expected: list[bytes]) -> None:
    async def story() -> bytes:
        server, port = await listen(echo)
        said = await raw(port, *parts)
        server.close()
        return said

    said = asyncio.run(story())
    for piece in expected:
        assert piece in said, why
    if parts[0].startswith(b"HEAD"):
        assert said.endswith(b"\r\n\r\n"), why


def test_it_listens_on_loopback_only() -> None:
    async def story() -> str:
        server, _ = await listen(echo)
        host = server.sockets[0].getsockname()[0]
        server.close()
        return str(host)

    assert asyncio.run(story()) == "127.0.0.1"


def test_the_client_keeps_its_connections() -> None:
    seen = []

    async def story() -> None:
        async def answer(asked: Asked) -> Said:
            seen.append(asked.path)
            return Said(200, b"{}")

        server, port = await listen(answer)
        caller = Caller(port)
        for path in ("/1", "/2", "/3"):
            assert await caller.post(path, {}, 5.0) == (200, {})
        assert len(caller._idle) == 1
        caller.close()
        server.close()

    asyncio.run(story())
    assert seen == ["/1", "/2", "/3"]


def test_whoever_gives_up_is_not_waited_for() -> None:
    cancelled = asyncio.Event()

    async def story() -> None:
        async def never(asked: Asked) -> Said:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise
            return Said(200)

        server, port = await listen(never)
        caller = Caller(port)
        with pytest.raises(Unanswered, match="TimeoutError"):
            await caller.post("/", {}, 0.01)
        assert caller._idle == []
        await asyncio.wait_for(cancelled.wait(), 5)
        server.close()
        await server.wait_closed()
        with pytest.raises(Unanswered):
            await caller.post("/", {}, 1.0)

    asyncio.run(story())
