"""One number: what is expected of it, between which bounds, and whether it left them.

Level and trend are Holt's (1957) in minutes, the trend damped (Gardner and McKenzie 1985), beside a season by the hour (Winters 1960) that is
learned robustly (`profile`). A value that is far out moves the level no more than one at the edge of the band does (Gelper, Fried, Croux
2010), so that an incident does not become what is expected, and a new level does within hours. How wide the band is: `width`.
Outside at three of the last five checks, on the bad side of that number, is an anomaly; it is over when five checks in a row are inside.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from msgspec import Struct

from tui_monitor.analyse.anomaly.moment import HOURS_OF_WEEK, Moment
from tui_monitor.analyse.anomaly.profile import KEPT_HOURS, Profile, median, spread
from tui_monitor.analyse.anomaly.width import NEEDED_HOURS, Needs

LEVEL = 1 / 180  # share of an error that the level takes in, a minute: three hours
TREND, DAMPED = 0.1, 0.9  # an hour
CHECKS, OUTSIDE = 5, 3
GAP_MIN = 5  # minutes without a value after which the checks begin anew
SETTLE_MIN = 60  # and after which the level does
BEYOND = 1.25  # times the band that an hour's need can be learned as
YOUNG = 1.5  # times as wide while a week is not known
FIRST_HOURS = 3  # from which nothing is learned about the band: neither level nor spread are known well
HELD_HOURS = 72  # of a new forecast before its own band takes the place of the last one's
HOUR_NEEDS = 10  # minutes that an hour must have to be learned from


class Traits(Struct, frozen=True):
    """What is known of a number before it was ever seen."""

    bad: str = ""  # high, low: only that side is an anomaly; empty: both
    floor: float = 0.0  # the band is never narrower than this, nor than 2 % of what is expected
    most: float = math.inf  # it cannot be more, and never less than 0 unless `signed`
    signed: bool = False


class Coming(NamedTuple):
    """What is expected at a later moment, between which bounds, and what it would be without the trend: the hour's part, at the level of now."""

    expected: float
    low: float
    high: float
    steady: float


class Kept(Struct, array_like=True):
    """An outlook as it survives a restart."""

    level: float | None
    trend: float
    minute: int
    profile: tuple[bytes, bytes, int, list[float], str]
    above: tuple[bytes, int]
    below: tuple[bytes, int]
    hour: int
    values: list[float]
    need_above: float
    need_below: float
    since_s: float | None
    recent: list[int]
    wide: tuple[float | None, float | None]
    hour_level: float | None
    far: list[float]
    settle: list[float]


class Outlook:
    """Everything about one number."""

    __slots__ = (
        "_above", "_below", "_checks", "_hour", "_hour_level", "_level", "_minute", "_need_above", "_need_below", "_profile", "_settle", "_spread",
        "_traits", "_trend", "_values", "_wide_above", "_wide_below", "_z", "expected", "high", "low", "since_s", "value",
    )  # fmt: skip

    def __init__(self, traits: Traits, kept: Kept | None = None) -> None:
        """New, or what `kept` gave.

        Raises:
            ValueError: it is damaged.
        """
        self._traits = traits
        self._profile = Profile(*kept.profile) if kept else Profile()
        self._above, self._below = (Needs(*kept.above), Needs(*kept.below)) if kept else (Needs(), Needs())
        self._level, self._trend = (kept.level, kept.trend) if kept else (None, 0.0)
        self._hour_level = kept.hour_level if kept else None
        self._minute, self._hour = (kept.minute, kept.hour) if kept else (-1, -1)
        self._values = list(kept.values) if kept else []
        self._spread = self._profile.spread(self._hour) or 0.0
        self._need_above, self._need_below = (kept.need_above, kept.need_below) if kept else (-math.inf, -math.inf)
        self._checks: deque[int] = deque(kept.recent if kept else (), CHECKS)
        self._z: deque[float] = deque(maxlen=CHECKS)
        self._settle = list(kept.settle) if kept else []
        self._wide_above, self._wide_below = kept.wide if kept else (None, None)
        self.since_s = kept.since_s if kept else None
        self.expected: float | None = None
        self.low: float | None = None
        self.high: float | None = None
        self.value: float | None = None

    def kept(self) -> Kept:
        """What `Outlook` is made of again."""
        return Kept(
            self._level, self._trend, self._minute, self._profile.kept(), self._above.kept(), self._below.kept(), self._hour, self._values,
            self._need_above, self._need_below, self.since_s, list(self._checks), (self._wide_above, self._wide_below),
            self._hour_level, list(self._z), self._settle,
        )  # fmt: skip

    # -- a minute -------------------------------------------------------------------------------------------------------------------

    def observe(self, at: Moment, value: float | None) -> None:
        """The number at a minute; None and what is no number are a gap. A minute counts once."""
        if value is None or not math.isfinite(value):
            if at.minute - self._minute > GAP_MIN:
                self._forget_checks()
            return
        gap = at.minute - self._minute
        if gap == 0 or -2 <= gap < 0:
            return
        if self._minute >= 0 and abs(gap) > KEPT_HOURS * 60:  # nothing of what is known is about these weeks
            self.__init__(self._traits)  # type: ignore[misc]
        elif gap < 0 or gap > GAP_MIN:  # the clock was set back, or nobody looked
            self._forget_checks()
            if abs(gap) > SETTLE_MIN and self._level is not None:
                self._settle = [math.nan]
        self._minute, self.value = at.minute, value
        if at.hour != self._hour:
            self._close(at)
        self._values.append(value)
        season = self._profile.level(at)
        if self._level is None or self._settle:
            self._settled(value - season)
            return
        self._level += self._trend * min(max(gap, 1), SETTLE_MIN)
        self.expected = expected = self._bounded(self._level + season)
        one = max(self._spread, self._floor(expected) / 3) or self._first_spread()
        error = value - self._level - season
        self._need(error / one if one > 0 else 0.0)
        above, below = self._reach(self._wide_above, one, expected), self._reach(self._wide_below, one, expected)
        if above is None or below is None:
            step = LEVEL if len(self._above) else max(LEVEL, 1 / (len(self._values) + 1))
            self._level += step * error
            return
        self.low, self.high = self._bounded(expected - below), self._bounded(expected + above)
        self._level += LEVEL * min(max(error, -below), above)
        self._check(at.at_s, value)

    def _settled(self, value: float) -> None:
        """The first five values after the beginning, or a long gap, make the level together."""
        self._settle.append(value)
        known = [one for one in self._settle if not math.isnan(one)]
        if len(known) >= CHECKS or self._level is None:
            self._level = self._hour_level = median(known)
            if len(known) >= CHECKS:
                self._settle = []

    def _bounded(self, value: float) -> float:
        return value if self._traits.signed else min(max(value, 0.0), self._traits.most)

    def _floor(self, expected: float) -> float:
        return max(self._traits.floor, 0.02 * abs(expected))

    def _first_spread(self) -> float:
        return spread(self._values, median(self._values))

    def _reach(self, width: float | None, one: float, expected: float) -> float | None:
        return None if width is None else max(width * one, self._floor(expected))

    def _need(self, z: float) -> None:
        self._z.append(z)
        if len(self._z) >= OUTSIDE:
            ordered = sorted(self._z)
            self._need_above = max(self._need_above, ordered[-OUTSIDE])
            self._need_below = max(self._need_below, -ordered[OUTSIDE - 1])

    def _check(self, at_s: float, value: float) -> None:
        low, high, bad = self.low, self.high, self._traits.bad
        if low is None or high is None:
            return
        self._checks.append(1 if value > high and bad != "low" else -1 if value < low and bad != "high" else 0)
        if self.since_s is None:
            if max(self._checks.count(1), self._checks.count(-1)) >= OUTSIDE:
                self.since_s = at_s - 60.0 * (len(self._checks) - 1 - next(i for i, side in enumerate(self._checks) if side))
        elif not any(self._checks):
            self.since_s = None

    def _forget_checks(self) -> None:
        self._checks.clear()
        self._z.clear()
        self.since_s = self.expected = self.low = self.high = self.value = None

    # -- an hour --------------------------------------------------------------------------------------------------------------------

    def _close(self, at: Moment) -> None:
        """Another hour has begun: what was is learned from."""
        if len(self._values) >= HOUR_NEEDS and self._hour >= 0:
            before, season = self._profile.level(at), self._profile.season
            self._profile.close(self._hour, self._values)
            if self._profile.season != season and self._level is not None:
                self._level += before - self._profile.level(at)
                self._above, self._below = Needs(), Needs()  # of another forecast; its widths stay for a while
            elif self._profile.hours > FIRST_HOURS and math.isfinite(self._need_above) and math.isfinite(self._need_below):
                # An hour that left the band counts as one that went a little beyond: what comes again widens it, one incident hardly does.
                self._above.add(min(self._need_above, BEYOND * self._wide_above if self._wide_above else math.inf))
                self._below.add(min(self._need_below, BEYOND * self._wide_below if self._wide_below else math.inf))
                self._widen()
            if self._level is not None and self._hour_level is not None and at.hour - self._hour == 1 and self._profile.season == season:
                self._trend = DAMPED * self._trend + TREND * ((self._level - self._hour_level) / 60 - DAMPED * self._trend)
            else:
                self._trend = 0.0
        self._hour_level = self._level
        self._hour, self._values = at.hour, []
        lately = self._profile.spread(at.hour)
        self._spread = self._spread if lately is None else lately
        self._need_above = self._need_below = -math.inf

    def _widen(self) -> None:
        """How wide the band is from now on. Before a week is known it is wider: nobody knows what weekends do."""
        hours, known = self._profile.hours, len(self._above)
        young = YOUNG if hours < HOURS_OF_WEEK else 1.0
        anew = known < hours - HELD_HOURS  # another forecast was chosen lately
        if self._wide_above is None or self._wide_below is None or not anew or known >= HELD_HOURS:
            above, below = self._above.width(), self._below.width()
            if above is not None and below is not None:
                self._wide_above, self._wide_below = above * young, below * young

    # -- telling --------------------------------------------------------------------------------------------------------------------

    @property
    def learning(self) -> str:
        """Why there is no band yet; empty when there is one."""
        return "" if self._wide_above is not None else f"learning: {len(self._above)} of {NEEDED_HOURS} hours"

    @property
    def waiting(self) -> str:
        """Why there is no band at this minute; empty where there is one."""
        if self.low is not None:
            return ""
        if self._wide_above is None:
            return f"learned for {len(self._above)} of {NEEDED_HOURS} hours"
        return "no number came lately" if self.value is None else "its level is learned anew after a gap"

    @property
    def season(self) -> str:
        """Which profile explains it: day, week, or none."""
        return self._profile.season

    @property
    def side(self) -> int:
        """1 above the band, -1 below, 0 not outside."""
        return 0 if self.since_s is None else next((side for side in reversed(self._checks) if side), 0)

    @property
    def far(self) -> float | None:
        """How far from what is expected, in half widths of the band on that side: above 1 it is outside."""
        if self.value is None or self.expected is None or self.low is None or self.high is None:
            return None
        edge = self.high - self.expected if self.value >= self.expected else self.expected - self.low
        return abs(self.value - self.expected) / edge if edge > 0 else None

    def ahead(self, at: Moment) -> Coming | None:
        """What is expected at a later moment, and between which bounds: wider by the level's own steps until then (Hyndman, Koehler 2008)."""
        if self._level is None or self._wide_above is None or self._wide_below is None:
            return None
        minutes = max(0, at.minute - self._minute)
        trend = self._trend * 60 * sum(DAMPED**hour for hour in range(1, minutes // 60 + 1)) + self._trend * (minutes % 60)
        steady = self._level + self._profile.level(at)
        expected = steady + trend
        one = max(self._profile.spread(at.hour) or self._spread, self._floor(expected) / 3)
        wider = math.sqrt(1 + LEVEL * LEVEL * minutes * 30)
        above = (self._reach(self._wide_above, one, expected) or 0.0) * wider
        below = (self._reach(self._wide_below, one, expected) or 0.0) * wider
        return Coming(*map(self._bounded, (expected, expected - below, expected + above, steady)))
