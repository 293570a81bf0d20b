"""The keys that choose what is looked at: pane, window, server or log, number, slice, line; each makes another view."""

from __future__ import annotations

from tui_monitor.model import Alert, Frame, Target
from tui_monitor.ui import board as boards
from tui_monitor.ui.alert_keys import AlertKeys
from tui_monitor.ui.panes import logs, order, performance
from tui_monitor.ui.panes.control import CONTROLS
from tui_monitor.ui.view import PANES, View
from tui_monitor.vocabulary import WINDOWS


class LookKeys(AlertKeys, inherit_bindings=False):
    """The part of the screen program that chooses what is shown."""

    _held: Frame | None  # while paused

    def redraw(self) -> None:
        """Paint anew."""
        raise NotImplementedError

    def action_pane(self, pane: str) -> None:
        """`1` to `4`."""
        self.choose(focus=pane)

    def action_next_pane(self, by: int) -> None:
        """`tab`."""
        self.choose(focus=PANES[(PANES.index(self.view.focus) + by) % len(PANES)])

    def action_zoom(self) -> None:
        """`z`."""
        self.choose(zoom=not self.view.zoom)

    def action_faults(self) -> None:
        """`f`."""
        self.choose(faults_only=not self.view.faults_only)

    def action_window(self) -> None:
        """`w`."""
        frame, view = self.frame(), self.shown_view()
        log = performance.chosen_log(frame, view) if frame is not None and view.focus == "performance" else None
        if frame is not None and log is not None:
            window = logs.step(logs.windows(frame, log.name), logs.window(frame, log, view), 1)
            self.choose(quality_window=window or view.quality_window)
            return
        windows = list(WINDOWS)
        self.choose(window=windows[(windows.index(self.view.window) + 1) % len(windows)])

    def action_subject(self, by: int) -> None:
        """Left and right in Performance."""
        frame, view = self.frame(), self.shown_view()
        if frame is None or view.focus != "performance":
            return
        names = performance.subjects(frame, view)
        now = performance.subject(frame, view)
        if names:
            self._show_subject(names[(names.index(now) + by) % len(names)] if now in names else names[0])

    def _show_subject(self, shown: performance.Shown | None) -> None:
        if shown is not None:
            self.choose(
                log=shown.name if shown.kind == "log" else None, slice=None, **({"target": shown.name} if shown.kind == "target" else {})
            )

    def action_number(self, by: int) -> None:
        """`.` and `,`: the number of the chart in Performance."""
        frame, view = self.frame(), self.shown_view()
        if frame is None or view.focus != "performance":
            self.toast("first focus Performance: 2")
            return
        log = performance.chosen_log(frame, view)
        names = performance.metrics_in_order(frame, view)
        if log is not None:
            self.choose(quality_key=logs.step(names, logs.key(frame, log, view), by))
        elif names:
            self.choose(metric=logs.step(names, view.metric, by))

    def action_control(self) -> None:
        """`c`: the chart of a server's number as a control chart by Nelson's rules, by those of Western Electric, or as it was."""
        frame, view = self.frame(), self.shown_view()
        if frame is None or view.focus != "performance":
            self.toast("first focus Performance: 2")
        elif performance.chosen_log(frame, view) is not None:
            self.toast("control charts are of a server's numbers: t chooses one; a log's numbers have intervals of their own")
        else:
            self.choose(control=CONTROLS[(CONTROLS.index(view.control) + 1) % len(CONTROLS)])

    def action_slice(self, by: int) -> None:
        """`]` and `[`: a slice of the log, or all its rows."""
        frame, view = self.frame(), self.shown_view()
        log = performance.chosen_log(frame, view) if frame is not None and view.focus == "performance" else None
        if frame is None or log is None:
            self.toast("slices are of a prediction log: 2, then t chooses one")
            return
        names = logs.slices(frame, log)
        if not names:
            self.toast(f"{log.name} has no slice")
            return
        self.choose(slice=logs.step(["", *names], logs.slice_of(frame, log, view) or "", by) or None)

    def action_pause(self) -> None:
        """`space`."""
        self._held = None if self._held is not None else self.feed.latest()
        self.redraw()

    def action_step_back(self) -> None:
        """`esc`: one step."""
        if self.view.marked:
            self.choose(marked=frozenset())
        elif self.view.slice is not None and self.view.focus == "performance":
            self.choose(slice=None)
        elif self.view.filter:
            self.choose(filter="")
        elif self.view.zoom:
            self.choose(zoom=False)
        elif self.view.faults_only:
            self.choose(faults_only=False)
        elif self._held is not None:
            self.action_pause()

    def action_select(self, by: int) -> None:
        """Arrows: the next line of the focused pane."""
        frame = self.frame()
        if frame is None:
            return
        names, chosen, field = self._choices(frame, self.shown_view())
        if names:
            at = names.index(chosen) + by if chosen in names else 0
            name = names[min(max(at, 0), len(names) - 1)]
            self.choose(**{field: name}, **({"log": None} if field == "target" else {"slice": None} if field == "log" else {}))

    @staticmethod
    def _choices(frame: Frame, view: View) -> tuple[list[str], str | None, str]:
        """What the focused pane lists, what is chosen of it, and the field of the view that says so."""
        match view.focus:
            case "health":
                return boards.targets_in_order(frame, view), _name(order.chosen_target(frame, view)), "target"
            case "performance":
                log = performance.chosen_log(frame, view)
                if log is not None:
                    return [one.name for one in logs.listed(frame, view)], log.name, "log"
                return boards.metrics_in_order(frame, view), view.metric, "metric"
            case "drift":
                signal = order.chosen_signal(frame, view)
                return boards.signals_in_order(frame, view), order.signal_name(signal) if signal else None, "signal"
            case _:
                return boards.alerts_in_order(frame, view), _id(order.chosen_alert(frame, view)), "alert"


def _name(target: Target | None) -> str | None:
    return None if target is None else target.name


def _id(alert: Alert | None) -> str | None:
    return None if alert is None else alert.id
