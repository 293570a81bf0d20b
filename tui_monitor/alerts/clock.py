"""Two clocks: the monotonic one measures how long things last, the wall clock says when they happened.

Steady time is the wall's at the first look and then passes as the monotonic clock does. So times that an earlier engine wrote down can be
used as they are, and a wall clock that is set by an hour moves nothing. Where the monotonic clock stands still while the machine sleeps
(CLOCK_MONOTONIC) the sleep was no time at all; where it runs on (CLOCK_BOOTTIME) it is a time in which nobody watched.
"""

from __future__ import annotations

from msgspec import Struct

STEP_S = 2.0  # what the clocks may differ between two looks before somebody is told that the wall clock was set


class Look(Struct, frozen=True):
    """What the clocks did since the look before."""

    passed_s: float  # by the monotonic clock
    step_s: float  # how far the wall clock went beyond that; negative: it was set back


class SteadyClock:
    """Steady time, from one look to the next."""

    def __init__(self) -> None:
        self._mono_s = self._wall_s = 0.0
        self.now_s: float | None = None  # None: nobody has looked yet

    def look(self, wall_s: float, mono_s: float) -> Look:
        """Read both clocks, once for each evaluation."""
        if self.now_s is None:
            self.now_s, self._mono_s, self._wall_s = wall_s, mono_s, wall_s
            return Look(0.0, 0.0)
        passed_s = max(0.0, mono_s - self._mono_s)
        step_s = wall_s - self._wall_s - passed_s
        self.now_s += passed_s
        self._mono_s, self._wall_s = mono_s, wall_s
        return Look(passed_s, step_s)

    def steady(self, wall_s: float) -> float:
        """Steady time of a moment that the wall clock, as it goes now, calls `wall_s`."""
        return wall_s if self.now_s is None else wall_s - self._wall_s + self.now_s


def said_step(step_s: float) -> str:
    """A step of the wall clock in words, or nothing when it was none."""
    if abs(step_s) <= STEP_S:
        return ""
    span_s = abs(step_s)
    size = f"{span_s:.0f} s" if span_s < 120 else f"{span_s / 60:.0f} min" if span_s < 7200 else f"{span_s / 3600:.0f} h"
    return f"the clock was set {size} {'ahead' if step_s > 0 else 'back'}"
