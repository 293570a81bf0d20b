"""In which order things are shown and stepped through: the worst first, and only what the user's filter lets pass."""

from __future__ import annotations

from tui_monitor.model import Alert, Drift, Frame, Target
from tui_monitor.ui import signs
from tui_monitor.ui.view import View


def passes(view: View, *texts: str) -> bool:
    """The filter: every word must occur somewhere; a word with ! must not."""
    haystack = " ".join(texts).casefold()
    for word in view.filter.casefold().split():
        if word.startswith("!"):
            if len(word) > 1 and word[1:] in haystack:
                return False
        elif word not in haystack:
            return False
    return True


def targets(frame: Frame, view: View) -> list[Target]:
    """Targets, worst state first; those that an alert speaks of before those of the same state."""
    alerts = signs.worst_alerts(frame)

    def badness(target: Target) -> tuple[int, int]:
        alert = alerts.get(target.name)
        return signs.TARGET[target.state].rank, signs.of_alert(alert)[1].rank if alert else 99

    kept = [
        target
        for target in frame.targets
        if passes(view, target.name, target.kind, target.state, target.why, *(model.name for model in target.models))
        and not (view.faults_only and target.state in {"OK", "IDLE", "STARTING"} and target.name not in alerts)
    ]
    return sorted(kept, key=badness)


def alerts(frame: Frame, view: View) -> list[Alert]:
    """Alerts: firing, taken, pending, silenced, ended; within each the worst and then the newest first."""
    kept = [
        alert
        for alert in frame.alerts
        if passes(view, alert.target, alert.rule, alert.severity, signs.of_alert(alert)[0], alert.summary)
        and not (view.faults_only and not signs.fires(alert))
    ]
    return sorted(kept, key=lambda alert: (signs.of_alert(alert)[1].rank, -(alert.ended_at or alert.fired_at or alert.since).timestamp()))


def signals(frame: Frame, view: View) -> list[Drift]:
    """Signals: those that drift first, then by the strength of the evidence."""
    kept = [
        signal
        for signal in frame.drift
        if passes(view, signal.signal, signal.source, signal.role, signal.state)
        and not (view.faults_only and signal.state not in {"drift", "watch", "stale"})
    ]
    return sorted(kept, key=lambda signal: signs.SIGNAL[signal.state].rank)


def signal_name(signal: Drift) -> str:
    """What names a signal in a view: its source and its own name."""
    return f"{signal.source}/{signal.signal}"


def chosen_target(frame: Frame, view: View) -> Target | None:
    """The target the user chose, or the worst one, or None when there is none."""
    named = next((target for target in frame.targets if target.name == view.target), None)
    return named or next(iter(targets(frame, view)), None) or next(iter(frame.targets), None)


def chosen_alert(frame: Frame, view: View) -> Alert | None:
    """The alert the user chose, or the worst one."""
    shown = alerts(frame, view)
    return next((alert for alert in shown if alert.id == view.alert), None) or next(iter(shown), None)


def chosen_signal(frame: Frame, view: View) -> Drift | None:
    """The signal the user chose, or the worst one."""
    shown = signals(frame, view)
    return next((signal for signal in shown if signal_name(signal) == view.signal), None) or next(iter(shown), None)
