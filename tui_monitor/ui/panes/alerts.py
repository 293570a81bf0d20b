"""Alerts: what fires, who has it, and beneath the list everything that is known about the chosen one."""

from __future__ import annotations

from collections import Counter

from tui_monitor.model import Alert, Frame, Silence
from tui_monitor.ui import format as fmt
from tui_monitor.ui import others, signs
from tui_monitor.ui.panes import order
from tui_monitor.ui.panes.story import detail, name_of, place_of
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, cut, text_width
from tui_monitor.ui.widgets.table import Column, Placing, around, cell, heads, place

_SECTIONS = {
    "ACKED": "somebody has these",
    "pending": "not long enough yet",
    "silenced": "hidden",
    "shelved": "hidden",
    "resolved": "over",
    "lost": "over",
}
_SHORT = {"critical": "CRIT", "warning": "WARN", "info": "INFO"}
_NAMES_LEAST = (9, 12)  # cells that target and rule keep before a column leaves for them
ROOMY = 12  # lines from which on headings stand also in a list that does not fit
Row = Alert | str
"""A line of the list: an alert, or the heading over what follows."""


def draw(canvas: Canvas, frame: Frame, view: View, *, focus: bool = True) -> None:
    """The whole pane in its frame."""
    title = f"Alerts by {view.group}" if view.group else "Alerts"
    inside = canvas.box(key="4", title=title, right=counts(frame, view), focus=focus)
    lines_of_trouble = others.troubles(frame)[: max(1, inside.height // 6)]
    for y, trouble in enumerate(lines_of_trouble):
        inside.run(0, y, ("▲ " if trouble.role == "warn" else "  ", trouble.role), (cut(trouble.text, inside.width - 2), trouble.role))
    inside = inside.part(0, len(lines_of_trouble), inside.width, inside.height - len(lines_of_trouble))
    shown = order.listed_alerts(frame, view)
    if not shown:
        if frame.alerts:
            inside.run(0, 0, ("✔ ", "ok"), ("no alert fires" if view.faults_only else "no alert fits the filter", "dim"))
        else:
            inside.run(0, 0, ("✔ ", "ok"), ("nothing fires and nothing is pending", "dim"))
        return
    chosen = order.chosen_alert(frame, view)
    lines = detail(frame, chosen, inside.width, utc=view.utc) if chosen else []
    least = min(len(lines) + 1, max(inside.height * 2 // 5, inside.height - len(shown) - 1)) if inside.height >= 9 else 0
    listed = rows_of(shown, view, inside.height - least - 1)
    rows = min(len(listed) + 1, inside.height - least)
    used = _table(inside.part(0, 0, inside.width, rows), frame, view, listed, chosen, focus=focus)
    below = inside.part(0, used + 1, inside.width, inside.height - used - 1)
    for y, line in enumerate(lines[: below.height]):
        below.run(0, y, *line)


def counts(frame: Frame, view: View) -> str:
    """How many alerts there are of each kind, in words; what is hidden is counted, the critical ones among it named."""
    words = Counter(signs.of_alert(alert)[0] for alert in frame.alerts)
    marked = sum(alert.id in view.marked for alert in frame.alerts)
    parts = [f"{marked} marked"] if marked else []
    parts += [f"{words[word]} {word.lower()}" for word in ("FIRING", "ACKED", "pending") if words[word]]
    for word in ("silenced", "shelved"):
        critical = sum(alert.severity == "critical" and signs.of_alert(alert)[0] == word for alert in frame.alerts)
        if words[word]:
            parts.append(f"{words[word]} {word}" + (f" ({critical} critical)" if critical else ""))
    theirs = len(others.alerts(frame))
    there = [f"{theirs} in {frame.foreign.source}"] if frame.foreign is not None and theirs else []
    return " · ".join([*(parts or ["0 firing"]), *there])


def rows_of(alerts: list[Alert], view: View, room: int) -> list[Row]:
    """The list with its headings: of the groups, or between what fires, what somebody has, what is hidden and what is over, while there is room."""
    rows: list[Row] = []
    last = ""
    for alert in alerts:
        theirs = isinstance(alert, others.TheirAlert)
        if isinstance(alert, others.TheirAlert):
            heading = f"in {alert.source}"
        else:
            heading = order.group_of(alert, view) if view.group else _SECTIONS.get(signs.of_alert(alert)[0], "")
        if heading != last and heading:
            rows.append(_group(alerts, heading, view) if view.group and not theirs else heading)
        rows.append(alert)
        last = heading
    if view.group or len(rows) <= room or room >= ROOMY:
        return rows
    apart = next((i for i, row in enumerate(rows) if isinstance(row, others.TheirAlert)), 0) - 1  # whose they are is always said
    return [row for i, row in enumerate(rows) if not isinstance(row, str) or i == apart]


def _group(alerts: list[Alert], name: str, view: View) -> str:
    words = Counter(
        signs.of_alert(alert)[0] for alert in alerts if not isinstance(alert, others.TheirAlert) and order.group_of(alert, view) == name
    )
    return f"{name}  {', '.join(f'{number} {word}' for word, number in words.items())}"


def lasted(frame: Frame, alert: Alert) -> str:
    """The FOR column: how long it fires; how far a pending one is; how long it stays hidden; when it ended."""
    if alert.state == "pending":
        waited = (frame.at - alert.since).total_seconds()
        return f"{fmt.age(waited)}/{fmt.age(alert.for_s)}" if alert.for_s else fmt.age(waited)
    if signs.ended(alert):
        return fmt.age((frame.at - alert.ended_at).total_seconds()) + " ago" if alert.ended_at else "over"
    hidden = alert.silenced or alert.shelved
    if hidden is not None:
        return fmt.age((hidden.until - frame.at).total_seconds()) + " left"
    return fmt.age((frame.at - (alert.fired_at or alert.since)).total_seconds())


def _columns(alerts: list[Alert], frame: Frame, width: int) -> list[Column]:
    """Names get what is left when the others stand, and give way to a column only while they can still be told apart."""
    wide = width >= 90
    valued = any(alert.value is not None for alert in alerts)
    span = max(len(lasted(frame, alert)) for alert in alerts)
    span = 5 if span <= 5 else max(9, span)  # steps, so that columns do not move with every digit
    fixed = [
        Column("severity", "SEVERITY" if wide else "SEV", 8 if wide else 4, keep=2),
        Column("state", "STATE", 8),
        Column("for", "FOR", span, keep=3),
    ]
    behind = [
        *([Column("value", "VALUE", 8, keep=4)] if valued else []),
        Column("who", "WHO / NOTE", 14 if wide else 11, keep=1, grow=True),
    ]
    names = [max(6, *(text_width(place_of(alert)) for alert in alerts)), max(6, *(text_width(name_of(alert)) for alert in alerts))]
    names = [min(names[0], 24 if wide else 15), min(names[1], 30 if wide else 24)]
    gap = 2 if wide else 1
    room = width - 2 - sum(column.width + gap for column in (*fixed, *behind)) - gap
    over = sum(names) - room
    for at in (1, 0):  # the rule's name first: it is the longer one
        less = min(max(0, over), max(0, names[at] - _NAMES_LEAST[at]))
        names[at] -= less
        over -= less
    return [*fixed, Column("target", "TARGET", names[0]), Column("rule", "RULE", names[1]), *behind]


def _table(canvas: Canvas, frame: Frame, view: View, rows: list[Row], chosen: Alert | None, *, focus: bool) -> int:
    alerts = [row for row in rows if not isinstance(row, str)]
    columns = _columns(alerts, frame, canvas.width)
    roomy = sum(column.width for column in columns[1:]) + 2 * len(columns) - 2 <= canvas.width
    placed = place(columns, canvas.width, left=2, gap=2 if roomy and canvas.width >= 90 else 1)
    heads(canvas, 0, columns, placed)
    room = canvas.height - 1
    more = len(rows) > room
    index = next((i for i, row in enumerate(rows) if row is chosen), None)
    window = around(len(rows), room - more, index)
    for y, at in enumerate(window, 1):
        row = rows[at]
        if isinstance(row, str):
            x = canvas.put(2, y, f"{cut(row, canvas.width - 8)} ", "dim")
            canvas.put(x, y, "─" * (canvas.width - x), "line")
            continue
        if at == index and focus:
            canvas.band(y)
        _alert(canvas, y, placed, frame, row, marked=row.id in view.marked)
    if more:
        hidden = Counter(signs.of_alert(row)[0] for i, row in enumerate(rows) if i not in window and not isinstance(row, str))
        said = ", ".join(f"{number} {word}" for word, number in hidden.items())
        canvas.put(2, canvas.height - 1, cut(f"… {hidden.total()} more: {said}", canvas.width - 2), "dim")
    return canvas.height if more else len(window) + 1


def _alert(canvas: Canvas, y: int, placed: Placing, frame: Frame, alert: Alert, *, marked: bool) -> None:
    word, sign = signs.of_alert(alert)
    quiet = sign.role == "dim"
    text = "dim" if quiet else "text"
    loud = word == "FIRING" and not alert.holding
    canvas.put(0, y, sign.glyph, sign.role, bold=not quiet and not alert.holding)
    if marked:
        canvas.put(1, y, "•", "key", bold=True)
    spot = placed.get("severity")
    severity = alert.severity if spot is not None and spot.width >= 8 else _SHORT[alert.severity]
    cell(canvas, y, placed, "severity", severity, sign.role if word == "FIRING" else text)
    cell(canvas, y, placed, "state", word, sign.role, bold=not quiet and not alert.holding)
    cell(canvas, y, placed, "for", lasted(frame, alert), text)
    cell(canvas, y, placed, "target", place_of(alert), "strong" if loud else text, bold=loud and sign.role == "crit")
    cell(canvas, y, placed, "rule", name_of(alert), text)
    cell(canvas, y, placed, "value", fmt.with_unit(alert.value, alert.unit) if alert.value is not None or alert.unit else "", text)
    who = placed.get("who")
    if who is not None:
        canvas.run(who.x, y, *note_of(frame, alert, who.width))


def note_of(frame: Frame, alert: Alert, width: int) -> list[tuple[str, str]]:
    """The last column in at most `width` cells, as texts and roles: what must be known of it, who has it or hides it, else why it fires."""
    word = signs.of_alert(alert)[0]
    troubles: list[str] = []
    if not signs.ended(alert):
        troubles += [f"? {alert.holding if width >= 30 or 'no data' not in alert.holding else 'no data'}"] if alert.holding else []
        troubles += ["flapping"] if alert.flapping else []
    forms, role = _who(frame, alert, word, width)
    for some in (troubles, troubles[:1], []):
        trouble = ", ".join(some)
        gap = "  " if trouble and forms[0] else ""
        for form in forms:
            if text_width(form + gap + trouble) <= width:
                return [(form + gap, role), (trouble, "warn")]
    return [(cut(forms[-1], width), role)]


def _who(frame: Frame, alert: Alert, word: str, width: int) -> tuple[list[str], str]:
    """Who has it or hides it in several lengths, and the role; where nobody does, why it fires, when there is room to say it."""
    ack, hidden = alert.acknowledged, alert.silenced if word == "silenced" else alert.shelved if word == "shelved" else None
    if hidden is not None:
        by = others.silencer(hidden) if isinstance(hidden, Silence) else hidden.by
        return [f"{by} {hidden.comment}".rstrip()], "dim"
    if isinstance(alert, others.TheirAlert) and alert.inhibited:
        return ["inhibited there"], "dim"
    if ack is not None:
        comment = f" {ack.comment}" if ack.comment else ""
        short = [f"{ack.by}{comment}", ack.by]
        if signs.ended(alert):
            return short, "dim"
        age, left = (fmt.age(span.total_seconds()) for span in (frame.at - ack.at, ack.until - frame.at))
        return [f"{ack.by} {age} ago, {left} left{comment}", f"{ack.by} {age}{comment}", *short], "ack"
    room = width - 14 if alert.flapping or alert.holding else width
    return ([cut(alert.summary, room), ""] if room >= 20 else [""]), "dim"
