"""Where the engine of a call listens, and the command that starts one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import tui_monitor
from tui_monitor.cli.exits import Stop
from tui_monitor.engine import paths

LONGEST_SOCKET = 107  # sockaddr_un.sun_path, less its zero


def socket_of(instance: str, group: str) -> Path:
    """The socket's path.

    Raises:
        Stop: the kernel would not take it.
    """
    path = paths.socket_path(instance, group)
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        raise Stop(f"{path} is too long for a socket; set XDG_RUNTIME_DIR to a shorter directory")
    return path


def engine_command(instance: str, config: str | None, *extra: str) -> list[str]:
    """What starts an engine for a screen: this interpreter, this package, and nothing of the directory we happen to stand in."""
    package = Path(tui_monitor.__file__).resolve().parents[1]
    safe = [] if package == Path.cwd().resolve() else ["-P"]  # in a checkout the package itself is found by the directory
    command = [sys.executable, *safe, "-m", "tui_monitor", "engine", "--spawned", "--instance", instance]
    if config:
        command += ["--config", str(Path(config).expanduser().absolute())]
    return [*command, *extra]
