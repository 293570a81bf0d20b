"""What an engine left on disk, for verbs that work without one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tui_monitor.alerts.acts import Proposal
from tui_monitor.alerts.lifecycle import alert_list
from tui_monitor.cli.exits import Stop
from tui_monitor.engine import paths, people
from tui_monitor.model import Alert, Episode, Outcome
from tui_monitor.store.database import Database, Written, open_readonly, read_episodes

ENDED_SHOWN_S = 86400.0
DURABLE_S = 10.0

Proposing = Callable[[Episode, str, float], Proposal]  # (as it stands, who, now) -> what it would become


def alerts(instance: str, now_s: float) -> tuple[list[Alert], float | None] | None:
    """The kept alerts and until when somebody watched; None where nobody ever has.

    Raises:
        StoreError: the database cannot be read.
    """
    path = paths.database_path(instance)
    if not path.exists():
        return None
    with closing(open_readonly(path)) as db:
        found = alert_list(read_episodes(db, now_s - ENDED_SHOWN_S), now_s)
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


class Acts:
    """Acts on the database itself; each is durable when its answer is there."""

    def __init__(self, instance: str) -> None:
        """Open it.

        Raises:
            Stop: nothing was ever kept.
            StoreError: it cannot be written.
        """
        path = paths.database_path(instance)
        if not path.exists():
            raise Stop(f"instance {instance} has no alerts yet; no engine has ever run")
        self.who = people.login_name(os.getpid(), os.getuid())
        self._database = Database(path)

    def episodes(self) -> list[Episode]:
        """What can be meant."""
        return self._database.episodes(time.time() - ENDED_SHOWN_S)

    def act(self, episode: str, propose: Proposing) -> Outcome:
        """Decide on the episode as it is on disk, and write."""

        def decide(found: Episode) -> tuple[Outcome, Written | None]:
            proposal = propose(found, self.who, time.time())
            return proposal.outcome, (proposal.change.episode, proposal.change.entries) if proposal.change else None

        return self._database.act(episode, decide).result(DURABLE_S) or Outcome(ok=False, message=f"there is no alert {episode}")

    def close(self) -> None:
        """Done."""
        self._database.close()
