"""Drift: which inputs and outputs no longer look like the reference, since when, how strong the evidence is, and in one sentence why."""

from __future__ import annotations

from tui_monitor.model import Frame
from tui_monitor.ui.panes import drift_detail, drift_table, order
from tui_monitor.ui.panes import drift_words as words
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, cut, text_width, wrap

_SQUEEZED = 7  # lines of the detail and the blank one above it, where the table would fit otherwise
_LEAST = 3  # below, it is not drawn


def draw(canvas: Canvas, frame: Frame, view: View, *, focus: bool = True) -> None:
    """The whole pane in its frame."""
    inside = canvas.box(key="3", title="Drift", right=_title(frame, canvas.width - 20), focus=focus)
    shown = order.signals(frame, view)
    if not shown:
        _empty(inside, frame)
        return
    chosen = order.chosen_signal(frame, view)
    index = next((i for i, signal in enumerate(shown) if signal is chosen), None)
    summary = inside.height >= 10
    room = inside.height - summary
    wish = drift_detail.need(frame, chosen, view, inside.width) + 1 if chosen is not None else 0
    wish = min(wish, room * 3 // 5)
    if len(shown) + 1 + _SQUEEZED <= room:  # rather all signals and a shorter detail
        wish = min(wish, max(_SQUEEZED, room - len(shown) - 1))
    rows = min(len(shown) + 1, room if room < 8 else max(4, room - wish))
    used = drift_table.draw(inside.part(0, 0, inside.width, rows), frame, view, shown, index, focus=focus)
    if summary:
        inside.put(2, used, words.dataset(frame, inside.width - 2), "dim")
        used += 1
    left = inside.height - used
    blank = left > _LEAST + 1
    if chosen is not None and left - blank >= _LEAST:
        drift_detail.in_pane(inside.part(0, used + blank, inside.width, left - blank), frame, chosen, view)


def _title(frame: Frame, room: int) -> str:
    """How many drift, and the budget in words; as much of it as fits."""
    if not frame.drift:
        return ""
    drifting = sum(signal.state == "drift" for signal in frame.drift)
    count = f"{drifting} of {len(frame.drift)} drift"
    budget = words.budget(frame)
    per = f"one false alarm per {words.span(frame.drift_budget_s)}" if budget and frame.drift_budget_s else ""
    forms = [f"{count} · {budget}", f"{count} · {budget.partition(',')[0]}", f"{count} · {per}", count] if budget else [count]
    return next((form for form in forms if text_width(form) <= room), count)


def _empty(canvas: Canvas, frame: Frame) -> None:
    if frame.drift:
        canvas.run(0, 0, ("– ", "dim"), (cut("no signal fits the filter", canvas.width - 2), "dim"))
        return
    text, role = (
        frame.drift_why or "no signal yet: a server's histogram or a prediction log makes one",
        "warn" if frame.drift_why else "dim",
    )
    for y, line in enumerate(wrap(text, canvas.width - 2, 3)):
        canvas.run(0, y, ("– " if not y else "  ", role), (line, role))
