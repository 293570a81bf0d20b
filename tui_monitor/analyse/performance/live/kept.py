"""A prediction log over a restart: what of it is written, and how it goes on from that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tui_monitor.analyse.performance.live.drawn import Drawn
from tui_monitor.model import clean

if TYPE_CHECKING:
    from tui_monitor.analyse.performance.live.log import LabelledLog

FORM = 2  # of what is kept


def written(log: LabelledLog) -> bytes:
    """Counts, and hashes of the ids that wait for labels: no rows, no ids, no features."""
    state = {
        "form": FORM,
        "signature": _signature(log),
        "classes": log.layout.classes.names,
        "left_out": dict(log.left_out),
        "out_of_order": log.out_of_order,
        "standing": [log.standing.state, log.standing.since_s],
        "books": log.books.plain(log.settings.slices),
        "waiting": log.waiting.plain(),
        "deploys": log.deploys.plain(),
        "usual": log.usual.plain(),
        "drawn": log.drawn.plain(),
    }
    return msgspec.msgpack.encode(state)


def read(log: LabelledLog, saved: bytes) -> str:
    """Put what was written into a log to which nothing was added yet; returns why that cannot be. The log is then of no more use."""
    try:
        state = msgspec.msgpack.decode(saved)
        if state["form"] != FORM:
            raise ValueError("kept by another version of this program")
        if state["signature"] != _signature(log):
            raise ValueError("the settings of the log are others now")
        _restore(log, state)
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        return clean(error) or type(error).__name__
    return ""


def _signature(log: LabelledLog) -> str:
    """What the saved numbers mean: with other settings they would be read wrongly."""
    s = log.settings
    told = (s.task, s.classes, s.positive, s.columns, s.horizon, s.slices, s.costs, s.counters, bool(s.sampled.path))
    return f"{told} {log.layout.calibrated}"


def _restore(log: LabelledLog, state: dict[str, Any]) -> None:
    names = [str(name) for name in state["classes"]]
    here = log.layout.classes.names
    if names[: len(here)] != here[: len(names)]:
        raise ValueError("its classes are in another order")
    if not all(log.layout.classes.code(name) == code for code, name in enumerate(names)):
        raise ValueError("its classes are damaged")
    bits = log.books.restore(state["books"])
    log.waiting.restore(state["waiting"], bits)
    log.deploys.restore(state["deploys"])
    log.usual.restore(state["usual"])
    log.drawn = Drawn.from_plain(state["drawn"])
    log.left_out.update({str(reason): int(rows) for reason, rows in state["left_out"].items()})
    log.out_of_order = int(state["out_of_order"])
    standing, since_s = state["standing"]
    log.standing.resume(standing, since_s)
