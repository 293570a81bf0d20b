"""Quality numbers from counts, against their textbook values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tui_monitor.analyse.performance.old_counts import CELLS, Counts
from tui_monitor.analyse.performance.estimates import auc, binary, calibration_error, regression, share
from tui_monitor.model import Estimate


@pytest.mark.parametrize(
    ("hits", "of", "expected"),
    [
        (0, 0, (None, None, None)),
        (0, 10, (0.0, 0.0, 0.27753)),
        (10, 10, (1.0, 0.72247, 1.0)),
        (81, 263, (0.30798, 0.25527, 0.36622)),  # Newcombe 1998, table I
        (15, 148, (0.10135, 0.06236, 0.16049)),  # the same
    ],
)
def test_wilson(hits: int, of: int, expected: tuple[float | None, float | None, float | None]) -> None:
    found = share(hits, of)
    assert (found.value, found.low, found.high) == tuple(None if x is None else pytest.approx(x, abs=2e-4) for x in expected)


def test_binary_from_a_confusion_matrix() -> None:
    counts = Counts()
    counts.rows = counts.labelled = 100
    counts.confusion.update({("1", "1"): 30, ("0", "1"): 10, ("1", "0"): 20, ("0", "0"): 40})
    metrics = binary(counts, {"1"})
    assert [round(metrics[key].value or 0, 4) for key in ("accuracy", "precision", "recall", "f1")] == [0.7, 0.75, 0.6, 0.6667]
    assert "auc" not in metrics
    for estimate in metrics.values():
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.value is not None
        assert estimate.low < estimate.value < estimate.high


def test_nothing_predicted_positive_is_no_precision() -> None:
    counts = Counts()
    counts.rows = counts.labelled = 10
    counts.confusion.update({("0", "0"): 10})
    metrics = binary(counts, {"1"})
    assert metrics["accuracy"].value == 1.0
    assert (metrics["precision"], metrics["recall"], metrics["f1"]) == (Estimate(None),) * 3


def test_auc_is_the_chance_that_a_positive_scores_higher() -> None:
    chance = np.random.default_rng(1)
    negative, positive = chance.beta(2, 4, 400), chance.beta(4, 2, 300)
    counts = Counts()
    for is_positive, scores in ((False, negative), (True, positive)):
        for one in scores:
            counts.score(is_positive, float(one))
    assert counts.scores is not None
    true = float(np.mean(positive[:, None] > negative[None, :]))
    found = auc(counts.scores)
    assert found.value == pytest.approx(true, abs=0.003)
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.0125, rel=0.3)
    assert auc(np.asarray([[5] * CELLS, [0] * CELLS])).value is None


def test_calibration_error_of_a_model_that_is_always_sure_and_half_right() -> None:
    counts = Counts()
    for number in range(100):
        counts.score(number % 2 == 0, 1.0)
    assert counts.scores is not None
    assert calibration_error(counts.scores).value == pytest.approx(0.5, abs=0.002)


def test_regression() -> None:
    counts, errors = Counts(), np.random.default_rng(2).normal(1, 2, 500)
    counts.rows = counts.labelled = 500
    for error in errors:
        counts.error(float(error))
    metrics = regression(counts)
    assert metrics["mae"].value == pytest.approx(np.abs(errors).mean())
    assert metrics["mse"].value == pytest.approx((errors**2).mean())
    assert metrics["rmse"].value == pytest.approx(math.sqrt((errors**2).mean()))
    half = 1.96 * np.abs(errors).std(ddof=1) / math.sqrt(500)
    assert metrics["mae"].high == pytest.approx(np.abs(errors).mean() + half, rel=1e-3)
