"""Takes rows of the outbox to their systems, each system in tasks of its own; nobody waits for it, and nothing here raises."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future

from msgspec.structs import replace

from tui_monitor.alerts.outward.item import read
from tui_monitor.alerts.outward.lane import FIRST_S, Lane
from tui_monitor.alerts.outward.outward import NotSent, Outward
from tui_monitor.model import Outgoing, OutwardState, clean

STARTED = "was begun; nobody knows whether it ended"
FETCHED_EVERY_S = 5.0
FETCHED = 200  # rows at once
GRACE_S = 2.0  # for what is under way when the engine ends

Settle = Callable[[Outgoing], object]  # the row as it is now; may return something to await: then it is durable
Fetch = Callable[[str, int], Awaitable[Sequence[Outgoing]]]  # a system's rows that are due, oldest first, at most so many


class Dispatcher:
    """Sends what waits, and tells what became of it."""

    def __init__(
        self,
        channels: Sequence[Outward],
        settle: Settle,
        *,
        fetch: Fetch | None = None,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        first_s: float = FIRST_S,
        fetched_every_s: float = FETCHED_EVERY_S,
    ) -> None:
        """Nothing runs before `start`.

        Args:
            channels: the systems; rows of others are left alone.
            settle: gets each row after each attempt: `state`, `attempts`, `next_s`, `error`.
            fetch: reads rows from the outbox; without it only what `put` brings is sent.
            clock: wall time, because the times of attempts are kept over restarts.
            jitter: 0..1, so that several engines do not come back at the same moment.
            first_s: the first pause after a failure.
            fetched_every_s: how often the outbox is looked at without being told to.
        """
        self._channels = {channel.name: channel for channel in channels}
        self._lanes = {name: Lane(name, channel.at_once, first_s=first_s, jitter=jitter) for name, channel in self._channels.items()}
        self._news = {name: asyncio.Event() for name in self._channels}  # something to send, or one more may be sent
        self._look = {name: asyncio.Event() for name in self._channels}  # the outbox has changed
        self._settle, self._fetch, self._clock, self._fetched_every_s = settle, fetch, clock, fetched_every_s
        self._loops: list[asyncio.Task[None]] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._ending = False
        self.errors = 0  # of `settle` and `fetch`; the rows are remembered all the same

    # -- for the engine -------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to send; needs a running loop."""
        if not self._loops:
            for name in self._channels:
                self._loops.append(asyncio.create_task(self._run(name), name=f"outward {name}"))
                if self._fetch is not None:
                    self._loops.append(asyncio.create_task(self._bring(name, self._fetch), name=f"outbox {name}"))

    def wake(self) -> None:
        """Something was put into the outbox."""
        for event in self._look.values():
            event.set()

    def put(self, rows: Iterable[Outgoing]) -> None:
        """Rows to send, also before they are on disk. One that comes again later is not sent again."""
        for row in rows:
            lane = self._lanes.get(row.sink)
            if lane is None or row.state != "waiting":
                continue
            done = lane.put(row, self._clock())
            if done is not None:
                self._tell(done)
            self._news[row.sink].set()

    def states(self) -> list[OutwardState]:
        """Each system: what waits and why."""
        return [lane.state for lane in self._lanes.values()]

    def why_not(self, episode: str) -> dict[str, str]:
        """Of an episode: system -> `not sent (reason)`, for those that do not know everything of it yet."""
        found = {name: lane.why_not(episode) for name, lane in self._lanes.items()}
        return {name: why for name, why in found.items() if why}

    async def aclose(self, grace_s: float = GRACE_S) -> None:
        """End; what is under way gets a moment, and what then waits stays in the outbox."""
        self._ending = True
        for task in self._loops:
            task.cancel()
        if self._sending:
            await asyncio.wait(set(self._sending), timeout=grace_s)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._loops, *self._sending, return_exceptions=True)
        await asyncio.gather(*(channel.aclose() for channel in self._channels.values()), return_exceptions=True)

    # -- one system -----------------------------------------------------------------------------------------------------------------

    async def _run(self, name: str) -> None:
        """Send what is due, as many at once as the system takes."""
        lane, news = self._lanes[name], self._news[name]
        while not self._ending:
            news.clear()
            while (row := lane.take(self._clock())) is not None:
                task = asyncio.create_task(self._send(self._channels[name], lane, row))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            try:
                async with asyncio.timeout(lane.wake_s(self._clock())):
                    await news.wait()
            except TimeoutError:
                pass

    async def _bring(self, name: str, fetch: Fetch) -> None:
        """Read the outbox when something was put there, and now and then."""
        look = self._look[name]
        while not self._ending:
            look.clear()
            try:
                self.put(await fetch(name, FETCHED))
            except Exception:  # noqa: BLE001 - the border to the store: it says itself what is wrong with it
                self.errors += 1
            try:
                async with asyncio.timeout(self._fetched_every_s):
                    await look.wait()
            except TimeoutError:
                pass

    async def _send(self, channel: Outward, lane: Lane, row: Outgoing) -> None:
        """One attempt."""
        try:
            settled = await self._attempt(channel, lane, row)
        finally:
            self._news[channel.name].set()
        await self._durable(self._tell(settled))
        self._look[channel.name].set()

    async def _attempt(self, channel: Outward, lane: Lane, row: Outgoing) -> Outgoing:
        try:
            item = read(row)
        except ValueError:
            return lane.failed(row, "its row in the outbox cannot be read", self._clock(), again=False)
        if channel.once:
            if row.error == STARTED:
                return lane.failed(row, f"{STARTED}: not repeated", self._clock(), again=False)
            await self._durable(self._tell(replace(row, error=STARTED)))
        try:
            async with asyncio.timeout(channel.deadline_s):
                await channel.deliver(item)
        except NotSent as why:
            return lane.failed(row, clean(why), self._clock(), again=why.again, after_s=why.after_s)
        except TimeoutError:
            return lane.failed(row, f"not done within {channel.deadline_s:g} s", self._clock(), again=not channel.once)
        except Exception as error:  # noqa: BLE001 - the border of a system; the words of an unknown error may hold secrets
            return lane.failed(row, f"failed unexpectedly ({type(error).__name__})", self._clock(), again=not channel.once)
        return lane.sent(row, self._clock())

    def _tell(self, row: Outgoing) -> object:
        try:
            return self._settle(row)
        except Exception:  # noqa: BLE001 - the border to the store: it says itself what is wrong with it
            self.errors += 1
            return None

    async def _durable(self, told: object) -> None:
        """Wait until the store has it, or says that it cannot."""
        try:
            if isinstance(told, Future):
                await asyncio.wrap_future(told)
            elif isinstance(told, Awaitable):
                await told
        except Exception:  # noqa: BLE001 - as above
            self.errors += 1
