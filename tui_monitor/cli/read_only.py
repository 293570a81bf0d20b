"""A feed through which nothing can be changed: `--read-only`."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from tui_monitor.engine.feed import Feed, FeedStatus
from tui_monitor.model import (
    AlertPast,
    Command,
    Frame,
    Goodbye,
    History,
    HistoryOfAlert,
    HistoryQuery,
    Outcome,
    PreviewSilence,
    SilencePreview,
    TakeSnapshot,
)

WHY = "started with --read-only"


class ReadOnly:
    """Passes everything on but acts on alerts and on the engine."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def latest(self) -> Frame | None:
        """See Feed."""
        return self._feed.latest()

    def status(self) -> FeedStatus:
        """See Feed."""
        return replace(self._feed.status(), read_only=WHY)

    def on_frame(self, callback: Callable[[], None]) -> None:
        """See Feed."""
        self._feed.on_frame(callback)

    async def start(self) -> None:
        """See Feed."""
        await self._feed.start()

    async def frame_at(self, at_s: float) -> Frame:
        """See Feed."""
        return await self._feed.frame_at(at_s)

    async def history(self, query: HistoryQuery) -> History:
        """See Feed."""
        return await self._feed.history(query)

    async def send(self, command: Command) -> Outcome:
        """Refuse what changes anything for others; a snapshot and a goodbye do not."""
        if isinstance(command, TakeSnapshot | Goodbye):
            return await self._feed.send(command)
        return Outcome(ok=False, message=f"read-only: {WHY}")

    async def ask(self, question: PreviewSilence | HistoryOfAlert) -> SilencePreview | AlertPast | Outcome:
        """See Feed; questions change nothing."""
        return await self._feed.ask(question)

    async def close(self, *, goodbye: bool) -> None:
        """See Feed."""
        await self._feed.close(goodbye=goodbye)
