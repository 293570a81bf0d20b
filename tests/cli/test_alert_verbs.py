"""Acts on alerts from the shell, on what an earlier engine kept: who, what, until when; one line and one code for each mistake."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from tui_monitor.cli import acting, kept
from tui_monitor.cli.main import main
from tui_monitor.engine import paths, people
from tui_monitor.model import Episode, JournalEntry, Outcome
from tui_monitor.store.database import Database

Run = Callable[..., tuple[int, str, str]]

STALLED, DOWN, PENDING, OVER = "3f9a01c2", "3f77d0e5", "5f000001", "a0000001"


def _episode(now_s: float, identity: str, rule: str = "stalled", target: str = "chat", **more: object) -> Episode:
    given: dict[str, object] = {
        "kind": "target", "severity": "warning", "state": "firing", "since_s": now_s - 600, "for_s": 0.0, "last_true_s": now_s,
        "fired_s": now_s - 600, "value": 3.0, "summary": f"{target} makes no progress", "labels": {"kind": "vllm"},
    }  # fmt: skip
    return Episode(id=identity, rule=rule, target=target, **{**given, **more})  # type: ignore[arg-type]


def keep(*episodes: Episode, journal: tuple[JournalEntry, ...] = ()) -> None:
    paths.state_dir("default").mkdir(parents=True, mode=0o700)
    database = Database(paths.database_path("default"))
    try:
        database.commit([(one, ()) for one in episodes], journal=journal).result(10)
    finally:
        database.close()


@pytest.fixture
def run(places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    now_s = time.time()  # of this test: those before it may have taken minutes
    keep(
        _episode(now_s, STALLED),
        _episode(now_s, DOWN, "down", "rank", severity="critical"),
        _episode(now_s, PENDING, "slow", "rank", state="pending", fired_s=None),
        _episode(now_s, OVER, state="resolved", since_s=now_s - 9000, fired_s=now_s - 9000, ended_s=now_s - 8760),
        _episode(now_s, "b0000001", state="resolved", since_s=now_s - 4 * 86400, fired_s=now_s - 4 * 86400, ended_s=now_s - 4 * 86400 + 60),
        _episode(now_s, "c0000001", target="batch", state="lost", since_s=now_s - 5 * 86400, fired_s=now_s - 5 * 86400, ended_s=now_s - 4.9 * 86400),
        journal=(
            JournalEntry(now_s - 8900, OVER, "acked", "cleo", "mine"),
            JournalEntry(now_s - 600, STALLED, "firing", "", "3"),
        ),
    )  # fmt: skip

    def call(*words: str, who: str = "ann") -> tuple[int, str, str]:
        monkeypatch.setattr(people, "login_name", lambda _pid, _uid: who)
        code = main(list(words))
        return code, *capsys.readouterr()

    return call


def _alert(run: Run, identity: str) -> dict[str, object]:
    (found,) = [one for one in json.loads(run("alerts", "--json")[1])["alerts"] if one["id"] == identity]
    return dict(found)


# -- ack, unack ---------------------------------------------------------------------------------------------------------------------


def test_many_at_once_each_have_their_own_line(run: Run) -> None:
    code, out, err = run("ack", STALLED, DOWN[:4], "zzz", PENDING, STALLED, "-m", "on it", "--for", "2h")
    assert code == 1
    assert out.splitlines() == [f"{STALLED}: acked stalled on chat for 2 h", f"{DOWN[:4]}: acked down on rank for 2 h"]
    assert err.splitlines() == [
        "tui-monitor: zzz: no alert 'zzz'; `tui-monitor alerts --all` lists them",
        f"tui-monitor: {PENDING}: slow on rank is not firing yet",
    ]
    assert _alert(run, DOWN)["acknowledged"]["comment"] == "on it"  # type: ignore[index]

    code, out, err = run("unack", STALLED, DOWN)
    assert (code, out, err) == (0, f"{STALLED}: unacked stalled on chat\n{DOWN}: unacked down on rank\n", "")
    code, out, err = run("unack", STALLED)
    assert (code, out, err) == (1, "", "tui-monitor: stalled on chat is not acked\n")


def test_the_beginning_of_two_ids_means_neither(run: Run) -> None:
    assert run("ack", "3f", "-m", "x")[:2] == (1, "")
    assert run("ack", "3f7", "-m", "x")[:2] == (0, "acked down on rank for 60 min\n")


def test_who_comes_second_reads_who_was_first_and_may_take_over(run: Run) -> None:
    assert run("ack", STALLED, "-m", "restarting")[0] == 0
    code, out, err = run("ack", STALLED, "-m", "me too", who="ben")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"tui-monitor: acked by ann \d s ago; --take-over to take it\n", err)
    code, out, err = run("ack", STALLED, "-m", "mine now", "--take-over", who="ben")
    assert (code, out, err) == (0, "acked stalled on chat from ann for 60 min\n", "")
    _, out, _ = run("history", STALLED)
    journal = out.split(f"journal of {STALLED}:\n")[1].splitlines()
    assert [line[22:] for line in journal] == ["firing: 3", "acked by ann: restarting", "taken-over by ben: from ann: mine now"]
    assert "taken by ann, ben" in out


def test_the_length_that_nobody_names_is_the_configured_one(run: Run, places: Path) -> None:
    config = places / "config" / "tui-monitor" / "config.toml"
    config.parent.mkdir()
    config.write_text('[alerts]\nack_for = "5m"\n')
    assert run("ack", STALLED, "-m", "x")[1] == "acked stalled on chat for 5 min\n"


# -- silence ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["rule=stalled", "--for", "2h"], "a silence needs a reason: -m TEXT"),
        (["rule=stalled", "--for", "2h", "-m", " \x07 "], "-m: a silence needs a reason"),
        (["rule=stalled", "-m", "x"], "a silence needs an end: --for 2h or --until 18:00"),
        (["rule=stalled", "-m", "x", "--for", "0s"], "--for: a silence ends in the future, within a year"),
        (["rule=stalled", "-m", "x", "--for", "400d"], "--for: a silence ends in the future, within a year"),
        (["rule=stalled", "-m", "x", "--until", "2001-01-01"], "--until: '2001-01-01' is over"),
        (["rule=stalled", "-m", "x", "--until", "tomorrow"], "--until: 'tomorrow' is no time (write 18:00 or 2026-05-01T18:00)"),
        (["rule=stalled", "-m", "x", "--until", "9:99", "--for", "2h"], "argument --for: not allowed with argument --until"),
        (["rul=stalled", "-m", "x", "--for", "2h"], "MATCH, column 1: unknown key 'rul' (did you mean rule?)"),
        (["rule=stalled", "target=~(", "-m", "x", "--for", "2h"], "MATCH, column 22: no regular expression: "),
        (["rule", "--preview"], "MATCH, column 5: after 'rule' must stand = or != or =~"),
        ([], "say what to silence (MATCH, as in rule=stalled), or --expire ID, or --list; one of them"),
        (["rule=stalled", "--list"], "say what to silence"),
        (["--expire", "s1", "-m", "x"], "--for, --until, -m and --preview belong to a MATCH"),
        (["rule=stalled", "-m", "x", "--for", "2h", "--json"], "--json belongs to --preview or --list"),
    ],
)
def test_what_is_no_silence_is_wrong_usage_and_changes_nothing(words: list[str], line: str, run: Run) -> None:
    code, out, err = run("silence", *words)
    assert (code, out) == (64, "")
    assert err.startswith("tui-monitor: ")
    assert line in err
    assert err.count("\n") == 1
    assert run("silence", "--list")[1] == "no silences\n"


def test_a_preview_shows_now_and_the_last_day_and_does_nothing(run: Run) -> None:
    code, out, err = run("silence", "rule=stalled", "target=~ch.t", "--preview", "--for", "2h", "-m", "x")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Only a preview of rule=stalled target=~ch.t: nothing is silenced by it."
    assert lines[1] == "Now it would hide 1 alert:"
    assert lines[2].startswith(f"  {STALLED} warning FIRING since ")
    assert lines[3] == "In the last 24 h it would have hidden 2 alerts:"
    assert {line.split()[0] for line in lines[4:]} == {STALLED, OVER}
    assert run("silence", "rule=other", "--preview")[1].splitlines()[1:] == [
        "Now it would hide nothing.",
        "In the last 24 h it would have hidden nothing.",
    ]
    told = json.loads(run("silence", "rule=stalled", "--preview", "--json")[1])
    assert (told["schema"], told["match"], [one["id"] for one in told["now"]]) == (1, "rule=stalled", [STALLED])
    assert {one["id"] for one in told["last24h"]} == {STALLED, OVER}
    assert run("silence", "--list")[1] == "no silences\n"
    assert run("alerts")[0] == 2


def test_what_is_silenced_is_listed_apart_and_does_not_count(run: Run) -> None:
    assert run("alerts")[0] == 2
    code, out, err = run("silence", "rule=down", "--for", "2h", "-m", "new\x1b[31m weights")
    assert (code, err) == (0, "")
    (silence,) = re.findall(r"^(s[0-9a-f]{8}) hides for 2 h, 1 alert now\n$", out)

    code, out, _ = run("alerts")
    assert code == 1, "the warning still fires"
    lines = out.splitlines()
    assert lines[0].startswith(f"{STALLED} warning FIRING since ")
    assert lines[1].startswith(f"{PENDING} warning pending since ")
    assert lines[2] == "Silenced:"
    assert re.fullmatch(rf"  {DOWN} critical SILENCED since .* - silenced by ann until \d\d:\d\d: new weights", lines[3])
    assert len(lines) == 4
    told = _alert(run, DOWN)["silenced"]
    assert isinstance(told, dict)
    assert (told["by"], told["comment"], told["id"]) == ("ann", "new weights", silence)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", str(told["until"]))
    assert _alert(run, STALLED)["silenced"] is None

    code, out, err = run("silence", "rule=down", "--for", "1h", "-m", "me too", who="ben")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"tui-monitor: silenced by ann \d s ago, for 120 min more\n", err)

    code, out, err = run("silence", "--expire", silence[:4], who="ben")
    assert (code, out, err) == (0, f"silence {silence} ended: rule=down\n", "")
    assert run("alerts")[0] == 2
    code, out, err = run("silence", "--expire", silence)
    assert (code, out) == (1, "")
    assert re.fullmatch(rf"tui-monitor: silence {silence} ended \d s ago\n", err)
    assert run("silence", "--expire", "s0")[2] == "tui-monitor: no silence 's0'\n"
    assert "silenced by ann: " in run("history", DOWN)[1]


def test_the_list_of_silences(run: Run) -> None:
    run("silence", "rule=down", "--for", "2h", "-m", "weights")
    ended = run("silence", "target=chat", "kind!=gpu", "--for", "3d", "-m", "move")[1].split()[0]
    run("silence", "--expire", ended, who="ben")
    run("silence", "label.team=a b", "--for", "30d", "-m", "quiet")
    code, out, err = run("silence", "--list", "--utc")
    assert (code, err) == (0, "")
    first, second, third = out.splitlines()
    assert re.fullmatch(r"s\w{8} rule=down by ann until \d\d:\d\d: weights", first)
    assert re.fullmatch(r's\w{8} label\.team="a b" by ann until \d{4}-\d\d-\d\d \d\d:\d\d: quiet', second)
    assert re.fullmatch(rf"{ended} target=chat kind!=gpu by ann, ended at \d\d:\d\d by ben: move", third)
    told = json.loads(run("silence", "--list", "--json")[1])
    assert told["schema"] == 1
    assert [one["match"] for one in told["silences"]] == ["rule=down", 'label.team="a b"', "target=chat kind!=gpu"]


def test_until_a_moment(run: Run) -> None:
    there = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 50 * 3600))
    assert " hides for 2 d, 1 alert now" in run("silence", "rule=down", "--until", there, "-m", "x")[1]


# -- note, history ------------------------------------------------------------------------------------------------------------------


def test_a_note_is_read_in_the_history(run: Run) -> None:
    assert run("note", OVER[:5], "it was", "the\x1b]0;x\x07 \tnode") == (0, "noted on stalled on chat\n", "")
    code, out, err = run("note", STALLED, " ")
    assert (code, out, err) == (64, "", "tui-monitor: TEXT: a note says something\n")
    assert run("history", OVER)[1].splitlines()[-1].endswith(" note by ann: it was the node")


def test_the_past_of_an_alert(run: Run) -> None:
    code, out, err = run("history", STALLED[:5], "--utc")
    assert (code, err) == (0, "")
    head, first, second, third, journal, line = out.splitlines()
    assert re.fullmatch(
        r"stalled on chat: fired 3 times since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, last 1\dm\d* ago, for 2m30 in the median", head
    )
    assert re.fullmatch(rf"  {STALLED} \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d warning firing, for 1\dm\d*", first)
    assert re.fullmatch(rf"  {OVER} .* warning resolved, for 4m, taken by cleo", second)
    assert third.endswith("warning resolved, for 1m")
    assert journal == f"journal of {STALLED}:"
    assert line.endswith("firing: 3")


def test_the_past_of_a_rule_is_that_of_each_of_its_alerts(run: Run) -> None:
    told = json.loads(run("history", "stalled", "--json")[1])
    assert told["schema"] == 1
    assert [(one["rule"], one["target"], one["times"]) for one in told["history"]] == [("stalled", "chat", 3), ("stalled", "batch", 1)]
    chat = told["history"][0]
    assert set(chat) == {"rule", "target", "times", "since", "last", "median_s", "episodes", "journal"}
    assert chat["last"] == chat["episodes"][0]["fired_at"]
    assert chat["median_s"] == pytest.approx(150)
    assert [one["id"] for one in chat["episodes"]] == [STALLED, OVER, "b0000001"]
    assert set(chat["journal"][0]) == {"at", "alert", "what", "who", "text"}
    assert chat["journal"][0]["at"].endswith("Z")
    assert "slow on rank: has not fired yet" in run("history", "slow")[1]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("none", "nothing is kept of 'none'; say an id of `tui-monitor alerts --all` or the name of a rule"),
        ("n\x1b[2J\nne", "nothing is kept of 'n ne'"),
        ("", "nothing is kept of ''"),
        ("3f", "nothing is kept of '3f'"),
    ],
)
def test_what_has_no_past_is_one_line(word: str, line: str, run: Run) -> None:
    code, out, err = run("history", word)
    assert (code, out) == (1, "")
    assert line in err
    assert err.count("\n") == 1


# -- where nothing may be done ------------------------------------------------------------------------------------------------------

ACTS = [
    ["ack", STALLED, "-m", "x"],
    ["unack", STALLED],
    ["note", STALLED, "x"],
    ["silence", "rule=down", "--for", "1h", "-m", "x"],
    ["silence", "--expire", "s00000000"],
]


@pytest.mark.parametrize("words", ACTS, ids=" ".join)
def test_read_only_refuses_every_act(words: list[str], run: Run) -> None:
    before = paths.database_path("default").read_bytes()
    for typed in (["--read-only", *words], [*words, "--read-only"]):
        assert run(*typed) == (1, "", f"tui-monitor: --read-only: `{words[0]}` changes nothing\n")
    assert paths.database_path("default").read_bytes() == before


@pytest.mark.parametrize("words", [["silence", "--list"], ["silence", "rule=down", "--preview"], ["history", STALLED], ["alerts", "--all"]])
def test_read_only_lets_look(words: list[str], run: Run) -> None:
    code, out, _ = run("--read-only", *words)
    assert out
    assert code in (0, 2)


@pytest.mark.parametrize("words", [*ACTS, ["silence", "--list"], ["silence", "rule=down", "--preview"], ["history", STALLED]], ids=" ".join)
def test_where_nobody_ever_watched_nothing_is_left_behind(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert not paths.state_dir("default").exists()


@pytest.mark.parametrize("words", [*ACTS, ["silence", "--list"], ["silence", "rule=down", "--preview"], ["history", STALLED]], ids=" ".join)
def test_a_damaged_database_is_one_line_and_stays_as_it_is(words: list[str], run: Run) -> None:
    path = paths.database_path("default")
    for name in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        name.unlink(missing_ok=True)
    path.write_bytes(b"not a database at all, and long enough to be looked at" * 50)
    code, out, err = run(*words)
    assert (code, out) == (1, "")
    assert str(path) in err
    assert err.count("\n") == 1
    assert path.read_bytes().startswith(b"not a database")


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (Outcome(ok=True, message="acked a"), "the engine answered for 1 of 2 alerts: acked a"),
        (Outcome(ok=False, message="at most 3 at once", each=[]), "the engine answered for 1 of 2 alerts: at most 3 at once"),
    ],
)
def test_an_engine_that_heard_only_of_one_is_not_believed(
    outcome: Outcome, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(acting, "_carried_out", lambda *_: outcome)
    assert main(["ack", "aaa", "bbb", "-m", "x"]) == 1
    assert capsys.readouterr() == ("", f"tui-monitor: {line}\n")


@pytest.mark.parametrize(("begun", "line"), [(False, "nothing was done"), (True, "whether it is done is not known")])
def test_a_disk_that_does_not_answer(begun: bool, line: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hung:
        def __init__(self, _path: Path) -> None:
            pass

        def decide(self, _decide: object) -> Future[Outcome]:
            done: Future[Outcome] = Future()
            if begun:
                done.set_running_or_notify_cancel()
            return done

    monkeypatch.setattr(kept, "Database", Hung)
    monkeypatch.setattr(kept, "DURABLE_S", 0.01)
    code, out, err = run("ack", STALLED, "-m", "x")
    assert (code, out) == (1, "")
    assert err == f"tui-monitor: {paths.database_path('default')}: the disk did not answer within 0.01 s; {line}\n"
