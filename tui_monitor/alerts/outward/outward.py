"""What every outward system is for the dispatcher, and how it says that it was not told."""

from __future__ import annotations

from typing import Protocol

from tui_monitor.alerts.outward.item import Item


class NotSent(Exception):
    """It did not arrive; the text is one line for people, without secrets."""

    def __init__(self, reason: str, *, again: bool = True, after_s: float | None = None) -> None:
        """Why.

        Args:
            reason: one line.
            again: whether another attempt can end otherwise.
            after_s: how long the other side asked to be left alone.
        """
        super().__init__(reason)
        self.again = again
        self.after_s = after_s


class Outward(Protocol):
    """One outward system."""

    @property
    def name(self) -> str:
        """The `sink` of its rows in the outbox."""

    @property
    def deadline_s(self) -> float | None:
        """For one delivery; None: it bounds itself."""

    @property
    def at_once(self) -> int:
        """How many deliveries may be under way, each of another episode."""

    @property
    def once(self) -> bool:
        """Whether an attempt that may have happened must not be repeated; else it is repeated until it is known to have arrived."""

    def wants(self, item: Item) -> bool:
        """Whether it is told of that at all."""

    async def deliver(self, item: Item) -> None:
        """Tell it.

        Raises:
            NotSent: it was not told.
        """

    async def aclose(self) -> None:
        """Let connections go."""
