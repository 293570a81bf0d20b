"""Performance: how fast a server answers, or how well a model does; a tired person sees first what is wrong."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tui_monitor.model import Frame, HistoryQuery, Quality
from tui_monitor.ui.panes import logs, order, quality, speed
from tui_monitor.ui.view import Histories, View
from tui_monitor.ui.widgets.canvas import Canvas


class Shown(NamedTuple):
    """Something that Performance can show."""

    kind: Literal["target", "log"]
    name: str


def subjects(frame: Frame, view: View) -> list[Shown]:
    """What the pane can show, in the order that left and right go through: the servers, then the logs, each the worst first."""
    servers = [Shown("target", target.name) for target in order.servers(frame, view)]
    return [*servers, *(Shown("log", log.name) for log in logs.listed(frame, view))]


def subject(frame: Frame, view: View) -> Shown | None:
    """What it shows now."""
    log = logs.chosen(frame, view)
    if log is not None:
        return Shown("log", log.name)
    target = order.chosen_target(frame, view)
    return Shown("target", target.name) if target is not None else None


def chosen_log(frame: Frame, view: View) -> Quality | None:
    """The log that is shown, or None when it is a server."""
    return logs.chosen(frame, view)


def metrics_in_order(frame: Frame, view: View) -> list[str]:
    """The numbers that can be looked at, in the order of the screen."""
    log = logs.chosen(frame, view)
    return speed.metrics_in_order(frame, view) if log is None else logs.keys(frame, log)


def wanted(frame: Frame, view: View, width: int, height: int) -> list[HistoryQuery]:
    """The series that a pane of this size shows."""
    log = logs.chosen(frame, view)
    return speed.wanted(frame, view, width, height) if log is None else quality.wanted(frame, log, view, width, height)


def draw(canvas: Canvas, frame: Frame, view: View, histories: Histories, *, focus: bool = True) -> None:
    """The whole pane in its frame."""
    log = logs.chosen(frame, view)
    if log is None:
        speed.draw(canvas, frame, view, histories, focus=focus)
    else:
        quality.draw(canvas, frame, view, histories, log, focus=focus)
