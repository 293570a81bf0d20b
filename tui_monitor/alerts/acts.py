"""What people do to an episode: take it, give it back. Pure functions from an episode to its next value and the journal's lines."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from tui_monitor.model import Ack, Episode, JournalEntry, Notice, Outcome, Shelf, Silence, clean, utc

LONGEST_ACK_S = 30 * 86400.0
LONGEST_NOTE = 2000


class Change(Struct, frozen=True):
    """The next value of an episode, the lines that the journal gets for it (none: only its numbers moved), and what must be told outside."""

    episode: Episode
    entries: tuple[JournalEntry, ...] = ()
    notices: tuple[Notice, ...] = ()


class Proposal(Struct, frozen=True):
    """What an act would do. Nothing has happened yet: write down `change`, `silence` and `entries`, then apply it, then say `outcome`."""

    outcome: Outcome
    change: Change | None = None  # of an episode; its own entries are in it
    silence: Silence | None = None
    entries: tuple[JournalEntry, ...] = ()  # of a silence or a note

    @property
    def writes(self) -> bool:
        """Whether there is anything to make durable."""
        return self.change is not None or self.silence is not None or bool(self.entries)


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


def held_shelf(episode: Episode, now_s: float) -> Shelf | None:
    """The shelf that an episode is on now."""
    return episode.shelf if episode.shelf is not None and episode.shelf.until.timestamp() > now_s else None


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


def shelve(episode: Episode, by: str, comment: str, for_s: float, now_s: float) -> Proposal:
    """Put an alert out of sight for a while (`for_s` 0: bring it back). It goes on, and it still counts in the header."""
    if why := _not_open(episode, now_s):
        return refused(why)
    by, comment = clean(by, 64) or "unknown", clean(comment, 500)
    what = f"{episode.rule} on {episode.target}"
    held = held_shelf(episode, now_s)
    if for_s == 0:
        if held is None:
            return refused(f"{what} is not shelved")
        text = "" if held.by == by else f"was {held.by}'s"
        change = Change(replace(episode, shelf=None), (JournalEntry(now_s, episode.id, "unshelved", by, text),))
        return Proposal(Outcome(ok=True, message=f"{what} is back"), change)
    if not 0 < for_s <= LONGEST_ACK_S:
        return refused("a shelf ends: between 1s and 30d")
    shelf = Shelf(by, utc(now_s), comment, utc(now_s + for_s))
    text = f"for {ago(for_s)}{': ' if comment else ''}{comment}"
    change = Change(replace(episode, shelf=shelf), (JournalEntry(now_s, episode.id, "shelved", by, text),))
    return Proposal(Outcome(ok=True, message=f"shelved {what} for {ago(for_s)}"), change)


def dropped(episode: Episode, now_s: float) -> tuple[Episode, tuple[JournalEntry, ...]]:
    """The severity rose: whoever took it, or put it out of sight, did so with something milder."""
    entries: tuple[JournalEntry, ...] = ()
    if episode.ack is not None:
        entries = (JournalEntry(now_s, episode.id, "ack-dropped", "", f"{episode.ack.by}'s, severity rose"),)
    if episode.shelf is not None:
        entries = (*entries, JournalEntry(now_s, episode.id, "unshelved", "", f"{episode.shelf.by}'s shelf, severity rose"))
    return replace(episode, ack=None, shelf=None), entries


def note(episode: Episode, by: str, text: str, now_s: float) -> Proposal:
    """Write a line into an episode's journal; also into one that is over."""
    text = clean(text, LONGEST_NOTE)
    if not text:
        return refused("an empty note says nothing")
    entry = JournalEntry(now_s, episode.id, "note", clean(by, 64) or "unknown", text)
    return Proposal(Outcome(ok=True, message=f"noted on {episode.rule} on {episode.target}"), entries=(entry,))


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """Several answers as one: it is well when all are; each stands in `each`."""
    if len(outcomes) == 1:
        return outcomes[0]
    good = sum(outcome.ok for outcome in outcomes)
    wrong = next((outcome.message for outcome in outcomes if not outcome.ok), "")
    message = f"{good} of {len(outcomes)} done" + (f"; {wrong}" if wrong else "")
    return Outcome(ok=good == len(outcomes), message=message, each=list(outcomes))
