"""The last 60 minutes, one character each: the worst that was, and where nobody watched."""

from __future__ import annotations

import json

MINUTES = 60


class Strip:
    """Worst level by minute since 1970."""

    def __init__(self) -> None:
        self._levels: dict[int, int] = {}

    def put(self, now_s: float, level: int) -> None:
        """The worst of a minute wins."""
        minute = int(now_s // 60)
        self._levels[minute] = max(level, self._levels.get(minute, 0))
        for old in [known for known in self._levels if known <= minute - MINUTES]:
            del self._levels[old]

    def text(self, now_s: float) -> str:
        """Sixty characters, oldest first; '?' where nobody watched."""
        minute = int(now_s // 60)
        return "".join(str(self._levels[m]) if m in self._levels else "?" for m in range(minute - MINUTES + 1, minute + 1))

    def dump(self) -> bytes:
        """For the next engine."""
        return json.dumps(self._levels).encode()

    def restore(self, saved: bytes | None, now_s: float) -> None:
        """What an earlier engine saw; unreadable state is forgotten, it is only a picture."""
        if not saved:
            return
        try:
            levels = {int(minute): min(2, max(0, int(level))) for minute, level in json.loads(saved).items()}
        except (ValueError, AttributeError, TypeError):
            return
        minute = int(now_s // 60)
        self._levels = {m: level for m, level in levels.items() if minute - MINUTES < m <= minute}
