"""Quality numbers as they are written: shares with one decimal, intervals, the way from what a number is held against, long names."""

from __future__ import annotations

from collections.abc import Iterable

from tui_monitor.model import Estimate
from tui_monitor.ui import format as fmt
from tui_monitor.ui.widgets.canvas import cut, text_width
from tui_monitor.vocabulary import VOCABULARY


def bad_side(key: str) -> str:
    """Which way is bad: low, high or neither."""
    term = VOCABULARY.get(key)
    return term.bad if term is not None else "low"


def floor_word(key: str) -> str:
    """What the limit of a number is called: where high is bad it stands above."""
    return "ceiling" if bad_side(key) == "high" else "floor"


def is_share(key: str) -> bool:
    """It is read as per cent."""
    term = VOCABULARY.get(key)
    return term is not None and term.unit == "ratio"


def number(key: str, value: float | None) -> str:
    """A quality number: a share with one decimal, for half a point can matter; others with three digits."""
    if value is None:
        return fmt.NONE
    if is_share(key):
        return f"{value * 100:.1f}%" if abs(value) < 0.9995 else f"{value * 100:.0f}%"
    return fmt.metric(key, value)


def interval(key: str, estimate: Estimate) -> str:
    """The 95 % interval as low–high without a unit; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_bare(key, estimate.low)}–{_bare(key, estimate.high)}"


def _bare(key: str, value: float) -> str:
    return f"{value * 100:.1f}" if is_share(key) else fmt.number(value)


def against(key: str, value: float, base: float) -> str:
    """The way from the base to the value: ▾4.5 is four and a half points lower; = where nobody would see a difference."""
    gap = (value - base) * (100 if is_share(key) else 1)
    if abs(gap) < (0.05 if is_share(key) else max(1e-9, abs(base) * 0.005)):
        return "="
    size = f"{abs(gap):.1f}" if is_share(key) else fmt.number(abs(gap))
    return f"{'▴' if gap > 0 else '▾'}{size}"


def is_worse(key: str, value: float, base: float) -> bool:
    """Whether that way is the bad one."""
    return value < base if bad_side(key) == "low" else value > base if bad_side(key) == "high" else False


def short(name: str, width: int) -> str:
    """A name in at most `width` cells; what is left out is its middle, for names of one family differ at the end."""
    if text_width(name) <= width or width < 8:
        return cut(name, width)
    end = ""
    for char in reversed(name):
        if text_width(char + end) > width // 3:
            break
        end = char + end
    return cut(name, width - text_width(end)) + end


def counted(left_out: Iterable[tuple[str, int]]) -> str:
    """Reasons with how many rows: duplicate 12, time unreadable 3."""
    return ", ".join(f"{reason.replace('_', ' ')} {fmt.count(count)}" for reason, count in left_out if count)
