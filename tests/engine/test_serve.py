"""The socket between engine and screens: what each side sees, also when the other misbehaves."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tui_monitor.engine import wire
from tui_monitor.engine.feed import EngineFeed, FeedError, ask, connect, greet
from tui_monitor.engine.people import login_name, name_of, peer_of
from tui_monitor.engine.serve import MAX_CLIENTS, Server
from tui_monitor.model import (
    PROTOCOL,
    Acknowledge,
    Command,
    EngineInfo,
    Frame,
    GetFrame,
    Goodbye,
    Hello,
    History,
    HistoryQuery,
    Outcome,
    Refused,
    utc,
)


def frame(seq: int) -> Frame:
    return Frame(seq=seq, at=utc(seq), host="h", version="0", engine=EngineInfo(pid=1, instance="t", started_at=utc(0), interval_s=1))


class Engine:
    """The engine as the socket sees it."""

    instance = "t"

    def __init__(self) -> None:
        self.newest = frame(1)
        self.acts: list[tuple[Command, str]] = []

    def latest(self) -> Frame:
        return self.newest

    async def carry_out(self, command: Command, who: str) -> Outcome:
        self.acts.append((command, who))
        return Outcome(ok=True, message="done")

    async def frame(self, ask: GetFrame) -> Frame | None:
        return self.newest if ask.at_s is None else None

    def history(self, query: HistoryQuery) -> History:
        return History(query.subject, query.start_s, 1.0, {key: [1.0, None] for key in query.keys})


def serve(tmp_path: Path, test: Callable[[Engine, Server, Path, list[bool]], Awaitable[None]]) -> None:
    async def main() -> None:
        engine, left = Engine(), list[bool]()
        path = tmp_path / "t.sock"
        server = Server(engine, path, left.append)
        await server.start()
        try:
            async with asyncio.timeout(10):
                await test(engine, server, path, left)
        finally:
            await server.close()
        assert not path.exists()

    asyncio.run(main())


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.005)


def test_two_screens_see_every_newest_frame_and_each_others_people(tmp_path: Path) -> None:
    async def test(engine: Engine, server: Server, path: Path, left: list[bool]) -> None:
        one, two = EngineFeed(path, None), EngineFeed(path, None)
        await one.start()
        await two.start()
        await until(lambda: one.latest() and two.latest())
        engine.newest = frame(2)
        server.publish()
        await until(lambda: one.latest() == two.latest() == frame(2))
        assert server.screens == 2
        assert server.people == [one.status().you] == [name_of(os.getuid())]
        await one.close(goodbye=False)
        await until(lambda: server.screens == 1)
        assert left == []
        await two.close(goodbye=True)
        await until(lambda: left == [True])

    serve(tmp_path, test)


def test_the_kernel_tells_who_acts(tmp_path: Path) -> None:
    async def test(engine: Engine, server: Server, path: Path, left: list[bool]) -> None:
        outcome = await ask(path, Acknowledge("a1", "mine"))
        assert outcome == Outcome(ok=True, message="done")
        assert engine.acts == [(Acknowledge("a1", "mine"), name_of(os.getuid()))]

    serve(tmp_path, test)


def test_a_lost_screen_said_no_goodbye(tmp_path: Path) -> None:
    async def test(engine: Engine, server: Server, path: Path, left: list[bool]) -> None:
        feed = EngineFeed(path, None)
        await feed.start()
        await until(lambda: server.screens == 1)
        await feed.close(goodbye=False)
        await until(lambda: left == [False])

    serve(tmp_path, test)


def test_history_and_frames_of_a_moment(tmp_path: Path) -> None:
    async def test(engine: Engine, server: Server, path: Path, left: list[bool]) -> None:
        feed = EngineFeed(path, None)
        await feed.start()
        assert (await feed.history(HistoryQuery("x", ["k"], 0, 2, 2))).values == {"k": [1.0, None]}
        with pytest.raises(FeedError, match="no frame of that moment"):
            await feed.frame_at(5.0)
        await feed.close(goodbye=False)

    serve(tmp_path, test)


@pytest.mark.parametrize(
    ("why", "sent", "line"),
    [
        ("another version", wire.pack(Hello(PROTOCOL + 1, "9.9", "screen")), "`tui-monitor engine stop` ends it"),
        ("no hello first", wire.pack(Refused("x"))[:4] + wire.pack(Refused("x"))[4:], "not a message of this program"),
        ("noise", struct.pack(">I", 4) + b"abcd", "not a message of this program"),
        ("a flood", struct.pack(">I", 1 << 30), "over the limit"),
    ],
)
def test_who_does_not_speak_our_language_reads_one_line(tmp_path: Path, why: str, sent: bytes, line: str) -> None:
    async def test(engine: Engine, server: Server, path: Path, left: list[bool]) -> None:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(sent)
        answer = await wire.receive_in_screen(reader)
        assert isinstance(answer, Refused)
        assert line in answer.why, why
        writer.close()
        assert await ask(path, GetFrame()) is not None, "others are served on"

    serve(tmp_path, test)


def test_the_one_client_too_many_reads_one_line(tmp_path: Path) -> None:
    async def test(engine: Engine, server: Server, path: Path, left: list[bool]) -> None:
        held = []
        for _ in range(MAX_CLIENTS):
            connected = await connect(path)
            assert connected
            await greet(*connected, "command")
            held.append(connected[1])
        with pytest.raises(FeedError, match="64 clients"):
            await ask(path, GetFrame())
        held.pop().close()
        await until(lambda: server._clients < MAX_CLIENTS)
        assert await ask(path, GetFrame()) is not None
        for writer in held:
            writer.close()

    serve(tmp_path, test)


def test_a_stalled_screen_holds_nobody_up(tmp_path: Path) -> None:
    async def test(engine: Engine, server: Server, path: Path, left: list[bool]) -> None:
        stalled = socket.socket(socket.AF_UNIX)
        stalled.connect(str(path))
        stalled.sendall(wire.pack(Hello(PROTOCOL, "x", "screen")))
        await until(lambda: server.screens == 1)
        feed = EngineFeed(path, None)
        await feed.start()
        for seq in range(2, 3000):
            engine.newest = frame(seq)
            server.publish()
            if seq % 100 == 0:
                await asyncio.sleep(0)
        await until(lambda: feed.latest() == frame(2999))
        await feed.close(goodbye=False)
        stalled.close()

    serve(tmp_path, test)


def test_the_socket_is_ours_alone_and_a_stale_one_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "t.sock").write_text("left by a dead engine")

    async def test(engine: Engine, server: Server, path: Path, left: list[bool]) -> None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await ask(path, Goodbye()) == Outcome(ok=True, message="goodbye")

    serve(tmp_path, test)


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    one, two = socket.socketpair(socket.AF_UNIX)
    with one, two:
        assert peer_of(one) == peer_of(two) == (os.getpid(), os.geteuid(), os.getegid())
    assert login_name(-1, os.geteuid()) == name_of(os.geteuid()), "of a process that is gone only the user is known"


def test_no_engine_is_no_answer(tmp_path: Path) -> None:
    assert asyncio.run(ask(tmp_path / "none.sock", GetFrame())) is None
    with pytest.raises(FeedError, match="no engine runs"):
        asyncio.run(EngineFeed(tmp_path / "none.sock", None).start())
