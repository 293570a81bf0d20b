"""Moments to come, as people type them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from tui_monitor.cli.moments import coming_s


@pytest.fixture(autouse=True)
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "now", "then"),
    [
        ("18:00", "2026-05-01T14:22:10+02:00", "2026-05-01T18:00:00+02:00"),
        ("9:05:30", "2026-05-01T14:22:10+02:00", "2026-05-02T09:05:30+02:00"),
        ("14:22", "2026-05-01T14:22:00+02:00", "2026-05-02T14:22:00+02:00"),
        ("12:00", "2026-03-28T23:00:00+01:00", "2026-03-29T12:00:00+02:00"),  # the clocks go forward in that night
        ("2026-05-03", "2026-05-01T14:22:10+02:00", "2026-05-03T00:00:00+02:00"),
        ("2026-05-03T18:00", "2026-05-01T14:22:10+02:00", "2026-05-03T18:00:00+02:00"),
        (" 2026-05-03T18:00Z ", "2026-05-01T14:22:10+02:00", "2026-05-03T20:00:00+02:00"),
    ],
)
def test_a_moment_to_come(text: str, now: str, then: str) -> None:
    assert coming_s(text, datetime.fromisoformat(now).timestamp()) == datetime.fromisoformat(then).timestamp()


@pytest.mark.parametrize("text", ["", "soon", "25:00", "12:60", "2026-13-01", "9999-12-31T23:59:59-12:00", "x" * 500])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time \(write 18:00 or 2026-05-01T18:00\)"):
        coming_s(text, 0.0)


@pytest.mark.parametrize("text", ["2020-01-01", "2020-01-01\x1b12:00"])
def test_what_is_over(text: str) -> None:
    with pytest.raises(ValueError, match=r"is over$") as raised:
        coming_s(text, datetime.fromisoformat("2026-05-01T00:00Z").timestamp())
    assert "\x1b" not in str(raised.value)
