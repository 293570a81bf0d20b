"""Programs of the user that we start in a process group of their own, and how that group is ended."""

from __future__ import annotations

import asyncio
import os
import signal


async def end_group(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """End all that it started, politely where it still runs itself. Whoever calls waits for it afterwards."""
    if process.returncode is None:
        _kill(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_s):
                await process.wait()
        except TimeoutError:
            pass
    _kill(process.pid, signal.SIGKILL)  # its group is its own, and goes on where a child stays behind


def _kill(group: int, what: signal.Signals) -> None:
    try:
        os.killpg(group, what)
    except (ProcessLookupError, PermissionError):
        pass


def signal_name(number: int) -> str:
    """SIGTERM for 15."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
