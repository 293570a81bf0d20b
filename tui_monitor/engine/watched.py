"""One watched server: its source, its numbers and its progress, made into the Target of the frame."""

from __future__ import annotations

import asyncio
import math

from tui_monitor.analyse.progress import Progress
from tui_monitor.analyse.target import Measured, TargetNumbers
from tui_monitor.collect.servers.kind import Kind
from tui_monitor.collect.servers.source import ServerSource
from tui_monitor.config import TargetSettings
from tui_monitor.engine import schedule
from tui_monitor.model import Found, Metrics, Model, Reading, ServerAnswer, Target, TargetWindow, utc
from tui_monitor.vocabulary import WINDOWS, seconds

LONG_WINDOWS_EVERY_S = 5.0


class Watched:
    """A target from its discovery to its removal."""

    def __init__(self, found: Found, kind: Kind, settings: TargetSettings | None, tick_s: float) -> None:
        self.found, self.kind = found, kind
        self.interval_s = seconds(settings.interval) if settings and settings.interval else max(tick_s, 1.0)
        timeout_s = min(seconds(settings.timeout) if settings else 2.0, max(self.interval_s, 2.0))
        self.source = ServerSource(found, kind, settings, self.interval_s, timeout_s)
        self.numbers = TargetNumbers(kind.says, self.interval_s)
        self.progress = Progress(starting_s=seconds(settings.starting) if settings else 300.0, interval_s=self.interval_s)
        self.answers = 0
        self._reading: Reading | None = None
        self._answer: ServerAnswer | None = None  # the newest one that there was
        self._page_at_s: float | None = None
        self._windows: list[TargetWindow] = []
        self._windows_at_s = -math.inf
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(schedule.run(self.source, self.take))

    async def stop(self) -> None:
        """Ask no more."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.source.close()

    def take(self, reading: Reading) -> None:
        """One answer of the source."""
        self._reading = reading
        self.answers += 1
        answer = reading.content
        if isinstance(answer, ServerAnswer):
            self._answer = answer
            if answer.page is not None:
                self.numbers.observe(reading.at_s, answer.page)
                self._page_at_s = reading.at_s
                return
        self.numbers.gone(reading.at_s)

    def moved(self, found: Found) -> None:
        """The same server, now another process or with other ports."""
        self.found = found
        self.source.move(found)

    @property
    def reading(self) -> Reading | None:
        """The newest answer or failure."""
        return self._reading

    @property
    def numbers_came(self) -> bool:
        """Whether it ever told numbers."""
        return self._page_at_s is not None

    def target(self, now_s: float) -> Target:
        """How it stands."""
        measured = self.numbers.measure(now_s)
        verdict = self.progress.judge(now_s, self._reading, measured, self.found)
        metrics, absent = dict(measured.metrics), dict(measured.absent)
        self._scrape(now_s, metrics, absent)
        return Target(
            name=self.found.name,
            kind=self.found.kind,
            url=self.found.url,
            state=verdict.state,
            why=verdict.why,
            since=utc(verdict.since_s),
            age_s=None if self._page_at_s is None else max(0.0, now_s - self._page_at_s),
            pid=self.found.pid,
            version=(self._answer.version or None) if self._answer else None,
            metrics=metrics,
            absent=absent,
            bounds=measured.bounds,
            at_least=measured.at_least,
            series=measured.series,
            models=self._models(measured),
            how=self.found.how,
        )

    def _scrape(self, now_s: float, metrics: Metrics, absent: dict[str, str]) -> None:
        reading = self._reading
        answer = reading.content if reading and isinstance(reading.content, ServerAnswer) else None
        up = answer is not None and answer.page is not None and not answer.page.damaged
        metrics["scrape.up"] = None if reading is None else float(up)
        metrics["scrape.duration"] = reading.took_s if reading and up else None
        metrics["scrape.samples"] = float(len(answer.page.values)) if answer and answer.page else None
        metrics["scrape.age"] = None if self._page_at_s is None else max(0.0, now_s - self._page_at_s)
        failure = (reading.failure or (answer.page_failure if answer else None)) if reading else None
        for key in ("scrape.up", "scrape.duration", "scrape.samples", "scrape.age"):
            if metrics[key] is None:
                absent[key] = failure.message if failure else "no answer yet"

    def _models(self, measured: Measured) -> list[Model]:
        """What the server lists, with the numbers that stand under that name; models that only the page knows come after."""
        listed = self._answer.models if self._answer and self._answer.models else ()
        numbers = dict(measured.models)
        silent = self._reading is not None and self._reading.failure is not None
        models = []
        for one in listed:
            found = numbers.pop((one.name, one.version), None) or numbers.pop((one.name, ""), None)
            state, why = ("UNKNOWN", "its server is silent") if silent else (one.state or "UNKNOWN", one.why)
            models.append(Model(one.name, one.version or None, state, found or {}, why))
        names = {model.name for model in models}
        return models + [Model(name, version or None, "UNKNOWN", told) for (name, version), told in numbers.items() if name not in names]

    def windows(self, now_s: float) -> list[TargetWindow]:
        """The numbers over every sliding window; the long ones are made anew every few seconds."""
        if now_s - self._windows_at_s >= LONG_WINDOWS_EVERY_S:
            self._windows_at_s = now_s
            self._windows = []
            for window, span_s in WINDOWS.items():
                measured = self.numbers.measure(now_s, span_s, with_models=False)
                self._windows.append(
                    TargetWindow(
                        target=self.found.name,
                        window=window,
                        covered_s=measured.covered_s,
                        metrics=measured.metrics,
                        at_least=measured.at_least,
                    )
                )
        return self._windows

    def silent(self) -> str:
        """Why there are no numbers now, or nothing when there are."""
        reading = self._reading
        if reading is None:
            return "no answer yet"
        if reading.failure:
            return reading.failure.message
        answer = reading.content
        if isinstance(answer, ServerAnswer) and answer.page is None and self.kind.says.measures:
            return answer.page_failure.message if answer.page_failure else "no metrics page"
        return ""
