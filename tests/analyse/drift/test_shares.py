"""Measures of counts: scipy.stats is the oracle, published tables stand beside it; and what buckets prove."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from tui_monitor.analyse.drift import buckets, shares
from tui_monitor.analyse.drift.samples import Pair

COUNTS = st.integers(2, 8).flatmap(lambda k: st.tuples(*(st.lists(st.integers(0, 50), min_size=k, max_size=k).filter(any) for _ in "ab")))


@settings(max_examples=150, deadline=None)
@given(COUNTS)
def test_every_measure_is_scipys(both: tuple[list[int], list[int]]) -> None:
    a, b = (np.array(side, dtype=float) for side in both)
    table = np.stack([a, b])[:, (a + b) > 0]
    if table.shape[1] > 1:
        for ours, lambda_ in ((shares.chi_square(a, b), "pearson"), (shares.g_test(a, b), "log-likelihood")):
            oracle = stats.chi2_contingency(table, correction=False, lambda_=lambda_)
            assert ours.statistic == pytest.approx(oracle.statistic, abs=1e-9)
            assert ours.p == pytest.approx(oracle.pvalue, abs=1e-9)
        assert shares.cramers_v(a, b).statistic == pytest.approx(
            stats.contingency.association(table.astype(int), method="cramer"), abs=1e-9
        )
    else:
        assert shares.chi_square(a, b).statistic is None
    assert shares.js(a, b).statistic == pytest.approx(jensenshannon(a, b, base=2), abs=1e-7)
    p, q = a / a.sum(), b / b.sum()
    assert shares.l_infinity(a, b).statistic == pytest.approx(abs(p - q).max())
    assert shares.hellinger(a, b).statistic == pytest.approx(np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2), abs=1e-7)


@settings(max_examples=150, deadline=None)
@given(st.tuples(*(st.integers(0, 40) for _ in range(4))).filter(lambda t: t[0] + t[1] > 0 and t[2] + t[3] > 0))
def test_fisher_is_scipys(cells: tuple[int, int, int, int]) -> None:
    a, b, c, d = cells
    ours = shares.fisher(np.array([a, b], dtype=float), np.array([c, d], dtype=float))
    assert ours.p == pytest.approx(stats.fisher_exact([[a, b], [c, d]])[1], rel=1e-6, abs=1e-9)


def test_the_published_tables() -> None:
    tags = np.array([23.0, 131.0, 46.0]), np.array([14.0, 126.0, 60.0])
    assert shares.chi_square(*tags).statistic == pytest.approx(4.135522, abs=1e-6)
    assert shares.chi_square(*tags).p == pytest.approx(0.12646863, abs=1e-8)
    dice = np.array([16.0, 18, 16, 14, 12, 12]), np.array([16.0, 16, 16, 16, 16, 8])
    assert shares.hellinger(*dice).statistic == pytest.approx(0.06812, abs=1e-5)


def test_deciles_give_the_psi_of_two_normals() -> None:
    """N(0, 1) against N(0.5, 1) on the reference's deciles: 0.237749; JS base 2 over fine bins 0.204684."""
    quantiles = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    edges = shares.decile_edges(quantiles)
    assert edges.size == 9
    assert shares.psi(shares.binned(quantiles, edges), shares.binned(quantiles + 0.5, edges)).statistic == pytest.approx(0.237749, abs=1e-4)
    assert shares.js(shares.binned(quantiles, edges), shares.binned(quantiles + 0.5, edges)).statistic == pytest.approx(0.204684, abs=1e-4)


def test_a_value_on_an_edge_counts_below_it_and_repeated_deciles_are_one() -> None:
    values = np.array([1.0] * 71 + [2.0] * 30)
    edges = shares.decile_edges(values)
    assert list(edges) == [1.0, 2.0]
    assert list(shares.binned(values, edges)) == [71.0, 30.0, 0.0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1, 1), st.floats(0.5, 2))
def test_what_buckets_prove_holds_for_the_rows_behind_them(seed: int, shift: float, scale: float) -> None:
    random = np.random.default_rng(seed)
    a, b = random.normal(size=300), random.normal(shift, scale, size=200)
    edges = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0])
    reference, now = shares.binned(a, edges), shares.binned(b, edges)
    pair = Pair(a, b)
    d = buckets.ks(reference, now)
    assert d.high is not None
    assert d.low - 1e-12 <= pair.ks().statistic <= d.high + 1e-12
    u = buckets.mann_whitney(reference, now)
    assert u.high is not None
    assert u.low - 1e-12 <= pair.mann_whitney().statistic <= u.high + 1e-12
    w = buckets.wasserstein(float(a.mean()), float(b.mean()), reference, now)
    assert w is not None
    assert w.low <= pair.wasserstein().statistic + 1e-9
