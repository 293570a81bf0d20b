"""Prediction logs, JSONL or CSV: new rows since the last look, and labels that came late.

Rows leave as the columns that the settings name; private columns never leave this file. Reading happens in a thread of its own, because
a log may lie on a disk that hangs.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
import time
from collections import Counter, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from tui_monitor.collect.tail import LONGEST_LINE, Followed, Tail
from tui_monitor.collect.worker import Busy, Worker
from tui_monitor.config import PredictionSettings
from tui_monitor.model import Failure, FailureKind, LogRow, LogRows, Reading, clean

LIMIT_BYTES = 4_000_000  # a look; a long log is caught up with over several
MOST_FEATURES = 64
LATEST_S = 32_503_680_000.0  # the year 3000: what is later is in milliseconds, and no time we can read
_BOM = b"\xef\xbb\xbf"
_MISSING = frozenset(("", "nan", "NaN", "null"))
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
_decode = msgspec.json.Decoder(dict[str, Any]).decode

Row = dict[str, Any]


def moment(value: object) -> float | None:
    """Seconds since 1970 of an ISO 8601 text (without a zone: UTC) or a number of seconds; None when it is neither."""
    seconds: float | None = None
    if isinstance(value, str):
        try:
            seconds = float(value)
        except ValueError:
            try:
                at = datetime.fromisoformat(value.strip())
                seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
            except (ValueError, OverflowError):
                return None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    return seconds if seconds is not None and 0 <= seconds < LATEST_S else None


def number(value: object) -> float | None:
    """A finite number, also when it was written as text; None for all else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        known = float(value)
    except (ValueError, OverflowError):
        return None
    return known if math.isfinite(known) else None


def category(value: object) -> str | None:
    """A class as text; a whole number without its `.0`, a truth value as `true` or `false`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return None if math.isnan(value) else _WHOLE.sub(r"\1", str(value))
    if isinstance(value, str | int):
        text = clean(value, 100)
        whole = _WHOLE.fullmatch(text)
        return whole[1] if whole else None if text in _MISSING else text
    return None


def feature(value: object) -> float | str | None:
    """A number where it is one, else a category."""
    known = number(value)
    return known if known is not None else category(value) if not isinstance(value, float) else None


class Reader:
    """Turns lines into rows, JSONL or CSV by the file's ending, and counts what it had to leave out."""

    def __init__(self) -> None:
        """Nothing was left out yet."""
        self.left_out: Counter[str] = Counter()

    def rows(self, followed: Followed, lines: list[bytes]) -> Iterator[Row]:
        """The readable rows of one file's new lines."""
        self.left_out["row_unreadable"] += followed.dropped
        followed.dropped = 0
        reader = self._csv if followed.path.endswith((".csv", ".tsv")) or followed.header else self._jsonl
        yield from reader(followed, lines)

    def _jsonl(self, followed: Followed, lines: list[bytes]) -> Iterator[Row]:
        for line in lines:
            if not line.strip():
                continue
            try:
                yield _decode(line.removeprefix(_BOM))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.left_out["row_unreadable"] += 1

    def _csv(self, followed: Followed, lines: list[bytes]) -> Iterator[Row]:
        comma = "\t" if followed.path.endswith(".tsv") else ","
        for line in lines:
            record = followed.open_quote + line
            followed.open_quote = b""
            if record.count(b'"') % 2:  # a quoted cell goes on in the next line
                if len(record) < LONGEST_LINE:
                    followed.open_quote = record + b"\n"
                else:
                    self.left_out["row_unreadable"] += 1
                continue
            try:
                cells = next(csv.reader([record.decode("utf-8-sig").rstrip("\r")], delimiter=comma), [])
            except (UnicodeDecodeError, csv.Error):
                self.left_out["row_unreadable"] += 1
                continue
            if not cells:
                continue
            if followed.header is None:
                followed.header = [cell.strip() for cell in cells]
            elif len(cells) == len(followed.header):
                yield dict(zip(followed.header, cells, strict=True))
            else:
                self.left_out["row_unreadable"] += 1


class LogTail:
    """One `[[predictions]]` log as a source; `read` brings what came since the last one."""

    interval_s = 2.0
    deadline_s = 5.0

    def __init__(self, settings: PredictionSettings) -> None:
        """Nothing is opened before the first read."""
        self.name = settings.name
        self._settings = settings
        self._log = Tail(settings.path)
        self._labels = Tail(settings.labels.path) if settings.labels.path else None
        self._worker: Worker[None] = Worker(f"log {settings.name}")
        self._outbox: deque[LogRows] = deque()  # a read that was given up still arrives, with the next one
        self._private = frozenset(settings.private)
        columns = settings.columns
        self._own = frozenset((columns.id, columns.time, columns.prediction, columns.score, columns.label)) | self._private
        sliced = {word for expression in settings.slices.values() for word in re.findall(r"[A-Za-z_]\w*", expression)}
        self._named = [name for name in settings.features if name not in self._private]
        self._sliced = sorted(sliced - self._private - {*settings.features})  # columns among other words
        self._nameless = 0

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
            failure = Failure(error.kind, clean(error))
        except Exception as error:  # noqa: BLE001 - the border of the source
            failure = Failure("unreadable", clean(f"{type(error).__name__}: {error}"))
        took_s = time.monotonic() - begun_s
        if failure is not None:
            return Reading(self.name, now_s, took_s, failure=failure)
        return Reading(self.name, now_s, took_s, content=self._delivered())

    async def close(self) -> None:
        """Lets go of the files, unless a read is stuck in them."""
        try:
            await self._worker.run(self._let_go, 1.0)
        except (Busy, TimeoutError, OSError):
            pass

    def _let_go(self) -> None:
        self._log.close()
        if self._labels:
            self._labels.close()

    def _delivered(self) -> LogRows:
        rows: list[LogRow] = []
        labels: dict[str, str | float] = {}
        left_out: Counter[str] = Counter()
        while self._outbox:
            one = self._outbox.popleft()
            rows += one.rows
            labels |= one.labels
            left_out.update(one.left_out)
        return LogRows(rows, labels, dict(+left_out))

    # From here on: in the worker's thread.

    def _collect(self) -> None:
        reader = Reader()
        rows: list[LogRow] = []
        for followed, lines in self._log.read(LIMIT_BYTES):
            for row in reader.rows(followed, lines):
                known = self._row(row)
                if isinstance(known, LogRow):
                    rows.append(known)
                else:
                    reader.left_out[known] += 1
        if not self._log.found:
            raise _Unreadable(self._log.refused or f"no file fits {self._settings.path}")
        # Labels wait until the rows they belong to are read.
        labels = {} if self._labels is None or self._log.behind else self._late_labels(self._labels)
        self._outbox.append(LogRows(rows, labels, dict(reader.left_out)))

    def _row(self, row: Row) -> LogRow | str:
        """The row, or the reason why it is left out."""
        columns = self._settings.columns
        at = row.get(columns.time)
        at_s = moment(row.get("time") if at is None and columns.time == "timestamp" else at)
        if at_s is None:
            return "time_unreadable"
        prediction = self._judged(row.get(columns.prediction))
        if prediction is None:
            return "prediction_missing"
        if self._settings.features:
            names = [*self._named, *(name for name in self._sliced if name in row)]
        else:
            names = [name for name in row if name not in self._own]
        features = {clean(name, 64): feature(row.get(name)) for name in names[:MOST_FEATURES]}
        score = number(row.get(columns.score)) if columns.score else None
        return LogRow(self._id(row.get(columns.id), columns.id), at_s, prediction, score, self._judged(row.get(columns.label)), features)

    def _judged(self, value: object) -> str | float | None:
        return number(value) if self._settings.task == "regression" else category(value)

    def _id(self, value: object, column: str) -> str:
        known = category(value)
        if known is None:  # rows without an id are different rows
            self._nameless += 1
            return f"#{self._nameless}"
        return hashlib.blake2b(known.encode(), digest_size=12).hexdigest() if column in self._private else known

    def _late_labels(self, tail: Tail) -> dict[str, str | float]:
        settings, reader = self._settings.labels, Reader()
        labels: dict[str, str | float] = {}
        for followed, lines in tail.read(LIMIT_BYTES):
            for row in reader.rows(followed, lines):
                label = self._judged(row.get(settings.label))
                if label is not None and row.get(settings.id) is not None:
                    labels.setdefault(self._id(row[settings.id], self._settings.columns.id), label)
        return labels


class _Unreadable(Exception):
    """No file of the log can be read; the message says why."""

    kind: FailureKind = "unreadable"
