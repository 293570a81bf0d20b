"""What was learned in an hour knows one hour: until a whole day was seen, only what is clearly sudden is drift."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.drift.first_day import WHY
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
    assert evening.why == WHY
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


def test_of_a_given_reference_the_first_day_tells_what_a_row_is_worth() -> None:
    chance = np.random.default_rng(5)

    def bursty(start_s: float, minutes: int) -> Series:
        values, times = [], []
        for minute in range(minutes):
            level = 1.5 if minute // 15 in bursts else 0.0
            values.append(chance.normal(level, 1.0, 20))
            times.append(start_s + minute * 60.0 + np.arange(20) * 3.0)
        return Series(np.concatenate(times), np.concatenate(values))

    bursts = set(np.flatnonzero(chance.random(3000) < 0.12).tolist())
    reference = bursty(START_S - 8 * 3600.0, 8 * 60)
    found = replay({"x": bursty(START_S, 8 * 1440)}, {"x": reference}, every_s=60.0, budget_s=30 * DAY_S, smallest_shift=0.01)
    assert len([one for one in found.episodes if one.start_s > START_S + DAY_S]) <= 1


def test_a_step_stays_sudden_however_long_ago_it_was() -> None:
    chance = np.random.default_rng(6)
    at_s = START_S + np.arange(6 * 1440 * 10) * 6.0
    values = chance.normal(size=at_s.size) + 0.5 * (at_s >= START_S + 2 * DAY_S)
    reference = Series(START_S - 60_000.0 + np.arange(10_000) * 6.0, chance.normal(size=10_000))
    found = replay({"x": Series(at_s, values)}, {"x": reference}, every_s=60.0, budget_s=30 * DAY_S, smallest_shift=0.01)
    assert [(one.kind, one.end_s) for one in found.episodes] == [("sudden", None)]
    assert abs(found.episodes[0].since_s - START_S - 2 * DAY_S) < 1200
