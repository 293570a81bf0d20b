"""The ticker: one line, always there."""

from __future__ import annotations

from tui_monitor.model import Frame
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import order
from tui_monitor.ui.panes.story import name_of, place_of
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, text_width


def draw(canvas: Canvas, frame: Frame, view: View) -> None:
    """What happened to the user's last key, or the worst that nobody has taken."""
    if view.toast:
        canvas.band(0)
        canvas.run(1, 0, (cut(view.toast, canvas.width - 2), "strong", "b"))
        return
    firing = [alert for alert in order.alerts(frame, View()) if signs.fires(alert)]
    if not firing:
        acked = [alert for alert in order.alerts(frame, View()) if signs.of_alert(alert)[0] == "ACKED"]
        if acked and acked[0].acknowledged:
            canvas.run(
                1,
                0,
                ("◆ ", "ack", "b"),
                (f"{place_of(acked[0])} {name_of(acked[0])}", "text"),
                (f"   {acked[0].acknowledged.by} has it", "ack"),
            )
        return
    alert = firing[0]
    sign = signs.SEVERITY[alert.severity]
    key = next((key for key, label in view.keys if label.startswith("ack")), "")
    hint: list[Part] = [(key, "key", "b"), (" acknowledge", "dim")] if key else []
    time = fmt.clock(alert.fired_at or alert.since, utc=view.utc)
    named = cut(f"{place_of(alert)} {name_of(alert)}", canvas.width - len(time) - 6)
    x = canvas.run(1, 0, (f"{sign.glyph} ", sign.role, "b"), (f"{time} ", "dim"), (named, "strong", "b"))
    x = canvas.run(x, 0, "   ", cut(alert.summary, max(0, canvas.width - x - 4)))
    if x + 3 + sum(text_width(part[0]) for part in hint) < canvas.width:
        canvas.run(x, 0, "   ", *hint)
