"""One daemon thread for work that may block, awaited under a deadline and never joined."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Busy(Exception):
    """The work before has not come back; nothing new is started behind it."""


class Worker(Generic[T]):
    """Runs one piece of work at a time, each in a daemon thread, so that a stuck one holds up neither the loop nor its end."""

    def __init__(self, name: str) -> None:
        """`name` is the thread's."""
        self._name = name
        self._under_way: Future[T] | None = None

    async def run(self, work: Callable[[], T], deadline_s: float | None) -> T:
        """Awaits `work`. When the deadline passes (None: there is none) it is given up, and goes on alone.

        Raises:
            Busy: an earlier piece of work, given up then, is still stuck.
            TimeoutError: not done within `deadline_s`.
            Exception: whatever `work` raised.
        """
        if self._under_way is not None and not self._under_way.done():
            raise Busy
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # who waits may be cancelled, the work cannot
        self._under_way = future

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - it belongs to who awaits the work
                future.set_exception(error)

        threading.Thread(target=run, name=self._name, daemon=True).start()
        async with asyncio.timeout(deadline_s):
            return await asyncio.wrap_future(future)
