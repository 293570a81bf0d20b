"""What moved together: of the drifts of one source that began within the same hour, one leads and the others follow it.

A server whose prompts grow drifts in ten signals: that is one incident. The one whose alarm was raised first leads, for as long as it lasts. What
is found later never takes the lead, however early it says that it began; so no alert comes and goes because of what else is found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from tui_monitor.model import Drift

MOVED_TOGETHER_S = 3600.0
MOST_TOGETHER = 12
SILENT_S = 300.0  # a signal that told nothing for so long leads nobody: its alert is lost by then, and the others have one of their own
OF_THE_LOAD = ("latency", "performance")  # no drift alert of their own: they may follow any signal, but lead only each other


class _On(NamedTuple):
    """A drift that is on, in the order of leading."""

    raised: datetime
    since: datetime
    name: str
    source: str
    role: str


def together(made: list[Drift], silent: Collection[tuple[str, str]] = ()) -> list[Drift]:
    """With whom each drift follows, who follows it, and what else moved within an hour of it, in order of onset.

    Args:
        made: all signals.
        silent: (source, signal) of those that told nothing for `SILENT_S`.
    """
    moved = sorted((one.since, _name(one)) for one in made if one.state == "drift" and one.since is not None)
    follows = leaders(one for one in made if (one.source, one.signal) not in silent)
    if len(moved) < 2 and not any(follows.values()):
        return made
    led: defaultdict[str, list[str]] = defaultdict(list)
    for name, leader in follows.items():
        if leader:
            led[leader].append(name)
    result = []
    for one in made:
        name, others = _name(one), list[str]()
        if one.state == "drift" and one.since is not None:
            others = [other for at, other in moved if other != name and _near(at, one.since)]
        result.append(
            msgspec.structs.replace(
                one, moved_together=others[:MOST_TOGETHER], follows=follows.get(name, ""), followed_by=led.get(name, [])
            )
        )
    return result


def leaders(made: Iterable[Drift]) -> dict[str, str]:
    """Each drift that is on, as "source/signal" -> the one that it follows, or nothing where it leads; in the order in which they were found."""
    on = sorted(
        _On(one.raised, one.since, _name(one), one.source, one.role)
        for one in made
        if one.raised is not None and one.since is not None and one.state in ("drift", "stale")
    )
    found: dict[str, str] = {}
    leading: defaultdict[str, list[_On]] = defaultdict(list)
    for one in on:
        leader = next((other for other in leading[one.source] if _near(other.since, one.since) and _may_lead(other, one)), None)
        found[one.name] = leader.name if leader is not None else ""
        if leader is None:
            leading[one.source].append(one)
    return found


def _may_lead(leader: _On, other: _On) -> bool:
    return leader.role not in OF_THE_LOAD or other.role in OF_THE_LOAD


def _near(one: datetime, other: datetime) -> bool:
    return abs((one - other).total_seconds()) <= MOVED_TOGETHER_S


def _name(one: Drift) -> str:
    return f"{one.source}/{one.signal}"
