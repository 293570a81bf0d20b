"""Slots of time and the sliding windows over them, for one log or one slice of it."""

from __future__ import annotations

from collections.abc import Iterator

from tui_monitor.analyse.performance.counts import Counts
from tui_monitor.vocabulary import WINDOWS

ALL = "all"
_FINE_S, _COARSE_S = 10.0, 60.0  # a window is whole slots: the newest, unfinished one included
_FINE_UP_TO_S = 1800.0


class Sliding:
    """One window and the slot that it begins with."""

    __slots__ = ("first", "name", "total", "width_s")

    def __init__(self, name: str, width_s: float) -> None:
        self.name = name
        self.width_s = width_s
        self.first = 0
        self.total = Counts()


class Ring:
    """Slots of one length, and the windows that are sums of them."""

    def __init__(self, slot_s: float, widths: dict[str, float]) -> None:
        self.slot_s = slot_s
        self.windows = [Sliding(name, width_s) for name, width_s in widths.items()]
        self.slots: dict[int, Counts] = {}

    def advance(self, now_s: float) -> None:
        """Let what is too old leave its windows."""
        for window in self.windows:
            first = int((now_s - window.width_s) // self.slot_s)
            if first > window.first:
                for index in [index for index in self.slots if window.first <= index < first]:
                    window.total.subtract(self.slots[index])
                window.first = first
        oldest = min(window.first for window in self.windows)
        for index in [index for index in self.slots if index < oldest]:
            del self.slots[index]

    def touched(self, at_s: float) -> Iterator[Counts]:
        """The slot of a moment and every window that holds it; nothing where it is older than all windows."""
        index = int(at_s // self.slot_s)
        holding = [window.total for window in self.windows if index >= window.first]
        if holding:
            slot = self.slots.get(index)
            if slot is None:
                slot = self.slots[index] = Counts()
            yield slot
            yield from holding


class Book:
    """All windows of one log or slice, and the count since the log began."""

    def __init__(self) -> None:
        fine = {name: width_s for name, width_s in WINDOWS.items() if width_s <= _FINE_UP_TO_S}
        coarse = {name: width_s for name, width_s in WINDOWS.items() if width_s > _FINE_UP_TO_S}
        self._rings = (Ring(_FINE_S, fine), Ring(_COARSE_S, coarse))
        self._all = Counts()

    def advance(self, now_s: float) -> None:
        """Move every window to now."""
        for ring in self._rings:
            ring.advance(now_s)

    def touched(self, at_s: float) -> Iterator[Counts]:
        """Everything that a row of this moment counts in."""
        for ring in self._rings:
            yield from ring.touched(at_s)
        yield self._all

    def windows(self) -> Iterator[tuple[str, Counts]]:
        """Each window by its name, shortest first, `all` last."""
        for ring in self._rings:
            for window in ring.windows:
                yield window.name, window.total
        yield ALL, self._all
