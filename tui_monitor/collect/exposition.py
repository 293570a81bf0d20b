"""Reads Prometheus text pages (format 0.0.4, and what OpenMetrics adds) by not re-reading what did not change.

Between two scrapes of one target almost every line differs only after its last blank. So each target keeps the prefix of every line, and a
page is read by the first of three ways that holds; all three give the same result:

    positional   same number of lines, every line starts with its old prefix: the prefixes are taken off, the numbers read in one go
    keyed        lines moved, came or went: one dictionary look-up a line by all that stands before its value
    full         a line never seen: one regular expression for the line, one for its labels

A line that cannot be read is dropped and counted, and the rest stands. Of a series that stands twice the last one counts, never both.
Timestamps and exemplars are left out. Nothing of a reading is kept before it is finished, so it may be cancelled at any time. A series
costs about 380 bytes (its key, the prefix of its line, its number), and 180 for each further target that has it (bench/exposition.py).
"""

from __future__ import annotations

import asyncio
import functools
import time
from itertools import compress
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from tui_monitor.collect.exposition_line import BadLineError, OverLimitError, declared, number, numbers, series, split
from tui_monitor.model import Failure, Layout, Page, SeriesKey, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

MAX_LINES = 250_000
MAX_SAMPLES = 100_000
MAX_LABELS = 512
MAX_LABEL_CHARS = 8192
HOPELESS_LINES = 1000  # not one sample so far: another format
TURN_S = 0.005  # of a slow reading, before others run; several pages may be in reading at once
_STEP_LINES = 100  # about a millisecond when every line is new
_POSITIONAL_LINES = 1000  # a third of one
_KNOWN_SERIES = 1000  # likewise
_MAX_SHARED = 65_536  # series
_LONG_BYTES = 16_384  # such a line is a step by itself

_T = TypeVar("_T")
How = Literal["", "positional", "keyed", "full"]


class _Limits(NamedTuple):
    samples: int
    labels: int
    label_chars: int


@functools.cache
def _shared(limits: _Limits) -> dict[bytes, SeriesKey]:  # noqa: ARG001 - the cache's key: what one refuses another may read
    """What stands before a value -> its series: one object for all targets that expose it, which is most of a fleet's memory.

    No lru_cache: its two objects an entry would keep the garbage collector, and with it the event loop, busy for 100 ms.
    """
    return {}


class _Scan:
    """One page read line by line, and thereby the form by which the next one may be read."""

    def __init__(self, limits: _Limits) -> None:
        self._limits = limits
        self.how: How = "keyed"
        self.types: dict[str, str] = {}
        self.series: list[SeriesKey] = []
        self.values: list[float] = []
        self.bad = 0
        self._over = 0  # lines and series too large to be read
        self._cut = False  # at the limit of samples
        self._partial = False  # so, or at "# EOF": whatever stands behind is not read
        self._last_is_bad = False
        self._sample_lines: Sequence[SeriesKey] = ()  # the series of each, those left out too
        self._known: dict[bytes, SeriesKey] = {}  # while it reads: what stood before a value -> its series
        self._canonical: dict[SeriesKey, SeriesKey] = {}  # while it reads: one object of those that are equal
        self._place: dict[int, int] = {}  # while it reads: id of a canonical series -> where it stands among the samples
        self._left_out: set[int] = set()  # such places: superseded, or the first one over the limit
        self._counts = bytearray()  # of each sample whether it is not left out; empty: all count
        self._prefixes: list[bytes] = []  # of a sample all before its value; of comments and bad lines the line
        self._prefix_bytes = 0
        self._is_sample = bytearray()
        self._is_fixed = bytearray()  # the opposite

    def read(self, lines: list[bytes], before: _Scan) -> Generator[None]:
        """Reads all lines, in steps, by what is known from the page before. Series that went are forgotten: bounded by the page."""
        for place, (prefix, key) in enumerate(zip(compress(before._prefixes, before._is_sample), before._sample_lines, strict=True)):
            self._known[prefix] = self._canonical[key] = key
            if place % _KNOWN_SERIES == 0:
                yield
        for start in range(0, len(lines), _STEP_LINES):
            for line in lines[start : start + _STEP_LINES]:
                self._line(line)
                if self._partial:
                    break
                if len(line) > _LONG_BYTES:
                    yield
            if self._partial or (not self.values and self.bad >= HOPELESS_LINES):
                break
            yield
        self._prefix_bytes = sum(map(len, self._prefixes))
        self._sample_lines = self.series
        if self._left_out:
            self._counts = bytearray(b"\1") * len(self.values)
            for place in self._left_out:
                self._counts[place] = 0
            self.series, self.values = self._without_left_out(self.series), self._without_left_out(self.values)
        self._known, self._canonical, self._place = {}, {}, {}

    def _line(self, line: bytes) -> None:
        self._last_is_bad = False
        if line[:1] in b"# \t" and line.lstrip(b" \t")[:1] in b"#":  # b"" is in everything: the empty line is a comment, too
            family = declared(line)
            if family is not None:
                self.types.setdefault(*family)
            self._put(line, is_sample=False)
            self._partial = line == b"# EOF"
            return
        at = line.rfind(b" ") + 1
        key = self._known.get(line[:at])
        try:
            if key is not None:
                try:
                    self._sample(line[:at], key, number(line[at:]))
                    return
                except BadLineError:
                    pass  # perhaps a timestamp
            self._unseen(line)
        except BadLineError as error:
            self.bad += 1
            self._over += isinstance(error, OverLimitError)
            self._last_is_bad = not isinstance(error, OverLimitError)
            self._put(line, is_sample=False)

    def _unseen(self, line: bytes) -> None:
        raw, prefix, digits = split(line)
        value = number(digits)
        key = self._known.get(prefix)
        if key is None:
            self.how = "full"
            key = self._read_series(raw, prefix)
        self._sample(prefix, key, value)

    def _read_series(self, raw: bytes, prefix: bytes) -> SeriesKey:
        shared = _shared(self._limits)
        key = shared.get(prefix)
        if key is None:
            key = series(raw, self._limits.labels, self._limits.label_chars)
            if len(shared) >= _MAX_SHARED:
                shared.clear()
            shared[prefix] = key
        return self._canonical.setdefault(key, key)

    def _sample(self, prefix: bytes, key: SeriesKey, value: float) -> None:
        place = len(self.values)
        if place == self._limits.samples:
            self._cut = self._partial = True
            self._left_out.add(place)
        else:
            twice = self._place.get(id(key))
            if twice is not None:
                self._left_out.add(twice)
                self.bad += 1
            self._place[id(key)] = place
        self.series.append(key)
        self.values.append(value)
        self._put(prefix, is_sample=True)

    def _put(self, prefix: bytes, *, is_sample: bool) -> None:
        self._prefixes.append(prefix)
        self._is_sample.append(is_sample)
        self._is_fixed.append(not is_sample)

    def by_position(self, lines: list[bytes], size_bytes: int) -> Generator[None, None, list[float] | None]:
        """The values of the next page, in steps, if it has this form. Changes nothing here.

        That all prefixes were there to be taken off shows in the end: exactly their bytes are gone. Of a fixed line nothing is left.
        """
        if self._partial:
            lines = lines[: len(self._prefixes)]
            size_bytes = sum(map(len, lines))
        if len(lines) != len(self._prefixes):
            return None
        values: list[float] = []
        left_bytes = size_bytes - self._prefix_bytes
        for start in range(0, len(lines), _POSITIONAL_LINES):
            these = slice(start, start + _POSITIONAL_LINES)
            rests = list(map(bytes.removeprefix, lines[these], self._prefixes[these]))
            if any(compress(rests, self._is_fixed[these])):
                return None
            digits = list(compress(rests, self._is_sample[these]))
            joined = b",".join(digits)
            read = numbers(digits, joined) if digits else []
            if read is None:
                return None
            left_bytes -= len(joined) - len(digits) + 1 if digits else 0
            values += read
            yield
        return None if left_bytes else self._without_left_out(values)

    def _without_left_out(self, samples: list[_T]) -> list[_T]:
        return list(compress(samples, self._counts)) if self._counts else samples

    def limited(self) -> str:
        """Which limits were hit, and what that left out. The same words while the page grows on: it is read only up to the limit."""
        said = []
        if self._cut:
            most = f"{self._limits.samples:,}"
            said.append(f"more than {most} samples: the first {most} are read ([limits] samples)")
        if self._over:
            most = (
                f"more than {self._limits.labels:,} labels ([limits] labels), or more than {self._limits.label_chars:,} characters in one"
            )
            said.append(f"lines left out: {self._over:,}, with {most}")
        return "; ".join(said)

    def keep(self, layout: Layout) -> None:
        """Lets go of all that the next page is not read by."""
        if not self._counts:
            self._sample_lines = layout.series
        self.series, self.values = [], []

    def page(self, layout: Layout, values: list[float], size_bytes: int) -> Page:
        """The page that this scan read, or one of its form."""
        damaged = "cut inside its last line" if self._last_is_bad else ""  # a whole page ends with a line end, or with a whole sample
        return Page(layout, values, size_bytes, self.bad, damaged, self.limited())


class PageReader:
    """Reads the pages of one target, one at a time. `how` tells which way the last page went."""

    def __init__(
        self,
        *,
        max_samples: int = MAX_SAMPLES,
        max_labels: int = MAX_LABELS,
        max_label_chars: int = MAX_LABEL_CHARS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is known of the pages yet.

        Args:
            max_samples: of a page; what stands behind them is not read, and the page says so.
            max_labels: of a series; one with more is left out, and the page says so.
            max_label_chars: of a label's name or value, or of a metric's name; likewise.
            clock: by which a slow reading gives way.
        """
        self.how: How = ""
        self._limits = _Limits(max_samples, max_labels, max_label_chars)
        self._clock = clock
        self._layout = Layout((), {})
        self._last = _Scan(self._limits)

    def read(self, body: bytes) -> Page | Failure:
        """The page, or why it is none: `empty` without a sample, `not_metrics` for another format, `too_large` for too many lines."""
        steps = self._steps(body)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return _answer(end)

    async def read_slowly(self, body: bytes) -> Page | Failure:
        """As `read`, but lets others run every few milliseconds: a first page of 5 MB takes most of a second."""
        steps = self._steps(body)
        until_s = self._clock() + TURN_S
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return _answer(end)
            if self._clock() >= until_s:
                await asyncio.sleep(0)
                until_s = self._clock() + TURN_S

    def _steps(self, body: bytes) -> Generator[None, None, Page | Failure]:
        failure = _refused(body, max(MAX_LINES, 2 * self._limits.samples))
        if failure is not None:
            return failure
        plain = body.removeprefix(b"\xef\xbb\xbf")
        if b"\r" in plain:
            plain = plain.replace(b"\r\n", b"\n")
            yield
        lines = plain.split(b"\n")
        yield
        values = yield from self._last.by_position(lines, len(plain) - len(lines) + 1)
        if values is not None:
            self.how = "positional"
            return self._last.page(self._layout, values, len(body))
        scan = _Scan(self._limits)
        yield from scan.read(lines, self._last)
        if not scan.values:
            self.how = scan.how
            return _no_sample(body, scan)
        yield
        layout = Layout(tuple(scan.series), scan.types)
        yield
        yield from _guess_types(layout)
        if layout.series == self._layout.series and layout.types == self._layout.types:
            layout = self._layout
        page = scan.page(layout, scan.values, len(body))
        scan.keep(layout)
        self.how, self._last, self._layout = scan.how, scan, layout
        return page


def _answer(end: StopIteration) -> Page | Failure:
    answer: Page | Failure = end.value
    return answer


def _refused(body: bytes, most: int) -> Failure | None:
    if len(body) >= most and body.count(b"\n") >= most:
        return Failure("too_large", f"more than {most:,} lines ([limits] samples)")
    start = body[:64].lstrip()
    if start[:1] == b"<":
        return Failure("not_metrics", "a web page, not a metrics page")
    if start[:2] == b"\x1f\x8b":
        return Failure("not_metrics", "compressed, and not said to be")
    return None


def _no_sample(body: bytes, scan: _Scan) -> Failure:
    limited = scan.limited()
    if limited:
        return Failure("too_large", limited)
    if scan.bad:
        what = "JSON, not a metrics page" if body.lstrip()[:1] in b"{[" else "no line of it is a sample"
        return Failure("not_metrics", f"{what}; it begins: {clean(body[:200].decode(errors='replace'), 60)}")
    return Failure("empty", "the page is empty" if not body.strip() else "only comments on the page")


def _guess_types(layout: Layout) -> Generator[None]:
    """Adds what the names tell where no TYPE line does."""
    types = layout.types
    for place, (name, labels) in enumerate(dict(layout.series).items()):
        if name.endswith("_bucket") and any(label == "le" for label, _ in labels):
            types.setdefault(name[:-7], "histogram")
        elif name.endswith("_total") and types.get(name[:-6]) in (None, "counter"):  # OpenMetrics types the name without it
            types.setdefault(name, "counter")
        if place % 1000 == 0:
            yield
