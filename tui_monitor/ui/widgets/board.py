"""The one live widget: shows the rows of a canvas; a row that is the same stays the same object all the way to the terminal."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui_monitor.ui.theme import Theme
from tui_monitor.ui.widgets.canvas import Run


class Board(Widget, can_focus=True):
    """Lines in, strips out."""

    class Clicked(Message):
        """Somebody pressed the mouse on a cell of the board."""

        def __init__(self, x: int, y: int) -> None:
            super().__init__()
            self.x, self.y = x, y

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: list[list[Run]] = []
        self._strips: list[Strip] = []
        self._look: Theme | None = None

    def show(self, rows: list[list[Run]], look: Theme, direct: Callable[[list[tuple[int, int, Strip]]], bool]) -> None:
        """Show these rows; nothing is drawn when they are what is shown.

        Args:
            rows: of the canvas, all of the same width.
            look: the theme that says what a role looks like.
            direct: draws strips (column, row, strip) at once and returns True, when nothing is above the board; else Textual draws them.
        """
        same = look is self._look and len(rows) == len(self._rows)
        changed = [y for y, row in enumerate(rows) if not same or row != self._rows[y]]
        if not changed:
            return
        width = self.size.width
        old = self._strips if same else [Strip.blank(0)] * len(rows)
        self._strips = [*old]
        for y in changed:
            self._strips[y] = Strip([Segment(run.text, look.style(run.role, run.bold, run.back)) for run in rows[y]])
        self._rows, self._look = rows, look
        if direct([(0, y, self._strips[y]) for y in changed]):
            return
        if len(changed) == len(rows):
            self.refresh()
        else:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def render_lines(self, crop: Region) -> list[Strip]:
        """See Widget; without its cache of styled lines, which would not know what was drawn directly, and which has nothing to style here."""
        lines = [self.render_line(y) for y in range(crop.y, crop.bottom)]
        return lines if crop.x == 0 and crop.width >= self.size.width else [line.crop(crop.x, crop.right) for line in lines]

    def render_line(self, y: int) -> Strip:
        """See Widget."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Tell the app where."""
        self.post_message(self.Clicked(event.x, event.y))
