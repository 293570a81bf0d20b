"""What one of the doctor's checks found."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """One line; `cure` is what the user can do, empty where nothing needs doing."""

    grade: Literal["PASS", "WARN", "FAIL"]
    id: str
    reason: str
    cure: str = ""
