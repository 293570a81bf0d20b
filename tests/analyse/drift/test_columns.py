"""One column of two files: what it is, what can be said of it, and the verdict over many columns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tui_monitor.analyse.drift import columns, nature
from tui_monitor.analyse.drift.nature import Column, of_numbers
from tui_monitor.analyse.drift.samples import Pair, largest_difference
from tui_monitor.model import Drift

chance = np.random.default_rng(7)
NORMAL, ALIKE, MOVED = chance.normal(size=2000), chance.normal(size=1500), chance.normal(0.5, 1, size=1500)


def _texts(rows: int = 0, missing: int = 0, **counts: int) -> Column:
    return Column(rows or sum(counts.values()) + missing, None, counts, missing)


def _verdict(reference: Column | None, now: Column | None, *, meant: bool = False) -> Drift:
    return columns.judged([columns.compare("x", "now", reference, now, meant=meant)])[0]


# -- the largest difference -----------------------------------------------------------------------------------------------------------------

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3).map(float) | st.floats(-1, 1)


@settings(max_examples=300, deadline=None)
@given(st.lists(_NUMBERS, min_size=1, max_size=80), st.lists(_NUMBERS, min_size=1, max_size=80))
def test_the_largest_difference_is_exact_for_whatever_numbers(reference: list[float], now: list[float]) -> None:
    one, two = np.array(reference), np.array(now)
    oracle = max(abs((one <= value).mean() - (two <= value).mean()) for value in (*reference, *now))
    assert largest_difference(one, two) == pytest.approx(oracle, abs=1e-12)
    pair = Pair(one, two)
    at, f, g = pair.largest_gap()
    assert abs(f - g) == pytest.approx(oracle, abs=1e-12)
    assert (f, g) == ((one <= at).mean(), (two <= at).mean())


@pytest.mark.parametrize("shape", ["normal", "lognormal", "cauchy", "discrete", "mostly zero"])
def test_the_largest_difference_of_many_rows(shape: str) -> None:
    def drawn(rows: int, by: float) -> np.ndarray:
        values = {
            "normal": chance.normal(size=rows),
            "lognormal": np.exp(3 * chance.normal(size=rows)),
            "cauchy": chance.standard_cauchy(rows),
            "discrete": chance.integers(0, 6, rows).astype(float),
            "mostly zero": np.where(chance.random(rows) < 0.9, 0.0, chance.random(rows)),
        }[shape]
        return values + by

    for by in (0.0, 0.05):
        one, two = drawn(20_000, 0.0), drawn(7_000, by)
        assert largest_difference(one, two) == pytest.approx(stats.ks_2samp(one, two, method="asymp").statistic, abs=1e-12)


# -- what a column is -----------------------------------------------------------------------------------------------------------------------


def test_two_numbers_are_a_category_three_are_not() -> None:
    two, three = np.repeat([0.0, 1.0], 500), np.repeat([0.0, 1.0, 2.0], 500)
    assert _verdict(of_numbers(two), of_numbers(two[::2])).type == "category"
    assert _verdict(of_numbers(three), of_numbers(three[::2])).type == "numeric"
    assert _verdict(of_numbers(two), of_numbers(three)).type == "numeric"  # of both sides together
    rare = np.append(np.zeros(5000), [1.0, 2.0])
    assert nature.nature(of_numbers(rare), of_numbers(rare)).type == "numeric"


@pytest.mark.parametrize(
    ("reference", "now", "state", "why"),
    [
        (None, of_numbers(NORMAL), "blind", "not in the reference"),
        (of_numbers(NORMAL), None, "blind", "not in the current file"),
        (None, None, "blind", "not in either file"),
        (of_numbers(NORMAL), of_numbers(np.full(100, np.nan)), "blind", "no values in the current file"),
        (of_numbers(np.full(100, np.inf)), of_numbers(NORMAL), "blind", "no finite value in the reference: 100 are infinite"),
        (of_numbers(NORMAL), of_numbers(np.array([9.0, 9.5, 99.0])), "idle", "only 3 values on one side, 20 are needed"),
        (_texts(a=500, b=500), _texts(c=3), "idle", "only 3 values on one side, 20 are needed"),
        (of_numbers(NORMAL), _texts(a=50, b=50), "blind", "numbers in the reference, text in the current file, such as 'a'"),
        (
            Column(1000, None, {f"user {i}": 1 for i in range(1000)}),
            _texts(a=100),
            "blind",
            "texts: 1,000 different values in 1,000 rows of the reference, no category",
        ),
        (
            Column(1000, None, {f"{i / 7}": 1 for i in range(990)} | {"n/a": 10}, words=1),
            _texts(a=100),
            "blind",
            "numbers and text mixed: 991 different values in 1,000 rows of the reference, no category",
        ),
        (Column(900, None, {"a": 100}, beyond=800), _texts(a=100), "blind", "more than 1 different texts in the reference: no category"),
        (_texts(**{"2026-05-01": 50, "2026-05-02": 50}), _texts(**{"2026-05-03": 99}), "blind", "dates: what comes later is always new"),
    ],
)
def test_what_cannot_be_judged_has_a_reason_and_is_no_alarm(reference: Column | None, now: Column | None, state: str, why: str) -> None:
    verdict = _verdict(reference, now)
    assert (verdict.state, verdict.why, verdict.sentence) == (state, why, f"x: {why}.")
    assert verdict.effect is verdict.p is verdict.evidence is None
    assert verdict.tests == {}


def test_ids_and_moments_are_told_by_their_values_whatever_their_order_and_name() -> None:
    ids = chance.permutation(np.arange(5000.0))
    some_ids = chance.choice(np.arange(100_000.0), 5000, replace=False)
    for values in (ids, some_ids):
        verdict = _verdict(of_numbers(values), of_numbers(values + 1e6))
        assert verdict.state == "blind"
        assert verdict.why.startswith("each whole number occurs once, as ids do")
        assert _verdict(of_numbers(values), of_numbers(values + 1e6), meant=True).state == "drift"
    for unit in (1, 1e3, 1e9):
        verdict = _verdict(of_numbers((1.7e9 + NORMAL) * unit), of_numbers((1.8e9 + MOVED) * unit))
        assert (verdict.state, verdict.why[:5]) == ("blind", "times")


def test_numbers_drawn_by_chance_are_never_taken_for_ids() -> None:
    for span in (1000, 100_000, 10**9):
        drawn = chance.integers(0, span, 3000).astype(float)
        assert _verdict(of_numbers(drawn), of_numbers(drawn[::2])).state == "stable", span


# -- verdicts -------------------------------------------------------------------------------------------------------------------------------


def test_numbers_that_moved_and_numbers_that_did_not() -> None:
    same, moved = _verdict(of_numbers(NORMAL), of_numbers(ALIKE)), _verdict(of_numbers(NORMAL), of_numbers(MOVED))
    assert (same.state, moved.state) == ("stable", "drift")
    for now, verdict in ((ALIKE, same), (MOVED, moved)):
        oracle = stats.ks_2samp(NORMAL, now)
        assert verdict.effect == pytest.approx(oracle.statistic)
        assert verdict.p == pytest.approx(oracle.pvalue, rel=0.1)
        assert (verdict.test, verdict.n_reference, verdict.n_now, verdict.bound) == ("ks", 2000, 1500, "=")
    assert same.sentence.startswith("x: as in the reference: KS 0.0")
    assert moved.sentence.startswith("x moved up: ")
    assert moved.parts[0].name.startswith("above ")
    assert set(moved.tests) == set(columns.NUMERIC)
    assert _verdict(of_numbers(MOVED), of_numbers(NORMAL)).sentence.startswith("x moved down: ")


def test_what_is_certain_but_small_is_watched() -> None:
    many = chance.normal(size=60_000)
    verdict = _verdict(of_numbers(many), of_numbers(many[:50_000] + 0.05))
    assert verdict.state == "watch"
    assert verdict.effect is not None
    assert verdict.effect < columns.FLOOR


def test_categories_two_by_the_exact_test_more_by_chi_square() -> None:
    two = _verdict(_texts(yes=30, no=20), _texts(yes=12, no=28))
    assert two.p == pytest.approx(stats.fisher_exact([[30, 20], [12, 28]]).pvalue)
    assert two.tests["fisher"].p == two.p
    three = _verdict(_texts(a=300, b=200, c=100), _texts(a=200, b=200, d=200))
    oracle = stats.chi2_contingency([[300, 200, 100, 0], [200, 200, 0, 200]], correction=False)
    assert three.tests["chi_square"].statistic == pytest.approx(oracle.statistic)
    assert three.p == pytest.approx(oracle.pvalue)
    assert (three.state, three.test) == ("drift", "l_infinity")
    assert three.effect == pytest.approx(1 / 3)
    assert three.sentence == "x changed: 33 % d, 0 % in the reference."
    assert "fisher" not in three.tests
    assert set(three.tests) | {"fisher"} == set(columns.CATEGORY)


@pytest.mark.parametrize("column", [of_numbers(np.full(100, 5.0)), _texts(only=100)])
def test_a_constant_column_is_stable_and_says_that_it_is_constant(column: Column) -> None:
    verdict = _verdict(column, column)
    assert (verdict.state, verdict.effect, verdict.p) == ("stable", 0.0, None)
    assert verdict.why == "constant: one value on both sides"
    assert verdict.sentence == f"x: only {'5' if column.numeric else 'only'} on both sides."
    assert verdict.tests["chi_square"].statistic is None


def test_infinite_and_missing_values_are_left_out_and_counted() -> None:
    now = np.concatenate([ALIKE, [math.inf, -math.inf], np.full(498, math.nan)])
    verdict = _verdict(of_numbers(NORMAL), of_numbers(now))
    assert (verdict.state, verdict.n_now, verdict.missing_now, verdict.missing_reference) == ("stable", 1500, 498 / 2000, 0.0)
    assert verdict.why == "2 infinite values in the current file left out"
    assert verdict.effect == pytest.approx(stats.ks_2samp(NORMAL, ALIKE).statistic)


def test_huge_numbers_leave_no_number_that_does_not_exist() -> None:
    huge = np.where(chance.random(500) < 0.5, 1e308, -1e308) * chance.random(500)
    verdict = _verdict(of_numbers(huge), of_numbers(huge[::2]))
    assert verdict.mean == (None, None)
    for name, measured in verdict.tests.items():
        for value in (measured.statistic, measured.p):
            assert value is None or math.isfinite(value), name


def test_only_the_measures_that_were_asked_for() -> None:
    found = columns.compare("x", "now", of_numbers(NORMAL), of_numbers(MOVED), ("psi", "chi_square", "wasserstein"))
    assert set(found.drift.tests) == {"psi", "wasserstein"}
    whole = columns.compare("x", "now", of_numbers(NORMAL), of_numbers(MOVED))
    assert found.drift.effect == whole.drift.effect
    for name in found.drift.tests:
        assert found.drift.tests[name] == whole.drift.tests[name]


def test_a_hundred_columns_in_which_nothing_happened_raise_nothing() -> None:
    raised = 0
    for seed in range(10):
        draw = np.random.default_rng(seed)
        compared = [
            columns.compare(str(i), "now", of_numbers(draw.normal(size=400)), of_numbers(draw.normal(size=300))) for i in range(100)
        ]
        raised += sum(one.state != "stable" for one in columns.judged(compared))
    assert raised <= 1  # ten data sets, each with a chance of 1 % for any alarm


def test_adjusted_p_is_scipys() -> None:
    p = chance.random(40) ** 3
    assert columns.adjusted_p(p.tolist()) == pytest.approx(stats.false_discovery_control(p).tolist())
    assert columns.adjusted_p([]) == []
