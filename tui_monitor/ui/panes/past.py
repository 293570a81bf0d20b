"""The machine's own last minutes beneath Health, where there is room: processor, memory, network, and every GPU."""

from __future__ import annotations

from tui_monitor.model import Frame, HistoryQuery
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes.gpus import place_of
from tui_monitor.ui.panes.gpus import rows as known_gpus
from tui_monitor.ui.view import Histories, View
from tui_monitor.ui.widgets.canvas import Canvas, cut
from tui_monitor.ui.widgets.chart import spark
from tui_monitor.vocabulary import VOCABULARY, WINDOWS

LEAST = 4  # lines: fewer are not worth a section
_HOST = {"cpu.util": "cpu", "memory.used.ratio": "memory", "net.rx": "received", "net.tx": "sent", "pressure.io": "waits for disk"}
_LABEL = 26  # cells for name and value


def rows(frame: Frame, room: int) -> list[tuple[str, str, str]]:
    """Subject, key and name of each line, as many as fit under the heading."""
    if room < LEAST:
        return []
    host = [("host", key, name) for key, name in _HOST.items() if frame.system.metrics.get(key) is not None]
    gpus = [(gpu.subject, "gpu.util", f"GPU {place_of(gpu)}") for gpu in known_gpus(frame)]
    return [*host[:2], *gpus, *host[2:]][: room - 2]


def wanted(frame: Frame, view: View, width: int, room: int) -> list[HistoryQuery]:
    """One question for every subject."""
    span_s = WINDOWS.get(view.window, 300.0)
    step_s = max(span_s / max(20, width - 4 - _LABEL), frame.engine.interval_s)
    end_s = (frame.at.timestamp() // step_s + 1) * step_s
    keys: dict[str, list[str]] = {}
    for subject, key, _ in rows(frame, room):
        keys.setdefault(subject, []).append(key)
    return [HistoryQuery(subject, own, end_s - span_s, end_s, max(1, round(span_s / step_s))) for subject, own in keys.items()]


def draw(canvas: Canvas, frame: Frame, view: View, histories: Histories) -> None:
    """One line each: name, value now, and its shape from zero to all of it (rates: to their own top)."""
    shown = rows(frame, canvas.height)
    if not shown or canvas.width < _LABEL + 12 or not any((subject, key) in histories for subject, key, _ in shown):
        return
    canvas.run(0, 1, (f"{'LAST ' + view.window:<{_LABEL}}", "dim"))
    now = {gpu.subject: gpu.metrics for gpu in frame.gpus} | {"host": frame.system.metrics}
    for y, (subject, key, name) in enumerate(shown, 2):
        canvas.run(0, y, (f"{cut(name, 15):<15}", "dim"), f"{fmt.metric(key, now.get(subject, {}).get(key)):>9}")
        series = histories.get((subject, key))
        if series is not None:
            top = 1.0 if VOCABULARY[key].unit == "ratio" else None
            spark(canvas, _LABEL, y, canvas.width - _LABEL, series.values, "chart2" if key.startswith("memory") else "chart", top)
