"""Evidence against the budget over time with the moment of the change, and the effect window by window: fast and slow moves look different."""

from __future__ import annotations

import math

from tui_monitor.model import Drift
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import drift_words as words
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.view import Series, View
from tui_monitor.ui.widgets import lines
from tui_monitor.ui.widgets.canvas import Canvas, Part
from tui_monitor.vocabulary import WINDOWS

DEEPEST, HIGHEST = -8.0, 6.0  # log10: beyond, a line says nothing more
_SHORTEST_S = 1800.0  # windows below this are too short for checks a minute apart: all is shown
_POINTS = 240
_BAR = 8


def series(signal: Drift, view: View) -> Series | None:
    """The evidence on an even grid; None where there are not two points. A stretch without checks is a gap."""
    points = [(at_s, value) for at_s, value in signal.evidence_past if math.isfinite(at_s) and not math.isnan(value)]
    if len(points) < 2:
        return None
    points.sort()
    end_s = points[-1][0]
    span_s = WINDOWS.get(view.window, 0.0)
    inside = [point for point in points if point[0] >= end_s - span_s]
    if span_s >= _SHORTEST_S and len(inside) >= 3:
        points = inside
    start_s = points[0][0]
    if signal.since is not None and start_s - (end_s - start_s) < signal.since.timestamp() < start_s and span_s < _SHORTEST_S:
        start_s = signal.since.timestamp()
    step_s = max((end_s - start_s) / min(_POINTS, len(points)), 1e-3)
    cells = math.floor((end_s - start_s) / step_s + 1e-9) + 1
    values: list[float | None] = [None] * cells
    for at_s, value in points:
        values[min(cells - 1, int((at_s - start_s) / step_s))] = min(HIGHEST, max(DEEPEST, value))
    for index in range(1, cells - 1):  # checks are not quite even: one empty cell is no gap
        if values[index] is None and values[index + 1] is not None:
            values[index] = values[index - 1]
    return Series(start_s, step_s, values)


def evidence(canvas: Canvas, signal: Drift, view: View) -> bool:
    """Draw it; False where there is nothing to draw."""
    found = series(signal, view)
    if found is None or canvas.height < 4 or canvas.width < 24:
        return False
    known = [value for value in found.values if value is not None]
    on = lines.Scale(math.floor(min(*known, -1.0)), math.ceil(max(*known, 1.0)))
    marks: tuple[tuple[float, str], ...] = ()
    if signal.since is not None and signal.state in {"drift", "watch"}:
        marks = ((signal.since.timestamp(), "change"),)
    label = (f"{fmt.letter_count(10**on.high)}×", f"1/{fmt.letter_count(10**-on.low)}", "budget")
    lines.chart(canvas, lines.Drawn(found, floor=0.0, marks=marks), label=label, on=on, utc=view.utc)
    return True


def windows(signal: Drift, view: View, width: int) -> list[Line]:
    """The effect over each window as a bar and a number, on one scale, and what they say together."""
    known = [value for value in signal.windows.values() if value is not None and math.isfinite(value)]
    if not known:
        return []
    top = max(*known, 2 * words.SEEN)
    each = [(name, value) for name, value in signal.windows.items() if value is None or math.isfinite(value)]
    wide = max(0, min(_BAR, (width - 2) // len(each) - 12))
    loud = signs.SIGNAL[signal.state].role if signal.state in {"drift", "watch"} else "chart"
    parts: list[Part] = []
    for name, value in each:
        parts.append((f"{name} ", "strong" if name == view.window else "dim", *(["b"] if name == view.window else [])))
        if value is None:
            parts.append((f"{fmt.NONE:<{wide + 4}}   ", "faint"))
            continue
        role = loud if value >= words.SEEN else "dim"
        full = min(wide, max(value > 0, round(value / top * wide)))
        parts += [("━" * full, role), ("·" * (wide - full), "faint"), (f" {words.small(value):<4}  ", role)]
    out: list[Line] = [tuple(parts)]
    said = words.pace(signal)
    return [*out, ((said, "text"),)] if said else out
