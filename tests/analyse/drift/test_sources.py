"""Where rows and references come from: columns of logs, given and earlier references, restarts; and input that tells nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.given import of_buckets, of_categories, of_values
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.room import GONE_S, MAX_SIGNALS, DriftRoom
from tui_monitor.config import DriftSettings
from tui_monitor.model import Drift

START_S = 1_800_000_000.0
SETTINGS = DriftSettings(learn="60s", every="10s")


class Log:
    """A log whose rows come, ten a second, in steps of ten seconds."""

    def __init__(self, room: DriftRoom | None = None, name: str = "fraud") -> None:
        self.room, self.name, self.now_s = room or DriftRoom(SETTINGS), name, START_S
        self.chance = np.random.default_rng(3)

    def run(self, seconds: float, **columns: Any) -> dict[str, Drift]:
        """`columns`: name -> a function of (how many, chance) that gives values; None among them is missing."""
        for _ in range(round(seconds / 10)):
            at_s = self.now_s + np.arange(100) / 10
            self.now_s += 10
            told = {}
            for name, make in columns.items():
                values = make(100, self.chance)
                there = np.asarray([value is not None and value == value for value in values])  # noqa: PLR0124
                told[name] = ("input", values[there], there)
            if told:
                self.room.rows(self.name, at_s, told)
            self.room.check(self.now_s)
        return self.verdicts()

    def verdicts(self) -> dict[str, Drift]:
        return {one.signal: one for one in self.room.verdicts(self.now_s)}


def normal(n: int, chance: np.random.Generator) -> Any:
    return chance.normal(0, 1, n)


def shifted(n: int, chance: np.random.Generator) -> Any:
    return chance.normal(0.8, 1, n)


def objects(values: Any) -> Any:
    made = np.empty(len(values), dtype=object)
    made[:] = list(values)
    return made


# -- what cannot be judged says why, and never alarms -----------------------------------------------------------------------------------------


def test_a_constant_column_is_blind() -> None:
    verdict = Log().run(600, x=lambda n, _: np.full(n, 7.0))["x"]
    assert verdict.state == "blind"
    assert "nearly all rows fall into one bucket" in verdict.sentence


def test_a_column_without_any_value_says_so_and_is_learned_when_values_come() -> None:
    log = Log()
    verdict = log.run(600, x=lambda n, _: np.full(n, np.nan))["x"]
    assert (verdict.state, verdict.why) == ("blind", "no value in any of 6000 rows")
    assert verdict.sentence == "x: no value in any of 6000 rows."
    assert log.run(600, x=normal)["x"].state == "stable"


def test_one_category_is_stable_and_a_second_one_is_found() -> None:
    log = Log()
    assert log.run(600, x=lambda n, _: objects(["eur"] * n))["x"].state == "stable"
    verdict = log.run(120, x=lambda n, _: objects(["eur", "usd"] * (n // 2)))["x"]
    assert verdict.state == "drift"
    assert "'usd'" in verdict.sentence
    assert verdict.new_category == pytest.approx(0.5)


def test_three_rows_learn_and_never_alarm() -> None:
    log = Log()
    log.room.rows(
        "fraud", np.asarray([START_S, START_S + 1, START_S + 2]), {"x": ("input", np.asarray([1.0, 2.0, 9e9]), np.ones(3, np.bool_))}
    )
    verdict = log.run(3600)["x"]
    assert verdict.state in ("learning", "stale")
    assert verdict.n_reference == 3


def test_ids_times_and_sentences_are_blind_with_why() -> None:
    log = Log()
    count = iter(range(10**9))
    verdicts = log.run(
        300,
        id=lambda n, _: np.asarray([float(next(count)) for _ in range(n)]),
        clock=lambda n, _: np.asarray([START_S + 3.7 * next(count) for _ in range(n)]),
        text=lambda n, _: objects([f"sentence {next(count)}" for _ in range(n)]),
    )
    assert {name: one.state for name, one in verdicts.items()} == {"id": "blind", "clock": "blind", "text": "blind"}
    assert "each whole number occurs once" in verdicts["id"].why
    assert verdicts["clock"].why.startswith("times")
    assert "no category" in verdicts["text"].why
    assert all(one.n_now == 0 and one.evidence is None for one in verdicts.values())


def test_a_few_texts_among_numbers_are_left_out_and_texts_instead_of_numbers_are_blind() -> None:
    log = Log()
    mixed = lambda n, chance: objects([*chance.normal(0, 1, n - 2).tolist(), "n/a", "?"])  # noqa: E731
    assert log.run(600, x=mixed)["x"].state == "stable"
    assert log.run(60, x=mixed)["x"].type == "numeric"
    verdict = log.run(60, x=lambda n, _: objects(["n/a"] * n))["x"]
    assert (verdict.state, verdict.why) == ("blind", "its values are texts now, they were numbers in the reference")
    assert log.run(120, x=mixed)["x"].state == "stable"


def test_buckets_that_change_learn_anew() -> None:
    room, now_s = DriftRoom(SETTINGS), START_S
    for i in range(100):
        edges = [1.0, 2.0] if i < 50 else [1.0, 4.0]
        now_s += 10
        room.observe(now_s, "llm", "h", "input", edges, [30.0 * i, 60.0 * i, 100.0 * i])
        room.check(now_s)
        (verdict,) = room.verdicts(now_s)
        assert verdict.state != "drift"
        if i == 52:
            assert (verdict.state, verdict.sentence[:20]) == ("learning", "its buckets changed;")


def test_a_vanished_series_is_stale_and_a_reset_is_a_new_segment() -> None:
    room, now_s, chance, counts = DriftRoom(SETTINGS), START_S, np.random.default_rng(1), np.zeros(3)
    for i in range(120):
        now_s += 10
        counts = np.zeros(3) if i == 60 else counts + chance.multinomial(60, [0.3, 0.3, 0.4])
        room.observe(now_s, "llm", "h", "input", [1.0, 2.0], np.cumsum(counts).tolist())
        room.check(now_s)
        assert room.verdicts(now_s)[0].state != "drift"
    room.check(now_s + 600)
    (verdict,) = room.verdicts(now_s + 600)
    assert (verdict.state, verdict.sentence.startswith("its source is silent since")) == ("stale", True)


@pytest.mark.parametrize("step_s", [-86_400.0, 86_400.0])
def test_a_clock_that_steps_is_no_drift(step_s: float) -> None:
    log = Log()
    assert log.run(600, x=normal)["x"].state == "stable"
    log.now_s += step_s
    for _ in range(30):
        assert log.run(10, x=normal)["x"].state in ("stable", "idle")
    assert log.verdicts()["x"].state == "stable"


# -- references ---------------------------------------------------------------------------------------------------------------------------


def reference(values: Any = None) -> tuple[Bins, Reference]:
    values = np.random.default_rng(9).normal(0, 1, 5000) if values is None else values
    made = of_values(values, START_S + np.arange(values.size), "file train.csv")
    assert made.bins is not None
    assert made.reference is not None
    return made.bins, made.reference


def test_a_reference_file_is_judged_against_at_once() -> None:
    log = Log()
    assert log.room.offer("fraud", "x", *reference()) == ""
    log.room.reference_file("fraud", "file train.csv")
    assert log.room.signals == 0  # not before its first rows
    verdict = log.run(120, x=shifted, other=normal)
    assert (verdict["x"].state, verdict["x"].origin, verdict["x"].n_reference) == ("drift", "file train.csv", 5000)
    assert verdict["other"].sentence.startswith("not in file train.csv; ") or verdict["other"].state != "learning"


def test_columns_of_another_model_are_learned_and_say_so() -> None:
    log = Log()
    log.room.offer("fraud", "age", *reference())
    log.room.reference_file("fraud", "file other.csv")
    verdicts = log.run(30, amount=normal)
    assert set(verdicts) == {"amount"}
    assert verdicts["amount"].sentence.startswith("not in file other.csv; learning what is normal")


def test_a_reference_that_is_too_small_is_not_taken() -> None:
    made = of_values(np.asarray([1.0, 2.0, 3.0]), None, "file tiny.csv")
    assert (made.reference, made.why) == (None, "3 values in file tiny.csv, 500 are needed")
    log = Log()
    log.room.not_given("fraud", "x", made.why)
    assert log.run(30, x=normal)["x"].sentence.startswith("3 values in file tiny.csv, 500 are needed; learning")
    assert of_values(np.arange(1000.0), None, "file f").why.startswith("each whole number occurs once")


def test_a_reference_without_times_learns_first_how_rows_cluster() -> None:
    def clustered(n: int, chance: np.random.Generator) -> Any:
        return np.repeat(chance.normal(0, 1, n // 20), 20)  # twenty rows that are one

    made = of_values(np.random.default_rng(9).normal(0, 1, 5000), None, "file train.csv")
    assert made.bins is not None
    assert made.reference is not None
    assert not made.timed
    log = Log()
    log.room.offer("fraud", "x", made.bins, made.reference, timed=made.timed)
    assert "has no times" in log.run(30, x=clustered)["x"].sentence
    verdict = log.run(3000, x=clustered)["x"]
    assert verdict.state in ("stable", "idle", "watch")
    assert verdict.tau is not None
    assert verdict.tau > 8
    assert verdict.origin == "file train.csv"


def test_a_reference_without_times_waits_for_a_dozen_bursts() -> None:
    """Each burst has a level of its own: what its rows are worth, only other bursts can tell."""
    made = of_values(np.random.default_rng(9).normal(0, 1, 5000), None, "file train.csv")
    assert made.bins is not None
    assert made.reference is not None
    log = Log(DriftRoom(DriftSettings(learn="1h", every="60s")))
    log.room.offer("fraud", "x", made.bins, made.reference, timed=False)
    levels = np.random.default_rng(4).normal(0, 0.6, 90)
    for burst, level in enumerate(levels):
        verdict = log.run(180, x=lambda n, chance, level=level: chance.normal(level, 0.8, n))["x"]
        if burst == 4:
            assert verdict.state == "learning"
            assert verdict.sentence == "its rows come in bursts, 4 of 12 seen; learning what is normal: 9000 rows so far, at most a day."
            assert verdict.progress == pytest.approx(4 / 12)  # when it was tried last
        log.run(900)
    assert verdict.state in ("stable", "idle", "watch")
    assert verdict.tau is not None
    assert verdict.tau > 200  # of 1,800 rows of a burst; they share 36 % of their variance
    assert log.room.episodes() == []


def test_learning_ends_after_a_day_also_between_two_bursts() -> None:
    log = Log(DriftRoom(DriftSettings(learn="1h", every="60s")))
    for _ in range(5):
        log.run(180, x=normal)
        log.run(5 * 3600 - 180)
    assert log.run(10)["x"].tau is not None


def test_past_buckets_are_a_reference_where_the_buckets_are_the_same() -> None:
    slots = np.random.default_rng(2).multinomial(100, [0.3, 0.3, 0.4], 100).astype(np.float64)
    made = of_buckets([1.0, 2.0], START_S + 60 * np.arange(100), slots, "a day in May")
    assert made.bins is not None
    assert made.reference is not None
    assert made.reference.counts == slots.sum(axis=0).tolist()
    room = DriftRoom(SETTINGS)
    room.observe(START_S, "llm", "h", "input", [1.0, 4.0], [0.0, 0.0, 0.0])
    assert "has other buckets" in room.offer("llm", "h", made.bins, made.reference, "histogram")
    room.observe(START_S, "llm", "h", "input", [1.0, 2.0], [0.0, 0.0, 0.0])
    assert room.offer("llm", "h", made.bins, made.reference, "histogram") == ""
    assert of_buckets([1.0, 2.0], np.asarray([1.0]), slots[:1], "x").why.startswith("100 rows in x")


def test_a_past_that_tells_its_sum_has_a_mean_and_the_verdict_compares_it() -> None:
    chance = np.random.default_rng(2)
    slots = chance.multinomial(100, [0.6, 0.3, 0.1], 100).astype(np.float64)
    made = of_buckets([1.0, 2.0], START_S + 60 * np.arange(100), slots, "a day in May", amount=1.5 * slots.sum())
    assert made.bins is not None
    assert made.reference is not None
    assert made.reference.mean == pytest.approx(1.5)
    room, counts, amount = DriftRoom(SETTINGS), np.zeros(3), 0.0
    assert room.offer("llm", "h", made.bins, made.reference, "histogram") == ""
    for i in range(60):
        room.observe(START_S + 10 * i, "llm", "h", "input", [1.0, 2.0], np.cumsum(counts).tolist(), None, amount)
        room.check(START_S + 10 * i)
        counts = counts + chance.multinomial(100, [0.2, 0.3, 0.5])
        amount += 250
    verdict = room.verdicts(START_S + 600)[0]
    assert verdict.state == "drift"
    assert verdict.mean == (pytest.approx(1.5), pytest.approx(2.5))
    # no less than the difference of the exact means, which buckets alone do not tell
    assert verdict.bounds["wasserstein"][0] == pytest.approx(1.0)


def test_past_classes_are_named_as_learned_ones_are() -> None:
    """The oracle is what a room learns from the same counts."""
    chance = np.random.default_rng(6)
    weights = chance.dirichlet(np.full(40, 0.5))
    names = [f"class {i}" for i in range(40)]
    slots = chance.multinomial(200, weights, 60).astype(np.float64)
    times = START_S + 10.0 * np.arange(1, 61)
    made = of_categories(names, times, slots, "a day in May")
    room, counts = DriftRoom(DriftSettings(learn="600s", every="10s")), np.zeros(40)
    room.observe(START_S, "llm", "c{why}", "output", [], counts.tolist(), names)
    for at_s, row in zip(times, slots, strict=True):
        counts = counts + row
        room.observe(float(at_s), "llm", "c{why}", "output", [], counts.tolist(), names)
        room.check(float(at_s))
    learned = room._signals["llm", "c{why}"]
    assert learned.bins is not None
    assert learned.reference is not None
    assert made.bins == learned.bins
    assert made.reference is not None
    assert (made.reference.counts, made.reference.tau) == (learned.reference.counts, learned.reference.tau)
    assert of_categories(names, times[:1], slots[:1], "x").why.startswith("200 rows in x")


def test_the_past_of_a_counter_waits_for_its_first_rows() -> None:
    slots = np.random.default_rng(9).multinomial(100, [0.8, 0.2], 100).astype(np.float64)
    made = of_categories(["stop", "length"], START_S + 60 * np.arange(100), slots, "a day in May")
    assert made.bins is not None
    assert made.reference is not None
    room = DriftRoom(SETTINGS)
    assert room.offer("llm", "c{why}", made.bins, made.reference, "categories") == ""
    room.observe(START_S, "llm", "c{why}", "output", [], [0.0, 0.0], ["stop", "length"])
    assert room.verdicts(START_S)[0].origin == "a day in May"


def test_a_class_that_the_past_never_had_is_new() -> None:
    slots = np.random.default_rng(8).multinomial(100, [0.8, 0.2, 0.0], 100).astype(np.float64)
    made = of_categories(["stop", "length", "abort"], START_S + 60 * np.arange(100), slots, "a day in May")
    assert made.bins is not None
    assert made.reference is not None
    assert made.bins.names == ["stop", "length", "other", "new"]
    room, counts = DriftRoom(SETTINGS), np.zeros(3)
    room.observe(START_S, "llm", "c{why}", "output", [], counts.tolist(), ["stop", "length", "abort"])
    assert room.offer("llm", "c{why}", made.bins, made.reference, "categories") == ""
    assert "other buckets" in room.offer("llm", "c{why}", made.bins, made.reference, "histogram")
    for i in range(60):
        room.observe(START_S + 10 * i, "llm", "c{why}", "output", [], counts.tolist(), ["stop", "length", "abort"])
        room.check(START_S + 10 * i)
        counts = counts + np.asarray([60, 20, 20])
    verdict = room.verdicts(START_S + 600)[0]
    assert verdict.state == "drift"
    assert "abort" in verdict.sentence


def test_another_version_learns_anew_keeps_what_was_and_can_go_back() -> None:
    log = Log()
    log.run(120, x=normal)
    before = log.verdicts()["x"].origin
    assert log.room.deployed("fraud", "v2", log.now_s, logs=True) == 1
    verdict = log.run(20, x=shifted)["x"]
    assert verdict.state == "learning"
    assert verdict.sentence.startswith("version v2 since ")
    assert verdict.origin == f"before: {before}"
    verdict = log.run(600, x=shifted)["x"]
    assert verdict.state == "stable"
    assert verdict.origin.endswith(f"; before: {before}")
    again = DriftRoom(SETTINGS)
    assert again.load(log.room.dump())
    log.room = again
    assert log.room.back("fraud", "x", log.now_s) == ""
    verdict = log.run(120, x=shifted)["x"]
    assert verdict.state == "drift"
    assert verdict.origin.startswith(before)
    assert log.room.back("fraud", "none", log.now_s) == "there is no signal none of fraud"


def test_a_version_of_a_server_does_not_touch_the_log_of_the_same_name_nor_what_is_given() -> None:
    log = Log()
    log.room.offer("fraud", "given", *reference())
    log.run(120, x=normal, given=normal)
    assert log.room.deployed("fraud", "v2", log.now_s, logs=False) == 0
    assert log.room.deployed("fraud", "v2", log.now_s, logs=True) == 1
    assert {name: one.state == "learning" for name, one in log.verdicts().items()} == {"x": True, "given": False}


def test_only_some_earlier_references_are_kept() -> None:
    log = Log()
    for version in range(6):
        log.run(120, x=normal)
        log.room.deployed("fraud", f"v{version}", log.now_s, logs=True)
    log.run(120, x=normal)
    assert [log.room.back("fraud", "x", log.now_s) for _ in range(3)] == ["", "", ""]
    assert len(log.room.dump()) < 200_000


# -- over restarts, bounds ------------------------------------------------------------------------------------------------------------------


def test_the_same_reference_after_a_restart_keeps_the_drift_that_is_on() -> None:
    log = Log()
    log.room.offer("fraud", "x", *reference())
    assert log.run(120, x=shifted)["x"].state == "drift"
    since = log.verdicts()["x"].since
    again = DriftRoom(SETTINGS)
    assert again.load(log.room.dump())
    assert again.offer("fraud", "x", *reference()) == ""
    log.room = again
    verdict = log.run(10, x=shifted)["x"]
    assert (verdict.state, verdict.since) == ("drift", since)
    log.room.offer("fraud", "x", *reference(np.random.default_rng(1).normal(0.8, 1, 4000)))  # the file was changed
    assert log.run(120, x=shifted)["x"].state == "stable"


def test_signals_over_the_bound_are_counted() -> None:
    room = DriftRoom(SETTINGS)
    columns = {f"c{i}": ("input", np.ones(2), np.ones(2, np.bool_)) for i in range(MAX_SIGNALS + 40)}
    room.rows("wide", np.asarray([START_S, START_S + 1]), columns)
    assert (room.signals, len(room.left_out)) == (MAX_SIGNALS, 40)
    room.forget("wide")
    assert (room.signals, len(room.left_out)) == (0, 0)


def test_a_source_that_is_gone_for_long_gives_its_budget_back() -> None:
    log = Log()
    log.run(120, x=normal)
    other = Log(log.room, "new")
    other.now_s = log.now_s + GONE_S + 100
    other.run(120, x=normal)
    assert log.room.expire(log.now_s + 3600, {"new"}) == []
    assert log.room.expire(other.now_s, {"new", "fraud"}) == []
    assert log.room.expire(other.now_s, {"new"}) == ["fraud"]
    assert set(log.verdicts()) == {"x"}
    assert log.room.signals == 1


def test_what_cannot_be_judged_takes_no_part_of_the_budget() -> None:
    alone, beside = Log(), Log()
    count = iter(range(10**9))
    alone.run(120, x=normal)
    beside.run(120, x=normal, id=lambda n, _: np.asarray([float(next(count)) for _ in range(n)]))
    one, two = (log.verdicts()["x"].evidence for log in (alone, beside))
    assert one is not None
    assert one == two


# -- order and company ------------------------------------------------------------------------------------------------------------------------


def test_what_moved_together_stands_in_order_of_onset() -> None:
    log = Log()
    log.run(300, a=normal, b=normal, c=normal)
    log.run(300, a=normal, b=shifted, c=normal)
    verdicts = log.run(300, a=shifted, b=shifted, c=normal)
    assert (verdicts["a"].moved_together, verdicts["b"].moved_together) == (["fraud/b"], ["fraud/a"])
    assert verdicts["c"].moved_together == []
    log.now_s += 7200
    log.run(100, a=shifted, b=shifted, c=normal)
    verdicts = log.run(300, a=shifted, b=shifted, c=shifted)
    assert verdicts["c"].state == "drift"
    assert verdicts["c"].moved_together == []


def test_the_worst_first() -> None:
    def order(importance: dict[str, float], apart_s: int = 0) -> list[str]:
        log = Log(DriftRoom(DriftSettings(learn="60s", every="10s", importance=importance)))
        log.run(300, a=normal, b=normal)
        log.run(apart_s, a=normal, b=shifted)
        log.run(300, a=lambda n, chance: chance.normal(3, 1, n), b=shifted)
        return [one.signal for one in log.room.verdicts(log.now_s)]

    assert order({}) == ["a", "b"]
    assert order({}, apart_s=300) == ["b", "a"]  # the one that began it, then what followed, however far
    assert order({"a": 0.01, "fraud/b": 0.7}) == ["b", "a"]


# -- counted rows, the past of a log -----------------------------------------------------------------------------------------------------------


def test_missing_values_are_told_with_their_share() -> None:
    log = Log()

    def some(share: float) -> Any:
        return lambda n, chance: np.where(chance.random(n) < share, np.nan, chance.normal(0, 1, n))

    log.run(600, x=some(0.02))
    verdict = log.run(600, x=some(0.3))["x"]
    assert verdict.missing_reference == pytest.approx(0.02, abs=0.01)
    assert verdict.missing_now == pytest.approx(0.3, abs=0.05)
    assert verdict.state == "stable"  # its values did not move; that they are missing is a signal of its own


def test_rows_that_break_an_expectation_are_a_signal_of_their_own() -> None:
    room, now_s, chance = DriftRoom(SETTINGS), START_S, np.random.default_rng(1)
    usual = Reference([20.0, 980.0], origin="not_null, mostly 0.98")

    def run(share: float) -> Drift:
        nonlocal now_s
        for _ in range(60):
            now_s += 10
            wrong = float(chance.binomial(100, share))
            room.counted("fraud", now_s, "x missing", "quality", ("missing", "there"), (wrong, 100 - wrong), usual)
            room.check(now_s)
        return room.verdicts(now_s)[0]

    assert run(0.02).state == "stable"
    verdict = run(0.2)
    assert (verdict.state, verdict.role, verdict.cause, verdict.origin) == ("drift", "quality", "quality", "not_null, mostly 0.98")
    assert verdict.sentence.startswith("x missing changed since ")
    assert verdict.sentence.endswith(" % missing, 2 % in the reference.")


def test_a_log_that_is_read_from_its_past_is_judged_at_its_own_times() -> None:
    log = Log()
    log.now_s = START_S
    days = 86_400.0
    for slot in range(120):
        at_s = START_S + 10 * slot + np.arange(100) / 10
        values = log.chance.normal(0.8 if slot >= 60 else 0.0, 1, 100)
        log.room.catch_up("fraud", START_S + 10 * slot)
        log.room.rows("fraud", at_s, {"x": ("input", values, np.ones(100, np.bool_))})
        log.room.check(START_S + 5 * days + slot)  # what the clock says meanwhile
    log.room.catch_up("fraud", START_S + 1200)
    (verdict,) = log.room.verdicts(START_S + 1200)
    assert verdict.state == "drift"
    assert verdict.since is not None
    assert abs(verdict.since.timestamp() - (START_S + 600)) <= 30


def test_what_somebody_pinned_outlives_a_restart_with_the_same_file() -> None:
    log = Log()
    log.room.offer("fraud", "x", *reference())
    assert log.run(120, x=shifted)["x"].state == "drift"
    assert log.room.pin("fraud", "x") == ""
    again = DriftRoom(SETTINGS)
    assert again.load(log.room.dump())
    again.offer("fraud", "x", *reference())
    log.room = again
    assert log.run(60, x=shifted)["x"].state == "stable"
    assert log.verdicts()["x"].origin == "as it was when somebody said so; before: file train.csv"
    assert log.room.back("fraud", "x", log.now_s) == ""
    assert log.run(60, x=shifted)["x"].state == "drift"
    assert log.room.deployed("fraud", "v2", log.now_s, logs=True) == 0  # the file's again: given
