"""What each kind of server tells, as the README's table has it: WRITE_README=1 writes the table anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tui_monitor.collect.servers.kind import Kind
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.config import KINDS as CONFIGURABLE
from tui_monitor.mapping import Ratio

README = Path(__file__).parent.parent.parent / "README.md"
MARKED = re.compile(r"(<!-- servers -->\n)(.*?)(<!-- /servers -->)", re.DOTALL)
COLUMNS = ("progress", "requests", "errors", "latency", "queue", "tokens", "KV cache", "models")
NUMBERS = {"requests": "request.rate", "errors": "error.rate", "tokens": "token.rate.generated", "KV cache": "kv_cache.used"}


def told(kind: Kind, key: str) -> str:
    """yes, at least, cannot (it says why), or missing (nobody says anything)."""
    says = kind.says
    if key in says.measures:
        return "at least" if key in says.at_least else "yes"
    return "cannot" if key in says.cannot else "missing"


def cell(kind: Kind, column: str) -> str:
    says = kind.says
    match column:
        case "progress":
            return "yes" if says.progress is not None else "cannot"
        case "latency":
            if "latency.p95" in says.measures and not isinstance(says.measures["latency.p95"], Ratio):
                return "p50 p95 p99"
            return "mean" if "latency.mean" in says.measures else told(kind, "latency.mean")
        case "queue":
            both = {told(kind, key) for key in ("queue.length", "queue.time.mean")}
            return "yes" if "yes" in both else "at least" if "at least" in both else min(both)
        case "models":
            return "yes" if kind.models is not None or kind.each is not None else "cannot"
        case _:
            serves_language = "token.rate.generated" in (*says.measures, *says.cannot)
            return "" if column in ("tokens", "KV cache") and not serves_language else told(kind, NUMBERS[column])


def table() -> str:
    lines = [f"| server | {' | '.join(COLUMNS)} |", f"| --- |{' --- |' * len(COLUMNS)}"]
    for name, kind in sorted(KINDS.items()):
        if kind.says.about == "server":
            lines.append(f"| {name} | {' | '.join(cell(kind, column) for column in COLUMNS)} |")
    return "\n".join(lines) + "\n"


def test_every_kind_that_can_be_configured_is_known() -> None:
    assert set(CONFIGURABLE) == {*KINDS, "auto", "prometheus"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_nothing_is_left_unsaid(kind: Kind) -> None:
    if kind.says.about == "server":
        assert "missing" not in {cell(kind, column) for column in COLUMNS}
        assert all(
            len(reason.split()) >= 2 for reason in (*kind.says.cannot.values(), *kind.says.needs.values(), *kind.says.at_least.values())
        )


def test_the_readme_has_the_table() -> None:
    text = README.read_text()
    if os.environ.get("WRITE_README"):
        README.write_text(MARKED.sub(lambda found: found[1] + table() + found[3], text))
        text = README.read_text()
    found = MARKED.search(text)
    assert found is not None
    assert found[2] == table()
