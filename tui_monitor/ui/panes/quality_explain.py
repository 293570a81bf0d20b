"""What `e` says of a number of a prediction log: its meaning and formula, its window, rows and interval, and what it takes for granted."""

from __future__ import annotations

from tui_monitor.model import Basis, Estimate, Frame, Performance, Quality
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes import logs, quality_facts, written
from tui_monitor.ui.panes.explain import UNITS
from tui_monitor.ui.view import View
from tui_monitor.vocabulary import VOCABULARY

_FORMULAS = {
    "accuracy": "right / labelled",
    "precision": "true positives / predicted positive",
    "recall": "true positives / positive",
    "f1": "2 x precision x recall / (precision + recall)",
    "precision.macro": "mean over the classes that occur, of right / predicted as it",
    "recall.macro": "mean over the classes that occur, of right / labelled as it",
    "f1.macro": "mean over the classes that occur, of their F1",
    "precision.weighted": "sum over classes of share of the labels x precision",
    "recall.weighted": "sum over classes of share of the labels x recall",
    "f1.weighted": "sum over classes of share of the labels x F1",
    "f1.micro": "right / labelled",
    "auc": "pairs of a positive and a negative row that the score puts in order / all such pairs, ties count half; from 1,000 steps of the score",
    "log_loss": "mean of -ln(probability of the true class)",
    "brier": "mean of (score - truth)^2",
    "calibration.error": "sum over ten steps of share of the rows x |mean score - share that was positive|",
    "mae": "mean of |prediction - label|",
    "mse": "mean of (prediction - label)^2",
    "rmse": "square root of the mean of (prediction - label)^2",
    "bias": "mean of prediction - label",
    "cost": "sum over label x prediction of count x cost / labelled",
    "label.coverage": "labelled / predictions",
    "probe.changed": "questions answered otherwise than at the first run / questions",
}
_KINDS: dict[Basis, str] = {
    "estimated": "as many rows as would give the estimate's variance, then Wilson's",
    "sampled": "from the weights of the rows that were drawn",
    "given": "as it came",
}
_NOT_SHARES = {"mae", "mse", "rmse", "bias", "log_loss", "brier", "cost"}


def of_number(frame: Frame, log: Quality, view: View) -> list[str]:
    """Lines of a name and a text about the number that is looked at."""
    key, window, slice_ = logs.key(frame, log, view), logs.window(frame, log, view), logs.slice_of(frame, log, view)
    source = logs.source(frame, log, key, slice_)
    one = logs.told(frame, log, source, window, slice_)
    estimate = logs.value_of(one, key)
    term = VOCABULARY.get(key)
    lines = [f"{key} of {log.name} over {window}" + (f", only {slice_}" if slice_ else "")]
    lines += [f"means    {term.means}", f"unit     {UNITS.get(term.unit, term.unit)}"] if term else []
    lines += [f"formula  {_FORMULAS[key]}"] if key in _FORMULAS else []
    lines += _value(key, source, estimate)
    if one is not None:
        lines += _rows(frame, log, one, view)
    lines += [f"rests on {source}: {logs.RESTS_ON[source]}"]
    lines += [f"assumes  {one.assumption.removeprefix('assumes ')}"] if one is not None and one.assumption else []
    if estimate is None:
        why = one.why if one is not None and one.why else log.problem or "no row of this window says it"
        lines.append(f"absent   {why}")
    lines += _against(frame, log, source, window, key, slice_, estimate)
    lines += [
        f"also     {other} {written.number(key, value.value)}{_between(key, value)}: {_assumed(frame, log, other, window, slice_)}"
        for other in logs.sources(frame, log, slice_)
        if other != source and (value := logs.value_of(logs.told(frame, log, other, window, slice_), key)) is not None
    ]
    return [
        *lines,
        "",
        "marks    ✖ below its floor   ◐ worse than what it is held against, beyond chance   ✔ not   … the log is younger than the window   – no value   · nothing to hold it against",
    ]


def _value(key: str, source: Basis, estimate: Estimate | None) -> list[str]:
    lines = [f"value    {written.number(key, estimate.value if estimate is not None else None)}"]
    if estimate is not None and estimate.low is not None and estimate.high is not None:
        lines.append(
            f"between  {written.number(key, estimate.low)} and {written.number(key, estimate.high)}, with 95 % confidence ({_kind(key, source)})"
        )
    elif estimate is not None:
        lines.append("between  not known: this number comes without an interval")
    return lines


def _kind(key: str, source: Basis) -> str:
    if source in _KINDS:
        return _KINDS[source]
    if key == "auc":
        return "DeLong's variance"
    if key == "calibration.error":
        return "bootstrap of the steps, for the gap behind the chance"
    if key in _NOT_SHARES:
        return "mean of the rows, normal"
    if key.endswith((".macro", ".weighted")) or key == "f1":
        return "delta method, then Wilson's"
    return "Wilson's"


def _rows(frame: Frame, log: Quality, one: Performance, view: View) -> list[str]:
    lines = []
    if one.start is not None and one.end is not None:
        lines.append(
            f"window   {fmt.moment(one.start, frame.at, utc=view.utc)} to {fmt.moment(one.end, frame.at, utc=view.utc)}, by the time of the prediction"
        )
    covered = f", {fmt.count(one.labelled)} of them labelled ({fmt.ratio(one.coverage)})" if one.coverage is not None else ""
    lines.append(f"rows     {fmt.count(one.n)} predictions{covered}")
    if logs.is_young(frame, log, one.source, one.window, one.slice):
        lines.append("young    the log is no older than a shorter window: this one says nothing of its own yet")
    if one.coverage is not None and one.coverage < 1:
        lines.append(f"labels   {quality_facts.labels(frame, log, one.window)}")
    return lines


def _against(frame: Frame, log: Quality, source: Basis, window: str, key: str, slice_: str | None, estimate: Estimate | None) -> list[str]:
    lines = []
    base = logs.base(frame, log, source, window, key, slice_)
    if base is not None and estimate is not None and estimate.value is not None:
        what = f"{log.reference}" if base[1] == "reference" and log.reference else base[1]
        lines.append(f"vs       {written.number(key, base[0])} of {what}: {written.against(key, estimate.value, base[0])}")
    if estimate is not None and estimate.floor is not None:
        low = written.bad_side(key) != "high"
        way = "below" if low else "above"
        said = f"it is {way}" if estimate.breach else f"it is not {way}"
        sign = "-" if low else "+"
        lines.append(
            f"floor    {written.number(key, estimate.floor)}: mean {sign} 3 sd of the reference, cut into windows of this length; {said}"
        )
    elif estimate is not None:
        lines.append("floor    none: there is no reference, or it is shorter than three windows of this length")
    return lines


def _between(key: str, estimate: Estimate) -> str:
    between = written.interval(key, estimate)
    return f" ({between})" if between else ""


def _assumed(frame: Frame, log: Quality, source: Basis, window: str, slice_: str | None) -> str:
    one = logs.told(frame, log, source, window, slice_)
    return (one.assumption if one is not None else "") or logs.RESTS_ON[source]
