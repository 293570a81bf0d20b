"""Which model server or prediction log Performance shows."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList

from tui_monitor.model import Quality, Target
from tui_monitor.ui import signs
from tui_monitor.ui.panes import written
from tui_monitor.ui.panes.performance import Shown
from tui_monitor.ui.widgets.canvas import in_ascii, pad, text_width


class ChooseTarget(ModalScreen[Shown | None]):
    """`t`: answers what is chosen, None for no change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,t", "cancel", "cancel"),
        ("j", "down", "down"),
        ("k", "up", "up"),
    ]

    def __init__(self, targets: list[Target], of_logs: list[Quality], chosen: Shown | None, *, ascii: bool = False) -> None:  # noqa: A002
        super().__init__()
        self._targets, self._logs, self._chosen, self._ascii = targets, of_logs, chosen, ascii
        self._names = [*(Shown("target", target.name) for target in targets), *(Shown("log", log.name) for log in of_logs)]

    def compose(self) -> ComposeResult:
        """One list: the servers, then the logs."""
        name = min(36, max((text_width(one.name) for one in self._names), default=0))
        rows: list[tuple[str, str, str, str]] = [
            (signs.TARGET[target.state].glyph, target.name, target.kind, target.state) for target in self._targets
        ]
        rows += [(signs.QUALITY[log.state].glyph, log.name, f"log, {log.task}" if log.task else "log", log.state) for log in self._logs]
        kind = min(16, max((text_width(row[2]) for row in rows), default=0))
        texts = (f"{glyph} {pad(written.short(what, name), name)}  {pad(of, kind)}  {state}" for glyph, what, of, state in rows)
        box = Vertical(OptionList(*(in_ascii(row) if self._ascii else row for row in texts), markup=False), classes="dialog")
        box.border_title, box.border_subtitle = "Model server or prediction log", "enter chooses, esc closes"
        yield box

    def on_mount(self) -> None:
        """Begin at the one that is shown now."""
        if self._chosen in self._names:
            self.query_one(OptionList).highlighted = self._names.index(self._chosen)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Chosen."""
        self.dismiss(self._names[event.option_index])

    def action_cancel(self) -> None:
        """No change."""
        self.dismiss(None)

    def action_down(self) -> None:
        """As the arrow key."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """As the arrow key."""
        self.query_one(OptionList).action_cursor_up()
