"""A grid of cells that panes paint on: text, boxes, bars; clipped by cell width, never out of bounds, never an odd line.

A cell holds a character and its look: a role of the theme, bold or not, and a role for the background. What a terminal would count as two
cells takes two here; what could move the cursor or hide is dropped.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from rich.cells import get_character_cell_size

Part = str | tuple[str, ...]
"""A text, a text with a role, or a text with a role and "b" for bold."""

_PLAIN = {
    "✔": "v", "✖": "X", "▲": "!", "◆": "o", "◐": "~", "●": "*", "○": "o", "⊘": "/", "–": "-", "—": "-", "…": ".", "·": ".", "×": "x", "→": ">",
    "±": "~", "≥": ">", "≤": "<", "°": "C", "µ": "u", "◂": "<", "▸": ">", "▾": "v", "▴": "^", "▏": "|", "│": "|", "─": "-", "╭": "+", "╮": "+",
    "╰": "+", "╯": "+", "└": "+", "∞": "i", "✕": "x", "△": "^", "◇": "o", "⊖": "-", "•": "*", "╌": "-", "‖": "=", "“": '"', "”": '"', "’": "'", "┊": ":", "−": "-",
    "▁": "_", "▂": "_", "▃": "-", "▄": "=", "▅": "=", "▆": "#", "▇": "#", "█": "#", "░": ":", "━": "-",
}  # fmt: skip


class Look(NamedTuple):
    """How a cell is painted."""

    role: str
    bold: bool
    back: str | None


class Run(NamedTuple):
    """Neighbouring cells of one look."""

    text: str
    role: str
    bold: bool
    back: str | None


_BLANK = Look("text", False, None)  # noqa: FBT003


@lru_cache(maxsize=4096)
def cell_width(char: str) -> int:
    """Cells that a terminal gives to a character: 0 for marks, 2 for wide ones. Ambiguous ones count as 1."""
    # The table that the terminal's shadow counts with too: two opinions on one character would shift the rest of its line.
    return 1 if ord(char) < 0x300 else get_character_cell_size(char)


@lru_cache(maxsize=4096)
def _shown(char: str) -> str:
    """The character as it may go to a terminal; "" for one that must not."""
    category = unicodedata.category(char)
    if category in {"Cc", "Zl", "Zp", "Zs"}:
        return " "
    if category in {"Cf", "Me"} or 0xFE00 <= ord(char) <= 0xFE0F:
        return ""
    return "?" if category in {"Cs", "Cn", "Co"} else char


@lru_cache(maxsize=4096)
def _ascii(char: str) -> str:
    """The character, or what stands for it where only ASCII is safe; as wide as it was."""
    if char.isascii():
        return char
    if char in _PLAIN:
        return _PLAIN[char]
    width = cell_width(char)
    base = unicodedata.normalize("NFKD", char)[0]
    return base if width == 1 and base.isascii() and base.isprintable() else "?" * width


def in_ascii(text: str) -> str:
    """The text with nothing but ASCII, as wide as it was."""
    return text if text.isascii() else "".join(_ascii(char) for char in text if cell_width(char))


def text_width(text: str) -> int:
    """Cells that a text takes."""
    return len(text) if text.isascii() else sum(cell_width(char) for char in text)


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, with an ellipsis where something is left out."""
    if text_width(text) <= width:
        return text
    if width <= 0:
        return ""
    kept, used = [], 0
    for char in text:
        used += cell_width(char)
        if used > width - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def pad(text: str, width: int, align: str = "<") -> str:
    """The text in exactly `width` cells, cut or filled."""
    text = cut(text, width)
    blank = " " * (width - text_width(text))
    return blank + text if align == ">" else text + blank


def wrap(text: str, width: int, lines: int) -> list[str]:
    """The text in at most `lines` lines of `width` cells, broken between words; the last one is cut."""
    if width <= 0 or lines <= 0:
        return []
    out: list[str] = []
    line = ""
    words = text.split()
    for index, word in enumerate(words):
        longer = f"{line} {word}" if line else word
        if line and text_width(longer) > width:
            if len(out) == lines - 1:
                return [*out, cut(" ".join([line, *words[index:]]), width)]
            out.append(cut(line, width))
            line = word
        else:
            line = longer
    return [*out, cut(line, width)] if line else out


class Canvas:
    """A grid of `width` x `height` cells. `part` gives a clipped window onto the same cells with its own origin."""

    def __init__(self, width: int, height: int, *, ascii: bool = False) -> None:  # noqa: A002
        """A blank grid; with `ascii` nothing but ASCII is ever painted."""
        self.width, self.height, self.ascii = max(0, width), max(0, height), ascii
        self._left = self._top = 0
        self._chars = [[" "] * self.width for _ in range(self.height)]
        self._looks: list[list[Look]] = [[_BLANK] * self.width for _ in range(self.height)]
        self._backed: set[int] = set()  # rows that have a background somewhere

    def part(self, x: int, y: int, width: int, height: int) -> Canvas:
        """A window of at most that size; what is painted outside of it is dropped."""
        x, y = min(max(0, x), self.width), min(max(0, y), self.height)
        window = Canvas.__new__(Canvas)
        window.width, window.height = max(0, min(width, self.width - x)), max(0, min(height, self.height - y))
        window.ascii, window._left, window._top = self.ascii, self._left + x, self._top + y  # noqa: SLF001
        window._chars, window._looks, window._backed = self._chars, self._looks, self._backed  # noqa: SLF001
        return window

    def put(self, x: int, y: int, text: str, role: str = "text", *, bold: bool = False, back: str | None = None) -> int:
        """Paint a text; returns the column behind it. Without `back` the background that is there stays."""
        easy = text.isascii() and text.isprintable()
        if not 0 <= y < self.height:
            return x + text_width(text)
        if easy:
            end = x + len(text)
            left, right = max(0, x), min(self.width, end)
            if left < right:
                self._lay(left, y, list(text[left - x : right - x]), Look(role, bold, back))
            return end
        cells: list[str] = []
        for char in text:
            shown = _ascii(_shown(char)) if self.ascii and _shown(char) else _shown(char)
            width = sum(map(cell_width, shown))
            if not shown:
                continue
            if width == 0:
                if cells and cells[-1] and len(cells[-1]) < 3:
                    cells[-1] += shown
            elif len(shown) == 2:  # an ASCII stand-in for a wide character
                cells.extend(shown)
            else:
                cells.append(shown)
                if width == 2:
                    cells.append("")
        end = x + len(cells)
        left, right = max(0, x), min(self.width, end)
        if left < right:
            kept = cells[left - x : right - x]
            if kept[0] == "":
                kept[0] = " "
            if cell_width(kept[-1][:1] or " ") == 2:
                kept[-1] = " "
            self._lay(left, y, kept, Look(role, bold, back))
        return end

    def _lay(self, x: int, y: int, cells: list[str], look: Look) -> None:
        row, chars, looks = self._top + y, self._chars[self._top + y], self._looks[self._top + y]
        left, right = self._left + x, self._left + x + len(cells)
        if chars[left] == "" and left > 0:
            chars[left - 1] = " "
        if right < len(chars) and chars[right] == "":
            chars[right] = " "
        chars[left:right] = cells
        if look.back is not None:
            self._backed.add(row)
        if look.back is None and row in self._backed:
            looks[left:right] = [Look(look.role, look.bold, old.back) for old in looks[left:right]]
        else:
            looks[left:right] = [look] * len(cells)

    def run(self, x: int, y: int, *parts: Part) -> int:
        """Paint parts one behind the other; returns the column behind the last."""
        for part in parts:
            x = self.put(x, y, part) if isinstance(part, str) else self.put(x, y, part[0], part[1], bold=len(part) == 3)
        return x

    def band(self, y: int, role: str = "band") -> None:
        """Give a whole line a background; what is painted later keeps it."""
        if 0 <= y < self.height:
            self._lay(0, y, [" "] * self.width, Look("text", False, role)) if self.width else None  # noqa: FBT003

    def box(self, *, key: str = "", title: str = "", right: str = "", focus: bool = False) -> Canvas:
        """A rounded frame around the whole canvas with a title and a quiet remark; returns what is inside."""
        width, height = self.width, self.height
        role = "key" if focus else "line"
        self.put(0, 0, "╭" + "─" * (width - 2) + "╮", role)
        for y in range(1, height - 1):
            self.put(0, y, "│", role)
            self.put(width - 1, y, "│", role)
        self.put(0, height - 1, "╰" + "─" * (width - 2) + "╯", role)
        edge = self.run(2, 0, " ", (key, "key", "b"), " ", (cut(title, width - 9), "strong", "b"), " ") if width > 12 else 2
        room = width - edge - 6
        if right and room >= 6:
            right = cut(right, room)
            self.run(width - 4 - text_width(right), 0, " ", (right, "dim"), " ")
        return self.part(2, 1, width - 4, height - 2)

    def bar(self, x: int, y: int, width: int, share: float | None, role: str = "chart") -> int:
        """A thin bar of `width` cells, filled to `share` (0..1) in half cells; returns the column behind it. None leaves only the line."""
        halves = round(min(1.0, max(0.0, share or 0.0)) * width * 2)
        if share and share > 0:
            halves = max(1, halves)
        whole, half = divmod(halves, 2)
        full, part, empty = ("#", "=", ".") if self.ascii else ("━", "╸", "─")
        self.put(x, y, full * whole + part * half, role)
        self.put(x + whole + half, y, empty * (width - whole - half), "faint")
        return x + width

    def rows(self) -> list[list[Run]]:
        """The lines as runs; the texts of a line together are exactly `width` cells."""
        out: list[list[Run]] = []
        for y in range(self._top, self._top + self.height):
            span = slice(self._left, self._left + self.width)
            line: list[Run] = []
            at = 0
            chars = self._chars[y][span]
            for look, group in groupby(self._looks[y][span]):
                length = sum(1 for _ in group)
                line.append(Run("".join(chars[at : at + length]), *look))
                at += length
            out.append(line)
        return out

    def lines(self) -> Sequence[str]:
        """The lines as bare text."""
        return ["".join(run.text for run in row) for row in self.rows()]
