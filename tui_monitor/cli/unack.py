"""`unack`: give an alert back."""

from __future__ import annotations

import argparse

from tui_monitor.cli import ack

NAME = "unack"
HELP = "give an alert back"
EXAMPLE = """example:
  tui-monitor unack 3f9a01c2"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("ids", metavar="ID", nargs=1, help="as `tui-monitor alerts` lists it; its beginning will do")


def run(call: argparse.Namespace) -> int:
    """Give it back."""
    from tui_monitor.alerts.acts import give_back
    from tui_monitor.model import Unacknowledge

    return ack.act(call, Unacknowledge, lambda _: give_back)
