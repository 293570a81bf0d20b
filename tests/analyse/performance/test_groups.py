"""Fairness: differences and ratios of two groups, with intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.slicing.groups import difference, gaps, ratio
from tui_monitor.analyse.performance.slicing.tallies import Mean, Share


def counts(layout: Layout, label: list[int], prediction: list[int]) -> Counts:
    found = Counts(layout)
    batch = Batch(np.zeros(len(label)), np.array(prediction, dtype=np.int32), np.array(label, dtype=np.int32))
    found.add_rows(batch)
    found.add_labels(batch)
    return found


def test_every_pair_in_every_number_of_the_task() -> None:
    layout = Layout("binary", Classes(["0", "1"]))
    women = counts(layout, [1] * 40 + [0] * 60, [1] * 30 + [0] * 10 + [0] * 50 + [1] * 10)
    men = counts(layout, [1] * 50 + [0] * 50 + [-1] * 10, [1] * 45 + [0] * 5 + [1] * 15 + [0] * 35 + [1] * 10)
    found = gaps({"women": women, "men": men, "all": men}, [["women", "men"], ["women", "nobody"], ["men"]], "24h")
    assert [(one.first, one.second, one.window, one.key) for one in found] == [
        ("women", "men", "24h", key) for key in ("accuracy", "recall", "precision", "selection.rate")
    ]
    told = {one.key: (one.difference.value, one.ratio.value) for one in found}
    assert told["accuracy"] == pytest.approx((0.8 - 0.8, 1.0))
    assert told["recall"] == pytest.approx((0.75 - 0.9, 0.75 / 0.9))
    assert told["precision"] == pytest.approx((0.75 - 0.75, 1.0))
    assert told["selection.rate"] == pytest.approx((40 / 100 - 70 / 110, 0.4 / (70 / 110)))
    assert {one.key: one.difference.n for one in found} == {"accuracy": 100, "recall": 40, "precision": 40, "selection.rate": 100}
    for one in found:
        for estimate in (one.difference, one.ratio):
            assert estimate.low is not None
            assert estimate.high is not None
            assert estimate.low < (estimate.value or 0) < estimate.high


def test_of_several_classes_only_the_accuracy_and_of_numbers_the_error() -> None:
    layout = Layout("multiclass", Classes(["a", "b", "c"]))
    one = counts(layout, [0, 1, 2, 2], [0, 1, 2, 1])
    assert [(gap.key, gap.difference.value) for gap in gaps({"x": one, "y": one}, [["x", "y"]], "all")] == [("accuracy", 0.0)]
    layout = Layout("regression")
    small, large = Counts(layout), Counts(layout)
    for found, error in ((small, 1.0), (large, 2.0)):
        batch = Batch(np.zeros(50), error * np.linspace(0.5, 1.5, 50), np.zeros(50))
        found.add_rows(batch)
        found.add_labels(batch)
    (gap,) = gaps({"x": large, "y": small}, [["x", "y"]], "all")
    assert (gap.key, gap.difference.value, gap.ratio.value) == ("mae", pytest.approx(1.0), pytest.approx(2.0))


def test_published_intervals() -> None:
    """Newcombe (1998), table II, 56/70 and 48/80, method 10: 0.0524 to 0.3339; the ratio by hand from Katz' formula."""
    gap = difference(Share(56, 70), Share(48, 80))
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    spread = np.exp(1.959964 * np.sqrt(1 / 56 - 1 / 70 + 1 / 48 - 1 / 80))
    found = ratio(Share(56, 70), Share(48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((4 / 3, 4 / 3 / spread, 4 / 3 * spread))


def test_ratios_at_the_edge_stay_open_or_wide() -> None:
    nobody = ratio(Share(0, 40), Share(20, 40))
    assert nobody.value == 0.0
    assert nobody.low == 0.0
    assert nobody.high is not None
    assert 0 < nobody.high < 0.3
    other = ratio(Share(20, 40), Share(0, 40))
    assert other.value is None
    assert other.high is None
    assert other.low is not None
    assert other.low > 3
    everybody = ratio(Share(40, 40), Share(40, 40))
    assert everybody.value == 1.0
    assert everybody.low is not None
    assert everybody.low < 0.95
    assert everybody.high is not None
    assert everybody.high > 1.05
    assert ratio(Share(0, 0), Share(1, 2)).value is None
    assert difference(Share(0, 0), Share(1, 2)).value is None
    assert ratio(Mean(0.0, 0.0, 5), Mean(0.0, 0.0, 5)).value is None


@pytest.mark.parametrize(("one", "two", "n"), [(0.9, 0.8, 60), (0.5, 0.5, 40), (0.3, 0.1, 150)])
def test_95_of_100_intervals_hold_the_truth(one: float, two: float, n: int) -> None:
    random = np.random.default_rng(1)
    held_difference = held_ratio = 0
    looks = 2000
    for first, second in zip(random.binomial(n, one, looks), random.binomial(2 * n, two, looks), strict=True):
        gap, found = difference(Share(first, n), Share(second, 2 * n)), ratio(Share(first, n), Share(second, 2 * n))
        held_difference += (gap.low or -1) <= one - two <= (gap.high or 1)
        held_ratio += (found.low or 0) <= one / two <= (found.high or np.inf)
    assert 0.935 <= held_difference / looks <= 0.975
    assert 0.935 <= held_ratio / looks <= 0.985
