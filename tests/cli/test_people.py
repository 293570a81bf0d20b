"""Two people at two shells at the same time, through a running engine and on the database of one that ended."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tui_monitor.engine import paths

ROOT = Path(__file__).parents[2]
RULES = "".join(f'[[rules]]\nname = "always-{n}"\nwhen = "memory.used.ratio > 0%"\nfor = "0s"\nseverity = "warning"\n' for n in range(6))
CONFIG = f'interval = "200ms"\n[discovery]\nenabled = false\n{RULES}'
PATIENCE_S = 60.0
VARIABLE = "NAME_IN_THIS_TEST"  # see `named`

Begun = subprocess.Popen[str]


def start(who: str, *words: str) -> Begun:
    """A shell of that person."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.cli.named", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        stdin=subprocess.DEVNULL, env={**os.environ, VARIABLE: who},
    )  # fmt: skip


def end(begun: Begun) -> tuple[int, str, str]:
    out, err = begun.communicate(timeout=PATIENCE_S)
    return begun.returncode, out, err


def shell(who: str, *words: str) -> tuple[int, str, str]:
    return end(start(who, *words))


def alerts() -> list[dict[str, object]]:
    told = json.loads(shell("nobody", "alerts", "--json")[1] or '{"alerts": []}')
    return [one for one in told["alerts"] if one["rule"].startswith("always-")]


@pytest.fixture(params=["with an engine", "without one"])
def ids(request: pytest.FixtureRequest, places: Path) -> Iterator[list[str]]:
    """The alerts that fire."""
    config = places / "config" / "tui-monitor" / "config.toml"
    config.parent.mkdir()
    config.write_text(CONFIG)
    engine = start("engine", "engine")
    try:
        limit_s = time.monotonic() + PATIENCE_S
        firing: list[str] = []
        while len(firing) < 6 and time.monotonic() < limit_s and engine.poll() is None:
            firing = [str(one["id"]) for one in alerts() if one["state"] == "firing"] if paths.socket_path("default").exists() else []
            time.sleep(0.05)  # another process; there is nothing else to wait for
        assert len(firing) == 6
        if request.param == "without one":
            engine.send_signal(signal.SIGTERM)
            assert engine.wait(PATIENCE_S) == 0
        yield firing
    finally:
        if engine.poll() is None:
            engine.send_signal(signal.SIGTERM)
        engine.communicate(timeout=PATIENCE_S)


def journal(what: str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(paths.database_path("default"))) as db:
        return list(db.execute("SELECT episode, who FROM journal WHERE what = ? ORDER BY number", (what,)))


def until(true: Callable[[], bool]) -> None:
    limit_s = time.monotonic() + PATIENCE_S
    while not true() and time.monotonic() < limit_s:
        time.sleep(0.05)
    assert true()


def test_one_wins_and_the_other_reads_who_and_when(ids: list[str]) -> None:
    begun = {who: start(who, "ack", *ids, "-m", f"{who} is on it") for who in ("ann", "ben", "cleo")}
    ended = {who: end(one) for who, one in begun.items()}
    won = dict(journal("acked"))
    assert sorted(won) == sorted(ids)
    assert len(journal("acked")) == len(ids), "nobody took one that somebody had"
    for who, (code, out, err) in ended.items():
        mine = [identity for identity in ids if won[identity] == who]
        assert [line.split(":")[0] for line in out.splitlines()] == mine
        assert code == (0 if len(mine) == len(ids) else 1)
        lost = [
            re.fullmatch(r"tui-monitor: (\w+): (?:acked by (\w+) \d+ s ago; --take-over to take it)", line) for line in err.splitlines()
        ]
        assert all(lost), err
        assert {one[1]: one[2] for one in lost if one} == {identity: won[identity] for identity in ids if won[identity] != who}
    until(lambda: {str(one["id"]): one["acknowledged"] and one["acknowledged"]["by"] for one in alerts()} == won)  # type: ignore[index]


def test_everything_that_people_do_is_seen_by_the_others(ids: list[str]) -> None:
    assert set(ids) >= {str(one["id"]) for one in alerts()}
    first, second = (
        str(one["id"]) for name in ("always-0", "always-1") for one in alerts() if one["rule"] == name
    )  # no silence is over them
    assert shell("ann", "ack", first, "-m", "mine")[:2] == (0, shell_line(first))
    code, _, err = shell("ben", "ack", first, "-m", "no, mine")
    assert code == 1
    assert re.fullmatch(r"tui-monitor: acked by ann \d+ s ago; --take-over to take it\n", err)
    assert shell("ben", "ack", first, "-m", "no, mine", "--take-over")[0] == 0

    code, out, _ = shell("ann", "silence", "rule=always-5", "--preview")
    assert code == 0
    assert "Now it would hide 1 alert:" in out
    code, out, err = shell("ann", "silence", "rule=~always-[45]", "--for", "2h", "-m", "they always do")
    assert (code, err) == (0, "")
    silence = out.split()[0]
    assert out == f"{silence} hides for 2 h, 2 alerts now\n"
    until(lambda: sum(one["silenced"] is not None for one in alerts()) == 2)
    code, out, _ = shell("ben", "alerts")
    assert code == 1
    apart = out.split("Silenced:\n")[1]
    assert len(re.findall(r" SILENCED since .* - silenced by ann until \d\d:\d\d: they always do$", apart, re.MULTILINE)) == 2
    assert f"{silence} rule=~always-[45] by ann until " in shell("ben", "silence", "--list")[1]

    rest = [str(one["id"]) for one in alerts() if one["silenced"] is None and one["id"] != first]
    assert shell("cleo", "ack", *rest, "-m", "all of them")[0] == 0
    until(lambda: shell("cleo", "alerts")[0] == 0)  # nothing fires that nobody has and nothing hides
    assert shell("ben", "silence", "--expire", silence)[:2] == (0, f"silence {silence} ended: rule=~always-[45]\n")
    until(lambda: shell("cleo", "alerts")[0] == 1)

    assert shell("cleo", "note", second, "seen before")[0] == 0
    code, out, err = shell("ann", "history", first)
    assert (code, err) == (0, "")
    assert "fired once since " in out
    assert ", taken by ann, ben\n" in out
    assert [line[22:] for line in out.split("journal of ")[1].splitlines()[1:]][-2:] == [
        "acked by ann: mine",
        "taken-over by ben: from ann: no, mine",
    ]
    assert " note by cleo: seen before\n" in shell("ann", "history", second)[1]
    rule = next(str(one["rule"]) for one in alerts() if one["id"] == second)
    told = json.loads(shell("ann", "history", rule, "--json")[1])
    assert [one["episodes"][0]["id"] for one in told["history"]] == [second]
    assert shell("cleo", "unack", *rest)[0] == 0


def shell_line(identity: str) -> str:
    """What `ack` says of an alert."""
    (alert,) = [one for one in alerts() if one["id"] == identity]
    return f"acked {alert['rule']} on {alert['target']} for 60 min\n"
