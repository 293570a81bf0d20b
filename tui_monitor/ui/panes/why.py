"""What stands beside a target: the one thing worth knowing about it, trouble first, and who can cure it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from tui_monitor.model import Alert, Target
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.widgets.canvas import cut

RESTART_S = 600.0  # a restart is news for this long
_ROW = ("request.rate", "request.running", "queue.length", "kv_cache.used", "latency.p95", "token.rate.generated")
_CURE = "needs "  # how a reason begins that names what would switch a number on


def why_of(target: Target, alert: Alert | None, now: datetime) -> tuple[str, str]:
    """What to say, and in which role: its own trouble, then what fires on it, then its models and process, then its page."""
    sign = signs.TARGET[target.state]
    stopped, again = stopped_processes(target), restarted(target, now)
    if sign.role in {"crit", "warn"}:
        return "; ".join(part for part in (target.why, stopped, again) if part), sign.role
    if alert is not None:
        word, alert_sign = signs.of_alert(alert)
        said = f"{alert.rule}: {alert.summary or fmt.with_unit(alert.value, alert.unit)}" + (f" ({word})" if word == "ACKED" else "")
        return "; ".join(part for part in (said, stopped, again) if part), alert_sign.role
    if target.state == "STARTING":
        return _starting(target, now), "info"
    if stopped:
        return stopped, "warn"
    if broken := broken_models(target):
        return broken, "warn"
    if target.process is not None and target.process.orphan:
        return "an orphan: whoever started it is gone", "warn"
    if again:
        return again, "info"
    if target.limited:
        return f"its page is read in part: {target.limited}", "warn"
    if target.bad_lines:
        return bad_lines(target), "dim"
    return cure(target) or target.why, "dim"


def sign_of(target: Target, alert: Alert | None, now: datetime) -> signs.Sign:
    """Glyph, role and rank of its row: its state's; where that is fine, those of what fires on it, or of what else is wrong with it."""
    sign = signs.TARGET[target.state]
    if sign.role != "ok":
        return sign
    if alert is not None:
        return signs.Sign(signs.of_alert(alert)[1].glyph, signs.of_alert(alert)[1].role, sign.rank)
    return signs.Sign("▲", "warn", sign.rank) if why_of(target, None, now)[1] == "warn" else sign


def span(length_s: float) -> str:
    """For how long, in words: 40 s, 12 min, 3 h, 4 days."""
    for unit_s, word, below in ((1.0, "s", 100.0), (60.0, "min", 100.0), (3600.0, "h", 48.0)):
        if length_s < below * unit_s:
            return f"{max(0.0, length_s) / unit_s:.0f} {word}"
    return f"{length_s / 86400:.0f} days"


def restarted(target: Target, now: datetime) -> str:
    """That its process is another one since a few minutes; nothing when it is not."""
    process = target.process
    if process is None or not process.restarts or process.started is None:
        return ""
    age_s = (now - process.started).total_seconds()
    if age_s > RESTART_S:
        return ""
    return f"restarted {span(age_s)} ago" + (f", {process.restarts} times in all" if process.restarts > 1 else "")


def stopped_processes(target: Target) -> str:
    """Processes that somebody has stopped, unless the state's own reason says so already."""
    stopped = target.process.stopped if target.process else []
    if not stopped or stopped[0] in target.why:
        return ""
    return f"process {stopped[0]} is stopped" if len(stopped) == 1 else f"processes {cut(', '.join(stopped), 60)} are stopped"


def broken_models(target: Target) -> str:
    """The first model that cannot be used, why, and how many more there are."""
    broken = [model for model in target.models if signs.of_model(model).role == "crit"]
    if not broken:
        return ""
    first = f"{broken[0].name} {broken[0].state} {broken[0].why}".rstrip()
    return f"{len(broken)} models cannot be used: {first}" if len(broken) > 1 else first


def bad_lines(target: Target) -> str:
    """How much of its newest page could not be read."""
    return f"{target.bad_lines} unreadable line{'' if target.bad_lines == 1 else 's'} of its page left out"


def cure(target: Target) -> str:
    """What would switch its numbers on, when most of its row is missing for that one reason."""
    keys = [key for key in _ROW if key in target.metrics]
    missing = [key for key in keys if target.metrics[key] is None]
    reasons = Counter(reason for key in missing if (reason := target.absent.get(key, "")).startswith(_CURE))
    if not reasons:
        return ""
    reason, times = reasons.most_common(1)[0]
    if times * 2 <= len(keys):
        return ""
    return f"{'no numbers' if len(missing) == len(keys) else 'few numbers'}: {reason}"


def _starting(target: Target, now: datetime) -> str:
    """How long it has been starting, what it does, and whether it tries again and again."""
    said = target.why
    if not said.startswith("starting"):
        said = f"starting for {span((now - target.since).total_seconds())}" + (f": {said}" if said else "")
    restarts = target.process.restarts if target.process else 0
    return f"restart {restarts}, {said}" if restarts > 1 else said
