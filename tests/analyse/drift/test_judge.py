"""The sequential judge on simulated streams: quiet while nothing changes, quick when something does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tui_monitor.analyse.drift.judge import JUMPS, Judge, cuts, overdispersion, singles

SHARES = np.asarray([0.05, 0.15, 0.3, 0.25, 0.15, 0.1, 0.0])
ROWS = 20  # a check
BUDGET = 500.0  # checks to a false alarm


def dependent(chance: np.random.Generator, checks: int) -> np.ndarray:
    """Batches: each check's rows share a mood, so that they tell less than independent ones."""
    moods = np.asarray([chance.dirichlet(12 * SHARES[:6]) for _ in range(checks)])
    return np.asarray([np.append(chance.multinomial(ROWS, mood), 0) for mood in moods])


def independent(chance: np.random.Generator, checks: int) -> np.ndarray:
    return chance.multinomial(ROWS, SHARES, size=checks)


def alarms(reference: np.ndarray, stream: np.ndarray, tau: float | None = None) -> int:
    tests = cuts(reference.sum(axis=0).astype(float))
    tau = overdispersion(reference.astype(float), tests) if tau is None else tau
    judge, found = Judge(reference.sum(axis=0).astype(float), tests, tau, 0.01), 0
    for check, counts in enumerate(stream):
        judge.update(counts.astype(float), float(check))
        if judge.evidence(BUDGET) >= 0:
            found += 1
            judge.restart()
    return found


@pytest.mark.parametrize("kind", [independent, dependent])
def test_false_alarms_stay_within_their_budget(kind) -> None:
    found, checks = 0, 0
    for seed in range(6):
        chance = np.random.default_rng(seed)
        found += alarms(kind(chance, 200), kind(chance, 2000))
        checks += 2000
    assert found <= checks / BUDGET


def test_dependent_rows_would_cry_wolf_without_their_tau() -> None:
    chance = np.random.default_rng(1)
    reference, stream = dependent(chance, 200), dependent(chance, 2000)
    assert alarms(reference, stream, tau=1.0) > 3 * 2000 / BUDGET


def test_tau_is_one_for_independent_rows_and_grows_with_dependence() -> None:
    chance = np.random.default_rng(2)
    tests = cuts(SHARES * 1000)
    assert overdispersion(independent(chance, 400).astype(float), tests) < 1.4
    assert 2 < overdispersion(dependent(chance, 400).astype(float), tests) < 4  # 1 + (20 - 1) / (12 + 1) = 2.5
    slow = np.repeat(np.asarray([chance.dirichlet(30 * SHARES[:6]) for _ in range(50)]), 8, axis=0)
    rows = np.asarray([np.append(chance.multinomial(ROWS, mood), 0) for mood in slow]).astype(float)
    assert overdispersion(rows, tests) > 3  # 1 + (160 - 1) / (30 + 1) = 6.1, over blocks of eight


@pytest.mark.parametrize(
    ("why", "shares", "within"),
    [
        ("a large move is seen within some hundred rows", [0.02, 0.05, 0.13, 0.2, 0.3, 0.2, 0.1], 25),
        ("a moderate one within a few thousand", [0.03, 0.11, 0.25, 0.27, 0.2, 0.14, 0.0], 150),
        ("rows where there were none", [0.05, 0.15, 0.3, 0.25, 0.15, 0.0, 0.1], 40),
        ("a wider spread with the same middle", [0.2, 0.12, 0.18, 0.15, 0.1, 0.25, 0.0], 40),
    ],
)
def test_a_change_is_found_and_its_beginning_too(why: str, shares: list[float], within: int) -> None:
    chance = np.random.default_rng(3)
    reference = independent(chance, 250).sum(axis=0).astype(float)
    judge = Judge(reference, cuts(reference), 1.0, 0.01)
    for check in range(300):
        judge.update(independent(chance, 1)[0].astype(float), float(check))
    assert judge.evidence(1e6) < 0
    for check in range(300, 300 + within):
        judge.update(chance.multinomial(ROWS, shares).astype(float), float(check))
        if judge.evidence(1e6) >= 0:
            break
    assert judge.evidence(1e6) >= 0, why
    assert judge.change_s is not None
    assert 300 - within / 4 <= judge.change_s <= 300 + within / 2, why


def test_what_is_within_the_tolerance_is_no_change() -> None:
    chance = np.random.default_rng(4)
    reference = chance.multinomial(100_000, SHARES).astype(float)
    judge = Judge(reference, cuts(reference), 1.0, 0.05)
    moved = SHARES + np.asarray([0, 0, -0.03, 0.03, 0, 0, 0])
    for check in range(2000):
        judge.update(chance.multinomial(ROWS, moved).astype(float), float(check))
    assert judge.evidence(1e4) < 0


def test_categories_are_judged_each_against_the_rest() -> None:
    chance = np.random.default_rng(5)
    reference = chance.multinomial(5000, [0.7, 0.25, 0.05, 0.0]).astype(float)
    judge = Judge(reference, singles(reference), 1.0, 0.01)
    for check in range(200):
        judge.update(chance.multinomial(ROWS, [0.7, 0.25, 0.05, 0.0]).astype(float), float(check))
    assert judge.evidence(1e6) < 0
    for check in range(200, 260):
        judge.update(chance.multinomial(ROWS, [0.55, 0.25, 0.05, 0.15]).astype(float), float(check))
    assert judge.evidence(1e6) >= 0


def test_cuts_stand_where_they_tell_most() -> None:
    below = cuts(np.asarray([0.0, 0.0, 5.0, 0.0, 5.0, 0.0, 0.0])).sum(axis=1).tolist()
    assert below == [2, 4, 5]  # before the mass, in its gap, and where it ends


def test_one_check_of_the_recursion_by_hand() -> None:
    """A fair coin known exactly: e-values of 20 heads of 20, averaged over the jumps up and those down."""
    judge = Judge(np.asarray([1e12, 1e12]), np.asarray([[1.0, 0.0]]), 1.0, 0.0)
    judge.update(np.asarray([20.0, 0.0]), 0.0)
    mean = sum(((0.5 + sign * jump) / 0.5) ** 20 for jump in JUMPS for sign in (1, -1)) / (2 * len(JUMPS))
    assert judge.evidence(10.0) == pytest.approx(math.log10(mean / 10), abs=1e-3)
