"""Slices of a log: `prompt_tokens > 2048 and not lang == "de"`, in the language of the rules, over whole columns at once.

Three truth values, as everywhere: a value that is missing compares to nothing, and a row belongs to a slice only where its condition is true.
What a log calls text may be a number and the other way round, so:

- a number, or a text that reads as one (`true` is 1), is held against a number as a number;
- any other text is no number: never equal to one, and in no order with it;
- a column is held against a text as text, whatever the case, a whole number without its `.0`; its numbers as numbers where the text is one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tui_monitor.language.columns import read_slice
from tui_monitor.language.expression import Expression, ExpressionError
from tui_monitor.language.truth import Arithmetic, Comparison, Condition, Join, Name, Negative, Not, Number, Operand, Unknown, Word

__all__ = ["ExpressionError", "Slice", "Table", "number_of", "predicate", "text_of"]

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_BEGINS = frozenset("+-.0123456789tTfF")
_TRUTHS = {"true": 1.0, "false": 0.0}
_NUMPY: dict[str, Callable[[Any, Any], Mask]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


class Slice(Struct, frozen=True, eq=False):
    """A part of a log that is judged apart."""

    name: str
    expression: str
    columns: tuple[str, ...]  # that it asks for
    read: Expression

    def fits(self, columns: Mapping[str, NDArray[Any]] | Table) -> Mask:
        """Which rows belong to it.

        Args:
            columns: one array a column, all of the same length: numbers with NaN for missing, or objects with None. A column that is not
                there is missing in every row. Give the same `Table` to all slices of a batch: it reads every column once.
        """
        table = columns if isinstance(columns, Table) else Table(columns)
        return _truth(self.read.root, table).yes

    def __call__(self, features: Mapping[str, float | str | None]) -> bool:
        """Whether one row belongs to it; for many rows `fits` costs a hundredth of that."""
        return bool(self.fits({name: np.array([features.get(name)], dtype=object) for name in self.columns})[0])

    def absent(self, names: Iterable[str]) -> str:
        """Why it stays empty in a log with these columns: a sentence about the first one that is not there, or nothing."""
        known = list(names)
        lost = next((name for name in self.columns if name not in known), None)
        if lost is None:
            return ""
        odd = next((name for name in known if not re.fullmatch(r"[\w.:]+", name) and lost in re.split(r"[^\w.:]+", name)), None)
        return f"no column {lost} in this log" + (f" (did you mean `{odd}`, in backquotes?)" if odd else "")


Predicate = Slice


def predicate(expression: str, name: str = "") -> Slice:
    """A slice as it was written; without a name of its own it is called by its expression.

    Raises:
        ExpressionError: it cannot be read; with the column, and a sentence.
    """
    read = read_slice(expression)
    return Slice(name or expression.strip(), expression, read.names, read)


def number_of(text: str) -> float | None:
    """The number that a text is; None where it is none."""
    if text[:1] not in _BEGINS:  # most texts: this is asked of every one
        return None
    if text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def text_of(text: str) -> str:
    """A text as it is compared: without case, a whole number without its `.0`."""
    whole = _WHOLE.fullmatch(text) if text.endswith("0") else None
    return whole[1] if whole else text.casefold()


# -- columns ----------------------------------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """A column as comparisons need it."""

    known: Mask
    numbers: Floats  # NaN where there is none
    codes: NDArray[np.int32] | None  # into `texts`; None: numbers only
    texts: tuple[str | None, ...] = ()  # of each distinct value; None: it is a number, or missing

    def equals(self, word: str) -> Mask:
        """Rows whose value is this text."""
        number = number_of(word)
        same = self.numbers == number if number is not None else np.zeros(len(self.known), dtype=np.bool_)
        if self.codes is None:
            return same
        wanted = text_of(word)
        is_text = np.array([text is not None for text in self.texts], dtype=np.bool_)[self.codes]
        is_word = np.array([text == wanted for text in self.texts], dtype=np.bool_)[self.codes]
        return np.where(is_text, is_word, same)

    def spelled(self) -> NDArray[np.object_]:
        """Every value as text, None where it is missing."""
        if self.codes is not None:
            texts = np.array([*self.texts, None], dtype=object)[:-1]
            return np.where(texts[self.codes] == None, _spelled(self.numbers), texts[self.codes])  # noqa: E711 -- one by one
        return _spelled(self.numbers)


def _spelled(numbers: Floats) -> NDArray[np.object_]:
    return np.array([None if value != value else text_of(repr(value)) for value in numbers.tolist()] + [None], dtype=object)[:-1]  # noqa: PLR0124


class Table(Mapping[str, Column]):
    """The columns of a batch, each read once, however many slices ask for it."""

    def __init__(self, columns: Mapping[str, NDArray[Any] | Sequence[Any]]) -> None:
        self._columns = columns
        self._read: dict[str, Column] = {}
        self.rows = len(next(iter(columns.values()), ()))

    def __getitem__(self, name: str) -> Column:
        """A column; one that is not there is missing in every row."""
        found = self._read.get(name)
        if found is None:
            values = self._columns.get(name)
            found = _nothing(self.rows) if values is None else _column(np.asarray(values))
            self._read[name] = found
        return found

    def __iter__(self) -> Iterator[str]:
        """The names of its columns."""
        return iter(self._columns)

    def __len__(self) -> int:
        """How many columns it has."""
        return len(self._columns)


def _nothing(rows: int) -> Column:
    return Column(np.zeros(rows, dtype=np.bool_), np.full(rows, np.nan), None)


def _column(values: NDArray[Any]) -> Column:
    if values.dtype.kind in "fiub":
        numbers = values.astype(np.float64)
        known = np.isfinite(numbers)
        return Column(known, numbers if known.all() else np.where(known, numbers, np.nan), None)
    distinct = _Distinct()
    listed = values.tolist()
    try:
        codes = np.fromiter(map(distinct.__getitem__, listed), dtype=np.int32, count=len(listed))
    except TypeError:  # a list or an object inside: no value that could be compared
        listed = [value if isinstance(value, (str, int, float, np.generic)) else None for value in listed]
        codes = np.fromiter(map(distinct.__getitem__, listed), dtype=np.int32, count=len(listed))
    known = np.array([*distinct.known, False])[:-1][codes]
    return Column(known, np.array([*distinct.numbers, np.nan])[:-1][codes], codes, tuple(distinct.texts))


class _Distinct(dict[Any, int]):
    """Numbers the distinct values of a column, and reads each once."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[bool] = []
        self.numbers: list[float] = []
        self.texts: list[str | None] = []

    def __missing__(self, value: Any) -> int:
        code = len(self.known)
        number, text = _read(value)
        self.known.append(number is not None or text is not None)
        self.numbers.append(math.nan if number is None else number)
        self.texts.append(text)
        self[value] = code
        return code


def _read(value: Any) -> tuple[float | None, str | None]:
    """The number and the text that a value is; neither where it is missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return (number_of(value), text_of(value)) if value else (None, None)
    if isinstance(value, (int, float)):
        try:
            number = float(value)
        except OverflowError:
            return None, None
        return (number, None) if math.isfinite(number) else (None, None)
    return None, None


# -- truth ------------------------------------------------------------------------------------------------------------------------------


class _Truth(NamedTuple):
    """Where a condition is true, and where it is false; elsewhere nobody can say."""

    yes: Mask
    no: Mask


def _truth(condition: Condition, table: Table) -> _Truth:
    match condition:
        case Comparison(sign=sign, left=left, right=right):
            return _compared(sign, left, right, table)
        case Not(of=of):
            inner = _truth(of, table)
            return _Truth(inner.no, inner.yes)
        case Join(word=word, parts=parts):
            return _joined([_truth(part, table) for part in parts], word == "or")
        case Unknown(of=of, spelled=spelled):
            known = table[of.name].known
            return _Truth(known, ~known) if spelled == "known" else _Truth(~known, known)
    raise TypeError(f"no condition of a slice: {condition!r}")  # the reader lets no other through


def _joined(parts: list[_Truth], any_: bool) -> _Truth:  # noqa: FBT001 -- which word joins them
    yes, no = parts[0]
    for part in parts[1:]:
        yes, no = (yes | part.yes, no & part.no) if any_ else (yes & part.yes, no | part.no)
    return _Truth(yes, no)


def _compared(sign: str, left: Operand, right: Operand, table: Table) -> _Truth:
    for side, other in ((left, right), (right, left)):
        if isinstance(side, Word) and isinstance(other, Name):
            column = table[other.name]
            return _equality(sign, column.equals(side.word), column.known)
    first, second = _numbers(left, table), _numbers(right, table)
    both = ~np.isnan(first) & ~np.isnan(second)
    holds = _NUMPY[sign](first, second)
    yes, no = both & holds, both & ~holds
    texts = _texts(sign, left, right, table)
    return _Truth(yes, no) if texts is None else _Truth(yes | (texts.yes & ~both), no | (texts.no & ~both))


def _texts(sign: str, left: Operand, right: Operand, table: Table) -> _Truth | None:
    """The rows in which a column holds a text that is no number, where equality is asked for; None where there are none."""
    if sign not in ("==", "!="):
        return None
    sides = [table[side.name] if isinstance(side, Name) else None for side in (left, right)]
    if all(side is None or side.codes is None for side in sides):
        return None
    known = [
        ~np.isnan(_numbers(side, table)) if column is None else column.known for side, column in zip((left, right), sides, strict=True)
    ]
    first, second = sides
    same = np.zeros(table.rows, dtype=np.bool_)
    if first is not None and second is not None:
        same = (first.spelled() == second.spelled()).astype(np.bool_)
    return _equality(sign, same, known[0] & known[1])


def _equality(sign: str, same: Mask, known: Mask) -> _Truth:
    return _Truth(known & same, known & ~same) if sign == "==" else _Truth(known & ~same, known & same)


def _numbers(operand: Operand, table: Table) -> Floats:
    """An operand in every row, or one number for all; NaN where it has no value."""
    match operand:
        case Number(number=number):
            return np.asarray(number, dtype=np.float64)  # spread over the rows by what it is held against
        case Name(name=name):
            return table[name].numbers
        case Negative(of=of):
            return -_numbers(of, table)
        case Arithmetic(sign=sign, left=left, right=right):
            return _calculated(sign, _numbers(left, table), _numbers(right, table))
        case _:
            return np.asarray(np.nan)


def _calculated(sign: str, left: Floats, right: Floats) -> Floats:
    """As `truth.calculated`: what is divided by 0 or becomes too large has no value."""
    with np.errstate(all="ignore"):
        match sign:
            case "+":
                result = left + right
            case "-":
                result = left - right
            case "*":
                result = left * right
            case _:
                result = left / np.where(right == 0, np.nan, right)
    return np.where(np.isfinite(result), result, np.nan)
