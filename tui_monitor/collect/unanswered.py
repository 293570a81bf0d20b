"""Clients of a local port that asked and have no answer: the kernel knows for each connection when bytes last came and last went.

An idle connection of a pool has had its answer; a hanging client's newest bytes are its question. Asked over the kernel's socket
diagnostics (sock_diag(7), struct inet_diag_msg and tcp_info of linux/tcp.h), which any user may do for all sockets of the network namespace.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection

ASKED_S = 5.0  # a question younger than this may be answered in a moment
MOST_BYTES = 8_000_000  # of an answer: some 30,000 connections
_NETLINK_SOCK_DIAG = 4
_BY_FAMILY, _REQUEST_DUMP = 20, 0x301
_ERROR, _DONE = 2, 3
_WITH_INFO = 1 << 1  # INET_DIAG_INFO - 1
_ESTABLISHED = 1
_HEADER = struct.Struct("=IHHII")
_MESSAGE_BYTES = 72  # of inet_diag_msg; attributes follow
_TIMES = struct.Struct("=I4xI")  # at 44: milliseconds since data was sent; at 52: since some came
_COUNTS = struct.Struct("=II")  # at 152: segments with data that came; and that were sent


def unanswered(port: int, ours: Collection[int] = (), asked_s: float = ASKED_S) -> int | None:
    """How many clients of `port` asked at least `asked_s` ago and have no answer since; None when the kernel does not say.

    Args:
        port: a local TCP port.
        ours: local ports of our own connections, which do not count.
        asked_s: how long ago.
    """
    count = 0
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(0.5)
            for family in (socket.AF_INET, socket.AF_INET6):
                count += sum(client not in ours for client in _asked(_dump(kernel, family, port), port, asked_s))
    except (OSError, AttributeError, struct.error):  # another system, a sandbox, an older kernel
        return None
    return count


def _dump(kernel: socket.socket, family: int, port: int) -> list[bytes]:
    """One message for each established connection of the port.

    Raises:
        OSError: when the kernel refuses, or says more than `MOST_BYTES`.
    """
    who = struct.pack("!HH", port, 0) + bytes(36) + b"\xff" * 8
    request = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, _WITH_INFO, 0, 1 << _ESTABLISHED) + who
    kernel.sendto(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _REQUEST_DUMP, family, 0) + request, (0, 0))
    messages: list[bytes] = []
    size = 0
    while size < MOST_BYTES:
        part = kernel.recv(1 << 18)
        size += len(part)
        at = 0
        while at + _HEADER.size <= len(part):
            length, kind, *_ = _HEADER.unpack_from(part, at)
            if kind == _DONE:
                return messages
            if kind == _ERROR or length < _HEADER.size:
                raise OSError(0, "the kernel refused")
            messages.append(part[at + _HEADER.size : at + length])
            at += (length + 3) & ~3
    raise OSError(0, "more connections than are counted")


def _asked(messages: list[bytes], port: int, asked_s: float) -> list[int]:
    """The clients' ports of those connections whose newest bytes came from the client, at least `asked_s` ago."""
    clients: list[int] = []
    for message in messages:
        local, remote = struct.unpack_from("!HH", message, 4)
        info = _tcp_info(message)
        if local != port or info is None:
            continue
        unread = struct.unpack_from("=I", message, 56)[0]
        sent_ms, came_ms = _TIMES.unpack_from(info, 44)
        came, sent = _COUNTS.unpack_from(info, 152) if len(info) >= 160 else (0, 0)
        asked = unread > 0 or came_ms < sent_ms or (came > 0 and sent == 0)
        if asked and came_ms >= asked_s * 1000:
            clients.append(remote)
    return clients


def _tcp_info(message: bytes) -> bytes | None:
    at = _MESSAGE_BYTES
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if kind == 2 and length >= 60:  # INET_DIAG_INFO
            return message[at + 4 : at + length]
        at += max(4, (length + 3) & ~3)
    return None
