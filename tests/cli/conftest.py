"""Every test has its own places, and nobody's settings."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Runtime, state and configuration directories of this test; short, because a socket's path is."""
    for name in [name for name in os.environ if name.startswith("TUI_MONITOR_")]:
        monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory(prefix="tm-") as folder:
        for name, part in (("CONFIG_HOME", "config"), ("STATE_HOME", "state"), ("RUNTIME_DIR", "run")):
            (Path(folder) / part).mkdir(mode=0o700)
            monkeypatch.setenv(f"XDG_{name}", str(Path(folder) / part))
        yield Path(folder)
