"""Lines on a scale: where a value stands, gaps, the band, the floor and the marks; in ASCII too."""

from __future__ import annotations

import pytest

from tui_monitor.ui.view import Series
from tui_monitor.ui.widgets.canvas import Canvas
from tui_monitor.ui.widgets.lines import Drawn, Scale, band, chart, line, scale


def rows(canvas: Canvas) -> list[str]:
    return [text.rstrip() for text in canvas.lines()]


def test_a_value_stands_in_its_row_and_beyond_the_scale_at_its_edge() -> None:
    on = Scale(0.8, 1.0)
    assert [on.row(value, 4) for value in (1.0, 0.96, 0.9, 0.81, 0.8)] == [0, 0, 1, 3, 3]
    assert (on.row(2.0, 4), on.row(0.0, 4)) == (0, 3)


def test_a_gap_stays_a_gap_and_a_jump_is_connected() -> None:
    canvas = Canvas(6, 3, ascii=True)
    line(canvas, [0.0, 0.0, 1.0, 1.0, None, None, None, None, 0.5, 0.5, 0.5, 0.5], Scale(0.0, 1.0), "chart")
    assert rows(canvas) == [" *", " *  **", "**"]


def test_the_band_is_shaded_between_its_ends_only() -> None:
    canvas = Canvas(3, 4, ascii=True)
    band(canvas, [0.25, None, 2.0], [0.7, 0.7, 3.0], Scale(0.0, 1.0))
    assert rows(canvas) == ["", ":", ":", ""]


def test_a_chart_has_its_floor_its_marks_and_its_clock() -> None:
    canvas = Canvas(60, 8, ascii=True)
    main = Series(0.0, 60.0, [0.95] * 30 + [0.85] * 30)
    on = scale([0.95, 0.85, 0.9], share=True)
    left = chart(canvas, Drawn(main, floor=0.9, marks=((1500.0, "v7"), (99999.0, "later"))), label=["96%", "84%", "90.0%"], on=on, utc=True)
    drawn = rows(canvas)
    assert left == 6
    assert "v7" in drawn[0]
    assert "later" not in "".join(drawn)
    assert drawn[3].startswith("90.0% -----")
    assert drawn[-1].split() == ["00:00", "00:15", "00:30", "00:45"]
    assert drawn[0].count("*") + drawn[1].count("*") > 20


@pytest.mark.parametrize(("series", "said"), [(None, "no history yet"), (Series(0.0, 1.0, [None, None]), "no value in this time")])
def test_a_chart_of_nothing_says_so(series: Series | None, said: str) -> None:
    canvas = Canvas(60, 8)
    chart(canvas, Drawn(series), label=["1", "0", ""], on=Scale(0.0, 1.0), utc=True)
    assert said in "".join(rows(canvas))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (5, 3), (12, 2), (13, 3)])
def test_a_chart_without_room_draws_nothing_wrong(width: int, height: int) -> None:
    canvas = Canvas(width, height)
    chart(canvas, Drawn(Series(0.0, 1.0, [0.5] * 9)), label=["100%", "0%", ""], on=Scale(0.0, 1.0), utc=True)
    assert all(len(text) == width for text in canvas.lines())
