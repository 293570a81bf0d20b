"""What `e` says of errors: whether they moved at the same inputs too, or with the mix of inputs."""

from __future__ import annotations

import pytest
from drift_frames import DRIFT, told
from msgspec.structs import replace

from tui_monitor.model import SignalState
from tui_monitor.ui.panes import drift_explain

NAMES = [("error", "residual | inputs"), ("errors", "errors | inputs")]


def said(name: str, state: SignalState, other: str, other_state: SignalState | None, source: str = "fraud") -> list[str]:
    raw = told(name, state, source="fraud", role="performance", cause="concept")
    given = [told(other, other_state, source=source, role="performance", cause="concept")] if other_state else []
    lines = drift_explain.of_signal(replace(DRIFT, drift=[raw, *given]), raw)
    return [line.removeprefix("inputs   ") for line in lines if line.startswith("inputs ")]


@pytest.mark.parametrize(("name", "other"), NAMES)
def test_errors_that_moved_say_whether_those_at_the_same_inputs_did(name: str, other: str) -> None:
    (line,) = said(name, "drift", other, "stable")
    assert line == f"{other} is stable: at the same inputs errors are as before, so the mix of inputs moved them and not the truth"
    assert said(name, "watch", other, "stable") == [line]
    assert said(name, "drift", other, "drift") == [f"{other} is in drift too: errors changed also at the same inputs"]


@pytest.mark.parametrize(
    ("state", "other_state", "source"), [("stable", "stable", "fraud"), ("drift", "learning", "fraud"), ("drift", None, "fraud"), ("drift", "stable", "other")]
)  # fmt: skip
def test_nothing_is_said_where_nothing_is_known(state: SignalState, other_state: SignalState | None, source: str) -> None:
    assert said("error", state, "residual | inputs", other_state, source) == []


def test_errors_given_the_inputs_say_what_they_are() -> None:
    (line,) = said("residual | inputs", "drift", "error", "drift")
    assert line.endswith("another mix of inputs does not move it")
