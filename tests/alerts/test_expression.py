"""The small language as tables: what is true, what is unknown, and what is refused at which column."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_monitor.language.expression import LONGEST, Expression, ExpressionError, read_expression
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
    "error.ratio[30m]": 0.04,
    "error.ratio[5m]": None,
    "latency.p95[24h]": 0.2,
    "latency.over(0.5s)[30m]": 0.2,
    "usual(latency.p95, 99%)": 0.5,
    "usual(latency.p50, 97%)": None,
    "usual(request.rate, 1%)": 3.0,
    "expected(latency.p95, high)": 0.5,
    "expected(latency.p95, low)": 0.1,
    "expected(request.rate, low)": 3.0,
    "expected(request.rate, high)": 9.0,
    "expected(latency.p50, high)": None,
    "expected(error.ratio, low)": 0.0,
    "expected(error.ratio, high)": 0.01,
}


def read(text: str) -> Expression:
    return read_expression(text, UNITS, WORDS, {"checkout.conversion", "my query"})


def truth(text: str) -> bool | None:
    return read(text).truth(NOW.get)


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
        # windows
        ("error.ratio[30m] > 3%", True),
        ("error.ratio[5m] > 3%", None),
        ("error.ratio[3h] > 3%", None),
        ("latency.p95 > 2 * latency.p95[24h]", True),
        ("latency.p95 - latency.p95[24h] > 1s", False),
        ("latency.over(500ms)[30m] > 10%", True),
        ("latency.over(0.5s)[30m] > 10%", True),
        ("latency.over(500ms) > 10%", None),
        # its own past
        ("latency.p95 above usual", True),
        ("latency.p95 above usual(99%) floor 700ms", False),
        ("latency.p95 above usual floor 300ms ceiling 400ms", True),
        ("latency.p50 above usual(97%)", None),
        ("latency.p50 above usual(97%) floor 200ms", False),
        ("latency.p50 above usual(97%) ceiling 50ms", True),
        ("latency.p50 above usual(97%) floor 10ms ceiling 2s", None),
        ("request.rate below usual", True),
        ("request.rate below usual ceiling 1/s", False),
        ("request.rate below usual(98%) floor 5/s", True),
        ("request.rate below usual(98%) ceiling 1/s", False),
        ("error.ratio above usual ceiling 1%", None),
        # the forecast of this minute
        ("latency.p95 above expected", True),
        ("latency.p95 below expected", False),
        ("latency.p95 outside expected", True),
        ("latency.p95 above expected floor 700ms", False),
        ("latency.p95 above expected floor 300ms ceiling 400ms", True),
        ("request.rate below expected", True),
        ("request.rate outside expected", True),
        ("request.rate above expected", False),
        ("request.rate below expected ceiling 1/s", False),
        ("latency.p50 above expected", None),
        ("not latency.p50 above expected", None),
        ("latency.p50 outside expected", None),
        ("latency.p50 above expected floor 200ms", False),
        ("latency.p50 above expected ceiling 50ms", True),
        ("latency.p50 above expected floor 10ms ceiling 2s", None),
        ("latency.p50 below expected ceiling 50ms", False),
        ("latency.p50 below expected floor 2s", True),
        ("error.ratio outside expected", None),  # the band is known, the number is not
        ("error.ratio[30m] above expected", True),  # over a window, the same band
        ("error.ratio[30m] above expected floor 5%", False),
        ("error.ratio[30m] outside expected or latency.p50 above expected", True),
        ("ttft.p95 above expected", None),
        # absence
        ("error.ratio is unknown", True),
        ("absent(error.ratio)", True),
        ("error.ratio is known", False),
        ("not error.ratio is known", True),
        ("gpu.temperature is unknown", True),
        ("request.rate is unknown", False),
        ("absent(error.ratio[5m]) and request.rate > 1/s", True),
        ("(request.rate is known)", True),
        ("(absent(request.rate) or latency.p95 above usual)", True),
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
        ("error.ratio[20m] > 1%", 13, "unknown window '20m' (did you mean 30m?); known: 1m 5m 30m 3h 24h"),
        ("error.ratio[] > 1%", 13, "unknown window ''"),
        ("error.ratio[5m > 1%", 12, "'[' is not understood"),
        ("latency.p95 > 1s [5m]", 19, "a window belongs to the name"),
        ("[5m] > 1s", 2, "cannot stand here"),
        ("queue.length[5m] > 1", 14, "a number of this moment"),
        ("gpu.temperature[5m] > 1C", 17, "a number of this moment"),
        ("accuracy[20m] < 50%", 10, "unknown window '20m' (did you mean 30m?); known: 1m 5m 30m 3h 24h deploy all latest"),
        ("error.ratio[deploy] > 1%", 13, "unknown window 'deploy'; known: 1m 5m 30m 3h 24h"),
        ("checkout.conversion[5m] < 50%", 21, "its window stands in its PromQL"),
        ("eror.ratio[5m] > 1%", 1, "did you mean error.ratio?"),
        ("latency.over > 1%", 13, "needs a bound: latency.over(500ms)"),
        ("latency.over(5) > 1%", 14, "is a time, such as 500ms"),
        ("latency.over(-1s) > 1%", 14, "is a time, such as 500ms"),
        ("latency.over(500ms > 1%", 20, "one comparison at a time"),
        ("latency.over(500ms) > 1s", 23, "1s does not fit: latency.over(0.5s) is a ratio"),
        ("queue.over(5s) > 1%", 11, "a comparison is missing after queue.over"),
        ("latency.p95 above 3s", 19, "write `above usual`"),
        ("latency.p95 outside usual", 21, "write `outside expected`"),
        ("latency.p95 outside 3s", 21, "write `outside expected`"),
        ("latency.p95 outside expected floor 1s", 30, "floor is of one edge: write latency.p95 above expected ..."),
        ("latency.p95 above expected(97%)", 27, "`expected` has no share"),
        ("latency.p95 above expected floor 3", 34, "write a unit, such as 500ms"),
        ("latency.p95 above expected floor 3s ceiling 2s", 45, "the ceiling is below the floor"),
        ("latency.p95[3h] above expected", 1, "what is expected is of this minute: a window of at most 30m, not 3h"),
        ("2 > 1 and accuracy[deploy] below expected", 11, "a window of at most 30m, not deploy"),
        ("latency.p95 * 2 outside expected", 1, "outside needs the name of one number"),
        ("state outside expected", 1, "outside needs the name of one number"),
        ("latency.p95 above usual(20%)", 25, "the usual share is 50% to 99.9%"),
        ("latency.p95 above usual(100%)", 25, "the usual share is 50% to 99.9%"),
        ("latency.p95 above usual floor 3", 31, "write a unit, such as 500ms"),
        ("latency.p95 above usual floor 3s floor 3s", 34, "floor stands twice"),
        ("latency.p95 above usual floor 3s ceiling 2s", 42, "the ceiling is below the floor"),
        ("latency.p95 above usual floor latency.p50", 31, "floor needs a number"),
        ("latency.p95 * 2 above usual", 1, "above needs the name of one number"),
        ("latncy.p95 above usual", 1, "did you mean latency.p95?"),
        ("state above usual", 1, "above needs the name of one number"),
        ("state is unknown", 1, "is needs the name of one number"),
        ("latency.p95 is 3s", 16, "write `is unknown` or `is known`"),
        ("absent(latncy.p95)", 8, "did you mean latency.p95?"),
        ("absent(latency.p95 > 1s)", 20, "one comparison at a time"),
        ("absent(latency.p95", 19, "closing parenthesis"),
        ("latency.p95 > 1e300 * 1e300 * 1s", 21, "is too large"),
        ("latency.p95 > 1e999s", 15, "1e999s is too large"),
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
@given(st.text(alphabet='latency.p95 >=<!()andornot-+*/0"%s€\x00\n_[]hmuabve', max_size=60))
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
