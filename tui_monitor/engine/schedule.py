"""Each source at its own cadence, with its own deadline: one that hangs is late alone."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from typing import Protocol

from tui_monitor.model import Failure, Reading, clean

LONGEST_PAUSE_S = 16.0
AT_ONCE, APART_S = 16, 0.012
GRACE_S = 5.0  # over a source's own deadline, before it is called wedged


class Source(Protocol):
    """Something that is asked again and again."""

    name: str
    deadline_s: float

    @property
    def interval_s(self) -> float:
        """How often it is asked."""

    async def read(self, now_s: float) -> Reading:
        """One answer, or one failure; never an exception."""


def offset_s(name: str, interval_s: float) -> float:
    """Where in its interval a source is asked: fixed by its name, so that a hundred are never asked at once."""
    return (zlib.crc32(name.encode()) % 1000) / 1000 * min(interval_s, 2.0)


def first_s(before: int) -> float:
    """When to ask a source first, with so many before it: a few at once, many one after the other.

    The first page of a target costs some milliseconds to read; five hundred in one instant would all miss their deadlines, for ever.
    """
    return max(0, before - AT_ONCE) * APART_S


def pause_s(interval_s: float, failures: int) -> float:
    """How long after the last question the next one is asked: doubled from the third failure in a row on, up to 16 s or the interval."""
    return max(interval_s, min(interval_s * 2.0 ** min(max(0, failures - 2), 10), LONGEST_PAUSE_S))


async def run(source: Source, deliver: Callable[[Reading], None], first_s: float = 0.0) -> None:
    """Ask for ever: at the source's interval, later while it fails, never in a burst to catch up.

    Args:
        source: what to ask.
        deliver: takes each reading.
        first_s: from now, when to ask first; see `first_s`.
    """
    loop = asyncio.get_running_loop()
    asked = failures = 0
    await asyncio.sleep(first_s)
    while True:
        began = loop.time()
        reading = await read_once(source)
        deliver(reading)
        asked += 1
        failures = failures + 1 if reading.failure else 0
        wait_s = pause_s(source.interval_s, failures)
        if asked == 1:
            wait_s = min(wait_s, 1.0)  # rates need two looks
        elif asked == 2:
            wait_s = wait_s / 2 + offset_s(source.name, source.interval_s) / 2  # from here on not all in the same instant
        await asyncio.sleep(max(0.05, began + wait_s - loop.time()))


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
