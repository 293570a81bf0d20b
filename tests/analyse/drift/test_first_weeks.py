"""What was learned in an hour knows one hour: until a whole day was seen, only what is clearly sudden is drift."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tui_monitor.analyse.drift import dependence
from tui_monitor.analyse.drift.first_weeks import WHY_DAY, WHY_WEEK, FirstWeeks
from tui_monitor.analyse.drift.replayed import Series, replay
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.config import DriftSettings
from tui_monitor.model import Drift

EDGES = [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5]
DAY_S = 86_400.0
START_S = 1_800_000_000.0 // DAY_S * DAY_S + 9 * 3600.0


class Served:
    """A server whose histogram has a daily swing of `swing` standard deviations, looked at every minute."""

    def __init__(self, swing: float, seed: int = 1) -> None:
        self.room = DriftRoom(DriftSettings(learn="1h", every="60s"))
        self.chance, self.now_s, self.swing = np.random.default_rng(seed), START_S, swing
        self.counts = np.zeros(len(EDGES) + 1)
        self.states: list[str] = []

    def run(self, hours: float, shift: float = 0.0) -> Drift:
        for _ in range(round(hours * 60)):
            self.now_s += 60.0
            level = self.swing * np.sin(2 * np.pi * self.now_s / DAY_S) + shift
            self.counts += np.bincount(np.searchsorted(EDGES, self.chance.normal(level, 1.0, 30)), minlength=self.counts.size)
            self.room.observe(self.now_s, "llm", "tokens", "input", EDGES, np.cumsum(self.counts).tolist())
            self.room.check(self.now_s)
            self.states.append(self.room.verdicts(self.now_s)[0].state)
        return self.room.verdicts(self.now_s)[0]


def test_a_service_that_sleeps_at_night_raises_no_alarm_after_an_hour_of_learning() -> None:
    served = Served(swing=0.6)
    evening = served.run(10)
    assert evening.state == "watch"
    assert evening.why == WHY_DAY
    assert evening.sentence.endswith("It may be the hour of the day, which is known when a whole day was seen.")
    after = served.run(38)
    assert "drift" not in served.states
    assert after.origin == "learned over a whole day, by the hour of the day"
    assert after.state in ("stable", "idle")


def test_a_sudden_change_is_drift_on_the_first_day_too() -> None:
    served = Served(swing=0.0)
    served.run(3)
    verdict = served.run(1, shift=0.8)
    assert verdict.state == "drift"
    assert verdict.kind == "sudden"


def test_rows_of_a_drift_do_not_become_what_is_usual() -> None:
    served = Served(swing=0.0)
    served.run(6)
    assert served.run(22, shift=0.8).state == "drift"
    assert served.run(2).origin.startswith("learned in")
    settled = served.run(20)
    assert settled.origin == "learned over a whole day"
    assert settled.mean == (None, None)
    assert served.run(1, shift=0.8).state == "drift"


@pytest.mark.parametrize("hours", [2, 30])
def test_the_first_day_goes_on_after_a_restart(hours: float) -> None:
    served = Served(swing=0.6)
    served.run(hours)
    again = DriftRoom(DriftSettings(learn="1h", every="60s"))
    assert again.load(served.room.dump())
    served.room = again
    assert served.run(40 - hours).origin == "learned over a whole day, by the hour of the day"
    assert "drift" not in served.states


def bursts(chance: np.random.Generator, span_s: float) -> Series:
    """Silence, then some hundred rows within minutes that resemble each other: 20 rows a minute on the whole."""
    sizes = 1 + chance.geometric(1 / 200, size=round(span_s / 3 / 200) + 1)
    begins = START_S + np.sort(chance.uniform(0, span_s, sizes.size))
    group = np.repeat(np.arange(sizes.size), sizes)
    at_s = begins[group] + chance.uniform(0, 180, group.size)
    mood = chance.normal(size=sizes.size)[group]
    values = np.sqrt(0.2) * mood + np.sqrt(0.8) * chance.normal(size=group.size)
    order = np.argsort(at_s)
    return Series(at_s[order], values[order])


@pytest.mark.parametrize("seed", [11, 13, 22])
def test_of_a_given_reference_the_first_day_tells_what_a_row_is_worth(seed: int) -> None:
    """Fifteen bursts do not know how much alike their rows are; without the first day these three streams alarm up to five times."""
    stream = bursts(np.random.default_rng([seed, 7]), 9000.0 + 12 * DAY_S)
    cut_s = stream.at_s[0] + 9000.0
    before, after = stream.at_s < cut_s, stream.at_s >= cut_s
    found = replay(
        {"x": Series(stream.at_s[after], stream.values[after])}, {"x": Series(stream.at_s[before], stream.values[before])},
        every_s=60.0, budget_s=30 * DAY_S, smallest_shift=0.01,
    )  # fmt: skip
    assert [one for one in found.episodes if one.start_s > cut_s + 1.1 * DAY_S] == []


def test_a_step_stays_sudden_however_long_ago_it_was() -> None:
    chance = np.random.default_rng(6)
    at_s = START_S + np.arange(6 * 1440 * 10) * 6.0
    values = chance.normal(size=at_s.size) + 0.5 * (at_s >= START_S + 2 * DAY_S)
    reference = Series(START_S - 60_000.0 + np.arange(10_000) * 6.0, chance.normal(size=10_000))
    found = replay({"x": Series(at_s, values)}, {"x": reference}, every_s=60.0, budget_s=30 * DAY_S, smallest_shift=0.01)
    assert [(one.kind, one.end_s) for one in found.episodes] == [("sudden", None)]
    assert abs(found.episodes[0].since_s - START_S - 2 * DAY_S) < 1200


class Resting:
    """A service with a daily swing that is used less at weekends, looked at every five minutes; it began on a Wednesday."""

    def __init__(self, seed: int = 1) -> None:
        self.room = DriftRoom(DriftSettings(learn="1h", every="5m"))
        self.chance, self.now_s = np.random.default_rng(seed), 1_800_057_600.0 + 4 * DAY_S
        self.counts = np.zeros(len(EDGES) + 1)
        self.states: list[str] = []

    def run(self, days: float, shift: float = 0.0) -> Drift:
        for _ in range(round(days * 288)):
            self.now_s += 300.0
            of_week = (self.now_s / DAY_S + 5) % 7  # 0: Saturday begins
            weekend = np.clip(min(of_week, 2 - of_week) * 4 + 0.5, 0, 1) + np.clip((of_week - 7) * 4 + 0.5, 0, 1)
            level = 0.3 * np.sin(2 * np.pi * self.now_s / DAY_S) - 0.6 * weekend + shift
            self.counts += np.bincount(np.searchsorted(EDGES, self.chance.normal(level, 1.0, 60)), minlength=self.counts.size)
            self.room.observe(self.now_s, "llm", "tokens", "input", EDGES, np.cumsum(self.counts).tolist())
            self.room.check(self.now_s)
            self.states.append(self.room.verdicts(self.now_s)[0].state)
        return self.room.verdicts(self.now_s)[0]


def test_the_first_weekends_raise_no_alarm_and_then_the_hours_of_the_week_are_known() -> None:
    served = Resting()
    saturday = served.run(3.5)
    assert saturday.state == "watch"
    assert saturday.why == WHY_WEEK
    assert served.run(2.2).origin == "learned from the last day, which was unlike those before it, by the hour of the day"
    assert served.run(8.5).origin == "learned over two weeks, by the hour of the week"
    served.states, before = [], "drift" in served.states
    assert not before
    assert served.run(7).state == "stable"
    assert set(served.states) <= {"stable", "idle"}


def test_what_jumps_between_the_first_weekends_is_drift_soon() -> None:
    served = Resting()
    served.run(8.4)
    jumped_s = served.now_s
    verdict = served.run(0.25, shift=0.7)
    assert verdict.state == "drift"
    assert verdict.kind == "sudden"
    assert verdict.since is not None
    assert abs(verdict.since.timestamp() - jumped_s) <= 900


def test_the_first_weeks_go_on_after_a_restart() -> None:
    served = Resting()
    served.run(9)
    again = DriftRoom(DriftSettings(learn="1h", every="5m"))
    assert again.load(served.room.dump())
    served.room = again
    assert served.run(5.2).origin == "learned over two weeks, by the hour of the week"


def test_what_was_pinned_learns_the_hours_of_its_day_too() -> None:
    served = Served(swing=0.6)
    served.run(8)
    assert served.room.pin("llm", "tokens") == ""
    served.run(12)
    assert "drift" not in served.states


@pytest.mark.parametrize("minutes", [1, 4])
def test_what_jumps_right_after_the_learning_is_held_against_what_was_learned(minutes: int) -> None:
    served = Served(swing=0.0)
    served.run(1 + minutes / 60)
    assert served.states[-1] != "learning"
    assert served.run(8 / 60, shift=1.5).state == "drift"


def of_bursts(seed: int, days: float) -> DriftRoom:
    """A server to which rows come in bursts, after its first hour and so many days."""
    stream = bursts(np.random.default_rng([seed, 3]), days * DAY_S + 7200)
    places = np.searchsorted(EDGES, stream.values)
    room, counts = DriftRoom(DriftSettings(learn="1h", every="60s")), np.zeros(len(EDGES) + 1)
    begun_s = stream.at_s[0] // 60 * 60
    ends = np.searchsorted(stream.at_s, begun_s + 60.0 * np.arange(1, round(days * 1440) + 62))
    for minute, (first, last) in enumerate(pairwise([0, *ends.tolist()])):
        counts += np.bincount(places[first:last], minlength=counts.size)
        now_s = begun_s + 60.0 * (minute + 1)
        room.observe(now_s, "llm", "tokens", "input", EDGES, np.cumsum(counts).tolist())
        room.check(now_s)
    return room


@pytest.mark.parametrize("seed", [4, 11, 12])
def test_bursts_raise_no_alarm_on_their_first_day(seed: int) -> None:
    room = of_bursts(seed, 1.2)
    assert room.episodes() == []
    assert room.verdicts(START_S + 1.3 * DAY_S)[0].tau is not None


def test_bursts_jump_all_the_time_and_before_one_is_drift_the_hours_before_it_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """One hour of bursts does not know what its rows are worth; these hosts alarm once to four times a day without another look."""
    monkeypatch.setattr(dependence, "LEAST_SEEN", 1)  # a dozen of them are not waited for
    rooms = [of_bursts(seed, 1.2) for seed in (4, 11, 12, 23, 24, 29)]
    assert sum(len(room.episodes()) for room in rooms) <= 2
    assert all(room.verdicts(START_S + 1.3 * DAY_S)[0].tau is not None for room in rooms)
    monkeypatch.setattr(FirstWeeks, "moods", lambda *_: dependence.NO_MOODS)
    assert sum(len(of_bursts(seed, 1.2).episodes()) for seed in (4, 11, 12, 23, 24, 29)) > 9
