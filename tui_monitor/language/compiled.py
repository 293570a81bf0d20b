"""A condition as one Python function: what a rule costs at each tick. It says exactly what the tree of `truth` says."""

from __future__ import annotations

from collections.abc import Callable

from tui_monitor.language.truth import (
    ORDER,
    Arithmetic,
    Comparison,
    Condition,
    Join,
    Lookup,
    Name,
    Negative,
    Not,
    Number,
    Operand,
    Unexpected,
    Unknown,
    Unusual,
    Value,
    Word,
    calculated,
    compared,
)

Truth = Callable[[Lookup], bool | None]


def compiled(condition: Condition) -> Truth:
    """The function of a condition."""
    match condition:
        case Comparison(sign=sign, left=left, right=right):
            return _comparison(sign, left, right)
        case Not(of=of):
            return _opposite(compiled(of))
        case Join(word=word, parts=parts):
            return _join(tuple(compiled(part) for part in parts), decides=word == "or")
        case Unusual() | Unexpected() | Unknown():
            return condition.truth


def _opposite(inner: Truth) -> Truth:
    def run(lookup: Lookup) -> bool | None:
        truth = inner(lookup)
        return None if truth is None else not truth

    return run


def _join(parts: tuple[Truth, ...], *, decides: bool) -> Truth:
    def run(lookup: Lookup) -> bool | None:
        open_ = False
        for part in parts:
            truth = part(lookup)
            if truth is decides:
                return decides
            open_ = open_ or truth is None
        return None if open_ else not decides

    return run


def _comparison(sign: str, left: Operand, right: Operand) -> Truth:
    """A name against a constant is what nearly every rule is made of."""
    if isinstance(left, Name) and (constant := constant_of(right)) is not None:
        return _against(left.name, sign, constant)
    first, second = _operand(left), _operand(right)

    def run(lookup: Lookup) -> bool | None:
        return compared(sign, first(lookup), second(lookup))

    return run


def _against(name: str, sign: str, constant: float) -> Truth:
    order = ORDER[sign]

    def run(lookup: Lookup) -> bool | None:
        value = lookup(name)
        if value is None or isinstance(value, str) or value != value:  # noqa: PLR0124 -- NaN is as good as absent
            return None
        return order(value, constant)

    return run


def constant_of(operand: Operand) -> float | None:
    """What arithmetic over constants comes to; None where a name is in it, or where it has no value."""
    match operand:
        case Number(number=number):
            return number
        case Negative(of=of):
            inner = constant_of(of)
            return None if inner is None else -inner
        case Arithmetic(sign=sign, left=left, right=right):
            first, second = constant_of(left), constant_of(right)
            return None if first is None or second is None else calculated(sign, first, second)
        case _:
            return None


def _operand(operand: Operand) -> Callable[[Lookup], Value]:
    constant = constant_of(operand)
    if constant is not None:
        return lambda _: constant
    match operand:
        case Negative(of=of):
            inner = _operand(of)

            def negative(lookup: Lookup) -> Value:
                value = inner(lookup)
                return -value if isinstance(value, (int, float)) else None

            return negative
        case Arithmetic(sign=sign, left=left, right=right):
            first, second = _operand(left), _operand(right)

            def run(lookup: Lookup) -> Value:
                one, other = first(lookup), second(lookup)
                if not isinstance(one, (int, float)) or not isinstance(other, (int, float)):
                    return None
                return calculated(sign, one, other)

            return run
        case Word(word=word):
            return lambda _: word
        case _:
            return operand.value
