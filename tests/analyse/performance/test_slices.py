"""Slices: what the language says of columns, row by row and all at once."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tui_monitor.analyse.performance.slicing.slices import ExpressionError, Table, number_of, predicate, text_of
from tui_monitor.language.columns import read_slice
from tui_monitor.language.printing import printed
from tui_monitor.language.truth import Arithmetic, Comparison, Condition, Join, Name, Negative, Not, Number, Operand, Unknown, Word

Value = float | str | None
NAN = math.nan


def columns(**values: list[Value]) -> dict[str, NDArray[np.object_]]:
    return {name: np.array([*column, None], dtype=object)[:-1] for name, column in values.items()}


LOG: dict[str, NDArray[np.generic]] = {
    "words": np.array([5.0, 12.0, 41.0, NAN, 90.0]),
    "prompt-tokens": np.array([100.0, 3000.0, 2048.0, 5000.0, NAN]),
    "completion": np.array([300.0, 300.0, 0.0, 1.0, 2.0]),
    **columns(lang=["de", "fr", "FR", None, "en"], code=["3", "3.0", "x", 3.0, ""], flag=["true", "false", 1.0, 0.0, True]),
}


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("words > 41", [4]),
        ("words >= 41", [2, 4]),
        ("not words > 41", [0, 1, 2]),  # the fourth row's is missing: it is in neither
        ('lang == "de"', [0]),
        ("lang == 'FR'", [1, 2]),  # whatever the case
        ("lang == de or (lang == fr and words >= 20)", [0, 2]),
        ("lang != de", [1, 2, 4]),
        ("not lang == de", [1, 2, 4]),
        ("lang is unknown", [3]),
        ("absent(words)", [3]),
        ("words is known and not lang is known", []),
        ("completion / `prompt-tokens` > 0.05", [0, 1]),
        ("completion / (words - 12) > 0", [4]),  # by 0: no value
        ("`prompt-tokens` > 2048", [1, 3]),
        ("prompt-tokens > 2048", []),  # two other columns, and neither is there
        ("code == 3", [0, 1, 3]),
        ('code == "3"', [0, 1, 3]),
        ("code != 3", [2]),  # a text is never a number, and nothing compares to an empty one
        ("code > 2", [0, 1, 3]),
        ("code < 2", []),
        ("lang > 2", []),
        ("not lang > 2", []),  # no order: nobody can say
        ("lang == 2", []),
        ("words == many", []),
        ('words == "12"', [1]),
        ("flag == true", [0, 2, 4]),
        ("flag == 1", [0, 2, 4]),
        ("flag == false", [1, 3]),
        ("lang == `code`", []),
        ("lang != `code`", [0, 1, 2]),
        ("code == `code`", [0, 1, 2, 3]),
        ("words == `words`", [0, 1, 2, 4]),
        ("nothing == 3", []),
        ("nothing is unknown", [0, 1, 2, 3, 4]),
        ("-words < -40", [2, 4]),
        ("3 < words", [0, 1, 2, 4]),
        ('"de" == lang', [0]),
    ],
)
def test_which_rows_belong_to_a_slice(expression: str, rows: list[int]) -> None:
    found = predicate(expression)
    assert np.flatnonzero(found.fits(LOG)).tolist() == rows
    assert np.flatnonzero(found.fits(Table(LOG))).tolist() == rows
    one_by_one = [place for place in range(5) if found({name: values.tolist()[place] for name, values in LOG.items()})]
    assert one_by_one == rows


@pytest.mark.parametrize(
    ("expression", "column", "why"),
    [
        ("", 1, "empty; write for example prompt_tokens > 2048"),
        ("lang like x", 6, "a comparison is missing after lang"),
        ("lang = de", 6, "write == to compare"),
        ("lang == de fr", 12, "'fr' is one too many here"),
        ('lang > "de"', 6, "texts have no order"),
        ('lang == ""', 9, "write lang is unknown"),
        ("words > 500ms", 9, "500ms does not fit: words is a plain number"),
        ("words > 90%", 9, "write a plain number"),
        ("words[5m] > 3", 7, "a column has no window"),
        ("words above usual", 7, "nobody knows what is usual of a column"),
        ("1 == 1", 1, "asks for no column"),
        ("a + b is unknown", 1, "needs the name of one column, not a + b"),
        ("'x' == 3", 8, "a text is compared with a column, not with 3"),
        ("a + 'x' > 3", 5, "no arithmetic"),
        ("and > 3", 1, "a column of this name stands in backquotes"),
        ("a > 3; drop", 6, "';' is not understood"),
        ("`prompt-tokens > 3", 1, "'`' is not understood here"),
        ("a / 0 > 1", 5, "division by zero"),
        ("a > 1 or " * 200 + "a > 1", 1001, "longer than"),
        ("(" * 60 + "a > 1" + ")" * 60, 41, "levels inside each other"),
    ],
)
def test_what_is_no_slice_is_said_with_its_column(expression: str, column: int, why: str) -> None:
    with pytest.raises(ExpressionError) as error:
        predicate(expression)
    assert why in str(error.value)
    assert error.value.column == column


def test_a_slice_tells_what_it_needs() -> None:
    long = predicate("prompt_tokens > 2048 and (lang == de or `user-id` is known) and lang != fr", name="long")
    assert (long.name, long.columns) == ("long", ("prompt_tokens", "lang", "user-id"))
    assert predicate(" words > 3 ").name == "words > 3"
    assert long.absent(["prompt_tokens", "lang", "user-id"]) == ""
    assert long.absent(["prompt_tokens", "user-id"]) == "no column lang in this log"
    assert "did you mean `prompt-tokens`" in predicate("prompt-tokens > 3").absent(["id", "prompt-tokens"])


def test_odd_values_are_missing_and_odd_arrays_are_read() -> None:
    odd = {"x": np.array([[1], None, math.inf, "inf", "1_000", 10**400, np.float64(4.0), "٣"], dtype=object)}
    assert predicate("x is known").fits(odd).tolist() == [False, False, False, True, True, False, True, True]
    assert predicate("x > 0").fits(odd).tolist() == [False] * 6 + [True, False]
    assert predicate("x > 1").fits({"x": np.array([1, 2, 3])}).tolist() == [False, True, True]
    assert predicate("x == true").fits({"x": np.array([True, False])}).tolist() == [True, False]
    assert predicate("x == b").fits({"x": np.array(["a", "b"])}).tolist() == [False, True]
    assert predicate("x > 1").fits({"x": np.array([])}).tolist() == []
    assert predicate("x > 1").fits({}).tolist() == []


# -- any tree, row by row --------------------------------------------------------------------------------------------------------------

NUMBERS = st.none() | st.sampled_from([0.0, -1.0, 1.0, 2.5, 3.0, 1e200])
TEXTS = st.none() | st.sampled_from(["de", "DE", "fr", "3", "3.0", "-1", "true", "x y"])
TYPED: dict[str, st.SearchStrategy[Value]] = {"a": NUMBERS, "b": NUMBERS, "lang": TEXTS, "odd-name": NUMBERS, "mixed": NUMBERS | TEXTS}

_operands = st.recursive(
    st.sampled_from(["a", "b", "odd-name", "mixed"]).map(Name)
    | st.sampled_from(["0", "1", "2.5", "3", "1e200"]).map(lambda t: Number(float(t), t)),
    lambda inner: (
        st.tuples(st.sampled_from("+-*/"), inner, inner).map(lambda parts: Arithmetic(*parts))
        | inner.filter(lambda one: not isinstance(one, Number)).map(Negative)
    ),
    max_leaves=4,
)
_leaves: st.SearchStrategy[Condition] = (
    st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _operands, _operands).map(lambda parts: Comparison(*parts))
    | st.tuples(
        st.sampled_from(["==", "!="]), st.sampled_from([*TYPED]).map(Name), st.sampled_from(["de", "3", "true", "x y"]).map(Word)
    ).map(lambda parts: Comparison(*parts))
    | st.tuples(st.sampled_from([*TYPED]).map(Name), st.sampled_from(["unknown", "known", "absent"])).map(lambda parts: Unknown(*parts))
)
TREES = st.recursive(
    _leaves,
    lambda inner: (
        inner.map(Not)
        | st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)).map(lambda p: Join(*p))
    ),
    max_leaves=5,
)


def _as_the_language_sees(value: Value, text: bool) -> Value:
    """A value as a row would have it if its column were of one type: what `language.truth` compares."""
    if text:
        return text_of(value) if isinstance(value, str) else value
    return number_of(value) if isinstance(value, str) else value


def _plain(condition: Condition, row: Mapping[str, Value]) -> bool | None:
    """The same condition over one row: its types are settled here, its truth by the language."""
    match condition:
        case Not(of=of):
            inner = _plain(of, row)
            return None if inner is None else not inner
        case Join(word=word, parts=parts):
            told = [_plain(part, row) for part in parts]
            decides = word == "or"
            return decides if decides in told else None if None in told else not decides
        case Unknown():
            return condition.truth(row.get)
        case Comparison(sign=sign, left=Name(name=name), right=Word(word=word)):
            value = row[name]
            if isinstance(value, str):
                return Comparison(sign, Word(text_of(value)), Word(text_of(word))).truth(row.get)
            number = number_of(word)
            if number is None:
                return None if value is None else sign == "!="
            return Comparison(sign, Name(name), Number(number, word)).truth(row.get)
        case Comparison(sign=sign, left=left, right=right):
            seen = {name: _as_the_language_sees(value, text=False) for name, value in row.items()}
            told = Comparison(sign, left, right).truth(seen.get)
            if told is None and sign in ("==", "!="):
                return _texts(sign, left, right, row, seen)
            return told
    raise AssertionError(condition)


def _texts(sign: str, left: Operand, right: Operand, row: Mapping[str, Value], seen: Mapping[str, Value]) -> bool | None:
    values = [row[side.name] if isinstance(side, Name) else side.value(seen.get) for side in (left, right)]
    if None in values or not any(isinstance(value, str) for value in values):
        return None
    first, second = (text_of(value if isinstance(value, str) else repr(value)) for value in values)
    return (first == second) == (sign == "==")


@settings(deadline=None, max_examples=400)
@given(TREES, st.lists(st.fixed_dictionaries(TYPED), min_size=1, max_size=8))
def test_over_columns_a_condition_says_what_it_says_of_each_row(tree: Condition, rows: list[dict[str, Value]]) -> None:
    text = printed(tree).replace('"odd-name"', "`odd-name`")
    if len(text) > 1000:
        reject()
    try:
        found = predicate(text)
    except ExpressionError:  # constants alone, a division by zero: trees that nobody can write
        reject()
    table: dict[str, NDArray[np.generic]] = {}
    for name in TYPED:
        values = [row[name] for row in rows]
        whole = all(value is None or isinstance(value, float) for value in values) and name != "mixed"
        table[name] = np.array([NAN if v is None else v for v in values]) if whole else np.array([*values, None], dtype=object)[:-1]
    assert found.fits(table).tolist() == [_plain(found.read.root, row) is True for row in rows], text
    if not any(isinstance(value, str) for row in rows for value in row.values()) and not _asks_texts(tree):
        assert found.fits(table).tolist() == [found.read.truth(row.get) is True for row in rows], text


def _asks_texts(condition: Condition) -> bool:
    """Whether a column is held against a text, or one of texts is asked for: there slices say more than the language alone."""
    match condition:
        case Not(of=of):
            return _asks_texts(of)
        case Join(parts=parts):
            return any(_asks_texts(part) for part in parts)
        case Comparison(right=right):
            return isinstance(right, Word)
        case _:
            return False


def test_what_is_read_prints_the_same() -> None:
    assert read_slice("not (a > 1 or b is unknown) and lang == de").root == read_slice('not (a > 1 or b is unknown) and lang == "de"').root
