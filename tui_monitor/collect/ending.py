"""Whether a page ends where its server ended it, as far as anybody can tell.

A page that was cut inside its last number is a whole page of a wrong number: 1200 became 12, which looks like a restart, and the next page
like a burst. A length or a chunked transfer tells it, unless the server cut the page itself. What then is left is the end of the last line.
"""

from __future__ import annotations

CUT = "ends inside a line: perhaps cut"


class Ending:
    """Judges the pages of one target, one after another."""

    def __init__(self) -> None:
        """Nothing is known of its pages yet."""
        self._ends_lines = False  # a page ended with a line end: the others do, too
        self._before = b""  # the series in the last line of the page before, where that had no line end

    def judge(self, body: bytes, *, measured: bool) -> str:
        """Why the last number of a page is not to be trusted, or nothing.

        Where no page ever ended with a line end, it is the server's way. Of a page whose length was not told, that is believed from the
        second one on that ends in the same series.

        Args:
            body: the page.
            measured: its length was told, or the transfer had an end of its own.
        """
        last = body[body.rfind(b"\n") + 1 :].strip()
        if not last or last.startswith(b"#"):
            self._ends_lines = self._ends_lines or body.endswith(b"\n")
            self._before = b""
            return ""
        series = last.rpartition(b"}")[0] or last.partition(b" ")[0]
        again, self._before = series == self._before, series
        return "" if again or (measured and not self._ends_lines) else CUT
