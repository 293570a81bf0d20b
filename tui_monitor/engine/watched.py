"""One watched server: its source, its numbers and its progress, made into the Target of the frame."""

from __future__ import annotations

import asyncio
import math
import time

import msgspec

from tui_monitor.analyse.clock import shifted
from tui_monitor.analyse.progress import Progress
from tui_monitor.analyse.target import MAX_COLUMNS, MAX_MODELS, Measured, TargetNumbers
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.fingerprint import kind_of
from tui_monitor.collect.servers.dcgm_exporter import devices
from tui_monitor.collect.servers.kind import Kind
from tui_monitor.collect.servers.source import ServerSource
from tui_monitor.config import LimitSettings, TargetSettings, bytes_of
from tui_monitor.engine import schedule
from tui_monitor.engine.hardware import NOTHING, Hardware
from tui_monitor.model import Found, Gpu, Layout, Metrics, Model, ModelAnswer, Page, Reading, ServerAnswer, Target, TargetWindow, clean, utc
from tui_monitor.vocabulary import WINDOWS, seconds

MOVING_S = 4.0  # finished work this recently: nobody waits for long
TELL_AGAIN_S = 60.0  # replicas behind one address look like restarts without end
WINDOWS_EVERY = 0.03  # a window is made anew after this share of it, but not more often than every 5 s


class Watched:
    """A target from its discovery to its removal."""

    def __init__(
        self, found: Found, kind: Kind, settings: TargetSettings | None, tick_s: float, limits: LimitSettings, starting_s: float
    ) -> None:
        """`starting_s`: how long it may refuse before it is down, where its own settings do not say."""
        self.found, self.kind, self.settings = found, kind, settings
        self.interval_s = seconds(settings.interval) if settings and settings.interval else max(tick_s, 1.0, kind.every_s)
        timeout_s = min(seconds(settings.timeout) if settings else 2.0, max(self.interval_s, 2.0))
        self.source = ServerSource(
            found,
            kind,
            settings,
            self.interval_s,
            timeout_s,
            limit_bytes=int(bytes_of(limits.page)),
            reader=PageReader(max_samples=limits.samples, max_labels=limits.labels),
        )
        self.numbers = TargetNumbers(kind.says, self.interval_s)
        self.progress = Progress(starting_s=seconds(settings.starting) if settings else starting_s, interval_s=self.interval_s)
        self.answers = 0
        self.restarts = 0  # seen
        self._unanswered: int | None = None  # clients that wait for an answer
        self._counted = 0  # restarts that its counters told of
        self._told_s = -math.inf  # when a restart was told of
        self._reading: Reading | None = None
        self._answer: ServerAnswer | None = None  # the newest one that there was
        self._page_at_s: float | None = None
        self.over: dict[str, dict[tuple[str, float], float | None]] = {}  # window -> the shares above a bound that rules ask for
        self._windows: dict[str, tuple[float, TargetWindow]] = {}  # when it was made, and it
        self._measured: Measured | None = None
        self._measured_of: Reading | None = None
        self._models_of: Measured | None = None
        self._models_made: list[Model] = []
        self._measured_at_s = -math.inf
        self._broken_s: float | None = None
        self._stranger_of: Layout | None = None
        self._stranger_is = ""
        self._uuids: set[str] = set()
        self._uuids_of: Layout | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, first_s: float = 0.0) -> None:
        """Begin to ask, `first_s` from now."""
        self._task = asyncio.create_task(schedule.run(self.source, self.take, first_s))

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
                self._look_at_clients(reading)
                return
        self.numbers.gone(reading.at_s)
        self._look_at_clients(reading)

    def _look_at_clients(self, reading: Reading) -> None:
        """Who waits for an answer: the kernel is asked only where nothing is known to get done."""
        moved_s = self.numbers.progress_at_s
        moving = moved_s is not None and reading.at_s - moved_s < max(MOVING_S, 2 * self.interval_s)
        alone = isinstance(reading.content, ServerAnswer) and reading.content.clients == 0
        self._unanswered = 0 if alone else None if moving else self.source.unanswered()

    def stepped(self, step_s: float, now_s: float) -> None:
        """The wall clock was set by so much."""
        self.numbers.stepped(step_s, now_s)
        self.progress.stepped(step_s, now_s)
        self._page_at_s = shifted(self._page_at_s, step_s, now_s)
        self._measured_at_s = -math.inf
        self._windows.clear()

    def moved(self, found: Found) -> None:
        """The same server, now another process or with other ports."""
        left_alone = found.orphan and not self.found.orphan  # the same server, whose launcher has ended
        began_again = self.found.pid is not None and found.pid is not None and found.pid != self.found.pid and not left_alone
        if began_again:
            self._told_s = time.time()
        self.restarts += began_again and found.started_s != self.found.started_s
        self.found = found
        self.source.move(found)

    @property
    def reading(self) -> Reading | None:
        """The newest answer or failure."""
        return self._reading

    @property
    def listed(self) -> tuple[ModelAnswer, ...]:
        """The models that its server listed last."""
        return (self._answer.models or ()) if self._answer else ()

    @property
    def numbers_came(self) -> bool:
        """Whether it ever told numbers."""
        return self._page_at_s is not None

    def target(self, now_s: float, on: Hardware = NOTHING) -> Target:
        """How it stands, and what it runs on."""
        measured = self._measure(now_s)
        outside = msgspec.structs.replace(on.outside, unanswered=self._unanswered)
        verdict = self.progress.judge(now_s, self._reading, measured, self.found, outside)
        metrics, absent = dict(measured.metrics), dict(measured.absent)
        if self._page_at_s is None and self._answer and self._answer.page_failure:
            absent |= dict.fromkeys(self.kind.says.measures, self._answer.page_failure.message)  # or the flag that switches its page on
        stranger = self._stranger(measured)
        if stranger:
            absent |= {key: stranger for key, value in metrics.items() if value is None and key in self.kind.says.measures}
        self._scrape(now_s, metrics, absent)
        if on.process is not None:
            metrics |= {"process.rss": on.process.rss_bytes, "process.cpu": on.process.cpu}
            absent |= {key: "no second look yet" for key in ("process.rss", "process.cpu") if metrics[key] is None}
        page = self._answer.page if self._answer else None
        return Target(
            name=self.found.name,
            kind=self.found.kind,
            url=self.found.url,
            state=verdict.state,
            why=stranger if stranger and verdict.state == "UNKNOWN" else verdict.why,
            since=utc(verdict.since_s),
            age_s=None if self._page_at_s is None else max(0.0, now_s - self._page_at_s),
            pid=self.found.pid,
            gpus=on.gpus,
            process=on.process,
            version=(self._answer.version or None) if self._answer else None,
            metrics=metrics,
            absent=absent,
            bounds=measured.bounds,
            at_least=measured.at_least,
            misses=measured.misses,
            series=measured.series,
            models=self._models(measured) if self.kind.says.about == "server" else [],
            how=self.found.how,
            about=self.kind.says.about,
            limited=self._limited(page, measured) if page else "",
            bad_lines=page.bad_lines if page else 0,
        )

    def _stranger(self, measured: Measured) -> str:
        """Says so when its page is that of another kind of server, and nothing on it is this kind's."""
        page = self._answer.page if self._answer else None
        if page is None or measured.known or not self.kind.says.measures:
            return ""
        if page.layout is not self._stranger_of:
            self._stranger_of = page.layout
            kind = kind_of(key.name for key in page.layout.series)
            mends = f' (kind = "{self.kind.name}" is configured)' if self.found.configured else ""
            self._stranger_is = f"its page is that of {kind.name}, not of {self.kind.name}{mends}" if kind is not None else ""
        return self._stranger_is

    @staticmethod
    def _limited(page: Page, measured: Measured) -> str:
        """What of its page is not read, or not followed."""
        followed = []
        if measured.left_out:
            followed.append(f"{measured.left_out:,} series are not followed: {MAX_COLUMNS:,} of one target are the most")
        if measured.models_left_out:
            followed.append(f"{measured.models_left_out:,} models are not shown: {MAX_MODELS} of one target are the most")
        return "; ".join(part for part in (page.limited, *followed) if part)

    def broken(self, now_s: float, error: Exception) -> tuple[Target, str]:
        """Stands in where its numbers cannot even be worked with, with the reason why it is silent."""
        why = clean(f"its numbers cannot be worked with: {type(error).__name__}: {error}")
        keys = (*self.kind.says.measures, *self.kind.says.cannot)
        if self._broken_s is None:
            self._broken_s = now_s
        found = self.found
        target = Target(
            name=found.name,
            kind=found.kind,
            url=found.url,
            state="UNKNOWN",
            why=why,
            since=utc(self._broken_s),
            age_s=None,
            pid=found.pid,
            metrics=dict.fromkeys(keys),
            absent=dict.fromkeys(keys, why),
            how=found.how,
            about=self.kind.says.about,
        )
        return target, why

    def began_again(self, now_s: float) -> bool:
        """Whether its counters began again since this was last asked, and no new process has been told of; at most once a minute."""
        restarts = self._measured.restarts if self._measured else 0
        before, self._counted = self._counted, restarts
        if restarts <= before or now_s - self._told_s < TELL_AGAIN_S:
            return False
        self._told_s = now_s
        return True

    def gpus(self, now_s: float) -> list[Gpu]:
        """The GPUs that an exporter tells of; without a number while it is silent."""
        if self.kind.says.about != "gpu" or self._answer is None or self._answer.page is None:
            return []
        told = self._measure(now_s).models
        silent = self.silent()
        return [
            Gpu(
                index=device.index,
                uuid=uuid,
                name=device.name,
                state="UNKNOWN" if silent else "OK",
                why=f"its exporter is silent: {silent}" if silent else "",
                source=self.found.name,
                metrics=dict.fromkeys(self.kind.says.measures) if silent else told.get((uuid, instance), {}),
                slice=device.slice,
                age_s=None if self._page_at_s is None else max(0.0, now_s - self._page_at_s),
            )
            for (uuid, instance), device in devices(self._answer.page.layout).items()
        ]

    def gpu_uuids(self) -> set[str]:
        """The GPUs that the server itself says it uses (Triton's `gpu_uuid`)."""
        page = self._answer.page if self._answer else None
        if self.kind.says.about != "server" or page is None or page.layout is self._uuids_of:
            return self._uuids
        self._uuids_of = page.layout
        self._uuids = {value for key in page.layout.series for label, value in key.labels if label == "gpu_uuid" and value}
        return self._uuids

    def _scrape(self, now_s: float, metrics: Metrics, absent: dict[str, str]) -> None:
        reading = self._reading
        answer = reading.content if reading and isinstance(reading.content, ServerAnswer) else None
        has_page = self.kind.metrics is not None
        up = answer is not None and (not has_page or (answer.page is not None and not answer.page.damaged))
        metrics["scrape.up"] = None if reading is None else float(up)
        metrics["scrape.duration"] = reading.took_s if reading and up else None
        metrics["scrape.samples"] = float(len(answer.page.values)) if answer and answer.page else None
        metrics["scrape.age"] = None if self._page_at_s is None else max(0.0, now_s - self._page_at_s)
        failure = (reading.failure or (answer.page_failure if answer else None)) if reading else None
        for key in ("scrape.up", "scrape.duration", "scrape.samples", "scrape.age"):
            if metrics[key] is None:
                absent[key] = failure.message if failure else "no answer yet" if has_page or reading is None else "it has no metrics page"

    def _models(self, measured: Measured) -> list[Model]:
        """What the server lists, with the numbers that stand under that name; models that only the page knows come after."""
        if self._models_of is measured:  # made from the same answer: nothing else changes them
            return self._models_made
        listed = self._answer.models if self._answer and self._answer.models else ()
        numbers = dict(measured.models)
        silent = self._reading is not None and self._reading.failure is not None
        models = []
        for one in listed:
            found = numbers.pop((one.name, one.version), None) or numbers.pop((one.name, ""), None)
            state, why = ("UNKNOWN", "its server is silent") if silent else (one.state or "UNKNOWN", one.why)
            models.append(Model(one.name, one.version or None, state, found or {}, why))
        names = {model.name for model in models}
        models += [Model(name, version or None, "UNKNOWN", told) for (name, version), told in numbers.items() if name not in names]
        self._models_of, self._models_made = measured, models
        return models

    def _measure(self, now_s: float) -> Measured:
        """The numbers over the last minute, made once for each answer (and while there is none, once an interval)."""
        if self._measured is None or self._measured_of is not self._reading or now_s - self._measured_at_s >= self.interval_s:
            self._measured, self._measured_of, self._measured_at_s = self.numbers.measure(now_s), self._reading, now_s
        return self._measured

    def windows(self, now_s: float) -> list[TargetWindow]:
        """The numbers over every sliding window; long ones change slowly and are made anew seldom."""
        measured: Measured | None = None  # over the next shorter window, where it was made just now
        for window, span_s in WINDOWS.items():
            known = self._windows.get(window)
            young = known is not None and known[1].covered_s < span_s / 2  # it still grows: its numbers change faster
            if known is None or not 0 <= now_s - known[0] < max(5.0, WINDOWS_EVERY * (min(span_s, 300.0) if young else span_s)):
                if window == "1m":
                    measured = self._measure(now_s)
                # Where all that is known lies in the shorter window, the longer one has the same numbers.
                elif measured is None or measured.since_s is None or now_s - measured.since_s >= measured.window_s:
                    measured = self.numbers.measure(now_s, span_s, with_models=False)
                self._windows[window] = (
                    now_s,
                    TargetWindow(
                        target=self.found.name,
                        window=window,
                        covered_s=measured.covered_s,
                        metrics=measured.metrics,
                        at_least=measured.at_least,
                    ),
                )
                self.over[window] = measured.over
            else:
                measured = None
        return [window for _, window in self._windows.values()]

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
