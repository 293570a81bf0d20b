"""Hugging Face Text Generation Inference, 1.0 to 3.x.

Times are seconds without a unit in their names, counters have no `_total`, and no series names the model. A family appears with its first
event. Durations are histograms; versions before 1.0 told summaries of them, whose quantiles are read where there are no buckets. A request
that failed is counted by its reason: a full queue and bad input are told apart from what failed in the server. The time between tokens is
told as each request's mean. `/health` makes the shards generate a token until one request has succeeded, as any probe of it does.
"""

from __future__ import annotations

from tui_monitor.collect.servers.kind import Ask, Kind, Page, Sign, json_of, text_of
from tui_monitor.collect.servers.openai import read_version, served_name
from tui_monitor.mapping import Measure, Says, SignalSource, first, latest, mean, quantile, rate, total
from tui_monitor.mapping import per as ratio
from tui_monitor.model import ModelAnswer

_NOT_ITS_FAULT = "validation|template|overloaded|dropped"  # bad input, a full queue, a client that hung up

_succeeded = total("tgi_request_success", optional=True)
_failed = total("tgi_request_failure", unless={"err": _NOT_ITS_FAULT}, optional=True)
_generated = total("tgi_request_generated_tokens_sum", optional=True)
_first_request = "counted from its first request on"
_evened = "each request's mean is counted: longer gaps within an answer are evened out"


def _times(key: str, family: str) -> dict[str, Measure]:
    """Mean and quantiles of a duration, from buckets or from a summary."""
    parts: dict[str, Measure] = {f"{key}.mean": mean(family)}
    for q in (0.5, 0.95, 0.99):
        parts[f"{key}.p{round(q * 100)}"] = first(quantile(q, family), latest(family, worst=True, where={"quantile": f"{q:g}"}))
    return parts


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`/info`: the one model, with the revision it was loaded from.

    Raises:
        ValueError: when it is no JSON.
    """
    answer = json_of(body)
    name = text_of(answer.get("model_id")) if isinstance(answer, dict) else ""
    if not isinstance(answer, dict) or not name:
        raise ValueError("no model_id")
    return (ModelAnswer(name, text_of(answer.get("model_sha"))[:8], "READY"),)


def read_name(words: tuple[str, ...]) -> str:
    """The model of a command line."""
    return served_name(words, "--model-id", "--served-model-name", "--tokenizer-name")


_measures: dict[str, Measure] = {
    "request.rate": rate(_succeeded + _failed),
    "error.rate": rate(_failed),
    "error.ratio": ratio(rate(_failed), rate(_succeeded + _failed)),
    "reject.rate": rate(total("tgi_request_failure", where={"err": "overloaded"}, optional=True)),
    "request.running": latest("tgi_batch_current_size"),
    "queue.length": latest("tgi_queue_size"),
    "queue.time.mean": mean("tgi_request_queue_duration"),
    **_times("latency", "tgi_request_duration"),
    "token.rate.generated": rate(_generated),
    "token.rate.prompt": rate(total("tgi_request_input_length_sum", optional=True)),
    **_times("itl", "tgi_request_mean_time_per_token_duration"),
}

TGI = Kind(
    name="tgi",
    api_port=3000,
    metrics=Page(0, "/metrics"),
    ready=Ask("/health", accept=(200, 503)),
    version=Ask("/info"),
    read_version=read_version,
    models=Ask("/info"),
    read_models=read_models,
    process=r"^(\S*/)?text-generation-(launcher|router(-\w+)?|backends-trtllm)( |$)",
    workers=r"text-generation-server",  # the shards; they speak gRPC on sockets of the file system
    port_flags={"api": "--port"},
    signs=(Sign("/info", r'"router"\s*:\s*"text-generation-router'),),
    families=("tgi_",),
    read_name=read_name,
    says=Says(
        measures=_measures,
        needs=dict.fromkeys(_measures, _first_request),
        cannot={
            "batch.size.mean": "counts batches before they are joined; request.running is what runs together",
            **dict.fromkeys(("ttft.mean", "ttft.p50", "ttft.p95", "ttft.p99"), "does not tell when the first token came"),
            **dict.fromkeys(("kv_cache.used", "prefix_cache.hit_ratio", "preemption.rate"), "not counted by this server"),
        },
        at_least={"itl.p95": _evened, "itl.p99": _evened},
        signals=(
            SignalSource("tgi_request_input_length", "input"),
            SignalSource("tgi_request_generated_tokens", "output"),
            SignalSource("tgi_request_duration", "latency"),
            SignalSource("tgi_request_mean_time_per_token_duration", "latency"),
        ),
        progress=_succeeded + total("tgi_batch_inference_success", optional=True) + _generated,
    ),
)
