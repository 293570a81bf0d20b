"""Two clocks: the wall may be set by an hour either way, the machine may sleep; nothing fires, ends or is lost because of it."""

from __future__ import annotations

import pytest
from book_runs import NOW, SLOW, STALLED, T0, Run, chat, state_of

from tui_monitor.alerts.clock import SteadyClock, said_step
from tui_monitor.config import RuleSettings
from tui_monitor.model import Shelve

HOUR = 3600.0
STEPS = [HOUR, -HOUR, 26 * HOUR]
LONG = RuleSettings("slow", "latency.p95 > 1s", for_="2m")


def test_steady_time_is_the_walls_and_goes_as_the_monotonic_clock() -> None:
    clock = SteadyClock()
    assert clock.look(1000.0, 7.0).passed_s == 0.0
    look = clock.look(1000.0 + HOUR, 17.0)
    assert (look.passed_s, look.step_s, clock.now_s) == (10.0, HOUR - 10.0, 1010.0)
    assert clock.steady(1000.0 + HOUR) == 1010.0
    assert clock.look(1000.0, 16.0).passed_s == 0.0  # a monotonic clock never goes back; one that does is not believed


@pytest.mark.parametrize(
    ("step_s", "said"),
    [(0.0, ""), (1.9, ""), (-1.9, ""), (5.0, "the clock was set 5 s ahead"), (-3600.0, "the clock was set 60 min back")],
)
def test_a_step_in_words(step_s: float, said: str) -> None:
    assert said_step(step_s) == said


@pytest.mark.parametrize("step_s", STEPS)
def test_a_step_does_not_make_a_pending_one_fire_early_or_late(step_s: float) -> None:
    run = Run(LONG, two_clocks=True)
    run.at(0, chat(2.0))
    run.at(50, chat(2.0))
    run.wall_s = step_s
    assert state_of(run.at(60, chat(2.0))) == "pending"
    assert run.book.clock_step.startswith("the clock was set ")
    assert state_of(run.at(119, chat(2.0))) == "pending"
    assert run.book.clock_step == ""
    assert state_of(run.at(120, chat(2.0))) == "firing"


@pytest.mark.parametrize("step_s", STEPS)
def test_a_step_neither_loses_nor_resolves(step_s: float) -> None:
    run = Run(NOW, two_clocks=True)
    run.at(0, chat(2.0))
    run.at(10, chat(silent="timeout"))
    run.wall_s = step_s
    for t in range(20, 310, 50):
        assert state_of(run.at(t, chat(silent="timeout"))) == "firing"
    assert state_of(run.at(310, chat(silent="timeout"))) == "lost"


@pytest.mark.parametrize("step_s", STEPS)
def test_a_step_does_not_end_keep_firing_for(step_s: float) -> None:
    run = Run(NOW, keep_s=100, two_clocks=True)
    run.at(0, chat(2.0))
    run.at(10, chat(0.1))
    run.wall_s = step_s
    assert state_of(run.at(60, chat(0.1))) == "firing"
    assert state_of(run.at(109, chat(0.1))) == "firing"
    assert state_of(run.at(110, chat(0.1))) == "resolved"


@pytest.mark.parametrize("step_s", STEPS)
def test_a_step_makes_no_new_episode_of_what_comes_back_soon(step_s: float) -> None:
    run = Run(NOW, two_clocks=True)
    first = run.at(0, chat(2.0))
    run.at(10, chat(0.1))
    run.wall_s = step_s
    for t in (60, 110, 160):
        run.at(t, chat(0.1))
    again = run.at(200, chat(2.0))
    assert first is not None
    assert again is not None
    assert (again.id, again.flaps) == (first.id, 1)


def test_what_ended_stays_on_the_list_for_a_day_of_the_steady_clock() -> None:
    run = Run(NOW, two_clocks=True)
    run.at(0, chat(2.0))
    run.at(10, chat(0.1))
    run.wall_s = -HOUR
    run.at(20, chat(0.1))
    assert len(run.book.episodes()) == 1


def test_an_acknowledgement_ends_at_the_time_that_people_were_shown_and_the_journal_says_that_the_clock_was_set() -> None:
    run = Run(NOW, two_clocks=True)
    run.at(0, chat(2.0))
    run.ack(5, for_s=1800)
    run.wall_s = HOUR
    run.at(10, chat(2.0))
    assert [(line.what, line.text) for line in run.lines[-1:]] == [("ack-expired", "alice's; the clock was set 60 min ahead")]
    assert run.told == ["fired", "ack-expired"]


def test_a_clock_set_back_makes_no_acknowledgement_longer_than_its_length() -> None:
    run = Run(NOW, two_clocks=True)
    run.at(0, chat(2.0))
    run.ack(5, for_s=100)
    run.at(6, chat(2.0))
    run.wall_s = -HOUR
    for t in (30, 60, 90, 105):
        alert = run.at(t, chat(2.0))
        assert alert is not None
        assert alert.acknowledged is not None, t
    run.at(108, chat(2.0))
    assert run.journal[-1] == "ack-expired"


def test_a_shelf_ends_by_the_wall() -> None:
    run = Run(NOW, two_clocks=True)
    first = run.at(0, chat(2.0))
    assert first is not None
    run.act(5, Shelve(first.id, 600.0))
    run.wall_s = HOUR
    alert = run.at(10, chat(2.0))
    assert alert is not None
    assert alert.shelved is None


# -- sleep --------------------------------------------------------------------------------------------------------------------------


def test_a_sleep_in_which_the_monotonic_clock_stands_still_is_no_time() -> None:
    run = Run(LONG, two_clocks=True)
    run.at(0, chat(2.0))
    run.at(50, chat(2.0))
    run.wall_s = 8 * HOUR
    assert state_of(run.at(52, chat(2.0))) == "pending"
    assert state_of(run.at(100, chat(2.0))) == "pending"
    assert state_of(run.at(119, chat(2.0))) == "pending"
    assert state_of(run.at(120, chat(2.0))) == "firing"


def test_a_sleep_in_which_it_runs_on_was_watched_by_nobody() -> None:
    """A pending one begins again, and says why; one that fired fires until something is known."""
    run = Run(LONG, STALLED, two_clocks=True)
    run.at(0, chat(2.0))
    run.at(50, chat(2.0))
    late = 50 + 8 * HOUR
    assert state_of(run.at(late, chat(2.0))) == "pending"
    assert state_of(run.at(late + 60, chat(2.0))) == "pending"
    assert state_of(run.at(late + 119, chat(2.0))) == "pending"
    assert state_of(run.at(late + 120, chat(2.0))) == "firing"
    assert [line.text for line in run.lines if line.what == "pending"] == ["counted anew, nobody watched for 8 h"]


def test_a_gap_of_a_minute_or_two_intervals_is_none() -> None:
    for interval_s, gap_s in ((1.0, 60.0), (45.0, 90.0)):
        run = Run(LONG, two_clocks=True, interval_s=interval_s)
        run.at(0, chat(2.0))
        run.at(gap_s, chat(2.0))
        run.at(2 * gap_s - 30, chat(2.0))
        assert state_of(run.at(120, chat(2.0))) == "firing", interval_s
        again = Run(LONG, two_clocks=True, interval_s=interval_s)
        again.at(0, chat(2.0))
        again.at(gap_s + 1, chat(2.0))
        assert state_of(again.at(130, chat(2.0))) == "pending", interval_s


def test_right_after_a_sleep_a_firing_one_waits_for_news_and_its_hold_counts_anew() -> None:
    run = Run(STALLED, two_clocks=True)
    run.at(0, chat(state="STALLED"))
    run.at(10, chat(silent="timeout"))
    late = 8 * HOUR
    assert state_of(run.at(late)) == "firing"
    assert state_of(run.at(late + 5, chat(state="UNKNOWN"))) == "firing"
    assert state_of(run.at(late + 10, chat(silent="timeout"))) == "firing"
    assert state_of(run.at(late + 50, chat(silent="timeout"))) == "firing"
    assert state_of(run.at(late + 52, chat(state="OK"))) == "resolved"
    assert run.told == ["fired", "resolved"]


def test_a_clock_that_was_behind_at_the_restart_ends_nothing() -> None:
    run = Run(NOW, SLOW, two_clocks=True)
    run.at(0, chat(2.0))
    run.ack(5)
    after = run.restarted()
    after.wall_s = -HOUR
    alert = after.at(20, chat(2.0))
    assert alert is not None
    assert (alert.state, alert.acknowledged is None, after.told) == ("firing", False, [])
    assert alert.fired_at is not None
    assert alert.fired_at.timestamp() == T0
