"""SGLang, 0.4 and newer; its page is off by default.

Every rank may tell the gauges of the same requests: ranks of tensor and pipeline parallelism are copies, data-parallel ranks are others.
With priority scheduling each gauge has a series for every priority beside the total, whose `priority` is empty. Requests and tokens are
counted when a request ends; between two tokens the histogram of gaps grows. `/health` generates a token unless that is switched off,
so readiness is asked of the list of models instead. Answers of the HTTP layer are counted by status since 0.4.10; 503 there is a full queue.
"""

from __future__ import annotations

from tui_monitor.collect.servers.kind import Ask, Kind, Page, Sign
from tui_monitor.collect.servers.openai import read_models, read_version, served_name
from tui_monitor.mapping import Latest, Says, SignalSource, Sum, first, latest, mean, per, quantiles, rate, total

_COPIES = ("tp_rank", "pp_rank", "moe_ep_rank", "pid")
_OWN_ROUTES = r"/metrics.*|/health.*|/ping|/v1/models.*|/(get_)?(model|server)_info|/(v1/)?(get_)?loads?|Unknown"
_itl = ("sglang:inter_token_latency_seconds", "sglang:time_per_output_token_seconds")

_finished = total("sglang:num_requests_total", "sglang:e2e_request_latency_seconds_count", optional=True)
_prompt = total("sglang:prompt_tokens_total", optional=True)
_generated = total("sglang:generation_tokens_total", optional=True)


def _answers(status: str, *, optional: bool = False) -> Sum:
    """Answers of the API with such a status."""
    unless = {"endpoint": _OWN_ROUTES}
    return total("sglang:http_responses_total", where={"status_code": status}, unless=unless, optional=optional)


def _gauge(name: str, *, optional: bool = False) -> Sum:
    """A gauge of all priorities together."""
    return total(f"sglang:{name}", where={"priority": ""}, optional=optional)


_BROKEN = "5(?!03).."
_first_request = "counted from its first request on"
_late = "an answer that fails while it streams is not counted"


def read_name(words: tuple[str, ...]) -> str:
    """The served name of a command line."""
    return served_name(words, "--served-model-name", "--model-path", "--model")


SGLANG = Kind(
    name="sglang",
    api_port=30000,
    metrics=Page(0, "/metrics"),
    page_flag="needs --enable-metrics",
    ready=Ask("/v1/models", accept=(200, 500, 503)),
    version=Ask("/get_server_info", accept=(200, 404)),  # the only route that tells it; it also holds the whole configuration
    read_version=read_version,
    models=Ask("/v1/models"),
    read_models=read_models,
    process=r"-m sglang\.launch_server( |$)|/sglang/launch_server\.py( |$)|(^|[ /])sglang serve( |$)",
    workers=r"^sglang::|multiprocessing\.(spawn|forkserver|resource_tracker)",
    port_flags={"api": "--port"},
    tls_flag="--ssl-certfile",
    signs=(Sign("/v1/models", r'"owned_by"\s*:\s*"sglang"'),),
    families=("sglang:",),
    read_name=read_name,
    says=Says(
        measures={
            "request.rate": rate(_finished + _answers(_BROKEN, optional=True)),
            "error.rate": rate(_answers(_BROKEN)),
            "error.ratio": per(rate(_answers(_BROKEN)), rate(_finished + _answers(_BROKEN))),
            "reject.rate": rate(_answers("429|503")),
            "request.running": Latest(_gauge("num_running_reqs"), copies=_COPIES),
            "queue.length": Latest(
                _gauge("num_queue_reqs")
                + _gauge("num_grammar_queue_reqs", optional=True)
                + _gauge("num_prefill_prealloc_queue_reqs", optional=True)
                + _gauge("num_prefill_bootstrap_queue_reqs", optional=True)
                + _gauge("num_prefill_inflight_queue_reqs", optional=True)
                + _gauge("num_decode_prealloc_queue_reqs", optional=True)
                + _gauge("num_decode_transfer_queue_reqs", optional=True),
                copies=_COPIES,
            ),
            "queue.time.mean": first(mean("sglang:queue_time_seconds"), latest("sglang:avg_request_queue_latency", worst=True)),
            **quantiles("latency", "sglang:e2e_request_latency_seconds"),
            "token.rate.generated": rate(_generated),
            "token.rate.prompt": rate(_prompt),
            **quantiles("ttft", "sglang:time_to_first_token_seconds"),
            **quantiles("itl", *_itl),
            "kv_cache.used": latest("sglang:token_usage", worst=True),
            "prefix_cache.hit_ratio": first(
                per(rate(total("sglang:cached_tokens_total")), rate(_prompt)), latest("sglang:cache_hit_rate", worst=True)
            ),
            "preemption.rate": rate(total("sglang:num_retractions_sum", "sglang:num_retracted_requests_total")),
        },
        by=("model_name",),
        needs={
            **dict.fromkeys(("error.rate", "error.ratio", "reject.rate"), "counted by newer versions"),
            **dict.fromkeys(("request.rate", "request.running", "queue.length", "kv_cache.used", "queue.time.mean"), _first_request),
            **dict.fromkeys(("token.rate.generated", "token.rate.prompt", "prefix_cache.hit_ratio", "preemption.rate"), _first_request),
            **{f"{key}.{part}": _first_request for key in ("latency", "ttft", "itl") for part in ("mean", "p50", "p95", "p99")},
        },
        cannot={"batch.size.mean": "does not count batches; request.running is what runs together"},
        at_least={"error.rate": _late, "error.ratio": _late},
        signals=(
            SignalSource("sglang:prompt_tokens_histogram", "input"),
            SignalSource("sglang:generation_tokens_histogram", "output"),
            SignalSource("sglang:time_to_first_token_seconds", "latency"),
            SignalSource("sglang:inter_token_latency_seconds", "latency"),
            SignalSource("sglang:time_per_output_token_seconds", "latency"),  # the name of inter_token_latency up to 0.4.5
            SignalSource("sglang:e2e_request_latency_seconds", "latency"),
        ),
        progress=_finished
        + _generated
        + _prompt
        + total(*(f"{name}_count" for name in _itl), optional=True)
        + total("sglang:realtime_tokens_total", optional=True),
    ),
)
