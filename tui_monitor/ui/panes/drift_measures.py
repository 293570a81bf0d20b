"""The measures of drift as a table: value or bounds, the p of a single look, and the bins and base they are computed on."""

from __future__ import annotations

from tui_monitor.model import Drift
from tui_monitor.ui import format as fmt
from tui_monitor.ui.panes import drift_words as words
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.widgets.canvas import cut, pad, wrap

_ORDER = (
    "ks", "l_infinity", "kuiper", "cramer_von_mises", "anderson_darling", "mann_whitney", "welch_t", "wasserstein", "energy", "psi", "kl", "js", "hellinger",
    "chi_square", "g", "fisher", "cramers_v",
)  # fmt: skip
_MEANS = {
    "ks": "largest gap between the two distribution curves",
    "l_infinity": "largest difference of one category's share",
    "kuiper": "largest gap above plus largest gap below",
    "cramer_von_mises": "sum of the squared gaps of the curves",
    "anderson_darling": "the same, with more weight on the ends",
    "mann_whitney": "chance that a row of now is above one of the reference; .50 is alike",
    "welch_t": "difference of the means in standard errors",
    "wasserstein": "how far the values moved on average, in their unit",
    "energy": "energy distance",
    "psi": "population stability index",
    "kl": "divergence of now from the reference",
    "js": "Jensen-Shannon distance",
    "hellinger": "Hellinger distance",
    "chi_square": "counts against those expected",
    "g": "log-likelihood ratio of the counts",
    "fisher": "exact test of 2 x 2 counts",
    "cramers_v": "chi-square as a share of what is possible",
}
_BASE = {"psi": "nats, shares of at least 1e-4", "kl": "nats, shares of at least 1e-4", "js": "base 2, 0 to 1", "hellinger": "0 to 1"}
_BINNED = {"psi", "kl", "js", "hellinger", "chi_square", "g", "cramers_v", "l_infinity", "fisher"}
_NAME, _VALUE, _P = 17, 12, 9  # cells


def meaning(name: str, signal: Drift) -> str:
    """A measure in words, its bins and its base first."""
    said = _MEANS.get(name, "")
    bins = len(signal.shares.reference) if signal.shares is not None else 0
    what = "categories" if signal.type == "category" else "bins"
    on = f"on {bins} {what}" if bins and (name in _BINNED or name in signal.bounds) else ""
    basis = ", ".join(part for part in (on, _BASE.get(name, "")) if part)
    return ": ".join(part for part in (basis, said) if part)


def written(name: str, signal: Drift) -> str:
    """The value; where buckets prove only bounds of it, at least that much or from .. to."""

    def one(value: float) -> str:
        return words.value(signal, value) if name == "wasserstein" else words.small(value)

    if (bound := signal.bounds.get(name)) is not None:
        low, high = bound
        if high is None:
            return f"≥ {one(low)}"
        return one(low) if one(low) == one(high) else f"{one(low)} .. {one(high)}"
    measured = signal.tests.get(name)
    if measured is None or measured.statistic is None:
        return fmt.NONE
    return one(measured.statistic)


def probability(p: float | None) -> str:
    """A p value in few characters."""
    if p is None:
        return ""
    return "<1e-9" if p < 1e-9 else f"{p:.0e}".replace("e-0", "e-") if p < 0.001 else f"{p:.3f}"


def names(signal: Drift) -> list[str]:
    """The measures that are told, in a fixed order."""
    told = {*signal.tests, *signal.bounds}
    return [*(name for name in _ORDER if name in told), *sorted(told - set(_ORDER))]


def table(signal: Drift, width: int) -> list[Line]:
    """All measures, one a line; what the state rests on is strong."""
    found = names(signal)
    if not found:
        return []
    told_p = any(signal.tests[name].p is not None for name in found if name in signal.tests)
    wide = _NAME + _VALUE + (_P if told_p else 0)
    head = pad("  MEASURE", _NAME) + pad("VALUE", _VALUE, ">") + (pad("P", _P, ">") if told_p else "")
    out: list[Line] = [((head, "dim"),)]
    for name in found:
        test = name == signal.test
        p = probability(signal.tests[name].p) if name in signal.tests else ""
        parts: Line = (
            ("  " + pad(words.measure(name), _NAME - 2), "strong" if test else "text", *(["b"] if test else [])),
            (pad(written(name, signal), _VALUE, ">"), "strong" if test else "text"),
            (pad(p, _P, ">") if told_p else "", "dim"),
        )
        room = width - wide - 3
        out.append((*parts, ("   " + cut(meaning(name, signal), room), "dim")) if room >= 16 else parts)
    notes = []
    if told_p:
        notes.append("p is that of a single look: looked at every minute it alarms every day, so no state rests on it")
    if signal.bounds:
        notes.append("≥ and ..: what the bins prove; how values lie inside a bin is not known")
    return out + [(("  " + part, "info"),) for note in notes for part in wrap(note, width - 2, 3)]
