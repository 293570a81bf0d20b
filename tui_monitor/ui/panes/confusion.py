"""What was taken for what: the confusion matrix where it fits, else the pairs that are confused most."""

from __future__ import annotations

from collections.abc import Sequence

from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.widgets.canvas import Part, cut, pad, text_width

_CELL = 7  # cells of a number
_NAME = 16  # cells that a class's name has at most
_LOUD = 0.1  # share of a class's rows that is a fault worth a colour


def lines(matrix: Sequence[Sequence[int]], classes: Sequence[str], width: int, rows: int) -> list[Line]:
    """At most `rows` lines of `width` cells. The classes that never occur are left out.

    Args:
        matrix: rows are labels, columns predictions.
        classes: their names, in the same order; what has none is called by its number.
        width: in cells.
        rows: lines.
    """
    seen = [i for i in range(len(matrix)) if any(matrix[i]) or any(row[i] for row in matrix if i < len(row))]
    if not seen:
        nothing: Line = ((fmt.NONE + " no label yet", "dim"),)
        return [nothing] if rows > 0 else []
    names = [classes[i] if i < len(classes) else str(i) for i in seen]
    name = min(_NAME, max(5, *(text_width(one) for one in names)))
    if len(seen) + 3 <= rows and name + 2 + (_CELL + 1) * (len(seen) + 1) <= width:
        return _matrix([[matrix[i][j] for j in seen] for i in seen], names, name)
    return _pairs(matrix, seen, names, width, rows)


def _matrix(matrix: list[list[int]], names: list[str], name: int) -> list[Line]:
    """Counts; to the right which share of a label was found, below which share of a prediction was right."""
    head: list[Part] = [
        (pad("LABEL", name + 2), "dim"),
        *((pad(one, _CELL, ">") + " ", "dim") for one in names),
        (pad("found", _CELL, ">"), "dim"),
    ]
    out: list[Line] = [((" " * (name + 3) + cut("PREDICTED AS", _CELL * max(2, len(names))), "dim"),), tuple(head)]
    for i, row in enumerate(matrix):
        total = sum(row)
        parts: list[Part] = [(pad(names[i], name + 2), "text")]
        for j, count in enumerate(row):
            loud = i != j and total > 0 and count / total >= _LOUD
            role = "ok" if i == j else "warn" if loud else "text" if count else "faint"
            parts.append((pad(fmt.count(count), _CELL, ">") + " ", role, *(["b"] if i == j or loud else [])))
        parts.append((pad(fmt.ratio(row[i] / total) if total else fmt.NONE, _CELL, ">"), "dim"))
        out.append(tuple(parts))
    right = [(sum(row[j] for row in matrix), matrix[j][j]) for j in range(len(matrix))]
    shares = ((pad(fmt.ratio(hit / total) if total else fmt.NONE, _CELL, ">") + " ", "dim") for total, hit in right)
    return [*out, ((pad("right", name + 2), "dim"), *shares)]


def _pairs(matrix: Sequence[Sequence[int]], seen: list[int], names: list[str], width: int, rows: int) -> list[Line]:
    """The largest numbers beside the diagonal, as sentences."""
    faults = [
        (matrix[i][j], a, b) for a, i in enumerate(seen) for b, j in enumerate(seen) if i != j and j < len(matrix[i]) and matrix[i][j]
    ]
    faults.sort(key=lambda one: -one[0])
    total, wrong = sum(sum(row) for row in matrix), sum(count for count, _, _ in faults)
    out: list[Line] = [((cut(f"{len(seen)} classes, {fmt.count(wrong)} of {fmt.count(total)} rows taken for another", width), "dim"),)]
    for count, i, j in faults[: max(0, rows - 1)]:
        share = fmt.ratio(count / sum(matrix[seen[i]]))
        tail = f"  {share} of its rows" if width >= 60 else f"  {share}"
        half = max(6, (width - 12 - len(tail)) // 2)
        first: tuple[Part, ...] = ((pad(fmt.count(count), 6, ">") + "  ", "strong"), (cut(names[i], half), "text"))
        out.append((*first, (" as ", "dim"), (cut(names[j], half), "text"), (tail, "dim")))
    return out[:rows]
