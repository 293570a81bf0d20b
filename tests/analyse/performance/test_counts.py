"""Sums of slots: whatever way rows come in, the sums are those of all rows together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_monitor.analyse.performance.counting.counts import Batch, Counts, faded
from tui_monitor.analyse.performance.counting.layout import CELLS, MAX_CLASSES, Classes, Layout, canonical

TASKS = ("binary", "multiclass", "regression")


def everything(task: str, classes: int) -> Layout:
    """A layout with every section that its task can have."""
    names = Classes(map(str, range(classes)))
    return Layout(task, names, scores=task != "regression", counters=["eur"], base=True, proxy=True, calibrated=True)


def rows(task: str, classes: int, n: int, seed: int) -> Batch:
    """Rows with labels, proxies, scores and base predictions that are sometimes missing."""
    chance = np.random.default_rng(seed)

    def column(missing: float) -> np.ndarray:  # type: ignore[type-arg]
        gone = chance.random(n) < missing
        if task == "regression":
            return np.where(gone, np.nan, chance.normal(0, 1, n))
        return np.where(gone, -1, chance.integers(0, classes, n)).astype(np.int32)

    def chances(*shape: int) -> np.ndarray:  # type: ignore[type-arg]
        value = chance.random(shape)
        return np.where(chance.random(shape) < 0.1, np.nan, value)

    score = None if task == "regression" else chances(n) if task == "binary" else chances(n, classes)
    return Batch(
        np.sort(chance.uniform(0, 60, n)),
        column(0.0),
        column(0.3),
        score,
        column(0.2),
        column(0.2),
        chances(n, 1),
        None if task == "regression" else chances(n),
    )


def counted(layout: Layout, *batches: Batch) -> Counts:
    counts = Counts(layout)
    for batch in batches:
        counts.add_rows(batch)
        counts.add_labels(batch)
    return counts


def sample(counts: Counts, batch: Batch) -> None:
    known = np.isfinite(batch.label) if counts.layout.regression else batch.label >= 0
    counts.add_sampled(batch.prediction[known], batch.label[known], np.linspace(1, 20, int(known.sum())))


@pytest.mark.parametrize("task", TASKS)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 60), max_size=6), classes=st.integers(1, 20))
@settings(deadline=None, max_examples=40)
def test_a_window_is_the_sum_of_its_slots(task: str, seed: int, cuts: Sequence[int], classes: int) -> None:
    layout, batch = everything(task, classes), rows(task, classes, 60, seed)
    edges = [0, *sorted(cuts), 60]
    slots = [counted(layout, batch.take(slice(start, end))) for start, end in pairwise(edges)]
    sample(slots[-1], batch)
    whole = counted(layout, batch)
    sample(whole, batch)
    window = Counts(layout)
    for number, slot in enumerate(slots):
        if number % 2:
            window.add(slot)
        else:
            window.add_packed(slot.packed())
    assert window.vector == pytest.approx(whole.vector, rel=1e-12, abs=1e-9)
    for slot in slots[:-1]:
        window.add(slot, -1)
    assert window.vector == pytest.approx(slots[-1].vector, rel=1e-9, abs=1e-9)
    assert (window.rows, window.labelled) == (slots[-1].rows, slots[-1].labelled)  # whole numbers leave nothing behind


@pytest.mark.parametrize("task", TASKS)
def test_the_order_of_rows_does_not_matter(task: str) -> None:
    layout, batch = everything(task, 5), rows(task, 5, 500, 1)
    mixed = batch.take(np.random.default_rng(2).permutation(500))
    assert counted(layout, mixed).vector == pytest.approx(counted(layout, batch).vector, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_class_more_than_there_was_room_for(task: str) -> None:
    layout = everything(task, 8)
    before, batch = rows(task, 8, 400, 3), rows(task, 8, 400, 4)
    slot, window = counted(layout, before), counted(layout, before)
    sample(slot, before)
    sample(window, before)
    packed, small = slot.packed(), slot.vector.copy()
    layout.classes.code("new")
    newer = batch._replace(prediction=np.where(batch.prediction == 3, 8, batch.prediction).astype(np.int32))
    window.add_rows(newer)
    window.add_labels(newer)
    fresh = counted(layout, before, newer)
    sample(fresh, before)
    assert len(window.vector) == layout.size > len(small)
    assert window.vector == pytest.approx(fresh.vector, rel=1e-12)
    window.add_packed(packed, -1)
    assert window.vector == pytest.approx(counted(layout, newer).vector, rel=1e-9, abs=1e-9)
    assert Counts(layout, small).confusion.tolist() == slot.confusion.tolist()
    with pytest.raises(ValueError, match="laid out"):
        layout.grown(np.zeros(17))


def test_joint_counts_of_a_proxy_end_where_the_classes_are_too_many() -> None:
    layout = everything("multiclass", 16)
    counts = counted(layout, rows("multiclass", 16, 300, 5))
    assert counts["proxy_joint"].sum() == counts["proxy_label"].sum() == counts["proxy_right"].sum() > 100
    packed = counts.packed()
    layout.classes.code("17th")
    counts.fit()
    assert "proxy_joint" not in counts
    assert counts["proxy_right"].sum() > 100
    window = Counts(layout)
    window.add_packed(packed)
    assert window.vector.tolist() == counts.vector.tolist()


def test_every_sum_of_a_binary_log() -> None:
    layout = Layout("binary", Classes(["0", "1"]), scores=True, counters=["eur"], base=True, proxy=True, calibrated=True)
    nan = float("nan")
    batch = Batch(
        at_s=np.arange(5.0),
        prediction=np.array([1, 1, 0, 0, 1], np.int32),
        label=np.array([1, 0, 0, 1, -1], np.int32),
        score=np.array([1.0, 0.57, 0.0, nan, 0.6]),
        base=np.array([1, 1, -1, 1, 1], np.int32),
        proxy=np.array([1, -1, 1, 1, 1], np.int32),
        counters=np.array([[2.0], [nan], [3.0], [0.0], [1.0]]),
        calibrated=np.array([0.9, 0.5, 0.1, nan, 0.8]),
    )
    counts = counted(layout, batch)
    assert (counts.rows, counts.labelled) == (5, 4)
    assert counts.confusion.tolist() == [[1, 1], [1, 1]]
    assert counts.predicted.tolist() == [2, 3]
    assert [np.flatnonzero(side).tolist() for side in counts.cells] == [[0, 570], [CELLS - 1]]
    assert [np.flatnonzero(side).tolist() for side in counts["predicted_cells"]] == [[0], [570, 600, CELLS - 1]]
    assert counts["counters"].tolist() == [[4, 6, 14]]
    assert counts["pairs"].tolist() == [[1, 1], [0, 1]]
    assert counts["expecting"].tolist() == [1, 3]
    assert counts["expected"].ravel().tolist() == pytest.approx([0.1, 0.09, 2.2, 0.09 + 0.25 + 0.16])
    assert counts["expected_cells"][[0, 570, 600, 999]].tolist() == [0.1, 0.5, 0.8, 0.9]
    assert counts["proxy_prediction"][:2, :2].tolist() == [[0, 0], [2, 2]]  # proxy x prediction
    assert counts["proxy_label"][:2, :2].tolist() == [[0, 0], [1, 2]]  # proxy x label
    assert counts["proxy_right"][:, 1, :2].tolist() == [[1, 0], [1, 1]]  # wrong, right x prediction, where the proxy is 1
    assert counts["bin_scores"].tolist() == pytest.approx([0, 0, 0, 0, 0, 0.57, 0, 0, 0, 1])


def test_every_sum_of_a_regression_log() -> None:
    layout, nan = Layout("regression", base=True, proxy=True), float("nan")
    label, prediction = np.array([1.0, 4.0, nan, 10.0]), np.array([3.0, 1.0, 5.0, 10.0])
    base, proxy = np.array([2.0, nan, 1.0, 14.0]), np.array([1.0, 2.0, 9.0, nan])
    counts = counted(layout, Batch(np.zeros(4), prediction, label, base=base, proxy=proxy))
    assert (counts.rows, counts.labelled) == (4, 3)
    assert counts["errors"].tolist() == [-1, 5, 13, 97]
    assert counts["pairs"].tolist() == [2]
    assert counts["differences"].tolist() == [2, 4, 5, 17, -3, 17]
    assert counts["proxied"].tolist() == [3, 2]
    assert counts["proxy_errors"].tolist() == [7, 21, 3, 5, 5, 13, 7]


def test_labels_of_a_drawn_sample_keep_their_weights() -> None:
    counts = Counts(Layout("multiclass", Classes("ab")))
    counts.add_sampled(np.array([0, 0, 1], np.int32), np.array([1, 1, 1], np.int32), np.array([2.0, 5.0, 3.0]))
    assert counts.sampled.tolist() == [[0, 0], [2, 1]]
    assert counts["sampled_weights"][:, 1, :2].tolist() == [[7, 3], [29, 9]]
    numbers = Counts(Layout("regression"))
    numbers.add_sampled(np.array([1.0, 5.0]), np.array([3.0, 2.0]), np.array([2.0, 4.0]))
    assert numbers["sampled"].tolist() == [2]
    assert numbers["sampled_errors"].tolist() == [[6, 20, 8, 40, 160], [6, 20, 16, 56, 160], [6, 20, 44, 160, 16 * 4 + 81 * 16]]
    without = Counts(Layout("binary", Classes("01"), sampled=False))
    without.add_sampled(np.array([0], np.int32), np.array([1], np.int32), np.array([2.0]))
    assert not without.vector.any()


def test_a_score_that_cannot_be_a_probability_counts_nowhere() -> None:
    layout = Layout("binary", Classes(["0", "1"]), scores=True)
    batch = Batch(np.zeros(5), np.ones(5, np.int32), np.ones(5, np.int32), np.array([-0.1, 1.1, np.inf, np.nan, 0.3]))
    counts = counted(layout, batch)
    assert counts.labelled == 5
    assert counts["scored"].tolist() == [1]
    assert counts.cells.sum() == counts["predicted_cells"].sum() == 1
    assert np.isfinite(counts.vector).all()


def test_a_score_written_as_a_step_begins_that_step() -> None:
    steps = np.arange(1000)
    layout = Layout("binary", Classes(["0", "1"]), scores=True)
    counts = counted(layout, Batch(np.zeros(1000), np.ones(1000, np.int32), np.ones(1000, np.int32), steps / 1000))
    assert counts.cells[1].tolist() == [1] * 1000


def test_errors_as_large_as_numbers_go_leave_numbers() -> None:
    layout = Layout("regression")
    counts = counted(layout, Batch(np.zeros(2), np.array([1e308, -1e308]), np.array([-1e308, 1.0])))
    assert np.isfinite(counts.vector).all()


def test_a_window_whose_sums_were_an_absurd_row_is_summed_up_anew() -> None:
    layout = Layout("regression")
    usual = counted(layout, Batch(np.zeros(50), np.linspace(0, 1, 50), np.zeros(50)))
    absurd = counted(layout, Batch(np.zeros(1), np.array([1e10]), np.zeros(1)))
    window = Counts(layout)
    window.add(usual)
    window.add(absurd)
    before = window.vector.copy()
    window.add(absurd, -1)
    assert window["errors"][2] != pytest.approx(usual["errors"][2], rel=0.1)  # rounding of 1e20: why windows have to be told
    assert faded(before, window.vector)
    window.add(usual)
    before = window.vector.copy()
    window.add(usual, -1)
    assert not faded(before, before)
    assert not faded(usual.vector * 2, usual.vector)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"), (1.0, "1"), ("1", "1"), ("1.0", "1"), ("1.", "1"), (np.float64(3), "3"), (np.int32(3), "3"), (0.5, "0.5"), ("0.50", "0.50"),
        (True, "true"), ("True", "true"), (np.bool_(False), "false"), ("FALSE", "false"), (-0.0, "0"), ("-2.00", "-2"), ("v1.0", "v1.0"),
        (" cat ", "cat"), ("", None), (None, None), ("NaN", None), ("nan", None), ("null", None), (float("nan"), None), (float("inf"), None),
        (10**20, "1" + 20 * "0"), (1e20, "1" + 20 * "0"),
    ],
)  # fmt: skip
def test_a_class_as_text(value: object, expected: str | None) -> None:
    assert canonical(value) == expected


def test_classes_have_numbers_in_the_order_they_came() -> None:
    classes = Classes()
    assert classes.codes(["b", "10", 9.0, "9.0", None, True, 1, "True", "b"]).tolist() == [0, 1, 2, 2, -1, 3, 4, 3, 0]
    assert classes.listed() == ["1", "9", "10", "b", "true"]
    assert [classes.names[code] for code in classes.order()] == classes.listed()


def test_classes_end_at_a_bound() -> None:
    classes = Classes()
    assert classes.codes(range(MAX_CLASSES + 5)).tolist() == [*range(MAX_CLASSES), *[-1] * 5]
    assert Layout("multiclass", classes).capacity == MAX_CLASSES


def test_fixed_classes_stay_as_they_are() -> None:
    classes = Classes(["yes", "no"], fixed=True)
    assert [classes.code(value) for value in ("no", "yes", "maybe", "")] == [1, 0, -1, -1]
    assert classes.listed() == ["yes", "no"]


@pytest.mark.parametrize(
    ("positive", "expected"),
    [((), [False, True, True, False]), (["1"], [False, True, True, False]), (["bad"], [False, False, False, True])],
)
def test_which_class_is_positive(positive: list[str], expected: list[bool]) -> None:
    layout = Layout("binary", Classes(["0", "1", "true"]), positive)
    assert len(layout.positives()) == 3
    layout.classes.code("bad")
    assert layout.positives().tolist() == expected
