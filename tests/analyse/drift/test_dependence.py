"""Correlation times of series whose correlation time is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tui_monitor.analyse.drift.dependence import bursts, correlation_time, correlation_time_of_categories, ranks


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
