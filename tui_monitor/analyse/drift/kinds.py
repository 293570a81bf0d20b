"""Which kind a change is: sudden, when one step explains it best; gradual, when a slope does; recurring, when it has come and gone before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from tui_monitor.analyse.drift.judge import Floats

Kind = Literal["sudden", "gradual", "recurring", ""]

FEWEST = 6  # slots, below which one kind cannot be told from another
MOST = 400  # slots that are looked at; more are joined
SLOPE_WINS = 0.9  # a slope has one number more to fit: its error must be this much smaller than the step's
RECURRING_FROM = 2  # earlier episodes of the same signal in the same direction


class Fitted(NamedTuple):
    """The better of the two shapes: where it begins (a slot), and its squared error as a share of that of no change at all."""

    kind: Kind
    at: int
    error: float


def fitted(level: Floats, rows: Floats, before: float) -> Fitted:
    """A step or a slope through the slots of an episode and some before it.

    Args:
        level: what moved, one number a slot: a share beyond a cut, a mean.
        rows: of each slot, as weights; slots without rows count for nothing.
        before: its level in the reference.
    """
    if level.size > MOST:
        level, rows = _joined(level, rows)
    moved = np.where(rows > 0, level - before, 0.0)
    total = float((rows * moved**2).sum())
    if np.count_nonzero(rows) < FEWEST or total <= 0:
        return Fitted("", 0, 1.0)
    step_at, step = _best(moved, rows, _step)
    slope_at, slope = _best(moved, rows, _slope)
    if slope < SLOPE_WINS * step:
        return Fitted("gradual", slope_at, slope / total)
    return Fitted("sudden", step_at, step / total)


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


def _step(size: int, at: int) -> Floats:
    shape = np.zeros(size)
    shape[at:] = 1.0
    return shape


def _slope(size: int, at: int) -> Floats:
    """From nothing at `at` up to one at the end."""
    shape = np.zeros(size)
    shape[at:] = np.arange(1, size - at + 1) / (size - at)
    return shape


def _best(moved: Floats, rows: Floats, shape_of: Callable[[int, int], Floats]) -> tuple[int, float]:
    best = 0, float((rows * moved**2).sum())
    for at in range(moved.size - 1):
        shape = shape_of(moved.size, at)
        power = float((rows * shape**2).sum())
        if power <= 0:
            continue
        height = float((rows * shape * moved).sum()) / power
        error = float((rows * (moved - height * shape) ** 2).sum())
        if error < best[1]:
            best = at, error
    return best
