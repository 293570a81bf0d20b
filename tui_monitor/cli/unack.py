"""`unack`: give alerts back."""

from __future__ import annotations

import argparse

from tui_monitor.cli import acting

NAME = "unack"
HELP = "give alerts back"
EXAMPLE = """example:
  tui-monitor unack 3f9a01c2"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("ids", metavar="ID", nargs="+", help="as `tui-monitor alerts` lists it; its beginning will do")


def run(call: argparse.Namespace) -> int:
    """Give them back."""
    from tui_monitor.model import Unacknowledge

    ids = acting.ids_of(call)
    return acting.act(call, Unacknowledge(ids[0], tuple(ids[1:])), ids)
