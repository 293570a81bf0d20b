"""Rows of a prediction log as columns: values become codes or numbers, and what cannot count is counted by its reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Batch
from tui_monitor.analyse.performance.counting.layout import MAX_CLASSES, Classes, Layout, canonical
from tui_monitor.config import PredictionSettings
from tui_monitor.model import LogRow, clean

MOST_VERSIONS = 100
Coded = NDArray[np.int32] | NDArray[np.float64]


class Arrived(NamedTuple):
    """Rows that can count, and which of the rows that came these are."""

    rows: list[LogRow]
    batch: Batch
    version: NDArray[np.int16]  # -1: none


class Reader:
    """Turns rows of one log into columns. Classes, classes with scores and versions are numbered in the order in which they come."""

    def __init__(self, settings: PredictionSettings, layout: Layout) -> None:
        self._layout = layout
        self._binary = settings.task == "binary"
        self._wants_score = bool(settings.columns.score)
        self._counters = tuple(settings.counters)
        self.versions: list[str] = []
        self.score_width = 0 if not (self._wants_score and settings.task == "multiclass") else max(1, len(layout.classes.names))

    def read(self, rows: Sequence[LogRow], now_s: float, ahead_s: float, left_out: Counter[str]) -> Arrived:
        """The rows that can count; the others go into `left_out`."""
        kept = list(rows)
        at_s = np.fromiter((row.at_s for row in kept), np.float64, len(kept))
        prediction, missing, unknown = self.values([row.prediction for row in kept])
        label, _, label_unknown = self.values([row.label for row in kept])
        reason = np.full(len(kept), "", dtype=object)
        reason[at_s > now_s + ahead_s] = "time_in_future"
        reason[~np.isfinite(at_s)] = "time_unreadable"
        if self._layout.regression:
            if label_unknown.any():  # the row counts without it
                left_out["label_unreadable"] += int(label_unknown.sum())
        else:
            reason[unknown | label_unknown] = "unknown_class"
        reason[missing] = "prediction_missing"
        good = reason == ""
        if not good.all():
            left_out.update(str(one) for one in reason[~good])
            kept = [row for row, is_good in zip(kept, good, strict=True) if is_good]
            at_s, prediction, label = at_s[good], prediction[good], label[good]
        layout = self._layout
        batch = Batch(
            at_s,
            prediction,
            label,
            score=self._scores(kept, left_out) if self._wants_score else None,
            base=self.values([row.base for row in kept])[0] if layout.base else None,
            proxy=self.values([row.proxy for row in kept])[0] if layout.proxy else None,
            counters=self._counted(kept) if self._counters else None,
        )
        return Arrived(kept, batch, self._versions(kept))

    def values(self, values: Sequence[Any]) -> tuple[Coded, NDArray[np.bool_], NDArray[np.bool_]]:
        """Codes of classes, or in regression numbers; which are missing (in regression: or no number); which are there and cannot be used."""
        if self._layout.regression:
            numbers = np.fromiter(map(_number, values), np.float64, len(values))
            missing = np.isnan(numbers)
            there = np.fromiter((canonical(value) is not None for value in values), np.bool_, len(values))
            return numbers, missing, missing & there
        codes = self._layout.classes.codes(values)
        missing = np.zeros(len(codes), np.bool_)
        unknown = codes < 0
        if unknown.any():
            missing[unknown] = [canonical(values[int(place)]) is None for place in np.flatnonzero(unknown)]
        return codes, missing, unknown & ~missing

    def _scores(self, rows: Sequence[LogRow], left_out: Counter[str]) -> NDArray[np.float64]:
        if self._binary:
            scores = np.fromiter((math.nan if row.score is None else row.score for row in rows), np.float64, len(rows))
            missing: NDArray[np.bool_] = np.isnan(scores)
            outside: NDArray[np.bool_] = ~missing & ~((scores >= 0.0) & (scores <= 1.0))
            scores[outside] = math.nan
        else:
            codes = {name: self._layout.classes.code(name) for name in {name for row in rows for name in row.scores}}
            self.score_width = min(MAX_CLASSES, max(self.score_width, 1 + max(codes.values(), default=0)))
            scores = np.full((len(rows), self.score_width), math.nan)
            for place, row in enumerate(rows):
                for name, value in row.scores.items():
                    if codes[name] >= 0:
                        scores[place, codes[name]] = value
            outside = np.asarray(((scores < 0.0) | (scores > 1.0)).any(axis=1))
            scores[outside] = math.nan
            missing = np.asarray(np.isnan(scores).all(axis=1)) & ~outside
        for reason, which in (("score_missing", missing), ("score_out_of_range", outside)):
            if which.any():
                left_out[reason] += int(which.sum())
        return scores

    def _counted(self, rows: Sequence[LogRow]) -> NDArray[np.float64]:
        counters = np.full((len(rows), len(self._counters)), math.nan)
        for place, row in enumerate(rows):
            for column, name in enumerate(self._counters):
                counters[place, column] = row.counters.get(name, math.nan)
        return counters

    def _versions(self, rows: Sequence[LogRow]) -> NDArray[np.int16]:
        codes = {"": -1}
        for text in dict.fromkeys(row.version for row in rows):  # in the order in which they come
            name = clean(text, 80)
            if name and name not in self.versions and len(self.versions) < MOST_VERSIONS:
                self.versions.append(name)
            codes[text] = self.versions.index(name) if name in self.versions else -1
        return np.fromiter((codes[row.version] for row in rows), np.int16, len(rows))


def layout_of(settings: PredictionSettings, *, calibrated: bool) -> Layout:
    """Which sums a log with these settings keeps."""
    columns = settings.columns
    positive = () if settings.positive == "1" else (settings.positive,)
    return Layout(
        settings.task,
        Classes(settings.classes, fixed=bool(settings.classes)),
        positive,
        scores=bool(columns.score) and settings.task != "regression",
        counters=tuple(settings.counters),
        costs=settings.costs,
        base=bool(columns.base),
        proxy=bool(columns.proxy),
        calibrated=calibrated,
        sampled=bool(settings.sampled.path),
    )


def features(rows: Sequence[LogRow], names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Columns of features: numbers with NaN for missing where there are only numbers, else objects with None."""
    columns: dict[str, NDArray[Any]] = {}
    for name in names:
        values = [row.features.get(name) for row in rows]
        if any(isinstance(value, str) for value in values):
            column = np.empty(len(values), object)
            column[:] = values
            columns[name] = column
        else:
            columns[name] = np.fromiter((math.nan if value is None else value for value in values), np.float64, len(values))
    return columns


def _number(value: Any) -> float:
    if value is None or isinstance(value, bool):
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan
