"""All episodes that are open or ended lately, with what is measured of them by the steady clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from msgspec import Struct

from tui_monitor.alerts.acts import Change
from tui_monitor.alerts.listing import SHOWN_S
from tui_monitor.model import Episode, JournalEntry, Notice

HEARTBEAT_S = 15.0  # how often the numbers of an open episode are written down
CLAIM_S = 15.0  # how long an act that is being written keeps others out
MOST_ENDED = 1000

Key = tuple[str, str, str]  # rule's name, subject's kind and name


def episode_id(rule: str, kind: str, target: str, since_s: float) -> str:
    """Eight hexadecimal digits that stay the same over restarts."""
    return hashlib.blake2s(f"{rule}\0{kind}\0{target}\0{since_s:.3f}".encode(), digest_size=4).hexdigest()


def alert_id(rule: str, kind: str, target: str) -> str:
    """Sixteen hexadecimal digits for an alert over all its episodes: what an outward system calls its fingerprint."""
    return hashlib.blake2s(f"{rule}\0{kind}\0{target}".encode(), digest_size=8).hexdigest()


def key_of(episode: Episode) -> Key:
    """What an episode is one firing of."""
    return (episode.rule, episode.kind, episode.target)


class Times(Struct):
    """Moments of an episode in steady time."""

    true_s: float  # last true
    ended_s: float | None
    told_s: float
    moves_s: tuple[float, ...]
    silent_s: float | None = None  # no data since
    written_s: float | None = None
    ack_until_s: float | None = None  # of the acknowledgement whose length is measured: its end by the wall
    ack_over_s: float = 0.0  # and when its whole length has passed


class Claim(Struct, frozen=True):
    """An act on its way to the disk."""

    by: str
    at_s: float


class Episodes:
    """The newest value of each, which of them is the newest of its alert, and what waits to be handed out."""

    def __init__(self, kept: Iterable[Episode]) -> None:
        self._episodes: dict[str, Episode] = {}
        self._newest: dict[Key, str] = {}
        self._before: dict[str, str] = {}  # the episode of the same alert that came before
        self._times: dict[str, Times] = {}
        self._claims: dict[str, Claim] = {}
        self._waiting: dict[str, list[JournalEntry]] = {}  # of those whose changes wait for a claim, or for the next look
        self._changes: dict[str, Change] = {}
        for episode in sorted(kept, key=lambda episode: episode.since_s):
            self.keep(episode)

    def keep(self, episode: Episode) -> None:
        """Take a new episode, or a new value of one that is its alert's newest."""
        self._episodes[episode.id] = episode
        before = self._newest.get(key_of(episode), episode.id)
        if before != episode.id:
            self._before[episode.id] = before
        self._newest[key_of(episode)] = episode.id

    def replace(self, episode: Episode) -> None:
        """Take a new value of an episode that may not be the newest of its alert."""
        self._episodes[episode.id] = episode

    def get(self, identity: str) -> Episode | None:
        """The episode of that id."""
        return self._episodes.get(identity)

    def newest(self, key: Key) -> Episode | None:
        """The newest episode of an alert."""
        return self._episodes.get(self._newest.get(key, ""))

    def open(self, key: Key) -> Episode | None:
        """The episode of an alert that is pending or fires."""
        episode = self.newest(key)
        return episode if episode is not None and episode.state in ("pending", "firing") else None

    def keys_of_open(self) -> list[Key]:
        """Of the alerts that are pending or fire."""
        return [key for key, identity in self._newest.items() if self._episodes[identity].state in ("pending", "firing")]

    def all(self) -> list[Episode]:
        """Every one."""
        return list(self._episodes.values())

    def times(self, episode: Episode, shift_s: float = 0.0) -> Times:
        """What is measured of an episode. Of one that an earlier engine left it is what that wrote down, moved by `shift_s`."""
        times = self._times.get(episode.id)
        if times is None:
            times = self._times[episode.id] = Times(
                episode.last_true_s + shift_s,
                None if episode.ended_s is None else episode.ended_s + shift_s,
                shift_s + (episode.told.at_s if episode.told is not None else 0.0),
                tuple(move_s + shift_s for move_s in episode.moves_s),
            )
        return times

    # -- changes --------------------------------------------------------------------------------------------------------------------

    def put(self, episode: Episode, entries: tuple[JournalEntry, ...] | None, now_s: float, notices: tuple[Notice, ...] = ()) -> None:
        """Keep a new value. `entries` None: nothing but numbers moved, so it is handed out only now and then (steady time)."""
        self._episodes[episode.id] = episode
        self._newest.setdefault(key_of(episode), episode.id)
        times = self.times(episode)
        if episode.id in self._claims:  # an act on it is being written: a change in between would undo the act on disk
            self._waiting.setdefault(episode.id, []).extend(entries or ())
            return
        before = self._changes.get(episode.id)
        if before is not None:
            self._changes[episode.id] = Change(episode, (*before.entries, *(entries or ())), (*before.notices, *notices))
        elif entries is not None or times.written_s is None or now_s - times.written_s >= HEARTBEAT_S:
            times.written_s = now_s
            self._changes[episode.id] = Change(episode, entries or (), notices)

    def release(self, now_s: float) -> None:
        """Give up claims that nobody came back for, and hand out what had to wait."""
        for identity, claim in list(self._claims.items()):
            if now_s - claim.at_s >= CLAIM_S:
                del self._claims[identity]
        for identity in [identity for identity in self._waiting if identity not in self._claims]:
            entries = self._waiting.pop(identity)
            episode = self._episodes.get(identity)
            if episode is not None:
                self.put(episode, tuple(entries), now_s)

    def handed_out(self) -> list[Change]:
        """The changes since the last call, one an episode."""
        changes, self._changes = list(self._changes.values()), {}
        return changes

    def wait(self, identity: str, *entries: JournalEntry) -> None:
        """Lines that go out with the next look."""
        self._waiting.setdefault(identity, []).extend(entries)

    # -- claims ---------------------------------------------------------------------------------------------------------------------

    def claim(self, identity: str, by: str, now_s: float) -> None:
        """Keep others out while an act is being written."""
        self._claims[identity] = Claim(by, now_s)

    def claimed(self, identity: str) -> bool:
        """Whether an act on it is being written."""
        return identity in self._claims

    def claimed_by_other(self, identity: str, by: str, now_s: float) -> str:
        """Who keeps others out, or nothing."""
        claim = self._claims.get(identity)
        return claim.by if claim is not None and claim.by != by and now_s - claim.at_s < CLAIM_S else ""

    def free(self, identity: str) -> None:
        """The act is written, or never will be."""
        self._claims.pop(identity, None)

    # -- forgetting -----------------------------------------------------------------------------------------------------------------

    def drop(self, identity: str) -> None:
        """Forget one; the store keeps it."""
        episode = self._episodes.pop(identity, None)
        self._times.pop(identity, None)
        before = self._before.pop(identity, "")
        if episode is not None and self._newest.get(key_of(episode)) == identity:
            del self._newest[key_of(episode)]
            if before in self._episodes:  # it never fired: what did before it is the newest again
                self._newest[key_of(episode)] = before

    def forget(self, now_s: float) -> None:
        """Drop what ended long ago (steady time)."""
        ended = sorted((self.times(one).ended_s or 0.0, one.id) for one in self._episodes.values() if one.ended_s is not None)
        for rank, (ended_s, identity) in enumerate(ended):
            if now_s - ended_s > SHOWN_S or len(ended) - rank > MOST_ENDED:
                self.drop(identity)

    def found(self, identity: str) -> tuple[Episode | None, str]:
        """The episode of that id, or the only one whose id begins so; else why not."""
        exact = self._episodes.get(identity)
        if exact is not None:
            return exact, ""
        begun = [one for known, one in self._episodes.items() if len(identity) >= 3 and known.startswith(identity)]
        if len(begun) != 1:
            return None, f"no alert {identity!r}" if not begun else f"{identity!r} fits {len(begun)} alerts; write more of it"
        return begun[0], ""
