"""The configured Prometheus servers: named numbers now, and the charts' past once at start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from tui_monitor.collect.prometheus import PrometheusSource, backfill
from tui_monitor.collect.promql import instances, promql
from tui_monitor.config import PrometheusSettings
from tui_monitor.engine import schedule
from tui_monitor.mapping import Says
from tui_monitor.model import Failure, Queried, Reading
from tui_monitor.vocabulary import seconds

BACKFILL_STEP_S = 30.0
CHARTED = (
    "request.rate", "error.ratio", "latency.mean", "latency.p95", "token.rate.generated", "token.rate.prompt", "ttft.p95", "itl.p95",
    "request.running", "queue.length", "kv_cache.used",
)  # fmt: skip
Filled = Callable[[str, str, dict[str, list[tuple[float, float]]]], None]


class Queries:
    """Every configured Prometheus, each alone."""

    def __init__(self, settings: list[PrometheusSettings], host: str, filled: Filled) -> None:
        """`filled(subject, prometheus, key -> samples)` is called with each past that came."""
        self._settings, self._host, self._filled = settings, host, filled
        self._past_asked: set[str] = set()
        self._readings: dict[str, Reading] = {}
        self._answers: dict[str, int] = {one.name: 0 for one in settings}
        self._last: dict[str, Queried] = {}
        self._sources: list[PrometheusSource] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Ask each; fill the past of its numbers beside that."""
        for one in self._settings:
            if not one.queries:
                self._answers[one.name] = 2
                continue
            source = PrometheusSource(one)
            self._sources.append(source)
            self._tasks.append(asyncio.create_task(schedule.run(source, self._take)))
            self._ask_past(one, one.name, one.queries)

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

    def fill_past_of(self, target: str, url: str, says: Says) -> None:
        """Ask, once, every Prometheus for a target's charts: it may have scraped the same server before we came."""
        if target in self._past_asked:
            return
        self._past_asked.add(target)
        instance = instances(url, self._host)
        queries = {key: promql(says.measures[key], instance) for key in CHARTED if key in says.measures}
        for one in self._settings:
            self._ask_past(one, target, queries)

    def _ask_past(self, one: PrometheusSettings, subject: str, queries: Mapping[str, str]) -> None:
        if seconds(one.backfill) > 0 and queries:
            task = asyncio.create_task(self._back_fill(one, subject, dict(queries)))
            self._tasks.append(task)

    async def _back_fill(self, one: PrometheusSettings, subject: str, queries: dict[str, str]) -> None:
        now_s = time.time()
        got = await backfill(one, queries, now_s - seconds(one.backfill), now_s, BACKFILL_STEP_S)
        if isinstance(got, Failure):
            return  # its numbers of now fail in the same way, and say why
        past = {key: samples for key, samples in got.items() if samples}
        if past:
            self._filled(subject, one.name, past)

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
