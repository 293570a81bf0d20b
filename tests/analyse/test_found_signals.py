"""What a page offers for drift by the names of its families, and what is left alone."""

from __future__ import annotations

import pytest

from tui_monitor.analyse.found_signals import MOST, found_signals, role_of
from tui_monitor.analyse.target import TargetNumbers
from tui_monitor.mapping import Says, SignalSource
from tui_monitor.model import Layout, Page, SeriesKey


def layout(*series: tuple[str, dict[str, str]], **types: str) -> Layout:
    return Layout(tuple(SeriesKey(name, tuple(sorted(labels.items()))) for name, labels in series), types)


def histogram(family: str) -> list[tuple[str, dict[str, str]]]:
    return [(f"{family}_bucket", {"le": le}) for le in ("1", "10", "+Inf")] + [(f"{family}_sum", {}), (f"{family}_count", {})]


@pytest.mark.parametrize(
    ("family", "role"),
    [
        ("classifier_input_words", "input"), ("my_prompt_tokens", "input"), ("app_generated_tokens", "output"), ("answer_length", "output"),
        ("prompt_processing_seconds", "latency"), ("request_duration", "latency"), ("scorer_confidence", "score"), ("queue_depth", ""),
    ],
)  # fmt: skip
def test_roles_by_name(family: str, role: str) -> None:
    assert role_of(family) == role


def test_histograms_and_counters_of_classes() -> None:
    page = layout(
        *histogram("app_input_words"), *histogram("queue_depth"), *histogram("http_request_duration_seconds"), *histogram("python_gc_seconds"),
        ("app_predictions_total", {"class": "a", "model": "m"}), ("app_predictions_total", {"class": "b", "model": "m"}),
        ("app_requests_total", {"code": "200"}), ("app_requests_total", {"code": "500"}), ("app_one_total", {"class": "a"}),
        ("app_gauge", {"class": "a"}), ("app_gauge", {"class": "b"}),
        app_input_words="histogram", queue_depth="histogram", http_request_duration_seconds="histogram", python_gc_seconds="histogram",
        app_predictions_total="counter", app_requests_total="counter", app_one_total="counter", app_gauge="gauge",
    )  # fmt: skip
    assert found_signals(page, ()) == (
        SignalSource("app_input_words", "input"),
        SignalSource("app_predictions_total", "output", label="class"),
    )
    assert found_signals(page, {"app_input_words"}) == (SignalSource("app_predictions_total", "output", label="class"),)
    assert found_signals(page, (), ("app_",)) == ()


def test_labels_of_very_many_values_are_no_classes_and_pages_of_very_many_families_are_bounded() -> None:
    many = layout(*((("x_total"), {"label": str(i)}) for i in range(31)), x_total="counter")
    assert found_signals(many, ()) == ()
    wide = layout(*(one for i in range(50) for one in histogram(f"f{i}_seconds")), **{f"f{i}_seconds": "histogram" for i in range(50)})
    assert len(found_signals(wide, ())) == MOST


def test_they_reach_the_judges_with_the_sum_of_their_values() -> None:
    page = layout(
        *histogram("app_input_words"), ("app_predictions_total", {"class": "a"}), ("app_predictions_total", {"class": "b"}),
        app_input_words="histogram", app_predictions_total="counter",
    )  # fmt: skip
    numbers = TargetNumbers(Says(measures={}, own_map=True), 10.0)
    numbers.observe(10.0, Page(page, [1.0, 3.0, 4.0, 57.0, 4.0, 2.0, 5.0], 100))
    found = numbers.histograms()
    assert found["app_input_words"] == ("input", [1.0, 10.0], [1.0, 3.0, 4.0], None, 57.0)
    assert found["app_predictions_total{class}"] == ("output", [], [2.0, 5.0], ["a", "b"], None)
    numbers.observe(20.0, Page(page, [0.0, 1.0, 1.0, 9.0, 1.0, 2.0, 6.0], 100))  # its process began again
    assert numbers.histograms()["app_input_words"].amount == 66.0


def test_an_exporter_of_hardware_offers_none() -> None:
    page = layout(*histogram("app_input_words"), app_input_words="histogram")
    numbers = TargetNumbers(Says(measures={}, about="gpu"), 10.0)
    numbers.observe(10.0, Page(page, [1.0, 3.0, 4.0, 57.0, 4.0], 100))
    assert numbers.histograms() == {}
