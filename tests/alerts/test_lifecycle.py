"""The table of transitions, a row a test; then levels, hysteresis, restarts and acts that race with the condition."""

from __future__ import annotations

import pytest
from book_runs import CRITICAL, NOW, SLOW, STALLED, STEADY, T0, Run, chat, state_of

from tui_monitor.alerts.lifecycle import episode_id
from tui_monitor.config import RuleSettings
from tui_monitor.model import Acknowledge, AddNote, Shelve, Subject, Unacknowledge

# -- the table ----------------------------------------------------------------------------------------------------------------------


def test_inactive_and_true_becomes_pending_and_fires_when_it_was_true_for_long_enough() -> None:
    run = Run(SLOW)
    assert state_of(run.at(0, chat(0.2))) == "inactive"
    assert state_of(run.at(10, chat(2.0))) == "pending"
    assert state_of(run.at(39.9, chat(2.0))) == "pending"
    alert = run.at(40, chat(2.5))
    assert alert is not None
    assert (alert.state, alert.severity, alert.value, alert.unit, alert.target) == ("firing", "warning", 2.5, "s", "chat")
    assert (alert.since.timestamp(), alert.fired_at.timestamp() if alert.fired_at else None) == (T0 + 10, T0 + 40)
    assert alert.summary == "chat p95 is 2.5 s"
    assert alert.acknowledged is None
    assert run.journal == ["pending", "firing"]


def test_without_for_it_fires_at_once() -> None:
    run = Run(NOW)
    assert state_of(run.at(0, chat(2.0))) == "firing"
    assert run.journal == ["firing"]


@pytest.mark.parametrize("after", [chat(0.2), chat(None), chat(2.0, silent="timeout")])
def test_pending_and_false_or_no_data_leaves_no_trace_but_a_counter(after: Subject) -> None:
    run = Run(SLOW)
    run.at(0, chat(2.0))
    assert state_of(run.at(10, after)) == "inactive"
    assert run.book.dropped == 1
    assert run.book.episodes() == []
    assert run.journal == []
    assert run.stored() == []
    assert state_of(run.at(20, chat(2.0))) == "pending"
    assert state_of(run.at(45, chat(2.0))) == "pending"  # counted from its new beginning


@pytest.mark.parametrize("after", [chat(0.2), chat(None)])
def test_firing_and_false_or_unknown_resolves_and_keeps_the_acknowledgement_in_sight(after: Subject) -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.ack(5)
    alert = run.at(10, after)
    assert alert is not None
    assert alert.state == "resolved"
    assert alert.ended_at is not None
    assert alert.acknowledged is not None
    assert run.journal == ["firing", "acked", "resolved"]


def test_hysteresis_holds_until_clear() -> None:
    run = Run(STEADY)
    assert state_of(run.at(0, chat(0.9))) == "inactive"
    assert state_of(run.at(10, chat(2.0))) == "firing"
    held = run.at(20, chat(0.7))
    assert held is not None
    assert (held.state, held.value, held.holding) == ("firing", 0.7, "")
    again = run.at(30, chat(2.0))
    assert again is not None
    assert (again.state, again.holding) == ("firing", "")
    assert state_of(run.at(40, chat(0.4))) == "resolved"


@pytest.mark.parametrize(
    "silence",
    [
        [chat(2.0, silent="timeout")],
        [chat(None, silent="refused")],
        [chat(None, state="DOWN")],
        [chat(None, state="STALE")],
        [],  # not seen any more
    ],
)
def test_a_silent_source_holds_then_is_lost_never_resolved(silence: list[Subject]) -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.ack(5)
    held = run.at(10, *silence)
    assert held is not None
    assert held.state == "firing"
    assert held.holding.startswith("no data since ")
    assert held.acknowledged is not None
    assert state_of(run.at(309, *silence)) == "firing"
    lost = run.at(310, *silence)
    assert lost is not None
    assert (lost.state, lost.acknowledged is None) == ("lost", False)
    assert run.journal == ["firing", "acked", "lost"]


def test_a_stalled_server_that_dies_is_not_well() -> None:
    run = Run(STALLED)
    run.at(0, chat(state="STALLED"))
    assert state_of(run.at(10, chat(state="DOWN", silent="refused"))) == "firing"
    assert state_of(run.at(400, chat(state="DOWN", silent="refused"))) == "lost"


def test_the_state_of_a_silent_subject_still_counts() -> None:
    run = Run(RuleSettings("down", "state == DOWN", severity="critical"))
    assert state_of(run.at(0, chat(state="DOWN", silent="refused"))) == "firing"
    assert state_of(run.at(1000, chat(state="DOWN", silent="refused"))) == "firing"


def test_old_numbers_of_a_silent_subject_fire_nothing() -> None:
    run = Run(NOW)
    assert state_of(run.at(0, chat(9.0, silent="timeout"))) == "inactive"


def test_data_that_comes_back_ends_the_hold() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.at(10, chat(silent="timeout"))
    back = run.at(200, chat(3.0))
    assert back is not None
    assert (back.state, back.holding, back.value) == ("firing", "", 3.0)
    run.at(210, chat(silent="timeout"))
    assert state_of(run.at(400, chat(silent="timeout"))) == "firing"  # the hold counts anew
    assert state_of(run.at(410, chat(0.1))) == "resolved"


def test_severity_that_rises_drops_the_acknowledgement() -> None:
    run = Run(NOW, CRITICAL)
    first = run.at(0, chat(2.0))
    assert first is not None
    assert first.severity == "warning"
    run.ack(5)
    risen = run.at(10, chat(6.0))
    assert risen is not None
    assert (risen.id, risen.severity, risen.acknowledged) == (first.id, "critical", None)
    assert run.journal == ["firing", "acked", "firing", "ack-dropped"]
    run.ack(15)
    fallen = run.at(20, chat(2.0))
    assert fallen is not None
    assert (fallen.severity, fallen.acknowledged is None) == ("warning", False)
    assert run.journal[4:] == ["acked", "severity"]


def test_true_again_within_the_flap_window_is_the_same_episode_and_keeps_its_acknowledgement() -> None:
    run = Run(SLOW)
    run.at(0, chat(2.0))
    first = run.at(30, chat(2.0))
    assert first is not None
    run.ack(35)
    run.at(40, chat(0.1))
    again = run.at(340, chat(2.0))
    assert again is not None
    assert (again.id, again.state, again.ended_at) == (first.id, "firing", None)
    assert again.acknowledged is not None
    assert run.book.episodes()[0].flaps == 1


def test_true_again_later_is_a_new_episode_that_nobody_has_acknowledged() -> None:
    run = Run(SLOW)
    run.at(0, chat(2.0))
    first = run.at(30, chat(2.0))
    assert first is not None
    run.ack(35, for_s=86400)
    run.at(40, chat(0.1))
    assert state_of(run.at(340.5, chat(2.0))) == "pending"
    second = run.at(370.5, chat(2.0))
    assert second is not None
    assert second.state == "firing"
    assert second.id != first.id
    assert second.acknowledged is None


def test_an_expired_acknowledgement_does_not_come_back_with_the_alert() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.ack(5, for_s=60)
    run.at(10, chat(0.1))
    again = run.at(100, chat(2.0))
    assert again is not None
    assert (again.state, again.acknowledged) == ("firing", None)
    assert run.journal[-1] == "ack-expired"


def test_what_ended_leaves_the_list_after_a_day() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.at(10, chat(0.1))
    assert state_of(run.at(10 + 86400, chat(0.1))) == "resolved"
    assert run.at(11 + 86400, chat(0.1)) is None
    assert run.book.episodes() == []


def test_only_a_thousand_ended_ones_are_kept() -> None:
    run = Run(NOW)
    many = [chat(2.0, name=f"t{i}") for i in range(1005)]
    run.at(0, *many)
    run.at(10, *(chat(0.1, name=one.name) for one in many))
    assert len(run.book.episodes()) == 1000


# -- holding ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [chat(0.2), chat(None)])
def test_false_or_no_data_within_keep_firing_for_still_fires_hollow_and_keeps_the_acknowledgement(after: Subject) -> None:
    run = Run(NOW, keep_s=60)
    run.at(0, chat(2.0))
    run.ack(5)
    held = run.at(10, after)
    assert held is not None
    assert (held.state, held.holding.startswith("not true since "), held.holding.endswith(", kept for 60 s")) == ("firing", True, True)
    assert held.acknowledged is not None
    assert state_of(run.at(69, after)) == "firing"
    assert state_of(run.at(70, after)) == "resolved"
    assert run.journal == ["firing", "acked", "resolved"]


def test_true_again_within_keep_firing_for_is_as_if_nothing_had_been() -> None:
    run = Run(NOW, keep_s=60)
    run.at(0, chat(2.0))
    run.at(10, chat(0.1))
    back = run.at(60, chat(3.0))
    assert back is not None
    assert (back.state, back.holding, back.flaps) == ("firing", "", 0)
    run.at(70, chat(0.1))
    assert state_of(run.at(129, chat(0.1))) == "firing"  # counted anew
    assert state_of(run.at(130, chat(0.1))) == "resolved"
    assert run.told == ["fired", "resolved"]


def test_keep_firing_for_keeps_nothing_that_never_fired() -> None:
    run = Run(SLOW, keep_s=600)
    run.at(0, chat(2.0))
    assert state_of(run.at(10, chat(0.1))) == "inactive"


def test_a_silent_source_while_it_is_kept_is_no_ok() -> None:
    run = Run(NOW, keep_s=60, no_data_hold_s=100)
    run.at(0, chat(2.0))
    run.at(10, chat(0.1))
    held = run.at(20, chat(silent="timeout"))
    assert held is not None
    assert held.holding.startswith("no data since ")
    assert state_of(run.at(119, chat(silent="timeout"))) == "firing"
    assert state_of(run.at(120, chat(silent="timeout"))) == "lost"


def test_keep_firing_for_goes_on_after_a_restart() -> None:
    run = Run(NOW, keep_s=600)
    run.at(0, chat(2.0))
    run.at(10, chat(0.1))
    after = run.restarted()
    held = after.at(30, chat(0.1))
    assert held is not None
    assert held.holding.startswith("not true since ")
    assert state_of(after.at(609, chat(0.1))) == "firing"
    assert state_of(after.at(610, chat(0.1))) == "resolved"


def test_a_worse_level_is_kept_while_a_milder_one_is_true() -> None:
    run = Run(NOW, CRITICAL, keep_s=60)
    run.at(0, chat(6.0))
    assert [alert.severity for t in (10, 69, 70) if (alert := run.at(t, chat(2.0)))] == ["critical", "critical", "warning"]


# -- shelves ------------------------------------------------------------------------------------------------------------------------


def test_a_shelf_hides_until_its_time_is_over_and_then_it_is_told_again() -> None:
    run = Run(NOW)
    first = run.at(0, chat(2.0))
    assert first is not None
    assert run.act(5, Shelve(first.id, 600.0, "known")) == "shelved slow on chat for 10 min"
    shelved = run.at(10, chat(2.0))
    assert shelved is not None
    assert shelved.shelved is not None
    assert (shelved.state, shelved.shelved.by, shelved.shelved.comment) == ("firing", "alice", "known")
    back = run.at(605, chat(2.0))
    assert back is not None
    assert back.shelved is None
    assert run.journal == ["firing", "shelved", "unshelved"]
    assert run.told == ["fired", "reminder"]


def test_a_shelf_can_be_emptied_and_refuses_what_does_not_fire() -> None:
    run = Run(SLOW)
    run.at(0, chat(2.0))
    identity = run.book.episodes()[0].id
    assert run.act(5, Shelve(identity, 600.0)) == "slow on chat is not firing yet"
    run.at(30, chat(2.0))
    assert run.act(31, Shelve(identity, 0.0)) == "slow on chat is not shelved"
    run.act(32, Shelve(identity, 600.0))
    assert run.act(33, Shelve(identity, 0.0), "bob") == "slow on chat is back"
    assert [(line.what, line.who, line.text) for line in run.lines[-1:]] == [("unshelved", "bob", "was alice's")]
    assert run.act(34, Shelve(identity, -1.0)) == "a shelf ends: between 1s and 30d"


def test_a_severity_that_rises_takes_it_from_the_shelf() -> None:
    run = Run(NOW, CRITICAL)
    first = run.at(0, chat(2.0))
    assert first is not None
    run.act(5, Shelve(first.id, 600.0))
    risen = run.at(10, chat(6.0))
    assert risen is not None
    assert (risen.severity, risen.shelved) == ("critical", None)
    assert run.told == ["fired", "severity"]


# -- notes, many at once ------------------------------------------------------------------------------------------------------------


def test_a_note_is_a_line_also_of_what_is_over() -> None:
    run = Run(NOW)
    first = run.at(0, chat(2.0))
    assert first is not None
    run.at(5, chat(0.1))
    assert run.act(10, AddNote(first.id, "it was\x1b[31m the cable")) == "noted on slow on chat"
    assert (run.lines[-1].what, run.lines[-1].who, run.lines[-1].text) == ("note", "alice", "it was the cable")
    assert run.act(11, AddNote(first.id, "  ")) == "an empty note says nothing"
    assert run.act(12, AddNote("nope", "x")) == "no alert 'nope'"


def test_several_at_once_each_with_its_own_outcome() -> None:
    run = Run(NOW)
    run.at(0, *(chat(2.0, name=name) for name in ("a", "b", "c")))
    ids = {episode.target: episode.id for episode in run.book.episodes()}
    run.carry_out(run.book.propose(Acknowledge(ids["b"]), "bob", T0 + 1))
    outcomes = run.carry_out(run.book.propose(Acknowledge(ids["a"], more=(ids["b"], ids["c"], ids["a"][:6], "nope")), "alice", T0 + 13))
    assert [outcome.ok for outcome in outcomes] == [True, False, True, False, False]
    assert [outcome.message for outcome in outcomes[1:]] == [
        "acked by bob 12 s ago; --take-over to take it",
        "acked slow on c for 60 min",
        f"{ids['a'][:6]!r} is named twice",
        "no alert 'nope'",
    ]
    assert run.journal.count("acked") == 3
    given = run.carry_out(run.book.propose(Unacknowledge(ids["a"], (ids["c"],)), "alice", T0 + 20))
    assert [outcome.ok for outcome in given] == [True, True]


# -- acts ---------------------------------------------------------------------------------------------------------------------------


def test_nothing_pending_or_ended_can_be_acknowledged() -> None:
    run = Run(SLOW)
    run.at(0, chat(2.0))
    assert run.ack(5) == "slow on chat is not firing yet"
    run.at(30, chat(2.0))
    run.at(40, chat(0.1))
    assert run.ack(52) == "slow on chat ended 12 s ago"
    assert run.book.propose_ack("nope", "alice", "", None, False, T0).outcome.message == "no alert 'nope'"


def test_the_second_is_told_who_was_first_and_may_take_over() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    assert run.ack(10) == "acked slow on chat for 60 min"
    assert run.ack(22, "bob") == "acked by alice 12 s ago; --take-over to take it"
    held = run.worst(22)
    assert held is not None
    assert held.acknowledged is not None
    assert (held.acknowledged.by, held.acknowledged.comment) == ("alice", "looking")
    assert run.ack(30, "bob", take_over=True) == "acked slow on chat from alice for 60 min"
    taken = run.worst(30)
    assert taken is not None
    assert taken.acknowledged is not None
    assert taken.acknowledged.by == "bob"
    assert run.journal == ["firing", "acked", "taken-over"]


def test_one_may_prolong_ones_own() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.ack(10, for_s=60)
    run.ack(20, for_s=600)
    alert = run.at(100, chat(2.0))
    assert alert is not None
    assert alert.acknowledged is not None
    assert alert.acknowledged.until.timestamp() == T0 + 620


@pytest.mark.parametrize("for_s", [0.0, -5.0, 1e9, float("nan")])
def test_an_acknowledgement_has_an_end(for_s: float) -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    assert "ends" in run.ack(10, for_s=for_s)


def test_an_acknowledgement_expires() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.ack(10)
    before = run.at(3609, chat(2.0))
    assert before is not None
    assert before.acknowledged is not None
    after = run.at(3610, chat(2.0))
    assert after is not None
    assert after.acknowledged is None
    assert run.journal[-1] == "ack-expired"
    assert run.ack(3611, "bob") == "acked slow on chat for 60 min"


def test_giving_back() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    identity = run.book.episodes()[0].id
    assert run.book.propose_unack(identity, "alice", T0 + 5).outcome.message == "slow on chat is not acked"
    run.ack(10)
    proposal = run.book.propose_unack(identity, "bob", T0 + 20)
    assert proposal.change is not None
    run.book.apply(proposal.change)
    assert [(entry.what, entry.who, entry.text) for entry in proposal.change.entries] == [("unacked", "bob", "was alice's")]
    alert = run.worst(20)
    assert alert is not None
    assert alert.acknowledged is None


def test_a_proposal_does_nothing_and_keeps_others_out_until_it_is_applied_or_withdrawn() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    identity = run.book.episodes()[0].id
    first = run.book.propose_ack(identity, "alice", "", None, False, T0 + 1)
    assert first.change is not None
    alert = run.worst(1)
    assert alert is not None
    assert alert.acknowledged is None
    second = run.book.propose_ack(identity, "bob", "", None, False, T0 + 1)
    assert (second.outcome.ok, second.change) == (False, None)
    assert "alice" in second.outcome.message
    run.book.withdraw(first.change)
    assert run.book.propose_ack(identity, "bob", "", None, False, T0 + 2).outcome.ok


def test_what_happens_while_an_act_is_written_is_handed_out_after_it() -> None:
    """Else the row that says `resolved` could overwrite the acknowledgement that was promised to be durable."""
    run = Run(NOW)
    run.at(0, chat(2.0))
    proposal = run.book.propose_ack(run.book.episodes()[0].id, "alice", "", None, False, T0 + 1)
    assert proposal.change is not None
    before = len(run.changes)
    run.at(2, chat(0.1))
    assert len(run.changes) == before
    run.book.apply(proposal.change)
    run.at(4, chat(0.1))
    (change,) = run.changes[before:]
    assert change.episode.state == "resolved"
    assert change.episode.ack is not None
    assert [entry.what for entry in change.entries] == ["resolved"]


def test_an_acknowledgement_of_what_rose_meanwhile_falls_away() -> None:
    run = Run(NOW, CRITICAL)
    run.at(0, chat(2.0))
    proposal = run.book.propose_ack(run.book.episodes()[0].id, "alice", "", None, False, T0 + 1)
    assert proposal.change is not None
    run.at(2, chat(6.0))
    run.book.apply(proposal.change)
    alert = run.at(4, chat(6.0))
    assert alert is not None
    assert (alert.severity, alert.acknowledged) == ("critical", None)
    assert run.journal == ["firing", "firing", "ack-dropped"]


def test_a_part_of_the_id_is_enough_when_it_fits_one() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0), chat(2.0, name="other"))
    one, two = (episode.id for episode in run.book.episodes())
    assert one[:3] != two[:3]
    assert run.book.propose_ack(one[:5], "alice", "", None, False, T0).outcome.ok
    assert not run.book.propose_ack("", "alice", "", None, False, T0).outcome.ok


# -- levels, subjects, order --------------------------------------------------------------------------------------------------------


def test_a_level_counts_only_after_its_own_for() -> None:
    critical = RuleSettings("slow", "latency.p95 > 5s", severity="critical", for_="60s")
    run = Run(NOW, critical)
    assert [run.at(t, chat(6.0)).severity for t in (0, 59, 60)] == ["warning", "warning", "critical"]  # type: ignore[union-attr]
    assert [run.at(t, chat(p)).severity for t, p in ((70, 2.0), (80, 6.0), (139, 6.0), (140, 6.0))] == [  # type: ignore[union-attr]
        "warning",
        "warning",
        "warning",
        "critical",
    ]
    assert len(run.book.episodes()) == 1


def test_subjects_of_one_name_are_one_alert_and_the_worst_decides() -> None:
    run = Run(NOW, CRITICAL)
    alert = run.at(0, chat(0.1), chat(7.0), chat(2.0))
    assert alert is not None
    assert (alert.severity, alert.value, len(run.book.episodes())) == ("critical", 7.0, 1)


def test_a_rule_that_is_gone_ends_its_alerts_as_lost() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.book.set_rules([])
    assert state_of(run.at(2, chat(2.0))) == "lost"


def test_worst_first() -> None:
    run = Run(NOW, CRITICAL, RuleSettings("wait", "latency.p95 > 0s", for_="1h"), RuleSettings("hint", "latency.p95 > 3s", severity="info"))
    run.at(0, chat(9.0, name="old"), chat(9.0, name="ends"))
    run.at(10, chat(9.0, name="old"), chat(0.0, name="ends"), chat(2.0, name="mild"), chat(9.0, name="new"))
    mild = next(alert.id for alert in run.book.alerts(T0 + 10) if alert.target == "mild" and alert.rule == "slow")
    proposal = run.book.propose_ack(mild, "alice", "", None, False, T0 + 11)
    assert proposal.change is not None
    run.book.apply(proposal.change)
    order = [(alert.state, alert.severity, alert.rule, alert.target) for alert in run.book.alerts(T0 + 12)]
    assert order[:4] == [
        ("firing", "critical", "slow", "new"),
        ("firing", "critical", "slow", "old"),
        ("firing", "info", "hint", "new"),
        ("firing", "info", "hint", "old"),
    ]
    assert order[4] == ("firing", "warning", "slow", "mild")  # somebody has it
    assert [state for state, *_ in order[5:]] == ["pending"] * 3 + ["resolved"] * 2


def test_numbers_are_written_now_and_then_without_a_line_in_the_journal() -> None:
    run = Run(NOW)
    for second in range(61):
        run.at(second, chat(2.0 + second))
    assert 4 <= len(run.changes) <= 6
    assert run.journal == ["firing"]
    assert run.changes[-1].episode.last_true_s >= T0 + 45


# -- restart ------------------------------------------------------------------------------------------------------------------------


def test_ids_are_the_same_after_a_restart() -> None:
    assert episode_id("slow", "target", "chat", T0) == "06f44c47"


def test_pending_goes_on_when_the_gap_was_small() -> None:
    run = Run(RuleSettings("slow", "latency.p95 > 1s", for_="5m"))
    for second in range(0, 200, 2):
        run.at(second, chat(2.0))
    after = run.restarted()
    assert state_of(after.at(215)) == "pending"  # nothing was found yet
    assert state_of(after.at(217, chat(state="STARTING"))) == "pending"  # no number yet
    assert state_of(after.at(220, chat(2.0))) == "pending"
    alert = after.at(300, chat(2.0))
    assert alert is not None
    assert (alert.state, alert.since.timestamp()) == ("firing", T0)


def test_pending_begins_again_when_nobody_watched_for_long() -> None:
    run = Run(RuleSettings("slow", "latency.p95 > 1s", for_="5m"))
    run.at(0, chat(2.0))
    after = run.restarted()
    assert state_of(after.at(200, chat(2.0))) == "pending"
    assert state_of(after.at(310, chat(2.0))) == "pending"
    alert = after.at(500, chat(2.0))
    assert alert is not None
    assert (alert.state, alert.since.timestamp()) == ("firing", T0 + 200)


def test_firing_stays_firing_until_something_is_known_and_keeps_who_has_it() -> None:
    run = Run(STALLED)
    first = run.at(0, chat(state="STALLED"))
    assert first is not None
    run.ack(5)
    after = run.restarted()
    for second, subjects in (
        (3000, []),
        (3002, [chat(state="STARTING")]),
        (3004, [chat(state="UNKNOWN")]),
        (3006, [chat(state="STALLED")]),
    ):
        alert = after.at(second, *subjects)
        assert alert is not None
        assert (alert.id, alert.state) == (first.id, "firing")
        assert alert.acknowledged is not None
    assert after.journal == []  # nobody is told twice
    expired = after.at(3606, chat(state="STALLED"))
    assert expired is not None
    assert expired.acknowledged is None


def test_a_restored_alert_that_is_over_resolves() -> None:
    run = Run(STALLED)
    run.at(0, chat(state="STALLED"))
    after = run.restarted()
    assert state_of(after.at(100, chat(state="OK"))) == "resolved"


def test_a_restored_alert_whose_target_never_comes_back_is_lost() -> None:
    run = Run(STALLED)
    run.at(0, chat(state="STALLED"))
    after = run.restarted()
    assert state_of(after.at(100)) == "firing"
    assert state_of(after.at(300)) == "firing"
    assert state_of(after.at(400)) == "lost"


def test_a_hold_counts_anew_after_a_restart() -> None:
    run = Run(STALLED)
    run.at(0, chat(state="STALLED"))
    run.at(10, chat(silent="timeout"))
    after = run.restarted()
    held = after.at(3600)
    assert held is not None
    assert (held.state, held.holding[:14]) == ("firing", "no data since ")
    assert state_of(after.at(3700, chat(state="STALLED"))) == "firing"


def test_hysteresis_and_levels_survive_a_restart() -> None:
    run = Run(STEADY)
    run.at(0, chat(2.0))
    assert state_of(run.restarted().at(10, chat(0.7))) == "firing"


def test_a_worse_level_does_not_inherit_the_time_of_a_milder_one_over_a_restart() -> None:
    run = Run(NOW, RuleSettings("slow", "latency.p95 > 5s", severity="critical", for_="60s"))
    run.at(0, chat(2.0))
    after = run.restarted()
    assert [alert.severity for t in (100, 159, 160) if (alert := after.at(t, chat(6.0)))] == ["warning", "warning", "critical"]


def test_hysteresis_goes_on_after_a_silence() -> None:
    run = Run(RuleSettings("slow", "latency.p95 > 1s", clear="latency.p95 < 500ms", for_="30s"))
    run.at(0, chat(2.0))
    run.at(30, chat(2.0))
    run.at(40, chat(silent="timeout"))
    assert [state_of(run.at(t, chat(0.7))) for t in (50, 52, 54)] == ["firing"] * 3
    assert state_of(run.at(56, chat(0.4))) == "resolved"
