"""When the hour of the day, or of the week, is part of what is usual; and when days that differ by chance are not taken for a week."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.judge import cuts
from tui_monitor.analyse.drift.reference import Reference, of_rows, of_slots
from tui_monitor.analyse.drift.season import DAY_S, HOURS, WEEK_HOURS, cell, curve, season_of, smooth

START_S = 1_800_057_600.0  # a Saturday, midnight
EDGES = [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5]


def served(
    chance: np.random.Generator, days: float, daily: float = 0.0, weekend: float = 0.0, moods: float = 0.0, slot_s: float = 1800.0
) -> tuple[np.ndarray, np.ndarray]:
    """Counts of 100 rows a slot and the slots' times; `moods`: how much days differ by chance."""
    at_s = START_S + slot_s * np.arange(round(days * DAY_S / slot_s))
    day = ((at_s - START_S) // DAY_S).astype(int)
    level = daily * np.sin(2 * np.pi * at_s / DAY_S) + weekend * (day % 7 < 2) + moods * chance.normal(size=day.max() + 1)[day]
    places = np.searchsorted(EDGES, chance.normal(size=(at_s.size, 100)) + level[:, None])
    return np.stack([np.bincount(row, minlength=len(EDGES) + 1) for row in places]).astype(float), at_s


def found(days: float, seed: int = 1, **of: float) -> int:
    slots, at_s = served(np.random.default_rng(seed), days, **of)
    return season_of(slots, at_s, cuts(slots.sum(axis=0)))


@pytest.mark.parametrize(
    ("days", "daily", "weekend", "cells"),
    [
        (0.9, 0.6, 0.0, 0),
        (1.05, 0.6, 0.0, HOURS),
        (1.05, 0.0, 0.0, 0),
        (13.0, 0.0, 0.5, 0),
        (13.0, 0.5, 0.5, HOURS),
        (14.0, 0.5, 0.5, WEEK_HOURS),
        (14.0, 0.0, 0.6, WEEK_HOURS),
        (14.0, 0.6, 0.0, HOURS),
        (28.0, 0.0, 0.0, 0),
    ],
)
def test_what_of_the_time_matters(days: float, daily: float, weekend: float, cells: int) -> None:
    assert found(days, daily=daily, weekend=weekend) == cells


@pytest.mark.parametrize("daily", [0.0, 0.5])
def test_days_that_differ_by_chance_are_no_week(daily: float) -> None:
    """Forty services whose days have moods of their own: one in twenty-five would be many."""
    taken = sum(found(14.0, seed, daily=daily, moods=0.4) == WEEK_HOURS for seed in range(40))
    assert taken <= 1


def test_the_hours_of_a_week_begin_with_the_hour_and_return_after_seven_days() -> None:
    assert cell(START_S + 3600.0, HOURS) == 1
    assert cell(START_S + 3 * DAY_S + 3599.0, HOURS) == 0
    of_week = cell(START_S + 3600.0 * np.arange(2 * WEEK_HOURS), WEEK_HOURS)
    assert sorted(of_week[:WEEK_HOURS]) == list(range(WEEK_HOURS))
    assert (of_week[WEEK_HOURS:] == of_week[:WEEK_HOURS]).all()
    assert (of_week % HOURS == cell(START_S + 3600.0 * np.arange(2 * WEEK_HOURS), HOURS)).all()


def test_each_hour_of_the_week_has_its_own_shares() -> None:
    slots, at_s = served(np.random.default_rng(2), 14.0, weekend=0.6)
    known = of_slots(slots, len(EDGES) + 1, "", at_s, category=False)
    saturday, monday = known.shares(known.cell(START_S + 7 * DAY_S)), known.shares(known.cell(START_S + 9 * DAY_S))
    assert saturday[:4].sum() == pytest.approx(0.27, abs=0.05)
    assert monday[:4].sum() == pytest.approx(0.50, abs=0.05)
    assert known.rows == pytest.approx(slots.sum())
    assert sum(map(sum, known.hours)) == pytest.approx(slots.sum())


def test_rows_of_a_log_tell_the_week_too_and_are_worth_what_they_are() -> None:
    chance = np.random.default_rng(3)
    at_s = START_S + np.sort(chance.uniform(0, 14 * DAY_S, 60_000))
    values = chance.normal(size=at_s.size) + 0.7 * ((at_s - START_S) % (7 * DAY_S) < 2 * DAY_S)
    known = of_rows(values, at_s, Bins.of_numbers(values))
    assert len(known.hours) == WEEK_HOURS
    assert known.tau < 1.6
    plain = of_rows(values[at_s < START_S + 8 * DAY_S], at_s[at_s < START_S + 8 * DAY_S], Bins.of_numbers(values))
    assert len(plain.hours) == 0
    assert plain.tau > 20  # one weekend is a burst of two days


@pytest.mark.parametrize("seed", range(6))
def test_independent_rows_stay_worth_one_each_where_their_hour_was_taken_out(seed: int) -> None:
    slots, at_s = served(np.random.default_rng(seed), 14.0, daily=0.5, weekend=0.5)
    known = of_slots(slots, len(EDGES) + 1, "", at_s, category=False)
    assert len(known.hours) == WEEK_HOURS
    assert known.tau < 2


def test_the_moods_of_days_are_not_lost_with_the_hours() -> None:
    """Of two weeks, an hour's own mean takes half of what days differ by away; what is left tells as much as the whole."""
    chance = np.random.default_rng(5)
    slots, at_s = served(chance, 14.0, daily=0.6, weekend=1.0, moods=0.1)
    known = of_slots(slots, len(EDGES) + 1, "", at_s, category=False)
    assert len(known.hours) == WEEK_HOURS
    # A mood of 0.1 moves a share of a half by 0.04 of a day's 4,800 rows, of which chance alone makes 0.0072: 31 times the variance.
    assert 15 < known.tau < 120


def test_an_hour_with_few_rows_is_judged_by_that_hour_of_all_days_and_then_by_all() -> None:
    hours = [[0.0, 0.0] for _ in range(WEEK_HOURS)]
    hours[5], hours[5 + 24], hours[7] = [10.0, 10.0], [30.0, 30.0], [100.0, 0.0]
    known = Reference([140.0, 40.0], hours=hours)
    assert known.counts_of(7).tolist() == [100.0, 0.0]
    assert known.counts_of(5).tolist() == [40.0, 40.0]
    assert known.counts_of(6).tolist() == [140.0, 40.0]


def test_the_course_of_a_week_is_that_of_each_of_its_days() -> None:
    turn = 2 * np.pi * np.arange(HOURS) / HOURS
    day, night = 1 + np.sin(turn), 3 - 0.5 * np.cos(2 * turn)
    level, there = np.concatenate([day, night]), np.ones(48, np.bool_)
    there[[3, 30]] = False
    level = np.where(there, level, 99.0)
    assert curve(level, there) == pytest.approx(np.concatenate([day, night]))
    assert smooth(level[:24, None], there[:24])[:, 0] == pytest.approx(day)
