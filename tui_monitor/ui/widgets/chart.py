"""Charts: one-line sparks and filled braille areas. Both start at zero; a gap is a gap, and a zero is a line on the floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tui_monitor.model import utc as utc_time
from tui_monitor.ui import format as fmt
from tui_monitor.ui.view import Series
from tui_monitor.ui.widgets.canvas import Canvas, text_width

_BLOCKS = "▁▂▃▄▅▆▇"
_SHADES = "_.:-=+*#"
_DOTS = ((0x40, 0x44, 0x46, 0x47), (0x80, 0xA0, 0xB0, 0xB8))  # left and right column, one to four dots from below
_TICKS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)


class Band(NamedTuple):
    """What was expected in each step of a series, and between which bounds; None where nothing was."""

    middle: Sequence[float | None]
    low: Sequence[float | None]
    high: Sequence[float | None]


class Ahead(NamedTuple):
    """What is expected from the end of a series on, over so many seconds."""

    band: Band
    span_s: float


def resample(values: Sequence[float | None], points: int) -> list[float | None]:
    """The values at another width: the mean of what falls together, the same value again where there are fewer; gaps stay gaps."""
    count = len(values)
    if not count or points <= 0:
        return [None] * max(0, points)
    out: list[float | None] = []
    for index in range(points):
        first = index * count // points
        known = [
            value for value in values[first : max(first + 1, (index + 1) * count // points)] if value is not None and math.isfinite(value)
        ]
        out.append(sum(known) / len(known) if known else None)
    return out


def ceiling(values: Sequence[float | None]) -> float:
    """The end of the axis: the next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10 times a power of ten, so that it rarely moves."""
    top = max((value for value in values if value is not None and math.isfinite(value)), default=0.0)
    if top <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(top))
    return next((step * power for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if top <= step * power * (1 + 1e-9)), 10 * power)


def spark(canvas: Canvas, x: int, y: int, width: int, values: Sequence[float | None], role: str = "chart", top: float | None = None) -> int:
    """A line of blocks; the newest value stands at the right end."""
    points = resample(values, width)
    top = top or max((value for value in points if value is not None), default=0.0)
    steps = _SHADES if canvas.ascii else _BLOCKS
    text = ""
    for value in points:
        if value is None:
            text += " "
        else:
            text += steps[0] if value <= 0 or top <= 0 else steps[min(len(steps) - 1, math.ceil(value / top * len(steps)) - 1)]
    return canvas.put(x, y, text, role)


def area(canvas: Canvas, values: Sequence[float | None], top: float, role: str = "chart") -> None:
    """Fill the whole canvas with a braille area from zero to `top`, two values a column."""
    width, height = canvas.width, canvas.height
    points = resample(values, width * 2)
    levels = [0 if value is None else min(height * 4, max(1, round(value / top * height * 4))) for value in points]
    for y in range(height):
        floor = (height - 1 - y) * 4
        line = ""
        for column in range(width):
            code = 0x2800
            for side in (0, 1):
                dots = min(4, levels[2 * column + side] - floor)
                if dots > 0:
                    code |= _DOTS[side][dots - 1]
            if canvas.ascii:
                line += " " if code == 0x2800 else ":" if max(levels[2 * column], levels[2 * column + 1]) - floor < 3 else "#"
            else:
                line += " " if code == 0x2800 else chr(code)
        canvas.put(0, y, line, role)


def chart(
    canvas: Canvas,
    series: Series | None,
    key: str,
    *,
    utc: bool,
    role: str = "chart",
    line: float | None = None,
    moving: Sequence[float | None] = (),
    band: Band | None = None,
    ahead: Ahead | None = None,
) -> int:
    """A titled area with its scale at the left and clock times below; returns the column where the area begins.

    The last line of the canvas is the clock, the others the area. `line` is a value that is drawn across it: a threshold. Where it was
    another one before, `moving` says what it was, in as many steps as the series has. `band` is what was expected: its bounds are lines. What
    is expected stands beyond the end of the series, behind a line that is now.
    """
    values = series.values if series else []
    span_s = series.step_s * len(values) if series else 0.0
    if ahead is not None and span_s <= 0:
        ahead = None
    coming = ahead.band.middle if ahead else ()
    limits = [value for value in (line, *moving, *coming) if value is not None]
    top = ceiling([*values, *limits, *_bounds_in_sight(values, band), *_bounds_in_sight([*values, *coming], ahead.band if ahead else None)])
    label = fmt.bare(key, top)
    limit = fmt.bare(key, line) if line is not None else ""
    left = max(6, text_width(label) + 2, text_width(limit) + 2)
    height, width = canvas.height - 1, canvas.width - left
    if height < 1 or width < 8:
        return left
    whole_s = span_s + (ahead.span_s if ahead else 0.0)
    past = width if ahead is None else min(width - 2, max(1, round(width * span_s / whole_s)))
    if series is None or not any(value is not None for value in values):
        canvas.put(0, height // 2, "no history yet" if series is None else "no data in this window", "faint")
    else:
        canvas.put(left - 1 - text_width(label), 0, label, "dim")
        if height > 1:
            canvas.put(left - 2, height - 1, "0", "dim")
        area(canvas.part(left, 0, past, height), values, top, role)
        if band is not None:
            _expected(canvas.part(left, 0, past, height), band, top)
        if ahead is not None:
            for y in range(height):
                canvas.put(left + past, y, "|" if canvas.ascii else "┊", "faint")
            _expected(canvas.part(left + past + 1, 0, width - past - 1, height), ahead.band, top, middle=True)
        if line is not None and math.isfinite(line) and line >= 0:
            y = min(height - 1, max(0, height - 1 - math.floor(line / top * height)))
            canvas.put(0, y, " " * (left - 1))  # rather the threshold's number than the scale's
            canvas.put(left - 1 - text_width(limit), y, limit, "warn")
            then = line  # before anybody held anything against it the line of now stands
            for x in range(width):
                at = moving[x * len(moving) // width] if moving else None
                then = at if at is not None and math.isfinite(at) and at >= 0 else then
                canvas.put(left + x, min(height - 1, max(0, height - 1 - math.floor(then / top * height))), "╌", "warn")
    if series is not None and values:
        clock_axis(canvas.part(left, height, width, 1), series.start_s, whole_s, utc=utc)
    return left


def _bounds_in_sight(values: Sequence[float | None], band: Band | None) -> list[float]:
    """The band's upper bound as far as it does not flatten what is drawn."""
    if band is None:
        return []
    largest = max((value for value in values if value is not None and math.isfinite(value)), default=0.0)
    return [min(high, 1.5 * largest) for high in band.high if high is not None and math.isfinite(high)]


def _expected(canvas: Canvas, band: Band, top: float, *, middle: bool = False) -> None:
    """The bounds of what was expected, over the area: what reaches beyond them is seen. With `middle` also what lies between."""
    width, height = canvas.width, canvas.height
    lines = [(band.low, "┈", "-"), (band.high, "┈", "-"), *([(band.middle, "╌", "=")] if middle else [])]
    for values, line, plain in lines:
        for x, value in enumerate(resample(values, width)):
            if value is None or value > top or value <= 0:
                continue
            y = min(height - 1, max(0, height - 1 - math.floor(value / top * height)))
            canvas.put(x, y, plain if canvas.ascii else line, "chart" if values is band.middle else "dim")


def clock_axis(canvas: Canvas, start_s: float, span_s: float, *, utc: bool) -> None:
    """Clock times under a chart, at round moments of the day, each beginning at its moment."""
    width = canvas.width
    if span_s <= 0 or width <= 0:
        return
    step_s = next((tick for tick in _TICKS_S if tick / span_s * width >= 12), 86400)
    shift_s = (fmt.local(utc_time(start_s), utc=utc).utcoffset() or utc_time(start_s) - utc_time(start_s)).total_seconds()
    tick_s = math.ceil((start_s + shift_s) / step_s) * step_s - shift_s
    while tick_s < start_s + span_s:
        there = fmt.local(utc_time(tick_s), utc=utc)
        text = f"{there:%H:%M:%S}" if step_s < 60 else f"{there:%H:%M}"
        x = int((tick_s - start_s) / span_s * width)
        if x + len(text) <= width:
            canvas.put(x, 0, text, "dim")
        tick_s += step_s
