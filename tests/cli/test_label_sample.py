"""`label-sample`: what is written, what never is, what it promises, and one line for everything that goes wrong."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.unlabelled.sampled import sampled
from tui_monitor.cli.main import main

ROWS = 3000
SECRET = "dora@home.example"


def rows(n: int = ROWS) -> list[dict[str, Any]]:
    random = np.random.default_rng(7)
    result = []
    for at in range(n):
        score = float(np.round(random.beta(0.5, 0.5), 4))
        result.append(
            {
                "id": f"r{at:05}",
                "timestamp": 1_700_000_000 + at,
                "prediction": int(score >= 0.5),
                "score": score,
                "label": int(random.random() < score),
                "lang": "de" if at % 10 == 0 else "en",
                "email": SECRET,
                "features": {"email": SECRET, "age": at % 90},
            }
        )
    return result


def jsonl(path: Path, known: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in known))
    return str(path)


@pytest.fixture
def log(tmp_path: Path) -> str:
    return jsonl(tmp_path / "log.jsonl", rows())


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_sample_to_fill_in(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = tmp_path / "to-label.jsonl"
    words = ["label-sample", log, "--n", "120", "--score", "score", "--private", "email", "--slice", 'lang == "de"', "-o", str(to)]
    assert main([*words, "--seed", "4"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert re.fullmatch(
        r"120 rows -> accuracy known to \+-\d\.\d points\n"
        r"drawn from 3,000 rows in 20 strata; a row counts for [\d.]+ to [\d.]+\n"
        rf"wrote {re.escape(str(to))}\n",
        said.out,
    )
    drawn = written(to)
    assert len(drawn) == len({row["id"] for row in drawn}) == 120
    assert sum(row["weight"] for row in drawn) == pytest.approx(ROWS)
    truth = {row["id"]: row for row in rows()}
    for row in drawn:
        assert list(row) == ["id", "timestamp", "prediction", "score", "lang", "features", "weight", "stratum", "label", "annotator"]
        assert (row["label"], row["annotator"]) == ("", "")
        assert row["features"] == {"age": truth[row["id"]]["features"]["age"]}
        assert row["score"] == truth[row["id"]]["score"]
        low = int(row["score"] * 10 + 1e-9) / 10
        where = 'lang == "de"' if row["lang"] == "de" else "elsewhere"
        assert row["stratum"] == f"score {min(low, 0.9):.1f}-{min(low + 0.1, 1.0):.1f}, {where}"
    assert SECRET not in to.read_text()
    assert to.stat().st_mode & 0o777 == 0o600
    assert {one.name for one in tmp_path.iterdir()} == {"log.jsonl", "to-label.jsonl"}


def test_the_labels_that_come_back_keep_the_promise(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = tmp_path / "to-label.jsonl"
    assert main(["label-sample", log, "--n", "300", "--score", "score", "-o", str(to), "--seed", "1"]) == 0
    promised = float(re.search(r"\+-([\d.]+) points", capsys.readouterr().out)[1])
    truth = {row["id"]: row for row in rows()}
    drawn = written(to)
    counts = Counts(Layout("binary", Classes(["0", "1"])))
    counts.add_sampled(
        np.array([row["prediction"] for row in drawn], np.int32),
        np.array([truth[row["id"]]["label"] for row in drawn], np.int32),
        np.array([row["weight"] for row in drawn]),
    )
    accuracy = sampled(counts).metrics["accuracy"]
    assert accuracy.low < np.mean([row["label"] == row["prediction"] for row in truth.values()]) < accuracy.high
    assert 50 * (accuracy.high - accuracy.low) == pytest.approx(promised, abs=0.6)


def test_csv_keeps_every_text_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["key", "said", "truth", "note"])
        table.writerows([[f"{at:04}", "spam" if at % 3 else "ham", "ham", "two\nlines, and a comma"] for at in range(40)])
    assert main(["label-sample", str(path), "--n", "10", "--id", "key", "--prediction", "said", "--label", "truth", "--seed", "1"]) == 0
    said = capsys.readouterr()
    drawn = [json.loads(line) for line in said.out.splitlines()]
    assert len(drawn) == 10
    assert all(re.fullmatch(r"0\d\d\d", row["id"]) for row in drawn)
    assert {row["note"] for row in drawn} == {"two\nlines, and a comma"}
    assert {row["stratum"] for row in drawn} == {"said ham", "said spam"}
    assert all("truth" not in row and "key" not in row for row in drawn)
    assert "10 rows -> accuracy known to +-" in said.err
    assert "at most (without --score nobody knows which rows are uncertain)" in said.err


def test_several_classes_by_the_chance_of_the_predicted_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(1)
    known = []
    for at in range(500):
        a = float(random.random())
        known.append({"id": at, "prediction": "a" if a > 0.5 else "b", "p_a": a, "p_b": 1 - a})
    path = jsonl(tmp_path / "log.jsonl", known)
    assert main(["label-sample", path, "--task", "multiclass", "--score", "p", "--n", "50", "--seed", "1"]) == 0
    drawn = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(drawn) == 50
    for row in drawn:
        low, high = map(float, row["stratum"].removeprefix("score ").split("-"))
        assert low - 1e-9 <= row[f"p_{row['prediction']}"] <= high + 1e-9


def test_numbers_are_drawn_without_a_promise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = jsonl(tmp_path / "log.jsonl", [{"id": at, "prediction": at / 7} for at in range(100)])
    assert main(["label-sample", path, "--task", "regression", "--n", "10", "--seed", "1"]) == 0
    said = capsys.readouterr()
    assert {json.loads(line)["weight"] for line in said.out.splitlines()} == {10.0}
    assert "which nobody knows yet" in said.err


def test_what_cannot_be_drawn_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl"
    known = rows(50)
    known[3]["prediction"] = None
    del known[4]["id"]
    known[5]["timestamp"] = "yesterday"
    known[6]["score"] = 7
    jsonl(path, known)
    with path.open("a") as file:
        file.write('{"id": "half')  # a last line that nobody finished
    assert main(["label-sample", str(path), "--n", "100", "--score", "score", "--time", "timestamp"]) == 0
    said = capsys.readouterr()
    drawn = [json.loads(line) for line in said.out.splitlines()]
    assert len(drawn) == 47
    assert [row["stratum"] for row in drawn if row["id"] == "r00006"] == ["no score"]
    assert "left out: " in said.err
    for part in ("1 prediction_missing", "1 id_missing", "1 time_unreadable", "1 row_unreadable"):
        assert part in said.err


def test_rows_with_one_id_are_labelled_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = jsonl(tmp_path / "log.jsonl", rows(20) + rows(20))
    assert main(["label-sample", path, "--n", "40"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 20


def test_many_files_by_a_pattern(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = rows(60)
    for part in range(3):
        jsonl(tmp_path / f"log-{part}.jsonl", known[20 * part : 20 * part + 20])
    assert main(["label-sample", str(tmp_path / "log-*.jsonl"), "--n", "100"]) == 0
    assert {json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()} == {row["id"] for row in known}


def test_an_existing_file_is_kept_without_force(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = tmp_path / "labelled.jsonl"
    to.write_text("an hour of work\n")
    assert main(["label-sample", log, "-o", str(to)]) == 1
    assert to.read_text() == "an hour of work\n"
    assert capsys.readouterr().err == f"tui-monitor: {to} is there already; --force writes over it\n"
    assert main(["label-sample", log, "-o", str(to), "--force"]) == 0
    assert len(written(to)) == 200


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["nowhere.jsonl"], 1, "nowhere.jsonl: No such file or directory"),
        (["LOG", "--n", "0"], 64, "'0' is no number of rows from 1 to 100,000"),
        (["LOG", "--n", "many"], 64, "'many' is no number of rows"),
        (["LOG", "--prediction", "answer"], 1, "no column answer; --prediction names it"),
        (["LOG", "--id", "key"], 1, "no column key; --id names it"),
        (["LOG", "--slice", "lang =="], 64, "--slice 'lang =='"),
        (["LOG", "--private", "email", "--slice", f'email == "{SECRET}"'], 64, "the column email is private"),
        (["LOG", "--private", "id"], 64, "labels are joined by this column"),
        (["LOG", "-o", "/nowhere/at/all.jsonl"], 1, "No such file or directory"),
        (["EMPTY"], 1, "no row can be drawn"),
        (["LOG", *["--slice", "score > 0.5"] * 17], 64, "17 slices; at most 16"),
    ],
)
def test_one_line_for_what_is_wrong(
    words: list[str], code: int, line: str, log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    places = {"LOG": log, "EMPTY": str(tmp_path / "empty.jsonl")}
    assert main(["label-sample", *(places.get(word, word) for word in words)]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert line in said.err
    assert SECRET not in said.err
    assert said.err.count("\n") == 1
