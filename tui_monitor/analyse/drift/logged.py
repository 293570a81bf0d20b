"""The signals of one prediction log: rows come in, columns with their role go out, and how many rows break which expectation.

- Features are inputs, the prediction is an output, its score a score; columns that are private are none of them.
- A labelled row says whether the prediction was right (`errors`), or by how much it was wrong (`error`, of numbers), and what that cost.
  A label that comes late counts at the moment it comes: checks that are past cannot be made again, and what is learned late is news.
  The same errors among those of like inputs (`residual | inputs`) tell concept drift from data drift: see `residual`.
- Expectations are given, or learned from the log's reference, or from its first rows. An expectation becomes a signal with its first
  broken row, judged against the share that is usual: what was never broken takes no part of the budget.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift import expectations
from tui_monitor.analyse.drift.dependence import correlation_time
from tui_monitor.analyse.drift.expectations import BROKEN, Expectation
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.residual import CLASSES, NUMBERS, Labelled, Transform, chance_of, transform
from tui_monitor.analyse.drift.residual import LEAST_ROWS as LEAST_LABELLED
from tui_monitor.analyse.drift.residual_rows import Residuals
from tui_monitor.config import PredictionSettings
from tui_monitor.model import LogRow, LogRows

COST, ERRORS, ERROR = "cost", "errors", "error"
RIGHT, WRONG = "right", "wrong"
MOST_WAITING = 50_000  # predictions that wait for their label
MOST_IDS = 100_000  # of the newest rows that are remembered, to find duplicates
MOST_SCORES = 10  # classes of which the score is a signal
MOST_COLUMNS = 64
LEARN_ROWS = 5000  # at most held to learn expectations from
LATE_S = 5.0  # a row's clock may be so far ahead of ours
GONE_AFTER = 200  # rows without a column that the reference has

NONE: NDArray[np.int64] = np.zeros(0, np.int64)
Column = tuple[str, NDArray[Any], NDArray[np.bool_]]
"""Role, the values of the rows that have one, and which rows those are."""
Pair = tuple[str | float, str | float]
"""Prediction and label of one row."""


class Waits(NamedTuple):
    """A prediction that waits for its label."""

    prediction: str | float
    inputs: bytes  # its numbers, as `Residuals.unpacked` takes them
    round: int  # of the versions of the model
    number: int  # of the row in its log


class Counted(NamedTuple):
    """Rows by whether they break an expectation."""

    signal: str
    labels: tuple[str, str]
    counts: tuple[float, float]  # broken, kept
    usual: Reference


class Came(NamedTuple):
    """What one look at a log brought, as columns."""

    at_s: Floats
    columns: dict[str, Column]
    late: dict[str, Column]  # of labels: their rows are other ones
    late_at_s: Floats
    counted: list[Counted]
    version: str  # the newest one; empty: none is told
    before: int | None  # so many of the first rows are of the version before it; None: it is the same as before
    notes: list[str]
    residual: str = ""  # the name of its signal, where there is one
    transform: Transform | None = None  # made since the last look
    ended: bool = False  # the one before holds no more
    numbers: NDArray[np.int64] = NONE  # of the rows in their log
    late_numbers: NDArray[np.int64] = NONE  # of the rows that the labels are of
    versions: Column | None = None  # of the rows, where they tell it


class LogSignals:
    """One log. It is used in one thread."""

    def __init__(self, settings: PredictionSettings, learn_s: float, given: Sequence[Expectation] = (), first: Sequence[str] = ()) -> None:
        """`learn_s`: how long expectations are learned where there are none; `first`: columns that matter most for the model."""
        self.settings = self._settings = settings
        self._learn_s = learn_s
        self.expected: list[Expectation] = list(given)
        self.learned_anew = False  # expectations were learned since this was last looked at
        self._usual: dict[str, Reference] = {}
        self._waiting: OrderedDict[str, Waits] = OrderedDict()
        self.residuals = Residuals(name_of(settings), learn_s, first)
        self._round = 0
        self._ids: OrderedDict[int, None] = OrderedDict()
        self._held: deque[LogRow] = deque(maxlen=LEARN_ROWS)
        self._version = ""
        self._names: dict[str, None] = {}  # of features that there were
        self._without: dict[str, int] = {}  # column that was there -> rows without it
        self._told_gone: set[str] = set()
        self._schema_known = False
        self._rows = 0

    def renew(self, learn_s: float, first: Sequence[str]) -> None:
        """Other settings of all drift; what was learned stays."""
        self._learn_s = learn_s
        self.residuals.renew(learn_s, first)

    def take(self, rows: LogRows, now_s: float) -> Came:
        """New rows and labels."""
        at_s = np.minimum(np.asarray([row.at_s for row in rows.rows], dtype=np.float64), now_s + LATE_S)
        columns = columns_of(rows.rows, self._settings)
        before = self._versions(rows.rows) if rows.rows else None
        if before is not None:
            self._round += 1
        self.residuals.serves(self._version)
        numbers = np.arange(self._rows, self._rows + len(rows.rows))
        late, late_numbers = self._judged(rows, columns, before or 0, now_s)
        notes: list[str] = []
        counted: list[Counted] = []
        if rows.rows:
            notes = self._schema(rows.rows)
            counted = self._expectations(rows.rows)
            self._rows += len(rows.rows)
        size = max((there.size for _, _, there in late.values()), default=0)
        came = Came(at_s, columns, late, np.full(size, now_s), counted, self._version, before, notes)
        ended, fresh = self.residuals.news()
        made = versions_of(rows.rows, self._settings)
        came = came._replace(numbers=numbers, late_numbers=late_numbers, versions=made)
        return came._replace(residual=self.residuals.name, ended=ended, transform=fresh)

    # -- right or wrong -----------------------------------------------------------------------------------------------------------------

    def _judged(
        self, rows: LogRows, columns: Mapping[str, Column], before: int, now_s: float
    ) -> tuple[dict[str, Column], NDArray[np.int64]]:
        """Labelled rows and their numbers.

        The first `before` rows are of the version before this one: what is usual of this one says nothing of them.
        """
        inputs = self.residuals.inputs(columns, len(rows.rows))
        names: list[str] = []
        pairs: list[Pair] = []
        known: list[bytes] = []
        numbers: list[int] = []
        for place, row in enumerate(rows.rows):
            if row.prediction is None:
                continue
            here = inputs[place].tobytes() if place >= before else b""
            if row.label is not None:
                names.append(row.id)
                pairs.append((row.prediction, row.label))
                known.append(here)
                numbers.append(self._rows + place)
            else:
                self._waiting[row.id] = Waits(row.prediction, here, self._round, self._rows + place)
        for name, label in rows.labels.items():
            waits = self._waiting.pop(name, None)
            if waits is not None:
                names.append(name)
                pairs.append((waits.prediction, label))
                known.append(waits.inputs if waits.round == self._round else b"")
                numbers.append(waits.number)
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        found = errors_of(pairs, self._settings)
        if not pairs:
            return found, NONE
        errors = residuals_of(pairs, self._settings)
        errors[[not one for one in known]] = np.nan
        made = self.residuals.take(now_s, self.residuals.unpacked(known), errors, names)
        return found if made is None else found | {self.residuals.name: made}, np.asarray(numbers, np.int64)

    # -- versions, columns ------------------------------------------------------------------------------------------------------------------

    def _versions(self, rows: Sequence[LogRow]) -> int | None:
        """Note the newest version; returns how many rows came before it, where it is another one."""
        newest = rows[-1].version
        if not newest or newest == self._version:
            return None
        first = not self._version
        self._version = newest
        if first:
            return None
        return next((place + 1 for place in range(len(rows) - 1, -1, -1) if rows[place].version != newest), 0)

    def _schema(self, rows: Sequence[LogRow]) -> list[str]:
        """Columns that have come or gone since the log is known."""
        notes = []
        here = {name for row in rows for name, value in row.features.items() if value is not None}
        if self._schema_known:
            fresh = sorted(name for name in here if name not in self._names)
            if fresh:
                notes.append(f"{self._settings.name}: new column{'s' if len(fresh) > 1 else ''} {', '.join(fresh[:5])}")
            for name in self._names:
                self._without[name] = 0 if name in here else self._without.get(name, 0) + len(rows)
            gone = [name for name, without in self._without.items() if without >= GONE_AFTER and name not in self._told_gone]
            if gone:
                notes.append(f"{self._settings.name}: no more {', '.join(gone[:5])} in {min(self._without[name] for name in gone)} rows")
                self._told_gone.update(gone)
            self._told_gone = {name for name in self._told_gone if self._without[name]}
        for name in here:
            if len(self._names) < 1000:
                self._names[name] = None
        self._schema_known = self._schema_known or self._rows + len(rows) >= GONE_AFTER
        return notes

    # -- expectations ------------------------------------------------------------------------------------------------------------------

    def expect(self, found: Sequence[Expectation], columns: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Take expectations; `columns`: the rows that they were learned from, which tell what share is usual and how it clusters."""
        self.expected = list(found)
        self._usual = {one.signal: usual(one, (columns or {}).get(one.column)) for one in found}
        self._held.clear()

    def _expectations(self, rows: Sequence[LogRow]) -> list[Counted]:
        if not self.expected:
            self._held.extend(rows)
            held = self._held
            if len(held) >= expectations.LEAST_ROWS and held[-1].at_s - held[0].at_s >= min(self._learn_s, 86_400.0):
                columns = plain_columns(list(held), self._settings)
                self.expect(expectations.learned(columns), columns)
                self.learned_anew = True
            return []
        columns = plain_columns(rows, self._settings)
        counted = []
        for one in self.expected:
            if one.expect == "unique":
                wrong, spoken = self._twice(rows) if one.column == self._settings.columns.id else (0, 0)
            elif (values := columns.get(one.column)) is None:
                # A column that no row has is missing in every one; where none ever had it, its expectation is not of this log.
                wrong = spoken = len(rows) if one.expect == "not_null" and one.column in self._names else 0
            else:
                bad, of = expectations.broken(one, values)
                wrong, spoken = int(bad.sum()), int(of.sum())
            if spoken:
                counted.append(Counted(one.signal, BROKEN[one.expect], (float(wrong), float(spoken - wrong)), self._usual_of(one)))
        return counted

    def _usual_of(self, one: Expectation) -> Reference:
        found = self._usual.get(one.signal)
        if found is None:
            found = self._usual[one.signal] = usual(one, None)
        return found

    def _twice(self, rows: Sequence[LogRow]) -> tuple[int, int]:
        twice = 0
        for row in rows:
            key = hash(row.id)
            twice += key in self._ids
            self._ids[key] = None
        while len(self._ids) > MOST_IDS:
            self._ids.popitem(last=False)
        return twice, len(rows)


def usual(one: Expectation, values: NDArray[Any] | None) -> Reference:
    """What share of rows breaks an expectation while all is well: that of the rows it was learned from, else what `mostly` allows."""
    origin = f"{one.expect}, mostly {one.mostly:g}"
    if values is not None:
        bad, of = expectations.broken(one, values)
        wrong, rows = float(bad.sum()), float(of.sum())
        if rows:
            tau = correlation_time(bad[of].astype(np.float64)) if 0 < wrong < rows else 1.0
            return Reference([wrong, rows - wrong], tau=tau, origin=origin)
    rows = 10_000.0
    return Reference([round(rows * (1 - one.mostly)), round(rows * one.mostly)], origin=origin)


# -- rows as columns -----------------------------------------------------------------------------------------------------------------------


def columns_of(rows: Sequence[LogRow], settings: PredictionSettings) -> dict[str, Column]:
    """Features, prediction and scores, each with its role."""
    private = set(settings.private)
    found: dict[str, Column] = {}
    names = dict.fromkeys(name for row in rows for name in row.features)
    for name in list(names)[:MOST_COLUMNS]:
        if name not in private:
            found[name] = _column("input", [row.features.get(name) for row in rows])
    prediction, score = settings.columns.prediction, settings.columns.score
    if rows and prediction not in private:
        found[prediction] = _column("output", [row.prediction for row in rows])
    if not rows or not score or score in private:
        return found
    if settings.task == "multiclass":
        classes = dict.fromkeys(name for row in rows for name in row.scores)
        for name in list(classes)[:MOST_SCORES]:
            found[f"{score}_{name}"] = _column("score", [row.scores.get(name) for row in rows])
    elif settings.task == "binary":
        found[score] = _column("score", [row.score for row in rows])
    return found


def versions_of(rows: Sequence[LogRow], settings: PredictionSettings) -> Column | None:
    """The version of the model that answered each row; None where none tells it, or it is private."""
    if settings.columns.version in settings.private or not any(row.version for row in rows):
        return None
    return _column("version", [row.version or None for row in rows])


def with_errors(rows: Sequence[LogRow], settings: PredictionSettings) -> dict[str, tuple[NDArray[Any], NDArray[np.bool_]]]:
    """Columns of a reference, its versions and its errors: the values of the rows that have one, and which rows those are."""
    found = {name: (values, there) for name, (_, values, there) in columns_of(rows, settings).items()}
    if (versions := versions_of(rows, settings)) is not None:
        found.setdefault(settings.columns.version, versions[1:])
    labelled = [place for place, row in enumerate(rows) if row.label is not None and row.prediction is not None]
    pairs = [(row.prediction, row.label) for row in rows if row.label is not None and row.prediction is not None]
    for name, (_, values, there) in errors_of(pairs, settings).items():
        every = np.zeros(len(rows), np.bool_)
        every[np.asarray(labelled)[there]] = True
        found[name] = values, every
    return found


def plain_columns(rows: Sequence[LogRow], settings: PredictionSettings) -> dict[str, NDArray[Any]]:
    """The same columns with their missing values, for expectations; and the ids."""
    names = dict.fromkeys(name for row in rows for name in row.features)
    private = set(settings.private)
    found = {name: _array([row.features.get(name) for row in rows]) for name in list(names)[:MOST_COLUMNS] if name not in private}
    if settings.columns.prediction not in private:
        found[settings.columns.prediction] = _array([row.prediction for row in rows])
    if settings.columns.score and settings.task == "binary" and settings.columns.score not in private:
        found[settings.columns.score] = _array([row.score for row in rows])
    named = [row.id for row in rows if not row.id.startswith("#")]
    if named and settings.columns.id not in private:
        found[settings.columns.id] = np.asarray(named, dtype=object)
    return found


def name_of(settings: PredictionSettings) -> str:
    """Of the signal of errors given the inputs."""
    return NUMBERS if settings.task == "regression" else CLASSES


def residuals_of(pairs: Sequence[Pair], settings: PredictionSettings) -> Floats:
    """How far each labelled row is wrong: prediction - label, NaN where they are no numbers; of classes 1 for wrong."""
    if settings.task != "regression":
        return np.asarray([float(prediction != label) for prediction, label in pairs])
    return np.asarray(
        [prediction - label if isinstance(prediction, float) and isinstance(label, float) else np.nan for prediction, label in pairs]
    )


def errors_of(pairs: Sequence[Pair], settings: PredictionSettings) -> dict[str, Column]:
    """Labelled rows as signals of performance: right or wrong, or prediction - label; and what wrong ones cost."""
    if not pairs:
        return {}
    every = np.ones(len(pairs), np.bool_)
    if settings.task == "regression":
        gaps = residuals_of(pairs, settings)
        there = np.isfinite(gaps)
        return {ERROR: ("performance", gaps[there], there)} if there.any() else {}
    found: dict[str, Column] = {
        ERRORS: ("performance", np.asarray([RIGHT if prediction == label else WRONG for prediction, label in pairs], dtype=object), every)
    }
    if settings.costs:
        cost = [settings.costs.get(str(label), {}).get(str(prediction), 0.0) for prediction, label in pairs]
        found[COST] = ("performance", np.asarray(cost, dtype=np.float64), every)
    return found


def _array(values: list[Any]) -> NDArray[Any]:
    """Numbers with NaN for missing where all are numbers, else objects with None."""
    if {type(value) for value in values} <= {float, type(None)}:
        return np.asarray(values, dtype=np.float64)
    made = np.empty(len(values), dtype=object)
    made[:] = [float(value) if isinstance(value, int) else value for value in values]
    return made


def there_of(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are there: finite numbers and texts."""
    if values.dtype != object:
        finite: NDArray[np.bool_] = np.isfinite(values)
        return finite
    return np.fromiter(
        (value is not None and not (isinstance(value, float) and not math.isfinite(value)) for value in values), np.bool_, values.size
    )


def _column(role: str, values: list[Any]) -> Column:
    made = _array(values)
    there = there_of(made)
    return role, made[there], there


def transform_of(rows: Sequence[LogRow], settings: PredictionSettings, origin: str, first: Sequence[str] = ()) -> Transform | None:
    """What errors are usual of each sort of inputs, from the labelled rows of a reference; None where there are too few of them."""
    labelled = [row for row in rows if row.label is not None and row.prediction is not None]
    pairs = [(row.prediction, row.label) for row in labelled if row.prediction is not None and row.label is not None]
    errors = residuals_of(pairs, settings)
    there = np.isfinite(errors)
    if there.sum() < LEAST_LABELLED:
        return None
    sorter = Residuals(name_of(settings), 0.0, first)
    inputs = sorter.inputs(columns_of(labelled, settings), len(labelled))
    at_s = np.asarray([row.at_s for row in labelled], dtype=np.float64)
    order = np.flatnonzero(there)[np.argsort(at_s[there], kind="stable")]
    made = Labelled(at_s, inputs, errors, chance_of([row.id for row in labelled])).take(order)
    return transform(sorter.name, sorter.columns, made, origin, given=True)
