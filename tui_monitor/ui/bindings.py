"""The one table of keys: it makes the bindings, the footer, the help, the palette and the README's list."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tui_monitor.ui.view import PANES, Pane

Group = Literal["move", "look", "alerts", "program"]

GROUPS: dict[Group, str] = {"move": "Move", "look": "Look", "alerts": "Alerts", "program": "Program"}


class Key(NamedTuple):
    """One thing that a key does."""

    keys: str  # Textual's names, separated by commas
    shown: str  # as the user reads them
    action: str  # of the app
    label: str  # one or two words, for the footer and the palette
    means: str  # one sentence, for the help and the README
    group: Group
    footer: int = 0  # its rank in the footer, 1 first; 0: not there
    panes: tuple[Pane, ...] = PANES  # where the footer shows it
    palette: bool = True


TABLE: tuple[Key, ...] = (
    Key("1", "1", "pane('health')", "health", "Focus the pane Health.", "move"),
    Key("2", "2", "pane('performance')", "performance", "Focus the pane Performance.", "move"),
    Key("3", "3", "pane('drift')", "drift", "Focus the pane Drift.", "move"),
    Key("4", "4", "pane('alerts')", "alerts", "Focus the pane Alerts.", "move"),
    Key("tab", "tab", "next_pane(1)", "next pane", "Focus the next pane.", "move"),
    Key("shift+tab", "shift+tab", "next_pane(-1)", "previous pane", "Focus the previous pane.", "move"),
    Key("down,j", "↓ j", "select(1)", "down", "Select the next line of the pane.", "move", palette=False),
    Key("up,k", "↑ k", "select(-1)", "up", "Select the previous line of the pane.", "move", palette=False),
    Key("right", "→", "subject(1)", "next model", "Show the next model server or prediction log in Performance.", "move", palette=False),
    Key("left", "←", "subject(-1)", "previous model", "Show the previous model server or prediction log in Performance.", "move", palette=False),
    Key("pagedown", "page down", "select(10)", "ten down", "Select ten lines further down.", "move", palette=False),
    Key("pageup", "page up", "select(-10)", "ten up", "Select ten lines further up.", "move", palette=False),
    Key("home", "home", "select(-1000000)", "first", "Select the first line.", "move", palette=False),
    Key("end", "end", "select(1000000)", "last", "Select the last line.", "move", palette=False),
    Key("enter", "enter", "detail", "detail", "Show everything about the selected line.", "look", footer=2),
    Key("escape", "esc", "step_back", "back", "Close what is open, end the marks, the filter, the zoom, the pause: one step back.", "move"),
    Key("z", "z", "zoom", "zoom", "Show the focused pane alone, or all again.", "look", footer=9),
    Key("w", "w", "window", "window", "Change the sliding window: 1m 5m 30m 3h 24h; of a prediction log also since deploy and since the start.", "look", footer=4, panes=("performance", "drift")),
    Key("full_stop", ".", "number(1)", "next number", "Show the next number in Performance's chart: accuracy, recall, latency ...", "look", footer=5, panes=("performance",)),
    Key("comma", ",", "number(-1)", "previous number", "Show the previous number in Performance's chart.", "look"),
    Key("c", "c", "control", "control chart", "Show Performance's chart as a control chart: centre, limits, and the points that break one of Nelson's rules; again: those of Western Electric; or as it was.", "look", footer=7, panes=("performance",)),
    Key("right_square_bracket", "]", "slice(1)", "next slice", "Show the next slice of a prediction log, the worst first.", "look", footer=6, panes=("performance",)),
    Key("left_square_bracket", "[", "slice(-1)", "previous slice", "Show the previous slice of a prediction log, or all rows again.", "look"),
    Key("t", "t", "target", "target", "Choose the model server or the prediction log that Performance shows.", "look", footer=3, panes=("health", "performance")),
    Key("slash", "/", "filter", "filter", "Show only lines that contain a text; !text hides them.", "look", footer=6),
    Key("f", "f", "faults", "faults only", "Show only what is not well, or all again.", "look", footer=7),
    Key("e", "e", "explain", "explain", "Explain the numbers of the selected line: meaning, unit, source, and why one is absent.", "look", footer=5),
    Key("space", "space", "pause", "pause", "Freeze the picture; watching goes on.", "look", footer=8),
    Key("a", "a", "ack", "acknowledge", "Acknowledge at once: the selected alert or all marked ones, of a drift signal its own or that of the one it follows, elsewhere the worst firing one.", "alerts", footer=1, panes=("health", "drift", "alerts")),
    Key("A", "A", "ack_dialog", "ack with note", "Acknowledge with a comment and an end; take over from somebody else.", "alerts", footer=5, panes=("alerts",)),
    Key("u", "u", "undo", "undo", "Undo your last act; without one, give back the selected alert.", "alerts", footer=4, panes=("alerts",)),
    Key("U", "U", "unack", "unack", "Give back the selected alert or all marked ones, whoever has them.", "alerts", footer=11, panes=("alerts",)),
    Key("s", "s", "silence", "silence", "Silence what a match hides: shown beforehand, with a reason and an end.", "alerts", footer=3, panes=("alerts",)),
    Key("S", "S", "silences", "silences", "List the silences; one can be ended there.", "alerts"),
    Key("x", "x", "expire", "end silence", "End the silence or the shelf that hides the selected alert.", "alerts", footer=12, panes=("alerts",)),
    Key("l", "l", "shelve", "shelve", "Put the selected alert out of sight for a while.", "alerts"),
    Key("n", "n", "note", "note", "Write a line into the journal of the selected alert.", "alerts", footer=6, panes=("alerts",)),
    Key("h", "h", "history", "history", "Show the past of the selected alert: how often, when, how long, who.", "alerts", footer=5, panes=("alerts",)),
    Key("m", "m", "mark", "mark", "Mark the selected alert, or unmark it; the next act means all marked ones.", "alerts", footer=8, panes=("alerts",)),
    Key("asterisk", "*", "ack_all", "ack all", "Acknowledge all marked alerts, or all that are shown and fire; it asks first.", "alerts", footer=7, panes=("alerts",)),
    Key("G", "G", "group", "group", "Group the alerts by rule, by target, or not.", "alerts"),
    Key("b", "b", "pin", "new baseline", "Make what the selected drift signal shows now its reference; it asks first. Acknowledging changes no reference.", "look", footer=3, panes=("drift",)),
    Key("i", "i", "importances(0)", "which inputs matter", "Ask the live server of golden questions which inputs matter, or stop asking; it costs requests and must be allowed.", "look"),
    Key("I", "I", "importances(1)", "why this answer", "The same for one question: the one whose answer changed last.", "look"),
    Key("ctrl+s", "ctrl+s", "snapshot", "snapshot", "Write one file with what was seen; `tui-monitor open` shows it.", "program", footer=10),
    Key("R", "R", "reload", "reload", "Read configuration and rules again; wrong ones change nothing.", "program"),
    Key("T", "T", "theme", "theme", "Change the theme.", "program"),
    Key("ctrl+p", "ctrl+p", "palette", "palette", "Find and do anything by its name.", "program", palette=False),
    Key("ctrl+z", "ctrl+z", "suspend_process", "suspend", "Back to the shell for a while; `fg` returns.", "program", palette=False),
    Key("question_mark", "?", "help", "help", "Show these keys.", "program", footer=11),
    Key("q", "q", "leave", "quit", "Leave; an engine that was started for this screen ends with the last one.", "program", footer=12),
    Key("ctrl+c", "ctrl+c", "leave", "quit", "The same as q.", "program", palette=False),
)  # fmt: skip


def footer(pane: str, width: int) -> list[tuple[str, str]]:
    """What can be pressed now, as (key, label): as many as `width` cells hold, help and quit always when they fit at all.

    Args:
        pane: the focused pane.
        width: of the line, in cells; an entry takes its key, a space, its label and two spaces.
    """
    panes = Key("", "1-4", "", "pane", "", "move", footer=0)
    ranked = sorted((key for key in TABLE if key.footer and pane in key.panes), key=lambda key: key.footer)
    last = [key for key in ranked if key.action in {"help", "leave"}]
    wanted = [panes, *(key for key in ranked if key not in last)]
    left = width - sum(_cells(key) for key in last)
    if left < 0:
        wanted, last = [], [key for key in last if _cells(key) <= width][-1:]
    shown = []
    for key in wanted:
        left -= _cells(key)
        if left < 0:
            break
        shown.append(key)
    return [(key.shown, key.label) for key in (*shown, *last)]


def _cells(key: Key) -> int:
    return len(key.shown) + len(key.label) + 3


def markdown() -> str:
    """The README's list of keys."""
    lines = ["| key | does |", "| --- | --- |"]
    lines += [f"| {_code(key.shown)} | {key.means} |" for key in TABLE]
    return "\n".join(lines)


def _code(shown: str) -> str:
    """Each key on its own, as code; "page down" is one key."""
    one = shown.startswith("page")
    return f"`{shown}`" if one else " ".join(f"`{part}`" for part in shown.split())
