"""`performance`: every window, slice, class and step of a series against scikit-learn over the rows themselves; what is left out and why."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tui_monitor.cli import performance_judged, performance_rows
from tui_monitor.cli.main import main
from tui_monitor.cli.progress import Progress
from tui_monitor.collect import table_csv

skm = pytest.importorskip("sklearn.metrics")

START_S = 1_777_593_600.0  # 2026-05-01T00:00:00Z
BASIC = ["--prediction", "prediction", "--label", "label"]
POSITIVE_KEYS = {"precision", "recall", "f1", "auc", "log_loss", "brier", "calibration.error"}
AVERAGED = {f"{name}.{kind}" for name in ("precision", "recall", "f1") for kind in ("macro", "weighted")} | {"f1.micro"}
KEYS = {
    "binary": {"accuracy"} | POSITIVE_KEYS | AVERAGED,
    "multiclass": {"accuracy", "log_loss"} | AVERAGED,
    "regression": {"mae", "mse", "rmse", "bias"},
}


def _json(path: Path, task: str, *more: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code = main(["performance", str(path), "--task", task, *BASIC, "--json", *more])
    out, err = capsys.readouterr()
    assert code == 0, err
    answer: dict[str, Any] = json.loads(out)
    return answer


def _log(task: str, rows: int, seed: int = 1, span_s: float = 2 * 86_400) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": np.arange(rows), "timestamp": START_S + 17 + np.sort(chance.random(rows)).round(6) * span_s})
    if task == "regression":
        frame["label"] = chance.normal(5, 2, rows).round(4)
        frame["prediction"] = (frame["label"] + chance.normal(0.1, 1, rows)).round(4)
    elif task == "binary":
        score = chance.beta(0.8, 1.2, rows).round(3)
        frame["score"] = score
        frame["prediction"] = (score > 0.5).astype(int)
        frame["label"] = (chance.random(rows) < score).astype(int)
    else:
        names = np.array(["nlp", "vision", "graph", "rare"])
        raw = chance.dirichlet([3, 2, 1, 0.2], rows)
        frame["prediction"] = names[raw.argmax(axis=1)]
        frame["label"] = names[[chance.choice(4, p=row) for row in raw]]
        for place, name in enumerate(names):
            frame[f"score_{name}"] = raw[:, place]
    frame["size"] = chance.integers(0, 100, rows)
    frame["lang"] = np.array(["de", "fr", ""])[chance.integers(0, 3, rows)]
    frame["label"] = frame["label"].astype(object).where(chance.random(rows) < 0.8, "")
    return frame


# -- the oracle: rows cut by time with pandas, numbers by scikit-learn ------------------------------------------------------------------------


def _expected(task: str, rows: pd.DataFrame) -> dict[str, float | None]:
    known = rows[rows["label"] != ""]
    if task == "regression":
        if known.empty:
            return dict.fromkeys(KEYS[task])
        said, true = known["prediction"].astype(float), known["label"].astype(float)
        mse = skm.mean_squared_error(true, said)
        return {"mae": skm.mean_absolute_error(true, said), "mse": mse, "rmse": math.sqrt(mse), "bias": float((said - true).mean())}
    if known.empty:
        return dict.fromkeys(KEYS[task])
    said, true = known["prediction"].astype(str), known["label"].astype(str)
    result: dict[str, float | None] = {"accuracy": skm.accuracy_score(true, said)}
    for kind in ("macro", "weighted"):
        p, r, f, _ = skm.precision_recall_fscore_support(true, said, average=kind, zero_division=0)
        result |= {f"precision.{kind}": p, f"recall.{kind}": r, f"f1.{kind}": f}
    result["f1.micro"] = skm.f1_score(true, said, average="micro", zero_division=0)
    if task == "binary":
        y, s = (true == "1").astype(int), known["score"].astype(float)
        result |= {
            "precision": skm.precision_score(y, said == "1", zero_division=0),
            "recall": skm.recall_score(y, said == "1", zero_division=0),
            "f1": skm.f1_score(y, said == "1", zero_division=0),
            "auc": skm.roc_auc_score(y, s) if y.nunique() == 2 else None,
            "log_loss": skm.log_loss(y, s, labels=[0, 1]),
            "brier": float(((s - y) ** 2).mean()),
        }
        step = np.minimum((s * 10 + 1e-9).astype(int), 9)
        result["calibration.error"] = sum(abs((s - y)[step == k].sum()) for k in range(10)) / len(y)
    else:
        names = sorted({"nlp", "vision", "graph", "rare"})
        result["log_loss"] = skm.log_loss(true, known[[f"score_{name}" for name in names]].to_numpy(), labels=names)
    return result


def _window(frame: pd.DataFrame, width_s: float | None, end_s: float, slice_: str | None) -> pd.DataFrame:
    at_s = frame["timestamp"]
    inside = (at_s < end_s) & ((at_s >= end_s - width_s) if width_s is not None else True)
    if slice_ == "size > 50":
        inside &= frame["size"] > 50
    elif slice_ == 'lang == "de"':
        inside &= frame["lang"] == "de"
    return frame[inside]


def _stamp(at_s: float) -> str:
    return pd.Timestamp(at_s, unit="s", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def _check(element: dict[str, Any], task: str, frame: pd.DataFrame, width_s: float | None, end_s: float) -> int:
    assert element["end"] == _stamp(end_s)
    if width_s is not None:
        assert element["start"] == _stamp(end_s - width_s)
    rows = _window(frame, width_s, end_s, element["slice"])
    known = rows[rows["label"] != ""]
    assert (element["n"], element["labelled"]) == (len(rows), len(known))
    assert element["coverage"] == (pytest.approx(len(known) / len(rows)) if len(rows) else None)
    wanted = _expected(task, rows)
    assert set(element["metrics"]) == set(wanted) == KEYS[task]
    for key, value in wanted.items():
        one = element["metrics"][key]
        assert one["value"] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-12)), (
            key,
            element["window"],
            element["end"],
        )
        if value is not None and one["low"] is not None:
            assert one["low"] <= one["value"] <= one["high"]
        elif value is not None:
            assert one["n"] <= 1, key  # one row has no spread
    assert bool(element["why"]) == (len(known) == 0)
    if task != "regression" and "confusion" in element:
        for name, score in element["classes"].items():
            true, said = known["label"].astype(str) == name, known["prediction"].astype(str) == name
            assert score["support"] == true.sum()
            if true.any() or said.any():
                assert score["f1"] == pytest.approx(skm.f1_score(true, said, zero_division=0))
            else:
                assert score["f1"] is None
                assert score["why"]
    return len(known)


WIDTHS = {"90s": 90.0, "1h": 3600.0, "7h": 25_200.0, "7d": 604_800.0, "all": None}
SLICES = ["size > 50", 'lang == "de"']


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("every", ["1h", "25m"])
def test_every_window_is_what_scikit_learn_says_of_its_rows(
    task: str, every: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 20_000)
    frame = _log(task, 1500)
    frame.to_csv(tmp_path / "log.csv", index=False)
    score = [] if task == "regression" else ["--score", "score"]
    more = [word for slice_ in SLICES for word in ("--slice", slice_)]
    windows = ",".join(name for name in WIDTHS if name != "all")
    answer = _json(tmp_path / "log.csv", task, *score, *more, "--windows", windows, "--every", every, capsys=capsys)
    newest_s, oldest_s = frame["timestamp"].max(), frame["timestamp"].min()
    end_s = math.floor(newest_s / 60) * 60 + 60
    assert [(one["window"], one["slice"]) for one in answer["performance"]] == [
        (name, slice_) for name in WIDTHS for slice_ in (None, *SLICES)
    ]
    assert sum(_check(one, task, frame, WIDTHS[one["window"]], end_s) for one in answer["performance"]) > 1000
    step_s = {"1h": 3600.0, "25m": 1500.0}[every]
    ends = np.arange(math.floor(oldest_s / step_s) + 1, math.floor(newest_s / step_s) + 2) * step_s
    assert [(one["end"], one["window"], one["slice"]) for one in answer["series"]] == [
        (_stamp(end), name, slice_) for end in ends for name in WIDTHS for slice_ in (None, *SLICES)
    ]
    checked = answer["series"][:: {"1h": 7, "25m": 19}[every]]
    for one in checked:
        at_s = pd.Timestamp(one["end"]).timestamp()
        _check(one, task, frame, WIDTHS[one["window"]], at_s)
        assert "confusion" not in one


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_order_of_the_rows_does_not_matter(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = _log(task, 800)
    frame.to_csv(tmp_path / "log.csv", index=False)
    frame.sample(frac=1, random_state=4).to_csv(tmp_path / "shuffled.csv", index=False)
    more = [*([] if task == "regression" else ["--score", "score"]), "--windows", "3h", "--every", "2h", "--slice", "size > 50"]
    if task != "regression":
        more += ["--reference", str(tmp_path / "log.csv")]
    first, second = (_json(tmp_path / name, task, *more, capsys=capsys) for name in ("log.csv", "shuffled.csv"))
    assert first["rows"].pop("out_of_order") == 0
    assert second["rows"].pop("out_of_order") > 700
    assert _close(first, second)


def _close(one: Any, two: Any) -> bool:
    """Equal but for the last digits of sums, and the file's name."""
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(key == "name" or _close(one[key], two[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(_close, one, two))
    return math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-12) if isinstance(one, float) else one == two


def test_a_series_that_is_written_in_no_order_is_read_twice_and_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = _log("binary", 9000)
    shuffled = pd.concat([frame.iloc[-1:], frame.iloc[:-1].iloc[::-1]])  # the newest row stands first
    shuffled.to_csv(tmp_path / "log.csv", index=False)
    answer = _json(tmp_path / "log.csv", "binary", "--score", "score", "--windows", "1h", capsys=capsys)
    end_s = math.floor(frame["timestamp"].max() / 60) * 60 + 60
    assert answer["rows"]["read"] == answer["rows"]["used"] == 9000
    assert _check(answer["performance"][0], "binary", frame, 3600, end_s) > 50


def test_the_newest_row_is_the_newest_that_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("id,time,prediction,label\n1,100,1,1\n2,50,1,0\n1,7000,1,1\n3,9000,,1\n")
    answer = _json(tmp_path / "log.csv", "binary", "--windows", "90s", capsys=capsys)
    assert [one["end"] for one in answer["performance"]] == [_stamp(120)] * 2
    assert [one["n"] for one in answer["performance"]] == [2, 2]


def test_what_has_left_a_window_leaves_nothing_in_its_sums(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = _log("regression", 600)
    frame.loc[100, "prediction"] = 1e14  # its square is 1e28: what would be left of it by rounding is 1e12
    frame.to_csv(tmp_path / "log.csv", index=False)
    answer = _json(tmp_path / "log.csv", "regression", "--windows", "6h", "--every", "1h", capsys=capsys)
    for one in answer["series"]:
        _check(one, "regression", frame, WIDTHS.get(one["window"], 21_600.0), pd.Timestamp(one["end"]).timestamp())


# -- the shape ----------------------------------------------------------------------------------------------------------------------------

ELEMENT = ["name", "window", "slice", "start", "end", "n", "labelled", "coverage", "source", "why", "assumption", "metrics", "classes"]
ESTIMATE = ["value", "low", "high", "n", "reference", "floor", "breach"]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_object_has_these_keys_and_no_others(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _log(task, 400).to_csv(tmp_path / "churn.csv", index=False)
    more = [*([] if task == "regression" else ["--score", "score"]), "--every", "12h", "--reference", str(tmp_path / "churn.csv")]
    answer = _json(tmp_path / "churn.csv", task, *more, capsys=capsys)
    assert list(answer) == ["schema", "task", "classes", "positive", "rows", "performance", "series"]
    assert answer["schema"] == 1
    assert answer["task"] == task
    assert answer["positive"] == ("1" if task == "binary" else None)
    assert list(answer["rows"]) == ["read", "used", "labelled", "out_of_order", "labels_unmatched", "left_out", "score_left_out"]
    assert [list(one) for one in answer["performance"]] == [[*ELEMENT, "confusion"]] * len(answer["performance"])
    assert [list(one) for one in answer["series"]] == [ELEMENT] * len(answer["series"])
    sources = {"labelled"} if task == "regression" else {"labelled", "estimated"}
    assert {one["source"] for one in answer["performance"]} == {one["source"] for one in answer["series"]} == sources
    assert [one["window"] for one in answer["performance"] if one["source"] == "labelled"] == ["24h", "7d", "all"]
    estimated = {"binary": {"accuracy", "precision", "recall", "f1", "auc"}, "multiclass": {"accuracy"}}
    for one in answer["performance"] + answer["series"]:
        assert one["name"] == "churn"
        assert set(one["metrics"]) == (KEYS[task] if one["source"] == "labelled" else estimated[task])
        assert all(list(value) == ESTIMATE for value in one["metrics"].values())
        if one["source"] == "labelled":
            assert list(one["classes"]) == answer["classes"]
            for score in one["classes"].values():
                assert set(score) - {"why"} == {"support", "precision", "recall", "f1"}
            assert one["assumption"] == ""
        else:
            assert one["classes"] == {}
            assert "assumes" in one["assumption"]
            assert "unchanged" in one["assumption"]


def test_without_every_the_series_is_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _log("binary", 50).to_csv(tmp_path / "log.csv", index=False)
    assert _json(tmp_path / "log.csv", "binary", capsys=capsys)["series"] == []


def test_classes_and_confusion_are_in_one_order_whatever_was_seen_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(10, 9), (9, 9), (2, 10), (2, 2), (2, 2)]
    (tmp_path / "log.csv").write_text("time,prediction,label\n" + "".join(f"{place},{p},{y}\n" for place, (p, y) in enumerate(rows)))
    answer = _json(tmp_path / "log.csv", "multiclass", capsys=capsys)
    assert answer["classes"] == ["2", "9", "10"]
    assert answer["performance"][0]["confusion"] == [[2, 0, 0], [0, 1, 1], [1, 0, 0]]
    answer = _json(tmp_path / "log.csv", "multiclass", "--classes", "10,2,9,x", capsys=capsys)
    assert answer["classes"] == ["10", "2", "9", "x"]
    assert answer["performance"][0]["confusion"] == [[0, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


# -- rows: which count, and why others do not -----------------------------------------------------------------------------------------------

ROWS = """id,timestamp,prediction,label,score
a,2026-05-01T00:00:00Z,1,1,0.9
b,2026-05-01T00:00:01Z,0,0,0.2
a,2026-05-01T00:00:02Z,1.0,1,0.8
a,2026-05-01T00:00:03Z,0,1,0.1
b,2026-05-01T00:00:04Z,0,,0.1
c,2026-05-01T00:00:05Z,,1,0.9
d,yesterday,1,1,0.9
e,2026-05-01T00:00:06Z,1,2,0.9
f,2026-05-01T00:00:00Z,1,0,nan
g,2026-05-01T00:00:07Z,1,0,1.5
h,2026-05-01T00:00:07Z,1,0,-0.1
i,2026-05-01T00:00:07Z,0,0
j,2026-05-01T00:00:07Z,0,,high
,2026-05-01T00:00:08Z,0,0,0.1
,2026-05-01T00:00:08Z,0,0,0.1
"""


def test_each_row_is_used_or_left_out_for_one_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text(ROWS)
    rows = _json(tmp_path / "log.csv", "binary", "--score", "score", "--classes", "0,1", capsys=capsys)["rows"]
    assert rows == {
        "read": 15,
        "used": 8,
        "labelled": 7,
        "out_of_order": 1,
        "labels_unmatched": 0,
        "left_out": {
            "duplicate": 1,
            "contradicting": 2,
            "prediction_missing": 1,
            "time_unreadable": 1,
            "unknown_class": 1,
            "row_unreadable": 1,
        },
        "score_left_out": {"missing": 2, "out_of_range": 2},
    }
    assert rows["used"] + sum(rows["left_out"].values()) == rows["read"]


def test_a_row_without_a_usable_score_counts_in_all_but_the_numbers_of_the_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.csv").write_text(ROWS)
    answer = _json(tmp_path / "log.csv", "binary", "--score", "score", "--classes", "0,1", capsys=capsys)
    metrics = answer["performance"][-1]["metrics"]
    assert metrics["accuracy"]["n"] == 7
    assert metrics["brier"]["n"] == metrics["auc"]["n"] == metrics["log_loss"]["n"] == metrics["calibration.error"]["n"] == 4
    assert metrics["brier"]["value"] == pytest.approx((0.1**2 + 0.2**2 + 2 * 0.1**2) / 4)


def test_without_classes_every_value_seen_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text(ROWS)
    answer = _json(tmp_path / "log.csv", "binary", "--score", "score", capsys=capsys)
    assert answer["classes"] == ["0", "1", "2"]
    assert "unknown_class" not in answer["rows"]["left_out"]


def test_with_an_id_of_another_name_and_with_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("key,time,prediction,label\n1,1,1,1\n1,2,1,1\n2,3,0,1\n")
    assert _json(tmp_path / "log.csv", "binary", capsys=capsys)["rows"]["used"] == 3
    assert _json(tmp_path / "log.csv", "binary", "--id", "key", capsys=capsys)["rows"]["left_out"] == {"duplicate": 1}


def test_ids_are_the_same_over_chunks(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 300)
    lines = [f"{place % 700},{place},{place % 2},1\n" for place in range(2000)]
    (tmp_path / "log.csv").write_text("id,time,prediction,label\n" + "".join(lines))
    rows = _json(tmp_path / "log.csv", "binary", capsys=capsys)["rows"]
    assert rows["used"] == 700
    assert rows["left_out"] == {"duplicate": 1300}  # 700 is even: each id says the same again


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_labels_are_joined_by_id_and_fill_only_what_is_missing(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("id,time,prediction,label\n1,1,1,1\n2,2,1,\n3,3,0,\n4,4,0,\n")
    labels = [("1", "0"), ("2", "0"), ("2", "1"), ("3.0", "0"), ("9", "1"), ("4", "")]
    if ending == "csv":
        (tmp_path / "late.csv").write_text("id,label\n" + "".join(f"{key},{label}\n" for key, label in labels))
    else:
        (tmp_path / "late.jsonl").write_text(
            "".join(json.dumps({"id": float(key), "label": label or None}) + "\n" for key, label in labels)
        )
    answer = _json(tmp_path / "log.csv", "binary", "--labels", str(tmp_path / f"late.{ending}"), capsys=capsys)
    assert answer["rows"]["labelled"] == 3
    assert answer["rows"]["labels_unmatched"] == 1
    assert answer["performance"][-1]["confusion"] == [[1, 1], [0, 1]]


def test_a_late_label_of_an_unknown_class_leaves_its_row_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("id,time,prediction,label\n1,1,1,\n2,2,1,1\n")
    (tmp_path / "late.csv").write_text("id,label\n1,maybe\n")
    answer = _json(tmp_path / "log.csv", "binary", "--labels", str(tmp_path / "late.csv"), "--classes", "0,1", capsys=capsys)
    assert answer["rows"]["left_out"] == {"unknown_class": 1}


def test_late_labels_of_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("id,time,prediction\n1,1,5\n2,2,7.5\n3,3,inf\n4,4,x\n5,5,1\n")
    (tmp_path / "late.csv").write_text("id,label\n1,4\n2,8\n5,soon\n")
    answer = _json(tmp_path / "log.csv", "regression", "--labels", str(tmp_path / "late.csv"), capsys=capsys)
    assert answer["rows"]["left_out"] == {"prediction_missing": 2}
    metrics = answer["performance"][-1]["metrics"]
    assert metrics["mae"]["value"] == 0.75
    assert metrics["bias"]["value"] == 0.25


# -- what cannot be judged stays, with null and why -------------------------------------------------------------------------------------------


def _no_numbers(element: dict[str, Any]) -> bool:
    return bool(element["why"]) and all(one["value"] is None for one in element["metrics"].values())


def test_windows_slices_and_classes_without_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("time,prediction,label\n100,a,a\n90000,b,\n")
    answer = _json(tmp_path / "log.csv", "multiclass", "--windows", "1h", "--slice", "nobody > 3", "--slice", "time < 0", capsys=capsys)
    by = {(one["window"], one["slice"]): one for one in answer["performance"]}
    assert _no_numbers(by["1h", None])
    assert by["1h", None]["n"] == 1
    assert by["1h", None]["coverage"] == 0
    assert "nobody" in by["all", "nobody > 3"]["why"]
    assert all(_no_numbers(one) for (_, slice_), one in by.items() if slice_ is not None)
    assert by["all", "time < 0"]["coverage"] is None
    assert by["all", None]["classes"]["a"]["f1"] == 1.0
    unseen = by["all", None]["classes"]["b"]
    assert (unseen["support"], unseen["f1"]) == (0, None)
    assert unseen["why"]


def test_a_log_without_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("time,prediction\n100,1\n")
    answer = _json(tmp_path / "log.csv", "binary", capsys=capsys)
    assert all(_no_numbers(one) for one in answer["performance"])
    assert answer["performance"][0]["why"] == "there is no column label"


def test_rows_that_can_all_not_be_used_are_still_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("time,prediction,label\nnever,1,1\n")
    answer = _json(tmp_path / "log.csv", "binary", "--every", "1h", capsys=capsys)
    assert answer["rows"]["left_out"] == {"time_unreadable": 1}
    assert answer["series"] == []
    assert all(_no_numbers(one) and one["end"] is None for one in answer["performance"])


def test_nobody_knows_which_class_is_positive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("time,prediction,label,s\n1,yes,yes,0.9\n2,no,yes,0.4\n")
    words = ["performance", str(tmp_path / "log.csv"), "--task", "binary", *BASIC, "--score", "s", "--json"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["positive"] is None
    metrics = answer["performance"][0]["metrics"]
    assert all(metrics[key]["value"] is None for key in POSITIVE_KEYS)
    assert metrics["accuracy"]["value"] == 0.5
    assert "--positive" in err
    answer = _json(tmp_path / "log.csv", "binary", "--score", "s", "--positive", "yes", capsys=capsys)
    assert answer["positive"] == "yes"
    assert answer["performance"][0]["metrics"]["recall"]["value"] == 0.5


@pytest.mark.parametrize(("word", "other"), [("1", "0"), ("1.0", "0"), ("true", "false"), ("True", "False")])
def test_one_and_true_are_positive(word: str, other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text(f"time,prediction,label\n1,{word},{word}\n2,{other},{word}\n3,{other},{other}\n")
    answer = _json(tmp_path / "log.csv", "binary", capsys=capsys)
    assert answer["positive"] == ("1" if word.startswith("1") else "true")
    assert answer["performance"][0]["metrics"]["recall"]["value"] == 0.5


# -- the reference ------------------------------------------------------------------------------------------------------------------------


def test_estimates_floors_and_breaches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference = _log("binary", 6000, seed=2)
    reference["label"] = (np.random.default_rng(9).random(6000) < reference["score"]).astype(int)
    reference.to_csv(tmp_path / "kept.csv", index=False)
    log = _log("binary", 4000, seed=3)
    true = log["label"].copy()
    spoiled = log["timestamp"] > START_S + 86_400
    log.loc[spoiled & (true != ""), "label"] = 1 - true[spoiled & (true != "")].astype(
        int
    )  # from there on the model is wrong where it was right
    log.to_csv(tmp_path / "log.csv", index=False)
    more = ["--score", "score", "--windows", "6h", "--slice", "size > 50", "--reference", str(tmp_path / "kept.csv")]
    answer = _json(tmp_path / "log.csv", "binary", *more, capsys=capsys)
    by = {(one["window"], one["slice"], one["source"]): one for one in answer["performance"]}
    for slice_ in (None, "size > 50"):
        part = _window(reference, None, math.inf, slice_)
        end_s = math.floor(part["timestamp"].max() / 60) * 60 + 60
        whole = int((end_s - math.floor(part["timestamp"].min() / 60) * 60) // 21_600)
        over = _expected("binary", part)
        windows = [_expected("binary", _window(reference, 21_600, end_s - k * 21_600, slice_)) for k in range(whole)]
        for key in ("accuracy", "f1", "auc", "log_loss"):
            one = by["6h", slice_, "labelled"]["metrics"][key]
            assert one["reference"] == pytest.approx(over[key])
            values = np.array([window[key] for window in windows], dtype=float)
            worse = 1 if key == "log_loss" else -1
            assert one["floor"] == pytest.approx(values.mean() + worse * 3 * values.std())
            assert one["breach"] == (worse * one["value"] > worse * one["floor"])
    assert by["6h", None, "labelled"]["metrics"]["accuracy"]["breach"] is True
    assert by["6h", None, "estimated"]["metrics"]["accuracy"]["breach"] is False  # the scores say nothing of it: that is the assumption
    assert by["all", None, "labelled"]["metrics"]["accuracy"]["floor"] is None
    estimate = by["all", None, "estimated"]["metrics"]["accuracy"]
    chance = log["score"].where(log["prediction"] == 1, 1 - log["score"]).mean()
    assert estimate["value"] == pytest.approx(chance, abs=0.02)
    assert estimate["n"] == 4000


def test_estimates_need_no_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for task in ("binary", "multiclass"):
        _log(task, 3000, seed=2).to_csv(tmp_path / "kept.csv", index=False)
        log = _log(task, 3000, seed=3)
        log.drop(columns="label").to_csv(tmp_path / "log.csv", index=False)
        more = ["--score", "score", "--reference", str(tmp_path / "kept.csv"), "--windows", "6h", "--every", "12h"]
        answer = _json(tmp_path / "log.csv", task, *more, capsys=capsys)
        known = log[log["label"] != ""]
        realised = (known["label"].astype(str) == known["prediction"].astype(str)).mean()
        estimates = [one["metrics"]["accuracy"]["value"] for one in answer["performance"] if one["source"] == "estimated"]
        assert estimates[-1] == pytest.approx(realised, abs=0.03)
        assert len([one for one in answer["series"] if one["source"] == "estimated"]) == len(answer["series"]) / 2 > 5
        assert answer["performance"][0]["metrics"]["accuracy"]["value"] is None


def test_a_reference_that_is_too_small_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _log("binary", 20).to_csv(tmp_path / "kept.csv", index=False)
    _log("binary", 200).to_csv(tmp_path / "log.csv", index=False)
    answer = _json(tmp_path / "log.csv", "binary", "--score", "score", "--reference", str(tmp_path / "kept.csv"), capsys=capsys)
    estimated = [one for one in answer["performance"] if one["source"] == "estimated"]
    assert len(estimated) == 3
    assert all(_no_numbers(one) and "calibration needs" in one["why"] for one in estimated)


# -- Made With ML: sliding against cumulative -----------------------------------------------------------------------------------------------


LESSON = ((20, 94, 98), (5, 92, 96), (5, 88, 96), (5, 86, 92))  # days, lowest hourly F1, one above the highest, in per cent


def _lesson(path: Path, halves: list[int], capsys: pytest.CaptureFixture[str]) -> dict[str, list[float]]:
    """The sliding and the cumulative line of a log whose F1 in every hour is a number of half per cents."""
    rows = ["time,prediction,label"]
    for hour, half in enumerate(halves):  # F1 = TP / (TP + (FP + FN) / 2) = half / 200
        at_s = START_S + hour * 3600
        rows += [f"{at_s + place * 9},1,1" for place in range(half)]
        rows += [f"{at_s + 2000 + place},{place % 2},{1 - place % 2}" for place in range(2 * (200 - half))]
    path.write_text("\n".join(rows) + "\n")
    series = _json(path, "binary", "--windows", "24h", "--every", "1h", capsys=capsys)["series"]
    return {name: [one["metrics"]["f1"]["value"] for one in series if one["window"] == name] for name in ("24h", "all")}


def test_a_sliding_window_sees_a_decay_that_the_cumulative_one_hides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The example of Made With ML's monitoring lesson, every hour at the mean of the range it is drawn from there."""
    lines = _lesson(tmp_path / "hourly.csv", [low + high - 1 for days, low, high in LESSON for _ in range(24 * days)], capsys)
    assert len(lines["24h"]) == len(lines["all"]) == 840
    assert round(100 * np.mean(lines["all"][-24:]), 3) == 93.715  # the lesson prints 93.7 and 88.6, of a draw
    assert round(100 * np.mean(lines["24h"][-24:]), 3) == 88.5
    assert [hour for hour, f1 in enumerate(lines["24h"], 1) if f1 < 0.9] == list(range(733, 841))
    assert min(lines["all"]) > 0.93


def test_drawn_as_in_the_lesson_the_lines_are_its_means(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chance = np.random.RandomState(0)
    hourly = pd.Series(np.concatenate([chance.randint(low, high, 24 * days) for days, low, high in LESSON]))
    lines = _lesson(tmp_path / "hourly.csv", (2 * hourly).tolist(), capsys)
    assert lines["all"] == pytest.approx((hourly.expanding().mean() / 100).tolist(), rel=1e-12)
    assert lines["24h"] == pytest.approx((hourly.rolling(24, min_periods=1).mean() / 100).tolist(), rel=1e-12)


# -- the command ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--task", "binary", "--prediction", "p"], "the following arguments are required: --label"),
        (["--task", "ranking", *BASIC], "argument --task: invalid choice: 'ranking'"),
        (["--task", "binary", *BASIC, "--windows", "soon"], "--windows: 'soon' is no duration (write 90s, 5m, 1h30m, 7d)"),
        (["--task", "binary", *BASIC, "--every", "0s"], "--every: 0s is no number of whole seconds"),
        (["--task", "binary", *BASIC, "--slice", "size >"], "--slice size >: column 7:"),
        (["--task", "binary", *BASIC, "--classes", ","], "--classes: say which, as A,B"),
        (["--task", "binary", *BASIC, "--classes", "a,b", "--positive", "c"], "--positive c is none of --classes a,b"),
    ],
)
def test_wrong_usage_is_64_and_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("time,prediction,label\n1,1,1\n")
    assert main(["performance", str(tmp_path / "log.csv"), *words]) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert line in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "body", "more", "line"),
    [
        ("log.csv", "", [], "is empty"),
        ("log.csv", "time,prediction,label\n", [], "has no rows"),
        ("log.csv", "when,prediction,label\n1,1,1\n", [], "there is no column timestamp; say which one has the times with --time; it has when prediction label"),
        ("log.csv", "time,said,label\n1,1,1\n", [], "there is no column prediction; it has time said label"),
        ("log.csv", "time,prediction,label\n1,1,1\n", ["--id", "key"], "there is no column key"),
        ("log.csv", "time,prediction,label\n1,1,1\n", ["--labels", "none.csv"], "none.csv: No such file or directory"),
        ("log.csv", "time,prediction,label\n1,1,1\n", ["--reference", "none.csv"], "none.csv: No such file or directory"),
        ("log.doc", "x", [], "the ending says neither CSV"),
    ],
)  # fmt: skip
def test_where_nothing_can_be_read_it_ends_with_1_and_one_line(
    name: str, body: str, more: list[str], line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / name).write_text(body)
    assert main(["performance", str(tmp_path / name), "--task", "binary", *BASIC, *more, "--json"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert line in err
    assert err.count("\n") == 1


def test_flags_of_another_task_are_told_and_do_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("time,prediction,label\n1,1,3\n")
    words = ["performance", str(tmp_path / "log.csv"), *BASIC, "--json", "--positive", "1"]
    for task, flags in (("multiclass", []), ("regression", ["--score", "s", "--classes", "a"])):
        assert main([*words, "--task", task, *flags]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["positive"] is None
        assert err.count("says nothing in this task") == 1 + len(flags) // 2


def test_a_long_series_is_no_wall(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("time,prediction,label\n1,1,1\n1000000,1,1\n")
    assert main(["performance", str(tmp_path / "log.csv"), "--task", "binary", *BASIC, "--every", "1h"]) == 0
    out = capsys.readouterr().out
    assert "... 254 moments before; --json has them all" in out
    assert len(out.splitlines()) < 60


class _Terminal:
    """A stderr that says it is a terminal."""

    def __init__(self) -> None:
        self.written = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written += text
        return len(text)

    def flush(self) -> None: ...


def test_progress_is_one_line_that_goes_away_and_only_of_long_files(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, moments = _Terminal(), iter([1.0, 1.05, 2.0])
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress(lambda: next(moments))
    assert progress.wanted
    for read in (10_000_000, 20_000_000, 50_000_000):
        progress.tell(read, 100_000_000)
    assert terminal.written.count("\r") == 2  # the one in between came too soon
    assert terminal.written.endswith(" 50 %")
    progress.gone()
    assert terminal.written.endswith("\r\x1b[K")
    short = Progress(lambda: 1.0)
    terminal.written = ""
    short.tell(10, 1000)
    short.gone()
    assert terminal.written == ""


def test_a_series_too_long_to_be_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("time,prediction,label\n1,1,1\n1000000000,1,1\n")
    assert main(["performance", str(tmp_path / "log.csv"), "--task", "binary", *BASIC, "--every", "1m", "--json"]) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert f"at most {performance_judged.MOST_MOMENTS}" in err


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_table_for_people_fits_the_terminal(
    task: str, width: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _log(task, 3000).to_csv(tmp_path / "log.csv", index=False)
    more = [*([] if task == "regression" else ["--score", "score"]), "--reference", str(tmp_path / "log.csv"), "--every", "24h"]
    assert main(["performance", str(tmp_path / "log.csv"), "--task", task, *BASIC, *more, "--slice", "size > 50"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) < 60
    assert "3,000 of 3,000 rows used" in out
    assert "size > 50" in out
    if task != "regression":
        joined = " ".join(out.split())
        assert "assumes" in joined
        assert "unchanged" in joined


def test_stdout_holds_only_json_and_numpy_is_not_loaded_for_help(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("time,prediction,label,s\n1,yes,yes,7\n")
    words = ["performance", str(tmp_path / "log.csv"), "--task", "binary", *BASIC, "--score", "s", "--json"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tui_monitor", *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["rows"]["score_left_out"] == {"out_of_range": 1}
    assert done.stderr.startswith("tui-monitor: no class is called 1 or true")
    code = "import sys; from tui_monitor.cli.main import main; main(['performance', '--help']); assert not {'numpy', 'pandas'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    assert "example" in done.stdout


def test_marks_tell_rows_that_say_something_else() -> None:
    said = np.array([0, 0, 1, 1, -1], dtype=np.int32)
    true = np.array([0, 1, 0, 1, -1], dtype=np.int32)
    assert len(set(performance_rows._marks(said, true).tolist())) == 5
    numbers = performance_rows._marks(np.array([1.0, 1.0, -0.0, 0.0]), np.array([2.0, np.nan, np.nan, np.nan])).tolist()
    assert len(set(numbers[:3])) == 3
    assert numbers[2] == numbers[3]
