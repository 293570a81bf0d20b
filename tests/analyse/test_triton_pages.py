"""Pages of a real Triton, read one after the other: a model is unloaded between two of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_monitor.analyse.target import TargetNumbers
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.servers.triton import TRITON

PAGES = Path(__file__).parents[1] / "pages" / "triton"


def numbers(*names: str) -> TargetNumbers:
    reader, target = PageReader(), TargetNumbers(TRITON.says, 2.0)
    for second, name in zip(range(1000, 2000, 2), names, strict=False):
        target.observe(float(second), reader.read((PAGES / name).read_bytes()))
    return target


def test_a_model_that_is_unloaded_takes_nothing_from_the_others() -> None:
    target = numbers("metrics.idle.prom", "metrics.prom", "metrics.model-unloaded.prom", "metrics.model-unloaded.prom")
    measured = target.measure(1006.0)
    assert all(value is None or value >= 0 for value in measured.metrics.values())
    for metrics in measured.models.values():
        assert all(value is None or value >= 0 for value in metrics.values())
    assert set(measured.metrics) == set(TRITON.says.measures) | set(TRITON.says.cannot)
    assert all((measured.metrics[key] is None) == (key in measured.absent) for key in measured.metrics)


def test_models_add_up_to_the_server() -> None:
    measured = numbers("metrics.idle.prom", "metrics.prom", "metrics.after.prom").measure(1004.0)
    assert len(measured.models) == 4
    assert measured.tells_progress
    assert measured.progress_at_s == 1004.0
    rates = [metrics["request.rate"] or 0.0 for metrics in measured.models.values()]
    assert sum(rates) == pytest.approx(measured.metrics["request.rate"])
    assert sum(rates) > 0
