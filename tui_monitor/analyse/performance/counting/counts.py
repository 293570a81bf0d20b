"""Sums from which every quality number follows: they add and subtract, so any window is a sum of slots of time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.layout import BINS, CELLS, TAIL, TAIL_CELLS, Layout

FloatArray = NDArray[np.float64]

_SMALLEST = 1e-6  # distance from 0 or 1; nearer scores are one
_STEP = float(np.log(TAIL / CELLS / _SMALLEST) / (TAIL_CELLS - 1))  # of the logarithm of a distance; 4 %
_LARGEST = 1e70  # prediction or label; the fourth power of an error is still a number
_EPSILON = float(np.finfo(np.float64).eps)  # a probability of 0 costs -log of this, as in scikit-learn
_EXACT = 2.0**53  # whole numbers up to here have no rounding
_FADED = 1e-3  # of a sum is left; its rounding is then still under 1e-12 of it


class Batch(NamedTuple):
    """Columns of n rows. Classes are numbers of the log's `Classes`; in regression they are the numbers themselves."""

    at_s: FloatArray
    prediction: NDArray[np.int32] | FloatArray
    label: NDArray[np.int32] | FloatArray  # -1 or nan: not known
    score: FloatArray | None = None  # n: of the positive class, or n x classes; nan: not usable
    base: NDArray[np.int32] | FloatArray | None = None  # another model's prediction, -1 or nan: none
    proxy: NDArray[np.int32] | FloatArray | None = None  # an early stand-in for the label, -1 or nan: none
    counters: FloatArray | None = None  # n x counters, nan: none
    calibrated: FloatArray | None = None  # binary: chance of the positive class; multiclass: chance that the prediction is right

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Batch:
        """Some of the rows: by a mask, by their positions, or a stretch of them."""
        return Batch(*(None if column is None else column[rows] for column in self))  # type: ignore[arg-type]


class Packed(Struct, frozen=True, eq=False):
    """Counts of a slot that is done with: only what is not zero."""

    index: NDArray[np.int32]
    value: FloatArray
    capacity: int  # of the layout when it was packed

    def moved(self, layout: Layout) -> Packed:
        """The same under the layout's present capacity."""
        if self.capacity == layout.capacity:
            return self
        index = layout.moved(self.capacity)[self.index]
        stays = index >= 0
        return Packed(index[stays], self.value[stays], layout.capacity)


class Counts:
    """All sums of one slot of time, of one window, or of one slice in either.

    Counts of rows are whole numbers in float64: exact up to 2^53, also after subtracting. Sums of floats (losses, errors, weights) keep a
    rounding error when slots are taken out of a window: see `faded`.
    """

    __slots__ = ("_capacity", "layout", "vector")

    def __init__(self, layout: Layout, vector: FloatArray | None = None) -> None:
        """Begin with nothing, or read (and add to) a vector of sums that somebody else keeps.

        Args:
            layout: of the log.
            vector: not copied while it has the layout's present size.
        """
        self.layout = layout
        self._capacity = layout.capacity
        self.vector: FloatArray = np.zeros(layout.size) if vector is None else layout.grown(vector)

    # -- adding rows --------------------------------------------------------------------------------------------------------------------

    def add_rows(self, batch: Batch) -> None:
        """Count predictions, whether or not their label is known."""
        self.fit()
        n = len(batch.prediction)
        if not n:
            return
        self["rows"][0] += n
        if batch.counters is not None and self.layout.counters:
            there = np.isfinite(batch.counters)
            number = np.where(there, batch.counters, 0.0)
            self["counters"][:] += np.stack([there.sum(axis=0), number.sum(axis=0), (number * number).sum(axis=0)], axis=1)
        if self.layout.regression:
            self._regression_rows(batch)
        else:
            self._class_rows(batch)

    def add_labels(self, batch: Batch) -> None:
        """Count those of the rows whose label is known; each must have been counted by `add_rows`, before or after."""
        self.fit()
        known = np.isfinite(batch.label) if self.layout.regression else batch.label >= 0
        if not known.all():
            batch = batch.take(known)
        n = len(batch.label)
        if not n:
            return
        self["labelled"][0] += n
        if self.layout.regression:
            self._regression_labels(batch)
        else:
            self._class_labels(batch)

    def add_sampled(
        self,
        prediction: NDArray[np.int32] | FloatArray,
        label: NDArray[np.int32] | FloatArray,
        weight: FloatArray,
    ) -> None:
        """Count labels of a drawn sample, each with 1 / the chance that its row had to be drawn."""
        self.fit()
        if not self.layout.sampled or not len(label):
            return
        if self.layout.regression:
            error = _error(prediction, label)
            self["sampled"][0] += len(error)
            square = weight * weight
            for place, x in enumerate((error, np.abs(error), error * error)):
                self["sampled_errors"][place] += (weight.sum(), square.sum(), weight @ x, square @ x, square @ (x * x))
            return
        flat = self._flat(label, prediction)
        self._count("sampled", flat)
        cells = self._capacity**2
        weights = self["sampled_weights"].reshape(2, cells)
        weights[0] += np.bincount(flat, weight, cells)
        weights[1] += np.bincount(flat, weight * weight, cells)

    def _class_rows(self, batch: Batch) -> None:
        said = batch.prediction.astype(np.int64, copy=False)
        self._count("predicted", said)
        binary = self.layout.task == "binary"
        positive = self.layout.positives()[said] if binary else None
        if positive is not None and self.layout.scores and batch.score is not None:
            usable, cell = _cells(batch.score)
            self._count("predicted_cells", (cell + CELLS * positive)[usable])
        if self.layout.calibrated and batch.calibrated is not None:
            self._expect(batch, positive)
        if self.layout.proxy and batch.proxy is not None:
            there = batch.proxy >= 0
            self._count("proxy_prediction", self._flat(batch.proxy, said)[there])

    def _expect(self, batch: Batch, positive: NDArray[np.bool_] | None) -> None:
        chance = batch.calibrated
        if chance is None:
            return
        there = np.isfinite(chance)
        group = np.zeros(len(chance), dtype=np.int64) if positive is None else positive.astype(np.int64)
        group, chance = group[there], np.clip(chance[there], 0.0, 1.0)
        self._count("expecting", group)
        expected = self["expected"]
        expected[:, 0] += np.bincount(group, chance, 2)
        expected[:, 1] += np.bincount(group, chance * (1 - chance), 2)
        if "expected_cells" in self.layout.plan(self._capacity).sections and batch.score is not None:
            usable, cell = _cells(batch.score[there])
            self["expected_cells"][:] += np.bincount(cell[usable], chance[usable], CELLS)
            inside = usable & ((cell < TAIL) | (cell >= CELLS - TAIL))
            fine = _fine(batch.score[there][inside])
            self._count("predicted_tails", fine + 2 * TAIL_CELLS * group[inside])
            self["expected_tails"][:] += np.bincount(fine, chance[inside], 2 * TAIL_CELLS)

    def _class_labels(self, batch: Batch) -> None:
        said, label = batch.prediction.astype(np.int64, copy=False), batch.label.astype(np.int64, copy=False)
        flat = self._flat(label, said)
        self._count("confusion", flat)
        if self.layout.scores and batch.score is not None:
            if self.layout.task == "binary":
                self._scores(batch.score, self.layout.positives()[label])
            elif batch.score.ndim == 2:
                self._probabilities(batch.score, label)
        if self.layout.base and batch.base is not None:
            there, as_one = batch.base >= 0, self.layout.as_one
            right = as_one(label)
            self._count("pairs", (2 * (as_one(said) == right) + (as_one(batch.base) == right))[there])
        if self.layout.proxy and batch.proxy is not None:
            self._proxy_labels(batch.proxy.astype(np.int64, copy=False), label, said)

    def _scores(self, score: FloatArray, positive: NDArray[np.bool_]) -> None:
        usable, cell = _cells(score)
        if not usable.all():
            score, positive, cell = score[usable], positive[usable], cell[usable]
        self["scored"][0] += len(score)
        self._count("cells", cell + CELLS * positive)
        inside = (cell < TAIL) | (cell >= CELLS - TAIL)
        self._count("tails", _fine(score[inside]) + 2 * TAIL_CELLS * positive[inside])
        self["bin_scores"][:] += np.bincount(cell // (CELLS // BINS), score, BINS)
        loss = -np.log(np.clip(np.where(positive, score, 1.0 - score), _EPSILON, 1.0 - _EPSILON))
        self["log_loss"][:] += (loss.sum(), loss @ loss)
        square = (score - positive) ** 2
        self["brier"][:] += (square.sum(), square @ square)

    def _probabilities(self, score: FloatArray, label: NDArray[np.int64]) -> None:
        there = label < score.shape[1]
        chance = score[there, label[there]]
        chance = chance[(chance >= 0.0) & (chance <= 1.0)]
        self["scored"][0] += len(chance)
        loss = -np.log(np.clip(chance, _EPSILON, 1.0 - _EPSILON))
        self["log_loss"][:] += (loss.sum(), loss @ loss)

    def _proxy_labels(self, proxy: NDArray[np.int64], label: NDArray[np.int64], said: NDArray[np.int64]) -> None:
        there = proxy >= 0
        proxy, label, said = proxy[there], label[there], said[there]
        self._count("proxy_label", self._flat(proxy, label))
        self._count("proxy_right", self._flat(proxy, said) + self._capacity**2 * (self.layout.as_one(label) == self.layout.as_one(said)))
        if "proxy_joint" in self.layout.plan(self._capacity).sections:
            self._count("proxy_joint", self._flat(self._flat(proxy, label), said))

    def _regression_rows(self, batch: Batch) -> None:
        if self.layout.proxy and batch.proxy is not None:
            x = np.abs(_error(batch.prediction, batch.proxy))
            x = x[np.isfinite(x)]
            self["proxied"][0] += len(x)
            self["proxy_errors"][:2] += (x.sum(), x @ x)

    def _regression_labels(self, batch: Batch) -> None:
        error = _error(batch.prediction, batch.label)
        size, square = np.abs(error), error * error
        self["errors"][:] += (error.sum(), size.sum(), square.sum(), square @ square)
        if self.layout.base and batch.base is not None:
            theirs = np.abs(_error(batch.base, batch.label))
            there = np.isfinite(theirs)
            ours, theirs = size[there], theirs[there]
            difference = ours - theirs
            self["pairs"][0] += len(ours)
            self["differences"][:] += (
                ours.sum(), ours @ ours, theirs.sum(), theirs @ theirs, difference.sum(), difference @ difference,
            )  # fmt: skip
        if self.layout.proxy and batch.proxy is not None:
            x = np.abs(_error(batch.prediction, batch.proxy))
            there = np.isfinite(x)
            x, y = x[there], size[there]
            self["proxied"][1] += len(x)
            self["proxy_errors"][2:] += (x.sum(), x @ x, y.sum(), y @ y, x @ y)

    # -- adding counts ------------------------------------------------------------------------------------------------------------------

    def add(self, other: Counts, sign: int = 1) -> None:
        """Add a slot to a window, or with sign -1 take it out."""
        self.fit()
        other.fit()
        self.vector += sign * other.vector

    def add_packed(self, packed: Packed, sign: int = 1) -> None:
        """The same for a slot that was packed."""
        self.fit()
        packed = packed.moved(self.layout)
        self.vector[packed.index] += sign * packed.value  # each index is there once

    def packed(self) -> Packed:
        """What is not zero."""
        index = np.flatnonzero(self.vector)
        return Packed(index.astype(np.int32), self.vector[index], self._capacity)

    @classmethod
    def unpacked(cls, layout: Layout, packed: Packed) -> Counts:
        """Counts to which rows can be added again."""
        counts = cls(layout)
        counts.add_packed(packed)
        return counts

    # -- reading ------------------------------------------------------------------------------------------------------------------------

    def __getitem__(self, section: str) -> FloatArray:
        """A section of the vector in its shape, not a copy; KeyError where the layout has none of that name."""
        plan = self.layout.plan(self._capacity)
        return self.vector[plan.sections[section]].reshape(plan.shapes[section])

    def __contains__(self, section: str) -> bool:
        return section in self.layout.plan(self._capacity).sections

    def fit(self) -> None:
        """Grow with the layout's classes."""
        capacity = self.layout.capacity
        if capacity != self._capacity:
            self.vector = self.layout.grown(self.vector)
            self._capacity = capacity

    @property
    def rows(self) -> int:
        """Predictions."""
        return int(self.vector[0])

    @property
    def labelled(self) -> int:
        """Of them, with a label."""
        return int(self.vector[1])

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Label x prediction, in the order of `classes.names`."""
        return self._square("confusion")

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Predictions of each class, with or without label."""
        return self["predicted"][: len(self.layout.classes.names)].astype(np.int64)

    @property
    def cells(self) -> NDArray[np.int64]:
        """Labelled rows: negative and positive x 1,000 equal steps of the score."""
        return self["cells"].astype(np.int64)

    @property
    def ordered_cells(self) -> NDArray[np.int64]:
        """Labelled rows: negative and positive x score in rising order, as fine as it is kept: in proportion near 0 and 1, equal steps between."""
        return _ordered(self["cells"], self["tails"]).astype(np.int64)

    @property
    def ordered_predicted(self) -> FloatArray:
        """All rows of a layout with calibrated chances, by score in the same order: predicted negative and positive."""
        return _ordered(self["predicted_cells"], self["predicted_tails"])

    @property
    def ordered_expected(self) -> FloatArray:
        """Of them the positives to expect."""
        return _ordered(self["expected_cells"], self["expected_tails"])

    @property
    def sampled(self) -> NDArray[np.int64]:
        """Labels of a drawn sample: label x prediction."""
        return self._square("sampled")

    def _square(self, section: str) -> NDArray[np.int64]:
        self.fit()
        k = len(self.layout.classes.names)
        return self[section][:k, :k].astype(np.int64)

    # -- flat indices -------------------------------------------------------------------------------------------------------------------

    def _flat(self, row: NDArray[np.integer] | FloatArray, column: NDArray[np.integer] | FloatArray) -> NDArray[np.int64]:
        return row.astype(np.int64, copy=False) * self._capacity + column.astype(np.int64, copy=False)

    def _count(self, section: str, flat: NDArray[np.int64]) -> None:
        place = self.layout.plan(self._capacity).sections[section]
        self.vector[place] += np.bincount(flat, minlength=place.stop - place.start)


def faded(before: FloatArray, after: FloatArray) -> bool:
    """Whether a window has to be summed up anew from its slots, because what was taken out of it dwarfs what is left.

    A sum of floats keeps about 1e-16 of the largest value it ever had as rounding. One row with an absurd error, gone from the window,
    would stay in its squares for good. Whole numbers below 2^53 are exact and do not count here.

    Args:
        before: the window's sums before slots were taken out.
        after: the same after it.
    """
    rounded = (before != np.floor(before)) | (np.abs(before) > _EXACT)
    return bool(np.any(np.abs(after[rounded]) < _FADED * np.abs(before[rounded])))


def _cells(score: FloatArray) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which scores can be used, and the step of 0..1 that each belongs to; 1.0 belongs to the last."""
    usable = (score >= 0.0) & (score <= 1.0)
    cell = (np.where(usable, score, 0.0) * CELLS).astype(np.int64)
    return usable, np.minimum(cell, CELLS - 1)


def _error(prediction: NDArray[np.int32] | FloatArray, truth: NDArray[np.int32] | FloatArray) -> FloatArray:
    """Prediction - truth, of numbers that are cut where the fourth power would be none."""
    error: FloatArray = np.clip(prediction, -_LARGEST, _LARGEST) - np.clip(truth, -_LARGEST, _LARGEST)
    return error


def _fine(score: FloatArray) -> NDArray[np.int64]:
    """Which of the cells in proportion each score in the first and last equal steps belongs to; those near 1 after those near 0."""
    is_low = score < 0.5
    fine = (np.log(np.maximum(np.where(is_low, score, 1.0 - score), _SMALLEST) / _SMALLEST) / _STEP).astype(np.int64)
    fine = np.minimum(fine, TAIL_CELLS - 1)
    return np.where(is_low, fine, 2 * TAIL_CELLS - 1 - fine)


def _ordered(cells: FloatArray, tails: FloatArray) -> FloatArray:
    return np.concatenate([tails[..., :TAIL_CELLS], cells[..., TAIL:-TAIL], tails[..., TAIL_CELLS:]], axis=-1)


_NEAR = _SMALLEST * np.exp((np.arange(TAIL_CELLS) + 0.5) * _STEP)
MIDDLES: FloatArray = _ordered((np.arange(CELLS) + 0.5) / CELLS, np.concatenate([_NEAR, 1.0 - _NEAR[::-1]]))
"""The score in the middle of each of the ordered cells."""
