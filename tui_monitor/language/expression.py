"""The small language of rules, slices and filters: `latency.p95 > 500ms and request.rate > 1/s or not state == STALLED`.

    either     = both {"or" both}
    both       = negated {"and" negated}
    negated    = "not" negated | comparison
    comparison = sum ("<" | "<=" | ">" | ">=" | "==" | "!=") sum
               | key ("above" | "below") ("usual" ["(" share ")"] | "expected") {("floor" | "ceiling") number}
               | key "outside" "expected"
               | key "is" ("unknown" | "known") | "absent" "(" key ")" | "(" either ")"
    sum        = product {("+" | "-") product}
    product    = factor {("*" | "/") factor}
    factor     = number [unit] | key | word | "text" | "-" factor | "(" sum ")"
    key        = name ["[" window "]"] | ("latency" | "ttft" | "itl") ".over(" time ")" ["[" window "]"]

`error.ratio[30m]` is the number over half an hour; without a window rates and quantiles are those of the last minute. `latency.over(500ms)`
is the share of requests that took longer. `latency.p95 above usual` holds it against its own past at this hour of the day,
`latency.p95 above expected` against the upper edge of what is forecast for this minute. Its truth has three values, see `truth`. Units are checked when the text is read, never while it is evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Literal, NoReturn

from msgspec import Struct

from tui_monitor.language.compiled import Truth, compiled
from tui_monitor.language.names import OVER, TIMED, asked, check_window, over_name
from tui_monitor.language.tokens import ExpressionError, Token, nearest, tokens
from tui_monitor.language.truth import (
    ORDER,
    Comparison,
    Condition,
    Join,
    Lookup,
    Name,
    Negative,
    Not,
    Number,
    Unexpected,
    Unknown,
    Unusual,
    Word,
)
from tui_monitor.language.units import Side, alike, check_constant, joined_side, product_unit
from tui_monitor.vocabulary import WINDOWS, quantity

__all__ = ["Expression", "ExpressionError", "nearest", "read_expression"]

LONGEST = 1000  # characters
DEEPEST = 40  # parentheses, signs and negations inside each other
USUAL = Number(0.99, "99%")  # of the history, where nothing else is said
EXPECTED_WINDOW = "30m"  # longest that is held against the band of this minute: it is about a quarter of an hour ago

_JOINING = ("and", "or", "not")


class Expression(Struct, frozen=True, eq=False):
    """A text that was understood."""

    text: str
    root: Condition
    names: tuple[str, ...]  # what it asks for, in order of first mention
    words: tuple[tuple[str, str], ...]  # (name, word) pairs that it compares
    usual: tuple[str, ...]  # usual values that it asks for, as they are looked up
    run: Truth
    expected: tuple[str, ...] = ()  # edges of forecast bands that it asks for, as they are looked up

    def truth(self, lookup: Lookup) -> bool | None:
        """Whether it holds for these values; None when that cannot be said."""
        return self.run(lookup)


class Reader:
    """Recursive descent over the tokens of one text."""

    example = "latency.p95 > 500ms"

    def __init__(self, text: str, units: Mapping[str, str | None], words: Mapping[str, Collection[str]], queries: Collection[str]) -> None:
        if len(text) > LONGEST:
            raise ExpressionError(LONGEST + 1, f"longer than {LONGEST} characters")
        self._units, self._words, self._queries = units, words, queries
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0
        self.names: dict[str, None] = {}
        self.usual: dict[str, None] = {}
        self.expected: dict[str, None] = {}
        self.compared: list[tuple[str, str]] = []

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
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
            raise ExpressionError(1, f"empty; write for example {self.example}")
        root = self._either()
        if self._next.kind != "end":
            self._refuse_rest()
        return root

    def _refuse_rest(self) -> NoReturn:
        token = self._next
        if token.kind == "sign" and token.text in ORDER:
            raise ExpressionError(token.column, "one comparison at a time; join two with `and`")
        if token.kind == "window":
            raise ExpressionError(token.column, "a window belongs to the name of a number, such as error.ratio[30m]")
        raise ExpressionError(token.column, f"{token.text!r} is one too many here; join conditions with `and` or `or`")

    # -- conditions -----------------------------------------------------------------------------------------------------------------

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
        if self._is_word("absent") and self._tokens[self._at + 1][:2] == ("sign", "("):
            return self._absent()
        left = self._sum()
        if self._is_word("is"):
            return self._is_known(left)
        if self._is_word("above", "below", "outside"):
            return self._unusual(left)
        sign = self._next
        if sign.kind == "sign" and sign.text == "=":
            raise ExpressionError(sign.column, "write == to compare")
        if sign.kind == "window":
            self._refuse_rest()
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
            elif (token.kind == "sign" and token.text in {*ORDER, "="}) or (
                token.kind == "name" and token.text in {*_JOINING, "is", "above", "below", "outside", "absent"}
            ):
                return True
        return True  # never closed: let the condition say so

    def _close(self) -> None:
        if not self._is_sign(")"):
            if self._next.kind == "end":
                raise ExpressionError(self._next.column, "a closing parenthesis is missing")
            self._refuse_rest()
        self._take()

    def _absent(self) -> Condition:
        self._take()
        self._take()
        of = self._number_name(self._factor(), "absent()")
        self._close()
        return Unknown(of, "absent")

    def _is_known(self, left: Side) -> Condition:
        of = self._number_name(left, "is")
        self._take()
        word = self._take()
        if word.kind == "name" and word.text.lower() == "unknown":
            return Unknown(of, "unknown")
        if word.kind == "name" and word.text.lower() == "known":
            return Unknown(of, "known")
        raise ExpressionError(word.column, f"write `is unknown` or `is known` after {left.text}")

    def _number_name(self, side: Side, what: str) -> Name:
        if isinstance(side.operand, Word):
            raise ExpressionError(side.column, f"unknown key {side.text!r}{nearest(side.text, [*self._units, *self._words])}")
        if not isinstance(side.operand, Name) or side.name in self._words:
            raise ExpressionError(side.column, f"{what} needs the name of one number, not {side.text}")
        return side.operand

    def _unusual(self, left: Side) -> Condition:
        word = self._take()
        side = word.text.lower()
        of = self._number_name(left, word.text)
        if side == "outside" and not self._is_word("expected"):
            raise ExpressionError(self._next.column, "write `outside expected`")
        if not self._is_word("usual", "expected"):
            raise ExpressionError(self._next.column, f"write `{word.text} usual` or `{word.text} expected`, or a comparison with > or <")
        if self._take().text.lower() == "expected":
            return self._unexpected(side, of, left)
        share = self._share() if self._is_sign("(") else USUAL
        floor, ceiling = self._bounds(left)
        found = Unusual("above" if side == "above" else "below", of, share, floor, ceiling)
        self.usual.setdefault(found.wanted)
        return found

    def _unexpected(self, side: str, of: Name, left: Side) -> Condition:
        window = asked(of.name).window
        if window and WINDOWS.get(window, math.inf) > WINDOWS[EXPECTED_WINDOW]:
            raise ExpressionError(left.column, f"what is expected is of this minute: a window of at most {EXPECTED_WINDOW}, not {window}")
        if self._is_sign("("):
            raise ExpressionError(self._next.column, "`expected` has no share: its band is as wide as the number needs")
        if side == "outside" and self._is_word("floor", "ceiling"):
            raise ExpressionError(
                self._next.column, f"{self._next.text} is of one edge: write {of.name} above expected ... or {of.name} below expected ..."
            )
        floor, ceiling = self._bounds(left)
        found = Unexpected("above" if side == "above" else "below" if side == "below" else "outside", of, floor, ceiling)
        self.expected.update(dict.fromkeys(found.wanted))
        return found

    def _bounds(self, left: Side) -> tuple[Number | None, Number | None]:
        """Floor and ceiling."""
        bounds: dict[str, Side] = {}
        while self._is_word("floor", "ceiling"):
            which = self._take()
            if which.text.lower() in bounds:
                raise ExpressionError(which.column, f"{which.text} stands twice")
            bound = self._factor()
            if not isinstance(bound.operand, Number):
                raise ExpressionError(bound.column, f"{which.text} needs a number")
            check_constant(bound, left)
            bounds[which.text.lower()] = bound
        floor, ceiling = (
            side.operand if side and isinstance(side.operand, Number) else None for side in map(bounds.get, ("floor", "ceiling"))
        )
        if floor and ceiling and floor.number > ceiling.number:
            raise ExpressionError(bounds["ceiling"].column, "the ceiling is below the floor")
        return floor, ceiling

    def _share(self) -> Number:
        self._take()
        side = self._factor()
        self._close()
        if not isinstance(side.operand, Number) or side.unit not in ("", "ratio") or not 0.5 <= side.operand.number <= 0.999:
            raise ExpressionError(side.column, "the usual share is 50% to 99.9%, such as usual(97%)")
        return side.operand

    # -- numbers --------------------------------------------------------------------------------------------------------------------

    def _sum(self) -> Side:
        left = self._product()
        while self._is_sign("+", "-"):
            sign = self._take()
            right = self._product()
            self._no_words(left, right)
            if not alike(left.unit, right.unit):
                raise ExpressionError(sign.column, f"{left.said} and {right.said} cannot be added")
            left = joined_side(sign, left, right, left.unit if left.unit is not None else right.unit)
        return left

    def _product(self) -> Side:
        left = self._factor()
        while self._is_sign("*", "/"):
            sign = self._take()
            right = self._factor()
            self._no_words(left, right)
            if sign.text == "/" and right.constant == 0:
                raise ExpressionError(right.column, "division by zero")
            left = joined_side(sign, left, right, product_unit(sign.text, left.unit, right.unit))
        return left

    def _no_words(self, *sides: Side) -> None:
        for side in sides:
            if isinstance(side.operand, Word) or side.name in self._words:
                raise ExpressionError(side.column, f"{side.text} is a word; it has no arithmetic")

    def _factor(self) -> Side:
        token = self._take()
        if token.kind == "number":
            try:
                number, unit = quantity(("0" if token.text.startswith(".") else "") + token.text + token.unit)
            except ValueError as error:
                raise ExpressionError(token.column + len(token.text), str(error)) from None
            text = token.text + token.unit
            if not math.isfinite(number):
                raise ExpressionError(token.column, f"{text} is too large")
            return Side(Number(number, text), unit, token.column, text)
        if token.kind == "sign" and token.text == "-":
            self._deeper()
            inner = self._factor()
            self._depth -= 1
            self._no_words(inner)
            if isinstance(inner.operand, Number) and not inner.text.startswith("-"):
                return Side(Number(-inner.operand.number, "-" + inner.text), inner.unit, token.column, "-" + inner.text)
            return Side(Negative(inner.operand), inner.unit, token.column, "-" + inner.text)
        if token.kind == "sign" and token.text == "(":
            self._deeper()
            inner = self._sum()
            self._close()
            self._depth -= 1
            return inner._replace(column=token.column)
        if token.kind in ("name", "text", "column"):
            return self._named(token)
        if token.kind == "end":
            raise ExpressionError(token.column, "something is missing at the end")
        raise ExpressionError(token.column, f"{token.text!r} cannot stand here")

    def _named(self, token: Token) -> Side:
        """A key with its bound and window, or a word."""
        if token.kind == "column":
            raise ExpressionError(token.column, "'`' is not understood here")
        family = token.text.removesuffix(OVER)
        if token.kind == "name" and token.text.endswith(OVER) and family in TIMED and f"{family}.p50" in self._units:
            return self._windowed(token, over_name(family, self._bound(token)), token.text, "ratio")
        if token.text in self._units:
            return self._windowed(token, token.text, token.text, self._units[token.text])
        if token.kind == "name" and token.text in self._words:
            self.names.setdefault(token.text)
            return Side(Name(token.text), None, token.column, token.text)
        if token.text.lower() in _JOINING:
            raise ExpressionError(token.column, f"{token.text!r} cannot stand here")
        if self._next.kind == "window":
            raise ExpressionError(token.column, f"unknown key {token.text!r}{nearest(token.text, self._units)}")
        return Side(Word(token.text), None, token.column, token.text)

    def _bound(self, token: Token) -> float:
        if not self._is_sign("("):
            raise ExpressionError(token.column + len(token.text), f"{token.text} needs a bound: {token.text}(500ms)")
        self._take()
        bound = self._factor()
        if bound.constant is None or bound.unit != "s" or bound.constant <= 0:
            raise ExpressionError(bound.column, f"the bound of {token.text} is a time, such as 500ms")
        self._close()
        return bound.constant

    def _windowed(self, token: Token, name: str, key: str, unit: str | None) -> Side:
        if self._next.kind == "window":
            window = self._take()
            check_window(key, window.text, window.column, self._queries)
            name = f"{name}[{window.text}]"
        self.names.setdefault(name)
        return Side(Name(name), unit, token.column, name)

    # -- comparisons ----------------------------------------------------------------------------------------------------------------

    def _compared(self, sign: Token, left: Side, right: Side) -> Condition:
        """Check that the two sides can be held against each other."""
        for side, other in ((left, right), (right, left)):
            if isinstance(side.operand, Word):
                self._check_word(side, other)
            elif side.name in self._words and not isinstance(other.operand, Word):
                raise ExpressionError(other.column, f"{side.name} is compared with a word, not with {other.text}")
            elif side.name in self._words and sign.text not in ("==", "!="):
                raise ExpressionError(sign.column, f"{side.name} has no order; use == or !=")
            elif side.constant is not None:
                check_constant(side, other)
        if not isinstance(left.operand, Word) and not isinstance(right.operand, Word):
            numbers = left.constant is not None or right.constant is not None
            if not numbers and not alike(left.unit, right.unit):
                raise ExpressionError(right.column, f"{left.said} cannot be compared with {right.said}")
        return Comparison(sign.text, left.operand, right.operand)

    def _check_word(self, side: Side, other: Side) -> None:
        name = other.name
        if name not in self._words:
            raise ExpressionError(side.column, f"unknown key {side.text!r}{nearest(side.text, [*self._units, *self._words])}")
        known = self._words[name]
        if known and side.text.casefold() not in {word.casefold() for word in known}:
            raise ExpressionError(side.column, f"{name} is never {side.text!r}{nearest(side.text, known)}")
        self.compared.append((name, side.text))


def read_expression(
    text: str,
    units: Mapping[str, str | None],
    words: Mapping[str, Collection[str]] | None = None,
    queries: Collection[str] = (),
) -> Expression:
    """Understand a text.

    Args:
        text: the expression.
        units: the numbers it may ask for, each with its unit; None where the unit is not known and any constant fits.
        words: the words it may ask for, each with the values it can have; empty where any value is possible.
        queries: those of the numbers that are answers to queries and have no windows here.

    Raises:
        ExpressionError: with the column and a sentence.
    """
    reader = Reader(text, units, words or {}, queries)
    root = reader.read()
    if not reader.names:
        raise ExpressionError(1, "asks for nothing; name a key of the vocabulary")
    return Expression(text, root, tuple(reader.names), tuple(reader.compared), tuple(reader.usual), compiled(root), tuple(reader.expected))
