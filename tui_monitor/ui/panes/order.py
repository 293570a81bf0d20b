"""In which order things are shown and stepped through: the worst first, and only what the user's filter lets pass."""

from __future__ import annotations

from typing import Literal

from tui_monitor.model import Alert, Drift, Frame, Gpu, Orphan, Target, worst_first
from tui_monitor.ui import others, signs
from tui_monitor.ui.panes.why import sign_of
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


_ordered: dict[str, tuple[Frame, View, list[Target]]] = {}  # the newest answer: a frame is asked a dozen times while it is drawn


def targets(frame: Frame, view: View) -> list[Target]:
    """Servers of models, worst state first, in one state those that an alert or a broken model speaks of; exporters come after them."""
    if (known := _ordered.get("last")) is not None and known[0] is frame and known[1] == view:
        return known[2]
    alerts = signs.worst_alerts(frame)

    def badness(target: Target) -> tuple[bool, int, int]:
        alert = alerts.get(target.name)
        rank = signs.of_alert(alert)[1].rank if alert else 50 if sign_of(target, None, frame.at).role == "warn" else 99
        return target.about != "server", signs.TARGET[target.state].rank, rank

    kept = [
        target
        for target in frame.targets
        if passes(view, target.name, target.kind, target.state, target.why, *(model.name for model in target.models))
        and not (view.faults_only and target.name not in alerts and sign_of(target, None, frame.at).role not in {"crit", "warn", "dim"})
    ]
    kept.sort(key=badness)
    _ordered["last"] = frame, view, kept
    return kept


def servers(frame: Frame, view: View) -> list[Target]:
    """The targets that serve models: the rows of Health."""
    return [target for target in targets(frame, view) if target.about == "server"]


def exporters(frame: Frame, view: View, about: Literal["gpu", "host"]) -> list[Target]:
    """The exporters that tell of hosts, each a line; of GPUs only those with a fault, for the others their GPUs speak."""
    return [target for target in targets(frame, view) if target.about == about and (about == "host" or target.state != "OK")]


def listed(frame: Frame, view: View) -> list[Target]:
    """The targets that have a line of their own in Health, from above to below."""
    return [*servers(frame, view), *exporters(frame, view, "gpu"), *exporters(frame, view, "host")]


def gpus(frame: Frame) -> list[Gpu]:
    """GPUs, each once: one of this host that an exporter tells of too is the driver's."""
    own = {gpu.uuid for gpu in frame.gpus if gpu.source == "nvml"}
    return [gpu for gpu in frame.gpus if gpu.source == "nvml" or gpu.slice or gpu.uuid not in own]


def orphans(frame: Frame, view: View) -> list[Orphan]:
    """Processes that were left behind, those that hold most GPU memory first."""
    kept = [orphan for orphan in frame.orphans if passes(view, "orphan", orphan.name, orphan.kind, str(orphan.pid))]
    return sorted(kept, key=lambda orphan: (-(orphan.gpu_memory_bytes or 0), orphan.pid))


def alerts(frame: Frame, view: View) -> list[Alert]:
    """Alerts: firing, taken, pending, silenced, shelved, ended; within each the worst and then the newest first.

    In groups, the group with the worst alert comes first.
    """
    kept = [alert for alert in frame.alerts if _lets_pass(view, alert)]
    kept.sort(key=lambda alert: (signs.of_alert(alert)[1].rank, -(alert.ended_at or alert.fired_at or alert.since).timestamp()))
    if not view.group:
        return kept
    groups: dict[str, list[Alert]] = {}
    for alert in kept:
        groups.setdefault(group_of(alert, view), []).append(alert)
    return [alert for group in groups.values() for alert in group]


def listed_alerts(frame: Frame, view: View) -> list[Alert]:
    """The lines of Alerts: ours, and apart, below them, those of an Alertmanager."""
    theirs = [alert for alert in others.alerts(frame) if _lets_pass(view, alert)]
    return [*alerts(frame, view), *sorted(theirs, key=lambda alert: signs.of_alert(alert)[1].rank)]


def _lets_pass(view: View, alert: Alert) -> bool:
    return not (view.faults_only and not signs.fires(alert)) and (not view.filter or passes(view, *_words(alert)))


def group_of(alert: Alert, view: View) -> str:
    """The group that an alert stands in: its rule or its target."""
    if view.group == "rule":
        return alert.rule
    return alert.target.partition("/")[0] if alert.kind in {"signal", "model", "slice"} else alert.target


def _words(alert: Alert) -> list[str]:
    """All that a filter looks at."""
    people = [one.by + " " + one.comment for one in (alert.acknowledged, alert.silenced, alert.shelved) if one is not None]
    flapping = ["flapping"] if alert.flapping else []
    return [
        alert.target,
        alert.rule,
        alert.severity,
        signs.of_alert(alert)[0],
        alert.summary,
        alert.holding,
        *flapping,
        *people,
        *alert.labels.values(),
    ]


def signals(frame: Frame, view: View) -> list[Drift]:
    """Those that are asked for, the worst first."""
    return worst_first(
        signal
        for signal in frame.drift
        if passes(view, signal.signal, signal.source, signal.role, signal.state, signal.cause, signal.kind)
        and not (view.faults_only and signal.state not in {"drift", "watch", "stale"})
    )


def signal_name(signal: Drift) -> str:
    """What names a signal in a view: its source and its own name."""
    return f"{signal.source}/{signal.signal}"


def chosen_target(frame: Frame, view: View) -> Target | None:
    """The target the user chose, or the worst one, or None when there is none."""
    named = next((target for target in frame.targets if target.name == view.target), None)
    return named or next(iter(targets(frame, view)), None) or next(iter(frame.targets), None)


def chosen_alert(frame: Frame, view: View) -> Alert | None:
    """The alert the user chose, or the worst one."""
    shown = listed_alerts(frame, view)
    return next((alert for alert in shown if alert.id == view.alert), None) or next(iter(shown), None)


def chosen_signal(frame: Frame, view: View) -> Drift | None:
    """The signal the user chose, or the worst one."""
    shown = signals(frame, view)
    return next((signal for signal in shown if signal_name(signal) == view.signal), None) or next(iter(shown), None)
