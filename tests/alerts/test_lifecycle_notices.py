"""What is told outside: each thing once, over restarts too; nothing that somebody has, that is silenced, or that flaps."""

from __future__ import annotations

from book_runs import CRITICAL, NOW, SLOW, T0, Run, chat

from tui_monitor.alerts.listing import counts
from tui_monitor.model import AddSilence, ExpireSilence, Shelve, Silence, Unacknowledge, utc


def test_fired_and_resolved_once_each_however_long_it_takes() -> None:
    run = Run(SLOW)
    run.at(0, chat(2.0))
    assert run.told == []
    for t in range(30, 300, 10):
        run.at(t, chat(2.0))
    assert run.told == ["fired"]
    for t in range(300, 400, 10):
        run.at(t, chat(0.1))
    assert run.told == ["fired", "resolved"]
    fired, resolved = run.notices
    assert (fired.text, fired.at_s, fired.episode.severity) == ("chat p95 is 2 s", T0 + 30, "warning")
    assert resolved.text == "over after 4 min: chat p95 is 2 s"
    assert (fired.id.split(".")[0], fired.id != resolved.id) == (fired.episode.id, True)


def test_what_was_never_told_is_never_told_to_be_over() -> None:
    run = Run(SLOW)
    run.at(0, chat(2.0))
    run.at(10, chat(0.1))
    assert run.told == []


def test_what_is_lost_is_told_as_lost_and_not_as_well() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.at(10, chat(silent="timeout"))
    run.at(310, chat(silent="timeout"))
    assert run.told == ["fired", "lost"]
    assert run.notices[-1].text.startswith("nothing is known of it any more")


def test_the_mark_and_the_notice_are_one_change_so_a_restart_tells_nothing_twice() -> None:
    run = Run(NOW, CRITICAL)
    run.at(0, chat(2.0))
    (change,) = run.changes
    assert (len(change.notices), change.episode.told is not None) == (1, True)
    after = run.restarted()
    after.at(5, chat(2.0))
    assert after.told == []
    after.at(10, chat(6.0))
    again = after.restarted()
    again.at(15, chat(6.0))
    again.at(20, chat(0.1))
    third = again.restarted()
    third.at(25, chat(0.1))
    assert (after.told, again.told, third.told) == (["severity"], ["resolved"], [])
    ids = [notice.id for one in (run, after, again) for notice in one.notices]
    assert len(set(ids)) == 3


def test_a_severity_is_told_when_it_rises_and_again_after_it_fell() -> None:
    run = Run(NOW, CRITICAL)
    for t, p95_s in ((0, 2.0), (10, 6.0), (20, 6.0), (30, 2.0), (40, 6.0)):
        run.at(t, chat(p95_s))
    assert run.told == ["fired", "severity", "severity"]
    assert run.notices[1].text == "rose to critical: chat p95 is 6 s"


def test_what_somebody_has_is_told_only_when_it_is_over() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.ack(5, for_s=600)
    run.at(10, chat(0.1))
    run.at(20, chat(2.0))  # the same episode, still acknowledged
    assert run.told == ["fired", "resolved"]
    run.at(30, chat(0.1))
    assert run.told == ["fired", "resolved"]


def test_an_acknowledgement_that_ends_is_told_once_over_a_restart() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.ack(5, for_s=60)
    after = run.restarted()
    after.at(40, chat(2.0))
    after.at(65, chat(2.0))
    after.at(66, chat(2.0))
    again = after.restarted()
    again.at(70, chat(2.0))
    assert (after.told, again.told) == (["ack-expired"], [])


def test_giving_back_tells_nobody_who_knows_already() -> None:
    run = Run(NOW)
    first = run.at(0, chat(2.0))
    assert first is not None
    run.ack(5)
    run.act(10, Unacknowledge(first.id))
    run.at(20, chat(2.0))
    assert run.told == ["fired"]


def test_reminders_for_those_who_want_them() -> None:
    run = Run(NOW, remind_every_s=100.0)
    for t in range(0, 350, 10):
        run.at(t, chat(2.0))
    assert run.told == ["fired", "reminder", "reminder", "reminder"]
    run.ack(350)
    run.at(500, chat(2.0))
    assert run.told[-1] == "reminder"
    assert len(run.told) == 4


# -- silences -----------------------------------------------------------------------------------------------------------------------


def test_what_is_silenced_is_told_when_the_silence_ends_if_it_still_fires() -> None:
    run = Run(NOW)
    run.at(0)
    run.act(1, AddSilence("target=chat", "cleanup", for_s=100.0))
    run.at(10, chat(2.0))
    assert run.told == []
    run.at(101, chat(2.0))
    assert run.told == ["fired"]


def test_what_came_and_went_under_a_silence_is_told_to_nobody() -> None:
    run = Run(NOW)
    run.at(0)
    run.act(1, AddSilence("target=chat", "cleanup", for_s=100.0))
    run.at(10, chat(2.0))
    run.at(20, chat(0.1))
    run.at(200, chat(0.1))
    assert run.told == []


def test_what_was_opened_is_closed_under_a_silence_too() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.act(1, AddSilence("target=chat", "cleanup", for_s=100.0))
    run.at(10, chat(0.1))
    assert run.told == ["fired", "resolved"]


def test_an_acknowledgement_that_ends_under_a_silence_is_told_after_it() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.ack(1, for_s=50)
    run.act(2, AddSilence("target=chat", "cleanup", for_s=100.0))
    run.at(60, chat(2.0))
    assert run.told == ["fired"]
    after = run.restarted()
    after.at(90, chat(2.0))
    assert after.told == []
    after.at(103, chat(2.0))
    assert after.told == ["ack-expired"]


def test_a_silence_for_a_severity_does_not_hide_a_worse_one() -> None:
    run = Run(NOW, CRITICAL)
    run.at(0)
    run.act(1, AddSilence("target=chat severity=warning", "cleanup", for_s=1000.0))
    run.at(10, chat(2.0))
    assert run.told == []
    risen = run.at(20, chat(6.0))
    assert risen is not None
    assert risen.silenced is None
    assert run.told == ["fired"]
    assert run.notices[0].episode.severity == "critical"


def test_what_is_silenced_is_counted_apart_and_never_not_at_all() -> None:
    run = Run(NOW, CRITICAL)
    run.at(0, *(chat(p, name=name) for name, p in (("a", 6.0), ("b", 6.0), ("c", 2.0), ("d", 2.0))))
    ids = {episode.target: episode.id for episode in run.book.episodes()}
    run.act(1, AddSilence("target=~a|c", "cleanup", for_s=100.0))
    run.act(1, Shelve(ids["d"], 100.0))
    alerts = run.book.alerts(T0 + 2)
    assert [alert.target for alert in alerts] == ["b", "a", "c", "d"]
    found = counts(alerts)
    assert (found.firing, found.critical, found.silenced, found.silenced_critical, found.shelved) == (1, 1, 2, 1, 1)
    run.act(3, ExpireSilence(next(iter(run.silences))))
    assert counts(run.book.alerts(T0 + 4)).firing == 3


def test_what_an_alertmanager_silences_is_shown_with_its_author() -> None:
    run = Run(NOW)
    first = run.at(0, chat(2.0))
    assert first is not None
    theirs = Silence("bob", utc(T0), utc(T0 + 100), "upgrade", "4f2e", 'alertname="slow"', "central")
    run.book.set_foreign_silences("central", {first.id: theirs})
    assert run.worst(1).silenced == theirs  # type: ignore[union-attr]
    assert run.act(2, ExpireSilence("4f2e")) == "'4f2e' is not ours; expire it where it was made"
    run.book.set_foreign_silences("central", {})
    assert run.worst(3).silenced is None  # type: ignore[union-attr]


# -- flapping -----------------------------------------------------------------------------------------------------------------------


def flap(run: Run, start: int, changes: int, every: int = 30) -> int:
    """So many changes, the first to firing; returns when the last was."""
    t = start
    for number in range(changes):
        t = start + number * every
        run.at(t, chat(2.0 if number % 2 == 0 else 0.1))
    return t


def test_four_changes_in_ten_minutes_are_flapping_and_told_once() -> None:
    run = Run(NOW)
    last = flap(run, 0, 12)
    assert run.told == ["fired", "resolved", "fired", "flapping"]
    alert = run.worst(last)
    assert alert is not None
    assert (alert.flapping, alert.flaps) == (True, 5)
    assert run.journal.count("flapping") == 1
    assert run.notices[-1].text.startswith("comes and goes, 4 changes in 10 min")


def test_three_changes_or_slower_ones_are_not() -> None:
    run = Run(NOW)
    flap(run, 0, 3)
    assert not run.worst(60).flapping  # type: ignore[union-attr]
    slow = Run(NOW, flap_window_s=900.0)
    flap(slow, 0, 20, every=201)
    assert "flapping" not in slow.told


def test_after_ten_quiet_minutes_what_is_then_true_is_told() -> None:
    over, fires = Run(NOW), Run(NOW)
    for run, changes in ((over, 6), (fires, 7)):
        last = flap(run, 0, changes)
        for t in range(last, last + 600, 60):
            run.at(t, chat(2.0 if run is fires else 0.1))
        assert run.told == ["fired", "resolved", "fired", "flapping"]
        run.at(last + 600, chat(2.0 if run is fires else 0.1))
        assert run.journal[-1] == "steady"
        assert not run.worst(last + 600).flapping  # type: ignore[union-attr]
    assert over.told[4:] == ["resolved"]
    assert fires.told[4:] == []  # they know that it fires
    fires.at(2000, chat(0.1))
    assert fires.told[4:] == ["resolved"]


def test_while_it_flaps_it_is_one_episode_until_it_is_quiet() -> None:
    run = Run(NOW)
    last = flap(run, 0, 6)
    first = run.worst(last)
    again = run.at(last + 400, chat(2.0))  # beyond the flap window
    assert first is not None
    assert again is not None
    assert (again.id, again.flapping) == (first.id, True)


def test_flapping_goes_on_over_a_restart_and_is_told_once() -> None:
    run = Run(NOW)
    last = flap(run, 0, 4)
    after = run.restarted()
    flap(after, last + 30, 4)
    assert after.told == []
    assert "flapping" not in after.journal
    after.at(last + 900, chat(0.1))
    assert after.told == ["resolved"]


def test_changes_count_over_two_episodes_of_one_alert() -> None:
    run = Run(NOW, flap_window_s=10.0)
    flap(run, 0, 4)
    assert len(run.book.episodes()) == 2
    assert run.worst(100).flapping  # type: ignore[union-attr]


def test_a_severity_that_rises_is_told_while_it_flaps() -> None:
    run = Run(NOW, CRITICAL)
    last = flap(run, 0, 5)
    run.at(last + 10, chat(6.0))
    run.at(last + 20, chat(2.0))
    run.at(last + 30, chat(6.0))
    assert run.told == ["fired", "resolved", "fired", "flapping", "severity"]
