"""LMDeploy's API server, 0.9.2 and newer.

The names are vLLM's under its own prefix. 0.9.2 counted every generated token twice in `generation_tokens_total` and cannot be told from the
others, so generated tokens are taken from the histogram of finished requests, which is right in all: they are counted when a request ends.
Requests are counted by how they ended since 0.10; before, they are the observations of the latency histogram, and errors are not counted.
"""

from __future__ import annotations

from tui_monitor.collect.servers.kind import Ask, Kind, Page, Sign
from tui_monitor.collect.servers.openai import read_models, served_name
from tui_monitor.mapping import Latest, Says, SignalSource, latest, mean, per, quantiles, rate, total

_ENDED = "lmdeploy:request_success_total"  # whatever it is called: one series for each way to end
_ERRORS = r"(ResponseType\.)?(ENGINE_STOP_ERROR|HANDLER_NOT_EXIST|INTERNAL_ENGINE_ERROR|PREFIX_CACHE_CONFLICT|OUT_OF_MEMORY)"

_finished = total(_ENDED, "lmdeploy:e2e_request_latency_seconds_count")
_failed = total(_ENDED, where={"finished_reason": _ERRORS})
_prompt = total("lmdeploy:prompt_tokens_total")
_newer = "counted by newer versions"


def read_name(words: tuple[str, ...]) -> str:
    """The served name of a command line: `--model-name`, or the word after `api_server`."""
    return served_name(words, "--model-name", after="api_server")


LMDEPLOY = Kind(
    name="lmdeploy",
    api_port=23333,
    metrics=Page(0, "/metrics"),
    page_flag="needs a start without --disable-metrics (before 0.11: with --enable-metrics)",
    ready=Ask("/health", accept=(200, 500, 503)),
    models=Ask("/v1/models"),
    read_models=read_models,
    process=r"(^|[ /])lmdeploy serve api_server( |$)|-m lmdeploy\.serve\.openai\.(api_server|launch_server)( |$)|/lmdeploy/serve/openai/api_server\.py",
    workers=r"^ray::|multiprocessing\.(spawn|forkserver|resource_tracker)",
    port_flags={"api": "--server-port"},
    tls_flag="--ssl",
    signs=(Sign("/v1/models", r'"owned_by"\s*:\s*"lmdeploy"'),),
    families=("lmdeploy:",),
    read_name=read_name,
    says=Says(
        measures={
            "request.rate": rate(_finished),
            "error.rate": rate(_failed),
            "error.ratio": per(rate(_failed), rate(_finished)),
            "reject.rate": rate(total(_ENDED, where={"finished_reason": r"(ResponseType\.)?NO_QUEUE"})),
            "request.running": latest("lmdeploy:num_requests_running"),
            "queue.length": Latest(total("lmdeploy:num_requests_waiting") + total("lmdeploy:num_api_requests_waiting", optional=True)),
            "queue.time.mean": mean("lmdeploy:request_queue_time_seconds"),
            **quantiles("latency", "lmdeploy:e2e_request_latency_seconds"),
            "token.rate.generated": rate(total("lmdeploy:request_generation_tokens_sum")),
            "token.rate.prompt": rate(_prompt),
            **quantiles("ttft", "lmdeploy:time_to_first_token_seconds"),
            **quantiles("itl", "lmdeploy:time_per_output_token_seconds", "lmdeploy:iter_token_latency"),
            "kv_cache.used": latest("lmdeploy:gpu_cache_usage_perc", worst=True),
            "prefix_cache.hit_ratio": per(rate(total("lmdeploy:cached_tokens_total")), rate(_prompt)),
        },
        by=("model_name",),  # engines (data-parallel ranks) of a model are summed
        needs=dict.fromkeys(("error.rate", "error.ratio", "reject.rate", "prefix_cache.hit_ratio"), _newer),
        cannot={
            "batch.size.mean": "counts tokens of a step, not requests; request.running is what runs together",
            "preemption.rate": "not counted by this server",
        },
        signals=(
            SignalSource("lmdeploy:request_prompt_tokens", "input"),
            SignalSource("lmdeploy:request_generation_tokens", "output"),
            SignalSource(_ENDED, "output", label="finished_reason"),
            SignalSource("lmdeploy:time_to_first_token_seconds", "latency"),
            SignalSource("lmdeploy:time_per_output_token_seconds", "latency"),
            SignalSource("lmdeploy:e2e_request_latency_seconds", "latency"),
        ),
        progress=_finished + _prompt + total("lmdeploy:generation_tokens_total"),
    ),
)
