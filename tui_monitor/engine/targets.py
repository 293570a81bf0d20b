"""Which servers are watched: those of the configuration, and those that discovery finds and loses."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from tui_monitor.collect import discover
from tui_monitor.collect.file_sd import TargetFiles
from tui_monitor.collect.servers.exporter import exporter_kind
from tui_monitor.collect.servers.kind import Kind
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.collect.worker import Busy, Worker
from tui_monitor.config import Settings, TargetSettings
from tui_monitor.engine import hardware, schedule
from tui_monitor.engine.watched import Watched
from tui_monitor.model import Found, Gpu, Orphan, ServerProcess, Target, TargetWindow, clean
from tui_monitor.vocabulary import seconds

LOOK_EVERY_S = 4.0  # how often the list of listening sockets is compared; each look costs the kernel some milliseconds
LOOK_SOON_S = 5.0
LOOK_AGAIN_S = 60.0  # a look around without a change: a server may have begun to answer
DISCOVERY_S = 20.0
FILES_S = 10.0  # a file system that hangs must not hold up the looking around
FORGET_S = 3600.0  # a discovered server that has been down this long is no longer listed
MAX_TARGETS = 2000

Note = Callable[[str, str], None]
_T = TypeVar("_T")


class Targets:
    """All watched servers."""

    def __init__(self, settings: Settings, tick_s: float, note: Callable[..., None]) -> None:
        self._settings, self._tick_s, self._note = settings, tick_s, note
        self._watched: dict[str, Watched] = {}
        self._silent_since: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None
        self._asked_over: list[tuple[str, float]] = []
        self._orphans: list[Orphan] = []
        self._left_behind: list[Orphan] = []
        self._files = TargetFiles(settings.discovery.file_sd)
        self._reader: Worker[tuple[list[TargetSettings], list[str]]] = Worker("target-files")
        self._of_files: dict[str, TargetSettings] = {}  # what the target files named last
        self._problems: list[str] = []  # of the target files
        self.discovering = settings.discovery.enabled

    # -- life ---------------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin with the configured ones; look around at the same time."""
        for one in self._settings.targets:
            self._add_configured(one)
        if self._settings.discovery.enabled or self._settings.targets or self._settings.discovery.file_sd:
            self._task = asyncio.create_task(self._look_around())

    async def stop(self) -> None:
        """Ask nobody any more."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(one.stop() for one in self._watched.values()), return_exceptions=True)

    async def reload(self, settings: Settings) -> None:
        """Configured targets as the new file has them; the others stay."""
        gone = [name for name, one in self._watched.items() if one.found.configured]
        for name in gone:
            await self._watched.pop(name).stop()
        self._settings = settings
        self._files, self._of_files = TargetFiles(settings.discovery.file_sd), {}
        for one in settings.targets:
            self._add_configured(one)

    def _add_configured(self, one: TargetSettings) -> None:
        if one.kind == "auto":
            return  # recognised by the next look around
        kind = exporter_kind(one) if one.kind == "prometheus" else KINDS[one.kind]
        self._add(Found(one.name, one.kind, one.url, urls=dict(one.urls), how="configured", configured=True), kind, one)

    def _add(self, found: Found, kind: Kind, settings: TargetSettings | None) -> None:
        if len(self._watched) >= MAX_TARGETS:
            self._note(f"{found.name} is not watched: {MAX_TARGETS} targets are the most", "warning")
            return
        starting_s = seconds(self._settings.discovery.starting)
        watched = Watched(found, kind, settings, self._tick_s, self._settings.limits, starting_s)
        silent = sum(one.answers == 0 for one in self._watched.values())
        watched.numbers.asked_over = self._asked_over
        self._watched[found.name] = watched
        watched.start(schedule.first_s(silent))
        self._note(f"{found.name}: {found.kind} at {found.url}")

    # -- discovery ----------------------------------------------------------------------------------------------------------------------

    async def _look_around(self) -> None:
        """Look when sockets appear or vanish, and once a minute; one look at a time, each bounded."""
        seen: frozenset[int] | None = None
        looked_s = 0.0
        again_s = LOOK_AGAIN_S
        while True:
            try:
                if self._settings.discovery.file_sd:
                    await self._read_files()
                sockets = await Worker[frozenset[int]]("listening-sockets").run(discover.listening, None)
                if sockets != seen or time.monotonic() - looked_s > again_s:
                    seen, looked_s = sockets, time.monotonic()
                    async with asyncio.timeout(DISCOVERY_S):
                        again_s = LOOK_SOON_S if await self._discover() else LOOK_AGAIN_S
            except TimeoutError:
                self._note("looking for servers took too long and was ended", "warning")
            except Exception as error:  # noqa: BLE001 - the border of a source
                self._note(f"looking for servers failed: {clean(f'{type(error).__name__}: {error}')}", "warning")
            self.discovering = False
            self._forget()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _read_files(self) -> None:
        """The target files again: new targets are watched, those that are gone are not; one line for what is wrong with a file."""
        try:
            named, problems = await self._reader.run(self._files.read, FILES_S)
        except (TimeoutError, Busy):
            named, problems = list(self._of_files.values()), ["target files: the file system does not answer; their targets stay"]
        for problem in problems:
            if problem not in self._problems:
                self._note(problem, "warning")
        self._problems = problems
        wanted = {one.name: one for one in named}
        own = {one.name for one in self._settings.targets}
        for name in [name for name, one in self._of_files.items() if wanted.get(name) != one and name not in own]:
            if name in self._watched:
                await self._watched.pop(name).stop()
        fresh = [one for name, one in wanted.items() if self._of_files.get(name) != one and name not in own]
        self._of_files = wanted
        for one in fresh:
            self._add_configured(one)

    async def _discover(self) -> bool:
        """One look; returns whether another one is worth while soon."""
        configured = (*self._settings.targets, *self._of_files.values())
        autos = [one for one in configured if one.kind == "auto" and one.name not in self._watched]
        for one in autos:
            found = await discover.recognise(one)
            if found is not None:
                self._add(found, KINDS[found.kind], one)
        known = [one.found for one in self._watched.values()]
        if not self._settings.discovery.enabled:
            self._owned(await discover.owners(known), {})
            return bool(autos)
        seen = await discover.discover(self._settings.discovery.extra_ports, known)
        self._owned(seen.owners, seen.known)
        self._orphans, self._left_behind = seen.orphans, seen.left_behind
        for found in seen.found:
            self._take(found)
        return seen.again

    def _owned(self, owners: dict[str, int], known: Mapping[str, Found]) -> None:
        """The processes behind configured targets of this host."""
        for name, pid in owners.items():
            one = self._watched.get(name)
            if one is None:
                continue
            if one.found.pid not in (None, pid):
                self._note(f"{name}: started again as process {pid}")
            seen = known.get(name)
            found = msgspec.structs.replace(one.found, pid=pid)
            if seen is not None:
                found = msgspec.structs.replace(found, started_s=seen.started_s, container=seen.container, orphan=seen.orphan)
            if found != one.found:
                one.moved(found)

    def _take(self, found: Found) -> None:
        """A server that was found: a new one, one that is watched, or one that came back as another process in its old place."""
        known = self._watched.get(found.name)
        if known is None or known.found.configured:
            same = next((one for one in self._watched.values() if one.found.url.rstrip("/") == found.url.rstrip("/")), None)
            if same is None:
                self._add(found, KINDS[found.kind], None)
            return
        if known.found.kind != found.kind:
            if found.pid is not None and found.pid == known.found.pid and found.started_s == known.found.started_s:
                return  # the same process: what it was recognised as first stands
            self._note(f"{found.name}: {known.found.kind} is gone, {found.kind} has its place")
            asyncio.get_running_loop().create_task(self._watched.pop(found.name).stop())
            self._add(found, KINDS[found.kind], None)
            return
        if found.orphan and not known.found.orphan:
            self._note(f"{found.name}: what started it has ended; it goes on as an orphan, process {found.pid}", "warning")
        elif known.found.pid != found.pid:
            self._note(f"{found.name}: started again as process {found.pid}")
        if known.found != found:
            known.moved(found)

    def _forget(self) -> None:
        """Discovered servers leave the list: after an hour of silence, or at once when their process ended before it ever told a number."""
        now_s = time.monotonic()
        for name, one in list(self._watched.items()):
            reading = one.reading
            if one.found.configured or reading is None or reading.failure is None:
                self._silent_since.pop(name, None)
                continue
            silent_s = now_s - self._silent_since.setdefault(name, now_s)
            never_was = not one.numbers_came and not (one.found.pid and Path(f"/proc/{one.found.pid}").exists())
            if never_was or silent_s > FORGET_S:
                self._watched.pop(name)
                self._silent_since.pop(name)
                self._note(
                    f"{name}: {'its process ended before it told anything' if never_was else 'silent for an hour'}, no longer listed"
                )
                asyncio.get_running_loop().create_task(one.stop())

    def stepped(self, step_s: float, now_s: float) -> None:
        """The wall clock was set by so much."""
        for one in self._watched.values():
            one.stepped(step_s, now_s)

    # -- what they say ------------------------------------------------------------------------------------------------------------------

    def watched(self) -> list[Watched]:
        """All of them."""
        return list(self._watched.values())

    def pids(self) -> dict[int, str]:
        """Which process belongs to which target."""
        return {one.found.pid: name for name, one in self._watched.items() if one.found.pid}

    def interval_s(self, name: str) -> float:
        """How often a target is asked."""
        return self._watched[name].interval_s if name in self._watched else self._tick_s

    def settled(self) -> bool:
        """Each has answered, or failed, twice."""
        return not self.discovering and all(one.answers >= 2 for one in self._watched.values())

    def _of_all(self, said: Callable[[Watched], list[_T]]) -> list[_T]:
        """What all of them say; one that cannot be worked with says nothing, and `targets` tells why."""
        everything: list[_T] = []
        for one in self._watched.values():
            with contextlib.suppress(Exception):  # the border of a source
                everything += said(one)
        return everything

    def gpus(self, now_s: float) -> list[Gpu]:
        """The GPUs that exporters tell of."""
        return self._of_all(lambda one: one.gpus(now_s))

    def targets(self, now_s: float, families: Mapping[str, ServerProcess], gpus: Sequence[Gpu]) -> dict[str, tuple[Target, str]]:
        """Every target as it stands, with the reason why it is silent."""
        uuids = {name: mine for name, one in self._watched.items() if (mine := one.gpu_uuids())}
        on = hardware.joined(((one.found, one.restarts) for one in self._watched.values()), families, gpus, uuids)
        stand: dict[str, tuple[Target, str]] = {}
        for name, one in self._watched.items():
            try:
                stand[name] = one.target(now_s, on.get(name, hardware.NOTHING)), one.silent()
            except Exception as error:  # noqa: BLE001 - the border of a source: what one server tells must not end the watching of the others
                stand[name] = one.broken(now_s, error)
            if one.began_again(now_s):
                self._note(f"{name}: its counters began again: it was restarted")
        return stand

    def ask_over(self, wanted: Sequence[tuple[str, float]]) -> None:
        """Families of times and bounds in seconds, whose share of requests above it rules ask for."""
        self._asked_over = list(wanted)
        for one in self._watched.values():
            one.numbers.asked_over = self._asked_over

    def over(self) -> dict[str, dict[str, dict[tuple[str, float], float | None]]]:
        """Target -> window -> those shares, as `windows` made them last."""
        return {name: one.over for name, one in self._watched.items()} if self._asked_over else {}

    def orphans(self, gpus: Sequence[Gpu]) -> list[Orphan]:
        """What servers left behind and still holds something."""
        watched = {one.found.pid for one in self._watched.values()}
        return [one for one in hardware.holding(self._orphans, self._left_behind, gpus) if one.pid not in watched]

    def windows(self, now_s: float) -> list[TargetWindow]:
        """Every target over every window."""
        return self._of_all(lambda one: one.windows(now_s))
