"""Drift: histograms of the servers and rows of the logs in, verdicts out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_monitor.collect.worker import Worker
from tui_monitor.config import Settings
from tui_monitor.engine.multivariate import Multivariate
from tui_monitor.engine.watched import Watched
from tui_monitor.model import Drift, LogRows, clean

if TYPE_CHECKING:
    from tui_monitor.analyse.drift.room import DriftRoom

OBSERVED_EVERY_S = 9.0  # counts only grow: looking at them more often tells the judges nothing more
FIRST_S = 0.5  # the first frame first: an import holds the interpreter


class Drifting:
    """Everything that judges drift. numpy is loaded in a thread, after the first frame."""

    def __init__(self, settings: Settings, note: Callable[..., None]) -> None:
        self._settings, self._note = settings, note
        self._room: DriftRoom | None = None
        self._observed: dict[str, float] = {}  # target -> time of the answer that was looked at last
        self._saved: bytes | None = None
        self._loading: asyncio.Task[None] | None = None
        self._whole_rows = Multivariate(settings, note)

    def start(self) -> None:
        """Load the judges beside the first frames."""
        self._whole_rows.start()
        self._loading = asyncio.create_task(self._load())

    async def stop(self) -> None:
        """No more judging."""
        await self._whole_rows.stop()
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)

    async def _load(self) -> None:
        def load() -> type[DriftRoom]:
            from tui_monitor.analyse.drift.room import DriftRoom

            return DriftRoom

        await asyncio.sleep(FIRST_S)
        try:
            room = await Worker[type["DriftRoom"]]("load-drift").run(load, None)
        except Exception as error:  # noqa: BLE001 - a broken installation of numpy or scipy: everything else is watched on
            self._note(f"drift is not judged: {clean(f'{type(error).__name__}: {error}')}", "warning")
            return
        made = room(self._settings.drift)
        if self._saved:
            made.load(self._whole_rows.parted(self._saved))
        self._room = made

    def restore(self, saved: bytes | None) -> None:
        """References and running evidence of an earlier engine."""
        self._saved = saved

    def dump(self) -> bytes | None:
        """References and running evidence, for the next engine."""
        return self._whole_rows.joined(self._room.dump()) if self._room else self._saved

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

    def rows_came(self, log: str, rows: LogRows, at_s: float) -> None:
        """New rows of a prediction log. Called in the thread of the judges of quality."""
        self._whole_rows.rows_came(log, rows)

    async def verdicts(self, now_s: float) -> list[Drift]:
        """Every signal's verdict; a check is made when it is due."""
        if self._room is None:
            return []
        self._whole_rows.hand_over(self._room)
        self._room.check(now_s)
        return self._whole_rows.told(self._room.verdicts(now_s), now_s)
