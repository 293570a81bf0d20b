"""The whole screen as one canvas: picks the layout for the size, and puts header, panes, ticker and footer in their places."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tui_monitor.model import Frame, HistoryQuery
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes import (
    alerts,
    control,
    drift,
    drift_explain,
    expected,
    explain,
    header,
    health,
    order,
    past,
    performance,
    quality_explain,
    speed,
    story,
    ticker,
    tiny,
)
from tui_monitor.ui.view import Histories, Pane, View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, text_width

LayoutName = Literal["wide", "side", "stack", "small", "tiny"]


class Spot(NamedTuple):
    """Where a pane stands."""

    pane: Pane
    x: int
    y: int
    width: int
    height: int


class Plan(NamedTuple):
    """A layout: its name and the panes with their places; the header is above them, ticker and footer below."""

    name: LayoutName
    spots: list[Spot]
    events: bool


def plan(frame: Frame | None, view: View, width: int, height: int) -> Plan:
    """Which panes are shown where: four, two, one, or a list. Any size has a plan."""
    if width < 60 or height < 16:
        return Plan("tiny", [], events=False)
    if width >= 140 and height >= 36:
        top, bottom = 2, height - 3
        if view.zoom:
            return Plan("wide", [Spot(view.focus, 0, top, width, bottom - top)], events=True)
        left = width * 21 // 40
        high = bottom - top
        health_high = _health_height(frame, high)
        alerts_high = max(high * 2 // 5, min(16, high // 2)) if frame is None or frame.alerts else high // 4
        spots = [
            Spot("health", 0, top, left, health_high),
            Spot("performance", left, top, width - left, high - alerts_high),
            Spot("drift", 0, top + health_high, left, high - health_high),
            Spot("alerts", left, top + high - alerts_high, width - left, alerts_high),
        ]
        return Plan("wide", spots, events=True)
    top, high = 2, height - 5  # tabs above; strip, ticker and footer below
    if view.zoom:
        return Plan("small", [Spot(view.focus, 0, top, width, high)], events=False)
    other: Pane = "alerts" if view.focus != "alerts" else "health"
    if width >= 140:
        left = width // 2
        return Plan("side", [Spot(view.focus, 0, top, left, high), Spot(other, left, top, width - left, high)], events=False)
    if height >= 28 and width >= 80:
        low = max(8, high * 2 // 5)
        return Plan("stack", [Spot(view.focus, 0, top, width, high - low), Spot(other, 0, top + high - low, width, low)], events=False)
    return Plan("small", [Spot(view.focus, 0, top, width, high)], events=False)


def _health_height(frame: Frame | None, high: int) -> int:
    """As much as Health needs, between two fifths and three fifths of the height."""
    need = 20
    if frame is not None:
        need = 2 + health.lines(frame, View())
    return max(high * 2 // 5, min(need, high * 3 // 5))


def draw_board(frame: Frame | None, view: View, histories: Histories, width: int, height: int, *, ascii: bool = False) -> Canvas:  # noqa: A002
    """The screen at this size. Without a frame it says what it waits for."""
    canvas = Canvas(width, height, ascii=ascii)
    if frame is None:
        canvas.run(1, 0, ("tui-monitor  ", "strong", "b"), (cut(view.note or "connecting", width - 15), "warn" if view.note else "dim"))
        _footer(canvas, view)
        return canvas
    layout = plan(frame, view, width, height)
    if layout.name == "tiny":
        tiny.draw(canvas, frame, view)
        return canvas
    header.draw(canvas, frame, view)
    if layout.name == "wide":
        header.strip(canvas.part(0, 1, width, 1), frame, view)
    else:
        header.tabs(canvas.part(0, 1, width, 1), frame, view)
        header.strip(canvas.part(0, height - 3, width, 1), frame, view)
    for spot in layout.spots:
        part = canvas.part(spot.x, spot.y, spot.width, spot.height)
        focus = spot.pane == view.focus
        match spot.pane:
            case "health":
                health.draw(part, frame, view, histories, focus=focus)
            case "performance":
                performance.draw(part, frame, view, histories, focus=focus)
            case "drift":
                drift.draw(part, frame, view, focus=focus)
            case "alerts":
                alerts.draw(part, frame, view, focus=focus)
    if layout.events:
        _events(canvas.part(0, height - 3, width, 1), frame, view)
    ticker.draw(canvas.part(0, height - 2, width, 1), frame, view)
    _footer(canvas, view)
    return canvas


def history_wanted(frame: Frame | None, view: View, width: int, height: int) -> list[HistoryQuery]:
    """The series that the charts on the screen at this size need."""
    if frame is None:
        return []
    queries: list[HistoryQuery] = []
    for spot in plan(frame, view, width, height).spots:
        if spot.pane == "performance":
            queries += performance.wanted(frame, view, spot.width, spot.height)
        elif spot.pane == "health":
            queries += past.wanted(frame, view, spot.width, spot.height - 2 - health.lines(frame, view))
    return queries


def targets_in_order(frame: Frame, view: View) -> list[str]:
    """Names of the targets as Health lists them."""
    return [target.name for target in order.listed(frame, view)]


def alerts_in_order(frame: Frame, view: View) -> list[str]:
    """Ids of the alerts as the screen lists them."""
    return [alert.id for alert in order.listed_alerts(frame, view)]


def signals_in_order(frame: Frame, view: View) -> list[str]:
    """Names of the signals ("source/signal") as the screen lists them."""
    return [order.signal_name(signal) for signal in order.signals(frame, view)]


def metrics_in_order(frame: Frame, view: View) -> list[str]:
    """Keys of Performance's rows as the screen lists them."""
    return performance.metrics_in_order(frame, view)


def explain_chosen(frame: Frame, view: View, histories: Histories | None = None) -> list[str]:
    """What the explain key says where the focus is: about the chosen metric, signal, alert, or the target's state."""
    target = order.chosen_target(frame, view)
    if view.focus == "performance" and (log := performance.chosen_log(frame, view)) is not None:
        return quality_explain.of_number(frame, log, view)
    if view.focus == "drift" and (signal := order.chosen_signal(frame, view)) is not None:
        return drift_explain.of_signal(frame, signal, utc=view.utc)
    if view.focus == "alerts" and (alert := order.chosen_alert(frame, view)) is not None:
        lines = story.detail(frame, alert, 76, utc=view.utc, whole=True)
        return ["".join(part if isinstance(part, str) else part[0] for part in line) for line in lines]
    if target is None:
        return explain.explain(frame, "host", "cpu.util")
    if view.focus == "performance":
        key = speed.chart_key(target, view)
        said = explain.explain(frame, target.name, key)
        said += expected.course_lines(frame, histories or {}, target.name, key, utc=view.utc)
        said += expected.ahead_lines(frame, histories or {}, target.name, key, utc=view.utc)
        return [*said, *control.explain(histories or {}, target.name, key, view.control, utc=view.utc)] if view.control else said
    missing = explain.missing(target, 76)
    return [*explain.of_state(frame, target, utc=view.utc), *([""] if missing else []), *missing]


def _events(canvas: Canvas, frame: Frame, view: View) -> None:
    """The newest events in one line, newest first, as many as fit whole."""
    x = canvas.run(1, 0, ("events  ", "dim")) if frame.events else 0
    for event in frame.events:
        text = cut(event.text, 60)
        time = fmt.clock(event.at, utc=view.utc)
        if x + len(time) + 1 + text_width(text) > canvas.width - 1:
            break
        role = {"critical": "crit", "warning": "warn"}.get(event.severity, "dim")
        x = canvas.run(x, 0, (f"{time} ", "faint"), (text, role)) + 3


def _footer(canvas: Canvas, view: View) -> None:
    """What can be pressed now; keys that do not fit are left out whole, the last one (quit) never."""
    keys = list(view.keys)
    parts: list[tuple[Part, ...]] = [((key, "key", "b"), (f" {label}", "dim")) for key, label in keys]
    while len(parts) > 2 and sum(header.width_of(part) for part in parts) + 2 * (len(parts) - 1) > canvas.width - 2:
        del parts[-3 if len(parts) > 3 else 0]
    x = 1
    for part in parts:
        x = canvas.run(x, canvas.height - 1, *part) + 2
