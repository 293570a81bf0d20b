"""Which drift leads and which follow, against a slow oracle; and that nothing that is found later changes what was said."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

import tui_monitor.alerts
from tui_monitor.analyse.drift.together import MOVED_TOGETHER_S, OF_THE_LOAD, leaders, together
from tui_monitor.model import Drift

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Role = Literal["input", "output", "score", "performance", "latency", "quality"]
ROLES: tuple[Role, ...] = ("input", "output", "score", "performance", "latency", "quality")


def drift(
    name: str, since_min: float | None, raised_min: float | None = None, *, source: str = "chat", role: Role = "input", state: str = "drift"
) -> Drift:
    return msgspec.convert(
        {
            "signal": name, "source": source, "role": role, "state": state, "test": "ks", "effect": 0.3, "bound": ">=", "p": None, "n_reference": 1,
            "n_now": 1, "evidence": 1.0, "sentence": "moved.", "since": None if since_min is None else NOON + timedelta(minutes=since_min),
            "raised": None if raised_min is None else NOON + timedelta(minutes=raised_min),
        },
        Drift,
    )  # fmt: skip


def told(made: list[Drift]) -> dict[str, str]:
    return {one.signal: one.follows.partition("/")[2] for one in together(made)}


def test_what_was_found_first_leads_and_the_others_of_that_hour_follow() -> None:
    made = together(
        [drift("tokens", 0, 4), drift("reason", 2, 9), drift("length", 1, 6), drift("old", -61, -50), drift("calm", None, state="stable")]
    )
    by = {one.signal: one for one in made}
    assert {name: one.follows for name, one in by.items()} == {
        "tokens": "", "reason": "chat/tokens", "length": "chat/tokens", "old": "", "calm": "",
    }  # fmt: skip
    assert by["tokens"].followed_by == ["chat/length", "chat/reason"]  # as they were found
    assert [by[name].followed_by for name in ("reason", "length", "old", "calm")] == [[]] * 4


def test_an_earlier_beginning_that_is_found_later_takes_no_lead() -> None:
    assert told([drift("tokens", 0, 4), drift("slow", -30, 25)]) == {"tokens": "", "slow": "tokens"}
    assert told([drift("tokens", 0, 4), drift("slow", -30, 4)]) == {
        "tokens": "slow",
        "slow": "",
    }  # of one check the earlier beginning leads
    assert told([drift("b", 0, 4), drift("a", 0, 4)]) == {"a": "", "b": "a"}  # and of one beginning the name


def test_an_hour_is_an_hour_from_the_leader_and_no_chain() -> None:
    assert told([drift("a", 0, 1), drift("b", 60, 61)]) == {"a": "", "b": "a"}
    assert told([drift("a", 0, 1), drift("b", 60.1, 61)]) == {"a": "", "b": ""}
    assert told([drift("a", 0, 1), drift("b", 50, 51), drift("c", 100, 101)]) == {"a": "", "b": "a", "c": ""}


def test_a_source_leads_no_other() -> None:
    assert told([drift("a", 0, 1), drift("b", 0, 2, source="fraud")]) == {"a": "", "b": ""}


def test_what_the_load_moves_leads_nothing_that_has_an_alert() -> None:
    made = [
        drift("ttft", 0, 1, role="latency"),
        drift("tokens", 0, 2),
        drift("e2e", 0, 3, role="latency"),
        drift("reason", 0, 4, role="output"),
    ]
    assert told(made) == {"ttft": "", "tokens": "", "e2e": "ttft", "reason": "tokens"}
    assert told([drift("tokens", 0, 1), drift("ttft", 0, 2, role="latency")]) == {"tokens": "", "ttft": "tokens"}


def test_the_built_in_rule_is_about_the_roles_that_lead() -> None:
    rules = tomllib.loads((Path(tui_monitor.alerts.__file__).parent / "built_in.toml").read_text(encoding="utf-8"))["rules"]
    (rule,) = [one for one in rules if one["name"] == "drift"]
    assert set(rule["where"]["role"].removeprefix("=~ ").split("|")) == set(ROLES) - set(OF_THE_LOAD)


def test_the_next_leads_when_the_leader_is_over_and_a_leader_that_comes_back_follows() -> None:
    reason, length = drift("reason", 2, 9), drift("length", 1, 6)
    assert told([drift("tokens", None, state="stable"), reason, length]) == {"tokens": "", "length": "", "reason": "length"}
    assert told([drift("tokens", 20, 30), reason, length]) == {"tokens": "length", "length": "", "reason": "length"}


def test_a_leader_that_is_silent_for_a_moment_leads_and_one_that_is_gone_does_not() -> None:
    made = [drift("tokens", 0, 4, state="stale"), drift("reason", 2, 9)]
    assert [one.follows for one in together(made)] == ["", "chat/tokens"]
    assert [one.follows for one in together(made, {("chat", "tokens")})] == ["", ""]
    assert [one.follows for one in together(made, {("other", "tokens")})] == ["", "chat/tokens"]


def test_what_only_moves_without_an_alarm_neither_leads_nor_follows() -> None:
    assert told([drift("a", 0, state="watch"), drift("b", 1, 2), drift("c", 1, 3)]) == {"a": "", "b": "", "c": "b"}


drifts = st.lists(
    st.builds(
        drift,
        st.sampled_from("abcdefgh"),
        st.integers(-90, 90),
        st.integers(90, 120),
        source=st.sampled_from(["chat", "fraud"]),
        role=st.sampled_from(ROLES),
        state=st.sampled_from(["drift", "stale"]),
    ),
    unique_by=lambda one: (one.source, one.signal),
    max_size=10,
)


def name_of(one: Drift) -> str:
    return f"{one.source}/{one.signal}"


@given(drifts)
def test_leaders_are_what_the_sentence_says(made: list[Drift]) -> None:
    """Slowly: one after the other as they were found, each asks all before it that lead."""
    before: list[Drift] = []
    wanted: dict[str, str] = {}
    for one in sorted(made, key=lambda one: (one.raised or NOON, one.since or NOON, name_of(one))):
        near = [
            other
            for other in before
            if not wanted[name_of(other)]
            and other.source == one.source
            and abs(((other.since or NOON) - (one.since or NOON)).total_seconds()) <= MOVED_TOGETHER_S
            and (one.role in ("latency", "performance") or other.role not in ("latency", "performance"))
        ]
        wanted[name_of(one)] = name_of(near[0]) if near else ""
        before.append(one)
    assert leaders(made) == wanted
    by = {name_of(one): one for one in together(made)}
    assert {name: one.follows for name, one in by.items()} == wanted
    for name, one in by.items():
        assert set(one.followed_by) == {other for other, lead in wanted.items() if lead == name}


@given(drifts, st.integers(-90, 90), st.sampled_from(ROLES))
def test_what_is_found_later_changes_nothing_of_what_was_said(made: list[Drift], since_min: int, role: Role) -> None:
    later = drift("z", since_min, 121, role=role)
    assert {name: lead for name, lead in leaders([*made, later]).items() if name != "chat/z"} == leaders(made)


@given(drifts)
def test_the_end_of_one_that_follows_changes_nothing(made: list[Drift]) -> None:
    told_before = leaders(made)
    for one in made:
        if told_before[name_of(one)]:
            left = [other for other in made if other is not one]
            assert leaders(left) == {name: lead for name, lead in told_before.items() if name != name_of(one)}
