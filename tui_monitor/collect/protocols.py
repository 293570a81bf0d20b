"""How a golden question is put to each kind of model server, and where in the answer the model's word stands.

A request that is already a body of the protocol goes out as it is. Anything else is one row, and is wrapped as the protocol wants it.
Language models are asked at temperature 0, for few tokens, and never for a stream. An answer with several rows is judged by its first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

PREDICTS = ("v1", "v2", "tf-serving", "torchserve")  # a model whose answers change seldom
WRITES = ("openai-completions", "openai-chat")
MOST_TOKENS, USUAL_TOKENS = 1024, 64
LONGEST_TEXT = 20_000  # characters of an answer
LONGEST_VECTOR = 10_000

_OPENAI = ("vllm", "sglang", "tgi", "nim", "lmdeploy", "llama-server", "ollama")
_PREDICT = {"triton": "v2", "mlserver": "v2", "torchserve": "torchserve", "tf-serving": "tf-serving"}


class Unreadable(ValueError):
    """An answer without the model's word in it, with one line for the user."""


class Sent(NamedTuple):
    """What goes over the wire."""

    path: str
    body: bytes
    content_type: str = "application/json"


def protocol_of(configured: str, kind: str, request: Any) -> str:
    """The protocol that a question is put in.

    Args:
        configured: of the probe; `auto` means by the kind of the server, and where that speaks several by the question.
        kind: of the server.
        request: of the question.

    Raises:
        ValueError: with one line for the user.
    """
    if configured != "auto":
        return configured
    parts = set(request) if isinstance(request, dict) else set()
    writes = "openai-chat" if "messages" in parts else "openai-completions"
    if kind in _OPENAI:
        return writes
    if kind == "kserve":
        tensors = request.get("inputs") if isinstance(request, dict) else None
        if parts & {"messages", "prompt"}:
            return writes
        return "v2" if isinstance(tensors, list) and tensors and all(_is_tensor(one) for one in tensors) else "v1"
    if kind in _PREDICT:
        return _PREDICT[kind]
    raise ValueError(f"it is not known how {kind} is asked: set protocol")


def sent(protocol: str, kind: str, model: str, request: Any) -> Sent:
    """A question as it goes out.

    Args:
        protocol: as `protocol_of` says.
        kind: of the server.
        model: its name there; behind a colon a version, where the protocol knows versions.
        request: a body, or one row.

    Raises:
        ValueError: with one line for the user: it cannot be put so.
    """
    if protocol in WRITES:
        return _written(protocol, kind, model, request)
    if not model:
        raise ValueError("which model is meant is not known: set model")
    name, _, version = model.partition(":")
    name, version = quote(name, safe=""), quote(version, safe="")
    if protocol == "torchserve":
        path = f"/predictions/{name}" + (f"/{version}" if version else "")
        return Sent(path, request.encode(), "text/plain") if isinstance(request, str) else Sent(path, _json(request))
    if protocol == "v2":
        path = f"/v2/models/{name}" + (f"/versions/{version}" if version else "") + "/infer"
        body = request if isinstance(request, dict) and isinstance(request.get("inputs"), list) else {"inputs": _tensors(request)}
        if isinstance(request, dict) and body is not request and request and all(not isinstance(v, list | dict) for v in request.values()):
            body = body | {"parameters": {"content_type": "pd"}}  # a row with named columns
        return Sent(path, _json(body))
    path = f"/v1/models/{name}" + (f"/versions/{version}" if version else "") + ":predict"
    whole = isinstance(request, dict) and ("instances" in request or "inputs" in request)
    return Sent(path, _json(request if whole else {"instances": [request]}))


def _written(protocol: str, kind: str, model: str, request: Any) -> Sent:
    chat = protocol == "openai-chat"
    if isinstance(request, str):
        request = {"messages": [{"role": "user", "content": request}]} if chat else {"prompt": request}
    if not isinstance(request, dict) or ("messages" if chat else "prompt") not in request:
        raise ValueError(f"the request has no {'messages' if chat else 'prompt'}")
    body: dict[str, Any] = {"temperature": 0} | request | {"stream": False, "n": 1}
    body.pop("stream_options", None)
    for key in ("max_tokens", "max_completion_tokens"):
        if key in body:
            asked = body[key]
            body[key] = min(asked, MOST_TOKENS) if isinstance(asked, int) and asked > 0 else USUAL_TOKENS
    if "max_tokens" not in body and "max_completion_tokens" not in body:
        body["max_tokens"] = USUAL_TOKENS
    if model:
        body = {"model": model} | body
    path = "/v1/chat/completions" if chat else "/v1/completions"
    return Sent(f"/openai{path}" if kind == "kserve" else path, _json(body))


def _tensors(request: Any) -> list[dict[str, Any]]:
    """One row as tensors: a list becomes one, named columns become one each, a text becomes one of bytes."""
    if isinstance(request, dict):
        return [_tensor(str(name), [value], [1]) for name, value in request.items()]
    if isinstance(request, list):
        return [_tensor("input-0", request, [1, len(request)])]
    return [_tensor("input-0", [request], [1])]


def _tensor(name: str, data: list[Any], shape: list[int]) -> dict[str, Any]:
    if all(isinstance(one, bool) for one in data):
        return {"name": name, "shape": shape, "datatype": "BOOL", "data": data}
    if all(isinstance(one, int | float) for one in data):
        return {"name": name, "shape": shape, "datatype": "FP64", "data": data}
    if all(isinstance(one, str) for one in data):
        return {"name": name, "shape": shape, "datatype": "BYTES", "data": data, "parameters": {"content_type": "str"}}
    raise ValueError("a row of both numbers and texts needs named columns, or a whole V2 body")


def _is_tensor(one: Any) -> bool:
    return isinstance(one, dict) and {"name", "shape", "data"} <= set(one)


def _json(body: Any) -> bytes:
    return msgspec.json.encode(body)


# -- answers --------------------------------------------------------------------------------------------------------------------------


def heard(protocol: str, request: Any, body: bytes) -> Any:
    """The model's word in an answer: text, a number, a list of numbers, or class -> number.

    Raises:
        Unreadable: there is none.
    """
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        if protocol == "torchserve":
            return _word(body.decode(errors="replace").strip())
        raise Unreadable("the answer is no JSON") from None
    if protocol == "torchserve":
        return _word(told)
    if not isinstance(told, dict):
        raise Unreadable("the answer is no JSON object")
    if protocol in WRITES:
        return _word(_choice(told))
    if protocol == "v2":
        return _word(_first_row(told, request))
    if "predictions" in told:
        return _word(_first(told["predictions"], "predictions"))
    outputs = told.get("outputs")
    if isinstance(outputs, dict):
        rows = {name: _first(value, "outputs") if isinstance(value, list) else value for name, value in outputs.items()}
        return _word(rows)
    return _word(_first(outputs, "predictions"))


def _first(rows: Any, name: str) -> Any:
    if not isinstance(rows, list) or not rows:
        raise Unreadable(f"the answer has no {name}")
    return rows[0]


def _choice(told: Mapping[str, Any]) -> str:
    choice = _first(told.get("choices"), "choices")
    message = choice.get("message") if isinstance(choice, dict) else None
    text = message.get("content") if isinstance(message, dict) else choice.get("text") if isinstance(choice, dict) else None
    if isinstance(text, list):
        text = "".join(str(part.get("text", "")) for part in text if isinstance(part, dict))
    if not isinstance(text, str):
        raise Unreadable("the answer has no text")
    return text


def _first_row(told: Mapping[str, Any], request: Any) -> Any:
    """The first row of the first output tensor. Its first axis counts rows when it is as long as the request's."""
    output = _first(told.get("outputs"), "outputs")
    data, shape = (output.get("data"), output.get("shape")) if isinstance(output, dict) else (None, None)
    if not isinstance(data, list) or not data:
        raise Unreadable("the answer has no outputs in JSON")
    data = _flat(data)
    inputs = request.get("inputs") if isinstance(request, dict) else None
    first = inputs[0].get("shape") if isinstance(inputs, list) and inputs and isinstance(inputs[0], dict) else None
    rows = first[0] if isinstance(first, list) and first and isinstance(first[0], int) else 1
    if isinstance(shape, list) and shape and shape[0] == rows and rows > 0 and len(data) % rows == 0:
        data = data[: len(data) // rows]
    return data


def _flat(data: Any) -> list[Any]:
    flat: list[Any] = []
    waiting = [iter(data)]
    while waiting and len(flat) <= LONGEST_VECTOR:
        for one in waiting[-1]:
            if isinstance(one, list):
                waiting.append(iter(one))
                break
            flat.append(one)
        else:
            waiting.pop()
    return flat


_LABELS = ("label", "class", "class_name", "prediction", "predicted_class", "output", "classes")


def _word(value: Any) -> Any:
    """The answer stripped of its wrapping: lists of one, objects that name their label."""
    for _ in range(8):
        if isinstance(value, dict) and value:
            named = next((key for key in _LABELS if key in value), None)
            if named is None and len(value) > 1:
                break
            value = value[named] if named is not None else next(iter(value.values()))
        elif isinstance(value, list) and len(value) == 1:
            value = value[0]
        else:
            break
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, bool) or _is_number(value):
        return value
    if isinstance(value, list) and value and any(isinstance(one, list) for one in value):
        value = _flat(value)
    if isinstance(value, list) and 0 < len(value) <= LONGEST_VECTOR and all(_is_number(one) for one in value):
        return value
    if isinstance(value, dict) and 0 < len(value) <= LONGEST_VECTOR and all(_is_number(one) for one in value.values()):
        return value
    raise Unreadable("the answer is neither a text nor numbers")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
