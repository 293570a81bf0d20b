"""The stories, as tables of what happens when."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tui_monitor.demo.scenario import STORIES, moment, timeline

STALLED_AFTER_S, RULE_WAITS_S = 20.0, 30.0  # what the monitor needs at most before it fires


@pytest.mark.parametrize(
    ("at_s", "phase", "longer", "frozen"),
    [
        (0, "calm", False, False),
        (30, "calm", False, False),
        (45, "longer prompts", True, False),
        (67, "longer prompts", True, False),
        (69, "stall", True, True),
        (125, "stall", True, True),
        (131, "recovery", True, False),  # it takes some seconds until texts are short again
        (140, "recovery", False, False),
        (3600, "recovery", False, False),
    ],
)
def test_the_incident(at_s: float, phase: str, longer: bool, frozen: bool) -> None:
    now = moment("incident", at_s)
    assert (now.phase, now.length > 1.0, now.frozen_for_s > 0) == (phase, longer, frozen)


def test_the_alert_has_time_to_fire_within_150_seconds_and_to_be_seen() -> None:
    begins_s, ends_s = (at_s for at_s, phase in timeline("incident") if phase.name in ("stall", "recovery"))
    fires_s = begins_s + STALLED_AFTER_S + RULE_WAITS_S
    assert fires_s < ends_s < 150


def test_the_freeze_says_how_long_it_still_lasts() -> None:
    ends_s = timeline("incident")[3][0]
    assert moment("incident", 100.0).frozen_for_s == pytest.approx(ends_s - 100.0)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0, 10.0])
def test_a_faster_story_keeps_what_must_be_seen(speed: float) -> None:
    phases = timeline("incident", speed)
    lasts = {phase.name: after_s - at_s for (at_s, phase), (after_s, _) in pairwise(phases)}
    for _, phase in phases[:-1]:
        assert lasts[phase.name] == max(phase.lasts_s / speed, phase.at_least_s)


def test_length_rises_without_a_jump() -> None:
    begins_s = timeline("drift")[1][0]
    lengths = [moment("drift", begins_s + i / 4).length for i in range(40)]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (1.0, 2.2)
    assert max(after - before for before, after in pairwise(lengths)) < 0.1


def test_calm_stays_calm() -> None:
    assert {moment("calm", at_s) for at_s in (0.0, 100.0, 1e6)} == {("calm", 1.0, 0.0)}
    assert set(STORIES) == {"incident", "calm", "drift"}


def test_wrong_stories() -> None:
    with pytest.raises(ValueError, match="there is no scenario 'x' "):
        timeline("x")
    for speed in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="--speed"):
            timeline("calm", speed)
