"""Values counted in bins whose edges lie 5 % apart: quantiles of a long past in little memory.

A quantile is told as the far edge of its bin, so it is at most 5 % too careful. (The idea is DDSketch's, Masson, Rim and Lee, VLDB 2019;
counts here are real numbers, because they fade.)
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left

_STEP = 1.05
_LOG = math.log(_STEP)
_SMALLEST, _LARGEST = 1e-9, 1e15  # magnitudes; what is beyond counts as these
_ZERO = math.ceil(math.log(_LARGEST) / _LOG) + 1  # larger than any exponent: keys of positive values are above 0, of negative ones below

MOST_BINS = 64


class Sketch:
    """Counts of values. At most `MOST_BINS` bins; beyond that the two neighbours with the fewest values become one."""

    __slots__ = ("_counts", "_keys")

    def __init__(self, keys: bytes = b"", counts: bytes = b"") -> None:
        """Empty, or what `kept` gave.

        Raises:
            ValueError: they do not belong together.
        """
        self._keys, self._counts = array("i", keys), array("f", counts)
        keys_in_order = all(before < after for before, after in zip(self._keys, self._keys[1:], strict=False))
        if len(self._keys) != len(self._counts) or not keys_in_order or not all(count >= 0 for count in self._counts):
            raise ValueError("bins and counts do not belong together")

    def kept(self) -> tuple[bytes, bytes]:
        """What `Sketch` is made of again."""
        return self._keys.tobytes(), self._counts.tobytes()

    @property
    def total(self) -> float:
        """Values counted, faded."""
        return math.fsum(self._counts)

    def add(self, value: float, count: float = 1.0) -> None:
        """Count a finite value."""
        self._add(_key(value), count)

    def _add(self, key: int, count: float) -> None:
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            self._counts[at] += count
            return
        self._keys.insert(at, key)
        self._counts.insert(at, count)
        if len(self._keys) > MOST_BINS:
            thin = min(range(len(self._keys) - 1), key=lambda place: self._counts[place] + self._counts[place + 1])
            thinner = self._counts.pop(thin)
            self._counts[thin] += thinner
            del self._keys[thin]

    def fade(self, share: float) -> None:
        """Let all that was counted weigh less; bins that hardly count go."""
        left = [(key, count * share) for key, count in zip(self._keys, self._counts, strict=True) if count * share >= 0.01]
        self._keys, self._counts = array("i", (key for key, _ in left)), array("f", (count for _, count in left))

    def merge(self, other: Sketch) -> None:
        """Count everything that another one has counted."""
        for key, count in zip(other._keys, other._counts, strict=True):
            self._add(key, count)

    def quantile(self, share: float) -> float | None:
        """The value that this share of all does not exceed: the far edge of its bin, seen from the middle. None of nothing."""
        total = self.total
        if total <= 0:
            return None
        below = 0.0
        for key, count in zip(self._keys, self._counts, strict=True):
            below += count
            if below >= share * total - 1e-6 * total:
                return _edge(key, upper=share >= 0.5)
        return _edge(self._keys[-1], upper=share >= 0.5)


def _key(value: float) -> int:
    if abs(value) < _SMALLEST:
        return 0
    exponent = math.ceil(math.log(min(abs(value), _LARGEST)) / _LOG)
    return exponent + _ZERO if value > 0 else -(exponent + _ZERO)


def _edge(key: int, *, upper: bool) -> float:
    if key == 0:
        return 0.0
    exponent = abs(key) - _ZERO
    if key > 0:
        return _STEP ** (exponent if upper else exponent - 1)
    return -(_STEP ** (exponent - 1 if upper else exponent))
