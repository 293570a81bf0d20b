"""Columns that fit: the least important leave first, names get what is left, nothing jumps while numbers move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from tui_monitor.ui.widgets.canvas import Canvas, pad


class Column(Struct, frozen=True):
    """One column: its head, its width, and how much it matters (0 stays always)."""

    name: str
    head: str
    width: int
    align: str = "<"
    keep: int = 0
    grow: bool = False  # takes what is left over


class Placed(NamedTuple):
    """Where a column came to stand."""

    x: int
    width: int
    align: str


Placing = dict[str, Placed]
"""Column's name -> its place; a column that did not fit is not in it."""


def place(columns: Sequence[Column], width: int, left: int = 0, gap: int = 2) -> Placing:
    """The columns that fit between `left` and `width`, by name, in their order."""
    kept = list(columns)
    while len(kept) > 1 and sum(column.width for column in kept) + gap * (len(kept) - 1) > width - left:
        leaves = max(kept, key=lambda column: column.keep)
        if leaves.keep == 0:
            break
        kept.remove(leaves)
    spare = max(0, width - left - sum(column.width for column in kept) - gap * (len(kept) - 1))
    growing = sum(column.grow for column in kept)
    placed: Placing = {}
    x = left
    for column in kept:
        own = column.width + (spare // growing if column.grow else 0)
        own = max(0, min(own, width - x))
        placed[column.name] = Placed(x, own, column.align)
        x += own + gap
    return placed


def heads(canvas: Canvas, y: int, columns: Sequence[Column], placed: Placing) -> None:
    """The line of column heads."""
    for column in columns:
        if column.name in placed:
            cell(canvas, y, placed, column.name, column.head, "dim")


def cell(canvas: Canvas, y: int, placed: Placing, name: str, text: str, role: str = "text", *, bold: bool = False) -> None:
    """One cell of a row, cut to its column; nothing where the column has left."""
    spot = placed.get(name)
    if spot is not None and spot.width > 0:
        canvas.put(
            spot.x, y, pad(text, spot.width, spot.align).rstrip() if spot.align == "<" else pad(text, spot.width, ">"), role, bold=bold
        )


def around(count: int, rows: int, selected: int | None) -> range:
    """Which of `count` lines to show in `rows`: from the top, moved only as far as the selected one needs."""
    if count <= rows or rows <= 0:
        return range(min(count, max(0, rows)))
    first = 0 if selected is None else max(0, selected - rows + 1)
    return range(first, first + rows)
