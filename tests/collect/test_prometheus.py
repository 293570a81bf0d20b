"""A Prometheus that answers well, badly, partly, late and not at all; and a library with known faults behind its guards."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from loopback import Loopback, reply, serving

from tui_monitor.collect import prometheus as room
from tui_monitor.collect.prometheus import PrometheusSource, RangeFailure, RangeSource, backfill, line, one_number
from tui_monitor.config import BasicAuth, PrometheusSettings
from tui_monitor.model import Failure, Queried, Reading

JSON = "Content-Type: application/json\r\n"
BUILD = {"status": "success", "data": {"version": "2.42.0", "revision": "x"}}


def api(answers: dict[str, object], status: dict[str, str] | None = None) -> Callable[[socket.socket, bytes], None]:
    """A server whose answer depends on the query; the build information is always there."""

    def answer(connection: socket.socket, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        target = urlsplit(head.split(b" ")[1].decode())
        form = parse_qs(body.decode() or target.query)
        if target.path.endswith("buildinfo"):
            connection.sendall(reply(json.dumps(BUILD).encode(), headers=JSON))
            return
        query = form.get("query", [""])[0]
        if query not in answers:  # somebody else who looks around on this host
            connection.sendall(reply(b"", "404 Not Found"))
            return
        connection.sendall(reply(json.dumps(answers[query]).encode(), (status or {}).get(query, "200 OK"), headers=JSON))

    return answer


def nobody() -> str:
    """A URL on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        return f"http://127.0.0.1:{once.getsockname()[1]}"


def vector(*values: str, **more: object) -> dict[str, object]:
    result = [{"metric": {"i": str(at)}, "value": [1.5, value]} for at, value in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": result}} | more


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> dict[str, object]:
    return {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": m, "values": v} for m, v in series]}}


def settings(url: str, **more: object) -> PrometheusSettings:
    return PrometheusSettings(**({"name": "central", "url": url, "timeout": "1s"} | more))  # type: ignore[arg-type]


def read(server: Loopback | str, *queries: str, **more: object) -> Reading:
    url = server if isinstance(server, str) else server.url

    async def once() -> Reading:
        source = PrometheusSource(settings(url, queries={query: query for query in queries}, **more))
        try:
            return await source.read(7.0)
        finally:
            await source.close()

    return asyncio.run(once())


@pytest.mark.parametrize(
    ("kind", "result", "expected"),
    [
        ("scalar", [1, "2.5"], 2.5),
        ("vector", [{"metric": {}, "value": [1, "3"]}], 3.0),
        ("vector", [], "no series fits"),
        ("vector", [{"value": [1, "1"]}, {"value": [1, "2"]}], "2 series, one is needed: aggregate them, as in sum(...)"),
        ("vector", [{"metric": {}, "value": [1, "NaN"]}], "NaN: there is nothing to compute it from"),
        ("vector", [{"metric": {}, "value": [1, "+Inf"]}], "infinite: divided by 0"),
        ("vector", [{"metric": {}, "histogram": [1, {}]}], "a histogram, not a number: use histogram_quantile(...)"),
        ("matrix", [], "a matrix, not a number"),
        ("string", [1, "x"], "a string, not a number"),
    ],
)
def test_one_number(kind: str, result: object, expected: float | str) -> None:
    value, why = one_number(kind, result)
    assert (value if value is not None else why) == expected


def test_every_named_query_has_a_value_or_a_reason() -> None:
    answers: dict[str, object] = {
        "good": vector("0.25"),
        "empty": vector(),
        "wrong": {"status": "error", "errorType": "bad_data", "error": "parse error: \x1b[31munexpected"},
        "slow": {"status": "error", "errorType": "execution", "error": "context deadline exceeded"},
        "odd": {"status": "success", "data": {"resultType": "vector", "result": [{"value": "?"}]}},
    }
    with serving(api(answers, {"wrong": "400 Bad Request", "slow": "422 Unprocessable"})) as server:
        reading = read(server, *answers)
    assert (reading.source, reading.at_s, reading.failure) == ("central", 7.0, None)
    got: Queried = reading.content
    assert got.values == {"good": 0.25, "empty": None, "wrong": None, "slow": None, "odd": None}
    assert got.absent == {
        "empty": "no series fits",
        "wrong": "bad_data: parse error: unexpected",
        "slow": "the query took longer than 1 s",
        "odd": "an answer of a shape that no Prometheus has",
    }
    assert got.engine == "prometheus 2.42.0"
    assert got.warning == ""


def test_a_partial_answer_says_so() -> None:
    with serving(
        api({"a": vector("1", warnings=["store x: \x07unavailable"]), "b": vector("2", warnings=["store x: \x07unavailable"])})
    ) as server:
        got: Queried = read(server, "a", "b").content
    assert (got.values, got.warning) == ({"a": 1.0, "b": 2.0}, "store x: unavailable")


def test_the_query_goes_in_the_body_with_the_servers_own_deadline_and_the_build_is_asked_once() -> None:
    async def twice(url: str) -> None:
        source = PrometheusSource(settings(url, queries={"x": "sum(a{b=~'c|d'})"}))
        await source.read(1.0)
        await source.read(2.0)
        await source.close()

    with serving(api({"sum(a{b=~'c|d'})": vector("1")})) as server:
        asyncio.run(twice(server.url))
    posts = [request for request in server.requests if request.startswith(b"POST /api/v1/query ")]
    assert len(posts) == 2
    assert parse_qs(posts[0].partition(b"\r\n\r\n")[2].decode()) == {"query": ["sum(a{b=~'c|d'})"], "timeout": ["1s"]}
    assert sum(b"buildinfo" in request for request in server.requests) == 1


def test_nobody_there_is_one_failure_and_not_a_wait_for_each_query() -> None:
    reading = read(nobody(), *"abcdef")
    assert reading.content is None
    assert reading.failure is not None
    assert reading.failure.kind == "refused"


def test_a_silent_server_costs_its_deadline_once() -> None:
    with serving(lambda _c, _r: None) as server:
        reading = read(server, *"abcdef", timeout="50ms")
    assert reading.failure is not None
    assert reading.failure.kind == "timeout"
    assert sum(b"/api/v1/query" in request for request in server.requests) <= 2  # those in flight at once


def test_one_query_that_hangs_leaves_the_others_their_values() -> None:
    good = api({"good": vector("4"), "more": vector("5")})

    def answer(connection: socket.socket, request: bytes) -> None:
        if b"query=hang" not in request:
            good(connection, request)

    with serving(answer) as server:
        got: Queried = read(server, "good", "hang", "more", timeout="50ms").content
    assert got.values == {"good": 4.0, "hang": None, "more": 5.0}
    assert "no answer within" in got.absent["hang"]


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (reply(b"<html>login</html>", headers="Content-Type: text/html\r\n"), "not_metrics"),
        (reply(b'{"status": 5}', headers=JSON), "not_metrics"),
        (reply(b"go away", "401 Unauthorized"), "auth"),
        (reply(b"no such page", "404 Not Found"), "bad_status"),
        (reply(b"<html>upstream</html>", "503 Service Unavailable"), "bad_status"),
        (reply(b"", "302 Found", headers="Location: http://elsewhere.example/\r\n"), "redirect"),
    ],
)
def test_what_is_no_prometheus_says_what_it_is(page: bytes, kind: str) -> None:
    with serving(lambda connection, _: connection.sendall(page)) as server:
        reading = read(server, "a")
    assert reading.failure is not None
    assert reading.failure.kind == kind


def test_credentials_are_sent_and_never_shown(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret-token\n")

    def echo(connection: socket.socket, request: bytes) -> None:
        error = {"status": "error", "errorType": "bad_data", "error": "you sent Bearer s3cret-token"}
        connection.sendall(reply(json.dumps(error).encode(), "400 Bad Request", headers=JSON))

    with serving(echo) as server:
        reading = read(server, "a", bearer_token_file=str(token))
    assert any(b"authorization: bearer s3cret-token" in request.lower() for request in server.requests)
    assert "s3cret" not in repr(reading.content)
    assert "you sent" in reading.content.absent["a"]


def test_a_token_file_that_is_not_there_is_a_failure() -> None:
    with serving(lambda _c, _r: None) as server:
        reading = read(server, "a", bearer_token_file="/nowhere/token")
    assert reading.failure == Failure("unreadable", "bearer_token_file /nowhere/token: No such file or directory")
    assert not any(b"/api/v1" in request for request in server.requests)


# -- the past -----------------------------------------------------------------------------------------------------------------------


def fill(
    url: str, queries: dict[str, str], span: tuple[float, float, float] = (1000, 1060, 30), **more: object
) -> dict[str, list[tuple[float, float]]] | Failure:
    return asyncio.run(backfill(settings(url, **more), queries, *span))


def test_the_past_of_a_query_is_a_line() -> None:
    answers: dict[str, object] = {
        "good": matrix(({"job": "a"}, [(1000, "1"), (1030, "NaN"), (1060, "3.5")])),
        "bare": matrix(({}, [(1000, "1")])),
        "empty": matrix(),
        "many": matrix(({"i": "1"}, [(1000, "1")]), ({"i": "2"}, [(1000, "2")])),
        "wrong": {"status": "error", "errorType": "bad_data", "error": "parse error"},
    }
    with serving(api(answers, {"wrong": "400 Bad Request"})) as server:
        got = fill(server.url, {name: name for name in answers})
    assert got == {"good": [(1000.0, 1.0), (1060.0, 3.5)], "bare": [(1000.0, 1.0)], "empty": [], "many": [], "wrong": []}
    asked = parse_qs(urlsplit(ranges(server.requests)[0]).query)
    assert (asked["start"], asked["end"], asked["step"], asked["timeout"]) == (["1000"], ["1060"], ["30"], ["1s"])


def ranges(requests: list[bytes]) -> list[str]:
    """The range queries among what a server was asked."""
    return [request.split(b" ")[1].decode() for request in requests if b"/query_range" in request]


def frame_of(answer: dict[str, object], span: tuple[float, float, float] = (0, 60, 30)):
    with serving(api({"q": answer})) as server:
        return RangeSource(settings(server.url)).frame("q", *span), server.requests


def test_samples_at_the_border_of_two_chunks_count_once() -> None:
    frame, _ = frame_of(matrix(({"a": "x"}, [(1, "1"), (2, "2"), (2, "2")]), ({"a": "y"}, [(2, "2")])))
    assert len(frame) == 3


def test_labels_with_the_names_of_columns_do_not_overwrite_samples() -> None:
    frame, _ = frame_of(matrix(({"value": "v", "timestamp": "t"}, [(1, "7")])))
    assert list(frame["value"]) == [7.0]
    assert list(frame["label_value"]) == ["v"]
    assert line(frame) == [(1.0, 7.0)]


def test_native_histograms_and_no_answer_at_all_make_an_empty_frame() -> None:
    histograms = {"status": "success", "data": {"result": [{"metric": {}, "histograms": [[1, {}]]}]}}
    for answer in (histograms, matrix()):
        assert len(frame_of(answer)[0]) == 0


def test_never_more_points_than_a_prometheus_gives() -> None:
    _, requests = frame_of(matrix(), (0, 86400, 1))
    assert parse_qs(urlsplit(ranges(requests)[0]).query)["step"] == ["8"]


def test_too_many_series_are_refused_with_advice() -> None:
    with pytest.raises(RangeFailure, match="201 series, at most 200: aggregate them"):
        frame_of(matrix(*(({"i": str(i)}, [(1, "1")]) for i in range(201))))


def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LIMIT_BYTES", 50_000)
    with serving(lambda connection, _: connection.sendall(reply(b" " * 100_000, headers=JSON))) as server:
        got = fill(server.url, {"a": "a"})
    assert got == Failure("too_large", "more than 0.05 MB")


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (reply(b"<html>", headers="Content-Type: text/html\r\n"), "not_metrics"),
        (reply(b"no", "403 Forbidden"), "auth"),
        (reply(b"no", "500 Oops"), "bad_status"),
        (reply(b"", "302 Found", headers="Location: http://127.0.0.1:1/\r\n"), "redirect"),
        (reply(b'{"status": "success"}', headers=JSON), "damaged"),
    ],
)
def test_no_past_is_one_failure(page: bytes, kind: str) -> None:
    with serving(lambda connection, _: connection.sendall(page)) as server:
        got = fill(server.url, {"a": "a", "b": "b"})
    assert isinstance(got, Failure)
    assert got.kind == kind
    assert "\n" not in got.message


def test_a_server_that_is_gone_or_silent_costs_one_deadline_without_retries() -> None:
    with serving(lambda _c, _r: None) as server:
        silent = fill(server.url, {"a": "a", "b": "b"}, timeout="1s")  # on a busy machine a question takes 100 ms to arrive
    assert isinstance(silent, Failure)
    assert silent.kind == "timeout"
    assert sum(b"/query_range" in request for request in server.requests) == 1  # the library's own way is four
    gone = fill(nobody(), {"a": "a"})
    assert isinstance(gone, Failure)
    assert gone.kind == "refused"


def test_the_caller_gets_its_deadline_even_when_the_thread_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = threading.Event()
    monkeypatch.setattr(room, "BACKFILL_LONGEST_S", 0.05)
    monkeypatch.setattr(room, "_fetch", lambda *_: stuck.wait(20))
    assert fill("http://127.0.0.1:1", {"a": "a"}) == Failure("timeout", "the past did not come within 0.05 s")
    stuck.set()


def test_user_and_password_go_with_the_question(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("hunter2\n")
    with serving(lambda connection, request: connection.sendall(reply(b"hunter2 is wrong", "401 Unauthorized"))) as server:
        got = fill(server.url, {"a": "a"}, basic_auth=BasicAuth("me", str(tmp_path / "word")))
    assert any(b"authorization: basic bwu6ahvudgvymg==" in request.lower() for request in server.requests)
    assert isinstance(got, Failure)
    assert "hunter2" not in got.message


def test_heavy_libraries_wait_until_the_past_is_asked_for() -> None:
    script = "import sys, tui_monitor.collect.prometheus; print([m for m in ('pandas', 'numpy', 'requests', 'prometheus_api_client') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60).stdout.strip() == "[]"
