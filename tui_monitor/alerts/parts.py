"""What rules see of a target beyond its own numbers: its models, its windows; of signals, who follows; of logs, their slices and golden probes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from tui_monitor.language.names import window_now
from tui_monitor.model import Basis, Drift, Metrics, Model, Performance, ProbeState, Quality, Subject, Target, TargetWindow, clean
from tui_monitor.vocabulary import WINDOWS

WATCHED = 0.5  # of a window must have been watched before a rule is told its numbers

MOST_NAMED, LONGEST_NAME = 3, 30  # signals that an alert names beside its own, and of each name

_NOW = window_now("accuracy")
_SILENT_STATES = ("", "UNKNOWN")  # nobody says how the model is
_MEANT = ("READY", "UNLOADED", "UNLOADING")  # somebody wants it so


def of_models(target: Target, silent: str) -> list[Subject]:
    """The models of a target, each by "target/model" (and ":version" where its server serves several): what `subject = "model"` means.

    Args:
        target: the server.
        silent: why it says nothing now, as for the target itself.
    """
    twice = {model.name for place, model in enumerate(target.models) for other in target.models[:place] if other.name == model.name}
    return [_of_model(target, model, silent, versioned=model.name in twice) for model in target.models]


def _of_model(target: Target, model: Model, silent: str, *, versioned: bool) -> Subject:
    name = f"{target.name}/{model.name}" + (f":{model.version}" if versioned and model.version else "")
    labels = {"kind": target.kind, "target": target.name, "model": model.name} | ({"version": model.version} if model.version else {})
    return Subject("model", name, model.metrics, state=model.state, labels=labels, silent=silent, why=model.why)


def unready(models: Iterable[Model]) -> float | None:
    """`models.unready`: how many models are neither ready nor unloaded on purpose; None where their server does not say how any of them is."""
    told = [model.state for model in models if model.state not in _SILENT_STATES]
    return float(sum(state not in _MEANT for state in told)) if told else None


def windows_of(windows: Iterable[TargetWindow]) -> dict[str, dict[str, Metrics]]:
    """For each target what goes into `Subject.windows`: the windows of which half was watched. A rule over 24 h that only saw ten minutes would lie."""
    found: dict[str, dict[str, Metrics]] = {}
    for one in windows:
        if one.covered_s >= WATCHED * WINDOWS.get(one.window, float("inf")):
            found.setdefault(one.target, {})[one.window] = one.metrics
    return found


# -- drift signals ----------------------------------------------------------------------------------------------------------------------


def with_it(drift: Drift) -> str:
    """Why a signal drifts, and who follows it: their number and the first names, as many as a line holds."""
    names = [name.partition("/")[2].rpartition(":")[2] or name for name in drift.followed_by]
    if not names:
        return drift.sentence
    shown = [clean(name, LONGEST_NAME) for name in names[:MOST_NAMED]]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{drift.sentence} {len(names)} other{'s' if len(names) > 1 else ''} moved with it: {', '.join(shown)}{more}."


# -- prediction logs --------------------------------------------------------------------------------------------------------------------


class _Judged(NamedTuple):
    """What is judged apart: a log or one of its slices, from one source."""

    name: str
    slice: str | None
    basis: Basis


def of_logs(
    performance: Iterable[Performance], quality: Iterable[Quality] = (), probes: Iterable[ProbeState] = (), *, slices: bool = True
) -> list[Subject]:
    """Prediction logs, their slices and golden probes, from each source apart.

    Each is one subject with all its windows: `accuracy[5m] < 90% and accuracy[3h] < 92%`; a number without a window is that of the last 30
    minutes. Its state is the log's, or the probe's. Beside it stands one subject for each window, for rules with `where = {window = "30m"}`.
    What does not rest on labels is called "fraud (estimated)"; a probe has its own name, or is "fraud (probe)" beside a log of that name. Of several estimates for one window the first that
    says something counts.

    Args:
        performance: the windows of a frame.
        quality: how each log stands.
        probes: how each probe stands; the windows of others are left out.
        slices: whether any rule speaks of slices: there are many of them.
    """
    asking = {one.name: one for one in probes}
    standing = {one.name: one for one in quality}
    windows: dict[_Judged, dict[str, Performance]] = {_Judged(name, None, "labelled"): {} for name in standing}
    for one in performance:
        if (one.slice is None or slices) and (one.source != "probe" or one.name in asking):
            known = windows.setdefault(_Judged(one.name, one.slice, one.source), {})
            if one.window not in known or (not _says(known[one.window]) and _says(one)):
                known[one.window] = one
    found: list[Subject] = []
    for key, told in windows.items():
        ones = list(told.values())
        if key.basis == "probe":
            twice = any(other.name == key.name and other.basis != "probe" for other in windows)
            found += [_of_probe(asking[key.name], subject, twice) for subject in _of_windows(key, ones)]
        elif key.slice is None and key.basis == "labelled" and key.name in standing:
            found += [_of_standing(standing[key.name], subject) for subject in _of_windows(key, ones)]
        else:
            found += _of_windows(key, ones)
    return found


def _says(one: Performance) -> bool:
    return any(estimate.value is not None for estimate in one.metrics.values())


def _of_windows(key: _Judged, ones: list[Performance]) -> list[Subject]:
    """The whole, then each window."""
    windows: dict[str, Metrics] = {one.window: _numbers(one) for one in ones}
    now = next((one for window in (_NOW, "latest", "all") for one in ones if one.window == window), None)
    every: Metrics = {name: None for numbers in windows.values() for name in numbers}
    whole = Performance(
        name=key.name, window="", slice=key.slice, n=0, coverage=None, source=key.basis, metrics={}, why=now.why if now else ""
    )
    metrics = every if now is None else every | windows[now.window]
    return [_of_one(whole, metrics, windows), *(_of_one(one, every | windows[one.window], windows) for one in ones)]


def _of_one(one: Performance, metrics: Metrics, windows: dict[str, Metrics]) -> Subject:
    name = one.name if one.slice is None else f"{one.name}/{one.slice}"
    labels = {"source": one.name, "basis": one.source}
    if one.source not in ("labelled", "probe"):
        name = f"{name} ({one.source})"
        labels["target"] = one.name
    if one.slice is not None:
        labels["slice"] = one.slice
    if one.window:
        labels["window"] = one.window
    return Subject("performance" if one.slice is None else "slice", name, metrics, state="", labels=labels, why=one.why, windows=windows)


def _numbers(one: Performance) -> Metrics:
    known: Metrics = {key: estimate.value for key, estimate in one.metrics.items()}
    return known | {"label.coverage": one.coverage, "n": float(one.n), "n.labelled": float(one.labelled)}


def _of_standing(quality: Quality, subject: Subject) -> Subject:
    """The labelled numbers of a log have its state and its sentence; its windows keep their own."""
    metrics = {**subject.metrics, "label.age": quality.label_age_s}
    if "window" in subject.labels:
        return replace(subject, metrics=metrics)
    return replace(subject, metrics=metrics, state=quality.state, why=quality.sentence or subject.why)


def _of_probe(probe: ProbeState, subject: Subject, twice: bool) -> Subject:  # noqa: FBT001 -- whether a log has its name
    """Its state and sentence are the probe's; while nobody answers nothing is known of the model."""
    name = f"{subject.name} (probe)" if twice else subject.name
    silent = probe.why or probe.silent
    labels = {**subject.labels, "source": "probe", "target": probe.target}
    return replace(subject, name=name, labels=labels, state=probe.state, why=probe.sentence, silent=silent)
