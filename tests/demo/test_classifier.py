"""The classifier is real: better than guessing on texts that it never saw, worse on longer ones, and it says so honestly."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tui_monitor.demo import texts
from tui_monitor.demo.classifier import Server
from tui_monitor.demo.http_server import Asked, Said
from tui_monitor.demo.logistic import Classifier, features, train, trained
from tui_monitor.demo.rows_file import RowsFile


def accuracy(classifier: Classifier, factor: float, seed: int = 99, rows: int = 1500) -> float:
    random = Random(seed)
    pairs = [texts.message(random, factor) for _ in range(rows)]
    return sum((classifier.score(features(text)) >= 0.5) == (truth == texts.URGENT) for text, truth in pairs) / rows


def test_it_is_right_about_texts_as_it_learned_them_and_wrong_more_often_about_longer_ones() -> None:
    classifier, kept_back = trained()
    usual, long = accuracy(classifier, 1.0), accuracy(classifier, 6.0)
    most_common = 0.65  # always saying "routine"
    assert usual > most_common + 0.12
    claimed = sum((classifier.score(seen) >= 0.5) == urgent for seen, urgent in kept_back) / len(kept_back)
    assert claimed == pytest.approx(usual, abs=0.04)
    assert usual - long > 0.1


def test_the_reference_holds_texts_that_were_kept_back_with_the_truth_and_before_now(tmp_path: Path) -> None:
    Server().write_reference(tmp_path / "reference.jsonl", 1000.0)
    rows = [json.loads(line) for line in (tmp_path / "reference.jsonl").read_text().splitlines()]
    assert len({row["id"] for row in rows}) == len(rows) == 6000
    assert {row["label"] for row in rows} == {texts.URGENT, texts.ROUTINE}
    assert 0.8 < sum(row["label"] == row["prediction"] for row in rows) / len(rows) < 0.9
    assert max(row["time"] for row in rows) < 1000.0


def test_training_finds_a_line_that_is_there() -> None:
    random = Random(1)
    samples = [(features("down " * n + "page " * (20 - n)), n > 10) for n in range(1, 20) for _ in range(10)]
    classifier = train(samples, random, epochs=60)
    assert [classifier.score(seen) >= 0.5 for seen, _ in samples] == [urgent for _, urgent in samples]


def test_features_of_a_text() -> None:
    assert features("The server is down now!") == (5, 2 / 5, 1.0)
    assert features("") == (0, 0.0, 0.0)


def ask(server: Server, method: str, path: str, body: bytes = b"") -> Said:
    return asyncio.run(server.answer(Asked(method, path, body)))


def test_predictions_are_counted_and_logged(tmp_path: Path) -> None:
    server = Server(tmp_path / "log.jsonl")
    said = [json.loads(ask(server, "POST", "/predict", json.dumps({"text": "down " * n}).encode()).body) for n in (1, 7, 2000)]
    assert ask(server, "POST", "/predict", b"[]").status == 400
    server.close()
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(row["id"], row["prediction"], row["score"]) for row in rows] == [(one["id"], one["prediction"], one["score"]) for one in said]
    assert [row["words"] for row in rows] == [1, 7, 2000]
    assert len({row["id"] for row in rows}) == 3
    page = ask(server, "GET", "/metrics").body.decode()
    samples = [s for family in text_string_to_metric_families(page) for s in family.samples]
    codes = {s.labels["code"]: s.value for s in samples if s.name == "classifier_requests_total"}
    assert codes == {"200": 3.0, "400": 1.0, "500": 0.0}
    words = {s.labels["le"]: s.value for s in samples if s.name == "classifier_input_words_bucket"}
    assert (words["5.0"], words["10.0"], words["1000.0"], words["+Inf"]) == (1, 2, 2, 3)
    totals = {s.name: s.value for s in samples if not s.labels}
    assert totals["classifier_request_seconds_count"] == 4
    assert totals["classifier_requests_in_flight"] == 0


def test_a_log_that_cannot_be_written_does_not_stop_it(tmp_path: Path) -> None:
    server = Server(tmp_path / "gone" / "log.jsonl")
    assert ask(server, "POST", "/predict", b'{"text": "hello"}').status == 200
    assert b"classifier_log_errors_total 1.0" in ask(server, "GET", "/metrics").body


def test_health_and_the_rest() -> None:
    server = Server()
    assert ask(server, "GET", "/health").status == 200
    assert ask(server, "GET", "/v1/models").status == 404


def test_a_log_is_renamed_when_it_is_large(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    file = RowsFile(path, limit_bytes=60)
    for n in range(7):
        file.append({"id": n, "label": "x"})
    file.close()
    older, newer = (p.read_text().splitlines() for p in (path.with_name("rows.jsonl.1"), path))
    assert [json.loads(line)["id"] for line in older + newer] == [3, 4, 5, 6][-len(older + newer) :]
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) < 2 * 90
