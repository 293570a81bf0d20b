"""SQLite files of ours: opened safely, recognised, and their errors said in one line."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tui_monitor.store.mounts import network_of

APPLICATION = 0x7475696D  # "tuim", in the header of every file of ours
SCHEMA = 1  # of recordings and snapshots
DATABASE_SCHEMA = 2  # of the database; 1 had neither silences nor an outbox
BUSY_S = 4.0  # how long to wait for another process; less than what an act may take

META = "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
EPISODES = """
CREATE TABLE IF NOT EXISTS episodes(
    id TEXT PRIMARY KEY, rule TEXT NOT NULL, target TEXT NOT NULL, severity TEXT NOT NULL, state TEXT NOT NULL,
    since_s REAL NOT NULL, fired_s REAL, ended_s REAL, episode TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal(
    number INTEGER PRIMARY KEY, at_s REAL NOT NULL, episode TEXT NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS journal_by_time ON journal(at_s);
CREATE TRIGGER IF NOT EXISTS journal_stays BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""
FRAMES = """
CREATE TABLE IF NOT EXISTS frames(id INTEGER PRIMARY KEY, at REAL NOT NULL, key INTEGER, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS frames_by_time ON frames(at);
"""  # key: the frame that `data` is the difference to; NULL where it stands alone


class StoreError(Exception):
    """A file cannot be used; `str(error)` is the line for the user."""


class DamagedError(StoreError):
    """The file is not what it should be."""


class PassingError(StoreError):
    """Nothing can be written now, which may pass by itself."""


class FullError(PassingError):
    """No space is left."""


class BusyError(PassingError):
    """Another process writes, and does not come to an end."""


class ReadOnlyError(PassingError):
    """The disk, or the file, may not be written at the moment."""


def reason(error: Exception, path: Path) -> StoreError:
    """What SQLite or the system said, in one line and with the file's name."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, OSError) and not isinstance(error, sqlite3.Error):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return FullError(f"{path}: no space left on the disk")
        if error.errno == errno.EROFS:
            return ReadOnlyError(f"{path}: read-only")
        return StoreError(f"{path}: {error.strerror or text}")
    lower = text.lower()
    if "full" in lower:
        return FullError(f"{path}: no space left on the disk")
    if "readonly" in lower or "read-only" in lower:
        return ReadOnlyError(f"{path}: read-only")
    if "unable to open" in lower:
        return StoreError(f"{path}: cannot be opened")
    if "locked" in lower or "busy" in lower:
        return BusyError(f"{path}: another process holds it")
    if any(word in lower for word in ("malformed", "not a database", "corrupt", "no such", "encrypted", "unsupported file")):
        return DamagedError(f"{path}: damaged ({text})")
    return StoreError(f"{path}: {text}")


@contextmanager
def said(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the system into a StoreError that names the file."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise reason(error, path) from error


def create_private(path: Path) -> None:
    """Make sure that a file of ours is there, ours alone (0600), and no link; a link at its name is replaced, never followed."""
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        if name.is_symlink():
            name.unlink()
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        seen = os.fstat(handle)
        if not stat.S_ISREG(seen.st_mode):
            raise StoreError(f"{path}: not a file")
    finally:
        os.close(handle)


def open_for_writing(path: Path, schema: str, *, synchronous: str, version: int = SCHEMA) -> sqlite3.Connection:
    """Open a file of ours, creating it and its tables where they are missing, and bringing an older one up to date.

    On a file system of the network, where a write-ahead log is not safe, a rollback journal takes its place (see `network_of`).

    Args:
        path: the file; its directory must be there.
        schema: its tables, each made only where it is missing; `meta` is always made.
        synchronous: FULL where a commit must survive a power cut, NORMAL where the last moments may be lost.
        version: of the schema. Newer ones only added tables and indexes, so that making what is missing is the whole migration.

    Raises:
        StoreError: it cannot be written (FullError), is no file of ours (DamagedError), or was written by a newer version.
    """
    with said(path):
        create_private(path)
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            fresh = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
            if fresh:
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            mode = "DELETE" if network_of(path) else "WAL"
            db.execute(f"PRAGMA journal_mode = {mode}")
            db.execute(f"PRAGMA synchronous = {'EXTRA' if mode == 'DELETE' and synchronous == 'FULL' else synchronous}")
            db.execute("PRAGMA wal_autocheckpoint = 250")
            db.execute("PRAGMA journal_size_limit = 2000000")
            if not fresh:
                _recognise(db, path, version)
            db.executescript(f"BEGIN IMMEDIATE; {META} {schema} COMMIT;")
            db.execute(f"PRAGMA application_id = {APPLICATION}")
            db.execute(
                "INSERT INTO meta VALUES('schema', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value "
                "WHERE CAST(value AS INTEGER) < CAST(excluded.value AS INTEGER)",
                (str(version),),
            )
        except BaseException:
            db.close()
            raise
        return db


def open_for_reading(path: Path, newest: int = SCHEMA) -> sqlite3.Connection:
    """Open a file of ours without changing it, also where its directory cannot be written; `newest` is the version that is understood.

    Raises:
        StoreError: it is not there, unreadable, no file of ours (DamagedError), or was written by a newer version.
    """
    with said(path):
        with path.open("rb") as file:  # a clear line for what SQLite calls "unable to open"
            if file.read(15) != b"SQLite format 3":
                raise DamagedError(f"{path}: not a recording, snapshot or database of this program")
        uri = f"file:{quote(str(path.absolute()))}"
        for mode in ("mode=ro", "mode=ro&immutable=1"):  # the second: a write-ahead file that may not be touched
            db = sqlite3.connect(f"{uri}?{mode}", uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                db.execute("PRAGMA trusted_schema = OFF")
                _recognise(db, path, newest)
                return db
            except sqlite3.OperationalError as error:
                db.close()
                if "unable to open" not in str(error) and "readonly" not in str(error):
                    raise
            except BaseException:
                db.close()
                raise
        raise StoreError(f"{path}: cannot be opened")


def _recognise(db: sqlite3.Connection, path: Path, newest: int) -> None:
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise DamagedError(f"{path}: not a recording, snapshot or database of this program")
    row = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    if row is None or not str(row[0]).isdecimal():
        raise DamagedError(f"{path}: damaged (its version is missing)")
    if int(row[0]) > newest:
        raise StoreError(f"{path}: written by a newer version (schema {row[0]}, this one reads {newest}); upgrade to open it")
