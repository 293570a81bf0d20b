"""What is posted becomes rows of the right log; what cannot be used is refused in one line; nothing grows without bound."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_monitor.collect import events as events_room
from tui_monitor.collect import listener as room
from tui_monitor.collect import posted as posted_room
from tui_monitor.collect.inbox import Inbox, Unknown
from tui_monitor.collect.listener import Listener, address, fault
from tui_monitor.collect.payload import Unreadable
from tui_monitor.collect.posted import ListenedLog
from tui_monitor.config import Columns, ListenerSettings, PredictionSettings
from tui_monitor.model import Failure, LogRow, LogRows

IRIS = PredictionSettings(name="iris", task="multiclass", classes=["0", "1", "2"], columns=Columns(score="score"))
SPAM = PredictionSettings(name="spam", columns=Columns(id="request", time="at", score="p", version="release"), private=["mail"])
PRICE = PredictionSettings(name="price", task="regression")
EVENT = "org.kubeflow.serving.inference."
V1_REQUEST, V1_RESPONSE = {"instances": [[6.8, 2.8], [6.0, 3.4]]}, {"predictions": [1, 2]}


class Clock:
    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


class Client:
    """Speaks HTTP as badly as a test wants."""

    def __init__(self, listener: Listener, clock: Clock) -> None:
        self.listener, self.clock = listener, clock

    async def raw(self, data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.listener.port)
        writer.write(data)
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
        return answer

    async def post(self, path: str, body: Any, method: str = "POST", **headers: str) -> tuple[int, str]:
        """(status, line)."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"host": "x", "connection": "close", "content-length": str(len(data))} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value) + "\r\n"
        answer = await self.raw(head.encode() + data)
        top, _, line = answer.decode().partition("\r\n\r\n")
        return int(top.split()[1]), line.strip()

    async def event(self, kind: str, identity: str, data: Any, name: str = "iris", **more: str) -> tuple[int, str]:
        """A CloudEvent in binary mode, as the loggers send it."""
        headers = {
            "ce_specversion": "1.0", "ce_type": f"{EVENT}{kind}", "ce_id": identity, "ce_source": "http://localhost:9081/",
            "ce_inferenceservicename": name, "ce_component": "predictor", "ce_time": "2026-01-01T00:00:00.5Z",
            "content_type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        return await self.post("/", data, **(headers | more))

    async def until(self, come: Callable[[], bool]) -> None:
        """Lets the loop go on until something is so."""
        async with asyncio.timeout(20):
            while not come():
                await asyncio.sleep(0)

    async def rows(self, name: str) -> LogRows:
        log = next(log for log in self.listener.logs if log.name == name)
        reading = await log.read(5.0)
        assert reading.failure is None, reading.failure
        assert reading.source == name
        return reading.content


def run(
    test: Callable[[Client], Awaitable[None]], *logs: PredictionSettings, how: ListenerSettings | None = None, starts: str = ""
) -> None:
    async def whole() -> None:
        clock = Clock()
        listener = Listener(how or ListenerSettings(listen="127.0.0.1:0", max_body="20kB"), logs or (IRIS, SPAM, PRICE), clock)
        assert await listener.start() == starts
        try:
            await test(Client(listener, clock))
        finally:
            await listener.close()

    asyncio.run(whole())


# -- the plain form -------------------------------------------------------------------------------------------------------------------------


def test_plain_rows_with_their_own_names_or_the_columns_of_the_log() -> None:
    async def test(client: Client) -> None:
        row = {"id": 1, "time": 5, "prediction": 1, "score": 0.9, "label": 0, "features": {"lang": "de", "mail": "secret"}}
        assert await client.post("/predictions/spam", row) == (204, "")
        assert await client.post("/predictions/spam", [{"request": 2, "at": 6, "prediction": "0", "p": 0.1, "release": "v2", "n": 3}]) == (
            204,
            "",
        )
        rows = await client.rows("spam")
        assert rows.rows == [
            LogRow("1", 5.0, "1", 0.9, "0", {"lang": "de"}),
            LogRow("2", 6.0, "0", 0.1, None, {"n": 3.0}, version="v2"),
        ]
        assert (await client.rows("spam")).rows == []

    run(test)


def test_one_a_line_and_what_is_no_row_is_counted() -> None:
    async def test(client: Client) -> None:
        body = b'{"id": 1, "prediction": 2.5}\nbroken\n\n{"id": 2, "prediction": NaN}\n{"id": 3, "prediction": 1, "time": "soon"}\n'
        assert await client.post("/predictions/price", body) == (204, "")
        rows = await client.rows("price")
        assert rows.rows == [LogRow("1", client.clock.now_s, 2.5, None, None)]  # without a time it was made now
        assert rows.left_out == {"row_unreadable": 1, "prediction_missing": 1, "time_unreadable": 1}

    run(test)


def test_a_label_that_comes_by_itself() -> None:
    async def test(client: Client) -> None:
        await client.post("/predictions/spam", [{"id": 7, "label": 1}, {"request": "8", "label": "0"}, {"id": 9, "label": None}])
        rows = await client.rows("spam")
        assert (rows.labels, rows.rows) == ({"7": "1", "8": "0"}, [])
        assert rows.left_out == {"prediction_missing": 1}

    run(test)


def test_scores_of_several_classes() -> None:
    async def test(client: Client) -> None:
        await client.post("/predictions/iris", {"id": 1, "prediction": 2, "scores": {"0": 0.1, "1": 0.2, "2": 0.7}})
        assert (await client.rows("iris")).rows[0].scores == {"0": 0.1, "1": 0.2, "2": 0.7}

    run(test)


# -- events ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [("request", "response"), ("response", "request")])
def test_the_halves_of_a_request_are_joined_whichever_comes_first(order: tuple[str, str]) -> None:
    async def test(client: Client) -> None:
        bodies = {"request": V1_REQUEST, "response": V1_RESPONSE}
        assert await client.event(order[0], "e1", bodies[order[0]]) == (200, "")
        assert (await client.rows("iris")).rows == []
        assert await client.event(order[1], "e1", bodies[order[1]]) == (200, "")
        rows = await client.rows("iris")
        assert [(row.id, row.at_s, row.prediction, row.features) for row in rows.rows] == [
            ("e1/0", 1767225600.5, "1", {"f0": 6.8, "f1": 2.8}),
            ("e1/1", 1767225600.5, "2", {"f0": 6.0, "f1": 3.4}),
        ]

    run(test)


@pytest.mark.parametrize("form", ["object", "text", "base64", "batch", "plain content type"])
def test_events_in_structured_mode(form: str) -> None:
    async def test(client: Client) -> None:
        def one(kind: str, data: Any) -> dict[str, Any]:
            event = {
                "specversion": "1.0",
                "type": EVENT + kind,
                "id": "s",
                "source": "x",
                "inferenceservicename": "iris",
                "time": "2026-01-01T00:00:00Z",
            }
            if form == "base64":
                return event | {"data_base64": base64.b64encode(json.dumps(data).encode()).decode()}
            return event | {"data": json.dumps(data) if form == "text" else data}

        both = [one("request", {"instances": [{"lang": "de"}]}), one("response", {"predictions": [1]})]
        kind = "application/json" if form == "plain content type" else "application/cloudevents+json; charset=utf-8"
        if form == "batch":
            assert await client.post("/", both, content_type="application/cloudevents-batch+json") == (200, "")
        else:
            for event in both:
                assert await client.post("/", event, content_type=kind) == (200, "")
        (row,) = (await client.rows("iris")).rows
        assert (row.id, row.prediction, row.features) == ("s", "1", {"lang": "de"})  # of one row the id is the request's

    run(test)


def test_seldons_events_carry_the_requests_id_apart() -> None:
    async def test(client: Client) -> None:
        request = {"data": {"names": ["a", "b"], "ndarray": [[1, 2]]}}
        response = {"data": {"names": ["t:0", "t:1", "t:2"], "ndarray": [[0.1, 0.7, 0.2]]}}
        for kind, identity, data in (("request", "r-17", request), ("response", "r-18", response)):
            assert (
                await client.event(
                    kind, identity, data, ce_type=f"io.seldon.serving.inference.{kind}", ce_requestid="r-17", ce_modelid="classifier"
                )
            ) == (200, "")
        (row,) = (await client.rows("iris")).rows
        assert (row.id, row.prediction, row.scores, row.features) == ("r-17", "1", {"0": 0.1, "1": 0.7, "2": 0.2}, {"a": 1.0, "b": 2.0})

    run(test)


def test_a_transformers_halves_are_not_the_predictors() -> None:
    async def test(client: Client) -> None:
        await client.event("request", "e", {"instances": ["text"]}, ce_component="transformer")
        await client.event("response", "e", {"predictions": [1]})
        assert (await client.rows("iris")).rows == []

    run(test)


def test_halves_that_stay_alone() -> None:
    async def test(client: Client) -> None:
        await client.event("request", "asked", V1_REQUEST)
        await client.event("response", "said", V1_RESPONSE)
        client.clock.now_s += events_room.WAIT_S - 1
        client.listener._inbox.sweep()
        assert (await client.rows("iris")).rows == []
        client.clock.now_s += 1
        client.listener._inbox.sweep()
        rows = await client.rows("iris")
        assert [(row.id, row.features) for row in rows.rows] == [("said/0", {}), ("said/1", {})]  # logged in mode `response`
        assert rows.left_out == {"response_missing": 1}

    run(test)


@pytest.mark.parametrize("bound", ["MOST_HALVES", "MOST_BYTES"])
def test_halves_are_bounded(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(events_room, bound, 3 if bound == "MOST_HALVES" else 3 * len(json.dumps(V1_REQUEST)))

    async def test(client: Client) -> None:
        for number in range(8):
            await client.event("request", str(number), V1_REQUEST)
        assert (await client.rows("iris")).left_out == {"response_missing": 5}

    run(test)


# -- bodies of the protocols ----------------------------------------------------------------------------------------------------------------


def tensor(name: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


@pytest.mark.parametrize(
    ("log", "request_", "response", "expected"),
    [
        ("iris", {"instances": [5]}, {"predictions": [[0.2, 0.7, 0.1]]}, ("1", None, {"0": 0.2, "1": 0.7, "2": 0.1}, {"f0": 5.0})),
        ("iris", {"instances": [{"a": 1, "b": [2, 3], "c": {}}]}, {"predictions": [2]}, ("2", None, {}, {"a": 1.0, "b_0": 2.0, "b_1": 3.0})),
        ("iris", {"instances": [[[0] * 9] * 9]}, {"predictions": [2.0]}, ("2", None, {}, {})),  # an image has no features
        ("iris", {"instances": [{"prediction": 9, "label": 1, "x": 1}]}, {"predictions": [0]}, ("0", None, {}, {"x": 1.0})),
        ("iris", {"inputs": [{"data": [1]}]}, {"predictions": ["2"]}, ("2", None, {}, {})),
        ("iris", {}, {"predictions": [{"label": "2", "scores": [0.1, 0.1, 0.8]}]}, ("2", None, {"0": 0.1, "1": 0.1, "2": 0.8}, {})),
        ("spam", {}, {"predictions": [[0.75]]}, ("1", 0.75, {}, {})),
        ("spam", {}, {"predictions": [0.25]}, ("0", 0.25, {}, {})),
        ("spam", {}, {"predictions": [[0.4, 0.6]]}, ("1", 0.6, {}, {})),
        ("price", {"inputs": [tensor("x", [1, 2], [1, 2])]}, {"outputs": [tensor("y", [1], [0.5])]}, (0.5, None, {}, {"x_0": 1.0, "x_1": 2.0})),
        ("price", {"inputs": [tensor("x", [1], ["de"])]}, {"outputs": [tensor("y", [1, 1], [[7]])]}, (7.0, None, {}, {"x": "de"})),
        (
            "spam", {}, {"outputs": [tensor("predict_proba", [1, 2], [0.9, 0.1]), tensor("predict", [1, 1], [0])], "model_version": "3"},
            ("0", 0.1, {}, {}),
        ),
        ("spam", {}, {"outputs": [tensor("predict_proba", [1, 2], [0.2, 0.8])]}, ("1", 0.8, {}, {})),
        ("iris", {}, {"data": {"tensor": {"shape": [1, 3], "values": [0.1, 0.2, 0.7]}}}, ("2", None, {"0": 0.1, "1": 0.2, "2": 0.7}, {})),
    ],
)  # fmt: skip
def test_pairs_of_request_and_response(log: str, request_: Any, response: Any, expected: tuple[Any, ...]) -> None:
    async def test(client: Client) -> None:
        pair = {"id": "p", "model": log, "time": "2026-01-01T00:00:00Z", "request": request_, "response": response}
        assert await client.post("/", pair) == (204, "")
        (row,) = (await client.rows(log)).rows
        assert (row.prediction, row.score, row.scores, row.features) == expected
        assert (row.id, row.at_s) == ("p", 1767225600.0)
        assert row.version == ("3" if "model_version" in response and log == "spam" else "")

    run(test)


def test_a_pair_without_an_id_of_its_own_has_that_of_its_bodies() -> None:
    async def test(client: Client) -> None:
        body = {"outputs": [tensor("y", [2], [1, 2])], "id": "inner"}
        assert await client.post("/predictions/price", {"request": {}, "response": body}) == (204, "")
        assert [row.id for row in (await client.rows("price")).rows] == ["inner/0", "inner/1"]
        status, line = await client.post("/predictions/price", {"request": {}, "response": {"predictions": [1]}})
        assert (status, line) == (400, "a pair of request and response needs an id")

    run(test)


@pytest.mark.parametrize(
    ("response", "line"),
    [
        ({}, "the response has neither predictions nor outputs nor data"),
        ([], "the body is no JSON object"),
        ({"outputs": []}, "the response has no outputs"),
        ({"outputs": [{"name": "y", "shape": [1]}]}, "the tensor 'y' has no data (binary tensors are not read)"),
        ({"outputs": [tensor("y", [3], [1])]}, "the tensor 'y' has 1 values, its shape says 3"),
        ({"outputs": [tensor("y", [20_000], [0] * 20_000)]}, "more than 10000 rows"),
        ({"predictions": [0] * 20_000}, "more than 10000 rows"),
        ({"outputs": [tensor("y", [1], [[[[[[[[[[[1]]]]]]]]]]])]}, ""),
        ({"data": {"names": []}}, "data without ndarray or tensor"),
        ({"data": {"names": 5, "ndarray": [[1]]}}, "the response is not as its protocol says"),
    ],
)
def test_responses_that_cannot_be_used(response: Any, line: str) -> None:
    async def test(client: Client) -> None:
        await client.event("request", "e", {})
        status, said = await client.event("response", "e", response)
        rows = await client.rows("iris")
        if line == "the body is no JSON object":
            assert (status, rows.left_out) == (400, {"row_unreadable": 1})
        elif line:
            assert (status, rows.left_out) == (400, {"row_unreadable": 1})
            assert said.startswith(line)
        else:
            assert (status, rows.left_out) == (200, {"prediction_missing": 1})

    run(test, how=ListenerSettings(listen="127.0.0.1:0"))


# -- which log, and what is refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "line"),
    [
        ("/predictions/nope", {"id": 1}, {}, 404, "no [[predictions]] log is called 'nope'"),
        ("/", {"id": 1}, {}, 404, "post to /predictions/NAME, where NAME is that of a [[predictions]] log"),
        ("/", {"id": 1, "model": "x\x1b[31m"}, {}, 404, "no [[predictions]] log is called 'x'"),
        ("/predictions/iris", b"", {}, 400, "the body is no JSON object, no list of objects, and not one object a line"),
        ("/predictions/iris", b"[" * 5000, {}, 400, "the body is no JSON object, no list of objects, and not one object a line"),
        ("/predictions/iris", [1], {}, 400, "the body is no JSON object, no list of objects, and not one object a line"),
        ("/predictions/iris", {"id": 1}, {"method": "GET"}, 405, "only POST is answered here"),
        ("/predictions/iris", {"id": 1}, {"content_encoding": "gzip"}, 415, "send it without content-encoding"),
        ("/predictions/iris", {"id": 1}, {"origin": "http://example.org"}, 403, "a browser has nothing to post here"),
        ("/predictions/iris", b"x" * 20_001, {}, 413, "the body is larger than 20kB"),
        ("/", {}, {"ce_type": "other", "ce_id": "1"}, 400, "unknown type of event 'other'"),
        ("/predictions/iris", {}, {"ce_type": EVENT + "request"}, 400, "the event has no id"),
        (
            "/predictions/iris",
            b"\x00",
            {"ce_type": EVENT + "request", "ce_id": "1"},
            400,
            "the payload is not JSON (binary tensors are not read)",
        ),
        ("/", b"{}", {"content_type": "application/cloudevents-batch+json"}, 400, "a batch is a list of events"),
        ("/", [1], {"content_type": "application/cloudevents-batch+json"}, 400, "an event is a JSON object"),
    ],
)
def test_refusals_in_one_line(path: str, body: Any, headers: dict[str, str], status: int, line: str) -> None:
    async def test(client: Client) -> None:
        assert await client.post(path, body, **headers) == (status, line)
        assert client.listener.answered == {status: 1}
        assert await client.post("/predictions/iris", {"id": 1, "prediction": 1}) == (204, "")

    run(test)


def test_the_name_may_come_from_the_path_the_service_the_model_or_the_body() -> None:
    async def test(client: Client) -> None:
        await client.event("request", "1", {}, name="iris")
        await client.event("request", "2", {}, name="mlserver", ce_modelid="iris")
        await client.event("request", "3", {"model_name": "iris"}, name="other")
        await client.post("/predictions/iris?x=1", {}, ce_type=EVENT + "request", ce_id="4", ce_inferenceservicename="other")
        assert client.listener.answered == {200: 4}

    run(test)


# -- who may post, and how much -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listen", "token", "said"),
    [
        ("", "", ""),
        ("127.0.0.1:9479", "", ""),
        ("localhost:9479", "", ""),
        ("[::1]:9479", "", ""),
        ("0.0.0.0:9479", "T", ""),
        ("0.0.0.0:9479", "", "can be reached by others: set bearer_token_file or bearer_token_env, or listen on 127.0.0.1"),
        (":9479", "", "can be reached by others"),
        ("example.org:9479", "", "can be reached by others"),
        ("9479", "", "'9479' is no HOST:PORT (write 127.0.0.1:9479)"),
        ("127.0.0.1:99999", "", "is no HOST:PORT"),
        ("::1:9479", "", "is no HOST:PORT"),
    ],
)
def test_loopback_or_a_token(listen: str, token: str, said: str) -> None:
    line = fault(ListenerSettings(listen=listen, bearer_token_env=token))
    assert (said in line) if said else line == ""
    assert not line or line.startswith("listener.listen: ")


def test_addresses() -> None:
    assert [address(one).is_loopback for one in ("127.9.9.9:1", "[::1]:1", "localhost:1", "0.0.0.0:1", "10.0.0.1:1")] == [True] * 3 + [
        False
    ] * 2


def test_a_token_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")

    async def test(client: Client) -> None:
        row = {"id": 1, "prediction": 1}
        for shown in ("", "Bearer wrong", "Bearer s3cre", "Basic s3cret", "s3cret", "Bearer sécret"):
            assert (await client.post("/predictions/iris", row, authorization=shown))[0] == 401, shown
        assert await client.post("/predictions/iris", row, authorization="bearer s3cret") == (204, "")
        assert len((await client.rows("iris")).rows) == 1

    run(test, how=ListenerSettings(listen="127.0.0.1:0", bearer_token_file=str(file)))


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_a_token_that_is_not_there_starts_nothing(tmp_path: Path, what: str) -> None:
    file = tmp_path / "token"
    if what == "empty":
        file.write_text("\n")
    said = "listener.bearer_token: is empty" if what == "empty" else f"listener.bearer_token_file {file}: No such file or directory"

    async def test(client: Client) -> None:
        assert client.listener.port == 0
        reading = await client.listener.logs[0].read(1.0)
        assert reading.failure == Failure("refused", said)

    run(test, how=ListenerSettings(listen="127.0.0.1:0", bearer_token_file=str(file)), starts=said)


def test_a_port_that_is_taken_is_told_and_a_log_with_files_goes_on() -> None:
    async def whole() -> None:
        one = Listener(ListenerSettings(listen="127.0.0.1:0"), [])
        assert await one.start() == ""
        two = Listener(ListenerSettings(listen=f"127.0.0.1:{one.port}"), [IRIS, PredictionSettings(name="file", path="x.jsonl")])
        problem = await two.start()
        assert problem.startswith(f"listener.listen: cannot listen on 127.0.0.1:{one.port}: ")
        readings = [await log.read(1.0) for log in two.logs]
        assert [reading.failure for reading in readings] == [Failure("refused", problem), None]
        await two.close()
        await one.close()

    asyncio.run(whole())


def test_a_full_queue_says_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posted_room, "MOST_ROWS", 3)

    async def test(client: Client) -> None:
        rows = [{"id": number, "prediction": 1} for number in range(2)]
        assert (await client.post("/predictions/iris", rows))[0] == 204
        status, line = await client.post("/predictions/iris", rows)
        assert (status, line) == (503, "too many rows wait already")
        found = await client.rows("iris")
        assert len(found.rows) == 2
        assert found.left_out["listener_full"] == 2
        assert (await client.post("/predictions/iris", rows))[0] == 204  # there is room again

    run(test)


def test_bytes_in_the_queue_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posted_room, "MOST_BYTES", 1000)

    async def test(client: Client) -> None:
        row = {"id": 1, "prediction": 1, "text": "x" * 600}
        assert [(await client.post("/predictions/iris", row))[0] for _ in range(2)] == [204, 503]

    run(test)


def test_a_body_in_chunks_is_bounded_too() -> None:
    async def test(client: Client) -> None:
        head = b"POST /predictions/iris HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = await client.raw(head + b"1000\r\n" + b"x" * 4096 + b"\r\n" + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 8)
        assert answer.startswith(b"HTTP/1.1 413 ")

    run(test)


def test_whoever_asks_first_is_told_to_go_on() -> None:
    async def test(client: Client) -> None:
        body = b'{"id": 1, "prediction": 1}'
        head = f"POST /predictions/iris HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = await client.raw(head.encode() + body)
        assert answer.startswith((b"HTTP/1.1 100 ", b"HTTP/1.1 204 "))
        assert b"HTTP/1.1 204 " in answer

    run(test)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x00\x01\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\n" + b"a: " + b"b" * 40_000,
    ],
)
def test_what_is_no_http_is_answered_and_ended(data: bytes) -> None:
    async def test(client: Client) -> None:
        answer = await client.raw(data)
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))

    run(test)


def test_several_requests_over_one_connection() -> None:
    async def test(client: Client) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.listener.port)
        body = b'{"id": 1, "prediction": 1}'
        for _ in range(3):
            writer.write(b"POST /predictions/iris HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
        writer.close()
        assert len((await client.rows("iris")).rows) == 3

    run(test)


@pytest.mark.parametrize(
    ("bound", "sent"), [("HEAD_S", b"POST / HT"), ("IDLE_S", b""), ("BODY_S", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")]
)
def test_whoever_is_too_slow_is_let_go(monkeypatch: pytest.MonkeyPatch, bound: str, sent: bytes) -> None:
    monkeypatch.setattr(room, bound, 0.05)
    monkeypatch.setattr(room, "LINGER_S", 0.05)

    async def test(client: Client) -> None:
        answer = await client.raw(sent)
        assert answer.startswith(b"HTTP/1.1 408 ") if bound == "BODY_S" else answer == b""

    run(test)


def test_a_connection_too_many_takes_the_place_of_one_that_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_CONNECTIONS", 2)

    async def test(client: Client) -> None:
        resting = [await asyncio.open_connection("127.0.0.1", client.listener.port) for _ in range(2)]
        await client.until(lambda: len(client.listener._idle) == 2)
        assert (await client.post("/predictions/iris", {"id": 1, "prediction": 1}))[0] == 204
        with contextlib.suppress(ConnectionError):
            assert await resting[0][0].read() == b""
        for _, writer in resting:
            writer.close()

    run(test)


def test_when_all_are_busy_the_next_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_CONNECTIONS", 1)

    async def test(client: Client) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", client.listener.port)
        await client.until(lambda: len(client.listener._idle) == 1)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
        await client.until(lambda: not client.listener._idle)
        reader, other = await asyncio.open_connection("127.0.0.1", client.listener.port)
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        writer.close()
        other.close()

    run(test)


_KEYS = st.sampled_from(
    ["id", "time", "prediction", "score", "scores", "label", "features", "request", "response", "instances", "predictions", "inputs", "outputs",
     "data", "name", "shape", "names", "ndarray", "tensor", "values", "specversion", "type", "data_base64", "model", "model_version", "x"]
)  # fmt: skip
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 10**20)
    | st.floats()
    | st.sampled_from(["iris", "1", "", EVENT + "request", EVENT + "response", "\x1b[2J"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(_JSON, st.sampled_from(["/", "/predictions/iris", "/predictions/price"]), st.sampled_from(["", "request", "response"]))
def test_whatever_is_posted_is_taken_or_refused_in_a_line(body: Any, path: str, kind: str) -> None:
    logs = [ListenedLog(IRIS), ListenedLog(SPAM), ListenedLog(PRICE)]
    inbox = Inbox(logs, Clock())
    headers = {"ce-type": EVENT + kind, "ce-id": "1", "ce-inferenceservicename": "iris"} if kind else {}
    with contextlib.suppress(Unreadable, Unknown):
        assert inbox.take(path, headers, json.dumps(body).encode()) in (200, 204)
    for log in logs:
        content = asyncio.run(log.read(1.0)).content
        assert isinstance(content, LogRows)
        assert "\x1b" not in repr(content)
