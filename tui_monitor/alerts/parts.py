"""What rules see of a target beyond its own numbers: its models, its windows; and the slices of a prediction log."""

from __future__ import annotations

from collections.abc import Iterable

from tui_monitor.model import Metrics, Model, Performance, Subject, Target, TargetWindow
from tui_monitor.vocabulary import WINDOWS

WATCHED = 0.5  # of a window must have been watched before a rule is told its numbers

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


def of_slice(performance: Performance) -> Subject:
    """One window of a slice of a prediction log, by "log/slice": what `subject = "slice"` means."""
    metrics = {key: estimate.value for key, estimate in performance.metrics.items()} | {"label.coverage": performance.coverage}
    labels = {"source": performance.name, "slice": performance.slice or "", "window": performance.window, "n": str(performance.n)}
    return Subject("slice", f"{performance.name}/{performance.slice}", metrics, state="OK", labels=labels, why=performance.why)
