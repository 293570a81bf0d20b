"""Slots of time and the windows over them, for one log or one slice of it.

A row lies in exactly one slot: of 10 s while it is younger than 30 minutes, then of 60 s, from 3 hours on of 300 s, and after 24 hours
only in the windows without an end. Slots nest, so the sums of a slot that is too old for its ring go on into the next one. Every window
keeps its own total: what comes in is added, what leaves is taken out, and no window is ever summed up for a look.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Counts, Packed, faded
from tui_monitor.analyse.performance.counting.layout import Layout
from tui_monitor.analyse.performance.counting.slots import Frozen, Vector, freeze, from_plain
from tui_monitor.vocabulary import WINDOWS

ALL, DEPLOY = "all", "deploy"
SLOT_S = (10.0, 60.0, 300.0)
_KEPT_S = (1800.0, 10_800.0, 86_400.0)  # how long a row stays in the slots of that length
_OLD = len(SLOT_S)  # the ring of rows that are in none
_OPEN = 4  # slots that are being written, held as plain vectors


class Spot(NamedTuple):
    """The slot of a row: `ring` is its place in SLOT_S, or one more for rows older than all slots."""

    ring: int
    start_s: float


def _floor(at_s: float, step_s: float) -> float:
    return math.floor(at_s / step_s) * step_s


def slot_start(at_s: float) -> float:
    """Where the shortest slot of a moment begins."""
    return _floor(at_s, SLOT_S[0]) if math.isfinite(at_s) else at_s


def end_of(now_s: float) -> float:
    """The end of every window at a moment: of the shortest slot that the moment is in."""
    return _floor(now_s, SLOT_S[0]) + SLOT_S[0]


def slot_of(width_s: float) -> float:
    """Length of the slots that a window of this width begins with."""
    return next((slot_s for slot_s, kept_s in zip(SLOT_S, _KEPT_S, strict=True) if width_s <= kept_s), SLOT_S[-1])


def start_of(width_s: float, now_s: float) -> float:
    """The start of a window at a moment: of the slot that the moment `width_s` ago is in."""
    return _floor(now_s - width_s, slot_of(width_s))


def _edges(now_s: float) -> tuple[float, ...]:
    """The moment from which on rows lie in the slots of each ring; slots of the next ring begin there."""
    return tuple(_floor(now_s - kept_s, next_s) for kept_s, next_s in zip(_KEPT_S, (*SLOT_S[1:], SLOT_S[-1]), strict=True))


def spots(at_s: NDArray[np.float64], now_s: float, deployed_s: float | None = None) -> Iterator[tuple[Spot, NDArray[np.intp]]]:
    """The rows of a batch by the slot that each belongs to now; rows older than all slots by whether they are before the deploy."""
    starts = np.full(len(at_s), 0.0)
    rings = np.full(len(at_s), _OLD, np.int8)
    if deployed_s is not None:
        starts[at_s >= deployed_s] = deployed_s
    for ring in range(len(SLOT_S) - 1, -1, -1):
        in_ring = at_s >= _edges(now_s)[ring]
        rings[in_ring] = ring
        starts[in_ring] = np.floor(at_s[in_ring] / SLOT_S[ring]) * SLOT_S[ring]
    if len(at_s) and (starts == starts[0]).all() and (rings == rings[0]).all():
        yield Spot(int(rings[0]), float(starts[0])), np.arange(len(at_s))
        return
    keys = np.stack([rings.astype(np.float64), starts])
    distinct, number = np.unique(keys, axis=1, return_inverse=True)
    number = number.reshape(-1)
    for place in range(distinct.shape[1]):
        yield Spot(int(distinct[0, place]), float(distinct[1, place])), np.flatnonzero(number == place)


class Window:
    """One window and its total."""

    __slots__ = ("changed", "name", "start_s", "taken", "total", "width_s")

    def __init__(self, name: str, width_s: float, start_s: float, layout: Layout) -> None:
        self.name = name
        self.width_s = width_s  # infinite: rows never leave
        self.start_s = start_s
        self.total = Counts(layout)
        self.taken = 0  # slots that left since the total was last summed up
        self.changed = 0  # counts what came and went


class Book:
    """All windows of one log or slice."""

    def __init__(self, layout: Layout, now_s: float, stagger: int = 0) -> None:
        """Begin with nothing.

        Args:
            layout: of the sums; it may grow.
            now_s: where the windows stand.
            stagger: a number of its own for each of several books, so that they do not sum up their totals at one moment.
        """
        self.layout = layout
        self._capacity = layout.capacity
        self.end_s = end_of(now_s)
        self._edges = _edges(now_s)
        self.windows = {name: Window(name, width_s, start_of(width_s, now_s), layout) for name, width_s in WINDOWS.items()}
        self.windows[ALL] = Window(ALL, math.inf, -math.inf, layout)
        for window in self.windows.values():
            window.taken = -stagger
        self._frozen: tuple[dict[float, Frozen], ...] = ({}, {}, {})  # ring -> start of the slot -> its sums
        self.began_s = -math.inf  # rows before it were not counted here
        self.oldest_s = math.inf  # of the rows
        self._open: dict[float, Vector] = {}  # of the shortest slots; the one that was written last stands at the end

    # -- time -----------------------------------------------------------------------------------------------------------------------------

    def advance(self, now_s: float) -> None:
        """Move every window to now; time that goes back moves nothing."""
        end_s = end_of(now_s)
        if end_s <= self.end_s:
            return
        self._fit()
        for start_s in self._starts(0, self.end_s, end_s):
            for window in self.windows.values():
                self._add_slot(0, start_s, window.total.vector)
                window.changed += 1
        self.end_s = end_s
        for window in self.windows.values():
            if window.width_s < math.inf:
                self._leave(window, start_of(window.width_s, now_s))
        self._edges = _edges(now_s)
        for ring, edge_s in enumerate(self._edges):
            self._pass_on(ring, self._starts(ring, -math.inf, edge_s))

    def _leave(self, window: Window, start_s: float) -> None:
        """Take what lies before its new start out of a window."""
        if start_s <= window.start_s:
            return
        leaving = [(ring, slot_s) for ring in range(len(SLOT_S)) for slot_s in self._starts(ring, window.start_s, start_s)]
        window.start_s = start_s
        if not leaving:
            return
        before = window.total.vector.copy()
        for ring, slot_s in leaving:
            self._add_slot(ring, slot_s, window.total.vector, -1.0)
        window.changed += 1
        window.taken += len(leaving)
        if window.taken > 2 * (window.width_s / slot_of(window.width_s)) or faded(before, window.total.vector):
            window.total.vector = self._summed(start_s)
            window.taken = 0

    def _pass_on(self, ring: int, starts: list[float]) -> None:
        """Slots too old for their ring go into the next one: all that become one slot there at once, a slot at rest is costly to change."""
        into: dict[float, Vector] = {}
        for start_s in starts:
            if ring + 1 < _OLD:
                next_s = _floor(start_s, SLOT_S[ring + 1])
                if next_s not in into:
                    into[next_s] = np.zeros(self.layout.size)
                self._add_slot(ring, start_s, into[next_s])
            self._frozen[ring].pop(start_s, None)
            if ring == 0:
                self._open.pop(start_s, None)
        for next_s, vector in into.items():
            self._add_slot(ring + 1, next_s, vector)
            self._frozen[ring + 1][next_s] = freeze(vector)

    def _starts(self, ring: int, from_s: float, until_s: float) -> list[float]:
        """The slots of a ring that begin in a span of time, in no order."""
        slots = self._frozen[ring]
        step_s = SLOT_S[ring]
        if until_s - from_s < step_s * len(slots):
            first, last = math.ceil(from_s / step_s), math.ceil(until_s / step_s)
            found = [start_s for number in range(first, last) if (start_s := number * step_s) in slots]
        else:
            found = [start_s for start_s in slots if from_s <= start_s < until_s]
        return found + [start_s for start_s in self._open if from_s <= start_s < until_s] if ring == 0 else found

    def _add_slot(self, ring: int, start_s: float, vector: Vector, sign: float = 1.0) -> None:
        """The sums of a slot into a vector."""
        if ring == 0 and start_s in self._open:
            vector += sign * self._open[start_s]
        elif (frozen := self._frozen[ring].get(start_s)) is not None:
            frozen.add_to(vector, sign)

    def _summed(self, from_s: float) -> Vector:
        """The sums of all slots that begin in a window, anew: nothing rounded is left from what came and went."""
        total = np.zeros(self.layout.size)
        for ring in range(len(SLOT_S)):
            for start_s in self._starts(ring, from_s, self.end_s):
                self._add_slot(ring, start_s, total)
        return total

    # -- rows -----------------------------------------------------------------------------------------------------------------------------

    def add(self, spot: Spot, packed: Packed) -> None:
        """Sums of rows of one slot. A slot that is still to come counts in windows when it has come."""
        self._fit()
        packed = packed.moved(self.layout)
        index, value = packed.index, packed.value
        if spot.ring == 0:
            self._opened(spot.start_s)[index] += value
        elif spot.ring < _OLD:
            slots = self._frozen[spot.ring]
            vector = slots[spot.start_s].thawed() if spot.start_s in slots else np.zeros(self.layout.size)
            vector[index] += value
            slots[spot.start_s] = freeze(vector)
        if spot.start_s < self.end_s:
            for window in self.windows.values():
                if spot.start_s >= window.start_s and (spot.ring < _OLD or window.width_s == math.inf):
                    window.total.vector[index] += value
                    window.changed += 1

    def _opened(self, start_s: float) -> Vector:
        vector = self._open.pop(start_s, None)
        if vector is None:
            frozen = self._frozen[0].pop(start_s, None)
            vector = np.zeros(self.layout.size) if frozen is None else frozen.thawed()
            if len(self._open) >= _OPEN:
                idle_s = next(iter(self._open))
                self._frozen[0][idle_s] = freeze(self._open.pop(idle_s))
        self._open[start_s] = vector
        return vector

    def deploy(self, at_s: float) -> float:
        """Begin the window `deploy` anew with the slot of this moment; returns its start."""
        ring = next((ring for ring, edge_s in enumerate(self._edges) if at_s >= edge_s), _OLD - 1)
        start_s = _floor(at_s, SLOT_S[ring])
        self._fit()
        window = Window(DEPLOY, math.inf, start_s, self.layout)
        window.total.vector = self._summed(start_s)
        whole = self.windows.pop(ALL)
        self.windows[DEPLOY] = window
        self.windows[ALL] = whole  # stays the last
        return start_s

    def _fit(self) -> None:
        """Follow a layout that has grown."""
        capacity = self.layout.capacity
        if capacity == self._capacity:
            return
        for window in self.windows.values():
            window.total.fit()
        self._open = {start_s: self.layout.grown(vector) for start_s, vector in self._open.items()}
        for slots in self._frozen:
            for start_s, slot in slots.items():
                slots[start_s] = freeze(self.layout.grown(slot.thawed()))
        self._capacity = capacity

    # -- kept -----------------------------------------------------------------------------------------------------------------------------

    @property
    def held_bytes(self) -> int:
        """What its sums take."""
        frozen = sum(slot.held_bytes for slots in self._frozen for slot in slots.values())
        return frozen + 8 * self.layout.size * (len(self._open) + len(self.windows))

    def plain(self) -> dict[str, Any]:
        """As values that can be written."""
        self._fit()
        slots = [[[start_s, slot.plain()] for start_s, slot in ring.items()] for ring in self._frozen]
        slots[0] += [[start_s, freeze(vector).plain()] for start_s, vector in self._open.items()]
        endless = {w.name: [w.start_s, freeze(w.total.vector).plain()] for w in self.windows.values() if w.width_s == math.inf}
        return {
            "size": self.layout.size,
            "now_s": self.end_s - SLOT_S[0],
            "span_s": [self.began_s, self.oldest_s],
            "slots": slots,
            "endless": endless,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any], layout: Layout, stagger: int = 0) -> Self:
        """What `plain` gave.

        Raises:
            ValueError: it is damaged, or of another layout.
        """
        try:
            if plain["size"] != layout.size:
                raise ValueError("its numbers are laid out otherwise")
            book = cls(layout, float(plain["now_s"]), stagger)
            book.began_s, book.oldest_s = (float(at_s) for at_s in plain["span_s"])
            for ring, slots in enumerate(plain["slots"]):
                for start_s, slot in slots:
                    book._frozen[ring][float(start_s)] = _checked(slot, layout.size)
            for name in (DEPLOY, ALL):
                if name in plain["endless"]:
                    start_s, total = plain["endless"][name]
                    book.windows.pop(name, None)
                    book.windows[name] = Window(name, math.inf, float(start_s), layout)
                    book.windows[name].total.vector = _checked(total, layout.size).thawed()
        except (KeyError, TypeError, IndexError, OverflowError) as error:
            raise ValueError(f"a book of windows is damaged ({error})") from None
        for window in book.windows.values():
            if window.width_s < math.inf:
                window.total.vector = book._summed(window.start_s)
        return book


def _checked(plain: list[Any], size: int) -> Frozen:
    slot = from_plain(plain)
    if slot.size != size:
        raise ValueError("a slot of time is laid out otherwise")
    return slot
