"""Prediction logs and references in the engine: rows to verdicts in a thread, files that are references, acts, versions, a long past."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tui_monitor.analyse.drift import expectations_file
from tui_monitor.analyse.drift.expectations import Expectation
from tui_monitor.analyse.target import SignalCounts
from tui_monitor.collect.past_counts import PastBuckets
from tui_monitor.collect.prometheus import RangeFailure
from tui_monitor.config import Columns, DriftSettings, PredictionSettings, PrometheusSettings, ReferenceSettings, Settings
from tui_monitor.engine.drifting import Drifting
from tui_monitor.model import Drift, LogRow, LogRows, ModelAnswer, Reading, ServerAnswer

START_S = 1_800_000_000.0
FAST = DriftSettings(learn="60s", every="10s")
FRAUD = PredictionSettings(name="fraud", columns=Columns(score="score", version="version"))


class Life:
    """An engine's drift with rows of one log, ten a second, whose clock is ours."""

    def __init__(self, settings: Settings, saved: bytes | None = None) -> None:
        self.said: list[str] = []
        self.drifting = Drifting(settings, lambda text, _severity="": self.said.append(text))
        self.drifting.restore(saved)
        self.now_s, self.rows = START_S, 0
        self.chance = np.random.default_rng(1)

    async def begin(self) -> None:
        self.drifting.start()
        async with asyncio.timeout(60):
            while self.drifting.dump() is None or self.drifting._judges is None:
                await asyncio.sleep(0.02)

    async def run(self, seconds: float, mean: float = 0.0, version: str = "", **more: Any) -> dict[str, Drift]:
        for _ in range(round(seconds / 10)):
            made = []
            for i in range(100):
                self.rows += 1
                features = {"amount": float(self.chance.normal(mean, 1)), "country": "df"[self.rows % 2]} | more
                made.append(LogRow(str(self.rows), self.now_s + i / 10, "0", 0.3, None, features, version=version))
            self.now_s += 10
            self.drifting.rows_came("fraud", LogRows(made, {}, {}), self.now_s)
            await self.tell()
        return await self.tell()

    async def tell(self) -> dict[str, Drift]:
        told = await self.drifting.verdicts(self.now_s)
        if self.drifting._judging is not None:
            await self.drifting._judging
        return {one.signal: one for one in await self.drifting.verdicts(self.now_s) or told}


def alive(life: Life, story: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await life.begin()
        try:
            await story()
        finally:
            await life.drifting.stop()

    asyncio.run(whole())


def settings(*, drift: DriftSettings = FAST, **changed: Any) -> Settings:
    return Settings(predictions=[PredictionSettings(name="fraud", columns=FRAUD.columns, **changed)], drift=drift)


def test_columns_of_a_log_are_learned_judged_and_kept_over_a_restart() -> None:
    life = Life(settings())

    async def story() -> None:
        verdicts = await life.run(120)
        assert {name: one.role for name, one in verdicts.items()} == {
            "amount": "input", "country": "input", "prediction": "output", "score": "score",
        }  # fmt: skip
        verdicts = await life.run(120, mean=1.0)
        assert verdicts["amount"].state == "drift"
        assert verdicts["country"].state == "stable"
        assert verdicts["amount"].sentence.startswith("amount moved up since ")

    alive(life, story)
    again = Life(settings(), life.drifting.dump(ending=True))
    again.now_s = life.now_s

    async def after() -> None:
        verdicts = await again.run(20, mean=1.0)
        assert verdicts["amount"].state == "drift"
        assert "amount missing" not in verdicts
        verdicts = await again.run(120, mean=1.0, amount=None)
        assert verdicts["amount missing"].state == "drift"  # what is expected survived too
        assert verdicts["amount missing"].sentence.endswith("100 % missing, 0 % in the reference.")

    alive(again, after)
    assert again.said == ["fraud: no more amount in 200 rows"]


def test_a_training_file_is_the_reference_and_shows_skew(tmp_path: Path) -> None:
    chance, path = np.random.default_rng(5), tmp_path / "train.csv"
    lines = [f"{START_S - 9000 + i},{chance.normal(1.0, 1):.4f},{'df'[i % 2]},{i}" for i in range(3000)]
    path.write_text("time,amount,country,row_id\n" + "\n".join(lines) + "\n")
    drift = DriftSettings(learn="60s", every="10s", references=[ReferenceSettings("fraud", file=str(path))])
    life = Life(settings(drift=drift))

    async def story() -> None:
        verdicts = await life.run(120)
        assert (verdicts["amount"].state, verdicts["amount"].origin) == ("drift", "file train.csv")
        assert verdicts["country"].state == "stable"
        assert (
            verdicts["score"].sentence.startswith(("not in file train.csv; learning", "as in", "100 of", "0 of"))
            or verdicts["score"].state == "blind"
        )
        assert "row_id" not in verdicts

    alive(life, story)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (ReferenceSettings("fraud", file="none.csv"), "fraud: its reference: none.csv: No such file or directory; it is learned"),
        (ReferenceSettings("fraud", file="none.txt"), "fraud: its reference: none.txt: the ending says neither"),
        (ReferenceSettings("other", file="none.csv"), "drift: the reference none.csv is of 'other', which is no [[predictions]]"),
    ],
)
def test_a_reference_that_cannot_be_read_is_told_and_learned(reference: ReferenceSettings, said: str) -> None:
    life = Life(settings(drift=DriftSettings(learn="60s", every="10s", references=[reference])))

    async def story() -> None:
        assert (await life.run(120))["amount"].state in ("stable", "idle")

    alive(life, story)
    assert life.said[0].startswith(said)


def test_a_column_that_the_reference_lacks_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1, "b": 2}\n' * 600)
    life = Life(settings(drift=DriftSettings(references=[ReferenceSettings("fraud", signal="amount", file=str(path))])))

    async def story() -> None:
        await life.run(10)

    alive(life, story)
    assert life.said == ["fraud: file t.jsonl has no column 'amount' (it has a, b); it is learned"]


def test_expectations_of_a_file_hold_from_the_first_row(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(expectations_file.written([Expectation("amount", "between", mostly=0.99, min=-100.0, max=0.0)], "me"))
    life = Life(settings(expectations=str(path)))

    async def story() -> None:
        verdict = (await life.run(120))["amount out of range"]
        assert (verdict.state, verdict.role, verdict.origin) == ("drift", "quality", "between, mostly 0.99")

    alive(life, story)
    path.write_text("[[expectations]]")
    broken = Life(settings(expectations=str(path)))

    async def nothing() -> None:
        await broken.run(10)

    alive(broken, nothing)
    assert broken.said[0].startswith("fraud: its expectations: ")


def test_pin_back_and_versions() -> None:
    life = Life(settings())

    async def story() -> None:
        assert await life.drifting.pin("fraud", "amount") == "there is no signal amount of fraud"
        await life.run(120, version="v1")
        assert (await life.run(120, mean=1.0, version="v1"))["amount"].state == "drift"
        assert await life.drifting.pin("fraud", "amount") == ""
        assert (await life.run(60, mean=1.0, version="v1"))["amount"].state == "stable"
        assert await life.drifting.back("fraud", "amount", life.now_s) == ""
        assert (await life.run(60, mean=1.0, version="v1"))["amount"].state == "drift"
        verdicts = await life.run(10, mean=1.0, version="v2")
        assert verdicts["amount"].state == "learning"
        assert verdicts["amount"].sentence.startswith("version v2 since ")
        assert any("version v2 serves: " in one for one in life.said)

    alive(life, story)


def test_a_log_of_old_rows_is_judged_at_their_times_while_the_clock_goes_on() -> None:
    life = Life(settings())

    async def story() -> None:
        for part in range(12):
            made = [
                LogRow(f"{part}-{i}", START_S + 100 * part + i / 10, "0", 0.3, None, {"amount": float(life.chance.normal(part >= 6, 1))})
                for i in range(1000)
            ]
            life.now_s = START_S + 7 * 86_400 + part
            life.drifting.rows_came("fraud", LogRows(made, {}, {}), life.now_s)
            await life.tell()
        for _ in range(10):  # nothing more comes: what waits for its next check is checked
            life.now_s += 10
            verdicts = await life.tell()
        changed = verdicts["amount"]
        assert changed.since is not None
        assert abs(changed.since.timestamp() - (START_S + 600)) <= 60
        assert changed.state == "stale"  # that was a week ago

    alive(life, story)


def watched(at_s: float, version: str, name: str = "m") -> Any:
    counts = SignalCounts("input", [1.0, 2.0], [400.0 * (at_s - START_S), 500.0 * (at_s - START_S), 800.0 * (at_s - START_S)])
    return SimpleNamespace(
        reading=Reading("srv", at_s, 0.0, content=ServerAnswer(models=(ModelAnswer(name, version),))),
        found=SimpleNamespace(name="srv", url="http://127.0.0.1:1", urls={}),
        numbers=SimpleNamespace(histograms=lambda: {"h": counts}),
    )


@pytest.mark.parametrize(("version", "name", "anew"), [("1", "m", False), ("2", "m", True), ("1", "other", True)])
def test_another_version_of_a_servers_model_learns_anew(version: str, name: str, anew: bool) -> None:
    life = Life(Settings(drift=FAST))

    async def story() -> None:
        for _ in range(12):
            life.now_s += 10
            life.drifting.observe(life.now_s, [watched(life.now_s, "1")])
            await life.tell()
        assert (await life.tell())["h"].state in ("idle", "stable")
        life.now_s += 10
        life.drifting.observe(life.now_s, [watched(life.now_s, version, name)])
        assert ((await life.tell())["h"].state == "learning") is anew

    alive(life, story)
    assert any("learn anew" in one for one in life.said) is anew


def test_a_hundred_columns_at_a_hundred_rows_a_second_do_not_hold_up_the_loop() -> None:
    features = {f"c{i}": 0.0 for i in range(60)}
    life = Life(settings(drift=DriftSettings(learn="10s", every="2s")))

    async def story() -> None:
        longest_s, last_s = 0.0, time.perf_counter()

        async def beat() -> None:
            nonlocal longest_s, last_s
            while True:
                await asyncio.sleep(0.005)
                now_s = time.perf_counter()
                longest_s, last_s = max(longest_s, now_s - last_s), now_s

        task = asyncio.create_task(beat())
        for _ in range(20):
            rows = [
                LogRow(str(i), life.now_s + i / 100, "0", 0.3, None, {name: float(life.chance.normal()) for name in features})
                for i in range(200)
            ]
            life.now_s += 2
            await asyncio.to_thread(life.drifting.rows_came, "fraud", LogRows(rows, {}, {}), life.now_s)
            await life.tell()
        task.cancel()
        assert len(await life.tell()) >= 62
        assert longest_s < 1.0  # a host under tests has other things to do; the bench tells the real number

    alive(life, story)


def test_a_reload_begins_new_logs_and_goes_on_with_the_others() -> None:
    life = Life(settings())

    async def story() -> None:
        await life.run(120)
        both = Settings(predictions=[*settings().predictions, PredictionSettings(name="second")], drift=FAST)
        await life.drifting.reload(both)
        life.drifting.rows_came("second", LogRows([LogRow("a", life.now_s, "1", None, None)], {}, {}), life.now_s)
        verdicts = await life.run(10)
        assert verdicts["amount"].state != "learning"
        assert [one.source for one in await life.drifting.verdicts(life.now_s)].count("second") >= 1

    alive(life, story)


@pytest.mark.parametrize("fails", ["", "nobody answers", "broken"])
def test_a_past_time_of_prometheus_is_the_reference_of_a_servers_histogram(fails: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def past(server: PrometheusSettings, family: str, instance: str, start_s: float, end_s: float, query: str, **_: object) -> PastBuckets:
        asked.append((family, instance))
        assert (server.name, end_s - start_s) == ("central", 86_400.0)
        if fails == "broken":
            raise KeyError("le")
        if fails:
            raise RangeFailure("refused", fails)
        slots = np.tile([80.0, 15.0, 5.0], (50, 1))
        return PastBuckets([1.0, 2.0], START_S - 9000 + 60 * np.arange(50.0), slots)

    monkeypatch.setattr("tui_monitor.collect.past_counts.past_buckets", past)
    reference = ReferenceSettings("srv", prometheus="central", past="2026-11-01/2026-11-02")
    life = Life(
        Settings(
            prometheus=[PrometheusSettings("central", "http://127.0.0.1:9")],
            drift=DriftSettings(learn="60s", every="10s", references=[reference]),
        )
    )

    async def story() -> None:
        for _ in range(20):
            life.now_s += 10
            life.drifting.observe(life.now_s, [watched(life.now_s, "1")])
            verdict = (await life.tell())["h"]
            if life.drifting._asking is not None:
                await life.drifting._asking
            if fails:
                assert verdict.state != "drift"
        if fails:
            assert verdict.origin.startswith("learned in")
        else:  # half of the rows are at or below 1, 80 % were then
            assert (verdict.state, verdict.origin) == ("drift", "01 Nov 00:00 to 02 Nov 00:00 UTC from central")

    alive(life, story)
    assert asked == [("h", life_instance())]
    said = {"": "5,000 rows", "nobody answers": "nobody answers; it is learned", "broken": "KeyError; it is learned"}[fails]
    assert said in life.said[0]


def life_instance() -> str:
    from tui_monitor.collect.promql import instances

    return instances("http://127.0.0.1:1", socket.gethostname())
