"""What the user chose to look at, and the series that charts are drawn from; panes are functions of these and the frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from tui_monitor.model import History

Pane = Literal["health", "performance", "drift", "alerts"]
PANES: tuple[Pane, ...] = ("health", "performance", "drift", "alerts")


class View(Struct, frozen=True):
    """The user's choices and what the screen knows about its source. A new choice makes a new view."""

    focus: Pane = "health"
    zoom: bool = False
    target: str | None = None  # of Performance, and selected in Health; None: the worst one
    window: str = "5m"  # of charts
    alert: str | None = None  # id; None: the first
    signal: str | None = None  # name as `signals_in_order` gives it; None: the first
    metric: str | None = None  # key of the big chart; None: the one that tells most
    control: Literal["", "nelson", "western"] = ""  # whose rules mark the points of the big chart, where it is a control chart
    log: str | None = None  # the prediction log that Performance shows; None: a server, or a log that is bad while the servers are well
    quality_key: str | None = None  # its number; None: the one that speaks for it
    quality_window: str = "30m"  # its window
    slice: str | None = None  # of its rows; None: all
    marked: frozenset[str] = frozenset()  # ids of alerts that the next act means together
    group: Literal["", "rule", "target"] = ""  # of the list of alerts
    faults_only: bool = False
    filter: str = ""
    paused: bool = False
    behind_s: float = 0.0  # how much older than now the shown frame is
    note: str = ""  # trouble with the source, one line
    replay: bool = False
    you: str = ""
    utc: bool = False
    keys: tuple[tuple[str, str], ...] | list[tuple[str, str]] = ()  # the footer: key, label
    toast: str = ""


class Series(Struct, frozen=True):
    """One line of a chart: `values[i]` covers `start_s + i * step_s` up to the next; None is a gap."""

    start_s: float
    step_s: float
    values: list[float | None]


Histories = Mapping[tuple[str, str], Series]


def series_of(history: History) -> dict[tuple[str, str], Series]:
    """An answer of the feed as `draw_board` wants it."""
    return {(history.subject, key): Series(history.start_s, history.step_s, values) for key, values in history.values.items()}
