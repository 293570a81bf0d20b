"""BentoML, 1.2 and newer (the page of 1.0 and 1.1 is read too).

One port for everything. While the service initializes the port accepts and is silent: its parent holds the socket. Seconds everywhere.
The page counts every path that was asked for, health questions too: those are left out. Refusals over `max_concurrency` are 429 and
quick; they would make the latency of an overloaded service look fine, so latency is that of the answers that were worked on.
"""

from __future__ import annotations

import re

from tui_monitor.collect.servers.kind import Ask, Kind, Page, Sign, json_of, text_of
from tui_monitor.mapping import Latest, Says, mean, per, quantiles, rate, total
from tui_monitor.model import ModelAnswer, clean

_OWN = r"/(livez|readyz|healthz|metrics|schema\.json|docs\.json)"  # routes of the server itself, asked by monitors
_requests = ("bentoml_service_request_total", "bentoml_api_server_request_total")
_durations = ("bentoml_service_request_duration_seconds", "bentoml_api_server_request_duration_seconds")
_answered = total(*_requests, unless={"endpoint": _OWN})
_failed = total(*_requests, where={"http_response_code": "5.."}, unless={"endpoint": _OWN})
_refused = total(*_requests, where={"http_response_code": "429"}, unless={"endpoint": _OWN})
_worked_on = total(*_requests, unless={"endpoint": _OWN, "http_response_code": "429"})
_running = total(  # a route that was never called has no series
    "bentoml_service_request_in_progress", "bentoml_api_server_request_in_progress", unless={"endpoint": _OWN}, optional=True
)
_renamed = 'not named bentoml_*: with metrics = {"namespace": ...} it needs kind = "prometheus" and a map'


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`/schema.json`: the one service that answers at this port."""
    answer = json_of(body)
    if not isinstance(answer, dict) or answer.get("type") != "service":
        raise ValueError("no service schema")
    name = text_of(answer.get("name"))
    return (ModelAnswer(name),) if name else ()


def read_ready(model: ModelAnswer, status: int, body: bytes) -> tuple[ModelAnswer, ...]:
    """`/readyz`: 503 while its own `__is_ready__` or a service it depends on says no."""
    if status == 200:
        return (ModelAnswer(model.name, model.version, "READY"),)
    return (
        ModelAnswer(model.name, model.version, "UNAVAILABLE", clean(body.decode(errors="replace").strip(), 120) or f"answers {status}"),
    )


def read_version(body: bytes) -> str:
    """`/docs.json`: the description of the API has a badge with BentoML's version."""
    answer = json_of(body)
    about = answer.get("info") if isinstance(answer, dict) else None
    said = about.get("description") if isinstance(about, dict) else None
    badge = re.search(r"badge/BentoML-([0-9][0-9A-Za-z.+]*)", said) if isinstance(said, str) else None
    return clean(badge.group(1), 40) if badge else ""


def read_name(words: tuple[str, ...]) -> str:
    """`bentoml serve service:TinySum` is TinySum, `bentoml serve ranker:latest` is ranker; a folder tells nothing."""
    at = next((place for place, word in enumerate(words) if re.fullmatch(r"serve(-http)?", word)), len(words))
    target = next((word for word in words[at + 1 :] if not word.startswith("-")), "")
    before, _, after = target.partition(":")
    if after[:1].isupper():
        return clean(after, 60)  # a class; the tag of a bento is lower case
    return clean(before, 60) if after and before not in ("service", "app") else ""


BENTOML = Kind(
    name="bentoml",
    api_port=3000,
    metrics=Page(0, "/metrics"),
    page_flag='needs metrics = {"enabled": True} in @bentoml.service',
    ready=Ask("/readyz", accept=(200, 500, 503)),
    version=Ask("/docs.json"),
    read_version=read_version,
    models=Ask("/schema.json"),
    read_models=read_models,
    each=lambda _: Ask("/readyz", accept=(200, 500, 503)),
    read_each=read_ready,
    process=r"(^|[ /])bentoml serve(-http)?( |$)",
    workers=r"_bentoml_impl\.worker|bentoml_cli\.worker",
    port_flags={"api": "--port"},
    tls_flag="--ssl-certfile",
    signs=(Sign("/", r"<title>BentoML Prediction Service"),),
    families=("bentoml_service_", "bentoml_api_server_"),
    read_name=read_name,
    says=Says(
        measures={
            "request.rate": rate(_answered),
            "error.rate": rate(_failed),
            "error.ratio": per(rate(_failed), rate(_answered)),
            "reject.rate": rate(_refused),
            "request.running": Latest(_running),
            "batch.size.mean": mean("bentoml_service_adaptive_batch_size", "bentoml_runner_adaptive_batch_size"),
            **quantiles("latency", *_durations, unless={"endpoint": _OWN, "http_response_code": "429"}),
        },
        by=("runner_name",),  # the service; `service_name` is the bento's, which may hold several
        cannot={
            "queue.length": "not counted by this server; what exceeds max_concurrency is refused (429)",
            "queue.time.mean": "not counted by this server",
        },
        needs={
            **dict.fromkeys(("request.rate", "error.rate", "error.ratio", "reject.rate", "request.running"), _renamed),
            **dict.fromkeys(("latency.mean", "latency.p50", "latency.p95", "latency.p99"), _renamed),
            "batch.size.mean": "needs a call of a method with batchable=True",
        },
        waiting=("request.running",),  # no signals: its histograms count health questions together with requests
        progress=_worked_on,
    ),
)
