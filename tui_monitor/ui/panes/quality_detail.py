"""Everything that is known of one prediction log, in lines of a width: what the dialog shows and scrolls."""

from __future__ import annotations

from tui_monitor.model import Basis, Estimate, Frame, Performance, Quality
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes import calibration, confusion, logs, probes, quality_facts, quality_table, written
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Part, cut, pad, text_width, wrap

_KEY = 19  # cells of a number's name
_MATRIX = 40  # lines of a confusion matrix
_NAME = 34  # cells of a class or a slice


def of_log(frame: Frame, log: Quality, view: View, width: int) -> list[Line]:
    """All of it, the state first."""
    window, slice_ = logs.window(frame, log, view), logs.slice_of(frame, log, view)
    out = [*quality_facts.status(frame, log, view, width, 6), (), *_about(frame, log, view, width)]
    alone = quality_table.table(frame, view, log, width, 20, alone=True)
    out += [(), *alone.lines]
    for source in logs.sources(frame, log, slice_):
        out += [(), *_of_source(frame, log, source, view, width)]
    one = logs.told(frame, log, logs.source(frame, log, logs.key(frame, log, view), slice_), window, slice_)
    only = f" over {window}" + (f", only {slice_}" if slice_ else "")
    if one is not None and one.classes:
        out += [(), (("classes", "key"), (only, "dim")), *_classes(one, width)]
    if one is not None and one.confusion is not None:
        out += [(), (("confusion", "key"), (only, "dim")), *confusion.lines(one.confusion, log.classes, width, _MATRIX)]
    if one is not None and one.calibration is not None:
        plot = calibration.lines(one.calibration, width, 12)
        out += (
            [(), (("calibration", "key"), (only, "dim"), ("   bar: share that was positive   ━ mean score", "dim")), *plot[1:]]
            if plot
            else []
        )
    out += _slices(frame, log, view, width)
    out += [(), (("groups held against each other", "key"),), *quality_facts.gaps(log, width)] if log.gaps else []
    out += [(), (("on the same rows", "key"),), *quality_facts.pairs(log, width)] if log.pairs else []
    if log.deploys:
        moments = (
            (("  " + fmt.moment(at, frame.at, utc=view.utc) + "  ", "dim"), (version, "text")) for at, version in reversed(log.deploys)
        )
        out += [(), (("deploys", "key"),), *moments]
    probe = probes.of(frame, log)
    return [*out, (), *probes.lines(frame, probe, view, width)] if probe is not None else out


def _about(frame: Frame, log: Quality, view: View, width: int) -> list[Line]:
    what = ", ".join(
        part
        for part in (
            log.task,
            f"judged by {log.key}",
            f"{len(log.classes)} classes" if len(log.classes) > 4 else "classes " + " ".join(log.classes) if log.classes else "",
            f"positive is {log.positive}" if log.positive else "",
        )
        if part
    )
    out = quality_facts.named("model", what, "text", width, 3)
    for name, text, role in quality_facts.facts(frame, log, view):
        out += quality_facts.named(name, text, role, width, 12)
    return out


def _of_source(frame: Frame, log: Quality, source: Basis, view: View, width: int) -> list[Line]:
    """All numbers of one source over all windows; then the chosen one, window by window, with all that belongs to it."""
    slice_, now = logs.slice_of(frame, log, view), logs.key(frame, log, view)
    rows = {window: one for window in logs.windows(frame, log.name) if (one := logs.told(frame, log, source, window, slice_)) is not None}
    keys = [key for key in logs.keys(frame, log) if any(key in one.metrics for one in rows.values())]
    only = f", only {slice_}" if slice_ else ""
    out: list[Line] = [((source, "key"), (cut(f": {logs.RESTS_ON[source]}{only}", max(4, width - len(source))), "dim"))]
    assumption = next((one.assumption for one in rows.values() if one.assumption), "")
    out += [(("  " + part, "info"),) for part in wrap(assumption, width - 2, 4)]
    cell = max(7, min(11, (width - _KEY - 2) // max(1, len(rows))))
    if keys:
        out.append(((" " * (_KEY + 2), "dim"), *((pad(window, cell, ">"), "dim") for window in rows)))
    out += [
        ((pad("  " + key, _KEY + 2), "strong" if key == now else "text"), *_values(frame, log, source, key, list(rows), cell, slice_))
        for key in keys
    ]
    for window in rows:
        for one in logs.all_told(frame, log, source, window, slice_):
            other = one.assumption if one.assumption != assumption else ""
            out += _window(frame, log, one, now, width, other)
    return out


def _values(frame: Frame, log: Quality, source: Basis, key: str, windows: list[str], cell: int, slice_: str | None) -> list[Part]:
    levels = dict(logs.levels(frame, log, source, key, slice_))
    out: list[Part] = []
    for window in windows:
        estimate = logs.value_of(logs.told(frame, log, source, window, slice_), key)
        glyph, role = logs.GLYPHS[levels.get(window, "no value")]
        text = f"{glyph} {written.number(key, estimate.value)}" if estimate is not None else glyph
        out.append((pad(text, cell, ">"), role if role in {"crit", "warn", "faint"} else "text"))
    return out


def _window(frame: Frame, log: Quality, one: Performance, key: str, width: int, assumption: str) -> list[Line]:
    """The chosen number over one window: value, interval, rows, floor, or why there is none."""
    estimate = logs.value_of(one, key)
    if estimate is None:
        return quality_facts.named(f"  {one.window}", one.why, "dim", width, 3) if one.why else []
    between = written.interval(key, estimate)
    told = [f"{key} {written.number(key, estimate.value)}" + (f" ({between})" if between else "")]
    told += [f"of {fmt.count(estimate.n if estimate.n is not None else one.n)} rows"]
    told += [f"{fmt.ratio(one.coverage)} labelled"] if one.coverage is not None else []
    told += [f"reference {written.number(key, estimate.reference)}"] if estimate.reference is not None else []
    told += [f"{written.floor_word(key)} {written.number(key, estimate.floor)}"] if estimate.floor is not None else []
    level = logs.level(estimate, key, base[0] if (base := logs.base(frame, log, one.source, one.window, key, one.slice)) else None)
    told += [f"{'above' if written.bad_side(key) == 'high' else 'below'} its {written.floor_word(key)}"] if level == "breach" else []
    told += [text for text in (one.why, assumption) if text]
    return quality_facts.named(f"  {one.window}", ", ".join(told), "crit" if level == "breach" else "text", width, 6)


def _classes(one: Performance, width: int) -> list[Line]:
    name = min(_NAME, max(5, *(text_width(each) for each in one.classes)), max(5, width - 40))
    out: list[Line] = [((pad("  CLASS", name + 2) + f"{'LABELS':>9}{'PRECISION':>11}{'RECALL':>9}{'F1':>9}", "dim"),)]
    for each, score in sorted(one.classes.items(), key=lambda item: item[1].f1):
        shares = f"{written.number('precision', score.precision):>11}{written.number('recall', score.recall):>9}{written.number('f1', score.f1):>9}"
        out.append(
            (
                ("  " + pad(written.short(each, name), name), "text"),
                (f"{fmt.count(score.support):>9}", "dim"),
                (shares, "text" if score.support else "faint"),
            )
        )
    return out


def _slices(frame: Frame, log: Quality, view: View, width: int) -> list[Line]:
    """Those that are worse than the rest, then all over the chosen window, the one with the lowest bound first."""
    names = logs.slices(frame, log)
    if not names:
        return []
    key, window = logs.key(frame, log, view), logs.window(frame, log, view)
    out: list[Line] = [(), (("slices", "key"), (f" over {window}, {len(names)} of them", "dim"))]
    out += quality_facts.worst(log, width, 12) or [(("  none is worse than the rest beyond chance", "dim"),)]
    source = logs.source(frame, log, key, names[0])
    rows = [(name, one, logs.value_of(one, key)) for name in names if (one := logs.told(frame, log, source, window, name)) is not None]
    high_is_bad = written.bad_side(key) == "high"
    rows.sort(key=lambda row: (row[2] is None, _bound(row[2], high_is_bad=high_is_bad)))
    name = min(max(5, *(text_width(row[0]) for row in rows), 5), max(8, width - 40)) if rows else 8
    out.append(((pad("  SLICE", name + 2) + f"{'ROWS':>8}{key[:10]:>11}   95 % BETWEEN", "dim"),))
    for each, one, estimate in rows:
        value = written.number(key, estimate.value if estimate is not None else None)
        between = written.interval(key, estimate) if estimate is not None else one.why
        out.append(
            (
                ("  " + pad(written.short(each, name), name), "text"),
                (f"{fmt.count(one.n):>8}", "dim"),
                (f"{value:>11}", "strong"),
                (f"   {between}", "dim"),
            )
        )
        if expression := log.slices.get(each, each):
            out += [] if expression == each else [(("    " + part, "faint"),) for part in wrap(expression, width - 4, 2)]
    return out


def _bound(estimate: Estimate | None, *, high_is_bad: bool) -> float:
    if estimate is None or estimate.value is None:
        return 0.0
    if high_is_bad:
        return -(estimate.high if estimate.high is not None else estimate.value)
    return estimate.low if estimate.low is not None else estimate.value
