"""What an outward system is told: a notice, or what somebody did with an alert; and its row in the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from tui_monitor.model import Episode, ForeignAlert, Notice, Outgoing, clean

ActWhat = Literal["ack", "unack", "shelve", "unshelve", "close"]
NOTICES = ("fired", "severity", "flapping", "ack-expired", "reminder", "resolved", "lost")
OVER = ("resolved", "lost")


class Item(Struct, frozen=True, kw_only=True):
    """One thing to tell. It is about an episode of ours, or about another system's alert."""

    key: str  # the same thing has the same key, also when it is told a second time
    what: str  # of a notice or an act
    at_s: float
    text: str = ""
    episode: Episode | None = None
    foreign: ForeignAlert | None = None
    who: str = ""  # of an act
    comment: str = ""
    runbook: str = ""  # of its rule
    until_s: float | None = None  # of an acknowledgement or a shelf

    @property
    def about(self) -> str:
        """The alert's id."""
        return self.episode.id if self.episode is not None else self.foreign.id if self.foreign is not None else ""

    @property
    def is_notice(self) -> bool:
        """Whether it tells of a condition, and not of somebody's act."""
        return self.what in NOTICES


class Teller(Protocol):
    """As much of an outward system as is needed to put rows for it."""

    @property
    def name(self) -> str:
        """Of its rows."""

    def wants(self, item: Item) -> bool:
        """Whether it is told of that."""


def of_notice(notice: Notice, runbook: str = "") -> Item:
    """A notice as it is told, with what its rule says to do."""
    return Item(key=notice.id, what=notice.what, at_s=notice.at_s, text=notice.text, episode=notice.episode, runbook=runbook)


def of_act(what: ActWhat, alert: Episode | ForeignAlert, *, who: str, at_s: float, comment: str = "", until_s: float | None = None) -> Item:
    """An act as it is told. The same act at the same moment has the same key."""
    return Item(
        key=f"{alert.id}.{what}.{at_s:.3f}",
        what=what,
        at_s=at_s,
        episode=alert if isinstance(alert, Episode) else None,
        foreign=None if isinstance(alert, Episode) else alert,
        who=clean(who, 64),
        comment=clean(comment, 500),
        until_s=until_s,
    )


def rows(items: Iterable[Item], tellers: Iterable[Teller]) -> list[Outgoing]:
    """Rows for the outbox, to be put in the transaction of what they tell of: one for each system that wants it."""
    tellers = list(tellers)
    return [
        Outgoing(teller.name, item.key, item.what, item.about, item.at_s, msgspec.json.encode(item))
        for item in items
        for teller in tellers
        if teller.wants(item)
    ]


def read(row: Outgoing) -> Item:
    """What a row tells.

    Raises:
        ValueError: it is damaged, or of another version.
    """
    return msgspec.json.decode(row.body, type=Item)
