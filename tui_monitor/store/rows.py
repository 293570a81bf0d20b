"""Episodes, the journal and silences as rows: written in the transaction of whoever calls, read by anybody."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from tui_monitor.model import AlertPast, Episode, JournalEntry, PastEpisode, Silence, utc

MOST_JOURNAL = 200_000  # lines; the oldest go first
MOST_ENDED = 20_000
SHORTEST_ID = 3  # characters of an id that may stand for it

ALERTS = """
CREATE INDEX IF NOT EXISTS episodes_by_alert ON episodes(rule, target, since_s);
CREATE INDEX IF NOT EXISTS journal_by_episode ON journal(episode);
CREATE TABLE IF NOT EXISTS silences(id TEXT PRIMARY KEY, ends_s REAL NOT NULL, silence TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS states(name TEXT PRIMARY KEY, at_s REAL NOT NULL, data BLOB NOT NULL);
"""  # ends_s: when it ended, or will
ACTS = ("acked", "unacked", "taken-over", "shelved", "unshelved", "silenced", "silence-expired")  # lines of the journal that people cause

_decoder = msgspec.json.Decoder(Episode)
_silence_decoder = msgspec.json.Decoder(Silence)


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
    write_journal(db, entries)


def write_journal(db: sqlite3.Connection, entries: Iterable[JournalEntry]) -> None:
    """Lines for the end of the journal."""
    db.executemany(
        "INSERT INTO journal(at_s, episode, what, who, text) VALUES(?,?,?,?,?)",
        [(entry.at_s, entry.episode, entry.what, entry.who, entry.text) for entry in entries],
    )


def write_silence(db: sqlite3.Connection, silence: Silence) -> None:
    """A silence's new value."""
    ends_s = (silence.expired_at or silence.until).timestamp()
    db.execute("INSERT OR REPLACE INTO silences VALUES(?,?,?)", (silence.id, ends_s, msgspec.json.encode(silence).decode()))


def read_episodes(db: sqlite3.Connection, since_s: float) -> list[Episode]:
    """Everything open and what ended since then, oldest first. A row that cannot be read is left out, the others count."""
    return _episodes(db.execute("SELECT episode FROM episodes WHERE ended_s IS NULL OR ended_s >= ? ORDER BY since_s", (since_s,)))


def read_episode(db: sqlite3.Connection, identity: str) -> Episode | None:
    """The episode of that id."""
    return next(iter(_episodes(db.execute("SELECT episode FROM episodes WHERE id = ?", (identity,)))), None)


def _episodes(rows: Iterable[tuple[str]]) -> list[Episode]:
    found: list[Episode] = []
    for (text,) in rows:
        try:
            found.append(_decoder.decode(text))
        except msgspec.MsgspecError:
            continue
    return found


def read_silences(db: sqlite3.Connection, since_s: float) -> list[Silence]:
    """Silences in force, and those that ended since then. A file of an older version has none."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'silences'").fetchone():
        return []
    found: list[Silence] = []
    for (text,) in db.execute("SELECT silence FROM silences WHERE ends_s >= ? ORDER BY ends_s, id", (since_s,)):
        try:
            found.append(_silence_decoder.decode(text))
        except msgspec.MsgspecError:
            continue
    return found


def read_journal(db: sqlite3.Connection, since_s: float, limit: int) -> list[JournalEntry]:
    """The newest lines since then, oldest first."""
    rows = db.execute(
        "SELECT at_s, episode, what, who, text FROM journal WHERE at_s >= ? ORDER BY number DESC LIMIT ?", (since_s, limit)
    ).fetchall()
    return [JournalEntry(*row) for row in reversed(rows)]


def read_journal_of(db: sqlite3.Connection, episode: str, limit: int) -> list[JournalEntry]:
    """The newest lines of one episode or silence, oldest first."""
    rows = db.execute(
        "SELECT at_s, episode, what, who, text FROM journal WHERE episode = ? ORDER BY number DESC LIMIT ?", (episode, limit)
    ).fetchall()
    return [JournalEntry(*row) for row in reversed(rows)]


def read_past(db: sqlite3.Connection, rule: str, kind: str, target: str, limit: int) -> list[Episode]:
    """The newest episodes of one alert that fired, newest first."""
    rows = db.execute(
        "SELECT episode FROM episodes WHERE rule = ? AND target = ? AND fired_s IS NOT NULL ORDER BY since_s DESC", (rule, target)
    )
    found: list[Episode] = []
    for episode in _episodes(rows):
        if kind in ("", episode.kind):
            found.append(episode)
        if len(found) >= limit:
            break
    return found


def read_meant(db: sqlite3.Connection, word: str) -> list[Episode]:
    """What a word may mean: the episode of that id; else the newest of each alert of that rule; else those whose ids begin so."""
    exact = read_episode(db, word)
    if exact is not None:
        return [exact]
    newest: dict[tuple[str, str], Episode] = {}
    for episode in _episodes(db.execute("SELECT episode FROM episodes WHERE rule = ? ORDER BY since_s DESC", (word,))):
        newest.setdefault((episode.kind, episode.target), episode)
    if newest or len(word) < SHORTEST_ID:
        return list(newest.values())
    begun = db.execute("SELECT episode FROM episodes WHERE substr(id, 1, ?) = ? ORDER BY since_s DESC LIMIT 10", (len(word), word))
    return list(_episodes(begun))


def read_alert_past(db: sqlite3.Connection, identity: str, limit: int) -> AlertPast | None:
    """How often an alert fired, when last, for how long and who had it; with the journal of the episode that is asked for."""
    asked = read_episode(db, identity)
    if asked is None:
        return None
    every = read_past(db, asked.rule, asked.kind, asked.target, MOST_ENDED)
    lasted = [episode.ended_s - episode.fired_s for episode in every if episode.ended_s is not None and episode.fired_s is not None]
    return AlertPast(
        asked.rule,
        asked.target,
        len(every),
        utc(every[-1].since_s) if every else None,
        median(lasted) if lasted else None,
        [_past(db, episode) for episode in every[:limit]],
        read_journal_of(db, asked.id, 500),
    )


def _past(db: sqlite3.Connection, episode: Episode) -> PastEpisode:
    fired_s = episode.since_s if episode.fired_s is None else episode.fired_s
    rows = db.execute(
        "SELECT who FROM journal WHERE episode = ? AND what IN ('acked', 'taken-over') GROUP BY who ORDER BY min(number)", (episode.id,)
    )
    return PastEpisode(
        episode.id,
        episode.severity,
        episode.state,
        utc(fired_s),
        None if episode.ended_s is None else episode.ended_s - fired_s,
        episode.flaps,
        [who for (who,) in rows],
    )


def prune(db: sqlite3.Connection) -> None:
    """Drop what is more than is kept, the oldest first."""
    db.execute("DELETE FROM journal WHERE number <= (SELECT max(number) FROM journal) - ?", (MOST_JOURNAL,))
    db.execute(
        "DELETE FROM episodes WHERE ended_s < (SELECT ended_s FROM episodes WHERE ended_s IS NOT NULL ORDER BY ended_s DESC LIMIT 1 OFFSET ?)",
        (MOST_ENDED,),
    )
    db.execute("DELETE FROM silences WHERE ends_s < (SELECT ends_s FROM silences ORDER BY ends_s DESC LIMIT 1 OFFSET ?)", (MOST_ENDED,))
