"""Rows of a prediction log in the terms of the model, whoever brought them; what cannot be used is counted by its reason.

Values of private columns end here: they are no features, and a private id leaves as a keyed hash that joins in this run only.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tui_monitor.collect.cells import category, feature, moment, number
from tui_monitor.config import PredictionSettings
from tui_monitor.model import LogRow, clean

MOST_FEATURES = 64
MOST_NAMES = 1000  # of columns that are remembered
MOST_CLASSES = 100
_KEY = os.urandom(32)  # of private ids: nobody can find out which one it was, not even with a list of all
_WORD = re.compile(r"[A-Za-z_]\w*")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")


def joined(value: object, *, private: bool) -> str | None:
    """An id as text that joins with its label's; None where there is none."""
    known = category(value)
    if known is None or not private:
        return known
    return hashlib.blake2b(known.encode(), digest_size=12, key=_KEY).hexdigest()


class RowMaker:
    """Makes rows of one log; counts in `left_out` what it left out since `counted` was called last."""

    def __init__(self, settings: PredictionSettings) -> None:
        columns = settings.columns
        self.nameless = 0  # rows without an id so far
        self.left_out: Counter[str] = Counter()
        self.out_of_order = 0
        self._columns = columns
        self._regression = settings.task == "regression"
        self._private = frozenset(settings.private)
        self._private_id = columns.id in self._private
        self._classes = settings.classes
        self._score_prefix = f"{columns.score}_" if columns.score and settings.task == "multiclass" else ""
        self._ranged = bool(columns.score) and not self._regression
        self._counters = list(settings.counters.items())
        own = {columns.id, columns.time, columns.prediction, columns.score, columns.label, columns.base, columns.proxy, columns.version}
        self._own = frozenset(own | set(settings.counters.values()) | self._private)
        sliced = {word for one in settings.slices.values() for word in _WORD.findall(_QUOTED.sub("", one))}
        self._sliced = sorted(sliced - self._private)  # columns among other words
        self._features = [name for name in settings.features if name not in self._private]
        self._all_columns = not settings.features
        self._names: dict[str, str] = {}  # column -> its name fit for a screen; empty: no feature
        self._newest_s = 0.0
        self._without: dict[str, tuple[int, str]] = {}  # column -> rows that do not have it, and what one of them has

    def row(self, row: Mapping[str, Any]) -> LogRow | None:
        """The row, or None when it is left out."""
        columns = self._columns
        at = row.get(columns.time)
        if at is None and columns.time == "timestamp":
            at = row.get("time")
        at_s = moment(at)
        if at_s is None:
            if at is None:
                self._lacks(columns.time, row)
            self.left_out["time_unreadable"] += 1
            return None
        judged = number if self._regression else category
        prediction = judged(row.get(columns.prediction))
        if prediction is None:
            self._lacks(columns.prediction, row)
            self.left_out["prediction_missing"] += 1
            return None
        if at_s < self._newest_s:
            self.out_of_order += 1
        else:
            self._newest_s = at_s
        identity = joined(row.get(columns.id), private=self._private_id)
        if identity is None:  # rows without an id are different rows
            self.nameless += 1
            identity = f"#{self.nameless}"
        label = row.get(columns.label)
        known = judged(label)
        if known is None and (isinstance(label, list | dict) or (self._regression and category(label) is not None)):
            self.left_out["label_unreadable"] += 1
        score, scores = self._scores(row) if columns.score else (None, {})
        return LogRow(
            identity,
            at_s,
            prediction,
            score,
            known,
            self._features_of(row),
            scores,
            judged(row.get(columns.base)) if columns.base else None,
            judged(row.get(columns.proxy)) if columns.proxy else None,
            (category(row.get(columns.version)) or "") if columns.version else "",
            {name: value for name, column in self._counters if (value := number(row.get(column))) is not None} if self._counters else {},
        )

    def label(self, identity: object, value: object) -> tuple[str, str | float] | None:
        """(id, label) of a label that came by itself; None when it has no id or no label."""
        name = joined(identity, private=self._private_id)
        label = number(value) if self._regression else category(value)
        if name is None or label is None:
            if name is not None and self._regression and category(value) is not None:
                self.left_out["label_unreadable"] += 1
            return None
        return name, label

    def counted(self) -> tuple[dict[str, int], int, str]:
        """(what was left out, rows out of order, one line on columns that are missing) since the last call."""
        left_out, out_of_order = dict(+self.left_out), self.out_of_order
        self.left_out, self.out_of_order = Counter(), 0
        lines = [f"{count} rows without the column {name!r} (they have {have})" for name, (count, have) in self._without.items()]
        self._without = {}
        return left_out, out_of_order, clean("; ".join(lines))

    def _lacks(self, column: str, row: Mapping[str, Any]) -> None:
        if column in row:
            return
        count, have = self._without.get(column, (0, ""))
        self._without[clean(column, 60)] = count + 1, have or clean(" ".join(clean(name, 30) for name in list(row)[:8]) or "none", 120)

    def _features_of(self, row: Mapping[str, Any]) -> dict[str, float | str | None]:
        if not self._all_columns:
            names = [*self._features, *(name for name in self._sliced if name in row and name not in self._features)]
            return {self._shown(name): feature(row.get(name)) for name in names[:MOST_FEATURES]}
        known = self._names
        found: dict[str, float | str | None] = {}
        for name, value in row.items():
            shown = known.get(name)
            if shown is None:
                shown = self._learned(name)
            if shown:
                found[shown] = value if type(value) is float and value - value == 0.0 else feature(value)
        if len(found) > MOST_FEATURES:
            return dict(list(found.items())[:MOST_FEATURES])
        return found

    def _learned(self, name: str) -> str:
        if (name in self._own and not (name in self._sliced and name not in self._private)) or (
            self._score_prefix and name.startswith(self._score_prefix)
        ):
            shown = ""
        else:
            shown = self._shown(name)
        if len(self._names) < MOST_NAMES:
            self._names[name] = shown
        return shown

    @staticmethod
    def _shown(name: str) -> str:
        return clean(name, 64)

    def _scores(self, row: Mapping[str, Any]) -> tuple[float | None, dict[str, float]]:
        """(the score, the scores of several classes) as they came; who uses them tells which are no probabilities."""
        if self._score_prefix:
            prefix = self._score_prefix
            names = self._classes or [name[len(prefix) :] for name in row if name.startswith(prefix)][:MOST_CLASSES]
            if names:
                if prefix + names[0] not in row:
                    self._lacks(prefix + names[0], row)
                found = ((category(name) or name, _scored(row.get(prefix + name))) for name in names)
                return None, {name: value for name, value in found if value is not None}
        score = _scored(row.get(self._columns.score))
        if score is None and self._ranged:
            self._lacks(self._columns.score, row)
        return score, {}


def _scored(value: object) -> float | None:
    """A number; also an infinite one, which is out of any range and not missing."""
    known = number(value)
    if known is not None or not isinstance(value, str | float):
        return known
    try:
        known = float(value)
    except ValueError:
        return None
    return known if math.isinf(known) else None
