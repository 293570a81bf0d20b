"""One incident that moves many signals is one alert: of the one that leads, in whose sentence the others are named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from book_runs import T0, Run

from tui_monitor.alerts.rules import BUILT_IN, check_rules
from tui_monitor.analyse.drift.together import together
from tui_monitor.config import RuleSettings
from tui_monitor.engine.subjects import of_signal
from tui_monitor.model import Drift, Subject

(DRIFT,) = [rule for rule in BUILT_IN if rule.name == "drift"]
EVERY = RuleSettings("every", "state == drift", where={"subject": "signal"}, summary="{why}")


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(T0 + seconds, UTC)


def signal(name: str, since_s: float | None = None, raised_s: float | None = None, **changes: Any) -> Drift:
    drifts = since_s is not None and raised_s is not None
    values: dict[str, Any] = {
        "signal": f"vllm:{name}", "source": "chat", "role": "input", "state": "drift" if drifts else "stable",
        "since": None if since_s is None else at(since_s), "raised": None if raised_s is None else at(raised_s), "test": "ks", "effect": 0.3,
        "bound": ">=", "p": None, "n_reference": 1, "n_now": 1, "evidence": 1.0, "sentence": f"vllm:{name} moved up since 12:18.",
    }  # fmt: skip
    return Drift(**(values | changes))


def asked(*signals: Drift) -> list[Subject]:
    return [of_signal(one) for one in together(list(signals))]


def firing(run: Run, seconds: float, *signals: Drift) -> dict[str, str]:
    """The signals whose alert is on, and how."""
    run.at(seconds, *asked(*signals))
    return {alert.target.rpartition(":")[2]: alert.state for alert in run.book.alerts(T0 + seconds)}


PROMPTS, REASON, LENGTH = signal("prompts", 0, 60), signal("reason", 10, 120, role="output"), signal("length", -20, 180, role="output")


def test_one_incident_is_one_alert_whatever_is_found_later() -> None:
    run = Run(DRIFT)
    assert firing(run, 60, PROMPTS, signal("reason"), signal("length")) == {"prompts": "firing"}
    assert firing(run, 120, PROMPTS, REASON, signal("length")) == {"prompts": "firing"}
    assert firing(run, 180, PROMPTS, REASON, LENGTH) == {"prompts": "firing"}
    assert run.told == ["fired"]


def test_the_alert_says_how_many_moved_with_it_and_names_the_first() -> None:
    run = Run(DRIFT)
    others = [signal(f"other-{index}", 0, 100 + index) for index in range(5)]
    run.at(60, *asked(PROMPTS))
    assert run.worst(60).summary == "vllm:prompts moved up since 12:18."  # type: ignore[union-attr]
    run.at(100, *asked(PROMPTS, others[0]))
    assert run.worst(100).summary == "vllm:prompts moved up since 12:18. 1 other moved with it: other-0."  # type: ignore[union-attr]
    run.at(110, *asked(*others, PROMPTS))
    said = run.worst(110).summary  # type: ignore[union-attr]
    assert said == "vllm:prompts moved up since 12:18. 5 others moved with it: other-0, other-1, other-2 and 2 more."


def test_long_names_leave_room_for_the_count() -> None:
    names = [signal("x" * 90 + str(index), 0, 100 + index) for index in range(4)]
    (leader,) = [one for one in asked(PROMPTS, *names) if one.name.endswith("prompts")]
    assert leader.why.endswith(f"{'x' * 29}… and 1 more.")
    assert len(leader.why) < 200


def test_when_the_leader_is_over_the_next_has_an_alert_and_the_old_one_is_resolved() -> None:
    run = Run(DRIFT)
    firing(run, 180, PROMPTS, REASON, LENGTH)
    after = firing(run, 600, signal("prompts"), REASON, LENGTH)
    assert after == {"reason": "firing", "prompts": "resolved"}
    again = firing(run, 1200, signal("prompts", 500, 1200), REASON, LENGTH)
    assert again == {"reason": "firing", "prompts": "resolved"}, "what comes back follows"


def test_an_acknowledged_origin_stays_so_when_others_follow() -> None:
    run = Run(DRIFT)
    firing(run, 60, PROMPTS)
    run.ack(61)
    firing(run, 180, PROMPTS, REASON, LENGTH)
    (alert,) = run.book.alerts(T0 + 180)
    assert alert.acknowledged is not None


def test_a_latency_that_was_found_first_hides_no_drift_of_the_inputs() -> None:
    run = Run(DRIFT)
    assert firing(run, 180, signal("ttft", 0, 30, role="latency"), PROMPTS, REASON) == {"prompts": "firing"}


def test_a_rule_of_the_user_may_speak_of_every_signal() -> None:
    assert firing(Run(EVERY), 180, PROMPTS, REASON, LENGTH) == dict.fromkeys(("prompts", "reason", "length"), "firing")


@pytest.mark.parametrize(("where", "meant"), [({"follows": ""}, ["prompts"]), ({"follows": "chat/vllm:prompts"}, ["length", "reason"]),
                                              ({"follows": "!= chat/vllm:prompts"}, ["prompts"])])  # fmt: skip
def test_a_rule_can_ask_whom_a_signal_follows(where: dict[str, str], meant: list[str]) -> None:
    rule = RuleSettings("mine", "state == drift", where={"subject": "signal", **where}, summary="{why}")
    assert check_rules([rule]) == []
    assert sorted(firing(Run(rule), 180, PROMPTS, REASON, LENGTH)) == meant


def test_a_source_that_is_silent_for_a_moment_makes_no_second_alert() -> None:
    run = Run(DRIFT)
    firing(run, 180, PROMPTS, REASON)
    silent = [signal("prompts", 0, 60, state="stale"), signal("reason", 10, 120, state="stale")]
    assert firing(run, 200, *silent) == {"prompts": "firing"}
    assert firing(run, 220, PROMPTS, REASON) == {"prompts": "firing"}
    assert run.told == ["fired"]
