"""Compared files as JSON for scripts, and as a table for people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from tui_monitor.model import SCHEMA, Drift, clean
from tui_monitor.ui.signs import SIGNAL

if TYPE_CHECKING:
    from tui_monitor.cli.drift_judged import Judged

_MOST_STABLE = 20  # lines of columns in which nothing happened; more are a list of names
_GAP = "  "


# -- JSON -----------------------------------------------------------------------------------------------------------------------------------


def as_json(judged: Judged) -> str:
    """The object."""
    told = judged.told
    auc: dict[str, float | None] | None = None if told.auc is None else {"value": told.auc, "low": told.low, "high": told.high}
    plain = {
        "schema": SCHEMA,
        "reference": {"file": judged.reference.path, "rows": judged.reference.rows},
        "current": {"file": judged.current.path, "rows": judged.current.rows},
        "drift": [element(one) for one in judged.drift],
        "dataset": {
            "columns": judged.columns,
            "drifted": judged.drifted,
            "share": judged.drifted / judged.columns if judged.columns else None,
            "classifier_auc": auc,
            "why": told.why or None,
        },
    }
    return msgspec.json.encode(plain, enc_hook=lambda value: value.item()).decode() + "\n"  # numpy's numbers


def element(one: Drift) -> dict[str, Any]:
    """One column as it leaves."""
    return {
        "signal": one.signal,
        "source": one.source,
        "role": one.role,
        "state": one.state,
        "since": one.since,
        "test": one.test,
        "effect": one.effect,
        "bound": one.bound,
        "p": one.p,
        "n_reference": one.n_reference,
        "n_now": one.n_now,
        "evidence": one.evidence,
        "sentence": one.sentence,
        "type": one.type,
        "why": one.why or None,
        "missing_reference": one.missing_reference,
        "missing_now": one.missing_now,
        "tests": {name: {"statistic": measured.statistic, "p": measured.p} for name, measured in one.tests.items()},
    }


# -- for people -----------------------------------------------------------------------------------------------------------------------------


def as_text(judged: Judged, width: int | None = None) -> Iterator[str]:
    """A line on the whole, then the columns, the worst first."""
    width = width or max(shutil.get_terminal_size((100, 24)).columns, 40)
    for side, what in ((judged.reference, "reference"), (judged.current, "current")):
        yield f"{what:<10}{clean(side.path, max(width - 30, 20))}: {side.rows:,} rows"
    yield from _folded(_whole(judged), width)
    yield ""
    ordered = sorted(judged.drift, key=lambda one: (SIGNAL[one.state].rank, -(one.effect or 0.0)))
    stable = [one for one in ordered if one.state == "stable"]
    rest = stable[_MOST_STABLE:] if len(stable) > _MOST_STABLE + 1 else []
    left_out = {id(one) for one in rest}
    yield from _table([one for one in ordered if id(one) not in left_out], width)
    if rest:
        yield from _folded(f"{len(rest)} more as in the reference: " + ", ".join(one.signal for one in rest), width)


def _whole(judged: Judged) -> str:
    said = f"{judged.drifted} of {judged.columns} columns drifted"
    others = len(judged.drift) - judged.columns
    said += f", {others} cannot be judged" if others else ""
    told = judged.told
    if told.auc is None or told.low is None or told.high is None:
        return f"{said}. Classifier: {told.why}."
    said += f". A classifier tells rows of now from those of the reference with AUC {told.auc:.3f} [{told.low:.3f} {told.high:.3f}]"
    if told.low > 0.5:
        return f"{said}, most by {', '.join(f'{clean(name, 40)} ({100 * part:.0f} %)' for name, part in told.top[:3])}."
    return f"{said}: not at all."


def _table(shown: Sequence[Drift], width: int) -> Iterator[str]:
    head = ["", "column", "effect", "p", "rows", "missing"]
    body = [_cells(one, max(12, width // 4)) for one in shown]
    sizes = [max(len(line[place]) for line in [head, *body]) for place in range(len(head))]
    if (
        sum(sizes) + len(_GAP) * (len(sizes) - 1) > width
    ):  # too narrow for all of it: how many values were missing goes first, then how many there were
        kept = (0, 1, 2, 3, 4) if sum(sizes[:5]) + 4 * len(_GAP) <= width else (0, 1, 2, 3)
        head, *body = ([line[place] for place in kept] for line in [head, *body])
        sizes = [sizes[place] for place in kept]
    beside = width - sum(sizes) - len(_GAP) * len(sizes)
    for one, line in zip([None, *shown], [head, *body], strict=True):
        told = _GAP.join(
            [line[0].ljust(sizes[0]), line[1].ljust(sizes[1]), *(cell.rjust(size) for cell, size in zip(line[2:], sizes[2:], strict=True))]
        )
        if one is None or (one.state == "stable" and not one.why):
            yield told.rstrip()
        elif one.state in ("idle", "blind") and len(one.why) <= beside:
            yield f"{told}{_GAP}{one.why}"
        else:
            yield told.rstrip()
            yield from _folded(_told(one), width, indent="    ")


def _cells(one: Drift, longest: int) -> list[str]:
    effect = "–" if one.effect is None else f"{'KS' if one.type == 'numeric' else 'share'} {one.effect:.3f}"
    p = "–" if one.p is None else "<1e-12" if one.p < 1e-12 else f"{one.p:.2g}"
    missing = "" if not (one.missing_reference or one.missing_now) else f"{_share(one.missing_reference)}→{_share(one.missing_now)}"
    return [f"{SIGNAL[one.state].glyph} {one.state}", clean(one.signal, longest), effect, p, f"{one.n_reference:,}→{one.n_now:,}", missing]


def _share(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _told(one: Drift) -> str:
    """The sentence, what moved most, what was left out."""
    if one.state in ("idle", "blind"):
        return one.sentence
    said = one.sentence
    if one.p is None:  # constant
        return said
    if one.state in ("drift", "watch") and one.type == "category" and len(one.parts) > 1:
        others = "; ".join(f"{part.name} {100 * (part.now - part.reference):+.1f}" for part in one.parts[:3])
        said += f" Most of it, in points: {others}."
    elif one.state in ("drift", "watch") and one.parts:
        said += f" Most of it: {one.parts[0].name} ({100 * (one.parts[0].now - one.parts[0].reference):+.1f} points)."
    return f"{said} {one.why[:1].upper()}{one.why[1:]}." if one.why else said


def _folded(text: str, width: int, indent: str = "") -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent or "  ", break_long_words=True)
