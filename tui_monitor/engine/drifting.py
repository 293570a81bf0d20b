"""Drift: histograms of the servers and rows of the logs in, verdicts out. Everything that takes time happens in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tui_monitor.analyse.target import SignalCounts
from tui_monitor.collect.importances import ImportancesError, read
from tui_monitor.collect.worker import Worker
from tui_monitor.config import Settings
from tui_monitor.engine.multivariate import Column, Multivariate
from tui_monitor.engine.watched import Watched
from tui_monitor.model import Drift, LogRows, ServerAnswer, clean
from tui_monitor.vocabulary import seconds

if TYPE_CHECKING:
    from tui_monitor.analyse.drift.room import DriftRoom
    from tui_monitor.engine.drift_logs import DriftLogs
    from tui_monitor.engine.drift_references import References

OBSERVED_EVERY_S = 9.0  # counts only grow: looking at them more often tells the judges nothing more
FIRST_S = 0.5  # the first frame first: an import holds the interpreter
WAIT_S = 0.1  # so long a frame waits for its verdicts; then it has those of before
AGAIN_S = 5.0  # verdicts between two checks change by their clocks only
EXPIRED_EVERY_S = 600.0
MOST_WAITING = 2000  # looks at servers that wait for the judges


class Looked(NamedTuple):
    """The signals of one server at one moment."""

    at_s: float
    target: str
    url: str
    signals: dict[str, SignalCounts]


class Judges(NamedTuple):
    """What is loaded beside the first frames, and used in the judges' thread only."""

    room: DriftRoom
    logs: DriftLogs
    references: References


class Drifting:
    """Everything that judges drift. numpy is loaded in a thread, after the first frame."""

    def __init__(self, settings: Settings, note: Callable[..., None]) -> None:
        self._settings, self._note = settings, note
        self._judges: Judges | None = None
        self._own = threading.Lock()  # of the room: the thread has it while it judges
        self._gate = asyncio.Lock()  # one piece of work at a time in the thread
        self._worker: Worker[object] = Worker("drift")
        self._observed: dict[str, float] = {}  # target -> time of the answer that was looked at last
        self._looked: deque[Looked] = deque(maxlen=MOST_WAITING)
        self._versions: dict[str, dict[str, frozenset[str]]] = {}  # target -> model -> versions
        self._deployed: deque[tuple[str, str, float]] = deque(maxlen=100)
        self._present: set[str] = set()
        self._before: deque[tuple[str, LogRows, float, dict[str, Column]]] = deque(
            maxlen=200
        )  # rows that came while the judges were loaded
        self._verdicts: list[Drift] = []
        self._made: list[Drift] | None = None  # by the thread, not yet told
        self._made_s = self._expired_s = 0.0
        self._made_of = -1
        self._importances: dict[str, float] = {}  # of the file, as it could be read last
        self._left_out = 0
        self._saved: bytes | None = None
        self._dump: bytes | None = None
        self._wants_dump = False
        self._failed = self._why = ""
        self._loading: asyncio.Task[None] | None = None
        self._judging: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None  # what a past time counted
        self._whole_rows = Multivariate(settings, note)

    # -- life ---------------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Load the judges beside the first frames."""
        self._whole_rows.start()
        self._loading = asyncio.create_task(self._load())

    async def stop(self) -> None:
        """No more judging."""
        await self._whole_rows.stop()
        if self._judges is not None:
            self._judges.references.questions.end()
        tasks = [task for task in (self._loading, self._judging, self._asking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _load(self) -> None:
        await asyncio.sleep(FIRST_S)
        settings = self._settings
        try:
            self._judges = await Worker[Judges]("load-drift").run(lambda: self._loaded(settings), None)
            if self._settings is not settings:  # read again meanwhile
                await self._renew(settings)
        except Exception as error:  # noqa: BLE001 - a broken installation of numpy or scipy: everything else is watched on
            self._why = f"drift is not judged: {clean(f'{type(error).__name__}: {error}')}"
            self._note(self._why, "warning")

    def _loaded(self, settings: Settings) -> Judges:
        from tui_monitor.analyse.drift.room import DriftRoom
        from tui_monitor.engine.drift_logs import DriftLogs
        from tui_monitor.engine.drift_references import References

        importances = self._weights(settings)
        room, logs = DriftRoom(settings.drift, importances), DriftLogs(settings, self._note, importances)
        references = References(settings, socket.gethostname(), self._note)
        if self._saved and not room.load(self._whole_rows.parted(self._saved)):
            self._note("drift: some of what was learned cannot be read and is learned anew", "warning")
        references.offer_files(room, logs)
        while self._before:
            logs.came(*self._before.popleft())
        self._dump = room.dump()
        return Judges(room, logs, references)

    async def reload(self, settings: Settings) -> None:
        """Other prediction logs, references, limits, budget and importances; what was learned stays, whatever is changed."""
        old, self._settings = self._settings, settings
        await self._whole_rows.reload(settings)
        await self._renew(old)

    async def _renew(self, old: Settings) -> None:
        settings = self._settings

        def change(judges: Judges) -> None:
            room, logs, references = judges
            importances = self._weights(settings)
            logs.settings_changed(settings, importances)
            tried_anew = room.failed
            if begun_anew := room.renew(settings.drift, importances):
                shift, signals = settings.drift.smallest_shift, "1 signal" if begun_anew == 1 else f"{begun_anew} signals"
                self._note(f"drift: the smallest shift worth a word is {shift:g} now: the evidence of {signals} begins anew")
            if settings.predictions != old.predictions or settings.drift.references != old.drift.references or tried_anew:
                references.renewed(settings)
                references.offer_files(room, logs)
            self._made_s = 0.0

        await self._do(change)

    def _weights(self, settings: Settings) -> dict[str, float]:
        """Importances of their file. One that cannot be used changes nothing, and is told."""
        file = settings.drift.importance_file
        if not file:
            self._importances = {}
            return {}
        try:
            self._importances = read(file)
        except ImportancesError as error:
            holds = "those read before hold" if self._importances else "signals weigh as if there were none"
            self._note(f"drift: importance_file: {error}; {holds}", "warning")
        return self._importances

    def restore(self, saved: bytes | None) -> None:
        """References and running evidence of an earlier engine."""
        self._saved = saved
        if saved:
            self._whole_rows.parted(saved)  # before the first rows come

    def dump(self, *, ending: bool = False) -> bytes | None:
        """References and running evidence for the next engine: the newest that the judges have written, or at the end those of now."""
        if ending and self._judges is not None and self._own.acquire(timeout=5.0):
            try:
                self._dump = self._judges.room.dump()
            finally:
                self._own.release()
        self._wants_dump = True
        return self._whole_rows.joined(self._dump) if self._dump else self._saved

    # -- acts ---------------------------------------------------------------------------------------------------------------------------

    async def pin(self, source: str, signal: str) -> str:
        """A signal's present becomes its reference; returns why not, or nothing."""
        return await self._act(lambda room: room.pin(source, signal))

    async def back(self, source: str, signal: str, now_s: float) -> str:
        """A signal's reference of before holds again; returns why not, or nothing."""
        return await self._act(lambda room: room.back(source, signal, now_s))

    async def _act(self, act: Callable[[DriftRoom], str]) -> str:
        if self._judges is None:
            return "the judges are not loaded yet"
        said = ""

        def work(judges: Judges) -> None:
            nonlocal said
            said = act(judges.room)
            self._dump, self._made_s = judges.room.dump(), 0.0

        await self._do(work)
        return said

    async def _do(self, work: Callable[[Judges], None]) -> None:
        """One piece of work in the judges' thread."""
        judges = self._judges
        if judges is None:
            return

        def run() -> None:
            with self._own:
                work(judges)

        async with self._gate:
            await asyncio.shield(self._worker.run(run, None))

    # -- what comes ---------------------------------------------------------------------------------------------------------------------

    def observe(self, now_s: float, watched: list[Watched]) -> None:
        """The newest cumulative histograms of every server that answered since."""
        self._present = {one.found.name for one in watched}
        if self._judges is None:
            return
        for one in watched:
            reading = one.reading
            name = one.found.name
            if reading is None or reading.failure is not None or 0 <= reading.at_s - self._observed.get(name, 0.0) < OBSERVED_EVERY_S:
                continue
            self._observed[name] = reading.at_s
            self._look_at_versions(name, reading.content, reading.at_s)
            self._looked.append(Looked(reading.at_s, name, one.found.urls.get("metrics", one.found.url), one.numbers.histograms()))

    def _look_at_versions(self, target: str, answer: object, at_s: float) -> None:
        """A deploy: a model that was there has another version, or all models are other ones."""
        if not isinstance(answer, ServerAnswer) or not answer.models:
            return
        now: dict[str, set[str]] = {}
        for model in answer.models:
            now.setdefault(model.name, set()).add(model.version)
        before, self._versions[target] = self._versions.get(target), {name: frozenset(versions) for name, versions in now.items()}
        if before is None:
            return
        other = [name for name, versions in self._versions[target].items() if name in before and before[name] != versions]
        if other or not now.keys() & before.keys():
            name = other[0] if other else next(iter(now))
            version = max(now[name])
            self._deployed.append((target, f"{version} of {name}" if version else name, at_s))

    def rows_came(self, log: str, rows: LogRows, at_s: float) -> None:
        """New rows of a prediction log. Called in the thread of the judges of quality."""
        also = self._whole_rows.rows_came(log, rows)
        if self._judges is None:
            self._before.append((log, rows, at_s, also))
        else:
            self._judges.logs.came(log, rows, at_s, also)

    # -- what is said -------------------------------------------------------------------------------------------------------------------

    async def verdicts(self, now_s: float) -> list[Drift]:
        """Every signal's verdict; a check is made when it is due. A frame does not wait for long: then they are those of before."""
        if self._judges is None:
            return []
        if self._judging is None or self._judging.done():
            self._judging = asyncio.create_task(self._judge(now_s))
        await asyncio.wait({self._judging}, timeout=WAIT_S)
        return self._verdicts

    @property
    def why(self) -> str:
        """Why no drift is judged at all; empty where it is."""
        return self._why

    @property
    def left_out(self) -> int:
        """Signals over the bound: there, and not judged."""
        return self._left_out

    @property
    def budget_s(self) -> float:
        """One false alarm of all signals together in so long."""
        return seconds(self._settings.drift.false_alarm_every)

    async def _judge(self, now_s: float) -> None:
        try:
            await self._do(lambda judges: self._judged(judges, now_s))
            self._ask_past()
            if self._made is not None:
                self._verdicts, self._made = self._whole_rows.told(self._made, now_s), None
        except Exception as error:  # noqa: BLE001 - the top of a loop: said once, and tried again with the next check
            why = clean(f"{type(error).__name__}: {error}")
            if why != self._failed:
                self._note(f"judging drift failed: {why}", "warning")
            self._failed = why

    def _ask_past(self) -> None:
        """Beside the judges: they go on, and take what came when they look next."""
        if self._judges is not None and self._judges.references.questions.waits and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._judges.references.questions.answer_all())

    def _judged(self, judges: Judges, now_s: float) -> None:
        """In the judges' thread: take what waits, check, and make the verdicts anew where they can have changed."""
        room, logs, references = judges
        while self._deployed:
            target, version, at_s = self._deployed.popleft()
            if learned := room.deployed(target, version, at_s, logs=False):
                self._note(f"{target}: {clean(version, 60)} serves: {learned} signals learn anew what is usual")
        while self._looked:
            looked = self._looked.popleft()
            for signal, counts in looked.signals.items():
                room.observe(looked.at_s, looked.target, signal, *counts)
                if references.wanted(looked.target, signal):
                    references.ask_past(looked.target, looked.url, signal, now_s)
        references.take_past(room, now_s)
        self._whole_rows.hand_over(room)
        logs.feed(room, now_s)
        checked = room.check(now_s)
        if not 0 <= now_s - self._expired_s < EXPIRED_EVERY_S:
            self._expired_s = now_s
            for source in room.expire(now_s, self._present | logs.names):
                references.forget(source)
                self._versions.pop(source, None)  # when it is back, the models that it has then are no deploy
                self._note(f"drift: {clean(source, 60)} is gone for long: its signals are forgotten")
        if checked or room.signals != self._made_of or not 0 <= now_s - self._made_s < AGAIN_S:
            self._made, self._made_s, self._made_of = room.verdicts(now_s), now_s, room.signals
            self._left_out = len(room.left_out)
        for line in room.notes():
            self._note(line, "warning")
        if self._wants_dump:
            self._wants_dump = False
            self._dump = room.dump()
