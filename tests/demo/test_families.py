"""Pages of the demo's servers, read by prometheus_client."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tui_monitor.demo.families import Histogram, Values, page


def read(body: bytes) -> dict[str, float]:
    return {
        sample.name + repr(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("why", "value", "bucket"),
    [
        ("below the first edge", 0.5, "1.0"),
        ("on an edge: le means less or equal", 1.0, "1.0"),
        ("between edges", 1.5, "2.0"),
        ("above the last edge", 3.0, "+Inf"),
    ],
)
def test_where_a_value_is_counted(why: str, value: float, bucket: str) -> None:
    histogram = Histogram("h", "A histogram.", (1, 2))
    histogram.observe(value)
    seen = read(page([histogram]))
    below = [edge for edge in ("1.0", "2.0", "+Inf") if seen[f"h_bucket[('le', '{edge}')]"] == 1]
    assert below[0] == bucket, why
    assert seen["h_count[]"] == 1
    assert seen["h_sum[]"] == value


def test_one_observation_can_stand_for_many() -> None:
    histogram = Histogram("h", "A histogram.", (1, 2))
    histogram.observe(0.5, times=4)
    assert histogram.count == 4
    assert read(page([histogram]))["h_sum[]"] == 2.0


def test_labels_are_escaped() -> None:
    family = Values("f_total", "counter", "A counter.", labels=("path",))
    family.add(2.0, 'a"b\\c\nd')
    assert read(page([family])) == {"f_total[('path', 'a\"b\\\\c\\nd')]": 2.0}


def test_a_family_without_labels_is_there_from_the_start() -> None:
    assert read(page([Values("g", "gauge", "A gauge.")])) == {"g[]": 0.0}
