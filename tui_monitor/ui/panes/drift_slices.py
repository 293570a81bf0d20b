"""Which slices of a log carry a drift, in words."""

from __future__ import annotations

from tui_monitor.model import Carries, Drift
from tui_monitor.ui.panes import written

_MOSTLY = 0.6  # of a slice's part, from which on it is told as the reason
_NAME = 40
_OTHER = 0.05  # another share of the rows, or of its own rows, than in the reference


def most_of_it(signal: Drift) -> str:
    """`Most of it: route = /v1/chat (88 % of the change; 31 % of rows).` Nothing where no slice carries more than its share."""
    told = [
        f"{written.short(one.name, _NAME)} ({part(one)}{' of the change' if place == 0 else ''}; {_rows(one)})"
        for place, one in enumerate(signal.slices)
    ]
    return f"Most of it: {', '.join(told)}." if told else ""


def _percent(share: float) -> str:
    """As the sentences of drift have it."""
    value = 100 * share
    return f"{value:.0f} %" if abs(value) >= 1 or value == 0 else "<1 %"


def part(one: Carries) -> str:
    """How much of the change."""
    return "all" if one.carries >= 0.995 else _percent(one.carries)


def _rows(one: Carries) -> str:
    before, now = one.rows
    return f"{_percent(now)} of rows" + (f", {_percent(before)} in the reference" if abs(now - before) >= _OTHER else "")


def why(one: Carries) -> str:
    """Whether its own rows changed, or there are more of them, or fewer, than before."""
    before, now = one.inside
    rows = f"{_percent(one.rows[0])} → {_percent(one.rows[1])} of all rows"
    if before is None or now is None:
        there = "none of its rows were there in the reference" if before is None else "none of its rows come now"
        return f"{there} ({rows})"
    own = f"{_percent(before)} → {_percent(now)} of its own rows are {one.where or 'there'}"
    moved = one.rows[1] * now - one.rows[0] * before
    mix = (one.rows[1] - one.rows[0]) * (before + now) / 2 / moved if moved else 0.0
    if mix >= _MOSTLY:
        said = "there are more of its rows than before" if one.rows[1] > one.rows[0] else "there are fewer of its rows than before"
        return (
            f"{said} ({rows}); they themselves are much as they were ({own})" if abs(now - before) < _OTHER else f"{said} ({rows}; {own})"
        )
    if mix <= 1 - _MOSTLY:
        return f"its own rows changed ({own}; {rows})"
    return f"its own rows changed and there are other shares of them ({own}; {rows})"


def explained(signal: Drift) -> list[str]:
    """One text a slice, then what such a part means."""
    if not signal.slices:
        return []
    told = [
        f"{one.name} carries {_percent(one.carries)} of the change (95 %: {_percent(one.interval[0])} to {_percent(one.interval[1])}): {why(one)}"
        for one in signal.slices
    ]
    return [*told, "a part beyond 100 % says that the rest went the other way; slices that moved like all others are not named"]
