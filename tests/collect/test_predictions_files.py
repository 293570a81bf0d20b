"""What happens to the files of a log: restarts, copies, folders, Parquet, disks that fail. Every row comes once."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tui_monitor.collect import predictions as room
from tui_monitor.collect import tail as tail_room
from tui_monitor.collect.predictions import LogTail
from tui_monitor.config import Columns, Labels, PredictionSettings, Sampled
from tui_monitor.model import LogRows, SampledLabel


def line(number: int, **more: object) -> str:
    return json.dumps({"id": number, "timestamp": 1000 + number, "prediction": "pos"} | more) + "\n"


def tail(path: Path | str, **more: object) -> LogTail:
    return LogTail(PredictionSettings(name="sentiment", path=str(path), **more))  # type: ignore[arg-type]


def read(log: LogTail) -> LogRows:
    reading = asyncio.run(log.read(5.0))
    assert reading.failure is None, reading.failure
    return reading.content


def why(log: LogTail) -> str:
    reading = asyncio.run(log.read(5.0))
    assert reading.failure is not None
    assert reading.failure.kind == "unreadable"
    return reading.failure.message


def ids(rows: LogRows) -> list[str]:
    return [row.id for row in rows.rows]


def again(before: LogTail, path: Path | str, **more: object) -> LogTail:
    """The log of the next run."""
    saved = before.positions()
    asyncio.run(before.close())
    source = tail(path, **more)
    assert source.resume(saved)
    return source


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text(line(1) + line(2))
    return path


# -- a later run ----------------------------------------------------------------------------------------------------------------------------


def test_a_later_run_neither_counts_again_nor_loses(log: Path) -> None:
    source = tail(log)
    assert source.positions() == b""
    read(source)
    append(log, line(3) + line(4)[:12])  # the second one is not finished when the run ends
    assert ids(read(source)) == ["3"]
    source = again(source, log)
    assert ids(read(source)) == []
    append(log, line(4)[12:] + line(5))
    assert ids(read(source)) == ["4", "5"]


def test_a_log_that_was_rotated_between_two_runs_is_read_to_its_end(log: Path) -> None:
    source = tail(log)
    read(source)
    append(log, line(3))
    log.rename(log.with_suffix(".1"))
    log.write_text(line(4))
    assert ids(read(again(source, log))) == ["3", "4"]


def test_a_log_that_was_replaced_between_two_runs_is_read_from_its_start(log: Path) -> None:
    source = tail(log)
    read(source)
    inode = log.stat().st_ino
    with log.open("r+") as file:  # same inode, longer than before
        file.truncate()
        file.write("".join(line(number) for number in range(10, 16)))
    assert log.stat().st_ino == inode
    assert ids(read(again(source, log))) == [str(number) for number in range(10, 16)]


def test_a_csv_log_keeps_its_header_over_runs(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text('id,timestamp,prediction,text\n1,5,1,x\n2,6,1,"open')
    source = tail(path)
    assert ids(read(source)) == ["1"]
    append(path, " quote\nover two\n")
    read(source)
    source = again(source, path)
    append(path, 'lines"\n3,7,0,y\n')
    rows = read(source)
    assert [(row.id, row.features["text"]) for row in rows.rows] == [("2", "open quote over two lines"), ("3", "y")]


def test_a_csv_log_whose_writer_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("id,timestamp,prediction\n1,5,1\nid,timestamp,prediction\n2,6,1\nid,prediction,timestamp,lang\n3,0,7,de\n")
    source = tail(path)
    rows = read(source)
    assert [(row.id, row.prediction, row.at_s, row.features) for row in rows.rows] == [
        ("1", "1", 5.0, {}),
        ("2", "1", 6.0, {}),
        ("3", "0", 7.0, {"lang": "de"}),
    ]
    assert rows.left_out == {}
    os.truncate(path, 0)
    append(path, "4,1,8,fr\n")  # copytruncate leaves no header
    assert [(row.id, row.at_s) for row in read(source).rows] == [("4", 8.0)]
    os.truncate(path, 0)
    append(path, "id,timestamp,prediction\n5,9,1\n")
    assert [(row.id, row.at_s) for row in read(source).rows] == [("5", 9.0)]


def test_ids_of_rows_without_one_go_on_in_a_later_run(log: Path) -> None:
    log.write_text(line(1, id=None))
    source = tail(log)
    first = ids(read(source))
    source = again(source, log)
    append(log, line(2, id=None))
    assert ids(read(source)) != first


def test_labels_of_an_earlier_run_are_not_told_again(log: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\n1,pos\n")
    source = tail(log, labels=Labels(path=str(labels)))
    assert read(source).labels == {"1": "pos"}
    source = again(source, log, labels=Labels(path=str(labels)))
    append(labels, "2,neg\n")
    assert read(source).labels == {"2": "neg"}


@pytest.mark.parametrize("saved", [b"", b"{", b'{"version":2}', b"[]", b'{"log":[{}]}', b"\xff"])
def test_positions_that_cannot_be_used_are_refused(log: Path, saved: bytes) -> None:
    source = tail(log)
    assert not source.resume(saved)
    assert ids(read(source)) == ["1", "2"]


@settings(max_examples=150, deadline=None)
@example(["write", "read", "copytruncate"])
@example(["half", "read", "restart", "write", "rename", "read"])
@given(st.lists(st.sampled_from(["write", "half", "read", "rename", "copytruncate", "restart", "new name"]), max_size=25))
def test_whatever_happens_to_files_that_the_pattern_names_every_row_comes_once(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    path, pattern = folder / "a.jsonl", folder / "*.jsonl*"
    path.touch()
    source, written, half, seen = tail(pattern), 0, "", []

    def write(whole: bool) -> None:
        nonlocal written, half
        if not half:
            written += 1
            half = line(written, text="x" * 40)
        part = half if whole else half[: len(half) // 2]
        append(path, part)
        half = half[len(part) :]

    for number, act in enumerate(acts):
        if act in ("write", "half"):
            write(act == "write")
        elif act == "read":
            seen += ids(read(source))
        elif act == "restart":
            source = again(source, pattern) if source.positions() else source
        elif not half:  # nobody rotates in the middle of a line
            if act == "rename":
                path.rename(folder / f"a.jsonl.{number}")
                path.touch()
            elif act == "copytruncate":
                (folder / f"a.jsonl.{number}").write_bytes(path.read_bytes())
                os.truncate(path, 0)
            else:
                path = folder / f"b{number}.jsonl"
                path.touch()
    if half:
        write(whole=True)
    for _ in range(5):
        seen += ids(read(source))
    assert sorted(seen, key=int) == [str(number + 1) for number in range(written)]


# -- names ----------------------------------------------------------------------------------------------------------------------------------


def test_a_folder_is_all_its_logs(tmp_path: Path) -> None:
    for name, number in (
        ("a.jsonl", 1),
        ("a.jsonl.1", 2),
        ("b-2026-01-01.jsonl", 3),
        ("notes.md", 4),
        (".hidden.jsonl", 5),
        ("c.jsonl.gz", 6),
    ):
        (tmp_path / name).write_text(line(number))
    (tmp_path / "d.csv").write_text("id,timestamp,prediction\n7,5,1\n")
    (tmp_path / "folder.jsonl").mkdir()
    source = tail(tmp_path)
    assert sorted(ids(read(source))) == ["1", "2", "3", "7"]
    (tmp_path / "b-2026-01-02.jsonl").write_text(line(8))
    rows = read(source)
    assert (ids(rows), rows.problem) == (["8"], "")


def test_a_folder_without_a_log_says_so(tmp_path: Path) -> None:
    assert "a folder without a log" in why(tail(tmp_path))


def test_files_beyond_the_most_are_not_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_room, "MOST_FILES", 2)
    for number in range(3):
        path = tmp_path / f"{number}.jsonl"
        path.write_text(line(number))
        os.utime(path, (number, number))
    source = tail(tmp_path / "*.jsonl")
    assert ids(read(source)) == ["1", "2"]
    os.utime(tmp_path / "0.jsonl", (5, 5))  # now it is newer than 1
    seen = [row for _ in range(5) for row in ids(read(source))]
    assert seen == ["0"]
    os.utime(tmp_path / "1.jsonl", (9, 9))
    assert [row for _ in range(5) for row in ids(read(source))] == []  # it was left at its end


def test_a_deleted_log_says_so_and_comes_back(log: Path) -> None:
    source = tail(log)
    read(source)
    log.unlink()
    assert "No such file" in why(source)
    for _ in range(4):
        why(source)
    log.write_text(line(3))
    assert ids(read(source)) == ["3"]


# -- disks ----------------------------------------------------------------------------------------------------------------------------------


class BadDisk:
    """`os.pread` that fails where a disk is broken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pread = os.pread
        self.broken: dict[int, tuple[int, int]] = {}  # inode -> from, to
        monkeypatch.setattr(os, "pread", self)

    def __call__(self, descriptor: int, size: int, offset: int) -> bytes:
        first, last = self.broken.get(os.fstat(descriptor).st_ino, (0, 0))
        if offset < last and offset + size > first:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._pread(descriptor, size, offset)


def test_one_log_on_a_bad_disk_does_not_hold_up_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = BadDisk(monkeypatch)
    for name, number in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.jsonl").write_text(line(number))
    disk.broken[(tmp_path / "a.jsonl").stat().st_ino] = (0, 10_000)
    source = tail(tmp_path / "*.jsonl")
    rows = read(source)
    assert ids(rows) == ["2"]
    assert rows.problem == f"{tmp_path}/a.jsonl: Input/output error"
    disk.broken.clear()  # it came back
    assert ids(read(source)) == ["1"]


def test_a_log_that_the_disk_cannot_read_is_a_failure(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    BadDisk(monkeypatch).broken[log.stat().st_ino] = (0, 10_000)
    assert why(tail(log)) == f"{log}: Input/output error"


def test_a_bad_place_costs_the_lines_that_it_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(line(number, text="x" * 900) for number in range(20)))
    disk = BadDisk(monkeypatch)
    disk.broken[path.stat().st_ino] = (8192, 8200)
    source = tail(path)
    seen, left_out, problems = [], 0, set()
    for _ in range(12):
        reading = asyncio.run(source.read(5.0))
        if reading.content:
            seen += ids(reading.content)
            left_out += reading.content.left_out.get("row_unreadable", 0)
            problems.add(reading.content.problem)
        else:
            problems.add(reading.failure.message)  # type: ignore[union-attr]
    text = path.read_text()
    spared = [str(number) for number in range(20) if not 8192 - 980 < text.index(f'{{"id": {number},') < 12288]
    assert seen == spared
    assert left_out == 1
    assert f"{path}: Input/output error" in problems


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jsonl").write_text(line(1))
    (tmp_path / "b.jsonl").write_text(line(2))
    opened = os.open

    def refuse(path: str, flags: int, *more: object) -> int:
        if str(path).endswith("a.jsonl"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, flags, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    rows = read(tail(tmp_path))
    assert (ids(rows), rows.problem) == (["2"], f"{tmp_path}/a.jsonl: Permission denied")
    assert why(tail(tmp_path / "a.jsonl")) == f"{tmp_path}/a.jsonl: Permission denied"


def test_a_row_of_a_megabyte_is_dropped_and_counted(log: Path) -> None:
    log.write_text(line(1) + line(2, text="x" * 1_000_001) + line(3))
    rows = read(tail(log))
    assert ids(rows) == ["1", "3"]
    assert rows.left_out == {"row_unreadable": 1}


def test_a_log_that_is_behind_is_asked_sooner(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LIMIT_BYTES", 50)
    source = tail(log)
    read(source)
    assert source.interval_s < room.INTERVAL_S
    for _ in range(6):
        read(source)
    assert source.interval_s == room.INTERVAL_S


# -- Parquet --------------------------------------------------------------------------------------------------------------------------------


def parquet(path: Path, first: int, rows: int, **more: object) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="the extra [parquet] is not installed")
    write = pytest.importorskip("pyarrow.parquet").write_table
    table = {
        "id": list(range(first, first + rows)),
        "timestamp": pyarrow.array([1_700_000_000_000_000 + number for number in range(rows)], pyarrow.timestamp("us", "UTC")),
        "prediction": [number % 2 for number in range(rows)],
        "score": [0.5] * rows,
    }
    write(pyarrow.table(table | more), path, row_group_size=4)


def test_parquet_files_are_read_once_as_they_come(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", 0, 3)
    source = tail(tmp_path, columns=Columns(score="score"))
    rows = read(source)
    assert [(row.id, row.at_s, row.prediction, row.score) for row in rows.rows][:2] == [
        ("0", 1_700_000_000.0, "0", 0.5),
        ("1", 1_700_000_000.000001, "1", 0.5),
    ]
    assert ids(read(source)) == []
    parquet(tmp_path / "b.parquet", 10, 2)
    (tmp_path / "c.parquet").write_bytes(b"PAR1 half of it")
    rows = read(source)
    assert ids(rows) == ["10", "11"]
    assert "c.parquet: not a complete Parquet file (yet)" in rows.problem
    source = again(source, tmp_path, columns=Columns(score="score"))
    parquet(tmp_path / "c.parquet", 20, 1)
    assert ids(read(source)) == ["20"]


def test_a_long_parquet_file_comes_in_pieces_and_goes_on_in_a_later_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui_monitor.collect import parquet as parquet_room

    parquet(tmp_path / "a.parquet", 0, 23)
    monkeypatch.setattr(parquet_room, "_BATCH", 3)
    monkeypatch.setattr(room, "LIMIT_ROWS", 7)
    source, seen = tail(tmp_path / "a.parquet"), []
    for number in range(8):
        seen += ids(read(source))
        if number == 1:
            source = again(source, tmp_path / "a.parquet")
    assert seen == [str(number) for number in range(23)]


def test_without_pyarrow_one_line_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 whatever PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert why(tail(tmp_path / "a.parquet")) == "Parquet needs pyarrow: pip install 'tui-monitor[parquet]'"


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra [parquet] is not installed")
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\xff" * 50 + b"PAR1")
    assert why(tail(tmp_path)).startswith(f"{tmp_path}/a.parquet: ")


# -- a sample that people label -------------------------------------------------------------------------------------------------------------


def test_labels_of_a_sample_come_as_people_fill_them_in(log: Path, tmp_path: Path) -> None:
    def row(number: int, label: object, **more: object) -> str:
        return json.dumps({"id": number, "label": label, "weight": 2.5, "annotator": ""} | more) + "\n"

    sample = tmp_path / "sample.jsonl"
    sample.write_text(row(1, None) + row(2, None))
    source = tail(log, sampled=Sampled(path=str(sample)))
    assert read(source).sampled == []
    sample.write_text(row(1, "pos", annotator="ann") + row(2, None) + row(3, "neg", weight=0) + "broken\n")
    assert read(source).sampled == [SampledLabel("1", "pos", 2.5, "ann")]
    assert read(source).sampled == []
    append(sample, row(2, 1.0))
    assert read(source).sampled == [SampledLabel("2", "1", 2.5)]
