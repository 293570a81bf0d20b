"""Ray Serve, 2.9 and newer: one node of a Ray cluster that serves.

Three ports of three processes: the HTTP proxy (8000), the dashboard that knows the applications (8265, on the head node only; its first
answer takes ten seconds), and the node's metrics page on a port of its own (random, unless `--metrics-export-port` says). The raylet
is above proxy and page, and its command line names the page's port or the folder where it is written down. All else on the node is gRPC.

The page changes every 10 s only, each process of the cluster in its own phase, and is most of a megabyte. Times are milliseconds.
An application is what others call a model; its deployments are in the reason when one of them fails. The proxy counts answers by status;
where there is none (requests through handles only) the replicas' counters stand in, whose `request_counter` leaves out what failed.
"""

from __future__ import annotations

import re
from pathlib import Path

from tui_monitor.collect.servers.kind import MAX_MODELS, Ask, Kind, Page, Sign, flag, json_of, text_of
from tui_monitor.mapping import Measure, Says, SignalSource, first, latest, mean, per, quantile, rate, total
from tui_monitor.model import ModelAnswer, clean

MILLISECOND = 1e-3
FIRST_ANSWER_S = 15.0  # the dashboard starts its modules when they are first asked

_STATES = {
    "RUNNING": "READY",
    "DEPLOYING": "LOADING",
    "NOT_STARTED": "LOADING",
    "DELETING": "UNLOADING",
    "DEPLOY_FAILED": "UNAVAILABLE",
    "UNHEALTHY": "UNAVAILABLE",
}
_SETTLED = ("HEALTHY", "RUNNING", "")
_OWN = "/-/.*"  # routes of the proxy itself, asked by monitors
_WORKED_ON = {"route": _OWN, "status_code": "429|503", "application": ""}  # not: a full queue, a deployment or a route that is not there

_http = ("ray_serve_num_http_requests_total", "ray_serve_num_http_requests")
_processing = "ray_serve_deployment_processing_latency_ms"
_answered = total(*_http, unless={"route": _OWN})
_failed = total(*_http, where={"status_code": "5.."}, unless={"route": _OWN})
_processed = total(f"{_processing}_count")
_raised = _processed - total("ray_serve_deployment_request_counter_total", "ray_serve_deployment_request_counter", optional=True)
_http_latency = "ray_serve_http_request_latency_ms"
_latency: dict[str, Measure] = {
    "latency.mean": first(mean(_http_latency, unit=MILLISECOND, unless=_WORKED_ON), mean(_processing, unit=MILLISECOND)),
    **{
        f"latency.p{round(q * 100)}": first(
            quantile(q, _http_latency, unit=MILLISECOND, unless=_WORKED_ON), quantile(q, _processing, unit=MILLISECOND)
        )
        for q in (0.5, 0.95, 0.99)
    },
}
_none_yet = "no request since it started: its page has no such counter yet"
_no_application = "no application runs on this node"


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`/api/serve/applications/`: every application, with what its deployments say while it does not run."""
    answer = json_of(body)
    told = answer if isinstance(answer, dict) and isinstance(answer.get("applications"), dict) else None
    if told is None:
        raise ValueError("no applications")
    found = [_application(name, one) for name, one in list(told["applications"].items())[:MAX_MODELS] if isinstance(one, dict)]
    return tuple(one for one in found if one.name)


def _application(name: str, told: dict[str, object]) -> ModelAnswer:
    status = text_of(told.get("status"), 20)
    deployments = told.get("deployments")
    unsettled = [
        said
        for one in (deployments.values() if isinstance(deployments, dict) else ())
        if isinstance(one, dict) and (said := _deployment(one))
    ]
    why = "; ".join(unsettled) or _last_line(told.get("message"))
    if status == "RUNNING":
        return ModelAnswer(text_of(name), state="READY")
    return ModelAnswer(text_of(name), state=_STATES.get(status, status), why=clean(f"{status}: {why}" if why else status, 160))


def _deployment(told: dict[str, object]) -> str:
    """One deployment that is not as it should be: its name, state, how many replicas run, and the last line of its traceback."""
    status, replicas, wanted = text_of(told.get("status"), 20), told.get("replicas"), told.get("target_num_replicas")
    if status in _SETTLED:
        return ""
    running = sum(1 for one in replicas if isinstance(one, dict) and one.get("state") == "RUNNING") if isinstance(replicas, list) else 0
    error = _last_line(told.get("message"))
    return f"{text_of(told.get('name'), 40)} {running} of {text_of(wanted, 6) or '?'} replicas" + (f", {error}" if error else "")


def _last_line(message: object) -> str:
    """Of a traceback the line that says what went wrong."""
    lines = [line.strip() for line in message.splitlines() if line.strip()] if isinstance(message, str) else []
    return clean(lines[-1], 120) if lines else ""


def read_version(body: bytes) -> str:
    """`/api/version`: `{"version": "4", "ray_version": "2.60.0", ...}`; the first is that of the API."""
    answer = json_of(body)
    return text_of(answer.get("ray_version"), 40) if isinstance(answer, dict) else ""


def find_ports(words: tuple[str, ...], folder: Path) -> dict[str, int]:
    """From a raylet's command line: the metrics page, by flag or by the file in the session's folder, and on the head node the dashboard."""
    found = {"metrics": _port(flag(words, "--metrics_export_port"))}
    session, node = flag(words, "--session_dir"), flag(words, "--node_id")
    if not found["metrics"] and session and re.fullmatch(r"[0-9a-f]{1,64}", node):
        try:
            with (folder / session / f"metrics_export_port_{node}").open() as file:
                found["metrics"] = _port(file.read(16).strip())
        except (OSError, ValueError):
            pass
    if "--head" in words:
        board = re.search(r"--webui=\S*:([0-9]{1,5})(?= |$)", flag(words, "--python_worker_command"))
        found["dashboard"] = _port(board.group(1)) if board else 0
    return {place: port for place, port in found.items() if port}


def _port(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text) and 0 < int(text) < 65536 else 0


RAY_SERVE = Kind(
    name="ray-serve",
    api_port=8000,
    places={"dashboard": 8265},
    metrics=Page(8080, "/metrics"),
    ready=Ask("/-/healthz", accept=(200, 503)),
    version=Ask("/api/version", place="dashboard", timeout_s=FIRST_ANSWER_S),
    read_version=read_version,
    models=Ask("/api/serve/applications/", place="dashboard", timeout_s=FIRST_ANSWER_S),  # 404 without the slash at its end
    read_models=read_models,
    every_s=5.0,
    process=r"/raylet/raylet --",
    workers=r"^ray::",
    port_flags={"metrics": "--metrics_export_port"},
    signs=(Sign("/-/healthz", r"^success$"), Sign("/", r"^Path '.*' not found\. .*/-/routes", status=(404,))),
    families=("ray_serve_",),
    find_ports=find_ports,
    says=Says(
        measures={
            "request.rate": first(rate(_answered), rate(_processed)),
            "error.rate": first(rate(_failed), rate(_raised)),
            "error.ratio": first(per(rate(_failed), rate(_answered)), per(rate(_raised), rate(_processed))),
            "reject.rate": rate(total(*_http, where={"status_code": "429"}, unless={"route": _OWN})),
            "request.running": latest("ray_serve_replica_processing_queries"),
            "queue.length": latest("ray_serve_deployment_queued_queries"),
            "queue.time.mean": mean("ray_serve_request_router_fulfillment_time_ms", unit=MILLISECOND),
            "batch.size.mean": mean("ray_serve_actual_batch_size"),
            **_latency,
        },
        by=("application",),
        needs={
            **dict.fromkeys(("request.rate", "error.rate", "error.ratio", "reject.rate", "queue.time.mean"), _none_yet),
            **dict.fromkeys(_latency, _none_yet),
            "request.running": _no_application,
            "queue.length": _no_application,
            "batch.size.mean": "needs a method with @serve.batch that was called",
        },
        at_least={"reject.rate": "a full queue answers 503 unless backpressure_config says 429; 503 is in error.rate"},
        signals=(SignalSource(_processing, "latency"),),  # the proxy's counts health questions together with requests
        progress=_processed + total(*_http, unless=_WORKED_ON),
        step_s=10.0,
    ),
)
