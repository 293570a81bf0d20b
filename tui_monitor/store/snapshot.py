"""One file with what was on the screen, before and after: frames, episodes, journal, versions. Made whole or not at all."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from tui_monitor import __version__
from tui_monitor.model import utc
from tui_monitor.store.database import read_episodes, write_episode
from tui_monitor.store.files import APPLICATION, DATABASE_SCHEMA, EPISODES, FRAMES, META, SCHEMA, StoreError, open_for_reading, said
from tui_monitor.store.packing import PackingError, Segments, join, pack_difference, pack_key, unpack_difference, unpack_key


def write_snapshot(recording: Path, database: Path, out: Path, since_s: float | None, *, now_s: float, force: bool) -> str:
    """Write a snapshot, readable by nobody else (0600).

    Args:
        recording: the file of the recorder.
        database: the file of episodes and journal; it may be missing.
        out: where to.
        since_s: how many seconds back from `now_s`; None: everything.
        now_s: the time.
        force: replace a file that is there.

    Returns:
        One line that says what was written.

    Raises:
        StoreError: nothing was written, and why.
    """
    out = Path(out)
    if os.path.lexists(out) and not force:
        raise StoreError(f"{out}: exists already; --force replaces it")
    if out.is_dir():
        raise StoreError(f"{out}: is a directory")
    if any(out.absolute() == source.absolute() for source in (recording, database)):
        raise StoreError(f"{out}: is the engine's own file")
    cut_s = 0.0 if since_s is None else now_s - since_s
    with said(out):
        handle, name = tempfile.mkstemp(prefix=f".{out.name[:100]}.", dir=out.parent)
    unfinished = Path(name)
    try:
        os.close(handle)
        with said(out), closing(sqlite3.connect(unfinished, isolation_level=None)) as db:
            count = _fill(db, recording, database, cut_s, now_s)
        with said(out):
            _publish(unfinished, out, force=force)
    finally:
        unfinished.unlink(missing_ok=True)
    size = out.stat().st_size
    return f"wrote {out}: {count} frames, {size / 1e6:.1f} MB"


def _publish(unfinished: Path, out: Path, *, force: bool) -> None:
    """Give the finished file its name; without `force` never over another that came in between."""
    handle = os.open(unfinished, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    if force:
        unfinished.replace(out)
        return
    try:
        os.link(unfinished, out, follow_symlinks=False)
    except FileExistsError:
        raise StoreError(f"{out}: exists already; --force replaces it") from None
    except OSError:  # a file system without links
        unfinished.replace(out)


def _fill(db: sqlite3.Connection, recording: Path, database: Path, cut_s: float, now_s: float) -> int:
    db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA application_id = {APPLICATION}; BEGIN; {META} {FRAMES} {EPISODES}")
    count, host = _copy_frames(db, recording, cut_s)
    if database.exists() and database.stat().st_size:
        with closing(open_for_reading(database, DATABASE_SCHEMA)) as source:
            for episode in read_episodes(source, cut_s):
                write_episode(db, episode, ())
            rows = source.execute("SELECT number, at_s, episode, what, who, text FROM journal WHERE at_s >= ? ORDER BY number", (cut_s,))
            db.executemany("INSERT INTO journal VALUES(?,?,?,?,?,?)", rows)
    written_at = utc(now_s).strftime("%Y-%m-%dT%H:%M:%SZ")
    for key, text in (("schema", str(SCHEMA)), ("product", __version__), ("host", host), ("written_at", written_at), ("kind", "snapshot")):
        db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (key, text))
    db.execute("COMMIT")
    return count


def _copy_frames(db: sqlite3.Connection, recording: Path, cut_s: float) -> tuple[int, str]:
    """Copy frames since a moment, and say how many and of which host.

    A group whose key frame is older than that gets a new key from the first frame that is wanted; all others are copied as they are.
    """
    count = 0
    with closing(open_for_reading(recording)) as source:
        source.execute("BEGIN")  # one state of the file, whatever the recorder does meanwhile
        old: dict[int, Segments] = {}  # the key that was left behind
        new: dict[int, tuple[int, Segments]] = {}  # old key -> the row and the segments that stand for it
        copied: dict[int, int] = {}  # old key -> its row here
        try:
            for row, at_s, key, data in source.execute("SELECT id, at, key, data FROM frames WHERE at >= ? ORDER BY id", (cut_s,)):
                if key is None:
                    copied[row] = _insert(db, at_s, None, data)
                elif key in copied:
                    _insert(db, at_s, copied[key], data)
                else:
                    if key not in old:
                        found = source.execute("SELECT data FROM frames WHERE id = ?", (key,)).fetchone()
                        if found is None:
                            raise PackingError(f"key frame {key} is missing")
                        old[key] = unpack_key(found[0])
                    segments = unpack_difference(old[key], data)
                    if key in new:
                        _insert(db, at_s, new[key][0], pack_difference(new[key][1], segments))
                    else:
                        new[key] = (_insert(db, at_s, None, pack_key(segments)), segments)
                count += 1
            last = db.execute("SELECT key, data FROM frames ORDER BY at DESC LIMIT 1").fetchone()
            if last is None:
                raise StoreError(f"{recording}: nothing was recorded in that time")
            segments = unpack_key(
                last[1] if last[0] is None else db.execute("SELECT data FROM frames WHERE id = ?", (last[0],)).fetchone()[0]
            )
            return count, join(segments).host
        except PackingError as error:
            raise StoreError(f"{recording}: damaged ({error})") from error


def _insert(db: sqlite3.Connection, at_s: float, key: int | None, data: bytes) -> int:
    return int(db.execute("INSERT INTO frames(at, key, data) VALUES(?,?,?)", (at_s, key, data)).lastrowid or 0)
