"""What `--read-only` lets through."""

from __future__ import annotations

import asyncio

import pytest

from tui_monitor.cli.read_only import ReadOnly
from tui_monitor.engine.feed import ScriptedFeed
from tui_monitor.model import (
    Acknowledge,
    AddNote,
    AddSilence,
    Command,
    ExpireSilence,
    Goodbye,
    HistoryOfAlert,
    MarkReference,
    PreviewSilence,
    Reload,
    Shelve,
    SilencePreview,
    StopEngine,
    TakeSnapshot,
    Unacknowledge,
)


@pytest.mark.parametrize(
    ("command", "passes"),
    [
        (TakeSnapshot("/tmp/x"), True),
        (Goodbye(), True),
        (Acknowledge("a"), False),
        (Unacknowledge("a"), False),
        (Shelve("a", 60.0), False),
        (AddNote("a", "x"), False),
        (AddSilence("rule=a", "x", 60.0), False),
        (ExpireSilence("s1"), False),
        (MarkReference("llm", "prompts"), False),
        (StopEngine(), False),
        (Reload(), False),
    ],
)
def test_only_what_changes_nothing_for_others_passes(command: Command, passes: bool) -> None:
    feed = ScriptedFeed([])
    outcome = asyncio.run(ReadOnly(feed).send(command))
    assert outcome.ok is passes
    assert feed.sent == ([command] if passes else [])
    assert passes or outcome.message == "read-only: started with --read-only"


def test_questions_pass_and_the_screen_is_told() -> None:
    feed = ScriptedFeed([])
    feed.answers[PreviewSilence] = SilencePreview("rule=a")
    asked = [PreviewSilence("rule=a"), HistoryOfAlert("a")]
    assert asyncio.run(ReadOnly(feed).ask(asked[0])) == SilencePreview("rule=a")
    asyncio.run(ReadOnly(feed).ask(asked[1]))
    assert feed.asked == asked
    assert feed.status().read_only == ""
    assert ReadOnly(feed).status().read_only == "started with --read-only"
