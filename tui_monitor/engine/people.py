"""Who is on the other end of the socket: told by the kernel, not claimed by the client."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

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


class Peer(NamedTuple):
    """The process at the other end, as it was when it connected."""

    pid: int
    uid: int
    gid: int


def peer_of(connection: socket.socket) -> Peer:
    """Who is at the other end of a Unix socket (SO_PEERCRED)."""
    return Peer(*struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))))


def groups_of(peer: Peer) -> set[int]:
    """The groups of a process's user, and the one that it runs in."""
    try:
        user = pwd.getpwuid(peer.uid)
    except KeyError:
        return {peer.gid}
    return {peer.gid, *os.getgrouplist(user.pw_name, user.pw_gid)}


class Rights:
    """Who may act and who may only look. Without a read-only group everybody who gets in may act."""

    def __init__(
        self,
        group: str = "",
        read_only_group: str = "",
        *,
        owner: int | None = None,
        members: Callable[[Peer], set[int]] = groups_of,
        group_id: Callable[[str], int] = lambda name: grp.getgrnam(name).gr_gid,
    ) -> None:
        """`owner` is the engine's own user when None.

        Raises:
            KeyError: there is no such group.
        """
        self._looks, self._members = read_only_group, members
        self._owner = os.getuid() if owner is None else owner
        self._acting = group_id(group) if group and read_only_group else None

    def refusal(self, peer: Peer) -> str:
        """Why somebody may only look; empty for the engine's own user, root, and members of the group that acts."""
        if not self._looks or peer.uid in {0, self._owner}:
            return ""
        if self._acting is not None and self._acting in self._members(peer):
            return ""
        return f"you may look, not act (group {self._looks})"
