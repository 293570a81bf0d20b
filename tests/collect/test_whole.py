"""Every row of a log once: all kinds of files, unfinished last lines, and a log that grows meanwhile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tui_monitor.collect import whole
from tui_monitor.collect.whole import Whole


def ids(log: Whole) -> list[Any]:
    return [row["id"] for rows in log.rows() for row in rows]


def test_files_of_a_folder_oldest_first(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("id,x\n1,a\n2,b\n")
    (tmp_path / "a.jsonl").write_text('{"id": 3}\nnot a row\n{"id": 4}')
    (tmp_path / "c.tsv").write_text("id\tx\n5\ty\n6\n")
    for at, name in enumerate(("b.csv", "a.jsonl", "c.tsv")):
        os.utime(tmp_path / name, (at, at))
    log = Whole(str(tmp_path))
    assert ids(log) == ["1", "2", 3, 4, "5"]
    assert (log.files, log.unreadable, log.refused) == (3, 2, "")


def test_blocks_are_no_borders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "_BLOCK_BYTES", 37)
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"id": at, "text": "x" * (at % 50)}) + "\n" for at in range(200)))
    assert ids(Whole(str(tmp_path / "a.jsonl"))) == list(range(200))


def test_a_log_that_is_written_to_meanwhile_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "_BLOCK_BYTES", 40)
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1}\n' * 20)
    seen = 0
    for rows in Whole(str(path)).rows():
        seen += len(rows)
        with path.open("a") as file:
            file.write('{"id": 1}\n' * 20)
        assert seen <= 20
    assert seen == 20


def test_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow = pytest.importorskip("pyarrow", reason="the extra [parquet] is not installed")
    from pyarrow import parquet

    monkeypatch.setattr(whole, "_BLOCK_ROWS", 64)
    parquet.write_table(arrow.table({"id": list(range(300))}), tmp_path / "a.parquet", row_group_size=50)
    log = Whole(str(tmp_path / "a.parquet"))
    assert ids(log) == list(range(300))
    assert log.files == 1


@pytest.mark.parametrize(("name", "why"), [("gone.jsonl", "No such file or directory"), ("broken.parquet", "not a complete Parquet file")])
def test_what_cannot_be_read_has_a_reason(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    log = Whole(str(tmp_path / name))
    assert ids(log) == []
    assert why in log.refused
    assert log.files == 0
