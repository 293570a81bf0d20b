"""Whole files as chunks of columns: what is missing, what cannot be read, what a time, a class, an id is, in each of the formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tui_monitor.collect import table_csv, table_json
from tui_monitor.collect.table import Coded, Table, TableError, newest_s, open_table
from tui_monitor.collect.tail import LONGEST_LINE

WANTED = [("t", "time"), ("c", "class"), ("x", "number"), ("id", "id"), ("f", "feature")]


def _all(path: Path, wanted: list[tuple[str, Any]] = WANTED) -> tuple[dict[tuple[str, str], Any], Table]:
    """Every chunk joined: classes as texts, ids as hashes (0: none)."""
    table = open_table(str(path))
    found: dict[tuple[str, str], list[Any]] = {key: [] for key in wanted}
    for chunk in table.chunks(wanted):
        for name, kind in wanted:
            column = chunk.columns[name, kind]
            if isinstance(column, Coded):
                found[name, kind] += [*(None if code < 0 else column.names[code] for code in column.codes)]
            elif kind == "id":
                found[name, kind] += [int(value) if known else 0 for value, known in zip(column.hashes, column.known, strict=True)]
            else:
                assert len(column) == chunk.rows
                found[name, kind] += column.tolist()
    table.close()
    return found, table


def _csv(folder: Path, text: str | bytes, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def _same(found: list[Any], wanted: list[Any]) -> bool:
    return len(found) == len(wanted) and all(
        a == b or (b is None and a is not None and np.isnan(a)) for a, b in zip(found, wanted, strict=True)
    )


def test_missing_is_an_empty_cell_null_or_nan(tmp_path: Path) -> None:
    rows = "".join(f"5,{word},{word},{word},{word}\n" for word in ("", "null", "NaN", "nan"))
    found, table = _all(_csv(tmp_path, "t,c,x,id,f\n" + rows + "5,NA,1e3,NA,None\n"))
    assert found["c", "class"] == [None] * 4 + ["NA"]
    assert _same(found["x", "number"], [None] * 4 + [1000.0])
    assert found["id", "id"][:4] == [0] * 4
    assert found["id", "id"][4] != 0
    assert found["f", "feature"] == [None] * 4 + ["None"]
    assert table.unreadable == 0


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_a_column_that_is_not_there_is_missing_in_every_row(name: str, tmp_path: Path) -> None:
    found, _ = _all(_csv(tmp_path, "a,b\n1,2\n3,4\n" if name == "log.csv" else '{"a": 1}\n{"a": 3}\n', name))
    assert found["c", "class"] == [None, None]
    assert found["id", "id"] == [0, 0]
    assert all(np.isnan(found[key, kind]).all() for key, kind in (("t", "time"), ("x", "number")))


def test_classes_are_text_and_whole_numbers_lose_their_point(tmp_path: Path) -> None:
    found, _ = _all(_csv(tmp_path, "t,c\n1,1\n1,1.0\n1,01\n1,true\n1,-3.00\n1,1.5\n"), [("c", "class")])
    assert found["c", "class"] == ["1", "1", "01", "true", "-3", "1.5"]
    lines = "\n".join(json.dumps({"c": value}) for value in (1, 1.0, "1.0", True, "true", "01", 1.5, None, ["x"], {"y": 1}))
    found, _ = _all(_csv(tmp_path, lines, "log.jsonl"), [("c", "class")])
    assert found["c", "class"] == ["1", "1", "1", "true", "true", "01", "1.5", None, None, None]


def test_a_leading_zero_stays_though_all_classes_look_like_numbers(tmp_path: Path) -> None:
    found, _ = _all(_csv(tmp_path, "c\n01\n1\n007\n"), [("c", "class")])
    assert found["c", "class"] == ["01", "1", "007"]


TIMES = [
    ("2026-05-01T00:00:00Z", 1777593600.0),
    ("2026-05-01T00:00:00", 1777593600.0),
    ("2026-05-01 00:00:00.25", 1777593600.25),
    ("2026-05-01T02:00:00+02:00", 1777593600.0),
    ("2026-05-01", 1777593600.0),
    ("20260501T000000Z", 1777593600.0),
    ("1777593600", 1777593600.0),
    ("1777593600.125", 1777593600.125),
    ("0", 0.0),
    ("1777593600000", None),  # milliseconds
    ("-5", None),
    ("yesterday", None),
    ("2026-13-01", None),
    ("", None),
    ("inf", None),
]


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_times(name: str, tmp_path: Path) -> None:
    texts = [text for text, _ in TIMES]
    body = "t,z\n" + "".join(f"{text},1\n" for text in texts) if name == "log.csv" else "\n".join(json.dumps({"t": text}) for text in texts)
    found, table = _all(_csv(tmp_path, body, name), [("t", "time")])
    assert _same(found["t", "time"], [seconds for _, seconds in TIMES])
    assert table.unreadable == 0


def test_numbers_of_one_column_whatever_stands_between_them(tmp_path: Path) -> None:
    found, _ = _all(_csv(tmp_path, "x\n0.1\nabc\n1e-3\ninf\n-inf\n0.30000000000000004\n"), [("x", "number")])
    assert _same(found["x", "number"], [0.1, None, 0.001, float("inf"), float("-inf"), 0.30000000000000004])
    lines = '{"x": 0.1}\n{"x": "0.1"}\n{"x": "abc"}\n{"x": true}\n{"x": NaN}\n{"x": Infinity}\n{"x": 3}\n'
    found, table = _all(_csv(tmp_path, lines, "log.jsonl"), [("x", "number")])
    assert _same(found["x", "number"], [0.1, 0.1, None, None, None, float("inf"), 3.0])
    assert table.unreadable == 0


def test_every_double_is_read_as_python_reads_it(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random(5000)
    found, _ = _all(_csv(tmp_path, "x\n" + "\n".join(map(repr, values.tolist())) + "\n"), [("x", "number")])
    assert found["x", "number"] == values.tolist()


def test_the_same_id_in_any_format_has_the_same_hash(tmp_path: Path) -> None:
    long = "u" * 300
    csv, _ = _all(_csv(tmp_path, f"id\n7\n7.0\nabc\n{long}a\n{long}b\n120\n"), [("id", "id")])
    lines = "\n".join(json.dumps({"id": value}) for value in (7, 7.0, "abc", f"{long}a", f"{long}b", 120))
    jsonl, _ = _all(_csv(tmp_path, lines, "log.jsonl"), [("id", "id")])
    assert csv == jsonl
    hashes = csv["id", "id"]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 5


def test_one_column_as_several_kinds(tmp_path: Path) -> None:
    wanted: list[tuple[str, Any]] = [("x", "class"), ("x", "number"), ("x", "feature"), ("x", "id"), ("x", "time")]
    found, _ = _all(_csv(tmp_path, "x\n1.0\n2\n\n"), wanted[:3])
    assert found["x", "class"] == ["1", "2"]
    assert found["x", "number"] == found["x", "feature"] == [1.0, 2.0]
    found, _ = _all(_csv(tmp_path, "x,y\n1.0,1\n2,1\n,1\n"), wanted)
    assert found["x", "class"] == ["1", "2", None]
    assert _same(found["x", "time"], [1.0, 2.0, None])
    assert found["x", "id"][2] == 0


def test_a_feature_is_numbers_where_all_are_and_texts_where_not(tmp_path: Path) -> None:
    found, _ = _all(_csv(tmp_path, "f,g\n1,a\n2.5,2\n,\n"), [("f", "feature"), ("g", "feature")])
    assert _same(found["f", "feature"], [1.0, 2.5, None])
    assert found["g", "feature"] == ["a", "2", None]


# -- what cannot be read ------------------------------------------------------------------------------------------------------------------

BAD = [
    ("too few cells", b"1,2\n", 1),
    ("too many cells", b"1,2,3,4\n", 1),
    ("no UTF-8", b"1,\xff\xfe,3\n", 1),
    ("longer than 1 MB", b"1," + b"x" * (LONGEST_LINE + 1) + b",3\n", 1),
    ("a quote that nobody closes, between good rows", b'1,"oops,3\n', 1),
    ("a blank line is no row", b"\n\r\n", 0),
]


@pytest.mark.parametrize("block", [table_csv.BLOCK_BYTES, 7_000, 64])
@pytest.mark.parametrize(("why", "bad", "count"), BAD, ids=[why for why, _, _ in BAD])
def test_a_bad_row_is_counted_and_the_rest_goes_on(
    why: str, bad: bytes, count: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if block == 64 and len(bad) > 1000:
        pytest.skip("a megabyte in steps of 64 bytes")
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", block)
    good = [b"%d,word,%d\n" % (place, place * 2) for place in range(200)]
    path = _csv(tmp_path, b"a,c,x\n" + b"".join(good[:100]) + bad + b"".join(good[100:]))
    found, table = _all(path, [("a", "number"), ("c", "class"), ("x", "number")])
    assert found["a", "number"] == list(range(200))
    assert found["c", "class"] == ["word"] * 200
    assert table.unreadable == count


def test_quotes_may_hold_commas_lines_and_quotes(tmp_path: Path) -> None:
    found, table = _all(_csv(tmp_path, 'c,x\n"a,b",1\n"two\nlines",2\n"say ""hi""",3\n5" pipe,4\n'), [("c", "class"), ("x", "number")])
    assert found["c", "class"] == ["a,b", "two lines", 'say "hi"', '5" pipe']
    assert found["x", "number"] == [1, 2, 3, 4]
    assert table.unreadable == 0


def test_a_record_over_the_border_of_two_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 10)
    found, table = _all(_csv(tmp_path, 'c,x\n"a rather\nlong cell",1\nb,2\n"c",3'), [("c", "class"), ("x", "number")])
    assert found["c", "class"] == ["a rather long cell", "b", "c"]
    assert table.unreadable == 0


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [b"", b"\n"])
def test_marks_line_ends_and_a_last_line_without_one(mark: bytes, ending: bytes, last: bytes, tmp_path: Path) -> None:
    found, table = _all(_csv(tmp_path, mark + ending.join([b"c,x", b"a,1", b"b,2"]) + last), [("c", "class"), ("x", "number")])
    assert found == {("c", "class"): ["a", "b"], ("x", "number"): [1.0, 2.0]}
    assert table.names == ["c", "x"]
    assert table.unreadable == 0


def test_a_header_may_be_quoted_and_name_a_column_twice(tmp_path: Path) -> None:
    found, table = _all(_csv(tmp_path, '"c, d",x,x\na,1,2\n'), [("c, d", "class"), ("x", "number")])
    assert table.names == ["c, d", "x"]
    assert found == {("c, d", "class"): ["a"], ("x", "number"): [1.0]}


def test_tabs(tmp_path: Path) -> None:
    found, _ = _all(_csv(tmp_path, "c\tx\na,b\t1\n", "log.tsv"), [("c", "class"), ("x", "number")])
    assert found == {("c", "class"): ["a,b"], ("x", "number"): [1.0]}


@pytest.mark.parametrize(
    ("bad", "count"),
    [(b"{", 1), (b"[1]", 1), (b"7", 1), (b'{"x": "\xff"}', 1), (b'{"x": "' + b"y" * (LONGEST_LINE + 1) + b'"}', 1), (b"   ", 0)],
    ids=["cut", "a list", "a number", "no UTF-8", "longer than 1 MB", "blank"],
)
@pytest.mark.parametrize("block", [table_json.BLOCK_BYTES, 5_000])
def test_a_bad_line_is_counted_and_the_rest_goes_on(
    bad: bytes, count: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_json, "BLOCK_BYTES", block)
    good = [b'{"x": %d, "other": [1, 2]}' % place for place in range(100)]
    found, table = _all(_csv(tmp_path, b"\xef\xbb\xbf" + b"\n".join([*good[:50], bad, *good[50:]]), "log.jsonl"), [("x", "number")])
    assert found["x", "number"] == list(range(100))
    assert table.unreadable == count
    assert "other" in table.names


def test_types_may_change_in_mid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 30)
    rows = ["1777593600,1,0.5"] * 5 + ["2026-05-01T00:00:01Z,yes,high"] * 5 + ["1777593602,1,0.25"] * 5
    found, table = _all(_csv(tmp_path, "t,c,x\n" + "\n".join(rows) + "\n"), [("t", "time"), ("c", "class"), ("x", "number")])
    assert found["t", "time"] == [1777593600.0] * 5 + [1777593601.0] * 5 + [1777593602.0] * 5
    assert found["c", "class"] == ["1"] * 5 + ["yes"] * 5 + ["1"] * 5
    assert _same(found["x", "number"], [0.5] * 5 + [None] * 5 + [0.25] * 5)
    assert table.unreadable == 0


@pytest.mark.parametrize(
    ("name", "body", "line"),
    [
        ("log.csv", b"", "is empty"),
        ("log.jsonl", b"", "is empty"),
        ("log.csv", b"\n", "has no header"),
        ("log.csv", b"\xff\xfe\n1\n", "its header cannot be read"),
        ("log.txt", b"a\n1\n", "the ending says neither CSV"),
    ],
)
def test_nothing_can_be_read(name: str, body: bytes, line: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=line) as caught:
        open_table(str(_csv(tmp_path, body, name)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.csv", "none.jsonl", "none.parquet"])
def test_a_file_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="No such file"):
        open_table(str(tmp_path / name))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(TableError, match="Is a directory"):
        open_table(str(tmp_path / "folder.csv"))


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_the_newest_time_is_guessed_from_the_end(name: str, tmp_path: Path) -> None:
    if name == "log.csv":
        body = "t,x\n" + "".join(f"{place},{'y' * 40}\n" for place in range(20_000))
    else:
        body = "".join(json.dumps({"t": place, "x": "y" * 40}) + "\n" for place in range(20_000))
    assert newest_s(str(_csv(tmp_path, body, name)), "t") == 19_999
    assert newest_s(str(_csv(tmp_path, body[: body.index("\n") + 1], name)), "t") in (None, 0)


# -- Parquet ------------------------------------------------------------------------------------------------------------------------------


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="the extra [parquet] is not installed")
    import pyarrow.parquet as pq

    columns = {
        "t": pa.array([1777593600_000_000, None, 1777593601_500_000], pa.timestamp("us", "UTC")),
        "c": pa.array(["a", None, "b"]).dictionary_encode(),
        "x": pa.array([1, None, 3], pa.int64()),
        "id": pa.array([7, 8, None], pa.int64()),
        "f": pa.array(["u", "", "nan"]),
        "d": pa.array([True, False, None]),
        "l": pa.array([[1], [2], None]),
    }
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    found, table = _all(tmp_path / "log.parquet", [*WANTED, ("d", "class"), ("l", "class"), ("l", "number"), ("x", "class")])
    assert _same(found["t", "time"], [1777593600.0, None, 1777593601.5])
    assert found["c", "class"] == ["a", None, "b"]
    assert _same(found["x", "number"], [1.0, None, 3.0])
    assert found["x", "class"] == ["1", None, "3"]
    assert found["f", "feature"] == ["u", None, None]
    assert found["d", "class"] == ["true", "false", None]
    assert found["l", "class"] == [None] * 3
    assert np.isnan(found["l", "number"]).all()
    csv, _ = _all(_csv(tmp_path, "id\n7\n8\n"), [("id", "id")])
    assert found["id", "id"] == [*csv["id", "id"], 0]
    assert table.unreadable == 0
    assert newest_s(str(tmp_path / "log.parquet"), "t") == 1777593601.5


def test_parquet_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra [parquet] is not installed")
    with pytest.raises(TableError, match="is no Parquet file"):
        open_table(str(_csv(tmp_path, b"a,b\n1,2\n", "log.parquet")))


def test_without_the_extra_one_line_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(TableError, match=r"\[parquet\]"):
        open_table(str(_csv(tmp_path, b"PAR1", "log.parquet")))
