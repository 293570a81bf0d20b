"""`drift pin`: what a signal shows now is normal from now on; or what was its reference before holds again."""

from __future__ import annotations

import argparse

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, FAILED, Stop
from tui_monitor.cli.instance import instance_of

NAME = "pin"
HELP = "make what a signal shows now its reference, through the running engine; --back undoes it"
EXAMPLE = """example:
  tui-monitor drift pin fraud amount
  tui-monitor drift pin llm vllm:request_prompt_tokens --back

SOURCE and SIGNAL as `tui-monitor once` tells them: the name of a target or log, and the histogram or column. To acknowledge the alert of a
drift is something else: then the drift stays one."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the act's own arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a target or a prediction log, by its name")
    parser.add_argument("signal", metavar="SIGNAL", help="one of its signals, as exposed, or a column")
    parser.add_argument("--back", action="store_true", help="judge by the reference of before again")


def run(call: argparse.Namespace) -> int:
    """Ask the engine, print what became of it.

    Raises:
        Stop: nothing may be changed, or no engine runs.
    """
    import asyncio

    from tui_monitor.cli import places, settings
    from tui_monitor.engine.feed import ask
    from tui_monitor.model import MarkReference, Outcome, clean

    if call.read_only:
        raise Stop("--read-only: `drift pin` changes nothing")
    chosen, _ = settings.read(call)
    asked = MarkReference(call.source, call.signal, call.back)
    answer = asyncio.run(ask(places.socket_of(instance_of(call), chosen.engine.socket_group), asked))
    if answer is None:
        raise Stop("no engine runs: what a signal shows now only an engine knows")
    if not isinstance(answer, Outcome):
        raise Stop("the engine gave another answer; `tui-monitor once --json` tells what holds now")
    (output.say if answer.ok else output.warn)(clean(answer.message, 500))
    return DONE if answer.ok else FAILED
