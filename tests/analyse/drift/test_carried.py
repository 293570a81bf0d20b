"""Which slices carry a change: contributions add up, and only what is beyond chance and its share of the rows is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tui_monitor.analyse.drift.carried import Change, Rows, carriers, change_of, contributions
from tui_monitor.model import Carries

NAMES = ["a", "b", "c", "d"]
EVERY = np.ones(4, np.bool_)
CUTS = np.asarray([10.0, 20.0, 30.0, 40.0, 50.0])


def rows_of(values: NDArray[np.float64], slice_of: NDArray[np.int64], slices: int = 4) -> Rows:
    return Rows(np.searchsorted(CUTS, values).astype(np.int64), slice_of[:, None] == np.arange(slices))


def change(now: Rows, then: Rows, tau: float = 1.0) -> Change:
    expected, counts = (np.bincount(side.places, minlength=6).astype(float) for side in (then, now))
    gap = np.abs(np.cumsum(expected / expected.sum()) - np.cumsum(counts / counts.sum()))[:-1]
    return change_of(expected, counts, int(gap.argmax()), tau, category=False)


def told(now: Rows, then: Rows, tau: float = 1.0) -> list[Carries]:
    return carriers(now, then.table(6), change(now, then, tau), NAMES, EVERY)


def traffic(seed: int, rows: int, means: tuple[float, ...] = (25.0,) * 4, mix: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)) -> Rows:
    chance = np.random.default_rng(seed)
    where = chance.choice(4, rows, p=mix)
    return rows_of(chance.normal(np.asarray(means)[where], 8.0), where)


_side = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=20, max_size=200)


@settings(max_examples=80, deadline=None)
@given(_side, _side, st.integers(0, 4), st.booleans())
def test_the_parts_of_slices_that_split_all_rows_add_up_to_the_whole(
    now: list[tuple[int, int]], then: list[tuple[int, int]], at: int, category: bool
) -> None:
    sides = [
        Rows(np.asarray([one[0] for one in side]), np.asarray([one[1] for one in side])[:, None] == np.arange(4)) for side in (now, then)
    ]
    counts, expected = (np.bincount(side.places, minlength=6).astype(float) for side in sides)
    found = change_of(expected, counts, at, 1.0, category=category)
    moved = counts[found.event].sum() / len(now) - expected[found.event].sum() / len(then)
    parts = contributions(sides[0], sides[1].table(6), found)
    assume(abs(moved) > 1e-9)
    assert parts.sum() == pytest.approx(1.0)
    by_hand = [
        (np.mean([found.event[place] and where == one for place, where in now]) - np.mean([found.event[place] and where == one for place, where in then])) / moved
        for one in range(4)
    ]  # fmt: skip
    assert parts == pytest.approx(by_hand)


def test_what_is_expected_of_an_hour_comes_before_the_whole_reference() -> None:
    then, now = traffic(1, 4000), traffic(2, 2000, (25, 40, 25, 25))
    hour = np.asarray([0.05, 0.15, 0.3, 0.3, 0.15, 0.05])
    counts = np.bincount(now.places, minlength=6).astype(float)
    found = change_of(hour, counts, 2, 1.0, category=False)
    assert contributions(now, then.table(6), found).sum() == pytest.approx(1.0)
    assert found.expected[found.event].sum() == pytest.approx(0.5)


def test_the_one_that_moved_is_named_with_its_whole_part() -> None:
    (one,) = told(traffic(6, 3000, (25, 25, 45, 25)), traffic(5, 3000))
    assert one.name == "c"
    assert one.carries == pytest.approx(1.0, abs=0.2)
    assert one.interval[0] < 1.0 < one.interval[1]
    assert one.rows == pytest.approx((0.2, 0.2), abs=0.03)
    assert one.inside[0] is not None
    assert one.inside[1] is not None
    assert one.inside[1] > 3 * one.inside[0]


def test_the_side_that_grew_is_the_event_also_downwards() -> None:
    (one,) = told(traffic(2, 3000, (25, 5, 25, 25)), traffic(1, 3000))
    assert one.name == "b"
    assert one.carries == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_named_where_all_moved_alike(seed: int) -> None:
    now, then = traffic(seed, 1500, (32,) * 4), traffic(1000 + seed, 1500)
    assert abs(contributions(now, then.table(6), change(now, then)) - [0.4, 0.3, 0.2, 0.1]).max() < 0.2
    assert told(now, then) == []


def test_nothing_is_named_where_nothing_moved() -> None:
    assert told(traffic(1, 3000), traffic(2, 3000)) == []


def test_more_traffic_of_a_slice_that_did_not_change_carries_too() -> None:
    usual = (20.0, 20.0, 20.0, 48.0)
    (one,) = told(traffic(2, 3000, usual, (0.28, 0.21, 0.13, 0.38)), traffic(1, 3000, usual))
    assert one.name == "d"
    assert one.carries > 1  # of the others there are fewer
    assert one.rows == pytest.approx((0.1, 0.38), abs=0.03)
    assert one.inside[0] == pytest.approx(one.inside[1], abs=0.05)


def test_a_slice_that_is_nearly_all_rows_tells_nothing() -> None:
    mix = (0.88, 0.04, 0.04, 0.04)
    assert told(traffic(2, 3000, (40.0,) * 4, mix), traffic(1, 3000, mix=mix)) == []
    assert told(traffic(2, 3000, (40.0, 25.0, 25.0, 25.0), mix), traffic(1, 3000, mix=mix)) == []


def test_two_that_moved_are_both_named_the_larger_part_first() -> None:
    found = told(traffic(2, 6000, (25, 25, 45, 50), (0.5, 0.2, 0.2, 0.1)), traffic(1, 6000, mix=(0.5, 0.2, 0.2, 0.1)))
    assert [one.name for one in found] == ["c", "d"]
    assert found[0].carries > found[1].carries >= 0.2
    assert found[0].carries + found[1].carries == pytest.approx(1.0, abs=0.1)


def test_rows_that_two_columns_tell_of_are_told_of_once() -> None:
    then, now = traffic(1, 3000), traffic(2, 3000, (25, 25, 45, 25))
    wider = [Rows(side.places, np.column_stack([side.member[:, :3], side.member[:, 1:3].any(axis=1)])) for side in (now, then)]
    (one,) = told(*wider)  # "d" is b or c now: all that it carries is of c
    assert one.name == "c"


def test_a_column_that_goes_with_another_one_is_not_named_beside_it() -> None:
    """Of the rows of slice c three quarters are of "d" too, and "d" is another column: all that it carries is of c."""
    then, now = traffic(1, 4000), traffic(2, 4000, (25, 25, 45, 25))
    chance = np.random.default_rng(3)
    wider = []
    for side in (now, then):
        with_it = chance.random(side.places.size) < np.where(side.member[:, 2], 0.75, 0.15)
        wider.append(Rows(side.places, np.column_stack([side.member[:, :3], with_it])))
    assert [one.name for one in told(*wider)] == ["c"]


def test_few_rows_and_rows_in_bursts_tell_nothing() -> None:
    then, now = traffic(1, 3000), traffic(2, 3000, (25, 25, 45, 25))
    assert told(traffic(2, 90, (25, 25, 45, 25)), then) == []
    assert told(now, then, tau=40.0) == []
    rows = told(now, then, tau=4.0)
    assert rows
    assert rows[0].interval[1] - rows[0].interval[0] > 1.8 * np.subtract(*told(now, then)[0].interval[::-1])
    where = np.repeat(np.arange(6), 250) % 2  # one slice comes in stretches of hundreds of rows
    chance = np.random.default_rng(3)
    burst = rows_of(chance.normal(np.where(where == 1, 40.0, 25.0), 8.0), where * 2)
    assert told(burst, traffic(4, 3000, mix=(0.5, 0.0, 0.5, 0.0))) == []


def test_of_a_category_the_one_that_changed_most_is_the_event() -> None:
    expected, counts = np.asarray([50.0, 50, 0]), np.asarray([20.0, 70, 10])
    assert change_of(expected, counts, 0, 1.0, category=True).event.tolist() == [True, False, False]
    then = Rows(np.repeat([0, 1], 500), np.tile([[True, False], [False, True]], (500, 1)))
    now = Rows(
        np.concatenate([np.zeros(250, int), np.ones(250, int), np.ones(500, int)]), np.repeat([[True, False], [False, True]], 500, axis=0)
    )
    found = carriers(now, then.table(2), change_of(np.ones(2), np.asarray([250.0, 750.0]), 0, 1.0, category=True), NAMES, EVERY[:2])
    assert [(one.name, one.carries) for one in found] == []  # rows in order of their slice: few stretches are no evidence
    order = np.random.default_rng(1).permutation(1000)
    mixed = Rows(now.places[order], now.member[order])
    (one,) = carriers(mixed, then.table(2), change_of(np.ones(2), np.asarray([250.0, 750.0]), 0, 1.0, category=True), NAMES, EVERY[:2])
    assert (one.name, one.carries) == ("b", 1.0)
    assert one.now == pytest.approx(2 / 3)  # of those that came more


def test_slices_that_may_not_be_told_are_not() -> None:
    then, now = traffic(1, 3000), traffic(2, 3000, (25, 25, 45, 25))
    assert carriers(now, then.table(6), change(now, then), NAMES, np.asarray([True, True, False, True])) == []
