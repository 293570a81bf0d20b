"""What a rate is, as tables, and bit by bit against numbers that Prometheus gave.

prometheus_numbers.json holds samples, and what the query engines of Prometheus 2.42.0 and 3.9.1 made of them; tests/services asks a
running one thousands more.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_monitor.analyse.counters import Stretch, delta, growth, increase, milliseconds, rate
from tui_monitor.analyse.dialect import V2, V2_49, V2_51, V3
from tui_monitor.analyse.target import TargetNumbers
from tui_monitor.mapping import Says, total
from tui_monitor.mapping import rate as rate_of
from tui_monitor.model import Layout, Page, SeriesKey

STEADY = [(float(t), 2.0 * t) for t in range(0, 61, 10)]  # two a second, scraped every ten seconds
PROMETHEUS: dict[str, Any] = json.loads(Path(__file__).with_name("prometheus_numbers.json").read_text())
FUNCTIONS = {"rate": rate, "increase": increase, "delta": delta}


def bits(number: float | None) -> bytes | None:
    return None if number is None else struct.pack(">d", number)


@pytest.mark.parametrize(
    ("why", "samples", "expected"),
    [
        ("steady growth over a window that the samples fill", STEADY, 120.0),
        ("one sample tells nothing", STEADY[1:2], None),
        ("no sample tells nothing", [], None),
        ("two samples of one moment tell nothing", [(30, 1), (30, 2)], None),
        ("nor do two of one millisecond", [(30, 1), (30.0004, 2)], None),
        ("nothing happened is a known zero", [(10, 7), (30, 7), (60, 7)], 0.0),
        ("a restart counts what came after it", [(10, 100), (20, 120), (30, 5), (40, 25), (60, 65)], (20 + 5 + 20 + 40) * 60 / 50),
        ("no growth from below zero", [(40, 1), (50, 11), (60, 21)], 20 * 21 / 20),
        ("half a gap where the window is not filled", [(30, 1000), (40, 1010), (50, 1020)], 20 * 35 / 20),
        ("samples outside the window do not count", [(-5, 0), (30, 1000), (40, 1010), (50, 1020), (61, 9000)], 20 * 35 / 20),
    ],
)
def test_increase_over_a_minute(why: str, samples: list[tuple[float, float]], expected: float | None) -> None:
    assert increase(samples, start_s=0, end_s=60) == pytest.approx(expected), why


@pytest.mark.parametrize(
    ("why", "samples", "in_2x", "in_3x"),
    [
        ("a sample at the left end: only 2.x has it", [(0, 0), (30, 30), (60, 60)], 60.0, 60.0),
        ("then one that is left says nothing in 3.x", [(0, 0), (60, 60)], 60.0, None),
        ("a millisecond later it is in both", [(0.001, 0), (60, 60)], 60.0, 60.0),
        ("a sample at the right end is in both", [(30, 5), (60, 5)], 0.0, 0.0),
        ("a millisecond later it is in neither", [(30, 5), (60.001, 5)], None, None),
        ("both ends of a window without length", [(60, 1), (60, 1)], None, None),
        ("a restart between the left end and the next sample is 2.x' alone", [(0, 50), (30, 10), (60, 40)], 40.0, 40.0),
        ("a far zero point: half a gap in both", [(40, 100), (50, 110), (60, 120)], 25.0, 25.0),
        ("a near zero point limits both", [(40, 4), (50, 14), (60, 24)], 24.0, 24.0),
        ("a zero point behind 1.1 gaps: 2.x takes half a gap, 3.x too", [(40, 11), (50, 16), (60, 21)], 12.5, 12.5),
        ("one between half a gap and 1.1 gaps: 2.x goes back to it, 3.x does not", [(40, 8), (50, 18), (60, 28)], 28.0, 25.0),
    ],
)
def test_ends_and_zero_points(why: str, samples: list[tuple[float, float]], in_2x: float | None, in_3x: float | None) -> None:
    assert increase(samples, 0, 60, V2) == pytest.approx(in_2x), why
    assert increase(samples, 0, 60) == increase(samples, 0, 60, V3) == pytest.approx(in_3x), why


def test_between_the_generations_each_change_has_its_own_version() -> None:
    closed_only, zero = [(0, 0), (60, 60)], [(40, 8), (50, 18), (60, 28)]
    spoken = (V2, V2_49, V2_51, V3)
    assert [increase(closed_only, 0, 60, dialect) for dialect in spoken] == [60.0, 60.0, 60.0, None]
    assert [increase(zero, 0, 60, dialect) for dialect in spoken] == [28.0, 28.0, 25.0, 25.0]
    assert [dialect.levels_noise for dialect in spoken] == [False, True, True, True]


@pytest.mark.parametrize(("function", "name", "end_ms", "width_ms", "in_2x", "in_3x"), PROMETHEUS["windows"])
def test_the_bits_are_prometheus(function: str, name: str, end_ms: int, width_ms: int, in_2x: float | None, in_3x: float | None) -> None:
    samples = [(at_ms / 1000, value) for at_ms, value in PROMETHEUS["samples"][name]]
    for dialect, expected in ((V2, in_2x), (V3, in_3x)):
        assert bits(FUNCTIONS[function](samples, (end_ms - width_ms) / 1000, end_ms / 1000, dialect)) == bits(expected)


def test_a_gauge_may_fall_below_zero() -> None:
    samples = [(20.0, 3.0), (40.0, -1.0), (60.0, -5.0)]
    assert delta(samples, 0, 60) == pytest.approx(-8 * 60 / 40)
    assert increase(samples, 0, 60) != delta(samples, 0, 60), "a gauge has no resets"
    assert delta([(40, 1.0), (50, 11.0), (60, 21.0)], 0, 60) == 25.0, "nor a zero point"


@pytest.mark.parametrize("at_ms", [0, 1, 999, 64_001, 1_700_000_000_001, 1_763_740_800_123, 4_102_444_799_999])
def test_a_time_made_of_milliseconds_is_that_millisecond(at_ms: int) -> None:
    assert milliseconds(at_ms / 1000) == at_ms


def test_the_width_is_rounded_as_a_duration_is_there() -> None:
    """Go adds whole seconds and the rest of a duration, which rounds twice: 1.118 s are not the number nearest to it."""
    assert [Stretch(0, 1, 2, 0, width_s).width_s for width_s in (1.118, 1.122, 61.0)] == [1.1179999999999999, 1.1219999999999999, 61.0]


def test_resets_are_added_one_after_another() -> None:
    values = [0.1, 0.7, 0.2, 0.9, 0.3, 1e16, 0.0, 1.0]
    expected = 1.0 - 0.1
    for lost in (0.7, 0.9, 1e16):
        expected += lost
    assert bits(growth(values)) == bits(expected)


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=50))
def test_a_counter_never_shrinks_whatever_restarts(values: list[float]) -> None:
    samples = [(float(i + 1), value) for i, value in enumerate(values)]
    assert (rate(samples, 0, len(values)) or 0) >= 0


SAYS = Says(measures={"request.rate": rate_of(total("whole_total")), "token.rate": rate_of(total("part_total"))})
NAMES = ("whole_total", "part_total")
LAYOUTS = {present: Layout(tuple(SeriesKey(name, ()) for name in NAMES[:present]), {}) for present in (1, 2)}
ROWS = st.lists(
    st.tuples(
        st.integers(950, 9000),  # milliseconds since the page before: rows so far apart are all kept
        st.one_of(st.integers(0, 50), st.just(None)),  # grown by; None is a restart
        st.floats(0, 3, allow_subnormal=False),
        st.sampled_from([2, 2, 2, 2, 1]),  # series on the page
    ),
    min_size=12,
    max_size=40,
)


def watched(rows: list[tuple[int, int | None, float, int]]) -> tuple[TargetNumbers, list[list[tuple[float, float]]], int, int]:
    """A target that showed these pages; the raw samples of its two counters; times of the first and the last page."""
    target = TargetNumbers(SAYS, 5.0)
    raw: list[list[tuple[float, float]]] = [[], []]
    first_ms = at_ms = 1_763_740_800_123
    values = [7.0, 1 / 3]
    for number, (gap_ms, whole, part, present) in enumerate(rows):
        at_ms += gap_ms
        first_ms = at_ms if number == 0 else first_ms
        values = [0.0, part / 7] if whole is None else [values[0] + whole, values[1] + part]
        target.observe(at_ms / 1000, Page(LAYOUTS[present], values[:present], 100))
        for samples, value in zip(raw, values[:present], strict=False):
            samples.append((at_ms / 1000, value))
    return target, raw, first_ms, at_ms


@given(ROWS, st.integers(1000, 60_000), st.integers(0, 20_000), st.booleans())
def test_what_the_program_shows_has_the_bits_of_rate_on_the_raw_samples(
    rows: list[tuple[int, int | None, float, int]], width_ms: int, later_ms: int, on_a_sample: bool
) -> None:
    target, raw, first_ms, last_ms = watched(rows)
    end_ms = last_ms + later_ms
    if on_a_sample:
        width_ms = end_ms - milliseconds(raw[0][len(raw[0]) // 2][0])
    if end_ms - width_ms <= first_ms:
        width_ms = end_ms - first_ms - 1
    start_s, end_s = (end_ms - width_ms) / 1000, end_ms / 1000
    shown = target._past.window(end_s, width_ms / 1000).rates(len(target._columns))
    for key, number in zip(target._columns, shown, strict=True):
        assert bits(number) == bits(rate(raw[NAMES.index(key.name)], start_s, end_s)), key.name


def test_where_watching_began_inside_the_window_the_program_differs_on_purpose() -> None:
    target, raw, first_ms, last_ms = watched([(5000, 10, 1.0, 2)] * 6)
    (shown, _) = target._past.window(last_ms / 1000, 60.0).rates(2)
    samples = raw[0]
    assert shown == 10 / 5, "growth by the time that is known, the first page included"
    assert bits(shown) == bits(rate(samples, first_ms / 1000, last_ms / 1000, V2)), "which is the closed range from the first page on"
    assert rate(samples, (last_ms - 60_000) / 1000, last_ms / 1000) == pytest.approx(50 * (27.5 / 25) / 60), "Prometheus creeps up"
