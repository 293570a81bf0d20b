"""A frame as lines of words: what `once` prints. Made to be listened to: no tables, no signs, the worst first, units with every number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from tui_monitor.model import Alert, Frame, Gpu, Metrics, Orphan, ServerProcess, Silence, Target
from tui_monitor.ui import format as fmt
from tui_monitor.ui import others
from tui_monitor.vocabulary import VOCABULARY

_SHORT = {  # how a key is read out; others are read as they are
    "request.rate": "requests", "error.ratio": "errors", "reject.rate": "rejected", "request.running": "running", "queue.length": "waiting",
    "token.rate.generated": "tokens", "token.rate.prompt": "prompt tokens", "kv_cache.used": "KV cache", "gpu.util": "busy",
    "gpu.temperature": "temperature", "gpu.power": "power",
}  # fmt: skip
_TARGET_FIRST = (
    "request.rate", "error.ratio", "request.running", "queue.length", "latency.p50", "latency.p95", "latency.p99", "latency.mean",
    "token.rate.generated", "ttft.p95", "itl.p95", "kv_cache.used",
)  # fmt: skip
_HIDDEN = ("scrape.", "process.")
_WORST = ("DOWN", "STALLED", "STALE", "SLOW", "UNKNOWN", "STARTING", "IDLE", "OK")
_SEVERITY = ("critical", "warning", "info")


def counts(alert: Alert) -> bool:
    """It fires, and nobody has taken or silenced it."""
    return alert.state == "firing" and alert.acknowledged is None and alert.silenced is None


def text(frame: Frame, *, utc: bool) -> str:
    """The whole picture, ending with a newline."""
    return "\n".join(line.rstrip() for line in _lines(frame, utc=utc)) + "\n"


def _lines(frame: Frame, *, utc: bool) -> Iterator[str]:
    from tui_monitor.cli import drift_lines, quality  # they share words with the panes, and those load what draws

    there = fmt.local(frame.at, utc=utc)
    demo = ", demo" if frame.engine.demo else ""
    yield f"tui-monitor {frame.version} on {frame.host} at {there:%Y-%m-%d %H:%M:%S %Z}{demo}"
    yield _summary(frame)
    for alert in sorted(frame.alerts, key=_badness):
        if alert.state in ("firing", "pending"):
            yield "  " + alert_line(alert, frame.at, utc=utc)
    yield from elsewhere(frame, utc=utc)
    yield from _host(frame)
    yield from _gpus(frame)
    yield from _targets(frame)
    yield from (_orphan(one) for one in frame.orphans)
    for name, queried in frame.queries.items():
        yield f"Prometheus {name}: " + _numbers(queried.values, list(queried.values), queried.absent)
    yield from quality.lines(frame, utc=utc)
    yield from drift_lines.lines(frame, utc=utc)
    if frame.engine.recording.startswith("paused"):
        yield f"Recording {frame.engine.recording}"


def elsewhere(frame: Frame, *, utc: bool) -> Iterator[str]:
    """Who is not told of our alerts, and what an Alertmanager says fires."""
    theirs = others.alerts(frame)
    if theirs:
        yield f"In {theirs[0].source}:"
        yield from ("  " + alert_line(alert, frame.at, utc=utc) for alert in theirs)
    for trouble in others.troubles(frame):
        yield trouble.text[0].upper() + trouble.text[1:] if trouble.role == "warn" else trouble.text


def _summary(frame: Frame) -> str:
    firing = [alert for alert in frame.alerts if counts(alert)]
    by = Counter[str](alert.severity for alert in firing)
    words = ", ".join(f"{by[severity]} {severity}" for severity in _SEVERITY if by[severity])
    taken = sum(alert.state == "firing" and alert.acknowledged is not None and alert.silenced is None for alert in frame.alerts)
    pending = sum(alert.state == "pending" for alert in frame.alerts)
    silenced = sum(alert.state == "firing" and alert.silenced is not None for alert in frame.alerts)
    hidden = f", {silenced} silenced" if silenced else ""
    servers = _states(target for target in frame.targets if target.about == "server") or "none found"
    exporters = _states(target for target in frame.targets if target.about != "server")
    line = f"Alerts: {len(firing)} firing{f' ({words})' if words else ''}, {taken} acknowledged{hidden}, {pending} pending. Servers: {servers}."
    if exporters:
        line += f" Exporters: {exporters}."
    return line + (f" Orphans: {len(frame.orphans)}." if frame.orphans else "")


def _states(targets: Iterable[Target]) -> str:
    states = Counter[str](target.state for target in targets)
    return ", ".join(f"{states[state]} {state}" for state in _WORST if states[state])


def _badness(alert: Alert) -> tuple[bool, bool, int, str]:
    return (alert.state != "firing", not counts(alert), _SEVERITY.index(alert.severity), alert.id)


def alert_line(alert: Alert, now: datetime, *, utc: bool) -> str:
    """One alert: id, severity, what it is now, since when, what, who has it, who hides it."""
    since = fmt.local(alert.ended_at or alert.fired_at or alert.since, utc=utc)
    line = f"{alert.id} {alert.severity} {_word(alert)} since {since:%Y-%m-%d %H:%M:%S}: {alert.rule} on {alert.target}: {alert.summary}"
    if alert.holding:
        line += f" ({alert.holding})"
    if alert.flapping:
        line += f" (flapping, came back {alert.flaps} time{'' if alert.flaps == 1 else 's'})"
    for what, act in (("taken", alert.acknowledged), ("silenced", alert.silenced), ("shelved", alert.shelved)):
        if act is not None:
            by = others.silencer(act) if isinstance(act, Silence) else act.by
            line += f" - {what} by {by} until {until(act.until, now, utc=utc)}{f': {act.comment}' if act.comment else ''}"
    return line


def _word(alert: Alert) -> str:
    """What it is now; in capitals what fires, so that it can be searched for."""
    if alert.state != "firing":
        return alert.state
    if alert.silenced is not None:
        return "SILENCED"
    if alert.shelved is not None:
        return "SHELVED"
    if isinstance(alert, others.TheirAlert) and alert.inhibited:
        return "INHIBITED"
    return "FIRING" if alert.acknowledged is None else "ACKED"


def until(at: datetime, now: datetime, *, utc: bool) -> str:
    """An end, or a moment: HH:MM, with its day when that is not within 24 hours."""
    there = fmt.local(at, utc=utc)
    return f"{there:%H:%M}" if abs(at - now) < timedelta(days=1) else f"{there:%Y-%m-%d %H:%M}"


def _value(key: str, value: float | None) -> str:
    term = VOCABULARY.get(key)
    return fmt.with_unit(value, term.unit if term else "")


def _numbers(metrics: Metrics, keys: list[str], absent: dict[str, str], at_least: list[str] | None = None) -> str:
    """The known numbers of some keys, then what is unknown and why."""
    known = [
        f"{_SHORT.get(key, key)} {'at least ' if key in (at_least or []) else ''}{_value(key, metrics[key])}"
        for key in keys
        if metrics.get(key) is not None
    ]
    why: dict[str, list[str]] = {}
    for key in keys:
        if key in metrics and metrics[key] is None:
            why.setdefault(absent.get(key, "not known"), []).append(_SHORT.get(key, key))
    if not known and len(why) == 1:
        return f"no numbers: {next(iter(why))}"
    unknown = [f"{', '.join(names)}: {reason}" for reason, names in why.items()]
    return "; ".join(part for part in (", ".join(known), *unknown) if part) or "no numbers"


def _host(frame: Frame) -> Iterator[str]:
    system, metrics = frame.system, frame.system.metrics
    cores = f" of {system.cores} cores" if system.cores else ""
    parts = [
        f"cpu {fmt.ratio(metrics.get('cpu.util'))}{cores}",
        f"load {fmt.number(metrics.get('load.1m'))}",
        f"memory {fmt.pair_of_sizes(metrics.get('memory.used'), metrics.get('memory.total'))}",
        f"swap {fmt.size(metrics.get('swap.used'))}",
        f"network {fmt.flow(metrics.get('net.rx'))} in {fmt.flow(metrics.get('net.tx'))} out",
    ]
    pressure = [f"{key[9:]} {fmt.ratio(metrics[key])}" for key in ("pressure.cpu", "pressure.memory", "pressure.io") if metrics.get(key)]
    yield (
        "Host: " + ", ".join(part for part in parts if fmt.NONE not in part) + (f", waiting for {', '.join(pressure)}" if pressure else "")
    )
    why: dict[str, list[str]] = {}
    for key, reason in system.absent.items():
        why.setdefault(reason, []).append(key)
    for reason, keys in why.items():
        yield f"  not known: {', '.join(keys)}: {reason}"
    for disk in system.disks:
        if disk.why:
            yield f"  disk {disk.mount}: {disk.why}"
        else:
            share = disk.used_bytes / disk.total_bytes if disk.used_bytes is not None and disk.total_bytes else None
            yield f"  disk {disk.mount}: {fmt.pair_of_sizes(disk.used_bytes, disk.total_bytes)} used, {fmt.ratio(share)}"


def _gpus(frame: Frame) -> Iterator[str]:
    if not frame.gpus:
        yield f"GPUs: none: {frame.gpu_why or 'not looked yet'}"
    silent = {target.name: target for target in frame.targets if target.about == "gpu" and target.state != "OK"}
    dark = Counter[str](gpu.source for gpu in frame.gpus if gpu.state == "UNKNOWN" and gpu.source in silent)
    own = {gpu.uuid for gpu in frame.gpus if gpu.source == "nvml"}
    for gpu in frame.gpus:
        twice = gpu.source != "nvml" and gpu.uuid in own and not gpu.slice  # an exporter tells of this host's GPUs too
        if not twice and (gpu.state != "UNKNOWN" or gpu.source not in silent):
            yield _gpu(gpu)
    for name, count in dark.items():
        yield f"{count} GPU{'' if count == 1 else 's'} of {name}: not known, their exporter is {silent[name].state}"


def _gpu(gpu: Gpu) -> str:
    from_ = f" of {gpu.source}" if gpu.source not in ("nvml", "demo") else ""
    slice_ = f" {gpu.slice}" if gpu.slice else ""
    why = f", {gpu.why}" if gpu.why and not gpu.simulated else ""
    name = f"GPU {gpu.index}{slice_}{from_} {gpu.name}{' (simulated)' if gpu.simulated else ''}: {gpu.state}{why}"
    keys = ["gpu.util", "gpu.temperature", "gpu.power"]
    parts = [f"{_SHORT[key]} {_value(key, gpu.metrics[key])}" for key in keys if gpu.metrics.get(key) is not None]
    if gpu.metrics.get("gpu.memory.used") is not None:
        parts.insert(1, f"memory {fmt.pair_of_sizes(gpu.metrics['gpu.memory.used'], gpu.metrics.get('gpu.memory.total'))}")
    if gpu.throttle:
        parts.append(f"slowed by {', '.join(gpu.throttle)}")
    serves = sorted({process.target for process in gpu.processes if process.target})
    if serves:
        parts.append(f"used by {', '.join(serves)}")
    return ", ".join([name, *parts])


def _targets(frame: Frame) -> Iterator[str]:
    if not any(target.about == "server" for target in frame.targets):
        yield "Servers: none found" + (", still looking" if frame.discovering else "; `tui-monitor doctor` tells what could not be seen")
    for target in sorted(frame.targets, key=lambda one: (one.about != "server", _WORST.index(one.state), one.name)):
        yield from _target(target, frame)


def _target(target: Target, frame: Frame) -> Iterator[str]:
    lasting = fmt.age((frame.at - target.since).total_seconds())
    version = f" {target.version}" if target.version else ""
    exporter = {"server": "", "gpu": "Exporter of GPUs ", "host": "Exporter of a host "}[target.about]
    yield f"{exporter}{target.name} ({target.kind}{version}, {target.url}): {target.state} for {lasting}{f': {target.why}' if target.why else ''}"
    keys = [key for key in _TARGET_FIRST if key in target.metrics]
    keys += [key for key in target.metrics if key not in keys and not key.startswith(_HIDDEN)]
    yield "  " + _numbers(target.metrics, keys, target.absent, target.at_least)
    if target.process is not None:
        yield "  " + _process(target.process, target.gpus, frame)
    if target.limited:
        yield f"  its page is read in part: {target.limited}"
    if target.bad_lines:
        yield f"  {target.bad_lines} line{'' if target.bad_lines == 1 else 's'} of its page could not be read and {'is' if target.bad_lines == 1 else 'are'} left out"
    yield from (f"  {_SHORT.get(key, key)}: at least, it misses {what}" for key, what in target.misses.items())
    if target.age_s is not None and target.age_s > 10:
        yield f"  these numbers are {fmt.age(target.age_s)} old"
    for model in target.models:
        version = f" version {model.version}" if model.version else ""
        why = f", {model.why}" if model.why else ""
        known = [key for key in _TARGET_FIRST if model.metrics.get(key) is not None]
        numbers = f": {_numbers(model.metrics, known, {})}" if known else ""
        yield f"  model {model.name}{version}{f' {model.state}' if model.state else ''}{why}{numbers}"


def _process(process: ServerProcess, gpus: list[int], frame: Frame) -> str:
    """The processes of a server in one sentence."""
    said = [f"process {process.pid}" + (f" and {process.processes - 1} more" if process.processes > 1 else "")]
    if process.started is not None:
        said.append(f"up {fmt.age((frame.at - process.started).total_seconds())}")
    if process.cpu is not None:
        said.append(f"uses {fmt.cores(process.cpu)} cores")
    if process.rss_bytes is not None:
        said.append(f"memory {fmt.size(process.rss_bytes)}")
    if gpus:
        used = f" with {fmt.size(process.gpu_memory_bytes)} in use" if process.gpu_memory_bytes is not None else ""
        said.append(f"GPU {' '.join(map(str, gpus))}{used}")
    if process.restarts:
        said.append(f"restarted {process.restarts} time{'' if process.restarts == 1 else 's'} since watching began")
    if process.container:
        said.append(f"in container {process.container}")
    if process.stopped:
        said.append(f"stopped: {' '.join(process.stopped)}")
    if process.orphan:
        said.append("an orphan, whoever started it is gone")
    return ", ".join(said)


def _orphan(orphan: Orphan) -> str:
    """A process that was left behind, and what it holds."""
    holds = [f"port{'' if len(orphan.ports) == 1 else 's'} {' '.join(map(str, orphan.ports))}"] if orphan.ports else []
    if orphan.gpus:
        memory = f" with {fmt.size(orphan.gpu_memory_bytes)}" if orphan.gpu_memory_bytes else ""
        holds.append(f"GPU {' '.join(map(str, orphan.gpus))}{memory}")
    of = f", left behind by {orphan.kind}" if orphan.kind else ""
    return f"Orphan {orphan.name} ({orphan.pid}){of}, holds {' and '.join(holds) or 'nothing that is known'}"
