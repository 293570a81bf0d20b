"""What a screen looks through: the running engine, a recorded file, or a script; panes cannot tell which."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from tui_monitor import __version__
from tui_monitor.engine import wire
from tui_monitor.engine.spc import controlled
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
    Question,
    Refused,
    Reply,
    Request,
    SilencePreview,
    Welcome,
)

if TYPE_CHECKING:
    from tui_monitor.store.replay import Replay

ANSWER_S = 10.0
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class FeedError(Exception):
    """There is nothing to look at; `str(error)` is the line for the user."""


class FeedStatus(Struct, frozen=True):
    """What the screen must say about its source besides the frame."""

    live: bool
    replay: bool = False
    note: str = ""  # trouble: one line, empty when all is well
    you: str = ""  # who the engine says we are
    read_only: str = ""  # why nothing can be done from here, empty when it can


class Feed(Protocol):
    """One interface for live, replay and tests."""

    def latest(self) -> Frame | None:
        """The newest known frame; never blocks."""

    def status(self) -> FeedStatus:
        """Whether the source is well; never blocks."""

    def on_frame(self, callback: Callable[[], None]) -> None:
        """Call `callback` (on the loop) whenever `latest` or `status` has changed."""

    async def start(self) -> None:
        """Begin; raises FeedError when there can be nothing to look at."""

    async def frame_at(self, at_s: float) -> Frame:
        """The frame that was newest at that moment."""

    async def history(self, query: HistoryQuery) -> History:
        """Series for a chart."""

    async def send(self, command: Command) -> Outcome:
        """Carry out a user's act; its effect is seen in a later frame."""

    async def ask(self, question: PreviewSilence | HistoryOfAlert) -> SilencePreview | AlertPast | Outcome:
        """A question about alerts; what cannot be answered is an Outcome that says why."""

    async def close(self, *, goodbye: bool) -> None:
        """Leave; with `goodbye` an engine that was started for screens ends with the last of them."""


class EngineFeed:
    """A running engine behind its socket; started when there is none, and again (with back-off) when it dies."""

    def __init__(self, socket: Path, spawn: Sequence[str] | None, log: Path | None = None) -> None:
        """`spawn` is the command that starts an engine, None to attach only; its stderr goes to `log`."""
        self._socket, self._spawn, self._log = socket, spawn, log
        self._frame: Frame | None = None
        self._status = FeedStatus(live=False, note="connecting")
        self._callback: Callable[[], None] = lambda: None
        self._writer: asyncio.StreamWriter | None = None
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._number = 0
        self._task: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._first: asyncio.Future[None] | None = None

    def latest(self) -> Frame | None:
        """See Feed."""
        return self._frame

    def status(self) -> FeedStatus:
        """See Feed."""
        return self._status

    def on_frame(self, callback: Callable[[], None]) -> None:
        """See Feed."""
        self._callback = callback

    async def start(self) -> None:
        """Connect, or start an engine and connect; returns when it has welcomed us."""
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        await self._first

    async def _run(self) -> None:
        """Stay connected; a lost engine is started again with back-off, and the screen is told."""
        tries = 0
        lost = ""
        while True:
            try:
                reader, writer, welcome = await self._connect()
            except FeedError as error:
                if self._first and not self._first.done():
                    self._first.set_exception(error)
                    return
                wait_s = RETRY_S[min(tries, len(RETRY_S) - 1)]
                tries += 1
                self._say(f"{lost}; {error}; next try in {wait_s:g} s")
                await asyncio.sleep(wait_s)
                continue
            self._writer, tries = writer, 0
            note = f"{lost}; a new one was started" if lost else ""
            self._status = FeedStatus(live=True, you=welcome.you, note=note, read_only=welcome.read_only)
            if self._first and not self._first.done():
                self._first.set_result(None)
            self._callback()
            lost = await self._listen(reader)
            self._writer = None
            writer.close()
            self._fail_waiting(lost)
            self._say(lost)

    def _say(self, note: str) -> None:
        self._status = replace(self._status, live=False, note=note)
        self._callback()

    async def _listen(self, reader: asyncio.StreamReader) -> str:
        """Take frames and answers until the engine has gone; return the line that says so."""
        frames = 0
        while True:
            try:
                message = await wire.receive_in_screen(reader)
            except wire.WireError as error:
                return f"engine lost: {error}"
            match message:
                case None:
                    return "engine lost: it ended or was killed"
                case Refused(why):
                    return f"engine lost: {why}"
                case FrameMessage(frame):
                    self._frame = frame
                    frames += 1
                    if frames > 5 and self._status.note:
                        self._status = replace(self._status, live=True, note="")
                    self._callback()
                case Reply(number, answer):
                    waiting = self._answers.pop(number, None)
                    if waiting and not waiting.done():
                        waiting.set_result(answer)
                case _:
                    pass

    def _fail_waiting(self, why: str) -> None:
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(FeedError(why))
        self._answers.clear()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Welcome]:
        """A welcomed connection; starts an engine when nobody answers.

        Two screens may do so in the same instant: the engines' lock lets one live, and both screens attach to it.
        """
        connected = await connect(self._socket)
        if connected is None and self._spawn is None:
            raise FeedError("no engine runs; start one with `tui-monitor` or `tui-monitor engine`")
        if connected is None and self._spawn is not None:
            self._process = spawn_engine(self._spawn, self._log)
            for step in range(200):
                await asyncio.sleep(0.02 if step < 50 else 0.1)
                connected = await connect(self._socket)
                if connected:
                    break
                if self._process.poll() not in (None, 0) and step > 10:
                    raise FeedError(f"the engine could not start: {_last_line(self._log)}")
            if connected is None:
                raise FeedError(f"the engine did not answer within 15 s: {_last_line(self._log)}")
        if connected is None:
            raise FeedError("no engine answers")
        reader, writer = connected
        return reader, writer, await greet(reader, writer, "screen")

    async def _ask(self, ask: Command | Question, wait_s: float = ANSWER_S) -> Answer:
        if self._writer is None:
            raise FeedError(self._status.note or "not connected")
        self._number += 1
        number = self._number
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[number] = waiting
        try:
            self._writer.write(wire.pack(Request(number, ask)))
            async with asyncio.timeout(wait_s):
                return await waiting
        except TimeoutError:
            raise FeedError(f"the engine did not answer within {wait_s:g} s") from None
        finally:
            self._answers.pop(number, None)

    async def frame_at(self, at_s: float) -> Frame:
        """See Feed."""
        answer = await self._ask(GetFrame(at_s))
        if isinstance(answer, FrameMessage):
            return answer.frame
        raise FeedError(answer.message if isinstance(answer, Outcome) else "no such frame")

    async def history(self, query: HistoryQuery) -> History:
        """See Feed."""
        answer = await self._ask(query)
        if isinstance(answer, History):
            return answer
        raise FeedError(answer.message if isinstance(answer, Outcome) else "no history")

    async def send(self, command: Command) -> Outcome:
        """See Feed; trouble on the way is an Outcome too."""
        try:
            answer = await self._ask(command, wait_s=60.0 if not isinstance(command, Goodbye) else 1.0)
        except FeedError as error:
            return Outcome(ok=False, message=str(error))
        return answer if isinstance(answer, Outcome) else Outcome(ok=False, message="no answer")

    async def ask(self, question: PreviewSilence | HistoryOfAlert) -> SilencePreview | AlertPast | Outcome:
        """See Feed."""
        try:
            answer = await self._ask(question)
        except FeedError as error:
            return Outcome(ok=False, message=str(error))
        return answer if isinstance(answer, SilencePreview | AlertPast | Outcome) else Outcome(ok=False, message="no answer")

    async def close(self, *, goodbye: bool) -> None:
        """See Feed."""
        if self._task:
            if goodbye and self._writer:
                await self.send(Goodbye())
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._writer:
            self._writer.close()


def spawn_engine(command: Sequence[str], log: Path | None) -> subprocess.Popen[bytes]:
    """Start an engine that outlives us: its own session, no terminal, stderr to its log."""
    target = subprocess.DEVNULL
    if log is not None:
        try:
            log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            log.unlink(missing_ok=True)  # also a link at its name, which is never followed
            target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            target = subprocess.DEVNULL  # no place for a log is no reason not to watch
    try:
        return subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=target, start_new_session=True, close_fds=True
        )
    finally:
        if target != subprocess.DEVNULL:
            os.close(target)


def _last_line(log: Path | None) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines() if log else []
    except OSError:
        lines = []
    return lines[-1][:300] if lines else "it left no message"


async def connect(socket: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """A connection to an engine's socket, or None when nobody listens there."""
    try:
        return await asyncio.open_unix_connection(str(socket))
    except (FileNotFoundError, ConnectionError):
        return None
    except PermissionError:
        raise FeedError(f"{socket} belongs to another user; ask them for [engine] group, or use --instance") from None


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, role: str) -> Welcome:
    """Say hello and read the welcome.

    Raises:
        FeedError: refused, or the other side is no engine of ours.
    """
    writer.write(wire.pack(Hello(PROTOCOL, __version__, "screen" if role == "screen" else "command")))
    try:
        async with asyncio.timeout(ANSWER_S):
            answer = await wire.receive_in_screen(reader)
    except (TimeoutError, wire.WireError) as error:
        raise FeedError(f"the engine does not answer ({error or 'silent'}); `tui-monitor engine stop` ends it") from None
    match answer:
        case Welcome():
            return answer
        case Refused(why):
            raise FeedError(why)
        case _:
            raise FeedError("the engine closed the connection")


async def ask(socket: Path, question: Command | Question, wait_s: float = 30.0) -> Answer | None:
    """One question of the command line to a running engine; None when none runs.

    Raises:
        FeedError: it runs but refuses or does not answer.
    """
    connected = await connect(socket)
    if connected is None:
        return None
    reader, writer = connected
    try:
        await greet(reader, writer, "command")
        writer.write(wire.pack(Request(1, question)))
        async with asyncio.timeout(wait_s):
            while True:
                match await wire.receive_in_screen(reader):
                    case Reply(1, answer):
                        return answer
                    case None:
                        raise FeedError("the engine ended while it was asked")
                    case Refused(why):
                        raise FeedError(why)
                    case _:
                        continue
    except TimeoutError:
        raise FeedError(f"the engine did not answer within {wait_s:g} s") from None
    except wire.WireError as error:
        raise FeedError(str(error)) from None
    finally:
        writer.close()


class ReplayFeed:
    """A recording or snapshot file in the same screen; acts are refused."""

    def __init__(self, path: Path, at_s: float | None = None) -> None:
        self._path, self._at_s = path, at_s
        self._replay: Replay | None = None
        self._frame: Frame | None = None

    def latest(self) -> Frame | None:
        """See Feed."""
        return self._frame

    def status(self) -> FeedStatus:
        """See Feed."""
        return FeedStatus(live=False, replay=True, note="", read_only="this is a recording")

    def on_frame(self, callback: Callable[[], None]) -> None:
        """A file does not change."""

    async def start(self) -> None:
        """Open the file at the asked moment, or at its end."""
        from tui_monitor.store.replay import Replay

        self._replay = Replay(self._path)
        self._frame = self._replay.frame_at(self._replay.last_s if self._at_s is None else self._at_s)

    def _open(self) -> Replay:
        if self._replay is None:
            raise FeedError("not open")
        return self._replay

    async def frame_at(self, at_s: float) -> Frame:
        """Go to that moment."""
        self._frame = self._open().frame_at(at_s)
        return self._frame

    async def history(self, query: HistoryQuery) -> History:
        """See Feed."""
        return controlled(query, self._open().history, fine=False)

    async def send(self, command: Command) -> Outcome:
        """Nothing can be done to the past."""
        return Outcome(ok=False, message="read-only: this is a recording")

    async def ask(self, question: PreviewSilence | HistoryOfAlert) -> SilencePreview | AlertPast | Outcome:
        """The past of an alert is in the file, but nobody asks it."""
        return Outcome(ok=False, message="read-only: this is a recording")

    async def close(self, *, goodbye: bool) -> None:
        """Nothing to say goodbye to."""


class ScriptedFeed:
    """Frames given by a test."""

    def __init__(self, frames: Sequence[Frame], *, status: FeedStatus | None = None, outcome: Outcome | None = None) -> None:
        self._frames = list(frames)
        self._index = 0
        self._status = status or FeedStatus(live=True, you="tester")
        self._outcome = outcome or Outcome(ok=True, message="done")
        self._callback: Callable[[], None] = lambda: None
        self.sent: list[Command] = []
        self.asked: list[PreviewSilence | HistoryOfAlert] = []
        self.answers: dict[type, SilencePreview | AlertPast | Outcome] = {}
        self.closed: bool | None = None  # the goodbye that was said

    def latest(self) -> Frame | None:
        """See Feed."""
        return self._frames[self._index] if self._frames else None

    def status(self) -> FeedStatus:
        """See Feed."""
        return self._status

    def on_frame(self, callback: Callable[[], None]) -> None:
        """See Feed."""
        self._callback = callback

    def step(self, status: FeedStatus | None = None) -> None:
        """Go to the next frame, or only change the status."""
        if status is not None:
            self._status = status
        elif self._index + 1 < len(self._frames):
            self._index += 1
        self._callback()

    async def start(self) -> None:
        """See Feed."""

    async def frame_at(self, at_s: float) -> Frame:
        """See Feed."""
        return min(self._frames, key=lambda frame: abs(frame.at.timestamp() - at_s))

    async def history(self, query: HistoryQuery) -> History:
        """A ramp for every key."""
        step_s = (query.end_s - query.start_s) / max(1, query.points)
        ramp: list[float | None] = [float(i) for i in range(query.points)]
        return History(query.subject, query.start_s, step_s, {key: list(ramp) for key in query.keys})

    async def send(self, command: Command) -> Outcome:
        """Remember it."""
        self.sent.append(command)
        return self._outcome

    async def ask(self, question: PreviewSilence | HistoryOfAlert) -> SilencePreview | AlertPast | Outcome:
        """What the test put into `answers`, by the question's type."""
        self.asked.append(question)
        return self.answers.get(type(question), Outcome(ok=False, message="no answer is scripted"))

    async def close(self, *, goodbye: bool) -> None:
        """Remember it."""
        self.closed = goodbye
