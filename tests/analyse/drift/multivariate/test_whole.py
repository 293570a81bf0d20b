"""A log's rows from the first one on: collected, fitted, given numbers, over a restart; and the slow judges beside them."""

from __future__ import annotations

import importlib.util

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_monitor.analyse.drift.multivariate import charts, classifier, methods, slow
from tui_monitor.analyse.drift.multivariate.slow import SlowJudges
from tui_monitor.analyse.drift.multivariate.streams import Streams
from tui_monitor.analyse.drift.multivariate.whole import MOST_ROWS, SavedRows, WholeRows
from tui_monitor.model import LogRow, LogRows

START_S = 1_800_000_000.0


def rows(count: int, seed: int = 1, *, start: int = 0, every_s: float = 6.0, broken: bool = False, wrong: float = 0.1) -> list[LogRow]:
    chance = np.random.default_rng(seed)
    size = chance.normal(size=count)
    made = np.column_stack(
        [size, 2 * size + 0.3 * chance.normal(size=count), chance.normal(size=count), -size + 0.3 * chance.normal(size=count)]
    )
    if broken:
        made[:, 1] = chance.permutation(made[:, 1])
    errors = chance.random(count) < wrong
    return [
        LogRow(
            f"{seed}-{start + i}",
            START_S + (start + i) * every_s,
            "1",
            0.5,
            "0" if errors[i] else "1",
            {"size": one[0], "cost": one[1], "other": one[2], "rest": one[3], "colour": "red" if one[0] > 0 else "blue"},
        )
        for i, one in enumerate(made.tolist())
    ]


def wide(count: int, seed: int) -> list[LogRow]:
    """Rows that vary four times as much."""
    return [
        msgspec.structs.replace(
            row, features={name: 4 * value if isinstance(value, float) else value for name, value in row.features.items()}
        )
        for row in rows(count, seed)
    ]


def test_rows_are_collected_for_half_the_time_of_learning_then_everyone_gets_a_number() -> None:
    whole = WholeRows("fraud", ["pca", "mahalanobis"], 3600.0)
    assert whole.add(rows(299)) == []
    assert whole.progress == (299, 500)
    whole.add(rows(202, start=299))
    assert whole.progress is None
    assert whole.names == ["size", "cost", "other", "rest"]  # words are none
    got = whole.add(rows(50, 2, start=501))
    assert [one.signal for one in got] == ["row error", "row distance"]
    assert all(one.values.size == 50 and one.told.all() for one in got)


def test_what_is_collected_is_bounded_and_spread_over_all_of_the_time() -> None:
    whole = WholeRows("fraud", ["pca"], 1e9)
    for start in range(0, 3 * MOST_ROWS, 1000):
        whole.add(rows(1000, start=start, every_s=0.1))
    assert whole.progress is not None
    assert MOST_ROWS / 2 <= whole.progress[0] < MOST_ROWS


def test_a_log_with_too_few_numbers_is_left_alone_without_a_word() -> None:
    whole = WholeRows("fraud", ["pca"], 60.0)
    whole.add([LogRow(str(i), START_S + i, "1", None, None, {"a": float(i % 7), "b": "x", "c": float(i % 5)}) for i in range(600)])
    assert whole.settled
    assert (whole.fits, whole.why_not, whole.progress) == ({}, {}, None)


def test_columns_that_never_vary_are_a_reason() -> None:
    whole = WholeRows("fraud", ["pca"], 60.0)
    whole.add([LogRow(str(i), START_S + i, "1", None, None, {"a": 1.0, "b": 2.0, "c": float(i % 5)}) for i in range(600)])
    assert whole.why_not == {"pca": "1 of 3 numeric columns vary, 2 are needed"}


def test_half_of_a_reference_file_is_learned_from_and_the_other_half_is_what_is_usual() -> None:
    whole = WholeRows("fraud", ["pca"], 3600.0)
    (given,) = whole.given(rows(3000), "ref.jsonl")
    assert given.signal == "row error"
    assert given.reference.rows == 1500
    assert given.reference.origin == "ref.jsonl"
    small = WholeRows("fraud", ["pca"], 3600.0)
    assert small.given(rows(600), "ref.jsonl") == []  # it learns from them, and what is usual from the rows that come
    assert list(small.fits) == ["pca"]


def test_a_rise_names_the_column_whose_relation_broke() -> None:
    whole = WholeRows("fraud", ["pca"], 3600.0)
    whole.given(rows(3000), "ref.jsonl")
    whole.add(rows(600, 2, broken=True))
    found = whole.rise("pca")
    assert found is not None
    assert found.times > 3
    assert found.worst == "cost"


def test_what_was_learned_survives_a_restart_and_rows_do_not() -> None:
    whole = WholeRows("fraud", ["pca", "robust_z"], 3600.0, keep=1000)
    whole.given(rows(3000), "ref.jsonl")
    saved = whole.dump()
    assert saved is not None
    packed = msgspec.msgpack.encode(saved)
    assert len(packed) < 2000
    again = WholeRows("fraud", ["pca", "robust_z"], 3600.0, keep=1000)
    again.load(msgspec.msgpack.decode(packed, type=SavedRows))
    assert again.given(rows(3000), "ref.jsonl") == []  # the evidence against the same reference stands
    fresh = rows(50, 2)
    for one, other in zip(whole.add(fresh), again.add(fresh), strict=True):
        assert one.values == pytest.approx(other.values)
    wider = WholeRows("fraud", ["pca", "mahalanobis"], 3600.0)
    wider.load(saved)
    assert set(wider.fits) == {"pca"}
    assert wider.add(rows(50, 2))[0].values == pytest.approx(whole.add(rows(50, 2))[0].values)
    assert [one.signal for one in wider.given(rows(3000), "ref.jsonl")] == ["row distance"], "the rest is learned"
    assert set(wider.fits) == {"pca", "mahalanobis"}


@given(st.lists(st.tuples(st.sets(st.sampled_from(["pca", "mahalanobis", "robust_z"])), st.integers(0, 40)), max_size=6), st.booleans())
@settings(deadline=None, max_examples=40)
def test_whatever_is_wanted_next_what_stays_wanted_goes_on_with_its_fit(steps: list[tuple[set[str], int]], of_file: bool) -> None:
    whole = WholeRows("fraud", ["pca"], 1200.0)
    wanted, place = {"pca"}, 0
    if of_file:
        whole.given(rows(1200, 5), "ref.jsonl")
    for other, looks in [*steps, ({"pca", "robust_z"}, 10)]:
        before, collected = dict(whole.fits), len(whole._collected)
        whole.renew(sorted(other), 1200.0, keep=0)
        for method in wanted & other & set(before):
            assert whole.fits[method] is before[method]
        assert set(whole.fits) <= other
        assert len(whole._collected) == collected
        if whole.needs_file:
            whole.given(rows(1200, 5), "ref.jsonl")
        for _ in range(looks):
            whole.add(rows(60, place, start=place * 60))
            place += 1
        wanted = other
    assert set(whole.fits) == wanted
    assert whole.progress is None
    assert {one.signal for one in whole.add(rows(60, place, start=place * 60))} == {methods.SIGNALS[one] for one in wanted}


def test_another_time_to_learn_holds_for_what_is_still_learning() -> None:
    whole = WholeRows("fraud", ["pca"], 1e9)
    whole.add(rows(600))
    assert not whole.fits
    whole.renew(["pca"], 3600.0, keep=0)
    whole.add(rows(1, 2, start=600))
    assert set(whole.fits) == {"pca"}


def test_rows_are_kept_from_when_they_are_wanted() -> None:
    whole = WholeRows("fraud", ["pca"], 3600.0)
    whole.given(rows(3000), "ref.jsonl")
    fits = whole.fits
    assert not whole.needs_file
    whole.renew(["pca"], 3600.0, keep=2000)
    assert whole.needs_file
    assert whole.given(rows(3000), "ref.jsonl") == []
    whole.add(rows(50, 2))
    assert (len(whole.reference), len(whole.newest), len(whole.fresh)) == (2000, 50, 50)
    whole.renew(["pca"], 3600.0, keep=0)
    assert (len(whole.reference), len(whole.newest)) == (0, 1)
    assert whole.fits is fits


# -- [ml] ---------------------------------------------------------------------------------------------------------------------------


def test_without_the_extra_every_line_says_which_one_adds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(classifier, "find_spec", lambda _: None)
    monkeypatch.setattr(charts, "find_spec", lambda _: None)
    whole = WholeRows("fraud", [], 60.0, keep=2000)
    whole.given(rows(2000), "ref.jsonl")
    judges = SlowJudges("fraud", ["classifier", "isolation_forest", "one_class_svm"], "logistic")
    whole.add(rows(10, 2))
    assert not judges.ready(whole)
    said = judges.why_not(whole)
    assert set(said) == {"told apart", "unusual rows", "unusual rows (SVM)"}
    assert set(said.values()) == {"needs the extra [ml]: pip install 'tui-monitor[ml]'"}
    streams = Streams(["adwin", "half_space_trees"], "binary")
    streams.add(LogRows(rows(10), {}, {}), whole)
    assert streams.why_not == {"ADWIN, half-space trees": "needs the extra [river]: pip install 'tui-monitor[river]'"}
    assert streams.errors_out(START_S) == []


@pytest.fixture
def kept() -> WholeRows:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: the extra [ml]")
    whole = WholeRows("fraud", [], 60.0, keep=4000)
    whole.given(rows(4000), "ref.jsonl")
    return whole


@pytest.mark.parametrize("name", ["isolation_forest", "one_class_svm"])
def test_the_share_of_unusual_rows_is_one_in_a_hundred_until_rows_are_unusual(kept: WholeRows, name: str) -> None:
    judges = SlowJudges("fraud", [name], "logistic")
    assert not judges.ready(kept)  # no rows yet
    kept.add(rows(2000, 2))
    (found,) = judges.look(kept)
    assert found.signal == slow.SHARES[name]
    assert found.given is not None
    assert found.given[1].shares()[:2] == pytest.approx([0.99, 0.01], abs=0.001)
    assert float((found.words == "unusual").mean()) == pytest.approx(0.01, abs=0.008)
    kept.add(wide(1000, 3))
    (found,) = judges.look(kept)
    assert found.given is None
    assert found.at_s.size == 1000  # those of the first look are not told again
    assert float((found.words == "unusual").mean()) > 0.04


def test_the_lowest_scores_are_the_unusual_rows() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: the extra [ml]")
    from tui_monitor.analyse.drift.multivariate.outliers import Outliers

    chance = np.random.default_rng(1)
    known, held, now = chance.normal(size=(1000, 3)), chance.normal(size=(1000, 3)), chance.normal(size=(10_005, 3))
    planted = [17, 400, 5000, 7777, 10_000]
    now[planted] = 9.0
    for name in ("isolation_forest", "one_class_svm"):
        fitted = Outliers(name, ["a", "b", "c"], known, held)
        assert fitted.unusual(now)[planted].all()
        assert 0.002 < fitted.unusual(now).mean() < 0.04, "and of the others about one in a hundred"


@pytest.mark.parametrize("model", ["logistic", "tree", "forest"])
def test_the_classifier_tells_a_shift_with_its_column_and_no_change_is_stable(kept: WholeRows, model: str) -> None:
    judges = SlowJudges("fraud", ["classifier"], model)
    kept.add(rows(1500, 2))
    judges.look(kept)
    (same,) = judges.told
    assert (same.state, same.test, same.signal) == ("stable", "auc", "told apart")
    assert same.effect == pytest.approx(0.5, abs=0.06)
    shifted = [
        msgspec.structs.replace(row, features=row.features | {"other": float(row.features["other"] or 0) + 1.5}) for row in rows(4000, 3)
    ]
    kept.add(shifted)
    judges.look(kept)
    (told,) = judges.told
    assert told.state == "watch"
    assert told.parts[0].name == "other"
    assert told.interval[0] is not None
    assert told.effect is not None
    assert 0.55 < told.interval[0] < told.effect
    assert told.sentence.startswith(f"a classifier tells rows of now from the reference: AUC {told.effect:.2f} [")


# -- [river] ------------------------------------------------------------------------------------------------------------------------


def test_more_errors_put_the_extra_charts_out_and_they_come_back_in() -> None:
    pytest.importorskip("river", reason="river is not installed: the extra [river]")
    whole = WholeRows("fraud", ["pca"], 60.0, keep=2000)
    streams = Streams(["adwin", "hddm"], "binary")
    assert streams.why_not == {}
    usual = rows(3000, 1)
    for start in range(0, 3000, 500):
        streams.add(LogRows(usual[start : start + 500], {}, {}), whole)
    assert streams.out("performance", "errors", usual[-1].at_s) == []
    worse, out = rows(1500, 2, start=3000, wrong=0.5), set()
    for start in range(0, 1500, 100):
        some = worse[start : start + 100]
        streams.add(LogRows([msgspec.structs.replace(row, label=None) for row in some], {}, {}), whole)
        streams.add(LogRows([], {row.id: str(row.label) for row in some}, {}), whole)  # labels come later
        out |= set(streams.out("performance", "errors", some[-1].at_s))
        assert streams.out("input", "size", some[-1].at_s) == []
    assert out == {"ADWIN", "HDDM"}
    assert streams.out("performance", "errors", worse[-1].at_s + charts.HELD_S + 1) == []


def test_half_space_trees_see_rows_that_are_unlike_the_reference() -> None:
    pytest.importorskip("river", reason="river is not installed: the extra [river]")
    whole = WholeRows("fraud", ["pca"], 60.0, keep=2000)
    whole.given(rows(2000), "ref.jsonl")
    streams = Streams(["half_space_trees"], "binary")
    streams.add(LogRows(rows(600, 2), {}, {}), whole)
    assert streams.out("input", "row error", START_S) == []
    streams.add(LogRows(wide(600, 3), {}, {}), whole)
    assert streams.out("input", "row error", START_S) == ["half-space trees"]
    assert streams.out("input", "size", START_S) == []
