"""The columns of a whole file as arrays: what a training file says of the columns of a log, whatever else it holds."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_ROWS = 500_000  # of a file; the first
MOST_COLUMNS = 256
TIMES = ("timestamp", "time")


class FileColumns(Struct, frozen=True, eq=False):
    """Column -> float64 (NaN missing) or objects (float, str, None missing), all of one length, in the order of the file."""

    columns: dict[str, NDArray[Any]]
    at_s: NDArray[np.float64] | None  # None: the file has no times
    rows: int
    more: bool = False  # the file has more rows than are read


def read_columns(path: str, leave_out: Collection[str] = (), time: str = "") -> FileColumns:
    """Read a file. Blocks on the disk: for threads only.

    Args:
        path: CSV with a header, JSONL or Parquet, by ending.
        leave_out: columns that nobody may see.
        time: the column of times; empty: `timestamp`, else `time`.

    Raises:
        TableError: nothing of it can be read.
    """
    import numpy as np

    from tui_monitor.collect.cells import feature
    from tui_monitor.collect.table import Wanted, open_table

    with closing(open_table(path)) as table:
        at = next((name for name in ([time] if time else []) + list(TIMES) if name in table.names), "")
        names = [name for name in table.names if name not in leave_out and name != at][:MOST_COLUMNS]
        wanted: list[Wanted] = [(name, "feature") for name in names]
        if at:
            wanted.append((at, "time"))
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        times: list[NDArray[np.float64]] = []
        rows = 0
        for chunk in table.chunks(wanted):
            rows += chunk.rows
            for name in names:
                parts[name].append(chunk.feature(name))
            if at:
                times.append(chunk.times(at))
            if rows > MOST_ROWS:
                break
    columns: dict[str, NDArray[Any]] = {}
    for name, sides in parts.items():
        if not sides:
            continue
        if all(side.dtype != object for side in sides):
            columns[name] = np.concatenate(sides)[:MOST_ROWS]
        else:
            values = np.concatenate([side.astype(object) for side in sides])[:MOST_ROWS]
            values[:] = [feature(value) for value in values]
            numbers = all(value is None or isinstance(value, float) for value in values)
            columns[name] = np.asarray([np.nan if value is None else value for value in values]) if numbers else values
    at_s = np.concatenate(times)[:MOST_ROWS] if times else None
    return FileColumns(columns, at_s if at_s is not None and np.isfinite(at_s).all() else None, min(rows, MOST_ROWS), rows > MOST_ROWS)
