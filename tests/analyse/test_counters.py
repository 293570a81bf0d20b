"""What a rate is, as a table. The bit-for-bit comparison with a real Prometheus is in tests/services."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_monitor.analyse.counters import increase, rate

STEADY = [(float(t), 2.0 * t) for t in range(0, 61, 10)]  # two a second, scraped every ten seconds


@pytest.mark.parametrize(
    ("why", "samples", "expected"),
    [
        ("steady growth over a window that the samples fill", STEADY, 120.0),
        ("one sample tells nothing", STEADY[:1], None),
        ("no sample tells nothing", [], None),
        ("two samples of one moment tell nothing", [(30, 1), (30, 2)], None),
        ("nothing happened is a known zero", [(10, 7), (30, 7), (60, 7)], 0.0),
        ("a restart counts what came after it", [(10, 100), (20, 120), (30, 5), (40, 25), (60, 65)], (20 + 5 + 20 + 40) * 60 / 50),
        ("no growth from below zero", [(40, 1), (50, 11), (60, 21)], 20 * 21 / 20),
        ("half a gap where the window is not filled", [(30, 1000), (40, 1010), (50, 1020)], 20 * 35 / 20),
    ],
)
def test_increase_over_a_minute(why: str, samples: list[tuple[float, float]], expected: float | None) -> None:
    assert increase(samples, start_s=0, end_s=60) == pytest.approx(expected), why


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=50))
def test_a_counter_never_shrinks_whatever_restarts(values: list[float]) -> None:
    samples = [(float(i + 1), value) for i, value in enumerate(values)]
    assert (rate(samples, 0, len(values)) or 0) >= 0
