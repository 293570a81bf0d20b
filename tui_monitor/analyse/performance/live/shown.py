"""Windows of a log as they are shown: numbers, intervals, coverage, what they are held against, and why one says nothing."""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

import msgspec

from tui_monitor.analyse.performance.counting.book import Book, Window, slot_start
from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.counting.layout import Layout
from tui_monitor.analyse.performance.live.reference import Reference, held_against
from tui_monitor.analyse.performance.live.standing import ENOUGH_LABELS, Line
from tui_monitor.analyse.performance.numbers.metrics import calibration, class_scores, confusion, coverage, headline, measured
from tui_monitor.analyse.performance.unlabelled import cbpe, proxy, sampled
from tui_monitor.analyse.performance.unlabelled.inferred import Inferred
from tui_monitor.analyse.performance.unlabelled.reweight import Reweighted
from tui_monitor.model import Basis, Estimate, Performance, utc

PATIENCE = 1 / 60  # of a window's length: so old may the numbers of a slice be, if few rows came since; they say the span they are of
LEAST_PATIENT_S, MOST_PATIENT_S = 10.0, 120.0
_FEW = 0.05
WIDEST = 20  # classes up to which a slice shows its confusion matrix


class _Made(NamedTuple):
    """Elements as they were made."""

    changed: int
    classes: int
    at_s: float
    elements: list[Performance]


class Shown:
    """Makes the elements of one log.

    Args:
        name: of the log.
        layout: of its sums.
        reference: what it is held against, if anything.
        proxy_column: where its early labels stand.
    """

    def __init__(self, name: str, layout: Layout, reference: Reference | None, proxy_column: str) -> None:
        self._name = name
        self._layout = layout
        self._reference = reference
        self._proxy = proxy_column
        self._made: dict[tuple[str | None, str], _Made] = {}

    def of(self, book: Book, slice_: str | None, now_s: float, line: Line | None, key: str, age_s: float | None) -> list[Performance]:
        """All windows of the log or of one slice, from all sources.

        Args:
            book: its windows.
            slice_: its name.
            now_s: only for the age of what is kept.
            line: what is usual, where it was learned from the log itself.
            key: the number that `line` is about.
            age_s: median time from a prediction to its label.
        """
        result: list[Performance] = []
        for name, window in book.windows.items():
            made = self._made.get((slice_, name))
            if made is not None and made.classes == len(self._layout.classes.names):
                if made.changed == window.changed:
                    start, end = _span(window, book)
                    result += [msgspec.structs.replace(one, start=start, end=end) for one in made.elements]
                    continue
                if slice_ is not None and 0 <= now_s - made.at_s < self._patient(window) and _nearly(made.elements[0], window.total):
                    result += made.elements
                    continue
            elements = self._elements(book, window, slice_, line, key, age_s)
            self._made[slice_, name] = _Made(window.changed, len(self._layout.classes.names), now_s, elements)
            result += elements
        return result

    def _patient(self, window: Window) -> float:
        """How many seconds old the numbers of a slice may be."""
        return min(MOST_PATIENT_S, max(LEAST_PATIENT_S, PATIENCE * window.width_s))

    def forget(self, slice_: str) -> None:
        """A slice that is no more."""
        for kept in [kept for kept in self._made if kept[0] == slice_]:
            del self._made[kept]

    def reweighted(self, labelled: Performance, found: Reweighted) -> Performance:
        """What the mix of slices lets expect of a window."""
        metrics = {} if found.accuracy is None else {"accuracy": found.accuracy}
        return self._inferred(labelled, "estimated", Inferred(metrics, found.assumption, found.why), None)

    def _elements(
        self, book: Book, window: Window, slice_: str | None, line: Line | None, key: str, age_s: float | None
    ) -> list[Performance]:
        counts = window.total
        width_s = window.width_s if window.width_s < math.inf else None
        reference = self._reference
        metrics = measured(counts) if slice_ is None else headline(counts)
        if reference is not None:
            metrics = reference.of(width_s, metrics, slice_)
        elif line is not None and slice_ is None and width_s is not None and (one := metrics.get(key)) is not None and one.n:
            metrics[key] = held_against(one, key, line.mean, line.floor(one.n, 1 if key == "mae" else -1))
        covered = coverage(counts)
        metrics["label.coverage"] = covered
        if age_s is not None:
            metrics["label.age"] = Estimate(age_s)
        classes = not self._layout.regression and counts.labelled > 0
        whole = slice_ is None or len(self._layout.classes.names) <= WIDEST
        start, end = _span(window, book)
        first = Performance(
            name=self._name,
            window=window.name,
            slice=slice_,
            start=start,
            end=end,
            n=counts.rows,
            labelled=counts.labelled,
            coverage=covered.value,
            why=why(counts),
            metrics=metrics,
            classes=class_scores(counts) if classes and whole else {},
            confusion=confusion(counts) if classes and whole else None,
            calibration=calibration(counts) if classes and slice_ is None else None,
        )
        result = [first]
        if self._layout.calibrated and reference is not None and reference.calibrator is not None:
            result.append(self._inferred(first, "estimated", cbpe.estimated(counts, reference.calibrator, reference.name), width_s))
        if self._layout.sampled and counts["sampled"].any():
            result.append(self._inferred(first, "sampled", sampled.sampled(counts), width_s))
        if self._layout.proxy and not self._layout.regression:
            result.append(self._inferred(first, "estimated", proxy.corrected(counts, self._proxy), width_s))
        return result

    def _inferred(self, labelled: Performance, source: Basis, found: Inferred, width_s: float | None) -> Performance:
        """An element of another source beside the labelled one."""
        metrics = self._reference.of(width_s, found.metrics, labelled.slice) if self._reference is not None else found.metrics
        return msgspec.structs.replace(
            labelled,
            source=source,
            why=found.why,
            assumption=found.assumption,
            metrics=metrics,
            classes={},
            confusion=None,
            calibration=None,
        )


def why(counts: Counts) -> str:
    """Why a window's labelled numbers are not there, or are not for all of it."""
    if not counts.rows:
        return "no predictions in the window"
    if not counts.labelled:
        return "no labels for these predictions yet"
    if counts.labelled < ENOUGH_LABELS * counts.rows:
        return f"labels for {100 * counts.labelled / counts.rows:.0f} % of these predictions so far"
    return ""


def _span(window: Window, book: Book) -> tuple[datetime | None, datetime]:
    """From start up to end, the end not in it; a window without a start begins with the oldest row, and none before its book."""
    start_s = window.start_s if window.start_s > -math.inf else slot_start(book.oldest_s)
    start_s = max(start_s, book.began_s)
    return (utc(start_s) if math.isfinite(start_s) else None), utc(book.end_s)


def _nearly(made: Performance, counts: Counts) -> bool:
    """Whether few rows and labels came or went since."""
    return abs(made.n - counts.rows) + abs(made.labelled - counts.labelled) <= _FEW * (counts.rows + counts.labelled)
