"""Whether what is usual varies by the hour of the day, or of the week: then a reference is one of the same hours.

The hour of the day must follow the day (its waves against what the hours differ by beside them), not just differ from hour to hour, as it
would where rows come in bursts. The hour of the week needs two weeks: only the same day of another week tells what a Saturday is, and what is
chance. Hours are counted since 1970 in UTC: a cycle has the same cells in every zone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.beta import cumulative
from tui_monitor.analyse.drift.judge import Floats, telling

DAY_S, WEEK_S = 86_400.0, 604_800.0
HOURS, WEEK_HOURS = 24, 168
EXPLAINED = 0.2  # of the variance between slots: from here on the hour is part of the reference
ADDED = 0.05  # of it, that the hour of the week must explain beyond the hour of the day
WAVES, CYCLE = 4, 6.0  # sine and cosine of the day and of its half; F from which on they are there: 1 in 400 by chance
BY_CHANCE = 0.0005  # that days of the week differ so much, where they do not
LEAST_HOURS = 12  # of a day, that tell how it went
NEARLY = 0.98  # of a span that must be whole: the first and the last slot are not

Ints = NDArray[np.int64]


def cell(at_s: Any, cells: int) -> Any:
    """Which of the 24 hours of a day, or the 168 of a week, a time lies in; `at_s` is a time or an array of them."""
    return np.asarray(at_s // 3600, dtype=np.int64) % cells


def season_of(slots: Floats, at_s: Floats, tests: Floats) -> int:
    """168 where the hour of the week matters, 24 where that of the day does, else 0.

    Args:
        slots: counts, one row a slot of an hour or less.
        at_s: the slots' times, rising.
        tests: which bins each test adds up, as `judge.cuts` or `judge.singles`.
    """
    span_s = float(at_s[-1] - at_s[0]) if at_s.size else 0.0
    if span_s < DAY_S * NEARLY:
        return 0
    by_day = _explained(slots, cell(at_s, HOURS), tests, HOURS)
    if span_s >= 2 * WEEK_S * NEARLY and (weekly := _weekly(slots, at_s, tests)).any():
        found = _explained(slots, cell(at_s, WEEK_HOURS), tests, WEEK_HOURS)[weekly].max()
        if found > EXPLAINED and found > by_day.max(initial=0.0) + ADDED:
            return WEEK_HOURS
    daily = _telling(slots, tests) & _cyclic(slots, cell(at_s, HOURS), tests)
    return HOURS if by_day[daily].max(initial=0.0) > EXPLAINED else 0


def curve(level: Floats, there: NDArray[np.bool_]) -> Floats:
    """The smooth course of what was found for each cell of a day or a week: that of each day by itself."""
    days = level.reshape(-1, HOURS)
    return np.concatenate([smooth(day[:, None], here)[:, 0] for day, here in zip(days, there.reshape(-1, HOURS), strict=True)])


def smooth(level: Floats, there: NDArray[np.bool_]) -> Floats:
    """The day and its half in 24 levels, one column each: least squares on the hours that are there."""
    fitted: Floats = _waves() @ np.linalg.lstsq(_waves()[there], level[there], rcond=None)[0]
    return fitted


def _waves() -> Floats:
    turn = 2 * np.pi * np.arange(HOURS) / HOURS
    return np.stack([np.ones(HOURS), np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)], axis=1)


def _telling(slots: Floats, tests: Floats) -> NDArray[np.bool_]:
    return telling(tests @ slots.sum(axis=0) / max(float(slots.sum()), 1.0))


def _levels(slots: Floats, at: Ints, tests: Floats, cells: int) -> tuple[Floats, Floats]:
    """Share of each test in each cell, and the cell's rows."""
    inside, rows = np.zeros((cells, len(tests))), np.bincount(at, slots.sum(axis=1), cells).astype(np.float64)
    np.add.at(inside, at, slots @ tests.T)
    return np.divide(inside, rows[:, None], out=np.zeros_like(inside), where=rows[:, None] > 0), rows


def _explained(slots: Floats, at: Ints, tests: Floats, cells: int) -> Floats:
    """Share of the variance between slots that the cells explain, for each test, beyond what chance alone would."""
    rows = slots.sum(axis=1)
    kept = rows > 0
    if kept.sum() < 2 * cells or not tests.size:
        return np.zeros(len(tests))
    share = (slots[kept] @ tests.T) / rows[kept, None]
    mean = (rows[kept, None] * share).sum(axis=0) / rows[kept].sum()
    total = (rows[kept, None] * (share - mean) ** 2).sum(axis=0)
    level, of_cell = _levels(slots, at, tests, cells)
    between = (of_cell[:, None] * (level - mean) ** 2).sum(axis=0)
    explained = np.divide(between, total, out=np.zeros_like(total), where=total > 1e-12)
    chance = (np.count_nonzero(of_cell) - 1) / (kept.sum() - 1)
    return np.asarray((explained - chance) / (1 - chance))


def _cyclic(slots: Floats, hour: Ints, tests: Floats) -> NDArray[np.bool_]:
    """Which tests follow the day: an F test of its waves."""
    level, rows = _levels(slots, hour, tests, HOURS)
    there = rows > 0
    freedom = int(there.sum()) - WAVES - 1
    if freedom < 8:
        return np.zeros(len(tests), np.bool_)
    course = smooth(level, there)
    along = ((course - level[there].mean(axis=0))[there] ** 2).sum(axis=0) / WAVES
    beside = ((level - course)[there] ** 2).sum(axis=0) / freedom
    cyclic: NDArray[np.bool_] = along > CYCLE * beside
    return cyclic


def _weekly(slots: Floats, at_s: Floats, tests: Floats) -> NDArray[np.bool_]:
    """Which tests follow the days of the week: their level, or a wave of their course, differs more between the days than between the weeks."""
    day = np.asarray(at_s // DAY_S, dtype=np.int64)
    first, days = int(day[0]), int(day[-1] - day[0]) + 1
    level, rows = _levels(slots, cell(at_s, HOURS) + (day - first) * HOURS, tests, days * HOURS)
    there = (rows > 0).reshape(days, HOURS)
    whole = np.flatnonzero(there.sum(axis=1) >= LEAST_HOURS)
    found = np.zeros(len(tests), np.bool_)
    if not whole.size:
        return found
    courses = np.stack(
        [np.linalg.lstsq(_waves()[there[one]], level.reshape(days, HOURS, -1)[one][there[one]], rcond=None)[0] for one in whole]
    )
    weekday = (first + whole) % 7
    for wave in range(courses.shape[1]):  # each by itself: those of one day move together, and tell no more than one
        found |= _between_days(courses[:, wave], weekday) < BY_CHANCE
    return found & _telling(slots, tests)


def _between_days(level: Floats, weekday: Ints) -> Floats:
    """The chance that the days of the week differ as they do, one number a test: an F test of one number a day and test."""
    names, place = np.unique(weekday, return_inverse=True)
    a, b = names.size - 1, len(level) - names.size
    if b < 3 or a < 1:
        return np.ones(level.shape[1])
    sums = np.zeros((names.size, level.shape[1]))
    np.add.at(sums, place, level)
    size = np.bincount(place)[:, None]
    between = (size * (sums / size - level.mean(axis=0)) ** 2).sum(axis=0) / a
    within = ((level - (sums / size)[place]) ** 2).sum(axis=0) / b
    ratio = between / np.maximum(within, 1e-12)
    half = np.ones_like(ratio)
    return cumulative(half * b / 2, half * a / 2, b / (b + a * ratio))
