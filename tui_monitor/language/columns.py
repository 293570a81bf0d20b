"""The same language over the columns of a table: slices of a log, `prompt_tokens > 2048 and not lang == "de"`.

Any name is a column; one that has other signs in it stands in backquotes, `` `prompt-tokens` > 2048``, and so does a column whose name is a
word of the language. A text stands in quotes, single or double. A bare name alone to the right of `==` or `!=` is a text too (`lang == de`);
there a column needs its backquotes. Columns have no units (a share is written 0.9), no windows, and nothing is usual or expected of them.
"""

from __future__ import annotations

import re

from tui_monitor.language.compiled import compiled
from tui_monitor.language.expression import Expression, Reader
from tui_monitor.language.tokens import ExpressionError, Token
from tui_monitor.language.truth import Arithmetic, Comparison, Condition, Join, Name, Negative, Not, Operand, Unknown, Word
from tui_monitor.language.units import Side

_JOINING = ("and", "or", "not")
_TAKEN = (*_JOINING, "absent")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.:]*")


class _ColumnReader(Reader):
    """Reads names as columns, whatever they are."""

    example = "prompt_tokens > 2048"

    def __init__(self, text: str) -> None:
        super().__init__(text, {}, {}, ())
        self._bare: set[int] = set()  # where bare names stand

    def _named(self, token: Token) -> Side:
        if token.kind == "text":
            return Side(Word(token.text), None, token.column, f'"{token.text}"')
        if token.kind == "name":
            if token.text.lower() in _JOINING:
                raise ExpressionError(token.column, f"{token.text!r} cannot stand here; a column of this name stands in backquotes")
            self._bare.add(token.column)
        if self._next.kind == "window":
            raise ExpressionError(self._next.column, "a column has no window")
        return Side(Name(token.text), "", token.column, token.text)

    def _number_name(self, side: Side, what: str) -> Name:
        if not isinstance(side.operand, Name):
            raise ExpressionError(side.column, f"{what} needs the name of one column, not {side.text}")
        return side.operand

    def _unusual(self, left: Side) -> Condition:
        raise ExpressionError(self._next.column, f"nobody knows what is usual of a column; compare {left.text} with > or <")

    def _compared(self, sign: Token, left: Side, right: Side) -> Condition:
        equal = sign.text in ("==", "!=")
        if equal and isinstance(left.operand, Name) and isinstance(right.operand, Name) and right.column in self._bare:
            right = right._replace(operand=Word(right.operand.name), unit=None)
        for side, other in ((left, right), (right, left)):
            if isinstance(side.operand, Word) and not isinstance(other.operand, Name):
                raise ExpressionError(other.column, f"a text is compared with a column, not with {other.text}")
            if isinstance(side.operand, Word) and not equal:
                raise ExpressionError(sign.column, "texts have no order; use == or !=")
            if isinstance(side.operand, Word) and not side.operand.word.strip():
                raise ExpressionError(side.column, f"an empty text is as good as none: write {other.text} is unknown")
        if isinstance(left.operand, Word) or isinstance(right.operand, Word):
            return Comparison(sign.text, left.operand, right.operand)
        return super()._compared(sign, left, right)


def read_slice(text: str) -> Expression:
    """Understand a condition over columns; its `names` are the columns, each once.

    Raises:
        ExpressionError: with the column and a sentence.
    """
    reader = _ColumnReader(text)
    root = reader.read()
    names = dict.fromkeys(_of_condition(root))
    if not names:
        raise ExpressionError(1, "asks for no column; write for example prompt_tokens > 2048")
    return Expression(text, root, tuple(names), (), (), compiled(root))


def _of_condition(condition: Condition) -> list[str]:
    match condition:
        case Comparison(left=left, right=right):
            return [*_of_operand(left), *_of_operand(right)]
        case Not(of=of):
            return _of_condition(of)
        case Join(parts=parts):
            return [name for part in parts for name in _of_condition(part)]
        case Unknown(of=name):
            return [name.name]
        case _:
            return []


def _of_operand(operand: Operand) -> list[str]:
    match operand:
        case Name(name=name):
            return [name]
        case Negative(of=of):
            return _of_operand(of)
        case Arithmetic(left=left, right=right):
            return [*_of_operand(left), *_of_operand(right)]
        case _:
            return []


def spelled_column(name: str) -> str | None:
    """A column as it is written in a condition; None where it cannot be."""
    if _PLAIN.fullmatch(name) and name.lower() not in _TAKEN:
        return name
    return f"`{name}`" if name and "`" not in name and name.isprintable() else None


def spelled_text(text: str) -> str | None:
    """A text as it is written in a condition; None where it cannot be."""
    quote = next((quote for quote in ('"', "'") if quote not in text), None)
    return f"{quote}{text}{quote}" if quote and text.strip() and text.isprintable() else None
