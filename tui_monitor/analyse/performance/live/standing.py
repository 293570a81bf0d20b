"""How a log stands: well, falling now, or decayed. Looked at every few seconds for months, it must not cry wolf.

A window is worse when its whole 95 % interval lies beyond the floor, mean - 3 sd of the reference. On top of that stands what a floor from
few or short parts cannot know:

- rows that come one after the other err together, so a row counts for less than one: the variance is the largest that parts of the
  reference show at any length, not that of a coin;
- the reference itself is known only so well, the less the shorter it is: both errors are in the distance, and its unit is Student's
  quantile for as many parts.

Mean - 3 sd and an interval of 1.96 sd make 4.96 sd, which a normal number exceeds with a chance of 3.5 in 10^7; that chance is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tui_monitor.model import Estimate, Performance

State = Literal["OK", "FALLING", "DECAYED", "UNKNOWN"]
SHORT, LONG, LONGEST = ("5m", "30m"), "3h", "24h"
ENOUGH_LABELS = 0.8
PART_S = 300.0
FEWEST_PARTS, FEWEST_ROWS = 10, 500
MOST_PARTS = 288  # a day: then what is learned stays
HELD_BACK_S = 3600.0
FEWEST_JUDGED = 30  # labelled rows of a window
_CHANCE = 3.5e-7
_STAYS = 0.6  # of the distance: a window that was beyond it is better again when it is this near
_GROUPS = 8  # parts of one length, at least, to tell a variance from
_LATE_PARTS = 2 * MOST_PARTS  # parts that wait for their labels while one learns


class Line(NamedTuple):
    """What is usual: the mean of a number of each labelled row (right or not, size of the error), and how far means stray."""

    mean: float
    variance: float  # of a mean of n rows: this / n
    rows: int
    parts: int
    settled: bool = True  # long enough to judge a day by: what comes and goes within hours is in the variance

    def distance(self, value: float, n: int) -> float:
        """How far a window of n rows is above the usual, as a share of what is allowed; negative when below."""
        spread = math.sqrt(self.variance / n + self.variance / self.rows)
        return (value - self.mean) / (spread * self.allowed) if spread > 0 else 0.0

    def floor(self, n: int, sign: int) -> float:
        """The mean with 3 sd to the bad side (sign -1: below) for a window of n rows."""
        return self.mean + sign * 3.0 * math.sqrt(self.variance / n + self.variance / self.rows)

    @property
    def allowed(self) -> float:
        """Standard deviations that are no news, by Student's quantile."""
        return _quantile(self.parts - 1)


@cache
def _quantile(degrees: int) -> float:
    return float(stdtrit(max(degrees, 1), 1.0 - _CHANCE))


def line_of(n: NDArray[np.float64], total: NDArray[np.float64], squares: NDArray[np.float64]) -> Line | None:
    """The usual from parts in their order: labelled rows, sums, sums of squares. None where they are too few."""
    there = n > 0
    n, total, squares = n[there], total[there], squares[there]
    rows = float(n.sum())
    if len(n) < FEWEST_PARTS or rows < FEWEST_ROWS:
        return None
    mean = float(total.sum()) / rows
    largest = float(squares.sum()) / rows - mean * mean
    half = 0.5 / (rows + 1)  # half a row that was otherwise: a model that was never wrong may be
    largest = max(largest, half * (1 - half) * (float(squares.sum()) / rows if total.sum() else 1.0))
    length = 1
    at_length: list[float] = []
    while len(n) // length >= _GROUPS:
        groups = len(n) // length
        rows_of, sums = (x[: groups * length].reshape(groups, length).sum(axis=1) for x in (n, total))
        at_length.append(float((rows_of * (sums / rows_of - mean) ** 2).sum()) / (groups - 1))
        length *= 2
    largest = max(largest, *at_length)
    if (
        len(at_length) > 2 and at_length[-1] > 2 * at_length[-3]
    ):  # it still grows with the length: what wanders for hours, or by day and night
        largest *= 4
    return Line(mean, largest, int(rows), len(n))


class Learning:
    """The first part of a log, from which its floor is learned: up to a day of five-minute parts whose labels are in."""

    def __init__(self) -> None:
        self._parts: dict[int, NDArray[np.float64]] = {}  # number of the part -> predictions, labelled, sum, sum of squares
        self.done = False

    def add_rows(self, at_s: NDArray[np.float64]) -> None:
        """Predictions."""
        self._count(at_s, 0, np.ones(len(at_s)))

    def add_labelled(self, at_s: NDArray[np.float64], x: NDArray[np.float64]) -> None:
        """Rows with a label: 1 where right, or the size of the error."""
        self._count(at_s, 1, np.ones(len(at_s)))
        self._count(at_s, 2, x)
        self._count(at_s, 3, x * x)

    def line(self, now_s: float) -> Line | None:
        """The usual as known so far; it changes with every part, until a day is full.

        The newest hour is held back: a fall must not become what is usual before it is told. Who asks stops asking while one is told.
        """
        numbers = sorted(self._parts)
        full = [self._parts[number] for number in numbers if (number + 1) * PART_S <= now_s and self._is_full(number)][:MOST_PARTS]
        old = sum(1 for number in numbers if (number + 1) * PART_S <= now_s - HELD_BACK_S and self._is_full(number))
        full = full[: max(FEWEST_PARTS, old)]
        if len(full) == MOST_PARTS:
            self.done = True
        if not full:
            return None
        table = np.array(full)
        line = line_of(table[:, 1], table[:, 2], table[:, 3])
        return None if line is None else line._replace(settled=self.done)

    def _is_full(self, number: int) -> bool:
        rows, labelled = self._parts[number][:2]
        return bool(labelled >= ENOUGH_LABELS * rows)

    def _count(self, at_s: NDArray[np.float64], column: int, values: NDArray[np.float64]) -> None:
        if self.done or not len(at_s):
            return
        numbers, which = np.unique(np.floor(at_s / PART_S).astype(np.int64), return_inverse=True)
        sums = np.bincount(which.ravel(), values)
        for number, value in zip(numbers.tolist(), sums, strict=True):
            part = self._parts.get(number)
            if part is None:
                if len(self._parts) >= _LATE_PARTS:
                    continue
                part = self._parts[number] = np.zeros(4)
            part[column] += value

    def plain(self) -> list[Any]:
        """As values that can be written."""
        return [self.done, [[number, *part.tolist()] for number, part in self._parts.items()]]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> Self:
        """What `plain` gave.

        Raises:
            ValueError: it is damaged.
        """
        learning = cls()
        try:
            learning.done, parts = bool(plain[0]), plain[1]
            learning._parts = {int(number): np.array([float(x) for x in part]) for number, *part in parts}
            if any(len(part) != 4 for part in learning._parts.values()):
                raise ValueError("a part of what was learned is damaged")
        except (TypeError, IndexError) as error:
            raise ValueError(f"what was learned is damaged ({error})") from None
        return learning


class Standing:
    """The state of one log and since when."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._bad = 1 if key == "mae" else -1  # the side on which the number is bad
        self.state: State = "UNKNOWN"
        self.since_s: float | None = None
        self._beyond: dict[str, bool] = {}

    def judge(self, windows: Mapping[str, Performance], line: Line | None, now_s: float) -> State:
        """Look at the labelled windows of the whole log."""
        for name in (*SHORT, LONG, LONGEST):
            self._look(name, windows.get(name), line)
        state = self._state()
        if state != self.state:
            self.state, self.since_s = state, now_s
        return state

    def resume(self, state: str, since_s: float | None) -> None:
        """Go on in the state of an earlier engine."""
        if state in ("OK", "FALLING", "DECAYED"):
            self.state, self.since_s = cast("State", state), since_s
            self._beyond = {"FALLING": dict.fromkeys((*SHORT, LONG), True), "DECAYED": {LONGEST: True}}.get(state, {})

    def _look(self, name: str, window: Performance | None, line: Line | None) -> None:
        one = window.metrics.get(self.key) if window is not None else None
        enough = window is not None and window.coverage is not None and window.coverage >= ENOUGH_LABELS
        judged = line is not None and (line.settled or name != LONGEST)
        if line is None or not judged or one is None or one.value is None or not enough or (one.n or 0) < FEWEST_JUDGED:
            self._beyond.pop(name, None)
            return
        distance = self._bad * line.distance(one.value, one.n or 1)
        if self._beyond.get(name, False):
            self._beyond[name] = distance > _STAYS
        else:
            self._beyond[name] = distance > 1.0 and self._past_the_floor(one)

    def _past_the_floor(self, one: Estimate) -> bool:
        """Whether the whole interval is beyond the floor; without a floor, the distance alone speaks."""
        if one.floor is None or one.low is None or one.high is None:
            return True
        return one.low > one.floor if self._bad > 0 else one.high < one.floor

    def _state(self) -> State:
        short = [self._beyond[name] for name in SHORT if name in self._beyond]
        if self._beyond.get(LONG, False) and (any(short) or not short):  # no short one: labels are later than that
            return "FALLING"
        if self._beyond.get(LONGEST, False):
            return "DECAYED"
        return "OK" if LONG in self._beyond or LONGEST in self._beyond else "UNKNOWN"

    def spoken_for(self) -> str:
        """The window that the sentence is about."""
        if self.state == "FALLING":
            return next((name for name in SHORT if self._beyond.get(name, False)), LONG)
        return LONGEST


_SAID = {"1m": "1 min", "5m": "5 min", "30m": "30 min", "3h": "3 h", "24h": "24 h"}
_CAPITAL = {"mae": "MAE", "f1": "F1", "accuracy": "Accuracy"}


def sentence(key: str, window: Performance, whole: Performance | None, estimated: Estimate | None) -> str:
    """One line: `F1 0.886 [0.871, 0.900] over 24 h, 0.937 since deploy; 62 % of labels in; est. without labels 0.891.`.

    What the reference says stands before what the log does: of a young one the fall may be all that there is.
    """
    one = window.metrics.get(key)
    name = _CAPITAL.get(key, key)
    over = f"over {_SAID.get(window.window, window.window)}"
    if one is None or one.value is None:
        parts = [f"{name} unknown {over}: {window.why or 'no labels'}"]
    else:
        spread = "" if one.low is None or one.high is None else f" [{_said(one.low, key)}, {_said(one.high, key)}]"
        usual = "" if one.reference is None else f", {_said(one.reference, key)} in the reference"
        parts = [f"{name} {_said(one.value, key)}{spread} {over}{usual}"]
    since = whole.metrics.get(key) if whole is not None else None
    if whole is not None and since is not None and since.value is not None:
        parts[0] += f", {_said(since.value, key)} since {'deploy' if whole.window == 'deploy' else 'the log began'}"
    if window.coverage is not None:
        parts.append(f"{100 * window.coverage:.0f} % of labels in")
    if estimated is not None and estimated.value is not None:
        parts.append(f"est. without labels {_said(estimated.value, key)}")
    return "; ".join(parts) + "."


def _said(value: float, key: str) -> str:
    return f"{value:.3g}" if key == "mae" else f"{value:.3f}"
