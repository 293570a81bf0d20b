"""Where people act on alerts: takes, gives back, shelves, notes, silences. It needs no rules, so it also works on what a store kept.

An act is proposed, written down by the caller, and then applied; or withdrawn, when it could not be made durable. Nothing is in force
before it is durable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tui_monitor.alerts.acts import Change, Proposal, acknowledge, dropped, give_back, note, refused, shelve
from tui_monitor.alerts.clock import SteadyClock
from tui_monitor.alerts.episodes import Episodes
from tui_monitor.alerts.judging import RANK
from tui_monitor.alerts.listing import alert_list
from tui_monitor.alerts.silences import Silences
from tui_monitor.model import (
    Acknowledge,
    Act,
    AddNote,
    AddSilence,
    Alert,
    Episode,
    ExpireSilence,
    Shelve,
    Silence,
    SilencePreview,
    Unacknowledge,
)

MOST_AT_ONCE = 10_000


class Desk:
    """Episodes and silences that can be acted on."""

    def __init__(self, episodes: Iterable[Episode] = (), silences: Iterable[Silence] = (), ack_for_s: float = 3600.0) -> None:
        """`episodes` and `silences` as the store kept them; `ack_for_s` is the length of an acknowledgement that names none."""
        self._ack_for_s = ack_for_s
        self._clock = SteadyClock()
        self._episodes = Episodes(episodes)
        self.silences = Silences(silences)

    @property
    def _steady_s(self) -> float:
        return self._clock.now_s or 0.0

    def propose(self, act: Act, who: str, now_s: float) -> list[Proposal]:
        """What an act as it came would do; one proposal for each alert that it names."""
        match act:
            case Acknowledge(alert, comment, for_s, take_over, more):
                named = self._each(alert, more)
                return [
                    refused(why) if why else self.propose_ack(identity, who, comment, for_s, take_over, now_s) for identity, why in named
                ]
            case Unacknowledge(alert, more):
                return [refused(why) if why else self.propose_unack(identity, who, now_s) for identity, why in self._each(alert, more)]
            case Shelve(alert, for_s, comment):
                return [self.propose_shelf(alert, who, comment, for_s, now_s)]
            case AddNote(alert, text):
                return [self.propose_note(alert, who, text, now_s)]
            case AddSilence(match, comment, for_s, until_s):
                end_s = until_s if for_s is None else now_s + for_s
                return [self.propose_silence(match, who, comment, end_s, now_s)]
            case ExpireSilence(silence):
                return [self.silences.propose_expiry(silence, who, now_s)]

    def _each(self, first: str, more: tuple[str, ...]) -> list[tuple[str, str]]:
        """Ids to act on, each with why it cannot be meant, or nothing: an alert that is named twice is acted on once."""
        if len(more) >= MOST_AT_ONCE:
            return [(first, f"at most {MOST_AT_ONCE} alerts at once")]
        named: list[tuple[str, str]] = []
        seen: set[str] = set()
        for word in (first, *more):
            episode, why = self._episodes.found(word)
            identity = word if episode is None else episode.id
            named.append((identity, why or (f"{word!r} is named twice" if identity in seen else "")))
            seen.add(identity)
        return named

    def propose_ack(self, identity: str, by: str, comment: str, for_s: float | None, take_over: bool, now_s: float) -> Proposal:  # noqa: FBT001 - the act as it came
        """What taking an alert would do. A proposal with a change keeps others out until `apply`, `withdraw`, or for 15 s."""
        episode, why = self._acted_on(identity, by)
        if episode is None:
            return refused(why)
        span_s = self._ack_for_s if for_s is None else for_s
        return self._claimed(acknowledge(episode, by, comment, span_s, take_over=take_over, now_s=now_s), by)

    def propose_unack(self, identity: str, by: str, now_s: float) -> Proposal:
        """What giving an alert back would do; see `propose_ack`."""
        episode, why = self._acted_on(identity, by)
        return refused(why) if episode is None else self._claimed(give_back(episode, by, now_s), by)

    def propose_shelf(self, identity: str, by: str, comment: str, for_s: float, now_s: float) -> Proposal:
        """What putting an alert out of sight would do (`for_s` 0: bringing it back); see `propose_ack`."""
        episode, why = self._acted_on(identity, by)
        return refused(why) if episode is None else self._claimed(shelve(episode, by, comment, for_s, now_s), by)

    def propose_note(self, identity: str, by: str, text: str, now_s: float) -> Proposal:
        """What writing a line into an alert's journal would do."""
        episode, why = self._episodes.found(identity)
        return refused(why) if episode is None else note(episode, by, text, now_s)

    def propose_silence(self, match: str, by: str, comment: str, until_s: float | None, now_s: float) -> Proposal:
        """What a silence would do."""
        return self.silences.propose(match, by, comment, until_s, self._episodes.all(), now_s)

    def preview(self, match: str, now_s: float) -> SilencePreview:
        """What a silence would hide."""
        return self.silences.preview(match, self.episodes(), now_s)

    def _acted_on(self, identity: str, by: str) -> tuple[Episode | None, str]:
        """The episode of that id (or of the only one that begins so), unless another act on it is being written."""
        episode, why = self._episodes.found(identity)
        other = self._episodes.claimed_by_other(episode.id, by, self._steady_s) if episode is not None else ""
        return (None, f"{other} acts on it at this moment") if other else (episode, why)

    def _claimed(self, proposal: Proposal, by: str) -> Proposal:
        if proposal.change is not None:
            self._episodes.claim(proposal.change.episode.id, by, self._steady_s)
        return proposal

    def apply(self, done: Change | Proposal) -> None:
        """An act is durable: it is in force from now on. What happened to the episode meanwhile stays."""
        if isinstance(done, Proposal):
            if done.silence is not None:
                self.silences.put(done.silence)
            if done.change is None:
                return
            done = done.change
        then = done.episode
        self._episodes.free(then.id)
        now = self._episodes.get(then.id)
        if now is None:
            return
        after = replace(now, ack=then.ack, shelf=then.shelf)
        if RANK[now.severity] < RANK[then.severity]:
            after, entries = dropped(after, now.last_true_s)
            self._episodes.wait(now.id, *entries)
        self._episodes.replace(after)

    def withdraw(self, done: Change | Proposal) -> None:
        """An act could not be made durable: it never was."""
        change = done.change if isinstance(done, Proposal) else done
        if change is not None:
            self._episodes.free(change.episode.id)

    def adopt(self, kept: Iterable[Episode], silences: Iterable[Silence] = ()) -> None:
        """Acts that another process wrote into the same store: who has it now, and what is hidden."""
        for episode in kept:
            now = self._episodes.get(episode.id)
            if now is not None and not self._episodes.claimed(now.id):
                self._episodes.replace(replace(now, ack=episode.ack, shelf=episode.shelf))
        for silence in silences:
            self.silences.put(silence)

    def set_foreign_silences(self, source: str, hidden: Mapping[str, Silence]) -> None:
        """What another system hides: an alert's id and its silence; replaces what that system said before."""
        self.silences.set_foreign(source, hidden)

    # -- the list -------------------------------------------------------------------------------------------------------------------

    def episodes(self) -> list[Episode]:
        """All that is kept, oldest first."""
        return sorted(self._episodes.all(), key=lambda episode: episode.since_s)

    def alerts(self, now_s: float) -> list[Alert]:
        """The list as people read it, worst first; see `alert_list`."""
        return alert_list(self._episodes.all(), now_s, self.silences.over if self.silences else None)
