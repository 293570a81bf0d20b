"""Which inputs matter: on models whose answer is known, within a budget that is never passed."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from tui_monitor.analyse.performance.golden.importance import GoldenRow, Progress, Replied, explanation, importances
from tui_monitor.analyse.performance.golden.judged import judged
from tui_monitor.model import ProbeExplained

NOW = 1_800_000_000.0


def rows(count: int, columns: int = 3, seed: int = 1) -> list[GoldenRow]:
    chance = random.Random(seed)
    return [GoldenRow(f"q{i}", {f"x{k}": chance.gauss(0, 1) for k in range(columns)}) for i in range(count)]


class Model:
    """Says what `says` makes of a row; the label of a golden row is what it says to it as it is."""

    def __init__(self, golden: list[GoldenRow], says: Callable[[Mapping[str, Any]], Any]) -> None:
        self.says, self.asked = says, 0
        self.labels = {one.id: judged(says(one.values), 0, "exact", 0.0).heard.shown for one in golden}

    async def ask(self, row: str, values: Mapping[str, Any]) -> Replied:
        self.asked += 1
        value = self.says(values)
        if value is None:
            return Replied(None, why="refused")
        verdict = judged(value, self.labels[row], "exact", 0.0)
        return Replied(verdict.heard, verdict.right, value)


def last(told: AsyncIterator[Progress | ProbeExplained]) -> tuple[list[Progress], ProbeExplained]:
    async def go() -> list[Progress | ProbeExplained]:
        return [one async for one in told]

    *progress, result = asyncio.run(go())
    assert isinstance(result, ProbeExplained)
    return [one for one in progress if isinstance(one, Progress)], result


def test_the_column_that_decides_is_found_and_the_others_are_not() -> None:
    golden = rows(40)
    model = Model(golden, lambda values: int(values["x1"] > 0))
    progress, result = last(importances(golden, model.ask, 400, NOW))
    assert result.weights[0].column == "x1"
    first, *others = result.weights
    assert first.value.value == pytest.approx(0.5, abs=0.15)
    assert first.value.low is not None
    assert first.value.low > 0
    assert all(one.value.value == 0 and one.moved == 0 for one in others)
    assert result.base == 1.0
    assert result.sentence.startswith("x1 matters most: without it accuracy falls by ")
    assert result.requests == model.asked <= 400
    assert progress[-1].done == model.asked
    assert all(one.done <= one.of <= 400 for one in progress)


def test_what_is_the_same_in_another_row_is_not_asked() -> None:
    golden = [GoldenRow(f"q{i}", {"a": 1.0, "b": float(i)}) for i in range(10)]
    model = Model(golden, lambda values: int(values["b"] > 4))
    _, result = last(importances(golden, model.ask, 30, NOW))
    assert model.asked == 10 + 10
    assert next(one for one in result.weights if one.column == "a").value.value == 0


def test_spare_requests_make_it_surer_but_repeats_are_no_new_rows() -> None:
    golden = rows(8, 2)
    model = Model(golden, lambda values: int(values["x1"] > 0))
    _, result = last(importances(golden, model.ask, 1000, NOW))
    assert model.asked == 8 + 8 * 2 * 5
    assert {one.value.n for one in result.weights} == {8}


@pytest.mark.parametrize(
    ("count", "budget", "why"),
    [
        (4, 1000, "5 golden rows with the same columns are the fewest, there are 4"),
        (30, 19, "19 requests are too few for 3 columns: explain_requests = 20"),
        (0, 100, "5 golden rows with the same columns are the fewest, there are 0"),
    ],
)
def test_too_little_says_why_and_asks_nothing(count: int, budget: int, why: str) -> None:
    golden = rows(count)
    model = Model(golden, lambda _values: 1)
    progress, result = last(importances(golden, model.ask, budget, NOW))
    assert (result.why, progress, model.asked) == (why, [], 0)


def test_a_server_that_refuses_is_left_alone_after_five() -> None:
    golden = rows(40)
    model = Model(golden, lambda values: int(values["x1"] > 0))
    model.says = lambda _values: None
    _, result = last(importances(golden, model.ask, 400, NOW))
    assert (result.why, result.requests, result.failed, result.weights) == ("given up after 5 failures in a row: refused", 5, 5, [])
    assert model.asked == 5


def test_rows_with_other_columns_are_left_out() -> None:
    golden = [*rows(10), GoldenRow("wide", {"y": 1.0})]
    model = Model(golden, lambda values: int(values.get("x1", 0) > 0))
    _, result = last(importances(golden, model.ask, 100, NOW))
    assert result.rows == 10


def test_a_straight_line_is_found_as_it_is() -> None:
    golden = rows(30)
    model = Model(golden, lambda values: 3 * values["x0"] - 2 * values["x2"] + 1)
    progress, result = last(explanation(golden[0], golden, model.ask, 120, NOW))
    weights = {one.column: one for one in result.weights}
    assert [one.column for one in result.weights][-1] == "x1"
    for column, slope in (("x0", 3), ("x1", 0), ("x2", -2)):
        step = weights[column].step
        assert step is not None
        assert weights[column].value.value == pytest.approx(slope * step, abs=1e-3)
    assert result.fit == pytest.approx(1.0, abs=1e-6)
    assert model.asked == result.requests == 120
    assert progress[-1] == Progress(120, 120)


def test_the_probability_of_the_class_is_followed_and_near_rows_count_more() -> None:
    golden = rows(30)

    def says(values: Mapping[str, Any]) -> list[float]:
        p = 1 / (1 + math.exp(-4 * values["x1"]))
        return [1 - p, p]

    model = Model(golden, says)
    row = GoldenRow("q0", {"x0": 0.0, "x1": 0.1, "x2": 0.0})
    _, result = last(explanation(row, golden, model.ask, 400, NOW))
    assert result.weights[0].column == "x1"
    assert result.weights[0].value.value is not None
    assert result.weights[0].value.value > 0.2
    assert result.base == pytest.approx(says(row.values)[1])
    assert result.fit is not None
    assert 0.5 < result.fit < 1.0


def test_classes_alone_are_followed_as_the_same_or_another() -> None:
    golden = rows(30)
    model = Model(golden, lambda values: "yes" if values["x2"] > 0 else "no")
    row = GoldenRow("q0", {"x0": 0.0, "x1": 0.0, "x2": 0.2})
    _, result = last(explanation(row, golden, model.ask, 300, NOW))
    assert result.weights[0].column == "x2"
    assert result.base == 1.0


def test_categories_take_values_that_golden_rows_have_and_whole_numbers_stay_whole() -> None:
    golden = [GoldenRow(f"q{i}", {"city": ("Rom", "Ulm", "Bonn")[i % 3], "age": float(20 + i), "new": i % 2 == 0}) for i in range(12)]
    seen: list[Mapping[str, Any]] = []

    def says(values: Mapping[str, Any]) -> float:
        seen.append(values)
        return 5.0 * (values["city"] == "Rom") + 0.01 * values["age"]

    model = Model(golden, says)
    _, result = last(explanation(golden[0], golden, model.ask, 200, NOW))
    assert {one["city"] for one in seen} == {"Rom", "Ulm", "Bonn"}
    assert all(float(one["age"]).is_integer() for one in seen)
    assert {one["new"] for one in seen} == {True, False}
    assert result.weights[0].column == "city"
    assert result.weights[0].value.value == pytest.approx(-5, abs=0.1)
    assert result.weights[0].step is None


def test_an_answer_that_never_moves_says_so() -> None:
    golden = rows(10)
    _, result = last(explanation(golden[0], golden, Model(golden, lambda _values: 7).ask, 50, NOW))
    assert (result.sentence, result.weights, result.fit) == ("its answer stays the same whatever is moved", [], None)


def test_too_many_columns_for_the_budget_says_how_many_requests_it_takes() -> None:
    golden = rows(10, columns=50)
    model = Model(golden, lambda _values: 1)
    _, result = last(explanation(golden[0], golden, model.ask, 100, NOW))
    assert (result.why, model.asked) == ("100 requests are too few for 50 columns: explain_requests = 103", 0)
    _, result = last(explanation(golden[0], golden, model.ask, 103, NOW))
    assert result.why == ""


def test_a_row_without_an_answer_has_no_explanation() -> None:
    golden = rows(10)
    model = Model(golden, lambda _values: 1)
    model.says = lambda _values: None
    _, result = last(explanation(golden[0], golden, model.ask, 100, NOW))
    assert (result.why, result.requests) == ("refused", 1)
