"""Real servers on loopback, in threads, that answer as well or as badly as a test wants."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path


class Loopback:
    """Listens on a free port; `answer(connection, request bytes)` does what it likes with each request."""

    def __init__(self, answer: Callable[[socket.socket, bytes], None]) -> None:
        self.requests: list[bytes] = []
        self.peers: set[int] = set()  # ports that asked
        self.asked = threading.Event()
        self.ended = threading.Event()
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if _is_strangers(connection.getpeername()[1]):
                connection.close()
                continue
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while request := self._read(connection):
                self.requests.append(request)
                self.peers.add(connection.getpeername()[1])
                self.asked.set()
                self._answer(connection, request)

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return b""
            data += more
            if data[:1] == b"\x16":  # a TLS greeting
                return data
        head, _, body = data.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self.ended.set()
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def _is_strangers(port: int) -> bool:
    """Whether the other end belongs to another process: a monitor that runs on this machine asks new servers what they are, these too."""
    try:
        rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
        inodes = {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[9] != "0"}
        ours = set()
        for name in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                ours.add(str(name.readlink()))
    except OSError:
        return False
    return bool(inodes) and not any(f"socket:[{inode}]" in ours for inode in inodes)


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket, bytes], None]) -> Iterator[Loopback]:
    server = Loopback(answer)
    try:
        yield server
    finally:
        server.close()


def reply(body: bytes = b"", status: str = "200 OK", *, headers: str = "Content-Type: text/plain\r\n", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


def routes(pages: dict[str, bytes]) -> Callable[[socket.socket, bytes], None]:
    """Answers "GET /path" with the ready reply of that name, everything else with 404."""

    def answer(connection: socket.socket, request: bytes) -> None:
        method, path, _ = request.split(b"\r\n", 1)[0].decode().split(" ", 2)
        connection.sendall(pages.get(f"{method} {path}", reply(b"not here", "404 Not Found")))

    return answer
