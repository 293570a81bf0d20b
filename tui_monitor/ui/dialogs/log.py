"""Everything about one prediction log; it follows the log while it is open."""

from __future__ import annotations

from tui_monitor.model import Frame, Quality
from tui_monitor.ui.dialogs.following import FollowingDetail
from tui_monitor.ui.panes import logs
from tui_monitor.ui.panes.quality_detail import of_log
from tui_monitor.ui.panes.story import Line


class LogDetail(FollowingDetail[Quality]):
    """`enter` on a prediction log."""

    def lines(self, frame: Frame) -> list[Line]:
        """All of the log."""
        self._thing = next((log for log in logs.every(frame) if log.name == self._thing.name), self._thing)
        return of_log(frame, self._thing, self._view, self._width)
