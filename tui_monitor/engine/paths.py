"""Where an instance keeps its socket and its state, and how those places are made safe."""

from __future__ import annotations

import grp
import os
import stat
import tempfile
import warnings
from pathlib import Path

import platformdirs


class UnsafePlace(Exception):
    """A directory that we must not use; `str(error)` is the line for the user."""


def runtime_dir(group: str = "") -> Path:
    """The directory of the sockets: the user's own (0700), or one shared with a Unix group (0770; 0750 where its members only look)."""
    if group:
        return Path(tempfile.gettempdir()) / f"tui-monitor-{group}"
    own = os.environ.get("XDG_RUNTIME_DIR")
    if own:
        return Path(own) / "tui-monitor"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it falls back to a temporary directory is no news for the user
        return Path(platformdirs.user_runtime_dir("tui-monitor", ensure_exists=False))


def socket_path(instance: str, group: str = "") -> Path:
    """The engine's socket. Its lock file is beside it and outlives it."""
    return runtime_dir(group) / f"{instance}.sock"


def state_dir(instance: str) -> Path:
    """Everything that an instance keeps on disk."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "tui-monitor" / instance


def database_path(instance: str) -> Path:
    """Episodes, acts and the journal."""
    return state_dir(instance) / "episodes.sqlite"


def recording_path(instance: str) -> Path:
    """The recorded frames."""
    return state_dir(instance) / "recording.sqlite"


def log_path(instance: str) -> Path:
    """What a started engine writes to stderr."""
    return state_dir(instance) / "engine.log"


def make_runtime_dir(group: str = "", *, looking: bool = False) -> Path:
    """Create the sockets' directory, or tighten our own; refuse another user's.

    Args:
        group: its members share it.
        looking: they may use what is in it, and put nothing there: who could replace the socket could act in the engine's name.

    Raises:
        UnsafePlace: the directory is somebody else's, is no directory, or cannot be made.
    """
    path = runtime_dir(group)
    mode = (0o750 if looking else 0o770) if group else 0o700
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        seen = path.lstat()
    except OSError as error:
        raise UnsafePlace(f"cannot make {path}: {error.strerror}; set XDG_RUNTIME_DIR to a directory of yours") from None
    if not stat.S_ISDIR(seen.st_mode):
        raise UnsafePlace(f"{path} is not a directory; remove it, or set XDG_RUNTIME_DIR")
    if group:
        key = "read_only_group" if looking else "group"
        try:
            gid = grp.getgrnam(group).gr_gid
        except KeyError:
            raise UnsafePlace(f"[engine] {key}: there is no Unix group {group!r}") from None
        if seen.st_uid == os.getuid():
            try:
                os.chown(path, -1, gid)
            except PermissionError:
                raise UnsafePlace(f"[engine] {key}: you are not in the group {group}") from None
            path.chmod(mode)
        elif seen.st_gid != gid:
            raise UnsafePlace(f"{path} does not belong to the group {group}; remove it")
        return path
    if seen.st_uid != os.getuid():
        raise UnsafePlace(f"{path} belongs to another user; set XDG_RUNTIME_DIR to a directory of yours")
    if stat.S_IMODE(seen.st_mode) & 0o077:
        path.chmod(mode)
    return path


def make_state_dir(instance: str) -> tuple[Path, str]:
    """Create an instance's state directory; where that fails say why, so that the engine can run without."""
    path = state_dir(instance)
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(path, os.W_OK | os.X_OK):
            return path, f"{path} is not writable"
    except OSError as error:
        return path, f"cannot make {path}: {error.strerror}"
    return path, ""
