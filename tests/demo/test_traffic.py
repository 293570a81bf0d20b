"""How requests come, and how labels come late."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from tui_monitor.demo import texts
from tui_monitor.demo.rows_file import RowsFile
from tui_monitor.demo.traffic import LABEL_AFTER_S, LABELS_AT_ONCE, Arrivals, LateLabels


def test_arrivals_keep_their_rate() -> None:
    arrivals = Arrivals(24.0, Random(1), 100.0)
    counts = [arrivals.until(100.0 + (i + 1) / 20) for i in range(20 * 200)]
    assert 0.95 < sum(counts) / (200 * 24.0) < 1.05
    assert 0.8 < sum((count - 1.2) ** 2 for count in counts) / len(counts) / 1.2 < 1.2  # variance of a Poisson count is its mean


def test_after_a_pause_not_all_come_at_once() -> None:
    arrivals = Arrivals(24.0, Random(1), 0.0)
    assert arrivals.until(60.0, most=20) == 20
    assert arrivals.until(61.0, most=100) < 60


def test_labels_come_after_their_time_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    file = RowsFile(path)
    labels = LateLabels(file, Random(2))
    for n in range(100):
        labels.expect(f"id{n}", "urgent", 50.0)
    labels.write(50.0 + LABEL_AFTER_S[0] - 0.01)
    assert not path.exists()
    labels.write(50.0 + sum(LABEL_AFTER_S) / 2)
    some = len(path.read_text().splitlines())
    labels.write(50.0 + LABEL_AFTER_S[1])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    file.close()
    assert 20 < some < 80
    assert {row["id"] for row in rows} == {f"id{n}" for n in range(100)}
    assert {row["label"] for row in rows} == {"urgent"}


def test_labels_that_wait_are_bounded(tmp_path: Path) -> None:
    file = RowsFile(tmp_path / "labels.jsonl")
    labels = LateLabels(file, Random(2))
    for n in range(LABELS_AT_ONCE + 50):
        labels.expect(str(n), "routine", 0.0)
    labels.write(100.0)
    file.close()
    assert len((tmp_path / "labels.jsonl").read_text().splitlines()) == LABELS_AT_ONCE


def test_prompts_fit_the_model_however_long_they_grow() -> None:
    random = Random(3)
    lengths = [len(texts.prompt(random, factor).split()) for factor in (1.0, 6.0, 50.0) for _ in range(300)]
    assert min(lengths) >= 16
    assert max(lengths) + 96 <= 4096
    assert sorted(lengths[:300])[150] * 3 < sorted(lengths[300:600])[150]
