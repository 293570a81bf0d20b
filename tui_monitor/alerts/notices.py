"""What people who do not look at the screen must be told of an episode, and what they were told already.

The mark `Episode.told` is what the outside world believes. A notice goes out when the truth differs from it, and both are written down in
one transaction: so nothing is told twice over a restart, nothing is forgotten, and what changes back while nobody may be told costs nothing.

    fired        it fires, nobody was told, nobody has it, and nothing hides it; also when the silence that hid it ends
    severity     it is worse than what was told (its acknowledgement fell away)
    flapping     once, instead of every change from then on; what is then true is told after ten quiet minutes
    ack-expired  its acknowledgement ended and it still fires; owed while a silence hides it, and `fired` where nobody was told of it at all
    reminder     it still fires, for those who asked to be reminded; or it came back from the shelf
    resolved     what was told as firing is over. That is always told, acknowledged or silenced: what was opened is closed
    lost         the same, but nobody can say that it is well
"""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from tui_monitor.alerts.acts import ago, held_ack
from tui_monitor.alerts.judging import RANK
from tui_monitor.model import Episode, Notice, Told

What = Literal["fired", "severity", "flapping", "ack-expired", "reminder", "resolved", "lost"]


def owe(episode: Episode, what: What) -> Episode:
    """Note that somebody must be told, now or when the silence over it ends."""
    told = episode.told or Told(0, 0.0, open=False, severity=episode.severity)
    return replace(episode, told=replace(told, owed=what))


def tell(episode: Episode, now_s: float, *, hidden: bool, remind: bool = False) -> tuple[Episode, Notice | None]:
    """The episode with its mark as it is from now on, and what must be said.

    Args:
        episode: as it stands.
        now_s: wall time.
        hidden: a silence or the shelf keeps it from people.
        remind: it is time to say again that it fires.
    """
    what = _what(episode, now_s, hidden=hidden, remind=remind)
    told = episode.told
    if what is None:
        if told is not None and (mark := _kept(episode, told)) != told:
            episode = replace(episode, told=mark)
        return episode, None
    over = what in ("resolved", "lost")
    number = told.number + 1 if told is not None else 1
    episode = replace(episode, told=Told(number, now_s, not over, episode.severity, flapping=episode.flapping_since_s is not None))
    return episode, Notice(f"{episode.id}.{number}", now_s, what, _text(episode, what, now_s), replace(episode, told=None))


def _what(episode: Episode, now_s: float, *, hidden: bool, remind: bool) -> What | None:
    told = episode.told
    is_open = told is not None and told.open
    flapping = episode.flapping_since_s is not None
    if episode.state == "firing":
        if hidden or held_ack(episode, now_s) is not None:
            return None
        if told is not None and is_open and RANK[episode.severity] < RANK[told.severity]:
            return "severity"
        if flapping and not (told is not None and told.flapping):
            return "flapping"
        if told is not None and told.owed and is_open:
            return "ack-expired" if told.owed == "ack-expired" else "reminder"
        if flapping:
            return None
        if not is_open:
            return "fired"
        return "reminder" if remind else None
    if episode.ended_s is None or not is_open:
        return None
    if flapping:
        return None if hidden or (told is not None and told.flapping) else "flapping"
    return "lost" if episode.state == "lost" else "resolved"


def _kept(episode: Episode, told: Told) -> Told:
    """The mark where nothing is said: a severity that fell may rise again; flapping that ended may begin again."""
    flapping = episode.flapping_since_s is not None
    if told.flapping and not flapping:
        told = replace(told, flapping=False)
    if told.open and not flapping and episode.state == "firing" and RANK[episode.severity] > RANK[told.severity]:
        told = replace(told, severity=episode.severity)
    return told


def _text(episode: Episode, what: What, now_s: float) -> str:
    fired_s = episode.since_s if episode.fired_s is None else episode.fired_s
    match what:
        case "fired":
            return episode.summary
        case "severity":
            return f"rose to {episode.severity}: {episode.summary}"
        case "flapping":
            return f"comes and goes, {len(episode.moves_s)} changes in 10 min: {episode.summary}"
        case "ack-expired":
            return f"its acknowledgement ended and it still fires: {episode.summary}"
        case "reminder":
            return f"fires for {ago(now_s - fired_s)}: {episode.summary}"
        case "resolved":
            return f"over after {ago((episode.ended_s or now_s) - fired_s)}: {episode.summary}"
        case _:
            return f"nothing is known of it any more, after {ago((episode.ended_s or now_s) - fired_s)}: {episode.summary}"
