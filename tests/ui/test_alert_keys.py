"""What people do with alerts: take, take over, give back, silence, shelve, note, look back; and what a screen that may not says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from frames import ALERTS, AT, CALM, INCIDENT, STORM, ago
from msgspec.structs import replace

from tui_monitor.engine.feed import FeedStatus, ScriptedFeed
from tui_monitor.model import (
    Ack,
    Acknowledge,
    AddNote,
    AddSilence,
    Alert,
    AlertPast,
    Command,
    ExpireSilence,
    Frame,
    HistoryOfAlert,
    JournalEntry,
    Outcome,
    PastEpisode,
    PreviewSilence,
    Shelve,
    SilencePreview,
    Unacknowledge,
)
from tui_monitor.ui import theme
from tui_monitor.ui.app import MonitorApp
from tui_monitor.ui.dialogs.silence import SilenceDialog
from tui_monitor.ui.widgets.board import Board

ANA = FeedStatus(live=True, you="ana")
BY_BOB = replace(
    INCIDENT, alerts=[replace(ALERTS[0], acknowledged=Ack("bob", ago(seconds=12), "on it", AT + timedelta(hours=1))), *ALERTS[1:]]
)
Script = Callable[[MonitorApp, Any], Awaitable[None]]


class Answers(ScriptedFeed):
    """Acts are answered in turn, then with yes."""

    def __init__(self, frames: list[Frame], *outcomes: Outcome, status: FeedStatus = ANA) -> None:
        super().__init__(frames, status=status)
        self._turns = list(outcomes)

    async def send(self, command: Command) -> Outcome:
        self.sent.append(command)
        return self._turns.pop(0) if self._turns else Outcome(ok=True, message="done")


def play(script: Script, feed: ScriptedFeed, size: tuple[int, int] = (120, 40), **options: Any) -> MonitorApp:
    app = MonitorApp(feed, theme.load("default-dark"), clock=AT.timestamp, utc=True, **options)

    async def drive() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await script(app, pilot)

    asyncio.run(drive())
    return app


def board(app: MonitorApp) -> str:
    rows = app.screen_stack[0].query_one(Board)._rows
    return "\n".join("".join(run.text for run in row).rstrip() for row in rows)


def dialog(app: MonitorApp) -> str:
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


def press(feed: ScriptedFeed, keys: list[str], *, words: str = "", select: str = "", **options: Any) -> list[Command]:
    """What was sent when these keys were pressed in Alerts, and what the screen then said."""

    async def script(app: MonitorApp, pilot: Any) -> None:
        app.choose(focus="alerts", alert=select or None)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        assert words in (dialog(app) if len(app.screen_stack) > 1 else board(app))

    play(script, feed, **options)
    return feed.sent


# -- taking over ----------------------------------------------------------------------------------------------------------------------


def test_an_alert_that_somebody_holds_is_asked_for_and_never_just_taken() -> None:
    feed = Answers([BY_BOB])
    assert press(feed, ["a"], select="a1", words="acked 12s ago by bob: take over?") == []
    assert press(Answers([BY_BOB]), ["a"], select="a1", words="note: on it") == []
    assert press(Answers([BY_BOB]), ["a", "escape"], select="a1") == []
    assert press(Answers([BY_BOB]), ["a", "n"], select="a1") == []
    assert press(Answers([BY_BOB]), ["a", "y"], select="a1", words="took over llama-70b stalled; u undoes") == [
        Acknowledge("a1", take_over=True)
    ]


def test_who_lost_the_race_reads_who_was_first_and_may_still_take_over() -> None:
    first = Outcome(ok=False, message="acked by bob 1 s ago; --take-over to take it")
    sent = press(Answers([INCIDENT], first), ["a"], words="acked by bob 1 s ago: take over?")
    assert sent == [Acknowledge("a1")]
    sent = press(Answers([INCIDENT], first), ["a", "enter"], words="took over")
    assert sent == [Acknowledge("a1"), Acknowledge("a1", take_over=True)]


def test_my_own_alert_is_no_question() -> None:
    assert press(Answers([BY_BOB], status=FeedStatus(live=True, you="bob")), ["a"], select="a1") == [Acknowledge("a1")]


# -- many ------------------------------------------------------------------------------------------------------------------------------


def test_marked_alerts_are_taken_together_and_given_back_together() -> None:
    feed = Answers([INCIDENT])
    sent = press(feed, ["m", "m", "a", "u"], words="gave back 2 alerts")
    assert sent == [Acknowledge("a1", more=("a2",)), Unacknowledge("a1", ("a2",))]


def test_marks_are_seen_counted_and_end_with_the_act_or_with_escape() -> None:
    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("4", "m")
        assert "1 marked" in board(app)
        assert "✖•" in board(app)
        await pilot.press("escape")
        assert "marked" not in board(app)
        await pilot.press("home", "m", "up", "m")
        assert "marked" not in board(app), "the second m takes the mark away"
        await pilot.press("home", "m", "a")
        await pilot.pause()
        assert app.view.marked == frozenset()

    play(script, Answers([INCIDENT]))


def test_what_was_refused_of_many_is_said_and_only_the_rest_is_undone() -> None:
    parts = Outcome(
        ok=False, message="1 of 2 done; acked by bob 2 s ago; --take-over to take it",
        each=[Outcome(ok=False, message="acked by bob 2 s ago; --take-over to take it"), Outcome(ok=True, message="acked")],
    )  # fmt: skip
    sent = press(Answers([INCIDENT], parts), ["m", "m", "a"], words="1 of 2 done; acked by bob 2 s ago; A takes it over")
    assert len(sent) == 1
    sent = press(Answers([INCIDENT], parts), ["m", "m", "a", "u"])
    assert sent[1] == Unacknowledge("a2")


def test_star_asks_with_the_number_before_it_takes_all_that_fire() -> None:
    assert press(Answers([STORM]), ["asterisk"], words="ack 26 alerts?") == []
    assert press(Answers([STORM]), ["asterisk"], words="and 18 more") == []
    assert press(Answers([STORM]), ["asterisk", "escape"]) == []
    [taken] = press(Answers([STORM]), ["asterisk", "enter"], words="acknowledged 26 alerts; u undoes")
    assert isinstance(taken, Acknowledge)
    ids = {taken.alert, *taken.more}
    assert len(ids) == 26
    assert not ids & {"a3", "a4", "a5"}, "not what is shelved, taken or silenced"


def test_star_means_what_the_filter_shows() -> None:
    async def script(app: MonitorApp, pilot: Any) -> None:
        app.choose(focus="alerts", filter="rule-1")
        await pilot.press("asterisk")
        await pilot.pause()
        assert "ack 5 alerts?" in dialog(app)

    play(script, Answers([STORM]))


def test_star_with_nothing_to_take() -> None:
    assert press(Answers([CALM]), ["asterisk"], words="nothing fires here that nobody has") == []


def test_the_dialog_takes_all_marked_ones() -> None:
    sent = press(Answers([INCIDENT]), ["m", "m", "A", *"INC-9", "enter"])
    assert sent == [Acknowledge("a1", "INC-9", more=("a2",))]
    press(Answers([INCIDENT]), ["m", "m", "A"], words="Acknowledge 2 alerts")


def test_the_next_key_means_the_same_alert_wherever_its_row_went() -> None:
    taken = replace(INCIDENT, alerts=[replace(ALERTS[0], acknowledged=Ack("ana", AT, "", AT + timedelta(hours=1))), *ALERTS[1:]])
    feed = Answers([INCIDENT, taken])

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("4", "a")
        await pilot.pause()
        feed.step()
        await pilot.pause()
        await pilot.press("a", "n", "x", "enter")
        await pilot.pause()

    play(script, feed)
    assert feed.sent == [Acknowledge("a1"), Acknowledge("a1"), AddNote("a1", "x")]


# -- giving back ----------------------------------------------------------------------------------------------------------------------


def test_unack_gives_back_what_is_selected_and_undo_takes_it_again() -> None:
    sent = press(Answers([INCIDENT]), ["U", "u"], select="a3", words="acknowledged llama-70b kv_cache_full again")
    assert sent == [Unacknowledge("a3"), Acknowledge("a3", "INC-482", 3420.0)]
    assert press(Answers([INCIDENT]), ["U"], select="a1", words="nobody has it") == []


def test_undo_forgets_what_is_over() -> None:
    over = replace(INCIDENT, alerts=[replace(ALERTS[0], state="resolved", ended_at=AT)])
    feed = Answers([INCIDENT, over])

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("a")
        await pilot.pause()
        feed.step()
        await pilot.pause()
        await pilot.press("u")
        assert "nothing to undo" in board(app)

    play(script, feed)
    assert feed.sent == [Acknowledge("a1")]


# -- silences -------------------------------------------------------------------------------------------------------------------------


def previewing(*outcomes: Outcome, now: int = 2, before: int = 9, error: str = "", column: int = 0) -> Answers:
    feed = Answers([STORM], *outcomes)
    feed.answers[PreviewSilence] = SilencePreview(
        "m", [] if error else STORM.alerts[:now], [] if error else STORM.alerts[:before], error, column
    )
    return feed


MADE = Outcome(ok=True, message="sdeadbeef hides for 2 h, 2 alerts now")


def test_a_silence_is_filled_in_from_the_alert_previewed_and_sent_with_reason_and_end() -> None:
    feed = previewing(MADE)
    sent = press(feed, ["s", *"maintenance", "tab", *"2h", "enter"], words="sdeadbeef hides for 2 h, 2 alerts now; u undoes")
    match = "rule=errors target=qwen-7b severity=critical"
    assert feed.asked == [PreviewSilence(match)]
    assert sent == [AddSilence(match, "maintenance", until_s=AT.timestamp() + 7200)]


def test_the_preview_says_what_is_hidden_now_and_in_the_last_day() -> None:
    press(previewing(), ["s"], words="hides now: 2 alerts, 1 critical")
    press(previewing(), ["s"], words="would have hidden in the last 24 h: 9 alerts, 4 critical")
    press(previewing(), ["s"], words="critical qwen-7b errors")
    press(previewing(now=0, before=0), ["s"], words="hides now: nothing")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["enter"], "say why: a reason is required"),
        ([*"why", "enter"], "say until when"),
        ([*"why", "tab", *"soon", "enter"], "write 90s, 30m, 2h, 1d or a time"),
        ([*"why", "tab", *"0s", "enter"], "between 1s and 366d"),
        ([*"why", "tab", *"25:00", "enter"], "25:00 is no time of day"),
        ([*"why", "tab", *"16:30"], "ends 16:30:00"),
        ([*"why", "tab", *"1d"], "ends 22 Nov 14:22"),
    ],
)
def test_without_reason_or_end_nothing_is_silenced_and_the_dialog_says_what_is_missing(keys: list[str], words: str) -> None:
    assert press(previewing(), ["s", *keys], words=words) == []


def test_a_match_that_cannot_be_read_is_shown_with_its_column_and_not_sent() -> None:
    feed = previewing(error="unknown key 'tagret' (did you mean target?)", column=13)
    assert press(feed, ["s", *"why", "tab", *"2h", "enter"], words="column 13: unknown key 'tagret' (did you mean target?)") == []

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("4", "s")
        await pilot.pause()
        lines = dialog(app).splitlines()
        typed = next(line for line in lines if "rule=errors" in line)
        caret = lines[lines.index(typed) + 1]
        assert caret.index("^") - typed.index("rule=errors") == 12

    play(script, previewing(error="x", column=13))


def test_the_preview_follows_what_is_typed() -> None:
    feed = previewing()

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("4", "s", "shift+tab", "end", "!")
        for _ in range(40):
            await pilot.pause(0.05)
            if len(feed.asked) > 1:
                break
        assert isinstance(app.screen, SilenceDialog)
        assert feed.asked[-1] == PreviewSilence("rule=errors target=qwen-7b severity=critical!")

    play(script, feed)


def test_names_with_spaces_are_quoted() -> None:
    odd = replace(INCIDENT, alerts=[replace(ALERTS[0], target='a "b" c')])
    feed = Answers([odd])
    press(feed, ["s"])
    assert feed.asked == [PreviewSilence('rule=stalled target="a \\"b\\" c" severity=critical')]


def test_a_new_silence_can_be_undone_a_prolonged_one_not() -> None:
    keys = ["s", *"why", "tab", *"2h", "enter", "u"]
    assert press(previewing(MADE), keys)[-1] == ExpireSilence("sdeadbeef")
    longer = Outcome(ok=True, message="sdeadbeef goes on for 2 h, 2 alerts now")
    assert len(press(previewing(longer), keys, words="nothing to undo")) == 1


def test_a_silence_is_ended_from_its_row_and_that_of_somebody_else_is_asked_for() -> None:
    assert press(Answers([STORM]), ["x"], select="a5", words="end the silence of raj?") == []
    assert press(Answers([STORM]), ["x", "enter"], select="a5", words="ended the silence of rule=memory; u undoes") == [
        ExpireSilence("s01234567")
    ]
    mine = Answers([STORM], status=FeedStatus(live=True, you="raj"))
    assert press(mine, ["x", "u"], select="a5") == [
        ExpireSilence("s01234567"),
        AddSilence("rule=memory", "restore runs", until_s=AT.timestamp() + 3 * 3600),
    ]
    assert press(Answers([STORM]), ["x"], select="a1", words="nothing hides qwen-7b errors") == []


def test_a_silence_of_another_system_is_ended_there() -> None:
    silence = STORM.alerts[4].silenced
    assert silence is not None
    foreign = replace(STORM, alerts=[replace(STORM.alerts[4], silenced=replace(silence, source="alertmanager", by="ana"))])
    assert press(Answers([foreign]), ["x"], words="ended where it was made: in alertmanager") == []


def test_the_list_of_silences_shows_those_in_force_and_ends_one() -> None:
    press(Answers([STORM]), ["S"], words="night tests")
    sent = press(Answers([STORM]), ["S", "j", "x"])
    assert sent == [ExpireSilence("s89abcdef")]

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("S")
        await pilot.pause()
        assert "9h00 left  ana" in dialog(app)
        assert "rule=over" not in dialog(app)

    play(script, Answers([STORM]))
    press(Answers([INCIDENT]), ["S"], words="nothing is silenced")


# -- shelves, notes, the past ---------------------------------------------------------------------------------------------------------


def test_an_alert_is_shelved_and_brought_back() -> None:
    sent = press(Answers([STORM]), ["l", *"later", "enter", "u"], select="a1", words="qwen-7b errors is back")
    assert sent == [Shelve("a1", 3600.0, "later"), Shelve("a1", 0.0)]
    assert press(Answers([STORM]), ["x"], select="a3", words="gpu0 gpu-hot is back") == [Shelve("a3", 0.0)]


def test_a_note_is_written_and_an_empty_one_is_not() -> None:
    assert press(Answers([INCIDENT]), ["n", *"seen", "enter"], words="noted on llama-70b stalled") == [AddNote("a1", "seen")]
    assert press(Answers([INCIDENT]), ["n", "enter"], words="an empty note says nothing") == []


def past() -> AlertPast:
    before = [PastEpisode(f"e{i}", "critical", "resolved", ago(hours=7 * i + 2), 330.0, i, ["raj"]) for i in range(3)]
    journal = [
        JournalEntry(ago(minutes=1).timestamp(), "a1", "firing"),
        JournalEntry(AT.timestamp(), "a1", "note", "ana", "looks like the client"),
    ]
    return AlertPast(
        "stalled", "llama-70b", 9, ago(days=6), 350.0, [PastEpisode("a1", "critical", "firing", ago(seconds=38), None), *before], journal
    )


@pytest.mark.parametrize(
    "words",
    [
        "fired 9 times since 15 Nov 14:22, last 14:21:29; half of them were over within 5m50",
        "taken by raj 3×",
        "12:22:07      5m30    critical  resolved  raj",
        "14:21:29      still   critical  firing",
        "and 5 earlier",
        "14:22:07  note by ana: looks like the client",
    ],
)
def test_the_history_says_how_often_when_how_long_and_who(words: str) -> None:
    feed = Answers([INCIDENT])
    feed.answers[HistoryOfAlert] = past()
    press(feed, ["h"], words=words)
    assert feed.asked[0] == HistoryOfAlert("a1", 50)


def test_where_nobody_can_be_asked_the_history_says_what_the_picture_knows() -> None:
    feed = Answers([INCIDENT])
    feed.answers[HistoryOfAlert] = Outcome(ok=False, message="read-only: this is a recording")
    press(feed, ["h"], words="1 time in the last 24 h; last 02:22:07 for 5m30, acked by raj")
    press(feed, ["h"], words="more is not known: read-only: this is a recording")


# -- the detail -----------------------------------------------------------------------------------------------------------------------


def detail(alert: Alert, frame: Frame = STORM, size: tuple[int, int] = (120, 48)) -> str:
    feed = Answers([replace(frame, alerts=[alert, *(other for other in frame.alerts if other.id != alert.id)])])
    feed.answers[HistoryOfAlert] = past()
    seen: list[str] = []

    async def script(app: MonitorApp, pilot: Any) -> None:
        app.choose(focus="alerts", alert=alert.id)
        await pilot.press("enter")
        await pilot.pause()
        await pilot.pause()
        seen.append(dialog(app))

    play(script, feed, size=size)
    return seen[0]


@pytest.mark.parametrize(
    "words",
    [
        "errors on qwen-7b  FIRING  since 14:19:07, fired 14:19:37",
        "error.ratio[5m] is 31%, above the threshold 25%",
        "flapping: it comes and goes, 5 times in this episode",
        "https://wiki.example.org/serving/errors",
        "error.ratio  threshold 25% of 5m",
        "╌╌╌╌╌╌╌",
        "journal",
        "note by ana: looks like the client",
    ],
)
def test_the_detail_says_why_with_value_threshold_chart_runbook_and_journal(words: str) -> None:
    assert words in detail(STORM.alerts[0])


def test_the_detail_says_what_else_changed_at_the_same_moment() -> None:
    text = detail(INCIDENT.alerts[0], INCIDENT)
    assert "then   14:21:29   +30s  llama-70b is STALLED" in text
    assert "14:21:56   +57s  gpu 3: no NVML answer" in text
    assert "14:21:48   +49s  stale on resnet begins (warning)" in text
    assert "time_to_first_token drifts" not in text, "half an hour before is another story"


def test_a_number_that_nothing_keeps_has_no_chart() -> None:
    assert "╌" not in detail(replace(STORM.alerts[0], kind="disk", target="/models"))
    assert "threshold 25% of" not in detail(replace(STORM.alerts[0], key="", threshold=None))


def test_the_detail_follows_the_alert() -> None:
    later = replace(INCIDENT, alerts=[replace(ALERTS[0], acknowledged=Ack("bob", AT, "", AT + timedelta(hours=1)))])
    feed = Answers([INCIDENT, later])

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("4", "enter")
        await pilot.pause()
        assert "nobody yet" in dialog(app)
        feed.step()
        app.screen._again()
        await pilot.pause()
        assert "bob has it since 14:22:07" in dialog(app)

    play(script, feed)


# -- what may not be done -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["a", "A", "u", "U", "s", "x", "l", "n", "asterisk"])
def test_a_screen_that_may_only_look_says_so_before_anything_is_typed(key: str) -> None:
    feed = Answers([STORM], status=FeedStatus(live=True, you="ana", read_only="started with --read-only"))

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("4", key)
        await pilot.pause()
        assert len(app.screen_stack) == 1
        assert "read-only: started with --read-only" in board(app)

    play(script, feed)
    assert feed.sent == []


@pytest.mark.parametrize("key", ["h", "m", "G", "S", "enter"])
def test_looking_is_always_allowed(key: str) -> None:
    feed = Answers([STORM], status=FeedStatus(live=True, you="ana", read_only="started with --read-only"))

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("4", key)
        await pilot.pause()
        assert "read-only" not in board(app)

    play(script, feed)


def test_every_dialog_of_alerts_opens_at_every_size() -> None:
    for size in ((160, 45), (80, 24), (60, 15), (20, 5)):

        async def script(app: MonitorApp, pilot: Any, size: tuple[int, int] = size) -> None:
            await pilot.press("4")
            for key in ("s", "S", "n", "h", "l", "asterisk", "A", "enter"):
                await pilot.press(key)
                await pilot.pause()
                assert len(app.screen_stack) == 2, (size, key)
                await pilot.press("escape")
                await pilot.pause()

        play(script, Answers([STORM]), size=size)


# -- groups and the bell --------------------------------------------------------------------------------------------------------------


def test_groups_change_by_key_and_are_said() -> None:
    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("G")
        assert "Alerts by rule" in board(app)
        assert "stalled  1 FIRING, 1 resolved" in board(app)
        await pilot.press("G")
        assert "Alerts by target" in board(app)
        await pilot.press("G")
        assert "Alerts by" not in board(app)

    play(script, Answers([INCIDENT]))


def test_a_new_firing_alert_rings_once_and_what_fired_before_does_not() -> None:
    taken = replace(INCIDENT, alerts=[replace(ALERTS[0], acknowledged=Ack("ana", AT, "", AT)), *ALERTS[1:]])
    new = replace(INCIDENT, alerts=[*taken.alerts, replace(ALERTS[0], id="a9", rule="down")])
    feed = Answers([INCIDENT, taken, new, new])
    rung: list[list[str]] = []

    def ring(alerts: Any, host: str) -> bytes:
        rung.append([alert.rule for alert in alerts])
        return b"\x07"

    async def script(app: MonitorApp, pilot: Any) -> None:
        for _ in range(3):
            feed.step()
            await pilot.pause()

    play(script, feed, ring=ring)
    assert rung == [["down"]]


def test_the_past_does_not_ring() -> None:
    feed = Answers([CALM, INCIDENT], status=FeedStatus(live=False, replay=True))
    rung: list[str] = []

    async def script(app: MonitorApp, pilot: Any) -> None:
        feed.step()
        await pilot.pause()

    play(script, feed, ring=lambda alerts, host: rung.append(host) or b"")
    assert rung == []
