"""Any metrics page, with its mapping given in the configuration: `kind = "prometheus"`.

An entry of `[targets.map]` is a vocabulary key and an expression over the page's own names:

    "request.rate" = 'rate(my_requests_total)'                                  growth per second; + adds counters
    "error.ratio" = 'rate(my_requests_total{code=~"5.."}) / rate(my_requests_total)'
    "latency" = 'histogram(my_latency_ms) * 0.001'                              mean, p50, p95 and p99 at once, in seconds
    "queue.time.mean" = 'mean(my_wait_seconds)'                                 of a histogram or summary
    "queue.length" = 'my_queue'                                                 a gauge, summed over its series
    "kv_cache.used" = 'max(my_cache_percent) * 0.01'                            the worst of its series
    "accuracy" = 'my_model_accuracy'                                            of quality always the worst: such numbers do not add up

With `request.rate` and `error.rate` given, `error.ratio` follows.
"""

from __future__ import annotations

import difflib
import re

from msgspec import Struct, structs

from tui_monitor.collect.servers.kind import Kind, Page
from tui_monitor.config import ConfigError, TargetSettings
from tui_monitor.mapping import Latest, Measure, Quantile, Rate, Ratio, Says, SignalSource, Sum, Total, mean, per, quantiles
from tui_monitor.vocabulary import QUALITY, VOCABULARY

_FAMILIES = ("latency", "ttft", "itl")  # keys that stand for mean, p50, p95 and p99
_QUANTILE_KEY = re.compile(r"(.+)\.p([0-9]{2})")
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?P<number>[0-9.]+(?:[eE][+-]?[0-9]+)?)|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<sign>=~|!~|!=|[=(){},+/*]))"
)


class _Histogram(Struct, frozen=True):
    """`histogram(family)`; what it means depends on the key."""

    of: Total
    unit: float = 1.0


class _Parser:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if not match or match.lastgroup is None:
                raise ValueError(f"{text[at:].strip()[:20]!r} is not understood")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) and self.tokens[self.at][0] != "text" else ""

    def take(self, *wanted: str) -> str:
        """The next token, which must be one of the signs or of the given group."""
        group, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        if text not in wanted and group not in wanted:
            raise ValueError(f"{' or '.join(wanted)} expected" + (f" where {text!r} stands" if text else " at the end"))
        self.at += 1
        return text

    def expression(self) -> Measure | _Histogram:
        left = self.term()
        if self.peek() == "/":
            self.take("/")
            right = self.term()
            if not isinstance(left, Rate) or not isinstance(right, Rate):
                raise ValueError("only a rate can be divided by a rate")
            left = per(left, right)
        if self.peek() == "*":
            self.take("*")
            left = _scaled(left, float(self.take("number")))
        if self.at < len(self.tokens):
            raise ValueError(f"{self.tokens[self.at][1]!r} is not understood here")
        return left

    def term(self) -> Measure | _Histogram:
        after = self.tokens[self.at + 1][1] if self.at + 1 < len(self.tokens) else ""
        call = self.peek() if after == "(" else ""
        if not call:
            return Latest(self.sum())
        if call not in ("rate", "histogram", "mean", "max", "sum"):
            raise ValueError(f"unknown function {call} (known: rate histogram mean max sum)")
        self.take("name")
        self.take("(")
        of = self.sum()
        self.take(")")
        if call == "rate":
            return Rate(of)
        if call in ("max", "sum"):
            return Latest(of, worst=call == "max")
        if len(of.terms) != 1:
            raise ValueError(f"{call} takes one family")
        term = of.terms[0]
        if term.unless:
            raise ValueError(f"{call} takes = and =~ only")
        return _Histogram(term) if call == "histogram" else mean(*term.names, where=dict(term.where))

    def sum(self) -> Sum:
        terms = [self.selector()]
        while self.peek() == "+":
            self.take("+")
            terms.append(self.selector())
        return Sum(tuple(terms))

    def selector(self) -> Total:
        name = self.take("name")
        where: list[tuple[str, str]] = []
        unless: list[tuple[str, str]] = []
        if self.peek() == "{":
            self.take("{")
            while self.peek() != "}":
                label, sign = self.take("name"), self.take("=", "!=", "=~", "!~")
                value = (
                    re.sub(r"\\(.)", r"\1", self.take("text")[1:-1]) if "~" not in sign else self.take("text")[1:-1].replace("\\\\", "\\")
                )
                if "~" not in sign:
                    value = re.escape(value)
                try:
                    re.compile(value)
                except re.error as error:
                    raise ValueError(f"{value!r} is no regular expression: {error}") from None
                (unless if "!" in sign else where).append((label, value))
                if self.peek() == ",":
                    self.take(",")
            self.take("}")
        return Total((name,), tuple(where), tuple(unless))


def _scaled(measure: Measure | _Histogram, unit: float) -> Measure | _Histogram:
    match measure:
        case Rate(of=of):
            return Rate(of, unit)
        case Latest():
            return structs.replace(measure, unit=unit)
        case Ratio(over=over, under=under):
            return Ratio(over, under, unit)
        case _Histogram(of=of):
            return _Histogram(of, unit)
        case _:
            return measure


def measures_of(key: str, expression: str) -> dict[str, Measure]:
    """What one entry of the map says.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if key not in VOCABULARY and key not in _FAMILIES:
        near = difflib.get_close_matches(key, (*VOCABULARY, *_FAMILIES), 1)
        raise ValueError("not in the vocabulary" + (f" (did you mean {near[0]}?)" if near else ""))
    made = _Parser(expression).expression()
    if isinstance(made, _Histogram):
        name, where = made.of.names[0], dict(made.of.where)
        if key in _FAMILIES:
            return quantiles(key, name, unit=made.unit, where=where)
        if key.endswith(".mean"):
            return {key: mean(name, unit=made.unit, where=where)}
        if match := _QUANTILE_KEY.fullmatch(key):
            return {key: Quantile(int(match[2]) / 100, made.of, made.unit)}
        raise ValueError("a histogram gives a mean or quantiles, not this key")
    if key in _FAMILIES:
        raise ValueError(f"needs histogram(...); for one number write {key}.mean or {key}.p95")
    if key in QUALITY and isinstance(made, Latest) and not made.worst:
        least = VOCABULARY[key].bad == "low"
        made = structs.replace(made, least=least, worst=not least)
    return {key: made}


def exporter_kind(settings: TargetSettings) -> Kind:
    """The kind that a target's own map makes.

    Raises:
        ConfigError: one line that names target and key.
    """
    measures: dict[str, Measure] = {}
    for key, expression in settings.map.items():
        try:
            measures |= measures_of(key, expression)
        except ValueError as error:
            raise ConfigError(f'targets "{settings.name}": map."{key}": {error}') from None
    requests, errors = measures.get("request.rate"), measures.get("error.rate")
    if isinstance(requests, Rate) and isinstance(errors, Rate):
        measures.setdefault("error.ratio", Ratio(errors, requests))
    work = [measure.of for key in ("request.rate", "token.rate.generated") if isinstance(measure := measures.get(key), Rate)]
    mean_latency = measures.get("latency.mean")
    if not work and isinstance(mean_latency, Ratio):
        work = [mean_latency.under.of]  # what was timed was finished
    says = Says(
        measures=measures,
        signals=tuple(SignalSource(family, "latency") for family in dict.fromkeys(_histograms(measures))),
        progress=Sum(tuple(term for sum_ in work for term in sum_.terms)) if work else None,
        own_map=True,
    )
    return Kind(name="prometheus", metrics=Page(0, "/metrics"), says=says)


def _histograms(measures: dict[str, Measure]) -> list[str]:
    """Families whose buckets are read. A part of a family that labels choose cannot be told apart there, and is no signal."""
    return [measure.of.names[0] for measure in measures.values() if isinstance(measure, Quantile) and not measure.of.where]
