"""What rows keep to: learned, written, read back, held against rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tui_monitor.analyse.drift import expectations, expectations_file
from tui_monitor.analyse.drift.expectations import Expectation, Statistics

N = float("nan")


def texts(*values: object) -> np.ndarray[Any, Any]:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def good(rows: int = 1000) -> dict[str, np.ndarray[Any, Any]]:
    chance = np.random.default_rng(1)
    words = chance.integers(3, 61, rows).astype(float)
    words[::50] = N
    return {
        "id": np.arange(rows, dtype=float),
        "words": words,
        "kind": texts(*(("a", "b", "c")[i % 3] for i in range(rows))),
        "note": texts(*(f"text number {i}" for i in range(rows))),
    }


def test_what_is_learned_of_good_rows_holds_for_them() -> None:
    found = expectations.learned(good())
    assert [(one.column, one.expect) for one in found] == [
        ("id", "not_null"), ("id", "of_type"), ("id", "unique"),
        ("words", "not_null"), ("words", "of_type"), ("words", "between"),
        ("kind", "not_null"), ("kind", "of_type"), ("kind", "in_set"),
        ("note", "not_null"), ("note", "of_type"), ("note", "unique"),
    ]  # fmt: skip
    by = {(one.column, one.expect): one for one in found}
    assert by["words", "not_null"].mostly == 0.98
    assert (by["words", "between"].min, by["words", "between"].max) == (0.0, 89.0)  # half of the range more; a count is not negative
    assert by["kind", "in_set"].values == ["a", "b", "c"]
    kept = expectations.validated(found, good())
    assert expectations.statistics(kept) == Statistics(12, 12, 0, 100.0)
    assert {one.broken for one in kept} == {0, 20}


def test_the_statistics_are_those_of_the_lesson() -> None:
    """Two expectations that hold, then one of two: 2 2 100.0 and 2 1 50.0."""
    tags = {"tag": texts("computer-vision", "mlops", "other"), "text": texts("a", "b", "c")}
    both = [Expectation("tag", "in_set", values=["computer-vision", "mlops", "other"]), Expectation("text", "not_null")]
    report = expectations.statistics(expectations.validated(both, tags))
    assert (report.evaluated_expectations, report.successful_expectations, report.success_percent) == (2, 2, 100.0)
    broken = expectations.validated(both, tags | {"text": texts("a", None, "c")})
    report = expectations.statistics(broken)
    assert (report.evaluated_expectations, report.successful_expectations, report.success_percent) == (2, 1, 50.0)
    assert [(one.broken, one.first) for one in broken] == [(0, None), (1, 2)]
    assert expectations.statistics([]).success_percent is None


@pytest.mark.parametrize(
    ("one", "values", "wrong", "spoken"),
    [
        (Expectation("x", "not_null"), np.asarray([1.0, N, np.inf]), [0, 1, 1], 3),
        (Expectation("x", "not_null"), texts("a", None, 2.0), [0, 1, 0], 3),
        (Expectation("x", "of_type", type="number"), texts("a", None, 2.0), [1, 0, 0], 2),
        (Expectation("x", "of_type", type="text"), np.asarray([1.0, N]), [1, 0], 1),
        (Expectation("x", "between", min=0.0, max=2.0), np.asarray([0.0, 2.0, 2.1, -0.1, N]), [0, 0, 1, 1, 0], 4),
        (Expectation("x", "between", max=2.0), texts(-1e300, 3.0, "five", None), [0, 1, 0, 0], 2),
        (Expectation("x", "in_set", values=["3", "a"]), texts(3.0, "a", "b", None), [0, 0, 1, 0], 3),
        (Expectation("x", "unique"), texts("a", "b", "a", None, None), [0, 0, 1, 0, 0], 3),
    ],
)  # fmt: skip
def test_which_rows_break_it(one: Expectation, values: np.ndarray[Any, Any], wrong: list[int], spoken: int) -> None:
    bad, of = expectations.broken(one, values)
    assert bad.astype(int).tolist() == wrong
    assert int(of.sum()) == spoken


def test_a_share_that_is_usual_is_no_failure() -> None:
    values = {"x": np.asarray([1.0] * 97 + [N] * 3)}
    for mostly, success in ((0.97, True), (0.98, False)):
        (kept,) = expectations.validated([Expectation("x", "not_null", mostly)], values)
        assert kept.success is success


def test_a_column_that_is_not_there_breaks_its_expectations() -> None:
    (kept,) = expectations.validated([Expectation("gone", "between", min=0.0)], {"x": np.ones(5)})
    assert (kept.rows, kept.broken, kept.first, kept.success) == (5, 5, 1, False)


@pytest.mark.parametrize(
    "values", [np.zeros(0), np.full(800, N), texts(*[None] * 800), np.full(800, np.inf), np.full(3, 7.0), texts("only", "three", "rows")]
)
def test_columns_of_nothing_or_little_teach_little_and_break_nothing(values: np.ndarray[Any, Any]) -> None:
    found = expectations.learned({"x": values})
    assert all(one.success for one in expectations.validated(found, {"x": values}))


def test_written_and_read_back(tmp_path: Path) -> None:
    found = expectations.learned(good())
    path = tmp_path / "e.toml"
    path.write_text(expectations_file.written(found, "train.csv"), encoding="utf-8")
    assert expectations_file.read(str(path)) == found


def test_names_that_need_quotes_are_written_so_that_they_can_be_read(tmp_path: Path) -> None:
    odd = [Expectation('a "b" \\ c ü\x7f', "in_set", values=["'", '"', "\\n", "日本"])]
    path = tmp_path / "e.toml"
    path.write_text(expectations_file.written(odd, "x"), encoding="utf-8")
    assert expectations_file.read(str(path)) == odd


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[[expectations]]\ncolumn = "x"\nexpect = "between"', "expectation 1 (x between): between needs min or max"),
        ('[[expectations]]\ncolumn = "x"\nexpect = "between"\nmin = 3.0\nmax = 1.0', "min 3 is over max 1"),
        ('[[expectations]]\ncolumn = "x"\nexpect = "in_set"', "in_set needs values"),
        ('[[expectations]]\ncolumn = "x"\nexpect = "of_type"', "of_type needs type"),
        ('[[expectations]]\ncolumn = "x"\nexpect = "not_null"\nmostly = 1.5', "mostly must be over 0"),
        ('[[expectations]]\ncolumn = ""\nexpect = "not_null"', "column is empty"),
        ('[[expectations]]\ncolumn = "x"\nexpect = "nice"', "Invalid enum value"),
        ("[[expectations]", "e.toml: "),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "e.toml"
    path.write_text(text)
    with pytest.raises(expectations_file.ExpectationsError) as error:
        expectations_file.read(str(path))
    assert why in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(expectations_file.ExpectationsError, match="No such file"):
        expectations_file.read(str(tmp_path / "none"))
