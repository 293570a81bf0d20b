"""What was learned in an hour knows one hour: until a whole day was seen, only what is clearly sudden is drift."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.drift.first_day import WHY
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
