"""Numbers from a drawn sample: unbiased though uncertain rows were drawn more often, with intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, mean_absolute_error, precision_score, recall_score

from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.unlabelled.sampled import kappa, sampled, twice
from tui_monitor.analyse.performance.unlabelled.sampling import Draw, bin_of
from tui_monitor.model import SampledLabel

TRUE = {"accuracy": accuracy_score, "precision": precision_score, "recall": recall_score, "f1": f1_score}


def log(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, predictions, scores of a model that is sure of most rows."""
    random = np.random.default_rng(seed)
    logit = random.normal(-1.0, 3.5, n)
    label = (random.random(n) < 1 / (1 + np.exp(-0.8 * logit))).astype(int)  # too sure of itself
    return label, (logit > 0).astype(int), 1 / (1 + np.exp(-logit))


def labelled(label: np.ndarray, said: np.ndarray, score: np.ndarray, n: int, seed: int) -> Counts:
    draw: Draw[int] = Draw(n, seed)
    draw.add([bin_of(one) for one in score], [-1] * len(score), np.maximum(score, 1 - score), int)
    drawn = draw.drawn()
    rows = np.array([one.row for one in drawn])
    counts = Counts(Layout("binary", Classes(["0", "1"])))
    counts.add_sampled(said[rows].astype(np.int32), label[rows].astype(np.int32), np.array([one.stratum.weight for one in drawn]))
    return counts


def test_unbiased_and_inside_the_interval() -> None:
    label, said, score = log(8000, 1)
    off: dict[str, list[float]] = {key: [] for key in TRUE}
    inside, plain = dict.fromkeys(TRUE, 0), []
    for seed in range(120):
        counts = labelled(label, said, score, 200, seed)
        plain.append(np.trace(counts.sampled) / 200)
        for key, true in TRUE.items():
            estimate, real = sampled(counts).metrics[key], true(label, said)
            assert estimate.value is not None
            assert estimate.low is not None
            assert estimate.high is not None
            assert estimate.source == "sampled"
            assert estimate.n == 200
            off[key].append(estimate.value - real)
            inside[key] += estimate.low <= real <= estimate.high
    assert abs(np.mean(plain) - accuracy_score(label, said)) > 0.03  # without weights
    for key in TRUE:
        assert abs(np.mean(off[key])) < 3.5 * np.std(off[key]) / np.sqrt(120) + 0.002, key
        assert inside[key] / 120 >= 0.92, (key, inside)  # somewhat more than 0.95: the sums do not know the strata


def test_weights_by_hand() -> None:
    """Right rows of weight 10, 10, 10 and a wrong one of weight 2 each three times: 90 of 96."""
    counts = Counts(Layout("binary", Classes(["0", "1"])))
    counts.add_sampled(np.tile([1, 0, 0, 1], 3).astype(np.int32), np.tile([1, 0, 0, 0], 3).astype(np.int32), np.tile([10.0, 10, 10, 2], 3))
    metrics = sampled(counts).metrics
    assert metrics["accuracy"].value == pytest.approx(90 / 96)
    assert metrics["precision"].value == pytest.approx(30 / 36)
    assert metrics["recall"].value == 1.0
    assert metrics["f1"].value == pytest.approx(60 / 66)
    assert metrics["recall"].low is not None
    assert metrics["recall"].low < 0.6  # three rows right are no certainty


def test_two_spellings_of_a_class_are_one() -> None:
    """Predictions are written 0 and 1, people write false and true."""
    counts = Counts(Layout("binary", Classes(["0", "1", "false", "true"])))
    counts.add_sampled(np.tile([0, 1, 1], 5).astype(np.int32), np.tile([2, 3, 2], 5).astype(np.int32), np.ones(15))
    metrics = sampled(counts).metrics
    assert metrics["accuracy"].value == pytest.approx(2 / 3)
    assert metrics["precision"].value == pytest.approx(1 / 2)


def test_what_it_takes_for_granted_and_what_is_too_little() -> None:
    counts = Counts(Layout("binary", Classes(["0", "1"])))
    assert sampled(counts).why == "no sampled labels in this window"
    counts.add_sampled(np.ones(1, np.int32), np.ones(1, np.int32), np.ones(1))
    assert sampled(counts).why == "1 sampled row labelled in this window"
    assert sampled(counts).metrics == {}
    assert "assumes" in sampled(counts).assumption
    assert sampled(Counts(Layout("binary", sampled=False))).why == "no sampled labels"


def test_several_classes_have_accuracy() -> None:
    counts = Counts(Layout("multiclass", Classes(["a", "b", "c"])))
    said, label = np.array([0, 1, 2, 0] * 5, np.int32), np.array([0, 1, 2, 1] * 5, np.int32)
    counts.add_sampled(said, label, np.array([1.0, 1, 1, 3] * 5))
    assert {key: one.value for key, one in sampled(counts).metrics.items()} == {"accuracy": pytest.approx(0.5)}


def test_errors_of_numbers() -> None:
    random = np.random.default_rng(3)
    label = random.normal(100, 20, 5000)
    said = label + random.normal(0.5, 1 + 4 * (np.arange(5000) % 2))
    chance = np.where(np.arange(5000) % 2, 0.15, 0.03)
    inside, values = 0, []
    for _ in range(200):
        rows = random.random(5000) < chance
        counts = Counts(Layout("regression"))
        counts.add_sampled(said[rows], label[rows], 1 / chance[rows])
        metrics = sampled(counts).metrics
        assert list(metrics) == ["mae", "mse", "rmse", "bias"]
        mae = metrics["mae"]
        assert mae.value is not None
        assert mae.low is not None
        assert mae.high is not None
        values.append(mae.value)
        inside += mae.low <= mean_absolute_error(label, said) <= mae.high
        assert metrics["rmse"].value == pytest.approx(np.sqrt(metrics["mse"].value))
    assert np.mean(values) == pytest.approx(mean_absolute_error(label, said), rel=0.02)
    assert inside / 200 >= 0.9


# -- two people ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_kappa_as_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    first = random.choice(["spam", "ham", "eggs"], 80)
    second = np.where(random.random(80) < 0.8, first, random.choice(["spam", "ham"], 80))
    estimate = kappa(list(zip(first.tolist(), second.tolist(), strict=True)))
    assert estimate.value == pytest.approx(cohen_kappa_score(first, second))
    assert estimate.n == 80


def test_the_interval_of_kappa() -> None:
    """Over 400 pairs of people with a known table, near 95 in 100 hold the true value."""
    random = np.random.default_rng(2)
    table = np.array([[0.45, 0.08], [0.05, 0.42]])
    chance = float(table.sum(axis=0) @ table.sum(axis=1))
    true = (float(np.trace(table)) - chance) / (1 - chance)
    inside = 0
    for _ in range(400):
        drawn = random.choice(4, 150, p=table.ravel())
        estimate = kappa([(int(one // 2), int(one % 2)) for one in drawn])
        assert estimate.low is not None
        assert estimate.high is not None
        inside += estimate.low <= true <= estimate.high
    assert 0.92 <= inside / 400 <= 0.98


@pytest.mark.parametrize("pairs", [[], [("a", "a")], [("a", "a"), ("a", "a")]])
def test_kappa_of_nothing_is_unknown(pairs: list[tuple[str, str]]) -> None:
    assert kappa(pairs).value is None


def test_rows_that_two_people_labelled() -> None:
    labels = [
        SampledLabel("1", "spam", 2.0, "bo"),
        SampledLabel("1", "ham", 2.0, "al"),
        SampledLabel("1", "eggs", 2.0, "al"),  # the same person again
        SampledLabel("2", "ham", 2.0, "al"),
        SampledLabel("3", "ham", 2.0, "cy"),
        SampledLabel("3", "ham", 2.0, "bo"),
        SampledLabel("3", "eggs", 2.0, "al"),
    ]
    assert twice(labels) == [("ham", "spam"), ("eggs", "ham")]
