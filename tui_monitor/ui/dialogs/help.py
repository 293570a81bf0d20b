"""The keys and the signs, from the same table that binds them."""

from __future__ import annotations

from itertools import zip_longest
from textwrap import wrap

from tui_monitor.ui.bindings import GROUPS, TABLE, Key
from tui_monitor.ui.dialogs.text import TextDialog

WIDTH = 76  # of the dialog, inside
SIGNS = (
    "✔ well   ○ idle   ◐ starting, watch   ▲ warning   ✖ critical   ◆ acknowledged   ⊘ silenced   ? nobody can say",
    "– no number: `e` says why.  0 is a zero that was measured.",
)


def lines(focus: str) -> list[str]:
    """The help, the keys of the focused pane first."""
    here = [key for key in TABLE if key.panes and len(key.panes) < 4 and focus in key.panes]
    width = max(len(key.shown) for key in TABLE) + 2
    text = [f"In {focus.capitalize()}", *_lines(here, width)]
    for group, title in GROUPS.items():
        text += ["", title, *_lines([key for key in TABLE if key.group == group and key not in here], width)]
    return [*text, "", "Signs", *(f"  {part}" for line in SIGNS for part in wrap(line, WIDTH - 2))]


def _lines(keys: list[Key], width: int) -> list[str]:
    return [
        f"  {shown:<{width}}{part}"
        for key in keys
        for shown, part in zip_longest([key.shown], wrap(key.means, WIDTH - width - 2), fillvalue="")
    ]


class Help(TextDialog):
    """`?`."""

    def __init__(self, focus: str, *, ascii: bool = False) -> None:  # noqa: A002
        text = lines(focus)
        super().__init__("Keys", [line.translate(_PLAIN) for line in text] if ascii else text)


_PLAIN = str.maketrans({"✔": "v", "○": "o", "◐": "~", "▲": "!", "✖": "X", "◆": "o", "⊘": "/", "–": "-", "↓": "down", "↑": "up"})
