"""A recording or a snapshot, read: any moment, and the series for charts."""

from __future__ import annotations

import sqlite3
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import msgspec

from tui_monitor.model import (
    Episode,
    Frame,
    Gpu,
    History,
    HistoryQuery,
    JournalEntry,
    Metrics,
    Performance,
    Queried,
    System,
    Target,
    charted,
)
from tui_monitor.store.database import read_episodes, read_journal
from tui_monitor.store.files import DamagedError, StoreError, open_for_reading, said
from tui_monitor.store.packing import PackingError, Segments, join, unpack_difference, unpack_key

__all__ = ["Replay", "StoreError"]

T = TypeVar("T")

KEYS_KEPT = 4  # unpacked key frames in memory
FRAMES_A_POINT = 3  # looked at for one point of a chart
MOST_READ = 3000  # frames for one chart
MOST_POINTS = 2000

_target = msgspec.msgpack.Decoder(Target)
_gpu = msgspec.msgpack.Decoder(Gpu)
_performance = msgspec.msgpack.Decoder(Performance)
_system = msgspec.msgpack.Decoder(System)
_queries = msgspec.msgpack.Decoder(dict[str, Queried])


class Replay:
    """An open file of frames. May be used from any thread."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            StoreError: it is not there, holds no frames, is damaged, or was written by a newer version.
        """
        self._path = Path(path)
        self._lock = threading.Lock()
        self._keys: OrderedDict[int, Segments] = OrderedDict()
        self._db = open_for_reading(self._path)
        try:
            with said(self._path):
                first, last, count = self._db.execute("SELECT min(at), max(at), count(*) FROM frames").fetchone()
                if not count:
                    raise StoreError(f"{path}: holds no frames")
            self.first_s, self.last_s, self.count = float(first), float(last), int(count)
            self.frame_at(self.last_s)  # damage is said now, not at the first key press
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def _guarded(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock, said(self._path):
            try:
                return ask(self._db)
            except (PackingError, msgspec.MsgspecError, TypeError, ValueError, UnicodeDecodeError) as error:
                raise DamagedError(f"{self._path}: damaged ({str(error).splitlines()[0][:120] if str(error) else 'unreadable'})") from error

    def _segments(self, row: int) -> Segments:
        """The segments of the frame in a row."""
        found = self._db.execute("SELECT key, data FROM frames WHERE id = ?", (row,)).fetchone()
        if found is None:
            raise PackingError(f"row {row} is missing")
        key, data = found
        return self._key(row, bytes(data)) if key is None else unpack_difference(self._key(int(key)), bytes(data))

    def _key(self, row: int, data: bytes | None = None) -> Segments:
        if row in self._keys:
            self._keys.move_to_end(row)
            return self._keys[row]
        if data is None:
            found = self._db.execute("SELECT data FROM frames WHERE id = ? AND key IS NULL", (row,)).fetchone()
            if found is None:
                raise PackingError(f"key frame {row} is missing")
            data = bytes(found[0])
        self._keys[row] = unpack_key(data)
        if len(self._keys) > KEYS_KEPT:
            self._keys.popitem(last=False)
        return self._keys[row]

    def frame_at(self, at_s: float) -> Frame:
        """The frame that was newest at that moment; before the first one, the first."""

        def ask(db: sqlite3.Connection) -> Frame:
            row = db.execute("SELECT id FROM frames WHERE at <= ? ORDER BY at DESC LIMIT 1", (at_s,)).fetchone()
            row = row or db.execute("SELECT id FROM frames ORDER BY at LIMIT 1").fetchone()
            return join(self._segments(int(row[0])))

        return self._guarded(ask)

    def times(self) -> list[float]:
        """When each frame was made, in order."""
        return self._guarded(lambda db: [float(row[0]) for row in db.execute("SELECT DISTINCT at FROM frames ORDER BY at")])

    def episodes(self) -> list[Episode]:
        """The episodes of a snapshot; a recording has none."""
        return self._guarded(lambda db: read_episodes(db, 0.0) if _has(db, "episodes") else [])

    def journal(self, limit: int = 10_000) -> list[JournalEntry]:
        """The journal of a snapshot; a recording has none."""
        return self._guarded(lambda db: read_journal(db, 0.0, limit) if _has(db, "journal") else [])

    def meta(self) -> dict[str, str]:
        """Schema, product version, host, time of writing."""
        return self._guarded(lambda db: {str(key): str(value) for key, value in db.execute("SELECT key, value FROM meta")})

    def history(self, query: HistoryQuery) -> History:
        """Series of one subject: each point is the mean of up to three frames inside it; where none is, the last one if it is recent, else a gap."""
        points = max(1, min(query.points, MOST_POINTS))
        step_s = max((query.end_s - query.start_s) / points, 1e-3)

        def ask(db: sqlite3.Connection) -> dict[str, list[float | None]]:
            hold_s = self._usual_gap_s(db)
            rows = db.execute(
                "SELECT at, id FROM frames WHERE at >= ? AND at < ? ORDER BY at, id", (query.start_s - hold_s, query.end_s)
            ).fetchall()
            times = [float(row[0]) for row in rows]
            each = max(1, min(FRAMES_A_POINT, MOST_READ // points))
            series: dict[str, list[float | None]] = {key: [] for key in query.keys}
            known: tuple[int, Metrics] = (-1, {})
            for point in range(points):
                start_s = query.start_s + point * step_s
                low, high = bisect_left(times, start_s), bisect_left(times, start_s + step_s)
                chosen = sorted({low + (high - low) * part // each for part in range(each)}) if high > low else []
                if not chosen and low and times[low - 1] >= start_s - hold_s:
                    chosen = [low - 1]
                found: list[Metrics] = []
                for place in chosen:
                    if place != known[0]:
                        known = (place, _metrics(self._segments(int(rows[place][1])), query.subject))
                    found.append(known[1])
                for key, values in series.items():
                    numbers = [number for metrics in found if (number := metrics.get(key)) is not None]
                    values.append(sum(numbers) / len(numbers) if numbers else None)
            return series

        return History(query.subject, query.start_s, step_s, self._guarded(ask))

    def _usual_gap_s(self, db: sqlite3.Connection) -> float:
        """How long a frame stands for: two and a half times the median gap of the newest hundred."""
        times = [float(row[0]) for row in db.execute("SELECT at FROM frames ORDER BY at DESC LIMIT 101")]
        gaps = sorted(later - earlier for later, earlier in pairwise(times))
        return 2.5 * gaps[len(gaps) // 2] if gaps else 5.0


def _has(db: sqlite3.Connection, table: str) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone() is not None


def _metrics(segments: Segments, subject: str) -> Metrics:
    """The numbers of one subject of a frame; only its own segments are decoded."""
    if subject.startswith("quality:"):
        ones = (charted(_performance.decode(body)) for name, body in segments.items() if name.startswith("performance/"))
        return {key: value for name, numbers in ones if name == subject for key, value in numbers.items()}
    if subject == "host":
        return _system.decode(segments["system"]).metrics if "system" in segments else {}
    for name, body in segments.items():
        if name.startswith("targets/") and (target := _target.decode(body)).name == subject:
            return target.metrics
        if name.startswith("gpus/") and "gpu" in subject and (gpu := _gpu.decode(body)).subject == subject:
            return gpu.metrics
    if "queries" in segments and (queried := _queries.decode(segments["queries"]).get(subject)) is not None:
        return queried.values
    return {}
