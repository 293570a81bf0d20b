"""The words, numbers and signs of an expression, each with its column; and the error that points at one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?P<unit>%|/(?:s|m)\b|\s?(?!(?:and|or|not|is|above|below|outside|for|over|floor|ceiling)\b)[A-Za-zµ°]+(?:/s\b)?(?![A-Za-z0-9_.:]))?
    | (?P<name>[A-Za-z_][A-Za-z0-9_.:]*)
    | "(?P<text>[^"]*)"
    | '(?P<single>[^']*)'
    | `(?P<column>[^`]+)`
    | \[(?P<window>[^\]]*)\]
    | (?P<sign><=|>=|==|!=|[-+*/()<>=])
    )""",
    re.VERBOSE,
)
Kind = Literal["number", "name", "text", "column", "window", "sign", "end"]
_KINDS: dict[str, Kind] = {
    "number": "number", "name": "name", "text": "text", "single": "text", "column": "column", "window": "window", "sign": "sign",
}  # fmt: skip
_QUOTED = ("text", "single", "column")  # found without their quotes, and pointed at with them


class ExpressionError(ValueError):
    """The text is no expression; `column` counts from 1, `str(error)` says what is wrong there."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(message)
        self.column = column


class Token(NamedTuple):
    """One of them; `unit` belongs to a number."""

    kind: Kind
    text: str
    unit: str
    column: int


def tokens(text: str) -> list[Token]:
    """All of a text; the last one is its end.

    Raises:
        ExpressionError: a character that nothing begins with.
    """
    found: list[Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if not match:
            column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            raise ExpressionError(column, f"{text[column - 1]!r} is not understood here")
        for group, kind in _KINDS.items():
            if match[group] is not None:
                column = match.start(group) + (0 if group in _QUOTED else 1)
                found.append(Token(kind, match[group], (match["unit"] or "").strip(), column))
        at = match.end()
    found.append(Token("end", "", "", end + 1))
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` for the most similar of the known words, or nothing."""
    names = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return f" (did you mean {names[close[0]]}?)" if close else ""
