"""Which kind a change is: sudden, when one step explains it best; gradual, when a slope (and a plateau) does; recurring, when it has come and gone before."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.judge import Floats

Kind = Literal["sudden", "gradual", "recurring", ""]

FEWEST = 6  # slots, below which one kind cannot be told from another
MOST = 400  # slots that are looked at; more are joined
PLACES = 48  # where a shape may begin or end
SLOPE_WINS = 0.9  # a slope has one number more to fit: its error must be this much smaller than the step's
RECURRING_FROM = 2  # earlier episodes of the same signal in the same direction


class Fitted(NamedTuple):
    """The better of the two shapes: where it begins (a slot), and its squared error as a share of that of no change at all."""

    kind: Kind
    at: int
    error: float
    step_wins: float = 1.0  # the slope's error over the step's: above 1 the step is the better one


def fitted(level: Floats, rows: Floats, before: float, times: Floats | None = None, slow_s: float = 0.0) -> Fitted:
    """A step or a slope through the slots of an episode and some before it.

    Args:
        level: what moved, one number a slot: a share beyond a cut, a mean.
        rows: of each slot, as weights; slots without rows count for nothing.
        before: its level in the reference.
        times: when each slot began, rising; None: slots are equally long. What is long ago is kept in longer slots, in which a slope would
            look like a step.
        slow_s: only slopes that take at least so long are held against the step; they may end after the last slot.
    """
    times = np.arange(level.size, dtype=np.float64) if times is None else times
    if level.size > MOST:
        times = times[:: -(-level.size // MOST)]
        level, rows = _joined(level, rows)
    moved = np.where(rows > 0, level - before, 0.0)
    total = float((rows * moved**2).sum())
    if np.count_nonzero(rows) < FEWEST or total <= 0:
        return Fitted("", 0, 1.0)
    slot = np.arange(moved.size)
    ends = np.append(times[1:], times[-1] + (times[-1] - times[-2]))
    middle, span = (times + ends) / 2, max(float(ends[-1] - times[0]), 1e-9)
    evenly = np.searchsorted(times, np.linspace(times[0], times[-1], PLACES))
    places = np.unique(np.concatenate([np.linspace(0, moved.size - 1, min(moved.size, PLACES)).astype(int), evenly]))
    steps = (slot >= places[:, None]).astype(np.float64)
    some = np.unique(evenly)
    if slow_s > 0:
        return _against_slow(moved, rows, steps, places, middle - times[some][:, None], slow_s, total)
    pairs = [(begin, end) for begin in some for end in some if end - begin >= 2 and times[end] - times[begin] >= span / 10]
    slopes = (
        np.stack([np.clip((middle - times[begin]) / (times[end] - times[begin]), 0.0, 1.0) for begin, end in pairs])
        if pairs
        else np.zeros((0, moved.size))
    )
    step_at, step = _best(moved, rows, steps)
    slope_at, slope = _best(moved, rows, slopes)
    if slope < SLOPE_WINS * step:
        return Fitted("gradual", int(pairs[slope_at][0]), slope / total, slope / max(step, 1e-12))
    return Fitted("sudden", int(places[step_at]), step / total, slope / max(step, 1e-12))


def _against_slow(
    moved: Floats, rows: Floats, steps: Floats, places: NDArray[np.intp], since: Floats, slow_s: float, total: float
) -> Fitted:
    """A step against slopes that take one, two, four or eight times `slow_s`; `since` is the time since each beginning, one row each."""
    slopes = np.concatenate([np.clip(since / (times * slow_s), 0.0, 1.0) for times in (1.0, 2.0, 4.0, 8.0)])
    (step_at, step), (_, slope) = _best(moved, rows, steps), _best(moved, rows, slopes)
    wins = slope / max(step, 1e-12)
    return Fitted("sudden" if wins > 1 else "gradual", int(places[step_at]), step / total, wins)


def kind_of(fit: Fitted, earlier: int) -> Kind:
    """The kind, with how many episodes of the same signal and direction there were before."""
    return "recurring" if earlier >= RECURRING_FROM else fit.kind


def _joined(level: Floats, rows: Floats) -> tuple[Floats, Floats]:
    each = -(-level.size // MOST)
    pad = (-level.size) % each
    weights = np.pad(rows, (0, pad)).reshape(-1, each)
    sums = np.pad(np.where(rows > 0, level, 0.0) * rows, (0, pad)).reshape(-1, each).sum(axis=1)
    joined = weights.sum(axis=1)
    return np.divide(sums, joined, out=np.zeros_like(sums), where=joined > 0), joined


def _best(moved: Floats, rows: Floats, shapes: Floats) -> tuple[int, float]:
    """Which shape, at its best height, leaves the least weighted squared error, and that error."""
    whole = float((rows * moved**2).sum())
    if not len(shapes):
        return 0, whole
    power, along = (shapes**2) @ rows, shapes @ (rows * moved)
    error = whole - np.divide(along**2, power, out=np.zeros_like(power), where=power > 0)
    at = int(error.argmin())
    return at, float(error[at])
