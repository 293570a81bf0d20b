"""Episodes, the journal and saved states in one SQLite file: written by a thread of its own, and read by anybody.

What a future of `commit` has confirmed survives a kill and a power cut (write-ahead log, synchronous=FULL).
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from tui_monitor.model import Episode, JournalEntry
from tui_monitor.store.files import EPISODES, FullError, StoreError, open_for_reading, open_for_writing, reason, said

__all__ = ["Database", "FullError", "StoreError", "open_readonly"]

T = TypeVar("T")
Written = tuple[Episode, Sequence[JournalEntry]]

MOST_JOURNAL = 200_000  # lines; the oldest go first
MOST_ENDED = 20_000
WAITING = 10_000  # writes in the queue: beyond that the disk has stopped
TOGETHER = 500  # writes in one transaction

_STATES = "CREATE TABLE IF NOT EXISTS states(name TEXT PRIMARY KEY, at_s REAL NOT NULL, data BLOB NOT NULL);"
_decoder = msgspec.json.Decoder(Episode)


class _Job(Struct, eq=False):
    """A piece of work for the writer, and who waits for it."""

    work: Callable[[sqlite3.Connection], Any]
    done: Future[Any]


def write_episode(db: sqlite3.Connection, episode: Episode, entries: Sequence[JournalEntry]) -> None:
    """One episode's new value and its lines of the journal; one that ended without ever firing leaves nothing."""
    if episode.ended_s is not None and episode.fired_s is None:
        db.execute("DELETE FROM episodes WHERE id = ?", (episode.id,))
    else:
        db.execute(
            "INSERT OR REPLACE INTO episodes VALUES(?,?,?,?,?,?,?,?,?)",
            (
                episode.id,
                episode.rule,
                episode.target,
                episode.severity,
                episode.state,
                episode.since_s,
                episode.fired_s,
                episode.ended_s,
                msgspec.json.encode(episode).decode(),
            ),
        )
    db.executemany(
        "INSERT INTO journal(at_s, episode, what, who, text) VALUES(?,?,?,?,?)",
        [(entry.at_s, entry.episode, entry.what, entry.who, entry.text) for entry in entries],
    )


def read_episodes(db: sqlite3.Connection, since_s: float) -> list[Episode]:
    """Everything open and what ended since then, oldest first. A row that cannot be read is left out, the others count."""
    found: list[Episode] = []
    for (text,) in db.execute("SELECT episode FROM episodes WHERE ended_s IS NULL OR ended_s >= ? ORDER BY since_s", (since_s,)):
        try:
            found.append(_decoder.decode(text))
        except msgspec.MsgspecError:
            continue
    return found


def read_journal(db: sqlite3.Connection, since_s: float, limit: int) -> list[JournalEntry]:
    """The newest lines since then, oldest first."""
    rows = db.execute(
        "SELECT at_s, episode, what, who, text FROM journal WHERE at_s >= ? ORDER BY number DESC LIMIT ?", (since_s, limit)
    ).fetchall()
    return [JournalEntry(*row) for row in reversed(rows)]


class Database:
    """The file of an instance, open for writing. A full disk is no reason to fail at once: each write tries again."""

    def __init__(self, path: Path) -> None:
        """Open or create it.

        Raises:
            StoreError: it cannot be used at all.
        """
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._jobs: queue.Queue[_Job | None] = queue.Queue(WAITING)
        self._closed = False
        try:
            self._db = self._open()
        except FullError:
            pass
        self._thread = threading.Thread(target=self._write, name="database", daemon=True)
        self._thread.start()

    def _open(self) -> sqlite3.Connection:
        db = open_for_writing(self._path, EPISODES + _STATES, synchronous="FULL")
        try:
            with said(self._path):
                db.execute("DELETE FROM journal WHERE number <= (SELECT max(number) FROM journal) - ?", (MOST_JOURNAL,))
                db.execute(
                    "DELETE FROM episodes WHERE ended_s < (SELECT ended_s FROM episodes WHERE ended_s IS NOT NULL "
                    "ORDER BY ended_s DESC LIMIT 1 OFFSET ?)",
                    (MOST_ENDED,),
                )
        except BaseException:
            db.close()
            raise
        return db

    # -- writing --------------------------------------------------------------------------------------------------------------------

    def _submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        done: Future[T] = Future()
        try:
            if self._closed:
                raise StoreError(f"{self._path}: closed")
            self._jobs.put_nowait(_Job(work, done))
        except queue.Full:
            done.set_exception(StoreError(f"{self._path}: the disk does not answer"))
        except StoreError as error:
            done.set_exception(error)
        return done

    def commit(self, changes: Sequence[Written]) -> Future[None]:
        """Write episodes and their lines of the journal, all or nothing; the future is done when they are durable."""
        kept = tuple((episode, tuple(entries)) for episode, entries in changes)

        def work(db: sqlite3.Connection) -> None:
            for episode, entries in kept:
                write_episode(db, episode, entries)

        return self._submit(work)

    def act(self, episode: str, decide: Callable[[Episode], tuple[T, Written | None]]) -> Future[T | None]:
        """Change one episode by what it is at that moment: for acts without an engine, where two may come at once.

        Args:
            episode: its id.
            decide: gets the episode as it is on disk; returns its answer, and what to write or None.

        Returns:
            The answer of `decide`, once durable; None when there is no such episode.
        """

        def work(db: sqlite3.Connection) -> T | None:
            row = db.execute("SELECT episode FROM episodes WHERE id = ?", (episode,)).fetchone()
            if row is None:
                return None
            answer, written = decide(_decoder.decode(row[0]))
            if written is not None:
                write_episode(db, *written)
            return answer

        return self._submit(work)

    def save_blob(self, name: str, data: bytes) -> Future[None]:
        """Keep a state under a name; the newest wins."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO states VALUES(?,?,?)", (name, time.time(), data))

        return self._submit(work)

    def _write(self) -> None:
        """The writer: takes what waits, writes it in one transaction, tells everybody."""
        ending = False
        while not ending:
            jobs: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                if job.done.set_running_or_notify_cancel():
                    jobs.append(job)
                if len(jobs) >= TOGETHER:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            ending = job is None
            if jobs:
                self._transact(jobs)
        if self._db is not None:
            self._db.close()

    def _transact(self, jobs: Sequence[_Job]) -> None:
        try:
            self._db = self._db or self._open()
            answers = self._try(self._db, jobs)
        except Exception as error:  # noqa: BLE001 - the border to the disk: whoever waits is told
            failure = reason(error, self._path) if isinstance(error, (sqlite3.Error, OSError)) else error
            for job in jobs:
                job.done.set_exception(failure)
            return
        for job, answer in zip(jobs, answers, strict=True):
            job.done.set_result(answer)

    @staticmethod
    def _try(db: sqlite3.Connection, jobs: Sequence[_Job]) -> list[Any]:
        db.execute("BEGIN IMMEDIATE")
        try:
            answers = [job.work(db) for job in jobs]
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return answers

    def close(self) -> None:
        """Write what waits, then close; further writes are refused."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    # -- reading --------------------------------------------------------------------------------------------------------------------

    def _read(self, ask: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        if not self._path.exists() or not self._path.stat().st_size:
            return nothing
        with said(self._path), closing(open_for_reading(self._path)) as db:
            return ask(db)

    def episodes(self, since_s: float) -> list[Episode]:
        """Everything open and what ended since then, oldest first."""
        return self._read(lambda db: read_episodes(db, since_s), [])

    def journal(self, since_s: float = 0.0, limit: int = 1000) -> list[JournalEntry]:
        """The newest lines since then, oldest first."""
        return self._read(lambda db: read_journal(db, since_s, limit), [])

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
    return open_for_reading(path)
