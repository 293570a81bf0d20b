"""A disk that fills says when it is full; a saw-tooth, a download and a backup do not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable

import pytest

from tui_monitor.alerts.rule import lookup
from tui_monitor.alerts.rules import rules_of
from tui_monitor.analyse.anomaly.filling import STEP_S, Filling
from tui_monitor.config import Settings
from tui_monitor.model import Subject

DAY, HOUR = 288, 12  # steps of five minutes
START_S = 1_760_000_000.0
(RULE,) = [rule for rule in rules_of(Settings()) if rule.name == "disk-fills"]


def alerts(shares: Iterable[float]) -> list[tuple[int, float, float | None]]:
    """When the built-in rule would fire on such a disk (step, share, seconds until full)."""
    filling, since, until, found = Filling(), 0, -1, []
    for step, share in enumerate(shares):
        filling.observe(START_S + step * STEP_S, min(1.0, max(0.0, share)))
        full = filling.full
        told = {"disk.full.in": full and full.in_s, "disk.full.in.high": full and full.high_s, "disk.full.lasted": full and full.lasted_s}
        since = since + 1 if RULE.when.truth(lookup(Subject("disk", "/", told)).get) else 0
        if since > RULE.for_s / STEP_S:
            if step > until:
                found.append((step, share, full and full.in_s))
            until = step + RULE.keep_firing_for_s / STEP_S
    return found


def noisy(shape: Callable[[int], float], days: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [shape(step) + rng.gauss(0, 0.001) for step in range(days * DAY)]


@pytest.mark.parametrize(
    ("what", "shape"),
    [
        ("nothing", lambda _: 0.7),
        ("a log that is rotated every night", lambda step: 0.25 + 0.72 * (step % DAY) / DAY),
        ("a log that is rotated every hour", lambda step: 0.6 + 0.3 * (step % HOUR) / HOUR),
        ("a big download that stops", lambda step: 0.4 + 0.5 * min(1, max(0, step - 3 * DAY) / 18)),
        ("a download of eight hours that stops", lambda step: 0.4 + 0.55 * min(1, max(0, step - 3 * DAY) / (8 * HOUR))),
        ("a download of twelve hours that stops", lambda step: 0.3 + 0.65 * min(1, max(0, step - 3 * DAY) / (12 * HOUR))),
        ("a nightly backup that is deleted", lambda step: 0.65 + 0.25 * min(1, max(0, step % DAY - 24) / 24) * (step % DAY < 60)),
        ("checkpoints that are pruned", lambda step: 0.5 + 0.4 * (step % 150 // 15) / 10),
        ("load that comes and goes", lambda step: 0.45 + 0.45 * math.sin(step / DAY * 2 * math.pi)),
        ("a disk that empties", lambda step: 0.95 - 0.02 * step / DAY),
    ],
)
def test_what_does_not_fill_never_alerts(what: str, shape: Callable[[int], float]) -> None:
    assert alerts(noisy(shape, 14)) == [], what


def test_random_walks_do_not_alert() -> None:
    for seed in range(4):
        rng, share, shares = random.Random(seed), 0.7, []
        for _ in range(14 * DAY):
            share = min(0.97, max(0.1, share + rng.gauss(0, 0.003)))
            shares.append(share)
        assert alerts(shares) == []


@pytest.mark.parametrize(("hourly", "hours_before"), [(0.01, 10), (0.02, 6), (0.024, 0.5)])
def test_a_steady_growth_alerts_once_before_it_is_full(hourly: float, hours_before: float) -> None:
    grows = [0.4 + max(0, step - 3 * DAY) / HOUR * hourly for step in range(int(3 * DAY + 0.6 / hourly * HOUR))]
    ((step, share, in_s),) = alerts(grows)
    left_s = (len(grows) - step) * STEP_S
    assert left_s >= hours_before * 3600
    assert share < 0.95
    assert in_s == pytest.approx(left_s, rel=0.15, abs=900)


def test_a_growth_with_a_daily_wiggle_alerts_once() -> None:
    shares = noisy(lambda step: 0.55 + 0.03 * step / DAY + 0.02 * math.sin(step / DAY * 2 * math.pi), 16)
    assert len(alerts(shares)) == 1


@pytest.mark.parametrize("hourly", [0.04, 0.1])
def test_what_fills_within_a_day_is_left_to_the_rules_of_full_disks(hourly: float) -> None:
    assert alerts([0.4 + max(0, step - 3 * DAY) / HOUR * hourly for step in range(int(3 * DAY + 0.6 / hourly * HOUR))]) == []


def test_a_growth_of_weeks_is_told_in_days() -> None:
    filling = Filling()
    for step in range(12 * DAY):
        filling.observe(START_S + step * STEP_S, 0.5 + 0.03 * step / DAY)
    assert filling.full is not None
    assert filling.full.in_s == pytest.approx((0.5 - 0.36) / 0.03 * 86400, rel=0.05)
    assert filling.full.low_s <= filling.full.in_s


def test_without_a_day_before_nobody_says_that_it_will_be_full() -> None:
    filling = Filling()
    for step in range(20 * HOUR):
        filling.observe(START_S + step * STEP_S, 0.5 + 0.02 * step / HOUR)
    assert filling.full is not None
    assert filling.full.high_s is None
    assert Filling().why.startswith("learning")


def test_where_it_stood_before_it_came_back_from() -> None:
    filling = Filling()
    for step in range(3 * DAY):
        filling.observe(START_S + step * STEP_S, 0.8 if step < DAY else 0.3 + 0.4 * (step - DAY) / (2 * DAY))
    assert filling.full is None
    assert filling.why == "it stood at 80% before and came back"


@pytest.mark.parametrize("shift", [-20 * DAY, -DAY, -3, 2, DAY, 40 * DAY])
def test_clocks_that_are_set_and_restarts_are_no_growth(shift: int) -> None:
    filling = Filling()
    for step in range(2 * DAY):
        filling.observe(START_S + step * STEP_S, 0.5)
    filling = Filling(*filling.kept())
    for step in range(2 * DAY + shift, 3 * DAY + shift):
        filling.observe(START_S + step * STEP_S, 0.5)
        assert filling.full is None


def test_what_is_damaged_is_refused() -> None:
    with pytest.raises(ValueError, match="two weeks"):
        Filling(b"1234", 5)
