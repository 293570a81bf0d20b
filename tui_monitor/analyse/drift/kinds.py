"""Which kind a change is: sudden, when one step explains it best; gradual, when a slope (and a plateau) does; recurring, when it has come and gone before."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from tui_monitor.analyse.drift.judge import Floats

Kind = Literal["sudden", "gradual", "recurring", ""]

FEWEST, FEWEST_AROUND = 6, 4  # slots, below which one kind cannot be told from another, and a jump not from a slope
MOST = 400  # slots that are looked at; more are joined
PLACES = 48  # where a shape may begin or end
SLOPE_WINS = 0.9  # a slope has one number more to fit: its error must be this much smaller than the step's
SURELY = 12.0  # squared standard errors that the best slope leaves more than the best step: at one false alarm of a signal in 30 days
NEAR = 4.0  # times what a slow change takes: so far back a jump is looked for
RECURRING_FROM = 2  # earlier episodes of the same signal in the same direction


class Fitted(NamedTuple):
    """The better of the two shapes: where it begins (a slot), and its squared error as a share of that of no change at all."""

    kind: Kind
    at: int
    error: float


def fitted(level: Floats, rows: Floats, before: float, times: Floats | None = None) -> Fitted:
    """A step or a slope through the slots of an episode and some before it.

    Args:
        level: what moved, one number a slot: a share beyond a cut, a mean.
        rows: of each slot, as weights; slots without rows count for nothing.
        before: its level in the reference.
        times: when each slot began, rising; None: slots are equally long. What is long ago is kept in longer slots, in which a slope would
            look like a step.
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
    pairs = [(begin, end) for begin in some for end in some if end - begin >= 2 and times[end] - times[begin] >= span / 10]
    slopes = (
        np.stack([np.clip((middle - times[begin]) / (times[end] - times[begin]), 0.0, 1.0) for begin, end in pairs])
        if pairs
        else np.zeros((0, moved.size))
    )
    step_at, step = _best(moved, rows, steps)
    slope_at, slope = _best(moved, rows, slopes)
    if slope < SLOPE_WINS * step:
        return Fitted("gradual", int(pairs[slope_at][0]), slope / total)
    return Fitted("sudden", int(places[step_at]), step / total)


def sudden_s(level: Floats, rows: Floats, times: Floats, slow_s: float, noise: float, surely: float = SURELY) -> float | None:
    """When a change was that is clearly a step, and no slope that takes at least `slow_s`; None where none is.

    Both stand on a level of their own, so that a change which was there before the first slot, or goes on more slowly beside, proves nothing.
    Neither is higher than 1: the last minutes of a slope of hours cannot have moved all that a share can move.

    Args:
        level: a share, one number a slot.
        rows: of each slot.
        times: when each slot began, rising.
        slow_s: the fastest that is no step.
        noise: variance of one row, at least; what slots leave is more where more than chance moves them, and less where there are few.
        surely: squared standard errors that the best slope must leave more than the best step.
    """
    if not times.size:
        return None
    recent = times >= times[-1] - NEAR * slow_s  # further back a cycle may have moved it more than any jump
    level, rows, times = level[recent], rows[recent], times[recent]
    if np.count_nonzero(rows) < FEWEST_AROUND:
        return None
    middle = times + np.append(np.diff(times), times[-1] - times[-2]) / 2
    places = np.unique(np.linspace(1, times.size - 1, min(times.size - 1, 4 * PLACES)).astype(int))
    begins = np.linspace(times[0] - slow_s, times[-1], PLACES)
    step_at, step = _best_beside(level, rows, (np.arange(times.size) >= places[:, None]).astype(np.float64))
    slopes = [np.clip((middle - begins[:, None]) / (many * slow_s), 0.0, 1.0) for many in (1.0, 2.0, 4.0)]
    _, slope = _best_beside(level, rows, np.concatenate(slopes))
    freedom = max(int(np.count_nonzero(rows)) - 3, 1)
    return float(times[places[step_at]]) if slope - step > surely * max(step / freedom, noise) else None


def _best_beside(level: Floats, rows: Floats, shapes: Floats) -> tuple[int, float]:
    """As `_best`, each shape with a level of its own beside it, and at most 1 high."""
    whole = max(float(rows.sum()), 1e-300)
    moved = np.where(rows > 0, level, 0.0)
    return _best(moved - float(rows @ moved) / whole, rows, shapes - (shapes @ rows / whole)[:, None], highest=1.0)


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


def _best(moved: Floats, rows: Floats, shapes: Floats, highest: float = np.inf) -> tuple[int, float]:
    """Which shape, at its best height up to `highest`, leaves the least weighted squared error, and that error."""
    whole = float((rows * moved**2).sum())
    if not len(shapes):
        return 0, whole
    power, along = (shapes**2) @ rows, shapes @ (rows * moved)
    height = np.clip(np.divide(along, power, out=np.zeros_like(power), where=power > 0), -highest, highest)
    error = whole - height * (2 * along - height * power)
    at = int(error.argmin())
    return at, float(error[at])
