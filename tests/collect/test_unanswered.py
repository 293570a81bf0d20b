"""The kernel's word on who asked and has no answer, over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tui_monitor.collect.unanswered import unanswered


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        if unanswered(listening.getsockname()[1]) is None:
            pytest.skip("this kernel does not tell")
        yield listening


def test_only_clients_without_an_answer_count(server: socket.socket) -> None:
    port = server.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as idle, server.accept()[0], socket.create_connection(("127.0.0.1", port)) as asking:
        with server.accept()[0] as taken:
            assert unanswered(port, asked_s=0.0) == 0  # connections alone ask nothing
            asking.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert unanswered(port, asked_s=0.0) == 1  # not read yet
            assert taken.recv(100)
            assert unanswered(port, asked_s=0.0) == 1  # read, not answered
            assert unanswered(port, asked_s=60.0) == 0  # it may be answered in a moment
            assert unanswered(port, ours=[asking.getsockname()[1]], asked_s=0.0) == 0
            taken.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            assert asking.recv(100)
            assert unanswered(port, asked_s=0.0) == 0  # an answer, and now a connection of a pool
        assert idle.getsockname()[1] != port


def test_one_that_nobody_accepted_waits_too(server: socket.socket) -> None:
    port = server.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.sendall(b"x")
        assert unanswered(port, asked_s=0.0) == 1


def test_other_ports_do_not_count(server: socket.socket) -> None:
    port = server.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.sendall(b"x")
        assert unanswered(asking.getsockname()[1], asked_s=0.0) == 0
