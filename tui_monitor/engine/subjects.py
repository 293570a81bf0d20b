"""What rules can be true of: every target, GPU, disk, signal and log of a frame as a Subject with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tui_monitor.alerts.parts import of_logs, of_models, unready, with_it
from tui_monitor.language.names import over_name
from tui_monitor.model import Disk, Drift, Gpu, Metrics, Performance, ProbeState, Quality, Queried, Subject, System, Target
from tui_monitor.vocabulary import VOCABULARY

Over = Mapping[str, Mapping[tuple[str, float], float | None]]  # window -> (family, bound) -> share of requests above it


def of_target(target: Target, silent: str, now_s: float, windows: Mapping[str, Metrics] | None = None, over: Over | None = None) -> Subject:
    """A server. It is never silent as a whole: its state is known even when it does not answer."""
    shares = {window: {over_name(*asked): share for asked, share in told.items()} for window, told in (over or {}).items()}
    spans = {window: {**metrics, **shares.get(window, {})} for window, metrics in (windows or {}).items()}
    labels = {"kind": target.kind} | ({"model": target.models[0].name} if len(target.models) == 1 else {})
    metrics = target.metrics if not silent else dict.fromkeys(target.metrics) | {"scrape.up": target.metrics.get("scrape.up")}
    metrics = metrics | {"state.age": max(0.0, now_s - target.since.timestamp()), "models.unready": unready(target.models)}
    metrics |= {} if silent else shares.get("1m", {})
    return Subject("target", target.name, metrics, state=target.state, labels=labels, silent=silent, why=target.why, windows=spans)


def of_gpu(gpu: Gpu) -> Subject:
    """A GPU, by the name that people use: its index."""
    return Subject("gpu", gpu.subject, gpu.metrics, state=gpu.state, labels={"gpu": str(gpu.index), "source": gpu.source}, why=gpu.why)


def of_host(host: str, system: System) -> Subject:
    """The host."""
    return Subject("host", host, system.metrics, state="OK", silent="" if system.metrics else "not read yet")


def of_disk(disk: Disk) -> Subject:
    """A file system; one that does not answer is silent."""
    used, total = disk.used_bytes, disk.total_bytes
    ratio = None if used is None or not total else used / total
    return Subject(
        "disk",
        disk.mount,
        {
            "disk.used": None if used is None else float(used),
            "disk.total": None if total is None else float(total),
            "disk.used.ratio": ratio,
        },
        state="OK" if not disk.why else "UNKNOWN",
        silent=disk.why,
    )


def of_signal(drift: Drift) -> Subject:
    """A drift signal with its effect and evidence."""
    metrics = {f"drift.{name}": one.statistic for name, one in drift.tests.items() if f"drift.{name}" in VOCABULARY}
    metrics |= {"drift.evidence": drift.evidence} | ({f"drift.{drift.test}": drift.effect} if f"drift.{drift.test}" in VOCABULARY else {})
    told = {"missing.ratio": drift.missing_now, "out_of_range.ratio": drift.out_of_range, "new_category.ratio": drift.new_category}
    metrics |= {name: value for name, value in told.items() if value is not None}
    return Subject(
        "signal",
        f"{drift.source}/{drift.signal}",
        metrics,
        state=drift.state,
        labels={"signal": drift.signal, "source": drift.source, "target": drift.source, "role": drift.role, "follows": drift.follows},
        why=with_it(drift),
    )


def of_query(name: str, queried: Queried, silent: str) -> Subject:
    """The named numbers of a Prometheus."""
    return Subject("query", name, queried.values, state="OK", silent=silent)


def all_of(
    host: str,
    system: System,
    gpus: list[Gpu],
    targets: Mapping[str, tuple[Target, str]],
    drift: list[Drift],
    performance: list[Performance],
    queries: Mapping[str, tuple[Queried, str]],
    now_s: float,
    windows: Mapping[str, dict[str, Metrics]] | None = None,
    *,
    models: bool = False,
    over: Mapping[str, Over] | None = None,
    probes: Sequence[ProbeState] = (),
    quality: Sequence[Quality] = (),
    slices: bool = True,
) -> list[Subject]:
    """Everything that rules are asked about, once a tick; `models` and `slices` only where a rule speaks of them: there may be thousands."""
    windows = windows or {}
    parts = [part for target, silent in targets.values() for part in of_models(target, silent)] if models else []
    return [
        *parts,
        of_host(host, system),
        *(of_disk(disk) for disk in system.disks),
        *(of_gpu(gpu) for gpu in gpus),
        *(of_target(target, silent, now_s, windows.get(name), (over or {}).get(name)) for name, (target, silent) in targets.items()),
        *(of_signal(one) for one in drift),
        *of_logs(performance, quality, probes, slices=slices),
        *(of_query(name, queried, silent) for name, (queried, silent) in queries.items()),
    ]
