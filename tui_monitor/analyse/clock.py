"""Times that were noted before somebody set the wall clock."""

from __future__ import annotations

from typing import overload

FRESH_S = 10.0  # a time this young was noted after the clock was set back


@overload
def shifted(at_s: float, step_s: float, now_s: float) -> float: ...
@overload
def shifted(at_s: None, step_s: float, now_s: float) -> None: ...
@overload
def shifted(at_s: float | None, step_s: float, now_s: float) -> float | None: ...
def shifted(at_s: float | None, step_s: float, now_s: float) -> float | None:
    """A noted time as the clock tells it now; one that was noted after the clock was set stays.

    Args:
        at_s: the time, None where there is none.
        step_s: how far the clock was set, forward above 0.
        now_s: the time now, by the clock that was set.
    """
    if at_s is None:
        return None
    after = at_s + step_s > now_s + 1.0 if step_s > 0 else now_s - FRESH_S <= at_s <= now_s + 1.0
    return at_s if after else at_s + step_s
