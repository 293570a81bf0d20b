"""What `e` says of a signal: what it is, its state, effect, evidence, reference, and what would help."""

from __future__ import annotations

from tui_monitor.model import Drift, Frame
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes import drift_measures as measures
from tui_monitor.ui.panes import drift_slices as slices
from tui_monitor.ui.panes import drift_words as words

_STATES = {
    "drift": "the evidence is beyond the budget and the effect is worth an alarm",
    "watch": "something moved, but the evidence is within the budget or the effect is small: no alarm",
    "stable": "it looks like its reference, within what chance and the smallest shift allow",
    "learning": "what is normal is being learned: nothing is judged yet",
    "idle": "too few new rows to say anything",
    "blind": "it cannot be judged as it comes",
    "stale": "its source does not answer",
}


def of_signal(frame: Frame | None, signal: Drift, *, utc: bool = False) -> list[str]:
    """Lines of a name and a text."""
    name, (what, means) = words.cause(signal), words.CAUSES[words.cause(signal)]
    bound = "at least " if signal.bound == ">=" else ""
    lines = [f"signal   {signal.signal} of {signal.source} ({signal.role}), {signal.state}"]
    lines += [f"so       {signal.sentence}"] if signal.sentence else []
    lines += [f"where    {told}"] if (told := slices.most_of_it(signal)) else []
    lines += [f"state    {signal.state}: {_STATES[signal.state]}"]
    lines += [f"why      {signal.why}"] if signal.why else []
    lines += [f"helps    {words.remedy(signal)}"] if words.remedy(signal) else []
    lines += [f"cause    {name} drift: {what}; {means}"]
    lines += [f"inputs   {told}"] if (told := _given_inputs(frame, signal)) else []
    lines += [f"test     {words.measure(signal.test)}: {measures.meaning(signal.test, signal) or signal.test}"]
    lines += [f"{'slices' if place == 0 else '':8} {text}" for place, text in enumerate(slices.explained(signal))]
    if signal.effect is not None:
        lines.append(f"effect   {bound}{signal.effect:.3f}: the largest gap between then and now; 0 same, 1 disjoint")
    low, high = signal.interval
    if low is not None and high is not None:
        lines.append(f"between  {low:.3f} and {high:.3f} with 95 %, rows counted for what they are worth")
    if signal.evidence is not None:
        lines.append(f"evidence 10^{signal.evidence:.1f} times the false-alarm budget; at 1 (10^0) it is used up")
    if frame is not None and (budget := words.budget(frame)):
        own = words.own_share(frame, signal) or "each signal has its share of it"
        lines.append(f"budget   {budget}; {own}, so more signals do not mean more false alarms")
    lines += [f"early    {words.early(signal)}"] if signal.early else []
    if signal.follows:
        lead = words.follows(signal, frame, utc=utc) if frame is not None else words.leads(signal)
        lines.append(f"follows  {lead}: of what began within the same hour the one that was found first has the alert")
    lines += [f"kind     {signal.kind}: {_KINDS[signal.kind]}"] if signal.kind else []
    lines += [f"windows  {words.pace(signal)}"] if words.pace(signal) else []
    lines.append(f"rows     {fmt.count(signal.n_now)} now, {fmt.count(signal.n_reference)} in the reference")
    if signal.origin:
        lines.append(f"from     {words.origin(signal, frame.at, utc=utc) if frame is not None else signal.origin}")
    lines += [f"worth    {words.tau(signal)}"] if signal.tau is not None else []
    if signal.importance is not None:
        lines.append(f"matters  importance {fmt.digits(signal.importance)} for the model")
    return [*lines, f"keys     {words.acts(signal)}"]


_KINDS = {
    "sudden": "one step explains it best",
    "gradual": "a slope explains it better than a step",
    "recurring": "it has come and gone before in the same direction",
}


_GIVEN_INPUTS = {"error": "residual | inputs", "errors": "errors | inputs"}
"""Errors as they come -> the same with the mix of inputs taken out."""


def _given_inputs(frame: Frame | None, signal: Drift) -> str:
    """Whether errors moved at the same inputs too, or only because the model is asked other things than before."""
    if signal.signal in _GIVEN_INPUTS.values():
        return "each error is compared with those of like inputs in the reference: another mix of inputs does not move it"
    wanted = _GIVEN_INPUTS.get(signal.signal)
    found = next((one for one in frame.drift if (one.source, one.signal) == (signal.source, wanted)), None) if frame is not None else None
    if found is None or signal.state not in ("drift", "watch"):
        return ""
    if found.state == "drift":
        return f"{found.signal} is in drift too: errors changed also at the same inputs"
    if found.state == "stable":
        return f"{found.signal} is stable: at the same inputs errors are as before, so the mix of inputs moved them and not the truth"
    return ""
