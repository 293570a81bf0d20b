"""Isotonic calibration: scikit-learn is the oracle."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from tui_monitor.analyse.performance.counting.counts import MIDDLES
from tui_monitor.analyse.performance.counting.layout import CELLS
from tui_monitor.analyse.performance.unlabelled.calibrate import MIN_OF_CLASS, MIN_ROWS, Calibrator, ClassCalibrator, pooled

GRID = np.linspace(-0.2, 1.2, 14_001)


def overconfident(n: int, seed: int, digits: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are too near 0 and 1, and what came of it."""
    random = np.random.default_rng(seed)
    chance = random.random(n)
    odds = (chance / (1 - chance)) ** 2
    return np.round(odds / (1 + odds), digits), random.random(n) < chance


def fitted(scores: np.ndarray, positive: np.ndarray) -> Calibrator:
    calibrator = Calibrator.fit(scores, positive)
    assert isinstance(calibrator, Calibrator), calibrator
    return calibrator


@pytest.mark.parametrize("digits", [1, 2, 3, 9])
@pytest.mark.parametrize("seed", range(4))
def test_as_scikit_learn(digits: int, seed: int) -> None:
    scores, positive = overconfident(3000, seed, digits)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(scores, positive)
    assert fitted(scores, positive).of(GRID) == pytest.approx(oracle.predict(GRID), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_pooling_is_the_nearest_rising_line(seed: int) -> None:
    random = np.random.default_rng(seed)
    shares, weights = random.integers(0, 6, 200) / 5, random.integers(1, 9, 200).astype(float)
    steps, begins = pooled(shares, weights)
    filled = np.repeat(steps, np.diff(np.append(begins, 200)))
    oracle = IsotonicRegression().fit(np.arange(200), shares, weights).predict(np.arange(200))
    assert filled == pytest.approx(oracle, abs=1e-12)


def test_one_falling_tail_pools_step_by_step() -> None:
    shares = np.append(np.arange(1, 300) / 300, 0.0)
    weights = np.append(np.ones(299), 1e6)
    steps, begins = pooled(shares, weights)
    assert len(steps) == 1
    assert begins.tolist() == [0]


def test_a_calibrated_score_stays_what_it_is() -> None:
    random = np.random.default_rng(5)
    scores = random.random(50_000)
    calibrator = fitted(scores, random.random(50_000) < scores)
    middle = np.linspace(0.05, 0.95, 19)
    assert calibrator.of(middle) == pytest.approx(middle, abs=0.03)


def test_missing_scores_do_not_count_and_stay_missing() -> None:
    scores, positive = overconfident(2000, 1)
    odd = np.array([np.nan, 1.5, -0.1])
    with_odd = fitted(np.append(scores, odd), np.append(positive, [True, False, True]))
    assert with_odd.rows == 2000
    assert with_odd.of(GRID).tolist() == fitted(scores, positive).of(GRID).tolist()
    assert np.isnan(with_odd.of(np.array([np.nan, 0.5]))).tolist() == [True, False]


@pytest.mark.parametrize(
    ("n", "hits", "why"),
    [
        (MIN_ROWS - 1, 50, "99 labelled rows with a score; calibration needs 100"),
        (500, MIN_OF_CLASS - 1, "9 positive rows with a score; calibration needs 10"),
        (500, 500, "0 negative rows"),
        (0, 0, "0 labelled rows"),
    ],
)
def test_too_little_to_learn_from(n: int, hits: int, why: str) -> None:
    answer = Calibrator.fit(np.linspace(0, 1, n), np.arange(n) < hits)
    assert isinstance(answer, str)
    assert why in answer


def test_the_error_of_the_fit_is_that_of_other_references() -> None:
    """The mean calibrated chance of a shifted window, over 200 references of the same kind, spreads as `variance` says."""
    random = np.random.default_rng(8)
    window = np.clip(random.normal(0.45, 0.12, 5000), 0, 1)
    borders = (MIDDLES[1:] + MIDDLES[:-1]) / 2
    cells = np.bincount(np.searchsorted(borders, window), minlength=len(MIDDLES)) / 5000
    means, said = [], []
    for seed in range(200):
        calibrator = fitted(*overconfident(1000, 100 + seed))
        means.append(calibrator.of(window).mean())
        said.append(calibrator.variance(cells))
    assert np.sqrt(np.mean(said)) == pytest.approx(np.std(means), rel=0.35)
    assert np.sqrt(np.mean(said)) > 0.8 * np.std(means)


def test_scores_beyond_the_reference() -> None:
    scores, positive = overconfident(2000, 3)
    inside = (scores > 0.2) & (scores < 0.7)
    calibrator = fitted(scores[inside], positive[inside])
    cells = np.zeros(CELLS)
    cells[[100, 300, 500, 900]] = [5, 40, 40, 15]
    assert calibrator.outside(cells) == pytest.approx(0.2)
    assert calibrator.outside(np.zeros(CELLS)) == 0.0
    assert fitted(scores, positive).outside(np.ones(CELLS)) < 0.01


def test_saved_and_restored() -> None:
    calibrator = fitted(*overconfident(2000, 3))
    again = Calibrator.restored(json.loads(json.dumps(calibrator.saved())))
    assert again.of(GRID).tolist() == calibrator.of(GRID).tolist()
    assert again.variance(MIDDLES) == calibrator.variance(MIDDLES)
    assert again.rows == 2000


@pytest.mark.parametrize("place", [0, 2, 4])
def test_what_was_not_saved_is_refused(place: int) -> None:
    saved = fitted(*overconfident(2000, 3)).saved()
    saved[place] = saved[place][1:]
    with pytest.raises(ValueError, match="no saved calibration"):
        Calibrator.restored(saved)
    with pytest.raises(ValueError, match="no saved calibration"):
        Calibrator.restored(saved[:3])


# -- several classes --------------------------------------------------------------------------------------------------------------------


def classes(n: int, seed: int, k: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Overconfident scores of k classes, labels, predictions."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.2, (n, k)) + np.linspace(0, -1, k)
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (true.cumsum(axis=1) > random.random((n, 1))).argmax(axis=1)
    sharp = true**2
    scores = sharp / sharp.sum(axis=1, keepdims=True)
    return scores, labels, scores.argmax(axis=1)


def test_the_chance_that_the_prediction_is_right() -> None:
    calibrator = ClassCalibrator.fit(*classes(20_000, 1))
    assert isinstance(calibrator, ClassCalibrator)
    scores, labels, said = classes(20_000, 2)
    chance = calibrator.of(scores, said)
    assert chance.mean() == pytest.approx((labels == said).mean(), abs=0.01)
    assert abs(scores.max(axis=1).mean() - (labels == said).mean()) > 0.1  # what the raw scores would say
    for low, high in ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9)):
        part = (chance >= low) & (chance < high)
        assert part.sum() > 500
        assert (labels == said)[part].mean() == pytest.approx(chance[part].mean(), abs=0.04)
    again = ClassCalibrator.restored(json.loads(json.dumps(calibrator.saved())))
    assert again.of(scores, said).tolist() == chance.tolist()


def test_a_rare_class_takes_what_scores_mean_over_all() -> None:
    scores, labels, said = classes(3000, 1)
    labels = np.where((labels == 3) & (np.arange(3000) > 20), 0, labels)
    assert 0 < (labels == 3).sum() < MIN_OF_CLASS
    calibrator = ClassCalibrator.fit(scores, labels, said)
    assert isinstance(calibrator, ClassCalibrator)
    chance = calibrator.of(scores, np.full(3000, 3))
    assert np.isfinite(chance).all()
    assert ((chance >= 0) & (chance <= 1)).all()


def test_rows_that_do_not_say() -> None:
    scores, labels, said = classes(2000, 1)
    calibrator = ClassCalibrator.fit(scores, labels, said)
    assert isinstance(calibrator, ClassCalibrator)
    scores[0] = np.nan
    scores[1, said[1]] = np.nan
    said[2] = -1
    said[3] = 9
    assert np.isnan(calibrator.of(scores, said)[:5]).tolist() == [True, True, True, True, False]


def test_too_few_rows_of_several_classes() -> None:
    scores, labels, said = classes(60, 1)
    assert "60 labelled rows" in str(ClassCalibrator.fit(scores, labels, said))
    assert "0 labelled rows" in str(ClassCalibrator.fit(scores, np.full(60, -1), said))


def test_a_reference_without_a_mistake_still_calibrates() -> None:
    scores, _, said = classes(2000, 1)
    calibrator = ClassCalibrator.fit(scores, said, said)
    assert isinstance(calibrator, ClassCalibrator)
    assert calibrator.of(scores, said).mean() > 0.85
    again = ClassCalibrator.restored(calibrator.saved())
    assert again.of(scores, said).tolist() == calibrator.of(scores, said).tolist()
    with pytest.raises(ValueError, match="no saved calibration"):
        ClassCalibrator.restored(calibrator.saved()[:-1])
