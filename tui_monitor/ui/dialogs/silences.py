"""The silences that are in force, those that end soonest first."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList

from tui_monitor.model import Frame, Silence
from tui_monitor.ui import format as fmt
from tui_monitor.ui import others
from tui_monitor.ui.widgets.canvas import in_ascii, pad, text_width


def in_force(frame: Frame) -> list[Silence]:
    """Those that hide something, or could, at the moment of the frame."""
    return [silence for silence in others.silences(frame) if silence.expired_at is None and silence.at <= frame.at < silence.until]


class SilencesDialog(ModalScreen[Silence | None]):
    """`S`: answers the silence that is to be ended, None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,S", "cancel", "cancel"),
        ("j", "move(1)", "down"),
        ("k", "move(-1)", "up"),
        ("x", "take", "end it"),
    ]

    def __init__(self, frame: Frame, *, ascii: bool = False) -> None:  # noqa: A002
        super().__init__()
        self._silences, self._now, self._ascii = in_force(frame), frame.at, ascii

    def compose(self) -> ComposeResult:
        """One list: how long it lasts, who, what and why."""
        who = min(26, max(10, *(text_width(others.silencer(silence)) for silence in self._silences)))
        rows = (
            f"{fmt.age((silence.until - self._now).total_seconds()):>5} left  {pad(others.silencer(silence), who)}  {silence.match or silence.source}  {silence.comment}"
            for silence in self._silences
        )
        box = Vertical(OptionList(*(in_ascii(row) if self._ascii else row for row in rows), markup=False), classes="dialog wide")
        box.border_title, box.border_subtitle = "Silences", "x or enter ends one, esc closes"
        yield box

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter."""
        self.dismiss(self._silences[event.option_index])

    def action_take(self) -> None:
        """`x`."""
        at = self.query_one(OptionList).highlighted
        if at is not None:
            self.dismiss(self._silences[at])

    def action_move(self, by: int) -> None:
        """As the arrow keys."""
        listed = self.query_one(OptionList)
        if by > 0:
            listed.action_cursor_down()
        else:
            listed.action_cursor_up()

    def action_cancel(self) -> None:
        """None."""
        self.dismiss(None)
