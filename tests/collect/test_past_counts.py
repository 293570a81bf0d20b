"""What counters of a past time counted: resets, gaps, replicas, what appears later, and time in pieces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_monitor.collect import past_counts
from tui_monitor.collect.past_counts import MOST_SERIES, Growth, buckets_of, categories_of, past_buckets, past_categories
from tui_monitor.collect.prometheus import RangeFailure, _own_words
from tui_monitor.config import PrometheusSettings

START_S = 1_800_000_000
CENTRAL = PrometheusSettings("central", "http://127.0.0.1:9")
Series = Mapping[tuple[str, ...], Sequence[float | None]]


def frame(names: tuple[str, ...], series: Series, moments: range | None = None, step_s: float = 60.0) -> pd.DataFrame:
    """Samples, as prometheus-api-client hands them over: a label that a series has not is NaN."""
    found = [
        {name: label for name, label in zip(names, labels, strict=True) if label}
        | {"timestamp": pd.Timestamp(START_S + step_s * i, unit="s"), "value": value}
        for labels, values in series.items()
        for i, value in enumerate(values)
        if value is not None and (moments is None or i in moments)
    ]
    if not found:
        return pd.DataFrame({"value": []}, index=pd.DatetimeIndex([], name="timestamp"))
    return pd.DataFrame(found).set_index("timestamp")


def grown(series: Series, label: str = "le", *, own: bool = False, pieces: int = 1, step_s: float = 60.0) -> Growth:
    names = ("__name__", "instance", label)
    length = max((len(values) for values in series.values()), default=0)
    made = Growth(START_S, step_s, max(length, 1), label, given=own)
    size = math.ceil(length / pieces) or 1
    for begin in range(0, length, size):
        made.add(frame(names, series, range(begin, begin + size), step_s))
    return made


def histogram(series: Mapping[tuple[str, str], Sequence[float | None]]) -> Series:
    return {("h_sum" if le == "" else "h_bucket", instance, le): values for (instance, le), values in series.items()}


def test_buckets_are_differences_of_raw_counters_over_resets_and_replicas() -> None:
    past = buckets_of(
        grown(
            histogram(
                {
                    ("a", "1"): [10, 13, 2, 4], ("a", "5"): [20, 25, 4, 8], ("a", "+Inf"): [30, 36, 6, 12],  # began anew at the third
                    ("b", "1"): [0, 1, 1, 2], ("b", "5"): [0, 1, 2, 3], ("b", "+Inf"): [0, 1, 2, 4],
                    ("a", ""): [100, 130, 20, 50], ("b", ""): [0, 0.5, 3, 11],
                }
            )
        ),
        "h",
    )  # fmt: skip
    assert past.edges == [1.0, 5.0]
    assert past.slots.tolist() == [[4.0, 2.0, 1.0], [2.0, 3.0, 2.0], [3.0, 2.0, 3.0]]
    assert (past.at_s - START_S).tolist() == [30.0, 90.0, 150.0]  # the middle: rows of 7:56 to 8:04 belong to both hours
    assert past.amount == 30 + 20 + 30 + 11
    assert past.known == 1.0


def test_a_bucket_that_has_grown_past_what_it_was_began_anew_with_the_others() -> None:
    past = buckets_of(grown(histogram({("a", "1"): [10, 12], ("a", "+Inf"): [30, 14]})), "h")
    assert past.slots.tolist() == [[12.0, 2.0]]


def test_a_missing_scrape_is_no_zero() -> None:
    past = buckets_of(
        grown(histogram({("a", "1"): [1, None, 5], ("a", "+Inf"): [2, None, 8], ("b", "1"): [0, 0, 0], ("b", "+Inf"): [0, 0, 0]})), "h"
    )
    assert past.slots.sum(axis=0).tolist() == [4.0, 2.0]


def test_rows_of_a_long_gap_came_nobody_knows_when() -> None:
    hours: list[float | None] = [0, 100, *[None] * 9, 5000, 5100]
    past = buckets_of(grown(histogram({("a", "1"): hours, ("a", "+Inf"): hours, ("a", ""): hours})), "h")
    assert past.slots.sum() == 200
    assert (past.at_s - START_S).tolist() == [30.0, 690.0]
    assert past.amount == 200
    assert past.known == pytest.approx(2 / 12)


@pytest.mark.parametrize("sums", [{}, {("a", ""): [1, math.inf, math.inf]}, {("a", ""): [1, None, 7]}, {("b", ""): [1, 2, 3]}])
def test_a_sum_that_is_not_told_for_all_rows_gives_no_mean(sums: dict[tuple[str, str], list[float | None]]) -> None:
    past = buckets_of(grown(histogram({("a", "1"): [0, 2, 4], ("a", "+Inf"): [0, 3, 8], **sums})), "h")
    assert past.amount is None
    assert past.slots.sum() == 8


def test_a_bound_is_one_however_it_is_written() -> None:
    one: list[float | None] = [0, 3, None, None]
    two: list[float | None] = [None, None, 7, 8]
    past = buckets_of(grown(histogram({("a", "1"): one, ("a", "1.0"): two, ("a", "+Inf"): [0, 4, 9, 11]})), "h")
    assert past.slots.tolist() == [[3.0, 1.0], [4.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ({}, "h is not there in that time"),
        ({("a", "1"): [1, 2]}, "no whole histogram"),
        ({("a", "1"): [1], ("a", "+Inf"): [2]}, "no whole histogram"),
        ({("a", "odd"): [1, 2], ("a", "nan"): [2, 3]}, "no whole histogram"),
        ({("a", ""): [1, 2]}, "h has no label 'le'"),
        ({("a", "1"): [1, 2, None], ("a", "2"): [None, None, 3], ("a", "+Inf"): [2, 3, 4]}, "has other buckets at the end of that time"),
    ],
)
def test_what_is_no_histogram_is_told(series: dict[tuple[str, str], list[float | None]], said: str) -> None:
    with pytest.raises(RangeFailure, match=said):
        buckets_of(grown(histogram(series)), "h")


# -- class counters -----------------------------------------------------------------------------------------------------------------------


def classes(series: Mapping[tuple[str, str], Sequence[float | None]]) -> Series:
    return {("c_total", instance, value): values for (instance, value), values in series.items()}


def test_classes_begin_anew_with_their_process_and_a_new_one_counts_from_its_first_event() -> None:
    past = categories_of(
        grown(
            classes(
                {
                    ("a", "stop"): [10, 15, 3, 5],  # began anew at the third
                    ("a", "length"): [4, 4, None, 5],  # and so did this, whose first event is in the fourth
                    ("a", "abort"): [None, 2, None, None],
                    ("b", "stop"): [None, 1000, 1001, 1003],  # another process, first seen with 1000
                }
            ),
            "why",
        ),
        "c_total",
    )
    assert past.names == ["abort", "length", "stop"]
    assert past.slots.tolist() == [[2.0, 0.0, 5.0], [0.0, 0.0, 4.0], [0.0, 5.0, 4.0]]


def test_names_of_classes_are_those_that_are_shown() -> None:
    past = categories_of(grown(classes({("a", "x\x1b[31m"): [0, 2], ("a", ""): [0, 1], ("a", "y"): [0, 4]}), "why"), "c")
    assert past.slots.sum() == 7
    assert all("\x1b" not in name for name in past.names)
    assert "" in past.names  # a series without the label


@pytest.mark.parametrize(
    ("series", "said"), [({}, "c is not there"), ({("a", ""): [1, 2]}, "no label 'why'"), ({("a", "x"): [3]}, "one moment")]
)
def test_what_is_no_class_counter_is_told(series: dict[tuple[str, str], list[float | None]], said: str) -> None:
    with pytest.raises(RangeFailure, match=said):
        categories_of(grown(classes(series), "why"), "c")


def test_a_label_that_a_frame_calls_otherwise() -> None:
    made = Growth(START_S, 60.0, 2, "value")
    made.add(frame(("__name__", "label_value"), {("c", "x"): [1, 3], ("c", "y"): [0, 3]}))
    assert categories_of(made, "c").slots.tolist() == [[2.0, 3.0]]


# -- a query of the user's ---------------------------------------------------------------------------------------------------------------


def test_a_sum_over_processes_that_falls_tells_nothing_then() -> None:
    series = {("", "", "x"): [1000, 1010, 600, *range(610, 900, 10)], ("", "", "y"): [500, 510, 300, *range(310, 600, 10)]}
    own, raw = (categories_of(grown(series, "why", own=own), "q").slots for own in (True, False))
    assert own.sum() == 600
    assert raw.sum() == 1500  # a raw counter began anew, and counted 900 since


def test_rates_are_no_counters() -> None:
    chance = np.random.default_rng(4)
    series = {("", "", name): chance.random(50).tolist() for name in "xy"}
    with pytest.raises(RangeFailure, match=r"falls \d+ times: counters as they stand are needed, no rate"):
        categories_of(grown(series, "why", own=True), "what the query asks for")
    assert categories_of(grown(series, "why"), "c").names == ["x", "y"]


# -- the oracle --------------------------------------------------------------------------------------------------------------------------

_steps = st.lists(st.tuples(st.lists(st.integers(0, 9), min_size=3, max_size=3), st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(st.lists(_steps, min_size=1, max_size=3), st.integers(1, 7))
def test_what_came_is_found_again_whatever_the_pieces(processes: list[Any], pieces: int) -> None:
    """Each step: rows of three classes, whether the process begins anew before them (with more rows than it had: unseen), and a lost scrape."""
    series: dict[tuple[str, str], list[float | None]] = {}
    expected = np.zeros(3)
    for i, steps in enumerate(processes):
        counted, seen, lost = np.zeros(3), np.zeros(3), 0
        lines: list[list[float | None]] = [[0.0], [0.0], [0.0]]
        for rows, anew, missing in steps:
            if anew:
                counted = np.zeros(3)
            counted = counted + rows
            if missing:
                lost += 1
                for line in lines:
                    line.append(None)
                continue
            growth = counted if (counted < seen).any() else counted - seen
            if lost + 1 <= 5:  # 300 s
                expected += growth
            seen, lost = counted.copy(), 0
            for line, value in zip(lines, counted, strict=True):
                line.append(float(value))
        series |= {(f"p{i}", name): line for name, line in zip("xyz", lines, strict=True)}
    made = grown(classes(series), "why", pieces=pieces)
    if not made.slots:
        assert expected.sum() == 0
        return
    past = categories_of(made, "c")
    assert past.slots.sum(axis=0).tolist() == expected.tolist()
    assert (past.slots >= 0).all()


# -- asking -------------------------------------------------------------------------------------------------------------------------------


class Prometheus:
    """In place of `RangeSource`: counters that grow by one a step, of so many series."""

    def __init__(self, series: int, most_samples: int = 10**9, late: float = 0.0) -> None:
        self.series, self.most, self.late = series, most_samples, late
        self.asked: list[tuple[str, float, float, float]] = []

    def __call__(self, settings: PrometheusSettings) -> Prometheus:
        assert settings == CENTRAL
        return self

    def frame(self, query: str, start_s: float, end_s: float, step_s: float, most_series: int) -> pd.DataFrame:
        moments = round((end_s - start_s) / step_s) + 1
        if moments * self.series > self.most:
            raise RangeFailure("too_large", "more than 8 MB")
        self.asked.append((query, start_s, end_s, step_s))
        assert most_series == MOST_SERIES
        at_s = [start_s + i * step_s for i in range(moments) if start_s + i * step_s >= self.late]
        found = [
            {"timestamp": pd.Timestamp(moment, unit="s"), "__name__": "c", "why": f"w{i}", "value": (moment - START_S) / step_s}
            for i in range(self.series)
            for moment in at_s
        ]
        return pd.DataFrame(found).set_index("timestamp") if found else frame(("c",), {})


@pytest.fixture
def served(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Prometheus:
    made = Prometheus(*request.param)
    monkeypatch.setattr(past_counts, "RangeSource", made)
    return made


@pytest.mark.parametrize("served", [(3,), (40,), (3, 30), (3, 10**9, START_S + 4 * 86_400)], indirect=True)
def test_eight_days_come_in_pieces_and_nothing_is_lost_between_them(served: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_counts, "SAMPLES_A_PIECE", 4000)
    past = past_categories(CENTRAL, "c", "why", "(h):1", START_S, START_S + 8 * 86_400)
    assert {step_s for *_, step_s in served.asked} == {480.0}
    seen = 1440 if not served.late else 720
    assert len(past.at_s) == seen
    assert np.diff(past.at_s).tolist() == [480.0] * (seen - 1)
    assert (past.slots == 1.0).all()
    assert past.known == pytest.approx(seen / 1440)
    assert all(round((end_s - start_s) / step_s + 1) * served.series <= 4000 for _, start_s, end_s, step_s in served.asked)
    assert [start_s for _, start_s, *_ in served.asked[1:]] == [end_s + step_s for _, _, end_s, step_s in served.asked[:-1]]
    assert served.asked[0][0] == '{__name__="c",instance=~"(h):1"}'


@pytest.mark.parametrize("served", [(3,)], indirect=True)
@pytest.mark.parametrize(("days", "step_s"), [(1 / 24, 15), (1, 60), (30, 1800), (90, 1800), (365, 3154)])
def test_slots_are_as_fine_as_an_hour_of_the_day_needs(served: Prometheus, days: float, step_s: int) -> None:
    past = past_categories(CENTRAL, "c", "why", "(h):1", START_S, START_S + days * 86_400)
    assert {int(asked[3]) for asked in served.asked} == {step_s}
    assert past.slots.sum() == pytest.approx(3 * days * 86_400 / step_s, abs=6)


@pytest.mark.parametrize("served", [(3,)], indirect=True)
def test_moments_are_multiples_of_the_step_as_some_servers_will_have_them(served: Prometheus) -> None:
    past = past_categories(CENTRAL, "c", "why", "(h):1", START_S + 7.5, START_S + 7200)
    assert {start_s % 15 for _, start_s, *_ in served.asked} == {0.0}
    assert served.asked[0][1] == START_S + 15
    assert past.at_s[0] == START_S + 22.5
    assert past.at_s[-1] == START_S + 7192.5
    assert past_categories(CENTRAL, "c", "why", "(h):1", START_S + 1, START_S + 31).slots.sum() == 3


@pytest.mark.parametrize("served", [(3,)], indirect=True)
def test_a_time_shorter_than_a_step_tells_nothing(served: Prometheus) -> None:
    with pytest.raises(RangeFailure, match="one moment"):
        past_categories(CENTRAL, "c", "why", "(h):1", START_S + 1, START_S + 4)


def test_moments_that_were_not_asked_for_are_left_out() -> None:
    made = Growth(START_S, 60.0, 3, "why")
    made.add(
        frame(("why",), {("x",): [5, 6, 7, 9, 100]}, range(2, 5)).set_axis(
            pd.DatetimeIndex([pd.Timestamp(START_S + at, unit="s") for at in (-60, 60, 240)])
        )
    )
    assert not made.slots


@pytest.mark.parametrize("served", [(300, 200)], indirect=True)
def test_series_that_fit_no_piece_are_told(served: Prometheus) -> None:
    with pytest.raises(RangeFailure, match="more than 8 MB"):
        past_categories(CENTRAL, "c", "why", "(h):1", START_S, START_S + 86_400)


@pytest.mark.parametrize("served", [(3,)], indirect=True)
def test_a_prometheus_that_takes_too_long_is_given_up(served: Prometheus) -> None:
    clock = iter(range(0, 10_000, 25))
    with pytest.raises(RangeFailure, match="did not come within 60 s"):
        past_counts._asked(CENTRAL, "c", "why", (START_S, START_S + 86_400.0), given=False, clock=lambda: float(next(clock)))
    assert len(served.asked) == 2


@pytest.mark.parametrize("served", [(3,)], indirect=True)
def test_when_nobody_wants_to_know_any_more_the_next_piece_is_not_asked_for(served: Prometheus) -> None:
    def over() -> bool:
        return len(served.asked) % 2 == 0 and bool(served.asked)

    with pytest.raises(RangeFailure, match="nobody asks for it any more"):
        past_categories(CENTRAL, "c", "why", "(h):1", START_S, START_S + 86_400, over=over)
    assert len(served.asked) == 2
    served.asked.append(served.asked[0])
    with pytest.raises(RangeFailure, match="nobody asks for it any more"):
        past_buckets(CENTRAL, "c", "(h):1", START_S, START_S + 86_400, over=over)
    assert len(served.asked) == 4


@pytest.mark.parametrize("served", [(3,)], indirect=True)
def test_what_is_asked_for_can_be_said_by_the_user(served: Prometheus) -> None:
    with pytest.raises(RangeFailure, match="what the query asks for"):
        past_buckets(CENTRAL, "h", "(h):1", START_S, START_S + 3600, query='other{job="x"}')
    with pytest.raises(RangeFailure, match="a:h"):
        past_buckets(CENTRAL, "a:h", '(a"b):1', START_S, START_S + 3600)
    assert [served.asked[0][0], served.asked[-1][0]] == ['other{job="x"}', '{__name__=~"a:h_(bucket|sum)",instance=~"(a\\"b):1"}']


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"status":"error","errorType":"bad_data","error":"1:5: \\"(\\" isn\'t closed"}', 'bad_data: 1:5: "(" isn\'t closed'),
        (b"<html>no</html>", "HTTP Status Code 400 (b'<html>no</html>')"),
        (b'{"status":"error"}', 'HTTP Status Code 400 (b\'{"status":"error"}\')'),
        (b"", "HTTP Status Code 400 (b'')"),
    ],
)
def test_a_query_that_is_refused_is_told_in_the_servers_words(body: bytes, said: str) -> None:
    from prometheus_api_client.exceptions import PrometheusApiClientException

    assert _own_words(str(PrometheusApiClientException(f"HTTP Status Code 400 ({body!r})"))) == said
