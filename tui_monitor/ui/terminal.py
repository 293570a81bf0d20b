"""Only cells that changed go to the terminal.

Textual rewrites whole rows of a widget whenever one cell of it changes: 8 to 50 kB a second for a dashboard. `Shadow` keeps what the terminal
shows and turns every update of the compositor into the shortest runs of cells that differ, a few hundred bytes. It also decides what a colour
is on this terminal, so that no colour at all is a property of the wire and not of some stylesheet.

Relies on two classes of Textual 8 that are not public: `LayoutUpdate(strips, region)` and `ChopsUpdate(chops, spans, chop_ends)`;
`tests/ui/test_diff.py` compares the resulting screens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.strip import Strip

PENS_MAX = 20_000
GAP_MAX = 4  # cells that cost less to repeat than to jump over


class Cell(NamedTuple):
    """A character (with its combining marks) and its pen. A wide character is followed by a HALF."""

    text: str
    pen: int


HALF = Cell("", -1)  # the right half of a wide character
UNSEEN = Cell("", -2)  # nobody knows what the terminal shows there


class _Ink(dict[str, Cell]):
    """Character -> its one cell of this pen, so that equal cells are the same object and rows compare fast."""

    def __init__(self, pen: int, blank: int) -> None:
        super().__init__({" ": Cell(" ", blank)})
        self._pen = pen

    def __missing__(self, char: str) -> Cell:
        cell = self[char] = Cell(char, self._pen)
        return cell


class Look(NamedTuple):
    """What a pen is made of, as SGR parameters."""

    marks: frozenset[str] = frozenset()  # bold, underline ...
    fore: str = ""
    back: str = ""


PLAIN = Look()
_OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29", "21": "24", "53": "55"}


def look_of(codes: str) -> Look:
    """SGR parameters as Rich writes them, taken apart."""
    marks, fore, back = set(), "", ""
    words = iter(codes.split(";") if codes else ())
    for word in words:
        number = int(word)
        if number in {38, 48}:
            kind = next(words)
            colour = ";".join([word, kind, *(next(words) for _ in range(1 if kind == "5" else 3))])
            fore, back = (colour, back) if number == 38 else (fore, colour)
        elif 30 <= number <= 37 or 90 <= number <= 97:
            fore = word
        elif 40 <= number <= 47 or 100 <= number <= 107:
            back = word
        elif number not in {39, 49}:
            marks.add(word)
    return Look(frozenset(marks), fore, back)


def change(before: Look, after: Look) -> str:
    """The shortest sequence that takes a terminal from one look to another."""
    gone = before.marks - after.marks
    new = after.marks - before.marks
    fresh = ["0", *sorted(after.marks), after.fore, after.back]
    off = {_OFF.get(mark, "0") for mark in gone}
    step = [*sorted(off), *sorted(new)]
    if "22" in off:
        step += sorted(after.marks & {"1", "2"})  # one code ends both
    step += [after.fore or "39"] if after.fore != before.fore else []
    step += [after.back or "49"] if after.back != before.back else []
    reset, walk = (";".join(part for part in way if part) for way in (fresh, step))
    if "0" in off or len(reset) < len(walk):
        return "\x1b[m" if reset == "0" else f"\x1b[{reset}m"
    return f"\x1b[{walk}m"


class Pens:
    """Numbers for looks: two styles that the terminal cannot tell apart have one number. Pen 0 is the terminal's own."""

    def __init__(self, system: ColorSystem | None) -> None:
        """`system` None: no colour; bold, underline and reverse stay."""
        self._system = system
        self._by_style: dict[tuple[Style, bool], int] = {}
        self._by_look: dict[Look, int] = {PLAIN: 0}
        self._looks: list[Look] = [PLAIN]
        self._changes: dict[tuple[int, int], str] = {}

    def pen(self, style: Style | None, *, blank: bool) -> int:
        """The pen of a style; a blank cell shows neither foreground nor bold, so those make no difference there."""
        if style is None:
            return 0
        known = self._by_style.get((style, blank))
        return self._new(style, blank=blank) if known is None else known

    def _new(self, style: Style, *, blank: bool) -> int:
        shown = style.update_link(None) if style.link else style
        if blank and not (shown.reverse or shown.underline or shown.strike or shown.underline2 or shown.overline):
            shown = shown.background_style
        if self._system is None:
            shown = shown.without_color
        rendered = shown.render("x", color_system=self._system or ColorSystem.STANDARD)
        look = look_of(rendered[2 : rendered.index("m")] if rendered.startswith("\x1b[") else "")
        if look not in self._by_look:
            self._by_look[look] = len(self._looks)
            self._looks.append(look)
        if len(self._by_style) >= PENS_MAX:  # gradients, themes tried one after the other
            self._by_style.clear()
        number = self._by_style[style, blank] = self._by_look[look]
        return number

    def change(self, before: int, after: int) -> str:
        """The sequence that takes the terminal from one pen to another."""
        known = self._changes.get((before, after))
        if known is None:
            if len(self._changes) >= PENS_MAX:
                self._changes.clear()
            known = self._changes[before, after] = change(self._looks[before], self._looks[after])
        return known


class Shadow:
    """What the terminal shows, cell by cell."""

    def __init__(self, system: ColorSystem | None = ColorSystem.TRUECOLOR) -> None:
        self._pens = Pens(system)
        self._size = (0, 0)
        self._rows: list[list[Cell]] = []
        self._drawn: list[dict[int, Strip]] = []  # row -> column -> the strip that stands there unbroken
        self._inks: dict[int, _Ink] = {}
        self._pen: int | None = None  # what the last update left; None: nobody knows

    def forget(self) -> None:
        """The terminal may show anything now: after a resize, after the shell had it, after a suspension."""
        self._size, self._pen = (0, 0), None

    def update(self, update: LayoutUpdate | ChopsUpdate, size: tuple[int, int]) -> str:
        """The sequences that bring the terminal from what it shows to what the update says; "" when that is the same.

        Args:
            update: of Textual's compositor.
            size: columns and rows of the terminal; a new one makes everything unseen.
        """
        pieces = layout_pieces(update) if isinstance(update, LayoutUpdate) else chops_pieces(update)
        return self.draw(pieces, size)

    def draw(self, pieces: Iterable[tuple[int, int, Strip]], size: tuple[int, int]) -> str:
        """Like `update`, for strips with their column and row, in any order that covers what changed."""
        if size != self._size:
            self._size = size
            self._rows = [[UNSEEN] * size[0] for _ in range(size[1])]
            self._drawn = [{} for _ in range(size[1])]
        out = _Pencil(self._pens, self._pen)
        for x, y, strip in pieces:
            if not 0 <= y < size[1] or not 0 <= x < size[0]:
                continue
            if self._drawn[y].get(x) is not strip:
                self._lay(x, y, strip, out)
        self._pen = out.pen
        return out.text()

    def _lay(self, x: int, y: int, strip: Strip, out: _Pencil) -> None:
        row, known = self._rows[y], self._drawn[y]
        new = self.cells_of(strip)[: len(row) - x]
        end = x + len(new)
        # A strip that this one covers, even in part, must be drawn again when it returns: its identity proves nothing any longer.
        for other in [k for k, v in known.items() if k < end and k + v.cell_length > x]:
            del known[other]
        known[x] = strip
        old = row[x:end]
        if old == new or not new:
            return
        if end == len(row) and new[-1] is not HALF and not _narrow(new[-1]):
            new[-1] = Cell(" ", new[-1].pen)  # half of it would stand outside
        # Writing over one half of a wide character blanks its other half on the terminal: write that blank ourselves, so that we know its look.
        if x > 0 and old[0] is HALF and new[0] is not HALF:
            row[x - 1] = Cell(" ", row[x - 1].pen)
            out.put(x - 1, y, [row[x - 1]], [UNSEEN], row)
        row[x:end] = new
        out.put(x, y, new, old, row)
        if end < len(row) and row[end] is HALF and (new[-1] is HALF or _narrow(new[-1])):
            lead = new[-2] if new[-1] is HALF and len(new) > 1 else new[-1]
            row[end] = Cell(" ", max(0, lead.pen))  # its own first half was written over
            out.put(end, y, [row[end]], [UNSEEN], row)

    def cells_of(self, strip: Strip) -> list[Cell]:
        """The strip, cell by cell."""
        cells: list[Cell] = []
        for text, style, control in strip:
            if control:
                continue
            ink = self._ink(style)
            if text.isascii() and text.isprintable():
                cells += [ink[char] for char in text]
                continue
            for char in text:
                width = get_character_cell_size(char)
                if char < " " or "\x7f" <= char < "\xa0":
                    cells.append(ink[" "])  # a control character that slipped through must not reach the terminal
                elif width:
                    cells.append(ink[char])
                    if width == 2:
                        cells.append(HALF)
                else:
                    owner = -2 if cells and cells[-1] is HALF else -1
                    if len(cells) >= -owner and len(cells[owner].text) < 4:
                        cells[owner] = Cell(cells[owner].text + char, cells[owner].pen)
        return cells

    def _ink(self, style: Style | None) -> _Ink:
        pen = self._pens.pen(style, blank=False)
        if pen not in self._inks:
            self._inks[pen] = _Ink(pen, self._pens.pen(style, blank=True))
        return self._inks[pen]


def _narrow(cell: Cell) -> bool:
    return bool(cell.text) and get_character_cell_size(cell.text[0]) == 1


class _Pencil:
    """Collects the output of one update: where the cursor stands, and with which pen."""

    def __init__(self, pens: Pens, pen: int | None) -> None:
        self._pens = pens
        self._out: list[str] = []
        self.pen = pen
        self._at: tuple[int, int] | None = None  # column, row; None: nobody knows

    def put(self, x: int, y: int, new: Sequence[Cell], old: Sequence[Cell], row: Sequence[Cell]) -> None:
        """Write the cells that differ. `row` is the whole row as it will be."""
        for i, cell in enumerate(new):
            if cell is HALF or cell == old[i]:
                continue
            self._move(x + i, y, row)
            self._ink(cell.pen)
            self._out.append(cell.text)
            wide = i + 1 < len(new) and new[i + 1] is HALF
            # Terminals disagree about the width of what is not plain: after such a character the cursor is told where it is.
            sure = cell.text.isascii() or (len(cell.text) == 1 and not wide and cell.text < "\u2e80")
            self._at = (x + i + 1, y) if sure else None

    def _ink(self, pen: int) -> None:
        if self.pen is None:
            self._out.append("\x1b[m")
            self.pen = 0
        if pen != self.pen:
            self._out.append(self._pens.change(self.pen, pen))
            self.pen = pen

    def _move(self, x: int, y: int, row: Sequence[Cell]) -> None:
        if self._at == (x, y):
            return
        if self._at is not None and self._at[1] == y and (gap := x - self._at[0]) > 0:
            between = row[self._at[0] : x]
            if gap <= GAP_MAX and all(cell.pen == self.pen and cell.text.isascii() and cell.text for cell in between):
                self._out.append("".join(cell.text for cell in between))
            else:
                self._out.append(f"\x1b[{gap}C" if gap > 1 else "\x1b[C")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H")

    def text(self) -> str:
        """What was collected."""
        return "".join(self._out)


def layout_pieces(update: LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    """The strips of a full update with their place."""
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield x, y, strip
            x += strip.cell_length


def chops_pieces(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """The strips of a partial update. Only those that touch a dirty span count: the others hold what happened to be rendered."""
    chops: Sequence[Mapping[int, Strip | None]] = update.chops
    for y, x1, x2 in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], chops[y].items(), strict=False):
            if strip is not None and x < x2 and end > x1:
                yield x, y, strip
