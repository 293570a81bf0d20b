"""What rules are asked about, from a frame's parts."""

from __future__ import annotations

import pytest

from tui_monitor.engine import subjects
from tui_monitor.model import Disk, Drift, Estimate, Model, Performance, Quality, Queried, System, Target, utc


def target(**changes: object) -> Target:
    values = {
        "name": "llm", "kind": "vllm", "url": "http://x", "state": "OK", "why": "", "since": utc(100), "age_s": 1.0,
        "metrics": {"latency.p95": 0.5, "scrape.up": 1.0},
    }  # fmt: skip
    return Target(**(values | changes))  # type: ignore[arg-type]


def test_of_a_silent_server_only_its_state_is_known() -> None:
    subject = subjects.of_target(target(state="DOWN", metrics={"latency.p95": 0.5, "scrape.up": 0.0}), "refused", 160.0)
    assert subject.metrics == {"latency.p95": None, "scrape.up": 0.0, "state.age": 60.0, "models.unready": None}
    assert (subject.state, subject.silent) == ("DOWN", "refused")


@pytest.mark.parametrize(
    ("disk", "ratio", "silent"),
    [
        (Disk("/", "/dev/sda", 90, 100), 0.9, ""),
        (Disk("/nfs", "host:/x", None, None, "did not answer for 4 s"), None, "did not answer for 4 s"),
        (Disk("/empty", "tmpfs", 0, 0), None, ""),
    ],
)
def test_a_disk_is_as_full_as_it_says_or_silent(disk: Disk, ratio: float | None, silent: str) -> None:
    subject = subjects.of_disk(disk)
    assert subject.metrics["disk.used.ratio"] == ratio
    assert subject.silent == silent


def test_a_signal_is_named_after_its_source_and_carries_its_role() -> None:
    drift = Drift(
        signal="vllm:prompts", source="llm", role="input", state="drift", since=None, test="ks", effect=0.2, bound=">=", p=None,
        n_reference=500, n_now=500, evidence=3.0, sentence="moved",
    )  # fmt: skip
    subject = subjects.of_signal(drift)
    assert (subject.name, subject.labels["role"], subject.labels["target"]) == ("llm/vllm:prompts", "input", "llm")
    assert subject.metrics == {"drift.evidence": 3.0, "drift.ks": 0.2}


def test_everything_is_asked_about_once() -> None:
    queried = Queried({"conversion": 0.1}, {})
    found = subjects.all_of("h", System(metrics={"cpu.util": 0.1}), [], {"llm": (target(), "")}, [], [], {"central": (queried, "")}, 160.0)
    assert [(subject.kind, subject.name) for subject in found] == [("host", "h"), ("target", "llm"), ("query", "central")]


def test_a_target_brings_its_windows_its_models_and_how_many_are_not_ready() -> None:
    one = target(models=[Model("a", None, "READY", {"latency.p95": 0.1}), Model("b", "2", "UNAVAILABLE", why="no weights")])
    whole = subjects.of_target(one, "", 160.0, {"30m": {"latency.p95": 0.4}})
    assert whole.metrics["models.unready"] == 1.0
    assert whole.windows == {"30m": {"latency.p95": 0.4}}
    asked = subjects.all_of("host", System(), [], {"llm": (one, "")}, [], [], {}, 160.0, models=True)
    assert [(subject.kind, subject.name, subject.state) for subject in asked if subject.kind == "model"] == [
        ("model", "llm/a", "READY"),
        ("model", "llm/b", "UNAVAILABLE"),
    ]


def test_a_log_brings_its_windows_its_state_and_its_slices() -> None:
    windows = [
        Performance(name="fraud", window=name, slice=slice_, n=50, coverage=1.0, metrics={"accuracy": Estimate(value)})
        for name, slice_, value in (("5m", None, 0.8), ("30m", None, 0.9), ("30m", "long", 0.7))
    ]
    quality = [Quality(name="fraud", task="binary", key="accuracy", state="DECAYED", sentence="it decays")]
    asked = subjects.all_of("host", System(), [], {}, [], windows, {}, 160.0, quality=quality)
    whole = next(one for one in asked if one.name == "fraud" and "window" not in one.labels)
    assert (whole.kind, whole.state, whole.why) == ("performance", "DECAYED", "it decays")
    assert {name: numbers["accuracy"] for name, numbers in whole.windows.items()} == {"5m": 0.8, "30m": 0.9}
    assert [one.name for one in asked if one.kind == "slice"] == ["fraud/long", "fraud/long"]
    assert not [one for one in subjects.all_of("host", System(), [], {}, [], windows, {}, 160.0, slices=False) if one.kind == "slice"]


def test_a_log_that_says_nothing_yet_is_there_all_the_same() -> None:
    (_, told) = subjects.all_of("host", System(), [], {}, [], [], {}, 160.0, quality=[Quality(name="fraud", task="binary", key="accuracy")])
    assert (told.kind, told.name, told.state) == ("performance", "fraud", "UNKNOWN")
