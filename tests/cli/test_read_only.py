"""What `--read-only` lets through."""

from __future__ import annotations

import asyncio

import pytest

from tui_monitor.cli.read_only import ReadOnly
from tui_monitor.engine.feed import ScriptedFeed
from tui_monitor.model import Acknowledge, Command, Goodbye, MarkReference, StopEngine, TakeSnapshot, Unacknowledge


@pytest.mark.parametrize(
    ("command", "passes"),
    [
        (TakeSnapshot("/tmp/x"), True),
        (Goodbye(), True),
        (Acknowledge("a"), False),
        (Unacknowledge("a"), False),
        (MarkReference("llm", "prompts"), False),
        (StopEngine(), False),
    ],
)
def test_only_what_changes_nothing_for_others_passes(command: Command, passes: bool) -> None:
    feed = ScriptedFeed([])
    outcome = asyncio.run(ReadOnly(feed).send(command))
    assert outcome.ok is passes
    assert feed.sent == ([command] if passes else [])
    assert passes or outcome.message == "read-only: started with --read-only"
