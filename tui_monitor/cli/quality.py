"""How well models do, in sentences: what `once` prints of prediction logs and golden questions."""

from __future__ import annotations

from collections.abc import Iterator

from tui_monitor.model import Frame, Performance, ProbeState, Quality
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes import logs, quality_facts, written
from tui_monitor.ui.view import View

_SLICES = 5  # of a log, in the text; all of them are in the JSON


def lines(frame: Frame, *, utc: bool) -> Iterator[str]:
    """Each log: how it stands, its numbers window by window and source by source, and what they have to be read with."""
    for log in logs.listed(frame, View()):
        yield from _log(frame, log, utc=utc)
    yield from (line for probe in frame.probes for line in _probe(probe))


def _log(frame: Frame, log: Quality, *, utc: bool) -> Iterator[str]:
    word, _ = logs.standing(frame, log)
    since = f" since {fmt.local(log.since, utc=utc):%Y-%m-%d %H:%M:%S}" if log.since is not None else ""
    yield f"Quality of {log.name}{f' ({log.task})' if log.task else ''}: {word}{since}{f': {log.sentence}' if log.sentence else ''}"
    if log.problem:
        yield f"  nothing new comes in: {log.problem}"
    for source in logs.sources(frame, log):
        assumption = ""
        for window in logs.windows(frame, log.name):
            one = logs.told(frame, log, source, window)
            if one is not None:
                yield "  " + _performance(one)
                assumption = one.assumption or assumption
        if assumption:
            yield f"  {source}: {assumption}"
    for worst in log.worst[:_SLICES]:
        gap = worst.gap.value
        size = (
            ""
            if gap is None
            else f", {gap * 100:.1f} points below the rest"
            if written.is_share(worst.key)
            else f", {fmt.number(gap)} worse than the rest"
        )
        yield f"  worst slice {worst.slice} over {worst.window}: {worst.key} {written.number(worst.key, worst.value.value)}{size}"
    if len(log.worst) > _SLICES:
        yield f"  and {len(log.worst) - _SLICES} more slices are worse than the rest"
    for pair in log.pairs:
        yield f"  against {pair.other} over {pair.window}: {pair.key} {quality_facts.signed(pair.key, pair.difference.value)}"
    for group in log.gaps:
        yield f"  {group.key} of {group.first} minus {group.second} over {group.window}: {quality_facts.signed(group.key, group.difference.value)}"
    if log.label_age_s is not None:
        yield f"  labels come {fmt.age(log.label_age_s)} after the prediction"
    if log.left_out:
        yield f"  rows left out: {written.counted(log.left_out.items())}"
    if log.sampled is not None and log.sampled < 1:
        yield f"  {fmt.ratio(log.sampled)} of the rows is kept, because more come than the limit"
    if log.private:
        yield f"  private columns, never shown: {', '.join(log.private)}"


def _performance(one: Performance) -> str:
    """One window from one source, named where it is not the labels."""
    numbers = []
    for key, estimate in one.metrics.items():
        if estimate.value is not None:
            between = ""
            if estimate.low is not None and estimate.high is not None:
                between = f" ({written.number(key, estimate.low)} to {written.number(key, estimate.high)})"
            breach = (
                f", {'above its ceiling' if written.bad_side(key) == 'high' else 'below its floor'} of {written.number(key, estimate.floor)}"
                if estimate.breach
                else ""
            )
            numbers.append(f"{key} {written.number(key, estimate.value)}{between}{breach}")
    labelled = f", {fmt.ratio(one.coverage)} labelled" if one.coverage is not None else ""
    what = ", ".join([*numbers, *([one.why] if one.why else [])]) or "no numbers"
    source = f", {one.source}" if one.source != "labelled" else ""
    return f"Performance {one.name} over {one.window}{source}: {what}; {one.n} rows{labelled}"


def _probe(probe: ProbeState) -> Iterator[str]:
    """A set of golden questions."""
    said = probe.why or probe.sentence
    yield f"Golden questions {probe.name} to {probe.target}: {probe.state}{f': {said}' if said else ''}"
    if probe.failing:
        yield f"  no answer now: {probe.failing}"
    if probe.changed_total or probe.changed:
        total = max(probe.changed_total, len(probe.changed))
        yield f"  {total} answer{'' if total == 1 else 's'} changed since the first run: {', '.join(one.question for one in probe.changed[:10])}"
