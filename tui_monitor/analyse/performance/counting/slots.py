"""A slot of time at rest: the sums of a `Counts` vector in as few bytes as they need, nothing lost.

Most sums are zero and nearly all others are small whole numbers. So a slot keeps which places are not zero (as places, or as one bit a
place when they are many), the whole numbers in the narrowest type, and the rest as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
_NARROW = (np.uint8, np.uint16, np.uint32)
_LARGEST = 2**32 - 1
_RARE = 16  # one place in so many may have a number too large for the type of the others


class Frozen(NamedTuple):
    """Places in rising order and their whole numbers; the places of other values, and of very large ones, come apart."""

    size: int
    where: NDArray[Any]  # uint16 or uint32 places, or uint8 bits of all places
    whole: NDArray[Any]
    rest_where: NDArray[np.uint32]
    rest: Vector

    def add_to(self, vector: Vector, sign: float = 1.0) -> None:
        """Add (or take) these sums to a vector of the same layout."""
        where = np.flatnonzero(np.unpackbits(self.where, count=self.size)) if self.where.dtype == np.uint8 else self.where
        vector[where] += sign * self.whole.astype(np.float64)
        vector[self.rest_where] += sign * self.rest

    def thawed(self) -> Vector:
        """The vector."""
        vector = np.zeros(self.size)
        self.add_to(vector)
        return vector

    @property
    def held_bytes(self) -> int:
        """What its arrays take."""
        return self.where.nbytes + self.whole.nbytes + self.rest_where.nbytes + self.rest.nbytes

    def plain(self) -> list[Any]:
        """As values that can be written."""
        names = [self.where.dtype.name, self.whole.dtype.name]
        return [self.size, names, self.where.tobytes(), self.whole.tobytes(), self.rest_where.tobytes(), self.rest.tobytes()]


def freeze(vector: Vector) -> Frozen:
    """A vector at rest."""
    places = np.flatnonzero(vector)
    values = vector[places]
    is_whole = (values == np.floor(values)) & (values > 0) & (values <= _LARGEST)
    narrow = next(dtype for dtype in _NARROW if (values[is_whole] > np.iinfo(dtype).max).sum() * _RARE <= len(places))
    is_whole &= values <= np.iinfo(narrow).max  # the few larger ones stand with the rest
    whole, whole_at = values[is_whole], places[is_whole]
    wide = np.uint16 if len(vector) <= np.iinfo(np.uint16).max else np.uint32
    if len(whole_at) * np.dtype(wide).itemsize * 8 <= len(vector):
        where: NDArray[Any] = whole_at.astype(wide)
    else:
        bits = np.zeros(len(vector), np.uint8)
        bits[whole_at] = 1
        where = np.packbits(bits)
    return Frozen(len(vector), where, whole.astype(narrow), places[~is_whole].astype(np.uint32), values[~is_whole])


def from_plain(plain: list[Any]) -> Frozen:
    """What `plain` gave.

    Raises:
        ValueError: it is damaged.
    """
    try:
        size, (where_type, whole_type), where, whole, rest_where, rest = plain
        read: Mapping[str, Any] = {"uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32}
        frozen = Frozen(
            int(size),
            np.frombuffer(where, read[where_type]),
            np.frombuffer(whole, read[whole_type]),
            np.frombuffer(rest_where, np.uint32),
            np.frombuffer(rest, np.float64),
        )
        frozen.thawed()  # places outside of it, or of another number than the values
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise ValueError(f"a slot of time is damaged ({error})") from None
    return frozen
