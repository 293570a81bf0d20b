"""Take an alert with a comment and an end."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from tui_monitor.model import Acknowledge, Alert, clean
from tui_monitor.ui.widgets.choice import Choice

ENDS: tuple[tuple[str, float | None], ...] = (("as configured", None), ("15m", 900.0), ("1h", 3600.0), ("4h", 14400.0), ("8h", 28800.0))


class AckDialog(ModalScreen[Acknowledge | None]):
    """`A`: answers the command, None when it was cancelled. Enter in the comment is enough."""

    AUTO_FOCUS = "#comment"

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "cancel"), ("ctrl+s", "take", "acknowledge")]

    def __init__(self, alert: Alert, you: str) -> None:
        super().__init__()
        self._alert, self._you = alert, you

    def compose(self) -> ComposeResult:
        """The alert, the comment, the end, and who holds it."""
        alert, held = self._alert, self._alert.acknowledged
        box = Vertical(classes="dialog")
        box.border_title, box.border_subtitle = "Acknowledge", "enter acknowledges, tab moves, esc cancels"
        with box:
            yield Static(Text(f"{alert.severity} {alert.target} {alert.rule}\n{alert.summary}"))
            yield Static(Text(f"by {self._you or 'you'}; it wakes again when its severity rises"), classes="quiet")
            yield Input(placeholder="comment, for the colleagues on this host", id="comment", compact=True, max_length=200)
            yield Choice("for", [label for label, _ in ENDS], id="end")
            if held is not None and held.by != self._you:
                yield Choice(clean(f"{held.by} has it:", 40), ["leave it there", "take it over"], id="over")
            with Horizontal():
                yield Button("acknowledge", id="take", compact=True)
                yield Button("cancel", id="cancel", compact=True)

    def on_input_submitted(self) -> None:
        """Enter in the comment."""
        self.action_take()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        if event.button.id == "take":
            self.action_take()
        else:
            self.action_cancel()

    def action_take(self) -> None:
        """Answer the command."""
        over = any(choice.chosen for choice in self.query("#over").results(Choice))
        comment = self.query_one("#comment", Input).value.strip()
        self.dismiss(Acknowledge(self._alert.id, comment, ENDS[self.query_one("#end", Choice).chosen][1], over))

    def action_cancel(self) -> None:
        """Nothing happens."""
        self.dismiss(None)
