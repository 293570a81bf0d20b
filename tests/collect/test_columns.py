"""Whole files as columns, and the buckets of a past time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tui_monitor.collect.columns import read_columns
from tui_monitor.collect.past_counts import buckets_of
from tui_monitor.collect.prometheus import RangeFailure
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


def frame(series: dict[tuple[str, str], list[float | None]]) -> pd.DataFrame:
    """Samples every minute, as prometheus-api-client hands them over."""
    found = [
        {
            "timestamp": pd.Timestamp(1_800_000_000 + 60 * i, unit="s"),
            "__name__": "h_bucket",
            "instance": instance,
            "le": le,
            "value": value,
        }
        for (instance, le), values in series.items()
        for i, value in enumerate(values)
        if value is not None
    ]
    return pd.DataFrame(found).set_index("timestamp")


def test_buckets_are_differences_of_raw_counters_over_resets_and_replicas() -> None:
    past = buckets_of(
        frame(
            {
                ("a", "1"): [10, 13, 2, 4], ("a", "5"): [20, 25, 4, 8], ("a", "+Inf"): [30, 36, 6, 12],  # began anew at the third
                ("b", "1"): [0, 1, 1, 2], ("b", "5"): [0, 1, 2, 3], ("b", "+Inf"): [0, 1, 2, 4],
            }
        ),
        "h",
    )  # fmt: skip
    assert past.edges == [1.0, 5.0]
    assert past.slots.tolist() == [[4.0, 2.0, 1.0], [2.0, 3.0, 2.0], [3.0, 2.0, 3.0]]
    assert np.diff(past.at_s).tolist() == [60.0, 60.0]


def test_a_missing_scrape_is_no_zero() -> None:
    past = buckets_of(frame({("a", "1"): [1, None, 5], ("a", "+Inf"): [2, None, 8], ("b", "1"): [0, 0, 0], ("b", "+Inf"): [0, 0, 0]}), "h")
    assert past.slots.sum(axis=0).tolist() == [4.0, 2.0]


@pytest.mark.parametrize(
    "given", [{}, {("a", "1"): [1, 2]}, {("a", "1"): [1], ("a", "+Inf"): [2]}, {("a", "odd"): [1, 2], ("a", "nan"): [2, 3]}]
)
def test_what_is_no_histogram_is_told(given: dict[tuple[str, str], list[float | None]]) -> None:
    empty = pd.DataFrame({"value": []}, index=pd.DatetimeIndex([], name="timestamp"))
    with pytest.raises(RangeFailure, match="h_bucket is"):
        buckets_of(frame(given) if given else empty, "h")
