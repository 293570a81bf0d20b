"""What rules see of models, windows and slices."""

from __future__ import annotations

import pytest

from tui_monitor.alerts.parts import of_logs, of_models, unready, windows_of
from tui_monitor.alerts.rules import lookup, read_rule
from tui_monitor.config import RuleSettings
from tui_monitor.model import Estimate, Model, Performance, Subject, Target, TargetWindow, utc


def target(*models: Model) -> Target:
    return Target(name="repo", kind="triton", url="http://127.0.0.1:8000", state="OK", why="", since=utc(0), age_s=1.0, models=list(models))


def test_models_are_named_by_their_target() -> None:
    one, two, other = of_models(
        target(Model("bert", "1", "READY", {"latency.p95": 0.1}), Model("bert", "2", "FAILED", why="no file"), Model("t5", None, "READY")),
        "",
    )
    assert [subject.name for subject in (one, two, other)] == ["repo/bert:1", "repo/bert:2", "repo/t5"]
    assert two == Subject(
        "model", "repo/bert:2", {}, "FAILED", {"kind": "triton", "target": "repo", "model": "bert", "version": "2"}, why="no file"
    )
    assert one.metrics == {"latency.p95": 0.1}
    broken = read_rule(RuleSettings("broken", "state == FAILED", where={"subject": "model", "target": "repo"}, summary="{model}: {why}"))
    assert [subject.name for subject in (one, two, other) if broken.concerns(subject) and broken.when.truth(lookup(subject).get)] == [
        "repo/bert:2"
    ]
    assert broken.sentence(two, None) == "bert: no file"
    assert of_models(target(Model("bert", "1", "READY")), "refused")[0].silent == "refused"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], None),
        (["UNKNOWN", ""], None),
        (["READY", "UNKNOWN"], 0.0),
        (["READY", "UNLOADED"], 0.0),  # somebody wants it so
        (["READY", "LOADING", "UNAVAILABLE", "FAILED"], 3.0),
        (["out of memory"], 1.0),  # its server's own word
    ],
)
def test_unready(states: list[str], expected: float | None) -> None:
    assert unready([Model(f"m{place}", None, state) for place, state in enumerate(states)]) == expected


def test_a_window_counts_when_half_of_it_was_watched() -> None:
    told = [
        TargetWindow(target="chat", window=window, covered_s=900.0, metrics={"latency.p95": 0.1}) for window in ("5m", "30m", "3h", "24h")
    ]
    assert windows_of(told) == {"chat": {"5m": {"latency.p95": 0.1}, "30m": {"latency.p95": 0.1}}}
    assert windows_of([]) == {}


def test_a_slice_is_named_by_its_log() -> None:
    one = Performance(name="mood", window="30m", slice="long", n=7, labelled=3, coverage=0.5, metrics={"accuracy": Estimate(0.4)})
    whole, half_hour = of_logs([one])
    numbers = {"accuracy": 0.4, "label.coverage": 0.5, "n": 7.0, "n.labelled": 3.0}
    for told in (whole, half_hour):
        assert (told.kind, told.name, told.metrics, told.windows) == ("slice", "mood/long", numbers, {"30m": numbers})
    assert whole.labels == {"source": "mood", "basis": "labelled", "slice": "long"}
    assert half_hour.labels == {**whole.labels, "window": "30m"}
    assert of_logs([one], slices=False) == []
