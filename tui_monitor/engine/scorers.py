"""Scorers of the user: each gets the newest rows of its log at its own pace; its numbers are one more signal."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from tui_monitor.collect.scorer import MOST_ROWS, NoScores, Scorer
from tui_monitor.config import Settings
from tui_monitor.model import Drift, LogRow, clean
from tui_monitor.vocabulary import seconds

MOST_LOOKS = 100  # whose numbers wait for the judges


class Scored(NamedTuple):
    """Numbers of one look; NaN where a row got none."""

    name: str
    log: str
    at_s: list[float]
    values: list[float]


class Scorers:
    """All `[drift.scorers]`. `rows_came` may be called in another thread."""

    def __init__(self, settings: Settings, note: Callable[..., None], hide: Iterable[str] = ()) -> None:
        """Nothing runs before `start`."""
        self._note = note
        only = settings.predictions[0].name if len(settings.predictions) == 1 else ""
        self._settings = dict(settings.drift.scorers)
        self._logs = {name: one.log or only for name, one in self._settings.items()}
        self._scorers = {name: Scorer(name, one, hide=hide) for name, one in self._settings.items()}
        self._waiting: dict[str, deque[LogRow]] = {name: deque(maxlen=MOST_ROWS) for name in self._settings}
        self._why: dict[str, str] = {}  # of those that gave no numbers the last time
        self._tasks: list[asyncio.Task[None]] = []
        self.came: deque[Scored] = deque(maxlen=MOST_LOOKS)

    def start(self) -> None:
        """Let each look for rows at its own pace."""
        self._tasks = [asyncio.create_task(self._run(name)) for name in self._scorers]

    def same(self, settings: Settings) -> bool:
        """Whether other settings ask for the same."""
        other = Scorers(settings, self._note)
        return (other._settings, other._logs) == (self._settings, self._logs)

    async def stop(self) -> None:
        """End them, and programs that run."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def rows_came(self, log: str, rows: Sequence[LogRow]) -> None:
        """New rows; of more than fit into a look the newest stay."""
        for name, of in self._logs.items():
            if of == log:
                self._waiting[name].extend(rows[-MOST_ROWS:])

    async def _run(self, name: str) -> None:
        every_s = seconds(self._settings[name].every)
        while True:
            began_s = time.monotonic()
            await self.look(name)
            await asyncio.sleep(max(0.2, began_s + every_s - time.monotonic()))

    async def look(self, name: str) -> None:
        """Score what waits."""
        waiting = self._waiting[name]
        rows = [waiting.popleft() for _ in range(len(waiting))]
        if not rows:
            return
        try:
            numbers = await self._scorers[name].score(rows)
        except NoScores as error:
            why = clean(f"scorer {name}: {error}", 200)
            if self._why.get(name) != why:
                self._note(why, "warning")
            self._why[name] = why
            return
        self._why.pop(name, None)
        self.came.append(Scored(name, self._logs[name], [row.at_s for row in rows], numbers))

    def told(self, verdicts: list[Drift]) -> list[Drift]:
        """The verdicts, and of each scorer that fails the line that says why."""
        if not self._why:
            return verdicts
        failing = {(self._logs[name], name): why for name, why in self._why.items()}
        result = []
        for one in verdicts:
            why = failing.pop((one.source, one.signal), None)
            if why is not None and one.state not in ("drift", "watch"):
                one = msgspec.structs.replace(one, state="blind", why=why, sentence=why)  # noqa: PLW2901 - as it is told
            result.append(one)
        return result + [
            Drift(
                signal=name, source=log, role="quality", state="blind", since=None, test="", effect=None, bound="=", p=None, n_reference=0, n_now=0,
                evidence=None, sentence=why, why=why,
            )
            for (log, name), why in failing.items()
        ]  # fmt: skip
