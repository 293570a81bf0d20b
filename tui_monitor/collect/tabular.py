"""The one row of columns in a golden request, and the same request with other values in it: for questions of which column matters."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Value = float | str | bool
_NO_ROW = "its requests hold no row of columns"


class Row(NamedTuple):
    """The columns of a request in their order, and how a request with other values of them is made."""

    values: dict[str, Value]
    put: Callable[[Mapping[str, Value]], Any]


def row_of(protocol: str, request: Any) -> Row:
    """The row of a request.

    Raises:
        ValueError: it holds none, with the reason.
    """
    if protocol.startswith("openai"):
        raise ValueError("its requests are texts, not rows of columns")
    where = _place(protocol, request)
    if where is None:
        return _of_tensors(request)
    row = _at(request, where)
    if isinstance(row, list) and len(row) == 1 and isinstance(row[0], list):
        where, row = (*where, 0), row[0]
    if isinstance(row, list) and row and all(_is_value(one) for one in row):
        places = {f"[{i}]": (*where, i) for i in range(len(row))}
    elif isinstance(row, dict) and row and all(_is_value(one) or _is_one(one) for one in row.values()):
        places = {str(name): (*where, name) if _is_value(one) else (*where, name, 0) for name, one in row.items()}
    else:
        raise ValueError(_NO_ROW)
    return Row({name: _at(request, place) for name, place in places.items()}, _putting(request, places))


def _place(protocol: str, request: Any) -> tuple[Any, ...] | None:
    """Where in a request the row stands; None: in V2 tensors."""
    if isinstance(request, dict):
        if protocol == "v2" and isinstance(request.get("inputs"), list):
            return None
        for part in ("instances", "data"):
            if isinstance(request.get(part), list) and request[part]:
                if len(request[part]) > 1 and not all(_is_value(one) for one in request[part]):
                    raise ValueError("its requests hold several rows")
                return (part,) if all(_is_value(one) for one in request[part]) and protocol == "torchserve" else (part, 0)
        if protocol == "tf-serving" and "inputs" in request:
            return ("inputs",)
    return ()


def _of_tensors(request: Mapping[str, Any]) -> Row:
    places: dict[str, tuple[Any, ...]] = {}
    tensors = request["inputs"]
    for i, tensor in enumerate(tensors):
        data, shape = (tensor.get("data"), tensor.get("shape")) if isinstance(tensor, dict) else (None, None)
        at: tuple[Any, ...] = ("inputs", i, "data")
        if isinstance(data, list) and len(data) == 1 and isinstance(data[0], list):
            at, data = (*at, 0), data[0]
        if not isinstance(data, list) or not data or not all(_is_value(one) for one in data):
            raise ValueError(_NO_ROW)
        if isinstance(shape, list) and len(shape) > 1 and shape[0] != 1:
            raise ValueError("its requests hold several rows")
        name = str(tensor.get("name", f"input-{i}"))
        names = [name] if len(data) == 1 else [f"{name}[{k}]" for k in range(len(data))]
        places |= {one: (*at, k) for k, one in enumerate(names)}
    if not places:
        raise ValueError(_NO_ROW)
    return Row({name: _at(request, place) for name, place in places.items()}, _putting(request, places))


def _putting(request: Any, places: Mapping[str, tuple[Any, ...]]) -> Callable[[Mapping[str, Value]], Any]:
    def put(values: Mapping[str, Value]) -> Any:
        made = copy.deepcopy(request)
        for name, value in values.items():
            *way, last = places[name]
            before = _at(made, way)[last]
            whole = isinstance(before, int) and not isinstance(before, bool) and isinstance(value, float) and value.is_integer()
            _at(made, way)[last] = int(value) if whole else value
        return made

    return put


def _at(request: Any, way: tuple[Any, ...] | list[Any]) -> Any:
    for step in way:
        request = request[step]
    return request


def _is_value(value: Any) -> bool:
    return isinstance(value, str | bool) or (isinstance(value, int | float) and math.isfinite(value))


def _is_one(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and _is_value(value[0])
