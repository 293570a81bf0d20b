"""The judges come beside the first frames; when they cannot, the user is told."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tui_monitor.config import Settings
from tui_monitor.engine.drifting import Drifting


async def loaded() -> tuple[bytes | None, list[str], str]:
    said: list[str] = []
    logs = Drifting(Settings(), lambda text, _severity="": said.append(text))
    logs.start()
    async with asyncio.timeout(30):
        while logs.dump() is None and not said:
            await asyncio.sleep(0.05)
    await logs.stop()
    return logs.dump(), said, logs.why


def test_the_judges_are_loaded() -> None:
    state, said, why = asyncio.run(loaded())
    assert state is not None
    assert (said, why) == ([], "")


def test_judges_that_cannot_be_loaded_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tui_monitor.analyse.drift.room", None)  # as when numpy is broken
    state, said, why = asyncio.run(loaded())
    assert state is None
    assert why == said[0]
    assert said[0].startswith("drift is not judged: ModuleNotFoundError")
