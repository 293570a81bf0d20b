"""Drift in sentences: what `once` prints of the signals, those that drift first, and those of which there is nothing to say in one line."""

from __future__ import annotations

from collections.abc import Iterator

from tui_monitor.model import Drift, Frame
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes import drift_shapes as shapes
from tui_monitor.ui.panes import drift_slices, order
from tui_monitor.ui.panes import drift_words as words
from tui_monitor.ui.view import View

_PARTS = 3  # of a change
_TOLD = {"drift", "watch", "stale", "blind"}
_LINE = 10_000  # cells: nothing is left out


def lines(frame: Frame, *, utc: bool) -> Iterator[str]:
    """How many drift and the budget, every signal that needs a look with what there is to know, and the names of the others."""
    if not frame.drift:
        return
    said, budget = words.dataset(frame, _LINE).replace(" · ", ", "), words.budget(frame)
    yield f"Drift: {said}{f'; budget {budget}' if budget else ''}"
    shown = order.signals(frame, View())
    for signal in shown:
        if signal.state in _TOLD:
            yield from _signal(frame, signal, utc=utc)
    for state in dict.fromkeys(signal.state for signal in shown if signal.state not in _TOLD):
        names = [f"{words.short_name(signal)} of {signal.source}{_progress(signal)}" for signal in shown if signal.state == state]
        yield f"  {state}: {', '.join(names)}"


def _signal(frame: Frame, signal: Drift, *, utc: bool) -> Iterator[str]:
    yield f"Drift {signal.signal} of {signal.source}: {signal.state}{f': {signal.sentence}' if signal.sentence else ''}"
    if helps := words.remedy(signal):
        yield f"  helps: {helps}"
    if signal.state not in {"drift", "watch"}:
        return
    yield f"  {words.history(signal, frame, utc=utc)}"
    low, high = signal.interval
    between = f", 95 % between {words.small(low)} and {words.small(high)}" if low is not None and high is not None else ""
    if effect := words.effect(signal):
        yield f"  effect {effect.replace('≥', 'at least ')}{between}. {words.evidence_line(signal)}"
    parts = [f"{name} from {fmt.ratio(then)} to {fmt.ratio(now)}" for name, then, now in shapes.changes(signal)[:_PARTS]]
    if parts:
        yield f"  most of it: {', '.join(parts)}"
    if signal.slices:
        yield f"  {drift_slices.most_of_it(signal)}"
    moved = [f"{key} from {words.value(signal, then)} to {words.value(signal, now)}" for key, (then, now) in signal.quantiles.items()]
    if signal.mean[0] is not None and signal.mean[1] is not None:
        moved.append(f"mean from {words.value(signal, signal.mean[0])} to {words.value(signal, signal.mean[1])}")
    if moved:
        yield f"  {', '.join(moved)}"
    sizes = [f"{name} {words.small(size)}" for name, size in signal.windows.items() if size is not None]
    if sizes:
        yield f"  effect over {', '.join(sizes)}{f': {words.pace(signal)}' if words.pace(signal) else ''}"
    if lead := words.follows(signal, frame, utc=utc):
        yield f"  follows {lead}: its alert speaks of both"
    if signal.moved_together:
        yield f"  moved within the same hour: {words.together(signal)}"


def _progress(signal: Drift) -> str:
    return f" ({fmt.ratio(signal.progress)})" if signal.state == "learning" and signal.progress is not None else ""
