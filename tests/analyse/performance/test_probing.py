"""Golden answers: what is right, what changed, when a fall is told, and when it is not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from tui_monitor.analyse.performance.golden.judged import canonical, class_of, judged, near, response
from tui_monitor.analyse.performance.golden.probing import ProbeBook, packed, unpacked
from tui_monitor.analyse.performance.golden.shares import mean, paired, wilson
from tui_monitor.model import Failure, GoldenAnswer, GoldenQuestion, Performance

DAY = 1_800_000_000.0


# -- right or wrong -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "label", "check", "right"),
    [
        (1, 1, "exact", True), (1.0, "1", "exact", True), ("1.0", 1, "exact", True), (True, "true", "exact", True), (1, True, "exact", False),
        (" cat\n", "cat", "exact", True), ("Cat", "cat", "exact", False), (0.7, 0.7, "exact", True), (0.7000001, 0.7, "exact", False),
        ([0.1, 0.7, 0.2], 1, "exact", True), ([0.1, 0.7, 0.2], "2", "exact", False), ([0.5, 0.5], 0, "exact", True),
        ({"cat": 0.2, "dog": 0.8}, "dog", "exact", True), ([0.1, 0.9], [0.1, 0.9], "exact", True), ([0.1, 0.9], [0.9, 0.1], "exact", False),
        ("the answer is 4.", "4", "contains", True), ("The Answer", "answer", "contains", False), ("14", 4, "contains", True),
        ("Paris, France", "^Paris\\b", "regex", True), ("in Paris", "^Paris", "regex", False), ("x" * 4000 + "Paris", "Paris", "regex", False),
        (0.7000001, 0.7, "numeric", True), (0.71, 0.7, "numeric", False), (1_000_001, 1_000_000, "numeric", True),
        ("so 3 + 4 = 1,007", 1007, "numeric", True), ("no number", 7, "numeric", False), ([1.0, 2.0], 1, "numeric", False),
        ([1.0, 2.0000001], [1, 2], "numeric", True), ([1.0], [1, 2], "numeric", False), ("7", "7.0", "numeric", True),
    ],
)  # fmt: skip
def test_right_answers(value: object, label: object, check: str, right: bool) -> None:
    assert judged(value, label, check, 1e-6).right is right


def test_the_tolerance_is_absolute_below_one_and_relative_above() -> None:
    assert near([0.001], [0.0109], 0.01)
    assert not near([0.001], [0.0112], 0.01)
    assert near([100.0], [100.9], 0.01)
    assert not near([100.0], [101.5], 0.01)
    assert near([0.0], [0.0], 0.0)


def test_answers_are_shown_cleaned_and_short_and_told_apart_as_a_whole() -> None:
    one, other = (judged("\x1b[31m" + "a" * 500 + end, "x", "exact", 0.0).heard for end in "bc")
    assert one.shown == other.shown
    assert len(one.shown) <= 200
    assert "\x1b" not in one.shown
    assert one.digest != other.digest
    assert class_of([0.2, 0.3]) == "1"
    assert canonical(-3.0) == "-3"


def test_the_number_that_an_explanation_follows() -> None:
    assert response(3) == 3
    assert response([0.2, 0.8], [0.9, 0.1]) == 0.2  # the class that the row as it is has
    assert response({"a": 0.3, "b": 0.7}, {"a": 0.9, "b": 0.1}) == 0.3
    assert response("cat", "cat") is None


# -- intervals ----------------------------------------------------------------------------------------------------------------------------


def test_wilson_is_scipys() -> None:
    from scipy.stats import binomtest

    for hits, of in ((0, 5), (3, 5), (5, 5), (47, 60)):
        told, theirs = wilson(hits, of), binomtest(hits, of).proportion_ci(method="wilson")
        assert (told.low, told.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert wilson(0, 0).value is None


def test_the_paired_interval_holds_as_often_as_it_says() -> None:
    chance = random.Random(4)
    lost_share, gained_share, pairs, held = 0.2, 0.05, 30, 0
    for _ in range(2000):
        draws = [chance.random() for _ in range(pairs)]
        lost, gained = sum(one < lost_share for one in draws), sum(one > 1 - gained_share for one in draws)
        told = paired(gained, lost, pairs)
        assert told.low is not None
        assert told.high is not None
        held += told.low <= gained_share - lost_share <= told.high
    assert 0.93 <= held / 2000 <= 0.99


def test_the_interval_of_a_mean() -> None:
    told = mean(6.0, 14.0, 3)
    assert told.value == 2.0
    assert told.high == pytest.approx(2 + 1.959963984540054 * math.sqrt(14 / 3 - 4) / math.sqrt(2))
    assert mean(5.0, 25.0, 1).low is None


# -- a probe ------------------------------------------------------------------------------------------------------------------------------


class Asking:
    """A probe over `questions` questions, one a minute, whose model is a function of the question's number and the round."""

    def __init__(self, questions: int = 20, check: str = "exact", *, writes: bool = False) -> None:
        self.questions = [GoldenQuestion(f"q{i}", [i], "yes", f"k{i}") for i in range(questions)]
        self.book = ProbeBook("golden", check, 1e-6, writes=writes)
        self.book.expect(self.questions)
        self.now_s = DAY
        self.round = 0

    def rounds(self, count: int, model: Callable[[int, int], object], step_s: float = 6.0) -> Asking:
        for _ in range(count):
            for i, question in enumerate(self.questions):
                said = model(i, self.round)
                failure = Failure("timeout", "no answer within 3 s") if said is None else None
                self.book.add(question, GoldenAnswer(question.id, self.now_s, 0.25, said, failure))
                self.now_s += step_s
            self.round += 1
        return self

    @property
    def state(self) -> str:
        return self.book.state(self.now_s).state

    def window(self, name: str) -> Performance:
        return next(one for one in self.book.performance(self.now_s) if one.window == name)


def good(_i: int, _round: int) -> str:
    return "yes"


def test_the_first_run_is_the_reference_and_everything_has_its_interval_and_source() -> None:
    asking = Asking(20).rounds(1, lambda i, _: "yes" if i else "no")
    latest = asking.window("latest")
    assert (latest.n, latest.source, latest.slice, latest.coverage) == (20, "probe", None, 1.0)
    accuracy = latest.metrics["accuracy"]
    assert (accuracy.value, accuracy.reference, accuracy.breach, accuracy.n, accuracy.source) == (0.95, 0.95, False, 20, "probe")
    assert latest.metrics["probe.latency"].value == 0.25
    assert latest.metrics["probe.changed"].value == 0.0
    state = asking.book.state(asking.now_s)
    assert (state.state, state.rounds, state.sentence) == ("OK", 1, "19 of 20 golden questions right, 19 at the first run")


def test_before_the_first_whole_run_nothing_is_judged() -> None:
    asking = Asking(20)
    asking.book.add(asking.questions[0], GoldenAnswer("q0", DAY, 0.1, "no"))
    state = asking.book.state(DAY)
    assert (state.state, state.first, state.sentence) == ("UNKNOWN", None, "first run: 1 of 20 golden questions answered")
    assert asking.window("latest").why == "1 of 20 questions answered so far"
    assert asking.window("latest").metrics["accuracy"].reference is None


def test_asking_the_same_again_makes_no_interval_narrower() -> None:
    once, often = Asking(20).rounds(1, good), Asking(20).rounds(40, good)
    assert often.window("24h").n == 800
    assert often.window("24h").metrics["accuracy"].low == once.window("24h").metrics["accuracy"].low


def test_failures_are_never_wrong_answers() -> None:
    asking = Asking(20).rounds(3, good).rounds(2, lambda _i, _r: None)
    state = asking.book.state(asking.now_s)
    assert (state.failed, state.failures, state.failing) == (40, {"timeout": 40}, "no answer within 3 s")
    assert "40 golden questions in a row without an answer" in state.silent
    assert asking.window("all").metrics["accuracy"].value == 1.0
    assert asking.window("all").why == "40 of 100 questions without an answer; they are not counted as wrong"
    assert state.state == "OK"
    assert asking.rounds(1, good).book.state(asking.now_s).silent == ""


def test_a_question_that_is_never_answered_does_not_hold_up_the_first_run() -> None:
    asking = Asking(20).rounds(1, lambda i, _: None if i == 3 else "yes")
    assert asking.state == "UNKNOWN"
    asking.rounds(1, lambda i, _: None if i == 3 else "yes")
    state = asking.book.state(asking.now_s)
    assert (state.state, state.first and state.first.n, state.rounds) == ("OK", 19, 2)


def test_a_model_that_answers_nothing_at_first_is_not_judged_by_its_first_word() -> None:
    asking = Asking(20).rounds(3, lambda _i, _r: None).rounds(1, lambda i, _: "yes" if i < 3 else None)
    assert asking.state == "UNKNOWN"


def test_another_model_is_a_change_when_it_says_so_twice_and_each_answer_is_told() -> None:
    asking = Asking(20).rounds(3, good)
    other = asking.rounds(1, lambda i, _: "maybe" if i == 7 else "yes")
    state = other.book.state(other.now_s)
    assert (state.state, state.changed_total) == ("OK", 1)  # seen at once, told as a change when it comes again
    other.rounds(1, lambda i, _: "maybe" if i == 7 else "yes")
    state = other.book.state(other.now_s)
    assert state.state == "CHANGED"
    assert state.sentence == "1 of 20 golden answer is not that of the first run; 19 right now, 20 then"
    (changed,) = state.changed
    assert (changed.question, changed.first, changed.now, changed.label) == ("q7", "yes", "maybe", "yes")
    assert (changed.right, changed.was_right) == (False, True)
    assert other.window("latest").metrics["probe.changed"].value == 0.05


def test_a_fall_is_told_when_its_whole_interval_is_below_the_first_run() -> None:
    asking = Asking(20).rounds(2, good).rounds(1, lambda i, _: "no" if i < 6 else "yes")
    assert asking.state == "OK"
    asking.rounds(1, lambda i, _: "no" if i < 6 else "yes")
    state = asking.book.state(asking.now_s)
    assert (state.state, state.sentence) == ("FALLING", "14 of 20 golden questions right, 20 at the first run: 6 lost, 0 gained")
    assert asking.window("latest").metrics["accuracy"].breach is True
    assert asking.rounds(2, good).state == "OK"


def test_as_many_gained_as_lost_is_no_fall() -> None:
    asking = Asking(20).rounds(2, lambda i, _: "yes" if i < 10 else "no").rounds(2, lambda i, _: "no" if i < 10 else "yes")
    assert asking.state == "CHANGED"


def test_answers_that_go_back_and_forth_are_no_evidence() -> None:
    asking = Asking(20).rounds(30, lambda i, r: ("yes", "no")[r % 2] if i < 8 else "yes")
    state = asking.book.state(asking.now_s)
    assert state.state == "OK"
    assert state.unsteady == [f"q{i}" for i in range(8)]
    asking.rounds(22, good)
    assert asking.book.state(asking.now_s).unsteady == []


def test_answers_that_wander_are_no_change() -> None:
    asking = Asking(20).rounds(30, lambda i, r: f"text {r}" if i < 8 else "yes")
    assert asking.state == "OK"


def test_a_model_that_sometimes_says_another_thing_is_almost_never_cried_at() -> None:
    chance = random.Random(11)
    falls = changes = 0
    for _ in range(60):
        asking = Asking(20, writes=True)
        for _ in range(40):
            asking.rounds(1, lambda _i, _r: "no" if chance.random() < 0.05 else "yes")
            falls += asking.state == "FALLING"
            changes += asking.state == "CHANGED"
    assert falls == 0
    assert changes <= 60 * 40 * 0.03


def test_windows_slide_and_the_sum_of_all_stays() -> None:
    asking = Asking(10).rounds(1, lambda _i, _r: "no").rounds(1, good, step_s=600.0)
    assert asking.window("all").n == 20
    assert asking.window("24h").metrics["accuracy"].value == 0.5
    assert asking.window("30m").metrics["accuracy"].value == 1.0
    assert asking.window("30m").n < 5
    asking.now_s += 90_000
    assert (asking.window("24h").n, asking.window("24h").why) == (0, "no golden question answered in the window")
    assert asking.window("24h").metrics["accuracy"].value is None
    assert asking.window("latest").n == 10


def test_a_clock_that_is_set_back_by_hours_begins_windows_anew_and_forgets_nothing_else() -> None:
    asking = Asking(10).rounds(2, good)
    asking.now_s -= 40_000
    asking.rounds(1, good)
    assert asking.window("30m").n == 10
    assert asking.window("all").n == 30


def test_a_changed_question_begins_anew_and_the_others_go_on() -> None:
    asking = Asking(20).rounds(2, good)
    asking.questions[0] = GoldenQuestion("q0", ["other"], "yes", "other")
    asking.book.expect(asking.questions[:10])
    state = asking.book.state(asking.now_s)
    assert (state.questions, state.changed_total) == (10, 0)
    assert state.sentence == "first run: 9 of 10 golden questions answered"
    late = asking.book
    late.add(GoldenQuestion("q1", [1], "yes", "gone"), GoldenAnswer("q1", asking.now_s, 0.1, "no"))  # of the old file, still in flight
    assert late.state(asking.now_s).changed_total == 0


def test_what_is_kept_goes_on_in_the_next_engine() -> None:
    asking = Asking(20).rounds(2, good)
    saved = unpacked(packed([asking.book]))["golden"]
    asking.book = ProbeBook("golden", "exact", 1e-6)
    asking.book.load(saved, asking.now_s)
    asking.book.expect(asking.questions)
    assert asking.window("24h").n == 40
    asking.rounds(2, lambda i, _: "no" if i < 6 else "yes")
    assert asking.state == "FALLING"
    with pytest.raises(ValueError):
        unpacked(b"something else")


def test_the_newest_answers_can_be_made_the_first() -> None:
    asking = Asking(20)
    assert asking.book.pin() == "no golden question has been answered yet"
    asking.rounds(2, good).rounds(2, lambda i, _: "no" if i < 6 else "yes")
    assert asking.book.pin() == ""
    state = asking.book.state(asking.now_s)
    assert (state.state, state.changed_total, state.first and state.first.value) == ("OK", 0, 0.7)


def test_numbers_are_the_same_answer_within_the_tolerance() -> None:
    asking = Asking(20, check="numeric")
    asking.questions = [GoldenQuestion(one.id, one.request, 1.0, one.key) for one in asking.questions]
    asking.rounds(2, lambda _i, _r: 1.0).rounds(2, lambda _i, _r: 1.0 + 1e-7)
    assert asking.state == "OK"
    assert asking.book.state(asking.now_s).changed_total == 0
    assert asking.rounds(2, lambda _i, _r: 2.0).state == "FALLING"
