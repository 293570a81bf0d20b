"""What a model was asked and what it said, as rows: bodies of the V1 and V2 protocols and of Seldon's first one.

V1      {"instances": [...]}                                                   {"predictions": [...]}
V2      {"inputs": [{"name", "shape", "datatype", "data"}]}                    {"outputs": [...], "model_name", "model_version", "id"}
Seldon  {"data": {"names": [...], "ndarray": [[...]]}} or "tensor"             the same; its names are the classes

Columns without a name are called f0, f1 ...; those of a tensor with several a row NAME_0, NAME_1 ...
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tui_monitor.collect.cells import category, number
from tui_monitor.config import PredictionSettings

Row = dict[str, Any]

MOST_ROWS = 10_000  # of one request
MOST_COLUMNS = 64  # more of one tensor are pixels or tokens, and no features
MOST_DIMENSIONS = 8
_ANOTHER_SHAPE = (TypeError, KeyError, AttributeError, IndexError)  # what a list is where an object belongs, and the like
_SAID = ("prediction", "predict", "class", "label", "output")  # what the outputs of servers are called when nothing is configured
_SCORED = ("score", "scores", "probability", "probabilities", "predict_proba", "proba")


class Unreadable(ValueError):
    """What was posted cannot be used; the message is one line for who posted it."""


def rows_of(settings: PredictionSettings, identity: str, at_s: float, asked: object, said: object) -> list[Row]:
    """One row for each prediction; of several in one request the ids are ID/0, ID/1 ...

    Args:
        settings: of the log: its columns, classes and task.
        identity: of the request.
        at_s: when it was answered.
        asked: the request's body; anything but an object: not known, the rows have no features.
        said: the response's body.

    Raises:
        Unreadable: one line on what is wrong with the response.
    """
    try:
        outputs = _outputs(settings, said)
    except _ANOTHER_SHAPE:
        raise Unreadable("the response is not as its protocol says") from None
    inputs = _inputs(asked) if isinstance(asked, Mapping) else []
    columns = settings.columns
    reserved = {columns.prediction, columns.score, columns.label, columns.time}
    rows: list[Row] = []
    for index, output in enumerate(outputs):
        features = inputs[index] if len(inputs) == len(outputs) else {}
        row = {name: value for name, value in features.items() if name not in reserved}
        row.setdefault(columns.id, identity if len(outputs) == 1 else f"{identity}/{index}")
        row[columns.time] = at_s
        rows.append(row | output)
    return rows


def _inputs(body: Mapping[str, Any]) -> list[Row]:
    """Features of every row; none where their shape is not understood."""
    try:
        if isinstance(body.get("instances"), list):
            return [_features(one) for one in body["instances"][:MOST_ROWS]]
        if isinstance(body.get("inputs"), list):
            return _across(body["inputs"])
        if isinstance(body.get("data"), Mapping):
            names, values = _seldon(body["data"])
            return [dict(zip(names, one, strict=False)) if names else _features(one) for one in values]
    except (ValueError, *_ANOTHER_SHAPE):
        pass
    return []


def _features(one: object) -> Row:
    if isinstance(one, Mapping):
        found: Row = {}
        for name, value in list(one.items())[:MOST_COLUMNS]:
            if isinstance(value, list):
                found |= _numbered(f"{name}_", value)
            elif not isinstance(value, Mapping):
                found[str(name)] = value
        return found
    return _numbered("f", one if isinstance(one, list) else [one])


def _numbered(name: str, values: list[Any]) -> Row:
    if len(values) > MOST_COLUMNS or any(isinstance(value, list | Mapping) for value in values):
        return {}
    return {f"{name}{index}": value for index, value in enumerate(values)}


def _across(tensors: Sequence[Any]) -> list[Row]:
    """Tensors of the V2 protocol, a column or several each."""
    rows: list[Row] = []
    for tensor in tensors[:MOST_COLUMNS]:
        name, values = str(tensor["name"]), _tensor(tensor)
        if not rows:
            rows = [{} for _ in values]
        if len(values) != len(rows):
            raise Unreadable("tensors of different length")
        for row, one in zip(rows, values, strict=True):
            row.update({name: one[0]} if len(one) == 1 else _numbered(f"{name}_", one))
    return rows


def _tensor(tensor: Mapping[str, Any]) -> list[list[Any]]:
    """The values of each row.

    Raises:
        Unreadable: data and shape do not fit each other.
    """
    shape, data = tensor.get("shape"), tensor.get("data")
    if not isinstance(data, list):
        raise Unreadable(f"the tensor {tensor.get('name')!r} has no data (binary tensors are not read)")
    flat = data
    for _ in range(MOST_DIMENSIONS):
        if not flat or not isinstance(flat[0], list):
            break
        flat = [value for one in flat for value in (one if isinstance(one, list) else [one])]
    if not isinstance(shape, list) or not shape or not all(isinstance(size, int) and size >= 0 for size in shape):
        shape = [len(data)]
    if math.prod(shape) != len(flat):
        raise Unreadable(f"the tensor {tensor.get('name')!r} has {len(flat)} values, its shape says {math.prod(shape)}")
    rows = shape[0]
    if rows > MOST_ROWS:
        raise Unreadable(f"more than {MOST_ROWS} rows")
    width = len(flat) // rows if rows else 0
    return [flat[at * width : (at + 1) * width] for at in range(rows)]


def _seldon(data: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    names = [str(name) for name in data.get("names") or []]
    if isinstance(data.get("ndarray"), list):
        return names, [one if isinstance(one, list) else [one] for one in data["ndarray"][:MOST_ROWS]]
    if isinstance(data.get("tensor"), Mapping):
        return names, _tensor({"name": "tensor", "shape": data["tensor"].get("shape"), "data": data["tensor"].get("values")})
    raise Unreadable("data without ndarray or tensor")


def _outputs(settings: PredictionSettings, body: object) -> list[Row]:
    """Prediction and score columns of every row."""
    if not isinstance(body, Mapping):
        raise Unreadable("the response is no JSON object")
    rows: list[Row]
    if isinstance(body.get("predictions"), list):
        if len(body["predictions"]) > MOST_ROWS:
            raise Unreadable(f"more than {MOST_ROWS} rows")
        rows = [_said(settings, one) for one in body["predictions"]]
    elif isinstance(body.get("outputs"), list):
        rows = _said_in(settings, body["outputs"])
    elif isinstance(body.get("data"), Mapping):
        names, values = _seldon(body["data"])
        classes = [name.removeprefix("t:") for name in names]
        rows = [_said(settings, one, classes) for one in values]
    else:
        raise Unreadable("the response has neither predictions nor outputs nor data")
    version = body.get("model_version")
    if settings.columns.version and isinstance(version, str) and version:
        for row in rows:
            row.setdefault(settings.columns.version, version)
    return rows


def _said_in(settings: PredictionSettings, outputs: list[Any]) -> list[Row]:
    tensors = {str(one["name"]): _tensor(one) for one in outputs if isinstance(one, Mapping) and "name" in one}
    if not tensors:
        raise Unreadable("the response has no outputs")
    columns = settings.columns
    scores = next((name for name in (columns.score, *_SCORED) if name in tensors), "")
    said = next((name for name in (columns.prediction, *_SAID) if name in tensors), "")
    said = said or next((name for name in tensors if name != scores), "")
    rows = [_said(settings, one) for one in tensors[said]] if said else [{} for _ in tensors[scores]]
    if scores:
        if len(tensors[scores]) != len(rows):
            raise Unreadable("outputs of different length")
        for row, one in zip(rows, tensors[scores], strict=True):
            row.update(_scored(settings, one) | row)
    if said and columns.base and columns.base in tensors and len(tensors[columns.base]) == len(rows):
        for row, one in zip(rows, tensors[columns.base], strict=True):
            row[columns.base] = one[0] if one else None
    return rows


def _said(settings: PredictionSettings, value: object, classes: Sequence[str] = ()) -> Row:
    """One prediction: a class or a number, probabilities of all classes, or an object that names its parts."""
    columns = settings.columns
    if isinstance(value, Mapping):
        row = {name: one for name, one in value.items() if name not in (columns.label, columns.id, columns.time) and _is_scalar(one)}
        said = next((name for name in (columns.prediction, *_SAID) if name in value), "")
        scored = next((name for name in (columns.score, *_SCORED) if name and name in value), "")
        found: Row = {columns.prediction: value.get(said)} if said else {}
        if scored:
            score = value[scored]
            found |= _scored(settings, score if isinstance(score, list) else [score]) | found
        return {name: one for name, one in row.items() if name not in _SAID} | found
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list):
        return _scored(settings, value, classes)
    if settings.task == "binary" and isinstance(value, float) and 0.0 < value < 1.0:
        return _scored(settings, [value], classes)
    return {columns.prediction: value}


def _scored(settings: PredictionSettings, values: list[Any], names: Sequence[str] = ()) -> Row:
    """Probabilities as score columns, and the class that they speak for."""
    columns, task = settings.columns, settings.task
    score_column = columns.score or "score"
    if task == "regression":
        return {columns.prediction: values[0]} if len(values) == 1 else {}
    if len(values) == 1:
        score = number(values[0])
        others = [name for name in settings.classes if name != settings.positive]
        row: Row = {score_column: values[0]}
        if score is not None and task == "binary":
            row[columns.prediction] = settings.positive if score >= 0.5 else others[0] if others else "0"
        return row
    scores = [number(value) for value in values]
    if not scores or any(score is None for score in scores):
        return {}
    known = [score for score in scores if score is not None]
    classes = settings.classes if len(settings.classes) == len(known) else names if len(names) == len(known) else range(len(known))
    of = {category(name) or str(name): score for name, score in zip(classes, known, strict=True)}
    row = {columns.prediction: max(of, key=lambda name: of[name])}
    if task == "multiclass":
        return row | {f"{score_column}_{name}": score for name, score in of.items()}
    return row | ({score_column: of[settings.positive]} if settings.positive in of else {})


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)
