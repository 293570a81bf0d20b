"""Shapes of a change through noise."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.drift.kinds import SURELY, fitted, kind_of, sudden_s


def slots(shape: str, size: int = 120, at: int = 30, height: float = 0.2, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = np.full(size, 0.5)
    if shape == "sudden":
        truth[at:] += height
    elif shape == "gradual":
        truth[at:] += np.linspace(0, height, size - at)
    elif shape == "gradual, then flat":
        truth[at:] += height * np.clip(np.linspace(0, 2, size - at), 0, 1)
    rows = random.poisson(100, size).astype(float)
    return random.binomial(rows.astype(int), truth) / np.maximum(rows, 1), rows


@pytest.mark.parametrize("shape", ["sudden", "gradual", "gradual, then flat"])
def test_a_step_is_sudden_and_a_slope_is_gradual(shape: str) -> None:
    kinds = [fitted(*slots(shape, seed=seed), before=0.5).kind for seed in range(20)]
    assert kinds.count(shape.partition(",")[0]) >= 18


def test_the_step_is_found_where_it_is() -> None:
    assert abs(fitted(*slots("sudden"), before=0.5).at - 30) <= 3


def test_many_slots_are_joined_and_empty_ones_count_for_nothing() -> None:
    level, rows = slots("sudden", size=5000, at=1000)
    rows[::2] = 0
    level[::2] = np.nan
    level[np.isnan(level)] = 0.0
    assert fitted(level, rows, before=0.5).kind == "sudden"


def test_too_few_slots_have_no_kind() -> None:
    assert fitted(np.array([0.7, 0.7]), np.array([9.0, 9.0]), before=0.5).kind == ""


def test_the_third_time_it_is_recurring() -> None:
    fit = fitted(*slots("sudden"), before=0.5)
    assert [kind_of(fit, earlier) for earlier in range(4)] == ["sudden", "sudden", "recurring", "recurring"]


def minutes(seed: int, course: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of 40 rows a minute along a course, their rows, and the times."""
    rows = np.full(course.size, 40.0)
    return np.random.default_rng(seed).binomial(40, course) / 40, rows, 60.0 * np.arange(course.size)


def suddens(course: np.ndarray, slow_s: float = 3600.0) -> list[float]:
    """When it jumped, in minutes, of twenty tries in which it did."""
    found = [sudden_s(*minutes(seed, course), slow_s, 0.24) for seed in range(20)]
    return [one / 60 for one in found if one is not None]


def test_a_jump_is_found_where_it_is_and_a_slow_change_is_none() -> None:
    at = np.arange(240)
    jumps = suddens(0.4 + 0.25 * (at >= 200))
    assert len(jumps) >= 18
    assert abs(np.median(jumps) - 200) <= 2
    assert len(suddens(0.4 + 0.25 * np.clip((at - 120) / 120, 0, 1))) <= 1
    assert len(suddens(np.full(240, 0.5))) <= 1


def test_a_jump_beside_a_slow_change_is_found_too() -> None:
    at = np.arange(400)
    jumps = suddens(0.3 + 0.15 * np.clip((at - 20) / 240, 0, 1) + 0.25 * (at >= 330))
    assert len(jumps) >= 17
    assert abs(np.median(jumps) - 330) <= 3


def test_what_was_so_from_the_first_slot_proves_no_jump() -> None:
    assert suddens(np.full(120, 0.9)) == []
    assert sudden_s(np.full(3, 0.9), np.full(3, 40.0), 60.0 * np.arange(3), 3600.0, 0.1) is None
    assert sudden_s(np.zeros(40), np.zeros(40), 60.0 * np.arange(40), 3600.0, 0.1) is None


def test_a_jump_within_two_minutes_is_none_of_an_hour_that_has_just_ended() -> None:
    """Prompts of a server whose clients change: eight minutes, of which one has both."""
    level, rows = np.asarray([0.5, 0.5, 0.5, 0.19, 0, 0, 0, 0]), np.asarray([679.0, 645, 629, 619, 653, 700, 581, 357])
    assert sudden_s(level, rows, 60.0 * np.arange(8), 3600.0, 0.2) == 180.0
    assert sudden_s(level[[1, 2, 4, 5]], rows[:4], 60.0 * np.arange(4), 3600.0, 0.2) == 120.0


def test_four_slots_tell_no_jump_by_chance() -> None:
    chance = np.random.default_rng(4)
    found = [sudden_s(chance.binomial(40, 0.4, 4) / 40, np.full(4, 40.0), 60.0 * np.arange(4), 3600.0, 0.24) for _ in range(300)]
    assert sum(one is not None for one in found) <= 15


def test_the_rarer_false_alarms_may_be_the_surer_a_jump_must_be() -> None:
    course = 0.4 + 0.25 * (np.arange(120) >= 90)
    told = [
        [sudden_s(*minutes(seed, course), 3600.0, 0.24, surely) is not None for seed in range(20)]
        for surely in (SURELY, 2 * SURELY, 8 * SURELY)
    ]
    assert sum(told[0]) >= 18
    assert sum(told[0]) >= sum(told[1]) > sum(told[2]) == 0
