"""Everything that is known of one signal in lines of a width: all of it for the dialog, what matters most first for the room below the table."""

from __future__ import annotations

from tui_monitor.model import Drift, Frame
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import drift_chart as charts
from tui_monitor.ui.panes import drift_measures as measures
from tui_monitor.ui.panes import drift_shapes as shapes
from tui_monitor.ui.panes import drift_slices as slices
from tui_monitor.ui.panes import drift_words as words
from tui_monitor.ui.panes.quality_facts import named
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, text_width, wrap

_CHART = 9  # lines of the chart of evidence in the dialog
_SHAPES = 11  # lines of both shapes there
_PARTS = 40  # categories that are listed there
_TWO, _TALL = 120, 9  # cells and lines from which on shapes and evidence stand side by side
_FEW = 6  # lines of numbers below the shapes, without a chart
_STEPS = (3, 5, 7, 9, 11, 13)  # heights of both shapes at which they look well


def of_signal(frame: Frame, signal: Drift, view: View, width: int, *, ascii: bool = False) -> list[Line]:  # noqa: A002
    """All of it, the sentence first."""
    out = [
        _head(frame, signal, view, width, whole=False),
        *_said(signal, width, 6),
        *_slices(signal, width, 3),
        (),
        *_facts(frame, signal, view, width),
    ]
    if drawn := _shapes(signal, width, _SHAPES, ascii=ascii):
        over = f"   share of the rows in each of {len(signal.shares.reference) if signal.shares else 0} bins, on one scale"
        out += [(), (("reference and now", "key"), (over, "dim")), *drawn]
    if parts := shapes.parts(signal, width, _PARTS if signal.type == "category" else 8):
        out += [(), (("what changed most", "key"), ("   share in the reference → now, points   ┊ reference", "dim")), *parts]
    if moved := _quantiles(signal):
        out += [(), (("then and now", "key"),), ("  ", *moved)]
    if strip := charts.windows(signal, view, width - 2):
        out += [(), (("effect over windows", "key"),), *(("  ", *line) for line in strip)]
    if chart := _chart(signal, view, width, _CHART, ascii=ascii):
        out += [(), *chart]
    if table := measures.table(signal, width):
        out += [
            (),
            (("measures", "key"), (f"   of {fmt.count(signal.n_now)} rows now against {fmt.count(signal.n_reference)}", "dim")),
            *table,
        ]
    out += [(), (("what each cause means", "key"),), *_causes(signal, width), (), *_acts(signal, width)]
    return [_cut(line, width) for line in out]


def in_pane(canvas: Canvas, frame: Frame, signal: Drift, view: View) -> None:
    """As much of it as the canvas holds: the sentence, the shapes, then what moved, windows, evidence, parts, the chart."""
    width = canvas.width
    head = [_head(frame, signal, view, width), *_said(signal, width, 3 if canvas.height >= 8 else 2)][: canvas.height]
    _put(canvas, 0, head)
    below = canvas.part(0, len(head), width, canvas.height - len(head))
    if width >= _TWO and below.height >= _TALL:
        half = width * 3 // 5
        left = below.part(0, 0, half - 3, below.height)
        _put(left, 0, _shape(left, signal, left.height))
        right = below.part(half, 0, width - half, below.height)
        _put(right, 0, _beside(right, frame, signal, view, right.height))
        return
    drawable = _shapes(signal, width, 3, ascii=canvas.ascii) or shapes.parts(signal, width, 4)
    least = min(len(drawable), below.height)
    told = _beside(below, frame, signal, view, min(_FEW, below.height - least))
    drawn = _shape(below, signal, below.height - len(told))
    left_over = below.height - len(told) - len(drawn)
    chart = _chart(signal, view, width, min(_CHART, left_over), ascii=canvas.ascii) if left_over >= 6 else []
    _put(below, 0, [*drawn, *told, *chart])


def need(frame: Frame, signal: Drift, view: View, width: int) -> int:
    """Lines that the pane would like to have for it."""
    parts = shapes.parts(signal, width, 5)
    shape = 3 if shapes.usable(signal.shares) is not None and not (signal.shares and signal.shares.names) else len(parts)
    return 1 + len(_said(signal, width, 3)) + shape + min(_FEW, len(_beside(Canvas(width, 0), frame, signal, view, _FEW)))


def _put(canvas: Canvas, y: int, lines: list[Line]) -> None:
    for index, line in enumerate(lines):
        canvas.run(0, y + index, *line)


def _shape(canvas: Canvas, signal: Drift, height: int) -> list[Line]:
    """Both shapes and what changed most, or of categories only that, in at most so many lines."""
    tallest = max((step for step in _STEPS if step <= height), default=0)
    shape = _shapes(signal, canvas.width, 3, ascii=canvas.ascii) if tallest else []
    few = 12 if not shape else 5
    room = height - len(shape) - bool(shape)
    parts = shapes.parts(signal, canvas.width, min(few, room)) if room >= 3 else []
    if shape:
        tallest = max(step for step in _STEPS if step == 3 or step + len(parts) + bool(parts) <= height)
        shape = _shapes(signal, canvas.width, tallest, ascii=canvas.ascii)
    return [*shape, *([()] if parts and shape else []), *parts]


def _beside(canvas: Canvas, frame: Frame, signal: Drift, view: View, height: int) -> list[Line]:
    """What moved in numbers, the windows, who moved with it, the evidence in words and, where there is room, as a chart."""
    moved = _quantiles(signal)
    while moved and sum(text_width(part if isinstance(part, str) else part[0]) for part in moved) > canvas.width:
        del moved[-2:]  # a name and its number: half of one says nothing
    out: list[Line] = [tuple(moved)] if moved else []
    out += charts.windows(signal, view, canvas.width)
    if len(out) < height and signal.moved_together:
        out += named("with it", words.together(signal), "text", canvas.width, 1)
    if len(out) < height:
        out += _slices(signal, canvas.width, 1)
    out += _evidence(frame, signal, canvas.width)
    if height > _FEW and height - len(out) >= 7:
        out += [(), *_chart(signal, view, canvas.width, min(_CHART, height - len(out) - 1), ascii=canvas.ascii)]
    return out[: max(0, height)]


def _head(frame: Frame, signal: Drift, view: View, width: int, *, whole: bool = True) -> Line:
    sign = signs.SIGNAL[signal.state]
    state = signal.state.upper() if signal.state in {"drift", "watch"} else signal.state
    loud = whole and signal.state in {"drift", "watch", "stable"}
    name = cut(signal.signal, max(8, width - text_width(state) - 4))
    room = width - text_width(name) - text_width(state) - 4
    told = f"   {words.history(signal, frame, utc=view.utc)}" if loud else ""
    forms = [f"{told}, follows {lead}" for lead in (words.follows(signal, frame, utc=view.utc), words.leads(signal)) if lead and loud]
    tail = next((form for form in (*forms, told) if text_width(form) <= room), f"   follows {words.leads(signal)}" if forms else told)
    return (
        (f"{sign.glyph} ", sign.role, *(["b"] if sign.role == "crit" else [])),
        (name, "strong", "b"),
        (f"  {state}", sign.role, "b"),
        (cut(tail, room) if room > 12 else "", "dim"),
    )


def _said(signal: Drift, width: int, rows: int) -> list[Line]:
    """The sentence, and where there is no verdict what would help."""
    lines: list[Line] = [((part, "text"),) for part in wrap(signal.sentence, width, rows)]
    helps = words.remedy(signal)
    return [*lines, *(((part, "info"),) for part in wrap(f"helps: {helps}", width, 2))] if helps else lines


def _slices(signal: Drift, width: int, rows: int) -> list[Line]:
    said = slices.most_of_it(signal)
    return [((part, "text"),) for part in wrap(said, width, rows)] if said else []


def _facts(frame: Frame, signal: Drift, view: View, width: int) -> list[Line]:
    """What it is, how sure that is, and against what it is held."""
    told: list[tuple[str, str, str]] = [
        ("signal", f"{signal.role} of {signal.source}" + (f", {signal.type}" if signal.type else ""), "text")
    ]
    if signal.state in {"drift", "watch", "stable"}:
        told.append(("cause", words.history(signal, frame, utc=view.utc), "text"))
    if signal.why:
        told.append(("why", signal.why, "warn"))
    if signal.effect is not None:
        low, high = signal.interval
        between = f", 95 % {words.small(low)} to {words.small(high)}" if low is not None and high is not None else ""
        least = "; at least: the values inside a bucket are not known" if signal.bound == ">=" else ""
        told.append(("effect", f"{words.effect(signal)}{between}{least}", "strong"))
    if signal.evidence is not None or signal.n_now:
        told.append(("evidence", words.evidence_line(signal, frame.drift_budget_s), "text"))
    if budget := words.budget(frame):
        told.append(("budget", f"{budget}, whatever their number: {words.own_share(frame, signal) or 'each has its share'}", "dim"))
    told += [("early", words.early(signal), "warn")] if signal.early else []
    if signal.importance is not None:
        told.append(("matters", f"importance {fmt.digits(signal.importance)} for the model", "text"))
    told += [("slice" if place == 0 else "", f"{one.name}: {slices.why(one)}", "text") for place, one in enumerate(signal.slices)]
    if signal.follows:
        told.append(("follows", f"{words.follows(signal, frame, utc=view.utc)}: one origin, one alert", "text"))
    if signal.moved_together:
        told.append(("with it", f"moved within the same hour, the first first: {words.together(signal)}", "text"))
    if signal.n_reference:
        origin = words.origin(signal, frame.at, utc=view.utc)
        told.append(("reference", f"{fmt.count(signal.n_reference)} rows" + (f", {origin}" if origin else ""), "text"))
    told += [("worth", words.tau(signal), "dim")] if signal.tau is not None else []
    if signal.progress is not None and signal.state == "learning":
        told.append(("learned", fmt.ratio(signal.progress), "text"))
    return [line for name, text, role in told for line in named(name, text, role, width, 5)]


def _quantiles(signal: Drift) -> list[Part]:
    """Quantiles, exact mean, missing and strange shares, then and now; what is half as much again is loud."""
    told = [(key, *pair) for key, pair in list(signal.quantiles.items())[:5]]
    told += [("mean", *signal.mean)] if any(value is not None for value in signal.mean) else []
    parts: list[Part] = []
    role = signs.SIGNAL[signal.state].role
    for key, before, now in told:
        moved = signal.state == "drift" and before is not None and now is not None and before > 0 and not 0.67 < now / before < 1.5
        parts += [
            (f"{'   ' if parts else ''}{key} {words.value(signal, before)} → ", "dim"),
            (words.value(signal, now), role if moved else "text", *(["b"] if moved else [])),
        ]
    if signal.missing_reference or signal.missing_now:
        before, now = signal.missing_reference, signal.missing_now
        parts += [(f"{'   ' if parts else ''}missing {fmt.ratio(before)} → ", "dim"), (fmt.ratio(now), "text")]
    for name, share in (("out of range", signal.out_of_range), ("new categories", signal.new_category)):
        if share:
            parts += [(f"{'   ' if parts else ''}{name} ", "dim"), (fmt.ratio(share), "text")]
    return parts


def _evidence(frame: Frame, signal: Drift, width: int) -> list[Line]:
    """The evidence in words, and what is out early."""
    if signal.evidence is None and not signal.n_now:
        return []
    forms = [words.evidence_line(signal, frame.drift_budget_s), words.evidence_line(signal)]
    forms.append(forms[1].partition("; ")[0] + ".")
    found: list[Line] = [((next((form for form in forms if text_width(form) <= width), cut(forms[-1], width)), "dim"),)]
    return [*found, ((cut("▴ " + words.early(signal), width), "warn"),)] if signal.early else found


def _shapes(signal: Drift, width: int, rows: int, *, ascii: bool) -> list[Line]:  # noqa: A002
    canvas = Canvas(min(width, 120), rows, ascii=ascii)
    used = shapes.stacked(canvas, signal)
    return _lines(canvas)[:used]


def _chart(signal: Drift, view: View, width: int, rows: int, *, ascii: bool) -> list[Line]:  # noqa: A002
    """Evidence over time under its title."""
    canvas = Canvas(min(width, 120), rows - 1, ascii=ascii)
    if not charts.evidence(canvas, signal, view):
        return []
    return [(("evidence", "key"), ("   over the line it is an alarm" if width >= 40 else "", "dim")), *_lines(canvas)]


def _lines(canvas: Canvas) -> list[Line]:
    return [tuple((run.text, run.role, "b") if run.bold else (run.text, run.role) for run in row) for row in canvas.rows()]


def _cut(line: Line, width: int) -> Line:
    """The line in `width` cells."""
    out: list[Part] = []
    for part in line:
        text = part if isinstance(part, str) else part[0]
        if text_width(text) > width:
            text = cut(text, width)
        out.append(text if isinstance(part, str) else (text, *part[1:]))
        width -= text_width(text)
    return tuple(out)


def _causes(signal: Drift, width: int) -> list[Line]:
    """What each sort of drift means; this one's is strong."""
    own = words.cause(signal)
    out: list[Line] = []
    for name, (what, means) in words.CAUSES.items():
        role = "strong" if name == own else "dim"
        lines = named(f"  {name}", f"{what}: {means}", role, width, 3)
        first, *rest = lines
        out += [((first[0][0] if isinstance(first[0], tuple) else first[0], role), *first[1:]), *rest]
    return out


def _acts(signal: Drift, width: int) -> list[Line]:
    return [((part, "info"),) for part in wrap(words.acts(signal), width, 4)]
