"""Episodes as people read them: the list, worst first."""

from __future__ import annotations

from collections.abc import Iterable

from tui_monitor.alerts.acts import held_ack
from tui_monitor.alerts.rules import SEVERITIES
from tui_monitor.model import Alert, Episode, utc

SHOWN_S = 86400.0  # how long what ended stays on the list


def alert_of(episode: Episode, now_s: float) -> Alert:
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
    )


def alert_list(episodes: Iterable[Episode], now_s: float) -> list[Alert]:
    """Firing before acknowledged before pending before ended; the worse first, then the newer.

    For the engine and, where none runs, for the command line on what the store kept.
    """
    ranked: list[tuple[tuple[int, int, float, str], Alert]] = []
    for episode in episodes:
        if episode.ended_s is not None and (now_s - episode.ended_s > SHOWN_S or episode.fired_s is None):
            continue
        alert = alert_of(episode, now_s)
        if episode.state == "firing":
            key = (
                0 if alert.acknowledged is None else 1,
                SEVERITIES.index(episode.severity),
                -(episode.fired_s or episode.since_s),
                episode.id,
            )
        elif episode.state == "pending":
            key = (2, SEVERITIES.index(episode.severity), -episode.since_s, episode.id)
        else:
            key = (3, 0, -(episode.ended_s or 0.0), episode.id)
        ranked.append((key, alert))
    return [alert for _, alert in sorted(ranked, key=lambda pair: pair[0])]
