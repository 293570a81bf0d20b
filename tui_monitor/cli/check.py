"""`check`: is the configuration right, and can its rules ever fire."""

from __future__ import annotations

import argparse
from pathlib import Path

from tui_monitor.cli import output
from tui_monitor.cli.exits import CONFIGURATION, DONE

NAME = "check"
HELP = "validate a configuration and its rules; exit 78 when something is wrong"
EXAMPLE = """example:
  tui-monitor check
  tui-monitor check ./config.toml && systemctl reload tui-monitor"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("file", metavar="FILE", nargs="?", help="default: the file that would be read")


def run(call: argparse.Namespace) -> int:
    """Every error on a line of its own; warnings do not fail."""
    from tui_monitor import config
    from tui_monitor.cli import settings, verdicts

    file = call.file or call.config
    chosen, name = config.load(Path(file).expanduser() if file else None)
    errors = [*settings.faults_of(chosen, name), *verdicts.errors(chosen, name)]
    for line in errors:
        output.point(line)
    if errors:
        return CONFIGURATION
    for line in verdicts.warnings(chosen, name):
        output.point(line)
    output.say(f"{name or 'the defaults (there is no configuration file)'}: ok{verdicts.counted(chosen)}")
    return DONE
