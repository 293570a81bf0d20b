"""Which model server the charts show."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList

from tui_monitor.model import Target


class ChooseTarget(ModalScreen[str | None]):
    """`t`: answers the name of the chosen target, None for no change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,t", "cancel", "cancel"),
        ("j", "down", "down"),
        ("k", "up", "up"),
    ]

    def __init__(self, targets: list[Target], chosen: str | None) -> None:
        super().__init__()
        self._targets, self._chosen = targets, chosen

    def compose(self) -> ComposeResult:
        """One list."""
        width = max((len(target.name) for target in self._targets), default=0)
        box = Vertical(
            OptionList(*(f"{target.name:<{width}}  {target.kind:<10}  {target.state}" for target in self._targets), markup=False),
            classes="dialog",
        )
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
