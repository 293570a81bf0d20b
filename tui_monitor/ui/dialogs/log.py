"""Everything about one prediction log; it follows the log while it is open."""

from __future__ import annotations

from collections.abc import Callable

from tui_monitor.model import Frame, Quality
from tui_monitor.ui.dialogs.following import FollowingDetail
from tui_monitor.ui.panes import logs
from tui_monitor.ui.panes.quality_detail import of_log
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.theme import Theme
from tui_monitor.ui.view import View


class LogDetail(FollowingDetail):
    """`enter` on a prediction log."""

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
        super().__init__(log.name, latest, view, look, width=width, ascii=ascii)
        self._log = log

    def lines(self, frame: Frame) -> list[Line]:
        """All of the log."""
        self._log = next((log for log in logs.every(frame) if log.name == self._log.name), self._log)
        return of_log(frame, self._log, self._view, self._width)
