"""NVIDIA Triton Inference Server, 2.20 and newer.

Metrics on port 8002, the V2 protocol on 8000. Triton counts in microseconds and has no latency histogram. Its failure counter does not see
requests refused by a full queue, bad input, or error responses that a Python model returns, so error numbers are lower bounds there.
One broken model makes the whole server "not ready" while the others serve: the index tells which.
"""

from __future__ import annotations

from tui_monitor.collect.servers.kind import MAX_MODELS, Ask, Kind, Page, Sign, json_of, list_of, text_of
from tui_monitor.mapping import Says, SignalSource, latest, per, quantiles, rate, total
from tui_monitor.model import ModelAnswer

MICROSECOND = 1e-6
MILLISECOND = 1e-3

_success = total("nv_inference_request_success")
_failure = total("nv_inference_request_failure")
_failed = total("nv_inference_request_failure", unless={"reason": "CANCELED"})  # that was the client's wish
_uncounted = "requests refused by a full queue, bad input and error responses of Python models are not in the failure counter"
_summaries = "needs --metrics-config summary_latencies=true, at a price in throughput"
_first_response = "needs a decoupled model and --metrics-config histogram_latencies=true"


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`POST /v2/repository/index`: every version of every model; one that was never loaded has a name only."""
    models = [
        ModelAnswer(text_of(one.get("name")), text_of(one.get("version"), 20), text_of(one.get("state"), 20), text_of(one.get("reason")))
        for one in list_of(json_of(body))[:MAX_MODELS]
        if isinstance(one, dict)
    ]
    return tuple(model for model in models if model.name)


def read_version(body: bytes) -> str:
    """`GET /v2`: name and version of the server."""
    answer = json_of(body)
    return text_of(answer.get("version"), 40) if isinstance(answer, dict) else ""


TRITON = Kind(
    name="triton",
    api_port=8000,
    metrics=Page(8002, "/metrics"),
    ready=Ask("/v2/health/ready", accept=(200, 400, 503)),
    version=Ask("/v2"),
    read_version=read_version,
    models=Ask("/v2/repository/index", method="POST", body=b"{}"),  # the only listing Triton has; reads nothing, loads nothing
    read_models=read_models,
    process=r"^(\S*/)?tritonserver( |$)",
    workers=r"triton_python_backend_stub",
    port_flags={"api": "--http-port", "metrics": "--metrics-port", "grpc": "--grpc-port"},
    signs=(Sign("/v2", r'"name"\s*:\s*"triton"'),),
    families=("nv_inference_",),
    says=Says(
        measures={
            "request.rate": rate(_success + _failure),
            "error.rate": rate(_failed),
            "error.ratio": per(rate(_failed), rate(_success + _failure)),
            "latency.mean": per(rate(total("nv_inference_request_duration_us")), rate(_success), unit=MICROSECOND),
            **{
                key: latest("nv_inference_request_summary_us", worst=True, unit=MICROSECOND, where={"quantile": quantile})
                for key, quantile in {"latency.p50": "0.5", "latency.p95": "0.95", "latency.p99": "0.99"}.items()
            },
            "queue.time.mean": per(rate(total("nv_inference_queue_duration_us")), rate(_success), unit=MICROSECOND),
            "queue.length": latest("nv_inference_pending_request_count"),
            "batch.size.mean": per(rate(total("nv_inference_count")), rate(total("nv_inference_exec_count"))),
            **quantiles("ttft", "nv_inference_first_response_histogram_ms", unit=MILLISECOND),
        },
        by=("model", "version"),
        needs={
            **dict.fromkeys(("latency.p50", "latency.p95", "latency.p99"), _summaries),
            **dict.fromkeys(("ttft.mean", "ttft.p50", "ttft.p95", "ttft.p99"), _first_response),
        },
        cannot={
            "reject.rate": "requests refused by a full queue are not counted",
            "request.running": "counts requests that wait, not those being worked on",
        },
        at_least={"error.rate": _uncounted, "error.ratio": _uncounted},
        signals=(SignalSource("nv_inference_first_response_histogram_ms", "latency"),),
        waiting=("queue.length",),
        progress=_success + _failure + total("nv_inference_count", optional=True),
    ),
)
