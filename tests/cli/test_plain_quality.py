"""Quality read out: how a log stands, source by source, what is worst, and nothing private."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tui_monitor.cli import plain
from tui_monitor.model import ChangedAnswer, EngineInfo, Estimate, Frame, Paired, Performance, ProbeState, Quality, WorstSlice

AT = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


def _text(**more: Any) -> str:
    engine = EngineInfo(pid=1, instance="default", started_at=AT, interval_s=1.0)
    return plain.text(Frame(**{"at": AT, "host": "h1", "version": "0", "engine": engine, "gpu_why": "no NVIDIA driver", **more}), utc=True)


def _over(window: str, value: float, **more: Any) -> Performance:
    given = {
        "name": "fraud",
        "window": window,
        "slice": None,
        "n": 200,
        "coverage": 0.5,
        "metrics": {"accuracy": Estimate(value, 0.7, 0.9, floor=0.85, breach=value < 0.85)},
    }
    return Performance(**{**given, **more})


def test_a_log_is_read_out_with_its_windows_sources_and_faults() -> None:
    log = Quality(
        name="fraud", task="binary", key="accuracy", state="FALLING", since=AT, sentence="below its floor over 5m", label_age_s=31.0, private=["email"], sampled=0.5,
        worst=[WorstSlice("tag == nlp", "30m", "accuracy", Estimate(0.6), Estimate(0.9), Estimate(0.3), 0.01)], left_out={"duplicate": 4, "time_unreadable": 0},
        pairs=[Paired("base model", "24h", "accuracy", Estimate(0.9), Estimate(0.88), Estimate(0.02))],
    )  # fmt: skip
    estimated = _over(
        "5m",
        0.82,
        source="estimated",
        coverage=None,
        assumption="assumes that what a score means is unchanged",
        metrics={"accuracy": Estimate(0.82)},
    )
    text = _text(
        quality=[Quality(name="good", task="binary", key="accuracy", state="OK"), log],
        performance=[_over("5m", 0.8), _over("all", 0.9), estimated],
    )
    assert "Quality of fraud (binary): FALLING since 2026-05-01 12:00:00: below its floor over 5m\n" in text
    assert "  Performance fraud over 5m: accuracy 80.0% (70.0% to 90.0%), below its floor of 85.0%; 200 rows, 50% labelled\n" in text
    assert "  Performance fraud over all: accuracy 90.0% (70.0% to 90.0%); 200 rows, 50% labelled\n" in text
    assert "  Performance fraud over 5m, estimated: accuracy 82.0%; 200 rows\n" in text
    assert "  estimated: assumes that what a score means is unchanged\n" in text
    assert "  worst slice tag == nlp over 30m: accuracy 60.0%, 30.0 points below the rest\n" in text
    assert "  against base model over 24h: accuracy +2.0 points\n" in text
    assert "  labels come 31s after the prediction\n" in text
    assert "  rows left out: duplicate 4\n" in text
    assert "  50% of the rows is kept, because more come than the limit\n" in text
    assert "  private columns, never shown: email\n" in text
    assert text.index("Quality of fraud") < text.index("Quality of good"), "the worst first"


def test_a_silent_log_and_golden_questions() -> None:
    probe = ProbeState(
        name="golden", target="llm", state="CHANGED", sentence="1 answer is another", failing="timeout", changed_total=1,
        changed=[ChangedAnswer("q1", "a", "b", "a", right=False, was_right=True, since=AT)],
    )  # fmt: skip
    text = _text(quality=[Quality(name="fraud", task="binary", key="accuracy", problem="no such file")], probes=[probe])
    assert "  nothing new comes in: no such file\n" in text
    assert "Golden questions golden to llm: CHANGED: 1 answer is another\n" in text
    assert "  1 answer changed since the first run: q1\n" in text
    assert "Quality of golden (golden questions): CHANGED" in text
