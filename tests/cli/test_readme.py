"""What the README promises is what the program does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tui_monitor.cli.exits import Stop
from tui_monitor.cli.main import VERBS, grammar
from tui_monitor.cli.parser import parse
from tui_monitor.ui.bindings import markdown

README = (Path(__file__).parents[2] / "README.md").read_text()
COMMANDS = re.findall(r"^tui-monitor(.*)$", README, re.MULTILINE)


def _between(mark: str) -> str:
    found = re.findall(rf"<!-- {mark} -->\n(.*?)\n<!-- /{mark} -->", README, re.DOTALL)
    assert len(found) == 1, mark
    return str(found[0])


def test_the_keys_are_those_of_the_table() -> None:
    assert _between("keys") == markdown(), "paste tui_monitor.ui.bindings.markdown() between the marks"


@pytest.mark.parametrize("mark", ["demo", "tests"])
def test_each_of_the_two_commands_is_one_line(mark: str) -> None:
    lines = [line for line in _between(mark).splitlines() if line and not line.startswith("```")]
    assert len(lines) == 1
    assert lines[0].startswith("python3.11 -m venv .venv && ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_it_is_one(command: str) -> None:
    call = parse(grammar(), shlex.split(command, comments=True))
    assert callable(call.run)


def test_every_verb_is_in_it() -> None:
    words = {shlex.split(command, comments=True)[0] for command in COMMANDS if shlex.split(command, comments=True)}
    assert {verb.NAME for verb in VERBS} <= words | {"demo"}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.NAME)
def test_the_examples_of_the_help_are_right(verb: object) -> None:
    examples = re.findall(r"^\s+tui-monitor (.*?)(?:  .*|\s[|>&].*)?$", verb.EXAMPLE, re.MULTILINE)
    assert examples
    for example in examples:
        try:
            parse(grammar(), shlex.split(example))
        except Stop as error:
            pytest.fail(f"{example}: {error}")
