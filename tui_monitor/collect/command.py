"""Servers that say what they are by their command line, with what the host knows of each: ports, container, models.

Flags and configuration files name ports, the usual ones stand in where they are open; what stays unclear has to be asked. All of this
reads files of other processes: not for the event loop.
"""

from __future__ import annotations

import re

from msgspec import Struct

from tui_monitor.collect.look import Look
from tui_monitor.collect.processes import Process
from tui_monitor.collect.servers.kind import Kind, fits, flag
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.collect.sockets import Listener, listeners
from tui_monitor.model import clean

NOT_LISTED = frozenset({"node-exporter"})  # this host is measured directly; one of another host can be configured
MAX_UNCLEAR = 16  # ports of one server that are asked to tell them apart
MAX_ROOTS = 64
# A cluster of Ray serves models only where one of these runs; most clusters train.
_SERVES = {"ray-serve": re.compile(r"^ray::(ProxyActor|ServeController|ServeReplica|HTTPProxyActor)")}


class Recognised(Struct, frozen=True):
    """One server, known by its command line."""

    kind: Kind
    process: Process
    ports: dict[int, Listener]  # that it or its children hold
    places: dict[str, int]  # place -> port, as far as flags, files and defaults tell; a port that is named may not be open yet
    unclear: tuple[int, ...] = ()  # ports that may be asked, when a place is missing
    models: tuple[str, ...] = ()
    container: str = ""
    elsewhere: str = ""  # why its ports are not reachable: one line with the cure
    addresses: frozenset[str] = frozenset()  # of its own network namespace, when that is not ours


def recognised(look: Look) -> list[Recognised]:
    """All of them; of a family the eldest, whose children are its workers."""
    found: dict[int, tuple[Kind, Process]] = {}
    for process in look.processes.values():
        if process.words and look.may_serve(process):
            for kind in KINDS.values():
                if kind.name not in NOT_LISTED and fits(kind.process, process.words):
                    found[process.pid] = (kind, process)
                    break
    heads = [
        (kind, one) for kind, one in found.values() if not any(pid in found and found[pid][0] is kind for pid in look.family(one.pid)[1:])
    ]
    known = []
    for kind, one in heads:
        try:
            if _serves(look, kind, one):
                known.append(_known(look, kind, one))
        except Exception as error:  # noqa: BLE001 - the border: what somebody's files can make a reader raise loses one server, and is told
            look.unseen.append(
                f"{kind.name} (process {one.pid}): its settings cannot be read: {clean(f'{type(error).__name__}: {error}', 80)}"
            )
    return known


def _serves(look: Look, kind: Kind, process: Process) -> bool:
    wanted = _SERVES.get(kind.name)
    return wanted is None or any(wanted.search(" ".join(look.processes[pid].words[:1])) for pid in look.below(process.pid))


def _known(look: Look, kind: Kind, process: Process) -> Recognised:
    below = look.below(process.pid)
    words, named = _named_ports(look, kind, process, below)
    models = tuple(dict.fromkeys(clean(name, 120) for name in kind.read_names(words) if name))[:500]
    container = look.host.container(process.pid)
    usual = {"api": kind.api_port} | ({"metrics": kind.metrics.port} if kind.metrics and kind.metrics.port else {}) | kind.places
    mine = {port: look.ports[port][0] for port in sorted(look.ports_of(below))} if process.here else {}
    hidden = {} if mine or not process.here else _unowned(look, process)
    ports = mine or {port: hidden[port] for port in {*named.values(), *usual.values()} & set(hidden)}
    if not process.here or (container and not ports and not look.host.sees_namespace(process.pid)):
        elsewhere, addresses = _next_door(look, kind, process, container)
        return Recognised(kind, process, {}, named, (), models, container, elsewhere, addresses)
    open_anywhere = {place: port for place, port in named.items() if port in look.ports or not ports}
    places = {
        place: port for place, port in usual.items() if place not in named and (port in ports or not (ports or hidden))
    } | open_anywhere
    clear = {port for port in mine if any(look.may_be_asked(one) for one in look.owners(port) if one.pid in below)}
    unclear = [port for port in sorted(clear or set(hidden)) if port not in places.values() and port not in named.values()]
    return Recognised(kind, process, ports, named | places, tuple(unclear[:MAX_UNCLEAR]), models, container)


def _named_ports(look: Look, kind: Kind, process: Process, below: list[int]) -> tuple[tuple[str, ...], dict[str, int]]:
    """The command line that counts, and the ports that its flags and files name: the process' own or that of a child of the kind."""
    words = process.words
    for pid in below[:MAX_ROOTS]:
        one = look.processes[pid]
        if pid == process.pid or (fits(kind.process, one.words) and look.may_serve(one)):
            words = look.host.words_from_here(one)
            by_file = kind.find_ports(words, look.host.folder(pid))
            by_flag = {place: port for place, name in kind.port_flags.items() if (port := number(flag(words, name)))}
            if by_file or by_flag:
                return words, by_file | by_flag
    return look.host.words_from_here(process), {}


def _unowned(look: Look, process: Process) -> dict[int, Listener]:
    """Listening sockets of the process' user whose owner is not ours to see."""
    user = look.host.user(process.pid)
    return {port: held[0] for port, held in look.ports.items() if held[0].uid == user and not look.owners(port)}


def _next_door(look: Look, kind: Kind, process: Process, container: str) -> tuple[str, frozenset[str]]:
    """A server in another network namespace: one line that says where it is, what it listens on there, and the cure."""
    ports: list[int] = []
    addresses = look.host.addresses(process.pid)
    try:
        there = listeners(look.root / str(process.pid))
        held = look.host.holders([one.inode for one in there], look.below(process.pid))
        reachable = [one for one in there if not one.host.startswith("127.") and one.host != "::1"]
        ports = sorted({one.port for one in there if one.inode in held or not held})
        open_to_us = {one.port for one in reachable} & set(ports)
    except OSError:
        open_to_us = set()
    line = f"{kind.name} (process {process.pid}) is in another network namespace{f' ({container})' if container else ''}"
    if ports:
        said = " ".join(map(str, ports[:8])) + (" ..." if len(ports) > 8 else "")
        line += f" and listens there on port{'s' if len(ports) > 1 else ''} {said}"
    address = min(addresses, default="")
    if address and open_to_us:
        port = kind.api_port if kind.api_port in open_to_us else min(open_to_us)
        return f'{line} - try it in [[targets]]: url = "http://{address}:{port}"', addresses
    cure = "publish its port (docker run -p), or give its URL in [[targets]]" if container else "give a URL that reaches it in [[targets]]"
    return f"{line} - {cure}", addresses


def number(text: str) -> int:
    """A port on a command line; 0 when it is none."""
    return int(text) if text.isdecimal() and text.isascii() and 0 < int(text) < 65536 else 0


def forwarded_to(process: Process) -> tuple[str, int]:
    """The address and port behind a docker-proxy; ("", 0) where its command line does not say."""
    return flag(process.words, "-container-ip"), number(flag(process.words, "-container-port"))
