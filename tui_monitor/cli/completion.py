"""`completion`: the shell's completion script."""

from __future__ import annotations

import argparse
from typing import Any

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, Stop

NAME = "completion"
HELP = "print the completion script of a shell"
EXAMPLE = """example:
  tui-monitor completion bash > ~/.local/share/bash-completion/completions/tui-monitor
  tui-monitor completion zsh > ~/.zfunc/_tui-monitor
  tui-monitor completion fish > ~/.config/fish/completions/tui-monitor.fish"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])


def run(call: argparse.Namespace) -> int:
    """Make it from the parser itself, so that it cannot be out of date."""
    import shtab

    from tui_monitor.cli.main import grammar

    if call.shell not in shtab.SUPPORTED_SHELLS:
        raise Stop(
            f"the installed shtab {shtab.__version__} cannot make {call.shell} completion; `pip install -U shtab` brings one that can"
        )
    parser = grammar()
    _complete_files(parser, shtab.FILE)
    output.say(shtab.complete(parser, call.shell).rstrip("\n"))
    return DONE


def _complete_files(parser: argparse.ArgumentParser, how: Any) -> None:
    """Names of files where a FILE is wanted, below every verb too."""
    for action in parser._actions:  # noqa: SLF001 - shtab reads them too; argparse has no other way to them
        if action.metavar == "FILE":
            action.complete = how  # type: ignore[attr-defined]
        if isinstance(action.choices, dict):
            for place in action.choices.values():
                _complete_files(place, how)
