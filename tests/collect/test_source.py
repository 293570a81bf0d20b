"""One round of questions to a server that behaves, and to servers that do not."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from loopback import Loopback, reply, routes, serving

from tui_monitor.collect.servers.exporter import exporter_kind
from tui_monitor.collect.servers.kind import Kind
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.collect.servers.source import ServerSource
from tui_monitor.collect.sockets import Connections
from tui_monitor.config import BasicAuth, TargetSettings
from tui_monitor.model import Found, Reading, ServerAnswer

PAGES = Path(__file__).parent.parent / "pages"
VLLM = {
    "GET /health": reply(),
    "GET /version": reply((PAGES / "vllm/version.json").read_bytes()),
    "GET /v1/models": reply((PAGES / "vllm/models.json").read_bytes()),
    "GET /metrics": reply((PAGES / "vllm/metrics.prom").read_bytes()),
}
TRITON = {
    "GET /v2": reply((PAGES / "triton/server.json").read_bytes()),
    "GET /v2/health/ready": reply(status="400 Bad Request"),
    "POST /v2/repository/index": reply((PAGES / "triton/repository_index.json").read_bytes()),
}


def source(
    url: str, kind: Kind | str = "vllm", *, timeout_s: float = 30.0, settings: TargetSettings | None = None, **found: object
) -> ServerSource:
    one = KINDS[kind] if isinstance(kind, str) else kind
    return ServerSource(Found("mine", one.name, url, **found), one, settings, 2.0, timeout_s)  # type: ignore[arg-type]


def rounds(asker: ServerSource, count: int = 1) -> list[Reading]:
    async def go() -> list[Reading]:
        readings = [await asker.read(1000.0 + i) for i in range(count)]
        await asker.close()
        return readings

    return asyncio.run(go())


def answer_of(reading: Reading) -> ServerAnswer:
    assert reading.failure is None
    assert isinstance(reading.content, ServerAnswer)
    return reading.content


def asked(server: Loopback) -> list[str]:
    return sorted(request.split(b" HTTP", maxsplit=1)[0].decode() for request in server.requests)


def test_a_vllm_that_answers() -> None:
    with serving(routes(VLLM)) as server:
        first, second = rounds(source(server.url), 2)
    answer = answer_of(first)
    assert (first.source, first.at_s) == ("mine", 1000.0)
    assert first.took_s > 0
    assert (answer.ready, answer.ready_why, answer.version) == (True, "", "0.32.0")
    assert answer.models is not None
    assert [model.name for model in answer.models] == ["tiny-llama"]
    assert answer.page is not None
    assert len(answer.page.values) > 400
    assert answer.page_failure is None
    again = answer_of(second)
    assert again.page is not None
    assert again.page.layout is answer.page.layout
    assert (again.version, again.models) == (answer.version, answer.models)
    assert asked(server) == ["GET /health", "GET /metrics", "GET /metrics", "GET /v1/models", "GET /version"]
    assert (again.ready, again.ready_took_s) == (True, None)  # the page came: readiness is not asked each time


def test_a_triton_that_is_not_ready_says_which_model_and_serves_its_page() -> None:
    with serving(routes(TRITON)) as api, serving(routes({"GET /metrics": reply((PAGES / "triton/metrics.prom").read_bytes())})) as page:
        asker = source(api.url, "triton", urls={"metrics": f"{page.url}/metrics"})
        answer = answer_of(rounds(asker, 2)[1])
    assert (answer.ready, answer.ready_why) == (False, "answers 400: broken UNAVAILABLE")
    assert answer.page is not None
    assert answer.models is not None
    assert next(f"{model.name} {model.version} {model.state}" for model in answer.models) == "broken 1 UNAVAILABLE"
    assert asked(page) == ["GET /metrics", "GET /metrics"]
    assert [request for request in asked(api) if not request.startswith("GET")] == ["POST /v2/repository/index"]


def test_health_and_page_fail_apart() -> None:
    with serving(routes(VLLM | {"GET /metrics": reply(b"gone", "404 Not Found")})) as server:
        answer = answer_of(rounds(source(server.url))[0])
    assert (answer.ready, answer.page) == (True, None)
    assert answer.page_failure is not None
    assert (answer.page_failure.kind, answer.page_failure.message) == ("bad_status", "404 Not Found: gone")

    with serving(routes(VLLM | {"GET /health": reply(b"engine dead", "503 Service Unavailable")})) as server:
        answer = answer_of(rounds(source(server.url))[0])
    assert (answer.ready, answer.ready_why) == (False, "answers 503: engine dead")
    assert answer.page is not None


def test_a_health_that_hangs_takes_its_own_time_and_the_page_stands() -> None:
    def answer(connection: socket.socket, request: bytes) -> None:
        if b"/health" in request:
            server.ended.wait()
        routes(VLLM)(connection, request)

    with serving(answer) as server:
        reading = rounds(source(server.url, timeout_s=2.0))[0]
    got = answer_of(reading)
    assert (got.ready, got.ready_why) == (None, "no answer within 2 s")
    assert got.page is not None


@pytest.mark.parametrize(
    ("page", "kind", "says"),
    [
        (reply(b"<!DOCTYPE html><html>login</html>", headers="Content-Type: text/html\r\n"), "not_metrics", "a web page"),
        (reply(b""), "empty", "the page is empty"),
        (reply(b"# nothing yet\n"), "empty", "only comments"),
        (reply(b"a 1\n", length=4000), "damaged", "broke off"),
        (reply(status="401 Unauthorized"), "auth", "401"),
        (reply(status="302 Found", headers="Location: /login\r\n"), "redirect", "/login"),
    ],
)
def test_a_page_that_is_none_says_why(page: bytes, kind: str, says: str) -> None:
    def answer(connection: socket.socket, request: bytes) -> None:
        routes(VLLM | {"GET /metrics": page})(connection, request)
        if b"/metrics" in request:
            connection.shutdown(socket.SHUT_WR)

    with serving(answer) as server:
        got = answer_of(rounds(source(server.url))[0])
    assert got.ready is True
    assert got.page is None
    assert got.page_failure is not None
    assert got.page_failure.kind == kind
    assert says in got.page_failure.message


def test_when_nothing_answers_the_whole_reading_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    reading = rounds(source(url))[0]
    assert reading.content is None
    assert reading.failure is not None
    assert (reading.failure.kind, reading.failure.message) == ("refused", f"nobody listens on {url[7:]}")

    with serving(lambda _c, _r: server.ended.wait()) as server:
        asker = source(server.url, timeout_s=0.3)
        reading = rounds(asker)[0]
        assert asker.deadline_s > 0.3
    assert reading.failure is not None
    assert reading.failure.kind == "timeout"
    assert reading.took_s < 5


def test_after_a_silence_version_and_models_are_asked_again() -> None:
    silent = []

    def answer(connection: socket.socket, request: bytes) -> None:
        if silent:
            connection.close()
        else:
            routes(VLLM)(connection, request)

    async def go(url: str) -> list[Reading]:
        asker = source(url)
        readings = [await asker.read(1.0)]
        silent.append(True)
        readings.append(await asker.read(2.0))
        silent.clear()
        readings.append(await asker.read(3.0))
        await asker.close()
        return readings

    with serving(answer) as server:
        before, silence, after = asyncio.run(go(server.url))
    assert silence.failure is not None
    assert answer_of(before).models == answer_of(after).models
    assert [request for request in asked(server) if request == "GET /v1/models"] == ["GET /v1/models"] * 2


def test_a_model_list_that_fails_is_not_listed_and_nothing_else_suffers() -> None:
    with serving(routes(VLLM | {"GET /v1/models": reply(b"no json"), "GET /version": reply(b"[]")})) as server:
        answer = answer_of(rounds(source(server.url))[0])
    assert (answer.models, answer.version, answer.ready) == (None, "", True)


def test_a_page_of_ones_own_has_no_health_and_one_question() -> None:
    kind = exporter_kind(TargetSettings(name="mine", url="http://h", map={"queue.length": "q"}))
    with serving(routes({"GET /metrics": reply(b"q 3\n")})) as server:
        answer = answer_of(rounds(source(server.url, kind))[0])
        assert asked(server) == ["GET /metrics"]
    assert (answer.ready, answer.models, answer.version) == (None, None, "")
    assert answer.page is not None
    assert answer.page.values == [3.0]


def test_credentials_go_to_every_question_and_a_replaced_token_is_read_anew(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old-token\n")

    def answer(connection: socket.socket, request: bytes) -> None:
        good = b"Bearer new-token" in request
        routes(VLLM)(connection, request) if good else connection.sendall(reply(request, "401 Unauthorized"))

    async def go(url: str) -> list[Reading]:
        asker = source(url, settings=TargetSettings(name="mine", url=url, bearer_token_file=str(token)))
        readings = [await asker.read(1.0)]
        token.write_text("new-token\n")
        readings.append(await asker.read(2.0))
        await asker.close()
        return readings

    with serving(answer) as server:
        refused, accepted = asyncio.run(go(server.url))
        assert all(b"Bearer " in request for request in server.requests)
    failure = answer_of(refused).page_failure
    assert failure is not None
    assert failure.kind == "auth"
    assert "old-token" not in repr(refused)
    assert answer_of(accepted).page is not None


def test_a_secret_that_cannot_be_read_is_named_and_nothing_is_asked(tmp_path: Path) -> None:
    with serving(routes(VLLM)) as server:
        auth = BasicAuth(username="bob", password_file=str(tmp_path / "none"))
        reading = rounds(source(server.url, settings=TargetSettings(name="mine", url=server.url, basic_auth=auth)))[0]
        assert server.requests == []
    assert reading.failure is not None
    assert reading.failure.kind == "unreadable"
    assert "password_file" in reading.failure.message


def test_our_own_connections_are_not_clients() -> None:
    left_out: list[set[int]] = []

    class Told(Connections):
        def to_port(self, port: int, ours: set[int], now_s: float | None = None) -> int | None:
            left_out.append(set(ours))
            return 7 if port == server.port else None

    with serving(routes(VLLM)) as server:
        found = Found("mine", "vllm", server.url)
        (reading,) = rounds(ServerSource(found, KINDS["vllm"], None, 2.0, 30.0, connections=Told()))
        assert left_out == [server.peers]
    assert answer_of(reading).clients == 7


def test_clients_are_counted_and_a_dead_process_is_seen(tmp_path: Path) -> None:
    with serving(routes(VLLM)) as server:
        others = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        asker = source(server.url, pid=2**22 + 1)
        asker._connections = Connections()
        first, second = rounds(asker, 2)
        for other in others:
            other.close()
    assert min(answer_of(first).clients or 0, answer_of(second).clients or 0) >= 3
    assert answer_of(first).process_alive is False
    assert answer_of(rounds_of_this_process(tmp_path)).process_alive is True


def rounds_of_this_process(root: Path) -> Reading:
    (root / "5").mkdir()
    (root / "5/stat").write_text("5 (py thon) S 1")
    with serving(routes(VLLM)) as server:
        found = Found("mine", "vllm", server.url, pid=5)
        return rounds(ServerSource(found, KINDS["vllm"], None, 2.0, 30.0, root=root))[0]


def test_a_zombie_is_dead_and_an_unknown_process_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "5").mkdir()
    (tmp_path / "5/stat").write_text("5 (python) Z 1")
    zombie = ServerSource(Found("mine", "vllm", "http://h", pid=5), KINDS["vllm"], None, 2.0, 2.0, root=tmp_path)
    unknown = ServerSource(Found("mine", "vllm", "http://h"), KINDS["vllm"], None, 2.0, 2.0, root=tmp_path)
    assert (zombie._process_alive(), unknown._process_alive()) == (False, None)
    assert unknown._connected() is None  # of another host


def test_nothing_is_ever_generated() -> None:
    with serving(routes(VLLM)) as server, serving(routes(TRITON)) as triton:
        rounds(source(server.url), 2)
        rounds(source(triton.url, "triton", urls={"metrics": f"{triton.url}/metrics"}), 2)
        assert {request.split()[0] for request in asked(server)} == {"GET"}
        assert {request for request in asked(triton) if not request.startswith("GET")} == {"POST /v2/repository/index"}
