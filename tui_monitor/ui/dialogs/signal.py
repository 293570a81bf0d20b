"""Everything about one signal; it follows the signal while it is open."""

from __future__ import annotations

from tui_monitor.model import Drift, Frame
from tui_monitor.ui.dialogs.following import FollowingDetail
from tui_monitor.ui.panes import drift_words as words
from tui_monitor.ui.panes import order
from tui_monitor.ui.panes.drift_detail import of_signal
from tui_monitor.ui.panes.story import Line


class SignalDetail(FollowingDetail[Drift]):
    """`enter` on a drift signal."""

    def lines(self, frame: Frame) -> list[Line]:
        """All of the signal."""
        name = order.signal_name(self._thing)
        self._thing = next((one for one in frame.drift if order.signal_name(one) == name), self._thing)
        return of_signal(frame, self._thing, self._view, self._width, ascii=self._ascii)


def question(frame: Frame, signal: Drift, *, utc: bool) -> list[str]:
    """What a new baseline does, said before it is done."""
    since = f"since {words.at(signal.since, frame.at, utc=utc)}" if signal.since is not None and signal.state == "drift" else "now"
    origin = words.origin(signal, frame.at, utc=utc)
    was = f"{signal.n_reference} rows" + (f" ({origin})" if origin else "")
    ends = "Its drift ends and its evidence begins at nothing." if signal.state in {"drift", "watch"} else "Its evidence begins at nothing."
    return [
        f"What {signal.signal} of {signal.source} shows {since} ({signal.n_now} rows) becomes what is normal.",
        f"{ends} It is no longer held against the reference of {was}.",
        "",
        "This is no acknowledgement: a says that somebody has seen the alert, and leaves what is normal as it was.",
    ]
