"""The configured Prometheus servers: named numbers now, and the charts' past once at start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tui_monitor.collect import prometheus
from tui_monitor.config import PrometheusSettings
from tui_monitor.engine import schedule
from tui_monitor.model import Failure, Queried, Reading
from tui_monitor.vocabulary import seconds

BACKFILL_STEP_S = 30.0
Filled = Callable[[str, str, list[tuple[float, float]]], None]


class Queries:
    """Every configured Prometheus, each alone."""

    def __init__(self, settings: list[PrometheusSettings]) -> None:
        self._settings = settings
        self._readings: dict[str, Reading] = {}
        self._answers: dict[str, int] = {one.name: 0 for one in settings}
        self._last: dict[str, Queried] = {}
        self._sources: list[prometheus.PrometheusSource] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.back_fill_failures: dict[str, str] = {}

    def start(self, filled: Filled) -> None:
        """Ask each; fill the past of its numbers beside that."""
        for one in self._settings:
            if not one.queries:
                self._answers[one.name] = 2
                continue
            source = prometheus.PrometheusSource(one)
            self._sources.append(source)
            self._tasks.append(asyncio.create_task(schedule.run(source, self._take)))
            if seconds(one.backfill) > 0:
                self._tasks.append(asyncio.create_task(self._back_fill(one, filled)))

    async def stop(self) -> None:
        """Ask nobody any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for source in self._sources:
            await source.close()

    def _take(self, reading: Reading) -> None:
        self._readings[reading.source] = reading
        self._answers[reading.source] = self._answers.get(reading.source, 0) + 1
        if isinstance(reading.content, Queried):
            self._last[reading.source] = reading.content

    async def _back_fill(self, one: PrometheusSettings, filled: Filled) -> None:
        now_s = time.time()
        got = await prometheus.backfill(one, one.queries, now_s - seconds(one.backfill), now_s, BACKFILL_STEP_S)
        if isinstance(got, Failure):
            self.back_fill_failures[one.name] = got.message
            return
        for key, samples in got.items():
            if samples:
                filled(one.name, key, samples)

    def settled(self) -> bool:
        """Each has answered or failed once: its numbers are instants, they need no second look."""
        return all(count >= 1 for count in self._answers.values())

    def fresh(self) -> dict[str, Queried]:
        """The answers of those that do answer."""
        return {name: reading.content for name, reading in self._readings.items() if isinstance(reading.content, Queried)}

    def answers(self) -> dict[str, Queried]:
        """For the screen: every named number, or why it is unknown."""
        result: dict[str, Queried] = {}
        for one in self._settings:
            reading = self._readings.get(one.name)
            if reading is not None and isinstance(reading.content, Queried):
                result[one.name] = reading.content
            else:
                why = reading.failure.message if reading and reading.failure else "no answer yet"
                engine = self._last[one.name].engine if one.name in self._last else ""
                result[one.name] = Queried(dict.fromkeys(one.queries), dict.fromkeys(one.queries, why), engine)
        return result

    def subjects(self) -> dict[str, tuple[Queried, str]]:
        """For the rules: the numbers, and why they are all silent."""
        return {
            name: (queried, "" if any(value is not None for value in queried.values.values()) else next(iter(queried.absent.values()), ""))
            for name, queried in self.answers().items()
        }
