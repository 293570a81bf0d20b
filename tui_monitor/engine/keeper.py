"""What the engine keeps on disk, and what it says when it cannot. Nothing here blocks the loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from tui_monitor.alerts.acts import Change, Proposal
from tui_monitor.collect.worker import Worker
from tui_monitor.config import Settings, bytes_of
from tui_monitor.model import AlertPast, Episode, Frame, JournalEntry, Outcome, Outgoing, Silence
from tui_monitor.store.database import Database, Kept
from tui_monitor.store.files import StoreError
from tui_monitor.store.recorder import Recorder
from tui_monitor.vocabulary import seconds

T = TypeVar("T")

DURABLE_S = 5.0  # how long an act may take to be on disk before it is refused
KEPT_EPISODES_S = 86400.0


class Keeper:
    """Database and recorder of an instance, or the reason why there is none."""

    def __init__(self, state: Path | None, settings: Settings, trouble: str = "") -> None:
        self._database: Database | None = None
        self._recorder: Recorder | None = None
        self._trouble = trouble
        self._state = state
        self._asked: Future[Kept] | None = None  # what others did
        if state is None or trouble:
            return
        try:
            self._database = Database(state / "episodes.sqlite")
            if settings.recording.enabled:
                self._recorder = Recorder(
                    state / "recording.sqlite", int(bytes_of(settings.recording.max_size)), seconds(settings.recording.max_age)
                )
        except StoreError as error:
            self._trouble = str(error)

    @property
    def status(self) -> str:
        """recording, paused: REASON, or off."""
        if self._trouble:
            return f"paused: {self._trouble}"
        if self._database is not None and self._database.saving.said:
            return f"paused: {self._database.saving.said}"
        return self._recorder.status if self._recorder else "off"

    @property
    def recorded_bytes(self) -> int | None:
        """Size of the recording."""
        return self._recorder.bytes_used if self._recorder else None

    def episodes(self, now_s: float) -> Iterable[Episode]:
        """What an earlier engine left: everything open, and what ended in the last day."""
        return self._read(lambda database: database.episodes(now_s - KEPT_EPISODES_S), [])

    def silences(self, now_s: float) -> Iterable[Silence]:
        """What an earlier engine was told to hide."""
        return self._read(lambda database: database.silences(now_s - KEPT_EPISODES_S), [])

    def _read(self, ask: Callable[[Database], T], nothing: T) -> T:
        if self._database is None:
            return nothing
        try:
            return ask(self._database)
        except StoreError as error:
            self._trouble = str(error)
            return nothing

    async def happened(self, changes: Sequence[Change], outgoing: Sequence[Outgoing] = ()) -> str:
        """Write down what happened, before it is shown; returns why not, or nothing. What cannot be written is kept in memory until that goes."""
        if self._database is None:
            return self._trouble or "nothing is kept by this engine"
        return await self._durable(self._database.keep([(change.episode, change.entries) for change in changes], outbox=outgoing))

    def write_line(self, entry: JournalEntry) -> None:
        """A line of the journal that nobody waits for."""
        if self._database is not None:
            self._database.keep(journal=[entry])

    async def act(self, proposals: Sequence[Proposal], outgoing: Sequence[Outgoing] = ()) -> str:
        """Make acts durable, all or none; returns why not, or nothing."""
        if self._database is None:
            return self._trouble or "nothing is kept by this engine"
        done = self._database.commit(
            [(one.change.episode, one.change.entries) for one in proposals if one.change],
            silences=[one.silence for one in proposals if one.silence],
            journal=[entry for one in proposals for entry in one.entries],
            outbox=outgoing,
        )
        return await self._durable(done)

    async def _durable(self, done: Future[None]) -> str:
        try:
            async with asyncio.timeout(DURABLE_S):
                await asyncio.wrap_future(done)
        except TimeoutError:
            self._trouble = f"the disk did not answer within {DURABLE_S:g} s"
            return self._trouble
        except StoreError as error:
            self._trouble = str(error)
            return self._trouble
        self._trouble = ""
        return ""

    def outside(self) -> Kept | None:
        """What other processes did to alerts and silences since this was last asked; None while nobody knows. Never waits."""
        if self._database is None:
            return None
        asked, self._asked = self._asked, None
        if asked is not None and not asked.done():
            self._asked = asked
            return None
        self._asked = self._database.outside()
        return None if asked is None or asked.exception() is not None else asked.result()

    async def past(self, alert: str) -> AlertPast | None:
        """How often the alert of an episode fired, and what happened to it."""
        return await Worker[AlertPast | None]("alert-past").run(lambda: self._read(lambda database: database.past(alert), None), DURABLE_S)

    async def due(self, sink: str, limit: int, wait_s: float) -> list[Outgoing]:
        """What of the outbox a system can be sent now."""
        now_s = time.time()
        return await Worker[list[Outgoing]]("outbox").run(lambda: self._read(lambda database: database.due(now_s, limit, sink), []), wait_s)

    def settle(self, row: Outgoing) -> Future[None] | None:
        """What became of sending a row."""
        return self._database.settle(row) if self._database is not None else None

    def record(self, frame: Frame) -> None:
        """Hand a frame to the recorder."""
        if self._recorder:
            self._recorder.record(frame)

    def load(self, name: str) -> bytes | None:
        """A saved state of an earlier engine."""
        try:
            return self._database.load_blob(name) if self._database else None
        except StoreError:
            return None

    def save(self, name: str, state: bytes | None) -> None:
        """Keep a state for the next engine."""
        if self._database and state is not None:
            self._database.save_blob(name, state)

    async def save_now(self, name: str, state: bytes | None) -> str:
        """Keep a state and wait until it is on disk; returns why not, or nothing."""
        if self._database is None or state is None:
            return self._trouble or "nothing is kept by this engine"
        try:
            async with asyncio.timeout(DURABLE_S):
                await asyncio.wrap_future(self._database.save_blob(name, state))
        except TimeoutError:
            return f"the disk did not answer within {DURABLE_S:g} s"
        except StoreError as error:
            return str(error)
        return ""

    def frame_at(self, at_s: float) -> Frame | None:
        """A recorded frame. Blocks: call it in a thread."""
        from tui_monitor.store.replay import Replay

        if self._recorder is None or self._state is None:
            return None
        self._recorder.flush()
        try:
            return Replay(self._state / "recording.sqlite").frame_at(at_s)
        except StoreError:
            return None

    async def snapshot(self, out: Path, since_s: float | None, now_s: float, *, force: bool) -> Outcome:
        """Write one file of everything kept."""
        if self._state is None or self._database is None:
            return Outcome(ok=False, message=f"no snapshot: {self._trouble or 'nothing is kept by this engine'}")
        state, recorder = self._state, self._recorder

        def write() -> str:
            from tui_monitor.store.snapshot import write_snapshot

            if recorder:
                recorder.flush()
            return write_snapshot(state / "recording.sqlite", state / "episodes.sqlite", out, since_s, now_s=now_s, force=force)

        try:
            return Outcome(ok=True, message=await Worker[str]("snapshot").run(write, None))
        except (StoreError, OSError) as error:
            return Outcome(ok=False, message=f"no snapshot: {error}")

    async def close(self) -> None:
        """Everything queued goes to disk."""
        recorder, database = self._recorder, self._database

        def close() -> None:
            if recorder:
                recorder.close()
            if database:
                database.close()

        try:
            await Worker[None]("close-store").run(close, DURABLE_S)
        except TimeoutError:
            pass
