"""Prediction logs and their judges: rows in, quality out. Everything that takes time happens in a thread of its own."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from tui_monitor.collect.worker import Worker
from tui_monitor.config import PredictionSettings, Settings
from tui_monitor.engine import schedule
from tui_monitor.model import LogRows, Metrics, Performance, Quality, Reading, charted, clean

if TYPE_CHECKING:
    from tui_monitor.analyse.performance.live.log import LabelledLog
    from tui_monitor.collect.listener import Listener
    from tui_monitor.collect.predictions import LogTail

FIRST_S = 0.5  # the first frame first: an import holds the interpreter
JUDGED_EVERY_S = 2.0
MOST_WAITING = 100_000  # rows that wait while the judges are loaded or busy; then nothing more is read until there is room
SAVED_AS = 1


class Paced:
    """A source that is left alone while its judges have enough to do: what was not read cannot be lost."""

    def __init__(self, source: schedule.Source, full: Callable[[], bool]) -> None:
        self.name, self.deadline_s = source.name, source.deadline_s
        self._source, self._full = source, full

    @property
    def interval_s(self) -> float:
        """That of the source: shorter while it catches up."""
        return self._source.interval_s

    async def read(self, now_s: float) -> Reading:
        """What came, or nothing while there is no room for it."""
        return Reading(self.name, now_s, 0.0, content=LogRows([], {}, {})) if self._full() else await self._source.read(now_s)


class Came(NamedTuple):
    """One look at a log, and how far its source had read by then."""

    reading: Reading
    position: bytes


class SavedLog(Struct, frozen=True):
    """A log over a restart: how far it was read, and the counts of just those rows."""

    position: bytes
    counts: bytes


class Saved(Struct, frozen=True):
    """All logs."""

    version: int
    logs: dict[str, SavedLog]


class Judged(NamedTuple):
    """What the judges say at one moment."""

    performance: list[Performance]
    quality: list[Quality]


class QualityRoom:
    """All `[[predictions]]`. `rows_came` is told of every look at a log, in the judges' thread."""

    def __init__(self, settings: Settings, note: Callable[..., None], rows_came: Callable[[str, LogRows, float], None]) -> None:
        """Nothing is opened before `start`."""
        self._settings, self._note, self._rows_came = settings, note, rows_came
        self._tasks: list[asyncio.Task[None]] = []
        self._tails: dict[str, LogTail] = {}
        self._listener: Listener | None = None
        self._came: deque[Came] = deque()
        self._waiting = 0  # rows in them
        self._saved: Saved | None = None
        self._positions: dict[str, bytes] = {}  # of the rows that were judged
        self._problems: dict[str, str] = {}
        self._logs: dict[str, LabelledLog] = {}
        self._worker: Worker[Judged] = Worker("quality")
        self._judged = Judged([], [])
        self._dump: bytes | None = None
        self._wants_dump = False

    # -- life ---------------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Follow the logs, listen where that is configured, and judge."""
        if not self._settings.predictions:
            return
        self._tasks.append(asyncio.create_task(self._judge()))
        self._tasks.append(asyncio.create_task(self._follow()))

    async def _follow(self) -> None:
        await asyncio.sleep(FIRST_S / 2)
        from tui_monitor.collect.predictions import LogTail

        for one in self._settings.predictions:
            if not one.path:
                continue
            tail = self._tails[one.name] = LogTail(one)
            saved = self._saved.logs.get(one.name) if self._saved else None
            if saved is not None and saved.position and not tail.resume(saved.position):
                self._note(f"{one.name}: read again from its start: where an earlier engine had ended is not known", "warning")
            self._tasks.append(asyncio.create_task(schedule.run(Paced(tail, self._full), self._take)))
        await self._listen()

    async def _listen(self) -> None:
        if not self._settings.listener.listen:
            for one in self._settings.predictions:
                if not one.path:
                    self._problems[one.name] = "it has no path, and no listener is configured"
            return
        from tui_monitor.collect.listener import Listener

        self._listener = Listener(self._settings.listener, self._settings.predictions)
        if problem := await self._listener.start():
            self._note(f"predictions cannot be posted: {problem}", "warning")
        else:
            self._note(f"predictions can be posted to {self._settings.listener.listen}")
        for log in self._listener.logs:
            self._tasks.append(asyncio.create_task(schedule.run(Paced(log, self._full), self._take_posted)))

    async def stop(self) -> None:
        """End the tails and the listener."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for tail in self._tails.values():
            await tail.close()
        if self._listener is not None:
            await self._listener.close()

    async def renewed(self, settings: Settings) -> QualityRoom:
        """The room for new settings: this one where nothing of it changed, else another that goes on with what has stayed the same."""
        old = self._settings
        if settings.predictions == old.predictions and settings.listener == old.listener:
            self._settings = settings
            return self
        await self.stop()
        room = QualityRoom(settings, self._note, self._rows_came)
        if self._logs:
            same = {one.name for one in settings.predictions if one in old.predictions}
            logs = {name: SavedLog(self._positions.get(name, b""), log.dump()) for name, log in self._logs.items() if name in same}
            room._saved = Saved(SAVED_AS, logs)
        room.start()
        return room

    def _full(self) -> bool:
        return self._waiting >= MOST_WAITING

    # -- rows ---------------------------------------------------------------------------------------------------------------------------

    def _take_posted(self, reading: Reading) -> None:
        """What was posted; of a log that has files too, their troubles are told and not that nothing was posted."""
        problem = self._problems.get(reading.source, "")
        self._take(reading)
        if reading.source in self._tails:
            self._problems[reading.source] = problem

    def _take(self, reading: Reading) -> None:
        if reading.failure is not None:
            self._problems[reading.source] = reading.failure.message
            return
        if not isinstance(reading.content, LogRows):
            return
        tail = self._tails.get(reading.source)
        self._problems[reading.source] = reading.content.problem
        self._waiting += len(reading.content.rows) + len(reading.content.labels)
        self._came.append(Came(reading, tail.positions() if tail is not None else b""))

    async def _judge(self) -> None:
        """Load the judges beside the first frames, then look at what came, again and again."""
        await asyncio.sleep(FIRST_S)
        try:
            await Worker[None]("load-quality").run(self._load, None)
        except Exception as error:  # noqa: BLE001 - a broken installation of numpy or scipy: everything else is watched on
            self._note(f"quality is not judged: {clean(f'{type(error).__name__}: {error}')}", "warning")
            return
        failed = ""
        while True:
            began_s = time.monotonic()
            came, self._waiting = [self._came.popleft() for _ in range(len(self._came))], 0
            now_s = time.time()
            try:
                self._judged = await self._worker.run(lambda came=came, now_s=now_s: self._look(came, now_s), None)  # type: ignore[misc]
                failed = ""
            except Exception as error:  # noqa: BLE001 - the top of a loop: said once, and tried again with the next rows
                why = clean(f"{type(error).__name__}: {error}")
                if why != failed:
                    self._note(f"judging the prediction logs failed: {why}", "warning")
                failed = why
            await asyncio.sleep(max(0.05, began_s + JUDGED_EVERY_S - time.monotonic()))

    # -- in the judges' thread ------------------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        from tui_monitor.analyse.performance.live.log import LabelledLog
        from tui_monitor.collect.reference import reference_rows

        for one in self._settings.predictions:
            rows, why = reference_rows(one) if one.reference else ([], "")
            if why:
                self._note(f"{one.name}: its reference: {why}", "warning")
            self._logs[one.name] = log = LabelledLog(one, rows or None)
            saved = self._saved.logs.get(one.name) if self._saved else None
            if saved is not None and (why := log.load(saved.counts)):
                self._note(f"{one.name}: its past is counted anew: {clean(why)}", "warning")

    def _look(self, came: list[Came], now_s: float) -> Judged:
        for reading, position in came:
            log = self._logs.get(reading.source)
            if log is None or not isinstance(reading.content, LogRows):
                continue
            log.add(reading.content, reading.at_s)
            self._rows_came(reading.source, reading.content, reading.at_s)
            if position:
                self._positions[reading.source] = position
        if self._wants_dump:
            self._wants_dump = False
            self._dump = self._dumped()
        performance = [one for log in self._logs.values() for one in log.windows(now_s)]
        quality = [msgspec.structs.replace(log.quality(now_s), problem=self._problems.get(name, "")) for name, log in self._logs.items()]
        return Judged(performance, quality)

    def _dumped(self) -> bytes:
        logs = {name: SavedLog(self._positions.get(name, b""), log.dump()) for name, log in self._logs.items()}
        return msgspec.msgpack.encode(Saved(SAVED_AS, logs))

    # -- out ----------------------------------------------------------------------------------------------------------------------------

    def performance(self) -> list[Performance]:
        """Every log over every window, as the judges saw it last."""
        return self._judged.performance

    def past(self) -> Iterator[tuple[str, Metrics]]:
        """What charts need of it: everything of a whole log, with the interval of the number that speaks for it; of a slice that number alone."""
        spoken = {one.name: one.key for one in self._judged.quality}
        for one in self._judged.performance:
            subject, numbers = charted(one)
            key = f"{spoken.get(one.name, '')}["
            if one.slice is not None:
                numbers = {name: value for name, value in numbers.items() if name.startswith(key) and name.endswith("]")}
            else:
                numbers = {name: value for name, value in numbers.items() if name.startswith(key) or not name.endswith((".low", ".high"))}
            yield subject, numbers

    def quality(self) -> list[Quality]:
        """Every log as a whole."""
        if self._judged.quality:
            return self._judged.quality
        return [_unread(one, self._problems.get(one.name, "")) for one in self._settings.predictions]

    def restore(self, saved: bytes | None) -> None:
        """What an earlier engine had counted, before `start`."""
        if not saved:
            return
        try:
            found = msgspec.msgpack.decode(saved, type=Saved)
        except (msgspec.DecodeError, msgspec.ValidationError):
            self._note("the prediction logs are read from their start: what was saved of them cannot be read", "warning")
            return
        if found.version == SAVED_AS:
            self._saved = found

    def dump(self, *, ending: bool = False) -> bytes | None:
        """Counts and positions that belong together, for the next engine; the newest that the judges have made, or at the end those of now."""
        if ending and self._logs:
            return self._dumped()
        self._wants_dump = True
        return self._dump


def _unread(settings: PredictionSettings, problem: str) -> Quality:
    key = "mae" if settings.task == "regression" else "accuracy"
    return Quality(name=settings.name, task=settings.task, key=key, sentence="not judged yet", problem=problem)
