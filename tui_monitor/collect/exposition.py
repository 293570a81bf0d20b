"""Reads Prometheus text pages (format 0.0.4, and what OpenMetrics adds) by not re-reading what did not change.

Between two scrapes of one target almost every line differs only after its last blank. So each target keeps the prefix of every line, and a
page is read by the first of three ways that holds; all three give the same result:

    positional   same number of lines, every line starts with its old prefix: one slice and one float a line
    keyed        lines moved, came or went: one dictionary look-up a line by the raw bytes of its series
    full         a line never seen: one regular expression for the line, one for its labels

A line that cannot be read is dropped and counted, and the rest stands. `float` alone would take `1_000`, which no server means. Names are
kept as exposed: prometheus_client appends `_total` to counters, and then no query written for the server fits. Of a series that stands
twice the last one counts, never both. Timestamps and exemplars are left out.
"""

from __future__ import annotations

import asyncio
import functools
import re
from itertools import compress
from typing import TYPE_CHECKING, Literal

from tui_monitor.model import Failure, Layout, Page, SeriesKey, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINES = 250_000
MAX_LINE_BYTES = 262_144
SLICE_LINES = 500  # read in one go: about 10 ms when every line is new
HOPELESS_LINES = 1000  # not one sample so far: another format

_QUOTED = rb'"(?:[^"\\\n]|\\.)*+"'
_LINE = re.compile(
    rb"[ \t]*+((?:[a-zA-Z_:][a-zA-Z0-9_:]*+)?+[ \t]*+(?:\{(?:[^\"}\n]|" + _QUOTED + rb")*+\})?+)[ \t]*+"  # the series
    rb"([^ \t\n{}\"]++)(?:[ \t]++[+-]?[0-9][0-9.eE+-]*+)?+[ \t]*+(?:#[ \t]*+\{[^\n]*+)?+"  # value, timestamp, exemplar
)
_SERIES = re.compile(rb"([a-zA-Z_:][a-zA-Z0-9_:]*+)?+[ \t]*+(?:\{(.*)\})?+", re.DOTALL)
_LABEL = re.compile(
    rb"[ \t]*+(?:([a-zA-Z_][a-zA-Z0-9_]*+|" + _QUOTED + rb')[ \t]*+=[ \t]*+)?+"((?:[^"\\\n]|\\.)*+)"[ \t]*+(,|$)',
)
_TYPE = re.compile(rb"[ \t]*+#[ \t]++TYPE[ \t]++(" + _QUOTED + rb"|[a-zA-Z_:][a-zA-Z0-9_:]*+)[ \t]++([a-z]++)[ \t]*+")
_ESCAPE = re.compile(rb"\\(.)")
_UNESCAPED = {b"n": b"\n", b"\\": b"\\", b'"': b'"'}
_IN_NUMBERS = b"0123456789.eE+- NaINnFfiTtYy"  # what may stand in a value; nothing else, "_" above all
_TYPES = {"counter": "counter", "gauge": "gauge", "histogram": "histogram", "summary": "summary", "info": "gauge", "stateset": "gauge"}

How = Literal["", "positional", "keyed", "full"]


class _BadLineError(ValueError):
    """This line is no sample; it is dropped and counted."""


def _text(raw: bytes) -> str:
    """A label's value or a quoted name, unescaped, and fit for a terminal."""
    if b"\\" in raw:
        raw = _ESCAPE.sub(lambda match: _UNESCAPED.get(match[1], match[0]), raw)
    text = raw.decode(errors="replace")
    return text if text.isprintable() and len(text) <= 1000 else clean(text, 1000)


@functools.lru_cache(maxsize=65_536)
def _series(raw: bytes) -> SeriesKey:
    """`name{label="value"}` as a key; one object for all targets that expose it, which is most of a fleet's memory."""
    match = _SERIES.fullmatch(raw)
    if not match:
        raise _BadLineError
    name, inside = match[1], (match[2] or b"").strip(b" \t")
    labels: dict[str, str] = {}
    at = 0
    while at < len(inside):
        label = _LABEL.match(inside, at)
        if not label:
            raise _BadLineError
        if label[1] is None:  # {"name with.dots", label="x"} of the newer format
            if name is not None or at:
                raise _BadLineError
            name = label[2]
        else:
            key = _text(label[1][1:-1] if label[1][:1] == b'"' else label[1])
            if key in labels:
                raise _BadLineError
            labels[key] = _text(label[2])
        at = label.end()
        if not label[3]:
            break
    if not name:
        raise _BadLineError
    return SeriesKey(_text(name), tuple(sorted((key, value) for key, value in labels.items() if value)))  # empty is absent


def _number(raw: bytes) -> float:
    if raw.translate(None, _IN_NUMBERS) or b" " in raw:
        raise _BadLineError
    try:
        return float(raw)
    except ValueError:
        raise _BadLineError from None


class _Scan:
    """One reading line by line: what is found, and what the next reading may go by."""

    def __init__(self, known: dict[bytes, SeriesKey], canonical: dict[SeriesKey, SeriesKey]) -> None:
        self.known, self.canonical = known, canonical
        self.how: How = "keyed"
        self.used: dict[bytes, SeriesKey] = {}  # series that went are forgotten: bounded by the page
        self.place: dict[int, int] = {}  # id of a canonical series -> where it stands in the lists below
        self.series: list[SeriesKey] = []
        self.values: list[float] = []
        self.line_numbers: list[int] = []
        self.behind: list[slice] = []  # what stands behind the prefix of a sample's line
        self.tails: list[bytes] = []  # that
        self.prefixes: list[bytes] = []
        self.is_sample: list[bool] = []
        self.is_fixed: list[bool] = []  # comments and bad lines: they mean the same only while they are the same
        self.superseded: set[int] = set()
        self.bad = 0
        self.last_is_bad = False
        self.stamped = False
        self.ended = False  # behind "# EOF": whatever stands there is not of the page

    def read(self, lines: list[bytes]) -> Iterator[None]:
        """Reads all lines, giving way now and then."""
        for start in range(0, len(lines), SLICE_LINES):
            for line in lines[start : start + SLICE_LINES]:
                self._line(line)
            if not self.values and self.bad >= HOPELESS_LINES:
                return
            yield

    def _line(self, line: bytes) -> None:
        self.last_is_bad = False
        if self.ended:
            self._put(b"", is_sample=False, is_fixed=False)
            return
        if line[:1] in b"# \t" and line.lstrip(b" \t")[:1] in b"#":  # b"" is in everything: the empty line is a comment, too
            self._fix()
            self.ended = line == b"# EOF"
            return
        key, _, tail = line.rpartition(b" ")
        series = self.known.get(key)
        if series is not None:
            try:
                value = _number(tail)
            except _BadLineError:
                pass  # perhaps a timestamp
            else:
                self.used[key] = series
                self._keep(series, value, line, key + b" ")
                return
        try:
            self._unseen(line)
        except _BadLineError:
            self.bad += 1
            self.last_is_bad = True
            self._fix()

    def _unseen(self, line: bytes) -> None:
        match = _LINE.fullmatch(line) if len(line) <= MAX_LINE_BYTES else None
        if not match:
            raise _BadLineError
        raw, value = match[1].rstrip(b" \t"), _number(match[2])
        if match.end(2) < len(line.rstrip(b" \t")):
            self.stamped = True  # then what stands behind the value changes as well, and no line can go by position
        series = self.known.get(raw)
        if series is None:
            self.how = "full"
            fresh = _series(raw)
            series = self.canonical.setdefault(fresh, fresh)
        self.used[raw] = series
        self._keep(series, value, line, line[: match.start(2)])

    def _keep(self, series: SeriesKey, value: float, line: bytes, prefix: bytes) -> None:
        twice = self.place.get(id(series))
        if twice is not None:
            self.superseded.add(twice)
            self.bad += 1
        self.place[id(series)] = len(self.values)
        self.line_numbers.append(len(self.prefixes))
        self._put(prefix, is_sample=True, is_fixed=False)
        behind = slice(len(prefix), None)
        self.behind.append(behind)
        self.tails.append(line[behind])
        self.series.append(series)
        self.values.append(value)

    def _fix(self) -> None:
        self._put(b"", is_sample=False, is_fixed=True)

    def _put(self, prefix: bytes, *, is_sample: bool, is_fixed: bool) -> None:
        self.prefixes.append(prefix)
        self.is_sample.append(is_sample)
        self.is_fixed.append(is_fixed)

    def drop_superseded(self) -> None:
        if not self.superseded:
            return
        for place in self.superseded:
            self.is_sample[self.line_numbers[place]] = False
        stays = [place not in self.superseded for place in range(len(self.values))]
        self.series, self.values = list(compress(self.series, stays)), list(compress(self.values, stays))
        self.behind, self.tails = list(compress(self.behind, stays)), list(compress(self.tails, stays))


class PageReader:
    """Reads the pages of one target. `how` tells which way the last page went."""

    def __init__(self) -> None:
        self.how: How = ""
        self._known: dict[bytes, SeriesKey] = {}
        self._canonical: dict[SeriesKey, SeriesKey] = {}
        self._layout = Layout((), {})
        self._count = -1  # lines of the layout; -1: no page can go by position
        self._prefixes: list[bytes] = []
        self._behind: list[slice] = []  # of the samples' lines: what stands behind their prefix
        self._tails: list[bytes] = []  # that, and its number, on the page before
        self._values: list[float] = []
        self._is_sample: list[bool] = []
        self._is_fixed: list[bool] = []
        self._fixed: list[bytes] = []
        self._bad = 0
        self._last_is_bad = False

    def read(self, body: bytes) -> Page | Failure:
        """The page, or why it is none: `empty` without a sample, `not_metrics` for another format, `too_large` for too many lines."""
        lines = _lines(body)
        page = _refused(lines) or self._by_position(lines, len(body))
        if page is None:
            scan = self._scan()
            for _ in scan.read(lines):
                pass
            page = self._settle(scan, lines, body)
        return page

    async def read_slowly(self, body: bytes) -> Page | Failure:
        """As `read`, but lets others run between slices: a first page of 5 MB takes most of a second."""
        lines = _lines(body)
        page = _refused(lines) or self._by_position(lines, len(body))
        if page is None:
            scan = self._scan()
            for _ in scan.read(lines):
                await asyncio.sleep(0)
            page = self._settle(scan, lines, body)
        return page

    def _scan(self) -> _Scan:
        return _Scan(self._known, dict(self._canonical))

    def _by_position(self, lines: list[bytes], size_bytes: int) -> Page | None:
        if len(lines) != self._count or not all(map(bytes.startswith, lines, self._prefixes)):
            return None
        if list(compress(lines, self._is_fixed)) != self._fixed:
            return None
        tails = [line[behind] for line, behind in zip(compress(lines, self._is_sample), self._behind, strict=True)]
        if b"".join(tails).translate(None, _IN_NUMBERS):
            return None
        try:  # most series stand still most of the time, and comparing is three times as fast as reading a number
            values = [was if tail == old else float(tail) for tail, old, was in zip(tails, self._tails, self._values, strict=True)]
        except ValueError:  # a timestamp appeared, or it is no number
            return None
        self._tails, self._values = tails, values
        self.how = "positional"
        return self._page(values, size_bytes)

    def _settle(self, scan: _Scan, lines: list[bytes], body: bytes) -> Page | Failure:
        scan.drop_superseded()
        self.how = scan.how
        if not scan.values:
            return _no_sample(body, scan.bad)
        self._known = scan.used
        self._prefixes = scan.prefixes
        self._is_sample, self._behind, self._tails, self._values = scan.is_sample, scan.behind, scan.tails, scan.values
        self._is_fixed = scan.is_fixed
        self._fixed = list(compress(lines, scan.is_fixed))
        self._count = -1 if scan.stamped else len(lines)
        self._bad, self._last_is_bad = scan.bad, scan.last_is_bad
        series = tuple(scan.series)
        types = _types(self._fixed, series)
        if series != self._layout.series or types != self._layout.types:
            self._layout = Layout(series, types)
            self._canonical = scan.canonical if len(scan.canonical) < 2 * len(series) + 100 else {key: key for key in series}
        return self._page(scan.values, len(body))

    def _page(self, values: list[float], size_bytes: int) -> Page:
        damaged = "cut inside its last line" if self._last_is_bad else ""  # a whole page ends with a line end, or with a whole sample
        return Page(self._layout, values, size_bytes, self._bad, damaged)


def _lines(body: bytes) -> list[bytes]:
    if body[:3] == b"\xef\xbb\xbf":
        body = body[3:]
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
    return body.split(b"\n")


def _refused(lines: list[bytes]) -> Failure | None:
    if len(lines) > MAX_LINES:
        return Failure("too_large", f"more than {MAX_LINES} lines")
    start = lines[0][:64].lstrip()
    if start[:1] == b"<":
        return Failure("not_metrics", "a web page, not a metrics page")
    if start[:2] == b"\x1f\x8b":
        return Failure("not_metrics", "compressed, and not said to be")
    return None


def _no_sample(body: bytes, bad: int) -> Failure:
    if bad:
        return Failure("not_metrics", f"no line of it is a sample; it begins: {clean(body[:200].decode(errors='replace'), 60)}")
    return Failure("empty", "the page is empty" if not body.strip() else "only comments on the page")


def _types(comments: list[bytes], series: tuple[SeriesKey, ...]) -> dict[str, str]:
    """Families and their types: what TYPE lines say, and where they say nothing what the names say."""
    types: dict[str, str] = {}
    for comment in comments:
        match = _TYPE.fullmatch(comment)
        if match:
            family = _text(match[1][1:-1] if match[1][:1] == b'"' else match[1])
            types.setdefault(family, _TYPES.get(match[2].decode(), "untyped"))
    for name, labels in {key.name: key.labels for key in series}.items():
        if name.endswith("_bucket") and any(label == "le" for label, _ in labels):
            types.setdefault(name[:-7], "histogram")
        elif name.endswith("_total") and types.get(name[:-6]) in (None, "counter"):  # OpenMetrics types the name without it
            types.setdefault(name, "counter")
    return types
