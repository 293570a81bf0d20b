"""A process that acts in a storm: takes alerts from the same database as others, and tells of each act only after it is durable."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from tui_monitor.alerts.acts import together
from tui_monitor.alerts.desk import Desk
from tui_monitor.model import Acknowledge, Act, AddNote, Outcome, Unacknowledge
from tui_monitor.store.database import Batch, Database, Kept


def carry_out(database: Database, act: Act, who: str) -> Outcome:
    """One act as a verb without an engine does it."""

    def decide(kept: Kept) -> tuple[Outcome, Batch | None]:
        proposals = Desk(kept.episodes, kept.silences).propose(act, who, time.time())
        changes = tuple((one.change.episode, one.change.entries) for one in proposals if one.change is not None)
        silences = tuple(one.silence for one in proposals if one.silence is not None)
        journal = tuple(entry for one in proposals for entry in one.entries)
        return together([one.outcome for one in proposals]), Batch(changes, silences, journal)

    return database.decide(decide).result(60)


def take_all(path: Path, who: str) -> None:
    """Every alert once, in an order of one's own; prints each that was won."""
    database = Database(path)
    ids = [episode.id for episode in database.episodes(0.0)]
    random.Random(who).shuffle(ids)
    for identity in ids:
        outcome = carry_out(database, Acknowledge(identity), who)
        print(identity if outcome.ok else "-", flush=True)
    database.close()


def storm(path: Path, who: str) -> None:
    """Notes without end, and now and then an alert is taken and given back; prints each act that was confirmed."""
    database = Database(path)
    ids = [episode.id for episode in database.episodes(0.0)]
    number = 0
    while True:
        identity = ids[number % len(ids)]
        text = f"{who}-{number}"
        if carry_out(database, AddNote(identity, text), who).ok:
            print(text, flush=True)
        act = Acknowledge(identity, text, take_over=True) if number % 3 else Unacknowledge(identity)
        if carry_out(database, act, who).ok and isinstance(act, Acknowledge):
            print(f"ack:{text}", flush=True)
        number += 1


if __name__ == "__main__":
    (take_all if sys.argv[1] == "take" else storm)(Path(sys.argv[2]), sys.argv[3])
