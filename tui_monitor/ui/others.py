"""Other systems on the screen: the alerts of an Alertmanager as lines of our list, and what does not get to whom."""

from __future__ import annotations

from typing import NamedTuple

from tui_monitor.model import Alert, Foreign, ForeignAlert, Frame, Severity, Silence

MOST_LINES = 3  # about systems that are not told; the others are counted


class TheirAlert(Alert, frozen=True, kw_only=True):
    """An alert of another system in the shape of ours. Only its acknowledgement can be changed from here."""

    source: str
    inhibited: bool = False  # hidden there because another alert fires


def as_ours(alert: ForeignAlert) -> TheirAlert:
    """The same alert as the list, its detail and the dialogs take it."""
    return TheirAlert(
        id=alert.id,
        rule=alert.rule,
        severity=alert.severity,
        state=alert.state,
        since=alert.since,
        ended_at=alert.ended_at,
        value=None,
        target=alert.target,
        summary=alert.summary,
        runbook=alert.runbook,
        holding=alert.holding,
        labels=alert.labels,
        acknowledged=alert.acknowledged,
        silenced=alert.silenced,
        source=alert.source,
        inhibited=alert.inhibited,
    )


_newest: dict[str, tuple[Foreign, list[TheirAlert]]] = {}  # a frame is asked a dozen times while it is drawn


def alerts(frame: Frame) -> list[TheirAlert]:
    """What fires in an Alertmanager, worst first; the same objects while it says the same."""
    if frame.foreign is None:
        return []
    if (known := _newest.get("last")) is not None and known[0] is frame.foreign:
        return known[1]
    made = [as_ours(alert) for alert in frame.foreign.alerts]
    _newest["last"] = frame.foreign, made
    return made


def every(frame: Frame) -> list[Alert]:
    """Ours, then theirs."""
    return [*frame.alerts, *alerts(frame)]


def untaken(frame: Frame, severity: Severity) -> int:
    """How many of a severity fire there and nobody has taken, silenced or inhibited them."""
    return sum(
        alert.severity == severity and alert.acknowledged is None and alert.silenced is None and not alert.inhibited
        for alert in alerts(frame)
    )


def silencer(silence: Silence) -> str:
    """Who silences; and where, when that is not here: "ben (alertmanager)"."""
    return silence.by if silence.source == "own" else f"{silence.by} ({silence.source})"


def silences(frame: Frame) -> list[Silence]:
    """Ours, then those of an Alertmanager."""
    return [*frame.silences, *(frame.foreign.silences if frame.foreign is not None else ())]


def span(seconds: float) -> str:
    """A time in words: 12 s, 3 min, 2 h, 4 d."""
    for unit, size, until in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 2 * 86400)):
        if seconds < until:
            return f"{max(0, int(seconds // size))} {unit}"
    return f"{int(seconds // 86400)} d"


class Trouble(NamedTuple):
    """One line about another system, and its role in the theme."""

    text: str
    role: str


def troubles(frame: Frame) -> list[Trouble]:
    """Who is not told and why, the one that waits longest first; then why an Alertmanager's alerts are not the newest or not all."""
    now_s = frame.at.timestamp()
    failing = sorted((state for state in frame.outward if state.error), key=lambda state: state.since_s or now_s)
    lines = []
    for state in failing[:MOST_LINES]:
        since = f" for {span(now_s - state.since_s)}" if state.since_s is not None else ""
        counts = [f"{state.waiting} wait"] if state.waiting else []
        counts += [f"{state.given_up} given up"] if state.given_up else []
        lines.append(Trouble(f"not sent to {state.name}{since}: {state.error}" + (f" ({', '.join(counts)})" if counts else ""), "warn"))
    if len(failing) > MOST_LINES:
        lines.append(Trouble(f"nor to {', '.join(state.name for state in failing[MOST_LINES:])}", "warn"))
    foreign = frame.foreign
    if foreign is not None and foreign.why:
        silent = f"not answered for {span(foreign.silent_s + max(0.0, now_s - foreign.at_s))}: " if foreign.silent_s is not None else ""
        lines.append(Trouble(f"{foreign.source}: {silent}{foreign.why}", "dim"))
    return lines
