"""Episodes as people read them: the list, worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from tui_monitor.alerts.acts import held_ack, held_shelf
from tui_monitor.alerts.rules import SEVERITIES
from tui_monitor.model import Alert, Episode, Silence, utc

SHOWN_S = 86400.0  # how long what ended stays on the list


class Counts(Struct, frozen=True):
    """How many there are of each; every alert counts once, and what is hidden counts as such and never not at all."""

    firing: int = 0  # and nobody has it, and nothing hides it
    critical: int = 0  # of those
    acknowledged: int = 0
    silenced: int = 0
    silenced_critical: int = 0  # of those
    shelved: int = 0
    pending: int = 0


def counts(alerts: Iterable[Alert]) -> Counts:
    """What the header says."""
    found = dict.fromkeys(Counts.__struct_fields__, 0)
    for alert in alerts:
        critical = alert.severity == "critical"
        if alert.state == "pending":
            found["pending"] += 1
        elif alert.state != "firing":
            continue
        elif alert.silenced is not None:
            found["silenced"] += 1
            found["silenced_critical"] += critical
        elif alert.shelved is not None:
            found["shelved"] += 1
        elif alert.acknowledged is not None:
            found["acknowledged"] += 1
        else:
            found["firing"] += 1
            found["critical"] += critical
    return Counts(**found)


def alert_of(episode: Episode, now_s: float, silence: Silence | None = None) -> Alert:
    """An episode as screens and JSON show it."""
    return Alert(
        id=episode.id,
        rule=episode.rule,
        severity=episode.severity,
        state=episode.state,
        since=utc(episode.since_s),
        fired_at=None if episode.fired_s is None else utc(episode.fired_s),
        ended_at=None if episode.ended_s is None else utc(episode.ended_s),
        value=episode.value,
        unit=episode.unit,
        target=episode.target,
        kind=episode.kind,
        summary=episode.summary,
        for_s=episode.for_s,
        holding=episode.holding,
        acknowledged=episode.ack if episode.state != "firing" else held_ack(episode, now_s),
        silenced=silence,
        shelved=held_shelf(episode, now_s) if episode.state == "firing" else None,
        flapping=episode.flapping_since_s is not None,
        flaps=episode.flaps,
        labels=episode.labels,
        key=episode.key,
        threshold=episode.threshold,
        runbook=episode.runbook,
    )


def alert_list(
    episodes: Iterable[Episode], now_s: float, silence_over: Callable[[Episode, float], Silence | None] | None = None
) -> list[Alert]:
    """Firing, acknowledged, pending, silenced, shelved, ended; within each the worse first, then the newer.

    For the engine and, where none runs, for the command line on what the store kept.
    """
    ranked: list[tuple[tuple[int, int, float, str], Alert]] = []
    for episode in episodes:
        if episode.ended_s is not None and (now_s - episode.ended_s > SHOWN_S or episode.fired_s is None):
            continue
        is_open = episode.state in ("pending", "firing")
        alert = alert_of(episode, now_s, silence_over(episode, now_s) if silence_over is not None and is_open else None)
        if is_open:
            begun_s = episode.since_s if episode.fired_s is None else episode.fired_s
            ranked.append(((_place(alert), SEVERITIES.index(episode.severity), -begun_s, episode.id), alert))
        else:
            ranked.append(((5, 0, -(episode.ended_s or 0.0), episode.id), alert))
    return [alert for _, alert in sorted(ranked, key=lambda pair: pair[0])]


def _place(alert: Alert) -> int:
    if alert.state == "pending":
        return 2
    if alert.silenced is not None:
        return 3
    if alert.shelved is not None:
        return 4
    return 0 if alert.acknowledged is None else 1
