"""The books of a log, one for all of its rows and one for each slice, and which rows go into which."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.book import Book, spots
from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Layout
from tui_monitor.analyse.performance.live.arrived import features
from tui_monitor.analyse.performance.slicing.candidates import Candidates
from tui_monitor.analyse.performance.slicing.slices import Slice, Table, predicate
from tui_monitor.config import PredictionSettings
from tui_monitor.language.expression import ExpressionError
from tui_monitor.model import LogRow

MOST = 64  # slices: each row has one bit for each

Bits = NDArray[np.uint64]


class Books:
    """All windows of one log.

    Args:
        settings: of the log, for its slices.
        layout: of its sums.
        gone: is told of a slice that is no more, and of the bit that it had.
    """

    def __init__(self, settings: PredictionSettings, layout: Layout, gone: Callable[[str, int], None]) -> None:
        self._layout = layout
        self._gone = gone
        self._automatic = settings.auto_slices
        slices, self.unreadable = configured(settings.slices)
        apart = (*settings.private, *_own_columns(settings))
        self._candidates = Candidates(slices, apart, automatic=self._automatic, most=MOST)
        self.slices: dict[str, Slice] = {}
        self.bit_of: dict[str, int] = {}  # name of a slice -> its bit
        self.now_s = -math.inf
        self.deployed_s: float | None = None
        self._books: dict[str | None, Book] = {}
        self._follow()

    # -- reading --------------------------------------------------------------------------------------------------------------------------

    @property
    def whole(self) -> Book:
        """The windows of all rows; there is none before the first `advance`."""
        return self._books[None]

    def each(self) -> Iterator[tuple[str | None, Book]]:
        """The windows of the whole log, then those of its slices by name."""
        yield from self._books.items()

    def totals(self, window: str) -> dict[str, Counts]:
        """The sums of one window, slice by slice."""
        return {name: book.windows[window].total for name, book in self._books.items() if name is not None}

    @property
    def left_out(self) -> int:
        """Slices that were found, and for which there is no place."""
        return self._candidates.left_out

    # -- what comes -----------------------------------------------------------------------------------------------------------------------

    def advance(self, now_s: float) -> None:
        """Move every window on; time that goes back moves nothing."""
        self.now_s = max(self.now_s, now_s)
        if not self._books:
            self._books[None] = Book(self._layout, self.now_s)
            self._open(began_s=-math.inf)
        for book in self._books.values():
            book.advance(self.now_s)

    def deploy(self, at_s: float) -> None:
        """A new version begins at this moment."""
        for book in self._books.values():
            self.deployed_s = book.deploy(at_s)

    def bits(self, rows: Sequence[LogRow]) -> Bits:
        """For each row the slices that it belongs to, one bit each."""
        bits = np.zeros(len(rows), np.uint64)
        names = dict.fromkeys(name for one in self.slices.values() for name in one.columns)
        if self._automatic:
            names |= dict.fromkeys(name for row in rows[:1] for name in row.features)
        columns = features(rows, names)
        if self._automatic and self._candidates.add(columns):
            self._follow()
            self._open(began_s=self.now_s)
        if columns:
            table = Table(columns)
            for name, one in self.slices.items():
                bits[one.fits(table)] |= np.uint64(1 << self.bit_of[name])
        return bits

    def count(self, batch: Batch, bits: Bits, *, rows: bool) -> None:
        """Rows (with their labels, where they have them), or only labels."""

        def add(counts: Counts, here: NDArray[np.intp]) -> None:
            mine = batch if len(here) == len(bits) else batch.take(here)
            if rows:
                counts.add_rows(mine)
            counts.add_labels(mine)

        self._add(batch.at_s, bits, add, are_rows=rows)

    def count_sampled(self, at_s: NDArray[np.float64], bits: Bits, add: Callable[[Counts, NDArray[np.intp]], None]) -> None:
        """Labels of a drawn sample; `add` puts those at the given places into the sums."""
        self._add(at_s, bits, add, are_rows=False)

    def _add(self, at_s: NDArray[np.float64], bits: Bits, add: Callable[[Counts, NDArray[np.intp]], None], *, are_rows: bool) -> None:
        for spot, here in spots(at_s, self.now_s, self.deployed_s):
            for name, book in self._books.items():
                mine = here
                if name is not None:
                    mine = here[(bits[here] >> np.uint64(self.bit_of[name])) & np.uint64(1) == 1]
                if not len(mine):
                    continue
                counts = Counts(self._layout)
                add(counts, mine)
                book.add(spot, counts.packed())
                if are_rows:
                    book.oldest_s = min(book.oldest_s, float(at_s[mine].min()))

    # -- slices that come and go ----------------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """A bit for each slice; those that are no more lose theirs, with all that was counted."""
        self.slices = {one.name: one for one in self._candidates.slices[:MOST]}
        for name in [name for name in self.bit_of if name not in self.slices]:
            bit = self.bit_of.pop(name)
            self._books.pop(name, None)
            self._gone(name, bit)
        free = [bit for bit in range(MOST) if bit not in self.bit_of.values()]
        for name in self.slices:
            if name not in self.bit_of:
                self.bit_of[name] = free.pop(0)

    def _open(self, began_s: float) -> None:
        """Books for the slices that have none; rows before `began_s` were not counted for them."""
        for name in self.slices:
            if name not in self._books:
                book = self._books[name] = Book(self._layout, self.now_s, stagger=len(self._books))
                if self.deployed_s is not None:
                    book.deploy(self.deployed_s)
                book.began_s = began_s

    # -- kept -----------------------------------------------------------------------------------------------------------------------------

    def plain(self, named: Mapping[str, str]) -> dict[str, Any]:
        """As values that can be written: the log and its configured slices. Automatic ones are learned anew."""
        return {
            "now_s": self.now_s if self._books else None,
            "deployed_s": self.deployed_s,
            "bits": [[name, bit] for name, bit in self.bit_of.items() if name in named],
            "books": [[name, book.plain()] for name, book in self._books.items() if name is None or name in named],
        }

    def restore(self, plain: Mapping[str, Any]) -> int:
        """Go on with what `plain` gave, before anything was added; returns the bits that are in use.

        Raises:
            ValueError: it is damaged.
        """
        bits = {str(name): int(bit) for name, bit in plain["bits"]}
        books = {name: Book.from_plain(one, self._layout, stagger) for stagger, (name, one) in enumerate(plain["books"])}
        if (books and (None not in books or set(books) != {None, *bits})) or set(bits) - set(self.slices):
            raise ValueError("its slices are damaged")
        if len(set(bits.values())) != len(bits) or not all(0 <= bit < MOST for bit in bits.values()):
            raise ValueError("its slices are damaged")
        if books:
            self.now_s = float(plain["now_s"])
            self.deployed_s = None if plain["deployed_s"] is None else float(plain["deployed_s"])
            self.bit_of, self._books = bits, books
            self._follow()
            self._open(began_s=self.now_s)
        return sum(1 << bit for bit in bits.values())


def configured(named: Mapping[str, str]) -> tuple[list[Slice], dict[str, str]]:
    """Slices of the settings, name -> expression; and those that make no sense, name -> why."""
    found: list[Slice] = []
    unreadable: dict[str, str] = {}
    for name, expression in named.items():
        try:
            found.append(predicate(expression, name))
        except ExpressionError as error:
            unreadable[name] = f"column {error.column}: {error}"
        except ValueError as error:
            unreadable[name] = str(error)
    return found, unreadable


def _own_columns(settings: PredictionSettings) -> tuple[str, ...]:
    columns = settings.columns
    own = (columns.id, columns.time, columns.prediction, columns.score, columns.label, columns.base, columns.proxy, columns.version)
    return tuple(name for name in (*own, *settings.counters.values()) if name)
