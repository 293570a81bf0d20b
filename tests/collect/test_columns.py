"""Whole files as columns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui_monitor.collect.columns import read_columns
from tui_monitor.collect.table import TableError


def test_csv_and_jsonl_give_the_same_columns(tmp_path: Path) -> None:
    rows = [{"time": 1_800_000_000 + i, "n": i / 2, "c": "ab"[i % 2], "m": None if i % 3 else float(i), "secret": "x"} for i in range(30)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    lines = [",".join("" if value is None else str(value) for value in row.values()) for row in rows]
    (tmp_path / "a.csv").write_text("\n".join([",".join(rows[0]), *lines]) + "\n")
    one, two = (read_columns(str(tmp_path / name), ["secret"]) for name in ("a.csv", "a.jsonl"))
    assert list(one.columns) == list(two.columns) == ["n", "c", "m"]
    assert one.rows == two.rows == 30
    for name, values in one.columns.items():
        assert values.dtype == two.columns[name].dtype
        assert [str(value) for value in values] == [str(value) for value in two.columns[name]]
    assert one.at_s is not None
    assert two.at_s is not None
    assert one.at_s.tolist() == two.at_s.tolist() == [1_800_000_000.0 + i for i in range(30)]


def test_a_file_without_times_or_with_broken_ones_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    (tmp_path / "b.csv").write_text("when,x\n2026-01-01,1\nnever,2\n")
    assert read_columns(str(tmp_path / "a.csv")).at_s is None
    assert read_columns(str(tmp_path / "b.csv"), time="when").at_s is None
    with pytest.raises(TableError):
        read_columns(str(tmp_path / "none.csv"))
