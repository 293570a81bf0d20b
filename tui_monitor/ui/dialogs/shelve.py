"""Put an alert out of sight for a while."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui_monitor.model import Alert, Shelve
from tui_monitor.ui.widgets.canvas import in_ascii
from tui_monitor.ui.widgets.choice import Choice

ENDS: tuple[tuple[str, float], ...] = (("15m", 900.0), ("1h", 3600.0), ("4h", 14400.0), ("8h", 28800.0), ("1d", 86400.0))


class ShelveDialog(ModalScreen[Shelve | None]):
    """`l`: answers the command, None when it was cancelled."""

    AUTO_FOCUS = "#comment"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "cancel"), ("ctrl+s", "take", "shelve")]

    def __init__(self, alert: Alert, *, ascii: bool = False) -> None:  # noqa: A002
        super().__init__()
        self._alert, self._ascii = alert, ascii

    def compose(self) -> ComposeResult:
        """The alert, the comment and the end."""
        said = f"{self._alert.severity} {self._alert.target} {self._alert.rule}\n{self._alert.summary}"
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            box.border_title, box.border_subtitle = "Shelve", "enter shelves, tab moves, esc cancels"
            yield Static(Text(in_ascii(said) if self._ascii else said))
            yield Static("out of sight until then, and still counted; it comes back when its severity rises", classes="quiet")
            yield Input(placeholder="comment", id="comment", compact=True, max_length=200)
            yield Choice("for", [label for label, _ in ENDS], id="end")

    def on_mount(self) -> None:
        """An hour, unless said otherwise."""
        self.query_one("#end", Choice).chosen = 1

    def on_input_submitted(self) -> None:
        """Enter in the comment."""
        self.action_take()

    def action_take(self) -> None:
        """Answer the command."""
        self.dismiss(
            Shelve(self._alert.id, ENDS[self.query_one("#end", Choice).chosen][1], self.query_one("#comment", Input).value.strip())
        )

    def action_cancel(self) -> None:
        """Nothing happens."""
        self.dismiss(None)
