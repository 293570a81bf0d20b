"""One signal whose judging raises: it is blind with the reason, told once, and all others are judged as if it were not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from drift_traffic import EDGES, LONG, NORMAL, SETTINGS, Traffic
from msgspec.structs import replace

from tui_monitor.analyse.drift import verdicts
from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.analyse.drift.signal import Signal
from tui_monitor.model import Drift

BAD = ("llm", "bad")


class Broken:
    """A judge that raises whatever is asked of it."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


class Two(Traffic):
    """The server's histogram, and a second one that is the same: in front of it in the room, or behind."""

    def __init__(self, *, first: bool, edges: list[float] = EDGES) -> None:
        super().__init__(DriftRoom(SETTINGS))
        self.edges = edges
        self._observe = self.room.observe
        self.room.observe = self.both if first else self.both_last  # type: ignore[method-assign]

    def both(self, at_s: float, source: str, signal: str, role: str, edges: Any, cumulative: Any) -> None:  # type: ignore[override]
        self._observe(at_s, "llm", "bad", "input", self.edges, cumulative)
        self._observe(at_s, source, signal, role, edges, cumulative)

    def both_last(self, at_s: float, source: str, signal: str, role: str, edges: Any, cumulative: Any) -> None:  # type: ignore[override]
        self._observe(at_s, source, signal, role, edges, cumulative)
        self._observe(at_s, "llm", "bad", "input", self.edges, cumulative)

    def bad(self) -> Drift:
        return next(one for one in self.room.verdicts(self.now_s) if one.signal == "bad")

    def breaks(self, error: Exception) -> None:
        self.room._signals[BAD].judge = Broken(error)  # type: ignore[assignment]


def alone(*parts: tuple[float, list[float]]) -> list[Drift]:
    """What the other signal says when it is alone in the room."""
    traffic = Traffic(DriftRoom(SETTINGS))
    return [traffic.run(*part) for part in parts]


def same(one: Drift, other: Drift) -> None:
    """But for the budget, which was that of two until one of them failed."""
    shared = {"evidence": None, "evidence_past": [], "moved_together": [], "budget_days": None, "raised": None}
    assert replace(one, **shared) == replace(other, **shared)


@pytest.mark.parametrize("first", [True, False])
def test_the_others_are_judged_as_if_it_were_not_there(first: bool) -> None:
    traffic = Two(first=first)
    traffic.run(120, NORMAL)
    assert traffic.room.notes() == []
    traffic.breaks(ValueError("bad \x1b[31mbins\nhere"))
    calm, drifting = traffic.run(60, NORMAL), traffic.run(60, LONG)
    verdict = traffic.bad()
    assert (verdict.state, verdict.why) == ("blind", "judging it failed: ValueError: bad bins here")
    assert verdict.sentence == "bad: judging it failed: ValueError: bad bins here."
    assert verdict.budget_days is None
    assert drifting.budget_days == 30.0, "what cannot be judged has no share"
    assert traffic.room.notes() == ["drift: bad of llm is not judged any more: ValueError: bad bins here"]
    assert traffic.room.notes() == []
    _, calm_alone, drifting_alone = alone((120, NORMAL), (60, NORMAL), (60, LONG))
    same(calm, calm_alone)
    same(drifting, drifting_alone)
    assert drifting.evidence == drifting_alone.evidence
    assert drifting.state == "drift"


def test_a_measure_that_raises_ends_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic, told = Two(first=True), verdicts.verdict

    def verdict(signal: Signal, now_s: float) -> Drift:
        if signal.name == "bad" and signal.reference is not None:
            raise ZeroDivisionError("shares of nothing")
        return told(signal, now_s)

    monkeypatch.setattr(verdicts, "verdict", verdict)
    assert traffic.run(120, NORMAL).state == "stable"
    assert traffic.bad().why == "judging it failed: ZeroDivisionError: shares of nothing"
    assert len(traffic.room.notes()) == 1


def test_rows_that_raise_end_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic, observe = Two(first=True), Signal.observe

    def raising(signal: Signal, *args: Any) -> None:
        if signal.name == "bad":
            raise TypeError("no counts")
        observe(signal, *args)

    monkeypatch.setattr(Signal, "observe", raising)
    assert traffic.run(120, NORMAL).state == "stable"
    assert traffic.bad().state == "blind"


def test_a_check_that_raises_whenever_it_is_tried_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic, check = Two(first=True), Signal.check

    def raising(signal: Signal, now_s: float, budget_checks: float) -> None:
        if signal.name == "bad":
            raise IndexError("no bin")
        check(signal, now_s, budget_checks)

    monkeypatch.setattr(Signal, "check", raising)
    assert traffic.run(120, NORMAL).state == "stable"
    assert len(traffic.room.notes()) == 1


def test_a_log_that_is_read_from_its_past_goes_on() -> None:
    room, chance = DriftRoom(replace(SETTINGS, every="60s")), np.random.default_rng(1)
    usual = chance.normal(size=2000)
    bins = Bins.of_numbers(usual)
    for name in ("bad", "good"):
        room.give("fraud", name, "input", bins, Reference(bins.counts(usual).tolist(), origin="given"))
    room._signals["fraud", "bad"].judge = Broken(RuntimeError("no"))  # type: ignore[assignment]
    for minute in range(30):
        values = chance.normal(2.0, 1, 200)
        room.rows("fraud", np.full(200, 60.0 * minute), {name: ("input", values, np.ones(200, np.bool_)) for name in ("bad", "good")})
        room.catch_up("fraud", 60.0 * (minute + 1))
    assert {one.signal: one.state for one in room.verdicts(1800.0)} == {"good": "drift", "bad": "blind"}


def _new_buckets(traffic: Two) -> None:
    traffic.edges = [1.0, 2.0, 3.0, 4.0]


def _deployed(traffic: Two) -> None:
    assert traffic.room.deployed("llm", "2", traffic.now_s, logs=False) == 2


def _renewed(traffic: Two) -> None:
    assert traffic.room.failed == 1
    assert traffic.room.renew(SETTINGS) == 0
    assert traffic.room.failed == 0


def _given(traffic: Two) -> None:
    traffic.room.reference("llm", "bad", "input", EDGES, (10_000 * np.asarray(NORMAL)).tolist())


def _offered(traffic: Two) -> None:
    bins = Bins("numeric", edges=list(EDGES))
    offer = Reference((10_000 * np.asarray(NORMAL)).tolist(), origin="given")
    assert traffic.room.offer("llm", "bad", bins, offer, "histogram") == ""


def _restarted(traffic: Two) -> None:
    saved = traffic.room.dump()
    fresh = DriftRoom(SETTINGS)
    assert fresh.load(saved)
    assert not fresh.has(*BAD)
    traffic._observe = fresh.observe
    traffic.room = fresh
    fresh.observe = traffic.both  # type: ignore[method-assign]


@pytest.mark.parametrize("new", [_new_buckets, _deployed, _renewed, _given, _offered, _restarted])
def test_it_is_blind_until_it_is_new(new: Callable[[Two], None]) -> None:
    traffic = Two(first=True)
    traffic.run(120, NORMAL)
    traffic.breaks(ValueError("x"))
    traffic.run(600, NORMAL)
    assert traffic.bad().state == "blind", "it does not come back by itself: whatever it was would be judged against itself"
    assert len(traffic.room.notes()) == 1
    new(traffic)
    traffic.run(120, NORMAL)
    assert traffic.bad().state == "stable"
    traffic.run(60, LONG)
    assert traffic.bad().state == "drift"
    assert traffic.room.notes() == []


def test_what_fails_again_is_told_again() -> None:
    traffic = Two(first=True)
    for _ in range(2):
        traffic.run(120, NORMAL)
        traffic.breaks(ValueError("x"))
        traffic.run(20, NORMAL)
        assert len(traffic.room.notes()) == 1
        traffic.room.renew(SETTINGS)


def test_a_source_that_is_silent_is_said_before_that(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic = Two(first=True)
    traffic.run(120, NORMAL)
    traffic.breaks(ValueError("x"))
    traffic.run(20, NORMAL)
    assert traffic.room.pin(*BAD) == "bad: judging it failed: ValueError: x"
    assert traffic.room.back(*BAD, traffic.now_s) == "bad has no earlier reference"
    traffic.now_s += 120
    assert traffic.bad().state == "stale"
    traffic.room.forget("llm")
    assert (traffic.room.failed, traffic.room.verdicts(traffic.now_s)) == (0, [])


def test_drifts_that_were_stay_known() -> None:
    traffic = Two(first=True)
    traffic.run(120, NORMAL)
    traffic.run(60, LONG)
    traffic.run(200, NORMAL)
    assert [one.signal for one in traffic.room.episodes()].count("bad") == 1
    traffic.breaks(ValueError("x"))
    traffic.run(20, NORMAL)
    assert [one.signal for one in traffic.room.episodes()].count("bad") == 1


def test_what_ends_the_program_is_not_held_up() -> None:
    traffic = Two(first=True)
    traffic.run(120, NORMAL)
    traffic.breaks(KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        traffic.run(20, NORMAL)
