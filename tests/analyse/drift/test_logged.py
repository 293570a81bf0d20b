"""Rows of a prediction log as signals: roles, labels that come late, private columns, expectations, versions, columns that go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tui_monitor.analyse.drift import logged
from tui_monitor.analyse.drift.expectations import Expectation
from tui_monitor.analyse.drift.logged import Came, LogSignals
from tui_monitor.config import Columns, PredictionSettings
from tui_monitor.model import LogRow, LogRows

START_S = 1_800_000_000.0
FRAUD = PredictionSettings(name="fraud", columns=Columns(score="score", version="version"), costs={"1": {"0": 10.0}, "0": {"1": 1.0}})


def row(name: str, at_s: float = START_S, prediction: Any = "0", label: Any = None, score: float | None = 0.25, **features: Any) -> LogRow:
    return LogRow(name, at_s, prediction, score, label, features)


def rows(*given: LogRow, labels: dict[str, Any] | None = None) -> LogRows:
    return LogRows(list(given), labels or {}, {})


def plain(came: Came) -> dict[str, tuple[str, list[Any]]]:
    return {name: (role, values.tolist()) for name, (role, values, _) in came.columns.items()}


def test_features_prediction_and_score_have_their_roles_and_missing_values_are_left_out() -> None:
    came = LogSignals(FRAUD, 60).take(
        rows(
            row("a", amount=3.0, country="de"),
            row("b", START_S + 1, "1", score=None, amount=None, country="fr"),
            row("c", amount=float("inf")),
        ),
        START_S + 2,
    )
    assert plain(came) == {
        "amount": ("input", [3.0]),
        "country": ("input", ["de", "fr"]),
        "prediction": ("output", ["0", "1", "0"]),
        "score": ("score", [0.25, 0.25]),
    }
    assert came.columns["amount"][2].tolist() == [True, False, False]
    assert came.columns["country"][2].tolist() == [True, True, False]
    assert came.at_s.tolist() == [START_S, START_S + 1, START_S]


def test_rows_of_the_future_stand_at_now() -> None:
    came = LogSignals(FRAUD, 60).take(rows(row("a", START_S + 1e6)), START_S)
    assert came.at_s.tolist() == [START_S + logged.LATE_S]


def test_private_columns_are_no_signals() -> None:
    hidden = PredictionSettings(name="fraud", columns=Columns(score="score"), private=["country", "score", "prediction"])
    came = LogSignals(hidden, 60).take(rows(row("a", country="de", amount=1.0)), START_S)
    assert set(came.columns) == {"amount"}


def test_a_model_of_many_classes_has_a_score_for_each_and_a_regression_none() -> None:
    many = PredictionSettings(name="tags", task="multiclass", columns=Columns(score="p"))
    one = LogRow("a", START_S, "cat", None, None, scores={f"c{i}": 0.1 for i in range(20)})
    came = LogSignals(many, 60).take(rows(one), START_S)
    assert list(came.columns) == ["prediction", *(f"p_c{i}" for i in range(logged.MOST_SCORES))]
    price = PredictionSettings(name="price", task="regression")
    came = LogSignals(price, 60).take(rows(LogRow("a", START_S, 10.0, None, 12.5)), START_S)
    assert plain(came) == {"prediction": ("output", [10.0])}
    assert {name: (role, values.tolist()) for name, (role, values, _) in came.late.items()} == {"error": ("performance", [-2.5])}


def test_labels_make_errors_and_costs_when_they_come() -> None:
    log = LogSignals(FRAUD, 60)
    came = log.take(rows(row("a", prediction="0", label="1"), row("b"), row("c", prediction="1")), START_S)
    assert {name: values.tolist() for name, (_, values, _) in came.late.items()} == {"errors": ["wrong"], "cost": [10.0]}
    came = log.take(rows(labels={"b": "0", "c": "0", "nobody": "1"}), START_S + 500)
    assert {name: values.tolist() for name, (_, values, _) in came.late.items()} == {"errors": ["right", "wrong"], "cost": [0.0, 1.0]}
    assert came.late_at_s.tolist() == [START_S + 500] * 2  # what is learned late is news
    assert log.take(rows(labels={"b": "0"}), START_S + 501).late == {}  # once


def test_errors_given_the_inputs_come_with_the_labels_when_enough_rows_were_seen() -> None:
    chance = np.random.default_rng(4)
    price = PredictionSettings(name="price", task="regression", private=["secret"])
    log = LogSignals(price, 60.0)

    def look(first: int, count: int, at_s: float) -> Came:
        made = [
            LogRow(str(i), at_s, float(chance.normal()), None, None, {"size": float(chance.normal()), "secret": 1.0, "town": "x"})
            for i in range(first, first + count)
        ]
        log.take(rows(*made), at_s)
        labels = {one.id: float(chance.normal()) for one in made}
        return log.take(rows(labels=labels), at_s + 1)

    came = look(0, 2500, START_S)
    assert (list(came.late), came.residual, came.transform) == (["error"], "residual | inputs", None)
    came = look(2500, 1, START_S + 60)
    assert came.transform is not None
    assert came.transform.columns == ["size", "prediction"]
    came = look(2501, 500, START_S + 70)
    assert came.transform is None  # told once
    role, u, there = came.late["residual | inputs"]
    assert (role, there.size, came.late_at_s.size) == ("performance", 500, 500)
    assert u.size == there.sum() > 480  # but for rare inputs
    assert 0 < u.min() < 0.05
    assert 0.95 < u.max() < 1
    strange = LogRow("far", START_S, 0.0, None, 0.0, {"size": 1e6})
    assert not log.take(rows(strange), START_S + 80).late["residual | inputs"][2].any()


def test_what_waits_for_a_label_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logged, "MOST_WAITING", 3)
    log = LogSignals(FRAUD, 60)
    log.take(rows(*(row(str(i)) for i in range(10))), START_S)
    came = log.take(rows(labels={str(i): "0" for i in range(10)}), START_S)
    assert came.late["errors"][1].tolist() == ["right"] * 3


def learned(missing: float = 0.0) -> LogSignals:
    log, chance = LogSignals(FRAUD, 60), np.random.default_rng(1)
    for i in range(10):
        log.take(
            rows(
                *(row(f"{i}-{j}", START_S + 10 * i + j / 10, amount=float(chance.integers(5, 20)), country="df"[j % 2]) for j in range(100))
            ),
            START_S + 10 * i + 10,
        )
    assert log.learned_anew
    return log


def test_expectations_are_learned_from_the_first_rows_and_then_held_against_every_row() -> None:
    log = learned()
    assert {"amount missing", "amount out of range", "country new category", "id duplicates"} <= {one.signal for one in log.expected}
    came = log.take(
        rows(row("x1", amount=500.0, country="d"), row("x2", amount=None, country="zz"), row("x1", amount="many", country="f")),
        START_S + 200,
    )
    counts = {one.signal: one.counts for one in came.counted}
    assert counts["amount missing"] == (1.0, 2.0)
    assert counts["amount out of range"] == (1.0, 0.0)
    assert counts["amount wrong type"] == (1.0, 1.0)
    assert counts["country new category"] == (1.0, 2.0)
    assert counts["id duplicates"] == (1.0, 2.0)
    usual = {one.signal: one.usual.counts for one in came.counted}
    assert usual["amount missing"][0] == 0
    assert usual["amount missing"][1] >= 600


def test_given_expectations_hold_from_the_first_row_with_the_share_that_mostly_allows() -> None:
    log = LogSignals(FRAUD, 60, [Expectation("amount", "between", mostly=0.95, min=0.0, max=10.0), Expectation("other", "not_null")])
    came = log.take(rows(row("a", amount=11.0), row("b", amount=3.0)), START_S)
    assert [(one.signal, one.labels, one.counts, one.usual.counts) for one in came.counted] == [
        ("amount out of range", ("out of range", "in range"), (1.0, 1.0), [500.0, 9500.0])
    ]
    assert not log.learned_anew


def test_a_column_that_goes_is_missing_in_every_row_and_told_once() -> None:
    log = learned()
    notes, counts = [], {}
    for i in range(6):
        came = log.take(rows(*(row(f"y{i}-{j}", country="d", fresh=1.0) for j in range(100))), START_S + 300 + i)
        notes += came.notes
        counts = {one.signal: one.counts for one in came.counted}
    assert notes == ["fraud: new column fresh", "fraud: no more amount in 200 rows"]
    assert counts["amount missing"] == (100.0, 0.0)


def test_a_change_of_version_parts_the_rows() -> None:
    log = LogSignals(FRAUD, 60)
    versions = [LogRow(str(i), START_S + i, "0", 0.5, None, version="v1" if i < 3 else "v2") for i in range(5)]
    first = log.take(rows(*versions[:2]), START_S)
    second = log.take(rows(*versions[2:]), START_S)
    third = log.take(rows(versions[4]), START_S)
    assert [(one.version, one.before) for one in (first, second, third)] == [("v1", None), ("v2", 1), ("v2", None)]
    whole = log.take(rows(LogRow("z", START_S, "0", 0.5, None, version="v3")), START_S)
    assert (whole.version, whole.before) == ("v3", 0)  # no row of this look is of before


def test_rows_without_anything_break_nothing() -> None:
    log = LogSignals(FRAUD, 60)
    for one in (rows(), rows(LogRow("", START_S, None, None, None)), rows(labels={"": "1"})):
        came = log.take(one, START_S)
        assert all(values.size == 0 for _, values, _ in came.columns.values())
        assert came.late == {}
