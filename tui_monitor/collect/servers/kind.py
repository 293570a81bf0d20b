"""What a kind of model server is, as data: how it is recognised, where its pages are, what to ask, and what its names mean.

A new kind is one file that fills a `Kind`, a line in `registry`, and its captured pages in the tests. Questions only ever read: GET
everywhere, and a POST only where a server that is already known lists its models in no other way. Nothing is ever generated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tui_monitor.mapping import Says
from tui_monitor.model import ModelAnswer, clean

MAX_MODELS = 500


class Ask(Struct, frozen=True):
    """A question: below the base URL of one of the server's places, with the statuses that are an answer to it."""

    path: str
    method: str = "GET"
    body: bytes | None = None
    accept: tuple[int, ...] = (200,)
    place: str = "api"  # or a key of the kind's `places`
    timeout_s: float = 0.0  # 0: the target's; more for what is known to take long (only for lists of models: nothing waits for them)


class Page(Struct, frozen=True):
    """Where a page is by default; a port of 0 means the API's own."""

    port: int
    path: str
    also: tuple[str, ...] = ()  # where other versions of the server have it: tried when the first answers 404


class Sign(Struct, frozen=True):
    """What an unknown port gives away about itself: an answer to GET `path` with this body, status and header."""

    path: str
    body: str = ""  # a regular expression, searched in the first 64 kB
    status: tuple[int, ...] = (200,)
    header: tuple[str, str] = ("", "")  # name in lower case, regular expression searched in its value

    def fits(self, status: int | None, headers: Mapping[str, str], text: str) -> bool:
        """Whether an answer gives this kind away."""
        name, value = self.header
        return (
            status in self.status and (not name or re.search(value, headers.get(name, "")) is not None) and bool(re.search(self.body, text))
        )


def _no_models(_body: bytes) -> tuple[ModelAnswer, ...]:
    return ()


def _no_version(_body: bytes) -> str:
    return ""


def _no_name(_words: tuple[str, ...]) -> str:
    return ""


def _no_names(_words: tuple[str, ...]) -> tuple[str, ...]:
    return ()


def _no_ports(_words: tuple[str, ...], _folder: Path) -> dict[str, int]:
    return {}


def _is_200(status: int, _body: bytes) -> bool:
    return status == 200


def _as_listed(model: ModelAnswer, _status: int, _body: bytes) -> tuple[ModelAnswer, ...]:
    return (model,)


class Kind(Struct, frozen=True, kw_only=True):
    """A kind of server."""

    name: str
    says: Says
    api_port: int = 80
    places: dict[str, int] = {}  # further ports by default: management, dashboard ...; a configured or found URL stands in
    metrics: Page | None = None
    page_flag: str = ""  # where the page is switched off by default: "needs --metrics", told when it answers 404, 405 or 501
    ready: Ask | None = None
    read_ready: Callable[[int, bytes], bool] = _is_200  # of an accepted status and its body
    version: Ask | None = None
    read_version: Callable[[bytes], str] = _no_version  # raises ValueError when it is another format
    models: Ask | None = None
    read_models: Callable[[bytes], tuple[ModelAnswer, ...]] = _no_models  # raises ValueError when it is another format
    each: Callable[[ModelAnswer], Ask] | None = None  # a further question for each listed model, or for each known by name
    read_each: Callable[[ModelAnswer, int, bytes], tuple[ModelAnswer, ...]] = _as_listed  # its versions and states; may raise ValueError
    models_every_s: float = 10.0
    every_s: float = 0.0  # not asked more often than this: large pages, and those that change in steps

    process: str = ""  # a regular expression searched in a command line whose words are joined by blanks
    workers: str = ""  # the same for processes of it whose ports speak no HTTP
    port_flags: dict[str, str] = {}  # page ("api", "metrics", ...) -> the flag that moves it
    tls_flag: str = ""  # a word that begins so on the command line means https
    signs: tuple[Sign, ...] = ()  # how a port of an unknown process is recognised, the surest first
    families: tuple[str, ...] = ()  # beginnings of names on its metrics page
    read_name: Callable[[tuple[str, ...]], str] = _no_name  # the model's name from a command line
    read_names: Callable[[tuple[str, ...]], tuple[str, ...]] = _no_names  # names of models for `each`, where none can be listed
    find_ports: Callable[[tuple[str, ...], Path], dict[str, int]] = _no_ports  # place -> port, from files that the command line names


def fits(expression: str, words: tuple[str, ...]) -> bool:
    """Whether a kind's regular expression is found in a command line."""
    return bool(expression) and re.search(expression, " ".join(words)) is not None


def flag(words: tuple[str, ...], name: str) -> str:
    """The value of `--name=value` or `--name value` on a command line, or nothing."""
    for word, after in zip(words, (*words[1:], ""), strict=True):
        if word == name:
            return after
        if word.startswith(f"{name}="):
            return word[len(name) + 1 :]
    return ""


def base_name(model: str) -> str:
    """A model's path or repository name as people say it: `meta-llama/Llama-3-8B` is Llama-3-8B."""
    return clean(model.rstrip("/").rpartition("/")[2], 60)


def json_of(body: bytes) -> object:
    """A body as JSON, whatever its Content-Type claims.

    Raises:
        ValueError: when it is none.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("no JSON") from error


def list_of(found: object) -> list[object]:
    """A list of somebody's JSON.

    Raises:
        ValueError: when it is none.
    """
    if isinstance(found, list):
        return found
    raise ValueError("no list")


def text_of(found: object, limit: int = 120) -> str:
    """A string of somebody's JSON, fit for a screen; anything else is nothing."""
    return clean(found, limit) if isinstance(found, str | int | float) and not isinstance(found, bool) else ""
