"""Quality numbers from counts are those that scikit-learn computes from the rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as oracle

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import CELLS, Classes, Layout
from tui_monitor.analyse.performance.numbers import metrics
from tui_monitor.model import ClassScore, Estimate

Array = NDArray[Any]


def counted(layout: Layout, prediction: Array, label: Array, score: Array | None = None, **columns: Array) -> Counts:
    counts = Counts(layout)
    batch = Batch(np.zeros(len(label)), prediction, label, score, **columns)
    counts.add_rows(batch)
    counts.add_labels(batch)
    return counts


def codes(layout: Layout, values: Array) -> Array:
    return layout.classes.codes(values.tolist())


def known(found: dict[str, Estimate]) -> Iterator[tuple[str, float, Estimate]]:
    for key, estimate in found.items():
        assert {type(x) for x in (estimate.value, estimate.low, estimate.high)} <= {float, type(None)}, (
            key
        )  # not numpy's, which JSON refuses
        assert type(estimate.n) is int, key
        if estimate.value is not None:
            yield key, estimate.value, estimate


@st.composite
def tables(draw: st.DrawFn) -> tuple[Array, Array]:
    """Labels and predictions of up to twelve classes, some of which do not occur on a side, in any order; one row to 60."""
    k = draw(st.integers(1, 12))
    n = draw(st.integers(1, 60))
    side = st.lists(st.integers(0, k - 1), min_size=n, max_size=n)
    return np.array(draw(side)), np.array(draw(side))


def averages(label: Array, prediction: Array) -> dict[str, float]:
    result = {
        "accuracy": float(oracle.accuracy_score(label, prediction)),
        "f1.micro": float(oracle.f1_score(label, prediction, average="micro", zero_division=0)),
    }
    for kind in ("macro", "weighted"):
        found = oracle.precision_recall_fscore_support(label, prediction, average=kind, zero_division=0)
        result |= {f"{name}.{kind}": float(value) for name, value in zip(("precision", "recall", "f1"), found[:3], strict=True)}
    return result


@given(table=tables())
@settings(deadline=None, max_examples=150)
def test_multiclass_is_as_scikit_learn_says(table: tuple[Array, Array]) -> None:
    label, prediction = table
    layout = Layout("multiclass")
    counts = counted(layout, codes(layout, prediction), codes(layout, label))
    found = metrics.measured(counts)
    expected = averages(label, prediction)
    assert {key: estimate.value for key, estimate in found.items()} == pytest.approx(expected, abs=1e-9)
    for key, value, estimate in known(found):
        assert estimate.low is not None
        assert estimate.high is not None
        assert 0 <= estimate.low <= value <= estimate.high <= 1, key
        assert estimate.low < estimate.high, key
        assert estimate.n == len(label)
    per_class = metrics.class_scores(counts)
    occur = sorted({*label.tolist(), *prediction.tolist()})
    assert list(per_class) == [str(name) for name in occur]
    each = oracle.precision_recall_fscore_support(label, prediction, labels=occur, zero_division=0)
    for name, precision, recall, f1, support in zip(occur, *each, strict=True):
        score = per_class[str(name)]
        assert (score.precision, score.recall, score.f1, score.support) == pytest.approx((precision, recall, f1, support), abs=1e-9)
    assert (
        metrics.confusion(counts) == oracle.confusion_matrix(label, prediction, labels=[*occur, -1])[:-1, :-1].tolist()
    )  # one class alone makes it warn


@given(
    rows=st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 1000)), min_size=1, max_size=60),
    names=st.sampled_from([("0", "1"), ("false", "true"), ("good", "bad")]),
)
@settings(deadline=None, max_examples=200)
def test_binary_is_as_scikit_learn_says(rows: list[tuple[bool, bool, int]], names: tuple[str, str]) -> None:
    label, prediction, thousandths = (np.array(column) for column in zip(*rows, strict=True))
    score = thousandths / 1000
    layout = Layout("binary", Classes(), [names[1]], scores=True)
    counts = counted(
        layout, codes(layout, np.array(names)[prediction.astype(int)]), codes(layout, np.array(names)[label.astype(int)]), score
    )
    found = metrics.measured(counts)
    expected = averages(label, prediction) | {
        "precision": float(oracle.precision_score(label, prediction, zero_division=0)),
        "recall": float(oracle.recall_score(label, prediction, zero_division=0)),
        "f1": float(oracle.f1_score(label, prediction, zero_division=0)),
        "brier": float(oracle.brier_score_loss(label, score, labels=[False, True])),
        "log_loss": float(oracle.log_loss(label, score, labels=[False, True])),
    }
    if len(set(label.tolist())) == 2:
        expected["auc"] = float(oracle.roc_auc_score(label, score))
    else:
        assert found["auc"].value is None
    place = np.minimum(thousandths // 100, 9)
    expected["calibration.error"] = sum(abs(float((score - label)[place == at].sum())) for at in range(10)) / len(label)
    assert {key: value for key, value, _ in known(found)} == pytest.approx(expected, abs=1e-9)
    for key, value, estimate in known(found):
        assert estimate.n is not None
        if key != "log_loss" or len(label) > 1:
            assert estimate.low is not None
            assert estimate.high is not None
            assert 0 <= estimate.low <= value <= estimate.high, key
            assert key == "log_loss" or estimate.high <= 1, key
    plot = metrics.calibration(counts)
    assert plot is not None
    assert plot.n == np.bincount(place, minlength=10).tolist()
    for at in set(place.tolist()):
        assert plot.score[at] == pytest.approx(float(score[place == at].mean()))
        assert plot.share[at] == pytest.approx(float(label[place == at].mean()))


@given(
    n=st.integers(1, 40),
    k=st.integers(2, 9),
    seed=st.integers(0, 1000),
    sharp=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_log_loss_of_many_classes_is_as_scikit_learn_says(n: int, k: int, seed: int, sharp: bool) -> None:
    chance = np.random.default_rng(seed)
    score = np.eye(k)[chance.integers(0, k, n)] if sharp else chance.dirichlet(np.ones(k), n)  # sharp: 0 and 1, which are clipped
    label = chance.integers(0, k, n)
    layout = Layout("multiclass", Classes(range(k)), scores=True)
    found = metrics.measured(counted(layout, score.argmax(axis=1).astype(np.int32), label.astype(np.int32), score))
    assert found["log_loss"].value == pytest.approx(oracle.log_loss(label, score, labels=range(k)), rel=1e-12)


@given(seed=st.integers(0, 1000), n=st.integers(1, 80), scale=st.sampled_from([1e-6, 1.0, 1e6]))
@settings(deadline=None, max_examples=60)
def test_regression_is_as_scikit_learn_says(seed: int, n: int, scale: float) -> None:
    chance = np.random.default_rng(seed)
    label, prediction = chance.normal(0, scale, n), chance.normal(scale, scale, n)
    found = metrics.measured(counted(Layout("regression"), prediction, label))
    expected = {
        "mae": oracle.mean_absolute_error(label, prediction),
        "mse": oracle.mean_squared_error(label, prediction),
        "rmse": oracle.root_mean_squared_error(label, prediction),
        "bias": float((prediction - label).mean()),
    }
    assert {key for key, _, _ in known(found)} == set(expected)
    for key, value in expected.items():
        assert found[key].value == pytest.approx(value, rel=1e-9, abs=1e-12 * scale)
        assert found[key].n == n
        assert (found[key].low is None) == (n == 1)


def test_auc_of_any_scores_is_right_to_a_fraction_of_a_cell() -> None:
    chance = np.random.default_rng(1)
    label = (chance.random(20_000) < 0.3).astype(np.int32)
    score = chance.beta(2 + 2 * label, 4 - label)
    found = metrics.measured(counted(Layout("binary", Classes("01"), scores=True), label, label, score))["auc"]
    assert found.value == pytest.approx(oracle.roc_auc_score(label, score), abs=5e-6)
    assert found.n == 20_000


@pytest.mark.parametrize("near", [0.0, 1.0])
def test_auc_of_scores_that_are_all_near_one_end(near: float) -> None:
    """As of fraud: nearly all scores in the first of a thousand equal steps."""
    chance = np.random.default_rng(1)
    label = (chance.random(20_000) < 0.05).astype(np.int32)
    score = np.abs(near - np.minimum(chance.lognormal(-8.0 + 1.5 * (label if not near else 1 - label), 1.0), 1.0))
    counts = counted(Layout("binary", Classes("01"), scores=True), label, label, score)
    exact = oracle.roc_auc_score(label, score)
    assert metrics.measured(counts)["auc"].value == pytest.approx(exact, abs=1e-4)
    assert abs((metrics.auc(counts.cells).value or 0.0) - exact) > 0.05  # equal steps alone would say this
    assert counts.ordered_cells.sum() == 20_000


def test_variance_of_auc_is_delong_s() -> None:
    chance = np.random.default_rng(2)
    label = (chance.random(300) < 0.4).astype(np.int32)
    score = np.round(np.clip(chance.normal(0.45 + 0.15 * label, 0.2), 0, 0.999), 3)
    positive, negative = score[label == 1], score[label == 0]
    above = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
    variance = above.mean(axis=1).var(ddof=1) / len(positive) + above.mean(axis=0).var(ddof=1) / len(negative)
    found = metrics.measured(counted(Layout("binary", Classes("01"), scores=True), label, label, score))["auc"]
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.02)


@pytest.mark.parametrize("table", [[[1200, 0, 300], [0, 900, 100], [0, 0, 500]], [[2000, 10, 10], [10, 400, 10], [380, 10, 170]]])
@pytest.mark.parametrize("key", metrics.AVERAGED)
def test_intervals_of_averages_are_as_wide_as_a_bootstrap_s(key: str, table: list[list[int]]) -> None:
    drawn = np.random.default_rng(6).multinomial(3000, np.ravel(table) / 3000, 1500)
    values = [metrics.averaged(one.reshape(3, 3).astype(float))[key].value for one in drawn]
    found = metrics.averaged(np.array(table, float))[key]
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * float(np.std(values)), rel=0.07)


def test_a_billion_rows() -> None:
    layout = Layout("binary", Classes("01"), scores=True)
    counts = counted(layout, np.array([0, 0, 1, 1], np.int32), np.array([0, 1, 0, 1], np.int32), np.array([0.1, 0.2, 0.8, 0.9]))
    for _ in range(30):
        counts.add(counts)
    found = metrics.measured(counts)
    assert counts.labelled == 4 * 2**30
    assert found["accuracy"].value == 0.5
    for key, value, estimate in known(found):
        assert estimate.low is not None
        assert estimate.high is not None
        assert value - 1e-4 < estimate.low <= value <= estimate.high < value + 1e-4, key


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_nothing_labelled_has_every_key_and_no_value(task: str) -> None:
    layout = Layout(task, Classes("01"), scores=True, counters=["eur"], costs={"1": {"0": 5.0}})
    keys = {"binary": metrics.BINARY_KEYS, "multiclass": (*metrics.CLASS_KEYS, "log_loss"), "regression": metrics.REGRESSION_KEYS}[task]
    extra = {"business.eur", "business.eur.sum"} | (set() if task == "regression" else {"cost"})
    found = metrics.measured(Counts(layout))
    assert set(found) == {*keys, *extra}
    assert set(found.values()) == {Estimate(None, n=0)}
    if task != "regression":
        assert metrics.class_scores(Counts(layout)) == {}
        assert metrics.confusion(Counts(layout)) == [[0, 0], [0, 0]]
        assert metrics.confusion(Counts(Layout(task))) == []
        assert metrics.measured(Counts(Layout(task)))["accuracy"] == Estimate(None, n=0)


def test_keys_of_a_binary_log_without_scores_are_there() -> None:
    found = metrics.measured(counted(Layout("binary", Classes("01")), np.array([1], np.int32), np.array([1], np.int32)))
    assert set(found) == set(metrics.BINARY_KEYS)
    assert found["auc"].value is found["log_loss"].value is found["calibration.error"].value is None
    assert metrics.calibration(Counts(Layout("binary"))) is None


def test_a_number_of_no_rows_is_zero_as_in_scikit_learn_but_anything_may_be_true() -> None:
    found = metrics.measured(counted(Layout("binary", Classes("01")), np.zeros(9, np.int32), np.zeros(9, np.int32)))
    assert found["precision"] == found["recall"] == found["f1"] == Estimate(0.0, 0.0, 1.0, n=0)
    assert found["accuracy"].value == found["precision.macro"].value == 1.0


def test_true_and_1_are_one_class_of_a_binary_log() -> None:
    layout = Layout("binary")
    prediction, label = layout.classes.codes([1, 1, 0, 0]), layout.classes.codes([True, False, False, "True"])
    counts = counted(layout, prediction, label)
    found = metrics.measured(counts)
    assert [found[key].value for key in ("accuracy", "precision", "recall", "f1.macro")] == [0.5, 0.5, 0.5, 0.5]
    assert list(metrics.class_scores(counts)) == ["0", "1"]


def test_a_third_class_of_a_binary_log_is_not_the_positive_one() -> None:
    layout = Layout("binary", Classes("01"), scores=True)
    label, prediction = layout.classes.codes("0012211"), layout.classes.codes("0112211")
    found = metrics.measured(counted(layout, prediction, label, np.array([0.1, 0.6, 0.8, 0.2, 0.3, 0.9, 0.9])))
    assert found["accuracy"].value == pytest.approx(6 / 7)
    assert (found["precision"].value, found["recall"].value) == (0.75, 1.0)
    assert found["auc"].value == 1.0


@pytest.mark.parametrize(
    ("hits", "of", "expected"),
    [
        (81, 263, (0.3080, 0.2553, 0.3662)),
        (15, 148, (0.1014, 0.0624, 0.1605)),
        (0, 20, (0.0, 0.0, 0.1611)),
        (1, 29, (0.0345, 0.0061, 0.1718)),
    ],
)
def test_shares_have_wilson_s_interval(hits: int, of: int, expected: tuple[float, float, float]) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I."""
    counts = counted(Layout("multiclass", Classes("01")), np.zeros(of, np.int32), (np.arange(of) >= hits).astype(np.int32))
    found = metrics.measured(counts)["accuracy"]
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=6e-5)


def test_coverage_is_the_share_with_a_label() -> None:
    counts = counted(Layout("multiclass", Classes("01")), np.zeros(10, np.int32), np.array([0, 1, *[-1] * 8], np.int32))
    found = metrics.coverage(counts)
    assert (found.value, found.n) == (0.2, 10)
    assert metrics.class_scores(counts) == {"0": ClassScore(1, 0.5, 1.0, 2 / 3), "1": ClassScore(1, 0.0, 0.0, 0.0)}


def test_business_numbers() -> None:
    layout = Layout("regression", counters=["clicks", "eur"])
    counters = np.array([[1, 10.0], [0, 20.0], [1, 33.0], [np.nan, np.nan]])
    found = metrics.business(counted(layout, np.zeros(4), np.full(4, np.nan), counters=counters))
    assert {key for key, _, _ in known(found)} == set(found)
    clicks, eur, total = found["business.clicks"], found["business.eur"], found["business.eur.sum"]
    assert (clicks.value, clicks.low, clicks.high, clicks.n) == (
        pytest.approx(2 / 3),
        pytest.approx(0.2077, abs=1e-4),
        pytest.approx(0.9385, abs=1e-4),
        3,
    )
    half = 4.302652730 * np.std([10, 20, 33], ddof=1) / math.sqrt(3)
    assert (eur.value, eur.low, eur.high) == pytest.approx((21.0, 21 - half, 21 + half))
    assert (total.value, total.n) == (63.0, 3)
    assert total.high == pytest.approx(63 + 1.96 * math.sqrt(100 + 400 + 33**2), rel=1e-4)
    assert found["business.clicks.sum"].low == 0.0


def test_cells_are_as_many_as_promised() -> None:
    assert CELLS >= 1000
