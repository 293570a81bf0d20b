"""Quantiles as Prometheus interpolates them, with their bucket; prometheus_numbers.json is told of in test_counters."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_monitor.analyse.dialect import V2, V2_49, V2_51, V3
from tui_monitor.analyse.histogram import Reached, above, monotone, quantile
from tui_monitor.analyse.series import BucketPick

INF = math.inf
PROMETHEUS: dict[str, Any] = json.loads(Path(__file__).with_name("prometheus_numbers.json").read_text())


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
        ("only the infinite bucket, and nothing in it", 0.5, [(INF, 0)], None),
        ("just at a bound is in the bucket below it", 0.75, [(1, 10), (2, 30), (INF, 40)], (2, 1, 2, False)),
        ("just above the last bound is open", 0.7500001, [(1, 10), (2, 30), (INF, 40)], (2, 2, INF, True)),
        ("everything above the last bound", 0.01, [(80, 0), (INF, 7)], (80, 80, INF, True)),
        ("the whole is in the last bucket that has any", 1, [(1, 10), (2, 40), (4, 40), (INF, 40)], (2, 1, 2, False)),
        ("one above the last bound makes the whole open", 1, [(1, 10), (2, 40), (INF, 41)], (2, 2, INF, True)),
        ("an open bucket that says less than the one below it counts as empty", 1, [(1, 10), (2, 40), (INF, 39)], (2, 1, 2, False)),
        ("empty buckets between", 0.5, [(1, 10), (2, 10), (4, 10), (8, 30), (INF, 30)], (5, 4, 8, False)),
        ("nothing of nothing: the first bucket is empty", 0, [(1, 0), (2, 30), (INF, 40)], None),
        ("below all shares", -0.1, [(1, 10), (INF, 40)], (-INF, -INF, -INF, False)),
        ("above all shares", 1.1, [(1, 10), (INF, 40)], (INF, INF, INF, False)),
        ("above all shares of no bucket", 1.1, [], None),
        ("no share", math.nan, [(1, 10), (INF, 40)], None),
        ("a first bound at or below zero is no interpolation", 0.1, [(0, 10), (1, 20), (INF, 20)], (0, -INF, 0, False)),
    ],
)
def test_quantile(why: str, q: float, buckets: list[tuple[float, float]], expected: tuple[float, float, float, bool] | None) -> None:
    assert quantile(q, buckets) == (None if expected is None else Reached(*expected)), why


@pytest.mark.parametrize(("number", "q", "in_2x", "in_3x"), PROMETHEUS["quantiles"])
def test_the_bits_are_prometheus(number: int, q: float, in_2x: float | None, in_3x: float | None) -> None:
    """None in the table is the server's NaN."""
    buckets = [(float(bound), count) for bound, count in PROMETHEUS["histograms"][number]]
    for dialect, expected in ((V2, in_2x), (V3, in_3x)):
        reached = quantile(q, buckets, dialect)
        assert (reached is None) == (expected is None)
        if reached is not None and expected is not None:
            assert struct.pack(">d", reached.value) == struct.pack(">d", expected)


def test_a_step_that_is_float_noise_is_levelled_since_2_49() -> None:
    """Without it the p100 of these would be 8 s, which nobody waited."""
    noisy = [(1.0, 300.0), (2.0, 300.00000000000006), (8.0, 300.0000000000001), (INF, 300.0000000000001)]
    found = {dialect: quantile(1, noisy, dialect) for dialect in (V2, V2_49, V2_51, V3)}
    assert found[V3] == found[V2_51] == found[V2_49] == Reached(1.0, 0.0, 1.0, at_least=False)
    assert found[V2] == Reached(8.0, 2.0, 8.0, at_least=False)


def test_noise_is_a_share_of_both_counts() -> None:
    counts = [1e12, 1e12 + 1, 1e12 + 3, 1e12 + 3]  # one in 2e12 is noise, three are not
    assert [count for _, count in monotone(zip((1, 2, 4, INF), counts, strict=True))] == [1e12, 1e12, 1e12 + 3, 1e12 + 3]
    assert monotone([(1, 0.0), (INF, 1e-15)]) == [(1, 0.0), (INF, 1e-15)], "a first event is not noise, however small its rate"


@given(
    st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.5, 10.0, INF]), st.floats(0, 1e15)), max_size=12),
    st.floats(0, 1),
    st.sampled_from([V2, V3]),
)
def test_a_quantile_lies_in_its_bucket(buckets: list[tuple[float, float]], q: float, dialect: Any) -> None:
    reached = quantile(q, buckets, dialect)
    if reached is None:
        return
    assert reached.at_least == (reached.high == INF)
    assert reached.low <= reached.value <= reached.high or reached.value == pytest.approx(reached.high)
    assert reached.high in dict(buckets)


def test_the_buckets_of_a_family_stand_in_order_for_all_and_for_each_model() -> None:
    """A page may list them in any order; whoever levels them counts on theirs."""
    pick = BucketPick("wait", [(INF, 0, ("a",)), (0.5, 1, ("a",)), (2.0, 2, ("b",)), (1.0, 3, ("a",)), (1.0, 4, ("b",))])
    assert list(pick.of(None)) == [0.5, 1.0, 2.0, INF]
    assert list(pick.of(("a",))) == [0.5, 1.0, INF]
    assert list(pick.of(("b",))) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("bound", "share"),
    [
        (0.0, 1.0),
        (1.0, 0.75),  # a bound of a bucket is exact
        (1.5, 0.5),  # halfway into a bucket: its half
        (2.0, 0.25),
        (2.1, None),  # above the largest finite bound nobody can say
    ],
)
def test_the_share_above_a_bound(bound: float, share: float | None) -> None:
    assert above(bound, [(1.0, 25.0), (2.0, 75.0), (math.inf, 100.0)]) == share


def test_nothing_observed_has_no_share() -> None:
    assert above(1.0, [(1.0, 0.0), (math.inf, 0.0)]) is None
    assert above(1.0, [(1.0, 3.0)]) is None
