"""One sentence about a number that is outside, or that fills up; from fixed templates."""

from __future__ import annotations

from tui_monitor.analyse.anomaly.filling import Full
from tui_monitor.analyse.anomaly.outlook import Outlook

BY = {"day": " at this hour of the day", "week": " at this hour of the week", "": ""}


def sentence(key: str, outlook: Outlook | None, full: Full | None) -> str:
    """What is so, and what it rests on; numbers stand beside it and are not repeated."""
    parts = []
    if outlook is not None and outlook.since_s is not None:
        side = "above" if outlook.side > 0 else "below"
        parts.append(f"{key} is {side} what is expected{BY[outlook.season]}")
    if full is not None:
        latest = f"by {spell(full.high_s)} at the latest" if full.high_s is not None else "if it goes on, which nobody can say"
        parts.append(
            f"full in about {spell(full.in_s)} ({spell(full.low_s)} at least, {latest}); it has grown steadily for {spell(full.lasted_s)}"
        )
    return "; ".join(parts)


def spell(length_s: float) -> str:
    """40 min, 3 h, 4 days."""
    if length_s < 5400:
        return f"{max(1, round(length_s / 60))} min"
    return f"{round(length_s / 3600)} h" if length_s < 48 * 3600 else f"{round(length_s / 86400)} days"
