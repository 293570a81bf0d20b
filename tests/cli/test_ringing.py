"""Which bytes a terminal is sent when an alert fires: the bell, and a notification only where its name says that it can show one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tui_monitor.cli.ringing import kind_of, ring_for
from tui_monitor.config import ScreenSettings
from tui_monitor.model import Alert

AT = datetime(2025, 11, 21, 14, 22, 7, tzinfo=UTC)


def alert(rule: str, severity: str, summary: str = "31% fail") -> Alert:
    return Alert(id=rule, rule=rule, severity=severity, state="firing", since=AT, value=None, target="ranker", summary=summary)


@pytest.mark.parametrize(
    ("said", "environ", "kind"),
    [
        ("auto", {"TERM": "xterm-256color"}, ""),
        ("auto", {"TERM": "xterm-ghostty"}, "9"),
        ("auto", {"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "9"),
        ("auto", {"TERM": "xterm-256color", "WT_SESSION": "1"}, "9"),
        ("auto", {"TERM": "foot"}, "777"),
        ("auto", {"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "777"),
        ("off", {"TERM": "foot"}, ""),
        ("osc9", {"TERM": "linux"}, "9"),
        ("osc777", {}, "777"),
    ],
)
def test_the_sequence_goes_by_the_terminals_name_unless_said_otherwise(said: str, environ: dict[str, str], kind: str) -> None:
    assert kind_of(ScreenSettings(notifications=said), environ) == kind


def test_an_unknown_terminal_gets_the_bell_alone() -> None:
    ring = ring_for(ScreenSettings(), {"TERM": "xterm"})
    assert ring is not None
    assert ring([alert("errors", "critical")], "gpu-07") == b"\x07"


def test_one_ring_names_the_worst_and_counts_the_others() -> None:
    ring = ring_for(ScreenSettings(bell=False, notifications="osc9"), {})
    assert ring is not None
    text = ring([alert("slow", "warning"), alert("errors", "critical"), alert("hot", "info")], "gpu-07")
    assert text == b"\x1b]9;CRITICAL errors on ranker (gpu-07) and 2 more: 31% fail\x07"


def test_nothing_from_outside_ends_the_sequence_early() -> None:
    ring = ring_for(ScreenSettings(notifications="osc777"), {"TMUX": "/tmp/tmux"})
    assert ring is not None
    text = ring([alert("errors", "critical", "bad \x07\x1b]2;owned\x07 \x9c text")], "gpu-07")
    assert text.startswith(b"\x07\x1bPtmux;")
    assert b"owned" not in text
    assert text.count(b"\x07") == 2


def test_half_a_sequence_in_a_name_hides_no_other_part() -> None:
    ring = ring_for(ScreenSettings(bell=False, notifications="osc9"), {})
    assert ring is not None
    text = ring([alert("errors\x1b]8;;", "critical")], "gpu\x1bP-07")
    assert text.startswith(b"\x1b]9;CRITICAL errors on ranker (gpu")
    assert text.endswith(b": 31% fail\x07")


def test_nothing_wanted_nothing_sent() -> None:
    assert ring_for(ScreenSettings(bell=False, notifications="off"), {"TERM": "foot"}) is None
