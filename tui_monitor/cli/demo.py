"""`demo`: a small real classifier, a token generator, their traffic and an incident, in the same screen."""

from __future__ import annotations

import argparse
import math

from tui_monitor.cli import screen
from tui_monitor.cli.instance import instance_of

NAME = "demo"
HELP = "a small real model server, traffic and an incident, in the same screen"
EXAMPLE = """example:
  tui-monitor demo                              prompts grow, generation stalls, an alert fires, it recovers: about two minutes
  tui-monitor demo --scenario calm --speed 2"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("--scenario", choices=["incident", "calm", "drift"], default="incident", help="what happens (default: incident)")
    parser.add_argument("--speed", metavar="N", type=_speed, default=1.0, help="how many times as fast (default: 1)")
    screen.look(parser)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0.1 <= speed <= 20:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no speed (0.1 to 20)")
    return speed


def run(call: argparse.Namespace) -> int:
    """Open the screen on the demo's own instance; a demo that runs already is attached to."""
    return screen.watch(call, instance_of(call, "demo"), "--demo", call.scenario, "--speed", f"{call.speed:g}")
