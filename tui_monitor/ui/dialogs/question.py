"""A question that is answered with yes or no before something is done."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui_monitor.model import clean
from tui_monitor.ui.widgets.canvas import in_ascii


class Question(ModalScreen[bool]):
    """Answers True only for enter or y; every other way out is no."""

    AUTO_FOCUS = "#yes"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("y,enter", "answer(True)", "yes"),
        ("escape,n,q", "answer(False)", "no"),
    ]

    def __init__(self, title: str, lines: list[str], yes: str, *, ascii: bool = False) -> None:  # noqa: A002
        """`yes` is the word on the button: what will be done."""
        super().__init__()
        self._title, self._yes = clean(title), yes
        self._lines = [in_ascii(clean(line, 300)) if ascii else clean(line, 300) for line in lines]

    def compose(self) -> ComposeResult:
        """The lines, and two buttons."""
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            box.border_title, box.border_subtitle = Text(self._title).markup, "enter or y: yes, esc or n: no"
            yield Static(Text("\n".join(self._lines)), classes="story")
            with Horizontal():
                yield Button(self._yes, id="yes", compact=True)
                yield Button("no", id="no", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:  # noqa: FBT001 - how Textual hands it over
        """A key."""
        self.dismiss(yes)
