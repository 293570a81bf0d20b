"""What people do to an episode: take it, give it back. Pure functions from an episode to its next value and the journal's lines."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from tui_monitor.model import Ack, Episode, JournalEntry, Outcome, clean, utc

LONGEST_ACK_S = 30 * 86400.0


class Change(Struct, frozen=True):
    """The next value of an episode, with the lines that the journal gets for it (none: only its numbers moved)."""

    episode: Episode
    entries: tuple[JournalEntry, ...] = ()


class Proposal(Struct, frozen=True):
    """What an act would do. Nothing has happened yet: commit `change`, then apply it, then say `outcome`."""

    outcome: Outcome
    change: Change | None = None


def refused(message: str) -> Proposal:
    """An act that does nothing."""
    return Proposal(Outcome(ok=False, message=message))


def ago(span_s: float) -> str:
    """A span of time in the words of an answer: `12 s`, `3 min`, `5 h`, `2 d`."""
    span_s = max(0.0, span_s)
    for limit_s, unit_s, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if span_s < limit_s:
            return f"{span_s / unit_s:.0f} {name}"
    return f"{span_s / 86400:.0f} d"


def held_ack(episode: Episode, now_s: float) -> Ack | None:
    """The acknowledgement that counts now; one whose end has passed does not."""
    return episode.ack if episode.ack is not None and episode.ack.until.timestamp() > now_s else None


def _not_open(episode: Episode, now_s: float) -> str:
    """Why an episode cannot be acted on, or nothing."""
    if episode.state == "pending":
        return f"{episode.rule} on {episode.target} is not firing yet"
    if episode.state != "firing":
        return f"{episode.rule} on {episode.target} ended {ago(now_s - (episode.ended_s or now_s))} ago"
    return ""


def acknowledge(episode: Episode, by: str, comment: str, for_s: float, *, take_over: bool, now_s: float) -> Proposal:
    """Take an alert for a while.

    Args:
        episode: as it stands.
        by: who takes it.
        comment: why, or what they do about it.
        for_s: how long.
        take_over: also from somebody else.
        now_s: the time.
    """
    if why := _not_open(episode, now_s):
        return refused(why)
    if not 0 < for_s <= LONGEST_ACK_S:
        return refused("an acknowledgement ends: between 1s and 30d")
    by, comment = clean(by, 64) or "unknown", clean(comment, 500)
    held = held_ack(episode, now_s)
    other = held is not None and held.by != by
    if held is not None and other and not take_over:
        return refused(f"acked by {held.by} {ago(now_s - held.at.timestamp())} ago; --take-over to take it")
    what, text = ("taken-over", f"from {held.by}") if held is not None and other else ("acked", "")
    text = ": ".join(part for part in (text, comment) if part)
    ack = Ack(by, utc(now_s), comment, utc(now_s + for_s))
    change = Change(replace(episode, ack=ack), (JournalEntry(now_s, episode.id, what, by, text),))
    whose = f" from {held.by}" if held is not None and other else ""
    return Proposal(Outcome(ok=True, message=f"acked {episode.rule} on {episode.target}{whose} for {ago(for_s)}"), change)


def give_back(episode: Episode, by: str, now_s: float) -> Proposal:
    """Let an alert go again; anybody may, and the journal says who."""
    if why := _not_open(episode, now_s):
        return refused(why)
    held = held_ack(episode, now_s)
    if held is None:
        return refused(f"{episode.rule} on {episode.target} is not acked")
    by = clean(by, 64) or "unknown"
    text = "" if held.by == by else f"was {held.by}'s"
    change = Change(replace(episode, ack=None), (JournalEntry(now_s, episode.id, "unacked", by, text),))
    return Proposal(Outcome(ok=True, message=f"unacked {episode.rule} on {episode.target}"), change)
