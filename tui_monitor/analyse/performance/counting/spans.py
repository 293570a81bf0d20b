"""Windows over a whole log: rows are summed between the borders that some window has, and a window is a sum of those.

Borders are known before the rows are: the log's end and what lies a window's length before it, and for a series every multiple of its step
and what lies a window's length before that. So a year of rows with few windows costs a few vectors, and with a series a few a step.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Layout
from tui_monitor.analyse.performance.counting.slots import Frozen, freeze

Vector = NDArray[np.float64]

MINUTE_S = 60.0
_OPEN = 64  # spans of a part that are held as plain vectors while rows come in
_HELD = 2_000_000  # rows that wait, where each batch falls into many spans
_ROUNDED = (
    "counters",
    "errors",
    "log_loss",
    "brier",
    "bin_scores",
    "expected",
)  # sums of no whole numbers, but for expected_cells: too many


class Borders:
    """Moments at which some window begins or ends.

    Args:
        moments: single ones.
        grids: (period, phase): every phase + k x period.
    """

    def __init__(self, moments: Iterable[float], grids: Iterable[tuple[float, float]] = ()) -> None:
        self._moments = np.unique(np.asarray(list(moments), dtype=np.float64))
        self._grids = sorted({(period, phase % period) for period, phase in grids})

    def spans(self, at_s: Vector) -> NDArray[np.int64]:
        """A number for each moment that rises exactly where a border is crossed."""
        number = np.searchsorted(self._moments, at_s, side="right").astype(np.int64)
        for period, phase in self._grids:
            number += np.floor((at_s - phase) / period).astype(np.int64)
        return number

    def span(self, at_s: float) -> int:
        """The number of one moment."""
        return int(self.spans(np.array([at_s]))[0])


def end_after(newest_s: float, step_s: float = MINUTE_S) -> float:
    """The first multiple of a step after a row."""
    return (math.floor(newest_s / step_s) + 1) * step_s


class Part:
    """The rows of one slice, or all of them, summed by span."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._open: dict[int, Counts] = {}
        self._frozen: dict[int, Frozen] = {}
        self.keys: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._sums: list[Frozen] = []
        self._exactly: Vector = np.zeros((0, 0))

    def add(self, span: int, batch: Batch) -> None:
        """Rows of one span."""
        counts = self._opened(span)
        counts.add_rows(batch)
        counts.add_labels(batch)

    def _opened(self, span: int) -> Counts:
        counts = self._open.get(span)
        if counts is None:
            if len(self._open) >= _OPEN:
                oldest = next(iter(self._open))
                self._freeze(oldest, self._open.pop(oldest))
            counts = Counts(self.layout)
            if span in self._frozen:
                counts.vector += self.layout.grown(self._frozen.pop(span).thawed())
            self._open[span] = counts
        return counts

    def _freeze(self, span: int, counts: Counts) -> None:
        counts.fit()
        self._frozen[span] = freeze(counts.vector)

    def finish(self) -> None:
        """All rows are in: put the spans in order."""
        while self._open:
            self._freeze(*self._open.popitem())
        self.keys = np.array(sorted(self._frozen), dtype=np.int64)
        for key in self.keys.tolist():
            frozen = self._frozen.pop(key)
            self._sums.append(frozen if frozen.size == self.layout.size else freeze(self.layout.grown(frozen.thawed())))
        places = self._rounded()
        self._exactly = np.zeros((len(self._sums), len(places)))
        for row, frozen in enumerate(self._sums):
            self._exactly[row] = frozen.thawed()[places]

    def _rounded(self) -> NDArray[np.intp]:
        """Places of the sums that are no whole numbers; a window sums them anew, so that nothing is left of what has left."""
        sections = self.layout.plan().sections
        places = [np.arange(sections[name].start, sections[name].stop) for name in _ROUNDED if name in sections]
        return np.concatenate(places) if places else np.zeros(0, dtype=np.intp)

    def between(self, first: int, last: int) -> Counts:
        """The sums of spans first <= number < last."""
        running = Running(self)
        return running.moved(first, last)


class Running:
    """A window that moves on over the spans of a part; each span is added once and taken out once."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._counts = Counts(part.layout)
        self._places = part._rounded()  # noqa: SLF001 - its other half
        self._first = self._last = 0  # positions among the keys

    def moved(self, first: int, last: int) -> Counts:
        """The sums of spans first <= number < last, neither smaller than before; the same object each time."""
        part, vector = self._part, self._counts.vector
        begin, end = np.searchsorted(part.keys, (first, last)).tolist()
        if begin >= self._last:  # nothing of what was in it stays
            vector[:] = 0.0
            self._first = self._last = begin
        for place in range(self._last, end):
            part._sums[place].add_to(vector)  # noqa: SLF001
        for place in range(self._first, begin):
            part._sums[place].add_to(vector, -1.0)  # noqa: SLF001
        self._first, self._last = begin, end
        vector[self._places] = part._exactly[begin:end].sum(axis=0)  # noqa: SLF001
        return self._counts


class Spans:
    """A log with its slices."""

    def __init__(self, layout: Layout, borders: Borders, slices: Sequence[str | None] = (None,)) -> None:
        self.layout = layout
        self.borders = borders
        self.parts: dict[str | None, Part] = {name: Part(layout) for name in slices}
        self.oldest_s, self.newest_s = math.inf, -math.inf
        self._waiting: list[tuple[Batch, Mapping[str, NDArray[np.bool_]]]] = []
        self._rows = 0

    def add(self, batch: Batch, inside: Mapping[str, NDArray[np.bool_]]) -> None:
        """Rows, and for each slice which of them belong to it."""
        if not len(batch.at_s):
            return
        self.oldest_s = min(self.oldest_s, float(batch.at_s.min()))
        self.newest_s = max(self.newest_s, float(batch.at_s.max()))
        self._waiting.append((batch, inside))
        self._rows += len(batch.at_s)
        number = self.borders.spans(batch.at_s)
        if self._rows >= _HELD or int(number.max() - number.min()) < _OPEN:
            self._flush()

    def finish(self) -> None:
        """All rows are in."""
        self._flush()
        for part in self.parts.values():
            part.finish()

    def _flush(self) -> None:
        if not self._waiting:
            return
        batch, inside = _joined(self._waiting)
        self._waiting, self._rows = [], 0
        number = self.borders.spans(batch.at_s)
        for name, part in self.parts.items():
            rows = np.arange(len(number)) if name is None else np.flatnonzero(inside[name])
            for span, of_span in _grouped(number[rows]):
                part.add(span, batch.take(rows[of_span]))


class Moment(NamedTuple):
    """One window of a series: start <= time < end."""

    start_s: float | None  # None: since the log's start
    end_s: float


def series(spans: Spans, name: str | None, width_s: float | None, ends: Iterable[float]) -> Iterator[tuple[Moment, Counts]]:
    """The windows of one width that end at rising moments; their counts are one object that moves on."""
    running = Running(spans.parts[name])
    first = int(spans.parts[name].keys[0]) if len(spans.parts[name].keys) else 0
    for end_s in ends:
        begin = first if width_s is None else spans.borders.span(end_s - width_s)
        start_s = None if width_s is None else end_s - width_s
        yield Moment(start_s, end_s), running.moved(begin, spans.borders.span(end_s))


def _grouped(number: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.intp] | slice]]:
    """Rows by span, in order."""
    if not len(number):
        return
    if number[0] == number[-1] and (number == number[0]).all():
        yield int(number[0]), slice(None)
        return
    order = np.argsort(number, kind="stable")
    starts = np.concatenate(([0], np.flatnonzero(np.diff(number[order])) + 1, [len(number)]))
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        yield int(number[order[start]]), order[start:end]


def _joined(waiting: list[tuple[Batch, Mapping[str, NDArray[np.bool_]]]]) -> tuple[Batch, Mapping[str, NDArray[np.bool_]]]:
    if len(waiting) == 1:
        return waiting[0]
    columns = zip(*(batch for batch, _ in waiting), strict=True)
    batch = Batch(*(None if column[0] is None else np.concatenate(column) for column in columns))  # type: ignore[arg-type]
    return batch, {name: np.concatenate([inside[name] for _, inside in waiting]) for name in waiting[0][1]}
