"""Prediction logs and drift: rows and histograms in, performance and verdicts out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_monitor.collect.worker import Worker
from tui_monitor.config import Settings
from tui_monitor.engine import schedule
from tui_monitor.engine.watched import Watched
from tui_monitor.model import Drift, LogRows, Performance, Reading, clean

if TYPE_CHECKING:
    from tui_monitor.analyse.drift.room import DriftRoom
    from tui_monitor.analyse.performance.log import LabelledLog
    from tui_monitor.collect.predictions import LogTail

MADE_ANEW_EVERY_S = 2.0
OBSERVED_EVERY_S = 9.0  # counts only grow: looking at them more often tells the judges nothing more
EARLY = 50  # looks at logs; should the judges never load, no more are held


class Logs:
    """Everything that judges quality. numpy is loaded in a thread, after the first frame."""

    def __init__(self, settings: Settings, note: Callable[..., None]) -> None:
        self._settings, self._note = settings, note
        self._room: DriftRoom | None = None
        self._observed: dict[str, float] = {}  # target -> time of the answer that was looked at last
        self._saved: bytes | None = None
        self._logs: dict[str, LabelledLog] = {}
        self._early: deque[Reading] = deque(maxlen=EARLY)  # what came before the judges were loaded
        self._tasks: list[asyncio.Task[None]] = []
        self._tails: list[LogTail] = []
        self._performance: list[Performance] = []
        self._made_s = -1.0

    def start(self) -> None:
        """Load the judges beside the first frames; tail the logs."""
        from tui_monitor.collect.predictions import LogTail

        self._tasks.append(asyncio.create_task(self._load()))
        for one in self._settings.predictions:
            tail = LogTail(one)
            self._tails.append(tail)
            self._tasks.append(asyncio.create_task(schedule.run(tail, self._take)))

    async def stop(self) -> None:
        """End the tails."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for tail in self._tails:
            await tail.close()

    async def _load(self) -> None:
        def load() -> tuple[type[DriftRoom], type[LabelledLog]]:
            from tui_monitor.analyse.drift.room import DriftRoom
            from tui_monitor.analyse.performance.log import LabelledLog

            return DriftRoom, LabelledLog

        await asyncio.sleep(0.5)  # the first frame first: an import holds the interpreter
        loader: Worker[tuple[type[DriftRoom], type[LabelledLog]]] = Worker("load-judges")
        try:
            room, log = await loader.run(load, None)
        except Exception as error:  # noqa: BLE001 - a broken installation of numpy or scipy: everything else is watched on
            self._note(f"drift and quality are not judged: {clean(f'{type(error).__name__}: {error}')}", "warning")
            return
        self._logs = {one.name: log(one) for one in self._settings.predictions}
        made = room(self._settings.drift)
        if self._saved:
            made.load(self._saved)
        self._room = made
        while self._early:
            self._take(self._early.popleft())

    def _take(self, reading: Reading) -> None:
        if not isinstance(reading.content, LogRows):
            return
        if self._room is None:
            self._early.append(reading)
            return
        log = self._logs.get(reading.source)
        if log is not None:
            log.add(reading.content, reading.at_s)

    def restore_drift(self, saved: bytes | None) -> None:
        """References and running evidence of an earlier engine."""
        self._saved = saved

    def dump_drift(self) -> bytes | None:
        """References and running evidence, for the next engine."""
        return self._room.dump() if self._room else self._saved

    def pin(self, source: str, signal: str) -> str:
        """A signal's present becomes its reference; returns why not, or nothing."""
        return self._room.pin(source, signal) if self._room else "the judges are not loaded yet"

    def observe(self, now_s: float, watched: list[Watched]) -> None:
        """The newest cumulative histograms of every server that answered since."""
        if self._room is None:
            return
        for one in watched:
            reading = one.reading
            if (
                reading is None
                or reading.failure is not None
                or 0 <= reading.at_s - self._observed.get(one.found.name, 0.0) < OBSERVED_EVERY_S
            ):
                continue
            self._observed[one.found.name] = reading.at_s
            for signal, counts in one.numbers.histograms().items():
                self._room.observe(reading.at_s, one.found.name, signal, *counts)

    async def verdicts(self, now_s: float) -> list[Drift]:
        """Every signal's verdict; a check is made when it is due."""
        if self._room is None:
            return []
        self._room.check(now_s)
        return self._room.verdicts(now_s)

    def performance(self, now_s: float) -> list[Performance]:
        """Every log over every window."""
        if now_s - self._made_s >= MADE_ANEW_EVERY_S or now_s < self._made_s:
            self._made_s = now_s
            self._performance = [one for log in self._logs.values() for one in log.windows(now_s)]
        return self._performance
