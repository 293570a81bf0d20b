"""One line on a terminal while a long file is read."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_LONG_BYTES = 20_000_000  # from here on reading takes long enough to be watched
_REDRAW_S = 0.2


class Progress:
    """One line on a terminal while a long file is read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.wanted = sys.stderr is not None and sys.stderr.isatty()
        self._clock = clock
        self._drawn_s = -1.0

    def tell(self, read: int, size: int) -> None:
        """So many bytes of so many."""
        now_s = self._clock()
        if size < _LONG_BYTES or now_s - self._drawn_s < _REDRAW_S:
            return
        self._drawn_s = now_s
        share = min(read / size, 1.0)
        bar = "#" * round(30 * share)
        print(f"\rreading [{bar:<30}] {100 * share:3.0f} %", end="", file=sys.stderr, flush=True)

    def gone(self) -> None:
        """Leave nothing of it on the screen."""
        if self._drawn_s >= 0:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
