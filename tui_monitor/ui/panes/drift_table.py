"""The table of signals: the worst first, each with its state, sort of drift, effect, both shapes, evidence, rows and since when."""

from __future__ import annotations

from tui_monitor.model import Drift, Frame
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import drift_shapes as shapes
from tui_monitor.ui.panes import drift_words as words
from tui_monitor.ui.panes import written
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, cut, text_width
from tui_monitor.ui.widgets.table import Column, Placing, around, cell, heads, place

BUDGET = 2 / 3  # where on the evidence bar the false-alarm budget is used up
WEAKEST = -6.0  # log10 of the evidence at the bar's left end
_SHAPES = 17  # cells of both shapes
_SPARE = 12  # cells that names get beyond their need: further apart, the eye loses the line
_WIDE = 100  # from here on names have all the room they want
_ROOMY = 140  # and sources too


def evidence_share(evidence: float | None) -> float | None:
    """How far the evidence bar is filled: the budget stands at two thirds, one third of the bar is beyond it."""
    if evidence is None:
        return None
    return min(1.0, max(0.0, BUDGET * (1 - evidence / WEAKEST)))


def columns(signals: list[Drift], width: int) -> list[Column]:
    """The columns that these signals need."""
    longest = max(text_width(words.short_name(signal)) for signal in signals)
    several = len({signal.source for signal in signals}) > 1
    source = min(24 if width >= _ROOMY else 14 if width >= _WIDE else 10, max(4, *(text_width(signal.source) for signal in signals)))
    found = [
        Column("name", "SIGNAL", min(40 if width >= _WIDE else 18, max(8, longest)), grow=True),
        Column("source", "FROM", source),
        Column("state", "STATE", 8),
        Column("since", "SINCE", 6, keep=2),
        Column("kind", "KIND", 9, keep=6),
        Column("cause", "CAUSE", max(5, *(len(words.cause(signal)) for signal in signals)), keep=3),
        Column("effect", "EFFECT", max(7, *(text_width(words.effect(signal)) for signal in signals)), keep=1),
        Column("shapes", "REF      NOW", _SHAPES, keep=7),
        Column("evidence", "EVIDENCE", 8, keep=4),
        Column("n", "ROWS", 5, ">", keep=8),
    ]
    empty = {
        name
        for name, told in (
            ("source", several or width >= _WIDE),
            ("since", any(signal.state in {"drift", "watch", "learning"} for signal in signals)),
            ("kind", any(signal.kind for signal in signals)),
            ("shapes", any(shapes.usable(signal.shares) is not None for signal in signals)),
        )
        if not told
    }
    return [column for column in found if column.name not in empty]


def draw(canvas: Canvas, frame: Frame, view: View, signals: list[Drift], chosen: int | None, *, focus: bool) -> int:
    """The table from the top of the canvas on, as high as it is; returns the lines that were used."""
    all_columns = columns(signals, canvas.width)
    full = sum(column.width + 2 for column in all_columns) + _SPARE
    placed = place(all_columns, min(canvas.width, full), left=2)
    heads(canvas, 0, all_columns, placed)
    rows = canvas.height - 1
    more = len(signals) > rows
    window = around(len(signals), rows - more, chosen)
    for y, index in enumerate(window, 1):
        if focus and index == chosen:
            canvas.band(y)
        _signal(canvas, y, placed, frame, view, signals[index])
    if not more:
        return len(window) + 1
    hidden = [signal.state for i, signal in enumerate(signals) if i not in window]
    said = ", ".join(f"{hidden.count(state)} {state}" for state in dict.fromkeys(hidden))
    canvas.put(2, canvas.height - 1, cut(f"… {len(hidden)} more: {said}", canvas.width - 2), "crit" if "drift" in hidden else "dim")
    return canvas.height


def _signal(canvas: Canvas, y: int, placed: Placing, frame: Frame, view: View, signal: Drift) -> None:
    sign = signs.SIGNAL[signal.state]
    loud = signal.state in {"drift", "watch"}
    quiet = signal.state in {"learning", "idle", "blind"}
    canvas.put(0, y, sign.glyph, sign.role, bold=loud)
    name = written.short(words.short_name(signal), placed["name"].width)
    leads = loud and not signal.follows  # what follows is of one origin with another line: that one is louder
    cell(canvas, y, placed, "name", name, "strong" if loud else "dim" if quiet else "text", bold=leads and signal.state == "drift")
    cell(canvas, y, placed, "source", signal.source, "dim")
    spot = placed["state"]
    end = canvas.put(spot.x, y, signal.state.upper() if loud else signal.state, sign.role, bold=leads)
    if len(signal.early) > 1 and end + 2 <= spot.x + spot.width:  # one alone is out every few hours by chance
        canvas.put(end + 1, y, "▴", "warn")
    cell(canvas, y, placed, "since", _since(frame, view, signal), "text" if loud else "dim")
    cell(canvas, y, placed, "kind", signal.kind if loud else "", "dim")
    cell(canvas, y, placed, "cause", words.cause(signal), "text" if loud else "faint")
    cell(canvas, y, placed, "effect", words.effect(signal), "strong" if loud else "dim")
    if (spot_of_shapes := placed.get("shapes")) is not None:
        shapes.mini(canvas, spot_of_shapes.x, y, spot_of_shapes.width, signal)
    if (bar := placed.get("evidence")) is not None:
        if signal.state == "learning":
            canvas.bar(bar.x, y, bar.width, signal.progress, "dim")
        elif signal.evidence is not None:
            canvas.bar(bar.x, y, bar.width, evidence_share(signal.evidence), sign.role if loud else "dim")
    cell(canvas, y, placed, "n", fmt.letter_count(signal.n_now) if signal.n_now > 9999 else fmt.count(signal.n_now), "dim")


def _since(frame: Frame, view: View, signal: Drift) -> str:
    if signal.state == "learning":
        return fmt.ratio(signal.progress) if signal.progress is not None else ""
    if signal.since is None or signal.state not in {"drift", "watch"}:
        return ""
    return words.brief(signal.since, frame.at, utc=view.utc)
