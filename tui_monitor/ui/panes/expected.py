"""What was and what is expected of a number: its band in a chart, the lines of the explain key, and when something is full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tui_monitor.model import Forecast, Frame, HistoryQuery
from tui_monitor.model import utc as utc_time
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes.why import span
from tui_monitor.ui.view import Histories, Series
from tui_monitor.ui.widgets.chart import Ahead, Band

AHEAD_S = 86400.0  # how far what is to come is asked for
_STEP_S = 300.0
_TOLD_H = (1, 6, 24)  # hours from now that the explain key tells
_SHOWN_H = {"3h": 1, "24h": 6}  # window of a chart -> hours that it shows of what is to come; a shorter one has no room for it
_LIKELY_S = 2.0  # times as long at most as about: beyond that "full in" is no news for a quiet line


def keys(key: str) -> list[str]:
    """The series that a chart of this key asks for besides."""
    return [f"{key} expected", f"{key} expected.low", f"{key} expected.high"]


def band(histories: Histories, subject: str, key: str) -> Band | None:
    """What the chart draws behind the number, or None while nothing was expected."""
    found = [histories.get((subject, name)) for name in keys(key)]
    middle, low, high = ([] if one is None else one.values for one in found)
    return Band(middle, low, high) if any(value is not None for value in high) else None


def wanted_ahead(frame: Frame, subject: str, key: str) -> HistoryQuery:
    """The question for what is to come, in steps of five minutes."""
    start_s = frame.at.timestamp() // _STEP_S * _STEP_S
    return HistoryQuery(subject, _ahead_keys(key), start_s, start_s + AHEAD_S, round(AHEAD_S / _STEP_S))


def ahead(histories: Histories, subject: str, key: str, window: str) -> Ahead | None:
    """What the chart of a window draws beyond now, or None where nothing is expected, or there is no room for it."""
    hours = _SHOWN_H.get(window, 0)
    found = _ahead(histories, subject, key)
    if not hours or found is None:
        return None
    count = round(hours * 3600 / _STEP_S)
    middle, low, high, _ = (one.values[:count] for one in found)
    return Ahead(Band(middle, low, high), hours * 3600.0)


def _ahead_keys(key: str) -> list[str]:
    return [f"{key} ahead{end}" for end in ("", ".low", ".high", ".steady")]


def _ahead(histories: Histories, subject: str, key: str) -> tuple[Series, Series, Series, Series] | None:
    middle, low, high, steady = (histories.get((subject, name)) for name in _ahead_keys(key))
    if middle is None or low is None or high is None or steady is None or all(value is None for value in middle.values):
        return None
    return middle, low, high, steady


class Course(NamedTuple):
    """What a number does by itself in the coming day: the hours' part, and what the trend adds."""

    lowest: float
    lowest_s: float
    highest: float
    highest_s: float
    hour: float  # what the trend adds in an hour
    day: float  # in a day: it fades
    reach: float  # how far above what is expected the band reaches in an hour

    @property
    def cycle(self) -> bool:
        """Whether the hours differ."""
        return self.highest > self.lowest

    @property
    def way(self) -> str:
        """Of the trend: up or down; nothing where it is not worth a word beside the band's width."""
        return "" if abs(self.day) <= 0.25 * self.reach else "up" if self.day > 0 else "down"


def course(histories: Histories, subject: str, key: str) -> Course | None:
    """None while nothing is expected."""
    found = _ahead(histories, subject, key)
    if found is None:
        return None
    start_s, step_s = found[0].start_s, found[0].step_s
    rows = zip(*(one.values for one in found), strict=False)
    known = [
        (start_s + (place + 1) * step_s, middle, high, steady)
        for place, (middle, _, high, steady) in enumerate(rows)
        if middle is not None and high is not None and steady is not None
    ]
    if not known:
        return None
    low, high = min(known, key=lambda one: one[3]), max(known, key=lambda one: one[3])
    soon, last = known[min(round(3600 / step_s), len(known)) - 1], known[-1]
    return Course(low[3], low[0], high[3], high[0], soon[1] - soon[3], last[1] - last[3], soon[2] - soon[1])


def course_lines(frame: Frame, histories: Histories, subject: str, key: str, *, utc: bool) -> list[str]:
    """What the explain key says of the hours' part and of the trend."""
    found = course(histories, subject, key)
    if found is None:
        return []
    low, high = (_minute(fmt.moment(utc_time(at_s), frame.at, utc=utc)) for at_s in (found.lowest_s, found.highest_s))
    if found.cycle:
        said = [f"hours    lowest about {fmt.metric(key, found.lowest)} at {low}, highest about {fmt.metric(key, found.highest)} at {high}"]
    else:
        said = ["hours    no hour of the day or the week tells more than the hours before it"]
    hour, day = (fmt.metric(key, abs(one)) for one in (found.hour, found.day))
    return [*said, f"trend    {found.way}, {hour} in an hour, {day} in a day" if found.way else "trend    steady"]


def course_word(histories: Histories, subject: str, key: str) -> str:
    """The same beside a chart's name: "by the hour 310/s to 980/s, trend up 98/s a day"; nothing where there is nothing to say."""
    found = course(histories, subject, key)
    if found is None:
        return ""
    cycle = f"by the hour {fmt.metric(key, found.lowest)} to {fmt.metric(key, found.highest)}" if found.cycle else ""
    trend = f"trend {found.way} {fmt.metric(key, abs(found.day))} in a day" if found.way else ""
    return ", ".join(one for one in (cycle, trend) if one)


def ahead_lines(frame: Frame, histories: Histories, subject: str, key: str, *, utc: bool) -> list[str]:
    """What the explain key says of the hours to come."""
    found = _ahead(histories, subject, key)
    told = []
    for hours in _TOLD_H if found is not None else ():
        place = round(hours * 3600 / _STEP_S) - 1
        middle, low, high, _ = (one.values[place] if place < len(one.values) else None for one in found or ())
        if found is not None and middle is not None and low is not None and high is not None:
            at = _minute(fmt.moment(utc_time(found[0].start_s + hours * 3600), frame.at, utc=utc))
            between = f"between {fmt.metric(key, low)} and {fmt.metric(key, high)}"
            told.append(f"{at} about {fmt.metric(key, middle)}, {between}")
    return [f"{'ahead' if not place else '':<9}{line}" for place, line in enumerate(told)]


def _minute(moment: str) -> str:
    """A whole minute; another day's moment has no seconds."""
    return moment.removesuffix(":00") if moment.count(":") > 1 else moment


def of(frame: Frame, subject: str, key: str) -> Forecast | None:
    """The forecast of a number, when it is outside or fills up."""
    return next((one for one in frame.forecasts if one.subject == subject and one.key == key), None)


def outside(frame: Frame, subject: str, keys_of_it: Sequence[str] = ()) -> list[Forecast]:
    """Numbers of a subject that are outside of what was expected, the farthest first."""
    return [
        one
        for one in frame.forecasts
        if one.subject == subject and one.outside_since is not None and (not keys_of_it or one.key in keys_of_it)
    ]


def full_in(frame: Frame, subject: str, key: str) -> str:
    """When it is full ("full in 3 days") where that is likely; nothing else."""
    one = of(frame, subject, key)
    if one is None or one.full_in_s is None or one.full_high_s is None or one.full_high_s > _LIKELY_S * one.full_in_s:
        return ""
    return f"full in {span(one.full_in_s)}"


def lines(frame: Frame, subject: str, key: str, *, utc: bool = False) -> list[str]:
    """What the explain key says of it: the band, since when it is outside, when it is full."""
    one = of(frame, subject, key)
    if one is None:
        return []
    said = []
    if one.expected is not None and one.low is not None and one.high is not None:
        said.append(f"expected {fmt.metric(key, one.expected)}, between {fmt.metric(key, one.low)} and {fmt.metric(key, one.high)}")
    if one.outside_since is not None:
        far = "" if one.far is None else f", {one.far:.1f} times as far as it may be"
        said.append(f"outside  since {fmt.moment(one.outside_since, frame.at, utc=utc)}{far}")
    return [*said, f"so       {one.why}"] if one.why else said
