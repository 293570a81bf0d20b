"""What an engine left on disk, for verbs that work without one."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

from tui_monitor.alerts.acts import together
from tui_monitor.alerts.desk import Desk
from tui_monitor.alerts.lifecycle import alert_list
from tui_monitor.alerts.silences import Silences
from tui_monitor.cli.exits import Stop
from tui_monitor.engine import paths, people
from tui_monitor.model import Act, Alert, AlertPast, Episode, Outcome, Silence, SilencePreview
from tui_monitor.store.database import Batch, Database, Kept, open_readonly, read_episodes, read_silences
from tui_monitor.store.reading import Reader

ENDED_SHOWN_S = 86400.0
DURABLE_S = 10.0


def alerts(instance: str, now_s: float) -> tuple[list[Alert], float | None] | None:
    """The kept alerts and until when somebody watched; None where nobody ever has.

    Raises:
        StoreError: the database cannot be read.
    """
    path = paths.database_path(instance)
    if not path.exists():
        return None
    with closing(open_readonly(path)) as db:
        silences = Silences(read_silences(db, now_s - ENDED_SHOWN_S))
        found = alert_list(read_episodes(db, now_s - ENDED_SHOWN_S), now_s, silences.over if silences else None)
        states = db.execute("SELECT max(at_s) FROM states").fetchone()[0]
    seen = [when for when in (states, *(_changed_s(name) for name in _recordings(instance))) if when is not None]
    return found, max(seen, default=None)


def _recordings(instance: str) -> list[Path]:
    recording = paths.recording_path(instance)
    return [recording, recording.with_name(recording.name + "-wal")]


def _changed_s(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def silences(instance: str, now_s: float) -> list[Silence]:
    """Those in force, then those that ended in the last day.

    Raises:
        StoreError: the database cannot be read.
    """
    return Silences(Reader(_database(instance)).silences(now_s - ENDED_SHOWN_S)).listed(now_s)


def preview(instance: str, match: str, now_s: float) -> SilencePreview:
    """What a silence would hide.

    Raises:
        StoreError: the database cannot be read.
    """
    return Desk(Reader(_database(instance)).episodes(now_s - ENDED_SHOWN_S)).preview(match, now_s)


def meant(instance: str, word: str) -> list[Episode]:
    """The newest episode of each alert that a word may mean: an id, its beginning, or a rule's name. Nothing where nothing was kept.

    Raises:
        StoreError: the database cannot be read.
    """
    return Reader(paths.database_path(instance)).meant(word)


def past(instance: str, episode: str) -> AlertPast | None:
    """The past of an alert.

    Raises:
        StoreError: the database cannot be read.
    """
    return Reader(_database(instance)).past(episode)


def carry_out(instance: str, act: Act, ack_for_s: float) -> Outcome:
    """An act on the database itself, decided on what stands there at that moment; durable when its answer is there.

    Raises:
        Stop: nothing was ever kept, or the disk does not answer.
        StoreError: it cannot be written.
    """
    path = _database(instance)
    who = people.login_name(os.getpid(), os.getuid())

    def decide(kept: Kept) -> tuple[Outcome, Batch | None]:
        proposals = Desk(kept.episodes, kept.silences, ack_for_s).propose(act, who, time.time())
        outcome = together([one.outcome for one in proposals])
        if not any(one.writes for one in proposals):
            return outcome, None
        changes = tuple((one.change.episode, one.change.entries) for one in proposals if one.change is not None)
        hidden = tuple(one.silence for one in proposals if one.silence is not None)
        return outcome, Batch(changes, hidden, tuple(entry for one in proposals for entry in one.entries))

    database = Database(path)
    done = database.decide(decide)
    try:
        outcome = done.result(DURABLE_S)
    except TimeoutError:  # closing would wait for it too
        state = "nothing was done" if done.cancel() else "whether it is done is not known"
        raise Stop(f"{path}: the disk did not answer within {DURABLE_S:g} s; {state}") from None
    except BaseException:
        database.close()
        raise
    database.close()
    return outcome


def _database(instance: str) -> Path:
    """The database of an instance.

    Raises:
        Stop: there is none.
    """
    path = paths.database_path(instance)
    if not path.exists():
        raise Stop(f"instance {instance} has no alerts yet; no engine has ever run")
    return path
