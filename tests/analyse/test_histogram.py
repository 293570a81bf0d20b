"""Quantiles as Prometheus interpolates them, with their bucket."""

from __future__ import annotations

import math

import pytest

from tui_monitor.analyse.histogram import Reached, quantile

INF = math.inf


@pytest.mark.parametrize(
    ("why", "q", "buckets", "expected"),
    [
        ("linear inside the bucket", 0.5, [(1, 10), (2, 30), (INF, 40)], (1.5, 1, 2, False)),
        ("the first bucket begins at 0", 0.25, [(1, 20), (INF, 40)], (0.5, 0, 1, False)),
        ("order does not matter, equal bounds are one", 0.5, [(INF, 40), (2.0, 20), (1, 10), (2, 10)], (1.5, 1, 2, False)),
        ("the open bucket gives its bound, and says so", 0.99, [(1, 10), (2, 30), (INF, 40)], (2, 2, INF, True)),
        ("a fall is levelled", 0.5, [(1, 20), (2, 10), (INF, 20)], (0.5, 0, 1, False)),
        ("nothing observed", 0.5, [(1, 0), (INF, 0)], None),
        ("no infinite bucket", 0.5, [(1, 10), (2, 30)], None),
        ("only the infinite bucket", 0.5, [(INF, 30)], None),
        ("no bucket", 0.5, [], None),
        ("a first bound at or below zero is no interpolation", 0.1, [(0, 10), (1, 20), (INF, 20)], (0, -INF, 0, False)),
    ],
)
def test_quantile(why: str, q: float, buckets: list[tuple[float, float]], expected: tuple[float, float, float, bool] | None) -> None:
    assert quantile(q, buckets) == (None if expected is None else Reached(*expected)), why
