"""Service level objectives: how fast the error budget burns, and from when on that is worth waking somebody.

    slo = "error.ratio < 0.1% over 30d"            at most 0.1 % of the requests of 30 days may fail
    slo = "latency < 500ms for 99% over 30d"       at most 1 % of them may take longer than 500 ms (also ttft, itl)

The budget is the share of requests that may be bad; a burn rate of 1 uses it up in exactly the period, one of 10 in a tenth of it. Each
level asks two windows at once: the long one says that it matters, the short one that it goes on, so that the alert ends soon after the
trouble does (Google, The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts").

The workbook pairs 1 h with 5 min and 6 h with 30 min for a page, 3 d with 6 h for a ticket. The windows kept here are others, so what is kept
of the workbook is the share of the budget that has gone when a pair fires, and the burn rate follows from it: rate = share x period / long window.

    level      windows        budget gone    burn rate at 30 d
    critical   30 min, 5 min       2 %             28.8
    critical   3 h, 30 min         5 %             12
    warning    24 h, 3 h          10 %              3

A pair whose limit cannot be reached, because more than all requests would have to be bad, is left out; no rate is less than 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from msgspec import Struct

from tui_monitor.language.names import TIMED, over_name
from tui_monitor.language.printing import printed
from tui_monitor.language.tokens import ExpressionError, Token, nearest, tokens
from tui_monitor.language.truth import Comparison, Condition, Join, Lookup, Name, Number
from tui_monitor.model import Severity
from tui_monitor.vocabulary import WINDOWS, quantity

SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 86400.0, 90 * 86400.0
_SHARES = ("error.ratio",)  # what is a share of bad requests already
_EXAMPLE = "write for example: latency < 500ms for 99% over 30d"


class Pair(NamedTuple):
    """Two windows that must both burn."""

    severity: Severity
    long: str
    short: str
    budget_share: float  # of the whole budget, gone after the long window at this rate

    def rate(self, period_s: float) -> float:
        """The burn rate from which on it fires."""
        return max(1.0, self.budget_share * period_s / WINDOWS[self.long])


PAIRS = (Pair("critical", "30m", "5m", 0.02), Pair("critical", "3h", "30m", 0.05), Pair("warning", "24h", "3h", 0.10))


class Slo(Struct, frozen=True):
    """An objective that was understood."""

    text: str
    bad: str  # the share of bad requests, without its window: error.ratio, latency.over(0.5s)
    budget: float  # of the requests, 0..1
    period_s: float

    def pairs(self, severity: Severity | None = None) -> tuple[Pair, ...]:
        """The pairs that can fire, of one level or of all."""
        return tuple(pair for pair in PAIRS if severity in (None, pair.severity) and pair.rate(self.period_s) * self.budget < 1)

    def limit(self, pair: Pair) -> Number:
        """The share of bad requests from which on a pair burns, to four digits."""
        text = f"{100 * pair.rate(self.period_s) * self.budget:.4g}%"
        return Number(quantity(text)[0], text)

    def condition(self, severity: Severity) -> Condition | None:
        """When a level is true; None where it never can be."""
        parts: list[Condition] = [
            Join("and", tuple(Comparison(">", Name(f"{self.bad}[{window}]"), self.limit(pair)) for window in (pair.long, pair.short)))
            for pair in self.pairs(severity)
        ]
        return None if not parts else parts[0] if len(parts) == 1 else Join("or", tuple(parts))

    def expression(self, severity: Severity) -> str:
        """The same as a text of the rules' language; empty where the level never can be true."""
        condition = self.condition(severity)
        return "" if condition is None else printed(condition)

    def burning(self, lookup: Lookup, severity: Severity) -> Pair | None:
        """The first pair of a level that burns now."""
        for pair in self.pairs(severity):
            shares = [lookup(f"{self.bad}[{window}]") for window in (pair.long, pair.short)]
            if all(isinstance(share, float) and share > self.limit(pair).number for share in shares):
                return pair
        return None


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._at = 0

    def take(self, kind: str, *words: str) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        if token.kind != kind or (words and token.text.lower() not in words):
            if kind == "end":
                raise ExpressionError(token.column, f"{token.text!r} is one too many; {_EXAMPLE}")
            raise ExpressionError(token.column, f"{' or '.join(words) or 'a ' + kind} is missing here; {_EXAMPLE}")
        return token

    def number(self, unit: str, what: str) -> tuple[float, int]:
        token = self.take("number")
        try:
            number, found = quantity(token.text + token.unit)
        except ValueError as error:
            raise ExpressionError(token.column + len(token.text), str(error)) from None
        if not math.isfinite(number) or (found != unit and not (unit == "ratio" and found == "" and number <= 1)):
            raise ExpressionError(token.column, f"{token.text + token.unit} is no {what}; {_EXAMPLE}")
        return number, token.column


def read_slo(text: str) -> Slo:
    """Understand an objective.

    Raises:
        ExpressionError: with the column and a sentence.
    """
    reader = _Reader(text)
    subject = reader.take("name")
    known = (*TIMED, *_SHARES)
    if subject.text not in known:
        raise ExpressionError(subject.column, f"no objective for {subject.text!r}{nearest(subject.text, known)}; known: {' '.join(known)}")
    reader.take("sign", "<", "<=")
    if subject.text in TIMED:
        bound_s, column = reader.number("s", "time")
        if bound_s <= 0:
            raise ExpressionError(column, f"the bound must be more than 0; {_EXAMPLE}")
        bad = over_name(subject.text, bound_s)
        reader.take("name", "for")
        good, column = reader.number("ratio", "share")
        budget = round(1 - good, 12)
    else:
        bad = subject.text
        budget, column = reader.number("ratio", "share")
    if not 0 < budget <= 0.5:
        raise ExpressionError(column, "a budget is more than 0 % and at most half of the requests")
    reader.take("name", "over")
    period_s, column = reader.number("s", "period")
    if not SHORTEST_PERIOD_S <= period_s <= LONGEST_PERIOD_S:
        raise ExpressionError(column, "the period is 1d to 90d")
    reader.take("end")
    return Slo(text, bad, budget, period_s)
