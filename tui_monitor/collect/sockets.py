"""The kernel's table of TCP sockets: who listens, and how many clients are connected, without touching anybody.

Reads `/proc/net/tcp` and `tcp6` (Documentation/networking/proc_net_tcp.rst). Addresses there are words in the host's byte order.
"""

from __future__ import annotations

import ipaddress
import math
import re
import sys
import time
from pathlib import Path

from msgspec import Struct

LISTENING = "0A"
_LISTENS = b" 0A "
_CONNECTION = re.compile(  # local port, remote port, state, receive queue: of connections and listeners only
    rb"^ *[0-9]+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) (01|0A) [0-9A-F]{8}:([0-9A-F]{8})", re.MULTILINE
)
LIMIT_BYTES = 16_000_000  # about 100,000 sockets; a table over it is not counted
KEEP_S = 4.0  # one look serves all targets for a while: the kernel walks its whole table for each, 4 ms a time on a large host
COST = 200.0  # a look serves this many times as long as it took, where that is more


class Listener(Struct, frozen=True):
    """A listening socket. `inode` is what its owner's file descriptors point to."""

    host: str  # as bound; "0.0.0.0" and "::" are all addresses
    port: int
    inode: int
    uid: int


def _host(word: str) -> str:
    raw = bytes.fromhex(word)
    if sys.byteorder == "little":
        raw = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    if len(raw) == 4:
        return str(ipaddress.IPv4Address(raw))
    address = ipaddress.IPv6Address(raw)
    return str(address.ipv4_mapped or address)


def _tables(root: Path) -> list[bytes]:
    """Both tables as the kernel writes them.

    Raises:
        OSError: when the kernel shows neither.
    """
    tables: list[bytes] = []
    failed: OSError | None = None
    for name in ("tcp", "tcp6"):
        try:
            with (root / "net" / name).open("rb") as table:
                body = table.read(LIMIT_BYTES + 1)
        except OSError as error:
            failed = error
            continue
        if len(body) > LIMIT_BYTES:
            raise OSError(0, f"more sockets than {LIMIT_BYTES // 1_000_000} MB of {name} hold")
        tables.append(body)
    if not tables and failed is not None:
        raise failed
    return tables


def listeners(root: Path = Path("/proc")) -> list[Listener]:
    """All listening sockets of our network namespace.

    Raises:
        OSError: when the kernel does not show them.
    """
    found = []
    rows = (line for table in _tables(root) for line in table.split(b"\n") if _LISTENS in line)
    for fields in (line.decode("ascii", "replace").split() for line in rows):
        if len(fields) >= 10 and fields[3] == LISTENING:
            try:
                host, _, port = fields[1].partition(":")
                found.append(Listener(_host(host), int(port, 16), int(fields[9]), int(fields[7])))
            except ValueError:
                continue  # a row that this kernel writes otherwise
    return found


class Connections:
    """How many clients are connected to a port of this host, and how many of them nobody has accepted yet."""

    def __init__(self, root: Path = Path("/proc")) -> None:
        self._root = root
        self._at_s = -math.inf
        self._keep_s = KEEP_S
        self._remote: dict[int, list[int]] | None = None
        self._waiting: dict[int, int] = {}

    def to_port(self, port: int, ours: set[int], now_s: float | None = None) -> int | None:
        """Established connections to `port`, accepted or not, those from `ours` left out; None when the kernel does not show them."""
        self._look(now_s)
        if self._remote is None:
            return None
        return sum(remote not in ours for remote in self._remote.get(port, ()))

    def waiting(self, port: int, ours: int, now_s: float | None = None) -> int | None:
        """Connections in the accept queues of the listeners on `port`; None when the kernel does not show them, or nobody listens.

        Ours cannot be told apart there: as many as we have open are taken off.
        """
        self._look(now_s)
        if self._remote is None or port not in self._waiting:
            return None
        return max(0, self._waiting[port] - ours)

    def _look(self, now_s: float | None) -> None:
        now_s = time.monotonic() if now_s is None else now_s
        if not 0 <= now_s - self._at_s < self._keep_s:
            self._at_s = now_s
            begun_s = time.perf_counter()
            self._read()
            self._keep_s = max(KEEP_S, COST * (time.perf_counter() - begun_s))

    def _read(self) -> None:
        self._remote, self._waiting = None, {}
        try:
            tables = _tables(self._root)
        except OSError:
            return
        remote: dict[int, list[int]] = {}
        for table in tables:
            for port, there, state, queued in _CONNECTION.findall(table):
                if state == b"01":
                    remote.setdefault(int(port, 16), []).append(int(there, 16))
                else:  # a listener: its receive queue counts connections that wait to be accepted
                    self._waiting[int(port, 16)] = self._waiting.get(int(port, 16), 0) + int(queued, 16)
        self._remote = remote


CONNECTIONS = Connections()
