"""Which model server the charts show."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList

from tui_monitor.model import Target
from tui_monitor.ui import signs
from tui_monitor.ui.widgets.canvas import in_ascii, pad, text_width


class ChooseTarget(ModalScreen[str | None]):
    """`t`: answers the name of the chosen target, None for no change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,t", "cancel", "cancel"),
        ("j", "down", "down"),
        ("k", "up", "up"),
    ]

    def __init__(self, targets: list[Target], chosen: str | None, *, ascii: bool = False) -> None:  # noqa: A002
        super().__init__()
        self._targets, self._chosen, self._ascii = targets, chosen, ascii

    def compose(self) -> ComposeResult:
        """One list."""
        name = min(36, max((text_width(target.name) for target in self._targets), default=0))
        kind = min(16, max((text_width(target.kind) for target in self._targets), default=0))
        rows = (
            f"{signs.TARGET[target.state].glyph} {pad(target.name, name)}  {pad(target.kind, kind)}  {target.state}"
            for target in self._targets
        )
        box = Vertical(OptionList(*(in_ascii(row) if self._ascii else row for row in rows), markup=False), classes="dialog")
        box.border_title, box.border_subtitle = "Model server", "enter chooses, esc closes"
        yield box

    def on_mount(self) -> None:
        """Begin at the one that is shown now."""
        names = [target.name for target in self._targets]
        if self._chosen in names:
            self.query_one(OptionList).highlighted = names.index(self._chosen)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Chosen."""
        self.dismiss(self._targets[event.option_index].name)

    def action_cancel(self) -> None:
        """No change."""
        self.dismiss(None)

    def action_down(self) -> None:
        """As the arrow key."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """As the arrow key."""
        self.query_one(OptionList).action_cursor_up()
