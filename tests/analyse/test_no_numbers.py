"""What stands on a page and is no number: infinite, below zero, more than a double holds, half a histogram."""

from __future__ import annotations

import math

import pytest

from tui_monitor.analyse.target import Measured, TargetNumbers
from tui_monitor.mapping import Measure, Says, SignalSource, latest, per, quantiles, rate, total
from tui_monitor.model import Layout, Page, SeriesKey

NO_NUMBER, BELOW_ZERO = "its page has no number for it", "its page has a number below zero for it"


def looks(measures: dict[str, Measure], *pages: dict[str, float]) -> tuple[TargetNumbers, Measured]:
    """Pages two seconds apart; a series is written `name` or `name le`."""
    numbers = TargetNumbers(Says(measures=measures, signals=(SignalSource("h", "latency"),)), 2.0)
    for at, page in enumerate(pages):
        keys = tuple(SeriesKey(name, (("le", le),) if le else ()) for name, _, le in (text.partition(" ") for text in page))
        numbers.observe(100.0 + 2 * at, Page(Layout(keys, {}), list(page.values()), 100))
    return numbers, numbers.measure(98.0 + 2 * len(pages))


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        pytest.param(5.0, math.inf, NO_NUMBER, id="becomes infinite"),
        pytest.param(math.inf, math.inf, NO_NUMBER, id="stays infinite"),
        pytest.param(math.nan, math.nan, NO_NUMBER, id="NaN"),
        pytest.param(-5.0, -15.0, BELOW_ZERO, id="falls below zero"),
        pytest.param(-math.inf, 3.0, NO_NUMBER, id="was infinitely small"),
    ],
)
def test_growth_that_is_no_number_has_a_reason(first: float, second: float, why: str) -> None:
    _, measured = looks({"request.rate": rate(total("n"))}, {"n": first}, {"n": second})
    assert (measured.metrics["request.rate"], measured.absent["request.rate"]) == (None, why)


def test_sums_that_no_double_holds_are_no_numbers_and_break_nothing() -> None:
    much = 1.7e308
    measures: dict[str, Measure] = {
        "request.rate": rate(total("a") + total("b")),
        "queue.length": latest("c"),
        "request.running": latest("d"),
    }
    says = Says(measures=measures)
    numbers = TargetNumbers(says, 2.0)
    keys = tuple(SeriesKey(name, (("x", x),)) for name in "abcd" for x in "12")
    for at_s, counters in ((100.0, 0.0), (102.0, much)):
        values = [counters, counters, counters, counters, much, much, 1.0, 2.0]
        numbers.observe(at_s, Page(Layout(keys, {}), values, 100))
    measured = numbers.measure(102.0)
    assert {key: measured.metrics[key] for key in measures} == {
        "request.rate": None,
        "queue.length": None,
        "request.running": 3.0,
    }
    assert measured.absent == dict.fromkeys(("request.rate", "queue.length"), NO_NUMBER)
    assert measured.work == 3.0


def test_what_is_taken_away_may_have_been_counted_a_moment_earlier() -> None:
    measures: dict[str, Measure] = {
        "error.rate": rate(total("asked") - total("answered")),
        "error.ratio": per(rate(total("asked") - total("answered")), rate(total("asked"))),
    }
    _, measured = looks(measures, {"asked": 10.0, "answered": 10.0}, {"asked": 12.0, "answered": 13.0})
    assert measured.metrics == {"error.rate": 0.0, "error.ratio": 0.0}


def test_a_missing_infinite_bucket_is_the_count() -> None:
    before = {"h_bucket 1": 1.0, "h_bucket 2": 2.0, "h_sum": 3.0, "h_count": 4.0}
    _, measured = looks(quantiles("latency", "h"), before, {key: 3 * value for key, value in before.items()})
    assert measured.metrics == {"latency.mean": 0.75, "latency.p50": 2.0, "latency.p95": 2.0, "latency.p99": 2.0}
    assert set(measured.at_least) == {"latency.p95", "latency.p99"}  # above the highest bound


def test_a_histogram_without_an_infinite_bucket_and_a_count_says_so() -> None:
    before = {"h_bucket 1": 1.0, "h_bucket 2": 2.0, "h_bucket much": 2.0, "h_sum": 1.0}
    after = {key: 3 * value for key, value in before.items()}
    _, measured = looks(quantiles("latency", "h"), before, after)
    assert [measured.metrics[f"latency.{part}"] for part in ("p50", "p95", "p99")] == [None] * 3
    assert measured.absent["latency.p95"] == "its histogram has no bucket up to +Inf"


def test_counts_that_are_no_numbers_never_reach_the_judges_of_drift() -> None:
    good = {"h_bucket 1": 1.0, "h_bucket +Inf": 2.0}
    assert set(looks({}, good, good)[0].histograms()) == {"h"}
    assert looks({}, good, good | {"h_bucket +Inf": math.inf})[0].histograms() == {}
