"""Everything about one line: all numbers of a target, or the whole story of an alert, a signal, a window."""

from __future__ import annotations

from collections.abc import Iterator

from tui_monitor.model import Frame, Gpu, ServerProcess, Target
from tui_monitor.ui import format as fmt
from tui_monitor.ui.dialogs.models import table
from tui_monitor.ui.dialogs.text import TextDialog
from tui_monitor.ui.panes.explain import missing
from tui_monitor.ui.panes.gpus import label
from tui_monitor.ui.panes.why import bad_lines, restarted, span
from tui_monitor.ui.widgets.canvas import wrap
from tui_monitor.vocabulary import VOCABULARY

WIDTH = 103  # cells in the dialog where the screen is wide
_LABEL = 10  # cells of a line's name
_Fact = tuple[str, str]


class Detail(TextDialog):
    """`enter`."""

    wide = True


def of_target(frame: Frame, target: Target, *, utc: bool = False, width: int = WIDTH) -> list[str]:
    """State, origin, process and GPUs, models, every number, and why the others are missing, in lines of `width` cells."""
    lines = [line for name, text in _facts(frame, target, utc=utc) for line in _named(name, text, width)]
    lines += ["", *table(target.models, width)] if target.models else []
    return [*lines, "", *_numbers(target, width)] if target.metrics else lines


def _named(name: str, text: str, width: int) -> list[str]:
    """A fact: its name, and its text in as many lines as it needs."""
    lines = wrap(text, max(10, width - _LABEL), 6) or [fmt.NONE]
    return [f"{name if not i else '':<{_LABEL}}{line}" for i, line in enumerate(lines)]


def _facts(frame: Frame, target: Target, *, utc: bool) -> Iterator[_Fact]:
    """What it is, where it came from, and what it runs on."""
    age = fmt.age((frame.at - target.since).total_seconds())
    yield "state", f"{target.state} for {age}, since {fmt.moment(target.since, frame.at, utc=utc)}"
    yield "why", target.why or "all is well"
    yield "server" if target.about == "server" else "exporter", f"{target.kind} {target.version or ''}".rstrip() + f" at {target.url}"
    if target.how:
        yield "found", target.how
    if target.process is not None:
        yield from _process(frame, target, target.process, utc=utc)
    elif target.pid is not None:
        yield "process", str(target.pid)
    for gpu in frame.gpus:
        if gpu.index in target.gpus and gpu.source in {"nvml", "demo"}:
            yield _gpu(target, gpu)
    if target.limited:
        yield "page", f"read in part: {target.limited}"
    if target.bad_lines:
        yield "page", bad_lines(target)
    if target.age_s is not None:
        yield "numbers", f"{fmt.age(target.age_s)} old"


def _process(frame: Frame, target: Target, process: ServerProcess, *, utc: bool) -> Iterator[_Fact]:
    others = f" and {process.processes - 1} more" if process.processes > 1 else ""
    up = ""
    if process.started is not None:
        up = f", up {span((frame.at - process.started).total_seconds())} since {fmt.moment(process.started, frame.at, utc=utc)}"
    yield "process", f"{process.pid}{others}{up}"
    uses = [f"{fmt.cores(process.cpu)} cores"] if process.cpu is not None else []
    uses += [f"{fmt.size(process.rss_bytes)} memory"] if process.rss_bytes is not None else []
    uses += [f"{fmt.size(process.gpu_memory_bytes)} GPU memory"] if process.gpu_memory_bytes is not None else []
    if uses:
        yield "uses", ", ".join(uses)
    if process.restarts:
        news = restarted(target, frame.at).partition(",")[0]
        yield "restarts", f"{process.restarts} since watching began" + (f", {news}" if news else "")
    if process.container:
        yield "container", process.container
    if process.stopped:
        yield "stopped", f"{', '.join(process.stopped)}: does nothing until somebody lets it go on (kill -CONT)"
    if process.orphan:
        yield "orphan", "whoever started it is gone: nobody will start it again"


def _gpu(target: Target, gpu: Gpu) -> _Fact:
    """A GPU of the target, and what its processes have of it."""
    name = f"GPU {gpu.index}"
    if gpu.state != "OK":
        return name, f"{gpu.state}: {gpu.why}"
    metrics = gpu.metrics
    parts = [label(gpu).partition(" ")[2]]
    if metrics.get("gpu.util") is not None:
        parts.append(f"{fmt.ratio(metrics['gpu.util'])} busy")
    if metrics.get("gpu.memory.used") is not None:
        own = sum(process.used_bytes or 0 for process in gpu.processes if process.target == target.name)
        of_it = f", {fmt.size(own)} of it its own" if own else ""
        parts.append(f"memory {fmt.pair_of_sizes(metrics['gpu.memory.used'], metrics.get('gpu.memory.total'))}{of_it}")
    parts += [fmt.metric(key, metrics[key]) for key in ("gpu.temperature", "gpu.power") if metrics.get(key) is not None]
    return name, ", ".join(parts)


def _numbers(target: Target, width: int) -> list[str]:
    """Every number that there is with its bucket, then the missing ones, together by their reason."""
    order = list(VOCABULARY)
    keys = sorted(target.metrics, key=lambda key: order.index(key) if key in VOCABULARY else 999)
    known = [key for key in keys if target.metrics[key] is not None]
    longest = max((len(key) for key in known), default=0)
    lines = ["numbers of the last minute"] if known else []
    for key in known:
        low, high = target.bounds.get(key, (None, None))
        bound = f"  between {fmt.metric(key, low)} and {fmt.metric(key, high)}" if low is not None and high is not None else ""
        value = f"{'≥ ' if key in target.at_least else ''}{fmt.metric(key, target.metrics[key])}"
        lines.append(f"  {key:<{longest}}  {value:>10}{bound}")
        if key in target.at_least:
            misses = target.misses.get(key, "above the largest bucket, which has no upper end")
            lines += [f"      {line}" for line in wrap(f"at least: {misses}", width - 6, 4)]
    reasons = missing(target, width)
    return [*lines, *([""] if lines and reasons else []), *reasons]
