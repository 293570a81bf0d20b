"""Each source at its own cadence, with its own deadline: one that hangs is late alone."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from typing import Protocol

from tui_monitor.model import Failure, Reading, clean

GRACE_S = 1.0  # over a source's own deadline, before it is called wedged


class Source(Protocol):
    """Something that is asked again and again."""

    name: str
    interval_s: float
    deadline_s: float

    async def read(self, now_s: float) -> Reading:
        """One answer, or one failure; never an exception."""


def offset_s(name: str, interval_s: float) -> float:
    """Where in its interval a source is asked: fixed by its name, so that a hundred are never asked at once."""
    return (zlib.crc32(name.encode()) % 1000) / 1000 * min(interval_s, 2.0)


async def run(source: Source, deliver: Callable[[Reading], None], *, first_now: bool = True) -> None:
    """Ask for ever. A source that fails is asked at its interval still (Prometheus' rule), later after a long read, never in a burst."""
    loop = asyncio.get_running_loop()
    phase = 0.0 if first_now else offset_s(source.name, source.interval_s)
    due = loop.time() + phase
    asked = 0
    while True:
        await asyncio.sleep(max(0.0, due - loop.time()))
        deliver(await read_once(source))
        asked += 1
        if asked == 1:
            due = loop.time() + min(source.interval_s, 1.0)  # the second look comes soon: rates need two
        elif asked == 2:
            due = loop.time() + source.interval_s / 2 + offset_s(source.name, source.interval_s)
        else:
            due = max(due + source.interval_s, loop.time())


async def read_once(source: Source) -> Reading:
    """One read under the source's deadline; whatever goes wrong becomes a Failure with its reason."""
    started, at_s = time.monotonic(), time.time()
    try:
        async with asyncio.timeout(source.deadline_s + GRACE_S):
            return await source.read(at_s)
    except TimeoutError:
        failure = Failure("wedged", f"no answer within {source.deadline_s + GRACE_S:g} s")
    except Exception as error:  # noqa: BLE001 - the border of a source: recorded, shown, and the others go on
        failure = Failure("unreadable", clean(f"{type(error).__name__}: {error}"))
    return Reading(source.name, at_s, time.monotonic() - started, failure=failure)
