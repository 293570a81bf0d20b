"""A dialog about one thing of the frame; it follows that thing while it is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from rich.text import Text

from tui_monitor.model import Frame
from tui_monitor.ui.dialogs.text import TextDialog
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.theme import Theme
from tui_monitor.ui.view import View

Thing = TypeVar("Thing")


class FollowingDetail(TextDialog, Generic[Thing]):
    """Lines made anew from the newest frame, once a second; `lines` says which."""

    wide = True

    def __init__(
        self,
        name: str,
        thing: Thing,
        latest: Callable[[], Frame | None],
        view: View,
        look: Theme,
        *,
        width: int,
        ascii: bool = False,  # noqa: A002
    ) -> None:
        """`thing` as it is now, `latest` the frame that the board shows; `look` gives the colours."""
        super().__init__(name, [], ascii=ascii)
        self._thing, self._latest, self._view, self._look, self._width = thing, latest, view, look, width

    def lines(self, frame: Frame) -> list[Line]:
        """What there is to say by this frame."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Say what the frame knows at once, and follow."""
        self._again()
        self.set_interval(1.0, self._again)

    def _again(self) -> None:
        frame = self._latest()
        if frame is not None:
            self.show([self._painted(line) for line in self.lines(frame)])

    def _painted(self, line: Line) -> Text:
        parts = [(part, "text") if isinstance(part, str) else part for part in line]
        return Text.assemble(*((self._fit(part[0]), self._look.style(part[1], len(part) == 3, None)) for part in parts), no_wrap=True)
