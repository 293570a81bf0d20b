"""Many people at once, and a kill -9 at any moment: one winner for each alert, every confirmed act is there, none twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tui_monitor.model import Episode
from tui_monitor.store.database import Database

STORM = Path(__file__).with_name("storm.py")
ROOT = Path(__file__).parents[2]
PEOPLE = ("alice", "bob", "carol", "dave")
ALERTS, KILLS = 300, 24


@pytest.fixture
def path(tmp_path: Path, episode: Callable[..., Episode]) -> Path:
    path = tmp_path / "episodes.sqlite"
    with closing(Database(path)) as database:
        database.commit([(episode(f"{number:08x}", target=f"t{number}"), ()) for number in range(ALERTS)]).result(10)
    return path


def start(*words: str | Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, str(STORM), *map(str, words)], stdout=subprocess.PIPE, text=True, env=environment)


def test_four_people_take_three_hundred_alerts_and_each_has_one_owner(path: Path) -> None:
    processes = {who: start("take", path, who) for who in PEOPLE}
    won: dict[str, list[str]] = {}
    for who, process in processes.items():
        with process:
            won[who] = [line for line in process.communicate(timeout=120)[0].split() if line != "-"]
        assert process.returncode == 0
    assert sum(map(len, won.values())) == ALERTS
    assert len({identity for ids in won.values() for identity in ids}) == ALERTS
    with closing(Database(path)) as database:
        owners = {one.id: one.ack.by for one in database.episodes(0.0) if one.ack is not None}
        assert owners == {identity: who for who, ids in won.items() for identity in ids}
        lines = [(line.episode, line.who) for line in database.journal(limit=10_000) if line.what == "acked"]
        assert sorted(lines) == sorted(owners.items())


def test_every_confirmed_act_survives_a_kill_at_any_moment_and_none_is_there_twice(path: Path) -> None:
    """The process that is killed tells of an act only after it is durable; what it had told must be there."""
    chance = random.Random(5)
    confirmed: Counter[str] = Counter()
    for kill in range(KILLS):
        with start("storm", path, f"p{kill}") as process:
            assert process.stdout is not None
            told = [process.stdout.readline()]  # it acts
            time.sleep(chance.uniform(0.0, 0.05))  # the moment of the kill is the point
            os.kill(process.pid, signal.SIGKILL)
            told += process.stdout.readlines()
        confirmed.update(line.strip() for line in told if line.endswith("\n"))
    assert len(confirmed) >= KILLS
    with closing(Database(path)) as database:
        lines = database.journal(limit=100_000)
        there = Counter(line.text for line in lines if line.what == "note")
        there.update("ack:" + line.text.split(": ")[-1] for line in lines if line.what in ("acked", "taken-over"))
        assert set(confirmed) - set(there) == set()
        assert [text for text, times in there.items() if times > 1] == []
        last = {line.episode: line for line in lines if line.what in ("acked", "taken-over", "unacked")}
        for one in database.episodes(0.0):  # what an alert says is what its journal ends with
            line = last.get(one.id)
            assert (one.ack.comment if one.ack else None) == (line.text.split(": ")[-1] if line and line.what != "unacked" else None)
        assert database.episodes(0.0)[0].state == "firing"
        assert len(database.episodes(0.0)) == ALERTS
