"""How states look: a glyph, a role of the theme, and which of two is worse. State is always glyph and word and colour."""

from __future__ import annotations

from typing import NamedTuple

from tui_monitor.model import Alert, Frame, Model, Severity
from tui_monitor.ui.others import TheirAlert


class Sign(NamedTuple):
    """Glyph and role of a state; `rank` 0 is the worst."""

    glyph: str
    role: str
    rank: int


TARGET = {
    "DOWN": Sign("✖", "crit", 0),
    "STALLED": Sign("✖", "crit", 1),
    "STALE": Sign("?", "warn", 2),
    "SLOW": Sign("▲", "warn", 3),
    "UNKNOWN": Sign("?", "dim", 4),
    "STARTING": Sign("◐", "info", 5),
    "IDLE": Sign("○", "ok", 6),
    "OK": Sign("✔", "ok", 6),  # as IDLE: rows must not jump each time a queue runs empty
}
GPU = {"LOST": Sign("✖", "crit", 0), "HUNG": Sign("?", "warn", 1), "UNKNOWN": Sign("?", "dim", 2), "OK": Sign("✔", "ok", 3)}
MODEL = {
    "READY": Sign("✔", "ok", 5), "LOADING": Sign("◐", "info", 2), "UNLOADING": Sign("◐", "dim", 3), "UNLOADED": Sign("○", "dim", 4),
    "SLEEPING": Sign("○", "dim", 4),
} | dict.fromkeys(("UNAVAILABLE", "MISSING", "FAILED", "ERROR", "UNHEALTHY", "DEPLOY_FAILED"), Sign("✖", "crit", 0))  # fmt: skip
SIGNAL = {
    "drift": Sign("✖", "crit", 0),
    "watch": Sign("◐", "warn", 1),
    "stale": Sign("?", "warn", 2),
    "blind": Sign("?", "dim", 3),
    "stable": Sign("✔", "ok", 4),
    "learning": Sign("…", "dim", 5),
    "idle": Sign("–", "dim", 6),
}
QUALITY = {
    "FALLING": Sign("✖", "crit", 0),
    "DECAYED": Sign("▲", "warn", 1),
    "UNKNOWN": Sign("?", "dim", 2),
    "OK": Sign("✔", "ok", 3),
}
PROBE = QUALITY | {"CHANGED": Sign("▲", "warn", 1)}
SEVERITY: dict[Severity, Sign] = {"critical": Sign("✖", "crit", 0), "warning": Sign("▲", "warn", 1), "info": Sign("●", "info", 2)}
_HOLLOW = {"✖": "✕", "▲": "△", "●": "○", "◆": "◇"}
UNKNOWN = Sign("?", "dim", 4)
STALE_AGE_S = 10.0  # numbers older than this, or three intervals, are dimmed


def old(frame: Frame, age_s: float | None) -> bool:
    """Numbers of this age are no news any more: they are dimmed."""
    return age_s is None or age_s > max(STALE_AGE_S, 3 * frame.engine.interval_s)


def of_model(model: Model) -> Sign:
    """The sign of a model; a server's own word that is not among ours is neither good nor bad."""
    if model.why.casefold() == "unloaded":  # Triton calls what somebody has unloaded unavailable
        return MODEL["UNLOADED"]
    return MODEL.get(model.state.upper(), Sign("?", "dim", 1))


def fires(alert: Alert) -> bool:
    """It fires and nobody has taken, silenced or shelved it: this is what counts as firing."""
    hidden = alert.silenced is not None or alert.shelved is not None or (isinstance(alert, TheirAlert) and alert.inhibited)
    return alert.state == "firing" and alert.acknowledged is None and not hidden


def ended(alert: Alert) -> bool:
    """It is over: resolved, or lost with its source."""
    return alert.state in {"resolved", "lost"}


def of_alert(alert: Alert) -> tuple[str, Sign]:
    """The word and the sign of an alert; `rank` orders alerts, worst first. One of which nobody can say whether it is still true is hollow."""
    word, sign = _of_alert(alert)
    return word, sign._replace(glyph=_HOLLOW.get(sign.glyph, sign.glyph)) if alert.holding and word in {"FIRING", "ACKED"} else sign


def _of_alert(alert: Alert) -> tuple[str, Sign]:
    severity = SEVERITY[alert.severity]
    if alert.state == "firing" and (alert.silenced is not None or (isinstance(alert, TheirAlert) and alert.inhibited)):
        return "silenced", Sign("⊘", "dim", 30 + severity.rank)
    if alert.state == "firing" and alert.shelved is not None:
        return "shelved", Sign("⊖", "dim", 40 + severity.rank)
    if alert.state == "firing" and alert.acknowledged is not None:
        return "ACKED", Sign("◆", "ack", 10 + severity.rank)
    if alert.state == "firing":
        return "FIRING", severity
    if alert.state == "pending":
        return "pending", Sign("○", "dim", 20 + severity.rank)
    return ("resolved", Sign("✔", "dim", 50)) if alert.state == "resolved" else ("lost", Sign("?", "dim", 51))


def worst_alerts(frame: Frame) -> dict[str, Alert]:
    """Subject -> the worst alert that fires there now, taken ones included after the others."""
    found: dict[str, Alert] = {}
    for alert in frame.alerts:
        if alert.state == "firing" and alert.silenced is None and alert.shelved is None:
            known = found.get(alert.target)
            if known is None or of_alert(alert)[1].rank < of_alert(known)[1].rank:
                found[alert.target] = alert
    return found
