"""Lines on a scale that begins where the values are: half a point of accuracy must be seen. With a band around one, a floor, and marks in time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from tui_monitor.ui.view import Series
from tui_monitor.ui.widgets.canvas import Canvas, text_width
from tui_monitor.ui.widgets.chart import clock_axis, resample

_DOT = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # left and right column, from above


class Scale(Struct, frozen=True):
    """From where to where the axis goes."""

    low: float
    high: float

    def row(self, value: float, rows: int) -> int:
        """The row of a value, 0 the highest; what is beyond the scale stands at its edge."""
        share = (value - self.low) / (self.high - self.low)
        return min(rows - 1, max(0, rows - 1 - math.floor(share * rows)))


def scale(values: Sequence[float | None], *, share: bool) -> Scale:
    """Round ends around the values, at least two points apart where they are shares, and then never beyond 0 and 1."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    least = 0.02 if share else max(abs(high), abs(low)) * 0.02 or 1.0
    if high - low < least:
        low, high = low - least / 2, high + least / 2
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if rough <= size * power * (1 + 1e-9))
    low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return Scale(max(0.0, low), min(1.0, high)) if share else Scale(low, high)


def line(canvas: Canvas, values: Sequence[float | None], on: Scale, role: str) -> None:
    """A connected line, two values a column; a gap is a gap. In ASCII a star a column."""
    width, height = canvas.width, canvas.height
    points = resample(values, width * 2)
    cells: dict[tuple[int, int], int] = {}
    before: int | None = None
    for index, value in enumerate(points):
        if value is None:
            before = None
            continue
        at = on.row(value, height * 4)
        first, last = (at, at) if before is None else (min(at, before + (at > before)), max(at, before - (at < before)))
        for dot in range(first, last + 1):
            where = index // 2, dot // 4
            cells[where] = cells.get(where, 0) | _DOT[index % 2][dot % 4]
        before = at
    for (x, y), dots in cells.items():
        canvas.put(x, y, "*" if canvas.ascii else chr(0x2800 + dots), role, bold=True)


def level_line(canvas: Canvas, values: Sequence[float | None], on: Scale, char: str, role: str) -> None:
    """A quiet line of one character a column."""
    for x, value in enumerate(resample(values, canvas.width)):
        if value is not None:
            canvas.put(x, on.row(value, canvas.height), char, role)


def band(canvas: Canvas, low: Sequence[float | None], high: Sequence[float | None], on: Scale) -> None:
    """Shade what lies between two lines."""
    char = ":" if canvas.ascii else "░"
    ends = zip(resample(low, canvas.width), resample(high, canvas.width), strict=True)
    for x, (below, above) in enumerate(ends):
        if below is not None and above is not None and not (below > on.high or above < on.low):
            for y in range(on.row(above, canvas.height), on.row(below, canvas.height) + 1):
                canvas.put(x, y, char, "faint")


class Drawn(Struct, frozen=True):
    """What a chart of lines shows; all series have the same grid."""

    main: Series | None
    low: Series | None = None
    high: Series | None = None
    long: Series | None = None  # a slower line behind it
    other: Series | None = None  # the same number from another source
    floor: float | None = None
    marks: tuple[tuple[float, str], ...] = ()  # moment, and what began then


def chart(canvas: Canvas, drawn: Drawn, *, label: Sequence[str], on: Scale, utc: bool) -> int:
    """The lines with the ends of the scale and the floor at the left and clock times below; returns the column where they begin.

    Args:
        canvas: its last line is the clock.
        drawn: the series.
        label: the scale's upper end, its lower end, and the floor, as they are written.
        on: the scale, of `scale`.
        utc: clock times are not local.
    """
    left = max(6, *(text_width(text) + 1 for text in label))
    height, width = canvas.height - 1, canvas.width - left
    known = next((series for series in (drawn.main, drawn.other, drawn.long) if series is not None and _any(series)), None)
    if height < 2 or width < 8:
        return left
    if known is None:
        text = "no history yet" if drawn.main is None else "no value in this time"
        canvas.put(0, height // 2, text, "faint")
        return left
    top, bottom, floor = label
    canvas.put(left - 1 - text_width(top), 0, top, "dim")
    canvas.put(left - 1 - text_width(bottom), height - 1, bottom, "dim")
    inside = canvas.part(left, 0, width, height)
    if drawn.low is not None and drawn.high is not None:
        band(inside, drawn.low.values, drawn.high.values, on)
    if drawn.floor is not None and on.low <= drawn.floor <= on.high:
        y = on.row(drawn.floor, height)
        canvas.put(0, y, " " * (left - 1))
        canvas.put(left - 1 - text_width(floor), y, floor, "warn")
        inside.put(0, y, ("-" if canvas.ascii else "╌") * width, "warn")
    span_s = known.step_s * len(known.values)
    names: list[tuple[int, str]] = []
    for at_s, name in drawn.marks:
        if known.start_s <= at_s < known.start_s + span_s:
            x = int((at_s - known.start_s) / span_s * width)
            for y in range(height):
                inside.put(x, y, "┊", "info")
            names.append((x + 1 if x + 1 + text_width(name) <= width else max(0, x - text_width(name)), name))
    if drawn.long is not None:
        level_line(inside, drawn.long.values, on, "=" if canvas.ascii else "─", "chart2")
    if drawn.other is not None:
        level_line(inside, drawn.other.values, on, "·", "info")
    if drawn.main is not None:
        line(inside, drawn.main.values, on, "chart")
    for x, name in names:
        inside.put(x, 0, name, "info")
    clock_axis(canvas.part(left, height, width, 1), known.start_s, span_s, utc=utc)
    return left


def _any(series: Series) -> bool:
    return any(value is not None for value in series.values)
