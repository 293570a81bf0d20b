"""Correlation times of series whose correlation time is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tui_monitor.analyse.drift.dependence import (
    NO_MOODS,
    Moods,
    bursts,
    correlation_time,
    correlation_time_of_categories,
    enough,
    moods,
    ranks,
)
from tui_monitor.analyse.drift.judge import cuts


def ar1(phi: float, size: int, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    noise = random.normal(size=size)
    values = np.empty(size)
    values[0] = noise[0] / np.sqrt(1 - phi**2)
    for i in range(1, size):
        values[i] = phi * values[i - 1] + noise[i]
    return values


@pytest.mark.parametrize(("phi", "low", "high"), [(0.0, 1.0, 1.15), (0.3, 1.6, 2.1), (0.7, 4.6, 6.6), (0.9, 13.0, 22.0)])
def test_of_an_autoregressive_series_it_is_about_one_plus_phi_over_one_minus_phi(phi: float, low: float, high: float) -> None:
    taus = [correlation_time(ar1(phi, 20_000, seed)) for seed in range(5)]
    assert low <= float(np.median(taus)) <= high


def test_rows_that_come_in_equal_batches_count_once_a_batch() -> None:
    values = np.repeat(np.random.default_rng(3).normal(size=1000), 20)
    assert correlation_time(values) == pytest.approx(20, rel=0.2)


def test_ties_in_discrete_columns_are_no_trend() -> None:
    random = np.random.default_rng(4)
    assert correlation_time(random.integers(0, 3, 20_000).astype(float)) < 1.15
    assert correlation_time((random.random(20_000) < 0.01).astype(float)) < 1.2
    assert correlation_time(np.full(1000, 7.0)) == 1.0


def test_ranks_are_means_over_ties() -> None:
    assert list(ranks(np.array([5.0, 1.0, 5.0, 2.0]))) == [3.5, 1.0, 3.5, 2.0]


def test_categories_that_come_in_runs() -> None:
    random = np.random.default_rng(5)
    assert correlation_time_of_categories(random.integers(0, 4, 20_000)) < 1.2
    assert correlation_time_of_categories(np.repeat(random.integers(0, 4, 2_000), 10)) == pytest.approx(10, rel=0.25)


def test_a_few_rows_say_nothing() -> None:
    assert correlation_time(np.arange(10.0)) == 1.0


MINUTES = 60.0 * np.arange(600)


@pytest.mark.parametrize(
    ("why", "times", "until_s", "found"),
    [
        ("all the time", MINUTES, 36_000.0, math.inf),
        ("a minute is left out now and then", np.delete(MINUTES, np.arange(5, 600, 7)), 36_000.0, math.inf),
        ("seldom, but evenly", 600.0 * np.arange(60), 36_000.0, math.inf),
        ("minutes of an hour", MINUTES[MINUTES % 3600 < 300], 36_000.0, 10),
        ("one of them", MINUTES[:5], 3600.0, 1),
        ("one look", MINUTES[:1], 30.0, math.inf),
        ("one look, an hour ago", MINUTES[:1], 3600.0, 1),
        ("a night without rows", MINUTES[(MINUTES < 3600) | (MINUTES > 18_000)], 36_000.0, 2),
    ],
)
def test_in_how_many_bursts_rows_came(why: str, times: np.ndarray, until_s: float, found: float) -> None:
    assert bursts(times, until_s) == found, why


def test_rows_without_order_in_time_are_no_bursts() -> None:
    times = np.unique(np.random.default_rng(6).uniform(0, 36_000, 500) // 60 * 60)
    assert bursts(times, 36_000.0) > 60


def course(level: np.ndarray, rows: int = 100, seed: int = 1) -> np.ndarray:
    """Slots of a minute each, whose rows lie below a cut with a share that follows a course."""
    inside = np.random.default_rng([seed, 2]).binomial(rows, np.clip(level, 0, 1))
    return np.stack([inside, rows - inside], axis=1).astype(float)


def moods_of(slots: np.ndarray) -> Moods:
    return moods(slots, cuts(slots.sum(axis=0)), 60.0 * (len(slots) - 1))


def in_moods(minutes: int, each: int, spread: float, seed: int) -> np.ndarray:
    """A share of one half that jumps every so many minutes."""
    levels = np.random.default_rng([seed, 3]).normal(0.5, spread, minutes // each + 2)
    return levels[(np.arange(minutes) + seed * 7) // each % levels.size]


@pytest.mark.parametrize(
    ("why", "level"),
    [
        ("nothing changes", np.full(60, 0.4)),
        ("an hour of a cycle of a day, on its flank", 0.5 + 0.3 * np.sin(2 * np.pi * np.arange(60) / 1440)),
        ("and at its turn", 0.5 + 0.3 * np.cos(2 * np.pi * np.arange(60) / 1440)),
        ("eleven hours of it", 0.5 + 0.3 * np.sin(2 * np.pi * np.arange(660) / 1440)),
    ],
)
def test_what_does_not_change_or_slowly_is_no_mood(why: str, level: np.ndarray) -> None:
    found = [moods_of(course(level, seed=seed)) for seed in range(200)]
    assert sum(one.seen < math.inf for one in found) <= 4, why
    assert sum(one.tau > 2 for one in found) <= 4, why


@pytest.mark.parametrize(
    ("each", "minutes", "low", "high"), [(20, 60, 2, 4), (20, 240, 9, 16), (10, 240, 18, 30), (5, 240, 30, 60), (20, 900, 35, 60)]
)
def test_how_many_moods_were_seen(each: int, minutes: int, low: float, high: float) -> None:
    found = [moods_of(course(in_moods(minutes, each, 0.1, seed), seed=seed)).seen for seed in range(60)]
    sure = [seen for seen in found if seen < math.inf]
    assert len(sure) >= 0.75 * len(found)
    assert low <= np.median(sure) <= high


def test_few_moods_are_too_few_and_many_tell_what_a_row_is_worth() -> None:
    few = np.mean([moods_of(course(in_moods(60, 20, 0.1, seed), seed=seed)).seen < 12 for seed in range(60)])
    many = [moods_of(course(in_moods(1200, 20, 0.1, seed), seed=seed)) for seed in range(30)]
    assert few >= 0.75
    assert min(one.seen for one in many) >= 12
    # 2,000 rows of a mood are as much alike as its level varies: 0.1 squared over 0.25 of each, 4 % of the variance, makes 1 + 1,999 * 0.04.
    assert 40 < np.median([one.tau for one in many]) < 120


def test_slots_that_vary_by_themselves_are_no_moods_but_worth_less() -> None:
    """A slot's own share varies by 0.1, chance alone makes 0.05 of 100 rows: five times the variance."""
    chance = np.random.default_rng(2)
    found = [moods_of(course(chance.normal(0.5, 0.1, 96), seed=seed)) for seed in range(40)]
    assert sum(one.seen < math.inf for one in found) <= 2
    assert 2.5 < np.median([one.tau for one in found]) < 5.5


def neighbours(level: np.ndarray, rows: int = 100, seed: int = 1) -> float:
    """What a row is worth, by the slots of a day of a share that follows a course."""
    inside = np.random.default_rng(seed).binomial(rows, level)
    slots = np.stack([inside, rows - inside], axis=1).astype(float)
    return moods(slots, cuts(slots.sum(axis=0)), 900.0 * (len(slots) - 1)).tau


def test_neighbouring_slots_tell_what_a_row_is_worth_and_a_slow_course_does_not_count() -> None:
    day = np.arange(96)
    chance = np.random.default_rng(2)
    assert max(neighbours(np.full(96, 0.4), seed=seed) for seed in range(20)) < 1.5
    assert max(neighbours(0.5 + 0.3 * np.sin(2 * np.pi * day / 96), seed=seed) for seed in range(20)) < 1.5
    # A slot's own share varies by 0.1, chance alone makes 0.05 of 100 rows: five times the variance.
    found = [neighbours(np.clip(chance.normal(0.5, 0.1, 96), 0.05, 0.95), seed=seed) for seed in range(20)]
    assert 2.5 < np.median(found) < 5.5
    assert neighbours(np.asarray([0.1, 0.9] * 4)) == 1  # too few to say
    assert neighbours(np.zeros(96)) == 1


@pytest.mark.parametrize("slots", [np.asarray([[10.0, 90.0], [90.0, 10.0]] * 5), np.tile([100.0, 0.0], (96, 1)), np.zeros((96, 2))])
def test_few_slots_and_such_that_cannot_differ_tell_of_no_moods(slots: np.ndarray) -> None:
    assert moods(slots, np.asarray([[1.0, 0.0]]), 3600.0) == NO_MOODS


def test_slots_without_rows_do_not_count() -> None:
    level = course(in_moods(240, 10, 0.1, 1))
    with_silence = np.zeros((480, 2))
    with_silence[::2] = level
    assert moods(with_silence, cuts(level.sum(axis=0)), 60.0 * 239) == moods_of(level)


@pytest.mark.parametrize(
    ("slots", "times", "tau", "why"),
    [
        (course(np.full(60, 0.4)), 60.0 * np.arange(60), 1.0, ""),
        (
            course(np.full(60, 0.4))[np.arange(60) % 20 < 5],
            60.0 * np.flatnonzero(np.arange(60) % 20 < 5),
            1.0,
            "its rows come in bursts, 3 of 12 seen",
        ),
        (course(in_moods(60, 20, 0.2, 1)), 60.0 * np.arange(60), 1.0, "rows of some minutes resemble each other, 4 of 12 such times seen"),
        (course(np.full(60, 0.4)), 60.0 * np.arange(60), 70.0, "its rows resemble their neighbours, 70 tell as much as one"),
        (np.zeros((3, 2)), 60.0 * np.arange(3), 1.0, "it has no rows"),
    ],
)
def test_whether_an_hour_tells_what_is_usual(slots: np.ndarray, times: np.ndarray, tau: float, why: str) -> None:
    found = enough(times, slots, np.asarray([[1.0, 0.0]]), tau, 3600.0)
    assert found.why_not == why
    assert (found.part < 1) == bool(why)
