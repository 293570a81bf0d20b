"""Two models held against each other."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.numbers.intervals import share
from tui_monitor.analyse.performance.numbers.pairs import independent, matched, paired, versions
from tui_monitor.model import Estimate


def counted(layout: Layout, batch: Batch) -> Counts:
    counts = Counts(layout)
    counts.add_rows(batch)
    counts.add_labels(batch)
    return counts


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ((36, 12, 2, 0), (0.2, 0.0569, 0.3404)),
        ((50, 0, 0, 0), (0.0, -0.0713, 0.0713)),
        ((0, 50, 0, 0), (1.0, 0.8991, 1.0)),
    ],
)
def test_matched_pairs_have_newcombe_s_interval(table: tuple[int, int, int, int], expected: tuple[float, float, float]) -> None:
    """The first: Newcombe 1998, Statistics in Medicine 17:2635, table II, method 10; where a share is 0 or 1 it follows from Wilson's by hand."""
    found = matched(*table)
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=6e-5)
    assert found.n == 50


def test_a_correlation_that_may_be_chance_makes_no_interval_shorter() -> None:
    """20 x 2 - 5 x 5 is less than half of the 32 rows."""
    assert matched(20, 5, 5, 2) == independent(share(25, 32), share(25, 32))
    found, apart = matched(20, 3, 3, 6), independent(share(23, 32), share(23, 32))
    assert found.high is not None
    assert apart.high is not None
    low, high = 23 / 32 - (share(23, 32).low or 0), (share(23, 32).high or 0) - 23 / 32
    phi = (20 * 6 - 3 * 3 - 16) / (23 * 9)
    assert found.high == pytest.approx((high * high - 2 * phi * high * low + low * low) ** 0.5)
    assert found.high < apart.high


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [((56, 70), (48, 80), (0.2, 0.0524, 0.3339)), ((9, 10), (3, 10), (0.6, 0.1705, 0.8090)), ((10, 10), (0, 10), (1.0, 0.6075, 1.0))],
)
def test_shares_of_other_rows_have_the_published_interval(
    first: tuple[int, int], second: tuple[int, int], expected: tuple[float, float, float]
) -> None:
    """Newcombe 1998, Statistics in Medicine 17:873, table II, method 10."""
    found = independent(share(*first), share(*second))
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=6e-5)
    assert found.n == min(first[1], second[1])


def test_the_base_model_is_compared_on_the_rows_that_it_answered() -> None:
    layout = Layout("multiclass", Classes("01"), base=True)
    label = np.zeros(5, np.int32)
    prediction, base = np.array([0, 0, 1, 0, 0], np.int32), np.array([0, 1, 0, -1, 1], np.int32)
    found = paired(counted(layout, Batch(np.zeros(5), prediction, label, base=base)), "base model", "24h")
    assert found is not None
    assert all(type(x) is float for one in (found.value, found.theirs, found.difference) for x in (one.value, one.low, one.high))
    assert (found.key, found.other, found.window) == ("accuracy", "base model", "24h")
    assert (found.value.value, found.theirs.value, found.difference.value, found.difference.n) == (0.75, 0.5, 0.25, 4)


def test_in_regression_the_errors_of_one_row_belong_together() -> None:
    chance = np.random.default_rng(1)
    hard, jitter = chance.normal(0, 10, 300), chance.normal(0, 0.1, 300)
    layout = Layout("regression", base=True)
    batch = Batch(np.zeros(300), hard, np.zeros(300), base=np.where(np.arange(300) < 3, np.nan, hard * 1.05 + jitter))
    found = paired(counted(layout, batch), "base model", "24h")
    assert found is not None
    assert found.key == "mae"
    assert found.value.n == found.difference.n == 297
    assert found.difference.value is not None
    assert found.difference.high is not None
    assert found.value.high is not None
    assert found.theirs.low is not None
    assert found.difference.high < 0  # better beyond doubt, though the two intervals overlap
    assert found.value.high > found.theirs.low


def test_nothing_to_compare() -> None:
    assert paired(Counts(Layout("binary")), "base model", "24h") is None
    for task in ("binary", "regression"):
        found = paired(Counts(Layout(task, base=True)), "base model", "24h")
        assert found is not None
        assert found.value == found.theirs == found.difference == Estimate(None, n=0)


def test_a_version_beside_the_one_before() -> None:
    found = versions(share(90, 100), share(160, 200), "accuracy", "v1", "deploy")
    assert (found.other, found.key) == ("v1", "accuracy")
    assert found.difference.value == pytest.approx(0.1)
    assert versions(Estimate(None), share(1, 2), "accuracy", "v1", "deploy").difference.value is None
    assert independent(Estimate(3.0, n=1), Estimate(1.0, 0.5, 2.0, n=9)) == Estimate(2.0, n=1)
