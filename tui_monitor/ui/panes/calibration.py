"""Whether a score means what it says: in ten equal steps of the score, the share that was positive as a bar, the mean score as a mark."""

from __future__ import annotations

from tui_monitor.model import Calibration
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.widgets.canvas import Part, pad

_BLOCKS = " ▁▂▃▄▅▆▇█"
_LEFT = 6  # cells of the axis
_OFF = 0.1  # gap between score and share that is worth a colour


def lines(calibration: Calibration, width: int, rows: int) -> list[Line]:
    """A plot of at most `rows` lines, the scores and the counts below it; nothing where it does not fit."""
    steps = min(len(calibration.n), len(calibration.score), len(calibration.share))
    cell = min(6, (width - _LEFT) // max(1, steps))
    high = min(8, rows - 3)
    if not steps or cell < 3 or high < 3:
        return []
    out: list[Line] = [((pad("share that was positive ", width), "dim"),)]
    for y in range(high):
        label = "100%" if y == 0 else "0%" if y == high - 1 else ""
        parts: list[Part] = [(pad(label, _LEFT - 1, ">") + " ", "dim")]
        for i in range(steps):
            parts += _cell(calibration, i, high - 1 - y, high, cell)
        out.append(tuple(parts))
    ends = [f"{i / steps:.1f}".removeprefix("0") if i else "0" for i in range(steps)]
    out.append(((pad("score", _LEFT), "dim"), *((pad(end, cell), "dim") for end in ends)))
    out.append(((pad("rows", _LEFT), "dim"), *((pad(fmt.letter_count(n), cell), "faint") for n in calibration.n[:steps])))
    return out[:rows]


def _cell(calibration: Calibration, i: int, level: int, high: int, width: int) -> list[Part]:
    """One step at one height: the bar, and the mark of the mean score on or above it."""
    share, score = calibration.share[i], calibration.score[i]
    if share is None:
        return [" " * width]
    eighths = round(share * high * 8) - level * 8
    block = _BLOCKS[min(8, max(0, eighths))]
    if level == 0 and share > 0 and block == " ":
        block = _BLOCKS[1]
    off = score is not None and abs(share - score) >= _OFF
    mark = score is not None and min(high - 1, int(score * high)) == level
    bar = block * (width - 1)
    if mark:
        bar = "━" * (width - 1) if block in " █" else block * (width - 2) + "━"
    role = "warn" if off else "chart2" if mark else "chart"
    return [(bar, role), " "]
