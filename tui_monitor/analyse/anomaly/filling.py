"""When something that fills up will be full: disks, memory, the key-value cache.

A line through the last hours says "full in three hours" of every log file before it is rotated and of every download before it ends. Three
things must speak for it here. The growth is steady: over a window of hours or days each quarter grew, none far more than its share. It goes
where it has not been: as long as the number stood higher before the window began, it came back from there. And it is carried on no longer
than it has lasted: of what has gone on for a time T, nothing else being known, it goes on for another f with the chance T / (T + f) (Gott, Nature
363, 1993). So a moment is told when that chance is one half, and it has a latest moment when it is three quarters and a day from before the
growth is known. The slope is that of Theil and Sen, its interval Sen's (J. Am. Stat. Assoc. 63, 1968), read at a wide level: minutes depend
on each other.
"""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

from msgspec import Struct

STEP_S = 300.0
KEPT_STEPS = 14 * 288
_HOUR = 12  # steps
WINDOWS = tuple(hours * _HOUR for hours in (240, 168, 120, 72, 48, 36, 24, 12, 6, 3))  # the longest that is steady is the one
_UNKNOWN = -1.0  # no share
POINTS = 16  # of a window that the slope is made of
LEAST_SHARE, MOST_SHARE = 0.35, 2.5  # of the mean growth of a quarter
EVEN, CERTAIN = 1.0, 1 / 3  # of the time that the growth has lasted: the chance is one half, three quarters
BEFORE = 24 * _HOUR  # steps that must be known before the growth began
LEAST_GROWTH = 0.005  # of the whole, over a window: below that it is flat
FAR = "it grows, but not for long enough to say where that ends"
Z = 2.576 * 1.5  # of Sen's interval: 99 %, and wider because neighbours depend on each other


class Full(Struct, frozen=True):
    """In how many seconds; without `high_s` nobody can say that it will be full at all."""

    in_s: float
    low_s: float
    high_s: float | None
    lasted_s: float
    slope: float  # share of the whole, a second


class Filling:
    """The shares of a whole in use, one in five minutes for two weeks."""

    __slots__ = ("_newest", "_shares", "full", "why")

    def __init__(self, shares: bytes = b"", newest: int = -1) -> None:
        """Empty, or what `kept` gave.

        Raises:
            ValueError: it is damaged.
        """
        self._shares = array("f", shares) if shares else array("f", [_UNKNOWN]) * KEPT_STEPS
        if len(self._shares) != KEPT_STEPS:
            raise ValueError("not two weeks")
        self._newest = newest
        self.full: Full | None = None
        self.why = "learning: a day is needed"

    def kept(self) -> tuple[bytes, int]:
        """What `Filling` is made of again."""
        return self._shares.tobytes(), self._newest

    def observe(self, at_s: float, share: float) -> bool:
        """The share in use, 0..1; returns whether a step ended, and what is said was looked at again."""
        step = int(at_s // STEP_S)
        if step == self._newest:
            return False
        if step <= self._newest - KEPT_STEPS or step >= self._newest + KEPT_STEPS:
            self._shares = array("f", [_UNKNOWN]) * KEPT_STEPS
        elif step < self._newest:  # the clock was set back: what is later than now did not happen
            for later in range(step + 1, self._newest + 1):
                self._shares[later % KEPT_STEPS] = _UNKNOWN
        else:
            for skipped in range(self._newest + 1, step):
                self._shares[skipped % KEPT_STEPS] = _UNKNOWN
        self._newest = step
        self._shares[step % KEPT_STEPS] = share
        self._look(share)
        return True

    def _at(self, back: int) -> float:
        return self._shares[(self._newest - back) % KEPT_STEPS]

    def _look(self, share: float) -> None:
        self.full, self.why, back = None, "no steady growth", False
        for window in WINDOWS:
            points = self._steady(window)
            if points is None:
                continue
            if (1 - share) * window > 1.5 * EVEN * window * (points[-1][1] - points[0][1]):  # too far off by any slope
                self.why = self.why if back else FAR
                continue
            found = _until_full(points, window, share)
            if found is None:
                continue
            known, peak = self._before(window)
            if peak >= share:
                back = True
                self.why = f"it stood at {peak:.0%} before and came back"
                continue
            if found.in_s > EVEN * found.lasted_s:
                self.why = self.why if back else FAR
                continue
            if known >= BEFORE and found.in_s <= CERTAIN * found.lasted_s:
                self.full = found
                break
            if self.full is None:  # a shorter window may still be certain
                self.full = Full(found.in_s, found.low_s, None, found.lasted_s, found.slope)
        if self.full is not None:
            self.why = ""
        elif self._at(BEFORE) < 0 and self.why == "no steady growth":
            self.why = "no steady growth yet; a day is needed"

    def _steady(self, window: int) -> list[tuple[float, float]] | None:
        """Points of the window as (steps, share), or None: it is not known, or does not grow steadily."""
        ends = [self._near(window * quarter // 4) for quarter in (4, 3, 2, 1, 0)]
        if min(ends) < 0:
            return None
        whole = ends[4] - ends[0]
        if whole < LEAST_GROWTH:
            return None
        grown = [after - before for before, after in pairwise(ends)]
        if min(grown) < LEAST_SHARE * whole / 4 or max(grown) > MOST_SHARE * whole / 4:
            return None
        lately = max(window // 8, 6)
        if ends[4] - self._near(lately) < LEAST_SHARE * whole * lately / window:
            return None  # it has stopped
        places = [round(window * (POINTS - 1 - place) / (POINTS - 1)) for place in range(POINTS)]
        points = [(float(-back), share) for back in places if (share := self._at(back)) >= 0]
        return points if len(points) >= 3 * POINTS // 4 else None

    def _near(self, back: int) -> float:
        """The middle of three steps; one alone may be noise."""
        known = sorted(one for step in (back - 1, back, back + 1) if step >= 0 and (one := self._at(step)) >= 0)
        return known[len(known) // 2] if known else _UNKNOWN

    def _before(self, window: int) -> tuple[int, float]:
        """Steps that are known before the window began, and the highest share of them."""
        first = (self._newest + 1) % KEPT_STEPS
        before = (self._shares[first:] + self._shares[:first])[: KEPT_STEPS - 1 - window]
        return len(before) - before.count(_UNKNOWN), max(before)


def _until_full(points: list[tuple[float, float]], window: int, share: float) -> Full | None:
    """Theil and Sen's slope through the points, carried on to 1; None where the interval of the slope has room for no growth."""
    count = len(points)
    slopes = sorted(
        (after[1] - before[1]) / (after[0] - before[0])
        for place, before in enumerate(points)
        for after in points[place + 1 :]
        if after[0] > before[0]
    )
    pairs = len(slopes)
    reach = Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low, high = slopes[max(0, math.floor((pairs - reach) / 2))], slopes[min(pairs - 1, math.ceil((pairs + reach) / 2))]
    slope = slopes[pairs // 2]
    if slope <= 0 or low <= 0:
        return None
    room = max(0.0, 1 - share)
    return Full(room / slope * STEP_S, room / high * STEP_S, room / low * STEP_S, window * STEP_S, slope / STEP_S)
