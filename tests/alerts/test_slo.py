"""Objectives: what they expand to, when they burn, and what is refused."""

from __future__ import annotations

from itertools import product

import pytest

from tui_monitor.alerts.rules import asked_by, check_rules, read_levels
from tui_monitor.alerts.slo import PAIRS, read_slo
from tui_monitor.config import RuleSettings
from tui_monitor.language.expression import ExpressionError
from tui_monitor.model import Subject
from tui_monitor.vocabulary import WINDOWS


@pytest.mark.parametrize(
    ("text", "bad", "budget", "days"),
    [
        ("error.ratio < 0.1% over 30d", "error.ratio", 0.001, 30),
        ("error.ratio <= 0.01 over 7d", "error.ratio", 0.01, 7),
        ("latency < 500ms for 99% over 30d", "latency.over(0.5s)", 0.01, 30),
        ("ttft < 2s for 99.9% over 4w", "ttft.over(2s)", 0.001, 28),
    ],
)
def test_read(text: str, bad: str, budget: float, days: float) -> None:
    slo = read_slo(text)
    assert (slo.bad, slo.period_s) == (bad, days * 86400)
    assert slo.budget == pytest.approx(budget)


def test_the_share_of_the_budget_gives_the_burn_rate() -> None:
    """Workbook, chapter 5: rate = share of the budget x period / window."""
    assert [(pair.severity, pair.long, pair.short, round(pair.rate(30 * 86400), 2)) for pair in PAIRS] == [
        ("critical", "30m", "5m", 28.8),
        ("critical", "3h", "30m", 12.0),
        ("warning", "24h", "3h", 3.0),
    ]
    for pair in PAIRS:
        gone = pair.rate(30 * 86400) * WINDOWS[pair.long] / (30 * 86400)
        assert gone == pytest.approx(pair.budget_share)
        assert WINDOWS[pair.short] < WINDOWS[pair.long]
        assert pair.rate(86400) >= 1


def test_both_levels_as_expressions() -> None:
    slo = read_slo("error.ratio < 0.1% over 30d")
    assert slo.expression("critical") == (
        "(error.ratio[30m] > 2.88% and error.ratio[5m] > 2.88%) or (error.ratio[3h] > 1.2% and error.ratio[30m] > 1.2%)"
    )
    assert slo.expression("warning") == "error.ratio[24h] > 0.3% and error.ratio[3h] > 0.3%"


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("error.ratio < 3% over 30d", ["30m", "3h", "24h"]),
        ("error.ratio < 5% over 30d", ["3h", "24h"]),  # 28.8 x 5 % would be more than all requests
        ("latency < 1s for 90% over 30d", ["24h"]),
        ("latency < 1s for 60% over 30d", []),
    ],
)
def test_pairs_that_cannot_be_reached_are_left_out(text: str, pairs: list[str]) -> None:
    assert [pair.long for pair in read_slo(text).pairs()] == pairs


def subject(**bad: float | None) -> Subject:
    windows = {name.removeprefix("w"): {"error.ratio": share} for name, share in bad.items()}
    return Subject("target", "chat", {"error.ratio": None}, state="OK", windows=windows)


def test_truth_of_all_windows_is_that_of_the_pairs() -> None:
    """The expression of each level says what the table of pairs says, for good, bad and unknown windows."""
    levels = read_levels(RuleSettings("budget", slo="error.ratio < 0.1% over 30d"))
    slo = levels[0].slo
    assert slo is not None
    assert [level.severity for level in levels] == ["critical", "warning"]
    for shares in product([0.0, 0.002, 0.02, 0.5, None], repeat=4):
        bad = dict(zip(("5m", "30m", "3h", "24h"), shares, strict=True))
        values = {f"error.ratio[{window}]": share for window, share in bad.items()}
        for level in levels:
            truths = []
            for pair in (pair for pair in PAIRS if pair.severity == level.severity):
                limit = pair.rate(slo.period_s) * slo.budget
                both = [None if bad[window] is None else bad[window] > limit for window in (pair.long, pair.short)]
                truths.append(False if False in both else None if None in both else True)
            expected = True if True in truths else None if None in truths else False
            assert level.when.truth(values.get) is expected, bad
            assert (slo.burning(values.get, level.severity) is not None) == (expected is True)


def test_what_an_episode_says() -> None:
    critical, warning = read_levels(RuleSettings("budget", slo="error.ratio < 0.1% over 30d"))
    burning = subject(w5m=0.02, w30m=0.02, w3h=0.013, w24h=0.01)
    assert critical.value(burning) == 0.013, "of the pair that burns"
    assert critical.threshold(burning) == pytest.approx(0.012)
    assert critical.sentence(burning, 0.013) == "chat burns the budget of error.ratio < 0.1% over 30d 13 times too fast: 1.3 % bad in 3h"
    assert warning.value(burning) == 0.01
    own = RuleSettings("budget", slo="error.ratio < 0.1% over 30d", summary="{target} {burn} {value} over {window}, limit {threshold}")
    assert read_levels(own)[0].sentence(burning, 0.013) == "chat 13 times 1.3 % over 3h, limit 1.2 %"


def test_more_may_be_asked_of_it() -> None:
    critical, _ = read_levels(RuleSettings("budget", "request.rate > 1/s", slo="error.ratio < 0.1% over 30d"))
    values: dict[str, float] = {"error.ratio[30m]": 0.5, "error.ratio[5m]": 0.5, "request.rate": 2.0}
    assert critical.when.truth(values.get) is True
    assert critical.when.truth({**values, "request.rate": 0.5}.get) is False
    assert set(critical.keys) == {"error.ratio", "request.rate"}


def test_what_the_engine_must_make_for_it() -> None:
    levels = read_levels(RuleSettings("fast", slo="latency < 500ms for 99% over 30d"))
    asked = {(one.key, one.window, one.over) for one in asked_by(levels)}
    assert asked == {("latency.p50", window, ("latency", 0.5)) for window in ("5m", "30m", "3h", "24h")}
    told = Subject("target", "chat", {"latency.p50": 0.1}, windows={window: {"latency.over(0.5s)": 0.4} for window in WINDOWS})
    assert levels[0].concerns(told)
    assert levels[0].when.truth({f"latency.over(0.5s)[{window}]": 0.4 for window in WINDOWS}.get) is True
    assert not levels[0].concerns(Subject("target", "chat", {"latency.mean": 0.1})), "no buckets, no share"


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("latncy < 500ms for 99% over 30d", 1, "no objective for 'latncy' (did you mean latency?)"),
        ("latency > 500ms for 99% over 30d", 9, "< or <= is missing"),
        ("latency < 500 for 99% over 30d", 11, "500 is no time"),
        ("latency < 0s for 99% over 30d", 11, "more than 0"),
        ("latency < 500ms over 30d", 17, "for is missing"),
        ("latency < 500ms for 99 over 30d", 21, "99 is no share"),
        ("latency < 500ms for 100% over 30d", 21, "a budget is more than 0 %"),
        ("latency < 500ms for 40% over 30d", 21, "at most half"),
        ("latency < 500ms for 99%", 24, "over is missing"),
        ("error.ratio < 0.1% over 30", 25, "30 is no period"),
        ("error.ratio < 0.1% over 1h", 25, "1d to 90d"),
        ("error.ratio < 0.1% over 30d ever", 29, "'ever' is one too many"),
        ("error.ratio < 1xs over 30d", 16, "unknown unit"),
        ("latency < 1s for 60% over 30d", 0, "it can never fire"),
    ],
)
def test_refused_with_its_column(text: str, column: int, message: str) -> None:
    (fault,) = check_rules([RuleSettings("budget", slo=text)])
    assert fault.message.startswith("slo: ")
    assert message in fault.message
    assert fault.column == column


def test_an_slo_has_its_own_severities() -> None:
    objective = "error.ratio < 0.1% over 30d"
    (fault,) = check_rules([RuleSettings("budget", slo=objective, severity="info")])
    assert fault.message == "severity: an slo has two levels, critical and warning; leave it out"
    (fault,) = check_rules([RuleSettings("budget", slo=objective), RuleSettings("budget", "request.rate > 1/s")])
    assert "has a level 'warning' already" in fault.message
    with pytest.raises(ExpressionError, match=r"^when: empty"):
        read_levels(RuleSettings("nothing"))
