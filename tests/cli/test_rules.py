"""`rules test` over tables and recordings, and what `check` says of rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui_monitor.cli.main import main
from tui_monitor.cli.rule_trial import moments_of, subjects_of
from tui_monitor.model import EngineInfo, Frame, Model, Target, TargetWindow, utc
from tui_monitor.store.recorder import Recorder
from tui_monitor.store.replay import Replay

TABLE = """time,target,latency.p95,request.rate,error.ratio[30m],error.ratio[5m]
2026-05-01T14:00:00,chat,300ms,5,0.1%,0.1%
2026-05-01T14:00:10,chat,600ms,5,1%,5%
2026-05-01T14:00:20,chat,0.7,5,4%,5%
2026-05-01T14:00:30,chat,700ms,,4%,5%
2026-05-01T14:00:40,chat,300ms,,1%,0%
"""
RULES = """
[[rules]]
name = "slow"
when = "latency.p95 > 500ms"
for = "10s"
summary = "p95 of {target} is {value}, over {threshold}"

[[rules]]
name = "budget"
slo = "error.ratio < 0.1% over 30d"

[[rules]]
name = "quiet"
when = "absent(request.rate)"
for = "5s"
severity = "critical"

[[rules]]
name = "power"
when = "gpu.power > 100W"
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    return str(path)


def tried(tmp_path: Path, rules: str, text: str, name: str = "values.csv", *more: str) -> int:
    (tmp_path / name).write_text(text)
    return main(["rules", "test", str(tmp_path / name), "--rules", rules, *more])


EXPECTED = """\
2026-05-01 14:00:20Z  FIRING    critical  budget  chat  chat burns the budget of error.ratio < 0.1% over 30d 40 times too fast: 4 % bad in 30m
2026-05-01 14:00:20Z  FIRING    warning   slow    chat  p95 of chat is 700 ms, over 500 ms
2026-05-01 14:00:40Z  RESOLVED  critical  budget  chat  after 20 s, last value 4 %
2026-05-01 14:00:40Z  FIRING    critical  quiet   chat  chat: absent(request.rate)
2026-05-01 14:00:40Z  RESOLVED  warning   slow    chat  after 20 s, last value 700 ms
values.csv: 5 looks, 2026-05-01 14:00:00Z to 2026-05-01 14:00:40Z; fired 3 times, 1 still firing at the end
"""


def test_a_table(tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tried(tmp_path, rules, TABLE) == 0
    told = capsys.readouterr()
    assert sorted(told.out.splitlines()) == sorted(EXPECTED.splitlines())
    assert told.err.splitlines() == [
        "tui-monitor: rule power (warning) was never asked: nothing in values.csv has gpu.power",
        "tui-monitor: rule budget (critical) asks for error.ratio[3h], which values.csv never has",
        "tui-monitor: rule budget (warning) asks for error.ratio[24h] and error.ratio[3h], which values.csv never has",
    ]


def test_the_same_as_lines_of_json_with_epoch_seconds(tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    header, *rows = [line.split(",") for line in TABLE.splitlines()]
    objects = [dict(zip(header, row, strict=True)) for row in rows]
    lines = [json.dumps({**row, "time": 1777644000 + 10 * place}) for place, row in enumerate(objects)]
    assert tried(tmp_path, rules, TABLE) == 0
    table = capsys.readouterr().out
    assert tried(tmp_path, rules, "\n".join(lines), "values.csv") == 0
    assert capsys.readouterr().out == table
    assert tried(tmp_path, rules, TABLE, "values.csv", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {(one["rule"], one["state"], one["fired_at"] - told["from"]) for one in told["alerts"]} == {
        ("slow", "resolved", 20),
        ("budget", "resolved", 20),
        ("quiet", "firing", 40),
    }
    assert (told["schema"], told["looks"], told["never_asked"]) == (1, 5, ["power"])


def test_local_times(tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    try:
        assert tried(tmp_path, rules, TABLE, "values.csv", "--local") == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "2026-05-01 16:00:20+0200  FIRING" in capsys.readouterr().out


def test_what_is_usual_is_learned_from_the_table_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "usual.toml"
    path.write_text('[[rules]]\nname = "odd"\nwhen = "latency.p95 above usual"\nfor = "2m"\nsummary = "{usual}"\n')
    rows = [
        f"{day * 86400 + 36000 + minute * 60},{0.9 if day == 3 and 20 <= minute < 30 else 0.3}" for day in range(4) for minute in range(61)
    ]
    assert tried(tmp_path, str(path), "\n".join(["time,latency.p95", *rows])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:31] for line in lines[:2]] == ["1970-01-04 10:22:00Z  FIRING   ", "1970-01-04 10:30:00Z  RESOLVED "]
    assert "usual at 10 h: up to 3" in lines[0]


EXPECTED_RULES = """
[[rules]]
name = "busy"
when = "request.rate outside expected"
for = "3m"
summary = "{value}, {expected}"

[[rules]]
name = "tail"
when = "latency.p99 above expected"
"""


def test_what_is_expected_is_learned_from_the_table_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(EXPECTED_RULES)
    noise = [(7 * minute) % 11 - 5 for minute in range(30 * 60)]
    rates = [412 if 28 * 60 + 10 <= minute < 28 * 60 + 20 else 150 + noise[minute] for minute in range(30 * 60)]
    header = "time,request.rate,latency.p99"
    assert tried(tmp_path, str(path), "\n".join([header, *(f"{60 * minute},{rate},0.3" for minute, rate in enumerate(rates))])) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert [line[:31] for line in lines[:2]] == ["1970-01-02 04:13:00Z  FIRING   ", "1970-01-02 04:20:00Z  RESOLVED "]
    assert "412/s, expected 1" in lines[0]
    (warned,) = told.err.splitlines()
    assert (
        "rule tail (warning) was never known to be true or not: latency.p99 is not forecast; of a target these are: request.rate " in warned
    )
    young = "\n".join([header, *(f"{60 * minute},150,0.3" for minute in range(7 * 60))])
    assert tried(tmp_path, str(path), young) == 0
    told = capsys.readouterr()
    assert "fired 0 times" in told.out
    assert "rule busy (warning) was never known to be true or not: no band of request.rate yet, learned for 3 of 24 hours" in told.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latency.p95\n1", "1: a column `time` is missing"),
        ("time,latncy.p95\n1,1", "2: unknown column 'latncy.p95' (did you mean latency.p95?)"),
        ("time,error.ratio[20m]\n1,1", "2: unknown column 'error.ratio[20m]'"),
        ("time,latency.p95\nsoon,1", "2: 'soon' is no time"),
        ("time,latency.p95\n9,1\n8,1", "3: time goes back"),
        ("time,latency.p95\n1,fast", "2: latency.p95: 'fast' is no number"),
        ("time,latency.p95\n1,5%", "2: latency.p95: 5% does not fit; it is in s"),
        ("time,latency.p95\n1,1,1", "2: more values than columns"),
        ("time,subject,latency.p95\n1,server,1", "2: subject: unknown 'server'"),
        ('{"time": 1}\n[1]', "2: no JSON object"),
        ('{"time": 1}\n{', "2: no JSON object"),
        ("time,latency.p95\n", " holds no row"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    assert tried(tmp_path, rules, text) == 1
    err = capsys.readouterr().err
    assert f"{tmp_path / 'values.csv'}:{message}" in err
    assert len(err.splitlines()) == 1


def test_files_that_are_nothing(tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    assert main(["rules", "test", str(tmp_path / "x"), "--rules", rules]) == 1
    assert "neither a recording nor a table" in capsys.readouterr().err
    assert main(["rules", "test", str(tmp_path / "gone"), "--rules", rules]) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err
    assert main(["rules", "try", "x"]) == 64
    (tmp_path / "bad.toml").write_text('[[rules]]\nname = "x"\nwhen = "latency.p59 > 1s"\n')
    assert main(["rules", "test", str(tmp_path / "x"), "--rules", str(tmp_path / "bad.toml")]) == 78


# -- a recording --------------------------------------------------------------------------------------------------------------------


def frame(at_s: float, p95_s: float | None, state: str = "OK") -> Frame:
    window = TargetWindow(target="chat", window="5m", covered_s=300.0, metrics={"latency.p95": 0.2})
    target = Target(
        name="chat",
        kind="vllm",
        url="http://127.0.0.1:8000",
        state=state,  # type: ignore[arg-type]
        why="refused" if state == "DOWN" else "",
        since=utc(at_s),
        age_s=0.0,
        metrics={"latency.p95": p95_s},
        models=[Model("llama", "1", "READY", {"latency.p95": p95_s})],
    )
    engine = EngineInfo(pid=1, instance="test", started_at=utc(0), interval_s=2.0)
    return Frame(seq=int(at_s), at=utc(at_s), host="here", version="0", engine=engine, targets=[target], windows=[window])


def test_a_frame_as_subjects() -> None:
    subjects = {(one.kind, one.name): one for one in subjects_of(frame(10.0, 0.3))}
    assert subjects["target", "chat"].windows == {"5m": {"latency.p95": 0.2}}
    assert subjects["model", "chat/llama"].metrics == {"latency.p95": 0.3}
    (down,) = [one for one in subjects_of(frame(10.0, 0.3, "DOWN")) if one.kind == "target"]
    assert (down.silent, down.metrics["latency.p95"]) == ("refused", None)


def test_a_recording(tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "recording.sqlite"
    recorder = Recorder(path, 2**30, 86400.0)
    for place in range(40):
        recorder.record(frame(1_777_644_000.0 + 2 * place, 0.9 if 10 <= place < 25 else 0.3))
        assert recorder.flush()
    recorder.close()
    assert [at_s - 1_777_644_000.0 for at_s, _ in moments_of(Replay(path))] == [2.0 * place for place in range(40)]
    assert main(["rules", "test", str(path), "--rules", rules]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:-1] == [
        "2026-05-01 14:00:30Z  FIRING    warning  slow  chat  p95 of chat is 900 ms, over 500 ms",
        "2026-05-01 14:00:50Z  RESOLVED  warning  slow  chat  after 20 s, last value 900 ms",
    ]
    assert out[-1] == "recording.sqlite: 40 looks, 2026-05-01 14:00:00Z to 2026-05-01 14:01:18Z; fired 1 time, none firing at the end"


# -- check --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "warning"),
    [
        (
            'when = "error.ratio[30m] > 5%"\nwhere = {kind = "litserve"}',
            "3:9: rules.1.when: warning: can never fire here: error.ratio of litserve: ",
        ),
        (
            'when = "latency.p95 > 1s and gpu.temperature > 80C"',
            "3: rules.1.when: warning: can never fire: nothing has latency.p95 and gpu",
        ),
        ('when = "gpu.temperature > 80C"\nwhere = {subject = "model"}', "can never fire: a model has no gpu.temperature"),
        ('when = "accuracy < 50% and drift.ks > 0.1"', "can never fire: nothing has accuracy and drift.ks together"),
        ('slo = "latency < 500ms for 90% over 30d"', "3: rules.1.slo: warning: has no level critical"),
        ('slo = "error.ratio < 5% over 30d"', "1 of its 3 pairs of windows can never fire"),
        ('when = "latency.p95 above usual"', 'one minute in a hundred is above usual by itself; give it for = "5m"'),
        ('when = "request.rate above expected"', 'a minute alone may be outside of what is expected; give it for = "3m"'),
        (
            'when = "latency.p99[5m] above expected"\nfor = "5m"',
            "3: rules.1.when: warning: can never be outside of what is expected: latency.p99 is not forecast; of a target these are: request.rate",
        ),
        (
            'when = "kv_cache.used outside expected"\nfor = "5m"\nwhere = {subject = "model"}',
            "kv_cache.used is not forecast, and nothing else of a model; of a target these are: ",
        ),
        ('when = "request.rate is unknown"', "every number is unknown when watching begins"),
        ('when = "not absent(request.rate) and request.rate is unknown"', "every number is unknown when watching begins"),
    ],
)
def test_check_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, warning: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[[rules]]\nname = "r"\n{rule}\n')
    assert main(["check", str(path)]) == 0
    told = capsys.readouterr()
    assert warning in told.err
    assert "ok (1 rule)" in told.out


@pytest.mark.parametrize(
    "rule",
    [
        'when = "error.ratio[30m] > 5%"',
        'when = "latency.p95 > 1s and scrape.up == 1 and state == OK"\nwhere = {subject = "target"}',
        'when = "gpu.temperature > 80C and gpu.power > 100W"',
        'when = "memory.used.ratio > 90% and cpu.util > 90%"',
        'when = "accuracy < 50%"\nwhere = {subject = "slice"}',
        'slo = "error.ratio < 0.1% over 30d"',
        'when = "latency.p95 above usual"\nfor = "5m"',
        'when = "latency.p95[5m] above expected floor 200ms or request.rate outside expected"\nfor = "5m"',
        'when = "cpu.util above expected"\nfor = "5m"\nwhere = {subject = "host"}',
        'when = "request.rate is known"',
        'when = "models.unready > 0"',
        'when = "latency.p95 > 1s"\nwhere = {target = "=~ chat.*"}',
    ],
)
def test_check_is_quiet_about_what_can_fire(tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[[rules]]\nname = "r"\n{rule}\n')
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ('when = "error.ratio[20m] > 5%"', "3:21: rules.1.when: unknown window '20m' (did you mean 30m?)"),
        ('slo = "latency < 500ms for 99%"', "3:31: rules.1.slo: over is missing here"),
        ('when = "latency.p95 > 1s"\nsummary = "now {vlaue}"', "4:16: rules.1.summary: unknown placeholder {vlaue}"),
        ('when = "latency.p95 > 1s"\nkeep_firing_for = "9d"', "4: rules.1.keep_firing_for: at most 7d"),
    ],
)
def test_check_points_at_the_character(tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, error: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[[rules]]\nname = "r"\n{rule}\n')
    assert main(["check", str(path)]) == 78
    assert f"{path}:{error}" in capsys.readouterr().err
