"""Reading the configuration again: by a key and by a signal the same, and a wrong file changes nothing and is said in one line."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tui_monitor.config import ConfigError, Discovery, RuleSettings, Settings
from tui_monitor.engine import feed, paths
from tui_monitor.engine.engine import Engine
from tui_monitor.engine.lifecycle import serve
from tui_monitor.model import Frame, Outcome, Reload, StopEngine

QUIET = Settings(interval="200ms", discovery=Discovery(enabled=False))
FULLER = replace(QUIET, rules=[RuleSettings(name="always", when="memory.used.ratio > 0%", severity="critical", summary="memory is used")])


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tm-", ignore_cleanup_errors=True) as folder:
        for name in ("STATE_HOME", "RUNTIME_DIR", "CONFIG_HOME"):
            monkeypatch.setenv(f"XDG_{name}", folder)
        yield Path(folder)


class File:
    """What stands in the file now; a text is what is wrong with it."""

    def __init__(self) -> None:
        self.now: Settings | str = QUIET

    def read(self) -> Settings:
        if isinstance(self.now, str):
            raise ConfigError(self.now)
        return self.now


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.02)


def rules(frame: Frame | None) -> set[str]:
    return {alert.rule for alert in frame.alerts} if frame else set()


def events(frame: Frame | None) -> list[str]:
    return [event.text for event in frame.events] if frame else []


def test_a_screen_makes_the_engine_read_again_and_a_broken_file_keeps_the_old_rules() -> None:
    async def main() -> None:
        file, path = File(), paths.socket_path("t")
        engine = asyncio.create_task(serve(QUIET, "t", permanent=True, reload=file.read))
        await until(lambda: path.exists() or engine.done())
        screen = feed.EngineFeed(path, None)
        await screen.start()
        await until(screen.latest)
        assert "always" not in rules(screen.latest())
        file.now = FULLER
        assert await screen.send(Reload()) == Outcome(ok=True, message="configuration read again")
        await until(lambda: "always" in rules(screen.latest()))
        assert f"configuration read again by {screen.status().you}" in events(screen.latest())

        file.now = "config.toml: rules[0].wen: unknown key\n(did you mean when?)"
        said = "configuration not read again: config.toml: rules[0].wen: unknown key (did you mean when?)"
        assert await screen.send(Reload()) == Outcome(ok=False, message=said)
        await until(lambda: said in events(screen.latest()))
        assert "always" in rules(screen.latest()), "the old rules stay"

        file.now = FULLER
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "configuration read again" in events(screen.latest()))
        await feed.ask(path, StopEngine())
        await screen.close(goodbye=False)
        await asyncio.wait_for(engine, 15)

    asyncio.run(main())


def test_an_engine_without_files_says_so() -> None:
    async def main() -> None:
        outcome = await Engine(QUIET, "t", None).carry_out(Reload(), "ana")
        assert outcome == Outcome(ok=False, message="this engine reads no configuration")

    asyncio.run(main())
