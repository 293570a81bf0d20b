"""Frames on disk, about one a second, within a size and an age: written by a thread of its own that nobody waits for."""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from pathlib import Path

import msgspec

from tui_monitor import __version__
from tui_monitor.model import Frame
from tui_monitor.store.files import FRAMES, DamagedError, FullError, StoreError, open_for_writing, reason
from tui_monitor.store.packing import Segments, Splitter, pack_difference, pack_key

KEY_EVERY = 60  # frames
SLOW = ("performance", "quality", "windows", "drift", "forecasts")  # move slowly and are large: kept with key frames only
KEY_AFTER = 10  # frames, at least, before a verdict that changed makes a key frame of its own
WAITING = 16  # frames in the queue; what comes beyond is dropped and counted
RESERVE_BYTES = 4_000_000  # of free space are left for acknowledgements
RETRY_S = (1.0, 2.0, 5.0, 10.0, 30.0)
TOGETHER = 5  # frames in one transaction
LATEST_S = 5.0  # what a power cut may take away


class Recorder:
    """Records until it is closed. When the disk will not take more it pauses, says why, and goes on by itself."""

    def __init__(self, path: Path, max_bytes: int, max_age_s: float) -> None:
        """The file is opened by the thread; trouble is in `status`, never raised."""
        self._path, self._max_bytes, self._max_age_s = path, max_bytes, max_age_s
        self._queue: queue.Queue[Frame | threading.Event | None] = queue.Queue(WAITING)
        self._db: sqlite3.Connection | None = None
        self._key: tuple[int, Segments] | None = None  # its row and its segments
        self._since_key = 0
        self._slow: dict[str, object] = {}  # as the key frame has them
        self._verdicts: tuple[object, ...] = ()
        self._splitter = Splitter()
        self._pending: list[tuple[float, int | None, bytes]] = []
        self._oldest_pending_s = 0.0
        self._paused = ""
        self._closed = False
        self._tries = 0
        self._retry_at_s = 0.0
        self._bytes = 0
        self.dropped = 0  # frames that came too fast
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def status(self) -> str:
        """`recording`, `paused: REASON`, or `off`."""
        if self._closed:
            return "off"
        return f"paused: {self._paused}" if self._paused else "recording"

    @property
    def bytes_used(self) -> int:
        """Size on disk, the write-ahead file included."""
        return self._bytes

    def record(self, frame: Frame) -> None:
        """Take a frame; returns at once."""
        if self._closed:
            return
        try:
            self._queue.put_nowait(frame)
        except queue.Full:
            self.dropped += 1

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything that was recorded so far is in the file; False when the disk took too long or recording is paused."""
        if self._closed:
            return False
        done = threading.Event()
        try:
            self._queue.put(done, timeout=timeout_s)
        except queue.Full:
            return False
        return done.wait(timeout_s) and not self._paused

    def close(self) -> None:
        """Write what waits and end."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    # -- the thread -----------------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=LATEST_S)
            except queue.Empty:
                self._guarded(None, write=True)
                continue
            if isinstance(item, Frame):
                self._guarded(item, write=False)
                continue
            self._guarded(None, write=True)
            if item is None:
                break
            item.set()
        if self._db is not None:
            self._db.close()

    def _guarded(self, frame: Frame | None, *, write: bool) -> None:
        """One step; trouble with the disk pauses the recording, and the next frames try again with growing patience."""
        if self._paused and time.monotonic() < self._retry_at_s:
            return
        try:
            if frame is not None:
                self._take(frame)
            if self._pending and (write or len(self._pending) >= TOGETHER or time.monotonic() - self._oldest_pending_s >= LATEST_S):
                self._write()
            if frame is not None or self._db is not None:
                self._paused, self._tries = "", 0
        except Exception as error:  # noqa: BLE001 - the border to the disk: it is said in `status`
            self._pause(error)

    def _pause(self, error: Exception) -> None:
        said = reason(error, self._path) if isinstance(error, (sqlite3.Error, OSError)) else error
        if self._db is not None:
            self._db.close()
        self._db, self._key, self._pending = None, None, []
        if isinstance(said, DamagedError):
            said = self._put_aside(said)
        self._paused = str(said)
        self._retry_at_s = time.monotonic() + RETRY_S[min(self._tries, len(RETRY_S) - 1)]
        self._tries += 1

    def _put_aside(self, damaged: DamagedError) -> StoreError:
        """Keep one damaged file beside a new one: history may be saved from it, and recording goes on."""
        try:
            for tail in ("", "-wal", "-shm"):
                source = self._path.with_name(self._path.name + tail)
                if source.exists():
                    source.replace(self._path.with_name(self._path.name + ".damaged" + tail))
        except OSError as error:
            return reason(error, self._path)
        return StoreError(f"{damaged}; it was put aside")

    def _take(self, frame: Frame) -> None:
        """Pack a frame; the first after an interruption, every 60th, and one in which a verdict changed is a key frame."""
        db = self._open()
        verdicts = (*(one.state for one in frame.quality), *((one.source, one.signal, one.state) for one in frame.drift))
        if verdicts != self._verdicts and self._since_key >= KEY_AFTER:
            self._since_key = KEY_EVERY
        if self._key is not None and self._since_key < KEY_EVERY - 1:
            frame = msgspec.structs.replace(frame, **self._slow)
        else:
            self._verdicts, self._slow = verdicts, {name: getattr(frame, name) for name in SLOW if hasattr(frame, name)}
        segments = self._splitter.split(frame)
        if not self._pending:
            self._oldest_pending_s = time.monotonic()
        if self._key is not None and self._since_key < KEY_EVERY - 1:
            self._since_key += 1
            self._pending.append((frame.at.timestamp(), self._key[0], pack_difference(self._key[1], segments)))
            return
        self._write()
        self._check_space()
        cursor = db.execute("INSERT INTO frames(at, key, data) VALUES(?, NULL, ?)", (frame.at.timestamp(), pack_key(segments)))
        self._key, self._since_key = (int(cursor.lastrowid or 0), segments), 0
        self._keep_within(frame.at.timestamp(), frame.host)

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_for_writing(self._path, FRAMES, synchronous="NORMAL")
        return self._db

    def _write(self) -> None:
        if not self._pending:
            return
        db = self._open()
        self._check_space()
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany("INSERT INTO frames(at, key, data) VALUES(?,?,?)", self._pending)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._pending = []
        self._bytes = self._measure()

    def _check_space(self) -> None:
        free = os.statvfs(self._path.parent)
        if free.f_bavail * free.f_frsize < RESERVE_BYTES:
            raise FullError(f"{self._path}: no space left on the disk")

    def _measure(self) -> int:
        return sum(file.stat().st_size for tail in ("", "-wal") if (file := self._path.with_name(self._path.name + tail)).exists())

    def _keep_within(self, now_s: float, host: str) -> None:
        """At each key frame: forget what is too old, and the oldest when the file is too large. Frames go with their key."""
        db = self._open()
        for name, text in (("product", __version__), ("host", host)):
            db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (name, text))
        keeping = db.execute("SELECT min(coalesce(key, id)) FROM frames WHERE at >= ?", (now_s - self._max_age_s,)).fetchone()[0]
        forgotten = 0
        if keeping is not None:
            forgotten = db.execute("DELETE FROM frames WHERE id < ?", (keeping,)).rowcount
        self._bytes = self._measure()
        if self._bytes > self._max_bytes:
            keys = [row[0] for row in db.execute("SELECT id FROM frames WHERE key IS NULL ORDER BY id")]
            if len(keys) > 1:
                first_kept = keys[min(max(1, len(keys) // 10), len(keys) - 1)]
                forgotten += db.execute("DELETE FROM frames WHERE id < ?", (first_kept,)).rowcount
        if forgotten > 0:
            db.execute("PRAGMA incremental_vacuum").fetchall()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._bytes = self._measure()
