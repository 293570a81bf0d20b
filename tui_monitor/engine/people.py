"""Who is on the other end of the socket: told by the kernel, not claimed by the client."""

from __future__ import annotations

import pwd
import socket
import struct
from pathlib import Path

_UNSET = 4294967295  # a process that no login led to


def name_of(uid: int) -> str:
    """The login name of a user id, or the id itself where nobody has that id."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def login_name(pid: int, uid: int) -> str:
    """The user behind a process: who logged in, also behind sudo, else its user id."""
    try:
        login = int(Path(f"/proc/{pid}/loginuid").read_text())
    except (OSError, ValueError):
        login = _UNSET
    return name_of(uid if login == _UNSET else login)


def peer_name(connection: socket.socket) -> str:
    """The user at the other end of a Unix socket (SO_PEERCRED)."""
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return login_name(pid, uid)
