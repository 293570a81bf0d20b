"""A prediction log over sliding windows, with labels that come late, twice, never or first."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.performance.log import LabelledLog
from tui_monitor.config import Columns, PredictionSettings
from tui_monitor.model import LogRow, LogRows, Performance

NOW = 1_800_000_000.0


def row(number: int, at_s: float, prediction: object = "1", label: object = None, score: float | None = None, **features: object) -> LogRow:
    return LogRow(str(number), at_s, prediction, score, label, features)  # type: ignore[arg-type]


def log(**settings: object) -> LabelledLog:
    return LabelledLog(PredictionSettings(name="sentiment", path="x.jsonl", **settings))  # type: ignore[arg-type]


def add(to: LabelledLog, rows: list[LogRow], now_s: float = NOW, labels: dict[str, str | float] | None = None) -> None:
    to.add(LogRows(rows, labels or {}, {}), now_s)


def window(of: LabelledLog, name: str, now_s: float = NOW, slice_: str | None = None) -> Performance:
    return next(one for one in of.windows(now_s) if (one.window, one.slice) == (name, slice_))


def value(of: LabelledLog, name: str, key: str = "accuracy", now_s: float = NOW) -> float | None:
    return window(of, name, now_s).metrics[key].value


def test_every_window_is_there_from_the_start_and_says_why_it_is_empty() -> None:
    windows = log().windows(NOW)
    assert [one.window for one in windows] == ["1m", "5m", "30m", "3h", "24h", "all"]
    assert {one.why for one in windows} == {"no predictions in the window"}
    assert {one.coverage for one in windows} == {None}


def test_sliding_and_cumulative_accuracy_differ() -> None:
    sentiment = log()
    add(sentiment, [row(n, NOW - 7200 + n, "1", "1") for n in range(90)])
    add(sentiment, [row(1000 + n, NOW - 30 + n / 10, "1", "0" if n % 2 else "1") for n in range(10)])
    assert value(sentiment, "1m") == 0.5
    assert value(sentiment, "30m") == 0.5
    assert value(sentiment, "3h") == pytest.approx(0.95)
    assert value(sentiment, "all") == pytest.approx(0.95)
    assert window(sentiment, "3h").n == 100


def test_rows_leave_their_windows_one_after_the_other() -> None:
    sentiment = log()
    add(sentiment, [row(n, NOW, "1", "1", score=0.5) for n in range(10)])
    counts = [{one.window: one.n for one in sentiment.windows(NOW + later)} for later in (0, 100, 400, 2000, 12_000, 90_000)]
    assert [list(each.values()) for each in counts] == [
        [10, 10, 10, 10, 10, 10],
        [0, 10, 10, 10, 10, 10],
        [0, 0, 10, 10, 10, 10],
        [0, 0, 0, 10, 10, 10],
        [0, 0, 0, 0, 10, 10],
        [0, 0, 0, 0, 0, 10],
    ]


def test_a_sum_of_slots_is_what_counting_the_rows_would_give() -> None:
    chance, sentiment, kept, now_s = np.random.default_rng(5), log(columns=Columns(score="p")), [], NOW
    for number in range(3000):
        now_s += float(chance.exponential(3.0))
        right, positive = bool(chance.random() < 0.8), bool(chance.random() < 0.4)
        prediction, label = ("1" if positive == right else "0"), "1" if positive else "0"
        at_s = now_s - float(chance.exponential(20.0))  # out of order
        kept.append((at_s, prediction, label))
        add(sentiment, [row(number, at_s, prediction, label, score=float(chance.random()))], now_s)
    for name, width_s, slot_s in (("1m", 60, 10), ("5m", 300, 10), ("30m", 1800, 10), ("3h", 10_800, 60)):
        first = (now_s - width_s) // slot_s * slot_s
        inside = [(prediction, label) for at_s, prediction, label in kept if at_s >= first]
        found = window(sentiment, name, now_s)
        assert found.n == len(inside)
        assert found.metrics["accuracy"].value == pytest.approx(sum(p == t for p, t in inside) / len(inside))
        positives = [t for p, t in inside if p == "1"]
        assert found.metrics["precision"].value == pytest.approx(positives.count("1") / len(positives))
        assert found.metrics["auc"].value is not None


def test_late_labels_find_their_prediction_and_its_time() -> None:
    sentiment = log()
    add(sentiment, [row(n, NOW - 100, "1") for n in range(10)])
    assert (value(sentiment, "5m"), window(sentiment, "5m").why) == (None, "no labels for these predictions yet")
    assert window(sentiment, "5m").coverage == 0.0
    add(sentiment, [], labels={str(n): "0" for n in range(4)})
    found = window(sentiment, "5m")
    assert (found.metrics["accuracy"].value, found.coverage, found.n) == (0.0, 0.4, 10)
    assert found.why == "labels for 40 % of these predictions so far"
    assert window(sentiment, "1m").n == 0  # the prediction's time counts, not the label's


def test_a_label_may_come_before_its_prediction_is_read() -> None:
    sentiment = log()
    add(sentiment, [], labels={"7": "1"})
    add(sentiment, [row(7, NOW - 1, "1")])
    assert value(sentiment, "1m") == 1.0


def test_a_label_after_the_horizon_is_too_late() -> None:
    sentiment = log(horizon="1h")
    add(sentiment, [row(7, NOW - 10, "1")])
    add(sentiment, [], NOW + 4000, labels={"7": "1"})
    assert window(sentiment, "all", NOW + 4000).coverage == 0.0


def test_doubles_count_once_and_are_told() -> None:
    sentiment = log()
    add(sentiment, [row(7, NOW, "1", "1"), row(7, NOW, "1", "1"), row(7, NOW, "0", "1"), row(7, NOW, "1", "0")])
    assert window(sentiment, "all").n == 1
    assert dict(sentiment.left_out) == {"duplicate": 1, "contradicting": 2}


@pytest.mark.parametrize(("prediction", "label"), [(1.0, "1"), ("1.0", 1.0), ("pos", "pos")])
def test_classes_are_text_and_a_whole_number_has_no_point(prediction: object, label: object) -> None:
    sentiment = log()
    add(sentiment, [row(1, NOW, prediction, label)])
    assert value(sentiment, "all") == 1.0


def test_rows_that_cannot_count_are_left_out_with_a_reason() -> None:
    sentiment = log(task="regression")
    add(sentiment, [row(1, NOW, None, 1.0), row(2, NOW, "high", 1.0), row(3, NOW + 3600, 1.0, 1.0), row(4, NOW, 2.0, 1.5)])
    assert dict(sentiment.left_out) == {"prediction_missing": 2, "time_in_future": 1}
    assert value(sentiment, "all", "mae") == 0.5


def test_slices_have_their_own_numbers() -> None:
    sentiment = log(slices={"long": "prompt_tokens > 2048", "german": 'lang == "de" and prompt_tokens <= 2048', "bad": "lang like x"})
    add(sentiment, [row(1, NOW, "1", "1", prompt_tokens=10.0, lang="de"), row(2, NOW, "1", "0", prompt_tokens=5000.0, lang="de")])
    add(sentiment, [row(3, NOW, "1", "1", lang="fr")])
    assert [window(sentiment, "all", slice_=name).n for name in ("long", "german")] == [1, 1]
    assert window(sentiment, "all", slice_="long").metrics["accuracy"].value == 0.0
    assert "a comparison is missing after lang" in window(sentiment, "all", slice_="bad").why
    assert window(sentiment, "all").n == 3


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.analyse.performance.log.MAX_EARLY", 20)
    sentiment = LabelledLog(PredictionSettings(name="sentiment", path="x.jsonl"), limit=50)
    for step in range(40):
        add(sentiment, [row(1000 * step + n, NOW + step * 600, f"class{n}-{step}") for n in range(20)], NOW + step * 600)
        add(sentiment, [], NOW + step * 600, labels={f"x{step}-{n}": "1" for n in range(20)})
    assert len(sentiment._waiting) <= 100
    assert len(sentiment._early) == 20
    assert len(sentiment.layout.classes.names) == 100
    assert sentiment.left_out["labels_unmatched"] == 40 * 20 - 20
    assert sentiment.left_out["unknown_class"] == 40 * 20 - 99  # one class is that of the labels
    assert all(len(ring) < 300 for ring in sentiment._books[None]._frozen)
