"""A measure of the mapping as PromQL, so that a Prometheus that scrapes the same server can tell the charts' past."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tui_monitor.mapping import First, Latest, Measure, Quantile, Rate, Ratio, Share, Sum, Total

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]", "0.0.0.0")  # noqa: S104 - names of one place, nothing is bound


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def instances(url: str, host: str) -> str:
    """A regular expression for the `instance` labels under which a Prometheus may know the server behind a URL."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    names = {parts.hostname or ""} | ({*LOOPBACK, host, host.partition(".")[0]} if parts.hostname in LOOPBACK else set())
    return "(" + "|".join(sorted(re.escape(name) for name in names if name)) + f"):{port}"


def _selector(name: str, total: Total, instance: str) -> str:
    rows = [f"instance=~{_quoted(instance)}"]
    rows += [f"{label}=~{_quoted(pattern)}" for label, pattern in total.where]
    rows += [f"{label}!~{_quoted(pattern)}" for label, pattern in total.unless]
    return name + "{" + ",".join(rows) + "}"


def _sum(of: Sum, instance: str, around: str) -> str:
    """The terms added; of alternative names the first that the server has."""
    text = ""
    for total in of.terms:
        said = " or ".join(around.format(_selector(name, total, instance)) for name in total.names)
        sign = "-" if total.factor < 0 else "+"
        term = f"({said} or vector(0))" if total.optional else f"({said})"
        text += f" {sign} {term}" if text else f"-{term}" if sign == "-" else term
    return text


def promql(measure: Measure, instance: str, window: str = "1m") -> str:
    """What to ask a Prometheus for the measure over `window`; `instance` is a regular expression (see `instances`)."""
    unit = 1.0
    match measure:
        case First(ways):
            return " or ".join(f"({promql(way, instance, window)})" for way in ways)
        case Share(over, under):
            said = f"max(({_sum(over, instance, '{}')}) / ({_sum(under, instance, '{}')}))"
        case Rate(of, unit):
            said = _sum(of, instance, "sum(rate({}[" + window + "]))")
        case Latest(of, worst, unit, copies, least):
            apart = f"max without ({', '.join(('instance', 'job', *copies))}) ({{}})" if copies else "{}"
            said = _sum(of, instance, f"{'min' if least else 'max' if worst else 'sum'}({apart})")
        case Ratio(over, under, unit):
            said = f"({promql(over, instance, window)}) / ({promql(under, instance, window)} > 0)"
        case Quantile(q, of, unit):
            buckets = Total(tuple(f"{name}_bucket" for name in of.names), of.where, of.unless)
            said = f"histogram_quantile({q}, {_sum(Sum((buckets,)), instance, 'sum by (le) (rate({}[' + window + ']))')})"
    return said if unit == 1.0 else f"({said}) * {unit!r}"
