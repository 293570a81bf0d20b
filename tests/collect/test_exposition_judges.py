"""The reader of pages before its judges: prometheus_client, pages made from known samples, and itself without a memory."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from page_samples import fit, read, samples, theirs

from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.exposition_line import BadLineError, number, numbers
from tui_monitor.model import Failure, Page, clean

PAGES = Path(__file__).parent.parent / "pages"
CAPTURED = sorted(path for path in PAGES.rglob("*.prom") if path.parent.name != "ugly")


@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_captured_pages_are_read_as_prometheus_client_reads_them(path: Path) -> None:
    body = path.read_bytes()
    page, expected = read(body), theirs(body.decode())
    assert samples(page) == expected
    assert expected
    assert (page.bad_lines, page.damaged, page.limited, page.size_bytes) == (0, "", "", len(body))


# -- numbers ------------------------------------------------------------------------------------------------------------------------


def one_by_one(raws: list[bytes]) -> list[float] | None:
    try:
        return [number(raw) for raw in raws]
    except BadLineError:
        return None


def bits(values: list[float] | None) -> bytes | None:
    return None if values is None else struct.pack(f"{len(values)}d", *values)


_finite = st.floats(allow_nan=False, allow_infinity=False)
_written = st.one_of(
    _finite.map(repr),
    _finite.map(lambda value: f"{value:.17g}"),
    _finite.map(lambda value: f"{value:.30e}"),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(0, 1e6).map(lambda value: f"{value:f}"),
    st.sampled_from(["NaN", "+Inf", "-Inf", "inf", "+5", "-0", "-0.0", "007", ".5", "5.", "1e400", "1E-400", "0" * 400 + "1"]),
    st.text("0123456789.eE+-_ NaInf,[]", max_size=8),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(_written.map(str.encode), min_size=1, max_size=12))
@example([b"-0", b"1"])
@example([b"1", b"-0"])
@example([b"9007199254740993", b"0.1"])
def test_numbers_read_together_are_bit_by_bit_those_read_alone(raws: list[bytes]) -> None:
    together = numbers(raws, b",".join(raws))
    alone = one_by_one(raws)
    if alone is not None or not any(b" " in raw for raw in raws):  # blanks around a number are the line's affair
        assert bits(together) == bits(alone)


# -- round trips --------------------------------------------------------------------------------------------------------------------

_legal = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,12}", fullmatch=True)
_any = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_nasty = st.text(st.sampled_from('\\"\n{}=, \tn#a1'), max_size=10)
_labels = st.dictionaries(st.one_of(_legal, _any), st.one_of(_any, _nasty), max_size=4)
_values = st.one_of(st.floats(), st.integers(0, 10**15).map(float))
_blanks = st.sampled_from(["", " ", "\t", "  "])


def quoted(text: str) -> str:
    return '"' + text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") + '"'


def is_legal(name: str) -> bool:
    return name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()


@st.composite
def _line(draw: st.DrawFn, name: str, labels: dict[str, str], value: float) -> str:
    """One of the many ways to write a sample."""
    blank = draw(_blanks)
    pairs = [
        f"{label if is_legal(label) else quoted(label)}{blank}={blank}{quoted(text)}"
        for label, text in draw(st.permutations(list(labels.items())))
    ]
    if is_legal(name):
        series = (
            name
            + blank
            + (
                "{" + f"{blank},".join(pairs) + draw(st.sampled_from(["", ","] if pairs else [""])) + "}"
                if pairs or draw(st.booleans())
                else ""
            )
        )
    else:
        series = "{" + ",".join([quoted(name), *pairs]) + "}"
    written = draw(st.sampled_from([repr(value), f"{value:.17g}", f"{value:.20e}"]))
    stamp = draw(st.sampled_from(["", " 1520879607789", " 1520879607.789", " -1", " "]))
    exemplar = draw(st.sampled_from(["", ' # {trace_id="a b} 1"} 0.67 1520879607.789'])) if stamp != " " else ""
    return f"{blank}{series} {blank}{written}{stamp}{exemplar}"


@settings(max_examples=300, deadline=None)
@given(st.data(), st.lists(st.tuples(st.one_of(_legal, _any), _labels, _values), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_is_what_is_read(data: st.DataObject, written: list[tuple[str, dict[str, str], float]], end: str) -> None:
    expected: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
    lines = []
    for name, labels, value in written:
        if len({fit(label) for label in labels}) < len(labels):
            continue  # two names that a terminal shows alike
        key = fit(name), tuple(sorted((fit(label), fit(text)) for label, text in labels.items() if text))
        if key not in expected:
            expected[key] = repr(float(repr(value)))
            lines.append(data.draw(_line(name, labels, value)))
    if not lines or "\r" in "".join(lines):
        return
    body = end.join(["# HELP a b", *lines, "# EOF", ""]).encode()
    reader = PageReader()
    for _ in range(2):
        page = read(body, reader)
        assert samples(page) == sorted((name, labels, value) for (name, labels), value in expected.items())
        assert (page.bad_lines, page.damaged, page.limited) == (0, "", "")


# -- whatever was before ------------------------------------------------------------------------------------------------------------

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


def same(ours: Page | Failure, fresh: Page | Failure) -> None:
    if isinstance(fresh, Failure):
        assert ours == fresh
    else:
        assert isinstance(ours, Page)
        assert samples(ours) == samples(fresh)
        assert ours.layout.types == fresh.layout.types
        assert (ours.bad_lines, ours.damaged, ours.limited) == (fresh.bad_lines, fresh.damaged, fresh.limited)


@settings(max_examples=150, deadline=None)
@given(st.lists(_page, min_size=1, max_size=5), st.booleans(), st.sampled_from([3, 100]))
def test_whatever_was_read_before_a_page_reads_the_same(pages: list[list[bytes]], newline: bool, limit: int) -> None:
    reader = PageReader(max_samples=limit)
    for lines in pages:
        body = b"\n".join(lines) + (b"\n" if newline else b"")
        for _ in range(2):
            same(reader.read(body), PageReader(max_samples=limit).read(body))


def edit(lines: list[bytes], choice: random.Random) -> None:
    """What may happen to a page between two scrapes, and what may not."""
    at, other = choice.randrange(len(lines)), choice.randrange(len(lines))
    match choice.randrange(8):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, choice.choice(LINES))
        case 2:
            lines[at] = lines[at][: choice.randrange(len(lines[at]) + 1)]
        case 3:
            lines[at], lines[other] = lines[other], lines[at]
        case 4:
            lines[at] += choice.choice((b" 1700000000000", b"7", b" ", b"x"))
        case _:
            lines[at] = lines[at].rpartition(b" ")[0] + b" %d" % choice.randrange(10**6)


@pytest.mark.parametrize("limit", [100, 100_000])
def test_a_page_edited_between_scrapes_reads_as_if_it_were_the_first(limit: int) -> None:
    hows = set()
    for seed in range(10):
        choice, reader = random.Random(seed), PageReader(max_samples=limit)
        lines = (PAGES / "vllm" / "metrics.idle.prom").read_bytes().split(b"\n")
        for _ in range(30):
            for _ in range(choice.choice((0, 1, 5))):
                edit(lines, choice)
            body = b"\n".join(lines)
            same(reader.read(body), PageReader(max_samples=limit).read(body))
            hows.add(reader.how)
    assert hows == {"positional", "keyed", "full"}


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    page = PageReader().read(body)
    if isinstance(page, Page):
        assert len(page.values) == len(page.layout.series) > 0
        assert all(plain(key.name) and all(plain(value) for _, value in key.labels) for key in page.layout.series)
    else:
        assert plain(page.message)


def plain(text: str) -> bool:
    """Fit for a terminal."""
    return text.isprintable() or clean(text, 10_000) == text
