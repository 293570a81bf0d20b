"""Which processes and GPUs belong to which server: the model joined to the hardware that it runs on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, structs

from tui_monitor.model import Found, Gpu, Orphan, Outside, Process, ServerProcess, utc


class Hardware(Struct, frozen=True):
    """What one server runs on."""

    outside: Outside = Outside()
    process: ServerProcess | None = None
    gpus: list[int] = []  # indices, of this host


NOTHING = Hardware()


def with_owners(gpus: Sequence[Gpu], processes: Sequence[Process]) -> list[Gpu]:
    """The GPUs, each of their processes with the target that it belongs to."""
    owners = {process.pid: process.target for process in processes if process.target}
    return [
        structs.replace(gpu, processes=[structs.replace(one, target=owners.get(one.pid, one.target)) for one in gpu.processes])
        if any(one.pid in owners for one in gpu.processes)
        else gpu
        for gpu in gpus
    ]


def joined(
    founds: Iterable[tuple[Found, int]], processes: Sequence[Process], gpus: Sequence[Gpu], uuids: Mapping[str, set[str]]
) -> dict[str, Hardware]:
    """Target -> its hardware.

    Args:
        founds: the watched servers, each with how often it was seen to start again.
        processes: of all of them, children included.
        gpus: as `with_owners` gives them.
        uuids: the GPUs that servers say they use.
    """
    families: dict[str, list[Process]] = {}
    for process in processes:
        if process.target:
            families.setdefault(process.target, []).append(process)
    result: dict[str, Hardware] = {}
    for found, restarts in founds:
        family = families.get(found.name, [])
        mine = [gpu for gpu in gpus if gpu.uuid in uuids.get(found.name, ()) or any(one.target == found.name for one in gpu.processes)]
        if found.pid is None and not mine:
            continue
        used = [one.used_bytes for gpu in mine for one in gpu.processes if one.target == found.name and one.used_bytes is not None]
        loads = [load for gpu in mine if (load := gpu.metrics.get("gpu.util")) is not None]
        cpus = [process.cpu for process in family]
        known = [cpu for cpu in cpus if cpu is not None]
        sizes = [process.rss_bytes for process in family if process.rss_bytes is not None]
        stopped = [f"{process.name} ({process.pid})" for process in family if process.state in ("T", "t")]
        cpu = math.fsum(known) if known else None
        result[found.name] = Hardware(
            outside=Outside(cpu=cpu, gpu=max(loads, default=None), stopped=tuple(stopped)),
            process=ServerProcess(
                pid=found.pid,
                started=None if found.started_s is None else utc(found.started_s),
                processes=max(1, len(family)),
                rss_bytes=sum(sizes) if sizes else None,
                cpu=cpu,
                gpu_memory_bytes=sum(used) if used else None,
                restarts=restarts,
                stopped=stopped,
                orphan=found.orphan,
                container=found.container,
            )
            if found.pid is not None
            else None,
            gpus=sorted({gpu.index for gpu in mine if gpu.source == "nvml" or gpu.simulated}),
        )
    return result


def holding(orphans: Iterable[Orphan], left_behind: Iterable[Orphan], gpus: Sequence[Gpu]) -> list[Orphan]:
    """Orphans with the GPUs whose memory they hold; those without a port only where they hold some."""
    result: list[Orphan] = []
    for orphan in (*orphans, *left_behind):
        held = [(gpu.index, one.used_bytes) for gpu in gpus for one in gpu.processes if one.pid == orphan.pid]
        if held or orphan.ports:
            used = [size for _, size in held if size is not None]
            result.append(structs.replace(orphan, gpus=[index for index, _ in held], gpu_memory_bytes=sum(used) if used else None))
    return result
