"""The past of one target's counters, as rows of bounded number: every scrape for 6 minutes, 30 s for 3 hours, 5 minutes for 24 hours.

A row holds the raw counters of one page and, shared by all rows between two restarts, what resets took away. Growth between any two rows
is then exact however many rows between them were thinned out.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tui_monitor.analyse.counters import Stretch, milliseconds

NAN = float("nan")
MIXED = -1  # a row whose series differ from those of its neighbours in a way its plan does not say

_TIERS = ((360.0, 0.9), (10_800.0, 30.0), (86_400.0, 300.0))  # kept for, not closer than (seconds)


class Row:
    """The counters of one page; column i is the same series in every row, NaN (or beyond the end) where the page did not have it."""

    __slots__ = ("added", "at_s", "plan", "values")

    def __init__(self, at_s: float, values: array[float], added: array[float], plan: int) -> None:
        self.at_s = at_s
        self.values = values
        self.added = added  # per column: what stood there before each reset, summed
        self.plan = plan  # rows of one plan have the same columns filled

    def value(self, column: int) -> float:
        """The raw counter, NaN where the page did not have it."""
        return self.values[column] if column < len(self.values) else NAN

    def lost(self, column: int) -> float:
        """What resets took from this counter up to this row."""
        return self.added[column] if column < len(self.added) else 0.0


class Tier:
    """Rows at least `step_s` apart for `keep_s`; the newest row is always the last one, however close it is."""

    __slots__ = ("keep_s", "rows", "step_s")

    def __init__(self, keep_s: float, step_s: float) -> None:
        self.keep_s = keep_s
        self.step_s = step_s
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Take the newest row."""
        rows = self.rows
        if len(rows) > 1 and rows[-1].at_s - rows[-2].at_s < self.step_s:
            rows.pop()
        rows.append(row)
        too_old = bisect_left(rows, row.at_s - self.keep_s - self.step_s, key=_time)
        if too_old:
            del rows[:too_old]


class Window:
    """The rows of one window, and how its counters grew."""

    __slots__ = ("covered_s", "end_s", "rows", "start_s")

    def __init__(self, rows: Sequence[Row], start_s: float, end_s: float, gap_s: float) -> None:
        self.rows = rows
        self.start_s = start_s
        self.end_s = end_s
        gaps = (after.at_s - before.at_s for before, after in pairwise(rows))
        self.covered_s = sum(gap for gap in gaps if gap <= gap_s)  # a longer gap is time that nobody watched

    def rates(self, columns: int) -> list[float | None]:
        """Growth per second of each column; None for a series with fewer than two samples in the window."""
        rows, start_s, end_s = self.rows, self.start_s, self.end_s
        if len(rows) < 2:
            return [None] * columns
        first, last = rows[0], rows[-1]
        if first.plan == MIXED or any(row.plan != first.plan for row in rows):
            return [self._rate(column) for column in range(columns)]
        if milliseconds(last.at_s) <= milliseconds(first.at_s):
            return [None] * columns
        stretch = Stretch(first.at_s, last.at_s, len(rows), start_s, end_s)
        result: list[float | None] = []
        for before, after, lost_before, lost_after in zip(first.values, last.values, first.added, last.added, strict=False):
            more = after - before
            if lost_after != lost_before:
                more = grown(rows, len(result))
            if more == 0.0:
                result.append(0.0)
            elif more == more:  # noqa: PLR0124 -- not NaN, which means absent
                result.append(stretch.rate(more, before))
            else:
                result.append(self._rate(len(result)))
        result.extend([None] * (columns - len(result)))
        return result

    def _rate(self, column: int) -> float | None:
        inside = [row for row in self.rows if row.value(column) == row.value(column)]
        if len(inside) < 2:
            return None
        first, last = inside[0], inside[-1]
        if milliseconds(last.at_s) <= milliseconds(first.at_s):
            return None
        stretch = Stretch(first.at_s, last.at_s, len(inside), self.start_s, self.end_s)
        return stretch.rate(grown(inside, column), first.value(column))


class Past:
    """All rows of one target."""

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self.first_s: float | None = None  # when watching began
        self._tiers = [Tier(keep_s, step_s) for keep_s, step_s in _TIERS]

    @property
    def newest(self) -> Row | None:
        """The last row."""
        rows = self._tiers[0].rows
        return rows[-1] if rows else None

    @property
    def looks(self) -> list[Row]:
        """Every row of the last minutes."""
        return self._tiers[0].rows

    def add(self, row: Row) -> None:
        """Take the newest row; its time must be later than the last one's."""
        if self.first_s is None:
            self.first_s = row.at_s
        for tier in self._tiers:
            tier.add(row)

    def clear(self) -> None:
        """Forget everything: watching begins anew."""
        self.first_s = None
        for tier in self._tiers:
            tier.rows.clear()

    def window(self, end_s: float, width_s: float) -> Window:
        """The rows of (end_s - width_s, end_s].

        Where watching began inside the window, the window starts at the first row instead, that row included: growth is then divided by
        the time that is known, and a rate does not creep up during the first minute.
        """
        tier = next((tier for tier in self._tiers if tier.keep_s >= width_s), self._tiers[-1])
        start_s = end_s - width_s
        low = bisect_right(tier.rows, milliseconds(start_s), key=_time_ms)
        if self.first_s is not None and self.first_s >= start_s:
            start_s, low = self.first_s, 0
        return Window(
            tier.rows[low : bisect_right(tier.rows, milliseconds(end_s), key=_time_ms)],
            start_s,
            end_s,
            max(4 * self.interval_s, 3 * tier.step_s),
        )

    def keep(self, columns: Sequence[int]) -> None:
        """Drop all columns but these, which become 0, 1, 2 ..."""
        renewed: dict[int, array[float]] = {}
        for row in {id(row): row for tier in self._tiers for row in tier.rows}.values():
            if id(row.added) not in renewed:
                renewed[id(row.added)] = array("d", (row.lost(column) for column in columns))
            row.values = array("d", (row.value(column) for column in columns))
            row.plan = MIXED
        for row in {id(row): row for tier in self._tiers for row in tier.rows}.values():
            row.added = renewed.get(id(row.added), row.added)


def widened(values: Iterable[float], length: int, fill: float) -> array[float]:
    """A copy that is `length` long, `fill` where there was nothing."""
    result = array("d", values)
    result.extend([fill] * (length - len(result)))
    return result


def _time(row: Row) -> float:
    return row.at_s


def _time_ms(row: Row) -> int:
    return milliseconds(row.at_s)


def grown(rows: Sequence[Row], column: int) -> float:
    """Growth of one column from the first to the last row, all of which have it.

    What stood before each restart is added one after another, as Prometheus adds it; where rows were thinned out between two that are
    left, their resets are only known as a sum.
    """
    more = rows[-1].value(column) - rows[0].value(column)
    for before, after in pairwise(rows):
        lost, found = before.lost(column), after.lost(column)
        if lost != found:
            stood = before.value(column)
            more += stood if lost + stood == found else found - lost
    return more
