"""The split of the budget: whatever the weights are, all signals together have one false alarm in it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.reference import of_rows
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.analyse.drift.signal import Signal
from tui_monitor.analyse.drift.weights import LEAST, MOST, importance_of, split, weights
from tui_monitor.config import DriftSettings

ROLES = ("input", "output", "score", "performance", "latency", "quality")
KEYS = st.tuples(st.sampled_from(["fraud", "spam", "llm"]), st.sampled_from([f"column{i}" for i in range(12)]))
WEIGHTS = st.floats(0, 1.7e308)


@given(st.dictionaries(KEYS, st.sampled_from(ROLES), min_size=1), st.dictionaries(KEYS, WEIGHTS), st.floats(1e-3, 1e9))
def test_rates_of_all_signals_add_up_to_that_of_the_host(
    roles: dict[tuple[str, str], str], importance: dict[tuple[str, str], float], budget: float
) -> None:
    made = weights(roles, importance)
    assert made.keys() == roles.keys()
    assert all(LEAST <= weight <= MOST for weight in made.values())
    assert math.fsum(1 / one for one in split(budget, made).values()) == pytest.approx(1 / budget, rel=1e-9)


@given(
    st.dictionaries(KEYS, st.sampled_from(ROLES), min_size=1), st.dictionaries(KEYS, st.floats(1e-6, 1e6), min_size=1), st.floats(1e-6, 1e6)
)
def test_the_unit_of_importances_does_not_matter(
    roles: dict[tuple[str, str], str], importance: dict[tuple[str, str], float], unit: float
) -> None:
    assert weights(roles, {key: value * unit for key, value in importance.items()}) == pytest.approx(weights(roles, importance))


@given(st.dictionaries(KEYS, WEIGHTS, min_size=2))
def test_more_important_never_weighs_less(importance: dict[tuple[str, str], float]) -> None:
    made = weights(dict.fromkeys(importance, "input"), importance)
    for source in ("fraud", "spam", "llm"):
        ordered = [made[key] for key in sorted(importance, key=lambda key: importance[key]) if key[0] == source]
        assert ordered == sorted(ordered)


def test_without_importances_all_weigh_alike() -> None:
    roles = {("fraud", "a"): "input", ("llm", "b"): "latency", ("fraud", "c"): "output"}
    assert split(30.0, weights(roles, {})) == dict.fromkeys(roles, 90.0)


def test_what_a_map_leaves_out() -> None:
    roles = {
        ("fraud", "amount"): "input", ("fraud", "age"): "input", ("fraud", "unused"): "input", ("fraud", "errors"): "performance",
        ("llm", "tokens"): "input",
    }  # fmt: skip
    made = weights(roles, {("fraud", "amount"): 3000.0, ("fraud", "age"): 1000.0, ("fraud", "not there"): 9e9})
    assert made == pytest.approx({
        ("fraud", "amount"): 1.5, ("fraud", "age"): 0.5, ("fraud", "unused"): 0.5, ("fraud", "errors"): 1.0, ("llm", "tokens"): 1.0,
    })  # fmt: skip


def test_zeros_are_judged_too() -> None:
    roles = dict.fromkeys([("fraud", "a"), ("fraud", "b")], "input")
    assert weights(roles, {("fraud", "a"): 0.0, ("fraud", "b"): 4.0}) == {("fraud", "a"): LEAST, ("fraud", "b"): 2.0}
    assert weights(roles, {("fraud", "a"): 0.0}) == dict.fromkeys(roles, LEAST)


@pytest.mark.parametrize(
    ("maps", "found"),
    [
        ([{"a": 1.0}, {"fraud/a": 2.0}], 1.0),  # what stands in the settings comes first, in whatever form
        ([{"a": 1.0, "fraud/a": 3.0}], 3.0),
        ([{"spam/a": 1.0}, {"a": 0.0}], 0.0),
        ([{"spam/a": 1.0, "b": 2.0}], None),
        ([], None),
    ],
)
def test_what_names_a_signal(maps: list[dict[str, float]], found: float | None) -> None:
    assert importance_of(maps, ("fraud", "a")) == found


@given(
    st.dictionaries(KEYS, st.tuples(st.sampled_from(ROLES), st.booleans()), min_size=1, max_size=20),
    st.dictionaries(st.sampled_from([*(f"column{i}" for i in range(12)), "fraud/column1", "llm/column1"]), WEIGHTS),
    st.dictionaries(st.sampled_from([f"column{i}" for i in range(12)]), WEIGHTS),
)
def test_what_the_room_judges_by_keeps_to_the_budget(
    signals: dict[tuple[str, str], tuple[str, bool]], inline: dict[str, float], file: dict[str, float]
) -> None:
    room, told = DriftRoom(DriftSettings(every="60s", importance=inline), file), dict[tuple[str, str], float]()
    for (source, name), (role, unfit) in signals.items():
        room.observe(0.0, source, name, role, [1.0], [0, 0])
        room._signals[source, name].unfit = unfit
    judged = {key for key, (_, unfit) in signals.items() if not unfit}

    class Told(Signal):
        def check(self, now_s: float, budget_checks: float) -> None:
            told[self.source, self.name] = budget_checks

    for signal in room._signals.values():
        signal.__class__ = Told
    room.check(60.0)
    assert told.keys() == signals.keys()
    assert math.fsum(1 / (told[key] * 60.0) for key in judged) <= (1 + 1e-9) / (30 * 86_400.0)
    days = {(one.source, one.signal): one.budget_days for one in room.verdicts(60.0)}
    assert {key for key, share in days.items() if share is not None} == judged
    assert all(told[key] * 60 == pytest.approx((days[key] or 0.0) * 86_400) for key in judged)


def test_what_matters_more_is_found_sooner() -> None:
    """Two columns that are the same rows: the evidence differs by what they weigh, and so does the check that raises the alarm."""
    room = DriftRoom(DriftSettings(every="10s", importance={"heavy": 9.0, "light": 0.01}))
    chance, raised = np.random.default_rng(5), dict[str, float]()
    usual = chance.normal(size=5000)
    bins = Bins.of_numbers(usual)
    for name in ("heavy", "light"):
        room.give("fraud", name, "input", bins, of_rows(usual, np.arange(5000.0), bins))
    for check in range(200):
        values, now_s = chance.normal(0.0 if check < 60 else 0.35, 1, 20), 10.0 * (check + 1)
        whole = {name: ("input", values, np.ones(20, np.bool_)) for name in ("heavy", "light")}
        room.rows("fraud", np.full(20, now_s - 1), whole)
        room.check(now_s)
        verdicts = {one.signal: one for one in room.verdicts(now_s)}
        for name, one in verdicts.items():
            if one.state == "drift":
                raised.setdefault(name, now_s)
        if check == 50:
            heavy, light = verdicts["heavy"], verdicts["light"]
            assert (heavy.importance, light.importance) == (9.0, 0.01)
            assert (heavy.budget_days or 0) * 1.9978 == pytest.approx((light.budget_days or 0) * LEAST, rel=1e-3)
            assert (heavy.evidence or 0) - (light.evidence or 0) == pytest.approx(math.log10(1.9978 / LEAST), abs=1e-3)
    assert 610 < raised["heavy"] < raised["light"] <= raised["heavy"] + 200, "more evidence is a matter of a few checks"


def test_rows_as_a_whole_are_no_input_that_a_map_left_out() -> None:
    room = DriftRoom(DriftSettings(importance={"amount": 9.0, "age": 1.0}))
    for name in ("amount", "age", "unused", "row error", "unusual rows"):
        room.observe(0.0, "fraud", name, "input", [1.0], [0, 0])
    days = {one.signal: one.budget_days or 0.0 for one in room.verdicts(0.0)}
    total = 1.8 + 0.2 + 0.2 + 1 + 1
    assert days == pytest.approx(
        {
            "amount": 30 * total / 1.8,
            "age": 30 * total / 0.2,
            "unused": 30 * total / 0.2,
            "row error": 30 * total,
            "unusual rows": 30 * total,
        }
    )
