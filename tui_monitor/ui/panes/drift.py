"""Drift: which inputs and outputs no longer look like the reference, since when, how strong the evidence is, and in one sentence why."""

from __future__ import annotations

from tui_monitor.model import Drift, Frame, Shares
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import order
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, text_width, wrap
from tui_monitor.ui.widgets.chart import area
from tui_monitor.ui.widgets.table import Column, Placing, around, cell, heads, place

BUDGET = 2 / 3  # where on the evidence bar the false-alarm budget is used up
WEAKEST = -6.0  # log10 of the evidence at the bar's left end


def draw(canvas: Canvas, frame: Frame, view: View, *, focus: bool = True) -> None:
    """The whole pane in its frame."""
    drifting = sum(signal.state == "drift" for signal in frame.drift)
    inside = canvas.box(key="3", title="Drift", right=f"{drifting} of {len(frame.drift)} drift" if frame.drift else "", focus=focus)
    shown = order.signals(frame, view)
    if not shown:
        text = "no signal yet: a server's histogram or a prediction log makes one" if not frame.drift else "no signal fits the filter"
        inside.run(0, 0, ("– ", "dim"), (cut(text, inside.width - 2), "dim"))
        return
    chosen = order.chosen_signal(frame, view)
    index = next((i for i, signal in enumerate(shown) if signal is chosen), None)
    wish = 8 if chosen is not None and chosen.shares is not None else 4
    rows = min(len(shown) + 1, inside.height if inside.height < 8 else max(4, inside.height - min(wish, inside.height // 2) - 1))
    used = _table(inside.part(0, 0, inside.width, rows), frame, view, shown, index, focus=focus)
    if chosen is not None and inside.height - used >= 3:
        _detail(inside.part(0, used + 1, inside.width, inside.height - used - 1), chosen)


def evidence_share(evidence: float | None) -> float | None:
    """How far the evidence bar is filled: the budget stands at two thirds, one third of the bar is beyond it."""
    if evidence is None:
        return None
    return min(1.0, max(0.0, BUDGET * (1 - evidence / WEAKEST)))


def _table(canvas: Canvas, frame: Frame, view: View, signals: list[Drift], chosen: int | None, *, focus: bool) -> int:
    name = min(24, max(8, *(text_width(short_name(signal)) for signal in signals)))
    several = len({signal.source for signal in signals}) > 1
    source = min(14, max(6, *(text_width(signal.source) for signal in signals)))
    columns = [
        Column("name", "SIGNAL", name, grow=True),
        Column("source", "FROM", source, keep=0 if several else 4),
        Column("state", "STATE", 8),
        Column("effect", "EFFECT", 8, keep=1),
        Column("evidence", "EVIDENCE", 10, keep=3),
        Column("n", "NOW", 5, ">", keep=5),
        Column("since", "SINCE", 12, keep=2),
    ]
    placed = place(columns, canvas.width, left=2)
    heads(canvas, 0, columns, placed)
    rows = canvas.height - 1
    more = len(signals) > rows
    window = around(len(signals), rows - more, chosen)
    for y, index in enumerate(window, 1):
        if focus and index == chosen:
            canvas.band(y)
        _signal(canvas, y, placed, frame, view, signals[index])
    if more:
        hidden = [signal.state for i, signal in enumerate(signals) if i not in window]
        canvas.put(
            2,
            canvas.height - 1,
            f"… {len(hidden)} more: " + ", ".join(f"{hidden.count(state)} {state}" for state in dict.fromkeys(hidden)),
            "dim",
        )
    return canvas.height if more else len(window) + 1


def short_name(signal: Drift) -> str:
    """A signal's name without its server's prefix, for the table; the full one stands in its detail."""
    return signal.signal.rpartition(":")[2] or signal.signal


def effect(signal: Drift) -> str:
    """The effect with its test; buckets give a lower bound."""
    if signal.effect is None:
        return ""
    size = f"{signal.effect:.2f}".removeprefix("0")
    test = "L∞" if signal.test == "l_infinity" else signal.test.upper()
    return f"{test} {'≥' if signal.bound == '>=' else ''}{size}"


def _signal(canvas: Canvas, y: int, placed: Placing, frame: Frame, view: View, signal: Drift) -> None:
    sign = signs.SIGNAL[signal.state]
    loud = signal.state in {"drift", "watch"}
    canvas.put(0, y, sign.glyph, sign.role, bold=loud)
    cell(canvas, y, placed, "name", short_name(signal), "strong" if signal.state == "drift" else "text", bold=signal.state == "drift")
    cell(canvas, y, placed, "source", signal.source, "dim")
    cell(canvas, y, placed, "state", signal.state.upper() if loud else signal.state, sign.role, bold=loud)
    cell(canvas, y, placed, "effect", effect(signal))
    if (spot := placed.get("evidence")) is not None:
        if signal.state == "learning":
            canvas.bar(spot.x, y, spot.width, signal.progress, "info")
        else:
            canvas.bar(spot.x, y, spot.width, evidence_share(signal.evidence), sign.role if loud else "dim")
    cell(canvas, y, placed, "n", fmt.count(signal.n_now), "dim")
    when = ""
    if signal.state == "learning":
        when = f"{fmt.ratio(signal.progress)} learned" if signal.progress is not None else ""
    elif signal.since is not None and loud:
        when = fmt.moment(signal.since, frame.at, utc=view.utc)
    cell(canvas, y, placed, "since", when, "dim")


def _detail(canvas: Canvas, signal: Drift) -> None:
    """The chosen signal: its quantiles then and now, both shapes, and the sentence."""
    sign = signs.SIGNAL[signal.state]
    parts: list[Part] = [(signal.signal, "strong", "b")]
    for key, (before, now) in list(signal.quantiles.items())[:3]:
        moved = before is not None and now is not None and before > 0 and not 0.67 < now / before < 1.5
        parts += [
            (f"   {key} {fmt.number(before)} → ", "dim"),
            (fmt.number(now), sign.role if moved and signal.state == "drift" else "text", *(["b"] if moved else [])),
        ]
    canvas.run(0, 0, *parts)
    lines = wrap(signal.sentence, canvas.width, 3)
    evidence = evidence_line(signal)
    y = 1
    spare = canvas.height - 1 - len(lines) - bool(evidence)
    if signal.shares is not None and spare >= 3:
        high = min(5, spare - 1)
        _shapes(canvas.part(0, 1, canvas.width, high), signal.shares)
        y = 1 + high
    for line in lines:
        canvas.put(0, y, line, "text")
        y += 1
    canvas.put(0, y, cut(evidence, canvas.width), "dim")


def evidence_line(signal: Drift) -> str:
    """How strong the evidence is, in words."""
    counted = f"{fmt.count(signal.n_now)} rows now, {fmt.count(signal.n_reference)} in the reference"
    if signal.evidence is None:
        return counted
    if signal.evidence >= 0:
        times = 10 ** min(signal.evidence, 15.0)
        return f"Evidence is {fmt.count(round(times)) if times < 1e9 else '>1e9'}× beyond the false-alarm budget; {counted}."
    return f"Evidence is within the false-alarm budget; {counted}."


def _shapes(canvas: Canvas, shares: Shares) -> None:
    """Reference and now side by side, on one scale, with the ends of their axis below."""
    half = (canvas.width - 10) // 2
    if half < 8 or len(shares.reference) != len(shares.now) or not shares.reference:
        return
    top = max(*shares.reference, *shares.now, 1e-9)
    high = canvas.height - 1
    for x, label, values, colour in (
        (0, "ref", shares.reference, "dim"),
        (half + 6, "now", shares.now, "chart"),
    ):
        canvas.put(x, 0, label, "dim")
        area(canvas.part(x + 4, 0, half, high), list(values), top, colour)
        if shares.edges:
            low, end = f"<{fmt.number(shares.edges[0])}", f">{fmt.number(shares.edges[-1])}"
            canvas.put(x + 4, high, low, "faint")
            canvas.put(x + 4 + half - text_width(end), high, end, "faint")
