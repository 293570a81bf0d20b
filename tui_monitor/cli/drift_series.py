"""The columns of a file with the times of their rows, for judges that see them go by. All values are kept: 8 bytes each, and 8 for the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tui_monitor.analyse.drift.nature import Column, Nature, nature, of_numbers
from tui_monitor.analyse.drift.replayed import Series
from tui_monitor.analyse.performance.counting.firsts import Firsts
from tui_monitor.cli.drift_columns import ID, Progress, first_of_each
from tui_monitor.collect.cells import category, number
from tui_monitor.collect.table import Table, TableError, Wanted

Floats = NDArray[np.float64]
Values = NDArray[Any]  # float64 (NaN missing) or object: texts (None missing)

TIMES = ("timestamp", "time")
MOST_VALUES = 100_000_000  # of one file: 800 MB


class TimedRows(Struct, frozen=True):
    """One file, read."""

    path: str
    rows: int  # that count
    left_out: Counter[str]
    at_s: Floats
    columns: Mapping[str, Values]


def time_column(path: str, table: Table, asked: str | None) -> str:
    """The column of the times.

    Raises:
        TableError: there is none.
    """
    name = asked or next((name for name in TIMES if name in table.names), TIMES[0])
    if name not in table.names:
        more = "" if asked else "; say which one has the times with --time"
        raise TableError(f"{path}: there is no column {name}{more}; it has {' '.join(table.names[:20])[:200]}")
    return name


def read(path: str, table: Table, time: str, names: Sequence[str], progress: Progress | None) -> TimedRows:
    """Read a file to its end; it is closed then.

    Raises:
        TableError: it has no row with a time, or more values than can be kept.
    """
    there = [name for name in names if name in table.names]
    wanted: list[Wanted] = [(time, "time"), *((name, "feature") for name in there)]
    firsts = Firsts() if ID in table.names else None
    if firsts is not None:
        wanted.append((ID, "id"))
    times: list[Floats] = []
    parts: dict[str, list[Values]] = {name: [] for name in there}
    left_out: Counter[str] = Counter()
    rows = 0
    try:
        for chunk in table.chunks(wanted):
            if progress is not None:
                progress(table.read_bytes, table.size_bytes)
            at_s = chunk.times(time)
            timed = ~np.isnan(at_s)
            left_out["time_unreadable"] += chunk.rows - int(timed.sum())
            left = first_of_each(chunk, firsts, timed)
            size = chunk.rows if left is None else int(left.sum())
            left_out["duplicate"] += int(timed.sum()) - size
            rows += size
            if rows * (len(there) + 1) > MOST_VALUES:
                raise TableError(f"{path}: over {MOST_VALUES:,} values; name fewer columns with --columns, or replay a part of it")
            times.append(at_s if left is None else at_s[left])
            for name in there:
                values = chunk.feature(name)
                parts[name].append(values if left is None else values[left])
    finally:
        table.close()
    left_out["row_unreadable"] = table.unreadable
    if not rows:
        raise TableError(f"{path}: has no rows" + (f" with a time in {time}" if left_out["time_unreadable"] else ""))
    return TimedRows(path, rows, +left_out, np.concatenate(times), {name: _joined(parts.pop(name)) for name in there})


def _joined(parts: list[Values]) -> Values:
    """Of one kind: numbers, or, where there is any other text, texts."""
    read = [part if part.dtype != object else _as_numbers(part) for part in parts]
    if all(part is not None for part in read):
        return np.concatenate([part for part in read if part is not None])
    return np.concatenate([_words(part) for part in parts])


def _as_numbers(values: Values) -> Floats | None:
    """Numbers that are written as text; None where one is not."""
    known: dict[object, float] = {None: np.nan}
    for value in set(values.tolist()) - {None}:
        found = value if isinstance(value, float) else number(value)
        if found is None:
            return None
        known[value] = found
    return np.array([known[value] for value in values.tolist()], dtype=np.float64)


def _words(values: Values) -> Values:
    """Texts in one spelling, None where there is none."""
    listed = values.tolist()
    known = {value: category(value) for value in set(listed)}
    return np.array([*(known[value] for value in listed), None], dtype=object)[:-1]


def matched(
    log: TimedRows, reference: TimedRows, names: Sequence[str], *, meant: bool
) -> tuple[dict[str, Series], dict[str, Series], dict[str, str]]:
    """(columns of the log, the same of the reference, those that cannot be judged: why)."""
    now: dict[str, Series] = {}
    before: dict[str, Series] = {}
    unfit: dict[str, str] = {}
    for name in names:
        sides = [side.columns.get(name) for side in (reference, log)]
        of = _nature(sides[0], sides[1], meant=meant)
        if of.state is not None or sides[0] is None or sides[1] is None:
            unfit[name] = of.why
            continue
        for side, rows, into in ((sides[0], reference, before), (sides[1], log, now)):
            into[name] = _known(rows.at_s, side, as_words=of.type == "category")
    return now, before, unfit


def _nature(reference: Values | None, log: Values | None, *, meant: bool) -> Nature:
    found = nature(None if reference is None else _column(reference), None if log is None else _column(log), meant=meant)
    return found._replace(why=found.why.replace("the current file", "the log"))


def _column(values: Values) -> Column:
    if values.dtype != object:
        return of_numbers(values)
    counted = Counter(values.tolist())
    missing = counted.pop(None, 0)
    words = sum(number(text) is None for text in counted)
    return Column(values.size, None, counted, missing, words=words)


def _known(at_s: Floats, values: Values, *, as_words: bool) -> Series:
    """The rows that have a value."""
    if values.dtype == object:
        there = values != None  # noqa: E711 - element by element
        return Series(at_s[there], values[there])
    there = np.isfinite(values)
    if not there.all():
        at_s, values = at_s[there], values[there]
    if not as_words:
        return Series(at_s, values)
    distinct, place = np.unique(values, return_inverse=True)
    words = np.array([*(f"{value:.17g}" for value in distinct.tolist()), None], dtype=object)[:-1]
    return Series(at_s, words[place])
