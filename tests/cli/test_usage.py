"""Words in, exit code and one line out: wrong usage, help, and the global flags on both sides of the verb."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tui_monitor import __version__
from tui_monitor.cli import main as entry
from tui_monitor.cli.main import VERBS, grammar, main
from tui_monitor.cli.parser import parse

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["onec"], "there is no verb 'onec' (did you mean once?); see `tui-monitor --help`"),
        (["silence", "rule=x"], "a silence needs a reason: -m TEXT"),
        (["once", "--wat"], "unrecognized arguments: --wat"),
        (["once", "--json", "--plain"], "argument --plain: not allowed with argument --json"),
        (["once", "--wait", "soon"], "argument --wait: 'soon' is no duration (write 90s, 5m, 1h30m, 7d); see `tui-monitor once --help`"),
        (["ack", "-m", "x"], "the following arguments are required: ID"),
        (["ack", "a"], "the following arguments are required: -m/--message"),
        (["ack", "a", "-m", "  "], "-m: say what you do about it"),
        (["unack"], "the following arguments are required: ID"),
        (["open"], "the following arguments are required: FILE"),
        (["demo", "--scenario", "storm"], "argument --scenario: invalid choice: 'storm'"),
        (["demo", "--speed", "-1"], "argument --speed: '-1' is no speed (0.1 to 20)"),
        (["demo", "--speed", "nan"], "argument --speed: 'nan' is no speed (0.1 to 20)"),
        (["--instance", "../x", "once"], "argument --instance: '../x' is no instance name"),
        (["once", "--instance", ""], "argument --instance: '' is no instance name"),
        (["--config"], "argument --config: expected one argument"),
        (["engine", "pause"], "argument act: invalid choice: 'pause'"),
        (["engine", "--json"], "--json belongs to `tui-monitor engine status`"),
        (["completion", "ksh"], "argument shell: invalid choice: 'ksh'"),
        (["once", "--inst", "x"], "unrecognized arguments: --inst x"),
    ],
)
def test_wrong_usage_is_64_and_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tui-monitor: ")
    assert line in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("verb", [""] + [verb.NAME for verb in VERBS])
def test_help_is_a_result_and_has_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"] if verb else ["--help"]) == 0
    out, err = capsys.readouterr()
    assert "example" in out
    assert f"tui-monitor {verb}".strip() in out
    assert err == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tui-monitor {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["--config", "c", "--instance", "i", "--theme", "t", "--read-only", "once"],
        ["once", "--config", "c", "--instance", "i", "--theme", "t", "--read-only"],
        ["--config", "c", "once", "--instance", "i", "--read-only", "--theme", "t"],
    ],
)
def test_global_flags_stand_before_or_after_the_verb(words: list[str]) -> None:
    call = parse(grammar(), words)
    assert (call.config, call.instance, call.theme, call.read_only, call.verb) == ("c", "i", "t", True, "once")


def test_without_flags_there_are_defaults() -> None:
    call = parse(grammar(), [])
    assert (call.config, call.instance, call.theme, call.read_only, call.verb, call.plain) == (None, None, None, False, "", False)


def _run(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tui_monitor", *words], cwd=ROOT, stdin=subprocess.DEVNULL, text=True, timeout=60, check=False,
        **({"capture_output": True} | more),
    )  # fmt: skip


@pytest.mark.parametrize("words", [[], ["demo"]])
def test_without_a_terminal_one_line_names_the_way_out(words: list[str]) -> None:
    done = _run(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "once" in done.stderr
    assert "--plain" in done.stderr


def test_a_closed_pipe_is_silent() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = _run("completion", "bash", capture_output=False, stdout=write, stderr=subprocess.PIPE)
    finally:
        os.close(write)
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_failed_write_is_one_line_and_1() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("w") as full:
        done = _run("completion", "zsh", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == f"tui-monitor: cannot write the result: {os.strerror(errno.ENOSPC)}\n"


def test_a_closed_stdout_is_one_line_and_1() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m tui_monitor --version >&-', sys.executable], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot write the result" in done.stderr


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, ""),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), 1, "tui-monitor: /x/y: Permission denied\n"),
    ],
)
def test_what_the_system_says_is_one_line(
    error: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(entry, "parse", fail)
    assert main(["once"]) == code
    assert capsys.readouterr().err == line


def test_a_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(entry, "parse", fail)
    with pytest.raises(ZeroDivisionError):
        main(["once"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_verbs(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["completion", shell])
    out, err = capsys.readouterr()
    if code:  # an old shtab that cannot make it says so
        assert err.count("\n") == 1
        assert "pip install -U shtab" in err
    else:
        assert all(verb.NAME in out for verb in VERBS)
        assert "--spawned" not in out
        if shell == "bash":
            assert "_shtab_compgen_files" in out, "files where a FILE is wanted"
