"""A page's samples in a form that can be compared, ours and prometheus_client's."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from tui_monitor.collect.exposition import PageReader
from tui_monitor.model import Page, clean

Sample = tuple[str, tuple[tuple[str, str], ...], str]


def read(body: bytes, reader: PageReader | None = None) -> Page:
    page = (reader or PageReader()).read(body)
    assert isinstance(page, Page), page
    return page


def samples(page: Page) -> list[Sample]:
    """In any order; values as text, so that NaN equals NaN and -0 is not 0."""
    assert len(page.values) == len(page.layout.series)
    return sorted((key.name, key.labels, repr(value)) for key, value in zip(page.layout.series, page.values, strict=True))


def theirs(text: str) -> list[Sample]:
    """prometheus_client's reading, without its habit of appending _total to counters.

    Raises:
        ValueError: it refuses the page.
    """
    text = re.sub(r"(?m)^([ \t]*#[ \t]+TYPE[ \t].*[ \t])counter[ \t]*$", r"\1gauge", text)
    found: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}  # of a series that stands twice the last
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sorted((fit(label), fit(value)) for label, value in sample.labels.items() if value)
            found[fit(sample.name), tuple(labels)] = repr(float(sample.value))
    return sorted((name, labels, value) for (name, labels), value in found.items())


def fit(text: str) -> str:
    """As a terminal may show it."""
    return text if text.isprintable() else clean(text, len(text))
