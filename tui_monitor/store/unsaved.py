"""What happened while nothing could be written: kept in memory, said, and written first when that goes again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct

from tui_monitor.model import Episode, JournalEntry, Outgoing, Silence
from tui_monitor.store import outbox
from tui_monitor.store.rows import write_episode, write_journal, write_silence

K = TypeVar("K")
V = TypeVar("V")

MOST = 20_000  # of each kind; beyond that the oldest are lost, and counted

Written = tuple[Episode, Sequence[JournalEntry]]


class Batch(Struct, frozen=True):
    """What is written in one transaction, all or nothing."""

    episodes: tuple[Written, ...] = ()
    silences: tuple[Silence, ...] = ()
    journal: tuple[JournalEntry, ...] = ()  # of silences, notes and the engine
    outbox: tuple[Outgoing, ...] = ()

    def write(self, db: sqlite3.Connection) -> None:
        """Into the transaction that is open."""
        for episode, entries in self.episodes:
            write_episode(db, episode, entries)
        for silence in self.silences:
            write_silence(db, silence)
        write_journal(db, self.journal)
        outbox.put(db, self.outbox)


class Unsaved:
    """Changes that wait for the disk: the newest value of each episode, all lines."""

    def __init__(self) -> None:
        self._episodes: dict[str, Episode] = {}
        self._silences: dict[str, Silence] = {}
        self._journal: list[JournalEntry] = []
        self._outbox: dict[tuple[str, str], Outgoing] = {}
        self._lost = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._episodes or self._silences or self._journal or self._outbox)

    def add(self, batch: Batch) -> None:
        """Keep what could not be written."""
        for episode, entries in batch.episodes:
            self._episodes.pop(episode.id, None)
            self._episodes[episode.id] = episode
            self._journal.extend(entries)
        for silence in batch.silences:
            self._silences[silence.id] = silence
        self._journal.extend(batch.journal)
        for row in batch.outbox:
            self._outbox.setdefault((row.sink, row.key), row)
        self._lost += _shorten(self._episodes) + _shorten(self._silences) + _shorten(self._outbox)
        if len(self._journal) > MOST:
            self._lost += len(self._journal) - MOST
            del self._journal[: len(self._journal) - MOST]

    def batch(self) -> Batch:
        """All that waits."""
        episodes = tuple((episode, ()) for episode in self._episodes.values())
        return Batch(episodes, tuple(self._silences.values()), tuple(self._journal), tuple(self._outbox.values()))

    def clear(self) -> None:
        """It is on disk."""
        self._episodes.clear()
        self._silences.clear()
        self._journal.clear()
        self._outbox.clear()
        self._lost = 0

    @property
    def said(self) -> str:
        """What is not saved, or nothing: `3 alerts, 12 lines of the journal`."""
        parts = [
            (len(self._episodes), "alert", "alerts"),
            (len(self._silences), "silence", "silences"),
            (len(self._journal), "line of the journal", "lines of the journal"),
            (len(self._outbox), "notice", "notices"),
            (self._lost, "older one lost", "older ones lost"),
        ]
        return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in parts if count)


def _shorten(held: dict[K, V]) -> int:
    """Drop the oldest of too many; says how many."""
    many = max(0, len(held) - MOST)
    for key in list(held)[:many]:
        del held[key]
    return many
