"""A proxy corrected by how often it agrees: right on average, and silent where it says nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.unlabelled.proxy import Rates, agreement, corrected

TRUE = {"accuracy": accuracy_score, "precision": precision_score, "recall": recall_score, "f1": f1_score}


def counted(said: np.ndarray, label: np.ndarray, proxy: np.ndarray, labelled: np.ndarray, task: str = "binary", k: int = 2) -> Counts:
    counts = Counts(Layout(task, Classes([str(code) for code in range(k)]), proxy=True))
    known = np.where(labelled, label, -1).astype(np.int32)
    batch = Batch(np.zeros(len(said)), said.astype(np.int32), known, proxy=proxy.astype(np.int32))
    counts.add_rows(batch)
    counts.add_labels(batch)
    return counts


def clicks(n: int, random: np.random.Generator, *, by_prediction: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Predictions, labels, a proxy that is often wrong (more often where 1 was said), and who has a label."""
    label = (random.random(n) < 0.3).astype(int)
    said = np.where(random.random(n) < 0.85, label, 1 - label)
    agrees = np.where((said == 1) & by_prediction, 0.75, 0.9)
    proxy = np.where(random.random(n) < agrees, label, 1 - label)
    return said, label, proxy, random.random(n) < 0.2


def test_rogan_gladen_by_hand() -> None:
    """Their formula with s = 0.9, t = 0.8: of 340 in 1,000 that the proxy says, 200 are true."""
    value, variance = Rates(0.9, 100, 0.8, 400).true_share(340, 1000)
    assert value == pytest.approx(0.2)
    by_hand = (0.34 * 0.66 / 1000 + 0.2**2 * 0.9 * 0.1 / 100 + 0.8**2 * 0.8 * 0.2 / 400) / 0.7**2
    assert variance == pytest.approx(by_hand, rel=0.02)


@pytest.mark.parametrize("by_prediction", [False, True])
def test_unbiased_and_inside_the_interval(by_prediction: bool) -> None:
    random = np.random.default_rng(7)
    off: dict[str, list[float]] = {key: [] for key in TRUE}
    raw: list[float] = []
    inside = dict.fromkeys(TRUE, 0)
    for _ in range(200):
        said, label, proxy, labelled = clicks(6000, random, by_prediction=by_prediction)
        result = corrected(counted(said, label, proxy, labelled), "click")
        assert result.why == ""
        raw.append(accuracy_score(proxy, said) - accuracy_score(label, said))
        for key, true in TRUE.items():
            estimate = result.metrics[key]
            assert estimate.value is not None
            assert estimate.low is not None
            assert estimate.high is not None
            assert estimate.source == "estimated"
            real = true(label, said)
            off[key].append(estimate.value - real)
            inside[key] += estimate.low <= real <= estimate.high
    assert abs(np.mean(raw)) > 0.05  # what the proxy taken for the label would say
    for key in TRUE:
        assert abs(np.mean(off[key])) < 0.006, key
        assert inside[key] / 200 >= 0.9, (key, inside)


def test_several_classes() -> None:
    random = np.random.default_rng(8)
    n = 30_000
    label = random.integers(0, 4, n)
    said = np.where(random.random(n) < 0.8, label, random.integers(0, 4, n))
    proxy = np.where(random.random(n) < 0.85, label, random.integers(0, 4, n))
    result = corrected(counted(said, label, proxy, random.random(n) < 0.3, "multiclass", 4), "opened")
    assert list(result.metrics) == ["accuracy"]
    assert result.metrics["accuracy"].value == pytest.approx((said == label).mean(), abs=0.01)


def test_two_spellings_of_a_class_are_one() -> None:
    """The proxy is written false and true."""
    said, label, proxy, labelled = clicks(6000, np.random.default_rng(7), by_prediction=True)
    plain, spelled = (Counts(Layout("binary", Classes(names), proxy=True)) for names in (["0", "1"], ["0", "1", "false", "true"]))
    for counts, offset in ((plain, 0), (spelled, 2)):
        batch = Batch(
            np.zeros(6000), said.astype(np.int32), np.where(labelled, label, -1).astype(np.int32), proxy=(proxy + offset).astype(np.int32)
        )
        counts.add_rows(batch)
        counts.add_labels(batch)
    assert corrected(spelled, "click").metrics == corrected(plain, "click").metrics
    assert agreement(spelled) == agreement(plain)


def test_agreement_is_that_of_labelled_rows() -> None:
    said, label = np.array([1, 1, 0, 0]), np.array([1, 0, 0, 1])
    counts = counted(said, label, np.array([1, 0, 1, 1]), np.array([True, True, True, False]))
    estimate = agreement(counts)
    assert (estimate.value, estimate.n) == (pytest.approx(2 / 3), 3)
    assert agreement(Counts(Layout("binary"))).value is None


def test_a_proxy_that_says_nothing_is_refused() -> None:
    random = np.random.default_rng(1)
    said, label, _, labelled = clicks(6000, random, by_prediction=False)
    result = corrected(counted(said, label, random.integers(0, 2, 6000), labelled), "coin")
    assert result.metrics == {}
    assert "proxy coin hardly tells 0 from the rest (sensitivity 0." in result.why
    assert "is too near 1)" in result.why


def test_too_few_labels_to_know_it() -> None:
    random = np.random.default_rng(1)
    said, label, proxy, _ = clicks(600, random, by_prediction=False)
    result = corrected(counted(said, label, proxy, np.arange(600) < 40), "click")
    assert result.metrics == {}
    assert "are needed to know what it is worth" in result.why


def test_few_labels_of_one_prediction_borrow_from_all() -> None:
    """Predicted 1 is rare: its rows alone would not do, all labelled rows do."""
    random = np.random.default_rng(3)
    label = (random.random(20_000) < 0.3).astype(int)
    said = np.where(random.random(20_000) < 0.02, 1, 0)
    proxy = np.where(random.random(20_000) < 0.9, label, 1 - label)
    counts = counted(said, label, proxy, random.random(20_000) < 0.1)
    assert counts["proxy_joint"][:2, :2, 1].sum() < 60
    result = corrected(counts, "click")
    assert result.metrics["accuracy"].value == pytest.approx((said == label).mean(), abs=0.03)


def test_the_sentence_names_the_proxy() -> None:
    random = np.random.default_rng(2)
    result = corrected(counted(*clicks(6000, random, by_prediction=False)), "click")
    assert result.assumption.startswith("proxy click: assumes that its agreement with the label (9")
    assert result.assumption.endswith("is unchanged where labels are missing")


def test_nothing_to_go_by() -> None:
    assert corrected(Counts(Layout("binary")), "click").why == "no proxy column"
    none = counted(np.array([1]), np.array([1]), np.array([-1]), np.array([True]))
    assert corrected(none, "click").why == "no predictions with proxy click in the window"
