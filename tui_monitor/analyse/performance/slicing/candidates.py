"""Slices that nobody had to think of: the frequent categories of a log and the quarters of its numbers.

They are learned from the first rows, and later grow by categories that become frequent. With those that were configured there are never more
than 64, the ones with most traffic; what had to be left out is counted. Columns that tell rows apart instead of grouping them make no slices:
ids, free text, clocks and counters, and whatever is the same everywhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.slicing.slices import Slice, number_of, predicate, text_of
from tui_monitor.language.columns import spelled_column, spelled_text
from tui_monitor.model import clean

MOST = 64  # slices of one log, the configured ones among them
LEARN = 1000  # rows before anything is proposed
SMALLEST = 0.01  # share of the rows below which a part is not worth a slice
LARGEST = 0.95  # and above which it is the log itself
GROWN = 0.05  # share of the newest rows with which a new category becomes a slice

_COLUMNS = 200  # of a log that are looked at
_KEPT = 200  # distinct values of a column that are counted on
_FEW = 10  # distinct numbers up to which they are categories: codes, stars, yes and no
_TELLING = 0.5  # distinct texts among the rows from which they are ids
_LONGEST = 60  # characters of a category
_NUMERIC = 0.95  # share of the values that have to be numbers

Values = NDArray[Any]


class Proposed(NamedTuple):
    """A part that could be a slice, with its share of the rows."""

    share: float
    slice: Slice


class Candidates:
    """The slices of one log.

    Args:
        configured: those that always stay, in their order.
        apart: columns that are never sliced: private ones, ids, times, predictions, labels, scores.
        automatic: whether to look for others at all.
        most: slices in all.
    """

    def __init__(self, configured: Sequence[Slice] = (), apart: Collection[str] = (), *, automatic: bool = True, most: int = MOST) -> None:
        self.slices: list[Slice] = list(configured)
        self.left_out = 0  # found, and without a place
        self._fixed = len(self.slices)
        self._apart = frozenset(apart)
        self._automatic = automatic
        self._most = most
        self._first: list[tuple[int, dict[str, list[Any]]]] | None = [] if automatic else None  # rows, columns; None: learned
        self._rows = 0
        self._counts: dict[str, Counter[str]] = {}  # of category columns, over the newest rows
        self._counted = 0
        self._shares: dict[str, float] = {}  # expression -> share, of the automatic ones
        self._waiting: dict[str, float] = {}  # the same, of those without a place

    def add(self, columns: Mapping[str, Values]) -> bool:
        """Learn from a batch of rows; whether `slices` changed. Automatic ones may come and go, the configured ones never.

        Args:
            columns: one array a column, all of the same length; numbers with NaN for missing, or objects with None.
        """
        rows = len(next(iter(columns.values()), ()))
        if not self._automatic or not rows:
            return False
        if self._first is not None:
            missing = LEARN - self._rows
            names = [name for name in columns if name not in self._apart][:_COLUMNS]
            self._first.append((min(rows, missing), {name: columns[name][:missing].tolist() for name in names}))
            self._rows += rows
            return self.settle() if self._rows >= LEARN else False
        return self._grow(columns, rows)

    def settle(self) -> bool:
        """Learn from what there is, however little: a log may be at its end. Whether `slices` changed."""
        if self._first is None:
            return False
        first, self._first = self._first, None
        found: list[Proposed] = []
        for name in dict.fromkeys(name for _, batch in first for name in batch):
            values = [value for rows, batch in first for value in batch.get(name, [None] * rows)]
            found += self._of_column(name, values)
        found.sort(key=lambda one: -one.share)
        here = {one.expression.strip() for one in self.slices}
        found = [one for one in found if one.slice.expression not in here]
        taken, rest = found[: max(0, self._most - self._fixed)], found[max(0, self._most - self._fixed) :]
        self.slices += [one.slice for one in taken]
        self._shares = {one.slice.expression: one.share for one in taken}
        self._waiting = {one.slice.expression: one.share for one in rest}
        self.left_out = len(rest)
        return bool(taken)

    def _of_column(self, name: str, values: list[Any]) -> list[Proposed]:
        column = spelled_column(name)
        if column is None:
            return []
        known = [value for value in values if not _is_missing(value)]
        found = _categories_or_quarters(name, column, known, len(values))
        if any(one.slice.expression.startswith(f"{column} == ") and not _is_number(one) for one in found):
            self._counts[name] = Counter()
        share = 1 - len(known) / len(values)
        if known and SMALLEST <= share <= LARGEST:
            found.append(Proposed(share, predicate(f"{column} is unknown")))
        return found

    # -- growing --------------------------------------------------------------------------------------------------------------------------

    def _grow(self, columns: Mapping[str, Values], rows: int) -> bool:
        """Count the categories of the newest rows; at every LEARN of them, see whether one has become frequent."""
        for name, counter in self._counts.items():
            values = columns.get(name)
            if values is not None and values.dtype == object:
                counter.update(value for value in values.tolist() if isinstance(value, str))
        self._counted += rows
        if self._counted < LEARN:
            return False
        changed = False
        for name, counter in self._counts.items():
            column = spelled_column(name)
            shares = {_equal(column, value): share for value, share in _merged(counter, self._counted)}
            counter.clear()
            for expression in self._shares:
                if expression.startswith(f"{column} == "):
                    self._shares[expression] = shares.get(expression, 0.0)
            for expression, share in shares.items():
                if expression and expression not in self._shares and GROWN <= share <= LARGEST:
                    changed |= self._enter(expression, share)
        self._counted = 0
        self.left_out = len(self._waiting)
        return changed

    def _enter(self, expression: str, share: float) -> bool:
        """A new slice, in a free place or in that of one with less than half of its traffic."""
        if any(one.expression.strip() == expression for one in self.slices):
            return False
        if len(self.slices) >= self._most:
            least = min(self._shares, key=lambda one: self._shares[one], default=None)
            if least is None or self._shares[least] > share / 2:
                self._waiting[expression] = share
                while len(self._waiting) > _KEPT:
                    self._waiting.pop(min(self._waiting, key=lambda one: self._waiting[one]))
                return False
            self._waiting[least] = self._shares.pop(least)
            self.slices = [one for place, one in enumerate(self.slices) if place < self._fixed or one.expression != least]
        self._waiting.pop(expression, None)
        self.slices.append(predicate(expression))
        self._shares[expression] = share
        return True


# -- what a column is -------------------------------------------------------------------------------------------------------------------


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and not math.isfinite(value))


def _is_number(one: Proposed) -> bool:
    return not one.slice.expression.endswith(('"', "'"))


def _categories_or_quarters(name: str, column: str, known: list[Any], rows: int) -> list[Proposed]:
    numbers = [value for value in map(_as_number, known) if value is not None]
    if not known:
        return []
    if len(numbers) < _NUMERIC * len(known):
        return _of_texts(column, [value for value in known if isinstance(value, str)], rows)
    distinct = Counter(numbers)
    if len(distinct) <= _FEW:
        counted = [(f"{column} == {number:.15g}", count / rows) for number, count in distinct.items()]
        return [] if len(distinct) < 2 else _proposed(counted)
    return [] if _tells_apart(name, numbers) else _quarters(column, np.array(numbers), rows)


def _as_number(value: Any) -> float | None:
    if isinstance(value, str):
        return number_of(value)
    return float(value) if isinstance(value, (int, float)) and abs(value) < 1e300 else None


def _tells_apart(name: str, numbers: list[float]) -> bool:
    """Ids, clocks and counters: numbers that only rise, or that are called an id and are never the same."""
    steps = np.diff(numbers)
    if len(steps) >= 20 and float(np.mean(steps >= 0)) > 0.99:
        return True
    words = name.lower().replace("-", "_").split("_")
    return ("id" in words or name.endswith("Id")) and len(set(numbers)) > _TELLING * len(numbers)


def _of_texts(column: str, texts: list[str], rows: int) -> list[Proposed]:
    if not texts:
        return []
    counts = Counter(texts)
    if len(counts) > _TELLING * len(texts) or max(map(len, counts)) > 4 * _LONGEST:
        return []
    merged = _merged(counts, rows)
    if len(merged) < 2 and len(texts) == rows:
        return []
    return _proposed((_equal(column, value), share) for value, share in merged[:_KEPT])


def _merged(counts: Mapping[str, int], rows: int) -> list[tuple[str, float]]:
    """Categories by share, most frequent first; those that differ in case only are one, called by its most frequent spelling."""
    together: Counter[str] = Counter()
    names: dict[str, str] = {}
    for value, count in sorted(counts.items(), key=lambda one: -one[1]):
        key = text_of(value)
        names.setdefault(key, value)
        together[key] += count
    return [(names[key], count / rows) for key, count in together.most_common()]


def _equal(column: str | None, value: str) -> str:
    """`lang == "de"`; nothing where it cannot be written."""
    text = spelled_text(value) if len(value) <= _LONGEST and clean(value, _LONGEST) == value else None
    return f"{column} == {text}" if column and text else ""


def _proposed(counted: Iterable[tuple[str, float]]) -> list[Proposed]:
    return [Proposed(share, predicate(expression)) for expression, share in counted if expression and SMALLEST <= share <= LARGEST]


def _quarters(column: str, numbers: NDArray[np.float64], rows: int) -> list[Proposed]:
    """Up to four parts of about the same size, with edges that can be read."""
    whole = bool(np.all(numbers == np.rint(numbers)))
    spread = float(np.quantile(numbers, 0.9) - np.quantile(numbers, 0.1)) or 1.0
    edges = sorted({_readable(float(edge), spread, whole) for edge in np.quantile(numbers, (0.25, 0.5, 0.75))})
    texts = [f"{edge:.15g}" for edge in edges]
    said = [f"{column} <= {texts[0]}", *(f"{column} > {low} and {column} <= {high}" for low, high in pairwise(texts))]
    said.append(f"{column} > {texts[-1]}")
    places = np.bincount(np.searchsorted(edges, numbers, side="left"), minlength=len(said))
    return _proposed((expression, int(count) / rows) for expression, count in zip(said, places, strict=True))


def _readable(edge: float, spread: float, whole: bool) -> float:  # noqa: FBT001 -- of the column
    """An edge rounded to a hundredth of the spread; to a whole number where the column has no others."""
    digits = 2 - math.floor(math.log10(spread))
    return float(round(edge, min(digits, 0) if whole else digits))
