"""vLLM's OpenAI-compatible server, 0.6 and newer, and whatever speaks its metric names.

All times are seconds, `kv_cache_usage_perc` is 0..1 whatever its name says, and names moved between versions: alternatives stand newest
first. Requests still running are in no latency histogram, so under a jam latency looks fine while the queue grows. The engine counts
requests that failed in it by `finished_reason`; 5xx answers are counted by the HTTP layer, in classes. An answer that fails before its
first byte may be in both.
"""

from __future__ import annotations

from tui_monitor.collect.servers.kind import MAX_MODELS, Ask, Kind, Page, Sign, base_name, flag, json_of, list_of, text_of
from tui_monitor.mapping import Says, SignalSource, latest, mean, per, quantiles, rate, total
from tui_monitor.model import ModelAnswer

_finished = total("vllm:request_success_total")
_failed = total("vllm:request_success_total", where={"finished_reason": "error"})
_broken = total("http_requests_total", where={"handler": "/v1/.*", "status": "5.."}, optional=True)
_prompt = total("vllm:prompt_tokens_total")
_generated = total("vllm:generation_tokens_total")
_hits = total("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total")
_queries = total("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total")


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`/v1/models`: base model and adapters. What is listed is loaded; there is no other state."""
    answer = json_of(body)
    listed = list_of(answer.get("data") if isinstance(answer, dict) else None)
    names = [text_of(one.get("id")) for one in listed[:MAX_MODELS] if isinstance(one, dict)]
    return tuple(ModelAnswer(name, state="READY") for name in names if name)


def read_version(body: bytes) -> str:
    """`{"version": "0.32.0"}`."""
    answer = json_of(body)
    return text_of(answer.get("version"), 40) if isinstance(answer, dict) else ""


def read_name(words: tuple[str, ...]) -> str:
    """The served name of a command line: `--served-model-name`, `--model`, or the word after `serve`."""
    model = flag(words, "--served-model-name") or flag(words, "--model")
    if not model and "serve" in words:
        model = next((word for word in words[words.index("serve") + 1 :] if not word.startswith("-")), "")
    return base_name(model)


VLLM = Kind(
    name="vllm",
    api_port=8000,
    metrics=Page(0, "/metrics"),
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
        measures={
            "request.rate": rate(_finished + _broken),
            "error.rate": rate(_failed + _broken),
            "error.ratio": per(rate(_failed + _broken), rate(_finished + _broken)),
            "reject.rate": rate(total("vllm:admission_rejections_total")),
            "request.running": latest("vllm:num_requests_running"),
            "queue.length": latest("vllm:num_requests_waiting"),
            "queue.time.mean": mean("vllm:request_queue_time_seconds", "vllm:time_in_queue_requests"),
            **quantiles("latency", "vllm:e2e_request_latency_seconds"),
            "token.rate.generated": rate(_generated),
            "token.rate.prompt": rate(_prompt),
            **quantiles("ttft", "vllm:time_to_first_token_seconds"),
            **quantiles("itl", "vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"),
            "kv_cache.used": latest("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", worst=True),
            "prefix_cache.hit_ratio": per(rate(_hits), rate(_queries)),
            "preemption.rate": rate(total("vllm:num_preemptions_total")),
        },
        by=("model_name",),  # engines (data-parallel ranks) of a model are summed
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
