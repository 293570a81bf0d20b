"""TorchServe, 0.8 and newer.

Inference on port 8080, management on 8081, metrics on 8082; `config.properties` moves them. `/ping` says Healthy while no worker of a model
lives: only the management API tells the truth, worker by worker, and the length of each model's queue. Times are sums of microseconds of
the answers that went well, while `ts_inference_requests_total` counts what came in, refused and failed requests too; those show as 5xx,
which are counted for the whole server only: its mean time is exact, a model's own one is too short where much of it failed. A full queue answers
503 like a model that fails.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit

from tui_monitor.collect.servers.kind import MAX_MODELS, Ask, Kind, Page, Sign, flag, json_of, list_of, text_of
from tui_monitor.mapping import Says, latest, per, rate, total
from tui_monitor.model import ModelAnswer

MICROSECOND = 1e-6
PENDING = "jobQueueStatus.pendingRequests"
DEFAULT = ("default",)  # what its page calls the version of requests that ask for none
MAX_PROPERTIES_BYTES = 65_536
ADDRESSES = {"inference_address": "api", "management_address": "management", "metrics_address": "metrics"}
GRPC_PORTS = {"grpc_inference_port": "grpc", "grpc_management_port": "grpc-management"}

_asked = total("ts_inference_requests_total")
_failed = total("Requests5XX")  # of no model; the monitor's own questions are 2xx
_answered = _asked - total("Requests5XX", where={"Level": "Host"})  # for a model, which has none of its own: all that was asked of it
_took = total("ts_inference_latency_microseconds")
_mode = "needs metrics_mode=prometheus in config.properties"


def read_ready(status: int, body: bytes) -> bool:
    """`/ping`: Healthy, Partial Healthy or Unhealthy. True is little: it looks at default versions only, and late."""
    if status != 200:
        return False
    try:
        answer = json_of(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("status") == "Healthy"


def read_version(body: bytes) -> str:
    """`OPTIONS /`: the description of the API, with the server's version."""
    answer = json_of(body)
    told = answer.get("info") if isinstance(answer, dict) else None
    return text_of(told.get("version"), 40) if isinstance(told, dict) else ""


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`GET /models`: names, each once, with the archive of the default version; versions and states are told one by one."""
    answer = json_of(body)
    listed = list_of(answer.get("models") if isinstance(answer, dict) else None)
    told = [one for one in listed[:MAX_MODELS] if isinstance(one, dict)]
    models = [ModelAnswer(text_of(one.get("modelName")), why=text_of(one.get("modelUrl"))) for one in told]
    return tuple(model for model in models if model.name)


def each(model: ModelAnswer) -> Ask:
    """All versions of one model."""
    return Ask(f"/models/{quote(model.name, safe='')}/all", place="management")


def read_each(model: ModelAnswer, status: int, body: bytes) -> tuple[ModelAnswer, ...]:
    """`GET /models/NAME/all`: for each version its workers and its queue."""
    if status != 200:
        return (ModelAnswer(model.name, state="UNLOADED" if status == 404 else "", why=_message(body)),)
    versions = [one for one in list_of(json_of(body))[:MAX_MODELS] if isinstance(one, dict)]
    default = next((one for one in versions if len(versions) == 1 or text_of(one.get("modelUrl")) == model.why), None)
    return tuple(_version(model.name, one, DEFAULT if one is default else ()) for one in versions)


def _version(name: str, told: dict[str, object], also: tuple[str, ...]) -> ModelAnswer:
    state, why = _state(told.get("workers"))
    queue = told.get("jobQueueStatus")
    waiting = queue.get("pendingRequests") if isinstance(queue, dict) else None
    numbers = {PENDING: float(waiting)} if isinstance(waiting, int | float) and not isinstance(waiting, bool) else {}
    return ModelAnswer(name, text_of(told.get("modelVersion"), 20), state, why, numbers, also)


def _state(told: object) -> tuple[str, str]:
    """A version is ready when one of its workers is; a worker that is not is called UNLOADING, whether it begins or dies."""
    workers = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    if not workers:
        return "UNAVAILABLE", "no worker"
    idle = [one for one in workers if one.get("status") != "READY"]
    words = ", ".join(f"worker {text_of(one.get('id'), 20)} {text_of(one.get('status'), 20)}" for one in idle[:3])
    if len(idle) < len(workers):
        return "READY", f"{len(workers) - len(idle)} of {len(workers)} workers: {words}" if idle else ""
    if all(one.get("pid") == -1 for one in workers):
        return "LOADING", "its workers have not started yet"
    return "UNAVAILABLE", f"no worker is ready, they load or have died: {words}"


def _message(body: bytes) -> str:
    try:
        answer = json_of(body)
    except ValueError:
        return ""
    return text_of(answer.get("message")) if isinstance(answer, dict) else ""


def find_ports(words: tuple[str, ...], folder: Path) -> dict[str, int]:
    """The ports that `config.properties` names: the file of `-f`, else the one in the folder where the server was started."""
    begin = words.index("org.pytorch.serve.ModelServer") if "org.pytorch.serve.ModelServer" in words else 0
    options = words[begin:]
    name = flag(options, "-f") or flag(options, "--ts-config-file") or flag(options, "--ts-config") or flag(words, "-DtsConfigFile")
    try:
        with (folder / (name or "config.properties")).open("rb") as file:
            lines = file.read(MAX_PROPERTIES_BYTES).decode("latin-1").splitlines()
    except (OSError, ValueError):
        return {}
    found: dict[str, int] = {}
    for line in lines:
        key, _, value = (part.strip() for part in line.partition("="))
        try:
            port = int(value) if key in GRPC_PORTS else urlsplit(value).port if key in ADDRESSES else None
        except ValueError:
            continue  # a variable of its environment, or no port
        if port is not None and 0 < port < 65536:
            found[ADDRESSES.get(key) or GRPC_PORTS[key]] = port
    return found


TORCHSERVE = Kind(
    name="torchserve",
    api_port=8080,
    places={"management": 8081},
    metrics=Page(8082, "/metrics"),
    page_flag="needs enable_metrics_api=true in config.properties",
    ready=Ask("/ping", accept=(200, 500, 503)),
    read_ready=read_ready,
    version=Ask("/", method="OPTIONS"),  # changes nothing, and no GET tells it
    read_version=read_version,
    models=Ask("/models?limit=100", place="management"),
    read_models=read_models,
    each=each,
    read_each=read_each,
    models_every_s=5.0,  # the length of the queue is told there
    process=r"^(\S*/)?java .*\borg\.pytorch\.serve\.ModelServer( |$)",  # its parent, the script torchserve, has no port and may end
    workers=r"/model_service_worker\.py( |$)",
    signs=(
        Sign(
            "/ping",
            r'^\s*\{\s*"status"\s*:\s*"(Partial Healthy|Healthy|Unhealthy)"\s*\}\s*$',
            (200, 500),
            ("x-request-id", "^[0-9a-f-]{36}$"),
        ),
    ),
    families=("ts_inference_", "ts_queue_latency_"),
    find_ports=find_ports,
    says=Says(
        measures={
            "request.rate": rate(_asked),
            "error.rate": rate(_failed),
            "error.ratio": per(rate(_failed), rate(_asked)),
            "queue.length": latest(PENDING),
            "queue.time.mean": per(rate(total("ts_queue_latency_microseconds")), rate(_answered), unit=MICROSECOND),
            "latency.mean": per(rate(_took), rate(_answered), unit=MICROSECOND),
        },
        by=("model_name", "model_version"),
        needs={
            **dict.fromkeys(("request.rate", "error.rate", "error.ratio", "queue.time.mean", "latency.mean"), _mode),
            "queue.length": "needs the management API: its address, and a token where it wants one",
        },
        cannot={
            "reject.rate": "a full queue answers 503 as a failure does: both are in error.rate",
            "request.running": "counts requests that wait, not those being worked on",
            "batch.size.mean": "not counted by this server",
            **dict.fromkeys(
                ("latency.p50", "latency.p95", "latency.p99"), "it sums times and has no histogram: latency.mean is all there is"
            ),
        },
        waiting=("queue.length",),
        progress=_took,  # what comes in is counted even when nobody works on it
    ),
)
