"""A whole log judged: every window, slice and source as elements, at the log's end and, where it is asked for, at every step of a series."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import MAX_CLASSES, Classes, Layout, canonical
from tui_monitor.analyse.performance.counting.spans import Borders, Spans, end_after, series
from tui_monitor.analyse.performance.live.reference import Reference
from tui_monitor.analyse.performance.numbers import metrics
from tui_monitor.analyse.performance.unlabelled import cbpe
from tui_monitor.analyse.performance.unlabelled.inferred import Inferred
from tui_monitor.cli.performance_rows import Asked, LateLabels, LogRows, Progress, Rows
from tui_monitor.collect.table import TableError, newest_s
from tui_monitor.model import Estimate, Performance, utc

ALL = "all"
MOST_MOMENTS = 100_000
_POSITIVE_KEYS = ("precision", "recall", "f1", "auc", "log_loss", "brier", "calibration.error")
_ESTIMATED = {"binary": ("accuracy", "precision", "recall", "f1", "auc"), "multiclass": ("accuracy",), "regression": ()}


class TooMany(ValueError):
    """A series of more moments than anybody reads."""


class Plan(Struct, frozen=True):
    """What the command line asks for, beside the rows."""

    asked: Asked
    windows: Mapping[str, float]  # as typed -> seconds
    every_s: float | None = None
    positive: str | None = None
    classes: Sequence[str] = ()


class Judged(Struct, frozen=True):
    """The answer."""

    rows: Rows
    classes: list[str]
    positive: str | None
    performance: list[Performance]
    remarks: list[str]  # for people: what of the command line did not fit the file
    series: Iterator[Performance]


def _reference(path: str, plan: Plan, layout: Layout) -> Reference:
    """What the log is held against, as a whole and slice by slice; one calibration for all."""
    log = LogRows(path, plan.asked, layout.classes)
    batches: list[Batch] = []
    inside: dict[str, list[Any]] = {name: [] for name in plan.asked.slices}
    for batch, of_slices in log.batches():
        batches.append(batch)
        for name, mask in of_slices.items():
            inside[name].append(mask)
    if not batches:
        raise TableError(f"{path}: has no rows")
    whole = Batch(*(None if column[0] is None else np.concatenate(column) for column in zip(*batches, strict=True)))  # type: ignore[arg-type]
    masks = {name: np.concatenate(found) for name, found in inside.items()}
    return Reference(whole, layout, log.name, masks.get, most_parts=None)


def judge(path: str, plan: Plan, labels: str | None, reference: str | None, progress: Progress | None) -> Judged:
    """Read a log and say how the model did.

    Raises:
        TableError: nothing of a file can be read.
        TooMany: the series would be too long.
    """
    asked = plan.asked
    classes = Classes(plan.classes, fixed=bool(plan.classes))
    positive = () if plan.positive is None else (plan.positive,)
    layout = Layout(
        asked.task, classes, positive, scores=asked.score is not None and not asked.regression,
        calibrated=reference is not None and asked.score is not None, sampled=False,
    )  # fmt: skip
    against = None if reference is None else _reference(reference, plan, layout)
    log, spans, seen = _read(path, plan, layout, labels, against, progress)
    return _Judge(plan, layout, log, spans, seen, against).judged()


def _read(
    path: str, plan: Plan, layout: Layout, labels: str | None, against: Reference | None, progress: Progress | None
) -> tuple[LogRows, Spans, set[int]]:
    """Sum a log between the borders of its windows.

    Those hang on its newest row. Logs have it at their end; where it turns up elsewhere, all times are looked at and the log is read anew.
    """
    asked = plan.asked
    end_s: float | None = None
    while True:
        late = None if labels is None else LateLabels(labels, asked, layout.classes)
        calibrator = None if against is None else against.calibrator
        log = LogRows(path, asked, layout.classes, late, calibrator, progress)
        if end_s is None:
            end_s = _end_after(newest_s(path, log.time))
        spans = Spans(layout, _borders(plan, end_s), [None, *asked.slices])
        seen: set[int] = set()
        for batch, inside in log.batches():
            seen |= _seen(layout, batch)
            spans.add(batch, inside)
            if spans.newest_s >= end_s:
                break
        else:
            spans.finish()
            if spans.newest_s == -math.inf or end_after(spans.newest_s) == end_s:
                return log, spans, seen
            end_s = end_after(spans.newest_s)  # newer rows were not used
            continue
        log.close()
        end_s = _end_after(newest_s(path, log.time, everywhere=True))


def _end_after(newest: float | None) -> float:
    return end_after(0.0 if newest is None else newest)


def _borders(plan: Plan, end_s: float) -> Borders:
    every_s = plan.every_s
    grids = [] if every_s is None else [(every_s, 0.0), *((every_s, -width_s) for width_s in plan.windows.values())]
    return Borders([end_s, *(end_s - width_s for width_s in plan.windows.values())], grids)


def _seen(layout: Layout, batch: Batch) -> set[int]:
    """Numbers of the classes that occur."""
    if layout.regression:
        return set()
    return {code for column in (batch.prediction, batch.label) for code in np.unique(column).tolist() if code >= 0}


class _Judge:
    """Makes elements from sums."""

    def __init__(self, plan: Plan, layout: Layout, log: LogRows, spans: Spans, seen: set[int], against: Reference | None) -> None:
        self._plan, self._layout, self._log, self._spans, self._against = plan, layout, log, spans, against
        self._order = [code for code in layout.classes.order() if code in seen or layout.classes.fixed]
        self._names = [layout.classes.names[code] for code in self._order]
        self._empty = spans.newest_s == -math.inf
        self._positive = self._positive_class()

    def judged(self) -> Judged:
        """The answer; its series is made while it is read."""
        end_s = None if self._empty else end_after(self._spans.newest_s)
        elements = [
            element
            for name, width_s in {**self._plan.windows, ALL: None}.items()
            for slice_ in self._spans.parts
            for counts in self._window(slice_, width_s, end_s)
            for element in self._elements(counts, name, slice_, width_s, end_s, confusion=True)
        ]
        return Judged(self._log.rows, self._names, self._positive, elements, self._remarks(), self._series(self._ends()))

    def _positive_class(self) -> str | None:
        if self._layout.task != "binary":
            return None
        if self._plan.positive is not None:
            return canonical(self._plan.positive)
        found = next((name for name in self._names if name in self._layout.positive), None)
        only_negative = set(self._names) <= {"0", "false"}
        return found or (("true" if "false" in self._names else "1") if only_negative else None)

    def _remarks(self) -> list[str]:
        remarks = [f"{name}: {why}" for name, why in self._log.absent.items()]
        if not self._layout.classes.fixed and len(self._layout.classes.names) >= MAX_CLASSES:
            remarks.append(f"only {MAX_CLASSES} classes are told apart; rows with another one are left out")
        if self._log.no_score:
            remarks.append(f"there is no column of scores called {self._plan.asked.score}{self._score_form()}")
        if self._layout.task == "binary" and self._positive is None and self._names:
            remarks.append(f"no class is called 1 or true; say which of {' '.join(self._names[:10])} is positive with --positive")
        elif self._layout.task == "binary" and self._names and self._positive not in self._names and self._plan.positive is not None:
            remarks.append(f"no row has the class {self._positive}")
        if self._against is not None and not self._layout.regression and self._against.calibrator is None:
            remarks.append(f"nothing is estimated: {self._against.why_uncalibrated}")
        return remarks

    def _score_form(self) -> str:
        return "" if self._layout.task == "binary" else "_<class>"

    # -- windows

    def _window(self, slice_: str | None, width_s: float | None, end_s: float | None) -> Iterator[Counts]:
        if end_s is None:
            yield Counts(self._layout)
            return
        for _, counts in series(self._spans, slice_, width_s, [end_s]):
            yield counts

    def _ends(self) -> Sequence[float]:
        every_s = self._plan.every_s
        if every_s is None or self._empty:
            return ()
        first, last = end_after(self._spans.oldest_s, every_s), end_after(self._spans.newest_s, every_s)
        count = round((last - first) / every_s) + 1
        if count > MOST_MOMENTS:
            raise TooMany(f"--every {every_s:g}s makes {count} moments between the oldest and the newest row; at most {MOST_MOMENTS}")
        start = round(first / every_s)
        return [(start + step) * every_s for step in range(count)]

    def _series(self, ends: Sequence[float]) -> Iterator[Performance]:
        """Moment by moment; each window of each slice moves on by itself."""
        moving = [
            (name, slice_, width_s, series(self._spans, slice_, width_s, ends))
            for name, width_s in {**self._plan.windows, ALL: None}.items()
            for slice_ in self._spans.parts
        ]
        for end_s in ends:
            for name, slice_, width_s, windows in moving:
                _, counts = next(windows)
                yield from self._elements(counts, name, slice_, width_s, end_s, confusion=False)

    # -- elements

    def _elements(
        self, counts: Counts, window: str, slice_: str | None, width_s: float | None, end_s: float | None, *, confusion: bool
    ) -> Iterator[Performance]:
        start_s = None if end_s is None else self._spans.oldest_s if width_s is None else end_s - width_s
        n, labelled = counts.rows, counts.labelled
        element = Performance(
            name=self._log.name,
            window=window,
            slice=slice_,
            start=None if start_s is None else _not_after(start_s),
            end=None if end_s is None else utc(end_s),
            n=n,
            labelled=labelled,
            coverage=labelled / n if n else None,
            why=self._why(counts, slice_),
            metrics=self._beside(slice_, width_s, self._measured(counts)),
            classes={} if self._layout.regression else metrics.class_scores(counts),
            confusion=self._confusion(counts) if confusion and not self._layout.regression else None,
        )
        yield element
        if self._against is not None and not self._layout.regression:
            found = self._estimated(counts, slice_, self._against)
            yield msgspec.structs.replace(
                element,
                source="estimated",
                why=found.why,
                assumption=found.assumption,
                metrics=self._beside(slice_, width_s, found.metrics),
                classes={},
                confusion=None,
            )

    def _why(self, counts: Counts, slice_: str | None) -> str:
        if slice_ in self._log.absent:
            return self._log.absent[slice_]
        if not counts.rows:
            return "no rows in the window" if slice_ is None else "no rows of the slice in the window"
        if not counts.labelled:
            return f"there is no column {self._plan.asked.label}" if self._log.no_label else "no row of the window has a label"
        return ""

    def _measured(self, counts: Counts) -> dict[str, Estimate]:
        found = metrics.measured(counts)
        if self._layout.task == "binary" and self._positive is None:
            found |= dict.fromkeys(_POSITIVE_KEYS, Estimate(None))
        return found

    def _estimated(self, counts: Counts, slice_: str | None, reference: Reference) -> Inferred:
        keys = _ESTIMATED[self._layout.task]
        nothing = dict.fromkeys(keys, Estimate(None, source="estimated"))
        if reference.calibrator is None:
            return Inferred(nothing, cbpe.assumption(reference.name), reference.why_uncalibrated)
        found = cbpe.estimated(counts, reference.calibrator, reference.name)
        why = found.why
        if not counts.rows:
            why = self._why(counts, slice_)
        return found._replace(metrics=nothing | found.metrics, why=why)

    def _beside(self, slice_: str | None, width_s: float | None, numbers: dict[str, Estimate]) -> dict[str, Estimate]:
        return numbers if self._against is None else self._against.of(width_s, numbers, slice_)

    def _confusion(self, counts: Counts) -> list[list[int]]:
        result: list[list[int]] = counts.confusion[np.ix_(self._order, self._order)].tolist()
        return result


def _not_after(at_s: float) -> datetime:
    """A moment cut to microseconds, so that `start <= time` holds of the row itself."""
    whole = math.floor(at_s)
    return utc(whole) + timedelta(microseconds=math.floor((at_s - whole) * 1e6))
