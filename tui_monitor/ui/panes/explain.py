"""What a number means: its sentence, unit, window, where it comes from, how old it is, and why it is missing when it is."""

from __future__ import annotations

from tui_monitor.model import Frame, Gpu, Target
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes import drift_explain, expected
from tui_monitor.ui.panes.why import bad_lines
from tui_monitor.ui.widgets.canvas import wrap
from tui_monitor.vocabulary import VOCABULARY

UNITS = {
    "s": "seconds",
    "B": "bytes",
    "ratio": "share, 0 to 1, shown as per cent",
    "/s": "per second",
    "": "a bare number",
    "B/s": "bytes per second",
}
_GAUGES = {"request.running", "queue.length", "kv_cache.used", "load.1m", "memory.used", "memory.total", "disk.used.ratio"}
_HOW = {"sum": "summed over replicas", "merge": "from merged buckets or exact sums", "worst": "the worst of the replicas", "one": ""}
_MODELS = 12  # lines
_ROW = (("request.rate", "REQ/S"), ("request.running", "RUN"), ("queue.length", "WAIT"), ("kv_cache.used", "KV"))
_STATES = {
    "OK": "it answers, and work gets done",
    "IDLE": "it answers, and there is no work",
    "SLOW": "it answers late, or not every time",
    "STALLED": "work or clients are there, and nothing gets finished",
    "STARTING": "its process is young and was never ready yet: no fault until it takes too long",
    "STALE": "no fresh numbers since some time: what is shown is the past",
    "DOWN": "nobody listens, or it says itself that it cannot serve",
    "UNKNOWN": "it answers, and does not tell whether work gets done",
}


def explain(frame: Frame, subject: str, key: str) -> list[str]:
    """Lines about one number of a target, "host", "gpu0" ..., a signal ("source/name") or a prediction log."""
    term = VOCABULARY.get(key)
    lines = [key, f"means    {term.means}", f"unit     {UNITS.get(term.unit, term.unit)}"] if term else [key]
    target = next((target for target in frame.targets if target.name == subject), None)
    if target is not None:
        return lines + _of_target(frame, target, key) + expected.lines(frame, target.name, key)
    gpu = next((gpu for gpu in frame.gpus if subject in {gpu.subject, gpu.uuid}), None)
    if gpu is not None:
        return lines + _of_gpu(gpu, key)
    if subject in {"host", frame.host}:
        value = frame.system.metrics.get(key)
        lines.append(f"value    {fmt.metric(key, value)}")
        lines.append("from     the kernel (/proc), read on this host")
        if frame.system.age_s is not None:
            lines.append(f"age      {fmt.age(frame.system.age_s)}")
        if value is None:
            lines.append(f"absent   {frame.system.absent.get(key, 'no second look yet')}")
        lines += expected.lines(frame, "host", key)
        return [*lines, f"forecast {frame.forecasting}"] if frame.forecasting else lines
    signal = next((signal for signal in frame.drift if subject in {f"{signal.source}/{signal.signal}", signal.signal}), None)
    if signal is not None:
        return lines + drift_explain.of_signal(frame, signal)
    quality = [
        f"{p.window:<8} {_quality(frame, subject, p.window, key)}" for p in frame.performance if p.name == subject and p.slice is None
    ]
    return lines + (quality or [f"absent   nothing named {subject} is watched now"])


def of_state(frame: Frame, target: Target, *, utc: bool) -> list[str]:
    """What a row of Health says: the state and what it means, where each of its numbers comes from, and what is missing and why."""
    since = fmt.moment(target.since, frame.at, utc=utc)
    lines = [
        f"{target.name}  {target.state} since {since}",
        f"means    {_STATES[target.state]}",
        f"why      {target.why or 'all is well'}",
        f"kind     {target.kind} {target.version or ''}".rstrip(),
        f"url      {target.url}",
    ]
    lines += [f"found    {target.how}"] if target.how else []
    lines += [f"page     read in part: {target.limited}"] if target.limited else []
    lines += [f"page     {bad_lines(target)}"] if target.bad_lines else []
    row = [(key, head) for key, head in _ROW if target.metrics.get(key) is not None]
    lines += [""] if row else []
    for key, head in row:
        value = f"{'≥' if key in target.at_least else ''}{fmt.metric(key, target.metrics[key])}"
        lines.append(f"{head:<8} {value:>8}  {key}{', now' if key in _GAUGES else _window(frame, target, ', over ')}")
        lines += [f"{'':<19}from {target.series[key]}"] if key in target.series else []
    process = target.process
    if process is not None:
        lines += [""] if not row else []
        lines += [f"CPU MEM  of process {process.pid} and its children, from the kernel of this host"]
    return lines


def _window(frame: Frame, target: Target, before: str = "") -> str:
    """The window of rates and quantiles, as far as it is known."""
    known = next((window.covered_s for window in frame.windows if window.target == target.name and window.window == "1m"), 60.0)
    return before + ("the last minute" if known >= 55 else f"the last {known:.0f} s, which is all that is known yet")


def _of_target(frame: Frame, target: Target, key: str) -> list[str]:
    value = target.metrics.get(key)
    lines = [f"value    {'at least ' if key in target.at_least else ''}{fmt.metric(key, value)}"]
    if key in target.at_least and value is not None:
        lines.append(f"misses   {target.misses.get(key, 'it fell into the last bucket, which has no upper end: it may be any larger')}")
    term = VOCABULARY.get(key)
    if term is not None and value is not None:
        how = f"; {_HOW[term.over]}" if _HOW[term.over] else ""
        lines.append(f"window   {'now' if key in _GAUGES else _window(frame, target)}{how}")
    spans = [f"{w.window} {fmt.metric(key, w.metrics.get(key))}" for w in frame.windows if w.target == target.name and key in w.metrics]
    if spans:
        lines.append(f"longer   {', '.join(spans)}")
    if key in target.bounds:
        low, high = target.bounds[key]
        lines.append(f"bucket   between {fmt.metric(key, low)} and {fmt.metric(key, high)}: interpolated within, as Prometheus does")
    if key in target.series:
        lines.append(f"from     {target.series[key]} of {target.url}")
    elif value is not None:
        lines.append(f"from     {target.url}")
    lines.append(f"age      {fmt.age(target.age_s)}")
    if target.limited or target.bad_lines:
        lines.append(f"page     {f'read in part: {target.limited}' if target.limited else bad_lines(target)}")
    if value is None:
        lines.append(f"absent   {target.absent.get(key, 'this kind of server does not tell it')}")
    return lines + _of_models(target, key)


def _of_models(target: Target, key: str) -> list[str]:
    """The same number of each model where there are several, the largest first."""
    told = sorted(((value, model) for model in target.models if (value := model.metrics.get(key)) is not None), key=lambda one: -one[0])
    if len(target.models) < 2 or not told:
        return []
    lines = [
        f"{'models' if not i else '':<8} {fmt.metric(key, value):>8}  {model.name}{f' {model.version}' if model.version else ''}"
        for i, (value, model) in enumerate(told[:_MODELS])
    ]
    if len(told) > _MODELS:
        lines.append(f"{'':<8} and {len(told) - _MODELS} more, down to {fmt.metric(key, told[-1][0])}")
    return lines


def missing(target: Target, width: int) -> list[str]:
    """The numbers that are not there, one paragraph a reason, the one with a cure first."""
    why: dict[str, list[str]] = {}
    for key in target.metrics:
        if target.metrics[key] is None:
            why.setdefault(target.absent.get(key, "nobody can say why"), []).append(key)
    lines = ["missing"] if why else []
    for reason, keys in sorted(
        why.items(), key=lambda one: (not one[0].startswith("needs "), one[0].startswith("not counted"), -len(one[1]))
    ):
        lines += [f"  {line}" for line in wrap(f"{reason}:", width - 2, 4)]
        lines += [f"    {line}" for line in wrap(", ".join(keys), width - 4, 12)]
    return lines


def _of_gpu(gpu: Gpu, key: str) -> list[str]:
    value = gpu.metrics.get(key)
    source = "simulated for the demo" if gpu.simulated else "the NVIDIA driver (NVML)" if gpu.source == "nvml" else gpu.source
    lines = [f"value    {fmt.metric(key, value)}", f"from     {source}, GPU {gpu.index} {gpu.name} {gpu.uuid}"]
    if gpu.age_s is not None:
        lines.append(f"age      {fmt.age(gpu.age_s)}")
    if value is None:
        lines.append(f"absent   {gpu.why or 'this GPU or its driver does not tell it'}")
    return lines


def _quality(frame: Frame, name: str, window: str, key: str) -> str:
    performance = next(p for p in frame.performance if p.name == name and p.window == window and p.slice is None)
    estimate = performance.metrics.get(key)
    if estimate is None or estimate.value is None:
        return f"– {performance.why}".rstrip()
    spread = "" if estimate.low is None or estimate.high is None else f", 95 % between {estimate.low:.3f} and {estimate.high:.3f}"
    return f"{estimate.value:.3f}{spread}, {estimate.source}, n {performance.n}"
