"""Everything about one line: all numbers of a target, or the whole story of an alert, a signal, a window."""

from __future__ import annotations

from tui_monitor.model import Frame, Performance, Target
from tui_monitor.ui import format as fmt
from tui_monitor.ui.dialogs.text import TextDialog
from tui_monitor.vocabulary import VOCABULARY


class Detail(TextDialog):
    """`enter`."""

    def __init__(self, title: str, lines: list[str]) -> None:
        super().__init__(title, lines)


def of_target(frame: Frame, target: Target) -> list[str]:
    """State, origin, every number with its reason where there is none, models, windows of its quality."""
    lines = [
        f"state     {target.state} since {fmt.moment(target.since, frame.at, utc=False)}",
        f"why       {target.why or 'all is well'}",
        f"server    {target.kind} {target.version or ''} at {target.url}",
    ]
    if target.how:
        lines.append(f"found     {target.how}")
    if target.pid:
        lines.append(f"process   {target.pid}" + (f", GPU {', '.join(map(str, target.gpus))}" if target.gpus else ""))
    lines += ["", "numbers of the last minute"]
    width = max((len(key) for key in target.metrics), default=0)
    for key in sorted(target.metrics, key=lambda key: list(VOCABULARY).index(key) if key in VOCABULARY else 999):
        value = target.metrics[key]
        if value is None:
            lines.append(f"  {key:<{width}}  {fmt.NONE:>9}  {target.absent.get(key, 'nobody can say why')}")
        else:
            low, high = target.bounds.get(key, (None, None))
            bound = f"  between {fmt.metric(key, low)} and {fmt.metric(key, high)}" if low is not None and high is not None else ""
            least = "at least " if key in target.at_least else ""
            lines.append(f"  {key:<{width}}  {least + fmt.metric(key, value):>9}{bound}")
    if target.models:
        lines += ["", "models"]
        lines += [f"  {model.name} {model.version or ''}  {model.state}  {model.why}".rstrip() for model in target.models]
    return lines


def of_quality(rows: list[Performance]) -> list[str]:
    """Every window of a prediction log with its numbers and their intervals."""
    lines = []
    for row in rows:
        coverage = "" if row.coverage is None else f", {row.coverage:.0%} labelled"
        lines.append(f"{row.name}  {row.window}  {row.n} predictions{coverage}  {row.why}".rstrip())
        for key, estimate in row.metrics.items():
            interval = (
                ""
                if estimate.low is None or estimate.high is None
                else f"  {fmt.metric(key, estimate.low)} to {fmt.metric(key, estimate.high)}"
            )
            lines.append(f"  {key:<18}{fmt.metric(key, estimate.value):>9}{interval}  {estimate.source}")
    return lines
