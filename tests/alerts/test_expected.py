"""Rules against the forecast's band of this minute: what they ask for, their truth beside that of `usual`, and what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_monitor.alerts.rules import expected_of, read_rule, usual_of
from tui_monitor.alerts.summary import say_span
from tui_monitor.config import RuleSettings
from tui_monitor.language.truth import Name, Number, Unexpected, Unusual, usual_name
from tui_monitor.model import Subject, Usual

LOW, HIGH = "expected(request.rate, low)", "expected(request.rate, high)"
SAID = "expected 120 to 180/s at this hour of the day"
LEARNED = "no band of request.rate yet, learned for 3 of 24 hours"
VALUES = st.none() | st.floats(-5, 5)
BOUNDS = st.none() | st.floats(-5, 5).map(lambda number: Number(number, f"{number}"))


def chat(rate: float | None, low: float | None = 120.0, high: float | None = 180.0, why: str = SAID) -> Subject:
    return Subject("target", "chat", {"request.rate": rate}, state="OK", usual={LOW: Usual(low, why), HIGH: Usual(high, why)})


def rule(when: str, summary: str = "") -> RuleSettings:
    return RuleSettings("odd", when, summary=summary)


def test_what_rules_ask_for() -> None:
    both = read_rule(rule("request.rate[5m] outside expected and latency.p95 above usual"))
    assert both.when.expected == (HIGH, LOW)
    assert both.keys == ("request.rate", "latency.p95")
    assert list(usual_of([both])) == ["usual(latency.p95, 99%)"]
    assert expected_of([both, read_rule(rule("queue.length above expected"))]) == ("request.rate", "queue.length")


@pytest.mark.parametrize(
    ("when", "rate", "truth", "threshold"),
    [
        ("request.rate above expected", 412.0, True, 180.0),
        ("request.rate above expected", 180.0, False, 180.0),
        ("request.rate above expected floor 500/s", 412.0, False, 500.0),
        ("request.rate below expected", 119.9, True, 120.0),
        ("request.rate below expected ceiling 100/s", 110.0, False, 100.0),
        ("request.rate outside expected", 412.0, True, 180.0),
        ("request.rate outside expected", 3.0, True, 120.0),
        ("request.rate outside expected", 140.0, False, 120.0),
        ("request.rate outside expected", 170.0, False, 180.0),
        ("request.rate outside expected", None, None, 180.0),
    ],
)
def test_the_edge_is_the_threshold(when: str, rate: float | None, truth: bool | None, threshold: float) -> None:
    made = read_rule(rule(when))
    subject = chat(rate)
    values = {"request.rate": rate, LOW: 120.0, HIGH: 180.0}
    assert made.when.truth(values.get) is truth
    assert made.threshold(subject) == threshold
    assert made.unknown(subject) == ""


def test_its_sentence_names_value_edge_and_what_was_expected() -> None:
    plain = read_rule(rule("request.rate above expected"))
    assert plain.sentence(chat(412.0), 412.0) == f"chat: request.rate above expected (now 412/s); {SAID}"
    own = read_rule(rule("request.rate outside expected", "{value}, {expected}, beyond {threshold}"))
    assert own.sentence(chat(3.0), 3.0) == f"3/s, {SAID}, beyond 120/s"


def test_while_it_is_learned_it_is_unknown_and_says_why() -> None:
    made = read_rule(rule("request.rate above expected"))
    young = chat(412.0, None, None, LEARNED)
    assert made.when.truth({"request.rate": 412.0, HIGH: None}.get) is None
    assert (made.unknown(young), made.threshold(young)) == (LEARNED, None)
    nobody = Subject("target", "chat", {"request.rate": 412.0})
    assert made.unknown(nobody) == "no band of request.rate: no target has a forecast of it"


@given(VALUES, VALUES, BOUNDS, BOUNDS, st.sampled_from(["above", "below"]))
def test_an_edge_is_held_against_as_what_is_usual(
    value: float | None, edge: float | None, floor: Number | None, ceiling: Number | None, side: str
) -> None:
    past = Unusual(side, Name("queue.length"), Number(0.97, "97%"), floor, ceiling)  # type: ignore[arg-type]
    band = Unexpected(side, Name("queue.length"), floor, ceiling)  # type: ignore[arg-type]
    (wanted,) = band.wanted
    usual = usual_name("queue.length", 0.97 if side == "above" else 1 - 0.97)
    assert wanted == f"expected(queue.length, {'high' if side == 'above' else 'low'})"
    assert band.truth({"queue.length": value, wanted: edge}.get) is past.truth({"queue.length": value, usual: edge}.get)


@given(VALUES, VALUES, VALUES)
def test_outside_is_either_side(value: float | None, low: float | None, high: float | None) -> None:
    known = {"queue.length[5m]": value, "expected(queue.length, low)": low, "expected(queue.length, high)": high}
    truths = [
        None if value is None or high is None else value > high,
        None if value is None or low is None else value < low,
    ]
    expected = True if True in truths else None if None in truths else False
    assert Unexpected("outside", Name("queue.length[5m]")).truth(known.get) is expected


@pytest.mark.parametrize(
    ("low", "high", "unit", "said"),
    [
        (120.2, 180.4, "/s", "120 to 180/s"),
        (0.0, 5 * 2.0**30, "B", "0 to 5 GiB"),
        (0.095, 1.2, "s", "95 ms to 1.2 s"),
        (0.0951, 0.2, "s", "95.1 to 200 ms"),
        (0.01, 0.025, "ratio", "1 to 2.5 %"),
        (61.0, 74.0, "°C", "61 to 74 °C"),
        (-3.0, 4.0, "", "-3 to 4"),
        (7.001, 7.002, "", "7"),
        (1e-5, 2e-5, "", "1e-05 to 2e-05"),
    ],
)
def test_a_span_has_its_unit_once(low: float, high: float, unit: str, said: str) -> None:
    assert say_span(low, high, unit) == said
