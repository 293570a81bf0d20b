"""What a kind of model server is, as data: how it is recognised, where its pages are, what to ask, and what its names mean.

A new kind is one file that fills a `Kind`, a line in `registry`, and its captured pages in the tests. Questions only ever read: GET
everywhere, and a POST only where a server that is already known lists its models in no other way. Nothing is ever generated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

import msgspec
from msgspec import Struct

from tui_monitor.mapping import Says
from tui_monitor.model import ModelAnswer, clean

MAX_MODELS = 500


class Ask(Struct, frozen=True):
    """A question: below the API's base URL, with the statuses that are an answer to it."""

    path: str
    method: str = "GET"
    body: bytes | None = None
    accept: tuple[int, ...] = (200,)


class Page(Struct, frozen=True):
    """Where a page is by default; a port of 0 means the API's own."""

    port: int
    path: str


class Sign(Struct, frozen=True):
    """What an unknown port gives away about itself: an answer to GET `path` whose body fits `body`."""

    path: str
    body: str  # a regular expression, searched in the first 64 kB of an answer of 200


def _no_models(_body: bytes) -> tuple[ModelAnswer, ...]:
    return ()


def _no_version(_body: bytes) -> str:
    return ""


def _no_name(_words: tuple[str, ...]) -> str:
    return ""


class ServerKind(Protocol):
    """What the rest of the program knows of a kind. `Kind` is it; whatever has these attributes would do."""

    @property
    def name(self) -> str:
        """As in the configuration."""

    @property
    def says(self) -> Says:
        """What its page says in the vocabulary."""

    @property
    def metrics(self) -> Page | None:
        """Its metrics page."""

    @property
    def api_port(self) -> int:
        """Of its API, by default."""

    @property
    def ready(self) -> Ask | None:
        """200 means ready; other accepted statuses mean that it is there and not ready."""

    @property
    def version(self) -> Ask | None:
        """Whose answer `read_version` reads."""

    @property
    def models(self) -> Ask | None:
        """Whose answer `read_models` reads."""

    @property
    def read_version(self) -> Callable[[bytes], str]:
        """Of the body of the version's answer; raises ValueError when it is another format."""

    @property
    def read_models(self) -> Callable[[bytes], tuple[ModelAnswer, ...]]:
        """Of the body of the models' answer; raises ValueError when it is another format."""


class Kind(Struct, frozen=True, kw_only=True):
    """A kind of server."""

    name: str
    says: Says
    api_port: int = 80
    metrics: Page | None = None
    ready: Ask | None = None
    version: Ask | None = None
    read_version: Callable[[bytes], str] = _no_version
    models: Ask | None = None
    read_models: Callable[[bytes], tuple[ModelAnswer, ...]] = _no_models

    process: str = ""  # a regular expression searched in a command line whose words are joined by blanks
    workers: str = ""  # the same for processes of it whose ports speak no HTTP
    port_flags: dict[str, str] = {}  # page ("api", "metrics", ...) -> the flag that moves it
    tls_flag: str = ""  # a word that begins so on the command line means https
    signs: tuple[Sign, ...] = ()  # how a port of an unknown process is recognised, the surest first
    families: tuple[str, ...] = ()  # beginnings of names on its metrics page
    read_name: Callable[[tuple[str, ...]], str] = _no_name  # the model's name from a command line


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
