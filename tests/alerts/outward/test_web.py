"""One question to an outward system: every way to fail is one line, and no line holds a secret."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback import reply, serving
from outward_samples import answering, json_reply

from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.alerts.outward.web import Refused, Web
from tui_monitor.config import BasicAuth, OutwardUrl, Tls


def asked(settings: OutwardUrl, *, then: Callable[[Web], Any] | None = None, **more: Any) -> Any:
    """The answer, or what was raised."""

    async def run() -> Any:
        web = Web("webhook", settings)
        try:
            return await web.ask("GET", "/x", **more) if then is None else await then(web)
        except NotSent as error:
            return error
        finally:
            await web.aclose()

    return asyncio.run(run())


def refused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_nobody_listens() -> None:
    port = refused_port()
    error = asked(OutwardUrl(url=f"http://alice:hunter2@127.0.0.1:{port}/?token=t0p5ecret"))
    assert str(error) == f"nobody listens on 127.0.0.1:{port}"
    assert error.again


@pytest.mark.parametrize(
    ("answer", "line", "again"),
    [
        (reply(b"overloaded", "500 Internal Server Error"), ": 500 Internal Server Error: overloaded", True),
        (reply(b"<html>", "502 Bad Gateway"), ": 502 Bad Gateway", True),
        (reply(b"no", "400 Bad Request"), ": 400 Bad Request: no", False),
        (reply(b"", "404 Not Found"), ": 404 Not Found", True),
        (reply(b"no", "401 Unauthorized"), ": 401 Unauthorized (set bearer_token_file or basic_auth of [webhook]): no", True),
        (reply(b"", "302 Found", headers="Location: http://u:pw@elsewhere/login?t=1\r\n"), ": 302 Found, redirects to http://elsewhere/login: not followed", True),
        (b"garbage\r\n\r\n", ": the connection broke off", True),
        (reply(b"abc", length=100)[:-1], ": no answer within 0.3 s", True),
        (b"", ": no answer within 0.3 s", True),
        (reply(b"\x1f\x8b", headers="Content-Encoding: gzip\r\n"), ": answers in an encoding that was not asked for", True),
    ],
)  # fmt: skip
def test_every_failure_is_one_line(answer: bytes, line: str, again: bool) -> None:
    with serving(answering(answer)) as server:
        error = asked(OutwardUrl(url=server.url, timeout="300ms"))
        assert (str(error), error.again) == (f"127.0.0.1:{server.port}{line}", again)
        assert len(server.requests) == 1


def test_a_trickle_is_cut_at_the_deadline_and_a_flood_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def trickle(connection: socket.socket, request: bytes) -> None:
        connection.sendall(reply(length=1000))
        while not server.ended.wait(0.05):
            connection.sendall(b"x")

    with serving(trickle) as server:
        assert "no answer within 0.3 s" in str(asked(OutwardUrl(url=server.url, timeout="300ms")))
    monkeypatch.setattr("tui_monitor.alerts.outward.web.LIMIT_BYTES", 1000)
    with serving(answering(reply(b"x" * 5000))) as server:
        assert "its answer has more than 0.001 MB" in str(asked(OutwardUrl(url=server.url)))


def test_too_many_requests_says_for_how_long() -> None:
    with serving(answering(reply(b"", "429 Too Many Requests", headers="Retry-After: 30\r\n"))) as server:
        error = asked(OutwardUrl(url=server.url))
    assert isinstance(error, Refused)
    assert (error.again, error.after_s) == (True, 30.0)


def test_json_that_is_none_and_json_of_another_shape() -> None:
    async def read(web: Web) -> object:
        return (await web.ask("GET", "/x")).read(list[int])

    for body in (b"{", b'{"a": 1}', b"[" * 100_000):
        with serving(answering(reply(body))) as server:
            assert "answers with something else than it should" in str(asked(OutwardUrl(url=server.url), then=read))
    with serving(answering(json_reply([1, 2]))) as server:
        assert asked(OutwardUrl(url=server.url), then=read) == [1, 2]


SECRETS = ("hunter2", "t0p5ecret", "b3arer-token", "h3ader-value", "YWxpY2U6aHVudGVyMg==", "p/ss w0rd")


def test_no_secret_is_ever_shown_though_the_server_echoes_all_of_them(tmp_path: Path) -> None:
    token, password = tmp_path / "token", tmp_path / "password"
    token.write_text("b3arer-token\n")
    password.write_text("p/ss w0rd")

    def echo(connection: socket.socket, request: bytes) -> None:
        head = request.partition(b"\r\n\r\n")[0].replace(b"\r\n", b" ")
        connection.sendall(reply(head + b' "p/ss w0rd" p%2Fss%20w0rd hunter2', "500 You said " + head.decode()[:60]))

    with serving(echo) as server:
        at = server.url.replace("http://", "http://alice:hunter2@") + "/hook?token=t0p5ecret"
        for settings in (
            OutwardUrl(url=at, headers={"X-Key": "h3ader-value"}),
            OutwardUrl(url=at, bearer_token_file=str(token)),
            OutwardUrl(url=at, basic_auth=BasicAuth(username="bob", password_file=str(password))),
        ):
            error = asked(settings)
            assert isinstance(error, Refused)
            for secret in SECRETS:
                assert secret not in str(error)
                assert secret not in repr(error)
        sent = b"".join(server.requests)
        assert b"h3ader-value" in sent
        assert b"Bearer b3arer-token" in sent
        assert b"token=t0p5ecret" in sent


def test_a_secret_that_cannot_be_read_is_named_and_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering(reply())) as server:
        missing = tmp_path / "none"
        assert str(asked(OutwardUrl(url=server.url, bearer_token_file=str(missing)))) == (
            f"webhook.bearer_token_file {missing}: No such file or directory"
        )
        assert "webhook.bearer_token_env NO_SUCH: is not set" in str(asked(OutwardUrl(url=server.url, bearer_token_env="NO_SUCH")))
        assert server.requests == []
        monkeypatch.setenv("OUR_TOKEN", "from-the-environment")
        asked(OutwardUrl(url=server.url, bearer_token_env="OUR_TOKEN"))
        assert b"Bearer from-the-environment" in server.requests[0]


def test_a_token_that_was_changed_is_read_again_after_401(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")

    async def twice(web: Web) -> object:
        with pytest.raises(Refused):
            await web.ask("GET")
        token.write_text("new")
        return await web.ask("GET")

    with serving(answering(reply(b"", "401 Unauthorized"), reply(b"fine"))) as server:
        assert asked(OutwardUrl(url=server.url, bearer_token_file=str(token)), then=twice).body == b"fine"
        assert b"Bearer new" in server.requests[1]


def test_a_certificate_that_nobody_knows_and_files_that_are_not_there(tmp_path: Path) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]  # fmt: skip
    try:
        subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    def tls(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"\x15\x03\x01\x00\x02\x02\x28")  # an alert: the greeting was read by somebody else

    with serving(tls) as server:
        at = server.url.replace("http", "https")
        assert "TLS failed" in str(asked(OutwardUrl(url=at)))
        assert "webhook.tls or headers cannot be used: No such file" in str(asked(OutwardUrl(url=at, tls=Tls(ca=str(tmp_path / "none")))))

    async def with_server(ca: str) -> Any:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply(b"secure"))
            await writer.drain()
            writer.close()

        listening = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        web = Web("webhook", OutwardUrl(url=f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}", tls=Tls(ca=ca)))
        try:
            return await web.ask("GET")
        except NotSent as error:
            return error
        finally:
            await web.aclose()
            listening.close()

    assert "self-signed" in str(asyncio.run(with_server("")))
    assert asyncio.run(with_server(str(tmp_path / "cert.pem"))).body == b"secure"


def test_httpx_is_loaded_when_the_first_question_goes_out() -> None:
    code = (
        "import sys, tui_monitor.alerts.outward.channels as c, tui_monitor.alerts.outward.dispatcher\n"
        "from tui_monitor.config import Settings, WebhookSettings, HookSettings, AlertSettings\n"
        "from tui_monitor.alerts.outward.labels import Origin\n"
        "c.channels(Settings(webhook=WebhookSettings(url='http://127.0.0.1:1')), Origin('h'))\n"
        "assert not {'httpx', 'apprise', 'sqlite3'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=True)
