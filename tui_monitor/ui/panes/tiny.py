"""The smallest screens: a list, the worst first. Any size says at least the worst state and how many."""

from __future__ import annotations

from collections import Counter

from tui_monitor.model import Frame
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import gpus, logs, order, written
from tui_monitor.ui.panes.header import alert_pieces, fit, source_piece, state_pieces
from tui_monitor.ui.panes.hosts import numbers_line
from tui_monitor.ui.panes.story import name_of, place_of
from tui_monitor.ui.panes.targets import holds
from tui_monitor.ui.panes.why import sign_of, why_of
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, pad, text_width


def draw(canvas: Canvas, frame: Frame, view: View) -> None:
    """The whole screen as a list."""
    width = canvas.width
    _summary(canvas, frame)
    source = source_piece(view).forms[0 if width >= 30 else 1]
    clock = fmt.clock(frame.at, utc=view.utc)
    x = canvas.run(0, 1, *source)
    host_room = width - x - len(clock) - 3
    if host_room >= 4:
        canvas.put(x + 1, 1, cut(frame.host, host_room), "dim")
    if width - x - 1 >= len(clock):
        canvas.put(width - len(clock), 1, clock, "strong")
        y = 2
    else:
        canvas.put(0, 2, clock, "strong")
        y = 3
    if view.toast or view.note:
        canvas.put(0, y, cut(view.toast or view.note, width), "strong" if view.toast else "crit", bold=True)
        y += 1
    if canvas.height - y > 1 or not frame.targets:
        canvas.run(0, y, *numbers_line(frame.system.metrics, frame.system.cores))
        y += 1
    _list(canvas.part(0, y, width, canvas.height - y), frame, view)


def _summary(canvas: Canvas, frame: Frame) -> None:
    """Worst state and firing alerts in one line, as words while there is room, as glyph and number below that."""
    width = canvas.width
    forms = fit([*state_pieces(frame), *alert_pieces(frame)], width, gap=1 if width < 40 else 2)
    if sum(text_width(part if isinstance(part, str) else part[0]) for form in forms for part in form) + len(forms) - 1 <= width:
        x = 0
        for form in forms:
            x = canvas.run(x, 0, *form) + (1 if width < 40 else 2)
        return
    counts = Counter(target.state for target in frame.targets)
    firing = [alert for alert in frame.alerts if signs.fires(alert)]
    parts: list[Part] = []
    if counts:
        worst = min(counts, key=lambda state: signs.TARGET[state].rank)
        sign = signs.TARGET[worst]
        parts.append((f"{sign.glyph}{counts[worst]} {worst}", sign.role, "b"))
    if firing:
        parts.append((f" ▲{len(firing)}", "crit", "b"))
    canvas.run(0, 0, *parts)


def _list(canvas: Canvas, frame: Frame, view: View) -> None:
    alerts = signs.worst_alerts(frame)
    lines: list[list[tuple[str, ...]]] = []
    width = canvas.width
    name = min(max([8, *(text_width(target.name) for target in frame.targets)]), max(8, width // 3))
    for target in sorted(order.targets(frame, view), key=lambda target: signs.TARGET[target.state].rank):
        sign = signs.TARGET[target.state]
        if target.about != "server" and sign.role == "ok":
            continue  # an exporter that does its work is no news
        why, role = why_of(target, alerts.get(target.name), frame.at)
        own = sign_of(target, alerts.get(target.name), frame.at)
        bold = ("b",) if sign.role == "crit" else ()
        lines.append(
            [
                (f"{own.glyph} ", own.role, *bold),
                (pad(target.name, name), "strong" if bold else "text", *bold),
                (" ", "text"),
                (f"{target.state:<8}", sign.role, *bold),
                (f"{fmt.age(target.age_s):>5} ", "text"),
                (cut(why, max(0, width - name - 17)), role),
            ]
        )
    lines += [
        [(f"{signs.GPU[gpu.state].glyph} GPU {gpus.place_of(gpu)} {gpu.state} ", signs.GPU[gpu.state].role), (gpu.why, "dim")]
        for gpu in gpus.rows(frame)
        if gpu.state != "OK"
    ]
    lines += [
        [("▲ orphan ", "warn"), (f"{cut(orphan.name, 20)} ({orphan.pid}) ", "text"), (f"holds {holds([orphan])}", "warn")]
        for orphan in order.orphans(frame, view)
    ]
    for log in logs.listed(frame, view):
        word, sign = logs.standing(frame, log)
        if sign.rank < 2:
            lines.append([(f"{sign.glyph} {written.short(log.name, 20)} {word} ", sign.role, "b"), (log.sentence, "dim")])
    for alert in order.alerts(frame, view):
        word, sign = signs.of_alert(alert)
        if word in {"FIRING", "ACKED"}:
            lines.append(
                [(f"{sign.glyph} {word} ", sign.role, "b"), (f"{place_of(alert)} {name_of(alert)} ", "text"), (alert.summary, "dim")]
            )
    more = len(lines) > canvas.height
    for y, line in enumerate(lines[: canvas.height - more]):
        x = canvas.run(0, y, *line[:-1])
        last = line[-1]
        canvas.put(x, y, cut(last[0], max(0, width - x)), last[1])
    if more and canvas.height > 0:
        canvas.put(0, canvas.height - 1, cut(f"… {len(lines) - canvas.height + 1} more lines", width), "dim")
