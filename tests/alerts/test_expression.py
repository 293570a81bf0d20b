"""The small language as tables: what is true, what is unknown, and what is refused at which column."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_monitor.alerts.expression import LONGEST, ExpressionError, read_expression
from tui_monitor.vocabulary import VOCABULARY

UNITS: dict[str, str | None] = {key: term.unit for key, term in VOCABULARY.items()} | {"checkout.conversion": None, "my query": None}
WORDS = {"state": ("OK", "IDLE", "STALLED", "DOWN", "drift")}
NOW = {
    "latency.p95": 0.6,
    "latency.p50": 0.1,
    "request.rate": 2.0,
    "queue.length": 0.0,
    "error.ratio": None,
    "kv_cache.used": 0.91,
    "memory.used": 3e9,
    "memory.total": 4e9,
    "gpu.temperature": float("nan"),
    "checkout.conversion": 0.25,
    "my query": 7.0,
    "state": "STALLED",
}


def truth(text: str) -> bool | None:
    return read_expression(text, UNITS, WORDS).truth(NOW.get)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("latency.p95 > 500ms", True),
        ("latency.p95 > 0.7s", False),
        ("latency.p95 > 500 ms and request.rate > 1/s", True),
        ("latency.p95 > 500ms and request.rate > 180/m", False),
        ("request.rate >= 120/m", True),
        ("500ms < latency.p95", True),
        ("latency.p95 > 1s or kv_cache.used > 90%", True),
        ("kv_cache.used > 0.9", True),
        ("not kv_cache.used > 90%", False),
        ("not (latency.p95 > 1s or request.rate > 5/s)", True),
        ("latency.p95 > 1s and latency.p95 > 1s or request.rate > 1/s", True),
        ("latency.p95 > 1s and (latency.p95 > 1s or request.rate > 1/s)", False),
        ("latency.p95 - latency.p50 > 400ms", True),
        ("latency.p95 > 5 * latency.p50", True),
        ("latency.p95 / latency.p50 > 7", False),
        ("memory.used / memory.total > 70%", True),
        ("memory.used > 2GiB", True),
        ("-queue.length == 0", True),
        ("(queue.length + 1) * 2 == 2", True),
        ("state == STALLED", True),
        ("state == stalled", True),
        ('state == "STALLED"', True),
        ("STALLED == state", True),
        ("state != OK", True),
        ("not state == STALLED", False),
        ("checkout.conversion < 30%", True),
        ('"my query" > 6', True),
        # unknown compares to nothing
        ("error.ratio > 5%", None),
        ("error.ratio <= 5%", None),
        ("error.ratio != 5%", None),
        ("not error.ratio > 5%", None),
        ("preemption.rate > 0", None),
        ("gpu.temperature > 85C", None),
        ("error.ratio > 5% and request.rate > 1/s", None),
        ("error.ratio > 5% and request.rate > 5/s", False),
        ("error.ratio > 5% or request.rate > 1/s", True),
        ("error.ratio > 5% or request.rate > 5/s", None),
        ("error.ratio + 1 > 0", None),
        ("latency.p95 / latency.p50 > 5", True),
        ("error.ratio + 1 > 0 or latency.p95 / latency.p95 == 100%", True),
        ("latency.p95 / queue.length > 0", None),  # nothing is divided by nothing
    ],
)
def test_truth(text: str, expected: bool | None) -> None:
    assert truth(text) is expected


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "empty"),
        ("   ", 1, "empty"),
        ("latency.p59 > 1s", 1, "did you mean latency.p"),
        ("request.rate > 1/s and latncy.p95 > 1s", 24, "did you mean latency.p95?"),
        ("latency.p95", 12, "a comparison is missing"),
        ("latency.p95 >", 14, "something is missing at the end"),
        ("latency.p95 > 500", 15, "write a unit, such as 500ms"),
        ("latency.p95 > 5GiB", 15, "does not fit: latency.p95 is a time"),
        ("queue.length > 5%", 16, "no unit"),
        ("queue.length > 5 xs", 17, "unknown unit 'xs'"),
        ("memory.used / memory.total > 5s", 30, "5s does not fit"),
        ("kv_cache.used > 90", 17, "write 90%"),
        ("latency.p95 > queue.length", 15, "cannot be compared"),
        ("latency.p95 + queue.length > 1s", 13, "cannot be added"),
        ("latency.p95 / 0 > 1", 15, "division by zero"),
        ("latency.p95 / (1 - 1) > 1", 15, "division by zero"),
        ("latency.p95 / -0 > 1", 15, "division by zero"),
        ("1s < latency.p95 < 2s", 18, "one comparison at a time"),
        ("latency.p95 = 1s", 13, "write =="),
        ("state == STALED", 10, "did you mean STALLED?"),
        ("state > OK", 7, "no order"),
        ("state == 3", 10, "compared with a word"),
        ("state + 1 > 2", 1, "is a word"),
        ("latency.p95 > STALLED", 15, "unknown key 'STALLED'"),
        ("1 > 0", 1, "asks for nothing"),
        ("(latency.p95 > 1s", 18, "closing parenthesis"),
        ("latency.p95 > 1s)", 17, "one too many"),
        ("latency.p95 > 1s request.rate > 1/s", 18, "one too many"),
        ("latency.p95 > 1s and", 21, "missing at the end"),
        ("and latency.p95 > 1s", 1, "cannot stand here"),
        ("latency.p95 ! 1s", 13, "'!' is not understood"),
        ("latency.p95 > 1s; drop", 17, "';' is not understood"),
        ("(" * 60 + "queue.length > 1" + ")" * 60, 41, "levels inside each other"),
        ("not " * 60 + "queue.length > 1", 161, "levels inside each other"),
        ("queue.length > 1 or " * 60 + "queue.length > 1", LONGEST + 1, "longer than"),
    ],
)
def test_refused_with_its_column(text: str, column: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        truth(text)
    assert message in str(caught.value)
    assert caught.value.column == column


def test_names_stand_in_order_of_first_mention() -> None:
    expression = read_expression("request.rate > 1/s and latency.p95 > 1s and request.rate < 9/s and state == OK", UNITS, WORDS)
    assert expression.names == ("request.rate", "latency.p95", "state")
    assert expression.words == (("state", "OK"),)


@settings(deadline=None)
@given(st.text(alphabet='latency.p95 >=<!()andornot-+*/0"%s€\x00\n_', max_size=60))
def test_any_text_is_understood_or_refused_inside_itself(text: str) -> None:
    refusal = None
    try:
        truth(text)
    except ExpressionError as error:
        refusal = error
    assert refusal is None or (1 <= refusal.column <= len(text) + 1 and str(refusal))


CONDITIONS = st.recursive(
    st.sampled_from(["queue.length == 0", "queue.length > 0", "error.ratio > 1%"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})")
        | inner.map(lambda part: f"not ({part})")
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(CONDITIONS)
def test_a_known_answer_does_not_depend_on_the_unknown(text: str) -> None:
    """Kleene's law: what is said without a value stays true whatever the value turns out to be."""
    said = truth(text)
    for value in (0.0, 0.5):
        later = read_expression(text, UNITS, WORDS).truth({**NOW, "error.ratio": value}.get)
        assert later is not None
        assert said in (None, later)
