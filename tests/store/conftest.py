"""Frames as an engine makes them, one a second."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tui_monitor.model import EngineInfo, Episode, Estimate, Event, Frame, Gpu, Performance, Queried, System, Target, utc

T0 = 1_760_000_000.0


def make_frame(second: float, *, targets: int = 2) -> Frame:
    """The frame of that second: some of it moves, some stands."""
    return Frame(
        at=utc(T0 + second),
        seq=int(second),
        host="gpu-host",
        version="0.1.0",
        engine=EngineInfo(pid=7, instance="default", started_at=utc(T0), interval_s=1.0, cpu_ratio=0.01 * (second % 7)),
        system=System(metrics={"cpu.util": (second % 10) / 10, "load.1m": None}),
        gpus=[Gpu(index=0, uuid="GPU-0", name="H200", state="OK", metrics={"gpu.util": second % 2})],
        targets=[
            Target(
                name=f"t{place}",
                kind="vllm",
                url=f"http://127.0.0.1:80{place:02}",
                state="OK",
                why="finishes requests",
                since=utc(T0),
                age_s=0.5,
                metrics={"request.rate": second + place, "latency.p95": 0.25},
                absent={"error.ratio": "not counted by this server"},
            )
            for place in range(targets)
        ],
        performance=[
            Performance(
                name="fraud",
                window="30m",
                slice=part,
                n=10,
                labelled=9,
                coverage=0.9,
                metrics={"accuracy": Estimate(0.9, 0.8, 0.95, floor=0.7)},
            )
            for part in (None, "long")
        ],
        events=[Event(utc(T0 + second), f"second {second:g}")],
        queries={"central": Queried({"checkout.conversion": second / 100}, {})},
        strip="0" * 60,
    )


def make_episode(identity: str = "abc12345", **changes: object) -> Episode:
    """A firing episode."""
    fields: dict[str, object] = {
        "id": identity,
        "rule": "stalled",
        "kind": "target",
        "target": "t0",
        "severity": "critical",
        "state": "firing",
        "since_s": T0,
        "for_s": 30.0,
        "last_true_s": T0 + 40,
        "fired_s": T0 + 30,
        "summary": "t0 makes no progress",
    }
    return Episode(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def make() -> Callable[..., Frame]:
    """Makes frames."""
    return make_frame


@pytest.fixture
def episode() -> Callable[..., Episode]:
    """Makes episodes."""
    return make_episode


@pytest.fixture
def t0() -> float:
    """When the first frame was made."""
    return T0
