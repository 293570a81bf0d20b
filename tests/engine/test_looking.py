"""Who may only look: told by the kernel's word for who is at the other end and by the groups of that user, refused by the engine."""

from __future__ import annotations

import asyncio
import grp
import os
import socket
import stat
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tui_monitor.config import EngineSettings
from tui_monitor.engine import paths
from tui_monitor.engine.feed import EngineFeed, ask
from tui_monitor.engine.lifecycle import Lock
from tui_monitor.engine.people import Peer, Rights, groups_of, peer_of
from tui_monitor.engine.serve import Server
from tui_monitor.model import (
    Acknowledge,
    AddNote,
    AddSilence,
    AlertPast,
    Command,
    EngineInfo,
    ExpireSilence,
    Frame,
    FrameMessage,
    GetFrame,
    History,
    HistoryOfAlert,
    HistoryQuery,
    MarkReference,
    Outcome,
    PreviewSilence,
    Reload,
    Shelve,
    SilencePreview,
    StopEngine,
    TakeSnapshot,
    Unacknowledge,
    utc,
)

OPS, LOOKS = 500, 600
IDS = {"ops": OPS, "looks": LOOKS}
OWNER, ACTOR, LOOKER, BOTH, STRANGER = 1000, 1001, 1002, 1003, 1004
MEMBERS = {ACTOR: {OPS}, LOOKER: {LOOKS}, BOTH: {OPS, LOOKS}, STRANGER: {7}, OWNER: {LOOKS}, 0: {0}}
REFUSED = "you may look, not act (group looks)"


def rights(group: str, read_only_group: str) -> Rights:
    return Rights(group, read_only_group, owner=OWNER, members=lambda peer: MEMBERS[peer.uid], group_id=IDS.__getitem__)


@pytest.mark.parametrize(
    ("group", "read_only_group", "uid", "refused"),
    [
        ("", "", LOOKER, False),
        ("ops", "", STRANGER, False),
        ("", "looks", LOOKER, True),
        ("", "looks", ACTOR, True),
        ("", "looks", OWNER, False),
        ("", "looks", 0, False),
        ("ops", "looks", LOOKER, True),
        ("ops", "looks", ACTOR, False),
        ("ops", "looks", BOTH, False),
        ("ops", "looks", STRANGER, True),
    ],
)
def test_who_may_act(group: str, read_only_group: str, uid: int, refused: bool) -> None:
    assert rights(group, read_only_group).refusal(Peer(1, uid, 1)) == (REFUSED if refused else "")


def test_a_group_that_is_not_there_is_no_group_of_nobody() -> None:
    with pytest.raises(KeyError):
        rights("opps", "looks")


def test_groups_are_those_of_the_user_and_the_one_that_the_process_runs_in() -> None:
    one, two = socket.socketpair(socket.AF_UNIX)
    with one, two:
        peer = peer_of(one)
    assert (peer.pid, peer.uid) == (os.getpid(), os.getuid())
    assert {os.getgid(), *os.getgrouplist("root", 0)} <= groups_of(Peer(1, 0, os.getgid()))
    assert groups_of(Peer(1, 4_000_000_000 - 7, 77)) == {77}, "a user without a name"


# -- the engine's socket -----------------------------------------------------------------------------------------------------------------


class Engine:
    """The engine as the socket sees it."""

    instance = "t"

    def __init__(self) -> None:
        self.acts: list[Command] = []

    def latest(self) -> Frame:
        return Frame(seq=1, at=utc(1), host="h", version="0", engine=EngineInfo(pid=1, instance="t", started_at=utc(0), interval_s=1))

    async def carry_out(self, command: Command, who: str) -> Outcome:
        self.acts.append(command)
        return Outcome(ok=True, message="done")

    async def frame(self, ask: GetFrame) -> Frame | None:
        return self.latest()

    def history(self, query: HistoryQuery) -> History:
        return History(query.subject, query.start_s, 1.0, {})

    def preview(self, ask: PreviewSilence) -> SilencePreview:
        return SilencePreview(ask.match)

    async def past(self, ask: HistoryOfAlert) -> AlertPast | Outcome:
        return AlertPast("stalled", "llm", 0, None, None)


def served(tmp_path: Path, uid: int, test: Callable[[Engine, Path, list[bool]], Awaitable[None]]) -> None:
    async def main() -> None:
        engine, left, path = Engine(), list[bool](), tmp_path / "t.sock"
        server = Server(engine, path, left.append, rights=rights("ops", "looks"), peer_of=lambda _socket: Peer(os.getpid(), uid, 1))
        await server.start()
        try:
            async with asyncio.timeout(10):
                await test(engine, path, left)
        finally:
            await server.close()

    asyncio.run(main())


ACTS: list[Command] = [
    Acknowledge("a"),
    Unacknowledge("a"),
    Shelve("a", 60.0),
    AddNote("a", "x"),
    AddSilence("rule=a", "x", 60.0),
    ExpireSilence("s1"),
    MarkReference("llm", "prompts"),
    TakeSnapshot("/tmp/x"),
    StopEngine(),
    Reload(),
]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: type(act).__name__)
def test_every_act_of_one_who_may_only_look_is_refused_by_the_engine(tmp_path: Path, act: Command) -> None:
    async def test(engine: Engine, path: Path, left: list[bool]) -> None:
        assert await ask(path, act) == Outcome(ok=False, message=f"read-only: {REFUSED}")
        assert engine.acts == []

    served(tmp_path, LOOKER, test)


def test_who_may_act_acts(tmp_path: Path) -> None:
    async def test(engine: Engine, path: Path, left: list[bool]) -> None:
        assert await ask(path, Acknowledge("a")) == Outcome(ok=True, message="done")
        feed = EngineFeed(path, None)
        await feed.start()
        assert feed.status().read_only == ""
        await feed.close(goodbye=True)

    served(tmp_path, ACTOR, test)


def test_looking_is_whole_and_the_screen_knows_why_it_may_not_more(tmp_path: Path) -> None:
    async def test(engine: Engine, path: Path, left: list[bool]) -> None:
        for question, answer in (
            (GetFrame(), FrameMessage), (HistoryQuery("x", [], 0, 1, 1), History), (PreviewSilence("rule=a"), SilencePreview),
            (HistoryOfAlert("a"), AlertPast),
        ):  # fmt: skip
            assert isinstance(await ask(path, question), answer)
        feed = EngineFeed(path, None)
        await feed.start()
        assert feed.status().read_only == REFUSED
        await feed.close(goodbye=True)
        while not left:
            await asyncio.sleep(0.005)
        assert left == [False], "it leaves, and ends no engine by that"

    served(tmp_path, LOOKER, test)


# -- the place ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_group(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="tm-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield grp.getgrgid(os.getgid()).gr_name


def test_who_may_only_look_can_replace_neither_the_socket_nor_the_lock(own_group: str) -> None:
    lock = Lock("one", own_group, looking=True)
    try:
        folder = paths.runtime_dir(own_group)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o750
        assert stat.S_IMODE((folder / "one.lock").stat().st_mode) == 0o600
    finally:
        lock.release()
    paths.make_runtime_dir(own_group)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o770


@pytest.mark.parametrize(("looking", "key"), [(True, "read_only_group"), (False, "group")])
def test_a_group_that_is_not_there_is_named_with_its_key(own_group: str, looking: bool, key: str) -> None:
    with pytest.raises(paths.UnsafePlace, match=rf"\[engine\] {key}: there is no Unix group 'no-such-group'"):
        paths.make_runtime_dir("no-such-group", looking=looking)


@pytest.mark.parametrize(
    ("settings", "group"),
    [
        (EngineSettings(), ""),
        (EngineSettings(group="ops"), "ops"),
        (EngineSettings(read_only_group="looks"), "looks"),
        (EngineSettings(group="ops", read_only_group="looks"), "looks"),
    ],
)
def test_the_socket_belongs_to_one_group(settings: EngineSettings, group: str) -> None:
    assert settings.socket_group == group
