"""Following a prediction log: every row once, whatever happens to the file; what cannot be used is counted by its reason."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_monitor.collect import predictions as room
from tui_monitor.collect import tail as tail_room
from tui_monitor.collect.predictions import LogTail, category, feature, moment
from tui_monitor.config import Columns, Labels, PredictionSettings
from tui_monitor.model import Failure, LogRow, LogRows


def line(number: int, **more: object) -> str:
    return json.dumps({"id": number, "timestamp": 1000 + number, "prediction": "pos", "label": None, "length": 5} | more) + "\n"


def tail(path: Path, **more: object) -> LogTail:
    return LogTail(PredictionSettings(name="sentiment", path=str(path), **more))  # type: ignore[arg-type]


def read(log: LogTail) -> LogRows:
    reading = asyncio.run(log.read(5.0))
    assert reading.failure is None
    assert (reading.source, reading.at_s) == ("sentiment", 5.0)
    return reading.content


def ids(rows: LogRows) -> list[str]:
    return [row.id for row in rows.rows]


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text(line(1) + line(2, label="neg"))
    return path


def test_rows_come_once_and_in_their_types(log: Path) -> None:
    source = tail(log)
    first = read(source)
    assert first.rows == [
        LogRow("1", 1001.0, "pos", None, None, {"length": 5.0}),
        LogRow("2", 1002.0, "pos", None, "neg", {"length": 5.0}),
    ]
    assert ids(read(source)) == []


def test_half_a_line_waits_for_its_end(log: Path) -> None:
    source = tail(log)
    read(source)
    whole = line(3)
    append(log, whole[:20])
    assert ids(read(source)) == []
    append(log, whole[20:] + line(4))
    rows = read(source)
    assert ids(rows) == ["3", "4"]
    assert rows.left_out == {}


def test_a_rotated_log_is_read_to_its_end_first(log: Path) -> None:
    source = tail(log)
    read(source)
    append(log, line(3) + line(4).rstrip("\n"))  # the writer never finishes the last line
    log.rename(log.with_suffix(".1"))
    log.write_text(line(5))
    assert ids(read(source)) == ["3", "5"]
    append(log.with_suffix(".1"), "\n" + line(6))  # a moment later, through its open file
    assert ids(read(source)) == ["4", "6"]
    append(log, line(7))
    assert [ids(read(source)) for _ in range(5)] == [["7"], [], [], [], []]


def test_a_log_cut_to_nothing_begins_anew(log: Path) -> None:
    source = tail(log)
    read(source)
    log.write_text("")
    assert ids(read(source)) == []
    append(log, line(8))
    assert ids(read(source)) == ["8"]


def test_a_log_cut_and_grown_longer_than_before_is_noticed_by_its_beginning(log: Path) -> None:
    source = tail(log)
    read(source)
    with log.open("r+") as file:  # same inode
        file.truncate()
        file.write("".join(line(number) for number in range(10, 16)))
    assert ids(read(source)) == [str(number) for number in range(10, 16)]


def test_a_pattern_finds_files_that_come_later_and_a_name_change_reads_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line(1))
    (tmp_path / "old.jsonl.gz").write_text("packed")
    source = tail(tmp_path / "*.jsonl*")
    assert ids(read(source)) == ["1"]
    (tmp_path / "b.jsonl").write_text(line(2))
    (tmp_path / "a.jsonl").rename(tmp_path / "a.jsonl.1")
    assert ids(read(source)) == ["2"]


@pytest.mark.parametrize(
    ("why", "text", "reason"),
    [
        ("no JSON", "{broken\n", "row_unreadable"),
        ("JSON, but no row", "[1, 2]\n", "row_unreadable"),
        ("not UTF-8", "\udcff\udcfe\n", "row_unreadable"),
        ("no time", line(1, timestamp=None), "time_unreadable"),
        ("milliseconds", line(1, timestamp=1_700_000_000_000 * 100), "time_unreadable"),
        ("no prediction", line(1, prediction=None), "prediction_missing"),
        ("an empty prediction", line(1, prediction=" "), "prediction_missing"),
    ],
)
def test_what_cannot_be_used_is_counted(tmp_path: Path, why: str, text: str, reason: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes((text + line(2) + "\n").encode(errors="surrogateescape"))
    rows = read(tail(path))
    assert ids(rows) == ["2"], why
    assert rows.left_out == {reason: 1}, why


def test_csv_with_quotes_line_breaks_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes('\ufeffid,timestamp,prediction,label,text\r\n1,2026-01-01T00:00:00Z,1,0,"a, ""b""\r\n'.encode())
    source = tail(path)
    assert ids(read(source)) == []
    append(path, 'second half"\n2,2026-01-01,1.0,,x\n3,4\n4,5,6,7\n5,5,1,nan,x\n')
    rows = read(source)
    assert [(row.id, row.prediction, row.label) for row in rows.rows] == [("1", "1", "0"), ("2", "1", None), ("5", "1", None)]
    assert rows.rows[0].features == {"text": 'a, "b" second half'}
    assert rows.left_out == {"row_unreadable": 2}
    path.rename(tmp_path / "log.csv.1")
    path.write_text("prediction,timestamp,id\nneg,9,77\n")
    assert [(row.id, row.prediction) for row in read(source).rows] == [("77", "neg")]  # the new file's own header


def test_late_labels_join_by_id_as_text(log: Path, tmp_path: Path) -> None:
    late = tmp_path / "labels.csv"
    source = tail(log, labels=Labels(path=str(late)))
    assert read(source).labels == {}
    late.write_text("id,label\n1,neg\n9,1.0\n2,\n")
    assert read(source).labels == {"1": "neg", "9": "1"}
    append(late, "3,pos\n")
    assert read(source).labels == {"3": "pos"}


def test_regression_keeps_numbers(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("id,ts,p,y\n1,5,2.50,3\n2,5,none,3\n")
    rows = read(tail(path, task="regression", columns=Columns(time="ts", prediction="p", label="y")))
    assert [(row.prediction, row.label) for row in rows.rows] == [(2.5, 3.0)]
    assert rows.left_out == {"prediction_missing": 1}


def test_private_columns_never_leave(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(line(1, user="alice", lang="de", extra=1))
    labels = tmp_path / "labels.jsonl"
    labels.write_text('{"id": 1, "label": "pos"}\n')
    everything = read(tail(path, private=["user", "id"], labels=Labels(path=str(labels))))
    assert everything.rows[0].features == {"length": 5.0, "lang": "de", "extra": 1.0}
    assert "alice" not in repr(everything)
    assert everything.rows[0].id not in ("1", "")
    assert everything.labels == {everything.rows[0].id: "pos"}  # a private id still joins
    named = read(tail(path, private=["user"], features=["lang", "user"], slices={"long": "length > 2 and user == 'x'"}))
    assert named.rows[0].features == {"lang": "de", "length": 5.0}


def test_rows_without_an_id_are_different_rows(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(line(1, id=None) * 3)
    assert len(set(ids(read(tail(path))))) == 3


def test_a_long_log_comes_in_pieces_and_labels_wait(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LIMIT_BYTES", 120)
    log.write_text("".join(line(number) for number in range(5)))
    (tmp_path / "labels.jsonl").write_text('{"id": 4, "label": "pos"}\n')
    source = tail(log, labels=Labels(path=str(tmp_path / "labels.jsonl")))
    seen: list[str] = []
    for _ in range(8):
        rows = read(source)
        seen += ids(rows)
        assert not rows.labels or "4" in seen
    assert seen == ["0", "1", "2", "3", "4"]


def test_an_endless_line_is_dropped_and_the_next_one_stands(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_room, "LONGEST_LINE", 200)
    source = tail(log)
    read(source)
    for _ in range(3):
        append(log, "x" * 300)
        assert ids(read(source)) == []
    append(log, "x\n" + line(3))
    assert ids(read(source)) == ["3"]


@pytest.mark.parametrize("make", ["nothing", "folder", "fifo"])
def test_no_file_is_a_failure_with_its_reason(tmp_path: Path, make: str) -> None:
    path = tmp_path / "log.jsonl"
    if make == "folder":
        path.mkdir()
    if make == "fifo":
        os.mkfifo(path)  # opening one would wait for a writer
    reading = asyncio.run(tail(path).read(1.0))
    assert reading.content is None
    assert isinstance(reading.failure, Failure)
    assert reading.failure.kind == "unreadable"
    assert str(path) in reading.failure.message


def test_a_pattern_without_files_names_the_pattern(tmp_path: Path) -> None:
    reading = asyncio.run(tail(tmp_path / "*.jsonl").read(1.0))
    assert reading.failure == Failure("unreadable", f"no file fits {tmp_path}/*.jsonl")


def test_closing_lets_go_of_the_files(log: Path) -> None:
    source = tail(log)
    read(source)
    asyncio.run(source.close())
    assert not source._log.found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0), (12.5, 12.5), ("12.5", 12.5), ("1970-01-01T00:01:00Z", 60.0), ("1970-01-01T00:01:00", 60.0), ("1970-01-01 02:00:00+02:00", 0.0),
        (None, None), (True, None), ("yesterday", None), (-1, None), (float("nan"), None), (1e14, None), ([1], None),
    ],
)  # fmt: skip
def test_moments(value: object, expected: float | None) -> None:
    assert moment(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("pos", "pos"), (1, "1"), (1.0, "1"), ("1.0", "1"), ("-3.00", "-3"), (0.5, "0.5"), (True, "true"), (None, None), ("", None), ("nan", None), ([], None)],
)  # fmt: skip
def test_categories(value: object, expected: str | None) -> None:
    assert category(value) == expected


def test_features_are_numbers_where_they_can_be() -> None:
    assert [feature(value) for value in (1, "2.5", "de", None, "", float("inf"), True)] == [1.0, 2.5, "de", None, None, None, "true"]


@given(st.lists(st.integers(1, 40), max_size=12))
def test_however_the_writer_flushes_every_row_comes_once(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    path = tmp_path_factory.mktemp("flush") / "log.jsonl"
    text = "".join(line(number) for number in range(4))
    path.write_text("")
    source, seen, at = tail(path), [], 0
    for cut in [*cuts, len(text)]:
        append(path, text[at : at + cut])
        at += cut
        source._collect()
        seen += ids(source._delivered())
    assert seen == ["0", "1", "2", "3"]
