"""The engine as a whole, on real sockets and a real disk: what hangs is late alone, what was acknowledged stays so, one engine an instance."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tui_monitor.config import Discovery, EngineSettings, RuleSettings, Settings, TargetSettings
from tui_monitor.engine import feed, paths
from tui_monitor.engine.engine import Engine
from tui_monitor.engine.lifecycle import AlreadyRuns, Lock, serve
from tui_monitor.model import (
    Acknowledge,
    Alert,
    Frame,
    FrameMessage,
    GetFrame,
    Outcome,
    ServerAnswer,
    StopEngine,
    TakeSnapshot,
    Unacknowledge,
)
from tui_monitor.store.replay import Replay

ROOT = Path(__file__).parents[2]
ALWAYS = RuleSettings(name="always", when="memory.used.ratio > 0%", severity="critical", summary="memory is used")
QUIET = Discovery(enabled=False)
MAP = {"request.rate": "rate(n_total)"}


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tm-", ignore_cleanup_errors=True) as folder:
        for name in ("STATE_HOME", "RUNTIME_DIR", "CONFIG_HOME"):
            monkeypatch.setenv(f"XDG_{name}", folder)
        yield Path(folder)


async def until(true: Callable[[], object], within_s: float = 20.0) -> None:
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.02)


# -- one that hangs is late alone --------------------------------------------------------------------------------------------------------

CONVERSATIONS: set[asyncio.Task[None]] = set()
BOMB = gzip.compress(b"\0" * 30_000_000, 9)


async def answer(kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A model server of a bad kind, or of a good one."""
    count = 0
    if task := asyncio.current_task():
        CONVERSATIONS.add(task)
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            count += 1
            if kind == "silent":
                await asyncio.Event().wait()
            elif kind == "drips":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(1000):
                    writer.write(b"x")
                    await asyncio.sleep(1)
            elif kind == "floods":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                for _ in range(100):
                    writer.write(b"a 1\n" * 250_000)
                    await writer.drain()
            elif kind == "bombs":
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n".encode() + BOMB)
            else:
                page = f"n_total {count}\n".encode()
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(page)}\r\n\r\n".encode() + page)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


class HungDriver:
    """An NVML whose first call never comes back."""

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's name
        time.sleep(3600)


def test_what_hangs_drips_floods_or_bombs_is_late_alone() -> None:
    kinds = ("good", "silent", "drips", "floods", "bombs", "refused")

    async def main() -> None:
        servers = [await asyncio.start_server(lambda r, w, kind=kind: answer(kind, r, w), "127.0.0.1", 0) for kind in kinds]
        ports = {kind: server.sockets[0].getsockname()[1] for kind, server in zip(kinds, servers, strict=True)}
        servers[-1].close()
        await servers[-1].wait_closed()
        targets = [
            TargetSettings(name=kind, kind="prometheus", url=f"http://127.0.0.1:{port}/metrics", interval="200ms", timeout="1s", map=MAP)
            for kind, port in ports.items()
        ]
        engine = Engine(Settings(interval="200ms", discovery=QUIET, targets=targets), "t", None)
        engine._gpu._nvml = HungDriver()
        ages: list[float] = []

        def seen() -> None:
            frame = engine.latest()
            good = next((t for t in frame.targets if t.name == "good"), None) if frame else None
            if good and good.age_s is not None:
                ages.append(good.age_s)

        watching = asyncio.create_task(engine.run(seen))
        await until(lambda: len(ages) > 30)
        await until(lambda: all(watched.reading is not None for watched in engine._targets.watched()))
        frame = await engine.frame(GetFrame())
        engine.stop()
        await watching
        for server in servers:
            server.close()
        for conversation in CONVERSATIONS:
            conversation.cancel()
        await asyncio.gather(*CONVERSATIONS, return_exceptions=True)
        assert frame is not None
        targets_by_name = {target.name: target for target in frame.targets}
        assert targets_by_name["good"].metrics["request.rate"] is not None
        assert sorted(ages)[len(ages) // 2] < 1.0, "the good one is asked at its own cadence"
        failures = {}
        for watched in engine._targets.watched():
            reading = watched.reading
            failure = reading and (reading.failure or (reading.content.page_failure if isinstance(reading.content, ServerAnswer) else None))
            if failure:
                failures[watched.found.name] = failure.kind
        assert failures == {
            "silent": "timeout",
            "drips": "timeout",
            "floods": "too_large",
            "bombs": "too_large",
            "refused": "refused",
        }
        for name in failures:
            assert targets_by_name[name].metrics["request.rate"] is None, name
        assert frame.gpu_why is not None

    asyncio.run(main())


# -- acts ---------------------------------------------------------------------------------------------------------------------------------


def firing(frame: Frame | None) -> Alert | None:
    return next((alert for alert in frame.alerts if alert.rule == "always" and alert.state == "firing"), None) if frame else None


def test_an_act_is_on_disk_before_it_is_shown_and_a_refused_one_never_is(places: Path) -> None:
    async def main() -> None:
        engine = Engine(Settings(interval="200ms", discovery=QUIET, rules=[ALWAYS]), "t", places)
        watching = asyncio.create_task(engine.run())
        await until(lambda: firing(engine.latest()))
        alert = firing(engine.latest())
        assert alert is not None
        assert (await engine.carry_out(Acknowledge(alert.id, "mine"), "ana")).ok
        await until(lambda: (found := firing(engine.latest())) and found.acknowledged)
        second = await engine.carry_out(Acknowledge(alert.id), "raj")
        assert not second.ok
        assert "acked by ana" in second.message
        assert (await engine.carry_out(Unacknowledge(alert.id), "ana")).ok
        database = engine._keeper._database
        assert database is not None

        def refuse(changes: object, **_more: object) -> object:
            from concurrent.futures import Future

            from tui_monitor.store.files import StoreError

            failed: Future[None] = Future()
            failed.set_exception(StoreError("the disk is full"))
            return failed

        database.commit = refuse  # type: ignore[assignment,method-assign]
        refused = await engine.carry_out(Acknowledge(alert.id), "raj")
        assert refused == Outcome(ok=False, message="not kept, so not done: the disk is full")
        found = firing(engine.latest())
        assert found is not None
        assert found.acknowledged is None
        engine.stop()
        await watching

    asyncio.run(main())


def test_without_a_place_on_disk_it_watches_and_says_that_acts_are_not_possible() -> None:
    async def main() -> None:
        engine = Engine(Settings(interval="200ms", discovery=QUIET, rules=[ALWAYS]), "t", None, trouble="/x is not writable")
        watching = asyncio.create_task(engine.run())
        await until(lambda: firing(engine.latest()))
        frame = engine.latest()
        assert frame is not None
        assert frame.engine.recording == "paused: /x is not writable"
        outcome = await engine.carry_out(Acknowledge(firing(frame).id), "ana")  # type: ignore[union-attr]
        assert outcome == Outcome(ok=False, message="not kept, so not done: /x is not writable")
        engine.stop()
        await watching

    asyncio.run(main())


def test_a_snapshot_holds_what_was_on_the_screen(places: Path, tmp_path: Path) -> None:
    async def main() -> None:
        engine = Engine(Settings(interval="200ms", discovery=QUIET, rules=[ALWAYS]), "t", places)
        watching = asyncio.create_task(engine.run())
        await until(lambda: firing(engine.latest()))
        shown = engine.latest()
        outcome = await engine.carry_out(TakeSnapshot(str(tmp_path / "incident.sqlite"), 600), "ana")
        engine.stop()
        await watching
        assert outcome.ok, outcome.message
        assert shown is not None
        replay = Replay(tmp_path / "incident.sqlite")
        assert replay.frame_at(shown.at.timestamp()).alerts[0].id == shown.alerts[0].id
        replay.close()

    asyncio.run(main())


# -- one engine an instance ---------------------------------------------------------------------------------------------------------------


def test_the_lock_is_given_back_by_the_kernel() -> None:
    first = Lock("one")
    with pytest.raises(AlreadyRuns, match="runs already"):
        Lock("one")
    first.release()
    other = paths.runtime_dir() / "elsewhere"
    other.write_text("precious")
    (paths.runtime_dir() / "one.lock").symlink_to(other)
    Lock("one").release()
    assert other.read_text() == "precious", "a link at our name is replaced, never followed"
    other.unlink()
    assert list(paths.runtime_dir().iterdir()) == [], "nothing is left behind"


@pytest.mark.parametrize("goodbye", [True, False])
def test_an_engine_for_screens_ends_with_the_last_goodbye_and_lingers_for_a_lost_one(goodbye: bool) -> None:
    linger_s = 30.0 if goodbye else 0.5

    async def main() -> None:
        settings = Settings(interval="200ms", discovery=QUIET, engine=EngineSettings(linger="1h"))
        engine = asyncio.create_task(serve(settings, "t", permanent=False, linger_s=linger_s))
        await until(lambda: paths.socket_path("t").exists() or engine.done())
        one, two = feed.EngineFeed(paths.socket_path("t"), None), feed.EngineFeed(paths.socket_path("t"), None)
        await one.start()
        await two.start()
        await until(lambda: one.latest() and two.latest())
        await one.close(goodbye=goodbye)
        await asyncio.sleep(0.3)
        assert not engine.done(), "another screen is there"
        await two.close(goodbye=goodbye)
        await asyncio.wait_for(engine, 15)
        assert not paths.socket_path("t").exists()

    asyncio.run(main())


CONFIG = """interval = "200ms"
[discovery]
enabled = false
[[rules]]
name = "always"
when = "memory.used.ratio > 0%"
severity = "critical"
"""


def start(places: Path) -> subprocess.Popen[str]:
    (places / "config.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "tui_monitor", "--config", str(places / "config.toml"), "engine", "--spawned"]
    return subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


async def alert_of(socket: Path) -> Alert | None:
    try:
        answered = await feed.ask(socket, GetFrame())
    except feed.FeedError:
        return None
    return firing(answered.frame) if isinstance(answered, FrameMessage) else None


async def wait_for_alert(socket: Path) -> Alert:
    async with asyncio.timeout(30):
        while (found := await alert_of(socket)) is None:
            await asyncio.sleep(0.1)
    return found


def test_two_starts_at_the_same_instant_make_one_engine(places: Path) -> None:
    both = [start(places), start(places)]
    asyncio.run(wait_for_alert(paths.socket_path("default")))
    end_s = time.monotonic() + 20
    while all(process.poll() is None for process in both) and time.monotonic() < end_s:
        time.sleep(0.05)
    codes = [process.poll() for process in both]
    assert sorted(codes, key=str) == [0, None], "the second one leaves, the first one stays"
    assert isinstance(asyncio.run(feed.ask(paths.socket_path("default"), StopEngine())), Outcome)
    for process in both:
        assert process.communicate(timeout=20)[1].strip() == ""
        assert process.returncode == 0


def test_what_was_acknowledged_survives_kill_9(places: Path) -> None:
    socket = paths.socket_path("default")
    first = start(places)
    before = asyncio.run(wait_for_alert(socket))
    outcome = asyncio.run(feed.ask(socket, Acknowledge(before.id, "looking", 3600)))
    first.send_signal(signal.SIGKILL)  # the answer has come: from here on it must be on disk
    first.communicate()
    assert outcome == Outcome(ok=True, message=outcome.message) if isinstance(outcome, Outcome) else False
    second = start(places)
    after = asyncio.run(wait_for_alert(socket))
    second.terminate()
    second.communicate(timeout=20)
    assert after.id == before.id
    assert after.acknowledged is not None
    assert after.acknowledged.comment == "looking"
