"""Bins of a column: what turns rows into counts once, on arrival, so that every later question costs nothing.

Numbers fall into the deciles of the reference; what lies outside of its whole range has a bin of its own at either end. Categories are the
most frequent ones of the reference, then `other` for its rest, then `new` for what it never had. Missing values are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tui_monitor.analyse.drift import shares
from tui_monitor.analyse.drift.judge import Floats

MOST_CATEGORIES = 30
OTHER, NEW = "other", "new"
FEW_VALUES = 30  # a numeric column of at most so many values has a bin for each


class Bins(Struct, frozen=True):
    """The bins of one column."""

    kind: Literal["numeric", "category"]
    edges: list[float] = []  # numeric: rising; a value equal to an edge is below it
    names: list[str] = []  # category: with OTHER and NEW at the end
    seen: list[str] = []  # categories that the reference had and that are in OTHER

    @classmethod
    def of_numbers(cls, reference: Floats) -> Bins:
        """From finite values: every value of a discrete column, else deciles; in both cases with the ends of the reference's range."""
        values = np.unique(reference)
        inner = values if values.size <= FEW_VALUES else shares.decile_edges(reference)
        low = np.nextafter(values[0], -np.inf)  # the smallest value itself is inside
        return cls("numeric", np.unique(np.concatenate([[low], inner, [values[-1]]])).tolist())

    @classmethod
    def of_categories(cls, reference: NDArray[Any]) -> Bins:
        """From texts: the most frequent by name."""
        names, counts = np.unique(reference.astype(str), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        kept, rest = order[:MOST_CATEGORIES], order[MOST_CATEGORIES:]
        return cls("category", names=[*(str(names[i]) for i in kept), OTHER, NEW], seen=sorted(str(names[i]) for i in rest))

    def __len__(self) -> int:
        """How many bins."""
        return len(self.names) if self.kind == "category" else len(self.edges) + 1

    def shown_edges(self) -> list[float]:
        """The edges for people: the lowest is the smallest value, not the number just below it."""
        if not self.edges:
            return []
        inside = float(np.nextafter(self.edges[0], np.inf)) + 0.0  # no -0
        return [inside if len(repr(inside)) < len(repr(self.edges[0])) else self.edges[0], *self.edges[1:]]

    def labels(self) -> list[str]:
        """What each bin holds, for people."""
        if self.kind == "category":
            return self.names
        edges = self.shown_edges()
        inner = [f"{high:g}" if low == high else f"{low:g} to {high:g}" for low, high in pairwise(edges)]
        return [f"under {edges[0]:g}", *inner, f"over {edges[-1]:g}"]

    def places(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """The bin of every value; numbers must not be NaN."""
        if self.kind == "numeric":
            return np.searchsorted(np.asarray(self.edges), values.astype(np.float64), side="left").astype(np.int64)
        other, new = len(self.names) - 2, len(self.names) - 1
        known = {name: place for place, name in enumerate(self.names[:-2])} | dict.fromkeys(self.seen, other)
        distinct, inverse = np.unique(values.astype(str), return_inverse=True)
        return np.asarray([known.get(str(word), new) for word in distinct], dtype=np.int64)[inverse]

    def counts(self, values: NDArray[Any]) -> Floats:
        """Rows per bin."""
        return np.bincount(self.places(values), minlength=len(self)).astype(np.float64)

    def slots(self, values: NDArray[Any], slot: NDArray[np.int64], slots: int) -> Floats:
        """Rows per slot and bin: `slot[i]` is the slot of row i."""
        flat = np.bincount(slot * len(self) + self.places(values), minlength=slots * len(self))
        return flat.reshape(slots, len(self)).astype(np.float64)


def words(values: Sequence[object]) -> NDArray[Any]:
    """Texts as a column of categories."""
    return np.asarray([str(value) for value in values], dtype=object)
