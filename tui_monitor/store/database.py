"""Episodes, the journal, silences, saved states and the outbox in one SQLite file: written by a thread of its own, and read by anybody.

What a future of `commit` has confirmed survives a kill and a power cut (write-ahead log, synchronous=FULL; see `files` for networks).
Several processes may write: each waits for the others for a while, and an act of another process is never overwritten by what this one
still believed (see `outside`).
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tui_monitor.model import Episode, JournalEntry, Outgoing, Silence
from tui_monitor.store import outbox, rows
from tui_monitor.store.files import (
    DATABASE_SCHEMA,
    EPISODES,
    FullError,
    PassingError,
    StoreError,
    open_for_writing,
    reason,
    said,
)
from tui_monitor.store.mounts import network_of
from tui_monitor.store.reading import Reader, open_readonly
from tui_monitor.store.rows import read_episodes, read_journal, read_silences, write_episode
from tui_monitor.store.unsaved import Batch, Unsaved, Written

__all__ = [
    "Batch",
    "Database",
    "FullError",
    "Kept",
    "StoreError",
    "Written",
    "open_readonly",
    "read_episodes",
    "read_journal",
    "read_silences",
    "write_episode",
]

T = TypeVar("T")

WAITING = 10_000  # writes in the queue: beyond that the disk has stopped
TOGETHER = 500  # writes in one transaction
PRUNED_EVERY = 2000  # transactions
KEPT_S = 86400.0  # what ended so long ago cannot be acted on any more


class Kept(Struct, frozen=True):
    """What can be acted on, as it stands on disk at this moment."""

    episodes: list[Episode]
    silences: list[Silence]


class Saving(Struct, frozen=True):
    """Whether what happens is saved; `said` is the line for people."""

    why: str = ""  # not: nothing can be written
    unsaved: str = ""  # what waits for that: "3 alerts, 12 lines of the journal"
    network: str = ""  # the kind of file system where there is no write-ahead log

    @property
    def said(self) -> str:
        """One line, or nothing when all is well."""
        if self.why or self.unsaved:
            return f"not saved: {self.unsaved or 'nothing yet'}{f' ({self.why})' if self.why else ''}"
        return ""


class _Job(Struct, eq=False):
    """A piece of work for the writer, and who waits for it."""

    work: Callable[[sqlite3.Connection], Any]
    done: Future[Any]
    kept: Batch | None = None  # what must not be forgotten when it cannot be written


class Database(Reader):
    """The file of an instance, open for writing. A full disk is no reason to fail at once: each write tries again."""

    def __init__(self, path: Path) -> None:
        """Open or create it. What may pass (a full or read-only disk, another writer) is no error here; `saving` says it.

        Raises:
            StoreError: it cannot be used at all.
        """
        super().__init__(path)
        self._db: sqlite3.Connection | None = None
        self._jobs: queue.Queue[_Job | None] = queue.Queue(WAITING)
        self._closed = False
        self._transactions = 0
        self._unsaved, self._overflow = Unsaved(), deque[Batch]()
        self._why = ""
        self._seen: int | None = None  # the newest line of the journal that this process knows
        self._version: int | None = None  # changes when another process has written
        self._foreign: set[str] = set()  # episodes and silences that other processes acted on, and nobody here has heard of
        self._network = network_of(path)
        try:
            self._db = self._open()
        except PassingError as error:
            self._why = str(error)
        self._saving = Saving(self._why, "", self._network)
        self._thread = threading.Thread(target=self._write, name="database", daemon=True)
        self._thread.start()

    def _open(self) -> sqlite3.Connection:
        db = open_for_writing(self._path, EPISODES + rows.ALERTS + outbox.OUTBOX, synchronous="FULL", version=DATABASE_SCHEMA)
        try:
            with said(self._path):
                self._prune(db)
                if self._seen is None:
                    self._seen = _newest_line(db)
                self._version = None
        except BaseException:
            db.close()
            raise
        return db

    @staticmethod
    def _prune(db: sqlite3.Connection) -> None:
        rows.prune(db)
        outbox.prune(db)

    @property
    def saving(self) -> Saving:
        """Whether what happens is saved, and what is not."""
        return self._saving

    # -- writing --------------------------------------------------------------------------------------------------------------------

    def _submit(self, work: Callable[[sqlite3.Connection], T], kept: Batch | None = None) -> Future[T]:
        done: Future[T] = Future()
        try:
            if self._closed:
                raise StoreError(f"{self._path}: closed")
            self._jobs.put_nowait(_Job(work, done, kept))
        except queue.Full:
            if kept is not None:
                self._overflow.append(kept)
            done.set_exception(StoreError(f"{self._path}: the disk does not answer"))
        except StoreError as error:
            done.set_exception(error)
        return done

    def commit(
        self,
        changes: Sequence[Written] = (),
        *,
        silences: Sequence[Silence] = (),
        journal: Sequence[JournalEntry] = (),
        outbox: Sequence[Outgoing] = (),
    ) -> Future[None]:
        """Write an act: all or nothing; the future is done when it is durable. What fails is not tried again, so it can be refused.

        The future fails when another process acted on one of the episodes and `outside` has not told of it yet.
        """
        batch = _batch(changes, silences, journal, outbox)

        def work(db: sqlite3.Connection) -> None:
            if any(episode.id in self._foreign for episode, _ in batch.episodes):
                raise StoreError("somebody acts on it from another process at this moment")
            batch.write(db)

        return self._submit(work)

    def keep(
        self,
        changes: Sequence[Written] = (),
        *,
        silences: Sequence[Silence] = (),
        journal: Sequence[JournalEntry] = (),
        outbox: Sequence[Outgoing] = (),
    ) -> Future[None]:
        """Write what has happened, whether or not it can be written: what fails stays in memory, and is written first when that goes again."""
        batch = _batch(changes, silences, journal, outbox)
        return self._submit(lambda db: self._merged(db, batch).write(db), batch)

    def decide(self, decide: Callable[[Kept], tuple[T, Batch | None]]) -> Future[T]:
        """Act on what is on disk at that moment: for acts without an engine, where several may come at once.

        Args:
            decide: gets what can be acted on; returns its answer, and what to write or None. Nobody else writes meanwhile.

        Returns:
            The answer of `decide`, once durable.
        """

        def work(db: sqlite3.Connection) -> T:
            since_s = time.time() - KEPT_S
            answer, batch = decide(Kept(read_episodes(db, since_s), read_silences(db, since_s)))
            if batch is not None:
                batch.write(db)
            return answer

        return self._submit(work)

    def act(self, episode: str, decide: Callable[[Episode], tuple[T, Written | None]]) -> Future[T | None]:
        """Change one episode by what it is on disk at that moment.

        Args:
            episode: its id.
            decide: gets the episode as it is on disk; returns its answer, and what to write or None.

        Returns:
            The answer of `decide`, once durable; None when there is no such episode.
        """

        def work(db: sqlite3.Connection) -> T | None:
            found = rows.read_episode(db, episode)
            if found is None:
                return None
            answer, written = decide(found)
            if written is not None:
                write_episode(db, *written)
            return answer

        return self._submit(work)

    def outside(self) -> Future[Kept]:
        """What other processes did since the last call: episodes that they acted on, and all silences if they touched any.

        Ask before an evaluation and take it over before the next write: until then their acts win over what is written here.
        """

        def work(db: sqlite3.Connection) -> Kept:
            foreign = set(self._foreign)
            found = [episode for identity in sorted(foreign) if (episode := rows.read_episode(db, identity)) is not None]
            silenced = foreign - {episode.id for episode in found}
            told.update(foreign)
            return Kept(found, read_silences(db, time.time() - KEPT_S) if silenced else [])

        told: set[str] = set()
        done = self._submit(work)
        done.add_done_callback(lambda done: None if done.cancelled() or done.exception() else self._foreign.difference_update(told))
        return done

    def save_blob(self, name: str, data: bytes) -> Future[None]:
        """Keep a state under a name; the newest wins."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO states VALUES(?,?,?)", (name, time.time(), data))

        return self._submit(work)

    def put(self, outgoing: Sequence[Outgoing]) -> Future[None]:
        """Rows for the outbox that tell of no change of an episode."""
        return self.keep(outbox=outgoing)

    def settle(self, row: Outgoing) -> Future[None]:
        """What became of an attempt to send."""
        return self._submit(lambda db: outbox.settle(db, row))

    # -- the writer -----------------------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Take what waits, write it in one transaction, tell everybody."""
        ending = False
        while not ending:
            jobs: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                if job.done.set_running_or_notify_cancel():
                    jobs.append(job)
                elif job.kept is not None:
                    self._unsaved.add(job.kept)
                if len(jobs) >= TOGETHER:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            ending = job is None
            self._transact(jobs)
        if self._db is not None:
            self._db.close()

    def _transact(self, jobs: Sequence[_Job]) -> None:
        try:
            self._db = self._db or self._open()
            self._write_unsaved(self._db)
            answers = self._try(self._db, [job.work for job in jobs])
        except Exception as error:  # noqa: BLE001 - the border to the disk: whoever waits is told
            failure = reason(error, self._path) if isinstance(error, (sqlite3.Error, OSError)) else error
            if len(jobs) > 1 and not isinstance(failure, PassingError):
                for job in jobs:  # one of them is to blame; the others need not suffer
                    self._transact([job])
                return
            self._why = str(failure) if isinstance(error, (sqlite3.Error, OSError, PassingError)) else self._why
            for job in jobs:
                if job.kept is not None and not isinstance(error, sqlite3.IntegrityError):
                    self._unsaved.add(job.kept)
            self._saving = Saving(self._why, self._unsaved.said, self._network)
            for job in jobs:
                job.done.set_exception(failure)
            return
        self._why = ""
        self._saving = Saving("", self._unsaved.said, self._network)
        for job, answer in zip(jobs, answers, strict=True):
            job.done.set_result(answer)

    def _write_unsaved(self, db: sqlite3.Connection) -> None:
        """What could not be written before comes first."""
        while self._overflow:
            self._unsaved.add(self._overflow.popleft())
        if not self._unsaved:
            return
        batch = self._unsaved.batch()
        try:
            self._try(db, [lambda db: self._merged(db, batch).write(db)])
        except sqlite3.IntegrityError:  # it never can be
            pass
        self._unsaved.clear()

    def _try(self, db: sqlite3.Connection, works: Sequence[Callable[[sqlite3.Connection], Any]]) -> list[Any]:
        self._transactions += 1
        db.execute("BEGIN IMMEDIATE")
        try:
            self._look_outside(db)
            answers = [work(db) for work in works]
            if self._transactions % PRUNED_EVERY == 0:
                self._prune(db)
            seen = _newest_line(db)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._seen = seen
        return answers

    def _look_outside(self, db: sqlite3.Connection) -> None:
        """Note what other processes acted on since this one last wrote."""
        version = int(db.execute("PRAGMA data_version").fetchone()[0])
        if version == self._version:
            return
        marks = ",".join("?" * len(rows.ACTS))
        found = db.execute(f"SELECT DISTINCT episode FROM journal WHERE number > ? AND what IN ({marks})", (self._seen or 0, *rows.ACTS))  # noqa: S608 - question marks
        self._foreign.update(identity for (identity,) in found)
        self._seen, self._version = _newest_line(db), version

    def _merged(self, db: sqlite3.Connection, batch: Batch) -> Batch:
        """A batch that leaves acts of other processes as they are, unless the severity has risen above what they acted on."""
        if not self._foreign.intersection(episode.id for episode, _ in batch.episodes):
            return batch
        merged: list[Written] = []
        for episode, entries in batch.episodes:
            there = rows.read_episode(db, episode.id) if episode.id in self._foreign else None
            if there is not None and there.severity == episode.severity:
                episode = replace(episode, ack=there.ack, shelf=there.shelf)  # noqa: PLW2901 - the same episode, with their act
            merged.append((episode, entries))
        return replace(batch, episodes=tuple(merged))

    def close(self) -> None:
        """Write what waits, then close; further writes are refused."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()


def _batch(changes: Sequence[Written], silences: Sequence[Silence], journal: Sequence[JournalEntry], outgoing: Sequence[Outgoing]) -> Batch:
    return Batch(tuple((episode, tuple(entries)) for episode, entries in changes), tuple(silences), tuple(journal), tuple(outgoing))


def _newest_line(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(number), 0) FROM journal").fetchone()[0])
