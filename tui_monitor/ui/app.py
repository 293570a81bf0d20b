"""The screen program: frames in, one board of lines out, keys to commands. It computes nothing and polls nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Input
from textual.worker import WorkerFailed

from tui_monitor.engine.feed import Feed, FeedError
from tui_monitor.model import Alert, ExplainProbe, Frame, HistoryQuery, MarkReference, Reload, TakeSnapshot, clean
from tui_monitor.ui import board as boards
from tui_monitor.ui import prepaint, signs, theme
from tui_monitor.ui.bindings import TABLE, footer
from tui_monitor.ui.dialogs.alert import AlertDetail
from tui_monitor.ui.dialogs.detail import WIDTH, Detail, of_target
from tui_monitor.ui.dialogs.explain import Explain
from tui_monitor.ui.dialogs.filter import Filter
from tui_monitor.ui.dialogs.help import Help
from tui_monitor.ui.dialogs.log import LogDetail
from tui_monitor.ui.dialogs.question import Question
from tui_monitor.ui.dialogs.signal import SignalDetail, question
from tui_monitor.ui.dialogs.target import ChooseTarget
from tui_monitor.ui.look_keys import LookKeys
from tui_monitor.ui.panes import logs, order, performance, probes
from tui_monitor.ui.stylesheet import CSS, textual_theme
from tui_monitor.ui.terminal import Shadow
from tui_monitor.ui.view import Series, View, series_of
from tui_monitor.ui.widgets.board import Board
from tui_monitor.ui.widgets.canvas import Canvas, cut

TOAST_S = 6.0
HISTORY_S = 5.0  # longest wait for a chart's past
QUERIES_MAX = 16
ACTIONS = {name: key.action for key in TABLE for name in key.keys.split(",")}
Ring = Callable[[Sequence[Alert], str], bytes]
"""New alerts and the host's name -> what the terminal is sent."""
SYNC = ("\x1b[?2026h", "\x1b[?2026l")


class MonitorApp(LookKeys, inherit_bindings=False):
    """One board; dialogs above it when asked for."""

    CSS = CSS
    ENABLE_COMMAND_PALETTE = True
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, key.action, key.label, priority=key.keys == "ctrl+c", show=False) for key in TABLE
    ]

    def __init__(
        self,
        feed: Feed,
        look: theme.Theme,
        *,
        themes: Path | None = None,
        ascii: bool = False,  # noqa: A002
        utc: bool = False,
        shadow: Shadow | None = None,
        driver: type[Any] | None = None,
        first: prepaint.Glance | None = None,
        started: asyncio.Future[None] | None = None,
        clock: Callable[[], float] = time.time,
        ring: Ring | None = None,
    ) -> None:
        """A feed that is already being started comes with its future. `shadow` None: Textual draws in its own way.

        `ring` makes what the terminal is sent for alerts that fire anew, or nothing.
        """
        super().__init__(driver_class=driver, ansi_color=look.terminal_colours)
        self.feed, self.look, self._themes, self._ascii, self._clock = feed, look, themes, ascii, clock
        self.set_class(ascii, "-ascii")
        self._shadow, self._first, self._started = shadow, first, started
        self.on_leave: Callable[[], None] = lambda: None
        self.view = View(utc=utc)
        self.goodbye = False
        self.crash: BaseException | None = None
        self.failure = ""  # why there was nothing to look at
        self._held: Frame | None = None  # while paused
        self._histories: dict[tuple[str, str], Series] = {}
        self._asked: tuple[tuple[str, tuple[str, ...], float, int], ...] = ()
        self._asked_at_s = 0.0
        self._asking = self._coming = False
        self._drawing = False  # Textual has drawn the whole screen at this size at least once
        self._toast_until_s = 0.0
        self._ring = ring
        self._heard: frozenset[str] | None = None  # ids of what fired in the newest frame; None: there was none
        self._title = ""

    # -- life -------------------------------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The board."""
        yield Board(id="board")

    def on_mount(self) -> None:
        """Begin to look."""
        self._wear(self.look)
        driver = self._driver
        if driver is not None and hasattr(driver, "forget"):
            driver.forget = self.repaint_all
        self.query_one(Board).focus()
        self.feed.on_frame(self._frame_came)
        self.set_interval(1.0, self._second)
        self.run_worker(self._start(), group="feed")
        self.redraw()

    def on_ready(self) -> None:
        """Keys may come: what was typed meanwhile is still in the kernel."""
        if self._driver is not None and hasattr(self._driver, "listen"):
            self._driver.listen()

    async def _start(self) -> None:
        try:
            await (self._started or self.feed.start())
        except FeedError as error:
            self.failure = str(error)
            self.exit(return_code=1)
            return
        self._frame_came()

    def leave(self, *, code: int = 0, goodbye: bool = False) -> None:
        """End the program; `goodbye` tells the engine that it was on purpose."""
        self.goodbye = goodbye
        self.exit(return_code=code)
        self.on_leave()

    def action_leave(self) -> None:
        """`q`."""
        self.leave(goodbye=True)

    def _handle_exception(self, error: Exception) -> None:
        """A defect of ours ends the screen; the traceback is written when the terminal is back."""
        self.crash = self.crash or (error.error if isinstance(error, WorkerFailed) else error)
        self._return_code = 1
        if self._exception is None:
            self._exception = error  # for the test harness
            self._exception_event.set()
        self._close_messages_no_wait()

    # -- drawing ----------------------------------------------------------------------------------------------------------------------

    def _frame_came(self) -> None:
        if not self._coming:
            self._coming = True
            self.call_later(self._take_frame)

    def _take_frame(self) -> None:
        self._coming = False
        self.redraw()
        self._ring_for_new()
        self._ask_histories()

    def _ring_for_new(self) -> None:
        """The bell for what fires and did not before; what fired when this screen came, and the past, are silent."""
        frame = self.feed.latest()
        if frame is None or self._ring is None or self.feed.status().replay:
            return
        firing = {alert.id: alert for alert in frame.alerts if signs.fires(alert)}
        new = [alert for name, alert in firing.items() if self._heard is not None and name not in self._heard]
        self._heard = frozenset(firing)
        if new and self._driver is not None and not getattr(getattr(self._driver, "tty", None), "waiting_bytes", 0):
            self._driver.write(self._ring(new, frame.host).decode("utf-8", "replace"))

    def _second(self) -> None:
        """Without frames the clock still runs: how old the picture is, the host's own numbers, the end of a toast."""
        now_s = self._clock()
        if self.view.toast and now_s >= self._toast_until_s:
            self.view = msgspec.structs.replace(self.view, toast="")
            self.redraw()
        elif self.frame() is None or self._held is not None or self.feed.status().note:
            self.redraw()

    def frame(self) -> Frame | None:
        """What is shown: the newest frame, or the one at which the picture was frozen."""
        return self._held or self.feed.latest()

    def shown_view(self) -> View:
        """The user's choices with what the source says about itself."""
        frame, status = self.frame(), self.feed.status()
        behind_s = 0.0 if frame is None or status.replay else max(0.0, self._clock() - frame.at.timestamp())
        return msgspec.structs.replace(
            self.view,
            paused=self._held is not None,
            behind_s=behind_s if self._held is not None or status.note else 0.0,
            note=clean(status.note),
            replay=status.replay,
            you=status.you,
            keys=footer(self.view.focus, self.size.width - 2),
        )

    def redraw(self) -> None:
        """Paint the board anew; only lines that differ are drawn, only cells that differ are sent."""
        width, height = self.size
        frame, view = self.frame(), self.shown_view()
        canvas = boards.draw_board(frame, view, self._histories, width, height, ascii=self._ascii) if frame else self._waiting(view)
        if self.screen_stack:
            self.screen_stack[0].query_one(Board).show(canvas.rows(), self.look, self._draw_now)
        self._name_window(frame)

    def _draw_now(self, pieces: list[tuple[int, int, Strip]]) -> bool:
        """While the board is alone, its lines go to the terminal without Textual's compositor and without waiting for its next beat."""
        driver, shadow = self._driver, self._shadow
        if shadow is None or driver is None or self.is_headless or len(self.screen_stack) != 1 or not self._drawing:
            return False
        if driver.tty.waiting_bytes:  # type: ignore[attr-defined]
            return False
        self._send_text(shadow.draw(pieces, self.size))
        return True

    def _send_text(self, text: str) -> None:
        if text and self._driver is not None:
            self._driver.write(SYNC[0] + text + SYNC[1] if self._sync_available else text)

    def _waiting(self, view: View) -> Canvas:
        """What the pre-paint showed, going on."""
        canvas = Canvas(self.size.width, self.size.height, ascii=self._ascii)
        now = prepaint.glance()
        first, *rest = prepaint.lines(self._first, now, view.note or "waiting for the engine", self._clock(), utc=view.utc)
        canvas.put(0, 0, first, "strong")
        for y, line in enumerate(rest, 1):
            canvas.put(0, y, line, "dim" if y > 1 else "text")
        x = 1
        for key, label in view.keys[-2:] if canvas.height > 5 else ():
            x = canvas.run(x, canvas.height - 1, (key, "key", "b"), (f" {label}  ", "dim"))
        self._first = now
        return canvas

    def _name_window(self, frame: Frame | None) -> None:
        """The terminal's title says the worst, so that a row of tabs shows it."""
        title = "tui-monitor"
        if frame is not None:
            worst = min(frame.targets, key=lambda target: signs.TARGET[target.state].rank, default=None)
            firing = sum(signs.fires(alert) for alert in frame.alerts)
            state = f"{signs.TARGET[worst.state].glyph} {worst.state} {worst.name} " if worst else ""
            title = f"{state}{firing} firing - {frame.host}" if firing else f"{state or '- '}- {frame.host}".replace("- -", "-")
        title = clean(title, 100)
        if self._ascii:
            title = title.encode("ascii", "replace").decode()
        if title != self._title and self._driver is not None and not self.is_headless:
            self._title = title
            self._driver.write(f"\x1b]2;{title}\x07")

    def on_resize(self, _event: events.Resize) -> None:
        """Another size, another layout."""
        self._drawing = False
        self.call_later(self.redraw)

    def repaint_all(self) -> None:
        """Somebody else wrote on the terminal."""
        self._drawing = False
        if self._shadow is not None:
            self._shadow.forget()
        if self.screen_stack:
            self.screen.refresh()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Textual's way to the terminal, with only the cells that changed; a terminal that does not read is left alone until it does."""
        driver, shadow = self._driver, self._shadow
        if shadow is None or driver is None or self.is_headless or not isinstance(renderable, LayoutUpdate | ChopsUpdate):
            super()._display(screen, renderable)
            return
        if not self._running or self._closed or self._batch_count:
            return
        if driver.tty.waiting_bytes:  # type: ignore[attr-defined]
            return  # the driver asks for a refresh when there is room again
        try:
            text = shadow.update(renderable, self.size)
        except Exception as error:  # noqa: BLE001  # as Textual does around its drawing: the app ends, the terminal is restored
            self._handle_exception(error)
            return
        self._drawing = True
        self._send_text(text)

    # -- histories --------------------------------------------------------------------------------------------------------------------

    def _ask_histories(self) -> None:
        """The past for the charts on the screen: when they are others than before, or when a new point has come. One question at a time."""
        frame = self.frame()
        if self._asking or frame is None:
            return
        queries = boards.history_wanted(frame, self.shown_view(), self.size.width, self.size.height)[:QUERIES_MAX]
        asked = tuple((query.subject, tuple(query.keys), query.end_s - query.start_s, query.points) for query in queries)
        step_s = min(((query.end_s - query.start_s) / max(1, query.points) for query in queries), default=0.0)
        if not queries or (asked == self._asked and abs(frame.at.timestamp() - self._asked_at_s) < step_s):
            return
        self._asked, self._asked_at_s, self._asking = asked, frame.at.timestamp(), True
        self.run_worker(self._fetch(queries), group="history")

    async def _fetch(self, queries: list[HistoryQuery]) -> None:
        try:
            async with asyncio.timeout(HISTORY_S):
                answers = await asyncio.gather(*(self.feed.history(query) for query in queries), return_exceptions=True)
        except TimeoutError:
            answers = []
        finally:
            self._asking = False
        found: dict[tuple[str, str], Series] = {}
        for answer in answers:
            if isinstance(answer, BaseException):
                if not isinstance(answer, FeedError):
                    raise answer
            else:
                found |= series_of(answer)
        if found:
            wanted = {(query.subject, key) for query in queries for key in query.keys}
            self._histories = {key: value for key, value in self._histories.items() if key in wanted} | found
            self.redraw()

    # -- the user's choices -----------------------------------------------------------------------------------------------------------

    def choose(self, **choices: Any) -> None:
        """Change the view and show it at once."""
        self.view = msgspec.structs.replace(self.view, **choices)
        self.redraw()
        self._ask_histories()

    def toast(self, text: str) -> None:
        """One line about the last key, for some seconds."""
        self._toast_until_s = self._clock() + TOAST_S
        self.choose(toast=clean(text))

    def action_theme(self) -> None:
        """`T`: the next one."""
        if not self.look.colours:
            self.toast("no colour is wanted here (NO_COLOR, TERM, or the theme mono)")
            return
        names = [name for name in theme.names(self._themes) if name != "mono"]
        at = names.index(self.look.name) + 1 if self.look.name in names else 0
        self.wear(names[at % len(names)])

    def wear(self, name: str) -> None:
        """Another theme, by name."""
        try:
            self._wear(theme.load(name, self._themes))
        except theme.ThemeError as error:
            self.toast(str(error))
        else:
            self.toast(f"theme {name}")

    def _wear(self, look: theme.Theme) -> None:
        self.look = look
        self.ansi_color = look.terminal_colours
        self.register_theme(textual_theme(look))
        self.theme = f"tui-monitor-{look.name}"
        self.redraw()

    def on_board_clicked(self, event: Board.Clicked) -> None:
        """The mouse focuses a pane."""
        frame = self.frame()
        for spot in boards.plan(frame, self.shown_view(), self.size.width, self.size.height).spots if frame else ():
            if spot.x <= event.x < spot.x + spot.width and spot.y <= event.y < spot.y + spot.height:
                self.choose(focus=spot.pane)

    # -- dialogs ----------------------------------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Keys on the board are done here and in order; Textual's way through the focused widget would let the next key overtake a dialog."""
        if isinstance(event, events.Key) and len(self.screen_stack) == 1 and event.key in ACTIONS:
            await self.run_action(ACTIONS[event.key])
            return
        await super().on_event(event)

    async def _open(self, dialog: Screen[Any], answered: Callable[[Any], None] | None = None) -> None:
        """Open a dialog and wait until it takes keys: a letter typed right behind the one that opens it must not act on the board."""
        await self.push_screen(dialog, answered)
        for box in dialog.query(dialog.AUTO_FOCUS or "Input").results(Input):
            dialog.set_focus(box)

    async def action_palette(self) -> None:
        """`ctrl+p`."""
        await self._open(CommandPalette(id="--command-palette"))

    async def action_help(self) -> None:
        """`?`."""
        await self._open(Help(self.view.focus, ascii=self._ascii))

    async def action_explain(self) -> None:
        """`e`."""
        frame = self.frame()
        if frame is not None:
            self._keep_signal(frame)
            await self._open(
                Explain(
                    boards.explain_chosen(frame, self.shown_view(), self._histories), width=min(77, self.size.width - 7), ascii=self._ascii
                )
            )

    def _keep_signal(self, frame: Frame) -> None:
        """The signal that is looked at stays selected where rows move: the next key means the same one."""
        signal = order.chosen_signal(frame, self.shown_view()) if self.view.focus == "drift" else None
        if signal is not None and order.signal_name(signal) != self.view.signal:
            self.choose(signal=order.signal_name(signal))

    async def action_detail(self) -> None:
        """`enter`."""
        frame = self.frame()
        if frame is None:
            return
        self._keep_signal(frame)
        view = self.shown_view()
        target = order.chosen_target(frame, view)
        width = max(20, min(WIDTH, self.size.width - 7))  # borders, edges, scroll bar
        if view.focus == "health" and target is not None:
            await self._open(Detail(target.name, of_target(frame, target, utc=view.utc, width=width), ascii=self._ascii))
        elif view.focus == "performance" and (log := performance.chosen_log(frame, view)) is not None:
            await self._open(LogDetail(log.name, log, self.frame, view, self.look, width=width, ascii=self._ascii))
        elif view.focus == "performance" and target is not None:
            await self._open(Detail(target.name, of_target(frame, target, utc=view.utc, width=width), ascii=self._ascii))
        elif view.focus == "alerts" and (alert := order.chosen_alert(frame, view)) is not None:
            dialog = AlertDetail(
                alert, self.frame, self.feed.ask, self.feed.history, self.look, width=width, utc=view.utc, ascii=self._ascii
            )
            await self._open(dialog)
        elif view.focus == "drift" and (signal := order.chosen_signal(frame, view)) is not None:
            await self._open(SignalDetail(order.signal_name(signal), signal, self.frame, view, self.look, width=width, ascii=self._ascii))
        else:
            self.toast("nothing is selected here")

    async def action_target(self) -> None:
        """`t`."""
        frame = self.frame()
        if frame is None or not (frame.targets or logs.every(frame)):
            self.toast("no model server and no prediction log here")
            return
        targets, of_logs = order.targets(frame, View()), logs.listed(frame, View())
        await self._open(
            ChooseTarget(targets, of_logs, performance.subject(frame, self.shown_view()), ascii=self._ascii),
            self._show_subject,
        )

    async def action_filter(self) -> None:
        """`/`."""
        await self._open(Filter(self.view.filter, self._filter), self._filter)

    def _filter(self, text: str | None) -> None:
        self.choose(filter=cut(text or "", 100))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: the table of keys, and every theme."""
        for key in TABLE:
            if key.palette:
                yield SystemCommand(key.label, f"{key.means} (key {key.shown})".replace("[", "("), self._doer(key.action))
        for name in theme.names(self._themes) if self.look.colours else ():
            yield SystemCommand(f"theme {name}", "Wear this theme.", lambda name=name: self.wear(name))

    def _doer(self, action: str) -> Callable[[], Any]:
        async def act() -> None:
            await self.run_action(action)

        return act

    # -- acts -------------------------------------------------------------------------------------------------------------------------

    async def action_pin(self) -> None:
        """`b`: asks first, for the old reference is no longer held against anything."""
        frame, view = self.frame(), self.shown_view()
        signal = order.chosen_signal(frame, view) if frame is not None and view.focus == "drift" else None
        if frame is None or signal is None:
            self.toast("select a drift signal first: 3, then up and down")
        elif (why := self.feed.status().read_only) or signal.state == "learning":
            self.toast(f"read-only: {why}" if why else f"{signal.signal} is still learning what is normal")
        else:
            command = MarkReference(signal.source, signal.signal)
            self._keep_signal(frame)
            dialog = Question(f"New baseline for {signal.signal}", question(frame, signal, utc=view.utc), "new baseline", ascii=self._ascii)
            done = f"{signal.signal} as it is now is what is normal"
            await self._open(dialog, lambda yes: self._do(command, done) if yes else None)

    def action_importances(self, one: int) -> None:
        """`i` and `I`."""
        frame, view = self.frame(), self.shown_view()
        log = performance.chosen_log(frame, view) if frame is not None and view.focus == "performance" else None
        probe = probes.of(frame, log) if frame is not None and log is not None else None
        if probe is None:
            self.toast("this is asked of golden questions: 2, then t chooses them")
        elif probe.explaining is not None:
            self._do(ExplainProbe(probe.name, stop=True), f"no more requests for {probe.name}")
        elif probe.explains:
            self.toast(f"not asked: {probe.explains}")
        elif one and not probe.changed:
            self.toast(f"no answer of {probe.name} has changed")
        else:
            row = probe.changed[0].question if one else None
            self._do(ExplainProbe(probe.name, row), f"asking {probe.target} which inputs matter; enter shows the result")

    def action_reload(self) -> None:
        """`R`."""
        self._do(Reload(), "configuration read again")

    def action_snapshot(self) -> None:
        """`ctrl+s`."""
        frame = self.frame()
        if frame is None:
            self.toast("nothing seen yet")
            return
        name = f"tui-monitor-{clean(frame.host, 40).replace('/', '_')}-{datetime.fromtimestamp(self._clock()).astimezone():%Y%m%d-%H%M%S}.sqlite"
        path = Path.cwd() / name
        self.toast(f"writing {path}")
        self._do(TakeSnapshot(str(path)), f"wrote {path}")
