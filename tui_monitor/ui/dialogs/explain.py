"""What a number means, where it comes from, and why it is absent."""

from __future__ import annotations

from tui_monitor.ui.dialogs.text import TextDialog
from tui_monitor.ui.widgets.canvas import text_width, wrap

WIDTH = 77  # cells in the dialog where the screen is wide
_LABEL = 9  # cells of a line's name


class Explain(TextDialog):
    """`e`."""

    def __init__(self, lines: list[str], *, width: int = WIDTH, ascii: bool = False) -> None:  # noqa: A002
        """Lines of a name and a text; a long text goes on under itself."""
        super().__init__("What this says", [part for line in lines for part in hanging(line, width)], ascii=ascii)


def hanging(line: str, width: int) -> list[str]:
    """The line in `width` cells; what does not fit stands under the text, not under the name."""
    name, text = line[:_LABEL], line[_LABEL:]
    if text_width(line) <= width or not name.endswith(" ") or not text or text.startswith(" ") or width < 3 * _LABEL:
        return [line]
    return [(name if not i else " " * _LABEL) + part for i, part in enumerate(wrap(text, width - _LABEL, 8))]
