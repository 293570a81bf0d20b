"""An expression as text again: `read_expression` of it gives the same tree."""

from __future__ import annotations

import re

from tui_monitor.language.truth import (
    Arithmetic,
    Comparison,
    Condition,
    Join,
    Name,
    Negative,
    Not,
    Number,
    Operand,
    Unexpected,
    Unknown,
    Unusual,
    Word,
)

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.:]*")
_DERIVED = re.compile(r"[A-Za-z_][A-Za-z0-9_.:]*(\([0-9.eE+-]+s\))?(\[([0-9]+[mh]|all|deploy|latest)\])?")  # with a bound, with a window
_NEEDED = {"and", "or", "not", "is", "above", "below", "outside", "absent"}  # words that the reader would take for its own


def printed(condition: Condition) -> str:
    """The text of a condition."""
    match condition:
        case Comparison(sign=sign, left=left, right=right):
            return f"{operand_text(left)} {sign} {operand_text(right)}"
        case Unusual(side=side, of=of, share=share, floor=floor, ceiling=ceiling):
            return f"{operand_text(of)} {side} usual({share.text}){_bounds(floor, ceiling)}"
        case Unexpected(side=side, of=of, floor=floor, ceiling=ceiling):
            return f"{operand_text(of)} {side} expected{_bounds(floor, ceiling)}"
        case Unknown(of=of, spelled=spelled):
            return f"absent({operand_text(of)})" if spelled == "absent" else f"{operand_text(of)} is {spelled}"
        case Not(of=of):
            return f"not {_part(of)}"
        case Join(word=word, parts=parts):
            return f" {word} ".join(_part(part) for part in parts)


def _bounds(floor: Number | None, ceiling: Number | None) -> str:
    return "".join(f" {word} {bound.text}" for word, bound in (("floor", floor), ("ceiling", ceiling)) if bound is not None)


def _part(condition: Condition) -> str:
    return f"({printed(condition)})" if isinstance(condition, Join) else printed(condition)


def operand_text(operand: Operand) -> str:
    """The text of a number, a word, a name or arithmetic."""
    match operand:
        case Number(text=text):
            return text
        case Word(word=word):
            return word if _BARE.fullmatch(word) and word.lower() not in _NEEDED else f'"{word}"'
        case Name(name=name):
            return name if _DERIVED.fullmatch(name) else f'"{name}"'
        case Negative(of=of):
            return f"-{_side(of, ('+', '-', '*', '/'))}"
        case Arithmetic(sign=sign, left=left, right=right):
            weak = ("+", "-")
            before = _side(left, weak if sign in ("*", "/") else ())
            return f"{before} {sign} {_side(right, weak if sign == '+' else ('+', '-', '*', '/'))}"


def _side(operand: Operand, in_brackets: tuple[str, ...]) -> str:
    text = operand_text(operand)
    return f"({text})" if isinstance(operand, Arithmetic) and operand.sign in in_brackets else text
