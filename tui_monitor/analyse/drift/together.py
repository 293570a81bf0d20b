"""What moved together, in order of onset."""

from __future__ import annotations

import msgspec

from tui_monitor.model import Drift

MOVED_TOGETHER_S = 3600.0
MOST_TOGETHER = 12


def together(made: list[Drift]) -> list[Drift]:
    """With what else moved within an hour of each drift, in order of onset: what moved first is the likelier cause."""
    moved = sorted((one.since, f"{one.source}/{one.signal}") for one in made if one.state == "drift" and one.since is not None)
    if len(moved) < 2:
        return made
    result = []
    for one in made:
        others: list[str] = []
        if one.state == "drift" and one.since is not None:
            own, since = f"{one.source}/{one.signal}", one.since
            others = [name for at, name in moved if name != own and abs((at - since).total_seconds()) <= MOVED_TOGETHER_S]
        result.append(msgspec.structs.replace(one, moved_together=others[:MOST_TOGETHER]) if others else one)
    return result
