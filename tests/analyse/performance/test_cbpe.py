"""The estimate without labels: near the truth where a score keeps its meaning, with an interval that holds it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.unlabelled import cbpe
from tui_monitor.analyse.performance.unlabelled.calibrate import Calibrator, ClassCalibrator
from tui_monitor.model import Estimate

CHUNK = 5000
TRUE = {
    "accuracy": lambda label, said, score: accuracy_score(label, said),
    "precision": lambda label, said, score: precision_score(label, said, zero_division=0),
    "recall": lambda label, said, score: recall_score(label, said, zero_division=0),
    "f1": lambda label, said, score: f1_score(label, said, zero_division=0),
    "auc": lambda label, said, score: roc_auc_score(label, score),
}


def loans(n: int, share_hard: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, predictions, scores of a model that is too sure of itself; more hard rows make it worse, and change no meaning."""
    hard = random.random(n) < share_hard
    logit = np.where(hard, random.normal(0.0, 1.0, n), random.normal(0.0, 5.5, n))
    label = random.random(n) < 1 / (1 + np.exp(-logit))
    score = np.round(1 / (1 + np.exp(-1.8 * logit - 0.6)), 2)
    return label.astype(int), (score >= 0.65).astype(int), score


def counted(calibrator: Calibrator, said: np.ndarray, score: np.ndarray) -> Counts:
    counts = Counts(Layout("binary", Classes(["0", "1"]), ["1"], scores=True, calibrated=True))
    n = len(said)
    batch = Batch(np.zeros(n), said.astype(np.int32), np.full(n, -1, np.int32), score, calibrated=calibrator.of(score))
    for part in np.array_split(np.arange(n), 3):
        counts.add_rows(batch.take(part))
    return counts


def learned(random: np.random.Generator, n: int = 50_000) -> Calibrator:
    label, _, score = loans(n, 0.1, random)
    calibrator = Calibrator.fit(score, label == 1)
    assert isinstance(calibrator, Calibrator)
    return calibrator


def known(estimate: Estimate) -> tuple[float, float, float]:
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.value, estimate.low, estimate.high


def test_ten_chunks_that_turn_hard_half_way() -> None:
    """Mean absolute error of accuracy at most 0.004, and the same chunks below the floor as with labels."""
    random = np.random.default_rng(11)
    reference = [loans(CHUNK, 0.1, random) for _ in range(10)]
    right = np.array([accuracy_score(label, said) for label, said, _ in reference])
    floor = right.mean() - 3 * right.std()
    calibrator = Calibrator.fit(np.concatenate([score for _, _, score in reference]), np.concatenate([row[0] for row in reference]) == 1)
    assert isinstance(calibrator, Calibrator)
    errors, raw, breaches = [], [], []
    for number in range(10):
        label, said, score = loans(CHUNK, 0.1 if number < 5 else 0.25, random)
        value, _, _ = known(cbpe.estimated(counted(calibrator, said, score), calibrator).metrics["accuracy"])
        true = accuracy_score(label, said)
        errors.append(abs(value - true))
        raw.append(abs(np.where(said == 1, score, 1 - score).mean() - true))
        breaches.append((value < floor, true < floor))
    assert np.mean(errors) <= 0.004
    assert np.mean(raw) > 4 * np.mean(errors)  # the same without calibration
    assert breaches == [(False, False)] * 5 + [(True, True)] * 5


@pytest.mark.parametrize("n", [300, 5000])
def test_the_interval_holds_what_the_labels_would_say(n: int) -> None:
    """Of many references and windows, about 95 in 100; not much more, or it would say too little."""
    random = np.random.default_rng(3)
    inside = dict.fromkeys(TRUE, 0)
    for _ in range(150):
        calibrator = learned(random, 3000)
        label, said, score = loans(n, 0.3, random)
        metrics = cbpe.estimated(counted(calibrator, said, score), calibrator).metrics
        for key, true in TRUE.items():
            value, low, high = known(metrics[key])
            assert low <= value <= high
            inside[key] += low <= true(label, said, score) <= high
    assert all(hits / 150 >= 0.90 for hits in inside.values()), inside


def test_a_smaller_reference_is_less_sure() -> None:
    random = np.random.default_rng(6)
    small, large = learned(random, 500), learned(random, 50_000)
    _, said, score = loans(CHUNK, 0.3, random)
    widths = []
    for calibrator in (small, large):
        _, low, high = known(cbpe.estimated(counted(calibrator, said, score), calibrator).metrics["accuracy"])
        widths.append(high - low)
    assert widths[0] > 1.3 * widths[1]


def test_what_it_takes_for_granted() -> None:
    random = np.random.default_rng(1)
    calibrator = learned(random)
    _, said, score = loans(500, 0.1, random)
    result = cbpe.estimated(counted(calibrator, said, score), calibrator, "train.csv")
    assert result.assumption == "assumes that what a score means is unchanged since the reference (P(label | inputs) as in train.csv)"
    assert result.why == ""
    assert {estimate.source for estimate in result.metrics.values()} == {"estimated"}
    assert {estimate.n for estimate in result.metrics.values()} == {500}


def test_a_window_without_scores_has_a_reason() -> None:
    random = np.random.default_rng(1)
    calibrator = learned(random)
    result = cbpe.estimated(counted(calibrator, np.array([0, 1]), np.array([np.nan, np.nan])), calibrator)
    assert result.metrics == {}
    assert result.why == "no predictions with a score in the window"


def test_scores_that_the_reference_never_saw() -> None:
    random = np.random.default_rng(1)
    label, _, score = loans(5000, 0.1, random)
    low = score < 0.6
    calibrator = Calibrator.fit(score[low], label[low] == 1)
    assert isinstance(calibrator, Calibrator)
    result = cbpe.estimated(counted(calibrator, (score > 0.65).astype(int), score), calibrator)
    assert result.metrics == {}
    assert "of the scores lie beyond all scores of the reference" in result.why


@pytest.mark.parametrize("said", [0, 1])
def test_one_prediction_for_all(said: int) -> None:
    random = np.random.default_rng(2)
    calibrator = learned(random)
    _, _, score = loans(400, 0.1, random)
    metrics = cbpe.estimated(counted(calibrator, np.full(400, said), score), calibrator).metrics
    chance = calibrator.of(score).mean()
    assert known(metrics["accuracy"])[0] == pytest.approx(chance if said else 1 - chance)
    assert known(metrics["precision"])[0] == pytest.approx(chance if said else 0.0)
    assert known(metrics["recall"])[0] == pytest.approx(1.0 if said else 0.0)


def test_taken_out_slots_leave_what_was_there() -> None:
    random = np.random.default_rng(2)
    calibrator = learned(random)
    _, said, score = loans(4000, 0.1, random)
    both, first, second = (counted(calibrator, said[part], score[part]) for part in (slice(0, 4000), slice(0, 2000), slice(2000, 4000)))
    both.add(first, -1)
    left, alone = cbpe.estimated(both, calibrator).metrics, cbpe.estimated(second, calibrator).metrics
    for key in TRUE:
        assert known(left[key]) == pytest.approx(known(alone[key]), abs=1e-9)


def test_scores_that_crowd_near_nothing() -> None:
    """Of rare positives every score may be below a thousandth; their order still counts."""
    random = np.random.default_rng(5)

    def frauds(n: int) -> tuple[np.ndarray, np.ndarray]:
        chance = 10 ** random.uniform(-5, -2, n)
        return (random.random(n) < chance).astype(int), chance / 12  # all below 0.00084

    label, score = frauds(400_000)
    calibrator = Calibrator.fit(score, label == 1)
    assert isinstance(calibrator, Calibrator)
    label, score = frauds(200_000)
    auc = cbpe.estimated(counted(calibrator, np.zeros(200_000, int), score), calibrator).metrics["auc"]
    value, low, high = known(auc)
    true = roc_auc_score(label, score)
    assert value == pytest.approx(true, abs=0.03)
    assert value > 0.75
    assert low < true < high


def test_several_classes() -> None:
    random = np.random.default_rng(4)

    def rows(n: int, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        logits = random.normal(0, spread, (n, 3))
        true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        sharp = true**2 / (true**2).sum(axis=1, keepdims=True)
        return (true.cumsum(axis=1) > random.random((n, 1))).argmax(axis=1), sharp.argmax(axis=1), sharp

    label, said, score = rows(20_000, 2.0)
    calibrator = ClassCalibrator.fit(score, label, said)
    assert isinstance(calibrator, ClassCalibrator)
    inside = 0
    for _ in range(60):
        label, said, score = rows(1500, 1.4)
        counts = Counts(Layout("multiclass", Classes(["a", "b", "c"]), scores=True, calibrated=True))
        counts.add_rows(
            Batch(np.zeros(1500), said.astype(np.int32), np.full(1500, -1, np.int32), score, calibrated=calibrator.of(score, said))
        )
        result = cbpe.estimated(counts, calibrator)
        assert list(result.metrics) == ["accuracy"]
        value, low, high = known(result.metrics["accuracy"])
        assert value == pytest.approx((label == said).mean(), abs=0.06)
        inside += low <= (label == said).mean() <= high
    assert inside >= 54
