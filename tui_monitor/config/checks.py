"""What types cannot say: durations, sizes, choices, names that must be told apart. Every complaint is one line: FILE:LINE: KEY: what is wrong."""

from __future__ import annotations

import difflib
import math
import re
from datetime import UTC, datetime
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct

from tui_monitor.config.lines import line_of
from tui_monitor.config.settings import ScorerSettings, Settings
from tui_monitor.vocabulary import quantity, seconds

KINDS = (
    "auto", "vllm", "sglang", "tgi", "nim", "lmdeploy", "llama-server", "ollama", "triton", "torchserve", "tf-serving", "kserve", "mlserver",
    "ray-serve", "bentoml", "litserve", "dcgm-exporter", "node-exporter", "prometheus",
)  # fmt: skip
SHORTEST_INTERVAL_S = 0.2
PROBE_BOUNDS = {"per_minute": (1, 20), "tolerance": (0, 1e9), "explain_requests": (1, 5000)}  # a probe must not be a load

_DURATIONS = {
    "interval", "timeout", "starting", "backfill", "horizon", "false_alarm_every", "learn", "every", "for", "keep_firing_for", "ack_for",
    "flap_window", "no_data_hold", "max_age", "linger", "resend", "multivariate_every",
}  # fmt: skip
_SIZES = {"max_size", "page", "max_body"}
_CHOICES: dict[str, tuple[str, ...]] = {
    "kind": KINDS,
    "severity": ("critical", "warning", "info"),
    "task": ("binary", "multiclass", "regression"),
    "notifications": ("auto", "osc9", "osc777", "off"),
    "protocol": ("auto", "v1", "v2", "tf-serving", "torchserve", "openai-completions", "openai-chat"),
    "check": ("exact", "contains", "regex", "numeric"),
    "multivariate": ("pca", "mahalanobis", "robust_z", "classifier", "isolation_forest", "one_class_svm"),
    "classifier": ("logistic", "tree", "forest"),
    "early": ("adwin", "ddm", "eddm", "hddm", "half_space_trees"),
}


class ConfigError(Exception):
    """A wrong configuration; `str(error)` is the line for the user."""


def bytes_of(text: str) -> float:
    """A size such as "512MB" or "2GiB" in bytes.

    Raises:
        ValueError: it is none.
    """
    value, unit = quantity(text)
    if unit != "B" or value < 0:
        raise ValueError(f"{text!r} is no size (write 512MB, 2GiB)")
    return value


def said(name: str, lines: dict[tuple[str | int, ...], int], message: str) -> str:
    """Msgspec's complaint as our line: where, which key, what, and the nearest known one."""
    said, _, at = message.partition(" - at `$")
    path = _walk(at.rstrip("`"))
    unknown = re.search(r"unknown field `([^`]+)`", said)
    if unknown:
        known = _known_keys(path)
        near = difflib.get_close_matches(unknown[1], known, 1)
        hint = f" (did you mean {near[0]}?)" if near else f" (known: {' '.join(known)})" if known else ""
        return f"{name}:{line_of(lines, (*path, unknown[1]))}: {_dotted((*path, unknown[1]))}: unknown key{hint}"
    missing = re.search(r"missing required field `([^`]+)`", said)
    if missing:
        return f"{name}:{line_of(lines, path)}: {_dotted((*path, missing[1]))}: is missing"
    wanted = (
        said.replace("Expected `", "must be ").replace("`, got `", ", not ").replace("`", "").replace("must be object", "must be a table")
    )
    return f"{name}:{line_of(lines, path)}: {_dotted(path)}: {wanted[:1].lower() + wanted[1:]}"


def _walk(at: str) -> tuple[str | int, ...]:
    return tuple(int(index) if index else key for index, key in re.findall(r"\[(\d+)\]|([A-Za-z0-9_-]+)", at))


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    """The keys of the table at a path."""
    at: Any = Settings
    for part in path:
        if isinstance(part, int):
            continue
        fields = {one.encode_name: one.type for one in msgspec.structs.fields(at)}
        if part not in fields:
            return []
        at = fields[part]
        at = get_args(at)[-1] if get_origin(at) in (list, dict) else at  # of a table of tables msgspec does not tell the name
        if not (isinstance(at, type) and issubclass(at, Struct)):
            return []
    return [one.encode_name for one in msgspec.structs.fields(at)]


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in path) or "file"


def check(at: Any, path: tuple[str | int, ...], name: str, lines: dict[tuple[str | int, ...], int]) -> None:
    """What types cannot say: durations, sizes, choices, control characters."""
    if isinstance(at, dict):
        for key, value in at.items():
            check(value, (*path, key), name, lines)
    elif isinstance(at, list):
        for i, value in enumerate(at):
            check(value, (*path, i), name, lines)
    elif isinstance(at, str):
        where = f"{name}:{line_of(lines, path)}: {_dotted(path)}: "
        if any((ord(letter) < 32 and letter not in "\n\t") or ord(letter) == 127 for letter in at):
            raise ConfigError(where + "holds control characters")
        key = path[-1] if path else ""
        in_free_table = any(
            part in ("map", "queries", "headers", "where", "slices", "urls", "columns", "labels", "sampled", "costs", "counters")
            for part in path[:-1]
        )
        if in_free_table or (key == "interval" and not at):
            return
        try:
            if key in _DURATIONS:
                value_s = seconds(at)
                if key == "interval" and value_s < SHORTEST_INTERVAL_S:
                    raise ConfigError(where + f"the shortest interval is {SHORTEST_INTERVAL_S * 1000:g}ms")
            elif key in _SIZES:
                bytes_of(at)
        except ValueError as error:
            raise ConfigError(where + str(error)) from None
        key = path[-2] if isinstance(key, int) and len(path) > 1 else key  # an item of a list of choices
        if key in _CHOICES and at not in _CHOICES[str(key)]:
            near = difflib.get_close_matches(at, _CHOICES[str(key)], 1)
            raise ConfigError(
                where + f"unknown {key} {at!r}" + (f" (did you mean {near[0]}?)" if near else f" (known: {' '.join(_CHOICES[str(key)])})")
            )


def past_of(text: str) -> tuple[float, float]:
    """Beginning and end of a past time "FROM/TO" in ISO 8601, in seconds since 1970; without a zone it is UTC.

    Raises:
        ValueError: it is none.
    """
    begins, slash, ends = text.partition("/")
    try:
        if not slash:
            raise ValueError
        start, end = (datetime.fromisoformat(part.strip()) for part in (begins, ends))
    except ValueError:
        raise ValueError(f"{text!r} is no time that was (write 2026-11-01T00:00/2026-11-02T00:00)") from None
    start_s, end_s = ((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() for at in (start, end))
    if end_s <= start_s:
        raise ValueError(f"{text!r} ends before it begins")
    return start_s, end_s


def _check_drift(settings: Settings, name: str, lines: dict[tuple[str | int, ...], int]) -> None:
    known = [one.name for one in settings.prometheus]
    for i, one in enumerate(settings.drift.references):
        at: tuple[str | int, ...] = ("drift", "references", i)
        try:
            if not one.source:
                raise ValueError("source: is empty")
            if bool(one.file) == bool(one.prometheus):
                raise ValueError("file: either a file or a prometheus is needed, and not both")
            if one.prometheus and one.prometheus not in known:
                near = difflib.get_close_matches(one.prometheus, known, 1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                raise ValueError(f"prometheus: there is no [[prometheus]] named {one.prometheus!r}{hint}")
            if one.prometheus and not one.past:
                raise ValueError("past: is missing: which time of the past?")
            if one.query and not (one.prometheus and one.signal):
                raise ValueError(f"query: needs {'a signal: of which one?' if one.prometheus else 'a prometheus: whom to ask?'}")
            if one.past:
                past_of(one.past)
        except ValueError as error:
            key = str(error).partition(":")[0]
            key, said = (key, str(error)) if key in ("source", "file", "prometheus", "past", "query") else ("past", f"past: {error}")
            raise ConfigError(f"{name}:{line_of(lines, (*at, key))}: drift.references.{i + 1}.{said}") from None
    for signal, weight in settings.drift.importance.items():
        if not 0 <= weight < math.inf:
            raise ConfigError(f"{name}:{line_of(lines, ('drift', 'importance'))}: drift.importance.{signal}: must be 0 or more")


def check_names(settings: Settings, name: str, lines: dict[tuple[str | int, ...], int]) -> None:
    """Names that must be told apart, URLs that must be URLs."""
    named = {
        "targets": [one.name for one in settings.targets],
        "prometheus": [one.name for one in settings.prometheus],
        "predictions": [one.name for one in settings.predictions],
        "probes": [one.name for one in settings.probes],
    }
    for section, names in named.items():
        for i, one in enumerate(names):
            if not one or one in names[:i]:
                wrong = f"{one!r} is there twice" if one else "is empty"
                raise ConfigError(f"{name}:{line_of(lines, (section, i, 'name'))}: {section}.{i + 1}.name: {wrong}")
    _check_drift(settings, name, lines)
    for i, probe in enumerate(settings.probes):
        for key, (least, most) in PROBE_BOUNDS.items():
            if not least <= getattr(probe, key) <= most:
                raise ConfigError(f"{name}:{line_of(lines, ('probes', i, key))}: probes.{i + 1}.{key}: must be {least:g} to {most:g}")
    for scorer, of in settings.drift.scorers.items():
        if wrong := _wrong_scorer(of, named["predictions"]):
            raise ConfigError(f"{name}:{line_of(lines, ('drift', 'scorers', scorer))}: drift.scorers.{scorer}: {wrong}")
    outward = (("alertmanager", settings.alertmanager.url), ("alerta", settings.alerta.url), ("webhook", settings.webhook.url))
    for section, url in outward:
        if url and not re.match(r"https?://[^/\s]+", url):
            raise ConfigError(f"{name}:{line_of(lines, (section, 'url'))}: {section}.url: must begin with http:// or https:// and a host")
    for section, urls in (("targets", [one.url for one in settings.targets]), ("prometheus", [one.url for one in settings.prometheus])):
        for i, url in enumerate(urls):
            if not re.match(r"https?://[^/\s]+", url):
                raise ConfigError(
                    f"{name}:{line_of(lines, (section, i, 'url'))}: {section}.{i + 1}.url: must begin with http:// or https:// and a host"
                )


def _wrong_scorer(of: ScorerSettings, logs: list[str]) -> str:
    if bool(of.command) == bool(of.entry_point):
        return "needs either a command or an entry_point"
    if of.log and of.log not in logs:
        near = difflib.get_close_matches(of.log, logs, 1)
        return f"no [[predictions]] is called {of.log!r}" + (f" (did you mean {near[0]}?)" if near else "")
    if not of.log and len(logs) != 1:
        return "needs a log: which of [[predictions]] it scores" if logs else "there is no [[predictions]] to score"
    return ""
