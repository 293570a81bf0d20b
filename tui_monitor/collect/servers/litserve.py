"""LitServe, 0.2 and newer: it answers how it is, and counts nothing.

There is no metrics page unless the author mounts one with a `Logger`, whose names are then his own. One bad request fails its whole
batch. The port opens when the workers have been set up; `/health` says 503 while one of them is not, or when `LitAPI.health()` says no.
Its processes are `python server.py` like any other: only its answers give it away.
"""

from __future__ import annotations

from tui_monitor.collect.servers.kind import Ask, Kind, Sign, json_of, text_of
from tui_monitor.mapping import Says
from tui_monitor.model import ModelAnswer, clean

_no_page = 'LitServe has no metrics page; one mounted by a Logger needs kind = "prometheus"'
_keys = (
    "request.rate", "error.rate", "error.ratio", "reject.rate", "request.running", "queue.length", "queue.time.mean", "batch.size.mean",
    "latency.mean", "latency.p50", "latency.p95", "latency.p99",
)  # fmt: skip


def read_models(body: bytes) -> tuple[ModelAnswer, ...]:
    """`/info`: what the author wrote into `model_metadata`, if anything; there is no other name."""
    answer = json_of(body)
    told = answer if isinstance(answer, dict) and answer.get("server") else {}
    if not told:
        raise ValueError("no server information")
    model = told.get("model")
    if not isinstance(model, dict) or not text_of(model.get("name")):
        return ()
    return (ModelAnswer(text_of(model.get("name")), text_of(model.get("version"), 40)),)


def read_health(model: ModelAnswer, status: int, body: bytes) -> tuple[ModelAnswer, ...]:
    """`/health`: of all its workers together."""
    if status == 200:
        return (ModelAnswer(model.name, model.version, "READY"),)
    return (
        ModelAnswer(model.name, model.version, "UNAVAILABLE", clean(body.decode(errors="replace").strip(), 120) or f"answers {status}"),
    )


LITSERVE = Kind(
    name="litserve",
    api_port=8000,
    ready=Ask("/health", accept=(200, 503)),
    models=Ask("/info"),
    read_models=read_models,
    each=lambda _: Ask("/health", accept=(200, 503)),
    read_each=read_health,
    signs=(Sign("/", r"^litserve running$"),),
    says=Says(measures={}, cannot=dict.fromkeys(_keys, _no_page), waiting=()),
)
