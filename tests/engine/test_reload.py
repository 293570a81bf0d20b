"""Reading the configuration again: by a key and by a signal the same, and a wrong file changes nothing and is said in one line."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tui_monitor.config import Columns, ConfigError, Discovery, DriftSettings, PredictionSettings, RuleSettings, Settings
from tui_monitor.engine import feed, paths
from tui_monitor.engine.drifting import Drifting
from tui_monitor.engine.engine import Engine
from tui_monitor.engine.lifecycle import serve
from tui_monitor.model import Drift, Frame, LogRow, LogRows, Outcome, Reload, StopEngine

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


# -- drift ------------------------------------------------------------------------------------------------------------------------------------

START_S = 1_800_000_000.0
FAST = DriftSettings(learn="60s", every="10s", multivariate=[])
LOG = PredictionSettings(name="fraud", columns=Columns(score="score"))


class Log:
    """The engine's drift with one log of ten rows a second; the clock is ours."""

    def __init__(self, drift: DriftSettings = FAST, reference: str = "") -> None:
        self.said: list[str] = []
        self.settings = Settings(predictions=[replace(LOG, reference=reference)], drift=drift)
        self.drifting = Drifting(self.settings, lambda text, _severity="": self.said.append(text))
        self.now_s, self.rows, self.chance = START_S, 0, np.random.default_rng(1)

    async def begin(self) -> None:
        self.drifting.start()
        await until(lambda: self.drifting._judges is not None)

    async def run(self, seconds: float, mean: float = 0.0) -> dict[str, Drift]:
        for _ in range(round(seconds / 10)):
            made = []
            for i in range(100):
                self.rows += 1
                columns = {"amount": float(self.chance.normal(mean, 1)), "age": float(self.chance.normal(40, 9))}
                made.append(LogRow(str(self.rows), self.now_s + i / 10, "0", 0.3, None, columns))
            self.now_s += 10
            self.drifting.rows_came("fraud", LogRows(made, {}, {}), self.now_s)
            found = await self.verdicts()
        return found

    async def verdicts(self) -> dict[str, Drift]:
        await self.drifting.verdicts(self.now_s)
        if self.drifting._judging is not None:
            await self.drifting._judging
        return {one.signal: one for one in self.drifting._verdicts}

    async def reload(self, **drift: object) -> dict[str, Drift]:
        self.settings = replace(self.settings, drift=replace(self.settings.drift, **drift))
        await self.drifting.reload(self.settings)
        return await self.verdicts()


def alive(log: Log, story: Callable[[], Coroutine[None, None, None]]) -> None:
    async def whole() -> None:
        await log.begin()
        try:
            await story()
        finally:
            await log.drifting.stop()

    asyncio.run(whole())


def test_budget_and_importances_change_without_a_restart() -> None:
    log = Log()

    async def story() -> None:
        before = await log.run(600)
        assert before["amount"].state == "stable"
        assert len({one.budget_days for one in before.values()}) == 1
        after = await log.reload(false_alarm_every="3d", importance={"amount": 3.0, "age": 1.0})
        assert log.drifting.budget_s == 3 * 86_400
        assert (after["amount"].importance, after["age"].importance) == (3.0, 1.0)
        share = sum(3 / (one.budget_days or 0) for one in after.values())
        assert share == pytest.approx(1.0)
        assert (after["age"].budget_days or 0) == pytest.approx(3 * (after["amount"].budget_days or 0))
        assert {name: one.n_reference for name, one in after.items()} == {name: one.n_reference for name, one in before.items()}
        assert log.said == []
        later = await log.run(10)
        assert (later["amount"].evidence or 0) > (before["amount"].evidence or 0) + 0.9, "ten times nearer to an alarm"

    alive(log, story)


def test_another_smallest_shift_begins_anew_and_is_told_once() -> None:
    log = Log()

    async def story() -> None:
        before = await log.run(600)
        drifting = (await log.run(300, mean=1.0))["amount"]
        assert drifting.state == "drift"
        after = await log.reload(smallest_shift=0.02)
        judged = sum(one.evidence is not None for one in before.values())
        assert judged >= 3
        assert log.said == [f"drift: the smallest shift worth a word is 0.02 now: the evidence of {judged} signals begins anew"]
        assert (after["amount"].state, after["amount"].since) == ("drift", drifting.since)
        assert after["age"].n_reference == before["age"].n_reference
        await log.reload(smallest_shift=0.02)
        assert len(log.said) == 1
        assert (await log.run(100, mean=1.0))["amount"].state == "drift"

    alive(log, story)


def test_learning_and_pace_change_without_a_restart() -> None:
    log = Log(replace(FAST, learn="1h"))

    async def story() -> None:
        assert (await log.run(300))["amount"].state == "learning"
        after = await log.reload(learn="60s")
        assert after["amount"].state == "learning"
        found = await log.run(20)
        assert found["amount"].state != "learning"
        assert found["amount"].n_reference >= 3000, "what came before is a part of it"
        await log.reload(every="60s")
        assert log.drifting._judges is not None
        signal = log.drifting._judges.room._signals["fraud", "amount"]
        before = signal.checks
        await log.run(600)
        assert signal.checks - before == 10
        assert log.drifting._judges.logs._every_s == 60

    alive(log, story)


def test_importances_of_a_file_are_read_again_and_a_broken_file_changes_nothing(places: Path) -> None:
    file = places / "importance.json"
    file.write_text('{"amount": 0.9, "age": 0.1}')
    log = Log(replace(FAST, importance={"age": 0.3}, importance_file=str(file)))

    def weights(found: dict[str, Drift]) -> tuple[float | None, float | None]:
        return found["amount"].importance, found["age"].importance

    async def story() -> None:
        assert weights(await log.run(120)) == (0.9, 0.3), "what stands in the configuration comes first"
        file.write_text('{"amount": 0.5}')
        assert weights(await log.reload()) == (0.5, 0.3)
        assert log.said == []
        assert log.drifting._judges is not None
        assert log.drifting._judges.logs._first("fraud") == ["amount", "age"], "errors are told apart by these first"
        file.write_text('{"amount": "much"}')
        assert weights(await log.reload()) == (0.5, 0.3)
        why = f"drift: importance_file: {file}: 'amount' has no number; write {{\"NAME\": WEIGHT, ...}}; those read before hold"
        assert log.said == [why]
        assert weights(await log.reload(importance={}, importance_file="")) == (None, None)

    alive(log, story)


def test_a_map_that_is_broken_at_the_start_leaves_all_else_as_it_is(places: Path) -> None:
    log = Log(replace(FAST, importance_file=str(places / "none.json")))

    async def story() -> None:
        found = await log.run(600)
        assert found["amount"].state == "stable"
        assert found["amount"].importance is None
        said = f"drift: importance_file: {places / 'none.json'}: cannot be read: No such file or directory; signals weigh as if there were none"
        assert log.said == [said]

    alive(log, story)


def test_what_is_read_again_while_the_judges_are_loaded_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()

    async def story() -> None:
        loaded = log.drifting._loaded

        def slow(settings: Settings) -> object:
            judges = loaded(settings)
            asyncio.run_coroutine_threadsafe(log.drifting.reload(replace(log.settings, drift=replace(FAST, every="20s"))), loop).result(10)
            return judges

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(log.drifting, "_loaded", slow)
        await log.begin()
        await until(lambda: log.drifting._judges is not None and log.drifting._judges.room._every_s == 20)
        await log.drifting.stop()

    asyncio.run(story())


class Broken:
    """A judge that raises whatever is asked of it."""

    def __getattr__(self, name: str) -> object:
        raise ValueError("bins and counts differ")


def test_a_signal_that_fails_is_told_once_and_tried_again_at_a_reload() -> None:
    log = Log()

    async def story() -> None:
        await log.run(600)
        assert log.drifting._judges is not None
        log.drifting._judges.room._signals["fraud", "age"].judge = Broken()  # type: ignore[assignment]
        found = await log.run(300, mean=1.0)
        assert (found["amount"].state, found["age"].state) == ("drift", "blind")
        assert log.said == ["drift: age of fraud is not judged any more: ValueError: bins and counts differ"]
        await log.reload()
        assert (await log.run(10, mean=1.0))["age"].state == "learning"
        assert (await log.run(200, mean=1.0))["age"].state == "stable"
        assert len(log.said) == 1

    alive(log, story)


def test_a_signal_with_a_given_reference_that_failed_is_given_it_again(places: Path) -> None:
    chance, file = np.random.default_rng(2), places / "kept.csv"
    rows = [f"{START_S - 10_000 + i},0,0.3,{chance.normal():.4f},{chance.normal(40, 9):.4f}" for i in range(3000)]
    file.write_text("\n".join(["timestamp,prediction,score,amount,age", *rows]))
    log = Log(reference=str(file))

    async def story() -> None:
        found = await log.run(100)
        assert found["age"].origin == "file kept.csv"
        assert log.drifting._judges is not None
        log.drifting._judges.room._signals["fraud", "age"].judge = Broken()  # type: ignore[assignment]
        assert (await log.run(100))["age"].state == "blind"
        await log.reload()
        found = await log.run(100)
        assert (found["age"].origin, found["age"].state) == ("file kept.csv", found["amount"].state)

    alive(log, story)
