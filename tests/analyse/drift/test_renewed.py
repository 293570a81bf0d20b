"""Other limits while it runs: what was learned and seen stays, and only evidence that proves nothing any more begins anew."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drift_traffic import EDGES, LONG, NORMAL, PROMPTS, SETTINGS, Traffic
from msgspec.structs import replace

from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.config import DriftSettings

SLIGHT = [0.1, 0.3, 0.3, 0.28, 0.02]  # KS 0.12


@pytest.fixture
def traffic() -> Traffic:
    return Traffic(DriftRoom(SETTINGS))


@pytest.mark.parametrize(
    ("changed", "decades"),
    [
        ({"false_alarm_every": "3d"}, 1.0),  # ten times as many false alarms are allowed: the same evidence is ten times nearer to one
        ({"false_alarm_every": "300d"}, -1.0),
        ({"every": "20s"}, 1.0),
        ({"learn": "9h"}, 0.0),
        ({"importance": {PROMPTS: 3.0}}, 0.0),  # of one signal the whole budget, whatever it weighs
    ],
)
def test_a_budget_changes_the_number_and_nothing_else(traffic: Traffic, changed: dict[str, object], decades: float) -> None:
    before = traffic.run(300, NORMAL)
    room = traffic.room
    judge = room._signals["llm", PROMPTS].judge
    assert room.renew(replace(SETTINGS, **changed)) == 0
    room.check(traffic.now_s + 20)  # without new rows
    after = traffic.verdict()
    assert room._signals["llm", PROMPTS].judge is judge
    assert (after.evidence or 0) - (before.evidence or 0) == pytest.approx(decades)
    assert (after.n_reference, after.origin) == (before.n_reference, before.origin)


def test_importances_move_the_budget_between_signals() -> None:
    room, shares = DriftRoom(SETTINGS), [0, 0, 0, 0, 0]
    for name in ("a", "b"):
        room.observe(0.0, "llm", name, "input", EDGES, shares)

    def days() -> dict[str, float | None]:
        return {one.signal: one.budget_days for one in room.verdicts(0.0)}

    assert days() == {"a": 60.0, "b": 60.0}
    room.renew(SETTINGS, {"a": 3.0, "b": 1.0})
    assert days() == pytest.approx({"a": 40.0, "b": 120.0})
    room.renew(replace(SETTINGS, importance={"llm/b": 3.0}), {"a": 1.0})
    assert days() == pytest.approx({"a": 120.0, "b": 40.0})
    room.renew(replace(SETTINGS, false_alarm_every="1d"))
    assert days() == {"a": 2.0, "b": 2.0}


def test_another_time_of_learning_holds_for_who_learns(traffic: Traffic) -> None:
    traffic.room.renew(replace(SETTINGS, learn="10m"))
    traffic.run(60, NORMAL)
    assert traffic.verdict().state == "learning"
    traffic.room.renew(SETTINGS)
    verdict = traffic.run(10, NORMAL)
    assert verdict.state in ("idle", "stable")
    assert verdict.n_reference > 1000, "the rows of the first minute are part of it"


def test_another_pace_of_checks(traffic: Traffic) -> None:
    traffic.run(60, NORMAL)
    traffic.room.renew(replace(SETTINGS, every="20s"))
    before = traffic.room._signals["llm", PROMPTS].checks
    traffic.run(200, NORMAL)
    assert traffic.room._signals["llm", PROMPTS].checks - before == 10


def test_another_smallest_shift_begins_the_evidence_anew_and_nothing_else(traffic: Traffic) -> None:
    traffic.run(120, NORMAL)
    drifting = traffic.run(60, LONG)
    signal = traffic.room._signals["llm", PROMPTS]
    seen, judge, charted = dict(vars(signal)), signal.judge, vars(signal.early).copy()
    assert traffic.room.renew(replace(SETTINGS, smallest_shift=0.02)) == 1
    assert {name for name, value in vars(signal).items() if value is not seen[name]} == {"judge", "limits"}
    assert vars(signal.early) == charted
    assert judge is not None
    assert signal.judge is not None
    assert signal.judge.log_e.shape == judge.log_e.shape
    assert signal.judge.evidence(1.0) == 0.0
    after = traffic.verdict()
    assert (after.state, after.since, after.n_now, after.n_reference) == ("drift", drifting.since, drifting.n_now, drifting.n_reference)
    later = traffic.run(60, LONG)
    assert (later.state, later.since) == ("drift", drifting.since)
    assert (later.evidence or 0) > 0, "it is found again"
    assert traffic.room.episodes()[0].end_s is None


def test_the_new_shift_is_what_is_judged_by(traffic: Traffic) -> None:
    traffic.room.reference("llm", PROMPTS, "input", EDGES, (10_000 * np.asarray(NORMAL)).tolist())
    traffic.room.renew(replace(SETTINGS, smallest_shift=0.2))
    assert traffic.run(300, SLIGHT).state == "stable"
    traffic.room.renew(SETTINGS)
    assert traffic.run(300, SLIGHT).state == "drift"


def test_a_drift_that_is_not_worth_a_word_any_more_is_over(traffic: Traffic) -> None:
    traffic.room.reference("llm", PROMPTS, "input", EDGES, (10_000 * np.asarray(NORMAL)).tolist())
    assert traffic.run(200, SLIGHT).state == "drift"
    assert traffic.room.renew(replace(SETTINGS, smallest_shift=0.3)) == 1
    assert traffic.verdict().state != "drift"
    assert [one.end_s for one in traffic.room.episodes()] == [traffic.now_s]
    assert traffic.run(200, SLIGHT).state == "stable"


def test_the_same_shift_again_and_who_learns_begin_nothing_anew(traffic: Traffic) -> None:
    traffic.run(10, NORMAL)
    assert traffic.room.renew(replace(SETTINGS, smallest_shift=0.05)) == 0
    traffic.run(120, NORMAL)
    assert traffic.room.renew(replace(SETTINGS, smallest_shift=0.05)) == 0


def test_a_shift_that_changed_while_the_monitor_was_off_begins_the_evidence_anew_too(traffic: Traffic) -> None:
    traffic.run(120, NORMAL)
    drifting = traffic.run(60, LONG)
    saved = traffic.room.dump()
    same, other = DriftRoom(SETTINGS), DriftRoom(replace(SETTINGS, smallest_shift=0.02))
    for room in (same, other):
        assert room.load(saved)
        (verdict,) = room.verdicts(traffic.now_s)
        assert (verdict.state, verdict.since, verdict.n_reference) == ("drift", drifting.since, drifting.n_reference)
    kept, begun = (room._signals["llm", PROMPTS].judge for room in (same, other))
    assert kept is not None
    assert begun is not None
    assert np.isfinite(kept.log_e).all()
    assert (begun.log_e == -math.inf).all()


def test_settings_of_before_that_say_no_shift_are_read(traffic: Traffic) -> None:
    traffic.run(120, NORMAL)
    older = DriftRoom(DriftSettings(smallest_shift=0.02))
    assert older.load(traffic.room.dump().replace(b"\xaesmallest_shift\xcb", b"\xaesmallest_shifT\xcb"))
    judge = older._signals["llm", PROMPTS].judge
    assert judge is not None
    assert np.isfinite(judge.log_e).all()
