"""Sources whose numbers change in steps: a process writes its counters every ten seconds, the page shows the same ones in between.

An ordinary rate over such a page is wrong by a step at either end: 0 between two steps, double across one. A rate over whole steps is right:
what the counter grew by from one plateau to another, over the periods between the two. Each process behind the page steps in a phase of its
own, and so each column's phase is followed for itself: an update lies between the look that still saw the old number and the one that saw
the new, and every further change narrows that down.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from tui_monitor.analyse.rhythm import SLACK, Rhythm
from tui_monitor.analyse.windows import Row, grown

LEAST_STEPS = 3  # fewer say nothing: one of them may be half of another
MOST_STEPS = 30  # a window of more steps is long enough for the ordinary rate
LATE = 0.1  # of a step: how late an update may be before it counts as one that changed nothing
STRIKES = 5  # changes that came too soon, one after another, disprove a declared step


class Phase(NamedTuple):
    """An update of a column came after `low_s`, and at or before `high_s`."""

    low_s: float
    high_s: float

    def after(self, change: Phase, step_s: float) -> Phase:
        """What is known of the newest update: this phase carried on to it, and what the look that saw it tells."""
        periods = max(1, round((change.low_s + change.high_s - self.low_s - self.high_s) / 2 / step_s))
        slack_s = min(SLACK * step_s * periods, step_s / 4)
        low_s, high_s = self.low_s + periods * step_s - slack_s, self.high_s + periods * step_s + slack_s
        narrowed = Phase(max(low_s, change.low_s), min(high_s, change.high_s))
        return narrowed if narrowed.low_s < narrowed.high_s else change

    def too_soon(self, change: Phase, step_s: float) -> bool:
        """Whether that change came for sure before a whole step was over."""
        return change.high_s - self.low_s < 0.75 * step_s


class Steps:
    """Follows the steps of one target's columns: those that its kind declares, or those that are noticed."""

    def __init__(self, declared_s: float = 0.0) -> None:
        """`declared_s`: how often the page's numbers are known to change, 0 for a source that is thought to be live."""
        self._declared_s = declared_s
        self._strikes = 0
        self._phases: list[Phase | None] = []
        self._changes: list[deque[float]] = []  # of each column: the looks that first saw another number
        self._rhythm = Rhythm()

    @property
    def step_s(self) -> float:
        """The length of a step; 0 for a live source."""
        return self._declared_s or self._rhythm.step_s

    def observe(self, before_s: float | None, at_s: float, before: array[float], now: array[float]) -> None:
        """Compare a look with the one before it.

        Args:
            before_s: time of the look before, None for the first.
            at_s: time of this look.
            before: each column's newest number up to then; it may be shorter.
            now: the same after this look.
        """
        if before_s is None:
            return
        if not self._declared_s:
            self._rhythm.observe(before_s, at_s, changed=before != now)
            return
        phases, change = self._phases, Phase(before_s, at_s)
        phases.extend([None] * (len(now) - len(phases)))
        self._changes.extend(deque(maxlen=MOST_STEPS + LEAST_STEPS) for _ in range(len(now) - len(self._changes)))
        if before == now:
            return
        made: dict[Phase | None, Phase] = {None: change}
        soon = 0
        for column, (old, new) in enumerate(zip(before, now, strict=False)):
            if old == new or old != old:  # noqa: PLR0124 -- NaN: its first number is no change
                continue
            phase = phases[column]
            if phase is not None and phase not in made:
                made[phase] = phase.after(change, self._declared_s)
                soon += 1 if phase.too_soon(change, self._declared_s) else -1
            phases[column] = made[phase]
            self._changes[column].append(at_s)
        self._strikes = self._strikes + 1 if soon > 0 else 0
        if self._strikes >= STRIKES:
            self._declared_s = 0.0

    def keep(self, columns: Sequence[int]) -> None:
        """Drop all columns but these, which become 0, 1, 2 ..."""
        known = len(self._phases)
        self._phases = [self._phases[column] if column < known else None for column in columns]
        self._changes = [self._changes[column] if column < known else deque(maxlen=MOST_STEPS + LEAST_STEPS) for column in columns]

    def clear(self) -> None:
        """Forget every phase: watching begins anew."""
        self._phases.clear()
        self._changes.clear()
        self._rhythm = Rhythm()

    def rates(self, rows: Sequence[Row], columns: int, width_s: float) -> list[float | None] | None:
        """Growth per second of each column over whole steps, as many as fit into the window; None where that is too many to matter.

        Args:
            rows: every look of the last minutes.
            columns: how many.
            width_s: of the window.

        Returns:
            All of them None before three steps of every process were seen: half of a sum would be a wrong number.
        """
        step_s = self.step_s
        steps = max(LEAST_STEPS, int(width_s / step_s + SLACK)) if step_s else 0
        if not step_s or steps > MOST_STEPS:
            return None
        unknown: list[float | None] = [None] * columns
        if len(rows) < 2 or rows[-1].at_s - rows[0].at_s < (LEAST_STEPS - 0.5) * step_s:
            return unknown
        one = self._rhythm.phase if not self._declared_s else None
        groups: dict[Phase | None, list[int]] = {}
        for column in range(columns):
            groups.setdefault(Phase(*one) if one else self._phases[column] if column < len(self._phases) else None, []).append(column)
        result: list[float | None] = [0.0] * columns
        for phase, members in groups.items():
            if phase is None:  # never changed
                if rows[-1].at_s - rows[0].at_s < LEAST_STEPS * step_s:
                    return unknown
                continue
            start = _start(rows, phase, step_s, steps)
            if start is None:
                return unknown
            index, count = start if one else self._seen(rows, members, *start)
            for column in members:
                result[column] = _growth(rows, index, column, count * step_s)
        return result

    def _seen(self, rows: Sequence[Row], columns: list[int], index: int, expected: int) -> tuple[int, int]:
        """The row to count from, and the steps that busy columns of this phase really made since then.

        Processes of nearly the same phase may have stepped on either side of a row; then a row beside it is better. The expected number
        stands where no column is busy.
        """
        first: int | None = None
        for near in (index, index + 1, index - 1):
            if not 0 <= near < len(rows) - 1:
                continue
            made = {sum(at_s > rows[near].at_s for at_s in self._changes[column]) for column in columns}
            busy = [steps for steps in made if abs(steps - expected) <= 1 and steps >= LEAST_STEPS]
            if len(busy) == 1:
                return near, busy[0]
            if near == index:
                first = max(busy, default=None)
        return index, expected if first is None else first


def _start(rows: Sequence[Row], phase: Phase, step_s: float, steps: int) -> tuple[int, int] | None:
    """The row from which to count and the number of steps from it to the newest row; None where fewer than three were seen.

    Sure is a row that lies in the plateau wherever in the phase the update was; else the one nearest to the plateau's middle.
    """
    passed = max(0, int((rows[-1].at_s - phase.high_s) / step_s - LATE))  # updates that came since and changed nothing
    near: tuple[float, int, int] | None = None
    for count in range(steps, LEAST_STEPS - 1, -1):
        shift_s = (passed - count) * step_s
        first_s, last_s = phase.high_s + shift_s, phase.low_s + shift_s + step_s
        middle_s = (first_s + last_s) / 2
        at = bisect_left(rows, middle_s, key=lambda row: row.at_s)
        for index in (at - 1, at):
            if 0 <= index < len(rows) - 1:
                off_s = abs(rows[index].at_s - middle_s)
                if off_s <= (last_s - first_s) / 2:
                    return index, count
                if off_s < step_s / 2 and (near is None or off_s < near[0]):
                    near = off_s, index, count
    return None if near is None else (near[1], near[2])


def _growth(rows: Sequence[Row], start: int, column: int, span_s: float) -> float | None:
    first, last = rows[start], rows[-1]
    before, after = first.value(column), last.value(column)
    if before == before and after == after and first.lost(column) == last.lost(column):  # noqa: PLR0124 -- neither is NaN
        return (after - before) / span_s
    inside = [row for row in rows[start:] if row.value(column) == row.value(column)]
    return grown(inside, column) / span_s if len(inside) > 1 else None
