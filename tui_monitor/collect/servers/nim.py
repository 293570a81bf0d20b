"""NVIDIA NIM for language models, 1.x and 2.x.

The page is under `/v1/metrics`. 1.x tells vLLM's names without their prefix and counts failures itself, in which it includes every finish
that is neither `stop` nor `length`: clients that hung up too. 2.x is vLLM behind NIM's own routes, with vLLM's names. NIMs of other kinds
(embedding, vision, speech) are Triton inside and tell `nv_*`.
"""

from __future__ import annotations

from tui_monitor.collect.servers.kind import Ask, Kind, Page, json_of, text_of
from tui_monitor.collect.servers.openai import read_models, served_name
from tui_monitor.mapping import Says, SignalSource, first, latest, mean, per, quantiles, rate, total


def _both(*names: str) -> tuple[str, ...]:
    """The names of 2.x and of 1.x."""
    return tuple(prefix + name for name in names for prefix in ("vllm:", ""))


_ended = total("vllm:request_success_total")  # of 2.x: all that ended, by reason
_broken = total("vllm:request_success_total", where={"finished_reason": "error"})
_failed = total("request_failure_total")
_finished = total("request_success_total") + _failed
_prompt = total(*_both("prompt_tokens_total"))
_generated = total(*_both("generation_tokens_total"))
_hits = total("vllm:prefix_cache_hits_total")
_queries = total("vllm:prefix_cache_queries_total")
_itl = _both("inter_token_latency_seconds", "time_per_output_token_seconds")


def _signals() -> tuple[SignalSource, ...]:
    families = {"request_prompt_tokens": "input", "request_generation_tokens": "output", "time_to_first_token_seconds": "latency"}
    families |= dict.fromkeys(("inter_token_latency_seconds", "time_per_output_token_seconds", "e2e_request_latency_seconds"), "latency")
    counted = [SignalSource(name, role) for family, role in families.items() for name in _both(family)]
    ends = [SignalSource(name, "output", label="finished_reason") for name in ("vllm:request_success_total", "request_finish_total")]
    return (*counted, *ends)


def read_version(body: bytes) -> str:
    """`/v1/version`: `{"release": "1.8.0", "api": "1.0.0"}`.

    Raises:
        ValueError: when it is no JSON.
    """
    answer = json_of(body)
    return text_of(answer.get("release"), 40) if isinstance(answer, dict) else ""


def read_name(words: tuple[str, ...]) -> str:
    """The served name of a command line; most are started by environment variables only."""
    return served_name(words, "--served-model-name", "--model")


NIM = Kind(
    name="nim",
    api_port=8000,
    metrics=Page(0, "/v1/metrics", also=("/metrics",)),
    ready=Ask("/v1/health/ready", accept=(200, 400, 500, 503)),
    version=Ask("/v1/version"),
    read_version=read_version,
    models=Ask("/v1/models"),
    read_models=read_models,
    process=r"-m (nim_llm_sdk|vllm_nvext)\.entrypoints\.(launch|openai\.api_server)( |$)|(^|[ /])nim-(serve|run)( |$)",
    workers=r"^VLLM::|multiprocessing\.(spawn|forkserver|resource_tracker)",
    port_flags={"api": "--port"},
    tls_flag="--ssl-certfile",
    families=("num_request_max",),  # the one name that is its own; 2.x answers like the vLLM that it is
    read_name=read_name,
    says=Says(
        measures={
            "request.rate": first(rate(_ended), rate(_finished)),
            "error.rate": first(rate(_broken), rate(_failed)),
            "error.ratio": first(per(rate(_broken), rate(_ended)), per(rate(_failed), rate(_finished))),
            "reject.rate": rate(total("vllm:admission_rejections_total")),
            "request.running": latest(*_both("num_requests_running")),
            "queue.length": latest(*_both("num_requests_waiting")),
            "queue.time.mean": mean("vllm:request_queue_time_seconds"),
            **quantiles("latency", *_both("e2e_request_latency_seconds")),
            "token.rate.generated": rate(_generated),
            "token.rate.prompt": rate(_prompt),
            **quantiles("ttft", *_both("time_to_first_token_seconds")),
            **quantiles("itl", *_itl),
            "kv_cache.used": latest("vllm:kv_cache_usage_perc", *_both("gpu_cache_usage_perc"), worst=True),
            "prefix_cache.hit_ratio": per(rate(_hits), rate(_queries)),
            "preemption.rate": rate(total("vllm:num_preemptions_total")),
        },
        by=("model_name",),
        needs=dict.fromkeys(("reject.rate", "queue.time.mean", "prefix_cache.hit_ratio", "preemption.rate"), "counted from NIM 2.0 on"),
        cannot={"batch.size.mean": "does not count batches; request.running is what runs together"},
        signals=_signals(),
        progress=_generated + _prompt + total(*_both("request_success_total")),
    ),
)
