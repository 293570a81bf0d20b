"""Intervals of 95 % hold the truth in about 95 of 100 draws, of few rows and of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.numbers import metrics, pairs
from tui_monitor.model import Estimate

DRAWS = 300
TRUTH = 400_000  # rows that stand for all rows there could ever be
World = Callable[[np.random.Generator, int], Batch]


def binary(share: float, skill: float, bend: float) -> World:
    """Scores that order the rows with some skill, and that are honest where bend is 1."""

    def rows(chance: np.random.Generator, n: int) -> Batch:
        truth = 1 / (1 + np.exp(-(np.log(share / (1 - share)) + skill * chance.normal(size=n))))
        label = (chance.random(n) < truth).astype(np.int32)
        score = truth**bend
        return Batch(np.zeros(n), (score > 0.5).astype(np.int32), label, score)

    return rows


def classes(shares: list[float], right: list[float]) -> World:
    def rows(chance: np.random.Generator, n: int) -> Batch:
        k = len(shares)
        label = chance.choice(k, n, p=shares)
        prediction = np.where(chance.random(n) < np.array(right)[label], label, chance.integers(0, k, n))
        score = chance.dirichlet(np.ones(k), n) * 0.6 + 0.4 * np.eye(k)[label]
        return Batch(np.zeros(n), prediction.astype(np.int32), label.astype(np.int32), score)

    return rows


def numbers(chance: np.random.Generator, n: int) -> Batch:
    return Batch(np.zeros(n), chance.normal(5, 2, n) + 0.3, chance.normal(5, 2, n), counters=chance.gamma(2, 3, (n, 1)))


def counted(layout: Layout, batch: Batch) -> Counts:
    counts = Counts(layout)
    counts.add_rows(batch)
    counts.add_labels(batch)
    return counts


WORLDS: dict[str, tuple[Layout, World, int]] = {
    "a good model, 400 rows": (Layout("binary", Classes("01"), scores=True, costs={"1": {"0": 50.0}, "0": {"1": 2.0}}), binary(0.4, 3.0, 1.0), 400),
    "a model with bent scores": (Layout("binary", Classes("01"), scores=True, costs={"1": {"0": 9.0}, "0": {"1": 9.0}}), binary(0.5, 2.0, 1.6), 1000),
    "rare positives": (Layout("binary", Classes("01"), scores=True, costs={"1": {"0": 1.0}, "0": {"1": 0.2}}), binary(0.1, 2.5, 1.0), 1500),
    "three classes, 120 rows": (Layout("multiclass", Classes("012"), scores=True), classes([0.5, 0.3, 0.2], [0.9, 0.6, 0.7]), 120),
    "a rare class, never far wrong": (Layout("multiclass", Classes("0123"), scores=True), classes([0.6, 0.25, 0.1, 0.05], [0.97, 0.95, 0.9, 0.9]), 600),
    "numbers": (Layout("regression", counters=["eur"]), numbers, 200),
}  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_intervals_hold_the_truth(name: str) -> None:
    layout, world, n = WORLDS[name]
    chance = np.random.default_rng(sum(name.encode()))
    truth = metrics.measured(counted(layout, world(chance, TRUTH)))
    held: Counter[str] = Counter()
    for _ in range(DRAWS):
        for key, estimate in metrics.measured(counted(layout, world(chance, n))).items():
            held[key] += holds(estimate, truth[key])
    shares = {key: held[key] / DRAWS for key in truth if not key.endswith(".sum")}
    low = {key: share for key, share in shares.items() if share < 0.90}
    high = {key: share for key, share in shares.items() if share > 0.995}
    assert not low
    assert not high


def holds(estimate: Estimate, truth: Estimate) -> bool:
    assert estimate.low is not None
    assert estimate.high is not None
    assert truth.value is not None
    return estimate.low <= truth.value <= estimate.high


def test_the_sum_of_a_counter_is_held_when_rows_come_at_random() -> None:
    chance, layout, held = np.random.default_rng(3), Layout("regression", counters=["eur"]), 0
    for _ in range(DRAWS):
        counts = counted(layout, numbers(chance, int(chance.poisson(200))))
        held += holds(metrics.business(counts)["business.eur.sum"], Estimate(200 * 6.0))
    assert 0.90 <= held / DRAWS <= 0.99


@pytest.mark.parametrize("alike", [0.0, 0.8])
def test_differences_of_paired_models_are_held(alike: float) -> None:
    """Two classifiers that are right in 90 % and 84 %, often on the same rows; two regressions whose errors share a part."""
    chance, held = np.random.default_rng(4), Counter[str]()
    shares, errors = Layout("multiclass", Classes("01"), base=True), Layout("regression", base=True)
    n = 250
    for _ in range(DRAWS):
        same, one, two = chance.random((3, n))
        together = chance.random(n) < alike
        ours, theirs = np.where(together, same, one) < 0.9, np.where(together, same, two) < 0.84
        label = np.zeros(n, np.int32)
        found = pairs.paired(counted(shares, Batch(np.zeros(n), as_codes(ours), label, base=as_codes(theirs))), "base model", "24h")
        assert found is not None
        held["accuracy"] += holds(found.difference, Estimate(0.06))
        common, own, base = chance.normal(size=(3, n))
        common *= alike
        found = pairs.paired(counted(errors, Batch(np.zeros(n), common + own, np.zeros(n), base=common + 1.5 * base)), "base model", "24h")
        assert found is not None
        size = np.sqrt(2 / np.pi)  # mean of |x| of a standard normal
        held["mae"] += holds(found.difference, Estimate(size * (np.hypot(alike, 1) - np.hypot(alike, 1.5))))
    assert all(0.90 <= held[key] / DRAWS <= 0.99 for key in ("accuracy", "mae")), held


def as_codes(right: NDArray[np.bool_]) -> NDArray[np.int32]:
    return (~right).astype(np.int32)
