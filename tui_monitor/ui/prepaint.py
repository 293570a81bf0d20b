"""Numbers of this host on the screen within milliseconds, before Textual is imported; keys typed meanwhile wait in the kernel.

Imports next to nothing. What it paints is what the screen goes on showing until the first frame comes, so the hand-over cannot be seen.
"""

from __future__ import annotations

import atexit
import os
import signal
import time
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import NamedTuple, Self

from tui_monitor.ui.tty import NoTerminal, Tty

HINT = "use `tui-monitor once` for one picture, or --plain for lines"


class Glance(NamedTuple):
    """The host as /proc tells it in a millisecond; None where it does not."""

    load: tuple[float, float, float] | None
    used_bytes: int | None
    total_bytes: int | None
    busy: int | None  # jiffies since boot, all cores
    jiffies: int | None


def glance(proc: str = "/proc") -> Glance:
    """Read it; nothing raises."""
    load = used = total = busy = jiffies = None
    try:
        one, five, fifteen = map(float, _read(proc, "loadavg").split()[:3])
        load = (one, five, fifteen)
    except (OSError, ValueError):
        pass
    try:
        memory = {line.split(":")[0]: int(line.split()[1]) << 10 for line in _read(proc, "meminfo").splitlines()[:5]}
        total = memory["MemTotal"]
        used = total - memory["MemAvailable"]
    except (OSError, ValueError, KeyError, IndexError):
        pass
    try:
        times = [int(word) for word in _read(proc, "stat").split(maxsplit=9)[1:9]]
        jiffies = sum(times)
        busy = jiffies - times[3] - times[4]  # idle and waiting for I/O
    except (OSError, ValueError, IndexError):
        pass
    return Glance(load, used, total, busy, jiffies)


def _read(proc: str, name: str) -> str:
    with open(f"{proc}/{name}", encoding="ascii", errors="replace") as file:  # noqa: PTH123  # pathlib would cost a tenth of the time to the first paint
        return file.read()


def cpu_ratio(before: Glance, now: Glance) -> float | None:
    """How busy the cores were between two glances, 0..1; None when no time passed."""
    if before.jiffies is None or now.jiffies is None or before.busy is None or now.busy is None or now.jiffies <= before.jiffies:
        return None
    return min(1.0, max(0.0, (now.busy - before.busy) / (now.jiffies - before.jiffies)))


def lines(before: Glance | None, now: Glance, note: str, at_s: float, *, utc: bool = False) -> list[str]:
    """The waiting screen, a line each, at most 80 cells wide where the note allows."""
    cpu = cpu_ratio(before, now) if before else None
    host = " ".join((os.uname().nodename or "this host").split())[:30]
    numbers = [f"cpu {'-' if cpu is None else f'{cpu:.0%}'}"]
    if now.load:
        numbers.append(f"load {now.load[0]:.2f} {now.load[1]:.2f} {now.load[2]:.2f} of {os.cpu_count() or '?'}")
    if now.used_bytes is not None and now.total_bytes:
        numbers.append(f"memory {now.used_bytes / 2**30:.1f} of {now.total_bytes / 2**30:.1f} GiB")
    clock = time.strftime("%H:%M:%S", time.gmtime(at_s) if utc else time.localtime(at_s))
    return [f" {host}  tui-monitor  {clock}", f" {'   '.join(numbers)}", "", f" {note}"]


class Painted:
    """The terminal while the program gets ready. Leaving the `with` gives the terminal back, whatever happened."""

    def __init__(self, terminal: Tty, first: Glance) -> None:
        self.terminal, self.first = terminal, first

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        """Restore."""
        self.terminal.restore()


def prepaint(environ: Mapping[str, str] = os.environ, note: str = "starting") -> Painted:
    """Take the terminal and paint; from here on SIGTERM and SIGHUP give it back and end the process.

    Raises:
        NoTerminal: not a tty, or TERM=dumb; nothing was changed.
    """
    if environ.get("TERM", "dumb") in {"dumb", ""}:
        raise NoTerminal(f"TERM={environ.get('TERM', '')} cannot show a screen: {HINT}")
    try:
        terminal = Tty()
    except NoTerminal:
        raise NoTerminal(f"not a terminal: {HINT}") from None
    first = glance()
    atexit.register(terminal.restore)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end(terminal))
    terminal.enter(signals=True)
    width, height = terminal.size()
    text = "\r\n".join(line[:width] for line in lines(None, first, note, time.time())[:height])
    terminal.write(b"\x1b[0m\x1b[2J\x1b[H" + text.encode())
    return Painted(terminal, first)


def _end(terminal: Tty) -> Callable[[int, FrameType | None], None]:
    """A signal handler that leaves at once: nothing has begun yet that would need a goodbye."""

    def end(number: int, _frame: FrameType | None) -> None:
        terminal.restore()
        os._exit(128 + number)

    return end
