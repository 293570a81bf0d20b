"""The small language of rules, slices and filters: `latency.p95 > 500ms and request.rate > 1/s or not state == STALLED`.

    either     = both {"or" both}
    both       = negated {"and" negated}
    negated    = "not" negated | comparison
    comparison = sum ("<" | "<=" | ">" | ">=" | "==" | "!=") sum | "(" either ")"
    sum        = product {("+" | "-") product}
    product    = factor {("*" | "/") factor}
    factor     = number [unit] | name | word | "text" | "-" factor | "(" sum ")"

Its truth has three values, see `truth`. Units are checked when the text is read, never while it is evaluated.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal, NamedTuple, NoReturn

from msgspec import Struct

from tui_monitor.alerts.truth import ORDER, Arithmetic, Comparison, Condition, Join, Lookup, Name, Not, Number, Operand, Word
from tui_monitor.vocabulary import quantity

LONGEST = 1000  # characters
DEEPEST = 40  # parentheses, signs and negations inside each other

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

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?P<unit>%|/(?:s|m)\b|\s?(?!(?:and|or|not)\b)[A-Za-zµ°]+(?:/s\b)?(?![A-Za-z0-9_.:]))?
    | (?P<name>[A-Za-z_][A-Za-z0-9_.:]*)
    | "(?P<text>[^"]*)"
    | (?P<sign><=|>=|==|!=|[-+*/()<>=])
    )""",
    re.VERBOSE,
)


class ExpressionError(ValueError):
    """The text is no expression; `column` counts from 1, `str(error)` says what is wrong there."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(message)
        self.column = column


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` for the most similar of the known words, or nothing."""
    names = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return f" (did you mean {names[close[0]]}?)" if close else ""


class Expression(Struct, frozen=True):
    """A text that was understood."""

    text: str
    root: Condition
    names: tuple[str, ...]  # what it asks for, in order of first mention
    words: tuple[tuple[str, str], ...]  # (name, word) pairs that it compares

    def truth(self, lookup: Lookup) -> bool | None:
        """Whether it holds for these values; None when that cannot be said."""
        return self.root.truth(lookup)


# -- reading it ---------------------------------------------------------------------------------------------------------------------


class _Token(NamedTuple):
    kind: Literal["number", "name", "text", "sign", "end"]
    text: str
    unit: str
    column: int


class _Side(NamedTuple):
    """An operand while it is read: with its unit (None: any) and where it stands."""

    operand: Operand
    unit: str | None
    column: int
    text: str


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if not match:
            column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            raise ExpressionError(column, f"{text[column - 1]!r} is not understood here")
        for kind in ("number", "name", "text", "sign"):
            if match[kind] is not None:
                column = match.start(kind) + (0 if kind == "text" else 1)
                found.append(_Token(kind, match[kind], (match["unit"] or "").strip(), column))
        at = match.end()
    found.append(_Token("end", "", "", end + 1))
    return found


class _Reader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str, units: Mapping[str, str | None], words: Mapping[str, Collection[str]]) -> None:
        if len(text) > LONGEST:
            raise ExpressionError(LONGEST + 1, f"longer than {LONGEST} characters")
        self._units, self._words = units, words
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self.names: dict[str, None] = {}
        self.compared: list[tuple[str, str]] = []

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is_word(self, *words: str) -> bool:
        return self._next.kind == "name" and self._next.text.lower() in words

    def _is_sign(self, *signs: str) -> bool:
        return self._next.kind == "sign" and self._next.text in signs

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError(self._next.column, f"more than {DEEPEST} levels inside each other")

    def read(self) -> Condition:
        if len(self._tokens) == 1:
            raise ExpressionError(1, "empty; write for example latency.p95 > 500ms")
        root = self._either()
        if self._next.kind != "end":
            self._refuse_rest()
        return root

    def _refuse_rest(self) -> NoReturn:
        token = self._next
        if token.kind == "sign" and token.text in ORDER:
            raise ExpressionError(token.column, "one comparison at a time; join two with `and`")
        raise ExpressionError(token.column, f"{token.text!r} is one too many here; join conditions with `and` or `or`")

    def _either(self) -> Condition:
        return self._joined("or", self._both)

    def _both(self) -> Condition:
        return self._joined("and", self._negated)

    def _joined(self, word: Literal["and", "or"], part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._is_word(word):
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else Join(word, tuple(parts))

    def _negated(self) -> Condition:
        if not self._is_word("not"):
            return self._comparison()
        self._deeper()
        self._take()
        inner = Not(self._negated())
        self._depth -= 1
        return inner

    def _comparison(self) -> Condition:
        if self._is_sign("(") and self._holds_condition():
            self._deeper()
            self._take()
            inner = self._either()
            self._close()
            self._depth -= 1
            return inner
        left = self._sum()
        sign = self._next
        if sign.kind == "sign" and sign.text == "=":
            raise ExpressionError(sign.column, "write == to compare")
        if sign.kind != "sign" or sign.text not in ORDER:
            raise ExpressionError(sign.column, f"a comparison is missing after {left.text} (< <= > >= == !=)")
        self._take()
        right = self._sum()
        return self._compared(sign, left, right)

    def _holds_condition(self) -> bool:
        """Whether the parenthesis here holds a condition and not arithmetic: a comparison or a joining word stands inside it."""
        depth = 0
        for token in self._tokens[self._at :]:
            if token.kind == "sign" and token.text in "()":
                depth += 1 if token.text == "(" else -1
                if not depth:
                    return False
            elif (token.kind == "sign" and token.text in {*ORDER, "="}) or (token.kind == "name" and token.text in {"and", "or", "not"}):
                return True
        return True  # never closed: let the condition say so

    def _close(self) -> None:
        if not self._is_sign(")"):
            if self._next.kind == "end":
                raise ExpressionError(self._next.column, "a closing parenthesis is missing")
            self._refuse_rest()
        self._take()

    def _sum(self) -> _Side:
        left = self._product()
        while self._is_sign("+", "-"):
            sign = self._take()
            right = self._product()
            self._no_words(left, right)
            if not _alike(left.unit, right.unit):
                raise ExpressionError(sign.column, f"{_said(left)} and {_said(right)} cannot be added")
            left = _joined_side(sign, left, right, left.unit if left.unit is not None else right.unit)
        return left

    def _product(self) -> _Side:
        left = self._factor()
        while self._is_sign("*", "/"):
            sign = self._take()
            right = self._factor()
            self._no_words(left, right)
            if sign.text == "/" and isinstance(right.operand, Number) and right.operand.number == 0:
                raise ExpressionError(right.column, "division by zero")
            left = _joined_side(sign, left, right, _product_unit(sign.text, left.unit, right.unit))
        return left

    def _no_words(self, *sides: _Side) -> None:
        for side in sides:
            if isinstance(side.operand, Word) or (isinstance(side.operand, Name) and side.operand.name in self._words):
                raise ExpressionError(side.column, f"{side.text} is a word; it has no arithmetic")

    def _factor(self) -> _Side:
        token = self._take()
        if token.kind == "number":
            try:
                number, unit = quantity(("0" if token.text.startswith(".") else "") + token.text + token.unit)
            except ValueError as error:
                raise ExpressionError(token.column + len(token.text), str(error)) from None
            return _Side(Number(number), unit, token.column, token.text + token.unit)
        if token.kind == "sign" and token.text == "-":
            self._deeper()
            inner = self._factor()
            self._depth -= 1
            self._no_words(inner)
            if isinstance(inner.operand, Number):
                return _Side(Number(-inner.operand.number), inner.unit, token.column, "-" + inner.text)
            return _Side(Arithmetic("-", Number(0.0), inner.operand), inner.unit, token.column, "-" + inner.text)
        if token.kind == "sign" and token.text == "(":
            self._deeper()
            inner = self._sum()
            self._close()
            self._depth -= 1
            return inner._replace(column=token.column)
        if token.kind in ("name", "text") and token.text in self._units:
            self.names.setdefault(token.text)
            return _Side(Name(token.text), self._units[token.text], token.column, token.text)
        if token.kind == "name" and token.text in self._words:
            self.names.setdefault(token.text)
            return _Side(Name(token.text), None, token.column, token.text)
        if token.kind in ("name", "text") and token.text.lower() not in ("and", "or", "not"):
            return _Side(Word(token.text), None, token.column, token.text)
        if token.kind == "end":
            raise ExpressionError(token.column, "something is missing at the end")
        raise ExpressionError(token.column, f"{token.text!r} cannot stand here")

    def _compared(self, sign: _Token, left: _Side, right: _Side) -> Condition:
        """Check that the two sides can be held against each other."""
        for side, other in ((left, right), (right, left)):
            named = side.operand.name if isinstance(side.operand, Name) else ""
            if isinstance(side.operand, Word):
                self._check_word(side, other)
            elif named in self._words and not isinstance(other.operand, Word):
                raise ExpressionError(other.column, f"{named} is compared with a word, not with {other.text}")
            elif named in self._words and sign.text not in ("==", "!="):
                raise ExpressionError(sign.column, f"{named} has no order; use == or !=")
            elif isinstance(side.operand, Number):
                _check_unit(side, other)
        if not isinstance(left.operand, Word) and not isinstance(right.operand, Word):
            numbers = isinstance(left.operand, Number) or isinstance(right.operand, Number)
            if not numbers and not _alike(left.unit, right.unit):
                raise ExpressionError(right.column, f"{_said(left)} cannot be compared with {_said(right)}")
        return Comparison(sign.text, left.operand, right.operand)

    def _check_word(self, side: _Side, other: _Side) -> None:
        name = other.operand.name if isinstance(other.operand, Name) else ""
        if name not in self._words:
            raise ExpressionError(side.column, f"unknown key {side.text!r}{nearest(side.text, [*self._units, *self._words])}")
        known = self._words[name]
        if known and side.text.casefold() not in {word.casefold() for word in known}:
            raise ExpressionError(side.column, f"{name} is never {side.text!r}{nearest(side.text, known)}")
        self.compared.append((name, side.text))


def _joined_side(sign: _Token, left: _Side, right: _Side, unit: str | None) -> _Side:
    whole: Operand = Arithmetic(sign.text, left.operand, right.operand)
    if isinstance(left.operand, Number) and isinstance(right.operand, Number):  # constants are known now, also a divisor that is 0
        folded = whole.value(lambda _: None)
        whole = Number(folded if isinstance(folded, (int, float)) else math.inf)
    return _Side(whole, unit, left.column, f"{left.text} {sign.text} {right.text}")


def _alike(left: str | None, right: str | None) -> bool:
    """Whether two units can be added or compared; shares, quotients and plain numbers can."""
    return left is None or right is None or left == right or {left, right} <= {"", "ratio", "quotient"}


def _product_unit(sign: str, left: str | None, right: str | None) -> str | None:
    """The unit of a product or quotient; None (any) where the vocabulary has no name for it."""
    plain = ("", "ratio", "quotient")
    if sign == "/" and left == right and left:
        return "quotient"
    if right in plain:
        return left
    return right if sign == "*" and left in plain else None


def _said(side: _Side) -> str:
    return f"{side.text} ({_LONG.get(side.unit or '', side.unit or 'a plain number')})"


def _check_unit(number: _Side, other: _Side) -> None:
    """A constant must be written in the unit of what it is compared with; bare where there is only one way to mean it."""
    unit, constant = other.unit, number.operand
    if not isinstance(constant, Number) or unit is None or number.unit is None or isinstance(other.operand, Number):
        return
    if number.unit == unit or (number.unit == "" and constant.number == 0) or (unit == "quotient" and number.unit in ("", "ratio")):
        return
    if number.unit == "":
        if unit in _NEEDS_UNIT:
            raise ExpressionError(number.column, f"{other.text} is {_LONG[unit]}: write a unit, such as {_NEEDS_UNIT[unit]}")
        if unit == "ratio" and abs(constant.number) > 1:
            raise ExpressionError(number.column, f"{other.text} is a ratio 0..1: write {constant.number:g}%")
        return
    if number.unit == "ratio" and unit == "":
        raise ExpressionError(number.column, f"{other.text} has no unit: write a plain number")
    raise ExpressionError(
        number.column, f"{number.text} does not fit: {other.text} is {_LONG.get(unit, 'in ' + unit if unit else 'a plain number')}"
    )


def read_expression(text: str, units: Mapping[str, str | None], words: Mapping[str, Collection[str]] | None = None) -> Expression:
    """Understand a text.

    Args:
        text: the expression.
        units: the numbers it may ask for, each with its unit; None where the unit is not known and any constant fits.
        words: the words it may ask for, each with the values it can have; empty where any value is possible.

    Raises:
        ExpressionError: with the column and a sentence.
    """
    reader = _Reader(text, units, words or {})
    root = reader.read()
    if not reader.names:
        raise ExpressionError(1, "asks for nothing; name a key of the vocabulary")
    return Expression(text, root, tuple(reader.names), tuple(reader.compared))
