"""One line of a metrics page: its series, its number, the type it declares; and what it is refused for.

`float` alone would take `1_000`, which no server means. Names are kept as exposed: prometheus_client appends `_total` to counters, and
then no query written for the server fits. An empty label is an absent one. A label's value is data: it leaves here fit for a terminal.
"""

from __future__ import annotations

import functools
import re

from msgspec import DecodeError
from msgspec.json import Decoder

from tui_monitor.model import SeriesKey, clean

MAX_LINE_BYTES = 262_144
IN_NUMBERS = b"0123456789.eE+- NaINnFfiTtYy"  # what may stand in a value; nothing else, "_" above all

_QUOTED = rb'"(?:[^"\\\n]|\\.)*+"'
_LINE = re.compile(
    rb"[ \t]*+((?:[a-zA-Z_:][a-zA-Z0-9_:]*+)?+[ \t]*+(?:\{(?:[^\"}\n]|" + _QUOTED + rb")*+\})?+)[ \t]*+"  # the series
    rb"([^ \t\n{}\"]++)(?:[ \t]++[+-]?[0-9]++(?:\.[0-9]*+)?+(?:[eE][+-]?[0-9]++)?+)?+[ \t]*+(?:#[ \t]*+\{[^\n]*+)?+"  # value, timestamp, exemplar
)
_SERIES = re.compile(rb"([a-zA-Z_:][a-zA-Z0-9_:]*+)?+[ \t]*+(?:\{(.*)\})?+", re.DOTALL)
_LABEL = re.compile(
    rb"[ \t]*+(?:([a-zA-Z_][a-zA-Z0-9_]*+|" + _QUOTED + rb')[ \t]*+=[ \t]*+)?+"((?:[^"\\\n]|\\.)*+)"[ \t]*+(,|$)',
)
_TYPE = re.compile(rb"[ \t]*+#[ \t]++TYPE[ \t]++(" + _QUOTED + rb"|[a-zA-Z_:][a-zA-Z0-9_:]*+)[ \t]++([a-z]++)[ \t]*+")
_JSON_NUMBERS = Decoder(list[float])
_ESCAPE = re.compile(rb"\\(.)")
_UNESCAPED = {b"n": b"\n", b"\\": b"\\", b'"': b'"'}
_TYPES = {"counter": "counter", "gauge": "gauge", "histogram": "histogram", "summary": "summary", "info": "gauge", "stateset": "gauge"}


class BadLineError(ValueError):
    """This line is no sample; it is dropped and counted."""


class OverLimitError(BadLineError):
    """This line may well be a sample, but it is larger than what is read."""


def split(line: bytes) -> tuple[bytes, bytes, bytes]:
    """The series, all that stands before the value, and the value; a timestamp and an exemplar behind it are left out.

    Raises:
        BadLineError: it has not the form of a sample.
    """
    if len(line) > MAX_LINE_BYTES:
        raise OverLimitError
    match = _LINE.fullmatch(line)
    if not match:
        raise BadLineError
    return match[1].rstrip(b" \t"), line[: match.start(2)], match[2]


def number(raw: bytes) -> float:
    """A sample's value.

    Raises:
        BadLineError: hexadecimal, a decimal comma, a word and whatever else is no number to a Prometheus.
    """
    if raw.translate(None, IN_NUMBERS):
        raise BadLineError
    try:
        return float(raw)
    except ValueError:
        raise BadLineError from None


def numbers(raws: list[bytes], joined: bytes) -> list[float] | None:
    """What `number` makes of each, in a fraction of the time: JSON's numbers are Prometheus' numbers, but for a few.

    Those few are NaN, +Inf, +5, .5, 05 (read one by one) and -0 (an integer without a sign to JSON). None when one is no number.

    Args:
        raws: what stands behind the prefix of each line, at least one.
        joined: the same, with commas between.
    """
    text = b"[0,%b,0]" % joined
    if b",-0," not in text and b"\r" not in text:  # a carriage return is a blank to JSON
        try:
            found = _JSON_NUMBERS.decode(text)
        except DecodeError:
            pass
        else:
            return found[1:-1] if len(found) == len(raws) + 2 else None
    if text.translate(None, IN_NUMBERS + b"[,]"):
        return None
    try:
        return list(map(float, raws))
    except ValueError:
        return None


def series(raw: bytes, max_labels: int, max_label_chars: int) -> SeriesKey:
    """`name{label="value"}` as a key.

    Raises:
        OverLimitError: more labels, or a longer one, than the limits allow. A cut label would make two series one.
        BadLineError: it is no series.
    """
    match = _SERIES.fullmatch(raw)
    if not match:
        raise BadLineError
    name, inside = match[1], (match[2] or b"").strip(b" \t")
    labels: dict[str, tuple[str, str] | None] = {}  # None: empty, which is the same as absent
    at = 0
    while at < len(inside):
        label = _LABEL.match(inside, at)
        if not label:
            raise BadLineError
        if label[1] is None:  # {"name with.dots", label="x"} of the newer format; wherever it stands
            if name is not None:
                raise BadLineError
            name = label[2]
        else:
            pair = _pair(label[1], label[2])
            if pair[0] in labels:
                raise BadLineError
            if len(labels) == max_labels or len(pair[0]) > max_label_chars or len(pair[1]) > max_label_chars:
                raise OverLimitError
            labels[pair[0]] = pair if label[2] else None
        at = label.end()
        if not label[3]:
            break
    if not name:
        raise BadLineError
    if len(name) > max_label_chars:
        raise OverLimitError
    return SeriesKey(_name(name), tuple(sorted(pair for pair in labels.values() if pair)))


def declared(comment: bytes) -> tuple[str, str] | None:
    """The family and the type that a TYPE line declares."""
    match = _TYPE.fullmatch(comment)
    if not match:
        return None
    return _text(match[1][1:-1] if match[1][:1] == b'"' else match[1]), _TYPES.get(match[2].decode(), "untyped")


@functools.lru_cache(maxsize=16_384)
def _pair(name: bytes, value: bytes) -> tuple[str, str]:
    """One object for all series that have this label: a page of 64,000 series has few hundred of them."""
    return _text(name[1:-1] if name[:1] == b'"' else name), _text(value)


@functools.lru_cache(maxsize=16_384)
def _name(raw: bytes) -> str:
    return _text(raw)


def _text(raw: bytes) -> str:
    """A label's value or a quoted name, unescaped, and fit for a terminal."""
    if b"\\" in raw:
        raw = _ESCAPE.sub(lambda match: _UNESCAPED.get(match[1], match[0]), raw)
    text = raw.decode(errors="replace")
    return text if text.isprintable() else clean(text, len(text))
