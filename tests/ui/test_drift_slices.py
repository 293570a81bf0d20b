"""What is said of the slices that carry a drift: in the dialog, the pane and the explanation."""

from __future__ import annotations

from typing import Any

import pytest
from drift_frames import LOOK, PROMPT, told
from frames import INCIDENT
from msgspec.structs import replace

from tui_monitor.model import Carries
from tui_monitor.ui.panes import drift_detail, drift_explain, drift_slices


def carries(name: str = "route = /v1/chat", part: float = 0.88, **more: Any) -> Carries:
    known: dict[str, Any] = {
        "interval": (0.8, 0.96),
        "reference": 0.2,
        "now": 0.7,
        "rows": (0.3, 0.31),
        "inside": (0.1, 0.6),
        "where": "above 47",
    }
    return Carries(name=name, carries=part, **(known | more))


CARRIED = replace(PROMPT, slices=[carries(), carries("lang = de", 0.6, rows=(0.1, 0.12))])


def text(lines: list[Any]) -> str:
    return "\n".join("".join(part if isinstance(part, str) else part[0] for part in line) for line in lines)


def test_the_sentence_names_parts_and_rows() -> None:
    assert (
        drift_slices.most_of_it(CARRIED)
        == "Most of it: route = /v1/chat (88 % of the change; 31 % of rows), lang = de (60 %; 12 % of rows)."
    )
    assert drift_slices.most_of_it(PROMPT) == ""
    more = replace(PROMPT, slices=[carries(part=1.3)])
    assert drift_slices.most_of_it(more) == "Most of it: route = /v1/chat (all of the change; 31 % of rows)."


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (carries(), "its own rows changed (10 % → 60 % of its own rows are above 47; 30 % → 31 % of all rows)"),
        (
            carries(rows=(0.1, 0.4), inside=(0.9, 0.9)),
            "there are more of its rows than before (10 % → 40 % of all rows); they themselves are much as they were (90 % → 90 % of its own rows are above 47)",
        ),
        (carries(rows=(0.0, 0.4), inside=(None, 0.9)), "none of its rows were there in the reference (0 % → 40 % of all rows)"),
        (carries(rows=(0.4, 0.0), inside=(0.5, None)), "none of its rows come now (40 % → 0 % of all rows)"),
    ],
)
def test_why_a_slice_carries_it(one: Carries, said: str) -> None:
    assert drift_slices.why(one) == said


def test_more_of_its_rows_are_told_with_how_many_there_were() -> None:
    more = replace(PROMPT, slices=[carries(part=3.4, rows=(0.26, 0.94), inside=(0.71, 0.89))])
    assert drift_slices.most_of_it(more) == "Most of it: route = /v1/chat (all of the change; 94 % of rows, 26 % in the reference)."
    assert (
        drift_slices.why(more.slices[0])
        == "there are more of its rows than before (26 % → 94 % of all rows; 71 % → 89 % of its own rows are above 47)"
    )


def test_dialog_and_explanation_tell_it_and_only_where_there_is_something() -> None:
    frame = replace(INCIDENT, drift=[CARRIED])
    whole = text(drift_detail.of_signal(frame, CARRIED, LOOK, 120))
    assert "Most of it: route = /v1/chat (88 % of the change; 31 % of rows)" in whole
    assert "slice" in whole
    explained = "\n".join(drift_explain.of_signal(frame, CARRIED))
    assert "slices   route = /v1/chat carries 88 % of the change (95 %: 80 % to 96 %): its own rows changed" in explained
    assert "a part beyond 100 %" in explained
    plain = told("words", "stable")
    assert "slice" not in text(drift_detail.of_signal(frame, plain, LOOK, 120))
    assert "slice" not in "\n".join(drift_explain.of_signal(frame, plain))


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_line_is_too_long(width: int) -> None:
    lines = text(drift_detail.of_signal(replace(INCIDENT, drift=[CARRIED]), CARRIED, LOOK, width)).split("\n")
    assert max(map(len, lines)) <= width
