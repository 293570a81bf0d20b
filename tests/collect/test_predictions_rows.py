"""What a row says, and what of it cannot be used: counted by its reason, one line on columns that are missing, the rest goes on."""

from __future__ import annotations

import asyncio
import json
import math
from itertools import pairwise
from pathlib import Path

import pytest

from tui_monitor.analyse.performance.live.log import LabelledLog
from tui_monitor.collect.predictions import LogTail
from tui_monitor.collect.thinning import CALM_S, Thinning, place, span_s
from tui_monitor.config import Columns, Labels, PredictionSettings, Sampled
from tui_monitor.model import LogRow, LogRows


def settings(path: Path, **more: object) -> PredictionSettings:
    return PredictionSettings(name="sentiment", path=str(path), **more)  # type: ignore[arg-type]


def read(log: LogTail) -> LogRows:
    reading = asyncio.run(log.read(5.0))
    assert reading.failure is None, reading.failure
    return reading.content


def rows_of(tmp_path: Path, text: str, ending: str = "jsonl", **more: object) -> LogRows:
    path = tmp_path / f"log.{ending}"
    path.write_text(text)
    return read(LogTail(settings(path, **more)))


def line(number: int, **more: object) -> str:
    return json.dumps({"id": number, "timestamp": 1000 + number, "prediction": "pos"} | more) + "\n"


def test_everything_that_a_row_can_say(tmp_path: Path) -> None:
    text = line(1, p=0.9, y="neg", old="neg", click=1.0, v=7, eur="2.5", lang="de")
    columns = Columns(score="p", label="y", base="old", proxy="click", version="v")
    (row,) = rows_of(tmp_path, text, columns=columns, counters={"revenue": "eur"}).rows
    assert row == LogRow("1", 1001.0, "pos", 0.9, "neg", {"lang": "de"}, base="neg", proxy="1", version="7", counters={"revenue": 2.5})


def test_scores_of_several_classes(tmp_path: Path) -> None:
    text = line(1, s_a=0.25, s_b=0.75) + line(2, s_a=0.25) + line(3, s_a="0.5", s_b=1.5) + line(4)
    more = {"task": "multiclass", "columns": Columns(score="s")}
    named = rows_of(tmp_path, text, classes=["a", "b"], **more)
    assert [row.scores for row in named.rows] == [{"a": 0.25, "b": 0.75}, {"a": 0.25}, {"a": 0.5, "b": 1.5}, {}]
    assert named.problem == "1 rows without the column 's_a' (they have id timestamp prediction)"
    assert all(row.features == {} for row in named.rows)
    assert [row.scores for row in rows_of(tmp_path, text, **more).rows] == [row.scores for row in named.rows]


@pytest.mark.parametrize(
    ("score", "known"),
    [
        ("NaN", None), ("null", None), ('"high"', None), ('""', None), ("true", None), ("1.01", 1.01), ("-0.5", -0.5), ('"0.5"', 0.5),
        ("Infinity", math.inf), ('"-inf"', -math.inf),
    ],
)  # fmt: skip
def test_a_score_that_is_none_leaves_the_row_and_is_counted_once(tmp_path: Path, score: str, known: float | None) -> None:
    text = '{"id": 1, "timestamp": 5, "prediction": "1", "score": ' + score + "}\n" + line(2, prediction="1", score=0)
    found = rows_of(tmp_path, text, columns=Columns(score="score"))
    assert [(row.id, row.score) for row in found.rows] == [("1", known), ("2", 0.0)]
    judged = LabelledLog(PredictionSettings(name="sentiment", columns=Columns(score="score")))
    judged.add(found, 2000.0)
    reason = "score_missing" if known is None else "score_out_of_range"
    assert judged.left_out == ({} if known == 0.5 else {reason: 1})


def test_a_score_of_a_regression_has_no_range(tmp_path: Path) -> None:
    found = rows_of(tmp_path, line(1, prediction=5, score=99) + line(2, prediction=5), task="regression", columns=Columns(score="score"))
    assert [row.score for row in found.rows] == [99.0, None]
    assert found.left_out == {}


@pytest.mark.parametrize(
    ("column", "reason", "count"),
    [("prediction", "prediction_missing", 2), ("timestamp", "time_unreadable", 2), ("score", "", 2)],
)
def test_a_missing_column_is_named_once_with_its_count(tmp_path: Path, column: str, reason: str, count: int) -> None:
    whole = {"id": 1, "timestamp": 5, "prediction": "pos", "score": 0.5}
    text = "".join(json.dumps({name: value for name, value in whole.items() if name != column}) + "\n" for _ in range(count)) + line(
        2, score=1
    )
    found = rows_of(tmp_path, text, columns=Columns(score="score"))
    assert found.left_out == ({reason: count} if reason else {})
    have = " ".join(name for name in whole if name != column)
    assert found.problem == f"{count} rows without the column '{column}' (they have {have})"


def test_a_value_that_is_missing_is_not_a_missing_column(tmp_path: Path) -> None:
    found = rows_of(tmp_path, line(1, prediction=None) + line(2, timestamp="soon"))
    assert (found.left_out, found.problem) == ({"prediction_missing": 1, "time_unreadable": 1}, "")


def test_a_csv_file_with_other_columns_is_told(tmp_path: Path) -> None:
    (tmp_path / "log-1.csv").write_text("id,timestamp,prediction\n1,5,1\n")
    source = LogTail(settings(tmp_path))
    assert len(read(source).rows) == 1
    (tmp_path / "log-2.csv").write_text("timestamp,id,pred\n6,2,1\n7,3,0\n")
    found = read(source)
    assert (found.rows, found.left_out) == ([], {"prediction_missing": 2})
    assert found.problem == "2 rows without the column 'prediction' (they have timestamp id pred)"


def test_types_that_change_in_mid_file(tmp_path: Path) -> None:
    text = (
        line(1, prediction=1, length=5)
        + line(2, id="two", prediction="1.0", length="long")
        + line(3, prediction=True, length=[1])
        + line(4, prediction={})
    )
    found = rows_of(tmp_path, text)
    assert [(row.prediction, row.features) for row in found.rows] == [
        ("1", {"length": 5.0}),
        ("1", {"length": "long"}),
        ("true", {"length": None}),
    ]
    assert found.left_out == {"prediction_missing": 1}


def test_numbers_that_become_text_in_a_regression(tmp_path: Path) -> None:
    text = (
        line(1, prediction=1, label=2)
        + line(2, prediction="many", label=2)
        + line(3, prediction=1, label="none")
        + line(4, prediction=1, label=None)
    )
    found = rows_of(tmp_path, text, task="regression")
    assert [(row.id, row.label) for row in found.rows] == [("1", 2.0), ("3", None), ("4", None)]
    assert found.left_out == {"prediction_missing": 1, "label_unreadable": 1}


def test_a_label_that_is_no_value_is_counted(tmp_path: Path) -> None:
    found = rows_of(tmp_path, line(1, label=[1]) + line(2, label="") + line(3, label="neg"))
    assert ([row.label for row in found.rows], found.left_out) == ([None, None, "neg"], {"label_unreadable": 1})


def test_time_that_goes_backwards_is_counted_over_looks(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(line(5) + line(3) + line(6))
    source = LogTail(settings(path))
    assert read(source).out_of_order == 1
    with path.open("a") as file:
        file.write(line(4) + line(7))
    assert read(source).out_of_order == 1
    assert read(source).out_of_order == 0


def test_control_characters_do_not_leave(tmp_path: Path) -> None:
    found = rows_of(tmp_path, line(1, prediction="a\x1b[31mb", **{"na\x07me": "x\u202ey"}))
    assert "\\x1b" not in repr(found.rows)
    assert found.rows[0].features == {"na me": "x y"}


def test_columns_without_end_are_bounded(tmp_path: Path) -> None:
    found = rows_of(tmp_path, line(1, **{f"c{number}": number for number in range(3000)}) + line(2, text="x" * 5000))
    assert len(found.rows[0].features) == 64
    assert len(str(found.rows[1].features["text"])) == 100


# -- what is private ------------------------------------------------------------------------------------------------------------------------


def test_private_values_leave_in_nothing(tmp_path: Path) -> None:
    path, labels, sample = tmp_path / "log.jsonl", tmp_path / "labels.jsonl", tmp_path / "sample.jsonl"
    path.write_text(line(7, id="patient-7", name="Alice Secret", length=5) + json.dumps({"id": "patient-8", "name": "Alice Secret"}) + "\n")
    labels.write_text('{"id": "patient-7", "label": "pos"}\n')
    sample.write_text('{"id": "patient-7", "label": "pos", "weight": 1}\n')
    private = settings(
        path,
        private=["id", "name"],
        labels=Labels(path=str(labels)),
        sampled=Sampled(path=str(sample)),
        slices={"x": "name == 'Alice Secret'"},
    )
    source = LogTail(private)
    found = read(source)
    assert found.rows[0].features == {"length": 5.0}
    for text in (repr(found), source.positions().decode()):
        assert "patient-7" not in text
        assert "Secret" not in text
    (identity,) = found.labels
    assert found.rows[0].id == identity == found.sampled[0].id


def test_a_private_id_cannot_be_guessed(tmp_path: Path) -> None:
    import hashlib

    found = rows_of(tmp_path, line(1), private=["id"])
    assert found.rows[0].id != hashlib.blake2b(b"1", digest_size=12).hexdigest()


def test_a_slice_may_ask_for_a_column_that_has_a_meaning_already(tmp_path: Path) -> None:
    found = rows_of(tmp_path, line(1, v="2", lang="de"), columns=Columns(version="v"), slices={"new": 'v == "2"'})
    assert found.rows[0].features == {"v": 2.0, "lang": "de"}


# -- too many -------------------------------------------------------------------------------------------------------------------------------


def burst(first: int, count: int, per_second: float) -> str:
    return "".join(
        json.dumps({"id": first + number, "timestamp": 1000 + number / per_second, "prediction": 1}) + "\n" for number in range(count)
    )


def test_above_the_limit_rows_are_drawn_by_their_id_and_labels_with_them(tmp_path: Path) -> None:
    path, labels = tmp_path / "log.jsonl", tmp_path / "labels.jsonl"
    path.write_text(burst(0, 4000, 1000.0))
    labels.write_text("".join(f'{{"id": {number}, "label": 1}}\n' for number in range(4000)))
    found = read(LogTail(settings(path, rows_per_second=100.0, labels=Labels(path=str(labels)))))
    assert found.kept == 1 / 16
    assert found.left_out == {"sampled_out": 4000 - len(found.rows)}
    assert len(found.rows) == pytest.approx(250, abs=60)
    assert {row.id for row in found.rows} == set(found.labels)


def test_a_log_that_is_caught_up_with_is_read_in_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(burst(0, 4000, 50.0))
    found = read(LogTail(settings(path, rows_per_second=100.0)))
    assert (len(found.rows), found.kept) == (4000, 1.0)


def test_no_limit_keeps_every_row(tmp_path: Path) -> None:
    assert len(rows_of(tmp_path, burst(0, 4000, 1e6), rows_per_second=0.0).rows) == 4000


def test_the_share_falls_at_once_and_rises_after_a_calm_minute() -> None:
    thinning = Thinning(100.0)
    shares = []
    for second in range(0, 400, 2):
        rows = 2000 if second < 100 else 60
        thinning.adapt(rows, [], float(second))
        shares.append(thinning.share)
    assert shares[0] == 1 / 32  # nothing is known of the time before the first look: it counts as a second
    assert shares[1] == 1 / 32
    changes = [(2 * number, share) for number, (before, share) in enumerate(pairwise(shares), 1) if before != share]
    assert [share for _, share in changes] == [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0]
    assert all(later - earlier >= CALM_S for (earlier, _), (later, _) in pairwise(changes))


def test_a_rate_at_the_limit_does_not_flap() -> None:
    thinning = Thinning(100.0)
    shares = []
    for look in range(500):
        thinning.adapt(2 * (190 if look % 2 else 230), [], 2.0 * look)
        shares.append(thinning.share)
    assert len(set(shares[1:])) == 1


def test_labels_of_a_wider_share_are_waited_for_within_the_horizon() -> None:
    thinning = Thinning(100.0, horizon_s=50.0)
    thinning.adapt(10, [], 0.0)
    for second in range(10, 80, 10):
        thinning.adapt(4000, [], float(second))
        assert thinning.widest == (1.0 if second <= 50 else thinning.share)


def test_places_are_even_for_neighbouring_ids() -> None:
    for share in (0.5, 0.25, 0.0625):
        kept = sum(place(str(number)) < share for number in range(20_000))
        assert kept / 20_000 == pytest.approx(share, rel=0.06)


def test_the_span_of_rows_bears_a_clock_that_is_wrong() -> None:
    assert span_s([1000.0 + number for number in range(100)] + [9e9]) == pytest.approx(100, rel=0.05)
    assert span_s([1.0, 2.0]) == 0.0
