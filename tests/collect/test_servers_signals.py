"""What real pages of servers offer for drift beyond what is known of their kind: metrics of the user's own, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_monitor.analyse.target import TargetNumbers
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.model import Failure

PAGES = Path(__file__).parents[1] / "pages"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if (PAGES / kind / "metrics.prom").exists()])
def test_only_what_the_user_counts_is_found_beside_what_the_kind_names(kind: str) -> None:
    page = PageReader(max_samples=100_000, max_labels=64).read((PAGES / kind / "metrics.prom").read_bytes())
    assert not isinstance(page, Failure)
    numbers = TargetNumbers(KINDS[kind].says, 10.0)
    numbers.observe(1.0, page)
    named = {signal.family + (f"{{{signal.label}}}" if signal.label else "") for signal in KINDS[kind].says.signals}
    assert set(numbers.histograms()) - named == ({"tiny_tokens"} if kind == "mlserver" else set())
