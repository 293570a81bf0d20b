"""`history`: the past of an alert: how often it fired, when last, for how long, who had it; and the journal."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, Stop
from tui_monitor.cli.instance import instance_of

if TYPE_CHECKING:
    from pathlib import Path

    from tui_monitor.model import AlertPast, Frame, JournalEntry, PastEpisode

NAME = "history"
HELP = "tell how often an alert fired, when last, for how long, who had it, and its journal"
EXAMPLE = """example:
  tui-monitor history 3f9a01c2
  tui-monitor history stalled --json | jq '.history[] | {target, times, median_s}'"""

MOST = 50  # alerts of one rule that are told of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("word", metavar="ID|RULE", help="an alert as `tui-monitor alerts` lists it, or a rule: then each of its alerts")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--utc", action="store_true", help="times in UTC")


def run(call: argparse.Namespace) -> int:
    """Ask and print."""
    import asyncio

    import msgspec

    from tui_monitor.cli import frames, places, settings
    from tui_monitor.model import SCHEMA, clean

    chosen, _ = settings.read(call)
    instance, word = instance_of(call), clean(call.word, 200)
    frame = asyncio.run(frames.newest(instance, chosen.engine.socket_group))
    ids = _meant(word, instance, frame)
    if not ids:
        raise Stop(f"nothing is kept of {word!r}; say an id of `tui-monitor alerts --all` or the name of a rule")
    if len(ids) > MOST:
        output.warn(f"{word} has {len(ids)} alerts; the newest {MOST} are told of")
    socket = None if frame is None else places.socket_of(instance, chosen.engine.socket_group)
    found = [past for identity in ids[:MOST] if (past := _past(identity, instance, socket)) is not None]
    if not found:
        raise Stop(f"nothing is kept of {word!r}; a rule that never fired has no past")
    if call.json:
        output.say(msgspec.json.encode({"schema": SCHEMA, "history": [_plain(past) for past in found]}).decode())
    else:
        output.write("\n".join(line for past in found for line in _lines(past, time.time(), utc=call.utc)) + "\n")
    return DONE


def _meant(word: str, instance: str, frame: Frame | None) -> list[str]:
    """Ids that a word means: of one alert, or the newest of each alert of a rule.

    Raises:
        Stop: it could be one of several.
    """
    from tui_monitor.cli import kept
    from tui_monitor.store.files import StoreError

    shown = [] if frame is None else frame.alerts
    if word in [alert.id for alert in shown]:
        return [word]
    of_rule: dict[tuple[str, str, str], tuple[float, str]] = {}
    begun = {alert.id for alert in shown if alert.id.startswith(word)} if len(word) >= 3 else set()
    for alert in shown:
        if alert.rule == word:
            _newer(of_rule, (alert.rule, alert.kind, alert.target), alert.since.timestamp(), alert.id)
    try:
        for episode in kept.meant(instance, word):
            if episode.id == word:
                return [word]
            if episode.rule == word:
                _newer(of_rule, (episode.rule, episode.kind, episode.target), episode.since_s, episode.id)
            else:
                begun.add(episode.id)
    except StoreError:
        if frame is None:
            raise  # with an engine it may be the file of somebody else
    if of_rule:
        return [identity for _, identity in sorted(of_rule.values(), reverse=True)]
    if len(begun) > 1:
        raise Stop(f"{word!r} could be any of {', '.join(sorted(begun)[:5])}; write more of it")
    return list(begun)


def _newer(of_rule: dict[tuple[str, str, str], tuple[float, str]], key: tuple[str, str, str], since_s: float, identity: str) -> None:
    of_rule[key] = max(of_rule.get(key, (since_s, identity)), (since_s, identity))


def _past(identity: str, instance: str, socket: Path | None) -> AlertPast | None:
    """The past of one alert, from the engine where one runs."""
    import asyncio

    from tui_monitor.cli import kept
    from tui_monitor.engine.feed import ask
    from tui_monitor.model import AlertPast, HistoryOfAlert

    if socket is None:
        return kept.past(instance, identity)
    answer = asyncio.run(ask(socket, HistoryOfAlert(identity)))
    return answer if isinstance(answer, AlertPast) else None


def _plain(past: AlertPast) -> dict[str, Any]:
    """As JSON: without the wire's mark, times as everywhere."""
    from tui_monitor.model import utc

    return {
        "rule": past.rule,
        "target": past.target,
        "times": past.times,
        "since": past.since,
        "last": past.episodes[0].fired_at if past.episodes else None,
        "median_s": past.median_s,
        "episodes": past.episodes,
        "journal": [
            {"at": utc(line.at_s), "alert": line.episode, "what": line.what, "who": line.who, "text": line.text} for line in past.journal
        ],
    }


def _lines(past: AlertPast, now_s: float, *, utc: bool) -> Iterator[str]:
    from tui_monitor.ui import format as fmt

    what = f"{past.rule} on {past.target}"
    if past.times and past.since is not None:
        last = f", last {fmt.age(now_s - past.episodes[0].fired_at.timestamp())} ago" if past.episodes else ""
        usual = f", for {fmt.age(past.median_s)} in the median" if past.median_s is not None else ""
        times = "once" if past.times == 1 else f"{past.times} times"
        yield f"{what}: fired {times} since {fmt.local(past.since, utc=utc):%Y-%m-%d %H:%M:%S}{last}{usual}"
    else:
        yield f"{what}: has not fired yet"
    for episode in past.episodes:
        yield "  " + _episode(episode, now_s, utc=utc)
    if past.times > len(past.episodes):
        yield f"  and {past.times - len(past.episodes)} more before"
    if past.journal:
        yield f"journal of {past.journal[0].episode}:"
    for line in past.journal:
        yield "  " + _entry(line, utc=utc)


def _episode(episode: PastEpisode, now_s: float, *, utc: bool) -> str:
    from tui_monitor.ui import format as fmt

    lasted_s = now_s - episode.fired_at.timestamp() if episode.lasted_s is None else episode.lasted_s
    line = (
        f"{episode.id} {fmt.local(episode.fired_at, utc=utc):%Y-%m-%d %H:%M:%S} {episode.severity} {episode.state}, for {fmt.age(lasted_s)}"
    )
    if episode.flaps:
        line += f", came back {episode.flaps} time{'' if episode.flaps == 1 else 's'}"
    return line + (f", taken by {', '.join(episode.who)}" if episode.who else "")


def _entry(line: JournalEntry, *, utc: bool) -> str:
    from tui_monitor import model
    from tui_monitor.ui import format as fmt

    by = f" by {line.who}" if line.who else ""
    text = f": {line.text}" if line.text else ""
    return f"{fmt.local(model.utc(line.at_s), utc=utc):%Y-%m-%d %H:%M:%S} {line.what}{by}{text}"
