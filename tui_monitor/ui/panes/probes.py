"""Golden questions: how their asking stands, which answers are others than at the first run, and which inputs matter to the model."""

from __future__ import annotations

from tui_monitor.model import ChangedAnswer, Frame, ProbeExplained, ProbeState, Quality
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import written
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Part, cut, pad, text_width, wrap

_BAR = 20  # cells


def of(frame: Frame, log: Quality) -> ProbeState | None:
    """The probe of that name."""
    return next((probe for probe in frame.probes if probe.name == log.name), None)


def lines(frame: Frame, probe: ProbeState, view: View, width: int) -> list[Line]:
    """All of it."""
    sign = signs.PROBE[probe.state]
    since = f" since {fmt.moment(probe.since, frame.at, utc=view.utc)}" if probe.since is not None else ""
    out: list[Line] = [(("golden questions ", "key"), (f"{sign.glyph} {probe.state}{since}", sign.role, "b"))]
    out += [(("  " + part, "text"),) for part in wrap(probe.why or probe.sentence, width - 2, 4)]
    spoken = f" by {probe.protocol}" if probe.protocol else ""
    of_model = f", model {probe.model}" if probe.model else ""
    counts = f"{fmt.count(probe.questions)} questions to {probe.target}{of_model}{spoken}; asked {fmt.count(probe.asked)} times in {fmt.count(probe.rounds)} whole rounds"
    out += _wrapped(counts, "dim", width)
    if probe.first is not None and probe.first.value is not None:
        out += _wrapped(f"first run: {written.number('accuracy', probe.first.value)} right", "dim", width)
    if probe.failed:
        kinds = written.counted(probe.failures.items())
        out += _wrapped(
            f"{fmt.count(probe.failed)} without an answer, not counted as wrong: {kinds}", "warn" if probe.failing else "dim", width
        )
    out += _wrapped(f"left out of its file: {written.counted(probe.left_out.items())}", "dim", width) if probe.left_out else []
    if probe.unsteady:
        out += _wrapped(f"{len(probe.unsteady)} go back and forth and are no evidence: {', '.join(probe.unsteady[:12])}", "dim", width)
    return [*out, *brief(frame, probe, view, width)]


def brief(frame: Frame, probe: ProbeState, view: View, width: int) -> list[Line]:
    """What a person asks first: why nothing comes, which answers changed, and which inputs matter."""
    out: list[Line] = []
    out += _wrapped(f"no answer now: {probe.failing}", "warn", width) if probe.failing else []
    if probe.changed:
        out.append(((f"answers that changed: {fmt.count(max(probe.changed_total, len(probe.changed)))}", "strong"),))
        out += [line for one in probe.changed for line in _changed(frame, one, view, width)]
    return [*out, *importances(frame, probe, view, width)]


def _wrapped(text: str, role: str, width: int) -> list[Line]:
    return [(("  " + part, role),) for part in wrap(text, width - 2, 4)]


def _changed(frame: Frame, one: ChangedAnswer, view: View, width: int) -> list[Line]:
    was, now = ("right" if one.was_right else "wrong"), ("right" if one.right else "wrong")
    glyph, role = ("✖", "crit") if one.was_right and not one.right else ("✔", "ok") if one.right and not one.was_right else ("◐", "warn")
    half = max(8, (width - 24) // 2)
    return [
        ((f"  {glyph} ", role, "b"), (cut(one.question, max(8, width - 40)), "text"), (f"  {was}, now {now}, since {fmt.moment(one.since, frame.at, utc=view.utc)}", "dim")),
        (("      ", "text"), (cut(one.first or fmt.NONE, half), "dim"), (" → ", "dim"), (cut(one.now or fmt.NONE, half), role if role != "ok" else "text"), (f"  ({cut(one.label, 12)})", "faint")),
    ]  # fmt: skip


def importances(frame: Frame, probe: ProbeState, view: View, width: int) -> list[Line]:
    """Progress, or the result as bars with their intervals, or why it cannot be asked for."""
    if probe.explaining is not None:
        done, most = probe.explaining
        share = done / most if most else 0.0
        filled = round(share * _BAR)
        bar: Part = ("━" * filled, "info")
        return [
            (
                ("which inputs matter: asking  ", "key"),
                bar,
                ("─" * (_BAR - filled), "faint"),
                (f"  {done} of at most {most} requests   i stops it", "dim"),
            )
        ]
    told = probe.explained
    if told is None:
        return [((f"which inputs matter: {probe.explains or 'i asks the live server; I of the answer that changed last'}", "dim"),)]
    of_row = f"one row, {told.row}" if told.row is not None else f"{told.rows} golden questions"
    head = f" at {fmt.moment(told.at, frame.at, utc=view.utc)}, {of_row}, {told.requests} requests" + (
        f", {told.failed} failed" if told.failed else ""
    )
    out: list[Line] = [(("which inputs matter", "key"), (cut(head, max(0, width - 19)), "dim"))]
    out += _wrapped(told.why, "warn", width) if told.why else []
    out += _wrapped(told.sentence, "text", width) if told.sentence else []
    return [*out, *_bars(told, width)]


def _bars(told: ProbeExplained, width: int) -> list[Line]:
    """One line a column: the bar, the drop of accuracy or the effect, its interval, and how many answers moved."""
    if not told.weights:
        return []
    name = min(28, max(6, *(text_width(one.column) for one in told.weights)), max(6, width - _BAR - 24))
    most = max((abs(one.value.value) for one in told.weights if one.value.value is not None), default=0.0)
    out: list[Line] = []
    for one in told.weights:
        value = one.value.value
        filled = round(abs(value) / most * _BAR) if value is not None and most > 0 else 0
        chance = one.value.low is not None and one.value.high is not None and one.value.low <= 0 <= one.value.high
        text = (
            fmt.NONE
            if value is None
            else f"{value * 100:+.1f} points"
            if told.row is None
            else f"{'+' if value >= 0 else '-'}{fmt.number(abs(value))}"
        )
        rest = (
            f"  {fmt.ratio(one.moved)} moved"
            if one.moved is not None
            else f"  for a step of {fmt.number(one.step)}"
            if one.step is not None
            else ""
        )
        out.append(
            (
                ("  " + pad(written.short(one.column, name), name) + "  ", "text"),
                ("━" * filled, "faint" if chance else "chart"),
                ("─" * (_BAR - filled), "faint"),
                (f"  {text}", "dim" if chance else "strong"),
                (cut((", may be chance" if chance else "") + rest, max(0, width - name - _BAR - 18)), "dim"),
            )
        )
    return out
