"""KServe's Python model server: sklearnserver, huggingfaceserver, custom predictors; 0.11 and newer.

Everything on port 8080. It counts no errors, and a request that failed stands in the histogram of times like any other. Times are those of
the step `predict`. `/v2/health/ready` is true whatever its models do, and a model that became unready stays in `/v1/models`: each is asked.
One that was never ready is not listed at all; name it in `models` of the configuration to have it missed.
"""

from __future__ import annotations

from urllib.parse import quote

from tui_monitor.collect.servers.kind import MAX_MODELS, Ask, Kind, Page, Sign, base_name, flag, json_of, list_of, text_of
from tui_monitor.mapping import Says, SignalSource, quantiles, rate, total
from tui_monitor.model import ModelAnswer

RUNTIMES = "sklearnserver|xgbserver|lgbserver|pmmlserver|paddleserver|huggingfaceserver|predictiveserver"

_finished = total("request_predict_seconds_count", optional=True) + total("request_explain_seconds_count", optional=True)
_nowhere = "not counted by this server"


def read_ready(status: int, body: bytes) -> bool:
    """`{"ready": true}`."""
    return status == 200 and _told(body).get("ready") is True


def read_version(body: bytes) -> str:
    """`GET /v2`: name and version of the server."""
    answer = json_of(body)
    return text_of(answer.get("version"), 40) if isinstance(answer, dict) else ""


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`{"models": [...]}`: names of models that were ready once."""
    answer = json_of(body)
    listed = list_of(answer.get("models") if isinstance(answer, dict) else None)
    names = [text_of(one) for one in listed[:MAX_MODELS]]
    return tuple(ModelAnswer(name) for name in names if name)


def each(model: ModelAnswer) -> Ask:
    """Whether one model is ready."""
    return Ask(f"/v2/models/{quote(model.name, safe='')}/ready", accept=(200, 404, 503))


def read_each(model: ModelAnswer, status: int, body: bytes) -> tuple[ModelAnswer, ...]:
    """`{"name": ..., "ready": true}`, or 503 with the reason."""
    told = _told(body)
    if status == 200 and told.get("ready") is not False:
        return (ModelAnswer(model.name, state="READY"),)
    return (ModelAnswer(model.name, state="UNAVAILABLE", why=text_of(told.get("error")) or f"answers {status}"),)


def _told(body: bytes) -> dict[str, object]:
    try:
        answer = json_of(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def read_name(words: tuple[str, ...]) -> str:
    """`--model_name`."""
    return base_name(flag(words, "--model_name"))


KSERVE = Kind(
    name="kserve",
    api_port=8080,
    metrics=Page(0, "/metrics"),
    ready=Ask("/v2/health/ready", accept=(200, 503)),
    read_ready=read_ready,
    version=Ask("/v2"),
    read_version=read_version,
    models=Ask("/v1/models"),
    read_models=read_models,
    each=each,
    read_each=read_each,
    process=rf"-m ({RUNTIMES})( |$)",
    workers=r"multiprocessing\.(spawn|forkserver|resource_tracker)",
    port_flags={"api": "--http_port", "grpc": "--grpc_port"},
    signs=(Sign("/v2", r'"name"\s*:\s*"kserve"'),),
    families=("request_predict_seconds",),
    read_name=read_name,
    says=Says(
        measures={"request.rate": rate(_finished), **quantiles("latency", "request_predict_seconds")},
        by=("model_name",),
        cannot=dict.fromkeys(
            ("error.rate", "error.ratio", "reject.rate", "request.running", "queue.length", "queue.time.mean", "batch.size.mean"), _nowhere
        ),
        signals=(SignalSource("request_predict_seconds", "latency"),),
        waiting=(),
        progress=_finished,
    ),
)
