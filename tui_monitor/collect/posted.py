"""Rows that were posted, as a source like a followed file: what came is queued, bounded, and handed over at the next read."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from tui_monitor.collect.predictions import kept, thinned, together
from tui_monitor.collect.rows import RowMaker
from tui_monitor.collect.thinning import Thinning
from tui_monitor.collect.worker import Busy, Worker
from tui_monitor.config import PredictionSettings
from tui_monitor.model import Failure, LogRows, Reading, clean
from tui_monitor.vocabulary import seconds

MOST_ROWS = 100_000  # queued
MOST_BYTES = 64_000_000
_PLAIN = ("id", "time", "prediction", "score", "label")
_TIMES = ("time", "timestamp")

Row = dict[str, Any]


class Full(Exception):
    """The queue has no room; the client shall come back."""


class ListenedLog:
    """What is posted for one `[[predictions]]` log, a source; `read` brings what came since the last one."""

    deadline_s = 5.0
    interval_s = 2.0

    def __init__(self, settings: PredictionSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing was posted yet."""
        self.name = settings.name
        self.settings = settings
        self.problem = ""  # why nothing can be posted at all
        self.left_out: Counter[str] = Counter()
        self._clock = clock
        self._maker = RowMaker(settings)
        self._thinning = Thinning(settings.rows_per_second, seconds(settings.horizon))
        self._worker: Worker[None] = Worker(f"posted {settings.name}")
        self._rows: list[Row] = []
        self._labels: list[tuple[object, object]] = []
        self._bytes = 0
        self._taken: deque[tuple[list[Row], list[tuple[object, object]], Counter[str]]] = deque()
        self._outbox: deque[LogRows] = deque()

    def post(self, rows: list[Row], labels: list[tuple[object, object]], size_bytes: int) -> None:
        """Queues rows and (id, label) pairs that came together.

        Raises:
            Full: there is no room for them; none was taken.
        """
        count = len(rows) + len(labels)
        if len(self._rows) + len(self._labels) + count > MOST_ROWS or self._bytes + size_bytes > MOST_BYTES:
            self.left_out["listener_full"] += count
            raise Full
        self._rows += rows
        self._labels += labels
        self._bytes += size_bytes

    def plain(self, found: Mapping[str, Any], now_s: float) -> tuple[Row | None, tuple[object, object] | None]:
        """(row, late label) of one posted object: its own names or the log's columns; features in `features` or beside the others."""
        columns = self.settings.columns
        row = dict(found)
        features = row.pop("features", None)
        scores = row.pop("scores", None)
        for plain, column in zip(_PLAIN, (columns.id, columns.time, columns.prediction, columns.score, columns.label), strict=True):
            if column and column not in row and plain in row:
                row[column] = row.pop(plain)
        if columns.prediction not in row and row.get(columns.label) is not None and row.get(columns.id) is not None:
            return None, (row[columns.id], row[columns.label])
        if isinstance(scores, Mapping) and columns.score:
            row |= {f"{columns.score}_{name}": value for name, value in scores.items()}
        if row.get(columns.time) is None and all(row.get(name) is None for name in _TIMES):
            row[columns.time] = now_s  # it has just been made
        if isinstance(features, Mapping):
            row = dict(features) | row
        return row, None

    async def read(self, now_s: float) -> Reading:
        """New rows and labels (content `LogRows`)."""
        begun_s = time.monotonic()
        failure: Failure | None = None
        if self.problem and not self.settings.path and not self._rows:
            return Reading(self.name, now_s, 0.0, failure=Failure("refused", self.problem))
        self._taken.append((self._rows, self._labels, self.left_out))
        self._rows, self._labels, self.left_out, self._bytes = [], [], Counter(), 0
        try:
            await self._worker.run(self._collect, self.deadline_s)
        except (Busy, TimeoutError):
            failure = Failure("timeout", f"making rows took longer than {self.deadline_s:g} s")
        except Exception as error:  # noqa: BLE001 - the border of the source
            failure = Failure("unreadable", clean(f"{type(error).__name__}: {error}"))
        took_s = time.monotonic() - begun_s
        if failure is not None:
            return Reading(self.name, now_s, took_s, failure=failure)
        parts = [self._outbox.popleft() for _ in range(len(self._outbox))]
        return Reading(self.name, now_s, took_s, content=together(parts))

    async def close(self) -> None:
        """Nothing is held."""

    # From here on: in the worker's thread.

    def _collect(self) -> None:
        while self._taken:
            rows, late, refused = self._taken.popleft()
            made = thinned(rows, self.settings, self._thinning, self._maker, self._clock())
            widest = self._thinning.widest
            labels: dict[str, str | float] = {}
            for identity, label in late:
                known = self._maker.label(identity, label)
                if known is not None and (widest >= 1.0 or kept(identity, widest)):
                    labels.setdefault(*known)
            left_out, out_of_order, problem = self._maker.counted()
            counted = dict(+(Counter(left_out) + refused))
            self._outbox.append(LogRows(made, labels, counted, [], self._thinning.share, out_of_order, problem))
