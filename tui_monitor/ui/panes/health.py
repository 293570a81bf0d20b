"""Health: does every server make progress, what do the GPUs and the hosts do; faults are loud, all else is quiet."""

from __future__ import annotations

from typing import NamedTuple

from tui_monitor.model import Frame
from tui_monitor.ui import signs
from tui_monitor.ui.panes import gpus, hosts, order, past, targets
from tui_monitor.ui.panes.why import sign_of
from tui_monitor.ui.view import Histories, View
from tui_monitor.ui.widgets.canvas import Canvas


class Shares(NamedTuple):
    """How the lines of the pane are given away."""

    targets: int
    gpus: int
    exporters: int
    second: bool  # of this host
    first_gap: bool
    second_gap: bool


def lines(frame: Frame, view: View) -> int:
    """How many lines the tables and the hosts take with nothing left out."""
    others = len(order.exporters(frame, view, "host"))
    return targets.lines(frame, view) + 1 + gpus.lines(frame, view) + 1 + 3 + others + len(frame.queries)


def faults(frame: Frame) -> int:
    """What is loud here: targets with trouble, GPUs that are gone, processes that were left behind."""
    troubled = sum(sign_of(target, None, frame.at).role in {"crit", "warn"} for target in frame.targets)
    return troubled + sum(gpu.state in {"LOST", "HUNG"} for gpu in order.gpus(frame)) + len(frame.orphans)


def draw(canvas: Canvas, frame: Frame, view: View, histories: Histories, *, focus: bool = True) -> None:
    """The whole pane in its frame."""
    servers = sum(target.about == "server" for target in frame.targets)
    counted = (
        (servers, "target", True), (len(frame.targets) - servers, "exporter", False), (len(order.gpus(frame)), "GPU", False),
        (len(frame.orphans), "orphan", False), (faults(frame), "fault", False),
    )  # fmt: skip
    right = " · ".join(f"{number} {name}{'' if number == 1 else 's'}" for number, name, always in counted if number or always)
    inside = canvas.box(key="1", title="Health", right=right, focus=focus)
    shares = share(frame, view, inside.height)
    y = targets.draw(inside.part(0, 0, inside.width, shares.targets), frame, view, focus=focus) + shares.first_gap
    y += gpus.draw(inside.part(0, y, inside.width, shares.gpus), frame, view, focus=focus) + shares.second_gap
    below = inside.part(0, y, inside.width, inside.height - y)
    hosts.draw(below, frame, view, second=shares.second, exporters=shares.exporters, focus=focus)
    past.draw(inside.part(0, lines(frame, view), inside.width, inside.height - lines(frame, view)), frame, view, histories)


def share(frame: Frame, view: View, height: int) -> Shares:
    """Who gets how many lines: GPUs give way first, down to what names the broken ones, then targets; other hosts come before blank lines."""
    target_lines, gpu_lines = targets.lines(frame, view), gpus.lines(frame, view)
    others = order.exporters(frame, view, "host")
    loud = sum(signs.TARGET[target.state].role in {"crit", "warn"} for target in others)
    exporters = min(len(others), loud + (len(others) > loud), max(1, height // 4))
    spare = height - target_lines - gpu_lines - 1 - exporters
    if spare < 0:
        fewer = min(gpu_lines, max(min(gpu_lines, gpus.least(frame, view)), gpu_lines + spare, height // 3 if frame.gpus else 1))
        gpu_lines, spare = fewer, spare + gpu_lines - fewer
    if spare < 0:
        target_lines, spare = max(2, target_lines + spare), 0
    second = spare > 0
    more = min(len(others) - exporters, max(0, spare - second))
    spare -= second + more
    return Shares(target_lines, gpu_lines, exporters + more, second, spare > 0, spare > 1)
