"""`ack`: take alerts. Through the running engine, or on the database for the next one."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, FAILED, USAGE, Stop
from tui_monitor.cli.instance import instance_of
from tui_monitor.cli.parser import duration_s

if TYPE_CHECKING:
    from tui_monitor.cli.kept import Proposing
    from tui_monitor.config import Settings
    from tui_monitor.model import Acknowledge, Outcome, Unacknowledge

NAME = "ack"
HELP = "take alerts: your name, a comment and an end stand at them"
EXAMPLE = """example:
  tui-monitor ack 3f9a01c2 -m "restarting the worker" --for 2h
  tui-monitor ack 3f9a01c2 -m "mine now" --take-over"""


Asked = Callable[[str], "Acknowledge | Unacknowledge"]  # alert -> what the engine is asked


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("ids", metavar="ID", nargs="+", help="as `tui-monitor alerts` lists it; its beginning will do")
    parser.add_argument("-m", "--message", metavar="TEXT", required=True, help="what you do about it")
    parser.add_argument("--for", dest="for_s", metavar="TIME", type=duration_s, help="how long it is yours (default: [alerts] ack_for)")
    parser.add_argument("--take-over", action="store_true", help="also from somebody who holds it")


def run(call: argparse.Namespace) -> int:
    """Take them."""
    from tui_monitor.model import Acknowledge
    from tui_monitor.vocabulary import seconds

    if not call.message.strip():
        raise Stop("-m: say what you do about it", USAGE)

    def propose(chosen: Settings) -> Proposing:
        from tui_monitor.alerts.acts import acknowledge

        for_s = seconds(chosen.alerts.ack_for) if call.for_s is None else call.for_s
        return lambda episode, who, now_s: acknowledge(episode, who, call.message, for_s, take_over=call.take_over, now_s=now_s)

    return act(call, lambda alert: Acknowledge(alert, call.message, call.for_s, call.take_over), propose)


def act(call: argparse.Namespace, asked: Asked, propose: Callable[[Settings], Proposing]) -> int:
    """Do it to every alert of the call, one line each; exit 0 only when all of it is done, and durable."""
    from tui_monitor.cli import settings

    if call.read_only:
        raise Stop(f"--read-only: `{call.verb}` does nothing")
    chosen, _ = settings.read(call)
    instance = instance_of(call)
    outcomes = _with_engine(call.ids, asked, chosen, instance)
    if outcomes is None:
        outcomes = _without(call.ids, propose(chosen), instance)
    for outcome in outcomes:
        (output.say if outcome.ok else output.warn)(outcome.message)
    return DONE if all(outcome.ok for outcome in outcomes) else FAILED


def _with_engine(ids: list[str], asked: Asked, chosen: Settings, instance: str) -> list[Outcome] | None:
    """Ask the running engine; None when there is none."""
    import asyncio

    from tui_monitor.cli import frames, places
    from tui_monitor.engine.feed import ask
    from tui_monitor.model import Outcome

    frame = asyncio.run(frames.newest(instance, chosen.engine.group))
    if frame is None:
        return None
    socket = places.socket_of(instance, chosen.engine.group)
    outcomes = []
    for word in ids:
        found = _meant(word, [alert.id for alert in frame.alerts])
        answer = found if isinstance(found, Outcome) else asyncio.run(ask(socket, asked(found)))
        outcomes.append(answer if isinstance(answer, Outcome) else Outcome(ok=False, message="the engine has ended"))
    return outcomes


def _without(ids: list[str], propose: Proposing, instance: str) -> list[Outcome]:
    """Write it down for the next engine."""
    from tui_monitor.cli import kept
    from tui_monitor.model import Outcome

    acts = kept.Acts(instance)
    try:
        known = [episode.id for episode in acts.episodes()]
        outcomes = []
        for word in ids:
            found = _meant(word, known)
            outcomes.append(found if isinstance(found, Outcome) else acts.act(found, propose))
        return outcomes
    finally:
        acts.close()


def _meant(word: str, known: list[str]) -> str | Outcome:
    """The alert whose id is the word or alone begins with it."""
    from tui_monitor.model import Outcome, clean

    found = [word] if word in known else [name for name in known if name.startswith(word)]
    if len(found) == 1:
        return found[0]
    why = f"{clean(word, 40)!r} could be any of {', '.join(found[:5])}" if found else f"there is no alert {clean(word, 40)!r}"
    return Outcome(ok=False, message=f"{why}; `tui-monitor alerts --all` lists them")
