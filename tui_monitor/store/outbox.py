"""The outbox: what must reach outward systems, kept until it is there. A row is put in the transaction of what it tells of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from tui_monitor.model import Outgoing

MOST_WAITING = 20_000  # beyond that the oldest are given up
MOST_DONE = 20_000  # rows that were sent or given up, kept for the detail of an alert

OUTBOX = """
CREATE TABLE IF NOT EXISTS outbox(
    number INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, key TEXT NOT NULL, what TEXT NOT NULL, episode TEXT NOT NULL, at_s REAL NOT NULL,
    body BLOB NOT NULL, alert TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, next_s REAL NOT NULL, error TEXT NOT NULL, UNIQUE(sink, key));
CREATE INDEX IF NOT EXISTS outbox_by_time ON outbox(state, next_s);
CREATE INDEX IF NOT EXISTS outbox_by_episode ON outbox(episode);
CREATE INDEX IF NOT EXISTS outbox_by_alert ON outbox(alert, sink, state);
"""
_COLUMNS = "sink, key, what, episode, at_s, body, alert, number, state, attempts, next_s, error"


def put(db: sqlite3.Connection, rows: Iterable[Outgoing]) -> None:
    """New rows. What has the key of one that was put before is that one, and stays as it is."""
    db.executemany(
        "INSERT OR IGNORE INTO outbox(sink, key, what, episode, at_s, body, alert, state, attempts, next_s, error) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
        [
            (
                row.sink,
                row.key,
                row.what,
                row.episode,
                row.at_s,
                row.body,
                row.alert or row.episode,
                row.state,
                row.attempts,
                row.next_s,
                row.error[:500],
            )
            for row in rows
        ],
    )


def settle(db: sqlite3.Connection, row: Outgoing) -> None:
    """What became of an attempt: `state`, `attempts`, `next_s` and `error` as they are now."""
    db.execute(
        "UPDATE outbox SET state = ?, attempts = ?, next_s = ?, error = ? WHERE number = ?",
        (row.state, row.attempts, row.next_s, row.error[:500], row.number),
    )


def due(db: sqlite3.Connection, now_s: float, limit: int, sink: str = "") -> list[Outgoing]:
    """What can be sent now, oldest first. Of one alert to one system only the oldest: `resolved` never overtakes `fired`."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM outbox AS mine WHERE state = 'waiting' AND next_s <= ? AND (? = '' OR sink = ?) AND NOT EXISTS "  # noqa: S608 - our columns
        "(SELECT 1 FROM outbox AS other WHERE other.alert = mine.alert AND other.sink = mine.sink AND other.state = 'waiting' "
        "AND other.number < mine.number) ORDER BY number LIMIT ?",
        (now_s, sink, sink, limit),
    )
    return [Outgoing(*row) for row in rows]


def of_episode(db: sqlite3.Connection, episode: str, limit: int) -> list[Outgoing]:
    """The newest rows of an episode, newest first: what is not sent, and why."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM outbox WHERE episode = ? ORDER BY number DESC LIMIT ?", (episode, limit))  # noqa: S608 - our columns
    return [Outgoing(*row) for row in rows]


def waiting(db: sqlite3.Connection) -> dict[str, tuple[int, str]]:
    """For each system: how many rows wait, and the newest error."""
    rows = db.execute("SELECT sink, count(*), max(CASE WHEN error != '' THEN number END) FROM outbox WHERE state = 'waiting' GROUP BY sink")
    found: dict[str, tuple[int, str]] = {}
    for sink, count, newest in rows.fetchall():
        error = db.execute("SELECT error FROM outbox WHERE number = ?", (newest,)).fetchone() if newest is not None else None
        found[sink] = (count, error[0] if error else "")
    return found


def prune(db: sqlite3.Connection) -> None:
    """Give up the oldest where too many wait, and forget the oldest that are done."""
    db.execute(
        "UPDATE outbox SET state = 'given up', error = 'too many were waiting' WHERE state = 'waiting' AND number <= "
        "(SELECT number FROM outbox WHERE state = 'waiting' ORDER BY number DESC LIMIT 1 OFFSET ?)",
        (MOST_WAITING,),
    )
    db.execute(
        "DELETE FROM outbox WHERE state != 'waiting' AND number <= "
        "(SELECT number FROM outbox WHERE state != 'waiting' ORDER BY number DESC LIMIT 1 OFFSET ?)",
        (MOST_DONE,),
    )
