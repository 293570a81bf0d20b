"""vLLM's OpenAI-compatible server, 0.6 and newer, and whatever speaks its metric names.

All times are seconds, `kv_cache_usage_perc` is 0..1 whatever its name says, and names moved between versions: alternatives stand newest
first. Requests still running are in no latency histogram, so under a jam latency looks fine while the queue grows. The engine counts
requests that failed in it by `finished_reason`; 5xx answers are counted by the HTTP layer, in classes. An answer that fails before its
first byte may be in both. Under Ray Serve the same families stand on Ray's page, with `ray_` before them and without the colon in newer ones.
"""

from __future__ import annotations

from tui_monitor.collect.servers.kind import Ask, Kind, Page, Sign
from tui_monitor.collect.servers.openai import read_models, read_version, served_name
from tui_monitor.mapping import Measure, Says, SignalSource, latest, mean, per, quantiles, rate, total


def _named(*names: str) -> tuple[str, ...]:
    """A family's names, newest first, as vLLM and as Ray expose them."""
    return tuple(prefix + name for prefix in ("vllm:", "ray_vllm_", "ray_vllm:") for name in names)


_finished = total(*_named("request_success_total"))
_failed = total(*_named("request_success_total"), where={"finished_reason": "error"})
_broken = total("http_requests_total", where={"handler": "/v1/.*", "status": "5.."}, optional=True)
_prompt = total(*_named("prompt_tokens_total"))
_generated = total(*_named("generation_tokens_total"))
_hits = total(*_named("prefix_cache_hits_total", "gpu_prefix_cache_hits_total"))
_queries = total(*_named("prefix_cache_queries_total", "gpu_prefix_cache_queries_total"))
_silenced = "needs a start without --disable-log-stats"


def read_name(words: tuple[str, ...]) -> str:
    """The served name of a command line: `--served-model-name`, `--model`, or the word after `serve`."""
    return served_name(words, "--served-model-name", "--model", after="serve")


_measures: dict[str, Measure] = {
    "request.rate": rate(_finished + _broken),
    "error.rate": rate(_failed + _broken),
    "error.ratio": per(rate(_failed + _broken), rate(_finished + _broken)),
    "reject.rate": rate(total(*_named("admission_rejections_total"))),
    "request.running": latest(*_named("num_requests_running")),
    "queue.length": latest(*_named("num_requests_waiting")),
    "queue.time.mean": mean(*_named("request_queue_time_seconds", "time_in_queue_requests")),
    **quantiles("latency", *_named("e2e_request_latency_seconds")),
    "token.rate.generated": rate(_generated),
    "token.rate.prompt": rate(_prompt),
    **quantiles("ttft", *_named("time_to_first_token_seconds")),
    **quantiles("itl", *_named("inter_token_latency_seconds", "time_per_output_token_seconds")),
    "kv_cache.used": latest(*_named("kv_cache_usage_perc", "gpu_cache_usage_perc"), worst=True),
    "prefix_cache.hit_ratio": per(rate(_hits), rate(_queries)),
    "preemption.rate": rate(total(*_named("num_preemptions_total"))),
}

VLLM = Kind(
    name="vllm",
    api_port=8000,
    metrics=Page(0, "/metrics", also=("/v1/metrics",)),  # behind NIM's routes
    ready=Ask("/health", accept=(200, 500, 503)),
    version=Ask("/version"),
    read_version=read_version,
    models=Ask("/v1/models"),
    read_models=read_models,
    process=r"(^|[ /])vllm serve( |$)|-m vllm\.entrypoints\.(openai\.api_server|api_server|cli\.main serve)|/vllm/entrypoints/(openai/)?api_server\.py",
    workers=r"^VLLM::|vllm\.worker|multiprocessing\.(spawn|forkserver|resource_tracker)",
    port_flags={"api": "--port"},
    tls_flag="--ssl-certfile",
    signs=(Sign("/v1/models", r'"owned_by"\s*:\s*"vllm"'),),
    families=("vllm:",),
    read_name=read_name,
    says=Says(
        measures=_measures,
        by=("model_name",),  # engines (data-parallel ranks) of a model are summed
        needs=dict.fromkeys(_measures, _silenced) | dict.fromkeys(("reject.rate", "prefix_cache.hit_ratio"), "counted by newer versions"),
        cannot={"batch.size.mean": "counts tokens of a step, not requests; request.running is what runs together"},
        signals=(
            SignalSource("vllm:request_prompt_tokens", "input"),
            SignalSource("vllm:request_generation_tokens", "output"),
            SignalSource("vllm:request_success_total", "output", label="finished_reason"),
            SignalSource("vllm:time_to_first_token_seconds", "latency"),
            SignalSource("vllm:inter_token_latency_seconds", "latency"),
            SignalSource("vllm:time_per_output_token_seconds", "latency"),  # the name of inter_token_latency up to 0.10
            SignalSource("vllm:e2e_request_latency_seconds", "latency"),
        ),
        progress=_generated + _prompt + _finished,
    ),
)
