"""Golden probes: who is asked what and when, and what its answers were. Slowly, one question at a time, never a burst to catch up."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from tui_monitor.analyse.performance.golden.importance import GoldenRow, Progress, Replied, Value, explanation, importances
from tui_monitor.analyse.performance.golden.judged import judged
from tui_monitor.analyse.performance.golden.probing import ProbeBook, packed, unpacked
from tui_monitor.collect import protocols
from tui_monitor.collect.golden import QuestionFile, Questions
from tui_monitor.collect.http import Client
from tui_monitor.collect.probe import Place, Prober
from tui_monitor.collect.servers.places import places
from tui_monitor.collect.tabular import Row, row_of
from tui_monitor.collect.worker import Busy, Worker
from tui_monitor.config import ProbeSettings, Settings
from tui_monitor.engine.targets import Targets
from tui_monitor.engine.watched import Watched
from tui_monitor.model import ExplainProbe, GoldenQuestion, Outcome, Performance, ProbeExplained, ProbeState, clean, utc
from tui_monitor.vocabulary import seconds

FILE_S = 10.0  # a disk that hangs must not hold up the asking
WAITS_S = 2.0  # between looks while there is nobody to ask
FIRST_S = 3.0  # the target must be found first
JITTER = 0.1  # of the interval, only ever longer: so many a minute are the most
MADE_ANEW_EVERY_S = 2.0
RARELY = 10  # rounds
APART_S = 0.05  # between two questions of an explanation


class Probe:
    """One set of golden questions."""

    def __init__(self, settings: ProbeSettings, watched: Callable[[], list[Watched]], chance: random.Random) -> None:
        """`watched` gives the targets of this moment."""
        self.settings = settings
        self.prober = Prober(settings.protocol, seconds(settings.timeout))
        self.book = ProbeBook(settings.name, settings.check, settings.tolerance)
        self.explaining: tuple[int, int] | None = None
        self.explained: ProbeExplained | None = None
        self.place: Place | None = None
        self._watched, self._chance = watched, chance
        self._file = QuestionFile(settings.file, settings.check)
        self._reader: Worker[Questions] = Worker("golden-questions")
        self._read = Questions()
        self._turn = 0
        self._why, self._protocol = "", ""
        self._next_s: float | None = None

    async def run(self) -> None:
        """Ask for ever."""
        await asyncio.sleep(FIRST_S * (0.5 + self._chance.random() / 2))
        while True:
            began_s = time.monotonic()
            try:
                asked = await self.step()
            except Exception as error:  # noqa: BLE001 - the border of a source: told, and tried again
                self._why, asked = clean(f"{type(error).__name__}: {error}"), True
            wait_s = self.pause_s(time.monotonic() - began_s) if asked else WAITS_S
            self._next_s = time.time() + wait_s
            await asyncio.sleep(wait_s)

    def pause_s(self, took_s: float) -> float:
        """How long to wait after a question that took so long: never more often than configured, and never busy for more than half the time."""
        interval_s = 60.0 / self.settings.per_minute * (1 + JITTER * self._chance.random())
        return max(interval_s - took_s, took_s, 0.05)

    async def step(self) -> bool:
        """One question to its answer. False: there was nothing to ask, or nobody."""
        await self._read_file()
        if not self._read.questions:
            self._why = self._read.why
            return False
        place = self.resolve()
        if place is None:
            return False
        question = self._next()
        answer = await self.prober.ask(question, place)
        self.book.add(question, answer)
        return True

    def _next(self) -> GoldenQuestion:
        """Whose turn it is. A question that alone is always refused is left out in most rounds: the server counts it as an error each time."""
        questions = self._read.questions
        for _ in questions:
            turns, place = divmod(self._turn, len(questions))
            self._turn += 1
            if turns % RARELY == 0 or not self.book.hopeless(questions[place].id):
                return questions[place]
        return questions[self._turn % len(questions)]

    async def _read_file(self) -> None:
        try:
            read = await self._reader.run(self._file.look, FILE_S)
        except (TimeoutError, Busy):
            self._read = msgspec.structs.replace(self._read, why=f"{self.settings.file}: the file system does not answer")
            return
        if read is not self._read:
            if read.questions is not self._read.questions:
                self.book.expect(read.questions)
            self._read = read

    def resolve(self) -> Place | None:
        """Where to ask; None with `_why` set where that is not known."""
        self.place = None
        one = next((one for one in self._watched() if one.found.name == self.settings.target), None)
        if one is None:
            self._why = f"no target {clean(self.settings.target, 60)} is watched"
            return None
        url = places(one.found, one.kind)[0]
        if not url:
            self._why = f"{one.found.name} has no API that could be asked"
            return None
        try:
            protocol = protocols.protocol_of(self.settings.protocol, one.kind.name, self._read.questions[0].request)
        except ValueError as error:
            self._why = clean(error)
            return None
        model: str = self.settings.model or self._only_model(one)
        if not model and (protocol not in protocols.WRITES or one.listed):
            return None
        self._why, self._protocol = "", protocol
        self.book.writes = protocol in protocols.WRITES
        self.place = Place(url, one.kind.name, model, one.settings)
        return self.place

    def _only_model(self, one: Watched) -> str:
        configured = one.settings.models if one.settings else []
        names: dict[str, None] = dict.fromkeys([*(model.name for model in one.listed), *one.found.models, *configured])
        if len(names) == 1:
            return next(iter(names))
        self._why = (
            f"which model is meant: set model to one of {clean(', '.join(names), 100)}" if names else "its models are not known: set model"
        )
        return ""

    # -- which inputs matter ------------------------------------------------------------------------------------------------------------

    def rows(self) -> dict[str, tuple[GoldenQuestion, Row]]:
        """The golden questions as rows of columns, by id.

        Raises:
            ValueError: they are none, with the reason.
        """
        if not self._read.questions:
            raise ValueError(self._read.why or "its questions are not read yet")
        return {one.id: (one, row_of(self._protocol_of(one), one.request)) for one in self._read.questions}

    def _protocol_of(self, question: GoldenQuestion) -> str:
        return protocols.protocol_of(self.settings.protocol, self.place.kind if self.place else "", question.request)

    def refuses(self) -> str:
        """Why importances cannot be asked for; empty when they can."""
        if not self.settings.explain:
            return "off: explain = true in [[probes]] switches it on; it costs requests"
        if self.place is None:
            return self._why or "nobody has been asked yet"
        try:
            row_of(self._protocol_of(self._read.questions[0]), self._read.questions[0].request)
        except ValueError as error:
            return str(error)
        return ""

    async def explain(self, row: str | None) -> None:
        """Asks the live server; progress and result are in the state."""
        await Worker[None]("load-numpy").run(_load_numpy, None)
        place = self.place
        try:
            if place is None:
                raise ValueError(self._why)
            rows = self.rows()
            if row is not None and row not in rows:
                raise ValueError(f"there is no golden question {clean(row, 60)}")
        except ValueError as error:
            self.explained = ProbeExplained(at=utc(time.time()), row=row, why=clean(error))
            self.explaining = None
            return

        async def ask(identity: str, values: Mapping[str, Value]) -> Replied:
            question, known = rows[identity]
            answer = await self.prober.ask(question, place, known.put(values))
            await asyncio.sleep(APART_S)
            if answer.failure is not None:
                return Replied(None, why=answer.failure.message)
            verdict = judged(answer.value, question.label, self.settings.check, self.settings.tolerance)
            return Replied(verdict.heard, verdict.right, answer.value)

        golden = [GoldenRow(identity, known.values) for identity, (_, known) in rows.items()]
        budget, now_s = self.settings.explain_requests, time.time()
        if row is None:
            told = importances(golden, ask, budget, now_s, tolerance=self.settings.tolerance)
        else:
            told = explanation(next(one for one in golden if one.id == row), golden, ask, budget, now_s)
        try:
            async for one in told:
                if isinstance(one, Progress):
                    self.explaining = (one.done, one.of)
                else:
                    self.explained = one
        finally:
            self.explaining = None

    # -- out ----------------------------------------------------------------------------------------------------------------------------

    def state(self, now_s: float) -> ProbeState:
        """How it stands."""
        why = self._why
        if not why and self._read.why:
            why = f"{self._read.why}; the questions read before are still asked"
        return msgspec.structs.replace(
            self.book.state(now_s),
            target=self.settings.target,
            protocol=self._protocol,
            model=self.place.model if self.place else self.settings.model,
            left_out=self._read.left_out,
            why=why,
            next_at=None if self._next_s is None or why else utc(self._next_s),
            explains=self.refuses(),
            explaining=self.explaining,
            explained=self.explained,
        )


class Probes:
    """All of them."""

    def __init__(self, settings: Settings, targets: Targets, note: Callable[..., None]) -> None:
        """Nobody is asked yet."""
        self._targets, self._note = targets, note
        self._probes: dict[str, Probe] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._explaining: dict[str, asyncio.Task[None]] = {}
        self._chance = random.Random()  # noqa: S311 - spreads questions in time
        self._made_s = -1.0
        self._made: tuple[list[Performance], list[ProbeState]] = ([], [])
        for one in settings.probes:
            self._add(one)

    def _add(self, one: ProbeSettings) -> None:
        self._probes[one.name] = Probe(one, self._targets.watched, self._chance)

    # -- life ---------------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to ask."""
        for name, one in self._probes.items():
            self._tasks[name] = asyncio.create_task(one.run())

    async def stop(self) -> None:
        """Ask nobody any more."""
        for name in list(self._probes):
            await self._end(name)

    async def reload(self, settings: Settings) -> None:
        """Probes as the new configuration has them; what has stayed the same goes on, and what changed keeps its answers."""
        wanted = {one.name: one for one in settings.probes}
        for name, one in list(self._probes.items()):
            if wanted.get(name) == one.settings:
                continue
            await self._end(name)
            kept = self._probes.pop(name).book.dump()
            if name in wanted:
                self._add(wanted[name])
                self._probes[name].book.load(kept, time.time())
        for name, wants in wanted.items():
            if name not in self._probes:
                self._add(wants)
            if name not in self._tasks:
                self._tasks[name] = asyncio.create_task(self._probes[name].run())
        self._made_s = -1.0

    async def _end(self, name: str) -> None:
        tasks = [task for task in (self._tasks.pop(name, None), self._explaining.pop(name, None)) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._probes[name].prober.close()

    def restore(self, saved: bytes | None) -> str:
        """What an earlier engine learned; returns why it is not used, or nothing."""
        if not saved:
            return ""
        try:
            books = unpacked(saved)
        except ValueError as error:
            return clean(error)
        for name, book in books.items():
            if name in self._probes:
                self._probes[name].book.load(book, time.time())
        return ""

    def dump(self) -> bytes | None:
        """First answers and counts, for the next engine."""
        return packed([one.book for one in self._probes.values()]) if self._probes else None

    # -- acts ---------------------------------------------------------------------------------------------------------------------------

    def known(self, name: str) -> bool:
        """Whether there is a probe of that name."""
        return name in self._probes

    def pin(self, name: str) -> str:
        """The newest answers become those of the first run; returns why not, or nothing."""
        self._made_s = -1.0
        return self._probes[name].book.pin()

    def explain(self, ask: ExplainProbe) -> Outcome:
        """Begins to ask which inputs matter, or ends that."""
        one = self._probes.get(ask.probe)
        if one is None:
            return Outcome(ok=False, message=f"there is no probe {clean(ask.probe, 60)}")
        running = self._explaining.get(ask.probe)
        under_way = running is not None and not running.done()
        if ask.stop:
            if running is not None:
                running.cancel()
            return Outcome(ok=under_way, message="ended" if under_way else "nothing is being explained")
        if under_way:
            done, of = one.explaining or (0, one.settings.explain_requests)
            return Outcome(ok=False, message=f"under way: {done} of {of} requests")
        if why := one.refuses():
            return Outcome(ok=False, message=f"not done: {why}")
        one.explaining, self._made_s = (0, one.settings.explain_requests), -1.0
        task = self._explaining[ask.probe] = asyncio.create_task(one.explain(ask.row))
        task.add_done_callback(partial(self._explained, one))
        return Outcome(ok=True, message=f"asking the live server, {one.settings.explain_requests} requests at most")

    def _explained(self, one: Probe, task: asyncio.Task[None]) -> None:
        one.explaining = None
        self._made_s = -1.0
        if not task.cancelled() and (error := task.exception()) is not None:
            one.explained = ProbeExplained(at=utc(time.time()), row=None, why=clean(f"{type(error).__name__}: {error}"))

    # -- out ----------------------------------------------------------------------------------------------------------------------------

    def performance(self, now_s: float) -> list[Performance]:
        """Every probe over every window."""
        return self._make(now_s)[0]

    def states(self, now_s: float) -> list[ProbeState]:
        """Every probe."""
        return self._make(now_s)[1]

    def _make(self, now_s: float) -> tuple[list[Performance], list[ProbeState]]:
        if self._probes and not 0 <= now_s - self._made_s < MADE_ANEW_EVERY_S:
            self._made_s = now_s
            self._share_clients()
            probes = self._probes.values()
            self._made = ([made for one in probes for made in one.book.performance(now_s)], [one.state(now_s) for one in probes])
        return self._made if self._probes else ([], [])

    def _share_clients(self) -> None:
        """Our connections are no users of the servers: their sources are told which they are."""
        asked = {one.settings.target for one in self._probes.values()}
        for watched in self._targets.watched():
            if watched.found.name in asked:
                watched.source.others = partial(self._clients_of, watched.found.name)

    def _clients_of(self, target: str) -> list[Client]:
        return [one.prober.client for one in self._probes.values() if one.settings.target == target and one.prober.client is not None]


def _load_numpy() -> None:
    import numpy as np

    _: Any = np.float64
