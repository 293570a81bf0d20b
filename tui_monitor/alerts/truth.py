"""What an expression becomes once it is read: a small tree whose truth has three values.

True, false, and None for "cannot say" (Kleene). A number that is absent compares to nothing, so nothing is true because of it;
`false and unknown` is false all the same.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

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
    """A constant in SI units."""

    number: float

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
    """A value that is looked up."""

    name: str

    def value(self, lookup: Lookup) -> Value:
        """What the name stands for now; NaN is as good as absent."""
        found = lookup(self.name)
        return None if isinstance(found, float) and math.isnan(found) else found


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
        match self.sign:
            case "+":
                result = left + right
            case "-":
                result = left - right
            case "*":
                result = left * right
            case _:
                result = left / right if right else math.nan
        return result if math.isfinite(result) else None


class Comparison(Struct, frozen=True):
    """Two values held against each other; words are equal whatever their case."""

    sign: str
    left: Operand
    right: Operand

    def truth(self, lookup: Lookup) -> bool | None:
        """True, false, or None when a side is absent."""
        left, right = self.left.value(lookup), self.right.value(lookup)
        if isinstance(left, str) and isinstance(right, str):
            if not left or not right:
                return None
            return (left.casefold() == right.casefold()) == (self.sign == "==")
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            return ORDER[self.sign](left, right)
        return None


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


Operand = Number | Word | Name | Arithmetic
Condition = Comparison | Not | Join
