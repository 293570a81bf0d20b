"""What a column of a file is: numbers or categories; and whether it is something of which no distribution can be judged, such as ids or times.

That is told by the values, not by the column's name: a whole number that occurs once each, where chance would have drawn some twice, is an
id; texts that are all dates, and numbers that are all moments of this century, are times. What comes later is always new there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct

from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.model import SignalState, clean

LEAST_ROWS = 20  # on a side: below, nothing is said
NEARLY_ALL = 0.5  # of the values are different texts: an id, a sentence, no category
REPEATS = 10.0  # so many repeated whole numbers chance would make at the least; none at all is no chance (1 in 20,000)
_CENTURY_S = (978_307_200.0, 4_102_444_800.0)  # 2001 to 2100
_UNITS = (1.0, 1e3, 1e6, 1e9)  # seconds, milli-, micro-, nanoseconds
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:?\d{2}.*)?")
_LOOK = 64  # values that tell most columns of numbers from those of two values


class Column(Struct, frozen=True, eq=False):
    """One side: the finite numbers, or how often each text occurs; and how many rows there were."""

    rows: int
    numbers: Floats | None = None  # finite, in any order
    texts: Mapping[str, int] = {}
    missing_rows: int = 0
    infinite: int = 0  # rows
    beyond: int = 0  # rows with a text, once there were too many different ones to keep
    drawn_from: int = 0  # finite values of which `numbers` is a random sample; 0: it is all of them
    words: int = 0  # different texts in the same column as numbers are; for people

    @property
    def numeric(self) -> bool:
        """Whether these are numbers."""
        return self.numbers is not None

    @property
    def n(self) -> int:
        """Finite values that there are."""
        if self.numbers is not None:
            return self.drawn_from or self.numbers.size
        return sum(self.texts.values()) + self.beyond

    @property
    def missing(self) -> float | None:
        """Share of rows without a value."""
        return self.missing_rows / self.rows if self.rows else None


def of_numbers(values: Floats) -> Column:
    """Numbers as they stand: NaN is missing, infinite ones are no values."""
    finite = np.isfinite(values)
    if finite.all():
        return Column(values.size, values)
    missing = int(np.isnan(values).sum())
    kept = values[finite]
    return Column(values.size, kept, missing_rows=missing, infinite=values.size - missing - kept.size)


class Nature(NamedTuple):
    """What a column is, and why it cannot be judged if it cannot."""

    type: Literal["numeric", "category"]
    state: SignalState | None = None  # idle or blind
    why: str = ""


def nature(reference: Column | None, now: Column | None, *, meant: bool = False) -> Nature:
    """Of both sides together.

    Args:
        reference: None: the reference has no such column.
        now: None: now has none.
        meant: it was asked for by its name: then numbers that look like ids or times are judged as any others.
    """
    kind: Literal["numeric", "category"] = "category" if _is_category(reference, now) else "numeric"
    if reference is None or now is None:
        where = "either file" if reference is now else "the reference" if reference is None else "the current file"
        return Nature(kind, "blind", f"not in {where}")
    for side, where in ((reference, "the reference"), (now, "the current file")):
        if not side.n:
            said = f"no finite value in {where}: {side.infinite} are infinite" if side.infinite else f"no values in {where}"
            return Nature(kind, "blind", said)
    if reference.numeric != now.numeric:
        return Nature(kind, "blind", _unlike(reference, now))
    least = min(reference.n, now.n)
    if least < LEAST_ROWS:
        return Nature(kind, "idle", f"only {least} value{'s' if least > 1 else ''} on one side, {LEAST_ROWS} are needed")
    if kind == "category":
        return Nature(kind, *_no_category(reference, now)) if not reference.numeric else Nature(kind)
    return Nature(kind, *_no_measure(reference, now)) if not meant else Nature(kind)


def _is_category(reference: Column | None, now: Column | None) -> bool:
    """Text, or at most two different numbers."""
    sides = [side for side in (reference, now) if side is not None and side.n]
    if any(not side.numeric for side in sides):
        return True
    numbers = [side.numbers for side in sides if side.numbers is not None]
    if not numbers or any(len(set(values[:: max(1, values.size // _LOOK)].tolist())) > 2 for values in numbers):
        return False
    return len({value for values in numbers for value in np.unique(values).tolist()}) <= 2


def _unlike(reference: Column, now: Column) -> str:
    texts, where = (now, "current file") if reference.numeric else (reference, "reference")
    some = clean(next(iter(texts.texts), ""), 30)
    other = "reference" if where == "current file" else "current file"
    return f"numbers in the {other}, text in the {where}, such as {some!r}"


def _no_category(reference: Column, now: Column) -> tuple[SignalState | None, str]:
    """Text in which nearly every value is another, or that is time."""
    if _dates(reference.texts) and _dates(now.texts):
        return "blind", "dates: what comes later is always new"
    for side, where in ((reference, "the reference"), (now, "the current file")):
        different = len(side.texts)
        if side.beyond:
            return "blind", f"more than {different:,} different texts in {where}: no category"
        if different > NEARLY_ALL * side.n:
            mixed = "numbers and text mixed" if side.words and side.words < different else "texts"
            return "blind", f"{mixed}: {different:,} different values in {side.n:,} rows of {where}, no category"
    return None, ""


def _dates(texts: Mapping[str, int]) -> bool:
    return bool(texts) and all(_DATE.fullmatch(text) for text in texts)


def _no_measure(reference: Column, now: Column) -> tuple[SignalState | None, str]:
    """Numbers that are ids or moments."""
    one, two = reference.numbers, now.numbers
    if one is None or two is None:
        return None, ""
    low, high = min(one.min(), two.min()), max(one.max(), two.max())
    for unit in _UNITS:
        if low >= _CENTURY_S[0] * unit and high <= _CENTURY_S[1] * unit:
            return "blind", "times: what comes later is always larger; to judge it as a number, ask for it with --columns"
    if any(_never_twice(side) for side in (one, two)) and all(np.unique(side).size == side.size for side in (one, two)):
        return "blind", "each whole number occurs once, as ids do; to judge it as a number, ask for it with --columns"
    return None, ""


def _never_twice(values: Floats) -> bool:
    """No whole number occurs twice, though n draws from their range would repeat n^2 / 2 range of them, or more where not all are alike."""
    if any(value != math.floor(value) for value in values[:_LOOK].tolist()):
        return False
    span = float(values.max()) - float(values.min()) + 1
    if not math.isfinite(span) or values.size**2 / (2 * span) < REPEATS:
        return False
    return bool((values == np.floor(values)).all()) and np.unique(values).size == values.size
