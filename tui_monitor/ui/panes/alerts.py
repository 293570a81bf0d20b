"""Alerts: what fires, who has it, and beneath the list everything that is known about the chosen one."""

from __future__ import annotations

from tui_monitor.model import Alert, Frame
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import order
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, text_width, wrap
from tui_monitor.ui.widgets.table import Column, Placing, around, cell, heads, place

Line = tuple[Part, ...]


def draw(canvas: Canvas, frame: Frame, view: View, *, focus: bool = True) -> None:
    """The whole pane in its frame."""
    inside = canvas.box(key="4", title="Alerts", right=counts(frame), focus=focus)
    shown = order.alerts(frame, view)
    if not shown:
        if frame.alerts:
            inside.run(0, 0, ("✔ ", "ok"), ("no alert fires" if view.faults_only else "no alert fits the filter", "dim"))
        else:
            inside.run(0, 0, ("✔ ", "ok"), ("nothing fires and nothing is pending", "dim"))
        return
    chosen = order.chosen_alert(frame, view)
    index = next((i for i, alert in enumerate(shown) if alert is chosen), None)
    lines = detail(frame, chosen, inside.width, utc=view.utc) if chosen else []
    least = min(len(lines) + 1, inside.height * 3 // 5 if focus else inside.height * 2 // 5) if inside.height >= 9 else 0
    rows = min(len(shown) + 1, inside.height - least)
    used = _table(inside.part(0, 0, inside.width, rows), frame, shown, index, focus=focus)
    below = inside.part(0, used + 1, inside.width, inside.height - used - 1)
    for y, line in enumerate(lines[: below.height]):
        below.run(0, y, *line)


def counts(frame: Frame) -> str:
    """How many alerts there are of each kind, in words."""
    words = [signs.of_alert(alert)[0] for alert in frame.alerts]
    parts = [f"{words.count(word)} {word.lower()}" for word in ("FIRING", "ACKED", "pending", "silenced") if word in words]
    return " · ".join(parts) or "0 firing"


def lasted(frame: Frame, alert: Alert) -> str:
    """The FOR column: how long it fires; how far a pending one is; how long a silence has left; when it ended."""
    if alert.state == "pending":
        waited = (frame.at - alert.since).total_seconds()
        return f"{fmt.age(waited)}/{fmt.age(alert.for_s)}" if alert.for_s else fmt.age(waited)
    if signs.ended(alert):
        return fmt.age((frame.at - alert.ended_at).total_seconds()) + " ago" if alert.ended_at else "over"
    if alert.silenced is not None:
        return fmt.age((alert.silenced.until - frame.at).total_seconds()) + " left"
    return fmt.age((frame.at - (alert.fired_at or alert.since)).total_seconds())


def _table(canvas: Canvas, frame: Frame, alerts: list[Alert], chosen: int | None, *, focus: bool) -> int:
    wide = canvas.width >= 90
    target = min(24 if wide else 15, max(6, *(text_width(place_of(alert)) for alert in alerts)))
    valued = any(alert.value is not None for alert in alerts)
    rule = min(30 if wide else 21 if valued else 26, max(6, *(text_width(name_of(alert)) for alert in alerts)))
    columns = [
        Column("severity", "SEVERITY", 8, keep=4),
        Column("state", "STATE", 8),
        Column("for", "FOR", 9, keep=3),
        Column("target", "TARGET", target),
        Column("rule", "RULE", rule),
        Column("value", "VALUE", 8, keep=1),
        Column("who", "WHO", 12 if wide else 8, keep=2, grow=True),
    ]
    if not valued:
        columns = [column for column in columns if column.name != "value"]
    roomy = sum(column.width for column in columns[1:]) + 2 * len(columns) - 2 <= canvas.width
    placed = place(columns, canvas.width, left=2, gap=2 if roomy else 1)
    heads(canvas, 0, columns, placed)
    rows = canvas.height - 1
    more = len(alerts) > rows
    window = around(len(alerts), rows - more, chosen)
    for y, index in enumerate(window, 1):
        if index == chosen and focus:
            canvas.band(y)
        _alert(canvas, y, placed, frame, alerts[index])
    if more:
        hidden = [signs.of_alert(alert)[0] for i, alert in enumerate(alerts) if i not in window]
        said = ", ".join(f"{hidden.count(word)} {word}" for word in dict.fromkeys(hidden))
        canvas.put(2, canvas.height - 1, f"… {len(hidden)} more: {said}", "dim")
    return canvas.height if more else len(window) + 1


def _alert(canvas: Canvas, y: int, placed: Placing, frame: Frame, alert: Alert) -> None:
    word, sign = signs.of_alert(alert)
    quiet = sign.role == "dim"
    text = "dim" if quiet else "text"
    canvas.put(0, y, sign.glyph, sign.role, bold=not quiet)
    cell(canvas, y, placed, "severity", alert.severity, sign.role)
    cell(canvas, y, placed, "state", word, sign.role, bold=not quiet)
    cell(canvas, y, placed, "for", lasted(frame, alert), text)
    cell(
        canvas, y, placed, "target", place_of(alert), "strong" if word == "FIRING" else text, bold=word == "FIRING" and sign.role == "crit"
    )
    cell(canvas, y, placed, "rule", name_of(alert), text)
    cell(canvas, y, placed, "value", fmt.with_unit(alert.value, alert.unit) if alert.value is not None or alert.unit else "", text)
    who, role = "", "dim"
    if alert.acknowledged is not None:
        who, role = f"{alert.acknowledged.by} {alert.acknowledged.comment}".rstrip(), "ack" if not signs.ended(alert) else "dim"
    elif alert.silenced is not None:
        who = f"{alert.silenced.by} {alert.silenced.comment}".rstrip()
    if alert.holding:
        who, role = "? no data", "warn"
    cell(canvas, y, placed, "who", who, role)


def place_of(alert: Alert) -> str:
    """Where it is: the target, also of a signal."""
    return alert.target.partition("/")[0] if alert.kind == "signal" else alert.target


def name_of(alert: Alert) -> str:
    """What it is: the rule, and which signal without its server's prefix."""
    return f"{alert.rule} {alert.target.partition('/')[2].rpartition(':')[2]}" if alert.kind == "signal" else alert.rule


def detail(frame: Frame, alert: Alert, width: int, *, utc: bool) -> list[Line]:
    """Everything that is known about one alert, in lines of at most `width` cells."""
    word, sign = signs.of_alert(alert)

    def at(moment: object) -> str:
        return fmt.moment(moment, frame.at, utc=utc)  # type: ignore[arg-type]

    when = [f"since {at(alert.since)}"]
    if alert.fired_at is not None:
        when.append(f"fired {at(alert.fired_at)}")
    if alert.ended_at is not None:
        when.append(f"{alert.state} {at(alert.ended_at)}")
    title: list[Part] = [(name_of(alert), "strong", "b"), (" on ", "dim"), place_of(alert), "  ", (word, sign.role, "b")]
    room = width - sum(text_width(part if isinstance(part, str) else part[0]) for part in title) - 2
    said_when = ", ".join(when)
    lines: list[Line] = [(*title, ("  " + said_when, "dim")) if text_width(said_when) <= room else tuple(title)]
    if text_width(said_when) > room:
        lines += _labelled("when", [said_when], width, "dim")
    value = fmt.with_unit(alert.value, alert.unit)
    lines += _labelled("why", [alert.summary or f"value {value}"], width)
    if alert.state == "pending" and alert.for_s:
        left_s = alert.for_s - (frame.at - alert.since).total_seconds()
        lines += _labelled("next", [f"fires in {fmt.age(left_s)} unless it ends before"], width)
    if alert.holding:
        lines += _labelled("but", [f"{alert.holding}; it holds until its source speaks again"], width, "warn")
    if alert.acknowledged is not None:
        ack = alert.acknowledged
        said = f"{ack.by} has it since {at(ack.at)}, until {at(ack.until)}" + (f": {ack.comment}" if ack.comment else "")
        lines += _labelled("who", [said], width, "ack")
    elif signs.fires(alert):
        lines += _labelled("who", ["nobody yet"], width, "dim")
    if alert.silenced is not None:
        silence = alert.silenced
        lines += _labelled("quiet", [f"silenced by {silence.by} until {at(silence.until)}: {silence.comment}"], width)
    lines += _labelled("also", related(frame, alert), width)
    lines += _labelled("past", [past(frame, alert, utc=utc)], width, "dim")
    return lines


def _labelled(label: str, facts: list[str], width: int, role: str = "text") -> list[Line]:
    text = "; ".join(fact for fact in facts if fact)
    return [((f"{label if not i else '':<7}", "dim"), (line, role)) for i, line in enumerate(wrap(text, width - 7, 3))]


def related(frame: Frame, alert: Alert) -> list[str]:
    """What else is wrong around the subject of an alert: its state, its GPUs, other alerts, drift of its inputs."""
    facts: list[str] = []
    target = next((target for target in frame.targets if target.name == alert.target), None)
    if target is not None:
        since = fmt.age((frame.at - target.since).total_seconds())
        why = target.why if target.why and target.why not in alert.summary else ""
        facts.append(f"{target.state} for {since}" + (f", {why}" if why else ""))
        waiting = target.metrics.get("queue.length")
        if waiting:
            facts.append(f"{fmt.count(waiting)} waiting")
        if target.metrics.get("kv_cache.used") is not None:
            facts.append(f"KV cache {fmt.ratio(target.metrics['kv_cache.used'])}")
        for gpu in (gpu for gpu in frame.gpus if gpu.index in target.gpus and (gpu.source == "nvml" or gpu.simulated)):
            util = gpu.metrics.get("gpu.util")
            facts.append(f"GPU {gpu.index} {gpu.state if gpu.state != 'OK' else 'at ' + fmt.ratio(util)}")
        drifting = [signal.signal for signal in frame.drift if signal.source == alert.target and signal.state == "drift"]
        if drifting:
            facts.append(f"{', '.join(drifting[:3])} drifting")
    signal = next((signal for signal in frame.drift if signal.signal and f"{signal.source}/{signal.signal}" == alert.target), None)
    if signal is not None and signal.sentence not in alert.summary:
        facts.append(signal.sentence)
    others = [other.rule for other in frame.alerts if other.target == alert.target and other.id != alert.id and other.state == "firing"]
    if others:
        facts.append(f"{', '.join(others[:4])} firing too")
    return facts


def past(frame: Frame, alert: Alert, *, utc: bool) -> str:
    """How often this fired before, as far as the frame knows (24 hours)."""
    before = [
        other
        for other in frame.alerts
        if other.rule == alert.rule and other.target == alert.target and signs.ended(other) and other.id != alert.id
    ]
    if not before:
        return ""
    last = max(before, key=lambda other: other.ended_at or other.since)
    took = ((last.ended_at or last.since) - (last.fired_at or last.since)).total_seconds()
    by = f", acked by {last.acknowledged.by}" if last.acknowledged else ""
    return f"{len(before)} time{'' if len(before) == 1 else 's'} in the last 24 h; last {fmt.moment(last.since, frame.at, utc=utc)} for {fmt.age(took)}{by}"


def ticker(canvas: Canvas, frame: Frame, view: View) -> None:
    """One line, always there: what happened to the user's last key, or the worst that nobody has taken."""
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
