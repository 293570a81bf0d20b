"""Ports that were recognised by their answers, and which of them are one server."""

from __future__ import annotations

from msgspec import Struct

from tui_monitor.collect.processes import Process
from tui_monitor.collect.servers.kind import Ask, Kind
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.collect.sockets import Listener

# Ports that servers of models have by default: asked first where there are many.
USUAL = frozenset(
    port for kind in KINDS.values() for port in (kind.api_port, *kind.places.values(), *([kind.metrics.port] if kind.metrics else []))
)


class Hit(Struct, frozen=True):
    """A port whose answers fit a kind."""

    port: int
    url: str
    kind: Kind
    by: str  # api or metrics
    owner: Process | None
    through: Process | None  # a forwarder


def grouped(hits: list[Hit]) -> list[list[Hit]]:
    """Ports of one server together, its API first: those of one process, or those at the usual distance from an API that nobody owns."""
    groups: list[list[Hit]] = []
    for hit in sorted(hits, key=lambda hit: (hit.by != "api", hit.port)):
        for group in groups:
            if group[0].kind is hit.kind and _of_one(group, hit):
                group.append(hit)
                break
        else:
            groups.append([hit])
    return groups


def _of_one(group: list[Hit], hit: Hit) -> bool:
    first, kind = group[0], hit.kind
    usual = {"metrics": kind.metrics.port} if kind.metrics and kind.metrics.port else {}
    usual |= kind.places
    at_distance = hit.port - first.port in {port - kind.api_port for port in usual.values()}
    if hit.by == "metrics" and any(one.by == "metrics" for one in group):
        return False
    if first.owner is not None or hit.owner is not None:
        return first.owner is not None and hit.owner is not None and first.owner.pid == hit.owner.pid
    return at_distance


def reads(kind: Kind, ask: Ask, body: bytes) -> bool:
    """Whether an answer to one of the kind's questions is one."""
    try:
        if ask is kind.models:
            kind.read_models(body)
        elif ask is kind.version:
            return bool(kind.read_version(body))
    except ValueError:
        return False
    return True


def reachable(host: str) -> str:
    """The address under which a listener bound to `host` answers on this host."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared with, never bound to
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def urls_of(listener: Listener) -> list[str]:
    """Where to ask; `::` may or may not take IPv4."""
    first = f"http://{reachable(listener.host)}:{listener.port}"
    return [first, f"http://[::1]:{listener.port}"] if listener.host == "::" else [first]
