"""Which units fit together: settled when an expression is read, never while it is evaluated."""

from __future__ import annotations

from typing import NamedTuple

from tui_monitor.language.compiled import constant_of
from tui_monitor.language.tokens import ExpressionError, Token
from tui_monitor.language.truth import Arithmetic, Name, Operand

_NEEDS_UNIT = {"s": "500ms", "B": "2GiB", "B/s": "100MB/s", "Hz": "1.2GHz", "W": "700W"}  # unit -> how to write one
_LONG = {
    "s": "a time",
    "B": "a size",
    "B/s": "bytes per second",
    "Hz": "a frequency",
    "W": "a power",
    "ratio": "a ratio",
    "quotient": "a ratio",
    "/s": "a rate",
}
_PLAIN = ("", "ratio", "quotient")


class Side(NamedTuple):
    """An operand while it is read: with its unit (None: any) and where it stands."""

    operand: Operand
    unit: str | None
    column: int
    text: str

    @property
    def constant(self) -> float | None:
        """Its value where no name is in it."""
        return constant_of(self.operand)

    @property
    def name(self) -> str:
        """The name that it is, if it is one."""
        return self.operand.name if isinstance(self.operand, Name) else ""

    @property
    def said(self) -> str:
        """For an error."""
        return f"{self.text} ({_LONG.get(self.unit or '', self.unit or 'a plain number')})"


def alike(left: str | None, right: str | None) -> bool:
    """Whether two units can be added or compared; shares, quotients and plain numbers can."""
    return left is None or right is None or left == right or {left, right} <= set(_PLAIN)


def product_unit(sign: str, left: str | None, right: str | None) -> str | None:
    """The unit of a product or quotient; None (any) where the vocabulary has no name for it."""
    if sign == "/" and left == right and left:
        return "quotient"
    if right in _PLAIN:
        return left
    return right if sign == "*" and left in _PLAIN else None


def joined_side(sign: Token, left: Side, right: Side, unit: str | None) -> Side:
    """Arithmetic over two sides, with the unit that it has.

    Raises:
        ExpressionError: constants alone that come to no number.
    """
    whole = Side(Arithmetic(sign.text, left.operand, right.operand), unit, left.column, f"{left.text} {sign.text} {right.text}")
    if left.constant is not None and right.constant is not None and whole.constant is None:
        raise ExpressionError(sign.column, f"{whole.text} is too large")
    return whole


def check_constant(number: Side, other: Side) -> None:
    """A constant must be written in the unit of what it is compared with; bare where there is only one way to mean it.

    Raises:
        ExpressionError: at the constant.
    """
    unit, constant = other.unit, number.constant
    if constant is None or unit is None or number.unit is None or other.constant is not None:
        return
    if number.unit == unit or (number.unit == "" and constant == 0) or (unit == "quotient" and number.unit in ("", "ratio")):
        return
    if number.unit == "":
        if unit in _NEEDS_UNIT:
            raise ExpressionError(number.column, f"{other.text} is {_LONG[unit]}: write a unit, such as {_NEEDS_UNIT[unit]}")
        if unit == "ratio" and abs(constant) > 1:
            raise ExpressionError(number.column, f"{other.text} is a ratio 0..1: write {constant:g}%")
        return
    if number.unit == "ratio" and unit == "":
        raise ExpressionError(number.column, f"{other.text} has no unit: write a plain number")
    raise ExpressionError(
        number.column, f"{number.text} does not fit: {other.text} is {_LONG.get(unit, 'in ' + unit if unit else 'a plain number')}"
    )
