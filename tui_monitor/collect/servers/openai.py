"""`GET /v1/models` as servers with OpenAI's API answer it, and the served name on their command lines."""

from __future__ import annotations

from tui_monitor.collect.servers.kind import MAX_MODELS, base_name, flag, json_of, list_of, text_of
from tui_monitor.model import ModelAnswer


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """Base models and adapters. What is listed is loaded; there is no other state. An adapter names its base as `parent`.

    Raises:
        ValueError: when it is another format.
    """
    models = []
    for one in listed(body)[:MAX_MODELS]:
        name, parent = text_of(one.get("id")), text_of(one.get("parent"))
        if name:
            models.append(ModelAnswer(name, state="READY", why=f"adapter of {parent}" if parent and parent != name else ""))
    return tuple(models)


def listed(body: bytes) -> list[dict[object, object]]:
    """The entries of the list.

    Raises:
        ValueError: when it is another format.
    """
    answer = json_of(body)
    return [one for one in list_of(answer.get("data") if isinstance(answer, dict) else None) if isinstance(one, dict)]


def read_version(body: bytes) -> str:
    """`{"version": "0.32.0"}`, whatever else stands there.

    Raises:
        ValueError: when it is no JSON.
    """
    answer = json_of(body)
    return text_of(answer.get("version"), 40) if isinstance(answer, dict) else ""


def served_name(words: tuple[str, ...], *flags: str, after: str = "") -> str:
    """The value of the first of `flags` on a command line, or the first word behind `after` that is no flag."""
    model = next((value for name in flags if (value := flag(words, name))), "")
    if not model and after and after in words:
        model = next((word for word in words[words.index(after) + 1 :] if not word.startswith("-")), "")
    return base_name(model)
