"""`completion`: the shell's completion script."""

from __future__ import annotations

import argparse

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
    output.say(shtab.complete(grammar(), call.shell).rstrip("\n"))
    return DONE
