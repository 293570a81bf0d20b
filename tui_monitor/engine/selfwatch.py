"""What the monitor itself costs."""

from __future__ import annotations

import os
import time


class SelfWatch:
    """Own CPU, memory and late ticks."""

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self.late_ticks = 0
        self._cpu_s, self._at_s = time.process_time(), time.monotonic()
        self._ratio: float | None = None

    def beat(self, late_s: float) -> None:
        """A tick began `late_s` after it was due."""
        if late_s > self._tick_s / 2:
            self.late_ticks += 1

    def cpu_ratio(self) -> float | None:
        """Share of one core over the last ten seconds or so; None before the first two."""
        now_s = time.monotonic()
        if now_s - self._at_s >= (2.0 if self._ratio is None else 10.0):
            used_s = time.process_time()
            self._ratio = (used_s - self._cpu_s) / (now_s - self._at_s)
            self._cpu_s, self._at_s = used_s, now_s
        return self._ratio

    @staticmethod
    def rss_bytes() -> int | None:
        """Resident memory now."""
        try:
            with open("/proc/self/statm") as statm:  # noqa: PTH123 - read every tick
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError):
            return None
