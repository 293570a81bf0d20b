"""The engine: sources in, frames out, acts made durable; the only writer of all state."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from tui_monitor import __version__
from tui_monitor.alerts.parts import windows_of
from tui_monitor.collect.gpu import NOT_ASKED, NOT_READ, GpuWatch
from tui_monitor.collect.host import HostWatch
from tui_monitor.collect.worker import Worker
from tui_monitor.config import ConfigError, Settings
from tui_monitor.engine import hardware, subjects
from tui_monitor.engine.alerting import Alerting
from tui_monitor.engine.clock import ClockWatch, steady
from tui_monitor.engine.drifting import Drifting
from tui_monitor.engine.forecasting import Forecasting
from tui_monitor.engine.given import given
from tui_monitor.engine.history import Rings
from tui_monitor.engine.keeper import Keeper
from tui_monitor.engine.probes import Probes
from tui_monitor.engine.quality import QualityRoom
from tui_monitor.engine.queries import BACKFILL_STEP_S, Queries
from tui_monitor.engine.selfwatch import SelfWatch
from tui_monitor.engine.spc import controlled
from tui_monitor.engine.strip import Strip
from tui_monitor.engine.targets import Targets
from tui_monitor.engine.telling import Telling
from tui_monitor.model import (
    Acknowledge,
    AddNote,
    AddSilence,
    Alert,
    AlertPast,
    Command,
    Drift,
    EngineInfo,
    Event,
    ExpireSilence,
    ExplainProbe,
    Frame,
    GetFrame,
    Gpu,
    History,
    HistoryOfAlert,
    HistoryQuery,
    MarkReference,
    Outcome,
    Performance,
    PreviewSilence,
    ProbeState,
    Quality,
    Reading,
    Reload,
    Shelve,
    SilencePreview,
    StopEngine,
    System,
    TakeSnapshot,
    Target,
    TargetWindow,
    Unacknowledge,
    clean,
    limit_key,
    utc,
)
from tui_monitor.vocabulary import seconds

DRIFT_SAVED_EVERY_S = 60.0
EVENTS = 60
EAGER_FOR_S, EAGER_TICK_S = 5.0, 0.5  # while servers are found one after the other, each is shown at once


class GpuSource(Protocol):
    """Where GPUs come from when the driver has none (the demo)."""

    def gpus(self, now_s: float) -> list[Gpu]:
        """The GPUs as they stand, marked as simulated."""


class Engine:
    """One instance's watching. `run` returns when it has been told to stop and everything is saved."""

    def __init__(
        self,
        settings: Settings,
        instance: str,
        state: Path | None,
        *,
        trouble: str = "",
        config: str = "",
        demo: bool = False,
        simulated: GpuSource | None = None,
    ) -> None:
        """`state` is the directory for what is kept, None to keep nothing; `trouble` says why nothing can be kept."""
        self.instance, self._config, self._demo, self._simulated = instance, config, demo, simulated
        self._settings = settings
        self._started_s = time.time()
        self.tick_s = max(0.2, seconds(settings.interval))
        self._host_name = socket.gethostname()
        self._host, self._gpu = HostWatch(self.tick_s), GpuWatch(self.tick_s)
        self._targets = Targets(settings, self.tick_s, self.note)
        self._queries = Queries(settings.prometheus, self._host_name, self._back_filled)
        self._drift = Drifting(settings, self.note)
        self._quality = QualityRoom(settings, self.note, self._drift.rows_came)
        self._probes = Probes(settings, self._targets, self.note)
        self._forecasting = Forecasting()
        self._rings = Rings(self.tick_s)
        self._strip = Strip()
        self._clock = ClockWatch()
        self._self = SelfWatch(self.tick_s)
        self._keeper = Keeper(state, settings, trouble)
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._telling = Telling(settings, self._host_name, instance, self._keeper, self.note)
        self._alerting = Alerting(settings, self._keeper, self._telling, self.tick_s, self._events.appendleft, self._started_s)
        self._frame: Frame | None = None
        self._seq = 0
        self._wake, self._stop = asyncio.Event(), asyncio.Event()
        self._published: Callable[[], None] = lambda: None
        self.read_settings: Callable[[], Settings] | None = None  # the configuration's files as they are now, or a ConfigError
        self._reading = asyncio.Lock()
        self.audience: Callable[[], tuple[int, list[str]]] = lambda: (0, [])
        self._saved_s = self._started_s
        self._hurry = False  # somebody waits for a frame with everything in it

    # -- life ---------------------------------------------------------------------------------------------------------------------------

    async def run(self, published: Callable[[], None] = lambda: None) -> None:
        """Watch until `stop`; `published` is called after each frame."""
        self._published = published
        self._strip.restore(self._keeper.load("strip"), self._started_s)
        self._drift.restore(self._keeper.load("drift"))
        self._quality.restore(self._keeper.load("quality"))
        if why := self._forecasting.restore(self._keeper.load("forecasts")):
            self.note(f"forecasts are learned anew: {why}", "warning")
        if why := self._alerting.restore_usual(self._keeper.load("usual")):
            self.note(f"what is usual is learned anew: {clean(why)}", "warning")
        if why := self._probes.restore(self._keeper.load("probes")):
            self.note(f"golden probes begin a first run anew: {why}", "warning")
        self._targets.ask_over(self._alerting.asks_over)
        self._telling.start(self._alerting.firing, self._alerting.hidden)
        self._host.start()
        self._gpu.start()
        self._targets.start()
        self._queries.start()
        self._drift.start()
        self._quality.start()
        self._probes.start()
        self.note("watching began")
        try:
            await self._beat()
        finally:
            await self._end()

    async def _beat(self) -> None:
        """One frame a tick, and one more at once after an act. A tick that comes late is counted, never made up for."""
        loop = asyncio.get_running_loop()
        began = due = loop.time()
        while not self._stop.is_set():
            try:
                await self._tick(time.time())
            except Exception as error:  # the top of the loop: one broken tick must not end the watching
                self.note(f"a tick failed: {clean(f'{type(error).__name__}: {error}')}", "warning")
                if os.environ.get("TUI_MONITOR_DEBUG"):
                    raise
            young = loop.time() - began < EAGER_FOR_S
            due = max(due + (min(self.tick_s, EAGER_TICK_S) if young else self.tick_s), loop.time())
            while (left := due - loop.time()) > 0 and not self._stop.is_set():
                try:
                    async with asyncio.timeout(left):
                        await self._wake.wait()
                except TimeoutError:
                    break
                self._wake.clear()
                if self._hurry:
                    self._hurry = False
                    break
                if not self._stop.is_set():
                    self._publish_act(time.time())
            self._self.beat(loop.time() - due)

    async def _end(self) -> None:
        self._save(time.time())
        await self._telling.stop()
        await self._probes.stop()
        await self._targets.stop()
        await self._queries.stop()
        await self._quality.stop()
        await self._drift.stop()
        self._host.stop()
        self._gpu.stop()
        await self._keeper.close()

    def stop(self) -> None:
        """End soon, everything saved."""
        self._stop.set()
        self._wake.set()

    async def read_again(self, who: str = "") -> Outcome:
        """Configuration and rules from their files, for a signal or for `who`; wrong ones change nothing and are said in one line."""
        async with self._reading:
            if self.read_settings is None:
                return Outcome(ok=False, message="this engine reads no configuration")
            try:
                settings = self.read_settings()
            except ConfigError as error:
                why = clean(f"configuration not read again: {error}", 400)
                self.note(why, "warning")
                return Outcome(ok=False, message=why)
            await self.reload(settings, who)
        self._wake.set()
        return Outcome(ok=True, message="configuration read again")

    async def reload(self, settings: Settings, who: str = "") -> None:
        """New rules and targets; what is acknowledged stays so."""
        self._settings = settings
        self._alerting.reload(settings)
        self._targets.ask_over(self._alerting.asks_over)
        await self._targets.reload(settings)
        await self._probes.reload(settings)
        self._quality = await self._quality.renewed(settings)
        await self._drift.reload(settings)
        self.note("configuration read again" + (f" by {who}" if who else ""))

    # -- a tick -------------------------------------------------------------------------------------------------------------------------

    async def _tick(self, now_s: float) -> None:
        if step_s := self._clock.step(now_s, steady()):
            self.note(f"the clock was set {'forward' if step_s > 0 else 'back'} by {abs(step_s):.0f} s: rates begin anew", "warning")
            self._targets.stepped(step_s, now_s)
        host = self._host.latest()
        system = _system_of(host, now_s)
        gpus, gpu_why = self._gpus(now_s)
        self._host.watch(self._targets.pids())
        gpus = hardware.with_owners(gpus, system.processes)
        targets = self._targets.targets(now_s, self._host.families(), gpus)
        self._drift.observe(now_s, self._targets.watched())
        drift = await self._drift.verdicts(now_s)
        probes = self._probes.states(now_s)
        quality = self._quality.quality()
        shown = [target for target, _ in targets.values()]
        told_quality = given(shown, self._queries.answers(), self._settings.prometheus)
        performance = [*self._quality.performance(), *self._probes.performance(now_s), *told_quality]
        windows = self._targets.windows(now_s)
        spans = windows_of(windows) if self._alerting.asks_windows else {}
        told = self._queries.subjects()
        asked = subjects.all_of(
            self._host_name, system, gpus, targets, drift, performance, told, now_s, spans,
            models=self._alerting.asks_models, over=self._targets.over(), probes=probes, quality=quality, slices=self._alerting.asks_slices,
        )  # fmt: skip
        await self._alerting.evaluate(self._forecasting.observe(now_s, asked), now_s)
        self._keep_past(now_s, system, gpus, shown)
        self._forecasting.keep_bands(now_s, self._rings)
        alerts = self._alerting.alerts(now_s)
        for alert in alerts:
            if alert.threshold is not None and alert.ended_at is None:
                self._rings.put(now_s, alert.charted_as, {limit_key(alert.key, alert.rule): alert.threshold})
        self._strip.put(now_s, _level(alerts, shown))
        frame = self._make_frame(now_s, system, gpus, gpu_why, shown, windows, drift, performance, quality, probes, alerts)
        self._publish(frame)
        if now_s - self._saved_s >= DRIFT_SAVED_EVERY_S:
            self._save(now_s)

    def _gpus(self, now_s: float) -> tuple[list[Gpu], str | None]:
        """Those of the driver, and those that exporters tell of and the driver does not."""
        answer = self._gpu.latest(now_s)
        if not answer.gpus and self._simulated is not None and answer.why:
            return self._simulated.gpus(now_s), None
        seen = {gpu.uuid for gpu in answer.gpus}
        told = [gpu for gpu in self._targets.gpus(now_s) if gpu.uuid not in seen]
        return [*answer.gpus, *told], None if told else answer.why

    def _keep_past(self, now_s: float, system: System, gpus: list[Gpu], targets: list[Target]) -> None:
        self._rings.put(now_s, "host", system.metrics)
        for gpu in gpus:
            self._rings.put(now_s, gpu.subject, gpu.metrics)
        for target in targets:
            if target.age_s is not None and target.age_s < 2.5 * max(self.tick_s, self._targets.interval_s(target.name)):
                self._rings.put(now_s, target.name, target.metrics)
        for one in self._targets.watched():
            if one.numbers_came:
                self._queries.fill_past_of(one.found.name, one.found.urls.get("metrics", one.found.url), one.kind.says)
        for name, queried in self._queries.fresh().items():
            self._rings.put(now_s, name, queried.values)
        for subject, numbers in self._quality.past():
            self._rings.put(now_s, subject, numbers)

    def _back_filled(self, subject: str, source: str, past: dict[str, list[tuple[float, float]]]) -> None:
        for key, samples in past.items():
            self._rings.back_fill(subject, key, samples, BACKFILL_STEP_S)
        minutes = (time.time() - min(samples[0][0] for samples in past.values())) / 60
        self.note(f"{subject}: {minutes:.0f} minutes of its past came from {source}")

    def _make_frame(
        self,
        now_s: float,
        system: System,
        gpus: list[Gpu],
        gpu_why: str | None,
        targets: list[Target],
        windows: list[TargetWindow],
        drift: list[Drift],
        performance: list[Performance],
        quality: list[Quality],
        probes: list[ProbeState],
        alerts: list[Alert],
    ) -> Frame:
        return Frame(
            at=utc(now_s),
            host=self._host_name,
            version=__version__,
            engine=self._info(),
            system=system,
            gpus=gpus,
            gpu_why=gpu_why,
            targets=targets,
            orphans=self._targets.orphans(gpus),
            windows=windows,
            performance=performance,
            quality=quality,
            probes=probes,
            drift=drift,
            drift_budget_s=self._drift.budget_s,
            drift_left_out=self._drift.left_out,
            drift_why=self._drift.why,
            forecasts=self._forecasting.forecasts,
            forecasting=self._forecasting.note,
            alerts=alerts,
            silences=self._alerting.silences(now_s),
            foreign=self._telling.foreign,
            outward=self._telling.states(),
            events=list(self._events),
            queries=self._queries.answers(),
            strip=self._strip.text(now_s),
            discovering=self._targets.discovering,
            discovery=self._settings.discovery.enabled,
        )

    def _info(self) -> EngineInfo:
        screens, people = self.audience()
        return EngineInfo(
            pid=os.getpid(),
            instance=self.instance,
            started_at=utc(self._started_s),
            interval_s=self.tick_s,
            late_ticks=self._self.late_ticks,
            cpu_ratio=self._self.cpu_ratio(),
            rss_bytes=self._self.rss_bytes(),
            recording=self._keeper.status,
            recorded_bytes=self._keeper.recorded_bytes,
            screens=screens,
            people=people,
            demo=self._demo,
            config=self._config,
        )

    def _publish(self, frame: Frame) -> None:
        """Number a frame, let it be recorded, and tell who looks."""
        self._seq += 1
        self._frame = msgspec.structs.replace(frame, seq=self._seq)
        self._keeper.record(self._frame)
        self._published()

    def _publish_act(self, now_s: float) -> None:
        """The newest frame with what an act changed; its measurements stay those of its moment."""
        if self._frame is not None:
            alerts, silences, events = self._alerting.alerts(now_s), self._alerting.silences(now_s), list(self._events)
            self._publish(msgspec.structs.replace(self._frame, alerts=alerts, silences=silences, events=events, engine=self._info()))

    def _save(self, now_s: float) -> None:
        self._saved_s = now_s
        self._keeper.save("strip", self._strip.dump())
        self._keeper.save("drift", self._drift.dump(ending=self._stop.is_set()))
        self._keeper.save("quality", self._quality.dump(ending=self._stop.is_set()))
        self._keeper.save("probes", self._probes.dump())
        self._keeper.save("forecasts", self._forecasting.dump(now_s, ending=self._stop.is_set()))
        self._alerting.save(now_s, ending=self._stop.is_set())

    def note(self, text: str, severity: str = "") -> None:
        """One line for the events."""
        self._events.appendleft(Event(utc(time.time()), clean(text), "warning" if severity == "warning" else ""))

    # -- answers (see serve.Answers) ------------------------------------------------------------------------------------------------------

    def latest(self) -> Frame | None:
        """The newest frame."""
        return self._frame

    def history(self, query: HistoryQuery) -> History:
        """Series for a chart, from memory."""
        return controlled(query, lambda plain: self._forecasting.ahead(plain, self._rings.query))

    def settled(self) -> bool:
        """Whether every source has answered twice, so that rates are numbers."""
        host = self._host.latest()
        gpus = self._gpu.latest(time.time())
        return (
            self._frame is not None
            and host is not None
            and (not isinstance(host.content, System) or host.content.metrics.get("cpu.util") is not None)
            and gpus.why != NOT_ASKED
            and all(gpu.why != NOT_READ for gpu in gpus.gpus)
            and self._targets.settled()
            and self._queries.settled()
        )

    async def frame(self, ask: GetFrame) -> Frame | None:
        """The newest frame, a settled one, or one from the recording."""
        if ask.at_s is not None:
            at_s = ask.at_s
            return await Worker[Frame | None]("read-recording").run(lambda: self._keeper.frame_at(at_s), None)
        end = time.monotonic() + min(ask.wait_s, 60.0)
        while (self._frame is None or (ask.settled and not self.settled())) and time.monotonic() < end:  # noqa: ASYNC110 - many things settle
            await asyncio.sleep(0.05)
        if ask.settled:
            before, self._hurry = self._seq, True
            self._wake.set()
            while self._seq == before and time.monotonic() < end + 1:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return self._frame

    def preview(self, ask: PreviewSilence) -> SilencePreview:
        """What a silence would hide."""
        return self._alerting.preview(ask.match)

    async def past(self, ask: HistoryOfAlert) -> AlertPast | Outcome:
        """The past of an alert."""
        return await self._alerting.past(ask.alert)

    async def carry_out(self, command: Command, who: str) -> Outcome:
        """An act; the answer comes after it is durable, the effect is in the frame after that."""
        match command:
            case Acknowledge() | Unacknowledge() | Shelve() | AddNote() | AddSilence() | ExpireSilence():
                outcome = await self._alerting.act(command, who)
                self._wake.set()
                return outcome
            case MarkReference(source, signal, back):
                return await self._pin(source, signal, who, back=back)
            case ExplainProbe():
                outcome = self._probes.explain(command)
                if outcome.ok and not command.stop:
                    self.note(f"{command.probe}: {outcome.message}, for {who}")
                self._hurry = True
                self._wake.set()
                return outcome
            case TakeSnapshot(path, since_s, force):
                return await self._keeper.snapshot(Path(path), since_s, time.time(), force=force)
            case Reload():
                return await self.read_again(who)
            case StopEngine():
                asyncio.get_running_loop().call_later(0.05, self.stop)
                return Outcome(ok=True, message="the engine is ending")
            case _:
                return Outcome(ok=False, message="not known to this engine")

    async def _pin(self, source: str, signal: str, who: str, *, back: bool) -> Outcome:
        golden = self._probes.known(source) and not signal
        if back:
            why = await self._drift.back(source, signal, time.time())
        else:
            why = self._probes.pin(source) if golden else await self._drift.pin(source, signal)
        if why:
            return Outcome(ok=False, message=f"not done: {why}")
        signal = signal or "golden answers"
        kept, state = ("probes", self._probes.dump()) if golden else ("drift", self._drift.dump())
        lost = await self._keeper.save_now(kept, state)
        said = f"{signal} is judged by its reference of before" if back else f"{signal} as it is now is the reference"
        self.note(f"{source}: {said}, by {who}")
        self._hurry = True
        self._wake.set()
        return Outcome(ok=True, message=said + (f", until the engine ends: {lost}" if lost else ""))


def _system_of(reading: Reading | None, now_s: float) -> System:
    if reading is None or not isinstance(reading.content, System):
        why = reading.failure.message if reading and reading.failure else "not read yet"
        return System(absent=dict.fromkeys(("cpu.util", "load.1m", "memory.used", "memory.total"), why))
    return msgspec.structs.replace(reading.content, age_s=max(0.0, now_s - reading.at_s))


def _level(alerts: list[Alert], targets: list[Target]) -> int:
    """The minute's worst: 2 critical, 1 warning, 0 fine. What somebody has acknowledged counts as a warning."""
    firing = [alert for alert in alerts if alert.state == "firing"]
    worst = max(
        (2 if alert.severity == "critical" and not alert.acknowledged else int(alert.severity != "info") for alert in firing), default=0
    )
    states = {target.state for target in targets}
    return max(worst, 2 if states & {"STALLED", "DOWN"} else 1 if states & {"STALE", "SLOW"} else 0)
