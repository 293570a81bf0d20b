"""`silence`: hide what matches from those who are called, for a while and with a reason; show first what that hides; end it; list all."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from tui_monitor.cli import acting, output
from tui_monitor.cli.exits import DONE, USAGE, Stop
from tui_monitor.cli.instance import instance_of
from tui_monitor.cli.parser import duration_s

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui_monitor.model import Alert, Silence, SilencePreview

NAME = "silence"
HELP = "hide what matches, for a while and with a reason; it is still shown and counted"
EXAMPLE = """example:
  tui-monitor silence rule=stalled target=~chat.* --preview
  tui-monitor silence rule=stalled target=~chat.* --for 2h -m "new weights are loaded"
  tui-monitor silence --list
  tui-monitor silence --expire s3f9a01c2

MATCH is key=value, key!=value or key=~regex (the whole value); all must hold.
Keys: rule target kind model severity signal gpu label.NAME"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("match", metavar="MATCH", nargs="*", help="key=value, key!=value or key=~regex; all must hold")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--for", dest="for_s", metavar="TIME", type=duration_s, help="how long: 30m, 2h, 7d")
    end.add_argument("--until", metavar="TIME", help="until when: 18:00 (the next), 2026-05-01T18:00")
    parser.add_argument("-m", "--message", metavar="TEXT", help="the reason")
    parser.add_argument("--preview", action="store_true", help="only show what it would hide now, and would have hidden in the last 24 h")
    parser.add_argument("--expire", metavar="ID", help="end this silence now")
    parser.add_argument("--list", action="store_true", help="those in force, and what ended in the last 24 h")
    parser.add_argument("--json", action="store_true", help="with --preview or --list: as JSON")
    parser.add_argument("--utc", action="store_true", help="times in UTC")


def run(call: argparse.Namespace) -> int:
    """Do one of the three."""
    wanted = [bool(call.match), call.expire is not None, call.list]
    if sum(wanted) != 1:
        raise Stop("say what to silence (MATCH, as in rule=stalled), or --expire ID, or --list; one of them", USAGE)
    if not call.match and (call.preview or call.message is not None or call.for_s is not None or call.until is not None):
        raise Stop("--for, --until, -m and --preview belong to a MATCH", USAGE)
    if call.json and not (call.preview or call.list):
        raise Stop("--json belongs to --preview or --list", USAGE)
    if call.list:
        return _list(call)
    if call.expire is not None:
        from tui_monitor.model import ExpireSilence, clean

        return acting.act(call, ExpireSilence(clean(call.expire, acting.LONGEST_WORD)))
    return _silence(call)


def _silence(call: argparse.Namespace) -> int:
    from tui_monitor.alerts.silence_match import MatchError, line_of, read_match
    from tui_monitor.model import AddSilence

    match = line_of(call.match)
    try:
        read_match(match)
    except MatchError as error:
        raise Stop(f"MATCH, column {error.column}: {error}", USAGE) from None
    until_s = _end_s(call)
    if call.preview:
        return _preview(call, match)
    if call.message is None:
        raise Stop("a silence needs a reason: -m TEXT", USAGE)
    comment = acting.text_of(call.message, "-m", "a silence needs a reason")
    if until_s is None:
        raise Stop("a silence needs an end: --for 2h or --until 18:00", USAGE)
    return acting.act(call, AddSilence(match, comment, call.for_s, None if call.for_s is not None else until_s))


def _end_s(call: argparse.Namespace) -> float | None:
    """When it ends; None: nothing was said."""
    from tui_monitor.alerts.silences import LONGEST_S
    from tui_monitor.cli import moments

    now_s = time.time()
    if call.for_s is None and call.until is None:
        return None
    try:
        end_s = now_s + call.for_s if call.until is None else moments.coming_s(call.until, now_s)
    except ValueError as error:
        raise Stop(f"--until: {error}", USAGE) from None
    if not now_s < end_s <= now_s + LONGEST_S:
        raise Stop(f"{'--for' if call.until is None else '--until'}: a silence ends in the future, within a year", USAGE)
    return end_s


# -- what it hides ------------------------------------------------------------------------------------------------------------------


def _preview(call: argparse.Namespace, match: str) -> int:
    import msgspec

    from tui_monitor.model import SCHEMA, clean, utc

    told = _previewed(call, match)
    if told.error:
        raise Stop(f"MATCH, column {told.column}: {clean(told.error, acting.LONGEST_SAID)}", USAGE)
    if call.json:
        said = {"schema": SCHEMA, "match": told.match, "now": told.now, "last24h": told.last24h}
        output.say(msgspec.json.encode(said).decode())
        return DONE
    now = utc(time.time())
    output.say(f"Only a preview of {told.match}: nothing is silenced by it.")
    _say_alerts("Now it would hide", told.now, now, utc=call.utc)
    _say_alerts("In the last 24 h it would have hidden", told.last24h, now, utc=call.utc)
    return DONE


def _say_alerts(what: str, alerts: Sequence[Alert], now: datetime, *, utc: bool) -> None:
    from tui_monitor.cli import plain

    many = f"{len(alerts)} alert{'' if len(alerts) == 1 else 's'}:" if alerts else "nothing."
    output.write("".join(f"{line}\n" for line in (f"{what} {many}", *(f"  {plain.alert_line(one, now, utc=utc)}" for one in alerts))))


def _previewed(call: argparse.Namespace, match: str) -> SilencePreview:
    import asyncio

    from tui_monitor.cli import kept, places, settings
    from tui_monitor.engine.feed import ask
    from tui_monitor.model import Outcome, PreviewSilence, SilencePreview

    chosen, _ = settings.read(call)
    instance = instance_of(call)
    answer = asyncio.run(ask(places.socket_of(instance, chosen.engine.socket_group), PreviewSilence(match)))
    if answer is None:
        return kept.preview(instance, match, time.time())
    if not isinstance(answer, SilencePreview):
        raise Stop(f"no preview: {answer.message if isinstance(answer, Outcome) else 'the engine gave another answer'}")
    return answer


# -- the list -----------------------------------------------------------------------------------------------------------------------


def _list(call: argparse.Namespace) -> int:
    import asyncio

    import msgspec

    from tui_monitor.alerts.silences import in_force
    from tui_monitor.cli import frames, kept, settings
    from tui_monitor.model import SCHEMA, utc

    chosen, _ = settings.read(call)
    instance, now_s = instance_of(call), time.time()
    frame = asyncio.run(frames.newest(instance, chosen.engine.socket_group))
    found = kept.silences(instance, now_s) if frame is None else frame.silences
    if call.json:
        output.say(msgspec.json.encode({"schema": SCHEMA, "silences": found}).decode())
        return DONE
    lines = [_line(silence, utc(now_s), in_force=in_force(silence, now_s), utc=call.utc) for silence in found]
    output.write("".join(f"{line}\n" for line in lines) or "no silences\n")
    return DONE


def _line(silence: Silence, now: datetime, *, in_force: bool, utc: bool) -> str:
    """One silence: id, what it hides, whose it is, until when, and why."""
    from tui_monitor.cli import plain

    where = "" if silence.source == "own" else f" in {silence.source}"
    if in_force:
        when = f"by {silence.by}{where} until {plain.until(silence.until, now, utc=utc)}"
    elif silence.expired_at is None and silence.at > now:
        when = f"by {silence.by}{where} from {plain.until(silence.at, now, utc=utc)} until {plain.until(silence.until, now, utc=utc)}"
    else:
        ended = plain.until(silence.expired_at or silence.until, now, utc=utc)
        when = f"by {silence.by}{where}, ended at {ended}{f' by {silence.expired_by}' if silence.expired_by else ''}"
    return f"{silence.id} {silence.match} {when}: {silence.comment}"
