"""Reference and now as shapes: one above the other over the same bins, in few cells for a row of the table, and what changed most as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from tui_monitor.model import Drift, Shares
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import drift_words as words
from tui_monitor.ui.panes import written
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.widgets.canvas import Canvas, pad, text_width
from tui_monitor.ui.widgets.chart import spark

_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII = " _.:-=+*#"
LEFT = 4  # cells of "ref" and "now"
_WIDEST = 12  # cells of a bin
_NOTHING = 0.004  # what lies beyond, at either end, is drawn as one bin
_CHANGED = 0.02  # a share that changed so much is worth a colour
_NAME = 26


class Bars(NamedTuple):
    """Bins as they are drawn: ends that hold next to nothing are one bin each, and neighbours share one where cells are few."""

    edges: list[float]
    reference: list[float]
    now: list[float]


def usable(shares: Shares | None) -> Shares | None:
    """The shares where they fit together, None where nothing can be drawn of them."""
    if shares is None or not shares.reference or len(shares.reference) != len(shares.now):
        return None
    if not all(math.isfinite(part) for part in (*shares.reference, *shares.now)):
        return None
    return shares


def joined(shares: Shares, most: int) -> Bars:
    """At most `most` bins; every share is in one of them."""
    count = len(shares.reference)
    edges = list(shares.edges[: count - 1]) if not shares.names else []
    reference, now = list(shares.reference), list(shares.now)
    if not shares.names:
        low = _empty_end(reference, now)
        high = _empty_end(reference[::-1], now[::-1])
        if low >= 2 and low < count:
            edges, reference, now = edges[low - 1 :], [sum(reference[:low]), *reference[low:]], [sum(now[:low]), *now[low:]]
        if high >= 2 and len(reference) > high:
            edges, reference, now = (
                edges[: len(edges) - high + 1],
                [*reference[:-high], sum(reference[-high:])],
                [*now[:-high], sum(now[-high:])],
            )
    each = -(-len(reference) // max(1, most))
    if each > 1:
        edges = edges[each - 1 :: each] if edges else []
        reference = [sum(reference[i : i + each]) for i in range(0, len(reference), each)]
        now = [sum(now[i : i + each]) for i in range(0, len(now), each)]
    return Bars(edges[: len(reference) - 1], reference, now)


def _empty_end(reference: Sequence[float], now: Sequence[float]) -> int:
    """How many bins at the beginning hold next to nothing, then and now."""
    then = after = 0.0
    for index, (one, other) in enumerate(zip(reference, now, strict=True)):
        then, after = then + one, after + other
        if max(then, after) > _NOTHING:
            return index
    return 0


def mini(canvas: Canvas, x: int, y: int, width: int, signal: Drift) -> None:
    """Reference and now, each in half the cells, on one scale."""
    shares = usable(signal.shares)
    half = (width - 1) // 2
    if shares is None or half < 4:
        return
    bars = joined(shares, half)
    top = max(*bars.reference, *bars.now, 1e-9)
    sign = signs.SIGNAL[signal.state]
    loud = signal.state in {"drift", "watch"}
    spark(canvas, x, y, half, _fitted(bars.reference, half), "faint" if not loud else "dim", top)
    spark(canvas, x + half + 1, y, half, _fitted(bars.now, half), sign.role if loud else "dim", top)


def _fitted(values: Sequence[float], width: int) -> list[float | None]:
    """Each value in as many cells as all can have, and nothing behind them."""
    each = max(1, width // max(1, len(values)))
    cells: list[float | None] = [value for value in values for _ in range(each)]
    return [*cells, *([None] * (width - len(cells)))][:width]


def stacked(canvas: Canvas, signal: Drift) -> int:
    """Reference above, now below, the axis under both; what grew and shrank most has a colour and a mark. Returns the lines it took."""
    shares = usable(signal.shares)
    room = canvas.width - LEFT
    if shares is None or shares.names or room < 12 or canvas.height < 3:
        return 0
    bars = joined(shares, room)
    cell = min(_WIDEST, room // len(bars.reference))
    loud = signal.state in {"drift", "watch"}
    marks = canvas.height >= 6 and loud
    gap = canvas.height >= 9  # else a tall bar of now would stand against the line of the reference
    high = min(5, (canvas.height - 1 - marks - gap) // 2)
    top = max(*bars.reference, *bars.now, 1e-9)
    grew, shrank = _most(bars)
    role = signs.SIGNAL[signal.state].role if loud else "strong"
    for y, name, values, colour, told in ((0, "ref", bars.reference, "dim", shrank), (high + gap, "now", bars.now, "chart", grew)):
        canvas.put(0, y + high - 1, name, "dim")
        for index, share in enumerate(values):
            other = colour if index not in told or not loud else "chart2" if name == "ref" else role
            _column(canvas.part(LEFT + index * cell, y, cell, high), share / top, other)
    y = 2 * high + gap
    if marks:
        for index in grew | shrank:
            canvas.put(LEFT + index * cell + (cell - 1) // 2, y, "▴" if index in grew else "▾", role if index in grew else "chart2")
        y += 1
    _axis(canvas.part(LEFT, y, room, 1), signal, bars.edges, cell)
    return y + 1


def _most(bars: Bars) -> tuple[set[int], set[int]]:
    """The bins that grew and those that shrank, where that is at least half of the largest change."""
    gaps = [now - then for then, now in zip(bars.reference, bars.now, strict=True)]
    least = max(_CHANGED, max(map(abs, gaps), default=0.0) / 2)
    return {i for i, gap in enumerate(gaps) if gap >= least}, {i for i, gap in enumerate(gaps) if -gap >= least}


def _column(canvas: Canvas, share: float, role: str) -> None:
    """One bin, as high as its share; the least of something is seen."""
    eighths = round(share * canvas.height * 8)
    eighths = max(1, eighths) if share > 0 else 0
    steps = _ASCII if canvas.ascii else _BLOCKS
    for y in range(canvas.height):
        left = eighths - (canvas.height - 1 - y) * 8
        if left > 0:
            canvas.put(0, y, steps[min(8, left)] * canvas.width, role)


def _axis(canvas: Canvas, signal: Drift, edges: Sequence[float], cell: int) -> None:
    """The cuts between the bins, as many as have room."""
    free = 0
    for index, edge in enumerate(edges):
        x, text = (index + 1) * cell, words.value(signal, edge)
        if x >= free and x + 1 + text_width(text) <= canvas.width:
            canvas.run(x, 0, ("▏", "faint"), (text, "dim"))
            free = x + text_width(text) + 3


def changes(signal: Drift) -> list[tuple[str, float, float]]:
    """Name, share in the reference and share now of every part, the one that changed most first."""
    shares = usable(signal.shares)
    if shares is None:
        return [(part.name, part.reference, part.now) for part in signal.parts]
    labels = list(shares.names) or _labels(signal, shares)
    rows = list(zip(labels, shares.reference, shares.now, strict=False))
    return sorted((row for row in rows if row[1] > 0 or row[2] > 0), key=lambda row: -abs(row[2] - row[1]))


def _labels(signal: Drift, shares: Shares) -> list[str]:
    edges = [words.value(signal, edge) for edge in shares.edges]
    if not edges:
        return ["all"]
    return [f"to {edges[0]}", *(f"{low} to {high}" for low, high in pairwise(edges)), f"over {edges[-1]}"]


def parts(signal: Drift, width: int, rows: int) -> list[Line]:
    """What the change is made of, one part a line: then, now, the difference in points, and a bar of now with a mark at the reference."""
    found = changes(signal)
    if signal.type != "category":
        found = [row for row in found if abs(row[2] - row[1]) >= _CHANGED / 2]
    if not found or rows <= 0:
        return []
    shown = found if len(found) <= rows else found[: max(1, rows - 1)]
    name = max(8, min(_NAME, max(text_width(row[0]) for row in shown), width - 24))
    bar = min(30, width - name - 27)
    top = max(max(then, now) for _, then, now in shown) or 1.0
    loud = signal.state in {"drift", "watch"}
    role = signs.SIGNAL[signal.state].role if loud else "text"
    out: list[Line] = []
    for label, then, now in shown:
        points = 100 * (now - then)
        much = loud and abs(points) >= 100 * _CHANGED
        line: Line = (
            ("  " + pad(written.short(label, name), name), "text"),
            (f"{fmt.ratio(then):>6} → ", "dim"),
            (f"{fmt.ratio(now):<6}", role if much else "text"),
            (
                pad("" if abs(points) < 0.5 else f"{'▴' if points > 0 else '▾'}{abs(points):.0f}", 5),
                role if much and points > 0 else "chart2" if much else "dim",
            ),
        )
        out.append((*line, *_bullet(then / top, now / top, bar, role if much and points > 0 else "chart")) if bar >= 8 else line)
    if len(found) > len(shown) and rows > 1:
        out.append(((f"  … {len(found) - len(shown)} more", "dim"),))
    return out


def _bullet(then: float, now: float, width: int, role: str) -> Line:
    """A bar as long as the share of now; ┃ is where the reference was."""
    filled, mark = round(now * width), min(width - 1, max(0, round(then * width) - (then > 0)))
    filled = max(1, filled) if now > 0 else 0
    before, after = min(filled, mark), max(0, filled - mark - 1)
    blank = mark - before
    return (("━" * before, role), ("·" * blank, "faint"), ("┊", "strong"), ("━" * after, role))
