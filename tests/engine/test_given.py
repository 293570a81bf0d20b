"""Quality numbers that somebody else's gauges tell: shown as given, never added up, and their source is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tui_monitor.analyse.target import TargetNumbers
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.promql import promql
from tui_monitor.collect.servers.exporter import exporter_kind, measures_of
from tui_monitor.config import PrometheusSettings, Settings, parse
from tui_monitor.engine.given import given
from tui_monitor.mapping import Latest
from tui_monitor.model import Estimate, Model, Page, Queried, Target
from tui_monitor.vocabulary import QUALITY, VOCABULARY

CONFIG = """
[[targets]]
name = "ranker"
url = "http://127.0.0.1:9"
kind = "prometheus"
[targets.map]
"accuracy" = "my_model_accuracy"
"rmse" = "my_rmse * 0.001"

[[prometheus]]
name = "prom"
url = "http://127.0.0.1:9"
[prometheus.queries]
"accuracy" = "avg(model_accuracy)"
"up" = "up"
"""


def target(metrics: dict[str, float | None], **more: object) -> Target:
    return Target(
        name="ranker",
        kind="prometheus",
        url="http://x",
        state="OK",
        why="",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        age_s=1.0,
        metrics=metrics,
        **more,
    )  # type: ignore[arg-type]


def settings() -> Settings:
    return parse(CONFIG, "config.toml", {})


def test_the_family_of_quality_is_the_vocabularys() -> None:
    keys = list(VOCABULARY)
    assert set(keys[keys.index("accuracy") : keys.index("label.age") + 1]) - {"n", "n.labelled"} == set(QUALITY)


def test_a_page_is_named_with_its_series() -> None:
    (one,) = given([target({"accuracy": 0.93, "request.rate": 5.0}, series={"accuracy": "my_model_accuracy"})], {}, [])
    assert (one.name, one.window, one.slice, one.source, one.n, one.coverage, one.why) == ("ranker", "now", None, "given", 0, None, "")
    assert one.metrics == {"accuracy": Estimate(0.93, source="given")}
    assert one.assumption == "as told by the page of ranker (my_model_accuracy)"


def test_a_page_that_has_it_not_says_why() -> None:
    (one,) = given([target({"accuracy": None}, absent={"accuracy": "no page"})], {}, [])
    assert one.metrics["accuracy"].value is None
    assert one.why == "no page"


def test_models_of_a_page_are_told_apart() -> None:
    models = [Model("a", None, "READY", {"accuracy": 0.9}), Model("b", None, "READY", {"request.rate": 1.0})]
    assert [one.name for one in given([target({"accuracy": 0.8}, models=models)], {}, [])] == ["ranker", "ranker/a"]


def test_who_tells_no_quality_is_not_there() -> None:
    assert (
        given(
            [target({"request.rate": 5.0})],
            {"prom": Queried({"up": 1.0}, {})},
            [PrometheusSettings("prom", "http://x", queries={"up": "up"})],
        )
        == []
    )


@pytest.mark.parametrize(
    ("queried", "value", "why"),
    [
        (Queried({"accuracy": 0.9, "up": 1.0}, {}), 0.9, ""),
        (Queried({"accuracy": None, "up": 1.0}, {"accuracy": "no data"}), None, "no data"),
        (None, None, "no answer yet"),
    ],
)
def test_a_prometheus_is_named_with_its_query(queried: Queried | None, value: float | None, why: str) -> None:
    (one,) = given([], {"prom": queried} if queried else {}, settings().prometheus)
    assert one.name == "prom"
    assert {key: estimate.value for key, estimate in one.metrics.items()} == {"accuracy": value}
    assert one.assumption == "as told by prom (avg(model_accuracy))"
    assert one.why == why


def test_every_quality_key_can_be_mapped_and_no_series_are_added() -> None:
    for key in QUALITY:
        measure = measures_of(key, "my_gauge * 0.5")[key]
        assert isinstance(measure, Latest)
        assert (measure.least, measure.worst) == ((True, False) if VOCABULARY[key].bad == "low" else (False, True)), key
        assert measure.unit == 0.5


def test_an_explicit_maximum_stays_one() -> None:
    assert measures_of("accuracy", "max(my_accuracy)")["accuracy"] == Latest(
        measures_of("queue.length", "my_accuracy")["queue.length"].of, worst=True
    )  # type: ignore[union-attr]


def test_a_prometheus_is_asked_for_the_least() -> None:
    says = exporter_kind(settings().targets[0]).says
    assert promql(says.measures["accuracy"], "x:1").startswith("(min(my_model_accuracy{")
    assert "(max(my_rmse{" in promql(says.measures["rmse"], "x:1")


def test_of_several_models_on_one_page_the_worst_is_told() -> None:
    text = 'my_model_accuracy{model="a"} 0.97\nmy_model_accuracy{model="b"} 0.81\nmy_rmse 250\nmy_rmse{fold="2"} 120\n'
    page = PageReader().read(text.encode())
    assert isinstance(page, Page)
    numbers = TargetNumbers(exporter_kind(settings().targets[0]).says, 10.0)
    numbers.observe(1000.0, page)
    measured = numbers.measure(1000.0)
    assert measured.metrics["accuracy"] == 0.81
    assert measured.metrics["rmse"] == pytest.approx(0.25)
