"""How numbers are written, as tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_monitor.ui import format as fmt


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"), (0, "0"), (0.00001, "1e-5"), (0.00123, "0.001"), (0.212, "0.212"), (1.0, "1.00"), (4.1, "4.10"), (18.24, "18.2"), (99.97, "100"),
        (1840.3, "1840"), (9999, "9999"), (12345, "12.3k"), (999_999, "1.00M"), (4.1e9, "4.10G"), (-62, "-62.0"), (float("inf"), "∞"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_number(value: float | None, expected: str) -> None:
    assert fmt.number(value) == expected


@pytest.mark.parametrize(("value", "expected"), [(None, "–"), (0, "0"), (62.0, "62"), (9.6, "10"), (4100, "4100"), (91000, "91.0k")])
def test_count(value: float | None, expected: str) -> None:
    assert fmt.count(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "–"), (0.0, "0%"), (0.0001, "<0.1%"), (0.004, "0.4%"), (0.31, "31%"), (0.9949, "99%"), (1.0, "100%")]
)
def test_ratio(value: float | None, expected: str) -> None:
    assert fmt.ratio(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "–"), (0.0, "0s"), (2.5e-5, "25µs"), (0.004, "4.0ms"), (0.34, "340ms"), (0.9997, "1.00s"), (1.9, "1.90s"), (130, "2m10")],
)
def test_seconds(value: float | None, expected: str) -> None:
    assert fmt.seconds(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "–"), (-3, "0s"), (38.9, "38s"), (60, "1m"), (130, "2m10"), (720, "12m"), (7440, "2h04"), (286_000, "3d07"), (1e9, "11574d")],
)
def test_age(value: float | None, expected: str) -> None:
    assert fmt.age(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "–"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (38 * 2**20, "38 MiB"), (1.5 * 2**40, "1.5 TiB")]
)
def test_size(value: float | None, expected: str) -> None:
    assert fmt.size(value) == expected


def test_two_sizes_share_a_unit() -> None:
    gib = 2**30
    assert fmt.pair_of_sizes(402 * gib, 1008 * gib) == "402/1008 GiB"
    assert fmt.pair_of_sizes(2.1 * gib, 7.6 * gib) == "2.1/7.6 GiB"
    assert fmt.pair_of_sizes(None, 8 * gib) == "–/8.0 GiB"
    assert fmt.pair_of_sizes(None, None) == "–"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("latency.p95", 1.9, "1.90s"), ("kv_cache.used", 0.97, "97%"), ("token.rate.generated", 1840.0, "1840/s"), ("queue.length", 62.0, "62"),
        ("net.rx", 1.2e9, "1.2 GB/s"), ("gpu.temperature", 71.4, "71°C"), ("gpu.clock.sm", 1.98e9, "1980 MHz"), ("memory.used", None, "–"),
        ("process.cpu", 3.25, "3.25 cores"), ("gpu.power", 612.0, "612 W"), ("unheard.of", 3.5, "3.50"),
    ],
)  # fmt: skip
def test_a_metric_is_written_in_its_unit(key: str, value: float | None, expected: str) -> None:
    assert fmt.metric(key, value) == expected


def test_clock_and_moment() -> None:
    at = datetime(2025, 11, 21, 14, 22, 7, tzinfo=UTC)
    assert fmt.clock(at, utc=True, zone=True) == "14:22:07 UTC"
    assert fmt.moment(at, at, utc=True) == "14:22:07"
    assert fmt.moment(at.replace(day=19), at, utc=True) == "19 Nov 14:22"


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_number_needs_more_than_eight_cells_in_a_column(value: float) -> None:
    assert 1 <= len(fmt.number(value)) <= 8
    assert 1 <= len(fmt.count(value)) <= 8


@given(st.floats(0.001, 9e14))
def test_a_number_reads_back_within_its_digits(value: float) -> None:
    text = fmt.number(value)
    factor = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(text[-1], 1.0)
    assert float(text.rstrip("kMGT")) * factor == pytest.approx(value, rel=6e-3, abs=6e-4)


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (float("nan"), "–"), (0.0, "0"), (0.01, "<0.1"), (0.05, "0.1"), (3.21, "3.2"), (12.6, "13"), (640.0, "640")],
)
def test_cores_fit_a_narrow_column(value: float | None, said: str) -> None:
    assert fmt.cores(value) == said
    assert len(said) <= 4


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (0, "0B"),
        (999, "999B"),
        (1010 * 2**20, "1.0G"),
        (1023, "1.0K"),
        (96 * 2**20, "96M"),
        (1.4 * 2**30, "1.4G"),
        (262 * 2**30, "262G"),
        (1023.9 * 2**30, "1.0T"),
    ],
)
def test_sizes_with_a_letter_fit_a_narrow_column(value: float | None, said: str) -> None:
    assert fmt.letter_size(value) == said
    assert len(said) <= 4
