"""Worst slices: named beyond chance only, the most certain gap first, and tests as scipy has them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.slicing.slices import Table, predicate
from tui_monitor.analyse.performance.slicing.tallies import Mean, Share, tally
from tui_monitor.analyse.performance.slicing.worst import RATE, benjamini_hochberg, fisher, student_tail, welch, worst_slices

Rows = NDArray[np.bool_]


def counted(layout: Layout, batch: Batch, rows: Rows | None = None) -> Counts:
    counts = Counts(layout)
    part = batch if rows is None else batch.take(rows)
    counts.add_rows(part)
    counts.add_labels(part)
    return counts


def binary(wrong: Rows) -> tuple[Layout, Batch]:
    layout = Layout("binary", Classes(["0", "1"]))
    label = np.zeros(len(wrong), dtype=np.int32)
    return layout, Batch(np.zeros(len(wrong)), wrong.astype(np.int32), label)


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
def test_the_exact_test_is_that_of_fisher(mine: int, rest: int, wrong: float, theirs: float) -> None:
    bad, other = round(mine * wrong), round(rest * theirs)
    p = fisher(Share(mine - bad, mine), Share(rest - other, rest))
    expected = stats.hypergeom.sf(bad - 1, mine + rest, bad + other, mine)
    if bad <= (bad + other) * mine / (mine + rest):
        assert p == 1.0
    else:
        assert p == pytest.approx(expected, rel=1e-8, abs=1e-300)


def test_the_exact_test_of_many_rows() -> None:
    p = fisher(Share(950_000 - 700, 1_000_000), Share(9_500_000, 10_000_000))
    assert p == pytest.approx(stats.hypergeom.sf(50_699, 11_000_000, 550_700, 1_000_000), rel=1e-4)


@pytest.mark.parametrize("degrees", [10.0, 29.0, 58.3, 1e4])
@pytest.mark.parametrize("t", [0.0, 0.5, 2.0, 4.5])
def test_the_tail_of_student(t: float, degrees: float) -> None:
    assert student_tail(t, degrees) == pytest.approx(stats.t.sf(t, degrees), rel=0.03)


def test_welch() -> None:
    random = np.random.default_rng(3)
    mine, rest = random.exponential(1.3, 80), random.exponential(1.0, 900)
    p = welch(*(Mean(float(e.sum()), float(e @ e), len(e)) for e in (mine, rest)))
    both = [stats.ttest_ind(mine, rest, equal_var=equal, alternative="greater").pvalue for equal in (False, True)]
    assert p == pytest.approx(max(both), rel=0.01)
    assert welch(Mean(1.0, 1.0, 1), Mean(5.0, 5.0, 5)) == 1.0
    assert welch(Mean(10.0, 10.0, 10), Mean(5.0, 5.0, 5)) == 1.0  # the same
    assert welch(Mean(20.0, 40.0, 10), Mean(5.0, 5.0, 5)) == 0.0  # never the same, and never another one


@given(st.lists(st.floats(0, 1), max_size=40))
def test_adjusted_chances(chances: list[float]) -> None:
    expected = stats.false_discovery_control(chances) if chances else []
    assert benjamini_hochberg(chances) == pytest.approx(list(expected))


def look(random: np.random.Generator, rows: int, wrong: float, planted: float = 0.0) -> tuple[Layout, Batch, dict[str, Rows]]:
    """A log with 64 parts: categories of very different size, and quarters; one of them may be worse."""
    columns = {f"c{column}": random.choice(8, rows, p=np.array([40, 25, 15, 8, 5, 3, 2, 2]) / 100).astype(float) for column in range(4)}
    columns |= {f"x{column}": random.random(rows) for column in range(8)}
    table = Table(columns)
    texts = [f"c{column} == {value}" for column in range(4) for value in range(8)]
    texts += [f"x{column} > {quarter / 4} and x{column} <= {(quarter + 1) / 4}" for column in range(8) for quarter in range(4)]
    parts = {text: predicate(text).fits(table) for text in texts}
    assert len(parts) == 64
    chance = np.full(rows, wrong)
    chance[parts["c2 == 3"]] += planted
    return *binary(random.random(rows) < chance), parts


def named(random: np.random.Generator, rows: int, wrong: float, planted: float = 0.0) -> list[str]:
    layout, batch, parts = look(random, rows, wrong, planted)
    found = worst_slices(counted(layout, batch), {name: counted(layout, batch, mask) for name, mask in parts.items()}, "3h")
    return [one.slice for one in found]


@pytest.mark.parametrize(("rows", "wrong"), [(2000, 0.05), (5000, 0.2)])
def test_without_a_difference_a_look_names_nothing(rows: int, wrong: float) -> None:
    random = np.random.default_rng(11)
    looks = 150
    hits = sum(bool(named(random, rows, wrong)) for _ in range(looks))
    assert hits <= RATE * looks + 2 * math.sqrt(RATE * (1 - RATE) * looks)


def test_a_planted_slice_is_named_and_named_first() -> None:
    random = np.random.default_rng(5)
    found = [named(random, 5000, 0.05, planted=0.15) for _ in range(20)]
    assert [names[:1] for names in found] == [["c2 == 3"]] * 20


def test_what_is_said_of_a_worst_slice() -> None:
    random = np.random.default_rng(2)
    layout, batch, parts = look(random, 4000, 0.05, planted=0.3)
    (worst, *_) = worst_slices(counted(layout, batch), {"it": counted(layout, batch, parts["c2 == 3"])}, "30m")
    rows = parts["c2 == 3"]
    wrong = batch.prediction != batch.label
    assert (worst.slice, worst.window, worst.key) == ("it", "30m", "accuracy")
    assert worst.value.value == pytest.approx(1 - wrong[rows].mean())
    assert worst.rest.value == pytest.approx(1 - wrong[~rows].mean())
    assert worst.gap.value == pytest.approx(wrong[rows].mean() - wrong[~rows].mean())
    assert worst.gap.low is not None
    assert worst.gap.high is not None
    assert 0 < worst.gap.low < worst.gap.value < worst.gap.high < 1
    assert worst.value.n == rows.sum()
    assert worst.rest.n == (~rows).sum()


def test_the_certain_gap_counts_and_not_the_large_one() -> None:
    wrong = np.zeros(3000, dtype=np.bool_)
    wrong[:20] = True  # 20 of 40
    wrong[1000:1400] = True  # 400 of 1000
    layout, batch = binary(wrong)
    place = np.arange(3000)
    parts = {"few": place < 40, "many": (place >= 1000) & (place < 2000), "too few": place < 20}
    found = worst_slices(counted(layout, batch), {name: counted(layout, batch, rows) for name, rows in parts.items()}, "all")
    assert [one.slice for one in found] == ["many", "few"]


def test_rows_without_a_label_do_not_count() -> None:
    layout, batch = binary(np.arange(200) < 100)
    unlabelled = batch._replace(label=np.full(200, -1, dtype=np.int32))
    first = np.arange(200) < 100
    assert worst_slices(counted(layout, unlabelled), {"a": counted(layout, unlabelled, first)}, "all") == []
    assert [one.slice for one in worst_slices(counted(layout, batch), {"a": counted(layout, batch, first)}, "all")] == ["a"]


def test_every_class_is_a_part() -> None:
    random = np.random.default_rng(4)
    label = random.integers(0, 4, 4000)
    prediction = np.where((label == 2) & (random.random(4000) < 0.5), 3, label)
    layout = Layout("multiclass", Classes(["news", "sport", 'the "rest"', "b"]))
    batch = Batch(np.zeros(4000), prediction.astype(np.int32), label.astype(np.int32))
    found = worst_slices(counted(layout, batch), {}, "24h")
    assert [(one.slice, one.key) for one in found] == [("label == 'the \"rest\"'", "recall"), ('prediction == "b"', "precision")]
    assert found[0].value.value == pytest.approx((prediction == label)[label == 2].mean())
    assert found[1].rest.value == pytest.approx((prediction == label)[prediction != 3].mean())


def test_mean_errors() -> None:
    random = np.random.default_rng(6)
    error = random.normal(0, 1, 3000)
    odd = np.arange(3000) % 10 == 0
    error[odd] *= 2
    layout = Layout("regression")
    batch = Batch(np.zeros(3000), error, np.zeros(3000))
    parts = {
        "odd": counted(layout, batch, odd),
        "even": counted(layout, batch, ~odd),
        "third": counted(layout, batch, np.arange(3000) % 3 == 0),
    }
    for key in ("", "mae", "mse"):
        (worst,) = worst_slices(counted(layout, batch), parts, "3h", key)
        assert (worst.slice, worst.key) == ("odd", key or "mae")
    assert worst.value.value == pytest.approx((error[odd] ** 2).mean())
    assert worst_slices(counted(layout, batch), parts, "3h", "accuracy") == []


@pytest.mark.parametrize(("mine", "rest"), [(40, 2000), (400, 1600), (1900, 100)])
def test_long_tails_of_errors_name_nothing_by_themselves(mine: int, rest: int) -> None:
    random = np.random.default_rng(9)
    sizes = random.exponential(1.0, (4000, mine + rest))
    chances = []
    for one in sizes:
        first, second = one[:mine], one[mine:]
        chances.append(welch(*(Mean(float(e.sum()), float(e @ e), len(e)) for e in (first, second))))
    assert np.mean(np.array(chances) < 0.05) < 0.07
    assert np.mean(np.array(chances) < 0.001) < 0.004


def test_of_a_binary_log_one_class_may_be_spelled_in_two_ways() -> None:
    layout = Layout("binary", Classes(["1", "true", "0", "false"]))
    batch = Batch(np.zeros(4), np.array([1, 0, 3, 2], dtype=np.int32), np.array([0, 1, 2, 0], dtype=np.int32))
    counts = counted(layout, batch)
    assert tally(counts, "accuracy") == Share(3, 4)
    assert tally(counts, "recall") == Share(2, 3)
    assert tally(counts, "precision") == Share(2, 2)
    assert tally(counts, "selection.rate") == Share(2, 4)
    assert tally(counts, "f1") is None
