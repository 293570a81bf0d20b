"""Where a secret is: in a file or in the environment, never in the configuration, and never in a message."""

from __future__ import annotations

import os
from pathlib import Path

from tui_monitor.model import clean


class CredentialError(Exception):
    """A file or variable that the settings name cannot be read; the message never holds what is in it."""


def secret(key: str, path: str, variable: str) -> str:
    """What a file holds, or an environment variable; empty where neither is named.

    Args:
        key: of the settings, without `_file` and `_env`, for the message.
        path: of the file.
        variable: of the environment.

    Raises:
        CredentialError: one line with the key and the reason.
    """
    if path:
        try:
            return Path(path).expanduser().read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialError(clean(f"{key}_file {path}: {getattr(error, 'strerror', None) or 'is not text'}")) from None
    if variable:
        if variable not in os.environ:
            raise CredentialError(clean(f"{key}_env {variable}: is not set in the environment of the engine"))
        return os.environ[variable].strip()
    return ""
