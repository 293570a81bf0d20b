"""Runs the screen from the first painted byte to the restored terminal, and says with an exit code how it ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from tui_monitor.ui.prepaint import Painted, prepaint
from tui_monitor.ui.tty import Deadline, NoTerminal, Tty, colours, watch_hangup

if TYPE_CHECKING:
    from tui_monitor.engine.feed import Feed
    from tui_monitor.ui.app import MonitorApp, Ring

LOST_WITHIN_S = 1.5  # from the loss of the terminal to the end of the process
LEAVE_WITHIN_S = 1.8  # from the key q
GOODBYE_S = 1.2


def run_screen(
    feed: Feed,
    *,
    theme: str = "default-dark",
    ascii: bool = False,  # noqa: A002
    utc: bool = False,
    painted: Painted | None = None,
    themes: Path | None = None,
    log: Path | None = None,
    ring: Ring | None = None,
) -> int:
    """Show the feed until the user leaves; returns the exit code.

    Args:
        feed: not started yet; it is started and closed here.
        theme: name of a theme; without colour on this terminal it is `mono`.
        ascii: nothing but ASCII.
        utc: clock times in UTC.
        painted: what `prepaint` returned when it was called earlier.
        themes: the user's own themes.
        log: where the traceback of a crash goes; its folder is made.
        ring: makes what the terminal is sent for alerts that fire anew.

    Returns:
        0 left on purpose; 1 not a terminal, nothing to look at, or a crash; 129 the terminal was lost; 143 SIGTERM.
    """
    try:
        painted = painted or prepaint()
    except NoTerminal as error:
        return _fail(str(error))
    with painted:
        try:
            code, line = _show(feed, painted, theme=theme, ascii=ascii, utc=utc, themes=themes, ring=ring)
        except KeyboardInterrupt:
            return 0  # ctrl+c while the program was being loaded
        except Exception as error:  # noqa: BLE001  # the top of the program: restore first, then report
            code, line = 1, _write_crash(error, log)
    return _fail(line) if line else code


def _fail(line: str) -> int:
    try:
        print(f"tui-monitor: {line}", file=sys.stderr)
    except OSError:
        pass  # nobody is there to read it
    return 1


def _write_crash(error: BaseException, log: Path | None) -> str:
    """Keep the traceback; returns the line for the user."""
    what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    if log is None:
        from tui_monitor.engine.paths import state_dir

        log = state_dir("default") / "screen.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        log.unlink(missing_ok=True)  # a link in its place is replaced, never followed
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8", errors="replace") as file:
            file.writelines(traceback.format_exception(error))
    except OSError as failure:
        return f"the screen crashed: {what} (no traceback kept: {failure.strerror})"
    return f"the screen crashed: {what} (traceback in {log})"


def _show(
    feed: Feed,
    painted: Painted,
    *,
    theme: str,
    ascii: bool,  # noqa: A002
    utc: bool,
    themes: Path | None,
    ring: Ring | None,
) -> tuple[int, str]:
    """The exit code, and a line for stderr or ""."""
    return asyncio.run(_life(feed, painted, theme=theme, ascii=ascii, utc=utc, themes=themes, ring=ring))


async def _life(
    feed: Feed,
    painted: Painted,
    *,
    theme: str,
    ascii: bool,  # noqa: A002
    utc: bool,
    themes: Path | None,
    ring: Ring | None,
) -> tuple[int, str]:
    starting = asyncio.ensure_future(feed.start())
    for _ in range(10):
        await asyncio.sleep(0)  # an engine that has to be started is, before the long import begins: two cores work
    depth = colours(os.environ)
    os.environ.pop("NO_COLOR", None)  # Textual would make greys of it; we know better
    from rich.color import ColorSystem

    from tui_monitor.ui import theme as looks
    from tui_monitor.ui.app import MonitorApp
    from tui_monitor.ui.driver import driver_for
    from tui_monitor.ui.terminal import Shadow

    try:
        look = looks.load(theme, themes)
    except looks.ThemeError as error:
        starting.cancel()
        return 1, str(error)
    system = {16: ColorSystem.STANDARD, 256: ColorSystem.EIGHT_BIT}.get(depth, ColorSystem.TRUECOLOR) if depth else None
    app = MonitorApp(
        feed,
        look if depth else look.without_colour(),
        started=starting,
        themes=themes,
        ascii=ascii or not _unicode(),
        utc=utc,
        shadow=Shadow(system),
        driver=driver_for(painted.terminal),
        first=painted.first,
        ring=ring,
    )
    deadline = Deadline(painted.terminal)
    _obey_signals(app, deadline, painted.terminal)
    app.on_leave = lambda: deadline.arm(app.return_code or 0, LEAVE_WITHIN_S)
    try:
        await app.run_async()
    finally:
        painted.terminal.restore()
        await _goodbye(feed, starting, goodbye=app.goodbye)
        deadline.disarm()
    if app.crash is not None:
        raise app.crash
    return app.return_code or 0, app.failure


async def _goodbye(feed: Feed, starting: asyncio.Future[None], *, goodbye: bool) -> None:
    """Close the feed; an engine that hangs does not keep us."""
    starting.cancel()
    try:
        async with asyncio.timeout(GOODBYE_S):
            await feed.close(goodbye=goodbye)
    except (TimeoutError, OSError):
        pass


def _unicode() -> bool:
    """Whether the locale's encoding is UTF-8; nothing said counts as yes, as every terminal of today."""
    said = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    return not said or said in {"C", "POSIX"} or "UTF8" in said.upper().replace("-", "")


def _obey_signals(app: MonitorApp, deadline: Deadline, terminal: Tty) -> None:
    """SIGTERM, SIGHUP and a terminal that hangs up: a lost screen, no goodbye. SIGINT: ctrl+c from outside, on purpose."""
    loop = asyncio.get_running_loop()

    def lost(code: int) -> None:
        deadline.arm(code, LOST_WITHIN_S)
        loop.call_soon_threadsafe(lambda: app.leave(code=code))

    def handle(number: int, _frame: FrameType | None) -> None:
        lost(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)
    loop.add_signal_handler(signal.SIGINT, app.action_leave)
    watch_hangup(terminal.fd_in, lambda: _quietly(lost, 128 + signal.SIGHUP))


def _quietly(lost: Any, code: int) -> None:
    try:
        lost(code)
    except RuntimeError:
        pass  # the loop has ended already
