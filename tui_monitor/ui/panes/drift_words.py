"""What the screen says of drift in words: which sort it is, how strong the evidence is, what would help. Texts only, nothing is drawn."""

from __future__ import annotations

import math
import re
from datetime import datetime

from tui_monitor.model import Drift, Frame
from tui_monitor.model import utc as utc_time
from tui_monitor.ui import format as fmt
from tui_monitor.ui.widgets.canvas import cut, text_width

NAMES = {
    "ks": "KS", "kuiper": "Kuiper", "anderson_darling": "Anderson-Darling", "cramer_von_mises": "Cramer-von Mises", "mann_whitney": "P(now > ref)",
    "welch_t": "Welch t", "wasserstein": "Wasserstein", "energy": "energy", "psi": "PSI", "kl": "KL", "js": "JS", "hellinger": "Hellinger",
    "chi_square": "chi-square", "g": "G", "fisher": "Fisher", "l_infinity": "L∞", "cramers_v": "Cramer's V",
}  # fmt: skip
CAUSES: dict[str, tuple[str, str]] = {
    "data": ("the inputs changed", "the model is asked other things than before; its answers may still be right: look at its quality"),
    "target": ("the answers changed", "other outputs, scores or classes than before, with new and vanished classes by name"),
    "concept": ("the truth changed", "it errs more on the same sort of inputs: what it learned is no longer so; new data train it again"),
    "cost": ("errors cost more or less", "as many errors, of another sort or at another price"),
    "system": ("the server changed", "slower or faster, not wiser: load, hardware, batch sizes, a deploy"),
    "quality": ("the data are broken", "missing, out of range, of another type, or never seen: look where they come from"),
}
"""Sort of drift -> what changed, and what that means."""
_ROLES = {"input": "data", "output": "target", "score": "target", "performance": "concept", "latency": "system", "quality": "quality"}
_SPANS = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))
_BEFORE = re.compile(r"\bbefore (\d{9,11})\b")
_JUDGED = {"stable", "watch", "drift"}
SEEN = 0.05  # an effect that is worth an alarm


def short_name(signal: Drift) -> str:
    """A signal's name without its server's prefix; the full one stands in its detail."""
    return signal.signal.rpartition(":")[2] or signal.signal


def cause(signal: Drift) -> str:
    """Which sort of drift it is or would be: data, target, concept, cost, system, quality."""
    return signal.cause or _ROLES.get(signal.role, "data")


def small(value: float) -> str:
    """A measure between 0 and 1 and a bit beyond: .31, .02, <.01, 1.24."""
    if not math.isfinite(value):
        return fmt.number(value)
    if 0 < abs(value) < 0.005:
        return "<.01"
    text = f"{value:.2f}" if abs(value) < 9.995 else fmt.number(value)
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def measure(name: str) -> str:
    """How a measure is written on the screen."""
    return NAMES.get(name, name.replace("_", " "))


def effect(signal: Drift) -> str:
    """The effect with its measure; buckets give a lower bound."""
    if signal.effect is None or not math.isfinite(signal.effect):
        return ""
    return f"{measure(signal.test)} {'≥' if signal.bound == '>=' else ''}{small(signal.effect)}"


def span(seconds: float) -> str:
    """30 days, 36 hours, 90 seconds: in the largest unit that divides it."""
    for size, unit in _SPANS:
        if seconds >= size and abs(seconds / size - round(seconds / size)) < 1e-6:
            count = round(seconds / size)
            return unit if count == 1 else f"{count} {unit}s"
    return f"{fmt.digits(seconds)} seconds"


def budget(frame: Frame) -> str:
    """One false alarm per 30 days over 37 signals; empty where nobody says it."""
    if frame.drift_budget_s is None or frame.drift_budget_s <= 0:
        return ""
    count = len(frame.drift)
    left_out = f", {frame.drift_left_out} more not watched" if frame.drift_left_out else ""
    return f"one false alarm per {span(frame.drift_budget_s)} over {count} signal{'' if count == 1 else 's'}{left_out}"


def own_share(frame: Frame, signal: Drift) -> str:
    """The part of the budget that one signal has; empty where nobody says it."""
    if not frame.drift_budget_s or not signal.budget_days:
        return ""
    return f"this one has {fmt.ratio(frame.drift_budget_s / (signal.budget_days * 86_400))} of it"


def dataset(frame: Frame, width: int) -> str:
    """Share of the judged signals that drift, of all, of each source, and weighted by what matters for the model; and who is not judged.

    In `width` cells: what does not fit is left out whole.
    """
    judged = [signal for signal in frame.drift if signal.state in _JUDGED]
    drifting = [signal for signal in judged if signal.state == "drift"]
    if judged:
        share = f" ({fmt.ratio(len(drifting) / len(judged))})" if drifting else ""
        said = [
            f"{len(drifting) or 'none'} of {len(judged)} judged signal{'' if len(judged) == 1 else 's'} drift{'' if drifting else 's'}{share}"
        ]
    else:
        said = ["no signal is judged yet"] if frame.drift else []
    weights = sum(signal.importance or 0.0 for signal in judged)
    if weights > 0 and drifting:
        said.append(f"{fmt.ratio(sum(signal.importance or 0.0 for signal in drifting) / weights)} of what matters for the model")
    origins = sum(not signal.follows for signal in drifting)
    said += [f"{origins} origin{'' if origins == 1 else 's'}"] if origins < len(drifting) else []
    watched = sum(signal.state == "watch" for signal in judged)
    said += [f"{watched} watched"] if watched else []
    states = [signal.state for signal in frame.drift if signal.state not in _JUDGED]
    unjudged = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    said += [f"not judged: {unjudged}"] if unjudged else []
    if len({signal.source for signal in judged}) > 1:
        said += [
            f"{source} {sum(one.source == source for one in drifting)} of {sum(one.source == source for one in judged)}"
            for source in dict.fromkeys(signal.source for signal in drifting)
        ]
    if frame.drift_left_out:
        said.insert(1, f"{frame.drift_left_out} more not watched")
    line = ""
    for part in said:
        longer = f"{line} · {part}" if line else part
        line = longer if not line or text_width(longer) <= width else line
    return cut(line, width)


def times(evidence: float) -> str:
    """How many times as much as the budget: 40×, >1e9×."""
    size = 10 ** min(evidence, 15.0)
    return f"{fmt.count(round(size)) if 9.5 <= size < 1e9 else fmt.digits(size) if size < 1e9 else '>1e9'}×"


def evidence_line(signal: Drift, budget_s: float | None = None) -> str:
    """How strong the evidence is, in words."""
    counted = f"{fmt.count(signal.n_now)} rows now, {fmt.count(signal.n_reference)} in the reference"
    if signal.evidence is None:
        return counted
    per = f" of one per {span(budget_s)}" if budget_s else ""
    if signal.evidence >= 0:
        return f"Evidence is {times(signal.evidence)} beyond the false-alarm budget{per}; {counted}."
    return f"Evidence is within the false-alarm budget{per}, {times(-signal.evidence)} too weak for an alarm; {counted}."


def at(moment: datetime, now: datetime, *, utc: bool) -> str:
    """A clock time without seconds; its day where that is not today."""
    there, today = fmt.local(moment, utc=utc), fmt.local(now, utc=utc)
    return f"{there:%H:%M}" if there.date() == today.date() else f"{there:%d %b %H:%M}"


def brief(moment: datetime, now: datetime, *, utc: bool) -> str:
    """The same in six cells: the day alone where it is not today."""
    text = at(moment, now, utc=utc)
    return text if len(text) == 5 else text[:6]


def history(signal: Drift, frame: Frame, *, utc: bool) -> str:
    """What sort of drift, since when, of which kind."""
    said = f"{cause(signal)} drift" if signal.state == "drift" else f"would be {cause(signal)} drift"
    if signal.since is None or signal.state not in {"drift", "watch"}:
        return said
    when = f", since {at(signal.since, frame.at, utc=utc)}"
    lasting = fmt.age(max(0.0, (frame.at - signal.since).total_seconds()))
    return f"{said}{f', {signal.kind}' if signal.kind else ''}{when} ({lasting})"


def value(signal: Drift, number: float | None) -> str:
    """A value of the signal in its unit, as far as its name tells one."""
    if number is None or not math.isfinite(number):
        return fmt.number(number)
    sign, size, name = "-" if number < 0 else "", abs(number), signal.signal
    if name.endswith(("_seconds", "_s")):
        return sign + fmt.seconds(size)
    if name.endswith(("_ms", "_milliseconds")):
        return sign + fmt.seconds(size / 1e3)
    if name.endswith(("_us", "_microseconds")):
        return sign + fmt.seconds(size / 1e6)
    if name.endswith("_bytes"):
        return sign + fmt.size(size)
    text = fmt.number(number)
    return text.rstrip("0").rstrip(".") if "." in text and text[-1].isdigit() and "e" not in text else text


def tau(signal: Drift) -> str:
    """What a row is worth."""
    if signal.tau is None:
        return ""
    if signal.tau < 1.05:
        return "rows are independent: every one counts"
    return f"1 row of {fmt.short(signal.tau)} counts: neighbours are alike"


def origin(signal: Drift, now: datetime, *, utc: bool) -> str:
    """Where the reference comes from, with a clock time for its end."""
    return _BEFORE.sub(lambda found: f"before {at(_moment(found), now, utc=utc)}", signal.origin)


def _moment(found: re.Match[str]) -> datetime:
    return utc_time(float(found[1]))


def remedy(signal: Drift) -> str:
    """What would help where there is no verdict."""
    match signal.state:
        case "learning":
            return "it learns by itself, from requests; a reference that is given needs no learning"
        case "blind" if "judging it failed" in signal.why:
            return "reading the configuration again (R): it is judged anew from then on; please report it"
        case "blind":
            return "finer buckets at the server, or a prediction log with the values themselves; where its layout is another one, a new baseline"
        case "stale":
            return "get its source to answer again; what was learned is kept"
        case "idle":
            return "requests: nothing is judged without new rows, and no evidence is lost meanwhile"
    return ""


def together(signal: Drift) -> str:
    """What moved within the same hour, the first first; sources are named where they are others."""
    names = []
    for name in signal.moved_together:
        source, slash, own = name.partition("/")
        short = (own if slash else name).rpartition(":")[2] or name
        names.append(short if not slash or source == signal.source else f"{short} of {source}")
    return ", ".join(names)


def leads(signal: Drift) -> str:
    """The signal that this one follows, without its server's prefix; empty where it leads."""
    return signal.follows.partition("/")[2].rpartition(":")[2] or signal.follows


def follows(signal: Drift, frame: Frame, *, utc: bool) -> str:
    """Whom it follows, and since when that one drifts; empty where it leads."""
    if not signal.follows:
        return ""
    leader = next((one for one in frame.drift if f"{one.source}/{one.signal}" == signal.follows), None)
    since = f" since {at(leader.since, frame.at, utc=utc)}" if leader is not None and leader.since is not None else ""
    return f"{leads(signal)}{since}"


def acts(signal: Drift) -> str:
    """What two keys do that are easily taken for each other."""
    whose = f"the alert of {leads(signal)}, which it follows" if signal.follows else "its alert"
    return f"a acknowledges {whose}: somebody has seen it, and what is normal stays as it was; b takes what it shows now as normal."


def early(signal: Drift) -> str:
    """Which early charts are out."""
    if not signal.early:
        return ""
    return f"{' and '.join(signal.early)} {'is' if len(signal.early) == 1 else 'are'} out: a first hint, amber, never an alarm"


def pace(signal: Drift) -> str:
    """What the windows together say: a fast move, a slow one, or one that goes away."""
    known = [(name, size) for name, size in signal.windows.items() if size is not None and math.isfinite(size)]
    peak = max((size for _, size in known), default=0.0)
    if len(known) < 2 or peak < SEEN:
        return ""
    if all(size == known[0][1] for _, size in known):
        return f"watched for too short a time: {known[-1][0]} holds the same rows as {known[0][0]}"
    while len(known) > 2 and known[-1][1] == known[-2][1]:  # the same rows: there are none older
        known.pop()
    if known[0][1] < peak / 2:
        return f"it goes away: the last {known[0][0]} differ least"
    full = [name for name, size in known if size >= peak / 2]
    return f"fast: all within the last {full[-1]}" if full[-1] != known[-1][0] else f"slow or old: even {full[-1]} shows it"
