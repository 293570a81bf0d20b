"""A line for the journal of an alert."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui_monitor.model import AddNote, Alert
from tui_monitor.ui.widgets.canvas import in_ascii


class NoteDialog(ModalScreen[AddNote | None]):
    """`n`: answers the command, None when nothing is to be written."""

    AUTO_FOCUS = "#note"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "cancel")]

    def __init__(self, alert: Alert, *, ascii: bool = False) -> None:  # noqa: A002
        super().__init__()
        self._alert, self._ascii = alert, ascii

    def compose(self) -> ComposeResult:
        """The alert and one line."""
        said = f"{self._alert.severity} {self._alert.target} {self._alert.rule}\n{self._alert.summary}"
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            box.border_title, box.border_subtitle = "Note", "enter writes it down, esc cancels"
            yield Static(Text(in_ascii(said) if self._ascii else said))
            yield Input(placeholder="what you saw or did; everybody on this host can read it", id="note", compact=True, max_length=500)
            yield Static("", id="said", classes="quiet")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        if event.value.strip():
            self.dismiss(AddNote(self._alert.id, event.value.strip()))
        else:
            self.query_one("#said", Static).update("an empty note says nothing")

    def action_cancel(self) -> None:
        """Nothing is written."""
        self.dismiss(None)
