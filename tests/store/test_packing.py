"""Any frame comes back as it was, alone or as a difference; damage is said."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_monitor.model import EngineInfo, Event, Frame, System, Target, utc
from tui_monitor.store.packing import PackingError, join, pack_difference, pack_key, split, unpack_difference, unpack_key

NUMBERS = st.floats(allow_nan=False) | st.none()
METRICS = st.dictionaries(st.sampled_from(["request.rate", "latency.p95", "queue.length"]), NUMBERS)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    targets = [
        Target(name=name, kind="vllm", url="", state="OK", why=draw(st.text(max_size=300)), since=utc(0), age_s=None, metrics=draw(METRICS))
        for name in draw(st.lists(st.sampled_from("abcdefgh"), max_size=12))
    ]
    return Frame(
        at=utc(draw(st.integers(0, 2_000_000_000))),
        host="h",
        version="1",
        engine=EngineInfo(pid=1, instance="x", started_at=utc(0), interval_s=1),
        system=System(metrics=draw(METRICS)),
        targets=targets,
        events=[Event(utc(0), text) for text in draw(st.lists(st.text(max_size=20), max_size=5))],
        strip=draw(st.text(alphabet="012?", max_size=60)),
    )


@settings(deadline=None)
@given(frames(), frames())
def test_a_frame_comes_back_from_any_key(key: Frame, frame: Frame) -> None:
    segments = unpack_key(pack_key(split(key)))
    assert join(segments) == key
    assert join(unpack_difference(segments, pack_difference(segments, split(frame)))) == frame


def test_segments_larger_than_the_window_come_back() -> None:
    def big(seed: int) -> Frame:
        targets = [
            Target(
                name=f"t{i}",
                kind="vllm",
                url="",
                state="OK",
                why="".join(f"{math.sin(seed + i * 31 + j):.6f}" for j in range(900 if i == 3 else 90)),
                since=utc(0),
                age_s=1.0,
            )
            for i in range(60)
        ]
        return Frame(
            at=utc(seed), host="h", version="1", engine=EngineInfo(pid=1, instance="x", started_at=utc(0), interval_s=1), targets=targets
        )

    key = split(big(1))
    assert join(unpack_difference(key, pack_difference(key, split(big(2))))) == big(2)


def test_what_did_not_change_costs_nothing() -> None:
    frame = Frame(
        at=utc(0), host="h", version="1", engine=EngineInfo(pid=1, instance="x", started_at=utc(0), interval_s=1), strip="0" * 5000
    )
    later = msgspec.structs.replace(frame, at=utc(1), seq=1)
    assert len(pack_difference(split(frame), split(later))) < 40


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_but_a_packing_error(data: bytes) -> None:
    key = {"at": b"\xc0", "host": b"\xa1h"}
    for unpack in (unpack_key, lambda data: unpack_difference(key, data)):
        try:
            segments = unpack(data)
        except PackingError:
            continue
        with pytest.raises(PackingError):
            join(segments)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = pack_key({"strip": bytes(2_000_000)})
    assert len(bomb) < 4000
    monkeypatch.setattr("tui_monitor.store.packing.LARGEST_BYTES", 1_000_000)
    with pytest.raises(PackingError, match="too large"):
        unpack_key(bomb)
