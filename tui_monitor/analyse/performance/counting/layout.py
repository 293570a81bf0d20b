"""Where each sum of a prediction log stands in one flat vector, and which class has which number."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_monitor.model import clean

CELLS = 1000  # equal steps of the score
TAIL = 16  # of them at either end, inside which scores are told apart in proportion: 0.0002 from 0.0003, 0.9997 from 0.9998
TAIL_CELLS = 243  # at either end: 4 % wide from a millionth to TAIL / CELLS, and one for all that is closer to the end
BINS = 10  # of the calibration plot
MAX_CLASSES = 100
POSITIVE = ("1", "true")  # where nobody says which class is the positive one
SAME = (("0", "false"), ("1", "true"))  # of a binary log these are spelled one way or the other, and mean one class
MISSING = {"", "null", "NaN", "nan"}

_CAPACITIES = (8, 16, 32, 64, MAX_CLASSES)
_JOINT = 16  # classes up to which proxy x label x prediction is kept: its size is their cube
_WHOLE = re.compile(r"([+-]?\d+)\.0*")
_SPELLED = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}

Shape = tuple[int, ...]


def canonical(value: object) -> str | None:
    """A class as text: a whole number without its `.0`, `true` and `false` in small letters; None where it is missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    text = clean(str(value), 80).strip()
    if text in MISSING:
        return None
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else _SPELLED.get(text, text)


class Classes:
    """Classes of a log and the numbers that stand for them in its columns, in the order in which they were seen.

    Args:
        names: known from the start, in this order.
        fixed: only those; every other value has no number.
    """

    __slots__ = ("_codes", "_spelled", "fixed", "names")

    def __init__(self, names: Iterable[object] = (), *, fixed: bool = False) -> None:
        self.fixed = False
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self._spelled: dict[str, int] = {}  # as written in the log: most rows need no second look
        for name in names:
            self.code(name)
        self.fixed = fixed

    def code(self, value: object) -> int:
        """The number of a class; -1 where the value is missing, not one of the fixed classes, or one class too many."""
        if type(value) is str and (known := self._spelled.get(value)) is not None:
            return known
        text = canonical(value)
        if text is None:
            return -1
        code = self._codes.get(text)
        if code is None:
            if self.fixed or len(self.names) >= MAX_CLASSES:
                return -1
            code = self._codes[text] = len(self.names)
            self.names.append(text)
        if type(value) is str and len(self._spelled) < 10 * MAX_CLASSES:
            self._spelled[value] = code
        return code

    def codes(self, values: Iterable[object]) -> NDArray[np.int32]:
        """`code` of every value of a column."""
        return np.fromiter(map(self.code, values), dtype=np.int32)

    def order(self) -> list[int]:
        """Numbers in the order to show: as given where they are fixed, else numbers by size before text, so that no order of rows matters."""
        if self.fixed:
            return list(range(len(self.names)))
        return sorted(range(len(self.names)), key=lambda code: _rank(self.names[code]))

    def listed(self) -> list[str]:
        """Names in the order to show."""
        return [self.names[code] for code in self.order()]


def _rank(name: str) -> tuple[int, float, str]:
    try:
        number = float(name)
    except ValueError:
        return 1, 0.0, name
    return (0, number, name) if math.isfinite(number) else (1, 0.0, name)


class Plan:
    """Positions of all sums for one capacity of classes: section -> slice and shape."""

    __slots__ = ("capacity", "sections", "shapes", "size")

    def __init__(self, capacity: int, shapes: Mapping[str, Shape]) -> None:
        self.capacity = capacity
        self.shapes = dict(shapes)
        self.sections: dict[str, slice] = {}
        start = 0
        for name, shape in shapes.items():
            end = start + math.prod(shape)
            self.sections[name] = slice(start, end)
            start = end
        self.size = start


class Layout:
    """Which sums a log keeps, and where each stands.

    All slots, windows and slices of a log share one layout. When a class comes that its vectors have no place for, `capacity` grows and
    each vector moves on its next use.

    Args:
        task: binary, multiclass or regression.
        classes: of labels, predictions and proxies.
        positive: names of the positive class of a binary task; `1` and `true` are one, and stand for nothing named.
        scores: whether rows carry a probability (binary: of the positive class; multiclass: one a class).
        counters: names of the business numbers.
        costs: label -> prediction -> cost; what is not there costs nothing.
        base: whether rows carry the prediction of another model.
        proxy: whether rows carry an early stand-in for the label.
        calibrated: whether rows carry a calibrated chance, from which a confusion matrix is expected.
        sampled: whether labels of a drawn sample may be added.
    """

    def __init__(
        self,
        task: str,
        classes: Classes | None = None,
        positive: Collection[str] = (),
        *,
        scores: bool = False,
        counters: Sequence[str] = (),
        costs: Mapping[str, Mapping[str, float]] | None = None,
        base: bool = False,
        proxy: bool = False,
        calibrated: bool = False,
        sampled: bool = True,
    ) -> None:
        self.task = task
        self.classes = classes if classes is not None else Classes()
        named = frozenset(filter(None, map(canonical, positive)))
        self.positive = named if named - set(POSITIVE) else frozenset(POSITIVE)
        self.scores = scores
        self.counters = tuple(counters)
        self.costs = {
            str(canonical(label)): {str(canonical(said)): cost for said, cost in row.items()} for label, row in (costs or {}).items()
        }
        self.base = base
        self.proxy = proxy
        self.calibrated = calibrated
        self.sampled = sampled
        self._plans: dict[int, Plan] = {}
        self._moves: dict[tuple[int, int], NDArray[np.int32]] = {}
        self._positive = np.zeros(0, dtype=np.bool_)

    @cached_property
    def regression(self) -> bool:
        """Whether labels are numbers and not classes."""
        return self.task == "regression"

    @property
    def capacity(self) -> int:
        """Classes that a vector has places for, now."""
        if self.regression:
            return _CAPACITIES[0]
        seen = len(self.classes.names)
        return next(capacity for capacity in _CAPACITIES if seen <= capacity)

    @property
    def size(self) -> int:
        """Numbers in a vector, now."""
        return self.plan().size

    def plan(self, capacity: int | None = None) -> Plan:
        """Positions for a capacity; for the present one when None."""
        capacity = capacity or self.capacity
        plan = self._plans.get(capacity)
        if plan is None:
            plan = self._plans[capacity] = Plan(capacity, self._shapes(capacity))
        return plan

    def moved(self, capacity: int) -> NDArray[np.int32]:
        """For a vector of that capacity, where each of its numbers stands in one of the present capacity."""
        key = (capacity, self.capacity)
        move = self._moves.get(key)
        if move is None:
            old, new = self.plan(capacity), self.plan()
            parts = []
            for name, shape in old.shapes.items():
                if name not in new.shapes:  # joint counts of a proxy: they do not fit any more
                    parts.append(np.full(math.prod(shape), -1))
                    continue
                inside = np.ravel_multi_index(tuple(np.indices(shape)), new.shapes[name]) if shape else np.zeros(1, dtype=np.int64)
                parts.append(np.ravel(inside) + new.sections[name].start)
            move = self._moves[key] = np.concatenate(parts).astype(np.int32)
        return move

    def grown(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """A vector of a smaller capacity as one of the present capacity; one that fits is given back as it is.

        Raises:
            ValueError: it is of no capacity of this layout.
        """
        if len(vector) == self.size:
            return vector
        capacity = next((capacity for capacity in _CAPACITIES if self.plan(capacity).size == len(vector)), None)
        if capacity is None or capacity > self.capacity:
            raise ValueError(f"{len(vector)} sums are not laid out like this log's")
        move = self.moved(capacity)
        result = np.zeros(self.size)
        stays = move >= 0
        result[move[stays]] = vector[stays]
        return result

    def positives(self) -> NDArray[np.bool_]:
        """For each class, by its number, whether it is the positive one."""
        if len(self._positive) != len(self.classes.names):
            self._positive = np.fromiter((name in self.positive for name in self.classes.names), dtype=np.bool_)
        return self._positive

    def as_one(self, codes: NDArray[Any]) -> NDArray[Any]:
        """Numbers of classes where one class has one number: of a binary log `1` and `true` are one, and `0` and `false`. -1 stays."""
        names = self.classes.names
        if self.task != "binary" or not any(number in names and word in names for number, word in SAME):
            return codes
        result = codes.copy()
        for number, word in SAME:
            if number in names and word in names:
                result[codes == names.index(word)] = names.index(number)
        return result

    def _shapes(self, k: int) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {"rows": (1,), "labelled": (1,)}
        if self.counters:
            shapes["counters"] = (len(self.counters), 3)  # rows with the number, its sum, sum of squares
        if self.regression:
            shapes["errors"] = (4,)  # e, |e|, e^2, e^4, with e = prediction - label
            if self.base:
                shapes["pairs"] = (1,)  # rows on which both models answered
                shapes["differences"] = (6,)  # |e|, e^2, |b|, b^2, d, d^2, with b the base model's error and d = |e| - |b|
            if self.proxy:
                shapes["proxied"] = (2,)  # rows with a proxy; of them with a label
                shapes["proxy_errors"] = (7,)  # x, x^2 of all; x, x^2, y, y^2, xy where labelled; x = |prediction - proxy|, y = |e|
            if self.sampled:
                shapes["sampled"] = (1,)
                shapes["sampled_errors"] = (3, 5)  # of e, |e| and e^2 as x, weight w: w, w^2, w x, w^2 x, w^2 x^2
            return shapes
        shapes["predicted"] = (k,)
        shapes["confusion"] = (k, k)  # label x prediction
        if self.scores:
            shapes["scored"] = (1,)  # labelled rows with a score
            shapes["log_loss"] = (2,)  # sum, sum of squares
            if self.task == "binary":
                shapes["brier"] = (2,)  # sum, sum of squares
                shapes["bin_scores"] = (BINS,)  # sum of the scores, of labelled rows
                shapes["cells"] = (2, CELLS)  # labelled rows: negative, positive x score
                shapes["tails"] = (2, 2 * TAIL_CELLS)  # of them those in the first and last cells: negative, positive x score
                shapes["predicted_cells"] = (2, CELLS)  # all rows: predicted negative, predicted positive x score
        if self.calibrated:
            shapes["expecting"] = (2,)  # rows with a calibrated chance: predicted negative, positive (multiclass: all, none)
            shapes["expected"] = (2, 2)  # the same x sum of the chance p, sum of p (1 - p)
            if self.scores and self.task == "binary":
                shapes["expected_cells"] = (CELLS,)  # sum of the chance, by score
                shapes["predicted_tails"] = (2, 2 * TAIL_CELLS)  # of predicted_cells those in the first and last cells
                shapes["expected_tails"] = (2 * TAIL_CELLS,)  # of expected_cells the same
        if self.base:
            shapes["pairs"] = (2, 2)  # model right x base model right
        if self.proxy:
            shapes["proxy_prediction"] = (k, k)  # all rows
            shapes["proxy_label"] = (k, k)  # labelled rows
            shapes["proxy_right"] = (2, k, k)  # labelled rows: wrong, right x proxy x prediction
            if k <= _JOINT:
                shapes["proxy_joint"] = (k, k, k)  # labelled rows: proxy x label x prediction
        if self.sampled:
            shapes["sampled"] = (k, k)  # rows: label x prediction
            shapes["sampled_weights"] = (2, k, k)  # sum of the weights, of their squares
        return shapes
