"""A signal's own part of the budget, and one whose judging failed, in words."""

from __future__ import annotations

import pytest
from drift_frames import BLIND, DRIFT, LOOK, PROMPT
from msgspec.structs import replace

from tui_monitor.ui.panes import drift_detail, drift_explain, drift_words
from tui_monitor.ui.panes.story import Line


def text(lines: list[Line]) -> str:
    return "\n".join("".join(part if isinstance(part, str) else part[0] for part in line) for line in lines)


@pytest.mark.parametrize(("days", "said"), [(60.0, "50%"), (330.0, "9.1%"), (30.0, "100%"), (None, "")])
def test_the_part_that_is_its_own(days: float | None, said: str) -> None:
    signal = replace(PROMPT, budget_days=days)
    assert drift_words.own_share(DRIFT, signal) == (f"this one has {said} of it" if said else "")
    assert drift_words.own_share(replace(DRIFT, drift_budget_s=None), signal) == ""


def test_detail_and_explanation_say_it() -> None:
    frame = replace(DRIFT, drift=[replace(PROMPT, budget_days=60.0)])
    signal = frame.drift[0]
    assert "over 1 signal, whatever their number: this one has 50% of it" in text(drift_detail.of_signal(frame, signal, LOOK, 160))
    assert any("this one has 50% of it, so more signals do not mean" in line for line in drift_explain.of_signal(frame, signal))
    unsaid = replace(signal, budget_days=None)
    assert "each has its share" in text(drift_detail.of_signal(frame, unsaid, LOOK, 160))
    assert any("each signal has its share of it, so" in line for line in drift_explain.of_signal(frame, unsaid))


def test_what_helps_where_judging_failed() -> None:
    why = "judging it failed: ValueError: bins and counts differ"
    assert drift_words.remedy(replace(BLIND, why=why)).startswith("reading the configuration again (R)")
    assert drift_words.remedy(BLIND).startswith("finer buckets")
