"""Maps of importances as libraries write them, and every way in which such a file is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_monitor.collect.importances import MOST_BYTES, MOST_NAMES, ImportancesError, read


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.json", '{"amount": 0.7, "fraud/age": 12, "zero": 0}', {"amount": 0.7, "fraud/age": 12.0, "zero": 0.0}),
        ("a.json", '\ufeff{\n "größe": 1e3}\n', {"größe": 1000.0}),
        ("a.csv", "name,weight\namount,0.7\n\nage,12\n", {"amount": 0.7, "age": 12.0}),
        ("a.csv", 'amount,0.7\n"max, of two",1', {"amount": 0.7, "max, of two": 1.0}),
        ("a.tsv", "feature\timportance\r\namount\t0.7\r\n", {"amount": 0.7}),
        ("A.JSON", '{"f0": 431.0}', {"f0": 431.0}),
    ],
)
def test_maps(tmp_path: Path, name: str, text: str, found: dict[str, float]) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read(str(tmp_path / name)) == found


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "", "line 1: no JSON (Expecting value); write"),
        ("a.json", '{"a": 1,\n"b" 2}', "line 2: no JSON (Expecting ':' delimiter); write"),
        ("a.json", "[1, 2]", 'holds no object; write {"NAME": WEIGHT, ...}'),
        ("a.json", '[["a", 1]]', "holds no object"),
        ("a.json", "{}", 'names nothing; write {"NAME": WEIGHT, ...}'),
        ("a.json", '{"a": {"importance": 1}}', "'a' has no number"),
        ("a.json", '{"a": "0.7"}', "'a' has no number"),
        ("a.json", '{"a": true}', "'a' has no number"),
        ("a.json", '{"a": null}', "'a' has no number"),
        ("a.json", '{"a": NaN}', "'a' has 'nan'; a weight is 0 or more, and finite"),
        ("a.json", '{"a": 1e999}', "'a' has 'inf'"),
        ("a.json", '{"a": -0.5}', "'a' has '-0.5'"),
        ("a.json", '{"a": 1' + "0" * 400 + "}", "'a' has '1000"),
        ("a.json", '{"a": 1' + "0" * 5000 + "}", "no JSON that can be read"),
        ("a.json", '{"a":' * 50_000, "no JSON"),
        ("a.json", '{"a": 1, "a": 2}', "'a' is there twice; which one is right?"),
        ("a.json", '{"": 1}', "a name of 0 letters"),
        ("a.json", '{"' + "x" * 1001 + '": 1}', "a name of 1001 letters"),
        ("a.json", '{"\\u001b[31ma": "b"}', "'a' has no number"),
        ("a.csv", "", "names nothing; write two columns, NAME and WEIGHT"),
        ("a.csv", "name,weight\n", "names nothing"),
        ("a.csv", "a,1\nb,high", "line 2: 'b' has no number but 'high'; write two columns, NAME and WEIGHT"),
        ("a.csv", "name,weight\na,1,2", "line 2 has 3 columns; write two columns"),
        ("a.csv", "a;1", "line 1 has 1 column; write"),
        ("a.csv", "a,1\na,1", "line 2: 'a' is there twice"),
        ("a.csv", "a,1\nb,inf", "line 2: 'b' has 'inf'"),
        ("a.csv", "a," + "1" * 140_000, "no CSV: field larger than field limit"),
        ("a.toml", "a = 1", "the ending says neither JSON (.json) nor CSV (.csv .tsv)"),
    ],
)
def test_what_cannot_be_used_is_one_line_with_the_file(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ImportancesError) as error:
        read(str(path))
    assert str(error.value).startswith(f"{path}: {said}")
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)
    assert len(str(error.value)) <= 300


def test_bytes_places_and_sizes(tmp_path: Path) -> None:
    def said(name: str) -> str:
        with pytest.raises(ImportancesError) as error:
            read(str(tmp_path / name))
        return str(error.value).partition(f"{name}: ")[2]

    assert said("none.json") == "cannot be read: No such file or directory"
    (tmp_path / "folder.json").mkdir()
    assert said("folder.json") == "is no plain file"
    os.mkfifo(tmp_path / "pipe.json")
    assert said("pipe.json") == "is no plain file"
    (tmp_path / "latin.csv").write_bytes("größe,1".encode("latin-1"))
    assert said("latin.csv") == "no UTF-8 text (byte 2)"
    names = {f"column{i}": i for i in range(MOST_NAMES)}
    (tmp_path / "most.json").write_text(json.dumps(names))
    assert read(str(tmp_path / "most.json")) == names
    (tmp_path / "more.json").write_text(json.dumps(names | {"one more": 1}))
    assert said("more.json") == "more than 10,000 names"
    (tmp_path / "large.json").write_text("{" + " " * MOST_BYTES + "}")
    assert said("large.json") == "more than 1 MiB: no map of importances is so large"


def test_the_home_of_the_user_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.json").write_text('{"a": 1}')
    assert read("~/a.json") == {"a": 1.0}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(min_size=1, max_size=50), st.floats(0, 1e300), min_size=1, max_size=30))
def test_what_json_writes_is_read(tmp_path: Path, known: dict[str, float]) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(known))
    assert read(str(path)) == known


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([".json", ".csv", ".tsv"]),
    st.one_of(st.binary(max_size=200), st.text('{}[]",:\t\n0.1aeN-', max_size=60).map(str.encode)),
)
def test_any_bytes_are_a_map_or_one_line(tmp_path: Path, ending: str, data: bytes) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(data)
    try:
        found = read(str(path))
    except ImportancesError as error:
        found, said = {"what is wrong": 0.0}, str(error)
    else:
        said = ""
    assert found
    assert "\n" not in said
    assert all(0 <= weight < float("inf") for weight in found.values())
