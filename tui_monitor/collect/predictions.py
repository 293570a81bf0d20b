"""Prediction logs, JSONL, CSV or Parquet: new rows since the last look, and labels that came late or that people gave to a sample.

Rows leave as the columns that the settings name; private columns never leave this room. Reading happens in a thread of its own, because
a log may lie on a disk that hangs.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct, structs

from tui_monitor.collect.cells import category, feature, moment, number
from tui_monitor.collect.lines import Reader, Row
from tui_monitor.collect.parquet import Done, Tables
from tui_monitor.collect.rows import RowMaker, joined
from tui_monitor.collect.tail import Mark, Tail, named_files
from tui_monitor.collect.thinning import Thinning, place
from tui_monitor.collect.whole import Whole
from tui_monitor.collect.worker import Busy, Worker
from tui_monitor.config import PredictionSettings
from tui_monitor.model import Failure, LogRow, LogRows, Reading, SampledLabel, clean
from tui_monitor.vocabulary import seconds

__all__ = ["LogTail", "category", "feature", "moment", "number"]

LIMIT_BYTES = 4_000_000  # a look; a long log is caught up with over several
LIMIT_ROWS = 32_768  # of Parquet, a look
INTERVAL_S = 2.0
CATCHING_UP_S = 0.5  # between looks while a log is behind
MOST_SAMPLED = 100_000


class _Positions(Struct, frozen=True):
    """How far a log was read, for a later run."""

    version: int = 1
    nameless: int = 0
    log: list[Mark] = []
    tables: list[Done] = []
    labels: list[Mark] = []
    label_tables: list[Done] = []


class Files:
    """Rows of whatever files a path names: lines that are appended, and Parquet files that are whole."""

    def __init__(self, pattern: str) -> None:
        """Nothing is opened yet."""
        self.tail = Tail(pattern)
        self.tables = Tables(pattern)

    def rows(self, reader: Reader) -> Iterator[Row]:
        """New rows; `reader` counts what could not be read."""
        for followed, lines in self.tail.read(LIMIT_BYTES):
            yield from reader.rows(followed, lines)
        for rows in self.tables.read(LIMIT_ROWS):
            yield from rows

    @property
    def found(self) -> bool:
        """Whether there is any file."""
        return self.tail.found or self.tables.found

    @property
    def usable(self) -> bool:
        """Whether any file that has the name could be read."""
        return self.tail.usable or self.tables.usable

    @property
    def behind(self) -> bool:
        """Whether there is more to read at once."""
        return self.tail.behind or self.tables.behind

    @property
    def refused(self) -> str:
        """Why a file cannot be read; empty when all can."""
        if self.tables.found:
            return self.tables.refused or (self.tail.refused if self.tail.found else "")
        return self.tail.refused


class LogTail:
    """One `[[predictions]]` log as a source; `read` brings what came since the last one."""

    deadline_s = 5.0

    def __init__(self, settings: PredictionSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is opened before the first read."""
        self.name = settings.name
        self.interval_s = INTERVAL_S
        self._settings, self._clock = settings, clock
        self._log = Files(settings.path)
        self._labels = Files(settings.labels.path) if settings.labels.path else None
        self._sampled = _SampledFiles(settings) if settings.sampled.path else None
        self._maker = RowMaker(settings)
        self._thinning = Thinning(settings.rows_per_second, seconds(settings.horizon))
        self._worker: Worker[None] = Worker(f"log {settings.name}")
        self._outbox: deque[tuple[LogRows, bytes]] = deque()  # a read that was given up still arrives, with the next one
        self._position = b""

    async def read(self, now_s: float) -> Reading:
        """New rows and labels (content `LogRows`)."""
        begun_s = time.monotonic()
        failure: Failure | None = None
        try:
            await self._worker.run(self._collect, self.deadline_s)
        except Busy:
            failure = Failure("wedged", "the disk of this log does not answer")
        except TimeoutError:
            failure = Failure("timeout", f"reading took longer than {self.deadline_s:g} s")
        except _Unreadable as error:
            failure = Failure("unreadable", clean(error))
        except Exception as error:  # noqa: BLE001 - the border of the source
            failure = Failure("unreadable", clean(f"{type(error).__name__}: {error}"))
        took_s = time.monotonic() - begun_s
        self.interval_s = CATCHING_UP_S if self._log.behind else INTERVAL_S
        if failure is not None:
            return Reading(self.name, now_s, took_s, failure=failure)
        return Reading(self.name, now_s, took_s, content=self._delivered())

    async def close(self) -> None:
        """Lets go of the files, unless a read is stuck in them."""
        try:
            await self._worker.run(self._let_go, 1.0)
        except (Busy, TimeoutError, OSError):
            pass

    def positions(self) -> bytes:
        """How far the rows go that `read` has brought: for `resume` of a later run. Empty before the first read."""
        return self._position

    def resume(self, saved: bytes) -> bool:
        """Reads on where an earlier run ended; call it before the first read.

        A file that holds something else by now is read from its start, and one that was renamed meanwhile to its end.

        Returns:
            Whether `saved` could be used.
        """
        try:
            known = msgspec.json.decode(saved, type=_Positions)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        if known.version != 1:
            return False
        self._maker.nameless = known.nameless
        self._log.tail.resume(known.log)
        self._log.tables.resume(known.tables)
        if self._labels:
            self._labels.tail.resume(known.labels)
            self._labels.tables.resume(known.label_tables)
        self._position = saved
        return True

    def _let_go(self) -> None:
        self._log.tail.close()
        if self._labels:
            self._labels.tail.close()

    def _delivered(self) -> LogRows:
        parts: list[LogRows] = []
        while self._outbox:
            part, self._position = self._outbox.popleft()
            parts.append(part)
        return parts[0] if len(parts) == 1 else together(parts)

    # From here on: in the worker's thread.

    def _collect(self) -> None:
        reader, maker = Reader(), self._maker
        found = list(self._log.rows(reader))
        if not self._log.found:
            raise _Unreadable(self._log.refused or f"no file fits {self._settings.path}")
        rows = thinned(found, self._settings, self._thinning, maker, self._clock())
        # Labels wait until the rows they belong to are read.
        labels = {} if self._labels is None or self._log.behind else self._late_labels(self._labels, reader)
        sampled = self._sampled.read() if self._sampled else []
        left_out, out_of_order, problem = maker.counted()
        problems = [problem, self._log.refused, self._labels.refused if self._labels and self._labels.found else ""]
        part = LogRows(
            rows,
            labels,
            dict(+(Counter(left_out) + reader.left_out)),
            sampled,
            self._thinning.share,
            out_of_order,
            clean("; ".join(one for one in problems if one)),
        )
        if self._log.refused and not self._log.usable and not found and not labels and not sampled and not part.left_out:
            raise _Unreadable(self._log.refused)
        self._outbox.append((part, self._positions()))

    def _positions(self) -> bytes:
        labels = self._labels
        return msgspec.json.encode(
            _Positions(
                nameless=self._maker.nameless,
                log=self._log.tail.marks(),
                tables=self._log.tables.marks(),
                labels=labels.tail.marks() if labels else [],
                label_tables=labels.tables.marks() if labels else [],
            )
        )

    def _late_labels(self, files: Files, reader: Reader) -> dict[str, str | float]:
        settings = self._settings.labels
        labels: dict[str, str | float] = {}
        widest = self._thinning.widest
        for row in files.rows(reader):
            known = self._maker.label(row.get(settings.id), row.get(settings.label))
            if known is not None and (widest >= 1.0 or kept(row.get(settings.id), widest)):
                labels.setdefault(*known)
        return labels


def kept(identity: object, share: float) -> bool:
    """Whether a row with this id is among the share that is kept; rows without one are drawn by what else they have."""
    return place(category(identity) or "") < share


def thinned(
    found: list[Mapping[str, Any]] | list[Row], settings: PredictionSettings, thinning: Thinning, maker: RowMaker, now_s: float
) -> list[LogRow]:
    """Rows of one batch, as many as the limit allows; `maker` counts the others."""
    columns = settings.columns
    if settings.rows_per_second > 0 and len(found) > 1:
        step = len(found) // 2000 + 1
        some = [at_s for row in found[::step] if (at_s := moment(row.get(columns.time, row.get("time")))) is not None]
        thinning.adapt(len(found), some, now_s)
    share = thinning.share
    if share < 1.0:
        few = [row for row in found if place(category(row.get(columns.id)) or str(row.get(columns.time))) < share]
        maker.left_out["sampled_out"] += len(found) - len(few)
        found = few
    return [row for raw in found if (row := maker.row(raw)) is not None]


def together(parts: list[LogRows]) -> LogRows:
    """Several looks as one."""
    rows: list[LogRow] = []
    labels: dict[str, str | float] = {}
    left_out: Counter[str] = Counter()
    sampled: list[SampledLabel] = []
    for part in parts:
        rows += part.rows
        labels = part.labels | labels  # the first one stands
        left_out.update(part.left_out)
        sampled += part.sampled
    last = parts[-1] if parts else LogRows([], {}, {})
    return structs.replace(
        last, rows=rows, labels=labels, left_out=dict(+left_out), sampled=sampled, out_of_order=sum(part.out_of_order for part in parts)
    )


class _SampledFiles:
    """What `label-sample` wrote and people fill in: read again as a whole when a file has changed."""

    def __init__(self, settings: PredictionSettings) -> None:
        self._settings = settings
        self._private_id = settings.columns.id in settings.private
        self._maker = RowMaker(settings)
        self._seen: dict[tuple[int, int], tuple[int, int]] = {}  # file -> its size and time
        self._told: set[SampledLabel] = set()

    def read(self) -> list[SampledLabel]:
        """Labels that are new or were changed."""
        fresh: list[SampledLabel] = []
        for one in named_files(self._settings.sampled.path)[0]:
            state = one.status.st_size, one.status.st_mtime_ns
            if self._seen.get(one.key) == state:
                continue
            self._seen[one.key] = state
            for found in Whole(one.path).rows():
                fresh += [label for row in found if (label := self._label(row)) is not None]
                if len(fresh) > MOST_SAMPLED:
                    break
        fresh = [label for label in fresh[:MOST_SAMPLED] if label not in self._told]
        if len(self._told) < MOST_SAMPLED:
            self._told.update(fresh)
        return fresh

    def _label(self, row: Row) -> SampledLabel | None:
        label = number(row.get("label")) if self._settings.task == "regression" else category(row.get("label"))
        identity = joined(row.get("id"), private=self._private_id)
        weight = number(row.get("weight"))
        if label is None or identity is None or weight is None or weight <= 0:
            return None
        return SampledLabel(identity, label, weight, clean(row.get("annotator") or "", 60))


class _Unreadable(Exception):
    """No file of the log can be read; the message says why."""
