"""The configuration: its errors as one line each, and the example file that must stay complete and true."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from tui_monitor.cli import settings as cli_settings
from tui_monitor.cli.main import main
from tui_monitor.config import ConfigError, Settings, load, parse, past_of

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"
SETTING = re.compile(r"#([a-z_]+) = (.*)$")
HEADER = re.compile(r"#(\[\[?)([a-z.]+)\]\]?$")

LOG = '[[predictions]]\nname = "fraud"\n'
TARGET = '[[targets]]\nname = "a"\nurl = "http://127.0.0.1:1"\n'


@pytest.fixture(autouse=True)
def _nobody_s_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TUI_MONITOR_")]:
        monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))


# -- errors -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('intervall = "2s"', "f:1: intervall: unknown key (did you mean interval?)"),
        ("[screen]\n\nthem = 'x'", "f:3: screen.them: unknown key (did you mean theme?)"),
        ("[scren]\ntheme = 'x'", "f:1: scren: unknown key (did you mean screen?)"),
        (TARGET + "timeot = '2s'", "f:4: targets.1.timeot: unknown key (did you mean timeout?)"),
        (TARGET + TARGET.replace('"a"', '"b"') + "tls = {c = 'x'}", "f:7: targets.2.tls.c: unknown key (did you mean ca?)"),
        ("interval = 2", "f:1: interval: must be str, not int"),
        ('interval = "2 parsecs"', "f:1: interval: '2 parsecs' is no duration (write 90s, 5m, 1h30m, 7d)"),
        ('interval = "100ms"', "f:1: interval: the shortest interval is 200ms"),
        ('[recording]\nmax_size = "big"', "f:2: recording.max_size: 'big' is no number with a unit"),
        ('[recording]\nmax_size = "5s"', "f:2: recording.max_size: '5s' is no size (write 512MB, 2GiB)"),
        ("[discovery]\nextra_ports = ['x']", "f:2: discovery.extra_ports.1: must be int, not str"),
        ('[[targets]]\nname = "a"', "f:1: targets.1.url: is missing"),
        (TARGET + 'kind = "vlm"', "f:4: targets.1.kind: unknown kind 'vlm' (did you mean vllm?)"),
        (TARGET + TARGET, "f:5: targets.2.name: 'a' is there twice"),
        ('[[targets]]\nname = "a"\nurl = "127.0.0.1:8000"', "f:3: targets.1.url: must begin with http:// or https:// and a host"),
        (TARGET.replace('"a"', '"a\\u001b[31m"'), "f:2: targets.1.name: holds control characters"),
        ("[drift]\nmultivariate = ['pca', 'pcaa']", "f:2: drift.multivariate.2: unknown multivariate 'pcaa' (did you mean pca?)"),
        ("[drift]\nearly = ['adwn']", "f:2: drift.early.1: unknown early 'adwn' (did you mean adwin?)"),
        (LOG + "[drift.scorers]\nae = {comand = ['x']}", "f:3: drift.scorers.comand: unknown key (did you mean command?)"),
        (LOG + "[drift.scorers]\nae = {command = ['x'], timeout = 'soon'}", "f:4: drift.scorers.ae.timeout: 'soon' is no"),
        (LOG + "[drift.scorers]\nae = {}", "f:4: drift.scorers.ae: needs either a command or an entry_point"),
        (LOG + "[drift.scorers]\nae = {command = ['x'], entry_point = 'a:b'}", "f:4: drift.scorers.ae: needs either a command or an"),
        (
            LOG + "[drift.scorers]\nae = {command = ['x'], log = 'farud'}",
            "f:4: drift.scorers.ae: no [[predictions]] is called 'farud' (did you mean fraud?)",
        ),
        ("[drift.scorers]\nae = {command = ['x']}", "f:2: drift.scorers.ae: there is no [[predictions]] to score"),
        (LOG + LOG.replace("fraud", "b") + "[drift.scorers]\nae = {command = ['x']}", "f:6: drift.scorers.ae: needs a log: which of"),
        ("interval = ", "f:1: Invalid value"),
        ("a = 1\na = 2", "f:2: Cannot overwrite a value"),
    ],
)
def test_a_wrong_file_is_one_line_with_file_line_key_and_what(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, "f")
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


def test_secrets_are_not_quoted() -> None:
    with pytest.raises(ConfigError) as error:
        parse(TARGET + "headers = {Authorization = 77112233}", "f")
    assert "77112233" not in str(error.value)
    assert "targets.1.headers" in str(error.value)


def test_the_environment_sets_plain_keys() -> None:
    assert parse("", "f", {"TUI_MONITOR_SCREEN__THEME": "ansi-dark", "TUI_MONITOR_ENGINE__LINGER": "1m"}).screen.theme == "ansi-dark"
    assert parse("", "f", {"TUI_MONITOR_SCREEN__ASCII": "true"}).screen.ascii is True


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", ":1: not UTF-8 text"),
        (None, ": cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "c.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}{says}")


RULE = '[[rules]]\nname = "slow"\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('intervall = "2s"', ":1: intervall: unknown key (did you mean interval?)"),
        (RULE + 'when = "latency.p95 > 500"', ":3:"),
        (RULE + 'when = "kv_cahce.used > 90%"', ":3:9: rules.1.when: unknown key 'kv_cahce.used' (did you mean kv_cache.used?)"),
        (RULE + 'when = "latency.p95 > 5s"\nsummary = "{valu}"', ":4:"),
        ('[alerts]\n\ndisable = ["stahled"]', ":3: alerts.disable: unknown rule 'stahled'"),
        (TARGET + 'kind = "prometheus"\n[targets.map]\n"queue.length" = "rate(("', ":6: targets.1.map.queue.length: "),
        (TARGET + RULE + 'when = "latency.p95 > 5s"\nwhere = {target = "b"}', ":7: rules.1.where.target: unknown target 'b'"),
        ('[screen]\ntheme = "none-such"', ":2: screen.theme: no theme 'none-such'"),
    ],
)
def test_check_says_where_and_exits_78(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    assert main(["check", str(path)]) == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{path}{line}"), err
    assert err.count("\n") == 1


@pytest.mark.parametrize("verb", [["once"], ["alerts"], ["engine"], ["engine", "status"], ["ack", "x", "-m", "y"], ["snapshot"], ["check"]])
def test_every_verb_that_reads_a_wrong_file_exits_78(tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: list[str]) -> None:
    path = tmp_path / "c.toml"
    path.write_text(RULE + 'when = "nothing.known > 1"')
    assert main([*verb, "--config", str(path)]) == 78
    assert capsys.readouterr().err.startswith(f"{path}:3:")


def test_a_rule_that_can_never_fire_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[discovery]\nenabled = false\n" + TARGET + 'kind = "triton"\n' + RULE + 'when = "kv_cache.used > 90%"')
    assert main(["check", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{path}: ok (1 target, 1 rule)\n"
    assert ":9: rules.1.when: warning: can never fire here: no target counts kv_cache.used" in err


def test_the_place_of_a_rules_text_is_found() -> None:
    text = '[[rules]]\nname = "a"\nwhen = "x"\n\n[[rules]]\nname = "b"\n  when="y"\n[screen]\nwhen = 1'
    assert cli_settings.place_in_rule(text, 0, "when") == (3, 8)
    assert cli_settings.place_in_rule(text, 1, "when") == (7, 8)
    assert cli_settings.place_in_rule(text, 1, "clear") == (5, 0)
    assert cli_settings.place_in_rule(text, 2, "when") == (1, 0)


# -- the example --------------------------------------------------------------------------------------------------------------------


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    inner = (get_args(kind) or (kind,))[0] if get_origin(kind) is list else kind
    return inner if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else None


def _sections(kind: type[msgspec.Struct] = Settings, path: str = "") -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Every table that the example writes with a header of its own, with its type; small ones stand inline."""
    yield path, kind
    for field in msgspec.structs.fields(kind):
        inner = _struct(field.type)
        if inner is not None and (path == "" or get_origin(field.type) is list):
            yield from _sections(inner, f"{path}.{field.encode_name}".lstrip("."))


def _written() -> dict[str, dict[str, str]]:
    """Table -> key -> the commented line's value and comment."""
    tables: dict[str, dict[str, str]] = {"": {}}
    table = ""
    for line in EXAMPLE.read_text().splitlines():
        if header := HEADER.match(line):
            table = header[2]
            tables[table] = {}
        elif setting := SETTING.match(line):
            tables[table][setting[1]] = setting[2]
    return tables


def _uncommented(table: str) -> dict[str, Any]:
    return tomllib.loads("\n".join(f"{key} = {value}" for key, value in _written()[table].items()))


def test_the_example_as_it_stands_changes_nothing() -> None:
    assert parse(EXAMPLE.read_text(), "config.example.toml") == Settings()


def test_the_example_has_exactly_the_sections_that_there_are() -> None:
    assert set(_written()) == {path for path, _ in _sections()}


@pytest.mark.parametrize(("path", "kind"), [pytest.param(*one, id=one[0] or "top") for one in _sections()])
def test_the_example_has_every_setting_with_its_default(path: str, kind: type[msgspec.Struct]) -> None:
    fields = {one.encode_name: one for one in msgspec.structs.fields(kind)}
    plain = {name for name, one in fields.items() if f"{path}.{name}".lstrip(".") not in dict(_sections())}
    written = _uncommented(path)
    assert set(written) == plain
    required = {name: written[name] for name in plain if fields[name].required}
    default = msgspec.to_builtins(msgspec.convert(required, kind))
    assert written == {name: default[name] for name in plain}


def test_the_example_says_why_of_every_setting() -> None:
    for table, keys in _written().items():
        for key, rest in keys.items():
            why = rest.rpartition("# ")[2] if "  # " in rest else ""
            assert len(why.split()) >= 2, f"[{table}] {key} has no line of why"


def test_the_whole_example_uncommented_is_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.toml"
    lines = EXAMPLE.read_text().splitlines()
    text = "\n".join(line[1:] if SETTING.match(line) or HEADER.match(line) else line for line in lines)
    text = text.replace('\nfile = ""', '\nfile = "train.csv"', 1)  # a reference needs that or a prometheus
    path.write_text(text.replace('when = ""', 'when = "latency.p95 > 500ms"', 1))  # a rule needs that or an slo
    assert main(["check", str(path)]) == 0, capsys.readouterr().err
    read, _ = load(path, {})
    assert (len(read.targets), len(read.prometheus), len(read.predictions), len(read.rules)) == (1, 1, 1, 1)


def test_what_does_nothing_yet_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[exporter]\nlisten = "127.0.0.1:9478"\n[[prometheus]]\nname = "a"\nurl = "http://127.0.0.1:1"\nfleet = true\n')
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"{path}:6: prometheus.1.fleet: warning: has no effect in this version",
        f"{path}:2: exporter.listen: warning: has no effect in this version",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[drift.references]]\nsource = ""\nfile = "a.csv"', ":2: drift.references.1.source: is empty"),
        ('[[drift.references]]\nsource = "a"', "drift.references.1.file: either a file or a prometheus is needed, and not both"),
        ('[[drift.references]]\nsource = "a"\nprometheus = "p"', ":3: drift.references.1.prometheus: there is no [[prometheus]] named 'p'"),
        (
            '[[prometheus]]\nname = "central"\nurl = "http://h:9090"\n[[drift.references]]\nsource = "a"\nprometheus = "centrl"',
            "there is no [[prometheus]] named 'centrl' (did you mean central?)",
        ),
        ('[[prometheus]]\nname = "p"\nurl = "http://h:9090"\n[[drift.references]]\nsource = "a"\nprometheus = "p"', "past: is missing"),
        (
            '[[drift.references]]\nsource = "a"\nfile = "f.csv"\npast = "yesterday"',
            ":4: drift.references.1.past: 'yesterday' is no time that was",
        ),
        ('[[drift.references]]\nsource = "a"\nfile = "f.csv"\npast = "2026-01-02/2026-01-01"', "ends before it begins"),
        ('[[drift.references]]\nsource = "a"\nfile = "f.csv"\nquery = "h_bucket"', ":4: drift.references.1.query: needs a prometheus"),
        (
            '[[prometheus]]\nname = "p"\nurl = "http://h"\n[[drift.references]]\nsource = "a"\nprometheus = "p"\npast = "2026-01-01/2026-01-02"\nquery = "h"',
            ":8: drift.references.1.query: needs a signal: of which one?",
        ),
        ("[drift]\nimportance = {words = -1.0}", "drift.importance.words: must be 0 or more"),
    ],
)
def test_references_that_cannot_be_are_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, "c.toml")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"words": 0.7}', ""),
        ('{"words": -1}', "{file}: 'words' has '-1'; a weight is 0 or more, and finite"),
        ("words: 0.7", '{file}: line 1: no JSON (Expecting value); write {{"NAME": WEIGHT, ...}}'),
        (None, "{file}: cannot be read: No such file or directory"),
    ],
)
def test_a_map_of_importances_that_cannot_be_used_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    path, file = tmp_path / "c.toml", tmp_path / "importance.json"
    if content is not None:
        file.write_text(content)
    path.write_text(f'[drift]\nlearn = "2h"\nimportance_file = "{file}"\n')
    assert main(["check", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{path}: ok\n"
    assert err == (f"{path}:3: drift.importance_file: warning: {said.format(file=file)}\n" if said else "")


def test_a_past_time_without_a_zone_is_utc() -> None:
    assert past_of("2026-11-01T00:00/2026-11-02T01:00+01:00") == (1_793_491_200.0, 1_793_577_600.0)
