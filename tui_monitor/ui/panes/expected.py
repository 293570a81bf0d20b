"""What was expected of a number: its band in a chart, the lines of the explain key, and when something is full."""

from __future__ import annotations

from collections.abc import Sequence

from tui_monitor.model import Forecast, Frame
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes.why import span
from tui_monitor.ui.view import Histories
from tui_monitor.ui.widgets.chart import Band

_LIKELY_S = 2.0  # times as long at most as about: beyond that "full in" is no news for a quiet line


def keys(key: str) -> list[str]:
    """The series that a chart of this key asks for besides."""
    return [f"{key} expected", f"{key} expected.low", f"{key} expected.high"]


def band(histories: Histories, subject: str, key: str) -> Band | None:
    """What the chart draws behind the number, or None while nothing was expected."""
    found = [histories.get((subject, name)) for name in keys(key)]
    middle, low, high = ([] if one is None else one.values for one in found)
    return Band(middle, low, high) if any(value is not None for value in high) else None


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
