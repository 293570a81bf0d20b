"""MLServer (Seldon), 1.3 and newer.

The V2 protocol on port 8080, metrics on 8082; `settings.json` in the folder it serves moves them. Requests are counted by model, under
whatever name and version a caller asked for (`None` for no version): one for a model that does not exist is a failure there. The HTTP
layer counts by route and status and knows no model. So errors and times of the server are those of the HTTP layer's inference routes,
which leaves our own questions out, and those of a model are its own counters. What waits is told as a histogram of the past only.
"""

from __future__ import annotations

from pathlib import Path

from tui_monitor.collect.servers.kind import MAX_MODELS, Ask, Kind, Page, Sign, flag, json_of, list_of, text_of
from tui_monitor.mapping import Says, first, latest, mean, per, quantile, rate, total
from tui_monitor.model import ModelAnswer

MAX_SETTINGS_BYTES = 65_536
PORTS = {"http_port": "api", "metrics_port": "metrics", "grpc_port": "grpc"}
STATES = {"UNKNOWN": "LOADING"}  # registered and not ready: its word for a model that loads
ROUTES = r"/v2/models/\{model_name\}(/versions/\{model_version\})?/(infer|generate)(_stream)?"

_TIMES, _OWN_TIMES = "rest_server_request_duration_seconds", "model_infer_request_duration"
_REACHED = {"path": ROUTES, "status_code": "[25].."}  # 4xx never reached a model, and would make it look quick
_success = total("model_infer_request_success_total", optional=True)  # of a model: there from its first request on
_failure = total("model_infer_request_failure_total", optional=True)
_broken = total("rest_server_requests_total", where={"path": ROUTES, "status_code": "5.."})
_broken_grpc = total(
    "grpc_server_handled_total",
    where={"grpc_method": "Model(Stream)?Infer", "grpc_code": "UNKNOWN|INTERNAL|UNAVAILABLE|UNIMPLEMENTED|DATA_LOSS|DEADLINE_EXCEEDED"},
    optional=True,
)


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`POST /v2/repository/index`: every model of the repository with its state."""
    models = [
        ModelAnswer(text_of(one.get("name")), text_of(one.get("version"), 20), _state(one.get("state")), text_of(one.get("reason")))
        for one in list_of(json_of(body))[:MAX_MODELS]
        if isinstance(one, dict)
    ]
    return tuple(model for model in models if model.name)


def _state(told: object) -> str:
    word = text_of(told, 20)
    return STATES.get(word, word)


def read_version(body: bytes) -> str:
    """`GET /v2`: name and version of the server."""
    answer = json_of(body)
    return text_of(answer.get("version"), 40) if isinstance(answer, dict) else ""


def find_ports(words: tuple[str, ...], folder: Path) -> dict[str, int]:
    """The ports that `settings.json` names, in the folder that `mlserver start` serves."""
    served = flag(words, "start") or "."
    try:
        with (folder / served / "settings.json").open("rb") as file:
            told = json_of(file.read(MAX_SETTINGS_BYTES))
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    ports = {place: told.get(key) for key, place in PORTS.items()}
    return {place: port for place, port in ports.items() if isinstance(port, int) and port is not True and 0 < port < 65536}


MLSERVER = Kind(
    name="mlserver",
    api_port=8080,
    metrics=Page(8082, "/metrics"),
    page_flag="needs metrics_endpoint=/metrics in settings.json",
    ready=Ask("/v2/health/ready", accept=(200, 400, 503)),
    version=Ask("/v2"),
    read_version=read_version,
    models=Ask("/v2/repository/index", method="POST", body=b"{}"),  # the only listing it has; reads nothing, loads nothing
    read_models=read_models,
    process=r"(^|[ /])mlserver start( |$)",
    workers=r"multiprocessing\.(spawn|forkserver|resource_tracker)",
    signs=(Sign("/v2", r'"name"\s*:\s*"mlserver"'),),
    families=("model_infer_request_", "rest_server_request", "parallel_request_queue", "batch_request_queue"),
    find_ports=find_ports,
    says=Says(
        measures={
            "request.rate": rate(_success + _failure),
            "error.rate": first(rate(_broken + _broken_grpc), rate(_failure)),
            "error.ratio": first(
                per(rate(_broken + _broken_grpc), rate(_success + _failure)), per(rate(_failure), rate(_success + _failure))
            ),
            "request.running": latest("rest_server_requests_in_progress", where={"method": "POST"}),
            "latency.mean": first(mean(_TIMES, where=_REACHED), mean(_OWN_TIMES)),
            **{f"latency.p{round(q * 100)}": quantile(q, _TIMES, where=_REACHED) for q in (0.5, 0.95, 0.99)},
        },
        by=("model",),  # its label of the version is what callers asked for: "None" mostly
        cannot={
            "reject.rate": "not counted by this server",
            "queue.length": "tells how long its queues were, not how long they are",
            "queue.time.mean": "not counted by this server",
            "batch.size.mean": "not counted by this server",
        },
        waiting=("request.running",),
        progress=_success + _failure,
    ),
)
