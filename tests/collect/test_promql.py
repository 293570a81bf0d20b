"""The mapping in a Prometheus' words. That the words mean the same is checked against a real server in tests/services."""

from __future__ import annotations

import re

import pytest

from tui_monitor.collect.promql import instances, promql
from tui_monitor.mapping import Measure, latest, mean, per, quantile, rate, total

I = 'instance=~"h:1"'  # noqa: E741


@pytest.mark.parametrize(
    ("measure", "said"),
    [
        (rate(total("a_total")), f"(sum(rate(a_total{{{I}}}[1m])))"),
        (rate(total("new", "old")), f"(sum(rate(new{{{I}}}[1m])) or sum(rate(old{{{I}}}[1m])))"),
        (rate(total("a") + total("b", optional=True)), f"(sum(rate(a{{{I}}}[1m]))) + (sum(rate(b{{{I}}}[1m])) or vector(0))"),
        (rate(total("a", where={"code": "5.."}, unless={"path": "/x"})), f'(sum(rate(a{{{I},code=~"5..",path!~"/x"}}[1m])))'),
        (latest("q"), f"(sum(q{{{I}}}))"),
        (latest("kv", worst=True), f"(max(kv{{{I}}}))"),
        (quantile(0.95, "h_s"), f"histogram_quantile(0.95, (sum by (le) (rate(h_s_bucket{{{I}}}[1m]))))"),
        (
            per(rate(total("a_us")), rate(total("n")), unit=1e-6),
            f"(((sum(rate(a_us{{{I}}}[1m])))) / ((sum(rate(n{{{I}}}[1m]))) > 0)) * 1e-06",
        ),
        (mean("h"), f"((sum(rate(h_sum{{{I}}}[1m])))) / ((sum(rate(h_count{{{I}}}[1m]))) > 0)"),
    ],
)
def test_promql(measure: Measure, said: str) -> None:
    assert promql(measure, "h:1") == said


@pytest.mark.parametrize(
    ("url", "instance", "fits"),
    [
        ("http://127.0.0.1:8000/metrics", "localhost:8000", True),
        ("http://127.0.0.1:8000", "gpu7:8000", True),
        ("http://127.0.0.1:8000", "gpu7:8001", False),
        ("http://127.0.0.1:8000", "gpu71:8000", False),
        ("http://other:8000", "gpu7:8000", False),
        ("http://other", "other:80", True),
        ("https://other/x", "other:443", True),
    ],
)
def test_under_which_names_a_prometheus_may_know_a_server(url: str, instance: str, fits: bool) -> None:
    assert bool(re.fullmatch(instances(url, "gpu7.rack.example"), instance)) is fits
