"""Quantiles of the beta distribution against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betainc, betaincinv

from tui_monitor.analyse.drift.beta import LARGE, cumulative, quantile


@pytest.mark.parametrize("p", [1e-5, 0.0003, 0.005, 0.5, 0.995, 0.9997, 1 - 1e-5])
def test_quantiles_are_those_of_scipy(p: float) -> None:
    a, b = (each.ravel() for each in np.meshgrid([0.6, 1.0, 2.5, 30.0, 700.0, 2900.0], [1.0, 6.0, 490.0, 9000.0, 1e6]))
    assert quantile(a, b, p) == pytest.approx(betaincinv(a, b, p), rel=1e-6, abs=1e-12)


def test_where_both_are_large_the_start_is_right_to_a_hundredth_of_the_width() -> None:
    a, b = np.array([LARGE, 5000.0, 1e5, 4e6]), np.array([LARGE + 1, 50_000.0, 1e6, 5e6])
    width = betaincinv(a, b, 0.9995) - betaincinv(a, b, 0.0005)
    for p in (0.0005, 0.005, 0.995, 0.9995):
        assert (np.abs(quantile(a, b, p) - betaincinv(a, b, p)) / width).max() < 0.01


def test_the_distribution_itself() -> None:
    a, b, x = np.array([0.5, 3.0, 40.0, 900.0]), np.array([2.0, 0.7, 60.0, 100.0]), np.array([0.1, 0.9, 0.45, 0.91])
    assert cumulative(a, b, x) == pytest.approx(betainc(a, b, x), rel=1e-9)
