"""Bins hold every row once, tell what lies outside the reference, and know what is new."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tui_monitor.analyse.drift.binning import NEW, OTHER, Bins, words

NUMBERS = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=200)


@given(NUMBERS, NUMBERS)
def test_every_number_falls_into_one_bin_and_only_strangers_into_the_ends(reference: list[float], now: list[float]) -> None:
    bins = Bins.of_numbers(np.array(reference))
    own, counts = bins.counts(np.array(reference)), bins.counts(np.array(now))
    assert own.size == counts.size == len(bins) == len(bins.labels())
    assert own.sum() == len(reference)
    assert counts.sum() == len(now)
    assert own[0] == own[-1] == 0
    assert counts[0] == sum(value < min(reference) for value in now)
    assert counts[-1] == sum(value > max(reference) for value in now)


def test_continuous_numbers_have_deciles_and_discrete_ones_a_bin_each() -> None:
    many = Bins.of_numbers(np.random.default_rng(1).normal(size=5000))
    assert len(many) == 12
    assert np.ptp(many.counts(np.random.default_rng(1).normal(size=5000))[1:-1]) <= 5
    few = Bins.of_numbers(np.repeat([1.0, 2.0, 5.0], [70, 20, 10]))
    assert list(few.counts(np.array([0.0, 1, 2, 2, 5, 6]))) == [1, 1, 2, 1, 1]


def test_categories_have_a_name_the_rare_ones_share_one_and_new_ones_are_new() -> None:
    reference = words([f"c{i}" for i in range(40) for _ in range(50 - i)])
    bins = Bins.of_categories(reference)
    assert bins.names[-2:] == [OTHER, NEW]
    assert len(bins) == 32
    now = bins.counts(words(["c0", "c0", "c39", "never seen"]))
    assert (now[0], now[-2], now[-1]) == (2, 1, 1)


def test_the_smallest_value_is_the_edge_that_people_see() -> None:
    bins = Bins.of_numbers(np.array([0.0, 1.0, 2.5]))
    assert bins.shown_edges() == [0.0, 0.0, 1.0, 2.5]
    assert bins.labels()[:3] == ["under 0", "0", "0 to 1"]
    assert bins.edges[0] < 0


def test_slots_add_up_to_counts() -> None:
    values = np.random.default_rng(2).normal(size=1000)
    bins = Bins.of_numbers(values[:500])
    slots = bins.slots(values, np.arange(1000) // 100, 10)
    assert slots.shape == (10, len(bins))
    assert list(slots.sum(axis=1)) == [100] * 10
    assert list(slots.sum(axis=0)) == list(bins.counts(values))
