"""prometheus_client's own parser tests, read by our reader: `TUI_MONITOR_CLIENT_PYTHON=a checkout of prometheus/client_python`.

Its test modules run here with a parser that keeps each text they give it and then parses it as theirs does. Every text is then read by
ours and compared by what stands on the page: names, labels, values. Their two parsers judge in this order:

    both refuse or read      the text parser's reading is ours, and what it refuses is, here, a bad line that is counted
    only OpenMetrics reads   its reading is ours (native histograms aside)
    only OpenMetrics refuses the text is read as the text format reads it: no server of ours is asked for OpenMetrics

Where we differ by intention stands in `DIFFERENCES`, each with its reason. Not compared: families' order, HELP, UNIT, timestamps and
exemplars (we do not keep them), and the counters' names, to which theirs appends `_total`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import unittest
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from page_samples import Sample, fit, samples, theirs
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics

from tui_monitor.collect.exposition import PageReader
from tui_monitor.model import Failure, Page

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

CHECKOUT = os.environ.get("TUI_MONITOR_CLIENT_PYTHON", "")
MODULES = ("tests/test_parser.py", "tests/openmetrics/test_parser.py")
DIFFERENCES = {  # a text like this -> why ours is another reading
    r"\{ *, *\}": "a comma without a label is no label: Prometheus refuses it, theirs reads the sample",
    r"=\}": "a label without a value: Prometheus refuses it, theirs reads the sample without the label",
    r"a 1 [+-]?(NaN|Inf)\n": "a timestamp that is no time: Prometheus refuses it, theirs reads the sample",
    r"total 1 1 #?[ ]?id=": "something behind the timestamp that is no exemplar: Prometheus refuses it, theirs reads the sample",
    r"# \{.*\}(1|  | 0x1p-3| 1 0x1p-3)\n": "a broken exemplar: theirs refuses the page; ours does not read exemplars, and the sample is whole",
    r"\n# EOF\nblah": "behind # EOF: theirs refuses the page; ours is at its end",
}


def texts(module_path: str) -> list[str]:
    """All texts that the tests of one module of theirs parse."""
    spec = importlib.util.spec_from_file_location(f"client_python_{module_path.replace('/', '_')[:-3]}", Path(CHECKOUT) / module_path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    parse, kept = module.text_string_to_metric_families, []

    def keep(text: str) -> object:
        kept.append(text)
        return parse(text)

    module.text_string_to_metric_families = keep
    unittest.TestLoader().loadTestsFromModule(module).run(unittest.TestResult())
    return list(dict.fromkeys(kept))


def case(module: str, number: int, text: str) -> ParameterSet:
    reasons = [reason for pattern, reason in DIFFERENCES.items() if re.search(pattern, text)]
    return pytest.param(text, marks=[pytest.mark.xfail(reason=reason) for reason in reasons], id=f"{module}:{number}")


CASES = [case(module, number, text) for module in MODULES for number, text in enumerate(texts(module))] if CHECKOUT else []


def by_open_metrics(text: str) -> list[Sample]:
    found = {
        (fit(sample.name), tuple(sorted((fit(label), fit(value)) for label, value in (sample.labels or {}).items() if value))): repr(
            float(sample.value)
        )
        for family in open_metrics(text)
        for sample in family.samples
        if sample.value is not None  # a native histogram
    }
    return sorted((name, labels, value) for (name, labels), value in found.items())


def judged(text: str) -> list[Sample] | None:
    """None: refused."""
    try:
        return theirs(text)
    except ValueError:
        try:
            return by_open_metrics(text)
        except ValueError:
            return None


needs_checkout = pytest.mark.skipif(not CHECKOUT, reason="TUI_MONITOR_CLIENT_PYTHON names no checkout of prometheus/client_python")


@needs_checkout
def test_their_tests_have_texts() -> None:
    assert len(CASES) > 200


@needs_checkout
@pytest.mark.parametrize("text", CASES)
def test_a_text_of_theirs_is_read_as_they_read_it(text: str) -> None:
    page, expected = PageReader().read(text.encode()), judged(text)
    ours = samples(page) if isinstance(page, Page) else []
    if expected is None:
        assert isinstance(page, Failure) or page.bad_lines > 0
    else:
        assert ours == expected
