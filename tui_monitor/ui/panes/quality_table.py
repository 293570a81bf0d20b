"""Logs by windows: one cell a window, so that a fast fall (bad on the left) and a slow decay (bad on the right) look different.

Under the chosen log stand its interval, the way from what it is held against, how much of it is labelled, and its other sources, each by name.
"""

from __future__ import annotations

from typing import NamedTuple

from tui_monitor.model import Basis, Estimate, Frame, Quality
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import logs, written
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Part, pad, text_width
from tui_monitor.ui.widgets.table import around

_GIVES_WAY = ("1m", "deploy", "3h", "24h", "5m")  # windows that leave first where room is short
_LEAST, _MOST = 7, 13  # cells of a window


class Grid(NamedTuple):
    """Where the columns stand."""

    name: int
    metric: int  # 0: not shown
    windows: list[str]
    cell: int


class Table(NamedTuple):
    """The lines, and which one is the chosen log's."""

    lines: list[Line]
    chosen: int | None


def grid(frame: Frame, shown: list[Quality], log: Quality, view: View, width: int) -> Grid:
    """The columns of a table this wide."""
    windows = logs.windows(frame, log.name) or ["5m", "30m", "3h", "24h"]
    longest = max((text_width(one.name) for one in shown), default=8)
    name = min(longest, 34 if width >= 100 else 20 if width >= 72 else 12)
    name = max(name, 12)
    metric = max((text_width(key_of(frame, one, view)) for one in shown), default=0)
    name = max(name, 18) if len(shown) == 1 and width >= 72 else name
    metric = 0 if len(shown) == 1 or width < 72 else min(metric, 18 if width >= 100 else 9)
    left = 2 + name + (metric + 1 if metric else 0)
    for gone in _GIVES_WAY:
        if (width - left) // max(1, len(windows)) >= _LEAST:
            break
        windows = [one for one in windows if one != gone or one == logs.window(frame, log, view)]
    return Grid(name, metric, windows, max(1, min(_MOST, (width - left) // max(1, len(windows)))))


def key_of(frame: Frame, log: Quality, view: View) -> str:
    """The number in a log's row: the chosen one where it has it, else the one that speaks for it."""
    return logs.key(frame, log, view)


def table(frame: Frame, view: View, log: Quality, width: int, rows: int, *, alone: bool = False) -> Table:
    """At most `rows` lines: the head, the logs, and under the chosen one what its numbers have to be read with."""
    shown = [log] if alone else logs.listed(frame, view) or [log]
    if log.name not in {one.name for one in shown}:
        shown = [log, *shown]
    at = next(i for i, one in enumerate(shown) if one.name == log.name)
    where = grid(frame, shown, log, view, width)
    below = under(frame, view, log, where)
    least = min(len(below), 3)  # the interval, the way from the reference, and one more
    room = max(1, rows - 1 - least)
    more = len(shown) > room
    window = around(len(shown), max(1, room - more), at)
    out: list[Line] = [head(frame, view, log, where)]
    chosen = None
    spare = max(0, rows - 1 - len(window) - more)
    for index in window:
        if index == at:
            chosen = len(out)
        out.append(row(frame, view, shown[index], where, bold=index == at))
        if index == at:
            out += below[:spare]
    if more:
        hidden = [one.state for i, one in enumerate(shown) if i not in window]
        bad = sum(signs.QUALITY[state].rank < 2 for state in hidden)
        out.append(((f"  … {len(hidden)} more logs" + (f", {bad} not well" if bad else ""), "warn" if bad else "dim"),))
    return Table(out[:rows], chosen)


def head(frame: Frame, view: View, log: Quality, where: Grid) -> Line:
    """The windows; the one that is looked at stands out."""
    now = logs.window(frame, log, view)
    parts: list[Part] = [(pad("  MODEL", where.name + 2), "dim")]
    parts += [(" " + pad("NUMBER", where.metric), "dim")] if where.metric else []
    for window in where.windows:
        text = "since start" if window == "all" and where.cell > 11 else window
        text = f"[{text}]" if window == now else text
        parts.append((pad(text, where.cell, ">"), *(("key", "b") if window == now else ("dim",))))
    return tuple(parts)


def row(frame: Frame, view: View, log: Quality, where: Grid, *, bold: bool) -> Line:
    """One log: how it stands, and a cell a window."""
    sign = signs.QUALITY[log.state]
    key = key_of(frame, log, view)
    source = logs.source(frame, log, key)
    parts: list[Part] = [
        (sign.glyph + " ", sign.role, "b"),
        (pad(written.short(log.name, where.name), where.name), "strong" if bold else "text", *(["b"] if bold else [])),
    ]
    parts += [(" " + pad(key, where.metric), "dim")] if where.metric else []
    return (*parts, *cells(frame, log, source, key, where))


def cells(frame: Frame, log: Quality, source: Basis, key: str, where: Grid, slice_: str | None = None) -> list[Part]:
    """A glyph and the value, window by window."""
    levels = dict(logs.levels(frame, log, source, key, slice_))
    out: list[Part] = []
    for window in where.windows:
        estimate = logs.value_of(logs.told(frame, log, source, window, slice_), key)
        level = levels.get(window, "no value")
        glyph, role = logs.GLYPHS[level]
        if estimate is None:
            out.append((pad(glyph, where.cell, ">"), role))
            continue
        text = written.number(key, estimate.value)
        if level == "young":
            out.append((pad(text, where.cell, ">"), "dim"))
            continue
        both = next(
            (one for one in (f"{glyph} {text}", f"{glyph}{text}", f"{glyph}{text.partition('.')[0]}") if text_width(one) < where.cell),
            glyph,
        )
        role = role if level in {"breach", "worse"} else "text"
        out.append((pad(both, where.cell, ">"), role, *(["b"] if level == "breach" else [])))
    return out


def under(frame: Frame, view: View, log: Quality, where: Grid) -> list[Line]:
    """The lines under the chosen log, what matters most first."""
    key, slice_ = key_of(frame, log, view), logs.slice_of(frame, log, view)
    out: list[Line] = []
    label = where.name + 2 + (where.metric + 1 if where.metric else 0)
    if slice_ is not None:
        source = logs.source(frame, log, key, slice_)
        out.append(((pad("  " + written.short(f"only {slice_}", label - 3), label), "key"), *cells(frame, log, source, key, where, slice_)))
    source = logs.source(frame, log, key, slice_)
    found = {window: logs.told(frame, log, source, window, slice_) for window in where.windows}
    values = {window: estimate for window, one in found.items() if (estimate := logs.value_of(one, key)) is not None}
    if any(estimate.low is not None for estimate in values.values()):
        out.append(_named("95 % between", label, [_interval(key, values.get(window), where.cell) for window in where.windows]))
    bases = {window: logs.base(frame, log, source, window, key, slice_) for window in values}
    told = next((one for one in bases.values() if one is not None), None)
    if told is not None:
        name = f"vs {told[1]}"
        longer = f"{name} {written.number(key, told[0])}"
        parts: list[Part] = [(pad("  " + (longer if len(longer) + 3 <= label else name), label), "dim")]
        for window in where.windows:
            estimate, base = values.get(window), bases.get(window)
            if estimate is None or estimate.value is None or base is None:
                parts.append(" " * where.cell)
                continue
            worse = written.is_worse(key, estimate.value, base[0]) and logs.level(estimate, key, base[0]) != "well"
            parts.append((pad(written.against(key, estimate.value, base[0]), where.cell, ">"), "warn" if worse else "dim"))
        out.append(tuple(parts))
    others = [one for one in logs.sources(frame, log, slice_) if one != source]
    out += [((pad("  " + other, label), "info"), *cells(frame, log, other, key, where, slice_)) for other in others]
    if source != "labelled":
        out.insert(0, (("  " + logs.NOT_LABELS[source], "info"),))
    covered = [one.coverage if (one := found.get(window)) is not None else None for window in where.windows]
    if any(share is not None for share in covered):
        out.append(_named("labelled", label, [pad(fmt.percent(share) if share is not None else "", where.cell, ">") for share in covered]))
    counts = [one.n if (one := found.get(window)) is not None else None for window in where.windows]
    out.append(_named("predictions", label, [pad(fmt.count(count) if count is not None else "", where.cell, ">") for count in counts]))
    return out


def _named(name: str, label: int, texts: list[str]) -> Line:
    return ((pad("  " + name, label), "dim"), ("".join(texts), "dim"))


def _interval(key: str, estimate: Estimate | None, cell: int) -> str:
    """As low–high, as ± where that is too long, nothing where that is too."""
    if estimate is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return " " * cell
    half = max(estimate.value - estimate.low, estimate.high - estimate.value) * (100 if written.is_share(key) else 1)
    short = f"±{half:.1f}" if written.is_share(key) else f"±{fmt.number(half)}"
    return pad(next((text for text in (written.interval(key, estimate), short) if text_width(text) < cell), ""), cell, ">")
