"""Which processes and GPUs belong to which server: the model joined to the hardware that it runs on."""

from __future__ import annotations

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
    founds: Iterable[tuple[Found, int]], families: Mapping[str, ServerProcess], gpus: Sequence[Gpu], uuids: Mapping[str, set[str]]
) -> dict[str, Hardware]:
    """Target -> its hardware.

    Args:
        founds: the watched servers, each with how often it was seen to start again.
        families: the processes of each, children included, as one.
        gpus: as `with_owners` gives them.
        uuids: the GPUs that servers say they use.
    """
    result: dict[str, Hardware] = {}
    for found, restarts in founds:
        mine = [gpu for gpu in gpus if gpu.uuid in uuids.get(found.name, ()) or any(one.target == found.name for one in gpu.processes)]
        if found.pid is None and not mine:
            continue
        family = families.get(found.name)
        used = [one.used_bytes for gpu in mine for one in gpu.processes if one.target == found.name and one.used_bytes is not None]
        process = None
        if found.pid is not None:
            started = None if found.started_s is None else utc(found.started_s)
            process = structs.replace(
                family or ServerProcess(pid=found.pid),
                pid=found.pid,
                started=started or (family.started if family else None),
                gpu_memory_bytes=sum(used) if used else None,
                restarts=restarts,
                orphan=found.orphan,
                container=found.container,
            )
        loads = [load for gpu in mine if (load := gpu.metrics.get("gpu.util")) is not None]
        result[found.name] = Hardware(
            outside=Outside(
                cpu=family.cpu if family else None, gpu=max(loads, default=None), stopped=tuple(family.stopped) if family else ()
            ),
            process=process,
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
