"""The terminal itself: raw mode, the alternate screen, writing that never blocks, and giving it back as it was.

Knows nothing of Textual, so that it can work before Textual is imported and after it has crashed.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Mapping
from typing import Any

ENTER = b"\x1b[?1049h\x1b[?25l\x1b[?7l"  # alternate screen, no cursor, no line wrap
LISTEN = b"\x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[?2026$p"  # clicks (not every movement: that floods a slow link), pastes, can you do synchronised updates?
LEAVE = b"\x1b[?2026l\x1b[?2004l\x1b[?1006l\x1b[?1000l\x1b[0m\x1b[?7h\x1b[?1049l\x1b[?25h"
TITLE_PUSH, TITLE_POP = b"\x1b[22;2t", b"\x1b[23;2t"
MAX_WAITING_BYTES = 4 << 20


class NoTerminal(Exception):
    """There is no usable terminal; `str(error)` is the line for the user."""


class Tty:
    """Our hold on the user's terminal. Every method may be called again; `restore` from any thread."""

    def __init__(self, fd_in: int = 0, fd_out: int = 1) -> None:
        """Take hold, change nothing yet.

        Raises:
            NoTerminal: input or output is no terminal.
        """
        if not (os.isatty(fd_in) and os.isatty(fd_out)):
            raise NoTerminal("not a terminal")
        self.fd_in = fd_in
        try:
            self._saved: list[Any] = termios.tcgetattr(fd_in)
        except termios.error as error:
            raise NoTerminal(f"not a terminal: {error.args[-1]}") from None
        self.fd_out, self._own = _never_blocking(fd_out)
        self._waiting = bytearray()
        self._lock = threading.RLock()  # a signal handler may restore while its own thread writes
        self._entered = False
        self._watched: Callable[[], None] | None = None

    def size(self) -> tuple[int, int]:
        """Columns and rows; 80x24 when the terminal does not say."""
        try:
            columns, rows = os.get_terminal_size(self.fd_out)
        except OSError:
            columns, rows = 0, 0
        return (columns or 80, rows or 24)

    def enter(self, *, signals: bool, again: bool = False) -> None:
        """Alternate screen and raw keys; what is typed stays in the kernel until somebody reads.

        Args:
            signals: ctrl+c and ctrl+z still do what they do in a shell.
            again: somebody else had the terminal meanwhile.
        """
        mode = [*self._saved[:6], list(self._saved[6])]
        mode[tty.IFLAG] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
        mode[tty.LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | (0 if signals else termios.ISIG))
        mode[tty.CC][termios.VMIN], mode[tty.CC][termios.VTIME] = 1, 0
        try:
            termios.tcsetattr(self.fd_in, termios.TCSANOW, mode)
        except termios.error:
            return  # it has gone meanwhile; the hang-up tells
        if again or not self._entered:
            self.write(ENTER if self._entered else TITLE_PUSH + ENTER)
            self._entered = True

    def on_room(self, watch: Callable[[], None] | None) -> None:
        """Call `watch` whenever something begins to wait; it must see to it that `flush` is called when there is room."""
        self._watched = watch

    def write(self, data: bytes) -> None:
        """Write what goes, keep the rest; never blocks. A reader that stays away for megabytes loses them."""
        with self._lock:
            if len(self._waiting) + len(data) > MAX_WAITING_BYTES:
                return
            began = not self._waiting
            self._waiting += data
            self._push()
            wake = self._watched if began and self._waiting else None
        if wake:
            wake()

    def flush(self) -> bool:
        """Write more of what waits; True when nothing waits any longer."""
        with self._lock:
            self._push()
            return not self._waiting

    @property
    def waiting_bytes(self) -> int:
        """What the terminal has not taken yet."""
        return len(self._waiting)

    def _push(self) -> None:
        while self._waiting:
            try:
                done = os.write(self.fd_out, self._waiting[: 1 << 16])
            except BlockingIOError:
                return
            except OSError:
                self._waiting.clear()  # nobody is there any more
                return
            del self._waiting[:done]

    def restore(self, within_s: float = 0.5) -> None:
        """Give the terminal back as it was: what waits is dropped, and a reader that does not read gets `within_s`.

        Half of that time is for a slow reader; then the kernel's own buffer is thrown away to make room, so that a terminal which wakes up
        tomorrow still finds our goodbye. A cut sequence would swallow the first of ours, so a cancel goes ahead of them.
        """
        if not self._entered:
            return
        self._entered = False
        locked = self._lock.acquire(timeout=within_s)
        try:
            goodbye = (b"\x18" if self._waiting else b"") + LEAVE + TITLE_POP
            self._waiting.clear()
            if not self._write_within(goodbye, within_s / 2):
                _try(termios.tcflush, self.fd_out, termios.TCOFLUSH)
                self._write_within(b"\x18" + goodbye, within_s / 2)
        finally:
            if locked:
                self._lock.release()
            _try(termios.tcflush, self.fd_in, termios.TCIFLUSH)  # late answers of the terminal are no input for the shell
            _try(termios.tcsetattr, self.fd_in, termios.TCSANOW, self._saved)

    def _write_within(self, data: bytes, within_s: float) -> bool:
        end = time.monotonic() + within_s
        while data:
            left = end - time.monotonic()
            if left <= 0:
                return False
            try:
                _, ready, _ = select.select([], [self.fd_out], [], left)
                data = data[os.write(self.fd_out, data) :] if ready else data
            except BlockingIOError:
                time.sleep(0.01)  # less room than select promised
            except (OSError, ValueError):
                return True  # nobody is there any more
        return True

    def close(self) -> None:
        """Close what we opened."""
        if self._own:
            self._own = False
            os.close(self.fd_out)


def _try(call: Callable[..., None], *arguments: Any) -> None:
    try:
        call(*arguments)
    except termios.error:
        pass  # the terminal has gone


def _never_blocking(fd: int) -> tuple[int, bool]:
    """A description of our own of the same terminal, so that not blocking is ours alone and not the shell's too."""
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(os.ttyname(fd), flags), True
    except OSError:
        pass
    try:
        return os.open("/dev/tty", flags), True  # in a container the terminal's name may be out of sight
    except OSError:
        os.set_blocking(fd, False)
        return fd, False


def colours(environ: Mapping[str, str]) -> int:
    """How many colours may be sent to this terminal: 0, 16, 256 or 16777216. NO_COLOR (not empty) and a TERM without colour mean 0."""
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR") or term in {"", "dumb"}:
        return 0
    if environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"} or term.endswith("-direct"):
        return 1 << 24
    if "256color" in term:
        return 256
    if "color" in term:
        return 16
    import curses

    try:
        curses.setupterm(term)
        known = curses.tigetnum("colors")
    except curses.error:
        return 16  # a terminal that the database does not know is newer than the database
    return 0 if known < 8 else 256 if known >= 256 else 16


class Deadline:
    """Ends the process when leaving takes too long, whatever hangs; the terminal is restored first."""

    def __init__(self, terminal: Tty) -> None:
        self._terminal = terminal
        self._timer: threading.Timer | None = None

    def arm(self, code: int, within_s: float) -> None:
        """From now on there are `within_s` left; the first caller wins."""
        if self._timer is None:
            self._timer = threading.Timer(within_s, self._end, (code,))
            self._timer.daemon = True
            self._timer.start()

    def disarm(self) -> None:
        """It went well."""
        if self._timer is not None:
            self._timer.cancel()

    def _end(self, code: int) -> None:
        self._terminal.restore(0.2)
        try:
            sys.stdout.flush()
        except (OSError, ValueError):
            pass
        os._exit(code)


def watch_hangup(fd: int, lost: Callable[[], None]) -> threading.Thread:
    """Call `lost` once when the terminal behind `fd` hangs up. The thread sleeps in the kernel until then: it costs nothing."""

    def wait() -> None:
        poll = select.poll()
        poll.register(fd, 0)  # hang-up and error are always reported
        try:
            poll.poll()
        except OSError:
            return
        lost()

    thread = threading.Thread(target=wait, name="terminal-watchdog", daemon=True)
    thread.start()
    return thread
