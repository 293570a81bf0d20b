"""How a verb acts on alerts: through the running engine, or on the database for the next one; one line for each thing that was asked."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, FAILED, USAGE, Stop
from tui_monitor.cli.instance import instance_of

if TYPE_CHECKING:
    from tui_monitor.model import Act, Outcome

LONGEST_WORD = 64  # of an id as it is typed
LONGEST_SAID = 500
_UNKNOWN = "no alert "


def act(call: argparse.Namespace, asked: Act, words: Sequence[str] = ()) -> int:
    """Do it, and say what became of it.

    Args:
        call: of the verb.
        asked: what to do.
        words: what each outcome is about, where it is about several alerts.

    Returns:
        0 only when all of it is done, and durable.

    Raises:
        Stop: nothing may be done, or nobody can say whether it was.
    """
    outcome = _carried_out(call, asked)
    if len(words) < 2:
        _tell(outcome)
        return DONE if outcome.ok else FAILED
    if len(outcome.each) != len(words):
        raise Stop(f"the engine answered for {len(outcome.each) or 1} of {len(words)} alerts: {_said(outcome)}")
    for word, one in zip(words, outcome.each, strict=True):
        _tell(one, f"{word}: ")
    return DONE if all(one.ok for one in outcome.each) else FAILED


def ids_of(call: argparse.Namespace) -> list[str]:
    """The alerts that are meant, each once."""
    from tui_monitor.model import clean

    return list(dict.fromkeys(clean(word, LONGEST_WORD) for word in call.ids))


def text_of(text: str, flag: str, wanted: str, limit: int = LONGEST_SAID) -> str:
    """Words of a person, fit to be kept.

    Raises:
        Stop: there are none.
    """
    from tui_monitor.model import clean

    found = clean(text, limit)
    if not found:
        raise Stop(f"{flag}: {wanted}", USAGE)
    return found


def _carried_out(call: argparse.Namespace, asked: Act) -> Outcome:
    import asyncio

    from tui_monitor.cli import places, settings
    from tui_monitor.engine.feed import ask
    from tui_monitor.model import Outcome
    from tui_monitor.vocabulary import seconds

    if call.read_only:
        raise Stop(f"--read-only: `{call.verb}` changes nothing")
    chosen, _ = settings.read(call)
    instance = instance_of(call)
    answer = asyncio.run(ask(places.socket_of(instance, chosen.engine.socket_group), asked))
    if answer is None:
        from tui_monitor.cli import kept

        return kept.carry_out(instance, asked, seconds(chosen.alerts.ack_for))
    if not isinstance(answer, Outcome):
        raise Stop("the engine gave another answer; `tui-monitor alerts` tells what holds now")
    return answer


def _tell(outcome: Outcome, about: str = "") -> None:
    (output.say if outcome.ok else output.warn)(f"{about}{_said(outcome)}")


def _said(outcome: Outcome) -> str:
    from tui_monitor.model import clean

    message = clean(outcome.message, LONGEST_SAID)
    return f"{message}; `tui-monitor alerts --all` lists them" if message.startswith(_UNKNOWN) else message
