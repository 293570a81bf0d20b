"""A prediction log with labels that come late: counts per slot of time, never rows."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

from tui_monitor.analyse.performance import estimates
from tui_monitor.analyse.performance.book import Book
from tui_monitor.analyse.performance.old_counts import Counts
from tui_monitor.analyse.performance.slices import Predicate, predicate
from tui_monitor.config import PredictionSettings
from tui_monitor.model import Estimate, LogRow, LogRows, Performance, clean
from tui_monitor.vocabulary import seconds

MAX_IDS = 200_000  # predictions that may still get a label, or a double
MAX_EARLY = 20_000  # labels whose prediction was not seen yet
MAX_CLASSES = 100
MAX_SLICES = 64
AHEAD_S = 60.0  # a row may be this far in the future: clocks differ
ENOUGH_LABELS = 0.8


class Known(NamedTuple):
    """A prediction while its label may still come."""

    at_s: float
    prediction: str | float
    score: float | None
    books: tuple[int, ...]
    label: str | float | None


class LabelledLog:
    """How well one model does, over sliding windows and since its log began."""

    def __init__(self, settings: PredictionSettings) -> None:
        self._settings = settings
        self._regression = settings.task == "regression"
        self._positive = {"1", "true", "True"} if settings.positive == "1" else {settings.positive}
        self._horizon_s = seconds(settings.horizon)
        self._books = [Book()]
        self._slices: list[tuple[str, Predicate]] = []
        self._bad_slices: dict[str, str] = {}
        for name, expression in list(settings.slices.items())[:MAX_SLICES]:
            try:
                self._slices.append((name, predicate(expression)))
                self._books.append(Book())
            except ValueError as error:
                self._bad_slices[name] = str(error)
        self._known: dict[str, Known] = {}
        self._early: dict[str, str | float] = {}
        self._classes: set[str] = set()
        self.left_out: Counter[str] = Counter()  # reason -> rows

    def add(self, rows: LogRows, now_s: float) -> None:
        """New rows, and labels that came late; of rows with one id the first counts."""
        self.left_out.update(rows.left_out)
        for book in self._books:
            book.advance(now_s)
        for row in rows.rows:
            self._row(row, now_s)
        for identity, label in rows.labels.items():
            self._late(identity, label, now_s)
        self._forget(now_s)

    def windows(self, now_s: float) -> list[Performance]:
        """Every window of the log and of its slices; each is there, with a `why` where it has nothing to say."""
        result: list[Performance] = []
        for book, name in zip(self._books, (None, *(name for name, _ in self._slices)), strict=True):
            book.advance(now_s)
            result += [self._performance(window, name, counts) for window, counts in book.windows()]
        result += [
            Performance(name=self._settings.name, window="all", slice=name, n=0, coverage=None, metrics={}, why=why)
            for name, why in self._bad_slices.items()
        ]
        return result

    # -- rows ---------------------------------------------------------------------------------------------------------------------------

    def _row(self, row: LogRow, now_s: float) -> None:
        prediction = self._value(row.prediction)
        if prediction is None:
            self.left_out["prediction_missing"] += 1
            return
        if row.at_s > now_s + AHEAD_S:
            self.left_out["time_in_future"] += 1
            return
        before = self._known.get(row.id) if row.id else None
        if before is not None:
            label = self._value(row.label)
            same = before.prediction == prediction and (label is None or before.label in (None, label))
            self.left_out["duplicate" if same else "contradicting"] += 1
            return
        books = (0, *(number for number, (_, fits) in enumerate(self._slices, 1) if fits(row.features)))
        score = row.score if row.score is not None and 0.0 <= row.score <= 1.0 else None
        known = Known(row.at_s, prediction, score, books, None)
        for number in books:
            for counts in self._books[number].touched(row.at_s):
                counts.rows += 1
        label = row.label if row.label is not None else self._early.pop(row.id, None)
        value = self._value(label)
        if value is not None:
            self._label(known, value)
            known = known._replace(label=value)
        if row.id:
            self._known[row.id] = known

    def _late(self, identity: str, label: str | float, now_s: float) -> None:
        value = self._value(label)
        known = self._known.get(identity)
        if value is None:
            self.left_out["label_unreadable"] += 1
        elif known is None:
            if len(self._early) >= MAX_EARLY:
                self._early.pop(next(iter(self._early)))
                self.left_out["labels_unmatched"] += 1
            self._early[identity] = label
        elif known.label is None and now_s - known.at_s <= self._horizon_s:
            self._label(known, value)
            self._known[identity] = known._replace(label=value)

    def _label(self, known: Known, label: str | float) -> None:
        for number in known.books:
            for counts in self._books[number].touched(known.at_s):
                self._count(counts, known, label)

    def _count(self, counts: Counts, known: Known, label: str | float) -> None:
        counts.labelled += 1
        if isinstance(label, float) and isinstance(known.prediction, float):
            counts.error(known.prediction - label)
            return
        label, prediction = str(label), str(known.prediction)
        counts.confusion[label, prediction] += 1
        if known.score is not None and self._settings.task == "binary":
            counts.score(label in self._positive, known.score)

    def _value(self, value: str | float | None) -> str | float | None:
        """A class as text (a whole number without its .0), or for regression a number; None where it cannot be used."""
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return None
        if self._regression:
            try:
                number = float(value)
            except ValueError:
                return None
            return number if math.isfinite(number) else None
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else clean(value, 80)
        text = text[:-2] if text.endswith(".0") and text[:-2].lstrip("-").isdigit() else text
        if text not in self._classes:
            if not text or len(self._classes) >= MAX_CLASSES:
                return None
            self._classes.add(text)
        return text

    def _forget(self, now_s: float) -> None:
        """Predictions past the horizon, oldest first; beyond the bound also younger ones."""
        while self._known:
            oldest = next(iter(self._known))
            if len(self._known) <= MAX_IDS and now_s - self._known[oldest].at_s <= self._horizon_s:
                return
            del self._known[oldest]

    # -- numbers ------------------------------------------------------------------------------------------------------------------------

    def _performance(self, window: str, name: str | None, counts: Counts) -> Performance:
        if self._settings.task == "binary":
            metrics = estimates.binary(counts, self._positive)
            if self._settings.columns.score and "auc" not in metrics:
                metrics["auc"] = estimates.UNKNOWN
        elif self._regression:
            metrics = estimates.regression(counts)
        else:
            metrics = {"accuracy": estimates.accuracy(counts)}
        coverage: Estimate = estimates.share(counts.labelled, counts.rows)
        if not counts.rows:
            why = "no predictions in the window"
        elif not counts.labelled:
            why = "no labels for these predictions yet"
        elif counts.labelled < ENOUGH_LABELS * counts.rows:
            why = f"labels for {100 * counts.labelled / counts.rows:.0f} % of these predictions so far"
        else:
            why = ""
        return Performance(
            name=self._settings.name,
            window=window,
            slice=name,
            n=counts.rows,
            coverage=coverage.value,
            metrics=metrics | {"label.coverage": coverage},
            why=why,
        )
