"""`ack`: take alerts. Through the running engine, or on the database for the next one."""

from __future__ import annotations

import argparse

from tui_monitor.cli import acting
from tui_monitor.cli.parser import duration_s

NAME = "ack"
HELP = "take alerts: your name, a comment and an end stand at them"
EXAMPLE = """example:
  tui-monitor ack 3f9a01c2 -m "restarting the worker" --for 2h
  tui-monitor ack 3f9a01c2 77d0e51b -m "mine now" --take-over"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("ids", metavar="ID", nargs="+", help="as `tui-monitor alerts` lists it; its beginning will do")
    parser.add_argument("-m", "--message", metavar="TEXT", required=True, help="what you do about it")
    parser.add_argument("--for", dest="for_s", metavar="TIME", type=duration_s, help="how long it is yours (default: [alerts] ack_for)")
    parser.add_argument("--take-over", action="store_true", help="also from somebody who holds it")


def run(call: argparse.Namespace) -> int:
    """Take them."""
    from tui_monitor.model import Acknowledge

    comment = acting.text_of(call.message, "-m", "say what you do about it")
    ids = acting.ids_of(call)
    return acting.act(call, Acknowledge(ids[0], comment, call.for_s, call.take_over, tuple(ids[1:])), ids)
