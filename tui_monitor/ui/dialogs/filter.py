"""The line in which a filter is typed; the board follows every letter."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Label


class Filter(ModalScreen[str]):
    """`/`: answers the filter; escape answers none."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "clear", "no filter")]

    def __init__(self, text: str, typed: Callable[[str], None]) -> None:
        super().__init__()
        self._text, self._typed = text, typed

    def compose(self) -> ComposeResult:
        """One line at the bottom."""
        with Horizontal(id="filter"):
            yield Label(" /")
            yield Input(self._text, placeholder="only lines with this text; !text hides them", compact=True, max_length=100)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another letter."""
        self._typed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """It stays."""
        self.dismiss(event.value)

    def action_clear(self) -> None:
        """It goes."""
        self.dismiss("")
