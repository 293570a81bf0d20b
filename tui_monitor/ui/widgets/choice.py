"""One of a few words on a line, chosen with left and right; readable without colour."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.reactive import reactive
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """`chosen` is the index of the word that stands."""

    DEFAULT_CSS = "Choice { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [("left,h", "move(-1)", "left"), ("right,l,space", "move(1)", "right")]
    chosen = reactive(0)

    def __init__(self, label: str, words: list[str], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._label, self._words = label, words

    def render(self) -> Text:
        """The label and the words, the chosen one marked."""
        text = Text(f"{self._label} ", no_wrap=True)
        for index, word in enumerate(self._words):
            here = index == self.chosen
            text.append(f"({'o' if here else ' '}) {word}", Style(bold=here, reverse=here and self.has_focus))
            text.append("  ")
        return text

    def action_move(self, by: int) -> None:
        """To the neighbour, around the end."""
        self.chosen = (self.chosen + by) % len(self._words)
