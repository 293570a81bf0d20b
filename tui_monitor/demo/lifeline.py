"""A demo process lives no longer than the one that started it, however that one ends.

Two ropes, because each can be cut: the parent holds the other end of our stdin (its end, by SIGKILL too, is our end of file), and the
kernel sends SIGKILL when the parent's thread is gone (PR_SET_PDEATHSIG, prctl(2); Linux only).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
FIRST_LINE_LIMIT_BYTES = 4096


def follow_parent() -> None:
    """Ask the kernel to end this process with its parent. Where that cannot be asked, stdin alone must do."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def first_line() -> str:
    """The line that the parent writes to our stdin before anything else; empty when it is gone."""
    return sys.stdin.buffer.readline(FIRST_LINE_LIMIT_BYTES).decode("utf-8", "replace").strip()


def announce(port: int) -> None:
    """Tell the parent that we answer, and where."""
    print(f"ready {port}", flush=True)


async def until_told(stdin: int = 0) -> None:
    """Wait for the end: SIGTERM, or end of file on stdin."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    loop.add_reader(stdin, _drain(stdin, told.set))
    await told.wait()


def _drain(descriptor: int, ended: Callable[[], None]) -> Callable[[], None]:
    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(descriptor, 4096):
                asyncio.get_running_loop().remove_reader(descriptor)
                ended()

    return read
