"""How a verb ends: its exit codes, and the exception that carries one line for the user."""

from __future__ import annotations

DONE = 0
FAILED = 1
USAGE = 64  # EX_USAGE
CONFIGURATION = 78  # EX_CONFIG

FINE, WARNING, CRITICAL, UNREADABLE = 0, 1, 2, 3  # `once` and `alerts`, as a Nagios plug-in


class Stop(Exception):
    """The verb ends here; `str(error)` is the one line for stderr."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code
