"""What the database of an instance holds, read: no thread, nothing written, also while another process writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from tui_monitor.model import AlertPast, Episode, JournalEntry, Outgoing, Silence
from tui_monitor.store import outbox, rows
from tui_monitor.store.files import DATABASE_SCHEMA, open_for_reading, said

T = TypeVar("T")


class Reader:
    """The file for reading only. What is not there is empty.

    Raises:
        StoreError: from every method, where the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def _read(self, ask: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        if not self._path.exists() or not self._path.stat().st_size:
            return nothing
        with said(self._path), closing(open_for_reading(self._path, DATABASE_SCHEMA)) as db:
            return ask(db)

    def episodes(self, since_s: float) -> list[Episode]:
        """Everything open and what ended since then, oldest first."""
        return self._read(lambda db: rows.read_episodes(db, since_s), [])

    def silences(self, since_s: float) -> list[Silence]:
        """Silences in force and what ended since then."""
        return self._read(lambda db: rows.read_silences(db, since_s), [])

    def journal(self, since_s: float = 0.0, limit: int = 1000) -> list[JournalEntry]:
        """The newest lines since then, oldest first."""
        return self._read(lambda db: rows.read_journal(db, since_s, limit), [])

    def history(self, rule: str, kind: str, target: str, limit: int = 20) -> list[Episode]:
        """The newest episodes of one alert that fired, newest first; an empty kind is any."""
        return self._read(lambda db: rows.read_past(db, rule, kind, target, limit), [])

    def meant(self, word: str) -> list[Episode]:
        """Episodes that a word may mean: of that id, of that rule (the newest of each alert), or whose ids begin so."""
        return self._read(lambda db: rows.read_meant(db, word), [])

    def past(self, episode: str, limit: int = 20) -> AlertPast | None:
        """How often the alert of an episode fired, when last, how long, who had it; None when there is no such episode."""
        return self._read(lambda db: rows.read_alert_past(db, episode, limit), None)

    def due(self, now_s: float, limit: int = 50, sink: str = "") -> list[Outgoing]:
        """What of the outbox can be sent now, oldest first; of one alert to one system only the oldest."""
        return self._read(lambda db: outbox.due(db, now_s, limit, sink), [])

    def outgoing(self, episode: str, limit: int = 50) -> list[Outgoing]:
        """What was to be told of an episode outside, newest first: sent, waiting (and why), given up."""
        return self._read(lambda db: outbox.of_episode(db, episode, limit), [])

    def waiting(self) -> dict[str, tuple[int, str]]:
        """For each outward system how much waits for it, and the newest error."""
        return self._read(outbox.waiting, {})

    def load_blob(self, name: str) -> bytes | None:
        """A saved state, or None."""

        def ask(db: sqlite3.Connection) -> bytes | None:
            row = db.execute("SELECT data FROM states WHERE name = ?", (name,)).fetchone()
            return None if row is None else bytes(row[0])

        return self._read(ask, None)


def open_readonly(path: Path) -> sqlite3.Connection:
    """The file for reading only: no thread, nothing written, works on another user's file too. Use `read_episodes`, `read_journal`.

    Raises:
        StoreError: it is not there or cannot be read.
    """
    return open_for_reading(path, DATABASE_SCHEMA)
