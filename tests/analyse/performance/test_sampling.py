"""What is drawn to be labelled, how many of each stratum, and that everybody had the chance that the weight says."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import numpy as np
import pytest

from tui_monitor.analyse.performance.unlabelled import sampling
from tui_monitor.analyse.performance.unlabelled.sampling import MOST_KEPT, Draw, Stratum, allocated, bin_of, half_width


def drawn_from(scores: np.ndarray, n: int, seed: int, slices: np.ndarray | None = None) -> Draw[int]:
    draw: Draw[int] = Draw(n, seed)
    place = np.full(len(scores), -1) if slices is None else slices
    for part in np.array_split(np.arange(len(scores)), 7):
        right = np.maximum(scores[part], 1 - scores[part])
        draw.add([bin_of(score) for score in scores[part]], place[part].tolist(), right, part.tolist().__getitem__)
    return draw


def test_neyman_by_hand() -> None:
    """Rows x spread: 1000 x 0.3, 500 x 0.5, 100 x 0.4 of 118: by hand 60, 50, 8."""
    rows, right = np.array([1000.0, 500.0, 100.0]), np.array([0.9, 0.5, 0.8])
    assert allocated(rows, right, 118, rows.astype(int)).tolist() == [60, 50, 8]


@pytest.mark.parametrize("n", [1, 3, 7, 50, 200, 1599, 1600, 5000])
def test_as_many_as_asked_for_and_never_more_than_there_are(n: int) -> None:
    rows, right = np.array([1000.0, 500.0, 97.0, 2.0, 1.0]), np.array([0.97, 0.5, 0.8, 0.97, 0.6])
    if n < 5:
        return  # as many strata are taken together, before
    counts = allocated(rows, right, n, rows.astype(int))
    assert counts.sum() == min(n, 1600)
    assert (counts >= 1).all()
    assert (counts <= rows).all()


def test_uncertain_rows_are_drawn_more_often() -> None:
    random = np.random.default_rng(1)
    scores = random.beta(0.4, 0.4, 20_000)
    drawn = drawn_from(scores, 400, 2).drawn()
    assert len(drawn) == 400
    unsure = (scores > 0.4) & (scores < 0.6)
    share = np.mean([unsure[one.row] for one in drawn])
    assert share > 1.4 * unsure.mean()


def test_every_row_had_the_chance_that_its_weight_says() -> None:
    random = np.random.default_rng(3)
    scores = random.beta(0.5, 0.5, 300)
    times, weights = Counter[int](), {}
    for seed in range(600):
        for one in drawn_from(scores, 40, seed).drawn():
            times[one.row] += 1
            weights[one.row] = one.stratum.weight
    for low, high in ((0.0, 0.1), (0.3, 0.7), (0.9, 1.0)):
        rows = [row for row in range(300) if low <= scores[row] < high]
        seen = np.mean([times[row] / 600 for row in rows])
        assert seen == pytest.approx(np.mean([1 / weights[row] for row in rows]), rel=0.02)
    expected = np.array([1 / weights[row] for row in range(300)])
    sd = np.sqrt(expected * (1 - expected) / 600)
    off = (np.array([times[row] / 600 for row in range(300)]) - expected) / sd
    assert np.abs(off).max() < 4.5
    assert off.std() == pytest.approx(1.0, abs=0.15)


def test_the_weights_of_a_sample_add_up_to_the_log() -> None:
    scores = np.random.default_rng(1).random(5000)
    drawn = drawn_from(scores, 300, 1).drawn()
    assert sum(one.stratum.weight for one in drawn) == pytest.approx(5000)


def test_the_same_seed_draws_the_same_rows() -> None:
    scores = np.random.default_rng(1).random(5000)
    first, again, other = (sorted(one.row for one in drawn_from(scores, 100, seed).drawn()) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_a_rare_slice_is_not_forgotten() -> None:
    scores, place = np.full(10_000, 0.95), np.where(np.arange(10_000) % 2500 == 7, 0, -1)
    drawn = drawn_from(scores, 50, 1, place).drawn()
    rare = [one for one in drawn if one.stratum.slices == (0,)]
    assert len(rare) == 2
    assert rare[0].stratum.weight == 2.0


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_fewer_rows_than_strata(n: int) -> None:
    """Bins are taken together first, then slices; the weights still add up."""
    scores = np.random.default_rng(1).random(3000)
    draw = drawn_from(scores, n, 1, np.arange(3000) % 3 - 1)
    drawn = draw.drawn()
    assert len(drawn) == n
    assert sum(one.stratum.weight for one in drawn) == pytest.approx(3000)
    if n >= 3:
        assert {one.stratum.slices for one in drawn} == {(-1,), (0,), (1,)}
    else:
        assert drawn[0].stratum.slices == (-1, 0, 1)


def test_fewer_rows_than_asked_for_gives_all() -> None:
    drawn = drawn_from(np.random.default_rng(1).random(50), 200, 1).drawn()
    assert sorted(one.row for one in drawn) == list(range(50))
    assert {one.stratum.weight for one in drawn} == {1.0}
    assert drawn_from(np.zeros(0), 200, 1).drawn() == []


def test_rows_without_a_score_are_a_stratum() -> None:
    draw: Draw[int] = Draw(20, 1)
    draw.add([-1] * 100, [-1] * 100, np.full(100, np.nan), list(range(100)).__getitem__)
    drawn = draw.drawn()
    assert len(drawn) == 20
    assert drawn[0].stratum.right == 0.5


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand rows of 1 kB in 110 strata: no more than the reservoirs' rows are held."""
    monkeypatch.setattr(sampling, "MOST_KEPT", 1000)
    random = np.random.default_rng(1)
    draw: Draw[bytes] = Draw(200, 1)
    tracemalloc.start()
    for _ in range(100):
        scores = random.random(1000)
        draw.add(
            [bin_of(s) for s in scores], random.integers(-1, 10, 1000).tolist(), np.maximum(scores, 1 - scores), lambda at: bytes(1000)
        )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert draw.rows == 100_000
    assert peak < 4_000_000
    assert len(draw.drawn()) == 200
    assert MOST_KEPT == 10_000


def test_the_width_to_expect_by_hand() -> None:
    """A plain sample of 200 from many, 90 in 100 right: 1.96 sqrt(0.9 x 0.1 / 200)."""
    assert half_width([Stratum((0,), (-1,), 10_000, 0.9, 200)]) == pytest.approx(1.959964 * np.sqrt(0.09 / 200))
    assert np.isnan(half_width([]))


@pytest.mark.parametrize(
    ("score", "place"), [(0.0, 0), (0.0999, 0), (0.1, 1), (0.3, 3), (0.7, 7), (1.0, 9), (1.1, -1), (-0.1, -1), (np.nan, -1)]
)
def test_bins(score: float, place: int) -> None:
    assert bin_of(score) == place
