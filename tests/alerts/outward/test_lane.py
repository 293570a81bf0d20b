"""The order and the times of what waits for one system."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_monitor.alerts.outward.lane import LONGEST_S, REMEMBERED, TOO_OLD_S, Lane
from tui_monitor.model import Outgoing

T = 1000.0


def row(episode: str, number: int = 1, **more: object) -> Outgoing:
    return Outgoing("x", f"{episode}.{number}", "fired", episode, T, b"{}", **more)  # type: ignore[arg-type]


def test_rows_of_one_episode_stay_in_order_and_others_overtake_them() -> None:
    lane = Lane("x", 4)
    for one in (row("a"), row("a", 2), row("b")):
        lane.put(one, T)
    first, second = lane.take(T), lane.take(T)
    assert first is not None
    assert second is not None
    assert (first.key, second.key, lane.take(T)) == ("a.1", "b.1", None)
    lane.sent(first, T)
    third = lane.take(T)
    assert third is not None
    assert third.key == "a.2"


def test_a_failure_is_tried_again_later_and_later_up_to_ten_minutes() -> None:
    lane, now_s, pauses = Lane("x", 4), T, []
    lane.put(row("a"), T)
    for _ in range(13):
        taken = lane.take(now_s)
        assert taken is not None
        waiting = lane.failed(taken, "refused", now_s, again=True)
        assert (waiting.state, waiting.error) == ("waiting", "refused")
        assert lane.take(now_s) is None
        assert lane.take(waiting.next_s - 0.01) is None
        pauses.append(waiting.next_s - now_s)
        now_s = waiting.next_s
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == LONGEST_S
    assert lane.why_not("a") == "not sent (refused)"
    assert (lane.state.waiting, lane.state.error, lane.state.since_s) == (1, "refused", T)


def test_while_it_fails_one_row_is_tried_at_a_time_and_all_are_due_when_one_arrives() -> None:
    lane = Lane("x", 4)
    for name in "abcdef":
        lane.put(row(name), T)
    under_way = [lane.take(T) for _ in range(6)]
    assert sum(one is not None for one in under_way) == 4
    for one in under_way[:4]:
        assert one is not None
        lane.failed(one, "refused", T, again=True)
    assert lane.take(T) is None
    wait_s = lane.wake_s(T)
    assert wait_s == pytest.approx(8.0)  # the fourth failure in a row
    probe = lane.take(T + 8)
    assert probe is not None
    assert lane.take(T + 8) is None
    lane.sent(probe, T + 8)
    assert sum(lane.take(T + 8) is not None for _ in range(5)) == 4
    assert lane.state.error == ""


def test_something_new_does_not_wait_for_the_end_of_a_long_pause() -> None:
    lane, now_s = Lane("x", 4), T
    lane.put(row("a"), T)
    for _ in range(12):
        taken = lane.take(now_s)
        assert taken is not None
        now_s = lane.failed(taken, "refused", now_s, again=True).next_s
    tried_s = now_s
    taken = lane.take(tried_s)
    assert taken is not None
    lane.failed(taken, "refused", tried_s, again=True)
    lane.put(row("new"), tried_s + 1)
    assert lane.take(tried_s + 1) is None
    new = lane.take(tried_s + 5)
    assert new is not None
    assert new.key == "new.1"


def test_what_comes_twice_is_sent_once_and_its_result_told_again() -> None:
    lane = Lane("x", 4)
    lane.put(row("a"), T)
    lane.put(row("a"), T)
    taken = lane.take(T)
    assert taken is not None
    lane.sent(taken, T)
    assert lane.take(T) is None
    again = lane.put(row("a", number=1), T)
    assert again is not None
    assert again.state == "sent"
    assert lane.take(T) is None


def test_what_cannot_succeed_and_what_is_a_day_old_is_given_up() -> None:
    lane = Lane("x", 4)
    lane.put(row("a"), T)
    lane.put(row("b"), T)
    first, second = lane.take(T), lane.take(T)
    assert first is not None
    assert second is not None
    assert lane.failed(first, "no such rule", T, again=False).state == "given up"
    assert lane.failed(second, "refused", T + TOO_OLD_S + 1, again=True).state == "given up"
    assert lane.state.given_up == 2


def test_the_other_side_may_ask_to_be_left_alone() -> None:
    lane = Lane("x", 4)
    lane.put(row("a"), T)
    taken = lane.take(T)
    assert taken is not None
    assert lane.failed(taken, "429", T, again=True, after_s=120.0).next_s == T + 120


def test_a_clock_set_back_keeps_nothing_waiting_for_ever() -> None:
    lane = Lane("x", 4)
    lane.put(row("a", next_s=T + 600), T)
    assert lane.take(T) is None
    assert lane.take(T - 7200) is not None


def test_the_memory_of_what_is_done_has_an_end() -> None:
    lane = Lane("x", 1)
    for number in range(REMEMBERED + 5):
        lane.put(row(f"e{number}"), T)
        taken = lane.take(T)
        assert taken is not None
        lane.sent(taken, T)
    assert len(lane._done) == REMEMBERED


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "take", "sent", "fail", "drop"])), max_size=60))
def test_no_row_is_lost_doubled_or_overtaken_by_one_of_its_own(steps: list[tuple[str, str]]) -> None:
    lane, now_s, made, under_way = Lane("x", 2), T, dict.fromkeys("abc", 0), {}
    ended: dict[str, list[int]] = {name: [] for name in "abc"}
    for name, step in steps:
        if step == "put":
            made[name] += 1
            lane.put(row(name, made[name]), now_s)
        elif step == "take":
            now_s += 700
            if (taken := lane.take(now_s)) is not None:
                assert taken.episode not in under_way
                under_way[taken.episode] = taken
        elif name in under_way:
            taken = under_way.pop(name)
            if step == "fail":
                lane.failed(taken, "no", now_s, again=True)
                continue
            lane.sent(taken, now_s) if step == "sent" else lane.failed(taken, "no", now_s, again=False)
            ended[name].append(int(taken.key.split(".")[1]))
    for taken in under_way.values():
        lane.sent(taken, now_s)
        ended[taken.episode].append(int(taken.key.split(".")[1]))
    while True:
        now_s += 700
        taken = lane.take(now_s)
        if taken is None:
            break
        lane.sent(taken, now_s)
        ended[taken.episode].append(int(taken.key.split(".")[1]))
    assert ended == {name: list(range(1, made[name] + 1)) for name in "abc"}
    assert lane.state.waiting == 0
