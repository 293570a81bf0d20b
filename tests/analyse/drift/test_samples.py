"""Measures of two samples of numbers: scipy.stats is the oracle, published tables stand beside it."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tui_monitor.analyse.drift.samples import Pair

VALUES = st.lists(st.integers(-6, 6).map(float) | st.floats(-5, 5, allow_nan=False).map(lambda x: round(x, 3)), min_size=4, max_size=60)


@settings(max_examples=150, deadline=None)
@given(VALUES, VALUES)
def test_every_measure_is_scipys(reference: list[float], now: list[float]) -> None:
    a, b = np.array(reference), np.array(now)
    pair = Pair(a, b)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ks = stats.ks_2samp(a, b, method="exact")
        assert pair.ks().statistic == pytest.approx(ks.statistic, abs=1e-12)
        assert pair.ks().p == pytest.approx(ks.pvalue, rel=1e-6, abs=1e-4)  # scipy loses digits near 1
        assert pair.wasserstein().statistic == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-9)
        assert pair.energy().statistic == pytest.approx(stats.energy_distance(a, b), abs=1e-7)
        cvm = stats.cramervonmises_2samp(a, b, method="asymptotic")
        assert pair.cramer_von_mises().statistic == pytest.approx(cvm.statistic, abs=1e-9)
        assert pair.cramer_von_mises().p == pytest.approx(cvm.pvalue, abs=1e-7)
        if len({*reference, *now}) > 1:
            u = stats.mannwhitneyu(b, a, method="asymptotic")
            assert pair.mann_whitney().statistic == pytest.approx(u.statistic / (a.size * b.size), abs=1e-12)
            assert pair.mann_whitney().p == pytest.approx(u.pvalue, abs=1e-9)
            ad = stats.anderson_ksamp([a, b])
            assert pair.anderson_darling().statistic == pytest.approx(ad.statistic, rel=1e-7, abs=1e-7)
            assert pair.anderson_darling().p == pytest.approx(ad.pvalue, rel=1e-6)
        if a.std() > 1e-6 and b.std() > 1e-6:
            t = stats.ttest_ind(b, a, equal_var=False)
            assert pair.welch_t().statistic == pytest.approx(t.statistic, rel=1e-9, abs=1e-9)
            assert pair.welch_t().p == pytest.approx(t.pvalue, abs=1e-9)


def test_large_samples_use_the_limit_law_and_that_is_near() -> None:
    random = np.random.default_rng(5)
    a, b = random.normal(size=4000), random.normal(0.04, 1.0, size=3000)
    ours, oracle = Pair(a, b).ks(), stats.ks_2samp(a, b)
    assert ours.statistic == pytest.approx(oracle.statistic)
    assert ours.p == pytest.approx(oracle.pvalue, rel=0.03)


def test_the_table_of_anderson_darling_by_scholz_and_stephens() -> None:
    first = np.array([38.7, 41.5, 43.8, 44.5, 45.5, 46.0, 47.7, 58.0])
    second = np.array([39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8])
    assert Pair(first, second).anderson_darling().p == pytest.approx(0.0635, abs=0.01)
    assert Pair(first, first + 5).energy().statistic == pytest.approx(1.9, abs=0.05)


def test_kuiper_is_the_sum_of_both_gaps_and_blind_to_where_a_circle_is_cut() -> None:
    hours = np.random.default_rng(1).uniform(0, 24, 500)
    shifted = np.random.default_rng(2).vonmises(0, 1.0, 400) / math.tau * 24 % 24
    values = [Pair((hours + turn) % 24, (shifted + turn) % 24).kuiper().statistic for turn in (0, 5, 11)]
    assert max(values) - min(values) < 0.02
    assert Pair(hours, shifted).kuiper().p < 1e-6
    assert Pair(hours, np.random.default_rng(3).uniform(0, 24, 400)).kuiper().p > 0.05


def test_closed_forms_of_two_normals() -> None:
    """N(0, 1) against N(0.5, 1): D 0.197413, W1 0.5, P(now > reference) 0.638163."""
    grid = (np.arange(40_000) + 0.5) / 40_000
    quantiles = stats.norm.ppf(grid)
    pair = Pair(quantiles, quantiles + 0.5)
    assert pair.ks().statistic == pytest.approx(0.197413, abs=1e-4)
    assert pair.wasserstein().statistic == pytest.approx(0.5, abs=1e-6)
    assert pair.mann_whitney().statistic == pytest.approx(0.638163, abs=1e-4)
    at, f, g = pair.largest_gap()
    assert at == pytest.approx(0.25, abs=0.02)
    assert f - g == pytest.approx(0.197413, abs=1e-4)


def test_what_cannot_be_told_is_none_and_nothing_crashes() -> None:
    same = Pair(np.full(5, 2.0), np.full(7, 2.0))
    assert same.ks().statistic == 0.0
    assert same.ks().p == 1.0
    assert same.anderson_darling().statistic is None
    assert same.welch_t().statistic is None
    assert same.mann_whitney().statistic == 0.5
    with pytest.raises(ValueError, match="empty"):
        Pair(np.array([]), np.array([1.0]))
