"""Lines of text above the board, scrolled by keys; what help, explain and detail are made of."""

from __future__ import annotations

from collections.abc import Sequence
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

    def __init__(self, title: str, lines: Sequence[str | Text], *, ascii: bool = False) -> None:  # noqa: A002
        """Lines as they are, or with nothing but ASCII."""
        super().__init__()
        self._ascii = ascii
        self._title, self._lines = self._fit(clean(title)), [self._plain(line) for line in lines]

    def _fit(self, line: str) -> str:
        return in_ascii(line) if self._ascii else line

    def _plain(self, line: str | Text) -> str | Text:
        return self._fit(line) if isinstance(line, str) else line

    def compose(self) -> ComposeResult:
        """One box."""
        box = VerticalScroll(Static(self._text(), id="text"), classes="dialog wide" if self.wide else "dialog", can_focus=False)
        box.border_title = Text(self._title).markup
        box.border_subtitle = "esc closes"
        yield box

    def show(self, lines: Sequence[str | Text]) -> None:
        """Other lines: the thing that is shown has changed. A Text brings its own colours, and its own ASCII."""
        new = [self._plain(line) for line in lines]
        if new != self._lines:
            self._lines = new
            self.query_one("#text", Static).update(self._text())

    def _text(self) -> Text:
        return Text("\n").join(line if isinstance(line, Text) else Text(line) for line in self._lines)

    def action_scroll(self, by: int) -> None:
        """Move the text."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_dismiss_none(self) -> None:
        """Close."""
        self.dismiss(None)
