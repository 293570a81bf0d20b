"""The big chart as a control chart: each point, the centre, the limits, and the number of the rule that a point breaks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from tui_monitor.engine.spc import (
    CENTRE,
    LEAST_POINTS,
    LOWER,
    MEANINGS,
    POINT,
    POINT_S,
    RULE,
    UPPER,
    WESTERN,
    WESTERN_MEANINGS,
    rules_of,
)
from tui_monitor.model import Frame, HistoryQuery
from tui_monitor.model import utc as utc_time
from tui_monitor.ui import format as fmt
from tui_monitor.ui.view import Histories, Series
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, text_width, wrap
from tui_monitor.ui.widgets.chart import clock_axis
from tui_monitor.ui.widgets.lines import Scale
from tui_monitor.vocabulary import WINDOWS

Rules = Literal["", "nelson", "western"]


class RuleSet(NamedTuple):
    """One set of rules for the same points and limits."""

    name: str
    all: str
    series: str  # where the points that break one stand
    meanings: Mapping[int, str]


CONTROLS: tuple[Rules, ...] = ("", "nelson", "western")  # what the key goes through
LEAST_SPAN_S = 1800.0  # a shorter window has too few minutes for limits
_EDGE = 8  # cells that the scale takes at least
_WIDE = 120  # points at most
_SETS = {
    "nelson": RuleSet("Nelson", "Nelson's eight rules", RULE, MEANINGS),
    "western": RuleSet("Western Electric", "Western Electric's four rules", WESTERN, WESTERN_MEANINGS),
}


def wanted(frame: Frame, subject: str, key: str, window: str, width: int, rules: Rules = "nelson") -> HistoryQuery:
    """The question for a chart of this width: whole minutes that are over, no more of them than there are columns."""
    span_s = max(WINDOWS.get(window, LEAST_SPAN_S), LEAST_SPAN_S)
    room = max(LEAST_POINTS, min(_WIDE, width - _EDGE))
    step_s = POINT_S * math.ceil(span_s / POINT_S / room)
    end_s = frame.at.timestamp() // step_s * step_s
    points = max(1, round(span_s / step_s))
    return HistoryQuery(
        subject, [key + end for end in (POINT, CENTRE, UPPER, LOWER, _set(rules).series)], end_s - points * step_s, end_s, points
    )


def broken(histories: Histories, subject: str, key: str, rules: Rules = "nelson") -> dict[int, list[float]]:
    """Rules that points break -> when those points ended, in order of the rules."""
    series = histories.get((subject, key + _set(rules).series))
    found: dict[int, list[float]] = {}
    if series is None:
        return found
    for place, value in enumerate(series.values):
        for rule in _set(rules).meanings.keys() & set(rules_of(value)):
            found.setdefault(rule, []).append(series.start_s + (place + 1) * series.step_s)
    return dict(sorted(found.items()))


def draw(canvas: Canvas, histories: Histories, subject: str, key: str, head: Sequence[Part], rules: Rules, *, utc: bool) -> None:
    """A line with the number and its limits, the chart, its clock, and in words which rules are broken.

    Args:
        canvas: four lines at least.
        histories: what `wanted` asked for.
        subject: whose number.
        key: of the number.
        head: how the line begins.
        rules: that mark points.
        utc: clock times are not local.
    """
    points = histories.get((subject, key + POINT))
    limits = _limits(histories, subject, key)
    by = _set(rules)
    said, role = _words(points, limits, broken(histories, subject, key, rules), by)
    legend = wrap(said, canvas.width, 1 if canvas.height < 7 else 2 if canvas.height < 12 else 4)
    room = canvas.width - sum(_cells(part) for part in head)
    told = [""] if limits is None else [_told(key, limits, points), _told(key, limits, None)]
    forms = [f"  control chart, {by.name}{one}" for one in told]
    canvas.run(0, 0, *head, (next((form for form in forms if text_width(form) <= room), cut(forms[-1], room)), "dim"))
    high = canvas.height - 1 - len(legend)
    if points is not None and high >= 3 and any(value is not None for value in points.values):
        _plot(canvas.part(0, 1, canvas.width, high), points, histories.get((subject, key + by.series)), limits, key, utc=utc)
    for y, text in enumerate(legend, canvas.height - len(legend)):
        canvas.put(0, y, text, role)


def explain(histories: Histories, subject: str, key: str, rules: Rules, *, utc: bool) -> list[str]:
    """What the explain key adds: what such a chart is, its limits, and which points broke which rule when."""
    points, limits, by = histories.get((subject, key + POINT)), _limits(histories, subject, key), _set(rules)
    lines = [
        "",
        "control chart",
        "what     each point stands for a minute or more; marked are those that the usual scatter between neighbours does not explain",
    ]
    if points is not None:
        known = sum(value is not None for value in points.values)
        lines.append(f"points   {known} of {_minutes(points)} each" + ("" if limits else f"; limits need {LEAST_POINTS}"))
    if limits is not None:
        low, centre, high = limits
        lines.append(f"centre   {fmt.metric(key, centre)}, the mean of these points")
        lines.append(
            f"limits   {fmt.metric(key, low)} and {fmt.metric(key, high)}: 3 sigma from the centre, sigma being the mean step between "
            "neighbours / 1.128"
        )
    lines.append(f"rules    {by.all}; c " + ("ends the control chart" if rules == "western" else "goes on to those of Western Electric"))
    for rule, times in broken(histories, subject, key, rules).items():
        last = fmt.local(utc_time(times[-1]), utc=utc)
        lines.append(f"rule {rule}   {by.meanings[rule]}: {_points(len(times))}, the last at {last:%H:%M}")
    return [
        *lines,
        "so       points of a server depend on each other, by the hour and by its load: a mark is a place to look at, never an alert",
    ]


def _set(rules: Rules) -> RuleSet:
    return _SETS[rules or "nelson"]


def _limits(histories: Histories, subject: str, key: str) -> tuple[float, float, float] | None:
    """Lower limit, centre, upper limit; None while there are none."""
    found = [histories.get((subject, key + end)) for end in (LOWER, CENTRE, UPPER)]
    low, centre, high = (next((value for value in one.values if value is not None), None) if one is not None else None for one in found)
    return None if low is None or centre is None or high is None else (low, centre, high)


def _told(key: str, limits: tuple[float, float, float], points: Series | None) -> str:
    low, centre, high = (fmt.bare(key, value) for value in limits)
    each = f", a point {_minutes(points)}" if points is not None else ""
    return f"  {low} ≤ {centre} ≤ {high}{each}"


def _words(points: Series | None, limits: tuple[float, float, float] | None, found: dict[int, list[float]], by: RuleSet) -> tuple[str, str]:
    if points is None:
        return "no history yet", "faint"
    known = sum(value is not None for value in points.values)
    if limits is None:
        return f"{_points(known)} of {_minutes(points)}; limits need {LEAST_POINTS}", "dim"
    if not found:
        return f"in control: no point breaks one of {by.all}", "dim"
    return "; ".join(f"{rule}: {by.meanings[rule]} ({len(times)})" for rule, times in found.items()), "warn"


def _plot(canvas: Canvas, points: Series, rules: Series | None, limits: tuple[float, float, float] | None, key: str, *, utc: bool) -> None:
    """The points with their scale; the last line is the clock."""
    on = _scale([*points.values, *(limits or ())])
    known = [value for value in points.values if value is not None]
    names = [(value, fmt.bare(key, value)) for value in (*(limits or ()), max(known), min(known))]
    left = max(_EDGE, *(text_width(name) + 2 for _, name in names))
    height, width = canvas.height - 1, canvas.width - left
    if height < 2 or width < 8:
        return
    inside = canvas.part(left, 0, width, height)
    if limits is not None:
        low, centre, high = limits
        for limit, char in ((low, "╌"), (high, "╌"), (centre, "─")):
            inside.put(0, on.row(limit, height), ("." if canvas.ascii and char == "╌" else char) * width, "dim")
        names = [(centre, fmt.bare(key, centre)), *names]
    taken: set[int] = set()
    for at, name in names:
        y = on.row(at, height)
        if y not in taken:
            taken.add(y)
            canvas.put(left - 1 - text_width(name), y, name, "dim")
    count = len(points.values)
    for place, value in enumerate(points.values):
        if value is None:
            continue
        x, y = min(width - 1, int((place + 0.5) * width / count)), on.row(value, height)
        marked = rules_of(rules.values[place]) if rules is not None and place < len(rules.values) else ()
        if marked:
            inside.put(x, y, str(marked[0]), "warn", bold=True)
        else:
            inside.put(x, y, "•", "chart", bold=True)
    clock_axis(canvas.part(left, height, width, 1), points.start_s, points.step_s * count, utc=utc)


def _scale(values: Sequence[float | None]) -> Scale:
    """A little beyond everything that is drawn."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min(known), max(known)
    room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return Scale(low - room, high + room)


def _minutes(points: Series) -> str:
    return f"{points.step_s / 60:.0f} min"


def _points(count: int) -> str:
    return f"{count} point{'s' if count != 1 else ''}"


def _cells(part: Part) -> int:
    return text_width(part if isinstance(part, str) else part[0])
