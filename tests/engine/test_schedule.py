"""Each source alone: its cadence, its deadline, its back-off."""

from __future__ import annotations

import asyncio

import pytest

from tui_monitor.engine import schedule
from tui_monitor.model import Failure, Reading


class Source:
    def __init__(self, name: str, behaviour: str, interval_s: float = 0.02, deadline_s: float = 0.05) -> None:
        self.name, self.behaviour, self.interval_s, self.deadline_s = name, behaviour, interval_s, deadline_s

    async def read(self, now_s: float) -> Reading:
        if self.behaviour == "hangs":
            await asyncio.Event().wait()
        if self.behaviour == "breaks":
            raise ZeroDivisionError("\x1b[31mred")
        return Reading(self.name, now_s, 0.0, content=1)


def test_a_source_that_hangs_or_breaks_is_late_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "GRACE_S", 0.0)
    got: dict[str, list[Reading]] = {"well": [], "hangs": [], "breaks": []}

    async def main() -> None:
        tasks = [asyncio.create_task(schedule.run(Source(name, name), got[name].append)) for name in got]
        async with asyncio.timeout(10):
            while len(got["well"]) < 10 or not got["hangs"] or not got["breaks"]:
                await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    assert all(reading.failure is None for reading in got["well"])
    hung, broke = got["hangs"][0].failure, got["breaks"][0].failure
    assert hung == Failure("wedged", "no answer within 0.05 s")
    assert broke == Failure("unreadable", "ZeroDivisionError: red")


@pytest.mark.parametrize(
    ("interval_s", "failures", "pause_s"),
    [(2, 0, 2), (2, 1, 2), (2, 2, 2), (2, 3, 4), (2, 4, 8), (2, 5, 16), (2, 50, 16), (60, 50, 60), (0.2, 3, 0.4)],
)
def test_back_off(interval_s: float, failures: int, pause_s: float) -> None:
    assert schedule.pause_s(interval_s, failures) == pytest.approx(pause_s)
