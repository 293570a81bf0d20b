"""The quality of one prediction log: how it stands, its windows, its number over time, where it is worst, and what all that rests on."""

from __future__ import annotations

from tui_monitor.model import Basis, Frame, HistoryQuery, Quality
from tui_monitor.ui.panes import calibration, confusion, logs, probes, quality_facts, quality_table, written
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.view import Histories, Series, View
from tui_monitor.ui.widgets.canvas import Canvas, Part, text_width
from tui_monitor.ui.widgets.lines import Drawn, chart, scale

CHART = 6  # lines with title and clock: fewer are no chart
WIDE = 118  # from here two columns under the table
_SPANS = {"1m": 900.0, "5m": 3600.0, "30m": 10800.0}  # what a chart of a window's number goes back
_LONGEST_S, _SHORTEST_S = 86400.0, 300.0


def series_key(key: str, window: str, source: Basis) -> str:
    """Under which name the past of a number is kept: see `model.charted`."""
    return f"{key}[{window}]" + ("" if source == "labelled" else f" {source}")


def subject(log: Quality, slice_: str | None) -> str:
    """Under which subject."""
    return f"quality:{log.name}" + (f"/{slice_}" if slice_ is not None else "")


def span_s(frame: Frame, window: str, *, replay: bool) -> float:
    """How far the chart goes back: several windows, and live not to before the engine began to keep what it shows."""
    longest = _SPANS.get(window, _LONGEST_S)
    return longest if replay else max(_SHORTEST_S, min(longest, (frame.at - frame.engine.started_at).total_seconds() * 1.05))


def wanted(frame: Frame, log: Quality, view: View, width: int, height: int) -> list[HistoryQuery]:
    """The series of the chart, where there is room for one."""
    if height - 2 < CHART + 3:
        return []
    key, window, slice_ = logs.key(frame, log, view), logs.window(frame, log, view), logs.slice_of(frame, log, view)
    source = logs.source(frame, log, key, slice_)
    main = series_key(key, window, source)
    keys = [main, f"{main}.low", f"{main}.high"]
    keys += [series_key(key, "all", source)] if window != "all" else []
    keys += [series_key(key, window, "estimated")] if source == "labelled" and "estimated" in logs.sources(frame, log, slice_) else []
    span = span_s(frame, window, replay=view.replay)
    points = max(20, min(240, round(span / frame.engine.interval_s), (width - 12) * 2))
    step_s = span / points
    end_s = (frame.at.timestamp() // step_s + 1) * step_s
    return [HistoryQuery(subject(log, slice_), keys, end_s - span, end_s, points)]


def draw(canvas: Canvas, frame: Frame, view: View, histories: Histories, log: Quality, *, focus: bool = True) -> None:
    """The whole pane in its frame."""
    key, window = logs.key(frame, log, view), logs.window(frame, log, view)
    slice_ = logs.slice_of(frame, log, view)
    inside = canvas.box(
        key="2",
        title=f"Performance  {written.short(log.name, max(12, canvas.width // 3))}",
        right=f"{key} · {window}{f' · {slice_}' if slice_ else ''}",
        focus=focus,
    )
    height, width = inside.height, inside.width
    top = quality_facts.status(frame, log, view, width, 1 if height < 10 else 2)
    paint(inside, 0, top)
    left = height - len(top)
    columns = width >= WIDE and left >= 16
    rows = min(left, max(4, left // 2) if columns else left if left < CHART + 5 else max(5, left - CHART - (4 if left >= 14 else 0)))
    table = quality_table.table(frame, view, log, width, rows)
    if focus and table.chosen is not None and len(table.lines) > 2:
        inside.band(len(top) + table.chosen)
    paint(inside, len(top), table.lines)
    y = len(top) + len(table.lines)
    left = height - y
    if left >= 3:
        y, left = y + 1, left - 1
    if columns:
        half = width * 11 // 20
        told = facts(frame, log, view, half, left - CHART - 6, questions=False)
        high = min(20, left - len(told) - 1)
        _chart(inside.part(0, y, half, high), frame, view, histories, log)
        paint(inside.part(0, y + high + 1, half, len(told)), 0, told)
        paint(inside.part(half + 3, y, width - half - 3, left), 0, sides(frame, log, view, width - half - 3, left))
        return
    if left >= CHART:
        high = max(CHART, min(12, left - 4)) if probes.of(frame, log) is None else CHART
        high = left if left - high < 2 else high
        _chart(inside.part(0, y, width, high), frame, view, histories, log)
        y, left = y + high, left - high
    if left > 0:
        slices = quality_facts.worst(log, width - 8, 1 if left < 4 else min(4, left // 3))
        told = facts(frame, log, view, width, max(1, left - len(slices)) if left < 12 or probes.of(frame, log) is not None else 5)
        paint(inside.part(0, y, width, left), 0, [*quality_facts.labelled(slices), *told])
        y, left = y + len(slices) + len(told), left - len(slices) - len(told)
    if left > 6:
        paint(inside.part(0, y, width, left), 0, sides(frame, log, view, width, left, slices_too=False))


def paint(canvas: Canvas, y: int, lines: list[Line]) -> None:
    """Lines below each other, from row `y` on."""
    for row, line in enumerate(lines, y):
        canvas.run(0, row, *line)


def sides(frame: Frame, log: Quality, view: View, width: int, rows: int, *, slices_too: bool = True) -> list[Line]:
    """Worst slices, confusion, calibration: as much as there is room for, each whole or not at all."""
    probe = probes.of(frame, log) if slices_too else None
    out: list[Line] = [*probes.brief(frame, probe, view, width)] if probe is not None else []
    slices = quality_facts.worst(log, width, min(6, max(1, rows // 4))) if slices_too else []
    if slices:
        out += [(("worst slices", "dim"),), *slices]
    elif slices_too and logs.slices(frame, log):
        out.append(((f"no slice is worse than the rest beyond chance ({len(logs.slices(frame, log))} looked at)", "dim"),))
    window, slice_ = logs.window(frame, log, view), logs.slice_of(frame, log, view)
    one = logs.told(frame, log, logs.source(frame, log, logs.key(frame, log, view), slice_), window, slice_)
    room = rows - len(out) - 2
    if one is not None and one.confusion is not None and room >= 5:
        matrix = confusion.lines(one.confusion, log.classes, width, min(room, 14))
        out += [(), (("confusion ", "dim"), (f"{window}{f', only {slice_}' if slice_ else ''}", "faint")), *matrix]
        room = rows - len(out) - 2
    if one is not None and one.calibration is not None and room >= 7:
        plot = calibration.lines(one.calibration, width, min(room, 11))
        out += (
            [(), (("calibration ", "dim"), (window, "faint"), ("  bar: share that was positive   ━ mean score", "faint")), *plot[1:]]
            if plot
            else []
        )
    return (out[1:] if out and not out[0] else out)[:rows]


def facts(frame: Frame, log: Quality, view: View, width: int, rows: int, *, questions: bool = True) -> list[Line]:
    """What the numbers have to be read with, a line or two each, as many as fit; first what a person asks of golden questions."""
    told = quality_facts.facts(frame, log, view)
    probe = probes.of(frame, log)
    asked = probes.brief(frame, probe, view, width) if probe is not None and questions else []
    rows -= len(asked)
    each = 2 if rows >= 2 * len(told) else 1
    lines = [line for name, text, role in told for line in quality_facts.named(name, text, role, width, each)]
    return [*asked, *lines[: max(1, rows)]][: max(0, rows + len(asked))]


def _chart(canvas: Canvas, frame: Frame, view: View, histories: Histories, log: Quality) -> None:
    """The number of the chosen window over time, the long run, the interval, the floor, and the deploys."""
    key, window, slice_ = logs.key(frame, log, view), logs.window(frame, log, view), logs.slice_of(frame, log, view)
    source = logs.source(frame, log, key, slice_)
    main = series_key(key, window, source)
    sides = source == "labelled" and "estimated" in logs.sources(frame, log, slice_)

    def past(name: str) -> Series | None:
        return histories.get((subject(log, slice_), name))

    def known(name: str) -> Series | None:
        series = past(name)
        return series if series is not None and any(value is not None for value in series.values) else None

    estimate = logs.value_of(logs.told(frame, log, source, window, slice_), key)
    floor = estimate.floor if estimate is not None else None
    drawn = Drawn(
        past(main),
        known(f"{main}.low"),
        known(f"{main}.high"),
        known(series_key(key, "all", source)) if window != "all" else None,
        known(series_key(key, window, "estimated")) if sides else None,
        floor,
        tuple((at.timestamp(), version) for at, version in log.deploys[1:]),
    )
    values = [value for series in (drawn.main, drawn.long, drawn.other) if series is not None for value in series.values]
    on = scale([*values, floor], share=written.is_share(key))
    _legend(canvas, drawn, key, window, source, estimate.value if estimate is not None else None)
    label = [*(written.number(key, value) for value in (on.high, on.low)), written.number(key, floor) if floor is not None else ""]
    chart(canvas.part(0, 1, canvas.width, canvas.height - 1), drawn, label=label, on=on, utc=view.utc)


def _legend(canvas: Canvas, drawn: Drawn, key: str, window: str, source: str, value: float | None) -> None:
    """What each line is, as many as fit."""
    over = "since start" if window == "all" else f"over {window}"
    parts: list[Part] = [
        (key, "strong", "b"),
        (f" {over}" + (f", {source}" if source != "labelled" else ""), "dim"),
        " ",
        (written.number(key, value), "strong", "b"),
    ]
    plain = canvas.ascii
    told: list[tuple[bool, str, str]] = [
        (drawn.long is not None, ("=" if plain else "─") + " since start", "chart2"),
        (drawn.low is not None, (":" if plain else "░") + " 95 %", "dim"),
        (drawn.floor is not None, ("-" if plain else "╌") + f" {written.floor_word(key)} {written.number(key, drawn.floor)}", "warn"),
        (drawn.other is not None, "· estimated", "info"),
        (bool(drawn.marks), "┊ deploy", "info"),
    ]
    x = canvas.run(0, 0, *parts)
    for there, text, role in told:
        if there and x + 3 + text_width(text) <= canvas.width:
            x = canvas.put(x + 3, 0, text, role)
