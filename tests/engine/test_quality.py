"""Prediction logs in the engine: read, judged beside the loop, kept over a restart, and never lost for lack of room."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

from tui_monitor.config import Columns, Labels, ListenerSettings, PredictionSettings, Settings
from tui_monitor.engine import quality
from tui_monitor.engine.quality import Paced, QualityRoom
from tui_monitor.model import Estimate, LogRows, Metrics, Performance, Reading, charted

WAIT_S = 30.0


def write(path: Path, first: int, count: int, *, right: bool = True, labels: bool = True) -> None:
    now_s = time.time()
    with path.open("a") as file:
        for i in range(first, first + count):
            row = {"id": f"r{i}", "timestamp": now_s, "prediction": "1", "words": i % 7} | (
                {"label": "1" if right else "0"} if labels else {}
            )
            file.write(json.dumps(row) + "\n")


def room(settings: Settings, said: list[str] | None = None, rows: list[int] | None = None) -> QualityRoom:
    def note(text: str, _severity: str = "") -> None:
        if said is not None:
            said.append(text)

    def came(_log: str, what: LogRows, _at_s: float) -> None:
        if rows is not None:
            rows.append(len(what.rows))

    return QualityRoom(settings, note, came)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():
            await asyncio.sleep(0.02)


def whole(one: QualityRoom, name: str = "fraud") -> Performance | None:
    return next((p for p in one.performance() if (p.name, p.window, p.slice, p.source) == (name, "all", None, "labelled")), None)


def labelled(one: QualityRoom, name: str = "fraud") -> int:
    found = whole(one, name)
    return found.labelled if found else 0


def log(path: Path, **changes: object) -> Settings:
    return Settings(predictions=[PredictionSettings(name="fraud", path=str(path), auto_slices=False, **changes)])  # type: ignore[arg-type]


def test_rows_become_quality_and_go_to_the_judges_of_drift_too(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", 0, 50)

    async def run() -> None:
        rows: list[int] = []
        one = room(log(tmp_path / "log.jsonl", slices={"few": "words < 2"}), rows=rows)
        assert one.quality()[0].sentence == "not judged yet"
        one.start()
        await until(lambda: labelled(one) == 50)
        write(tmp_path / "log.jsonl", 50, 50, right=False)
        await until(lambda: labelled(one) == 100)
        found = whole(one)
        assert found is not None
        assert found.metrics["accuracy"].value == 0.5
        assert sum(rows) == 100
        assert {p.slice for p in one.performance()} == {None, "few"}
        past: dict[str, Metrics] = {}
        for subject, numbers in one.past():
            past.setdefault(subject, {}).update(numbers)
        assert past["quality:fraud"]["accuracy[all]"] == 0.5
        assert past["quality:fraud"]["accuracy[all].low"] is not None
        assert set(past["quality:fraud/few"]) == {f"accuracy[{window}]" for window in ("1m", "5m", "30m", "3h", "24h", "all")}
        await one.stop()

    asyncio.run(run())


def test_a_restart_neither_counts_twice_nor_loses_rows(tmp_path: Path) -> None:
    path, late = tmp_path / "log.jsonl", tmp_path / "labels.jsonl"
    settings = log(path, labels=Labels(path=str(late)))
    write(path, 0, 40, labels=False)
    late.write_text("".join(json.dumps({"id": f"r{i}", "label": "1"}) + "\n" for i in range(30)))

    async def first() -> bytes | None:
        one = room(settings)
        one.start()
        await until(lambda: labelled(one) == 30)
        await one.stop()
        return one.dump(ending=True)

    saved = asyncio.run(first())
    assert saved is not None
    assert b"r17" not in saved  # hashes, no ids
    write(path, 40, 10, labels=False)
    with late.open("a") as file:
        file.write("".join(json.dumps({"id": f"r{i}", "label": "0"}) + "\n" for i in range(30, 50)))

    async def second() -> None:
        said: list[str] = []
        one = room(settings, said)
        one.restore(saved)
        one.start()
        await until(lambda: labelled(one) == 50)
        found = whole(one)
        assert found is not None
        assert (found.n, found.labelled) == (50, 50)
        assert found.metrics["accuracy"].value == 0.6
        assert said == []
        await one.stop()

    asyncio.run(second())


def test_what_was_saved_and_cannot_be_read_is_said_and_the_log_is_read_anew(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", 0, 20)

    async def run() -> None:
        said: list[str] = []
        one = room(log(tmp_path / "log.jsonl"), said)
        one.restore(b"\xff\x00 no state")
        one.start()
        await until(lambda: labelled(one) == 20)
        assert "cannot be read" in said[0]
        await one.stop()

    asyncio.run(run())


def test_a_reference_gives_estimates_and_one_that_is_missing_is_said(tmp_path: Path) -> None:
    with (tmp_path / "reference.jsonl").open("w") as file:
        for i in range(2000):
            score = (i % 100) / 100
            row = {
                "timestamp": 1e9 + i,
                "prediction": str(int(score >= 0.5)),
                "score": score,
                "label": str(int((i * 37) % 100 < score * 100)),
            }
            file.write(json.dumps(row) + "\n")
    with (tmp_path / "log.jsonl").open("w") as file:
        for i in range(200):
            score = (i % 100) / 100
            file.write(json.dumps({"id": f"r{i}", "timestamp": time.time(), "prediction": str(int(score >= 0.5)), "score": score}) + "\n")

    async def run(reference: str) -> tuple[QualityRoom, list[str]]:
        said: list[str] = []
        one = room(log(tmp_path / "log.jsonl", reference=reference, columns=Columns(score="score")), said)
        one.start()
        await until(lambda: (found := whole(one)) is not None and found.n == 200)
        await one.stop()
        return one, said

    one, said = asyncio.run(run(str(tmp_path / "reference.jsonl")))
    assert said == []
    estimated = next(p for p in one.performance() if p.source == "estimated" and p.window == "all" and "score" in p.assumption)
    assert estimated.metrics["accuracy"].value is not None
    assert "assumes" in estimated.assumption
    assert "unchanged" in estimated.assumption
    one, said = asyncio.run(run(str(tmp_path / "nothing.jsonl")))
    assert said == [f"fraud: its reference: {tmp_path}/nothing.jsonl: No such file or directory"]
    assert not [p for p in one.performance() if p.source == "estimated"]


def test_a_log_that_is_not_there_says_so_and_comes_when_it_comes(tmp_path: Path) -> None:
    async def run() -> None:
        one = room(log(tmp_path / "log.jsonl"))
        one.start()
        await until(lambda: bool(one.quality()) and "No such file" in one.quality()[0].problem)
        write(tmp_path / "log.jsonl", 0, 5)
        await until(lambda: labelled(one) == 5)
        assert one.quality()[0].problem == ""
        await one.stop()

    asyncio.run(run())


def test_posted_rows_are_judged_like_those_of_a_file() -> None:
    async def run() -> None:
        settings = Settings(predictions=[PredictionSettings(name="fraud")], listener=ListenerSettings(listen="127.0.0.1:0"))
        said: list[str] = []
        one = room(settings, said)
        one.start()
        await until(lambda: bool(said))
        listener = one._listener
        assert listener is not None
        body = json.dumps([{"id": "a", "time": time.time(), "prediction": "1", "label": "1"}]).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(
            b"POST /predictions/fraud HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        writer.write(body)
        assert b"204" in await reader.readline()
        writer.close()
        await until(lambda: labelled(one) == 1)
        await one.stop()

    asyncio.run(run())


def test_a_log_with_neither_path_nor_listener_says_what_is_missing() -> None:
    async def run() -> None:
        one = room(Settings(predictions=[PredictionSettings(name="fraud")]))
        one.start()
        await until(lambda: bool(one.quality()) and bool(one.quality()[0].problem))
        assert one.quality()[0].problem == "it has no path, and no listener is configured"
        await one.stop()

    asyncio.run(run())


def test_new_settings_keep_the_logs_that_stayed_the_same(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", 0, 20)
    write(tmp_path / "other.jsonl", 0, 7)
    settings = log(tmp_path / "log.jsonl")

    async def run() -> None:
        one = room(settings)
        one.start()
        await until(lambda: labelled(one) == 20)
        assert await one.renewed(Settings(predictions=settings.predictions, interval="3s")) is one
        both = [*settings.predictions, PredictionSettings(name="other", path=str(tmp_path / "other.jsonl"), auto_slices=False)]
        two = await one.renewed(Settings(predictions=both))
        await until(lambda: labelled(two, "other") == 7)
        assert labelled(two) == 20
        write(tmp_path / "log.jsonl", 20, 5)
        await until(lambda: labelled(two) == 25)
        await two.stop()

    asyncio.run(run())


def test_a_source_is_left_alone_while_too_many_rows_wait() -> None:
    class Asked:
        name, interval_s, deadline_s = "fraud", 2.0, 5.0
        times = 0

        async def read(self, now_s: float) -> Reading:
            self.times += 1
            return Reading(self.name, now_s, 0.0, content=LogRows([], {}, {"read": 1}))

    source, full = Asked(), [True]
    paced = Paced(source, lambda: full[0])
    reading = asyncio.run(paced.read(5.0))
    assert isinstance(reading.content, LogRows)
    assert not reading.content.left_out
    full[0] = False
    reading = asyncio.run(paced.read(5.0))
    assert isinstance(reading.content, LogRows)
    assert reading.content.left_out == {"read": 1}
    assert source.times == 1
    assert quality.MOST_WAITING > 0


def test_numbers_that_rest_on_few_rows_are_gaps_of_a_chart() -> None:
    metrics = {"accuracy": Estimate(0.5, 0.1, 0.9, n=19, floor=0.4), "recall": Estimate(0.5, 0.3, 0.7, n=20), "label.age": Estimate(30.0)}
    one = Performance(name="fraud", window="5m", slice=None, n=40, coverage=0.5, metrics=metrics)
    subject, numbers = charted(one)
    assert subject == "quality:fraud"
    assert {name: number for name, number in numbers.items() if number is not None} == {
        "recall[5m]": 0.5, "recall[5m].low": 0.3, "recall[5m].high": 0.7, "label.age[5m]": 30.0,
    }  # fmt: skip
    assert numbers["accuracy[5m]"] is None
