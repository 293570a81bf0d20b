"""A prediction log over sliding windows, with labels that come late, twice, never or first."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.performance.counting.book import ALL
from tui_monitor.analyse.performance.live.log import LabelledLog
from tui_monitor.config import Columns, PredictionSettings, Sampled
from tui_monitor.model import LogRow, LogRows, Performance, SampledLabel

NOW = 1_800_000_000.0


def row(
    number: object, at_s: float, prediction: object = "1", label: object = None, score: float | None = None, **features: object
) -> LogRow:
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
    assert windows[-1].start is None


def test_every_window_says_its_span() -> None:
    sentiment = log()
    add(sentiment, [row(1, NOW - 95_003, "1", "1"), row(2, NOW - 2, "1", "1")], NOW + 4)
    spans = {one.window: (one.start.timestamp() - NOW, one.end.timestamp() - NOW) for one in sentiment.windows(NOW + 4)}
    assert spans == {
        "1m": (-60, 10), "5m": (-300, 10), "30m": (-1800, 10), "3h": (-10_800, 10), "24h": (-86_400, 10), "all": (-95_010, 10),
    }  # fmt: skip


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
    assert window(sentiment, "all", slice_="bad").why == "column 6: a comparison is missing after lang (< <= > >= == !=)"
    assert window(sentiment, "all").n == 3


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.analyse.performance.live.waiting.MAX_EARLY", 20)
    sentiment = LabelledLog(PredictionSettings(name="sentiment", path="x.jsonl"), limit=50)
    for step in range(40):
        add(sentiment, [row(1000 * step + n, NOW + step * 600, f"class{n}-{step}") for n in range(20)], NOW + step * 600)
        add(sentiment, [], NOW + step * 600, labels={f"x{step}-{n}": "1" for n in range(20)})
    assert len(sentiment.waiting) <= 100
    assert len(sentiment.waiting._early) == 20
    assert len(sentiment.layout.classes.names) == 100
    assert sentiment.left_out["labels_unmatched"] == 40 * 20 - 20
    assert sentiment.left_out["unknown_class"] == 40 * 20 - 99  # one class is that of the labels
    assert all(len(ring) < 300 for ring in sentiment.books.whole._frozen)


# -- bad input ----------------------------------------------------------------------------------------------------------------------------


def test_a_missing_column_makes_no_prediction_and_no_slice() -> None:
    sentiment = log(slices={"long": "prompt_tokens > 2048"})
    add(sentiment, [row(1, NOW, None, "1"), row(2, NOW, "1", "1")])
    assert dict(sentiment.left_out) == {"prediction_missing": 1}
    assert (window(sentiment, "all").n, window(sentiment, "all", slice_="long").n) == (1, 0)


def test_a_type_that_changes_in_mid_file() -> None:
    sentiment = log(slices={"long": "prompt_tokens > 2048"})
    add(sentiment, [row(1, NOW, "1", "1", prompt_tokens=5000.0), row(2, NOW, 1.0, 1.0, prompt_tokens="5000"), row(3, NOW, "1", True)])
    add(sentiment, [row(4, NOW, "1", "1", prompt_tokens="many")])
    assert value(sentiment, "all") == 1.0
    assert window(sentiment, "all", slice_="long").n == 2
    prices = log(task="regression")
    add(prices, [row(1, NOW, 2.0, 1.0), row(2, NOW, "3", "1.5"), row(3, NOW, "three", 1.0), row(4, NOW, 2.0, "one")])
    assert dict(prices.left_out) == {"prediction_missing": 1, "label_unreadable": 1}
    assert (window(prices, "all").n, window(prices, "all").labelled, value(prices, "all", "mae")) == (3, 2, 1.25)


def test_an_unknown_class_is_left_out_where_classes_are_given() -> None:
    sentiment = log(classes=["0", "1"])
    add(sentiment, [row(1, NOW, "1", "1"), row(2, NOW, "2", "1"), row(3, NOW, "1", "maybe"), row(4, NOW, "0")], labels={"4": "maybe"})
    assert dict(sentiment.left_out) == {"unknown_class": 3}
    assert (window(sentiment, "all").n, window(sentiment, "all").labelled) == (2, 1)
    assert sentiment.quality(NOW).classes == ["0", "1"]


def test_duplicates_and_contradictions_over_batches_and_labels() -> None:
    sentiment = log()
    add(sentiment, [row(1, NOW, "1"), row(2, NOW, "0", "0"), row(1, NOW, "1")])
    add(sentiment, [row(2, NOW + 5, "0", "0"), row(1, NOW + 5, "0"), row(2, NOW, "0", "1")], labels={"2": "1"})
    assert dict(sentiment.left_out) == {"duplicate": 2, "contradicting": 3}
    assert window(sentiment, "all").n == 2


def test_rows_without_an_id_are_all_different() -> None:
    sentiment = log()
    add(sentiment, [LogRow("", NOW, "1", None, "1")] * 5)
    assert (window(sentiment, "all").n, dict(sentiment.left_out)) == (5, {})


def test_labels_of_nobody_wait_for_the_horizon_and_are_then_told() -> None:
    sentiment = log(horizon="1h")
    add(sentiment, [], labels={"7": "1", "8": "1"})
    add(sentiment, [row(8, NOW + 10, "1")], NOW + 20)
    add(sentiment, [], NOW + 3700)
    assert dict(sentiment.left_out) == {"labels_unmatched": 1}
    assert window(sentiment, "all", NOW + 3700).labelled == 1


def test_a_label_past_the_horizon_is_told_from_one_of_nobody() -> None:
    sentiment = log(horizon="1h")
    add(sentiment, [row(7, NOW - 10, "1")])
    add(sentiment, [], NOW + 4000, labels={"7": "1"})
    assert dict(sentiment.left_out) == {"label_too_late": 1}


def test_time_that_goes_back_counts_in_its_own_slot() -> None:
    sentiment = log()
    sentiment.add(LogRows([row(1, NOW, "1", "1"), row(2, NOW - 400, "1", "0")], {}, {}, out_of_order=1), NOW)
    sentiment.add(LogRows([row(3, NOW - 100, "1", "1")], {}, {}, out_of_order=1), NOW - 90)  # the clock itself went back
    assert [(one.window, one.n) for one in sentiment.windows(NOW)][:3] == [("1m", 1), ("5m", 2), ("30m", 3)]
    assert sentiment.quality(NOW).left_out == {"out_of_order": 2}


def test_a_row_of_the_near_future_waits_and_one_of_the_far_future_is_left_out() -> None:
    sentiment = log()
    add(sentiment, [row(1, NOW + 50, "1", "1"), row(2, NOW + 61, "1", "1"), row(3, float("nan"), "1", "1")])
    assert dict(sentiment.left_out) == {"time_in_future": 1, "time_unreadable": 1}
    assert window(sentiment, "all").n == 0
    assert window(sentiment, "1m", NOW + 50).n == 1


def test_a_score_that_is_nan_missing_or_out_of_range_counts_in_all_but_what_needs_it() -> None:
    sentiment = log(columns=Columns(score="p"))
    scores = [0.9, 0.2, None, float("nan"), 1.5, -0.1]
    add(sentiment, [row(n, NOW, "1", str(n % 2), score) for n, score in enumerate(scores)])
    assert dict(sentiment.left_out) == {"score_missing": 2, "score_out_of_range": 2}
    found = window(sentiment, "all").metrics
    assert (found["accuracy"].n, found["auc"].n) == (6, 2)


def test_what_the_source_left_out_is_passed_on() -> None:
    sentiment = log()
    sentiment.add(LogRows([], {}, {"row_unreadable": 2, "sampled_out": 90}, kept=0.1), NOW)
    quality = sentiment.quality(NOW)
    assert (quality.left_out, quality.sampled) == ({"row_unreadable": 2, "sampled_out": 90}, 0.1)


# -- more of it ---------------------------------------------------------------------------------------------------------------------------


def scored(chance: np.random.Generator, n: int, at_s: float, step_s: float = 1.0, first: int = 0) -> list[LogRow]:
    p = chance.random(n)
    truth = chance.random(n) < p
    return [row(first + i, at_s + i * step_s, "1" if p[i] > 0.5 else "0", "1" if truth[i] else "0", float(p[i])) for i in range(n)]


def test_estimates_stand_beside_labelled_numbers_and_say_what_they_assume() -> None:
    chance = np.random.default_rng(1)
    settings = PredictionSettings(name="m", path="x", columns=Columns(score="p"), reference="ref.csv")
    model = LabelledLog(settings, scored(chance, 4000, NOW - 90_000))
    rows = scored(chance, 3000, NOW - 3000, first=10_000)
    add(model, [LogRow(one.id, one.at_s, one.prediction, one.score, None) for one in rows])
    found = {one.source: one for one in model.windows(NOW) if one.window == "3h" and one.slice is None}
    assert list(found) == ["labelled", "estimated"]
    assert found["labelled"].metrics["accuracy"].value is None
    assert "assumes" in found["estimated"].assumption
    assert "unchanged" in found["estimated"].assumption
    true = np.mean([one.prediction == one.label for one in rows])
    assert found["estimated"].metrics["accuracy"].value == pytest.approx(true, abs=0.02)
    assert found["estimated"].metrics["accuracy"].reference == pytest.approx(0.75, abs=0.03)
    assert "est. without labels 0.7" in model.quality(NOW).sentence
    assert model.quality(NOW).reference == "ref.csv: 4,000 labelled rows"


def test_a_slice_is_held_against_the_same_slice_of_the_reference() -> None:
    settings = PredictionSettings(
        name="m", path="x", reference="data/kept.csv", slices={"long": "size > 5", "huge": "size > 100"}, auto_slices=False
    )
    rows = [row(n, NOW - 90_000 + 4 * n, "1", "1" if n % 10 or n % 3 else "0", size=float(n % 10)) for n in range(20_000)]
    model = LabelledLog(settings, [*rows, *(row(f"h{n}", NOW - 90_000, "1", "0", size=200.0) for n in range(29))])
    add(model, [row(f"x{n}", NOW - 60 + n / 10, "1", "0" if n % 4 else "1", size=float(n % 10)) for n in range(400)])
    told = {name: window(model, "5m", slice_=name).metrics["accuracy"] for name in (None, "long", "huge")}
    right = {name: [r.label == "1" for r in rows if r.features["size"] > least] for name, least in ((None, -1.0), ("long", 5.0))}
    assert told[None].reference == pytest.approx(sum(right[None]) / 20_029)
    assert told["long"].reference == pytest.approx(sum(right["long"]) / (len(right["long"]) + 29))
    assert told["long"].floor is not None
    assert told["long"].floor > told[None].floor
    assert told["long"].breach is True
    assert (told["huge"].reference, told["huge"].floor) == (None, None)  # 29 rows
    assert model.quality(NOW).reference == "kept.csv: 20,029 labelled rows"


def test_a_slice_found_later_is_held_against_the_reference_too() -> None:
    settings = PredictionSettings(name="m", path="x", reference="kept.csv")
    model = LabelledLog(
        settings, [row(f"r{n}", NOW - 9000 + n, "1", "1" if n % 3 else "0", lang="de" if n % 2 else "fr") for n in range(600)]
    )
    for step in range(30):
        now_s = NOW + 10 * step
        add(model, [row(100 * step + n, now_s, "1", "1", lang="de" if n % 3 else "fr") for n in range(100)], now_s)
    assert window(model, ALL, now_s, 'lang == "fr"').metrics["accuracy"].reference == pytest.approx(2 / 3)


def test_predictions_that_had_to_make_room_are_told() -> None:
    model = LabelledLog(PredictionSettings(name="m", path="x", horizon="1h"), limit=10)
    add(model, [row(n, NOW - (7200 if n < 3 else 0), "1", "1" if n % 2 else None) for n in range(10)])  # 0 and 2 are too old to get a label
    add(model, [row(n, NOW, "1") for n in range(10, 30)], labels={"4": "1"})
    assert dict(model.left_out) == {"not_awaited": 3}  # 4, 6 and 8
    assert window(model, ALL).n == 30


def test_one_class_by_two_names_is_one_class_in_pairs_and_proxies() -> None:
    model = log(columns=Columns(base="old", proxy="click"))
    add(model, [LogRow(str(n), NOW, "true" if n % 2 else "1", None, "1", base="true", proxy="true") for n in range(100)])
    quality = model.quality(NOW)
    pair = next(one for one in quality.pairs if one.window == ALL)
    assert (pair.value.value, pair.theirs.value, value(model, ALL)) == (1.0, 1.0, 1.0)
    assert quality.proxy_agreement.value == 1.0
    known = model.books.whole.windows[ALL].total["proxy_right"]
    assert (known[0].sum(), known[1].sum()) == (0, 100)


def test_without_calibration_there_is_no_estimate() -> None:
    model = log(columns=Columns(score="p"))
    add(model, scored(np.random.default_rng(1), 500, NOW - 600))
    assert {one.source for one in model.windows(NOW)} == {"labelled"}


def test_several_classes_with_scores_that_wait_for_their_labels() -> None:
    model = log(task="multiclass", columns=Columns(score="p"))
    rows = [LogRow(str(n), NOW, "abc"[n % 3], None, None, scores={"a": 0.2, "b": 0.3, "c": 0.5}) for n in range(9)]
    add(model, rows)
    add(model, [LogRow("9", NOW, "d", None, "d", scores={"a": 0.1, "b": 0.1, "c": 0.1, "d": 0.7})])  # a class more
    add(model, [], labels={str(n): "c" for n in range(9)})
    found = window(model, "all").metrics
    assert found["accuracy"].value == pytest.approx(0.4)
    assert found["log_loss"].value == pytest.approx(-(9 * np.log(0.5) + np.log(0.7)) / 10)


def test_a_new_version_is_a_deploy_with_a_window_and_a_comparison() -> None:
    model = log(columns=Columns(version="v"))

    def rows(first: int, n: int, at_s: float, version: str, right: float) -> list[LogRow]:
        return [LogRow(str(first + i), at_s + i, "1", None, "1" if i < n * right else "0", version=version) for i in range(n)]

    add(model, rows(0, 400, NOW - 4000, "7", 0.9))
    add(model, rows(1000, 200, NOW - 1000, "8", 0.7) + rows(5000, 1, NOW - 990, "7", 1.0))
    names = [one.window for one in model.windows(NOW)]
    assert names == ["1m", "5m", "30m", "3h", "24h", "deploy", "all"]
    deploy = window(model, "deploy")
    assert (deploy.n, deploy.start.timestamp()) == (201, NOW - 1000)
    quality = model.quality(NOW)
    assert [(at.timestamp(), name) for at, name in quality.deploys] == [(NOW - 4000, "7"), (NOW - 1000, "8")]
    assert quality.version == "8"
    (pair,) = quality.pairs
    assert (pair.other, pair.window, pair.key, pair.value.value) == ("version 7", "deploy", "accuracy", pytest.approx(0.7))
    assert pair.difference.value == pytest.approx(0.7 - 361 / 401)
    assert pair.difference.high < 0


def test_the_age_of_labels() -> None:
    sentiment = log()
    add(sentiment, [row(n, NOW - 30 - n, "1") for n in range(100)], NOW - 20)
    assert sentiment.quality(NOW).label_age_s is None
    add(sentiment, [], NOW, labels={str(n): "1" for n in range(100)})
    quality = sentiment.quality(NOW)
    assert (quality.label_age_s, quality.label_age_p95_s) == (pytest.approx(79.5), pytest.approx(124.05))
    assert window(sentiment, "5m").metrics["label.age"].value == pytest.approx(79.5)


def test_a_drawn_sample_is_weighted_and_two_people_are_compared() -> None:
    sentiment = log(sampled=Sampled(path="sample.jsonl"))
    add(sentiment, [row(n, NOW - 10, "1") for n in range(40)])
    given = [SampledLabel(str(n), "1" if n < 10 else "0", 3.0 if n < 10 else 1.0, "ann") for n in range(20)]
    second = [SampledLabel(str(n), "1" if n < 9 else "0", 1.0, "bo") for n in range(20)]
    early = SampledLabel("99", "1", 1.0, "ann")
    sentiment.add(LogRows([], {}, {}, [*given, *second, early]), NOW)
    sentiment.add(LogRows([], {}, {}, given), NOW)  # read again
    found = next(one for one in sentiment.windows(NOW) if (one.window, one.source) == ("5m", "sampled"))
    assert (found.metrics["accuracy"].value, found.metrics["accuracy"].n) == (pytest.approx(0.75), 20)
    add(sentiment, [row(99, NOW - 5, "1")])
    found = next(one for one in sentiment.windows(NOW) if (one.window, one.source) == ("5m", "sampled"))
    assert found.metrics["accuracy"].n == 21
    assert sentiment.quality(NOW).kappa.value == pytest.approx(0.9)


def test_a_base_model_is_compared_on_the_same_rows() -> None:
    model = log(columns=Columns(base="old"))
    add(model, [LogRow(str(n), NOW, "1", None, None, base="0" if n < 30 else "1") for n in range(100)])
    add(model, [], labels={str(n): "1" for n in range(100)})
    pair = next(one for one in model.quality(NOW).pairs if one.window == ALL)
    assert (pair.other, pair.value.value, pair.theirs.value, pair.difference.value) == ("base model", 1.0, 0.7, pytest.approx(0.3))


def test_a_proxy_speaks_before_the_labels() -> None:
    model, chance = log(columns=Columns(proxy="click")), np.random.default_rng(3)
    truth = chance.random(3000) < 0.5
    said = np.where(chance.random(3000) < 0.85, truth, ~truth)
    proxy = np.where(chance.random(3000) < 0.9, truth, ~truth)
    add(model, [LogRow(str(n), NOW, str(int(said[n])), None, None, proxy=str(int(proxy[n]))) for n in range(3000)])
    add(model, [], labels={str(n): str(int(truth[n])) for n in range(800)})
    found = next(one for one in model.windows(NOW) if one.window == ALL and one.source == "estimated")
    assert found.metrics["accuracy"].value == pytest.approx(0.85, abs=0.03)
    assert model.quality(NOW).proxy_agreement.value == pytest.approx(0.9, abs=0.03)


def test_automatic_slices_begin_when_they_are_learned() -> None:
    sentiment = log()
    for step in range(30):
        now_s = NOW + 10 * step
        add(sentiment, [row(100 * step + n, now_s, "1", "1", lang="de" if n % 3 else "fr") for n in range(100)], now_s)
    quality = sentiment.quality(now_s)
    assert set(quality.slices) == {'lang == "de"', 'lang == "fr"'}
    found = next(one for one in sentiment.windows(now_s) if (one.window, one.slice) == (ALL, 'lang == "fr"'))
    assert 600 <= found.n < 1000
    assert found.start.timestamp() > NOW


def test_the_worst_slice_and_the_gap_of_two_groups() -> None:
    people = log(slices={"women": 'sex == "f"', "men": 'sex == "m"'}, compare=[["women", "men"]])
    add(people, [row(n, NOW, "1", "1" if n % 2 or n % 5 else "0", sex="m" if n % 2 else "f") for n in range(1000)])
    quality = people.quality(NOW)
    assert [one.slice for one in quality.worst][:1] == ["women"]
    assert {(one.key, round(one.difference.value, 2)) for one in quality.gaps} >= {("accuracy", -0.2)}


def test_one_learns_what_is_usual_and_tells_when_it_falls() -> None:
    model, chance, states = log(), np.random.default_rng(4), []
    for minute in range(240):
        now_s = NOW + 60 * (minute + 1)
        right = chance.random(60) < (0.93 if minute < 180 else 0.6)
        add(model, [row(60 * minute + n, now_s - 60 + n, "1", "1" if right[n] else "0") for n in range(60)], now_s)
        states.append(model.quality(now_s).state)
        if minute == 100:
            assert model.quality(now_s).reference == "learned from the first 3,000 labelled rows"
    assert states[0] == "UNKNOWN"
    assert set(states[60:180]) == {"OK"}
    assert "FALLING" in states[180:205]
    quality = model.quality(now_s)
    assert quality.sentence.startswith("Accuracy 0.")
    assert window(model, "30m", now_s).metrics["accuracy"].breach is True


def test_a_restart_loses_nothing() -> None:
    chance, settings = np.random.default_rng(5), {"columns": Columns(score="p"), "slices": {"sure": "p > 0.9"}}
    first = log(**settings)
    rows = scored(chance, 900, NOW - 9000, 10.0)
    add(first, [LogRow(one.id, one.at_s, one.prediction, one.score, None, {"p": one.score}) for one in rows])
    add(first, [], labels={one.id: one.label for one in rows[:700]} | {"early": "1"})
    again = log(**settings)
    assert again.load(first.dump()) == ""
    for to in (first, again):
        add(to, [row("early", NOW, "1", score=0.5), rows[0]], NOW + 20, labels={one.id: one.label for one in rows[700:]})
    assert again.windows(NOW + 20) == first.windows(NOW + 20)
    assert window(again, "all", NOW + 20).labelled == 901
    assert dict(again.left_out) == dict(first.left_out) == {"duplicate": 1}


def test_nothing_that_is_kept_names_an_id_or_a_feature() -> None:
    sentiment = log(sampled=Sampled(path="s"))
    add(sentiment, [row("customer-4711", NOW, "1", None, street="Long Lane")], labels={"customer-0815": "1"})
    sentiment.add(LogRows([], {}, {}, [SampledLabel("customer-4712", "1", 1.0)]), NOW)
    kept = sentiment.dump()
    assert not [text for text in (b"customer", b"4711", b"0815", b"Long", b"street") if text in kept]


def test_another_configuration_or_damage_begins_anew_and_says_why() -> None:
    first = log()
    add(first, [row(n, NOW, "1", "1") for n in range(50)])
    kept = first.dump()
    other = log(task="multiclass")
    assert other.load(kept) == "the settings of the log are others now"
    for damaged in (
        b"",
        b"\x00",
        kept[:-20],
        kept[: len(kept) // 2],
        kept.replace(b"waiting", b"wasting"),
        kept.replace(b"hashes", b"hushes"),
    ):
        fresh = log()
        assert fresh.load(damaged)
        add(fresh, [row(1, NOW, "1", "1")])
        assert window(fresh, "all").n == 1


def test_a_cost_that_changed_is_told_with_the_kind_of_error_that_made_it() -> None:
    settings = PredictionSettings(name="fraud", costs={"1": {"0": 50.0}, "0": {"1": 1.0}}, auto_slices=False)
    log = LabelledLog(settings)
    start_s = 1_760_000_000.0

    def add(first: int, wrong_every: int) -> None:
        rows = [LogRow(f"r{first + i}", start_s + first + i, "0" if i % wrong_every == 0 else "1", None, "1") for i in range(1000)]
        log.add(LogRows(rows, {}, {}), start_s + first + 1000)

    add(0, 50)
    log.windows(start_s + 1000)
    assert log.quality(start_s + 1000).cost == ""
    add(10_000, 10)
    log.windows(start_s + 11_000)
    told = log.quality(start_s + 11_000).cost
    assert told == "cost per 1,000 predictions 1,000 -> 5,000, because false negatives 2.0 % -> 10.0 % in 30m"
