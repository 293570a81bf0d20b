"""A prediction log as a whole, in one value: how it stands, and what its numbers have to be read with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_monitor.analyse.performance.counting.book import ALL, DEPLOY
from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.live.standing import sentence
from tui_monitor.analyse.performance.numbers.costs import cost, cost_sentence
from tui_monitor.analyse.performance.numbers.pairs import paired
from tui_monitor.analyse.performance.slicing.groups import gaps
from tui_monitor.analyse.performance.slicing.worst import worst_slices
from tui_monitor.analyse.performance.unlabelled.proxy import agreement
from tui_monitor.model import Paired, Performance, Quality, utc

if TYPE_CHECKING:
    from tui_monitor.analyse.performance.live.log import LabelledLog

COST = "30m"  # the window whose cost is held against what was before
FEWEST = 100  # labelled rows before it
DAY = "24h"  # the window in which slices are held against each other


def quality(log: LabelledLog, performance: list[Performance]) -> Quality:
    """What there is to say of a log, beside its windows as they are at the same moment."""
    whole: dict[tuple[str, str], Performance] = {}
    for one in performance:
        if one.slice is None:
            whole.setdefault((one.window, one.source), one)  # of several estimates the first: that from the scores
    settings, standing, day = log.settings, log.standing, log.books.totals(DAY)
    total = log.books.whole.windows[DAY].total
    spoken = standing.spoken_for()
    estimated = whole.get((spoken, "estimated"))
    since = whole.get((DEPLOY, "labelled")) or whole.get((ALL, "labelled"))
    age_s, age_p95_s = log.waiting.age_s()
    return Quality(
        name=settings.name,
        task=settings.task,
        key=log.key,
        state=standing.state,
        since=None if standing.since_s is None else utc(standing.since_s),
        sentence=sentence(log.key, whole[spoken, "labelled"], since, estimated.metrics.get(log.key) if estimated else None),
        classes=[] if log.layout.regression else log.layout.classes.listed(),
        positive=_positive(log),
        slices={name: one.expression for name, one in log.books.slices.items()},
        slices_left_out=log.books.left_out,
        worst=worst_slices(total, day, DAY),
        gaps=gaps(day, settings.compare, DAY) if settings.compare else [],
        pairs=_pairs(log),
        cost=_cost(log),
        version=log.deploys.version,
        deploys=[(utc(at_s), name) for at_s, name in log.deploys.seen],
        label_age_s=age_s,
        label_age_p95_s=age_p95_s,
        sampled=log.kept if log.kept < 1.0 else None,
        kappa=log.drawn.agreement,
        ess=log.ess,
        proxy_agreement=agreement(total) if log.layout.proxy and not log.layout.regression else None,
        left_out=dict(log.left_out) | ({"out_of_order": log.out_of_order} if log.out_of_order else {}),
        private=list(settings.private),
        reference=_reference(log),
    )


def _pairs(log: LabelledLog) -> list[Paired]:
    windows = log.books.whole.windows
    pairs = [one for name in ("3h", DAY, ALL) if (one := paired(windows[name].total, "base model", name)) is not None]
    return pairs + log.deploys.paired()


def _cost(log: LabelledLog) -> str:
    """What predictions cost now against all that were made before, where that is another cost beyond the intervals."""
    if not log.layout.costs:
        return ""
    now, whole = log.books.whole.windows[COST].total, log.books.whole.windows[ALL].total
    before = Counts(log.layout, whole.vector.copy())
    before.add(now, -1)
    new, old = cost(now), cost(before)
    if None in (new.low, new.high, old.low, old.high) or before.labelled < FEWEST:
        return ""
    apart = (new.low or 0.0) > (old.high or 0.0) or (new.high or 0.0) < (old.low or 0.0)
    return f"{cost_sentence(now, before)} in {COST}" if apart else ""


def _positive(log: LabelledLog) -> str:
    if log.settings.task != "binary":
        return ""
    seen = [name for name in log.layout.classes.names if name in log.layout.positive]
    return seen[0] if seen else log.settings.positive


def _reference(log: LabelledLog) -> str:
    if log.reference is not None:
        return f"{log.reference.name}: {log.reference.rows:,} labelled rows"
    if log.usual.learned_from:
        return f"learned from the first {log.usual.learned_from:,} labelled rows"
    return ""
