"""What a number means, where it comes from, and why it is absent."""

from __future__ import annotations

from tui_monitor.ui.dialogs.text import TextDialog


class Explain(TextDialog):
    """`e`."""

    def __init__(self, lines: list[str], *, ascii: bool = False) -> None:  # noqa: A002
        super().__init__("What this says", lines, ascii=ascii)
