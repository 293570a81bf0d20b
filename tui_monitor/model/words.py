"""Words and numbers that everything is said in, and strings from outside made fit for a terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

SCHEMA = 1  # of the Frame's JSON, of recordings and snapshots


PROTOCOL = 1  # of the socket between engine and screen


Metrics = dict[str, float | None]


Severity = Literal["critical", "warning", "info"]


TargetState = Literal["OK", "IDLE", "SLOW", "STALLED", "STARTING", "STALE", "DOWN", "UNKNOWN"]


GpuState = Literal["OK", "LOST", "HUNG", "UNKNOWN"]


SignalState = Literal["learning", "idle", "stable", "watch", "drift", "blind", "stale"]


SubjectKind = Literal["target", "model", "gpu", "host", "disk", "signal", "performance", "slice", "query"]


AlertState = Literal["pending", "firing", "resolved", "lost"]


_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P_^X].*?(?:\x07|\x1b\\|$)|[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]",
    re.DOTALL,
)


def clean(text: object, limit: int = 200) -> str:
    """A string from outside, fit for a terminal: no control characters, no escape sequences, one line, at most `limit` characters."""
    plain = " ".join(_CONTROL.sub(" ", str(text)).split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def utc(seconds: float) -> datetime:
    """Seconds since 1970 as the aware datetime that frames carry."""
    return datetime.fromtimestamp(seconds, UTC)
