"""Ollama: it has no metrics page, and tells which models are on disk and which are loaded.

A model that is not loaded is no fault: it is unloaded minutes after its last request and loaded with the next one. Asking for an empty
generation would load it, so that is never done. The runners that it starts for loaded models are its own business.
"""

from __future__ import annotations

from datetime import datetime

from tui_monitor.collect.servers.kind import MAX_MODELS, Ask, Kind, Sign, json_of, list_of, text_of
from tui_monitor.collect.servers.openai import read_version
from tui_monitor.mapping import Says
from tui_monitor.model import ModelAnswer
from tui_monitor.vocabulary import VOCABULARY

_FOR_GOOD = 2200  # a model that is kept for ever expires centuries from now
_COUNTED = (
    "request.",
    "error.",
    "reject.",
    "queue.",
    "batch.",
    "latency.",
    "token.",
    "ttft.",
    "itl.",
    "kv_cache.",
    "prefix_",
    "preemption.",
)


def _models_of(body: bytes) -> list[dict[object, object]]:
    answer = json_of(body)
    found = list_of(answer.get("models") if isinstance(answer, dict) else None)
    return [one for one in found[:MAX_MODELS] if isinstance(one, dict)]


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`/api/tags`: what is on disk, or runs elsewhere under its name.

    Raises:
        ValueError: when it is another format.
    """
    models = []
    for one in _models_of(body):
        host = text_of(one.get("remote_host"))
        version = text_of(one.get("digest"))[:12]
        if name := text_of(one.get("name")):
            where = (f"runs at {host}", "READY") if host else ("on disk, loaded with its next request", "UNLOADED")
            models.append(ModelAnswer(name, version, where[1], where[0]))
    return tuple(models)


def read_loaded(model: ModelAnswer, status: int, body: bytes) -> tuple[ModelAnswer, ...]:
    """`/api/ps`: whether a model is among the loaded ones, how much memory of which kind it uses, and until when.

    Raises:
        ValueError: when it is another format.
    """
    for one in _models_of(body) if status == 200 else ():
        if text_of(one.get("name")) == model.name:
            parts = [_memory(one.get("size"), one.get("size_vram")), _until(text_of(one.get("expires_at"), 60))]
            return (ModelAnswer(model.name, model.version, "READY", ", ".join(("loaded", *filter(None, parts)))),)
    return (model,)


def _memory(size: object, on_gpu: object) -> str:
    if not isinstance(size, int) or not isinstance(on_gpu, int) or size <= 0:
        return ""
    if on_gpu <= 0:
        return f"uses {_bytes(size)} of memory, none of it on a GPU"
    return f"uses {_bytes(on_gpu)} of GPU memory" + (f" ({on_gpu / size:.0%} of it)" if on_gpu < size else "")


def _bytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 // 10 else f"{count / 2**20:.0f} MiB"


def _until(expires: str) -> str:
    """In the server's own clock and time zone, as it writes it."""
    try:
        at = datetime.fromisoformat(expires)
    except ValueError:
        return ""
    if at.year < 2000:  # in use, or being loaded
        return ""
    return "until it is told to go" if at.year >= _FOR_GOOD else f"until {at:%H:%M}"


OLLAMA = Kind(
    name="ollama",
    api_port=11434,
    ready=Ask("/api/version", accept=(200, 500, 503)),
    version=Ask("/api/version"),
    read_version=read_version,
    models=Ask("/api/tags"),
    read_models=read_models,
    each=lambda _model: Ask("/api/ps"),
    read_each=read_loaded,
    every_s=5.0,  # it writes a line for every question
    process=r"^(\S*/)?ollama (serve|start)( |$)",
    workers=r"^(\S*/)?ollama(_llama_server| runner)( |$)|/ollama/\S*llama-server( |$)",
    signs=(Sign("/", r"^Ollama is running"), Sign("/v1/models", r'"owned_by"\s*:\s*"library"')),
    says=Says(
        measures={}, waiting=(), cannot=dict.fromkeys((key for key in VOCABULARY if key.startswith(_COUNTED)), "Ollama has no metrics page")
    ),
)
