"""What an expression becomes once it is read: a small tree whose truth has three values.

True, false, and None for "cannot say" (Kleene). A number that is absent compares to nothing, so nothing is true because of it;
`false and unknown` is false all the same. Only `is unknown` makes something of what is not there.

The methods here say what an expression means; `compiled` makes the same faster.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from tui_monitor.language.names import asked

Value = float | str | None
Lookup = Callable[[str], Value]

ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Number(Struct, frozen=True):
    """A constant in SI units, and how it was written."""

    number: float
    text: str

    def value(self, _: Lookup) -> Value:
        """The constant."""
        return self.number


class Word(Struct, frozen=True):
    """A constant word."""

    word: str

    def value(self, _: Lookup) -> Value:
        """The constant."""
        return self.word


class Name(Struct, frozen=True):
    """A value that is looked up: `latency.p95`, `error.ratio[30m]`, `latency.over(0.5s)[5m]`, `state`."""

    name: str

    def value(self, lookup: Lookup) -> Value:
        """What the name stands for now; NaN is as good as absent."""
        found = lookup(self.name)
        return None if isinstance(found, float) and math.isnan(found) else found


class Negative(Struct, frozen=True):
    """A number with the other sign."""

    of: Operand

    def value(self, lookup: Lookup) -> Value:
        """The result; absent when the number is."""
        inner = self.of.value(lookup)
        return -inner if isinstance(inner, (int, float)) else None


class Arithmetic(Struct, frozen=True):
    """Two numbers become one; absent when either is, when the divisor is 0, or when the result is no number."""

    sign: str
    left: Operand
    right: Operand

    def value(self, lookup: Lookup) -> Value:
        """The result."""
        left, right = self.left.value(lookup), self.right.value(lookup)
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            return None
        return calculated(self.sign, left, right)


def calculated(sign: str, left: float, right: float) -> float | None:
    """The result of one sign; None for a divisor of 0 and for what is too large to be a number."""
    match sign:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case _:
            if not right:
                return None
            result = left / right
    return result if math.isfinite(result) else None


class Comparison(Struct, frozen=True):
    """Two values held against each other; words are equal whatever their case."""

    sign: str
    left: Operand
    right: Operand

    def truth(self, lookup: Lookup) -> bool | None:
        """True, false, or None when a side is absent."""
        return compared(self.sign, self.left.value(lookup), self.right.value(lookup))


def compared(sign: str, left: Value, right: Value) -> bool | None:
    """Two values held against each other; None when one is absent."""
    if isinstance(left, str) and isinstance(right, str):
        if not left or not right:
            return None
        return (left.casefold() == right.casefold()) == (sign == "==")
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return ORDER[sign](left, right)
    return None


class Unusual(Struct, frozen=True):
    """A number held against what it usually is at this hour, which is never taken for less than `floor` or more than `ceiling`.

    The bounds alone can decide: a value beyond both is unusual however young the history is.
    """

    side: Literal["above", "below"]
    of: Name
    share: Number  # of the history that is usual, 0..1
    floor: Number | None = None
    ceiling: Number | None = None

    @property
    def wanted(self) -> str:
        """The name under which the usual value is looked up."""
        return usual_name(self.of.name, self.share.number if self.side == "above" else 1 - self.share.number)

    def limit(self, lookup: Lookup) -> float | None:
        """The value beyond which it is unusual now."""
        usual = lookup(self.wanted)
        return bounded(usual, self.floor, self.ceiling)

    def truth(self, lookup: Lookup) -> bool | None:
        """True, false, or None when the number is absent, or the history is too young and the bounds do not decide."""
        return beyond(self.side, self.of.value(lookup), self.limit(lookup), self.floor, self.ceiling)


class Unexpected(Struct, frozen=True):
    """A number held against the band that is forecast for it in this minute: beyond its upper edge, its lower one, or either.

    As with `Unusual` an edge is never taken for less than `floor` or more than `ceiling`, and the bounds alone can decide while nobody knows
    the band. Bounds are of one edge, so `outside` has none.
    """

    side: Literal["above", "below", "outside"]
    of: Name
    floor: Number | None = None
    ceiling: Number | None = None

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names under which the edges are looked up, the upper one first."""
        return tuple(expected_name(self.of.name, _EDGES[side]) for side in self._sides)

    @property
    def _sides(self) -> tuple[Literal["above", "below"], ...]:
        return ("above", "below") if self.side == "outside" else (self.side,)

    def _edge(self, side: Literal["above", "below"], lookup: Lookup) -> float | None:
        return bounded(lookup(expected_name(self.of.name, _EDGES[side])), self.floor, self.ceiling)

    def limit(self, lookup: Lookup) -> float | None:
        """The edge that matters now: of two the one that the value is beyond, or nearer to."""
        edges = [edge for side in self._sides if (edge := self._edge(side, lookup)) is not None]
        value = self.of.value(lookup)
        if len(edges) > 1 and isinstance(value, (int, float)):
            return min(edges, key=lambda edge: abs(edge - value))
        return edges[0] if edges else None

    def truth(self, lookup: Lookup) -> bool | None:
        """True, false, or None when the number is absent, or the band is not known and the bounds do not decide."""
        value = self.of.value(lookup)
        truths = [beyond(side, value, self._edge(side, lookup), self.floor, self.ceiling) for side in self._sides]
        return True if True in truths else None if None in truths else False


_EDGES: dict[Literal["above", "below"], Literal["high", "low"]] = {"above": "high", "below": "low"}


def bounded(limit: Value, floor: Number | None, ceiling: Number | None) -> float | None:
    """A limit within floor and ceiling; None where it is no number."""
    if not isinstance(limit, (int, float)) or math.isnan(limit):
        return None
    limit = limit if floor is None else max(limit, floor.number)
    return limit if ceiling is None else min(limit, ceiling.number)


def beyond(side: Literal["above", "below"], value: Value, limit: float | None, floor: Number | None, ceiling: Number | None) -> bool | None:
    """Whether a value is beyond its limit, whatever that is between the bounds where it is not known; None where that cannot be said."""
    if not isinstance(value, (int, float)):
        return None
    if limit is not None:
        return value > limit if side == "above" else value < limit
    if ceiling is not None and (value > ceiling.number if side == "above" else value >= ceiling.number):
        return side == "above"
    if floor is not None and (value <= floor.number if side == "above" else value < floor.number):
        return side == "below"
    return None


def usual_name(name: str, share: float) -> str:
    """`usual(latency.p95, 99%)`: what a number did not exceed in that share of its past at this hour."""
    return f"usual({name}, {100 * share:.6g}%)"


def expected_name(name: str, edge: Literal["low", "high"]) -> str:
    """`expected(latency.p95, high)`: an edge of the band of this minute. A number over a window is held against the same band."""
    window = asked(name).window
    return f"expected({name.removesuffix(f'[{window}]')}, {edge})"


def expected_number(wanted: str) -> str:
    """Of which number an `expected_name` is: `latency.p95`."""
    return wanted.removeprefix("expected(").rpartition(", ")[0]


class Unknown(Struct, frozen=True):
    """Whether a number is absent; the only truth that what is not there can have."""

    of: Name
    spelled: Literal["absent", "unknown", "known"] = "unknown"  # as it was written; `known` is the opposite

    def truth(self, lookup: Lookup) -> bool | None:
        """True or false, never None."""
        return (self.of.value(lookup) is None) == (self.spelled != "known")


class Not(Struct, frozen=True):
    """The opposite; unknown stays unknown."""

    of: Condition

    def truth(self, lookup: Lookup) -> bool | None:
        """True, false, or None."""
        truth = self.of.truth(lookup)
        return None if truth is None else not truth


class Join(Struct, frozen=True):
    """All of the parts (`and`), or any of them (`or`)."""

    word: Literal["and", "or"]
    parts: tuple[Condition, ...]

    def truth(self, lookup: Lookup) -> bool | None:
        """Kleene: one deciding part is enough, else one unknown part leaves it open."""
        decides = self.word == "or"
        open_ = False
        for part in self.parts:
            truth = part.truth(lookup)
            if truth is decides:
                return decides
            open_ = open_ or truth is None
        return None if open_ else not decides


Operand = Number | Word | Name | Negative | Arithmetic
Condition = Comparison | Unusual | Unexpected | Unknown | Not | Join
