"""A program under a real pseudo-terminal, with what a terminal would show of it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Self

import pyte

SHOW = Path(__file__).with_name("show.py")
UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;:]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1b\[[0-9;]*t|\x1b[P_^X].*?(?:\x1b\\|\x07)", re.DOTALL)
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


class Screen:
    """The child, everything it wrote, and the picture that this makes."""

    def __init__(
        self, *arguments: str, size: tuple[int, int] = (100, 30), ignore_hangup: bool = False, program: Path = SHOW, **environ: str
    ) -> None:
        self.picture = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.picture)
        self.wire = b""
        self.fd, self._slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self._slave)
        base = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "COLORTERM", "COLUMNS", "LINES"}}

        def controlling() -> None:
            if ignore_hangup:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.child = subprocess.Popen(
            [sys.executable, "-W", "error", str(program), *arguments],
            stdin=self._slave, stdout=self._slave, stderr=subprocess.PIPE, start_new_session=True,
            preexec_fn=controlling,  # noqa: PLW1509  # one thread only; the child needs this terminal for its own
            env=base | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "PYTHONPATH": str(SHOW.parents[2])} | environ,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.child.stderr.close()
        for fd in (self.fd, self._slave):
            try:
                os.close(fd)
            except OSError:
                pass

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.picture.resize(rows, columns)

    def send(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def read(self, wait_s: float) -> bool:
        """Take what is there within the time; False when nothing came."""
        ready, _, _ = select.select([self.fd], [], [], wait_s)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            return False
        self.wire += data
        self._stream.feed(UNKNOWN.sub(b"", data))
        return bool(data)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.picture.display)

    def until(self, pattern: str, within_s: float = 15.0, *, gone: bool = False) -> None:
        """Wait for a text on the screen, or for its end."""
        end = time.monotonic() + within_s
        while bool(re.search(pattern, self.text)) == gone:
            if time.monotonic() > end or (self.child.poll() is not None and not self.read(0)):
                raise AssertionError(f"never {'gone' if gone else 'seen'}: {pattern}\n{self.text}")
            self.read(0.05)

    def ended(self, within_s: float, *, reading: bool = True) -> int:
        """Wait for the end; returns the exit status. The time is part of the promise, on a machine that has a core for us."""
        end = time.monotonic() + within_s * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        while self.child.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"still there after {within_s} s\n{self.text}")
            if reading:
                self.read(0.02)
            else:
                select.select([], [], [], 0.02)
        while self.read(0):
            pass
        return self.child.returncode

    def errors(self) -> str:
        return self.child.stderr.read().decode()

    def assert_restored(self) -> None:
        """The last word on each mode is the user's, and the line discipline is as it was."""
        for mode, last in {"1049": "l", "25": "h", "7": "h", "1000": "l", "1006": "l", "2004": "l"}.items():
            said = re.findall(rb"\x1b\[\?" + mode.encode() + rb"([hl])", self.wire)
            assert not said or said[-1].decode() == last, f"mode {mode} was left {said[-1]!r}"
        assert re.search(rb"\x1b\[\?1049h", self.wire), "the alternate screen was never on"
        assert termios.tcgetattr(self._slave) == self.before
