"""Take an alert with a comment and an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from tui_monitor.model import Acknowledge, Alert, clean
from tui_monitor.ui.widgets.canvas import in_ascii
from tui_monitor.ui.widgets.choice import Choice

MOST_NAMED = 6  # alerts; the others are counted
ENDS: tuple[tuple[str, float | None], ...] = (("as configured", None), ("15m", 900.0), ("1h", 3600.0), ("4h", 14400.0), ("8h", 28800.0))


class AckDialog(ModalScreen[Acknowledge | None]):
    """`A`: answers the command, None when it was cancelled. Enter in the comment is enough."""

    AUTO_FOCUS = "#comment"

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "cancel"), ("ctrl+s", "take", "acknowledge")]

    def __init__(self, alert: Alert, you: str, *, more: Sequence[Alert] = (), ascii: bool = False) -> None:  # noqa: A002
        """`more` are taken together with the alert."""
        super().__init__()
        self._alert, self._you, self._more, self._ascii = alert, you, tuple(more), ascii

    def compose(self) -> ComposeResult:
        """The alert, the comment, the end, and who holds it."""
        alert = self._alert
        held = next(
            (one.acknowledged for one in (alert, *self._more) if one.acknowledged is not None and one.acknowledged.by != self._you), None
        )
        said = f"{alert.severity} {alert.target} {alert.rule}\n{alert.summary}"
        if self._more:
            said = "\n".join(f"{one.severity} {one.target} {one.rule}" for one in (alert, *self._more)[:MOST_NAMED])
            said += f"\nand {len(self._more) + 1 - MOST_NAMED} more" if len(self._more) >= MOST_NAMED else ""
        box = VerticalScroll(classes="dialog", can_focus=False)
        many = f" {len(self._more) + 1} alerts" if self._more else ""
        box.border_title, box.border_subtitle = f"Acknowledge{many}", "enter acknowledges, tab moves, esc cancels"
        with box:
            yield Static(Text("\n".join(map(in_ascii, said.split("\n"))) if self._ascii else said))
            yield Static(Text(f"by {self._you or 'you'}; it wakes again when its severity rises"), classes="quiet")
            yield Input(placeholder="comment, for the colleagues on this host", id="comment", compact=True, max_length=200)
            yield Choice("for", [label for label, _ in ENDS], id="end")
            if held is not None:
                yield Choice(clean(f"{held.by} has {'some' if self._more else 'it'}:", 40), ["leave it there", "take over"], id="over")
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
        end_s = ENDS[self.query_one("#end", Choice).chosen][1]
        self.dismiss(Acknowledge(self._alert.id, comment, end_s, over, tuple(alert.id for alert in self._more)))

    def action_cancel(self) -> None:
        """Nothing happens."""
        self.dismiss(None)
