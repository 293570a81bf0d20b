"""What happens in the demo, and when: a story is a list of phases, and each moment of it a setting for the traffic. Pure.

The incident is a common one. Users begin to paste long documents; the prompts drift, each one takes more of the cache, fewer fit at a
time, the queue fills. Then the engine hangs while its web server lives on: `/health` says 200 and not one token is made.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Name = Literal["incident", "calm", "drift"]


class Phase(NamedTuple):
    """One stretch of a story."""

    name: str
    lasts_s: float
    length: float = 1.0  # factor on the length of texts
    frozen: bool = False  # generation stands still
    at_least_s: float = 0.0  # however fast the story is told: what the monitor needs to see it


class Moment(NamedTuple):
    """What the traffic does now."""

    phase: str
    length: float
    frozen_for_s: float  # how long generation is still to stand still; 0: it runs


FOREVER_S = float("inf")
RAMP_S = 6.0  # a new length of texts comes in over this time

STORIES: dict[str, tuple[Phase, ...]] = {
    "incident": (
        Phase("calm", 34.0, at_least_s=30.0),
        Phase("longer prompts", 34.0, length=6.0, at_least_s=12.0),
        Phase("stall", 62.0, length=6.0, frozen=True, at_least_s=30.0),
        Phase("recovery", FOREVER_S),
    ),
    "drift": (Phase("calm", 45.0, at_least_s=30.0), Phase("longer prompts", FOREVER_S, length=2.2)),
    "calm": (Phase("calm", FOREVER_S),),
}


def timeline(story: str, speed: float = 1.0) -> list[tuple[float, Phase]]:
    """When each phase begins, in seconds since the start.

    Raises:
        ValueError: no such story, or a speed that is not above 0.
    """
    if story not in STORIES:
        raise ValueError(f"there is no scenario {story!r} (there are: {' '.join(STORIES)})")
    if not 0 < speed < FOREVER_S:
        raise ValueError("--speed must be above 0")
    begins, result = 0.0, []
    for phase in STORIES[story]:
        result.append((begins, phase))
        begins += max(phase.lasts_s / speed, phase.at_least_s)
    return result


def moment(story: str, at_s: float, speed: float = 1.0) -> Moment:
    """What happens `at_s` seconds after the start."""
    phases = timeline(story, speed)
    index = max(i for i, (begins_s, _) in enumerate(phases) if begins_s <= max(at_s, 0.0))
    begins_s, phase = phases[index]
    before = phases[index - 1][1].length if index else phase.length
    risen = min((at_s - begins_s) * speed / RAMP_S, 1.0)
    ends_s = phases[index + 1][0] if index + 1 < len(phases) else FOREVER_S
    return Moment(phase.name, before + (phase.length - before) * risen, ends_s - at_s if phase.frozen else 0.0)
