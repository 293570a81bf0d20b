"""`doctor`: what can be read here and what cannot, with the reason and the cure."""

from __future__ import annotations

import argparse

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, FAILED

NAME = "doctor"
HELP = "say what can be read here and what cannot, with the reason and the cure; exit 1 when something must be cured"
EXAMPLE = """example:
  tui-monitor doctor
  tui-monitor doctor | grep -v ^PASS"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(call: argparse.Namespace) -> int:
    """One line a check: PASS, WARN or FAIL, its id, the reason, the cure."""
    from tui_monitor.cli import checks

    failed = False
    for finding in checks.everything(call):
        failed = failed or finding.grade == "FAIL"
        output.say(f"{finding.grade} {finding.id:<10} {finding.reason}{f' - {finding.cure}' if finding.cure else ''}")
    return FAILED if failed else DONE
