"""Textual on our own hold of the terminal: reading and writing in the event loop, no threads, nothing that can block or spin.

Textual's own driver blocks the event loop when the terminal stops reading, spins when the terminal vanishes and leaves a terminal broken on
SIGTERM; none of that can be mended from outside.
"""

from __future__ import annotations

import asyncio
import os
import signal
from codecs import getincrementaldecoder
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.geometry import Size

from tui_monitor.ui.tty import LISTEN, Tty

if TYPE_CHECKING:
    from textual.app import App


class TtyDriver(Driver):
    """Reads keys from a Tty and writes to it. The app tells when it is ready for keys; until then they wait in the kernel."""

    tty: Tty  # set on a subclass made by `driver_for`

    def __init__(self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size or self.tty.size())
        self._ready = self._reading = False
        self.forget: Callable[[], None] = lambda: None  # what the app does when the terminal shows something unknown
        self._parser = XTermParser(debug)
        self._decode = getincrementaldecoder("utf-8")(errors="replace").decode
        self._tick: asyncio.TimerHandle | None = None

    @property
    def can_suspend(self) -> bool:
        """ctrl+z works."""
        return True

    def write(self, data: str) -> None:
        """Never blocks."""
        self.tty.write(data.encode("utf-8", "replace"))

    def start_application_mode(self) -> None:
        """Take the terminal, for the first time or after a suspension."""
        self.tty.enter(signals=False, again=self._ready)
        self.tty.write(LISTEN)
        self.tty.on_room(self._wait_for_room)
        for number, handler in ((signal.SIGWINCH, self._resized), (signal.SIGTSTP, self._suspend), (signal.SIGCONT, self._resume)):
            self._loop.add_signal_handler(number, handler)
        self._resized()
        if self._ready:
            self.listen()

    def _suspend(self) -> None:
        """To the shell: ctrl+z, or kill -TSTP. Goes on in `_resume`."""
        self.disable_input()
        self.tty.on_room(None)
        self.tty.restore()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _resume(self) -> None:
        """Continued, whoever stopped us: the terminal may show and be anything."""
        self.start_application_mode()
        self.forget()

    def listen(self) -> None:
        """The app is ready: keys may come."""
        self._ready = True
        if not self._reading:
            self._reading = True
            self._loop.add_reader(self.tty.fd_in, self._read)

    def _wait_for_room(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.add_writer, self.tty.fd_out, self._room)

    def _room(self) -> None:
        if self.tty.flush():
            self._loop.remove_writer(self.tty.fd_out)
            self._app.call_later(self._app.screen.refresh)  # what was left out meanwhile

    def _resized(self) -> None:
        self._size = self.tty.size()
        size = Size(*self._size)
        self.send_message(events.Resize(size, size))

    def _read(self) -> None:
        try:
            data = os.read(self.tty.fd_in, 1 << 12)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._stop_reading()
            os.kill(os.getpid(), signal.SIGHUP)  # one way out for a terminal that has gone
            return
        self._feed(self._decode(data))

    def _feed(self, text: str) -> None:
        for message in self._parser.feed(text):
            self.process_message(message)
        if self._tick:
            self._tick.cancel()
        # A lone escape is a key only when nothing follows it.
        self._tick = self._loop.call_later(constants.ESCAPE_DELAY + 0.005, self._time_out)

    def _time_out(self) -> None:
        self._tick = None
        for message in self._parser.tick():
            self.process_message(message)

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self.tty.fd_in)
        if self._tick:
            self._tick.cancel()
            self._tick = None

    def disable_input(self) -> None:
        """No more keys."""
        self._stop_reading()
        self._loop.remove_signal_handler(signal.SIGWINCH)
        self._loop.remove_writer(self.tty.fd_out)

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self.disable_input()
        for number in (signal.SIGTSTP, signal.SIGCONT):
            self._loop.remove_signal_handler(number)
        self.tty.on_room(None)
        self.tty.restore()


def driver_for(terminal: Tty) -> type[TtyDriver]:
    """The driver class on that terminal, as Textual wants it."""
    return type("TtyDriverHere", (TtyDriver,), {"tty": terminal})
