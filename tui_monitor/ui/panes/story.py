"""The story of one alert in lines: why it fires, who has it, what else is wrong there, what changed at the same moment, its past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tui_monitor.model import Alert, Frame
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.widgets.canvas import Part, cut, text_width, wrap

Line = tuple[Part, ...]
SAME_MOMENT_S = 120.0  # what changed at most so long before or after belongs to the story
MOST_CHANGES = 8
_MOMENT = 17  # cells of a clock time and how far apart it is


def place_of(alert: Alert) -> str:
    """Where it is: the target, also of a signal."""
    return alert.target.partition("/")[0] if alert.kind == "signal" else alert.target


def name_of(alert: Alert) -> str:
    """What it is: the rule, and which signal without its server's prefix."""
    return f"{alert.rule} {alert.target.partition('/')[2].rpartition(':')[2]}" if alert.kind == "signal" else alert.rule


def detail(frame: Frame, alert: Alert, width: int, *, utc: bool, whole: bool = False) -> list[Line]:
    """Everything that is known about one alert, in lines of at most `width` cells; with `whole` also what changed at the same moment."""
    word, sign = signs.of_alert(alert)
    when = [f"since {fmt.moment(alert.since, frame.at, utc=utc)}"]
    if alert.fired_at is not None:
        when.append(f"fired {fmt.moment(alert.fired_at, frame.at, utc=utc)}")
    if alert.ended_at is not None:
        when.append(f"{alert.state} {fmt.moment(alert.ended_at, frame.at, utc=utc)}")
    names = max(10, width - text_width(word) - 6)
    name = cut(name_of(alert), max(names // 2, names - text_width(place_of(alert))))
    place = cut(place_of(alert), names - text_width(name))
    title: list[Part] = [(name, "strong", "b"), (" on ", "dim"), place, "  ", (word, sign.role, "b")]
    room = width - sum(text_width(part if isinstance(part, str) else part[0]) for part in title) - 2
    said_when = ", ".join(when)
    lines: list[Line] = [(*title, ("  " + said_when, "dim")) if text_width(said_when) <= room else tuple(title)]
    if text_width(said_when) > room:
        lines += _labelled("when", [said_when], width, "dim")
    lines += _why(frame, alert, width)
    lines += _people(frame, alert, width, utc=utc)
    lines += _labelled("also", related(frame, alert), width)
    if whole:
        for index, (moment, text) in enumerate(changes(frame, alert, utc=utc)):
            head = f"{'' if index else 'then':<7}{moment:<{_MOMENT}}"
            parts = wrap(text, max(10, width - len(head)), 2)
            lines += [((head if not i else " " * len(head), "dim"), part) for i, part in enumerate(parts)]
    if alert.runbook:
        lines += _labelled("look", [alert.runbook], width, "info")
    lines += _labelled("past", [past(frame, alert, utc=utc)], width, "dim")
    return lines


def _why(frame: Frame, alert: Alert, width: int) -> list[Line]:
    """The reason, the number, and what could still be said against it."""
    lines = _labelled("why", [alert.summary or f"value {fmt.with_unit(alert.value, alert.unit)}"], width)
    lines += _labelled("number", [number(alert)], width)
    if alert.state == "pending" and alert.for_s:
        left_s = alert.for_s - (frame.at - alert.since).total_seconds()
        lines += _labelled("next", [f"fires in {fmt.age(left_s)} unless it ends before"], width)
    if alert.holding:
        until = "" if "kept" in alert.holding else "; it holds until its source speaks again"
        lines += _labelled("but", [f"{alert.holding}{until}"], width, "warn")
    if alert.flapping:
        again = f", {alert.flaps} times in this episode" if alert.flaps else ""
        lines += _labelled("flaps", [f"flapping: it comes and goes{again}"], width, "warn")
    return lines


def number(alert: Alert) -> str:
    """What is held against what: "error.ratio[30m] is 4.1 %, above 3.0 %"; empty when the rule compares no number."""
    if not alert.key or alert.value is None:
        return ""
    said = f"{alert.key} is {fmt.with_unit(alert.value, alert.unit)}"
    if alert.threshold is None:
        return said
    side = "above" if alert.value > alert.threshold else "below" if alert.value < alert.threshold else "at"
    return f"{said}, {side} the threshold {fmt.with_unit(alert.threshold, alert.unit)}"


def _people(frame: Frame, alert: Alert, width: int, *, utc: bool) -> list[Line]:
    """Who has it, who hides it, and until when."""

    def at(moment: datetime) -> str:
        return fmt.moment(moment, frame.at, utc=utc)

    lines: list[Line] = []
    if alert.acknowledged is not None:
        ack = alert.acknowledged
        said = f"{ack.by} has it since {at(ack.at)}, until {at(ack.until)}" + (f": {ack.comment}" if ack.comment else "")
        lines += _labelled("who", [said], width, "ack")
    elif signs.fires(alert):
        lines += _labelled("who", ["nobody yet"], width, "dim")
    if alert.silenced is not None:
        silence = alert.silenced
        which = f" ({silence.match})" if silence.match else ""
        where = f" in {silence.source}" if silence.source != "own" else ""
        lines += _labelled("quiet", [f"silenced by {silence.by}{where} until {at(silence.until)}: {silence.comment}{which}"], width)
    if alert.shelved is not None:
        shelf = alert.shelved
        lines += _labelled(
            "quiet", [f"shelved by {shelf.by} until {at(shelf.until)}" + (f": {shelf.comment}" if shelf.comment else "")], width
        )
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


def changes(frame: Frame, alert: Alert, *, utc: bool) -> list[tuple[str, str]]:
    """What else changed when this began: other alerts, states, drift, restarts and whatever the events tell, in order of time."""
    found = sorted(
        {
            (at, text)
            for at, text in (*_changed(frame, alert), *_told(frame, alert))
            if abs((at - alert.since).total_seconds()) <= SAME_MOMENT_S
        }
    )
    nearest = sorted(found, key=lambda one: abs((one[0] - alert.since).total_seconds()))[:MOST_CHANGES]
    return [(f"{fmt.moment(at, frame.at, utc=utc)} {_apart((at - alert.since).total_seconds()):>6}", text) for at, text in sorted(nearest)]


def _apart(span_s: float) -> str:
    """Before or after: -38s, +1m12."""
    return "0s" if abs(span_s) < 1 else ("-" if span_s < 0 else "+") + fmt.age(abs(span_s))


def _changed(frame: Frame, alert: Alert) -> Iterator[tuple[datetime, str]]:
    for other in frame.alerts:
        if other.id != alert.id:
            yield other.since, f"{name_of(other)} on {place_of(other)} begins ({other.severity})"
    for target in frame.targets:
        yield target.since, f"{target.name} is {target.state}" + (f": {target.why}" if target.why else "")
        if target.process is not None and target.process.started is not None:
            yield target.process.started, f"{target.name} starts (process {target.process.pid})"
    for signal in frame.drift:
        if signal.since is not None and signal.state in {"drift", "watch"} and f"{signal.source}/{signal.signal}" != alert.target:
            yield signal.since, f"{signal.signal} of {signal.source} {'drifts' if signal.state == 'drift' else 'begins to move'}"


def _told(frame: Frame, alert: Alert) -> Iterator[tuple[datetime, str]]:
    """Events; those that only repeat an alert of the list are left out."""
    known = tuple(f"{other.rule} on {other.target}: firing" for other in frame.alerts)
    own = f"{alert.rule} on {alert.target}: "
    for event in frame.events:
        if not event.text.startswith((own, *known)):
            yield event.at, event.text


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
