"""Silences of an Alertmanager: which one is an acknowledgement, whose it is, and what it hides. Pure.

An acknowledgement is a silence with all labels of one alert, each exact. Ours carry a mark in the comment with the alert's id and who we are; so
we know them again after a restart, and after one that fell between making a silence and writing its id down. Nothing else is ever deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from tui_monitor.alerts.outward.labels import Origin, read_time, rfc3339
from tui_monitor.model import Ack, Silence, clean, utc

ACK = "ACK!"
LONG_AGO_S = 86400.0  # an Alertmanager moves the begin of a new silence to its own now; one in its future would hide nothing yet
_MARK = re.compile(r"\[tui-monitor (?P<id>[^\s@\]]+)@(?P<origin>[^\s\]]+)\]")


class Matcher(Struct, frozen=True, rename="camel"):
    """One condition of a silence."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class Status(Struct, frozen=True):
    """Of a silence."""

    state: str = ""  # active pending expired


class Theirs(Struct, frozen=True, rename="camel", kw_only=True):
    """A silence as the Alertmanager tells it."""

    id: str
    matchers: list[Matcher]
    starts_at: str
    ends_at: str
    created_by: str = ""
    comment: str = ""
    status: Status = Status()

    @property
    def active(self) -> bool:
        """Whether it hides something now."""
        return self.status.state == "active"

    @property
    def ends_s(self) -> float:
        """When it ends."""
        return read_time(self.ends_at) or 0.0

    @property
    def starts_s(self) -> float:
        """When it began."""
        return read_time(self.starts_at) or 0.0

    def covers(self, labels: dict[str, str]) -> bool:
        """Whether it is exactly about an alert with these labels."""
        if len(self.matchers) != len(labels) or any(one.is_regex or not one.is_equal for one in self.matchers):
            return False
        return {one.name: one.value for one in self.matchers} == labels

    def marked(self, origin: Origin) -> str:
        """The id of the alert that we acknowledged with it; empty when it is not ours."""
        found = _MARK.search(self.comment)
        return found["id"] if found is not None and found["origin"] == _origin(origin) else ""

    @property
    def is_ack(self) -> bool:
        """Whether somebody meant it as an acknowledgement: ours, karma's."""
        return self.comment.startswith(ACK)


def _origin(origin: Origin) -> str:
    return re.sub(r"[\s\]]", "_", origin.name)


def comment_of(why: str, identity: str, origin: Origin) -> str:
    """`ACK! why [tui-monitor id@host]`."""
    return f"{ACK} {_MARK.sub('', why).strip()} [tui-monitor {identity}@{_origin(origin)}]".replace("  ", " ")


def body(labels: dict[str, str], who: str, comment: str, now_s: float, until_s: float, before: Theirs | None = None) -> dict[str, Any]:
    """What makes a silence, or changes the one that was there before: then its id, conditions and begin must be the same."""
    made: dict[str, Any] = {
        "matchers": [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in sorted(labels.items())],
        "startsAt": before.starts_at if before is not None else rfc3339(now_s - LONG_AGO_S),
        "endsAt": rfc3339(until_s),
        "createdBy": who or "unknown",
        "comment": comment,
    }
    return made if before is None else made | {"id": before.id}


def equal(silences: Iterable[Theirs], labels: dict[str, str]) -> list[Theirs]:
    """The active ones that are exactly about these labels; the one that was first stands first."""
    return sorted((one for one in silences if one.active and one.covers(labels)), key=lambda one: (one.starts_s, one.id))


def as_silence(one: Theirs, source: str) -> Silence:
    """As our lists show it."""
    conditions = (f"{m.name}{('=~' if m.is_equal else '!~') if m.is_regex else '=' if m.is_equal else '!='}{m.value}" for m in one.matchers)
    return Silence(
        by=clean(one.created_by, 64) or "unknown",
        at=utc(one.starts_s),
        until=utc(one.ends_s),
        comment=clean(one.comment, 500),
        id=clean(one.id, 64),
        match=clean(" ".join(conditions), 500),
        source=source,
    )


def as_ack(one: Theirs) -> Ack:
    """An acknowledgement as our lists show it: without its mark."""
    why = _MARK.sub("", one.comment.removeprefix(ACK)).strip()
    return Ack(clean(one.created_by, 64) or "unknown", utc(one.starts_s), clean(why, 500), utc(one.ends_s))
