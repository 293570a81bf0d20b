"""Golden questions: the file, how each protocol is asked, and what is heard; against real sockets on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, reply, serving

from tui_monitor.collect import protocols
from tui_monitor.collect.golden import MAX_QUESTIONS, QuestionFile, read
from tui_monitor.collect.probe import Place, Prober
from tui_monitor.collect.protocols import Unreadable, heard, protocol_of, sent
from tui_monitor.collect.tabular import row_of
from tui_monitor.config import TargetSettings
from tui_monitor.model import GoldenAnswer, GoldenQuestion

JSON = "Content-Type: application/json\r\n"


def line(**parts: object) -> bytes:
    return json.dumps(parts).encode() + b"\n"


# -- the file -----------------------------------------------------------------------------------------------------------------------------


def test_a_file_is_read_and_what_cannot_be_used_is_counted_by_reason() -> None:
    told = read(
        b"\xef\xbb\xbf"
        + line(id="a", request=[1, 2], label=1)
        + line(id="b", instances=[[1, 2]], label="x")
        + b"not json\n\n"
        + line(id="c", label=1)
        + line(id="d", request=[1])
        + line(id="a", request=[3], label=1)
        + line(id="e", request=[1], label={"no": 1})
        + line(id="f", prompt="hi", expected="yes", max_tokens=3)
        + b'{"id": "g", "request": "' + b"x" * 1_000_001 + b'", "label": 1}\n'
        + line(request=[9], label=0),
        "exact",
    )  # fmt: skip
    assert [one.id for one in told.questions][:3] == ["a", "b", "f"]
    assert told.questions[1].request == {"instances": [[1, 2]]}
    assert told.questions[2].request == {"prompt": "hi", "max_tokens": 3}
    assert told.questions[2].label == "yes"
    assert told.questions[3].id == told.questions[3].key[:8]  # one without an id has one that stays the same
    assert told.left_out == {
        "unreadable": 1, "request_missing": 1, "label_missing": 1, "duplicate": 1, "label_unusable": 1, "too_long": 1
    }  # fmt: skip
    assert told.why == ""


@pytest.mark.parametrize(
    ("check", "label", "usable"),
    [
        ("regex", "^a+$", True), ("regex", "(", False), ("regex", 3, False), ("regex", "a" * 501, False),
        ("numeric", 2.5, True), ("numeric", "2.5", True), ("numeric", "two", False), ("numeric", "nan", False), ("numeric", [1, 2], True),
        ("contains", "x", True), ("contains", [1], False), ("exact", True, True), ("exact", ["a"], False), ("exact", [0.1, 2], True),
    ],
)  # fmt: skip
def test_which_labels_can_be_checked(check: str, label: object, usable: bool) -> None:
    told = read(line(request=[1], label=label), check)
    assert (len(told.questions), told.left_out) == ((1, {}) if usable else (0, {"label_unusable": 1}))


def test_no_more_than_a_thousand_questions() -> None:
    told = read(b"".join(line(id=i, request=[i], label=0) for i in range(MAX_QUESTIONS + 7)), "exact")
    assert (len(told.questions), told.left_out) == (MAX_QUESTIONS, {"too_many": 7})


def test_another_request_under_an_old_id_is_another_question() -> None:
    one, other = (read(line(id="a", request=request, label=1), "exact").questions[0] for request in ([1], [2]))
    again = read(line(label=1, request=[1], id="a"), "exact").questions[0]
    assert one.key != other.key
    assert one == again


def test_changes_of_the_file_are_noticed_and_a_lost_file_loses_no_question(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    file = QuestionFile(str(path), "exact")
    assert "No such file" in file.look().why
    path.write_bytes(line(id="a", request=[1], label=1))
    first = file.look()
    assert [one.id for one in first.questions] == ["a"]
    assert file.look() is first
    path.write_bytes(line(id="a", request=[1], label=1) + line(id="b", request=[1], label=1))
    assert [one.id for one in file.look().questions] == ["a", "b"]
    path.unlink()
    lost = file.look()
    assert ([one.id for one in lost.questions], "No such file" in lost.why) == (["a", "b"], True)
    path.write_bytes(b"nothing\n")
    assert file.look().why == "golden.jsonl has no usable question (unreadable 1)"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert QuestionFile(str(tmp_path / "pipe"), "exact").look().why.endswith("is no plain file")


# -- protocols ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "request_", "protocol"),
    [
        ("kserve", [1, 2], "v1"),
        ("kserve", {"instances": [[1]]}, "v1"),
        ("kserve", {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}, "v2"),
        ("kserve", {"prompt": "a"}, "openai-completions"),
        ("mlserver", [1], "v2"), ("triton", [1], "v2"), ("tf-serving", [1], "tf-serving"), ("torchserve", [1], "torchserve"),
        ("vllm", {"messages": []}, "openai-chat"), ("vllm", "hello", "openai-completions"), ("llama-server", {"prompt": ""}, "openai-completions"),
    ],
)  # fmt: skip
def test_the_kind_of_the_target_tells_the_protocol(kind: str, request_: object, protocol: str) -> None:
    assert protocol_of("auto", kind, request_) == protocol
    assert protocol_of("v1", kind, request_) == "v1"


def test_a_kind_with_routes_of_its_own_needs_a_protocol() -> None:
    with pytest.raises(ValueError, match="it is not known how bentoml is asked: set protocol"):
        protocol_of("auto", "bentoml", [1])


def put(protocol: str, request: object, model: str = "m", kind: str = "") -> tuple[str, Any]:
    out = sent(protocol, kind, model, request)
    return out.path, json.loads(out.body) if out.content_type == "application/json" else out.body


def test_one_row_is_wrapped_and_a_whole_body_goes_as_it_is() -> None:
    assert put("v1", [1, 2]) == ("/v1/models/m:predict", {"instances": [[1, 2]]})
    assert put("tf-serving", {"inputs": {"x": [1]}}, "m:3") == ("/v1/models/m/versions/3:predict", {"inputs": {"x": [1]}})
    tensor = {"name": "input-0", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}
    assert put("v2", [1, 2], "a b:7") == ("/v2/models/a%20b/versions/7/infer", {"inputs": [tensor]})
    body = {"inputs": [{"name": "x", "shape": [1], "datatype": "INT64", "data": [1]}], "id": "9"}
    assert put("v2", body) == ("/v2/models/m/infer", body)
    named = put("v2", {"age": 3, "city": "Rom"})[1]
    assert [one["datatype"] for one in named["inputs"]] == ["FP64", "BYTES"]
    assert named["parameters"] == {"content_type": "pd"}
    assert put("torchserve", {"data": [1]}) == ("/predictions/m", {"data": [1]})
    assert put("torchserve", "a text", "m:1.0") == ("/predictions/m/1.0", b"a text")
    with pytest.raises(ValueError, match="named columns"):
        put("v2", [1, "a"])
    with pytest.raises(ValueError, match="set model"):
        put("v1", [1], "")


def test_language_models_are_asked_coldly_briefly_and_never_for_a_stream() -> None:
    path, body = put("openai-completions", {"prompt": "1+1=", "stream": True, "n": 5, "max_tokens": 100_000})
    assert path == "/v1/completions"
    assert body == {"model": "m", "temperature": 0, "prompt": "1+1=", "stream": False, "n": 1, "max_tokens": 1024}
    path, body = put("openai-chat", "hello", kind="kserve")
    assert path == "/openai/v1/chat/completions"
    assert body["messages"] == [{"role": "user", "content": "hello"}]
    assert body["max_tokens"] == 64
    assert put("openai-completions", {"prompt": "a", "temperature": 0.5, "model": "lora"})[1]["model"] == "lora"
    assert "max_tokens" not in put("openai-chat", {"messages": [], "max_completion_tokens": 9})[1]
    with pytest.raises(ValueError, match="no messages"):
        put("openai-chat", {"prompt": "a"})


V2_TWO = {"inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [0] * 6}]}


@pytest.mark.parametrize(
    ("protocol", "request_", "body", "value"),
    [
        ("v1", None, {"predictions": [3]}, 3),
        ("v1", None, {"predictions": [[0.1, 0.9]]}, [0.1, 0.9]),
        ("v1", None, {"predictions": [[0.7]]}, 0.7),
        ("v1", None, {"predictions": [{"label": "cat", "score": 0.9}]}, "cat"),
        ("v1", None, {"predictions": [{"cat": 0.9, "dog": 0.1}]}, {"cat": 0.9, "dog": 0.1}),
        ("tf-serving", None, {"outputs": [[0.2, 0.8], [1, 0]]}, [0.2, 0.8]),
        ("tf-serving", None, {"outputs": {"classes": [4], "probabilities": [[0.1, 0.9]]}}, 4),
        ("v2", None, {"outputs": [{"name": "y", "shape": [1, 1], "datatype": "INT64", "data": [1]}]}, 1),
        ("v2", None, {"outputs": [{"name": "y", "shape": [1, 3], "datatype": "FP32", "data": [0.1, 0.2, 0.7]}]}, [0.1, 0.2, 0.7]),
        ("v2", None, {"outputs": [{"name": "y", "shape": [3], "datatype": "FP32", "data": [0.1, 0.2, 0.7]}]}, [0.1, 0.2, 0.7]),
        ("v2", V2_TWO, {"outputs": [{"name": "y", "shape": [2, 2], "datatype": "FP32", "data": [[0.1, 0.9], [1, 0]]}]}, [0.1, 0.9]),
        ("v2", V2_TWO, {"outputs": [{"name": "y", "shape": [2], "datatype": "BYTES", "data": ["POS", "NEG"]}]}, "POS"),
        ("torchserve", None, {"tabby": 0.4, "tiger": 0.6}, {"tabby": 0.4, "tiger": 0.6}),
        ("torchserve", None, [2], 2),
        ("openai-completions", None, {"choices": [{"text": " 4"}]}, " 4"),
        ("openai-chat", None, {"choices": [{"message": {"content": "yes"}}]}, "yes"),
        ("openai-chat", None, {"choices": [{"message": {"content": [{"type": "text", "text": "ye"}, {"type": "text", "text": "s"}]}}]}, "yes"),
    ],
)  # fmt: skip
def test_where_the_models_word_stands(protocol: str, request_: object, body: object, value: object) -> None:
    assert heard(protocol, request_, json.dumps(body).encode()) == value


def test_torchserve_may_answer_in_plain_text() -> None:
    assert heard("torchserve", None, b"tabby cat\n") == "tabby cat"


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        ("v1", b"<html>"), ("v1", b"[1]"), ("v1", b"{}"), ("v1", b'{"predictions": []}'), ("v1", b'{"predictions": [null]}'),
        ("v1", b'{"predictions": [["a", 1]]}'), ("v2", b'{"outputs": [{"name": "y", "shape": [1]}]}'), ("v2", b'{"outputs": [3]}'),
        ("openai-chat", b'{"choices": [{"message": {"content": null, "tool_calls": []}}]}'), ("openai-completions", b'{"choices": [7]}'),
        ("v1", b'{"predictions": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    ],
)  # fmt: skip
def test_an_answer_without_the_models_word_is_unreadable_and_not_wrong(protocol: str, body: bytes) -> None:
    with pytest.raises(Unreadable):
        heard(protocol, None, body)


# -- rows ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "request_", "values", "put_back"),
    [
        ("v1", [1, 2.5], {"[0]": 1, "[1]": 2.5}, [7, 2.5]),
        ("v1", {"instances": [{"[0]": 1, "b": "x"}]}, {"[0]": 1, "b": "x"}, {"instances": [{"[0]": 7, "b": "x"}]}),
        ("tf-serving", {"inputs": {"[0]": [1], "b": [2.5]}}, {"[0]": 1, "b": 2.5}, {"inputs": {"[0]": [7], "b": [2.5]}}),
        ("torchserve", {"data": [1, 2]}, {"[0]": 1, "[1]": 2}, {"data": [7, 2]}),
        ("v2", {"inputs": [{"name": "", "shape": [1, 2], "data": [1, 2]}]}, {"[0]": 1, "[1]": 2},
         {"inputs": [{"name": "", "shape": [1, 2], "data": [7, 2]}]}),
        ("v2", {"inputs": [{"name": "[0]", "shape": [1, 1], "data": [[1]]}, {"name": "b", "shape": [1], "data": ["x"]}]},
         {"[0]": 1, "b": "x"}, {"inputs": [{"name": "[0]", "shape": [1, 1], "data": [[7]]}, {"name": "b", "shape": [1], "data": ["x"]}]}),
    ],
)  # fmt: skip
def test_the_columns_of_a_request_and_the_request_with_another_value(
    protocol: str, request_: Any, values: dict[str, object], put_back: object
) -> None:
    before = json.dumps(request_)
    row = row_of(protocol, request_)
    assert row.values == values
    made = row.put({"[0]": 7.0})
    assert made == put_back
    assert ".0" not in json.dumps(made).replace("2.5", "")  # whole numbers stay whole: a tensor of integers takes no other
    assert json.dumps(request_) == before


@pytest.mark.parametrize(
    ("protocol", "request_", "why"),
    [
        ("openai-chat", {"messages": []}, "texts, not rows"),
        ("v1", {"instances": [[1], [2]]}, "several rows"),
        ("v1", "a text", "no row of columns"),
        ("v2", {"inputs": [{"name": "x", "shape": [2, 1], "data": [1, 2]}]}, "several rows"),
        ("v2", {"inputs": [{"name": "x", "shape": [1, 1, 2], "data": [[[1, 2]]]}]}, "no row of columns"),
        ("v1", {"instances": [{"image": {"b64": "aa"}}]}, "no row of columns"),
    ],
)
def test_what_is_no_row_says_why(protocol: str, request_: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        row_of(protocol, request_)


# -- over the wire ------------------------------------------------------------------------------------------------------------------------

QUESTION = GoldenQuestion("q", [1, 2], 1, "k")


def ask(server: Loopback, *, timeout_s: float = 5.0, protocol: str = "v1", settings: TargetSettings | None = None) -> GoldenAnswer:
    async def go() -> GoldenAnswer:
        prober = Prober(protocol, timeout_s)
        try:
            return await prober.ask(QUESTION, Place(server.url, "kserve", "m", settings))
        finally:
            await prober.close()

    return asyncio.run(go())


def answering(body: bytes, status: str = "200 OK"):
    return lambda connection, _request: connection.sendall(reply(body, status, headers=JSON))


def test_a_question_goes_out_marked_and_its_answer_is_heard_with_its_time() -> None:
    with serving(answering(b'{"predictions": [1]}')) as server:
        answer = ask(server)
    assert (answer.question, answer.value, answer.failure) == ("q", 1, None)
    assert 0 < answer.took_s < 5
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/models/m:predict HTTP/1.1")
    assert b"X-Tui-Monitor-Probe: 1" in head
    assert b"Accept: application/json" in head
    assert json.loads(body) == {"instances": [[1, 2]]}


def test_credentials_of_the_target_go_with_it_and_are_read_again_after_a_refusal(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first-token\n")
    settings = TargetSettings("t", "http://127.0.0.1", bearer_token_file=str(token))

    def answer(connection: socket.socket, request: bytes) -> None:
        good = b"Bearer second-token" in request
        connection.sendall(reply(b'{"predictions": [1]}', headers=JSON) if good else reply(b"first-token is old", "401 Unauthorized"))

    async def go(server: Loopback) -> tuple[GoldenAnswer, GoldenAnswer]:
        prober = Prober("v1", 5.0)
        place = Place(server.url, "kserve", "m", settings)
        try:
            refused = await prober.ask(QUESTION, place)
            token.write_text("second-token")
            return refused, await prober.ask(QUESTION, place)
        finally:
            await prober.close()

    with serving(answer) as server:
        refused, good = asyncio.run(go(server))
    assert refused.failure is not None
    assert refused.failure.kind == "auth"
    assert "first-token" not in refused.failure.message
    assert good.value == 1


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b'{"error": "boom"}', "500 Internal Server Error", "bad_status"),
        (b'{"error": "no such model"}', "404 Not Found", "bad_status"),
        (b"<html>hello</html>", "200 OK", "damaged"),
        (b'{"predictions": []}', "200 OK", "damaged"),
        (b"x" * 3_000_000, "200 OK", "too_large"),
    ],
)
def test_what_is_no_answer_is_a_failure(body: bytes, status: str, kind: str) -> None:
    with serving(answering(body, status)) as server:
        answer = ask(server)
    assert answer.value is None
    assert answer.failure is not None
    assert answer.failure.kind == kind


def test_silence_ends_at_the_deadline_and_nobody_there_is_refused() -> None:
    with serving(lambda _connection, _request: server.ended.wait()) as server:
        late = ask(server, timeout_s=0.2)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        server.url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    gone = ask(server)
    assert [one.failure.kind for one in (late, gone) if one.failure] == ["timeout", "refused"]


def test_a_missing_token_is_said_and_nothing_is_sent() -> None:
    settings = TargetSettings("t", "http://127.0.0.1", bearer_token_env="NOT_SET_ANYWHERE")
    with serving(answering(b"{}")) as server:
        answer = ask(server, settings=settings)
    assert answer.failure is not None
    assert "NOT_SET_ANYWHERE" in answer.failure.message
    assert server.requests == []


def test_never_two_questions_at_a_time() -> None:
    flying, most = 0, 0

    def answer(connection: socket.socket, _request: bytes) -> None:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        server.ended.wait(0.05)
        flying -= 1
        connection.sendall(reply(b'{"predictions": [1]}', headers=JSON))

    async def go() -> list[GoldenAnswer]:
        prober = Prober("v1", 5.0)
        try:
            return await asyncio.gather(*(prober.ask(QUESTION, Place(server.url, "kserve", "m")) for _ in range(4)))
        finally:
            await prober.close()

    with serving(answer) as server:
        answers = asyncio.run(go())
    assert [one.value for one in answers] == [1, 1, 1, 1]
    assert most == 1


def test_every_configured_protocol_is_known() -> None:
    from tui_monitor.config import checks

    assert set(checks._CHOICES["protocol"]) == {"auto", *protocols.PREDICTS, *protocols.WRITES}
