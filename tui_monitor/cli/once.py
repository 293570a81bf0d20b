"""`once`: one frame to stdout, for scripts and screen readers; exits like a Nagios plug-in."""

from __future__ import annotations

import argparse

from tui_monitor.cli import output
from tui_monitor.cli.exits import CRITICAL, FINE, UNREADABLE, WARNING, Stop
from tui_monitor.cli.instance import instance_of
from tui_monitor.cli.parser import duration_s

NAME = "once"
HELP = "print one picture of everything and exit 0 fine, 1 warning, 2 critical, 3 unreadable"
EXAMPLE = """example:
  tui-monitor once
  tui-monitor once --json | jq '.targets[] | {name, state, why}'"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the whole frame as JSON, schema 1")
    form.add_argument("--plain", action="store_true", help="plain text, line by line (this is the default)")
    parser.add_argument("--wait", metavar="TIME", type=duration_s, default=5.0, help="wait this long for every source (default: 5s)")
    parser.add_argument("--utc", action="store_true", help="times in UTC")


def run(call: argparse.Namespace) -> int:
    """Ask the engine, or watch for a moment; print; judge."""
    import asyncio

    import msgspec

    from tui_monitor.cli import frames, plain, settings

    chosen, file = settings.read(call)
    frame = asyncio.run(frames.settled(chosen, instance_of(call), call.wait, file))
    if frame is None:
        raise Stop("nothing could be read in time; try a longer --wait", UNREADABLE)
    if call.json:
        output.say(msgspec.json.encode(frame).decode())
    else:
        output.write(plain.text(frame, utc=call.utc))
    return UNREADABLE if frames.is_blank(frame) else judge([(alert.severity, plain.counts(alert)) for alert in frame.alerts])


def judge(alerts: list[tuple[str, bool]]) -> int:
    """The exit code of (severity, whether it fires and nobody has it)."""
    firing = {severity for severity, fires in alerts if fires}
    return CRITICAL if "critical" in firing else WARNING if "warning" in firing else FINE
