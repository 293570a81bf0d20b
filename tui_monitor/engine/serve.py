"""The engine's socket: who may attach, frames out, questions in. A slow client misses frames; it never holds the engine up."""

from __future__ import annotations

import asyncio
import os
import socket as sockets
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tui_monitor import __version__
from tui_monitor.engine import people, wire
from tui_monitor.model import (
    PROTOCOL,
    AlertPast,
    Answer,
    Command,
    Frame,
    FrameMessage,
    GetFrame,
    Goodbye,
    Hello,
    History,
    HistoryOfAlert,
    HistoryQuery,
    Outcome,
    PreviewSilence,
    Refused,
    Reply,
    Request,
    SilencePreview,
    Welcome,
)

MAX_CLIENTS = 64
HELLO_S = 5.0


class Answers(Protocol):
    """What the socket asks of the engine."""

    instance: str

    def latest(self) -> Frame | None:
        """The newest frame."""

    async def carry_out(self, command: Command, who: str) -> Outcome:
        """An act of a user; returns when it is durable."""

    async def frame(self, ask: GetFrame) -> Frame | None:
        """A frame by moment."""

    def history(self, query: HistoryQuery) -> History:
        """Series for a chart."""

    def preview(self, ask: PreviewSilence) -> SilencePreview:
        """What a silence would hide."""

    async def past(self, ask: HistoryOfAlert) -> AlertPast | Outcome:
        """The past of an alert."""


class _Screen:
    """One attached screen: the newest frame that it has not been sent yet."""

    def __init__(self, writer: asyncio.StreamWriter, who: str) -> None:
        self.writer, self.who = writer, who
        self.news = asyncio.Event()
        self.goodbye = False


class Server:
    """Accepts clients on the instance's socket. `on_empty(said_goodbye)` is called when the last screen has gone."""

    def __init__(
        self,
        answers: Answers,
        path: Path,
        on_empty: Callable[[bool], None],
        *,
        shared: bool = False,
        rights: people.Rights | None = None,
        peer_of: Callable[[sockets.socket], people.Peer] = people.peer_of,
    ) -> None:
        """`rights` None: everybody who gets in may act. `peer_of` tells who is at the other end."""
        self._answers, self._path, self._on_empty, self._shared = answers, path, on_empty, shared
        self._rights, self._peer_of = rights or people.Rights(), peer_of
        self._screens: set[_Screen] = set()
        self._clients = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def screens(self) -> int:
        """How many screens are attached."""
        return len(self._screens)

    @property
    def people(self) -> list[str]:
        """Whose screens are attached, each name once."""
        return sorted({screen.who for screen in self._screens})

    async def start(self) -> None:
        """Listen; a socket that a dead engine left is replaced (the caller holds the instance's lock)."""
        self._path.unlink(missing_ok=True)
        listener = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        before = os.umask(0o117 if self._shared else 0o177)  # never open to others, not even for a moment
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(before)
        if self._shared:
            os.chown(self._path, -1, self._path.parent.stat().st_gid)
        listener.setblocking(False)  # noqa: FBT003
        self._server = await asyncio.start_unix_server(self._accept, sock=listener)

    def publish(self) -> None:
        """A new frame is there; every screen is told, none is waited for."""
        for screen in self._screens:
            screen.news.set()

    async def close(self) -> None:
        """Let clients go and remove the socket."""
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._clients += 1
        try:
            await self._talk(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass
        except wire.WireError as error:
            await self._refuse(writer, str(error))
        finally:
            self._clients -= 1
            writer.close()

    async def _refuse(self, writer: asyncio.StreamWriter, why: str) -> None:
        try:
            writer.write(wire.pack(Refused(why)))
            async with asyncio.timeout(1):
                await writer.drain()
        except (ConnectionError, TimeoutError):
            pass

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._clients > MAX_CLIENTS:
            await self._refuse(writer, f"{MAX_CLIENTS} clients are attached already; close one")
            return
        async with asyncio.timeout(HELLO_S):
            hello = await wire.receive_in_engine(reader)
        if not isinstance(hello, Hello):
            await self._refuse(writer, "not a tui-monitor client")
            return
        if hello.protocol != PROTOCOL:
            await self._refuse(
                writer,
                f"the running engine is tui-monitor {__version__} (protocol {PROTOCOL}), you are {hello.version} (protocol {hello.protocol}); "
                "`tui-monitor engine stop` ends it, the next start uses yours",
            )
            return
        peer = self._peer_of(writer.get_extra_info("socket"))
        who, looks = people.login_name(peer.pid, peer.uid), self._rights.refusal(peer)
        writer.write(wire.pack(Welcome(PROTOCOL, __version__, self._answers.instance, os.getpid(), who, looks)))
        if hello.role == "command":
            await self._questions(reader, writer, who, looks, None)
            return
        screen = _Screen(writer, who)
        self._screens.add(screen)
        sender = asyncio.create_task(self._send_frames(screen))
        try:
            await self._questions(reader, writer, who, looks, screen)
        finally:
            sender.cancel()
            self._screens.discard(screen)
            if not self._screens:
                self._on_empty(screen.goodbye)

    async def _send_frames(self, screen: _Screen) -> None:
        """The newest frame whenever the last one has left our buffer: a stalled reader costs one frame of memory."""
        screen.writer.transport.set_write_buffer_limits(high=0)
        sent = -1
        try:
            while True:
                frame = self._answers.latest()
                if frame is not None and frame.seq != sent:
                    sent = frame.seq
                    screen.writer.write(wire.pack(FrameMessage(frame)))
                    await screen.writer.drain()
                    continue
                screen.news.clear()
                await screen.news.wait()
        except ConnectionError:
            pass

    async def _questions(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: str, looks: str, screen: _Screen | None
    ) -> None:
        """Answer until the client leaves. `looks` says why it may only look, empty when it may act."""
        while True:
            request = await wire.receive_in_engine(reader)
            if not isinstance(request, Request):
                return
            if isinstance(request.ask, Goodbye):
                if screen and not looks:  # who may only look ends no engine by leaving
                    screen.goodbye = True
                writer.write(wire.pack(Reply(request.number, Outcome(ok=True, message="goodbye"))))
                return
            answering = asyncio.create_task(self._answer(request, writer, who, looks))
            self._tasks.add(answering)
            answering.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter, who: str, looks: str) -> None:
        answer: Answer
        match request.ask:
            case PreviewSilence() as silence:
                answer = self._answers.preview(silence)
            case HistoryOfAlert() as alert:
                answer = await self._answers.past(alert)
            case HistoryQuery() as query:
                answer = self._answers.history(query)
            case GetFrame() as ask:
                frame = await self._answers.frame(ask)
                answer = FrameMessage(frame) if frame else Outcome(ok=False, message="no frame of that moment")
            case _ if looks:  # a snapshot too: it would be written with the rights of the engine's user
                answer = Outcome(ok=False, message=f"read-only: {looks}")
            case command:
                answer = await self._answers.carry_out(command, who)
        if not writer.is_closing():
            writer.write(wire.pack(Reply(request.number, answer)))
