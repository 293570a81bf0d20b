"""CloudEvents of payload loggers: the halves of a request, as KServe's logger and Seldon's send them, joined by their id.

Binary mode has the attributes in `ce-` headers and the payload as the body; structured mode has all in one JSON object. Both halves carry
the same id; Seldon's first protocol gives each its own, and the request's in `requestid`.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from tui_monitor.collect.cells import moment
from tui_monitor.collect.payload import Unreadable
from tui_monitor.model import clean

MOST_HALVES = 10_000
MOST_BYTES = 64_000_000
WAIT_S = 60.0

_TYPES: dict[str, Literal["request", "response"]] = {
    "org.kubeflow.serving.inference.request": "request",
    "org.kubeflow.serving.inference.response": "response",
    "io.seldon.serving.inference.request": "request",
    "io.seldon.serving.inference.response": "response",
}


class Event(NamedTuple):
    """One half of a request."""

    id: str
    kind: Literal["request", "response"]
    at_s: float | None
    names: tuple[str, ...]  # under which its log may be known, the most telling first
    part: str  # component of the service that it comes from: a transformer's halves are not the predictor's
    data: Any
    size_bytes: int


def event(attributes: Mapping[str, Any], data: Any, size_bytes: int) -> Event:
    """An event from its attributes (names in lower case, without `ce-`) and its payload.

    Raises:
        Unreadable: one line on what is wrong with it.
    """
    kind = _TYPES.get(str(attributes.get("type", "")))
    if kind is None:
        raise Unreadable(f"unknown type of event {clean(attributes.get('type', ''), 80)!r}")
    identity = str(attributes.get("requestid") or attributes.get("id") or "")
    if not identity:
        raise Unreadable("the event has no id")
    body = data if isinstance(data, Mapping) else {}
    names = (attributes.get("inferenceservicename"), attributes.get("modelid"), body.get("model_name"), attributes.get("endpoint"))
    return Event(
        clean(identity, 100),
        kind,
        moment(attributes.get("time")),
        tuple(dict.fromkeys(clean(name, 200) for name in names if isinstance(name, str) and name)),
        str(attributes.get("component", "")),
        data,
        size_bytes,
    )


def structured(known: object, size_bytes: int) -> Event:
    """An event of structured mode.

    Raises:
        Unreadable: one line on what is wrong with it.
    """
    if not isinstance(known, Mapping):
        raise Unreadable("an event is a JSON object")
    data = known.get("data")
    if data is None and isinstance(known.get("data_base64"), str):
        try:
            data = base64.b64decode(known["data_base64"], validate=True)
        except ValueError:
            raise Unreadable("data_base64 is damaged") from None
    if isinstance(data, str | bytes):
        data = payload(data.encode() if isinstance(data, str) else data)
    return event(known, data, size_bytes)


def payload(body: bytes) -> Any:
    """The JSON of a payload, whatever its content type says: loggers repeat the one of the request.

    Raises:
        Unreadable: it is none.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("the payload is not JSON (binary tensors are not read)") from None


class Pair(NamedTuple):
    """Both halves, or the one that came."""

    request: Event | None
    response: Event | None


class Halves:
    """Events whose other half has not come yet, in the order they came."""

    def __init__(self) -> None:
        """None yet."""
        self._waiting: OrderedDict[tuple[str, str, str], tuple[float, Event]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, log: str, half: Event, now_s: float) -> Pair | None:
        """The pair that this half completes; None while the other one is missing."""
        key = (log, half.part, half.id)
        before = self._waiting.get(key)
        if before is not None and before[1].kind != half.kind:
            self._drop(key)
            other = before[1]
            return Pair(half, other) if half.kind == "request" else Pair(other, half)
        if before is not None:
            self._drop(key)
        self._waiting[key] = now_s, half
        self._bytes += half.size_bytes
        return None

    def given_up(self, now_s: float) -> list[tuple[str, Pair]]:
        """(log, half) of those that have waited long enough, or for which there is no room."""
        found: list[tuple[str, Pair]] = []
        while self._waiting:
            key, (since_s, half) = next(iter(self._waiting.items()))
            if now_s - since_s < WAIT_S and len(self._waiting) <= MOST_HALVES and self._bytes <= MOST_BYTES:
                break
            self._drop(key)
            found.append((key[0], Pair(half, None) if half.kind == "request" else Pair(None, half)))
        return found

    def _drop(self, key: tuple[str, str, str]) -> None:
        self._bytes -= self._waiting.pop(key)[1].size_bytes
