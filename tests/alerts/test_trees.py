"""Any tree of the language: printed it reads the same, and as one function it says the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_monitor.language.compiled import compiled
from tui_monitor.language.expression import ExpressionError, read_expression
from tui_monitor.language.printing import printed
from tui_monitor.language.truth import (
    Arithmetic,
    Comparison,
    Condition,
    Join,
    Name,
    Negative,
    Not,
    Number,
    Operand,
    Unexpected,
    Unknown,
    Unusual,
    Word,
)
from tui_monitor.vocabulary import VOCABULARY, quantity

UNITS: dict[str, str | None] = {key: term.unit for key, term in VOCABULARY.items()} | {"my query": None}
WORDS = {"state": ("OK", "STALLED")}

NAMES = ["latency.p95", "latency.p95[5m]", "latency.p50[24h]", "ttft.p99", "latency.mean"]
SHARES = ["accuracy[deploy]", "f1.macro[all]", "error.ratio", "error.ratio[30m]", "latency.over(0.5s)[5m]", "kv_cache.used"]


def number(text: str) -> Number:
    return Number(quantity(text)[0], text)


TIMES = st.sampled_from(["500ms", "1s", "2m", "0.25s", "-3s"]).map(number)
FACTORS = st.sampled_from(["2", "0.5", "10", "1e3"]).map(number)


def _grown(inner: st.SearchStrategy[Operand]) -> st.SearchStrategy[Operand]:
    """Times only, so that every tree fits its units."""
    return (
        st.tuples(st.sampled_from("+-"), inner, inner).map(lambda parts: Arithmetic(*parts))
        | st.tuples(inner, FACTORS).map(lambda parts: Arithmetic("*", *parts))
        | st.tuples(inner, FACTORS).map(lambda parts: Arithmetic("/", *parts))
        | st.tuples(FACTORS, inner).map(lambda parts: Arithmetic("*", *parts))
        | inner.filter(lambda one: not isinstance(one, Number)).map(Negative)
    )


OPERANDS = st.recursive(TIMES | st.sampled_from(NAMES).map(Name), _grown, max_leaves=5)
COMPARISONS: st.SearchStrategy[Condition] = st.tuples(
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.sampled_from(NAMES).map(Name), OPERANDS
).map(lambda parts: Comparison(*parts))
LEAVES: st.SearchStrategy[Condition] = (
    COMPARISONS
    | st.sampled_from(["OK", "STALLED"]).map(lambda word: Comparison("==", Name("state"), Word(word)))
    | st.tuples(st.sampled_from([*NAMES, *SHARES]).map(Name), st.sampled_from(["absent", "known", "unknown"])).map(lambda p: Unknown(*p))
    | st.builds(
        Unusual,
        st.sampled_from(["above", "below"]),
        st.sampled_from(NAMES).map(Name),
        st.sampled_from(["99%", "97%", "0.9"]).map(number),
        st.none() | st.just(number("100ms")),
        st.none() | st.just(number("3s")),
    )
    | st.builds(
        Unexpected,
        st.sampled_from(["above", "below"]),
        st.sampled_from([name for name in NAMES if "24h" not in name]).map(Name),
        st.none() | st.just(number("100ms")),
        st.none() | st.just(number("3s")),
    )
    | st.sampled_from(["error.ratio", "error.ratio[30m]", "my query"]).map(lambda name: Unexpected("outside", Name(name)))
    | st.sampled_from(SHARES).map(lambda name: Comparison(">", Name(name), number("5%")))
    | st.just(Comparison(">", Name("my query"), number("3")))
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        inner.map(Not)
        | st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)).map(lambda p: Join(*p))
    ),
    max_leaves=6,
)
VALUES = st.none() | st.sampled_from([0.0, 0.05, 0.5, 1.0, 3.0, float("nan")])


@settings(deadline=None, max_examples=300)
@given(TREES)
def test_what_is_printed_reads_the_same(tree: Condition) -> None:
    text = printed(tree)
    if len(text) <= 1000:
        assert read_expression(text, UNITS, WORDS, {"my query"}).root == tree, text


@settings(deadline=None, max_examples=300)
@given(TREES, st.data())
def test_as_one_function_it_says_the_same(tree: Condition, data: st.DataObject) -> None:
    known: dict[str, float | str | None] = {"state": "OK"}

    def lookup(name: str) -> float | str | None:
        if name not in known:
            known[name] = data.draw(VALUES, label=name)
        return known[name]

    assert compiled(tree)(lookup) is tree.truth(lookup)


@pytest.mark.parametrize(
    ("text", "as_printed"),
    [
        ("latency.p95>500ms", "latency.p95 > 500ms"),
        ("(latency.p95 > 1s)", "latency.p95 > 1s"),
        ("latency.p95 > (1s + 2s) * 3", "latency.p95 > (1s + 2s) * 3"),
        ("latency.p95 > 1s + (2s * 3)", "latency.p95 > 1s + 2s * 3"),
        ("latency.p95 - (latency.p50 - 1s) > 0", "latency.p95 - (latency.p50 - 1s) > 0"),
        ("-latency.p95 < - 3s", "-latency.p95 < -3s"),
        ("latency.over( 500 ms )[5m] > 1%", "latency.over(0.5s)[5m] > 1%"),
        ("NOT state == OK AND (error.ratio > 1% or error.ratio > 2%)", "not state == OK and (error.ratio > 1% or error.ratio > 2%)"),
        ("latency.p95 above usual", "latency.p95 above usual(99%)"),
        ("latency.p95 ABOVE Expected ceiling 3s floor 100ms", "latency.p95 above expected floor 100ms ceiling 3s"),
        ('not ("my query" outside expected)', 'not "my query" outside expected'),
        ('"my query" > 3', '"my query" > 3'),
    ],
)
def test_printed(text: str, as_printed: str) -> None:
    assert printed(read_expression(text, UNITS, WORDS, {"my query"}).root) == as_printed


SPELLED = {"ms": 1e-3, "s": 1.0, "m": 60.0, "us": 1e-6}
AMOUNTS = st.tuples(st.integers(0, 5000), st.sampled_from(sorted(SPELLED)))


@settings(deadline=None)
@given(AMOUNTS, AMOUNTS, st.integers(1, 9), st.floats(0, 1e5))
def test_arithmetic_does_not_care_how_its_times_are_spelled(
    one: tuple[int, str], other: tuple[int, str], factor: int, now_s: float
) -> None:
    seconds = one[0] * SPELLED[one[1]] + factor * (other[0] * SPELLED[other[1]])
    spelled = f"latency.p95 > {one[0]}{one[1]} + {factor} * {other[0]} {other[1]}"
    if abs(now_s - seconds) > 1e-9 * seconds:
        assert read_expression(spelled, UNITS).truth({"latency.p95": now_s}.get) is (now_s > seconds)


@settings(deadline=None)
@given(st.sampled_from(sorted(VOCABULARY)), st.sampled_from(sorted(VOCABULARY)))
def test_only_what_has_one_unit_is_added_and_compared(one: str, other: str) -> None:
    units = {VOCABULARY[one].unit, VOCABULARY[other].unit}
    fits = len(units) == 1 or units <= {"", "ratio"}
    for text in (f"{one} > {other}", f"{one} + {other} > {one}", f"2 * {one} < {other} / 2"):
        if fits:
            assert read_expression(text, UNITS).names
        else:
            with pytest.raises(ExpressionError, match="cannot be"):
                read_expression(text, UNITS)
