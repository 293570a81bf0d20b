"""What predictions cost, and why it changed."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.numbers import metrics
from tui_monitor.analyse.performance.numbers.costs import cost_change, cost_sentence

BINARY = Layout("binary", Classes("01"), costs={"1": {"0": 10.0}, "0": {"1": 2.0}})


def counted(layout: Layout, table: list[list[int]]) -> Counts:
    """Counts of a table label x prediction."""
    flat = np.repeat(np.arange(len(table) ** 2), np.ravel(table))
    label, prediction = (part.astype(np.int32) for part in np.divmod(flat, len(table)))
    counts = Counts(layout)
    batch = Batch(np.zeros(len(flat)), prediction, label)
    counts.add_rows(batch)
    counts.add_labels(batch)
    return counts


def test_mean_cost() -> None:
    found = metrics.measured(counted(BINARY, [[880, 20], [21, 79]]))["cost"]
    assert found.value == pytest.approx((20 * 2 + 21 * 10) / 1000)
    assert found.n == 1000
    assert {type(x) for x in (found.value, found.low, found.high)} == {float}
    each = np.repeat([0.0, 2.0, 10.0], [959, 20, 21])
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * each.std(ddof=1) / np.sqrt(1000), rel=0.05)


def test_no_error_yet_leaves_doubt() -> None:
    found = metrics.measured(counted(BINARY, [[30, 0], [0, 10]]))["cost"]
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high is not None
    assert 0.5 < found.high < 2.0


def test_a_change_is_explained_by_what_made_it() -> None:
    before, now = counted(BINARY, [[880, 20], [21, 79]]), counted(BINARY, [[1758, 42], [78, 122]])
    parts = cost_change(now, before)
    assert [(part.label, part.prediction) for part in parts] == [("1", "0"), ("0", "1")]
    assert sum(part.change for part in parts) == pytest.approx(0.432 - 0.25)
    assert parts[0].before == pytest.approx(0.021)
    assert parts[0].now == pytest.approx(0.039)
    assert cost_sentence(now, before) == "cost per 1,000 predictions 250.0 -> 432.0, because false negatives 2.1 % -> 3.9 %"


def test_what_became_cheaper_is_no_reason_for_more_cost() -> None:
    before, now = counted(BINARY, [[860, 40], [20, 80]]), counted(BINARY, [[890, 10], [40, 60]])
    assert cost_sentence(now, before) == "cost per 1,000 predictions 280.0 -> 420.0, because false negatives 2.0 % -> 4.0 %"


def test_several_classes_are_named() -> None:
    layout = Layout("multiclass", Classes(["cat", "dog", "owl"]), costs={"owl": {"cat": 3.0}, "dog": {"dog": -1.0}})
    before, now = counted(layout, [[4, 0, 0], [0, 4, 0], [0, 0, 2]]), counted(layout, [[4, 0, 0], [2, 2, 0], [1, 0, 1]])
    assert (
        cost_sentence(now, before)
        == 'cost per 1,000 predictions -400.0 -> 100.0, because "owl" taken for "cat" 0.0 % -> 10.0 % and "dog" told right 40.0 % -> 20.0 %'
    )


def test_nothing_changed_needs_no_reason_and_nothing_known_no_sentence() -> None:
    counts = counted(BINARY, [[880, 20], [21, 79]])
    assert cost_sentence(counts, counts) == "cost per 1,000 predictions 250.0 -> 250.0"
    assert cost_sentence(counts, Counts(BINARY)) == ""
    assert cost_change(Counts(BINARY), counts) == []
