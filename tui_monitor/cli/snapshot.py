"""`snapshot`: one file with what was seen, before and after."""

from __future__ import annotations

import argparse
import socket
import time
from pathlib import Path

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, Stop
from tui_monitor.cli.instance import instance_of
from tui_monitor.cli.parser import duration_s

NAME = "snapshot"
HELP = "write one file with what was seen; `open` shows it"
EXAMPLE = """example:
  tui-monitor snapshot -o incident.sqlite --since 30m"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("-o", "--output", metavar="FILE", help="where to (default: tui-monitor-HOST-TIME.sqlite here)")
    parser.add_argument("--since", metavar="TIME", type=duration_s, help="only the last 30m, 2h ... (default: everything kept)")
    parser.add_argument("--force", action="store_true", help="write over an existing file")


def run(call: argparse.Namespace) -> int:
    """Let the engine write it, which knows the newest; without one read what was kept."""
    import asyncio

    from tui_monitor.cli import places, settings
    from tui_monitor.engine import paths
    from tui_monitor.engine.feed import ask
    from tui_monitor.model import Outcome, TakeSnapshot, clean

    chosen, _ = settings.read(call)
    instance = instance_of(call)
    name = (
        call.output
        or f"tui-monitor-{clean(socket.gethostname()).replace('/', '_')}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.sqlite"
    )
    path = Path(name).expanduser().absolute()
    if path.exists() and not call.force:
        raise Stop(f"{name} is there already; --force writes over it")
    if not path.parent.is_dir():
        raise Stop(f"{path.parent} is no directory")
    question = TakeSnapshot(str(path), call.since, call.force)
    answer = asyncio.run(ask(places.socket_of(instance, chosen.engine.socket_group), question, wait_s=120.0))
    if answer is None:
        from tui_monitor.store.snapshot import write_snapshot

        recording = paths.recording_path(instance)
        if not recording.exists() and not paths.database_path(instance).exists():
            raise Stop(f"nothing was recorded yet in {paths.state_dir(instance)}; start `tui-monitor` first")
        said = write_snapshot(recording, paths.database_path(instance), path, call.since, now_s=time.time(), force=call.force)
    elif isinstance(answer, Outcome) and answer.ok:
        said = answer.message
    else:
        raise Stop(answer.message if isinstance(answer, Outcome) else "the engine gave no answer")
    output.say(said or str(path))
    return DONE
