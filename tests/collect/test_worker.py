"""Work that may block, awaited under a deadline and never joined."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from tui_monitor.collect.worker import Busy, Worker


def test_its_answer_and_its_error_come_back() -> None:
    worker: Worker[int] = Worker("test")
    assert asyncio.run(worker.run(lambda: 3, 5.0)) == 3
    with pytest.raises(ZeroDivisionError):
        asyncio.run(worker.run(lambda: 1 // 0, 5.0))


def test_stuck_work_is_given_up_and_nothing_queues_behind_it() -> None:
    release, started = threading.Event(), []

    def stuck() -> int:
        started.append(1)
        release.wait(20)
        return 1

    async def scenario() -> None:
        worker: Worker[int] = Worker("test")
        with pytest.raises(TimeoutError):
            await worker.run(stuck, 0.02)
        with pytest.raises(Busy):
            await worker.run(stuck, 0.02)
        release.set()
        while True:
            try:
                assert await worker.run(lambda: 2, 5.0) == 2
                return
            except Busy:
                await asyncio.sleep(0)

    asyncio.run(scenario())
    assert started == [1]


def test_a_program_ends_although_work_is_stuck() -> None:
    script = """
import asyncio, threading
from tui_monitor.collect.worker import Worker
try:
    asyncio.run(Worker("x").run(lambda: threading.Event().wait(60), 0.05))
except TimeoutError:
    print("gave up")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr, done.returncode) == ("gave up\n", "", 0)
