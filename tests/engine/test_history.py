"""What a chart is given from memory."""

from __future__ import annotations

import pytest

from tui_monitor.engine.history import COARSE_S, FINE_S, MAX_SERIES, Rings
from tui_monitor.engine.strip import Strip
from tui_monitor.model import HistoryQuery


def test_a_column_is_the_mean_of_a_rate_and_the_worst_of_a_latency() -> None:
    rings = Rings(1.0)
    for second in range(1000, 1010):
        rings.put(second, "x", {"request.rate": float(second - 1000), "latency.p95": float(second - 1000)})
    history = rings.query(HistoryQuery("x", ["request.rate", "latency.p95"], 1000, 1010, 2))
    assert history.values == {"request.rate": [2.0, 7.0], "latency.p95": [4.0, 9.0]}
    assert history.step_s == 5


def test_what_nobody_saw_is_a_gap() -> None:
    rings = Rings(1.0)
    for second in (1000, 1001, 1004, 1005):
        rings.put(second, "x", {"load.1m": 1.0, "cpu.util": None})
    history = rings.query(HistoryQuery("x", ["load.1m", "cpu.util"], 1000, 1006, 6))
    assert history.values["load.1m"] == [1.0, 1.0, 1.0, None, 1.0, 1.0]  # one missing tick is the width of a slot
    assert history.values["cpu.util"] == [None] * 6


def test_a_day_stays_within_its_ring() -> None:
    rings = Rings(2.0)
    for tick in range(int(2 * COARSE_S / 600)):
        rings.put(tick * 600.0, "x", {"load.1m": float(tick)})
    end_s = 2 * COARSE_S
    fine, coarse = (rings.query(HistoryQuery("x", ["load.1m"], end_s - span, end_s, 50)) for span in (FINE_S, COARSE_S))
    assert next(value for value in coarse.values["load.1m"] if value is not None) >= COARSE_S / 600
    assert len([value for value in fine.values["load.1m"] if value is not None]) <= FINE_S / 600 * 2


def test_the_past_from_elsewhere_does_not_replace_what_was_seen() -> None:
    rings = Rings(1.0)
    rings.put(5000, "central", {"conversion": 7.0})
    rings.back_fill("central", "conversion", [(4000.0, 1.0), (4500.0, 2.0), (4970.0, 3.0)], 1.0)
    values = rings.query(HistoryQuery("central", ["conversion"], 3990, 5010, 34)).values["conversion"]
    assert [value for value in values if value is not None] == [1.0, 2.0, 3.0, 7.0]


def test_a_coarse_past_leaves_no_gaps_in_a_fine_chart() -> None:
    rings = Rings(1.0)
    rings.back_fill("x", "request.rate", [(30.0 * i, float(i)) for i in range(10, 14)], 30.0)
    values = rings.query(HistoryQuery("x", ["request.rate"], 301, 391, 9)).values["request.rate"]
    assert values == [11.0] * 3 + [12.0] * 3 + [13.0] * 3


def test_series_are_bounded() -> None:
    rings = Rings(1800.0)
    rings.put(0, "x", {str(i): 1.0 for i in range(MAX_SERIES + 5)})
    assert rings.left_out == 5


def test_strip_keeps_the_worst_of_a_minute_and_marks_where_nobody_watched() -> None:
    strip = Strip()
    strip.put(60 * 100, 0)
    strip.put(60 * 100 + 5, 2)
    strip.put(60 * 100 + 50, 1)
    strip.put(60 * 102, 0)
    assert strip.text(60 * 102) == "?" * 57 + "2?0"
    again = Strip()
    again.restore(strip.dump(), 60 * 103)
    assert again.text(60 * 103) == "?" * 56 + "2?0?"


@pytest.mark.parametrize("saved", [b"", b"{", b"[1]", b'{"a": 1}', None])
def test_a_broken_strip_is_forgotten(saved: bytes | None) -> None:
    strip = Strip()
    strip.restore(saved, 0)
    assert strip.text(0) == "?" * 60


def test_a_clock_that_is_set_back_by_hours_leaves_a_chart_that_goes_on() -> None:
    rings = Rings(1.0)
    for second in (*range(90_000, 90_010), *range(3600, 3610)):
        rings.put(second, "x", {"load.1m": float(second)})
    history = rings.query(HistoryQuery("x", ["load.1m"], 3600, 3610, 10))
    assert history.values["load.1m"] == [float(second) for second in range(3600, 3610)]
