"""Cumulative histograms in, verdicts out: a signal's whole life, on simulated traffic."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from drift_traffic import BIT_LONGER, EDGES, LONG, NORMAL, PROMPTS, SETTINGS, Traffic

from tui_monitor.analyse.drift import sentence
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.config import DriftSettings


@pytest.fixture
def traffic() -> Traffic:
    return Traffic(DriftRoom(SETTINGS))


def test_a_reference_is_learned_first_and_never_under_500_rows(traffic: Traffic) -> None:
    first = traffic.run(10, NORMAL)
    assert (first.state, first.evidence, first.effect, first.p) == ("learning", None, None, None)
    assert first.progress is not None
    assert 0 < first.progress < 1
    assert first.sentence.startswith("learning what is normal: ")
    slow = Traffic(DriftRoom(SETTINGS))
    assert slow.run(300, NORMAL, rate=1.0).state == "learning"  # the time is over, 300 rows are too few
    assert slow.run(600, NORMAL, rate=1.0).state != "learning"


def test_the_same_traffic_is_idle_then_stable(traffic: Traffic) -> None:
    traffic.run(30, NORMAL)
    assert traffic.run(2, NORMAL, rate=2).state == "idle"
    verdict = traffic.run(600, NORMAL)
    assert (verdict.state, verdict.since, verdict.test, verdict.bound) == ("stable", None, "ks", ">=")
    assert verdict.evidence is not None
    assert verdict.evidence < 0
    assert verdict.sentence.startswith("as in the reference: KS ≥ 0.0")
    assert verdict.shares is not None
    assert len(verdict.shares.reference) == len(verdict.shares.edges) + 1


def test_longer_prompts_are_drift_with_effect_beginning_and_sentence(traffic: Traffic) -> None:
    traffic.run(120, NORMAL)
    changed_s = traffic.now_s
    verdict = traffic.run(60, LONG)
    assert (verdict.state, verdict.role, verdict.source) == ("drift", "input", "llm")
    assert verdict.effect == pytest.approx(0.23, abs=0.05)
    assert verdict.evidence is not None
    assert verdict.evidence > 0
    assert verdict.since is not None
    assert abs(verdict.since.timestamp() - changed_s) <= 10
    assert verdict.n_now == pytest.approx(1200, rel=0.25)
    at = datetime.fromtimestamp(verdict.since.timestamp(), UTC).astimezone().strftime("%H:%M")
    shares = np.asarray([verdict.shares.reference, verdict.shares.now]) if verdict.shares else np.zeros((2, 5))
    was, now = (100 * shares[:, 3:].sum(axis=1)).round()
    assert verdict.sentence == f"{PROMPTS} moved up since {at}: {now:.0f} % above 1000, {was:.0f} % in the reference."
    assert verdict.quantiles["p95"][0] < verdict.quantiles["p95"][1]  # type: ignore[operator]


def test_drift_ends_when_the_traffic_is_as_before_and_a_new_one_is_a_new_one(traffic: Traffic) -> None:
    traffic.run(120, NORMAL)
    assert traffic.run(120, LONG).state == "drift"
    assert traffic.run(180, NORMAL).state in ("stable", "idle")
    changed_s = traffic.now_s
    again = traffic.run(60, LONG)
    assert again.state == "drift"
    assert again.since is not None
    assert again.since.timestamp() >= changed_s - 10


def test_a_certain_but_small_change_is_watched_not_drift(traffic: Traffic) -> None:
    traffic.room.reference("llm", PROMPTS, "input", EDGES, (1e6 * np.asarray(NORMAL)).tolist())
    verdict = traffic.run(1200, BIT_LONGER, rate=100)
    assert verdict.state == "watch"
    assert verdict.evidence is not None
    assert verdict.evidence > 0
    assert verdict.effect == pytest.approx(0.03, abs=0.01)


def test_a_restart_of_the_server_is_no_drift(traffic: Traffic) -> None:
    traffic.run(120, NORMAL)
    traffic.counts[:] = 0
    verdict = traffic.run(120, NORMAL)
    assert verdict.state == "stable"


def test_silence_is_stale_and_quiet_is_idle(traffic: Traffic) -> None:
    traffic.run(120, NORMAL)
    assert traffic.run(120, NORMAL, rate=0).state == "idle"
    traffic.now_s += 120
    verdict = traffic.verdict()
    assert verdict.state == "stale"
    assert verdict.sentence.startswith("its source is silent since ")


def test_changed_buckets_are_learned_anew(traffic: Traffic) -> None:
    traffic.run(120, NORMAL)
    traffic.room.observe(traffic.now_s, "llm", PROMPTS, "input", [1.0, 2.0], [0, 0, 0])
    assert traffic.verdict().state == "learning"
    assert traffic.verdict().sentence.startswith("its buckets changed; learning")


def test_one_bucket_is_blind_until_something_leaves_it(traffic: Traffic) -> None:
    verdict = traffic.run(200, [0, 0, 1.0, 0, 0])
    assert (verdict.state, verdict.sentence) == (
        "blind",
        "nearly all rows fall into one bucket (100 … 1000): a move inside it cannot be seen.",
    )
    assert traffic.run(60, [0, 0, 0.7, 0.3, 0]).state == "drift"


def test_reference_and_evidence_survive_a_restart_of_the_monitor(traffic: Traffic) -> None:
    traffic.run(120, NORMAL)
    drifting = traffic.run(60, LONG)
    traffic.room, saved = DriftRoom(SETTINGS), traffic.room.dump()
    assert traffic.room.load(saved)
    after = traffic.run(4, LONG)
    assert (after.state, after.since, after.n_reference) == ("drift", drifting.since, drifting.n_reference)
    assert after.n_now > drifting.n_now
    assert traffic.run(180, NORMAL).state == "stable"


@pytest.mark.parametrize("saved", [b"", b"\xff\x00", b"\x80", b"\x82\xa6schema\x09\xa7signals\x90"])
def test_what_cannot_be_read_is_learned_anew(saved: bytes) -> None:
    room = DriftRoom(SETTINGS)
    assert not room.load(saved)
    assert Traffic(room).run(10, NORMAL).state == "learning"


def test_a_given_reference_needs_no_learning(traffic: Traffic) -> None:
    traffic.room.reference("llm", PROMPTS, "input", EDGES, (10_000 * np.asarray(NORMAL)).tolist())
    assert traffic.run(60, LONG).state == "drift"
    with pytest.raises(ValueError, match="3 counts for 4 edges"):
        traffic.room.reference("llm", PROMPTS, "input", EDGES, [1, 2, 3])


def test_categories_change_and_new_ones_show() -> None:
    room, chance, counts = DriftRoom(SETTINGS), np.random.default_rng(3), np.zeros(3)
    names = ["length", "stop", "error"]
    for step in range(150):
        shares = [0.2, 0.8, 0.0] if step < 90 else [0.2, 0.6, 0.2]
        counts += chance.multinomial(40, shares)
        told = 3 if step >= 90 else 2  # the third appears with its first event
        room.observe(2.0 * step, "llm", "vllm:request_success_total{finished_reason}", "output", [], counts[:told].tolist(), names[:told])
        room.check(2.0 * step)
        if step == 89:
            assert [one.state for one in room.verdicts(2.0 * step)] == ["stable"]
    verdict = room.verdicts(2.0 * step)[0]
    assert (verdict.state, verdict.test, verdict.bound) == ("drift", "l_infinity", "=")
    assert verdict.effect == pytest.approx(0.2, abs=0.05)
    assert "% in the reference." in verdict.sentence
    assert verdict.shares is not None
    assert (verdict.shares.edges, verdict.shares.names[-2:]) == ([], ["other", "new"])
    assert len(verdict.shares.names) == len(verdict.shares.reference) == len(verdict.shares.now)


def test_checks_are_not_more_frequent_than_configured() -> None:
    room = DriftRoom(DriftSettings(learn="60s", every="60s"))
    traffic = Traffic(room)
    traffic.run(300, NORMAL)
    assert len(room._signals["llm", PROMPTS].past) <= 5


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.analyse.drift.room.MAX_SIGNALS", 5)
    room = DriftRoom(SETTINGS)
    for number in range(8):
        room.observe(0.0, "llm", f"signal{number}", "input", EDGES, [0, 0, 0, 0, 0])
    assert (len(room.verdicts(0.0)), len(room.left_out)) == (5, 3)
    traffic = Traffic(DriftRoom(SETTINGS))
    traffic.run(2000, NORMAL)
    assert len(traffic.room._signals["llm", PROMPTS].past) <= 384


def test_the_user_may_say_that_this_is_normal(traffic: Traffic) -> None:
    traffic.run(60, NORMAL)
    assert traffic.run(60, LONG).state == "drift"
    assert traffic.room.pin("llm", PROMPTS) == ""
    pinned = traffic.run(60, LONG)
    assert pinned.state == "stable"
    assert pinned.n_reference >= 500
    assert traffic.run(60, NORMAL).state == "drift", "what was normal before is not any more"


def test_too_few_rows_are_no_reference(traffic: Traffic) -> None:
    traffic.run(60, NORMAL)
    assert traffic.room.pin("llm", "nothing") == "there is no signal nothing of llm"
    early = Traffic(DriftRoom(SETTINGS))
    early.run(10, NORMAL)
    assert "500 are needed" in early.room.pin("llm", PROMPTS)


def test_what_is_still_wanted_is_said_while_it_learns() -> None:
    assert sentence.learning(180, 500, 1200, 3600) == "learning what is normal: 180 of 500 rows, 1200 of 3600 s."
    assert sentence.learning(21_445, 500, 337, 3600) == "learning what is normal: 21445 rows, 337 of 3600 s."


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0 %"), (-2e-16, "0 %"), (1e-6, "<0.01 %"), (0.0004, "0.04 %"), (0.004, "0.4 %"), (0.014, "1 %"), (0.5, "50 %"), (0.994, "99 %"),
        (0.996, "99.6 %"), (0.9997, "99.97 %"), (1 - 1e-6, ">99.99 %"), (1.0, "100 %"), (1 + 2e-16, "100 %"),
    ],
)  # fmt: skip
def test_nearly_none_is_not_none_and_nearly_all_not_all(share: float, said: str) -> None:
    assert sentence.percent(share) == said
