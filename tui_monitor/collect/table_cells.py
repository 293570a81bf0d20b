"""From the cells of a column, as texts or as JSON's values, to times, numbers, classes, ids and features; whole columns at once."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tui_monitor.collect.cells import LATEST_S, category, moment, number
from tui_monitor.collect.table import Coded, Keys, Kind

MISSING = ("", "null", "NaN", "nan")
_WHOLE = re.compile(r"^(-?[0-9]+)\.0+$")

Objects = NDArray[np.object_]
Floats = NDArray[np.float64]


def absent(kind: Kind, rows: int) -> Floats | Coded | Keys:
    """A column that is missing in every row."""
    if kind == "class":
        return Coded(np.full(rows, -1, dtype=np.int32), [])
    if kind == "id":
        return Keys(np.zeros(rows, dtype=np.uint64), np.zeros(rows, dtype=np.bool_))
    return np.full(rows, np.nan)


def of_values(kind: Kind, values: list[Any]) -> Floats | Objects | Coded | Keys:
    """A column of JSON's values."""
    match kind:
        case "time":
            return times(values)
        case "class":
            return classes(values)
        case "number":
            return numbers(values)
        case "id":
            return keys([_identity(value) for value in values])
        case _:
            return features([_plain(value) for value in values])


def numbers(values: Sequence[Any]) -> Floats:
    """Numbers, also those that are written as text; NaN for all else."""
    kinds = set(map(type, values))
    if kinds <= {int, float, type(None)}:
        try:
            return np.array(values, dtype=np.float64)  # None becomes NaN
        except OverflowError:
            pass
    if kinds <= {str, type(None)}:
        coerced = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce")
        return np.asarray(coerced, dtype=np.float64)
    return np.array([np.nan if (known := _number(value)) is None else known for value in values], dtype=np.float64)


def _number(value: object) -> float | None:
    if isinstance(value, float):
        return value  # infinite stays: out of range is not missing
    return number(value)


def in_range(seconds: Floats) -> Floats:
    """Times before 1970 or after the year 3000 are no times: those are milliseconds, or a mistake."""
    with np.errstate(invalid="ignore"):
        return np.where((seconds >= 0) & (seconds < LATEST_S), seconds, np.nan)


def times(values: Sequence[Any]) -> Floats:
    """Seconds since 1970 of ISO 8601 texts (without a zone: UTC) or numbers of seconds; NaN where it is neither."""
    first = next((value for value in values if isinstance(value, str) and value), "")
    ways = (_iso, numbers) if first[4:5] == "-" else (numbers, _iso)  # what most of them are goes first, and all at once
    known = in_range(ways[0](values))
    for way in (ways[1], _one_by_one):
        rest = np.flatnonzero(np.isnan(known)).tolist()
        if not rest:
            break
        known[rest] = in_range(way([values[place] for place in rest]))
    return known


def _iso(values: Sequence[Any]) -> Floats:
    texts = [value if isinstance(value, str) else None for value in values]
    try:
        read = pd.to_datetime(pd.Series(texts, dtype=object), format="ISO8601", utc=True, errors="coerce").dt.as_unit("us")
    except (ValueError, OverflowError):
        return np.full(len(texts), np.nan)
    return np.where(read.isna(), np.nan, read.astype("int64").to_numpy() / 1e6)


def _one_by_one(values: Sequence[Any]) -> Floats:
    found = {text: moment(text) for text in {value for value in values if isinstance(value, str) and value}}
    return np.array([np.nan if not isinstance(value, str) or (at_s := found.get(value)) is None else at_s for value in values])


def classes(values: Sequence[Any]) -> Coded:
    """Classes by their text."""
    listed = [("true" if value else "false") if isinstance(value, bool) else value for value in values]  # True is 1 for a dict
    raw: dict[Any, int] = {}
    try:
        codes = np.fromiter((raw.setdefault(value, len(raw)) for value in listed), dtype=np.int32, count=len(listed))
    except TypeError:  # a list or an object in a cell is no class
        listed = [value if isinstance(value, str | int | float) else None for value in listed]
        raw = {}
        codes = np.fromiter((raw.setdefault(value, len(raw)) for value in listed), dtype=np.int32, count=len(listed))
    return recoded(codes, list(raw))


def recoded(codes: NDArray[Any], raw: Sequence[Any]) -> Coded:
    """Codes of raw values as codes of their texts; several spellings of a class become one, missing ones -1."""
    names: dict[str, int] = {}
    to = np.full(len(raw) + 1, -1, dtype=np.int32)  # the last one: what was -1
    for place, value in enumerate(raw):
        text = category(value)
        if text is not None:
            to[place] = names.setdefault(text, len(names))
    return Coded(to[codes], list(names))


def keys(texts: Sequence[str | None]) -> Keys:
    """Ids by the hash of their text, a whole number without its `.0`; None is a row without one."""
    spelled = [_WHOLE.sub(r"\1", text) if text is not None and text[-1:] == "0" and "." in text else text for text in texts]
    known = np.array([text is not None for text in spelled], dtype=np.bool_)
    hashes = np.zeros(len(spelled), dtype=np.uint64)
    hashes[known] = pd.util.hash_array(
        np.array([text for text in spelled if text is not None] + [None], dtype=object)[:-1], categorize=False
    )
    return Keys(hashes, known)


def _identity(value: object) -> str | None:
    """The text of an id, however long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return None if value in MISSING else value
    if isinstance(value, float):
        return None if math.isnan(value) else repr(value)
    return str(value) if isinstance(value, int) else category(value)


def features(values: Sequence[Any]) -> Floats | Objects:
    """Numbers where all are, else each as it is with None for missing."""
    if set(map(type, values)) <= {int, float, type(None)}:
        return numbers(values)
    return np.array([*values, None], dtype=object)[:-1]


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return None if value in MISSING else value
    return value if isinstance(value, int | float) else None
