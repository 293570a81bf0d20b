"""What a number means: its sentence, unit, window, where it comes from, how old it is, and why it is missing when it is."""

from __future__ import annotations

from tui_monitor.model import Drift, Frame, Gpu, Target
from tui_monitor.ui import format as fmt
from tui_monitor.vocabulary import VOCABULARY

_UNITS = {
    "s": "seconds",
    "B": "bytes",
    "ratio": "share, 0 to 1, shown as per cent",
    "/s": "per second",
    "": "a bare number",
    "B/s": "bytes per second",
}


def explain(frame: Frame, subject: str, key: str) -> list[str]:
    """Lines about one number of a target, "host", "gpu0" ..., a signal ("source/name") or a prediction log."""
    term = VOCABULARY.get(key)
    lines = [key, f"means    {term.means}", f"unit     {_UNITS.get(term.unit, term.unit)}"] if term else [key]
    target = next((target for target in frame.targets if target.name == subject), None)
    if target is not None:
        return lines + _of_target(frame, target, key)
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
        return lines
    signal = next((signal for signal in frame.drift if subject in {f"{signal.source}/{signal.signal}", signal.signal}), None)
    if signal is not None:
        return lines + of_signal(signal)
    quality = [
        f"{p.window:<8} {_quality(frame, subject, p.window, key)}" for p in frame.performance if p.name == subject and p.slice is None
    ]
    return lines + (quality or [f"absent   nothing named {subject} is watched now"])


def _of_target(frame: Frame, target: Target, key: str) -> list[str]:
    value = target.metrics.get(key)
    lines = [f"value    {'at least ' if key in target.at_least else ''}{fmt.metric(key, value)}"]
    term = VOCABULARY.get(key)
    if term is not None and term.over in {"sum", "merge", "worst"}:
        how = {"sum": "summed over replicas", "merge": "from merged buckets or exact sums", "worst": "the worst of the replicas"}[term.over]
        gauge = key in {"request.running", "queue.length", "kv_cache.used"}
        lines.append(f"window   {'now' if gauge else 'the last minute, or what is known when that is less'}; {how}")
    spans = [f"{w.window} {fmt.metric(key, w.metrics.get(key))}" for w in frame.windows if w.target == target.name and key in w.metrics]
    if spans:
        lines.append(f"longer   {', '.join(spans)}")
    if key in target.bounds:
        low, high = target.bounds[key]
        lines.append(f"bucket   between {fmt.metric(key, low)} and {fmt.metric(key, high)}: interpolated within, as Prometheus does")
    if key in target.series:
        lines.append(f"from     {target.series[key]} of {target.url}")
    lines.append(f"age      {fmt.age(target.age_s)}")
    if value is None:
        lines.append(f"absent   {target.absent.get(key, 'this kind of server does not tell it')}")
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


def of_signal(signal: Drift) -> list[str]:
    """What is known about a signal."""
    bound = "at least " if signal.bound == ">=" else ""
    lines = [f"signal   {signal.signal} of {signal.source} ({signal.role}), {signal.state}", f"test     {signal.test}"]
    if signal.effect is not None:
        lines.append(f"effect   {bound}{signal.effect:.3f}: the largest gap between then and now; 0 same, 1 disjoint")
    if signal.evidence is not None:
        lines.append(f"evidence 10^{signal.evidence:.1f} times the false-alarm budget; at 1 (10^0) it is used up")
    lines.append(f"rows     {fmt.count(signal.n_now)} now, {fmt.count(signal.n_reference)} in the reference")
    return [*lines, f"so       {signal.sentence}"] if signal.sentence else lines


def _quality(frame: Frame, name: str, window: str, key: str) -> str:
    performance = next(p for p in frame.performance if p.name == name and p.window == window and p.slice is None)
    estimate = performance.metrics.get(key)
    if estimate is None or estimate.value is None:
        return f"– {performance.why}".rstrip()
    spread = "" if estimate.low is None or estimate.high is None else f", 95 % between {estimate.low:.3f} and {estimate.high:.3f}"
    return f"{estimate.value:.3f}{spread}, {estimate.source}, n {performance.n}"
