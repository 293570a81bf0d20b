"""Charts start at zero, a gap is a gap, a zero is a line on the floor, and the clock below is right."""

from __future__ import annotations

import pytest

from tui_monitor.ui.view import Series
from tui_monitor.ui.widgets.canvas import Canvas
from tui_monitor.ui.widgets.chart import Ahead, Band, area, ceiling, chart, clock_axis, resample, spark

NOON_S = 1763726400.0  # 2025-11-21 12:00:00 UTC


@pytest.mark.parametrize(
    ("why", "values", "points", "expected"),
    [
        ("mean of what falls together", [1, 3, 5, 7], 2, [2, 6]),
        ("a gap is left out of the mean", [1, None, 5, 7], 2, [1, 6]),
        ("only gaps are a gap", [None, None, 5, 7], 2, [None, 6]),
        ("fewer values are repeated", [1, 2], 4, [1, 1, 2, 2]),
        ("none at all", [], 3, [None] * 3),
        ("no number is a gap", [float("nan"), float("inf")], 2, [None, None]),
    ],
)
def test_resample(why: str, values: list[float | None], points: int, expected: list[float | None]) -> None:
    assert resample(values, points) == expected, why


@pytest.mark.parametrize(("top", "expected"), [(0, 1), (0.97, 1), (1, 1), (1.01, 1.5), (2200, 2500), (8.1, 10), (0.0031, 0.004)])
def test_the_axis_ends_at_a_round_number(top: float, expected: float) -> None:
    assert ceiling([0.0, None, top]) == pytest.approx(expected)


def test_a_spark_tells_zero_from_a_gap() -> None:
    canvas = Canvas(6, 1)
    spark(canvas, 0, 0, 6, [0.0, None, 1.0, 4.0, 7.0, 7.0])
    assert canvas.lines()[0] == "▁ ▁▄▇▇"


def test_an_area_tells_zero_from_a_gap_and_full() -> None:
    canvas = Canvas(4, 2)
    area(canvas, [0, 0, None, None, 10, 10, 5, 5], top=10)
    assert list(canvas.lines()) == ["  ⣿ ", "⣀ ⣿⣿"]


def test_an_area_without_unicode() -> None:
    canvas = Canvas(3, 2, ascii=True)
    area(canvas, [0, 0, None, None, 10, 10], top=10)
    assert list(canvas.lines()) == ["  #", ": #"]


def test_the_clock_stands_at_round_minutes() -> None:
    canvas = Canvas(60, 1)
    clock_axis(canvas, NOON_S - 30, 300.0, utc=True)
    assert canvas.lines()[0] == "      12:00       12:01       12:02       12:03       12:04 "


def test_the_clock_of_a_short_window_has_seconds() -> None:
    canvas = Canvas(48, 1)
    clock_axis(canvas, NOON_S, 60.0, utc=True)
    assert canvas.lines()[0].split() == ["12:00:00", "12:00:15", "12:00:30", "12:00:45"]


def test_a_chart_has_its_scale_and_says_when_there_is_nothing() -> None:
    canvas = Canvas(40, 5)
    chart(canvas, Series(NOON_S, 1.0, [5.0] * 60), "queue.length", utc=True)
    assert canvas.lines()[0].startswith("    5 ⣿")
    assert canvas.lines()[3].startswith("    0 ⣿")
    empty = Canvas(40, 5)
    chart(empty, None, "queue.length", utc=True)
    assert "no history yet" in "".join(empty.lines())
    gaps = Canvas(40, 5)
    chart(gaps, Series(NOON_S, 1.0, [None] * 60), "queue.length", utc=True)
    assert "no data in this window" in "".join(gaps.lines())


def test_a_threshold_that_moves_is_drawn_where_it_was() -> None:
    canvas = Canvas(60, 9)
    series = Series(0.0, 1.0, [1.0] * 40)
    left = chart(canvas, series, "latency.p95", utc=True, line=8.0, moving=[None] * 20 + [2.0] * 20)
    lines = ["".join(run.text for run in row) for row in canvas.rows()]
    high, low = (next(y for y, line in enumerate(lines) if line[x] == "╌") for x in (left + 2, 58))
    assert high < low  # 8 s before anybody held anything against it, 2 s since
    assert sum("╌" in line for line in lines) == 2


def test_what_was_expected_is_drawn_as_two_lines_over_the_area() -> None:
    canvas = Canvas(40, 6)
    series = Series(NOON_S, 10.0, [50.0] * 30)
    left = chart(canvas, series, "request.rate", utc=True, band=Band([50.0] * 30, [20.0] * 30, [70.0] * 30))
    rows = [line[left:] for line in canvas.lines()[:5]]
    assert [row.count("┈") for row in rows] == [34, 0, 0, 34, 0]
    assert "80" in canvas.lines()[0]


@pytest.mark.parametrize("ascii", [False, True])
def test_what_is_to_come_stands_behind_now_on_one_scale_and_one_clock(ascii: bool) -> None:  # noqa: A002
    canvas = Canvas(68, 9, ascii=ascii)
    series = Series(NOON_S, 180.0, [50.0] * 60)  # three hours
    coming = Band([50.0] * 12, [20.0] * 12, [70.0] * 12)
    left = chart(canvas, series, "request.rate", utc=True, ahead=Ahead(coming, 3600.0))
    rows = [line[left:] for line in canvas.lines()]
    now, bound, between = ("|", "-", "=") if ascii else ("┊", "┈", "╌")
    (at,) = {row.index(now) for row in rows[:-1]}
    assert at == pytest.approx(len(rows[0]) * 3 / 4, abs=1)
    assert all(set(row[at + 1 :]) <= {" ", bound, between} for row in rows[:-1]), "the area ends now"
    assert [row.count(bound) for row in rows[:-1]].count(len(rows[0]) - at - 1) == 2
    assert sum(between in row for row in rows[:-1]) == 1
    assert "80" in canvas.lines()[0], "the scale holds the upper bound"
    assert "15:00" in rows[-1][at - 3 : at + 6]


def test_nothing_to_come_leaves_the_chart_as_it_is() -> None:
    bare, empty = Canvas(60, 8), Canvas(60, 8)
    series = Series(NOON_S, 180.0, [50.0, 10.0] * 30)
    chart(bare, series, "request.rate", utc=True)
    chart(empty, series, "request.rate", utc=True, ahead=None)
    assert bare.lines() == empty.lines()
    chart(empty := Canvas(60, 8), Series(NOON_S, 180.0, []), "request.rate", utc=True, ahead=Ahead(Band([1.0], [1.0], [1.0]), 3600.0))
    assert not any("┊" in line for line in empty.lines())


def test_a_band_far_above_does_not_flatten_the_chart() -> None:
    canvas = Canvas(40, 6)
    chart(canvas, Series(NOON_S, 10.0, [50.0] * 30), "request.rate", utc=True, band=Band([], [None] * 30, [9000.0] * 30))
    assert "80" in canvas.lines()[0]
    assert not any("┈" in line for line in canvas.lines())


def test_a_rise_that_is_expected_stays_in_sight_and_its_wide_bound_need_not() -> None:
    series, rise = Series(NOON_S, 180.0, [10.0] * 20), [15.0, 25.0, 40.0]
    chart(canvas := Canvas(60, 8), series, "request.rate", utc=True, ahead=Ahead(Band(rise, [0.0] * 3, [900.0] * 3), 3600.0))
    assert canvas.lines()[0].strip().startswith("60"), "half as much again as the highest that is expected"
    assert any("╌" in line for line in canvas.lines()[1:4])
