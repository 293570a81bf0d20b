"""Everything about one prediction log; it follows the log while it is open."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from tui_monitor.model import Frame, Quality
from tui_monitor.ui.dialogs.text import TextDialog
from tui_monitor.ui.panes import logs
from tui_monitor.ui.panes.quality_detail import of_log
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.theme import Theme
from tui_monitor.ui.view import View


class LogDetail(TextDialog):
    """`enter` on a prediction log."""

    wide = True

    def __init__(
        self,
        log: Quality,
        latest: Callable[[], Frame | None],
        view: View,
        look: Theme,
        *,
        width: int,
        ascii: bool = False,  # noqa: A002
    ) -> None:
        """`latest` is the frame that the board shows; `look` gives the colours."""
        super().__init__(log.name, [], ascii=ascii)
        self._log, self._latest, self._view, self._look, self._width = log, latest, view, look, width

    def on_mount(self) -> None:
        """Say what the frame knows at once, and follow."""
        self._again()
        self.set_interval(1.0, self._again)

    def _again(self) -> None:
        frame = self._latest()
        if frame is None:
            return
        self._log = next((log for log in logs.every(frame) if log.name == self._log.name), self._log)
        self.show([self._painted(line) for line in of_log(frame, self._log, self._view, self._width)])

    def _painted(self, line: Line) -> Text:
        parts = [(part, "text") if isinstance(part, str) else part for part in line]
        return Text.assemble(*((self._fit(part[0]), self._look.style(part[1], len(part) == 3, None)) for part in parts), no_wrap=True)
