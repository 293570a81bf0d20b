"""The client against servers that misbehave for real, on loopback."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
import zlib

import pytest
from loopback import reply, serving

from tui_monitor.collect.http import Answer, Client, TlsFiles, without_secrets


def ask(url: str, path: str = "/metrics", timeout_s: float = 5.0, **options: object) -> Answer:
    get = {name: options.pop(name) for name in ("method", "body", "accept") if name in options}

    async def go() -> Answer:
        client = Client(url, timeout_s, **options)  # type: ignore[arg-type]
        try:
            return await client.get(path, **get)  # type: ignore[arg-type]
        finally:
            await client.aclose()

    return asyncio.run(go())


def failed(answer: Answer) -> tuple[str, str]:
    assert answer.failure is not None, answer.body[:100]
    return answer.failure.kind, answer.failure.message


def send(data: bytes):
    return lambda connection, _request: connection.sendall(data)


def send_and_close(data: bytes):
    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(data)
        connection.close()

    return answer


def test_an_answer_has_status_headers_body_and_time() -> None:
    with serving(send(reply(b"up 1\n"))) as server:
        answer = ask(server.url)
    assert (answer.status, answer.body, answer.failure, answer.headers["content-type"]) == (200, b"up 1\n", None, "text/plain")
    assert 0 < answer.took_s < 5
    assert b"GET /metrics HTTP/1.1" in server.requests[0]
    assert b"openmetrics" not in server.requests[0]


def test_accepted_and_never_answered_ends_at_the_deadline() -> None:
    with serving(lambda _connection, _request: server.ended.wait()) as server:
        answer = ask(server.url, timeout_s=0.3)
    assert failed(answer) == ("timeout", "no answer within 0.3 s")
    assert answer.took_s < 2


def test_a_byte_at_a_time_ends_at_the_deadline_not_at_the_last_byte() -> None:
    def drip(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        while not server.ended.wait(0.05):
            connection.sendall(b"a")

    with serving(drip) as server:
        answer = ask(server.url, timeout_s=0.3)
    kind, message = failed(answer)
    assert kind == "timeout"
    assert message.startswith("answer not finished within 0.3 s (")
    assert answer.took_s < 2


def test_a_hundred_megabytes_are_refused_at_the_limit() -> None:
    sent = []

    def flood(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(100):
            connection.sendall(bytes(1_000_000))
            sent.append(1_000_000)

    with serving(flood) as server:
        answer = ask(server.url, limit_bytes=2_000_000)
    assert failed(answer) == ("too_large", "more than 2 MB")
    assert answer.body == b""
    assert sum(sent) < 50_000_000


def test_a_gzip_bomb_is_refused_while_decoding() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()
    assert len(bomb) < 200_000
    with serving(send(reply(bomb, headers="Content-Encoding: gzip\r\n"))) as server:
        assert failed(ask(server.url))[0] == "too_large"


@pytest.mark.parametrize("headers", ["Content-Encoding: gzip\r\n", "Content-Encoding: x-gzip\r\n", ""])
def test_gzip_is_read_declared_or_not(headers: str) -> None:
    with serving(send(reply(gzip.compress(b"up 1\n"), headers=headers))) as server:
        answer = ask(server.url)
    assert (answer.failure, answer.body) == (None, b"up 1\n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (reply(b"up 1\nqueue 12", length=400), "the answer broke off after 13 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nup 1\n\r\n", "the answer broke off after 5 bytes"),
        (reply(gzip.compress(b"up 1\n" * 9)[:-9], headers="Content-Encoding: gzip\r\n"), "its gzip stream is cut short"),
        (reply(b"no gzip at all", headers="Content-Encoding: gzip\r\n"), "its gzip is broken"),
        (reply(b"up 1\n", headers="Content-Encoding: br\r\n"), "content-encoding br was not asked for"),
        (b"", "127.0.0.1:PORT closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "127.0.0.1:PORT closed the connection without an answer"),
    ],
)
def test_what_breaks_off_is_damaged(data: bytes, message: str) -> None:
    with serving(send_and_close(data)) as server:
        kind, said = failed(ask(server.url))
    assert (kind, said.replace(str(server.port), "PORT")) == ("damaged", message)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert failed(ask(f"http://127.0.0.1:{port}")) == ("refused", f"nobody listens on 127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("gopher://127.0.0.1:1", "unsupported"),
        ("http://[bad", "unsupported"),
        ("", "unsupported"),
        ("http://127.0.0.1:99999", "unsupported"),
    ],
)
def test_a_url_that_is_none_is_one_line(url: str, kind: str) -> None:
    assert failed(ask(url, ""))[0] == kind


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        ("401 Unauthorized", b"", "auth", "401 Unauthorized (set bearer_token_file, basic_auth or headers)"),
        ("403 Forbidden", b"", "auth", "403 Forbidden (set bearer_token_file, basic_auth or headers)"),
        ("503 Service Unavailable", b"\x1b[31mLoading\nmodel\x1b[0m", "bad_status", "503 Service Unavailable: Loading model"),
        ("502 Bad Gateway", b"<html>nginx</html>", "bad_status", "502 Bad Gateway"),
        ("404 Not Found", b"x" * 50_000, "bad_status", "404 Not Found: " + "x" * 119 + "…"),
    ],
)
def test_a_status_that_says_no(status: str, body: bytes, kind: str, message: str) -> None:
    with serving(send(reply(body, status))) as server:
        answer = ask(server.url)
    assert failed(answer) == (kind, message)
    assert answer.status == int(status[:3])


def test_a_status_that_was_hoped_for_is_an_answer() -> None:
    with serving(send(reply(b"", "400 Bad Request"))) as server:
        answer = ask(server.url, accept={200, 400})
    assert (answer.status, answer.failure) == (400, None)


def test_redirects_are_refused_and_named_without_their_secrets() -> None:
    with serving(send(reply(status="302 Found", headers="Location: http://bob:hunter2@other.example/login?token=abc\r\n"))) as server:
        answer = ask(server.url, headers={"Authorization": "Bearer tok-123"})
    assert failed(answer) == ("redirect", "302, redirects to http://other.example/login: not followed")


def test_redirects_that_are_allowed_travel_without_credentials() -> None:
    with (
        serving(send(reply(b"up 1\n"))) as there,
        serving(send(reply(status="307 Moved", headers=f"Location: {there.url}/page\r\n"))) as here,
    ):
        secret = {"Authorization": "Bearer tok-123", "X-Key": "k-456"}
        answer = ask(here.url, headers=secret, follow_redirects=True)
        basic = ask(here.url, auth=("bob", "hunter2"), follow_redirects=True)
    assert answer.body == basic.body == b"up 1\n"
    assert b"tok-123" in here.requests[0]
    assert b"authorization: basic" in here.requests[1].lower()
    for request in there.requests:
        assert b"authorization" not in request.lower()
        assert b"k-456" not in request


def test_redirects_in_a_circle_end() -> None:
    with serving(send(reply(status="302 Found", headers="Location: /metrics\r\n"))) as server:
        assert failed(ask(server.url, follow_redirects=True)) == ("redirect", "more than 3 redirects")


def test_a_server_that_echoes_our_secrets_does_not_get_them_on_screen() -> None:
    def echo(connection: socket.socket, request: bytes) -> None:
        connection.sendall(reply(request, "500 Oops"))

    with serving(echo) as server:
        _, bearer = failed(ask(server.url, headers={"Authorization": "Bearer tok-123"}))
        _, basic = failed(ask(server.url.replace("//", "//bob:hunter2@"), auth=None))
    assert b"tok-123" in server.requests[0]
    assert "tok-123" not in bearer
    assert "hunter2" not in basic
    assert "Ym9iOmh1bnRlcjI" not in basic
    assert b"Basic Ym9iOmh1bnRlcjI=" in server.requests[1]


def test_a_kept_connection_that_the_server_closed_is_asked_again() -> None:
    turn = []

    def answer(connection: socket.socket, _request: bytes) -> None:
        turn.append(1)
        if len(turn) != 2:
            connection.sendall(reply(b"up 1\n"))
        else:
            connection.close()

    async def twice(url: str) -> list[Answer]:
        client = Client(url, 5.0)
        answers = [await client.get("/metrics"), await client.get("/metrics")]
        await client.aclose()
        return answers

    with serving(answer) as server:
        answers = asyncio.run(twice(server.url))
    assert [a.failure for a in answers] == [None, None]
    assert len(turn) == 3


def test_after_a_timeout_the_next_question_gets_its_answer() -> None:
    turn = []

    def answer(connection: socket.socket, _request: bytes) -> None:
        turn.append(1)
        if len(turn) == 1:
            server.ended.wait()
        connection.sendall(reply(b"up 1\n"))

    async def both(url: str) -> tuple[Answer, Answer]:
        client = Client(url, 0.3)
        first = await client.get("/metrics")
        client.timeout_s = 5.0
        second = await client.get("/metrics")
        await client.aclose()
        return first, second

    with serving(answer) as server:
        first, second = asyncio.run(both(server.url))
    assert failed(first)[0] == "timeout"
    assert second.body == b"up 1\n"


def test_a_cancelled_question_is_cancelled() -> None:
    async def cancelled(url: str) -> bool:
        client = Client(url, 60.0)
        task = asyncio.create_task(client.get("/metrics"))
        await asyncio.to_thread(server.asked.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.aclose()
        return True

    with serving(lambda _c, _r: server.ended.wait()) as server:
        assert asyncio.run(cancelled(server.url))


def test_a_slow_question_does_not_hold_up_another_of_the_same_client() -> None:
    def answer(connection: socket.socket, request: bytes) -> None:
        if b"/health" in request:
            server.ended.wait()
        connection.sendall(reply(b"up 1\n"))

    async def both(url: str) -> tuple[Answer, Answer]:
        client = Client(url, 1.0)
        begun = time.monotonic()
        slow, quick = await asyncio.gather(client.get("/health"), client.get("/metrics"))
        assert quick.took_s < 0.9 < time.monotonic() - begun
        await client.aclose()
        return slow, quick

    with serving(answer) as server:
        slow, quick = asyncio.run(both(server.url))
    assert failed(slow)[0] == "timeout"
    assert quick.body == b"up 1\n"


def test_tls_towards_a_plain_server_and_wrong_certificate_files() -> None:
    with serving(send_and_close(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        secure = server.url.replace("http:", "https:")
        assert failed(ask(secure))[0] == "tls"
        assert failed(ask(secure, tls=TlsFiles(ca="/nonexistent/ca.pem"))) == ("tls", "certificate files: No such file or directory")


def test_posts_carry_their_body() -> None:
    with serving(send(reply(b"[]"))) as server:
        assert ask(server.url, "/v2/repository/index", method="POST", body=b"{}").body == b"[]"
    assert server.requests[0].startswith(b"POST /v2/repository/index ")
    assert server.requests[0].endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize(
    ("url", "shown"),
    [("http://bob:pw@h:1/p?token=1#x", "http://h:1/p"), ("http://h", "http://h"), ("http://[bad", "a broken URL")],
)
def test_urls_are_shown_without_their_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
