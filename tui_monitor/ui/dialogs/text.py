"""Lines of text above the board, scrolled by keys; what help, explain and detail are made of."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui_monitor.model import clean
from tui_monitor.ui.widgets.canvas import in_ascii


class TextDialog(ModalScreen[None]):
    """A title and lines; any of its keys closes it. The lines are shown as they are, never parsed as markup."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,enter,question_mark,e", "dismiss_none", "close"),
        ("down,j", "scroll(1)", "down"),
        ("up,k", "scroll(-1)", "up"),
        ("pagedown,space", "scroll(10)", "page down"),
        ("pageup", "scroll(-10)", "page up"),
    ]

    wide: ClassVar[bool] = False

    def __init__(self, title: str, lines: list[str], *, ascii: bool = False) -> None:  # noqa: A002
        """Lines as they are, or with nothing but ASCII."""
        super().__init__()
        self._ascii = ascii
        self._title, self._lines = self._fit(clean(title)), [self._fit(line) for line in lines]

    def _fit(self, line: str) -> str:
        return in_ascii(line) if self._ascii else line

    def compose(self) -> ComposeResult:
        """One box."""
        box = VerticalScroll(
            Static(Text("\n".join(self._lines)), id="text"), classes="dialog wide" if self.wide else "dialog", can_focus=False
        )
        box.border_title = Text(self._title).markup
        box.border_subtitle = "esc closes"
        yield box

    def show(self, lines: list[str]) -> None:
        """Other lines: the thing that is shown has changed."""
        lines = [self._fit(line) for line in lines]
        if lines != self._lines:
            self._lines = lines
            self.query_one("#text", Static).update(Text("\n".join(lines)))

    def action_scroll(self, by: int) -> None:
        """Move the text."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_dismiss_none(self) -> None:
        """Close."""
        self.dismiss(None)
