"""A prediction log as batches that can be counted: which rows are used, with which label, and how many were left out for which reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Batch
from tui_monitor.analyse.performance.counting.firsts import Firsts
from tui_monitor.analyse.performance.counting.layout import Classes
from tui_monitor.analyse.performance.slicing.slices import Slice
from tui_monitor.analyse.performance.slicing.slices import Table as Columns
from tui_monitor.analyse.performance.unlabelled.calibrate import Calibrator, ClassCalibrator
from tui_monitor.collect.table import Chunk, Coded, Keys, Kind, Table, TableError, Wanted, open_table
from tui_monitor.model import clean

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Progress = Callable[[int, int], None]  # bytes read, of how many

TIMES = ("timestamp", "time")
ID = "id"
_UNKNOWN = -2  # a class that is none of ours; -1 is missing


class Asked(Struct, frozen=True):
    """What the command line says of the rows."""

    task: str
    prediction: str
    label: str
    score: str | None
    id: str | None
    time: str | None
    slices: Mapping[str, Slice]  # as typed -> what it means

    @property
    def regression(self) -> bool:
        """Whether labels are numbers and not classes."""
        return self.task == "regression"

    @property
    def kind(self) -> Kind:
        """What predictions and labels are read as."""
        return "number" if self.regression else "class"


class Rows(Struct):
    """What became of the rows of a log."""

    read: int = 0
    used: int = 0
    labelled: int = 0
    out_of_order: int = 0  # older than a row before them
    labels_unmatched: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    score_left_out: Counter[str] = field(default_factory=Counter)


class LateLabels:
    """A file of labels, to be joined by id; of several labels of one id the first counts."""

    def __init__(self, path: str, asked: Asked, classes: Classes) -> None:
        """Read all of it.

        Raises:
            TableError: nothing of it can be read.
        """
        table = open_table(path)
        try:
            identity = asked.id or ID
            label = asked.label if asked.label in table.names or "label" not in table.names else "label"
            for name in (identity, label):
                if name not in table.names:
                    raise TableError(f"{path}: there is no column {name}; it has {_listed(table.names)}")
            ids: list[NDArray[np.uint64]] = []
            labels: list[NDArray[Any]] = []
            for chunk in table.chunks([(identity, "id"), (label, asked.kind)]):
                keys, values = chunk.keys(identity), _values(chunk, label, asked, classes)
                there = keys.known & (np.isfinite(values) if asked.regression else values != -1)
                ids.append(keys.hashes[there])
                labels.append(values[there])
        finally:
            table.close()
        together = np.concatenate(ids) if ids else np.zeros(0, dtype=np.uint64)
        self._ids, first = np.unique(together, return_index=True)
        self._labels = np.concatenate(labels)[first] if labels else np.zeros(0)
        self._met = np.zeros(len(self._ids), dtype=np.bool_)

    def of(self, ids: NDArray[np.uint64], known: Mask) -> tuple[Mask, NDArray[Any]]:
        """Which ids have a label here, and which."""
        if not len(self._ids):
            return np.zeros(len(ids), dtype=np.bool_), np.zeros(len(ids))
        place = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        found = known & (self._ids[place] == ids)
        self._met[place[found]] = True
        return found, self._labels[place]

    @property
    def unmatched(self) -> int:
        """Labels whose id no row has."""
        return int(len(self._met) - self._met.sum())


class LogRows:
    """One log, read once from its start."""

    def __init__(
        self,
        path: str,
        asked: Asked,
        classes: Classes,
        late: LateLabels | None = None,
        calibrator: Calibrator | ClassCalibrator | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Open it and see which of its columns are meant.

        Raises:
            TableError: nothing can be read, or a column is not there without which nothing can.
        """
        self.rows = Rows()
        self.name = clean(Path(path).stem, 80)
        self._asked, self._classes, self._late, self._calibrator, self._progress = asked, classes, late, calibrator, progress
        self._table: Table = open_table(path)
        try:
            self._time = asked.time or next((name for name in TIMES if name in self._table.names), TIMES[0])
            self._id = asked.id or (ID if ID in self._table.names else None)
            needed = [(self._time, "" if asked.time else "; say which one has the times with --time"), (asked.prediction, "")]
            if asked.id:
                needed.append((asked.id, ""))
            if late is not None and self._id is None:
                needed.append((ID, ", by which the labels are joined; say which one with --id"))
            for name, more in needed:
                if name not in self._table.names:
                    raise TableError(f"{path}: there is no column {name}{more}; it has {_listed(self._table.names)}")
        except TableError:
            self._table.close()
            raise
        self.time = self._time
        self.no_label = late is None and asked.label not in self._table.names
        self._score_columns = self._scores_of(asked)
        self.no_score = bool(asked.score) and not any(name in self._table.names for name in self._score_columns)
        self.absent = {name: why for name, cut in asked.slices.items() if (why := cut.absent(self._table.names))}
        self._features = sorted({column for cut in asked.slices.values() for column in cut.columns})
        self._firsts = Firsts()
        self._newest_s = -np.inf

    def _scores_of(self, asked: Asked) -> list[str]:
        """Columns of scores; of several classes one each, in the order of the classes' numbers."""
        if not asked.score or asked.regression:
            return []
        if asked.task == "binary":
            return [asked.score]
        begin = f"{asked.score}_"
        if not self._classes.fixed:
            self._classes.codes(name.removeprefix(begin) for name in self._table.names if name.startswith(begin))
        by_code: dict[int, str] = {}
        for name in self._table.names:
            if name.startswith(begin) and (code := self._classes.code(name.removeprefix(begin))) >= 0:
                by_code[code] = name
        return [by_code.get(code, begin + self._classes.names[code]) for code in range(max(by_code, default=-1) + 1)]

    def batches(self) -> Iterator[tuple[Batch, Mapping[str, Mask]]]:
        """Used rows, and for each slice which of them belong to it."""
        asked = self._asked
        wanted: list[Wanted] = [(self._time, "time"), (asked.prediction, asked.kind), (asked.label, asked.kind)]
        wanted += [(name, "number") for name in self._score_columns]
        wanted += [(name, "feature") for name in self._features]
        if self._id is not None:
            wanted.append((self._id, "id"))
        for chunk in self._table.chunks(list(dict.fromkeys(wanted))):
            self._tell()
            yield self._batch(chunk)
        self.rows.left_out["row_unreadable"] = self._table.unreadable
        self.rows.read += self._table.unreadable
        self.rows.left_out, self.rows.score_left_out = +self.rows.left_out, +self.rows.score_left_out
        if self._late is not None:
            self.rows.labels_unmatched = self._late.unmatched
        self._table.close()

    def close(self) -> None:
        """Read no further."""
        self._table.close()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._table.read_bytes, self._table.size_bytes)

    def _batch(self, chunk: Chunk) -> tuple[Batch, Mapping[str, Mask]]:
        asked, rows = self._asked, self.rows
        rows.read += chunk.rows
        at_s = chunk.times(self._time)
        prediction = _values(chunk, asked.prediction, asked, self._classes)
        own = _values(chunk, asked.label, asked, self._classes)
        label = own
        if self._late is not None and self._id is not None:
            keys = chunk.keys(self._id)
            found, late = self._late.of(keys.hashes, keys.known)
            label = np.where(found & _missing(own), late, own).astype(own.dtype)
        left = np.ones(chunk.rows, dtype=np.bool_)
        self._leave("prediction_missing", left, _missing(prediction))
        self._leave("time_unreadable", left, np.isnan(at_s))
        if not asked.regression:
            self._leave("unknown_class", left, (prediction == _UNKNOWN) | (label == _UNKNOWN))
        if self._id is not None:
            self._leave_again(chunk.keys(self._id), left, prediction, own)
        used = np.flatnonzero(left)
        at_s, prediction, label = at_s[used], prediction[used], label[used]
        rows.used += len(used)
        rows.labelled += int((~_missing(label)).sum())
        if len(at_s):
            newest = np.maximum.accumulate(np.concatenate(([self._newest_s], at_s)))
            rows.out_of_order += int((at_s < newest[:-1]).sum())
            self._newest_s = float(newest[-1])
        score = self._scored(chunk, used, label)
        inside: dict[str, Mask] = {}
        if asked.slices:
            columns = Columns({name: chunk.feature(name)[used] for name in self._features})
            inside = {name: cut.fits(columns) for name, cut in asked.slices.items()}
        return Batch(at_s, prediction, label, score, calibrated=self._chances(score, prediction)), inside

    def _leave(self, why: str, left: Mask, bad: Mask) -> None:
        bad = bad & left
        count = int(bad.sum())
        if count:
            self.rows.left_out[why] += count
            left &= ~bad

    def _leave_again(self, keys: Keys, left: Mask, prediction: NDArray[Any], label: NDArray[Any]) -> None:
        """Rows whose id an earlier used row has."""
        asked = np.flatnonzero(left & keys.known)
        told = self._firsts.tell(keys.hashes[asked], _marks(prediction[asked], label[asked]))
        for why, which in (("duplicate", told.duplicate), ("contradicting", told.contradicting)):
            bad = np.zeros(len(left), dtype=np.bool_)
            bad[asked[which]] = True
            self._leave(why, left, bad)

    def _scored(self, chunk: Chunk, used: NDArray[np.intp], label: NDArray[Any]) -> Floats | None:
        """Scores of the used rows; NaN throughout a row of which one is missing or no probability."""
        if not self._score_columns:
            return None
        scores = np.column_stack([chunk.numbers(name)[used] for name in self._score_columns])
        missing = np.isnan(scores).any(axis=1)
        if self._asked.task != "binary":
            missing |= label >= scores.shape[1]  # its class has no column
        with np.errstate(invalid="ignore"):
            outside = ~missing & ((scores < 0) | (scores > 1)).any(axis=1)
        self.rows.score_left_out["missing"] += int(missing.sum())
        self.rows.score_left_out["out_of_range"] += int(outside.sum())
        scores[missing | outside] = np.nan
        return scores[:, 0] if self._asked.task == "binary" else scores

    def _chances(self, score: Floats | None, prediction: NDArray[Any]) -> Floats | None:
        if self._calibrator is None or score is None:
            return None
        if isinstance(self._calibrator, ClassCalibrator):
            return self._calibrator.of(score, prediction)
        return self._calibrator.of(score)


def _values(chunk: Chunk, name: str, asked: Asked, classes: Classes) -> NDArray[Any]:
    """Predictions or labels as they are counted: numbers, or numbers of classes."""
    if asked.regression:
        numbers = chunk.numbers(name)
        return np.where(np.isfinite(numbers), numbers, np.nan)
    coded: Coded = chunk.coded(name)
    codes = [code if (code := classes.code(text)) >= 0 else _UNKNOWN for text in coded.names]
    result: NDArray[np.int32] = np.array([*codes, -1], dtype=np.int32)[coded.codes]
    return result


def _missing(values: NDArray[Any]) -> Mask:
    result: Mask = np.isnan(values) if values.dtype.kind == "f" else np.equal(values, -1)
    return result


def _marks(prediction: NDArray[Any], label: NDArray[Any]) -> NDArray[np.uint32]:
    """What a row says, in 32 bits."""
    mixed: NDArray[np.uint64]
    if prediction.dtype.kind != "f":
        mixed = ((prediction.astype(np.int64) + 3) * 1009 + label + 3).astype(np.uint64)
    else:
        one, two = ((np.nan_to_num(column, nan=1e308) + 0.0).view(np.uint64) for column in (prediction, label))
        mixed = (one * np.uint64(0x9E3779B97F4A7C15)) ^ (two * np.uint64(0xC2B2AE3D27D4EB4F))
        mixed ^= mixed >> np.uint64(32)
    marks: NDArray[np.uint32] = (mixed & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    return marks


def _listed(names: list[str]) -> str:
    return clean(" ".join(names[:20]), 200) + (" ..." if len(names) > 20 else "")
