"""`alerts`: the list, from the running engine or from what the last one kept."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from tui_monitor.cli import output
from tui_monitor.cli.exits import UNREADABLE, Stop
from tui_monitor.cli.instance import instance_of
from tui_monitor.cli.once import judge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tui_monitor.model import Alert

NAME = "alerts"
HELP = "list the alerts and exit 0 nothing firing, 1 warning, 2 critical, 3 unreadable"
EXAMPLE = """example:
  tui-monitor alerts
  tui-monitor alerts --json | jq -r '.alerts[] | select(.state == "firing") | .id'"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("--json", action="store_true", help="as JSON, what ended in the last 24 h included")
    parser.add_argument("--all", action="store_true", help="list what ended in the last 24 h too")
    parser.add_argument("--utc", action="store_true", help="times in UTC")


def run(call: argparse.Namespace) -> int:
    """Print and judge."""
    import asyncio

    import msgspec

    from tui_monitor.cli import frames, plain, settings
    from tui_monitor.model import SCHEMA, utc

    chosen, _ = settings.read(call)
    instance = instance_of(call)
    frame = asyncio.run(frames.newest(instance, chosen.engine.socket_group))
    found = _kept(instance) if frame is None else frame.alerts
    if call.json:
        told = {} if frame is None else {"foreign": frame.foreign, "outward": frame.outward}
        output.say(msgspec.json.encode({"schema": SCHEMA, "alerts": found, **told}).decode())
    else:
        now = utc(time.time())
        listed = [*_lines(found, now, everything=call.all, utc=call.utc)] or ["no alerts"]
        there = [] if frame is None else plain.elsewhere(frame, utc=call.utc)
        output.write("".join(f"{line}\n" for line in (*listed, *there)))
    return judge([(alert.severity, plain.counts(alert)) for alert in found])


def _lines(alerts: list[Alert], now: datetime, *, everything: bool, utc: bool) -> Iterator[str]:
    """What fires or will, then apart what somebody hides, then what is over."""
    from tui_monitor.cli import plain

    parts: dict[str, list[Alert]] = {"": [], "Silenced:": [], "Shelved:": [], "Ended in the last 24 h:": []}
    for alert in alerts:
        if alert.state not in ("firing", "pending"):
            part = "Ended in the last 24 h:"
        else:
            part = "Silenced:" if alert.silenced is not None else "Shelved:" if alert.shelved is not None else ""
        parts[part].append(alert)
    if not everything:
        del parts["Ended in the last 24 h:"]
    for part, there in parts.items():
        if part and there:
            yield part
        yield from ((("  " if part else "") + plain.alert_line(alert, now, utc=utc)) for alert in there)


def _kept(instance: str) -> list[Alert]:
    """What the last engine knew; stderr says how old that is."""
    from tui_monitor.cli import kept
    from tui_monitor.ui import format as fmt

    now_s = time.time()
    told = kept.alerts(instance, now_s)
    if told is None:
        raise Stop(f"nobody has ever watched instance {instance} here; start `tui-monitor`", UNREADABLE)
    found, watched_s = told
    if watched_s is None:
        output.warn("nobody watches now; since when is not known")
    else:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(watched_s))
        output.warn(f"nobody watches since {when} ({fmt.age(now_s - watched_s)} ago)")
    return found
