"""llama.cpp's `llama-server`; its page is off by default.

No request, no error and no time of a request is counted: a broken request is a 500 that leaves no trace. Tokens are counted when a request
ends, decode steps as they happen. The page's own averages start anew with every reading of it by anybody, so only its counters are read. The
page is answered by the same queue as requests and may be late under a long prompt. Names of models in requests are ignored; a router of
several models lists each with its state. While the weights load, everything is answered with 503.
"""

from __future__ import annotations

from tui_monitor.collect.servers.kind import MAX_MODELS, Ask, Kind, Page, Sign, json_of, text_of
from tui_monitor.collect.servers.openai import listed, served_name
from tui_monitor.mapping import Says, latest, per, rate, total
from tui_monitor.model import ModelAnswer

_generated = total("llamacpp:tokens_predicted_total")
_cached = total("llamacpp:prompt_tokens_cached_total")
_cached_if_told = total("llamacpp:prompt_tokens_cached_total", optional=True)
_computed = total("llamacpp:prompt_tokens_total")  # without those from the cache

_STATES = {"loaded": "READY", "loading": "LOADING", "unloaded": "UNLOADED", "sleeping": "SLEEPING"}
_no_requests = "counts tokens, not requests"
_mean_only = "only the mean is told"


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`/v1/models`: the one model, or a router's with their states.

    Raises:
        ValueError: when it is another format.
    """
    models = []
    for one in listed(body)[:MAX_MODELS]:
        status = one.get("status")
        told = status if isinstance(status, dict) else {"value": "loaded"}
        word, failed = text_of(told.get("value"), 20), told.get("failed") is True
        code = text_of(told.get("exit_code"), 12)
        why = f"its process ended with code {code or 'unknown'}" if failed else ""
        if name := text_of(one.get("id")):
            models.append(ModelAnswer(name, state="FAILED" if failed else _STATES.get(word, word.upper()), why=why))
    return tuple(models)


def read_version(body: bytes) -> str:
    """`/props`: `build_info`, like `b10434-7e4c0a9`.

    Raises:
        ValueError: when it is no JSON.
    """
    answer = json_of(body)
    return text_of(answer.get("build_info"), 40) if isinstance(answer, dict) else ""


def read_name(words: tuple[str, ...]) -> str:
    """The model's name on a command line: its alias, else its file or repository."""
    return served_name(words, "--alias", "-a", "--model", "-m", "--hf-repo", "-hf", "-hfr").removesuffix(".gguf")


LLAMA_SERVER = Kind(
    name="llama-server",
    api_port=8080,
    metrics=Page(0, "/metrics"),
    page_flag="needs --metrics",
    ready=Ask("/health", accept=(200, 500, 503)),
    version=Ask("/props"),
    read_version=read_version,
    models=Ask("/v1/models"),
    read_models=read_models,
    process=r"^(?!\S*/ollama/)(\S*/)?llama-server( |$)",  # Ollama runs one of its own for each loaded model
    port_flags={"api": "--port"},
    tls_flag="--ssl-cert-file",
    signs=(
        Sign("/v1/models", status=(200, 401, 403, 404, 500, 503), header=("server", r"^llama\.cpp")),
        Sign("/v1/models", r'"owned_by"\s*:\s*"llamacpp"'),
    ),
    families=("llamacpp:",),
    read_name=read_name,
    says=Says(
        measures={
            "request.running": latest("llamacpp:requests_processing"),
            "queue.length": latest("llamacpp:requests_deferred"),
            "token.rate.generated": rate(_generated),
            "token.rate.prompt": rate(_computed + _cached_if_told),
            "itl.mean": per(rate(total("llamacpp:tokens_predicted_seconds_total")), rate(_generated)),
            "kv_cache.used": latest("llamacpp:kv_cache_usage_ratio", worst=True),
            "prefix_cache.hit_ratio": per(rate(_cached), rate(_computed + _cached)),
        },
        needs={"kv_cache.used": "told by versions before mid-2025 only", "prefix_cache.hit_ratio": "counted by newer versions"},
        cannot={
            **dict.fromkeys(("request.rate", "error.rate", "error.ratio", "reject.rate"), "not counted by this server"),
            **dict.fromkeys(("latency.mean", "latency.p50", "latency.p95", "latency.p99", "queue.time.mean"), _no_requests),
            **dict.fromkeys(("ttft.mean", "ttft.p50", "ttft.p95", "ttft.p99"), _no_requests),
            **dict.fromkeys(("itl.p50", "itl.p95", "itl.p99"), _mean_only),
            "batch.size.mean": "tells only the mean since its start",
            "preemption.rate": "not counted by this server",
        },
        progress=_generated + _computed + _cached_if_told + total("llamacpp:n_decode_total", optional=True),
    ),
)
