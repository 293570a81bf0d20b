"""What every row should keep to, with the names of Great Expectations: `not_null`, `of_type`, `between`, `in_set`, `unique`, each `mostly`.

They are learned from rows that are as they should be, or given in a file. Each one says of every row whether it is broken; the share of
broken rows is judged like any other signal, so that one bad row is no alarm and a bad week is one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tui_monitor.model import clean

Name = Literal["not_null", "of_type", "between", "in_set", "unique"]
NAMES: tuple[Name, ...] = ("not_null", "of_type", "between", "in_set", "unique")
SETS_UP_TO = 30  # different values that make a set; more are no set
MARGIN = 0.5  # of the range that was seen: so far outside it a value may lie; normal values in any number do not
LEAST_ROWS = 500  # to learn from
MOST_COLUMNS = 64

# What a broken row is called in signals, and one that is not.
BROKEN: dict[Name, tuple[str, str]] = {
    "not_null": ("missing", "there"),
    "of_type": ("wrong type", "right type"),
    "between": ("out of range", "in range"),
    "in_set": ("new category", "known"),
    "unique": ("duplicates", "first"),
}


class Expectation(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One expectation of one column. `mostly` is the share of rows that keep to it while all is well."""

    column: str
    expect: Name
    mostly: float = 1.0
    type: Literal["number", "text", ""] = ""  # of_type
    min: float | None = None  # between
    max: float | None = None
    values: list[str] = []  # in_set

    @property
    def signal(self) -> str:
        """What its signal is called."""
        return f"{self.column} {BROKEN[self.expect][0]}"


class Expectations(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of them."""

    expectations: list[Expectation]


def problem(one: Expectation) -> str:
    """What is wrong with an expectation, or nothing."""
    if not one.column:
        return "column is empty"
    if not 0 < one.mostly <= 1:
        return f"mostly must be over 0 and at most 1, not {one.mostly:g}"
    if one.expect == "of_type" and not one.type:
        return 'of_type needs type = "number" or "text"'
    if one.expect == "in_set" and not one.values:
        return "in_set needs values"
    if one.expect == "between":
        if one.min is None and one.max is None:
            return "between needs min or max"
        if one.min is not None and one.max is not None and one.min > one.max:
            return f"min {one.min:g} is over max {one.max:g}"
    return ""


def broken(one: Expectation, values: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(rows that break it, rows that it speaks of). A missing value breaks `not_null` only; a value of the wrong type breaks `of_type` only.

    Args:
        one: the expectation.
        values: of its column: float64 with NaN for missing, or objects (float, str, None).
    """
    missing, numbers = _missing(values), _numbers(values)
    there = ~missing
    match one.expect:
        case "not_null":
            return missing, np.ones(values.size, np.bool_)
        case "of_type":
            return there & (numbers != (one.type == "number")), there
        case "between":
            spoken = there & numbers
            known = np.where(spoken, values, 0.0).astype(np.float64)
            low, high = one.min if one.min is not None else -math.inf, one.max if one.max is not None else math.inf
            return spoken & ((known < low) | (known > high)), spoken
        case "in_set":
            allowed = set(one.values)
            return np.fromiter(
                (value is not None and text(value) not in allowed for value in _plain(values)), np.bool_, values.size
            ) & there, there
        case "unique":
            seen: set[str] = set()
            twice = np.zeros(values.size, np.bool_)
            for place, value in enumerate(_plain(values)):
                if there[place]:
                    twice[place] = (word := text(value)) in seen
                    seen.add(word)
            return twice, there


def text(value: object) -> str:
    """A value as sets have it: a whole number without its `.0`."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _plain(values: NDArray[Any]) -> list[Any]:
    listed: list[Any] = values.tolist()
    return listed


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype != object:
        infinite: NDArray[np.bool_] = ~np.isfinite(values)
        return infinite
    return np.fromiter(
        (value is None or (isinstance(value, float) and not math.isfinite(value)) for value in values), np.bool_, values.size
    )


def _numbers(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype != object:
        return np.ones(values.size, np.bool_)
    return np.fromiter((isinstance(value, float) for value in values), np.bool_, values.size)


# -- learned ------------------------------------------------------------------------------------------------------------------------------


def learned(columns: Mapping[str, NDArray[Any]]) -> list[Expectation]:
    """What rows that are as they should be keep to: type, share of missing values, range with a margin, set of categories, unique ids."""
    return [one for name in list(columns)[:MOST_COLUMNS] for one in _of_column(clean(name, 64), columns[name])]


def _of_column(name: str, values: NDArray[Any]) -> list[Expectation]:
    if not values.size:
        return []
    missing, numbers = _missing(values), _numbers(values)
    there = int((~missing).sum())
    found = [Expectation(name, "not_null", _share(there, values.size))] if there else []
    if not there:
        return found
    counted = int((numbers & ~missing).sum())
    is_number = counted >= there / 2
    kind: Literal["number", "text"] = "number" if is_number else "text"
    found.append(Expectation(name, "of_type", _share(counted if is_number else there - counted, there), type=kind))
    if is_number:
        known = values[numbers & ~missing].astype(np.float64)
        low, high = float(known.min()), float(known.max())
        whole = bool((known == np.floor(known)).all())
        if whole and known.size >= LEAST_ROWS and np.unique(known).size == known.size and known.size**2 / 2 > 10 * (high - low + 1):
            return [*found, Expectation(name, "unique")]  # whole numbers that never occur twice are ids, and ids grow
        margin = MARGIN * (high - low)
        widest = (math.floor(low - margin), math.ceil(high + margin)) if whole else (low - margin, high + margin)
        least = 0.0 if widest[0] < 0 <= low else widest[0]  # what was never negative is a count, a length, a time
        found.append(Expectation(name, "between", min=_short(least, down=True), max=_short(widest[1], down=False)))
        return found
    words = [text(value) for value in values[~missing]]
    different = set(words)
    if len(different) <= SETS_UP_TO and len(different) < there / 2:
        found.append(Expectation(name, "in_set", values=sorted(different)))
    elif there >= LEAST_ROWS and len(different) == there:
        found.append(Expectation(name, "unique"))
    return found


def _share(kept: int, of: int) -> float:
    """Rounded down, so that what it was learned from keeps to it."""
    return 1.0 if kept == of else max(1e-4, math.floor(1e4 * kept / of) / 1e4)


def _short(value: float, *, down: bool) -> float:
    """Six digits, away from the values."""
    if value == 0 or not math.isfinite(value):
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 5)
    return float(f"{(math.floor if down else math.ceil)(value / unit) * unit:.6g}")


# -- held against rows --------------------------------------------------------------------------------------------------------------------


class Kept(Struct, frozen=True):
    """How one expectation did over a table."""

    expectation: Expectation
    rows: int  # that it speaks of
    broken: int
    first: int | None = None  # number of the first row that breaks it, from 1

    @property
    def success(self) -> bool:
        """Whether at least `mostly` of the rows keep to it."""
        return self.rows - self.broken >= self.expectation.mostly * self.rows


class Statistics(Struct, frozen=True):
    """As Great Expectations counts: of all expectations, how many hold."""

    evaluated_expectations: int
    successful_expectations: int
    unsuccessful_expectations: int
    success_percent: float | None  # None: there are no expectations


def validated(expectations: list[Expectation], columns: Mapping[str, NDArray[Any]]) -> list[Kept]:
    """Each expectation over a table; a column that is not there breaks it in every row."""
    rows = max((values.size for values in columns.values()), default=0)
    result = []
    for one in expectations:
        values = columns.get(one.column)
        if values is None:
            result.append(Kept(one, rows, rows, 1 if rows else None))
            continue
        wrong, spoken = broken(one, values)
        places = np.flatnonzero(wrong)
        result.append(Kept(one, int(spoken.sum()), int(wrong.sum()), int(places[0]) + 1 if places.size else None))
    return result


def statistics(kept: list[Kept]) -> Statistics:
    """The counts that a report prints."""
    good = sum(one.success for one in kept)
    return Statistics(len(kept), good, len(kept) - good, 100.0 * good / len(kept) if kept else None)
