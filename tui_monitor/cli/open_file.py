"""`open`: a snapshot or a recording in the same screen."""

from __future__ import annotations

import argparse
from datetime import UTC
from pathlib import Path

from tui_monitor.cli import screen
from tui_monitor.cli.exits import USAGE, Stop
from tui_monitor.cli.instance import instance_of

NAME = "open"
HELP = "show a snapshot or a recording in the same screen"
EXAMPLE = """example:
  tui-monitor open incident.sqlite
  tui-monitor open incident.sqlite --at 14:22     (or 2026-05-01T14:22, or -10m before its end)"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("file", metavar="FILE", help="what `tui-monitor snapshot` wrote, or an instance's recording.sqlite")
    parser.add_argument("--at", metavar="TIME", help="begin at this moment (default: the end)")
    screen.look(parser)


def run(call: argparse.Namespace) -> int:
    """Open the file, and only then the screen."""
    from tui_monitor.cli import moments, settings
    from tui_monitor.engine.feed import ReplayFeed
    from tui_monitor.store.replay import Replay
    from tui_monitor.ui.prepaint import prepaint

    chosen, _ = settings.read(call)
    path = Path(call.file)
    replay = Replay(path)  # damaged or none of ours: said before the terminal is touched
    at_s = None
    if call.at:
        try:
            at_s = moments.moment_s(call.at, replay.first_s, replay.last_s, UTC if call.utc or chosen.screen.utc else None)
        except ValueError as error:
            raise Stop(f"--at: {error}", USAGE) from None
    with prepaint(note=f"opening {path.name}") as painted:
        return screen.show(call, ReplayFeed(path, at_s), chosen, painted, instance_of(call))
