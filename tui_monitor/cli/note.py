"""`note`: a line into an alert's journal, for whoever reads it next."""

from __future__ import annotations

import argparse

from tui_monitor.cli import acting

NAME = "note"
HELP = "write a line into an alert's journal; `history` shows it"
EXAMPLE = """example:
  tui-monitor note 3f9a01c2 "the node before it was drained at 14:05" """


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("id", metavar="ID", help="as `tui-monitor alerts` lists it; its beginning will do; also of an alert that is over")
    parser.add_argument("text", metavar="TEXT", nargs="+", help="what others should know")


def run(call: argparse.Namespace) -> int:
    """Write it."""
    from tui_monitor.alerts.acts import LONGEST_NOTE
    from tui_monitor.model import AddNote, clean

    text = acting.text_of(" ".join(call.text), "TEXT", "a note says something", LONGEST_NOTE)
    return acting.act(call, AddNote(clean(call.id, acting.LONGEST_WORD), text))
