"""Notices when somebody sets the wall clock: time goes on evenly, whatever the clock says."""

from __future__ import annotations

import time

LEAST_S = 1.0  # less is what time servers mend all the time
_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps: that time was real


def steady() -> float:
    """Seconds that nobody can set."""
    return time.clock_gettime(_BOOT)


class ClockWatch:
    """Compares the wall clock with the steady one, look after look."""

    def __init__(self) -> None:
        """No look yet."""
        self._apart_s: float | None = None

    def step(self, wall_s: float, steady_s: float) -> float:
        """How far the wall clock was set since the last look; 0 where it went as time goes."""
        before, self._apart_s = self._apart_s, wall_s - steady_s
        step_s = 0.0 if before is None else self._apart_s - before
        return step_s if abs(step_s) >= LEAST_S else 0.0
