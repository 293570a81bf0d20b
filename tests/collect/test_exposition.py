"""Pages as they are, pages as they should not be, and the three ways of reading that must agree."""

from __future__ import annotations

import asyncio
import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tui_monitor.collect.exposition import MAX_LINES, PageReader
from tui_monitor.model import Failure, Page, clean

PAGES = Path(__file__).parent.parent / "pages"
REAL = sorted((PAGES / "vllm").glob("*.prom")) + sorted((PAGES / "triton").glob("metrics*.prom"))
Sample = tuple[str, tuple[tuple[str, str], ...], str]


def read(body: bytes, reader: PageReader | None = None) -> Page:
    page = (reader or PageReader()).read(body)
    assert isinstance(page, Page), page
    return page


def samples(page: Page) -> list[Sample]:
    """In any order; values as text, so that NaN equals NaN."""
    assert len(page.values) == len(page.layout.series)
    return sorted((key.name, key.labels, repr(value)) for key, value in zip(page.layout.series, page.values, strict=True))


def theirs(body: bytes) -> list[Sample]:
    """prometheus_client's reading, without its habit of appending _total to counters."""
    text = re.sub(r"(?m)^(# TYPE \S+) counter$", r"\1 gauge", body.decode())
    return sorted(
        (s.name, tuple(sorted((k, v if v.isprintable() else clean(v, 10_000)) for k, v in s.labels.items() if v)), repr(float(s.value)))
        for family in text_string_to_metric_families(text)
        for s in family.samples
    )


@pytest.mark.parametrize("path", REAL, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_pages_read_as_prometheus_client_reads_them(path: Path) -> None:
    body = path.read_bytes()
    page = read(body)
    assert samples(page) == theirs(body)
    assert len(page.values) >= 18
    assert (page.bad_lines, page.damaged, page.size_bytes) == (0, "", len(body))


@pytest.mark.parametrize(
    ("name", "count", "bad_lines", "damaged"),
    [
        ("bad-line-in-the-middle.prom", 2, 3, ""),
        ("bom.prom", 1, 0, ""),
        ("counter-reset-1.prom", 2, 0, ""),
        ("created-series.prom", 7, 0, ""),
        ("crlf.prom", 2, 0, ""),
        ("duplicate-series.prom", 3, 2, ""),
        ("empty-braces.prom", 1, 0, ""),
        ("escaped-labels.prom", 6, 0, ""),
        ("histogram-broken.prom", 14, 0, ""),
        ("huge-line.prom", 2, 0, ""),
        ("latin1.prom", 2, 0, ""),
        ("missing-type.prom", 6, 0, ""),
        ("nan-inf.prom", 10, 0, ""),
        ("no-trailing-newline.prom", 2, 0, ""),
        ("nul-bytes.prom", 2, 1, ""),
        ("number-forms.prom", 4, 4, ""),
        ("openmetrics-after-eof.prom", 1, 0, ""),
        ("openmetrics-exemplars.prom", 12, 0, ""),
        ("otlp-native-histogram.prom", 1, 1, ""),
        ("truncated.prom", 3, 1, "cut inside its last line"),
        ("utf8-quoted-names.prom", 3, 0, ""),
        ("whitespace.prom", 3, 0, ""),
    ],
)
def test_ugly_pages_keep_their_good_part(name: str, count: int, bad_lines: int, damaged: str) -> None:
    body = (PAGES / "ugly" / name).read_bytes()
    reader = PageReader()
    first, second = read(body, reader), read(body, reader)
    assert (len(first.values), first.bad_lines, first.damaged) == (count, bad_lines, damaged)
    assert samples(second) == samples(first)
    assert (second.bad_lines, second.damaged) == (bad_lines, damaged)
    assert second.layout is first.layout


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"", "empty", "the page is empty"),
        (b"\n \n", "empty", "the page is empty"),
        ((PAGES / "ugly" / "only-comments.prom").read_bytes(), "empty", "only comments"),
        ((PAGES / "ugly" / "html-200.html").read_bytes(), "not_metrics", "a web page"),
        ((PAGES / "ugly" / "gzip-body.prom.gz").read_bytes(), "not_metrics", "compressed"),
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
    page = read((PAGES / "ugly" / "duplicate-series.prom").read_bytes())
    assert samples(page) == [
        ("queue", (("model", "a"), ("pod", "x")), "2.0"),
        ("requests_total", (("model", "a"),), "12.0"),
        ("requests_total", (("model", "b"),), "5.0"),
    ]
    reader = PageReader()
    read(b'a{x="1",y="2"} 1\na{y="2",x="1"} 2\nb 3\n', reader)
    assert [value for _, _, value in samples(read(b'a{x="1",y="2"} 10\na{y="2",x="1"} 20\nb 30\n', reader))] == ["20.0", "30.0"]
    assert reader.how == "positional"


def test_types_are_those_declared_else_those_that_names_tell() -> None:
    types = read((PAGES / "ugly" / "created-series.prom").read_bytes()).layout.types
    assert types["iteration_tokens_total"] == "histogram"
    assert (types["reqs_total"], types["reqs_created"]) == ("counter", "gauge")
    guessed = read((PAGES / "ugly" / "missing-type.prom").read_bytes()).layout.types
    assert (guessed["requests_total"], guessed["latency_seconds"]) == ("counter", "histogram")
    assert "only_help" not in guessed
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
    assert samples(read(later, reader)) == theirs(later)
    moved = b"\n".join(lines[5:] + lines[:5])
    assert samples(read(moved, reader)) == samples(first)
    assert reader.how == "keyed"
    fewer = b"\n".join(lines[:100]) + b"\n"
    assert samples(read(fewer, reader)) == theirs(fewer)
    assert len(reader._last.used) < 100
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


def test_reading_slowly_is_reading_and_lets_others_run() -> None:
    body = b"".join(b'm{i="%d"} %d\n' % (i, i) for i in range(20_000))

    async def both() -> tuple[Page | Failure, int]:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        page = await PageReader().read_slowly(body)
        task.cancel()
        return page, turns

    page, turns = asyncio.run(both())
    assert isinstance(page, Page)
    assert samples(page) == samples(read(body))
    assert turns >= 20


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


LINES = [line for line in (PAGES / "triton" / "metrics.prom").read_bytes().split(b"\n")[:60] if line] + [
    b"a 1",
    b"a 1 1700000000000",
    b'a{b="c"} 7',
    b'a {b="c"} 8',
    b"1_000",
    b"a 1_000",
    b"prose here",
    b"",
    b"# a comment",
    b'a{b="d",c="e"} 9',
    b'a{c="e",b="d"} 10',
    b"a\t2",
    b"a 3 ",
]
_page = st.lists(st.sampled_from(LINES), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(st.lists(_page, min_size=1, max_size=5), st.booleans())
def test_whatever_was_read_before_a_page_reads_the_same(pages: list[list[bytes]], newline: bool) -> None:
    reader = PageReader()
    for lines in pages:
        body = b"\n".join(lines) + (b"\n" if newline else b"")
        for _ in range(2):
            ours, fresh = reader.read(body), PageReader().read(body)
            if isinstance(fresh, Failure):
                assert ours == fresh
            else:
                assert isinstance(ours, Page)
                assert samples(ours) == samples(fresh)
                assert (ours.bad_lines, ours.damaged, ours.layout.types) == (fresh.bad_lines, fresh.damaged, fresh.layout.types)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    page = PageReader().read(body)
    if isinstance(page, Page):
        assert len(page.values) == len(page.layout.series) > 0
        assert all(fit(key.name) and all(fit(value) for _, value in key.labels) for key in page.layout.series)
    else:
        assert fit(page.message)


def fit(text: str) -> bool:
    """For a terminal."""
    return text.isprintable() or clean(text, 10_000) == text
