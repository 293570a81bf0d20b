"""What stands beside the numbers of a log: how it stands, what they rest on, where it is worst, and what they have to be read with."""

from __future__ import annotations

from datetime import datetime

from tui_monitor.model import Estimate, Frame, Gap, Paired, Performance, Quality, WorstSlice
from tui_monitor.ui import format as fmt
from tui_monitor.ui.others import span
from tui_monitor.ui.panes import logs, written
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Part, cut, pad, text_width, wrap

LABEL = 10  # cells of a line's name


def status(frame: Frame, log: Quality, view: View, width: int, rows: int = 2) -> list[Line]:
    """State, since when, and the sentence that says why, in at most `rows` lines; a log that gets no rows says so first."""
    word, sign = logs.standing(frame, log)
    since = f" since {fmt.moment(log.since, frame.at, utc=view.utc)}" if log.since is not None else ""
    first = f"{sign.glyph} {word}{since}  "
    said = log.sentence or _no_verdict(frame, log)
    parts = wrap(said, width - text_width(first), rows) if text_width(said) + text_width(first) > width else [said]
    if len(parts) > 1:
        parts = [parts[0], *wrap(said[len(parts[0]) :].strip(), width - 2, rows - 1)]
    out: list[Line] = [((first, sign.role, "b"), (parts[0] if parts else "", "text"))]
    out += [(("  " + line, "text"),) for line in parts[1:]]
    if log.problem:
        out.insert(0, (("▲ ", "warn", "b"), (cut(f"nothing new: {log.problem}", width - 2), "warn")))
    return out[:rows]


def _no_verdict(frame: Frame, log: Quality) -> str:
    """Why nobody can say how it stands, as far as the numbers tell."""
    if log.state == "OK":
        return f"no window is {'above' if written.bad_side(log.key) == 'high' else 'below'} its {written.floor_word(log.key)}"
    whys = [one.why for one in frame.performance if one.name == log.name and one.why]
    if whys:
        return whys[0]
    if not any(one.name == log.name and one.metrics for one in frame.performance):
        return "no row yet"
    return "there is no reference to hold it against"


def compact(frame: Frame, log: Quality, width: int, name: int) -> Line:
    """A log in one line: the strip of all windows, its number over the shortest window that has a value, and the state in a word."""
    key = log.key
    word, sign = logs.standing(frame, log)
    source = logs.source(frame, log, key)
    levels = dict(logs.levels(frame, log, source, key))
    parts: list[Part] = [(f"{sign.glyph} ", sign.role, "b"), (pad(written.short(log.name, name), name), "text"), "  "]
    window = next((one for one, level in levels.items() if level != "no value"), None)
    if window is None:
        return (*parts, (cut(log.problem or _no_verdict(frame, log), width - name - 4), "warn" if log.problem else "dim"))
    parts += [logs.GLYPHS[levels[one]] if one in levels else " " for one in logs.windows_of_all(frame)]
    estimate = logs.value_of(logs.told(frame, log, source, window), key)
    level = levels[window]
    role = logs.GLYPHS[level][1] if level in {"breach", "worse"} else "strong"
    parts += [(f"  {key} ", "dim"), (written.number(key, estimate.value if estimate is not None else None), role, "b")]
    between = written.interval(key, estimate) if estimate is not None else ""
    state: tuple[str, ...] = (f"  {word}", sign.role, "b") if sign.rank < 2 else ("", "text")
    extras: list[tuple[str, ...]] = [
        (f"  {source}", "info") if source != "labelled" else ("", "text"),
        (f" in {window}", "dim"),
        (f" ({between})", "dim") if between else ("", "text"),
    ]
    room = width - text_width(state[0]) - sum(text_width(part if isinstance(part, str) else part[0]) for part in parts)
    kept: list[Part] = []
    for extra in extras:
        if text_width(extra[0]) <= room:
            room -= text_width(extra[0])
            kept.insert(0, extra)
    return (*parts, *kept, state)


def labelled(slices: list[Line]) -> list[Line]:
    """Lines of worst slices as facts."""
    return [
        ((pad("worst" if not i else "", LABEL), "dim"), *line[1:]) if len(line) > 1 else ((" " * (LABEL - 2), "dim"), *line)
        for i, line in enumerate(slices)
    ]


def worst(log: Quality, width: int, rows: int) -> list[Line]:
    """The slices that do worse than the rest of their log beyond chance, the worst first; the last line counts those that have no line."""
    shown = log.worst[: max(0, rows)]
    if not shown:
        return []
    more = len(log.worst) - len(shown)
    if more and rows > 1:
        shown, more = shown[:-1], more + 1
    name = min(max(text_width(one.slice) for one in shown), max(14, width - 44))
    out = [slice_line(one, name, width) for one in shown]
    if more and rows > 1:
        out.append(((f"  … {more} more slices are worse than the rest", "warn"),))
    return out


def slice_line(one: WorstSlice, name: int, width: int) -> Line:
    """One slice: its number with the interval, and how far it is from the rest of the rows."""
    value, gap = written.number(one.key, one.value.value), one.gap.value
    size = "" if gap is None else f"{gap * 100:.1f} points" if written.is_share(one.key) else fmt.number(gap)
    left = name + 24
    rest = next(
        (
            text
            for text in (f"  {size} below the rest, p {one.p:.1g}", f"  {size} below the rest", f"  -{size}")
            if left + len(text) <= width
        ),
        "",
    )
    return (
        ("◐ ", "warn", "b"),
        (pad(written.short(one.slice, name), name), "text"),
        (f" {value:>6}", "warn", "b"),
        (pad(f" ({written.interval(one.key, one.value)})", 14), "dim"),
        (cut(rest + f", {one.window}" if left + len(rest) + 6 <= width else rest, max(0, width - left + 1)), "dim"),
    )


def pairs(log: Quality, width: int) -> list[Line]:
    """The model against others on the same rows."""
    return [line for one in log.pairs for line in _pair(one, width)]


def _pair(one: Paired, width: int) -> list[Line]:
    gap = one.difference
    told = _is_told(gap)
    worse = told and written.is_worse(one.key, gap.value or 0.0, 0.0)
    text = f"{one.key} {written.number(one.key, one.value.value)} against {written.number(one.key, one.theirs.value)} of {one.other}: {signed(one.key, gap.value)}"
    text += _between(one.key, gap.low, gap.high) + ("" if told else ", may be chance")
    return named(f"  {one.window}", text, "warn" if worse else "text", width, 3)


def gaps(log: Quality, width: int) -> list[Line]:
    """Groups against each other: difference and ratio."""
    return [line for one in log.gaps for line in _gap(one, width)]


def _gap(one: Gap, width: int) -> list[Line]:
    gap, ratio = one.difference, one.ratio
    told = _is_told(gap)
    text = f"{one.key} of {one.first} minus {one.second}: {signed(one.key, gap.value)}{_between(one.key, gap.low, gap.high)}"
    if ratio.value is not None:
        text += f"; ratio {ratio.value:.2f}" + (
            f" ({ratio.low:.2f} to {ratio.high:.2f})" if ratio.low is not None and ratio.high is not None else ""
        )
    return named(f"  {one.window}", text + ("" if told else ", may be chance"), "warn" if told else "text", width, 4)


def _is_told(gap: Estimate) -> bool:
    """The interval leaves no doubt about the sign."""
    return gap.low is not None and gap.high is not None and (gap.low > 0 or gap.high < 0)


def signed(key: str, value: float | None) -> str:
    """A difference, with its sign: +1.2 points."""
    if value is None:
        return fmt.NONE
    return f"{value * 100:+.1f} points" if written.is_share(key) else f"{'+' if value >= 0 else '-'}{fmt.number(abs(value))}"


def _between(key: str, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    scale = 100 if written.is_share(key) else 1
    return f" ({low * scale:+.1f} to {high * scale:+.1f})" if written.is_share(key) else f" ({fmt.number(low)} to {fmt.number(high)})"


def facts(frame: Frame, log: Quality, view: View) -> list[tuple[str, str, str]]:
    """(name, text, role) of what the numbers have to be read with, what matters most first."""
    out: list[tuple[str, str, str]] = []
    key, window = logs.key(frame, log, view), logs.window(frame, log, view)
    for source in logs.sources(frame, log):
        if source != "labelled":
            out += [(source, _said(one, key), "info") for one in logs.all_told(frame, log, source, window)]
    if not any(probe.name == log.name for probe in frame.probes):
        out.append(("labels", labels(frame, log, window), "text"))
    shown = logs.source(frame, log, key)
    main = logs.told(frame, log, shown, window)
    if main is not None and main.why and logs.value_of(main, key) is None:
        out.insert(0, ("absent", main.why, "warn"))
    if log.left_out:
        out.append(("left out", written.counted(sorted(log.left_out.items(), key=lambda one: -one[1])), "text"))
    if log.sampled is not None and log.sampled < 1:
        out.append(("kept", f"{fmt.ratio(log.sampled)} of the rows, because more come than the limit", "warn"))
    if log.private:
        out.append(("private", f"{', '.join(log.private)} (locked: looked at, never shown, never written)", "text"))
    if log.kappa is not None and log.kappa.value is not None:
        out.append(
            (
                "kappa",
                f"{log.kappa.value:.2f}{_plain_between(log.kappa.low, log.kappa.high)}: agreement of two people, beyond chance",
                "text",
            )
        )
    if log.proxy_agreement is not None and log.proxy_agreement.value is not None:
        out.append(
            (
                "proxy",
                f"agrees with the label in {written.number('accuracy', log.proxy_agreement.value)} of the rows that have both",
                "text",
            )
        )
    if log.ess is not None:
        out.append(
            (
                "ess",
                f"{fmt.count(log.ess)} rows is what the reweighted reference is worth" + ("" if log.ess >= 100 else ": too few"),
                "text",
            )
        )
    if log.cost:
        out.append(("cost", log.cost, "text"))
    if log.version:
        out.append(("version", log.version + _deployed(frame, log, view), "text"))
    if log.reference:
        out.append(("reference", log.reference, "text"))
    if log.slices_left_out:
        out.append(("slices", f"{log.slices_left_out} more candidates than are kept", "dim"))
    return out


def _said(one: Performance, key: str) -> str:
    """A number that does not rest on labels, with what it takes for granted, or why there is none."""
    estimate = logs.value_of(one, key)
    if estimate is None:
        return one.why or one.assumption or logs.RESTS_ON[one.source]
    between = written.interval(key, estimate)
    return f"{written.number(key, estimate.value)}{f' ({between})' if between else ''}  {one.assumption or logs.RESTS_ON[one.source]}"


def labels(frame: Frame, log: Quality, window: str) -> str:
    """How many labels there are and how late they come."""
    one = logs.told(frame, log, "labelled", window)
    parts = []
    if one is not None and one.coverage is not None:
        parts.append(f"{fmt.ratio(one.coverage)} of {fmt.count(one.n)} in {_over(window)}")
    if log.label_age_s is not None:
        late = f", 95 % within {span(log.label_age_p95_s)}" if log.label_age_p95_s is not None else ""
        parts.append(f"they come {span(log.label_age_s)} after the prediction{late}")
    return "; ".join(parts) or "none yet"


def _over(window: str) -> str:
    return {"all": "all rows", "deploy": "all rows since the deploy"}.get(window, window)


def _deployed(frame: Frame, log: Quality, view: View) -> str:
    at: datetime | None = next((at for at, version in reversed(log.deploys) if version == log.version), None)
    return f" since {fmt.moment(at, frame.at, utc=view.utc)}" if at is not None else ""


def _plain_between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"


def named(name: str, text: str, role: str, width: int, rows: int) -> list[Line]:
    """A fact in at most `rows` lines."""
    parts = wrap(text, max(10, width - LABEL), rows)
    return [((pad(name if not i else "", LABEL), "dim"), (part, role)) for i, part in enumerate(parts)]
