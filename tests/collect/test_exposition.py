"""Pages as they are, pages as they should not be, and the three ways of reading that must agree."""

from __future__ import annotations

import asyncio
import itertools
import math
from pathlib import Path

import pytest
from page_samples import read, samples, theirs

from tui_monitor.collect.exposition import MAX_LINES, TURN_S, PageReader
from tui_monitor.collect.exposition_line import MAX_LINE_BYTES
from tui_monitor.model import Failure, Page

PAGES = Path(__file__).parent.parent / "pages"


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"", "empty", "the page is empty"),
        (b"\n \n", "empty", "the page is empty"),
        (b"# a comment\n", "empty", "only comments"),
        (b"\n <!doctype html>", "not_metrics", "a web page"),
        (b'{"status": "alive"}\n', "not_metrics", 'it begins: {"status": "alive"}'),
        (b"\x1b[31mOllama is running\x07", "not_metrics", "it begins: Ollama is running"),
        pytest.param(b"a\n" * (MAX_LINES + 1), "too_large", "more than", id="long"),
        pytest.param(b"prose again and again\n" * 100_000, "not_metrics", "prose", id="prose"),
    ],
)
def test_no_page_is_a_failure_with_a_reason(body: bytes, kind: str, says: str) -> None:
    failure = PageReader().read(body)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert says in failure.message
    assert failure.message.isprintable()


def one(line: bytes) -> tuple[str, dict[str, str], float]:
    page = read(line)
    assert len(page.values) == 1, page.layout
    key = page.layout.series[0]
    return key.name, dict(key.labels), page.values[0]


@pytest.mark.parametrize(
    ("line", "name", "labels", "value"),
    [
        (b"a 1\n", "a", {}, 1.0),
        (b"a{} +Inf\n", "a", {}, math.inf),
        (b"a 1.15e+011\n", "a", {}, 1.15e11),
        (b"\ta\t1\n", "a", {}, 1.0),
        (b' a { b = "c" , }  3   1520879607789\n', "a", {"b": "c"}, 3.0),
        (b'a{b="c d} 1"} 2\n', "a", {"b": "c d} 1"}, 2.0),
        (b'a{b="x\\"y\\\\z\\nw\\q"} 2\n', "a", {"b": 'x"y\\z w\\q'}, 2.0),
        (b'a{b=""} 2\n', "a", {}, 2.0),
        (b'{"my.name","a.b"="c"} 1\n', "my.name", {"a.b": "c"}, 1.0),
        (b'{b="c","my.name"} 1\n', "my.name", {"b": "c"}, 1.0),
        (b":tensorflow:runs{} 5\n", ":tensorflow:runs", {}, 5.0),
        (b'a{b="\x1b[31mred\x1b[0m\x07[red]"} 1\n', "a", {"b": "red [red]"}, 1.0),
        (b'a{b="caf\xe9"} 1\n', "a", {"b": "caf\ufffd"}, 1.0),
        (b'a_bucket{le="1"} 8 # {trace_id="x y"} 0.67 1520879607.789\n', "a_bucket", {"le": "1"}, 8.0),
        (b'a{b="1",b="2"} 1\nc 2\n', "c", {}, 2.0),
    ],
)
def test_odd_lines(line: bytes, name: str, labels: dict[str, str], value: float) -> None:
    assert one(line) == (name, labels, value)


@pytest.mark.parametrize(
    "line",
    [
        b"a 1_000",
        b"a",
        b"a{b=c} 1",
        b'a{b="c} 1',
        b'a{b="c"} x',
        b'a{b="c" d="e"} 1',
        b"1a 2",
        b"a 1 2 3",
        b"a 0x10",
        b'{b="c"} 1',
        b'a{"other"} 1',
        b'{"a","other"} 1',
        b"a 1 1.1.1",
        b"a 1 NaN",
        b"a 1,5",
        b"a 1 2x",
    ],
)
def test_a_bad_line_is_dropped_and_counted_by_every_way(line: bytes) -> None:
    reader = PageReader()
    good = b"a 1\nb 2\n"
    assert read(good, reader).bad_lines == 0
    page = read(line + b"\nb 3\n", reader)
    assert (samples(page), page.bad_lines) == ([("b", (), "3.0")], 1)
    assert (samples(read(line + b"\nb 4\n", reader)), reader.how) == ([("b", (), "4.0")], "positional")
    assert samples(read(good, reader)) == [("a", (), "1.0"), ("b", (), "2.0")]


def test_of_a_series_that_stands_twice_the_last_counts() -> None:
    reader = PageReader()
    first = read(b'a{x="1",y="2"} 1\na{y="2",x="1"} 2\nb 3\n', reader)
    assert ([value for _, _, value in samples(first)], first.bad_lines) == (["2.0", "3.0"], 1)
    second = read(b'a{x="1",y="2"} 10\na{y="2",x="1"} 20\nb 30\n', reader)
    assert ([value for _, _, value in samples(second)], second.bad_lines) == (["20.0", "30.0"], 1)
    assert reader.how == "positional"


@pytest.mark.parametrize(
    "value", [b"-0", b"NaN", b"+Inf", b"-Inf", b"+5", b".5", b"5.", b"007", b"1e400", b"-1e-400", b"1e+011", b"9007199254740993", b"1 "]
)
def test_a_number_is_the_same_by_every_way(value: bytes) -> None:
    reader = PageReader()
    read(b"a 1\nb 2\nc 3\n", reader)
    for body in (b"a 1\nb %b\nc 3\n" % value, b"a %b\nb 1\nc %b\n" % (value, value)):
        assert samples(read(body, reader)) == samples(read(body))
        assert reader.how == "positional"


@pytest.mark.parametrize(
    "tail",
    [
        b"1,5",
        b"1],[2",
        b"",
        b"null",
        b"true",
        b'"1"',
        b"[1]",
        b"{}",
        b"1\r\r",
        b"1_0",
        b"0x1",
        b"1 2 3",
        b"e",
        b"-",
        b"1#",
        b"\xff",
        b"\x00",
    ],
)
def test_what_is_no_number_is_none_by_every_way(tail: bytes) -> None:
    reader = PageReader()
    read(b"a 1\nb 2\nc 3\n", reader)
    page = read(b"a 1\nb %b\nc 3\n" % tail, reader)
    assert ([key.name for key in page.layout.series], page.values, page.bad_lines) == (["a", "c"], [1.0, 3.0], 1)


@pytest.mark.parametrize("comment", [b"# TYPE a gauge1", b"# TYPE a gaug", b"", b"# TYPE a gauge ", b"# TYPE b gauge", b"1"])
def test_a_comment_is_the_same_only_while_it_is_the_same(comment: bytes) -> None:
    reader = PageReader()
    read(b"# TYPE a gauge\na 1\n", reader)
    for value in (1, 12, 123_456_789_012_345):
        body = b"%b\na %d\n" % (comment, value)
        assert read(body, reader).layout.types == read(body).layout.types


def test_what_stands_behind_eof_is_not_read_whatever_it_becomes() -> None:
    reader = PageReader()
    read(b"a 1\n# EOF\nb 2\n", reader)
    for rest in (b"", b"prose", b"b 3\nc 4\n"):
        page = read(b"a 5\n# EOF\n" + rest, reader)
        assert (samples(page), page.bad_lines, page.damaged) == ([("a", (), "5.0")], 0, "")
        assert reader.how == "positional"
    assert samples(read(b"a 5\nb 6\n", reader)) == [("a", (), "5.0"), ("b", (), "6.0")]


def many(count: int, first: int = 0) -> bytes:
    return b"".join(b'm{request="%d"} %d\n' % (number, number) for number in range(first, first + count))


def test_ten_thousand_values_of_a_label_are_read() -> None:
    reader = PageReader()
    page = read(many(10_000), reader)
    assert (len(page.values), page.bad_lines, page.limited) == (10_000, 0, "")
    later = read(many(10_000, first=5_000), reader)
    assert [key.labels[0][1] for key in later.layout.series[:2]] == ["5000", "5001"]
    assert later.values[-1] == 14_999


def test_samples_over_the_limit_are_left_out_and_said_and_the_cut_is_always_the_same() -> None:
    reader = PageReader(max_samples=1000)
    hows = []
    for count in (999, 1000, 1001, 1001, 5000, 5000, 4000, 1000):
        page = read(b"# TYPE m gauge\n" + many(count) + b"# TYPE n gauge\nthe end", reader)
        kept = min(count, 1000)
        assert [key.labels[0][1] for key in page.layout.series] == [str(number) for number in range(kept)]
        assert page.values == [float(number) for number in range(kept)]
        assert page.limited == ("more than 1,000 samples: the first 1,000 are read ([limits] samples)" if count > 1000 else "")
        assert (page.bad_lines, bool(page.damaged)) == ((0, False) if count > 1000 else (1, True))
        hows.append(reader.how)
    assert hows == ["full", "full", "full", "positional", "positional", "positional", "positional", "keyed"]


def test_the_layout_stays_while_what_is_over_the_limit_changes() -> None:
    reader = PageReader(max_samples=10)
    first = read(many(20), reader)
    assert read(many(10) + b"other 1\n", reader).layout is first.layout
    assert read(many(10) + many(30, first=50), reader).layout is first.layout


@pytest.mark.parametrize(
    "line",
    [
        b'a{b="1",c="2",d="3",e="4"} 1',
        b'a{b="%b"} 1' % (b"x" * 31),
        b'a{%b="1"} 1' % (b"x" * 31),
        b'{"%b"} 1' % (b"x" * 31),
        b'a{b="%b"} 1' % (b"x" * MAX_LINE_BYTES),
    ],
    ids=["labels", "value", "label", "name", "line"],
)
def test_a_series_over_the_limits_is_left_out_and_said(line: bytes) -> None:
    reader = PageReader(max_labels=3, max_label_chars=30)
    for number in (1, 2):
        page = read(b'x{b="%b",c="1",d=""} %d\n' % ("é".encode() * 30, number) + line, reader)
        assert ([key.name for key in page.layout.series], page.values) == (["x"], [number])
        assert page.limited == ("lines left out: 1, with more than 3 labels ([limits] labels), or more than 30 characters in one")
        assert (page.bad_lines, page.damaged) == (1, "")
    assert read(b"x 1\n", reader).limited == ""


def test_a_page_of_which_nothing_is_within_the_limits_is_too_large() -> None:
    failure = PageReader(max_labels=1).read(b'a{b="1",c="2"} 1\n')
    assert isinstance(failure, Failure)
    assert failure.kind == "too_large"
    assert "[limits] labels" in failure.message


def test_targets_with_other_limits_do_not_share_what_they_refuse() -> None:
    body = b'shared{b="1",c="2"} 1\nx 1\n'
    assert len(read(body).values) == 2
    assert len(read(body, PageReader(max_labels=1)).values) == 1


def test_types_are_those_declared_else_those_that_names_tell() -> None:
    open_metrics = read((PAGES / "ugly" / "openmetrics-exemplars.prom").read_bytes()).layout.types
    assert open_metrics["requests_total"] == "counter"
    assert read((PAGES / "triton" / "metrics.prom").read_bytes()).layout.types["nv_inference_request_success"] == "counter"


def test_names_stay_as_exposed() -> None:
    names = {key.name for key in read((PAGES / "triton" / "metrics.prom").read_bytes()).layout.series}
    assert "nv_inference_request_success" in names
    assert "nv_inference_request_success_total" not in names


def test_each_way_is_taken_where_it_holds() -> None:
    reader = PageReader()
    body = (PAGES / "vllm" / "metrics.prom").read_bytes()
    later = (PAGES / "vllm" / "metrics.load2.prom").read_bytes()
    lines = body.split(b"\n")
    first = read(body, reader)
    assert reader.how == "full"
    assert samples(read(body, reader)) == samples(first)
    assert reader.how == "positional"
    assert samples(read(later, reader)) == theirs(later.decode())
    moved = b"\n".join(lines[5:] + lines[:5])
    assert samples(read(moved, reader)) == samples(first)
    assert reader.how == "keyed"
    fewer = b"\n".join(lines[:100]) + b"\n"
    assert samples(read(fewer, reader)) == theirs(fewer.decode())
    assert len(reader._last._sample_lines) < 100
    assert samples(read(body, reader)) == samples(first)
    assert reader.how == "full"


def test_the_layout_is_the_same_object_while_the_series_are() -> None:
    reader = PageReader()
    first = read(b"# HELP a one\na 1\nb 2\n", reader)
    assert read(b"# HELP a one\na 5\nb 6\n", reader).layout is first.layout
    assert read(b"# HELP a two\n# more\na 5\nb 6\n", reader).layout is first.layout
    assert read(b"# TYPE a counter\na 5\nb 6\n", reader).layout is not first.layout
    assert read(b"a 5\n", reader).layout is not first.layout


def test_a_failed_page_leaves_the_layout() -> None:
    reader = PageReader()
    first = read(b"a 1\n", reader)
    assert isinstance(reader.read(b"<html>"), Failure)
    assert isinstance(reader.read(b""), Failure)
    assert read(b"a 2\n", reader).layout is first.layout


def test_timestamps_come_and_go() -> None:
    reader = PageReader()
    for body, expected in [
        (b"a 1\nb 1\n", ["1.0", "1.0"]),
        (b"a 1 1700000000000\nb 2\n", ["1.0", "2.0"]),
        (b"a 3 1700000000001\nb 2\n", ["3.0", "2.0"]),
        (b'a {b="c"} 7\nb 2\n', ["7.0", "2.0"]),
        (b"a 1\nb 1\n", ["1.0", "1.0"]),
    ]:
        assert [value for _, _, value in samples(read(body, reader))] == expected


class Work:
    """A clock on which every look takes a millisecond: as if each step of reading took that long."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.001
        return self.now_s


async def beside(reader: PageReader, body: bytes) -> tuple[Page | Failure, int]:
    """The page, and how often another task ran while it was read."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    page = await reader.read_slowly(body)
    task.cancel()
    return page, turns


def test_reading_slowly_is_reading_and_gives_way_by_the_clock_on_every_way() -> None:
    reader = PageReader(clock=Work())
    lines = many(20_000).splitlines(keepends=True)
    for body, how, steps in (
        (b"".join(lines), "full", 200),
        (b"".join(lines), "positional", 20),
        (b"".join(lines[1000:] + lines[:1000]), "keyed", 200),
    ):
        page, turns = asyncio.run(beside(reader, body))
        assert isinstance(page, Page)
        assert samples(page) == samples(read(body))
        assert reader.how == how
        assert turns >= steps * 0.001 / TURN_S - 1


def test_lines_as_long_as_they_may_be_are_steps_by_themselves() -> None:
    body = b"".join(b'm{a="%b",i="%d"} 1\n' % (b"x" * 100_000, number) for number in range(50))
    _, turns = asyncio.run(beside(PageReader(clock=Work()), body + b"a 1\n"))
    assert turns >= 50 * 0.001 / TURN_S - 1


def test_a_small_page_is_read_at_once() -> None:
    _, turns = asyncio.run(beside(PageReader(clock=lambda: 0.0), (PAGES / "vllm" / "metrics.prom").read_bytes()))
    assert turns == 0


@pytest.mark.parametrize("after", [1, 2, 3, 10, 50, 115])
def test_a_reading_that_is_cancelled_leaves_the_reader_as_it_was(after: int) -> None:
    old, new = many(15_000), b'm{request="0"} 7\n' + many(12_000, first=7_000)

    async def go(reader: PageReader) -> None:
        task = asyncio.create_task(reader.read_slowly(new))
        for _ in range(after):
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    ticks = itertools.count()
    reader = PageReader(clock=lambda: next(ticks) * 1.0)  # gives way at every step
    first = read(old, reader)
    asyncio.run(go(reader))
    second = read(old, reader)
    assert (second.layout, reader.how) == (first.layout, "positional")
    assert samples(second) == samples(first)
    asyncio.run(go(reader))
    assert samples(read(new, reader)) == samples(read(new))


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b" " * 200_000 + b"{", id="blanks"),
        pytest.param(b"a" + b"\t" * 200_000 + b"}", id="tabs"),
        pytest.param(b'a{b="' + b"\\\\" * 100_000, id="escapes"),
        pytest.param(b'a{b="c",' * 30_000, id="braces"),
        pytest.param(b"a{" + b" " * 200_000, id="open"),
    ],
)
def test_a_line_made_to_be_slow_is_just_bad(line: bytes) -> None:
    assert samples(read(line + b"\nb 1\n")) == [("b", (), "1.0")]
