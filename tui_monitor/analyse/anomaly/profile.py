"""What a number is at each hour of the week and of the day, learned from the hours of the last four weeks.

An hour is kept as two numbers: the median of its minutes, and how far these lie around it (1.4826 times the median absolute deviation). The
168 hours of the week are the medians of up to four such hours, the 24 of the day of up to fourteen: one bad hour changes none of them, and
what is older than four weeks is forgotten. Whether they are used at all is decided by their own record: each hour that ends is held against
what the profile had said and against the median of the day before, and the profile must have been the better one.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from tui_monitor.analyse.anomaly.moment import HOURS_OF_DAY, HOURS_OF_WEEK, Moment

KEPT_HOURS = 4 * HOURS_OF_WEEK
DAYS = 14  # that an hour of the day is made of
SEEN = 2  # times that an hour must have been seen before it is told
FADE = 1 - 1 / 72  # of the record, an hour
DAY_BETTER, WEEK_BETTER = 0.7, 0.8  # shares of the plainer forecast's error that a profile must not exceed
LEFT_AT = 1.2  # so much worse than that before it is left again
TRIED_HOURS = 12.0  # of the record before it decides
NORMAL = 1.4826  # of a normal distribution, standard deviations in a median absolute deviation


def median(values: Sequence[float]) -> float:
    """The middle of some values, at least one."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def spread(values: Sequence[float], middle: float) -> float:
    """How far values lie around their median, as a standard deviation; where most are equal, from the mean distance."""
    apart = [abs(value - middle) for value in values]
    return NORMAL * median(apart) or 1.2533 * sum(apart) / len(apart)


class Profile:
    """The hours of four weeks, and what they say about any hour."""

    __slots__ = ("_day", "_levels", "_newest", "_record", "_spreads", "_week", "season")

    def __init__(self, levels: bytes = b"", spreads: bytes = b"", newest: int = -1, record: Sequence[float] = (), season: str = "") -> None:
        """Empty, or what `kept` gave.

        Raises:
            ValueError: it is damaged.
        """
        self._levels = array("d", levels) if levels else array("d", [math.nan]) * KEPT_HOURS
        self._spreads = array("f", spreads) if spreads else array("f", [math.nan]) * KEPT_HOURS
        self._record = list(record) or [0.0] * 6  # hours, error of the plain forecast, error of the profile: of day, of week
        if (
            len(self._levels) != KEPT_HOURS
            or len(self._spreads) != KEPT_HOURS
            or len(self._record) != 6
            or season not in ("", "day", "week")
        ):
            raise ValueError("a profile's hours do not belong together")
        self._newest, self.season = newest, season
        self._day: dict[int, float] = {}
        self._week: dict[int, float] = {}
        if newest >= 0:
            for hour in range(newest - HOURS_OF_WEEK + 1, newest + 1):
                self._tell(hour)

    def kept(self) -> tuple[bytes, bytes, int, list[float], str]:
        """What `Profile` is made of again."""
        return self._levels.tobytes(), self._spreads.tobytes(), self._newest, self._record, self.season

    def close(self, hour: int, values: Sequence[float]) -> None:
        """An hour is over; `values` are its minutes."""
        if not values:
            return
        if (
            hour <= self._newest - KEPT_HOURS or hour > self._newest + KEPT_HOURS
        ):  # another time altogether: nothing of it is of these weeks
            self._levels = array("d", [math.nan]) * KEPT_HOURS
            self._spreads = array("f", [math.nan]) * KEPT_HOURS
            self._day.clear()
            self._week.clear()
        else:
            for skipped in range(self._newest + 1, hour):
                self._levels[skipped % KEPT_HOURS] = math.nan
        level = median(values)
        self._judge(hour, level)
        self._newest = hour if hour > self._newest or hour <= self._newest - KEPT_HOURS else self._newest
        self._levels[hour % KEPT_HOURS] = level
        self._spreads[hour % KEPT_HOURS] = spread(values, level)
        self._tell(hour)

    def _known(self, hour: int, step: int, times: int) -> list[float]:
        found = (self._levels[(hour - back * step) % KEPT_HOURS] for back in range(times))
        return [level for level in found if not math.isnan(level)]

    def _tell(self, hour: int) -> None:
        """What is said about this hour of the week and of the day from now on."""
        week, day = self._known(hour, HOURS_OF_WEEK, 4), self._known(hour, HOURS_OF_DAY, DAYS)
        if len(week) >= SEEN:
            self._week[hour % HOURS_OF_WEEK] = median(week)
        else:
            self._week.pop(hour % HOURS_OF_WEEK, None)
        if len(day) >= SEEN:
            self._day[hour % HOURS_OF_DAY] = median(day)

    def _judge(self, hour: int, level: float) -> None:
        """Hold what the profiles had said about the hour against it, and choose."""
        before = self._known(hour - 1, 1, HOURS_OF_DAY)
        if not before:
            return
        plain, record = abs(level - median(before)), self._record
        day, week = self._day.get(hour % HOURS_OF_DAY), self._week.get(hour % HOURS_OF_WEEK)
        for first, told, other in ((0, day, plain), (3, week, plain if day is None or self.season == "" else abs(level - day))):
            if told is not None:
                for place, more in enumerate((1.0, other, abs(level - told)), first):
                    record[place] = record[place] * FADE + more
        by_day = self._better(0, DAY_BETTER * (LEFT_AT if self.season else 1.0))
        by_week = self._better(3, WEEK_BETTER * (LEFT_AT if self.season == "week" else 1.0))
        self.season = "week" if by_week else "day" if by_day else ""

    def _better(self, first: int, share: float) -> bool:
        hours, other, own = self._record[first : first + 3]
        return hours >= TRIED_HOURS and own < share * other

    def level(self, at: Moment) -> float:
        """What the hour's profile says, between the middles of the hours; 0 while none is used."""
        if not self.season:
            return 0.0
        first = at.hour if at.part >= 0.5 else at.hour - 1
        share = at.part - 0.5 if at.part >= 0.5 else at.part + 0.5
        low, high = self._at(first), self._at(first + 1)
        if low is None or high is None:
            return next((told for told in (low, high) if told is not None), 0.0)
        return low + (high - low) * share

    def _at(self, hour: int) -> float | None:
        told = self._week.get(hour % HOURS_OF_WEEK) if self.season == "week" else None
        return self._day.get(hour % HOURS_OF_DAY) if told is None else told

    def spread(self, hour: int) -> float | None:
        """How far a minute lies from the middle of its hour, as a standard deviation; 0 where nothing moves, None where nobody looked.

        Made for an hour, not a minute.
        """
        lately = [one for back in range(1, 73) if not math.isnan(one := self._spreads[(hour - back) % KEPT_HOURS])]
        overall = median(lately) if lately else None
        same = [one for day in range(1, 8) if not math.isnan(one := self._spreads[(hour - day * HOURS_OF_DAY) % KEPT_HOURS])]
        return max(median(same), 0.5 * (overall or 0.0)) if len(same) >= 3 else overall

    @property
    def hours(self) -> int:
        """Hours that are known."""
        return sum(not math.isnan(level) for level in self._levels)
