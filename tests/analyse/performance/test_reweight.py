"""Slices reweighted: against post-stratification, which is exact, and silent where it must be."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.performance.unlabelled.reweight import MIN_ESS, Mix

ROWS = np.array([2000, 1500, 1000, 500])  # of four slices that share no row
RIGHT = np.array([1900, 1350, 700, 300])
NAMES = ["short", "code", "tables", "long_prompt"]


def disjoint() -> Mix:
    slice_of = np.repeat(np.arange(4), ROWS)
    right = np.concatenate([np.arange(rows) < hits for rows, hits in zip(ROWS, RIGHT, strict=True)])
    return Mix.of(NAMES, slice_of[:, None] == np.arange(4), right, "train.csv")


def test_disjoint_slices_are_post_stratification() -> None:
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    exact = float(shares @ (RIGHT / ROWS))
    result = disjoint().under(shares, 10_000)
    assert result.accuracy is not None
    assert result.accuracy.value == pytest.approx(exact, abs=2e-6)
    assert result.was == pytest.approx(0.85)
    weights = shares / (ROWS / 5000)
    assert result.ess == pytest.approx(5000 / float((ROWS / 5000) @ weights**2), rel=1e-4)
    assert result.driver == "long_prompt"
    assert result.sentence == "est. accuracy 0.725 (was 0.850), ESS 2,264 of 5,000, driven by slice long_prompt"
    assert "assumes" in result.assumption
    assert "unchanged" in result.assumption
    assert "train.csv" in result.assumption


def test_overlapping_slices_that_act_apart() -> None:
    """The window's mix is the reference's, tilted by two slices that overlap: the log-linear model is then the truth."""
    random = np.random.default_rng(4)
    first, second = random.random(200_000) < 0.3, random.random(200_000) < 0.5
    chance = 0.95 - 0.2 * first - 0.1 * second - 0.15 * (first & second)
    right = random.random(200_000) < chance
    window = (0.6, 0.8)
    cells = {(a, b): (window[0] if a else 1 - window[0]) * (window[1] if b else 1 - window[1]) for a in (0, 1) for b in (0, 1)}
    truth = sum(share * (0.95 - 0.2 * a - 0.1 * b - 0.15 * a * b) for (a, b), share in cells.items())
    result = Mix.of(["a", "b"], np.column_stack((first, second)), right).under(np.array(window), 50_000)
    assert result.accuracy is not None
    assert result.accuracy.value == pytest.approx(truth, abs=0.006)
    assert result.accuracy.low is not None
    assert result.accuracy.high is not None
    assert result.accuracy.low < truth < result.accuracy.high


def test_the_same_mix_changes_nothing() -> None:
    result = disjoint().under(ROWS / 5000, 1000)
    assert result.accuracy is not None
    assert result.accuracy.value == pytest.approx(0.85, abs=1e-6)
    assert result.ess == pytest.approx(5000)
    assert result.driver == ""
    assert result.sentence.endswith("ESS 5,000 of 5,000")


def test_a_window_without_a_slice() -> None:
    """A share of zero has no finite weight; the answer is still that of the slices left."""
    result = disjoint().under(np.array([0.5, 0.5, 0.0, 0.0]), 1000)
    assert result.accuracy is not None
    assert result.accuracy.value == pytest.approx(0.5 * 0.95 + 0.5 * 0.9, abs=1e-4)


def test_silent_when_few_rows_carry_all() -> None:
    rows = np.array([5000, 40])
    inside = np.repeat(np.arange(2), rows)[:, None] == np.array([1])
    result = Mix.of(["rare"], inside, np.ones(5040, dtype=bool)).under(np.array([0.9]), 1000)
    assert result.accuracy is None
    assert result.ess is not None
    assert result.ess < MIN_ESS
    assert "worth 49 of its 5,040 rows" in result.why
    assert result.sentence.startswith("no estimate from slices")


@pytest.mark.parametrize("known", [0, 3])
def test_silent_where_the_reference_has_no_such_rows(known: int) -> None:
    inside = (np.arange(3000) < known)[:, None]
    result = Mix.of(["new_language"], inside, np.arange(3000) % 10 != 0).under(np.array([0.3]), 1000)
    assert result.accuracy is None
    assert "30 % of the window is in slice new_language" in result.why
    assert f"{known} reference rows" in result.why


def test_silent_where_nothing_of_the_reference_is_outside() -> None:
    result = Mix.of(["all"], np.ones((3000, 1), dtype=bool), np.arange(3000) % 10 != 0).under(np.array([0.5]), 1000)
    assert "50 % of the window is outside of slice all" in result.why


def test_silent_where_no_mix_fits() -> None:
    """Two slices that always go together in the reference, and never in the window."""
    inside = np.repeat([[True, True], [False, False]], 1000, axis=0)
    result = Mix.of(["a", "b"], inside, np.ones(2000, dtype=bool)).under(np.array([0.9, 0.1]), 1000)
    assert result.accuracy is None
    assert "no mix of the reference's rows has slice" in result.why


@pytest.mark.parametrize(("n", "why"), [(0, "no predictions in the window")])
def test_nothing_in_the_window(n: int, why: str) -> None:
    assert disjoint().under(np.zeros(4), n).why == why


def test_no_slices_and_no_reference() -> None:
    assert Mix.of([], np.zeros((500, 0), dtype=bool), np.ones(500, dtype=bool)).under(np.zeros(0), 10).why == "no slices"
    small = Mix.of(["a"], np.arange(50)[:, None] < 20, np.ones(50, dtype=bool))
    assert small.under(np.array([0.5]), 10).why == "the reference has 50 labelled rows"


def test_the_interval_holds_the_windows_own_accuracy() -> None:
    """Windows of 800 rows drawn from another mix: their realised accuracy lies in the interval about 95 times in 100."""
    random = np.random.default_rng(9)
    mix, shares, chances = disjoint(), np.array([0.2, 0.2, 0.3, 0.3]), RIGHT / ROWS
    inside = 0
    for _ in range(300):
        drawn = random.choice(4, 800, p=shares)
        realised = (random.random(800) < chances[drawn]).mean()
        estimate = mix.under(np.bincount(drawn, minlength=4) / 800, 800).accuracy
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        inside += estimate.low <= realised <= estimate.high
    assert 0.92 <= inside / 300 <= 0.995
