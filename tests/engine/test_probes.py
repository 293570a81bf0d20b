"""Golden probes in the engine: who is asked, how often, what is kept, what is refused; on loopback."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback import Loopback, reply, serving

from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.config import ConfigError, Discovery, LimitSettings, ProbeSettings, Settings, TargetSettings, parse
from tui_monitor.engine.engine import Engine
from tui_monitor.engine.probes import Probe, Probes
from tui_monitor.engine.watched import Watched
from tui_monitor.model import ExplainProbe, Found, Frame, MarkReference, ModelAnswer, ProbeState, Reading, ServerAnswer

JSON = "Content-Type: application/json\r\n"


class Answering:
    """A KServe with the model `m`: the class of a row is what `says` makes of it; None is a 500."""

    def __init__(self, says: Callable[[list[float]], object]) -> None:
        self.says = says
        self.rows: list[list[float]] = []

    def __call__(self, connection: socket.socket, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        if not head.startswith(b"POST"):
            page = b'{"models": ["m"]}' if b"/v1/models" in head else b'{"ready": true}' if b"ready" in head else b""
            connection.sendall(reply(page, headers=JSON))
            return
        (row,) = json.loads(body)["instances"]
        self.rows.append(row)
        said = self.says(row)
        if said is None:
            connection.sendall(reply(b'{"error": "boom"}', "500 Internal Server Error", headers=JSON))
        else:
            connection.sendall(reply(json.dumps({"predictions": [said]}).encode(), headers=JSON))


def positive(row: list[float]) -> int:
    return int(row[0] > 0)


def negative(row: list[float]) -> int:
    return int(row[0] <= 0)


def golden(tmp_path: Path, count: int = 8) -> str:
    chance = random.Random(3)
    rows = [[round(chance.gauss(0, 1), 3), round(chance.gauss(0, 1), 3)] for _ in range(count)]
    path = tmp_path / "golden.jsonl"
    path.write_text("".join(json.dumps({"id": f"q{i}", "request": row, "label": positive(row)}) + "\n" for i, row in enumerate(rows)))
    return str(path)


def watched(url: str, *models: str, kind: str = "kserve", name: str = "ranker") -> Watched:
    one = Watched(Found(name, kind, url, how="configured", configured=True), KINDS[kind], None, 1.0, LimitSettings(), 300.0)
    one.take(Reading(name, time.time(), 0.1, ServerAnswer(models=tuple(ModelAnswer(model) for model in models))))
    return one


class Places:
    """Stands in for the targets."""

    def __init__(self, *ones: Watched) -> None:
        self.ones = list(ones)

    def watched(self) -> list[Watched]:
        return self.ones


def probes_of(targets: Places, *settings: ProbeSettings, notes: list[str] | None = None) -> Probes:
    said = notes if notes is not None else []
    return Probes(Settings(probes=list(settings)), targets, lambda text, severity="": said.append(text))  # type: ignore[arg-type]


def probe_of(targets: Places, settings: ProbeSettings) -> Probe:
    return Probe(settings, targets.watched, random.Random(1))


async def steps(probe: Probe, count: int) -> ProbeState:
    for _ in range(count):
        assert await probe.step()
    return probe.state(time.time())


# -- asking -------------------------------------------------------------------------------------------------------------------------------


def test_questions_go_round_robin_and_the_first_run_is_whole(tmp_path: Path) -> None:
    answering = Answering(positive)

    async def go(server: Loopback) -> ProbeState:
        probe = probe_of(Places(watched(server.url, "m")), ProbeSettings("golden", "ranker", golden(tmp_path, 3)))
        state = await steps(probe, 7)
        await probe.prober.close()
        return state

    with serving(answering) as server:
        state = asyncio.run(go(server))
    assert answering.rows[:3] == answering.rows[3:6]
    assert answering.rows[6] == answering.rows[0]
    assert len({tuple(row) for row in answering.rows}) == 3
    assert (state.state, state.asked, state.rounds, state.protocol, state.model, state.why) == ("OK", 7, 2, "v1", "m", "")
    assert state.sentence == "3 of 3 golden questions right, 3 at the first run"


def test_another_model_behind_the_same_address_is_noticed(tmp_path: Path) -> None:
    answering = Answering(positive)

    async def go(server: Loopback) -> tuple[ProbeState, ProbeState]:
        probe = probe_of(Places(watched(server.url, "m")), ProbeSettings("golden", "ranker", golden(tmp_path)))
        before = await steps(probe, 16)
        answering.says = negative
        after = await steps(probe, 16)
        await probe.prober.close()
        return before, after

    with serving(answering) as server:
        before, after = asyncio.run(go(server))
    assert (before.state, before.changed_total) == ("OK", 0)
    assert (after.state, after.changed_total) == ("FALLING", 8)
    assert {(one.first, one.now) for one in after.changed} == {("0", "1"), ("1", "0")}


def test_a_server_in_trouble_gives_failures_and_not_one_wrong_answer(tmp_path: Path) -> None:
    answering = Answering(positive)

    async def go(server: Loopback) -> tuple[ProbeState, float | None]:
        probe = probe_of(Places(watched(server.url, "m")), ProbeSettings("golden", "ranker", golden(tmp_path)))
        await steps(probe, 8)
        answering.says = lambda _row: None
        state = await steps(probe, 8)
        await probe.prober.close()
        everything = next(one for one in probe.book.performance(time.time()) if one.window == "all")
        return state, everything.metrics["accuracy"].value

    with serving(answering) as server:
        state, accuracy = asyncio.run(go(server))
    assert (state.failed, state.failures, state.state) == (8, {"bad_status": 8}, "OK")
    assert "boom" in state.silent
    assert accuracy == 1.0


def test_one_question_that_is_always_refused_is_asked_seldom(tmp_path: Path) -> None:
    answering = Answering(lambda row: None if len(row) == 1 else 1)
    path = tmp_path / "golden.jsonl"
    path.write_text('{"request": [1, 2], "label": 1}\n{"request": [9], "label": 1}\n{"request": [3, 4], "label": 1}\n')

    async def go(server: Loopback) -> None:
        probe = probe_of(Places(watched(server.url, "m")), ProbeSettings("golden", "ranker", str(path)))
        await steps(probe, 40)
        await probe.prober.close()

    with serving(answering) as server:
        asyncio.run(go(server))
    assert answering.rows.count([9]) in (4, 5)


@pytest.mark.parametrize(
    ("settings", "models", "kind", "why"),
    [
        ({"target": "nobody"}, ("m",), "kserve", "no target nobody is watched"),
        ({}, (), "kserve", "its models are not known: set model"),
        ({}, ("a", "b"), "kserve", "which model is meant: set model to one of a, b"),
        ({}, ("a", "b"), "vllm", "which model is meant: set model to one of a, b"),
        ({}, ("m",), "bentoml", "it is not known how bentoml is asked: set protocol"),
        ({"file": "/no/such/file.jsonl"}, ("m",), "kserve", "/no/such/file.jsonl: No such file or directory"),
    ],
)
def test_where_nothing_can_be_asked_the_reason_is_said(
    tmp_path: Path, settings: dict[str, str], models: tuple[str, ...], kind: str, why: str
) -> None:
    one = ProbeSettings(**{"name": "golden", "target": "ranker", "file": golden(tmp_path), **settings})
    probe = probe_of(Places(watched("http://127.0.0.1:9", *models, kind=kind)), one)
    assert asyncio.run(probe.step()) is False
    state = probe.state(time.time())
    assert (state.why, state.asked, state.next_at) == (why, 0, None)


def test_never_more_often_than_configured_and_never_busy_for_more_than_half_the_time(tmp_path: Path) -> None:
    probe = probe_of(Places(), ProbeSettings("golden", "ranker", "f", per_minute=20))
    pauses = [probe.pause_s(0.0) for _ in range(200)]
    assert min(pauses) >= 3.0
    assert max(pauses) <= 3.3
    assert max(pauses) - min(pauses) > 0.1
    assert probe.pause_s(1.0) + 1.0 >= 3.0
    assert probe.pause_s(30.0) == 30.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("per_minute = 0.5", "c.toml:5: probes.1.per_minute: must be 1 to 20"),
        ("per_minute = 21", "c.toml:5: probes.1.per_minute: must be 1 to 20"),
        ("per_minute = nan", "c.toml:5: probes.1.per_minute: must be 1 to 20"),
        ("tolerance = -1.0", "c.toml:5: probes.1.tolerance: must be 0 to 1e+09"),
        ("explain_requests = 0", "c.toml:5: probes.1.explain_requests: must be 1 to 5000"),
    ],
)
def test_a_probe_must_not_be_a_load(line: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(f'[[probes]]\nname = "g"\ntarget = "t"\nfile = "f"\n{line}\n', "c.toml")
    assert str(error.value) == message


# -- acts ---------------------------------------------------------------------------------------------------------------------------------


async def explained(probes: Probes, ask: ExplainProbe) -> ProbeState:
    outcome = probes.explain(ask)
    assert outcome.ok, outcome.message
    async with asyncio.timeout(20):
        while (state := next(one for one in probes.states(time.time()) if one.name == ask.probe)).explained is None:
            probes._made_s = -1.0
            await asyncio.sleep(0.02)
    return state


def test_importances_and_the_explanation_of_a_row_come_from_the_live_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.engine.probes.APART_S", 0.0)
    answering = Answering(positive)
    settings = ProbeSettings("golden", "ranker", golden(tmp_path, 20), explain=True, explain_requests=70)

    async def go(server: Loopback) -> tuple[ProbeState, ProbeState, str]:
        probes = probes_of(Places(watched(server.url, "m")), settings)
        probe = probes._probes["golden"]
        early = probes.explain(ExplainProbe("golden")).message
        await steps(probe, 1)
        answering.rows.clear()
        every = await explained(probes, ExplainProbe("golden"))
        probe.explained = None  # else the first result would be taken for the second
        row = await explained(probes, ExplainProbe("golden", "q0"))
        await probes.stop()
        return every, row, early

    with serving(answering) as server:
        every, row, early = asyncio.run(go(server))
    assert early == "not done: nobody has been asked yet"
    assert every.explained is not None
    assert every.explained.weights[0].column == "[0]"
    assert every.explained.base == 1.0
    assert row.explained is not None
    assert (row.explained.row, row.explained.weights[0].column) == ("q0", "[0]")
    assert every.explained.requests + row.explained.requests == len(answering.rows) <= 140
    assert row.explaining is None


def test_what_cannot_be_explained_says_why(tmp_path: Path) -> None:
    off = ProbeSettings("off", "ranker", golden(tmp_path))
    on = ProbeSettings("on", "ranker", golden(tmp_path), explain=True, explain_requests=3)

    async def go() -> list[str]:
        with serving(Answering(positive)) as server:
            probes = probes_of(Places(watched(server.url, "m")), off, on)
            for one in probes._probes.values():
                await steps(one, 1)
            said = [probes.explain(ExplainProbe(name)).message for name in ("off", "nobody")]
            said.append(probes.explain(ExplainProbe("on", stop=True)).message)
            state = await explained(probes, ExplainProbe("on", "q99"))
            said.append(state.explained.why if state.explained else "")
            await probes.stop()
            return said

    assert asyncio.run(go()) == [
        "not done: off: explain = true in [[probes]] switches it on; it costs requests",
        "there is no probe nobody",
        "nothing is being explained",
        "there is no golden question q99",
    ]


def test_one_explanation_at_a_time_and_it_can_be_ended(tmp_path: Path) -> None:
    settings = ProbeSettings("golden", "ranker", golden(tmp_path, 20), explain=True, explain_requests=5000)

    async def go() -> tuple[str, str, ProbeState]:
        with serving(Answering(positive)) as server:
            probes = probes_of(Places(watched(server.url, "m")), settings)
            await steps(probes._probes["golden"], 1)
            assert probes.explain(ExplainProbe("golden")).ok
            second = probes.explain(ExplainProbe("golden")).message
            ended = probes.explain(ExplainProbe("golden", stop=True)).message
            await asyncio.sleep(0.05)
            state = probes.states(time.time())[0]
            await probes.stop()
            return second, ended, state

    second, ended, state = asyncio.run(go())
    assert (second, ended) == ("under way: 0 of 5000 requests", "ended")
    assert (state.explaining, state.explained) == (None, None)


# -- kept ---------------------------------------------------------------------------------------------------------------------------------


def test_a_restart_remembers_the_first_run(tmp_path: Path) -> None:
    settings = ProbeSettings("golden", "ranker", golden(tmp_path))
    answering = Answering(positive)

    async def go(server: Loopback) -> ProbeState:
        targets = Places(watched(server.url, "m"))
        before = probes_of(targets, settings)
        await steps(before._probes["golden"], 16)
        saved = before.dump()
        await before.stop()
        answering.says = negative
        after = probes_of(targets, settings)
        assert after.restore(saved) == ""
        await steps(after._probes["golden"], 16)
        state = after.states(time.time())[0]
        await after.stop()
        return state

    with serving(answering) as server:
        state = asyncio.run(go(server))
    assert (state.state, state.asked, state.changed_total) == ("FALLING", 32, 8)
    assert probes_of(Places(), settings).restore(b"broken") != ""


def test_a_reload_keeps_answers_and_ends_what_is_gone(tmp_path: Path) -> None:
    one, other = (ProbeSettings(name, "ranker", golden(tmp_path)) for name in ("one", "other"))
    faster = ProbeSettings("one", "ranker", golden(tmp_path), per_minute=12)

    async def go(server: Loopback) -> list[ProbeState]:
        probes = probes_of(Places(watched(server.url, "m")), one, other)
        await steps(probes._probes["one"], 8)
        await probes.reload(Settings(probes=[faster]))
        states = probes.states(time.time())
        await probes.stop()
        return states

    with serving(Answering(positive)) as server:
        (state,) = asyncio.run(go(server))
    assert (state.name, state.asked) == ("one", 8)


# -- the whole engine ---------------------------------------------------------------------------------------------------------------------


def test_our_connections_are_no_users_of_the_server(tmp_path: Path) -> None:
    async def go(server: Loopback) -> tuple[int, int]:
        one = watched(server.url, "m")
        probes = probes_of(Places(one), ProbeSettings("golden", "ranker", golden(tmp_path)))
        await steps(probes._probes["golden"], 1)
        before = len(one.source._ours())
        probes.states(time.time())
        after = len(one.source._ours())
        await probes.stop()
        return before, after

    with serving(Answering(positive)) as server:
        assert asyncio.run(go(server)) == (0, 1)


def test_the_frame_tells_the_probe_and_a_rule_hears_the_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.engine.probes.FIRST_S", 0.0)
    monkeypatch.setattr(Probe, "pause_s", lambda _self, _took_s: 0.01)
    answering = Answering(positive)

    async def until(engine: Engine, true: Callable[[Frame], object]) -> Frame:
        async with asyncio.timeout(20):
            while (frame := engine.latest()) is None or not true(frame):
                await asyncio.sleep(0.02)
        return frame

    async def go(server: Loopback) -> tuple[Frame, Frame, str]:
        settings = Settings(
            interval="200ms",
            discovery=Discovery(enabled=False),
            targets=[TargetSettings("ranker", server.url, "kserve")],
            probes=[ProbeSettings("golden", "ranker", golden(tmp_path))],
        )
        engine = Engine(settings, "t", None)
        running = asyncio.create_task(engine.run())
        before = await until(engine, lambda frame: frame.probes and frame.probes[0].rounds >= 2)
        answering.says = negative
        after = await until(engine, lambda frame: any(one.rule == "probe" and one.state == "firing" for one in frame.alerts))
        pinned = await engine.carry_out(MarkReference("golden", ""), "me")
        await until(engine, lambda frame: frame.probes[0].state == "OK")
        engine.stop()
        await running
        return before, after, pinned.message

    with serving(answering) as server:
        before, after, pinned = asyncio.run(go(server))
    assert {one.window for one in before.performance if one.source == "probe"} == {"latest", "30m", "3h", "24h", "all"}
    assert before.alerts == []
    (alert,) = [one for one in after.alerts if one.rule == "probe"]
    assert alert.severity == "warning"
    assert alert.summary.startswith("golden: ")
    assert alert.summary.endswith(" lost, 0 gained")
    assert pinned.startswith("golden answers as it is now is the reference")
