"""Shapes of a change through noise."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.drift.kinds import fitted, kind_of


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
