"""Silences: what is hidden from those who are called, by whom, why and until when. What is silenced is still shown and counted.

Ours end at the wall time that everybody was shown; those of an Alertmanager are told by whoever reads it, alert by alert.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tui_monitor.alerts.acts import Proposal, ago, refused
from tui_monitor.alerts.listing import alert_of
from tui_monitor.alerts.silence_match import Match, MatchError, matches, read_match, said_match
from tui_monitor.model import Episode, JournalEntry, Outcome, Silence, SilencePreview, clean, utc

LONGEST_S = 366 * 86400.0
KEPT_S = 86400.0  # how long one that ended stays on the list
PREVIEWED_S = 86400.0
MOST = 500  # in force at once
MOST_LINES = 200  # of the journal for one silence


def silence_id(by: str, match: str, at_s: float) -> str:
    """Eight hexadecimal digits after an `s`, so that nobody takes it for an alert's."""
    return "s" + hashlib.blake2s(f"{by}\0{match}\0{at_s:.3f}".encode(), digest_size=4).hexdigest()


def in_force(silence: Silence, now_s: float) -> bool:
    """Whether it hides anything now."""
    return silence.expired_at is None and silence.at.timestamp() <= now_s < silence.until.timestamp()


class Silences:
    """All silences, ours and those of others."""

    def __init__(self, kept: Iterable[Silence] = ()) -> None:
        self._own: dict[str, tuple[Silence, Match]] = {}
        self._foreign: dict[str, Mapping[str, Silence]] = {}
        for silence in kept:
            self.put(silence)

    def put(self, silence: Silence) -> None:
        """Keep a silence as it is now. One that cannot be read any more hides nothing."""
        try:
            match = read_match(silence.match)
        except MatchError:
            match = ()
        self._own[silence.id] = (silence, match)

    def set_foreign(self, source: str, hidden: Mapping[str, Silence]) -> None:
        """What another system says that it hides: an alert's id and the silence over it. Replaces what it said before."""
        self._foreign[source] = hidden

    def over(self, episode: Episode, now_s: float) -> Silence | None:
        """The silence that hides an episode now and lasts longest, or None."""
        found = [silence for silence, match in self._own.values() if in_force(silence, now_s) and matches(match, episode)]
        for hidden in self._foreign.values():
            silence = hidden.get(episode.id)
            if silence is not None and in_force(silence, now_s):
                found.append(silence)
        return max(found, key=lambda silence: silence.until, default=None)

    def __bool__(self) -> bool:
        """Whether there is any at all."""
        return bool(self._own or self._foreign)

    def listed(self, now_s: float) -> list[Silence]:
        """Those in force, which end soonest first, then those that ended in the last day."""
        own = [silence for silence, _ in self._own.values()]
        foreign = {(source, silence.id): silence for source, hidden in self._foreign.items() for silence in hidden.values()}
        every = [*own, *foreign.values()]
        return [
            *sorted((silence for silence in every if in_force(silence, now_s)), key=lambda silence: (silence.until, silence.id)),
            *sorted(
                (silence for silence in every if not in_force(silence, now_s)),
                key=lambda silence: (silence.expired_at or silence.until, silence.id),
                reverse=True,
            ),
        ]

    def forget(self, now_s: float) -> None:
        """Drop what ended long ago."""
        for identity, (silence, _) in list(self._own.items()):
            if now_s - (silence.expired_at or silence.until).timestamp() > KEPT_S:
                del self._own[identity]

    # -- acts -----------------------------------------------------------------------------------------------------------------------

    def propose(self, match: str, by: str, comment: str, until_s: float | None, episodes: Iterable[Episode], now_s: float) -> Proposal:
        """What hiding all that matches would do. Who silences the same again prolongs or shortens it."""
        try:
            conditions = read_match(match)
        except MatchError as error:
            return refused(f"column {error.column}: {error}")
        by, comment = clean(by, 64) or "unknown", clean(comment, 500)
        if not comment:
            return refused("a silence needs a reason")
        if until_s is None:
            return refused("a silence needs an end")
        if not now_s < until_s <= now_s + LONGEST_S:
            return refused("a silence ends in the future, within a year")
        text = said_match(conditions)
        equal = next((silence for silence, _ in self._own.values() if in_force(silence, now_s) and silence.match == text), None)
        if equal is not None and equal.by != by:
            return refused(
                f"silenced by {equal.by} {ago(now_s - equal.at.timestamp())} ago, for {ago(equal.until.timestamp() - now_s)} more"
            )
        if equal is None and sum(in_force(silence, now_s) for silence, _ in self._own.values()) >= MOST:
            return refused(f"{MOST} silences are in force; expire some first")
        if equal is not None:
            silence = replace(equal, until=utc(until_s), comment=comment)
        else:
            silence = Silence(by, utc(now_s), utc(until_s), comment, silence_id(by, text, now_s), text)
        hidden = [episode for episode in episodes if episode.state == "firing" and matches(conditions, episode)]
        span = ago(until_s - now_s)
        entries = [JournalEntry(now_s, silence.id, "silenced", by, f"{text} for {span}: {comment}")]
        entries += [
            JournalEntry(now_s, episode.id, "silenced", by, f"{silence.id} for {span}: {comment}") for episode in hidden[:MOST_LINES]
        ]
        word = "goes on" if equal is not None else "hides"
        many = f"{len(hidden)} alert{'' if len(hidden) == 1 else 's'} now"
        return Proposal(Outcome(ok=True, message=f"{silence.id} {word} for {span}, {many}"), silence=silence, entries=tuple(entries))

    def propose_expiry(self, identity: str, by: str, now_s: float) -> Proposal:
        """What ending a silence before its time would do; anybody may, and the journal says who."""
        found = [silence for silence, _ in self._own.values() if silence.id == identity]
        found = found or [silence for silence, _ in self._own.values() if len(identity) >= 3 and silence.id.startswith(identity)]
        if len(found) != 1:
            foreign = any(silence.id == identity for hidden in self._foreign.values() for silence in hidden.values())
            if foreign:
                return refused(f"{identity!r} is not ours; expire it where it was made")
            return refused(f"no silence {identity!r}" if not found else f"{identity!r} fits {len(found)} silences; write more of it")
        silence = found[0]
        if not in_force(silence, now_s):
            end = silence.expired_at or silence.until
            return refused(f"silence {silence.id} ended {ago(now_s - end.timestamp())} ago")
        by = clean(by, 64) or "unknown"
        text = silence.match if silence.by == by else f"{silence.match}, was {silence.by}'s"
        entry = JournalEntry(now_s, silence.id, "silence-expired", by, text)
        silence = replace(silence, expired_at=utc(now_s), expired_by=by)
        return Proposal(Outcome(ok=True, message=f"silence {silence.id} ended: {silence.match}"), silence=silence, entries=(entry,))

    def preview(self, match: str, episodes: Iterable[Episode], now_s: float) -> SilencePreview:
        """What a silence would hide now, and what it would have hidden in the last day; without doing it."""
        try:
            conditions = read_match(match)
        except MatchError as error:
            return SilencePreview(match, error=str(error), column=error.column)
        hit = [episode for episode in episodes if episode.fired_s is not None and matches(conditions, episode)]
        now = [alert_of(episode, now_s) for episode in hit if episode.state == "firing"]
        before = [alert_of(episode, now_s) for episode in hit if episode.ended_s is None or now_s - episode.ended_s <= PREVIEWED_S]
        return SilencePreview(said_match(conditions), now, before)
