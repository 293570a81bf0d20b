"""Keys become commands and views; frames become one board; a dialog never loses or leaks a letter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from frames import CALM, INCIDENT, NO_DATA

from tui_monitor.engine.feed import FeedError, FeedStatus, ScriptedFeed
from tui_monitor.model import Ack, Acknowledge, Command, Frame, History, HistoryQuery, Outcome, Reload, TakeSnapshot, Unacknowledge
from tui_monitor.ui import theme
from tui_monitor.ui.app import TOAST_S, MonitorApp
from tui_monitor.ui.dialogs.ack import AckDialog
from tui_monitor.ui.dialogs.filter import Filter
from tui_monitor.ui.panes import order
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.board import Board

STALLED = next(alert for alert in INCIDENT.alerts if alert.rule == "stalled" and alert.state == "firing")
Script = Callable[[MonitorApp, Any], Awaitable[None]]


class Clock:
    def __init__(self) -> None:
        self.now_s = INCIDENT.at.timestamp()

    def __call__(self) -> float:
        return self.now_s


def play(
    script: Script,
    *frames: Frame,
    feed: ScriptedFeed | None = None,
    size: tuple[int, int] = (160, 45),
    look: str = "default-dark",
    **options: Any,
) -> MonitorApp:
    """Run the app over a scripted feed and let the script press keys."""
    clock = Clock()
    app = MonitorApp(feed or ScriptedFeed(frames or [INCIDENT]), theme.load(look), clock=clock, utc=True, **options)
    app.clock = clock

    async def drive() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await script(app, pilot)

    asyncio.run(drive())
    return app


def text(app: MonitorApp) -> str:
    """The board as a person reads it."""
    board = app.screen_stack[0].query_one(Board)
    return "\n".join("".join(run.text for run in row).rstrip() for row in board._rows)


def press(keys: Sequence[str], check: Callable[[MonitorApp], None], **options: Any) -> MonitorApp:
    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press(*keys)
        await pilot.pause()
        check(app)

    return play(script, **options)


@pytest.mark.parametrize(
    ("keys", "choice"),
    [
        (["2"], {"focus": "performance"}),
        (["tab"], {"focus": "performance"}),
        (["shift+tab"], {"focus": "alerts"}),
        (["z"], {"zoom": True}),
        (["z", "escape"], {"zoom": False}),
        (["w"], {"window": "30m"}),
        (["w"] * 5, {"window": "5m"}),
        (["f"], {"faults_only": True}),
        (["f", "escape"], {"faults_only": False}),
        (["down"], {"target": order.targets(INCIDENT, View())[1].name}),
        (["j", "j", "k"], {"target": order.targets(INCIDENT, View())[1].name}),
        (["up"], {"target": order.targets(INCIDENT, View())[0].name}),
        (["end"], {"target": order.targets(INCIDENT, View())[-1].name}),
        (["4", "down"], {"alert": order.alerts(INCIDENT, View())[1].id}),
        (["3", "down"], {"signal": order.signal_name(order.signals(INCIDENT, View())[1])}),
        (["slash", *"qwen", "enter"], {"filter": "qwen"}),
        (["slash", *"qwen", "escape"], {"filter": ""}),
        (["slash", *"qwen", "enter", "escape"], {"filter": ""}),
        (["t", "down", "enter"], {"target": order.targets(INCIDENT, View())[1].name}),
        (["t", "escape"], {"target": None}),
    ],
)
def test_keys_change_the_view(keys: list[str], choice: dict[str, Any]) -> None:
    def check(app: MonitorApp) -> None:
        assert {name: getattr(app.view, name) for name in choice} == choice
        assert len(app.screen_stack) == 1

    press(keys, check)


def test_a_acknowledges_the_worst_at_once_and_u_gives_it_back() -> None:
    feed = ScriptedFeed([INCIDENT])

    def check(app: MonitorApp) -> None:
        assert feed.sent == [Acknowledge(STALLED.id)]
        assert f"acknowledged {STALLED.target} stalled; u undoes" in text(app)

    press(["a"], check, feed=feed)
    feed = ScriptedFeed([INCIDENT])
    press(["a", "u"], lambda _: None, feed=feed)
    assert feed.sent == [Acknowledge(STALLED.id), Unacknowledge(STALLED.id)]


def test_in_alerts_a_means_the_selected_one() -> None:
    feed = ScriptedFeed([INCIDENT])
    press(["4", "down", "a"], lambda _: None, feed=feed)
    assert feed.sent == [Acknowledge(order.alerts(INCIDENT, View())[1].id)]


def test_u_in_alerts_gives_back_what_is_selected_and_taken() -> None:
    taken = next(alert for alert in INCIDENT.alerts if alert.acknowledged and alert.state == "firing")
    feed = ScriptedFeed([INCIDENT])

    async def script(app: MonitorApp, pilot: Any) -> None:
        app.choose(focus="alerts", alert=taken.id)
        await pilot.press("u")
        app.choose(alert=STALLED.id)
        await pilot.press("u")
        assert "nothing to undo" in text(app)

    play(script, feed=feed)
    assert feed.sent == [Unacknowledge(taken.id)]


def test_a_refused_act_says_why() -> None:
    feed = ScriptedFeed([INCIDENT], outcome=Outcome(ok=False, message="acked by raj 12 s ago"))

    def check(app: MonitorApp) -> None:
        assert "acked by raj 12 s ago" in text(app)
        assert app._undo == []

    press(["a"], check, feed=feed)


def test_nothing_fires() -> None:
    press(["a"], lambda app: _shows(app, "nothing fires"), feed=ScriptedFeed([CALM]))


def _shows(app: MonitorApp, words: str) -> None:
    assert words in text(app)


def test_a_toast_ends() -> None:
    async def script(app: MonitorApp, pilot: Any) -> None:
        app.toast("look \x1b[31mhere")
        assert "look here" in text(app)
        app.clock.now_s += TOAST_S + 1
        app._second()
        assert "look" not in text(app)

    play(script)


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        (["A", *"looking", "enter"], Acknowledge(STALLED.id, "looking")),
        (["A", "enter"], Acknowledge(STALLED.id)),
        (["A", *"x", "tab", "right", "right", "ctrl+s"], Acknowledge(STALLED.id, "x", 3600.0)),
        (["A", *"x", "tab", "tab", "enter"], Acknowledge(STALLED.id, "x")),
        (["A", *"x", "escape"], None),
    ],
)
def test_the_ack_dialog(keys: list[str], command: Acknowledge | None) -> None:
    feed = ScriptedFeed([INCIDENT])
    press(keys, lambda app: None, feed=feed)
    assert feed.sent == ([command] if command else [])


def test_the_ack_dialog_can_take_over_from_somebody_else_only() -> None:
    held = msgspec.structs.replace(STALLED, acknowledged=Ack("raj", INCIDENT.at, "", INCIDENT.at))
    frame = msgspec.structs.replace(INCIDENT, alerts=[held])
    feed = ScriptedFeed([frame])
    press(["4", "A", "tab", "tab", "right", "ctrl+s"], lambda app: None, feed=feed)
    assert feed.sent == [Acknowledge(STALLED.id, take_over=True)]

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("4", "A")
        assert isinstance(app.screen, AckDialog)
        assert not app.screen.query("#over")

    play(script, feed=ScriptedFeed([frame], status=FeedStatus(live=True, you="raj")))


def test_letters_typed_right_behind_a_dialog_key_go_into_the_dialog() -> None:
    """All keys are there before the first is looked at: `/a` must filter by "a", and never acknowledge."""
    feed = ScriptedFeed([INCIDENT])

    async def script(app: MonitorApp, pilot: Any) -> None:
        from textual import events

        for key, character in (("slash", "/"), ("a", "a"), ("q", "q"), ("u", "u")):
            app.post_message(events.Key(key, character))
        for _ in range(20):
            await pilot.pause()
        assert isinstance(app.screen, Filter)
        assert app.view.filter == "aqu"

    app = play(script, feed=feed)
    assert feed.sent == []
    assert app.return_code in {0, None}


@pytest.mark.parametrize(
    ("keys", "words"), [("question_mark", "Acknowledge"), ("e", "llama-70b"), ("enter", "queue.length"), ("t", "qwen-7b")]
)
def test_dialogs_open_and_escape_closes(keys: str, words: str) -> None:
    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press(keys)
        await pilot.pause()
        assert len(app.screen_stack) == 2
        shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert words in shown
        await pilot.press("escape")
        await pilot.pause()
        assert len(app.screen_stack) == 1

    play(script)


def test_what_comes_from_outside_is_never_markup() -> None:
    nasty = "[/] [bold]x[/bold] [@click=app.quit]"
    frame = msgspec.structs.replace(
        INCIDENT,
        targets=[msgspec.structs.replace(INCIDENT.targets[0], name=nasty, why=nasty, models=[])],
        alerts=[msgspec.structs.replace(STALLED, target=nasty, summary=nasty, acknowledged=Ack(nasty, INCIDENT.at, nasty, INCIDENT.at))],
    )
    keys = ["enter", "escape", "e", "escape", "t", "escape", "4", "A", "escape", "enter", "escape", "ctrl+p", "escape"]

    async def script(app: MonitorApp, pilot: Any) -> None:
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        assert nasty in text(app)

    play(script, frame)


def test_pause_freezes_the_picture_and_says_for_how_long() -> None:
    later = msgspec.structs.replace(CALM, at=datetime(2025, 11, 21, 14, 23, 7, tzinfo=UTC))
    feed = ScriptedFeed([INCIDENT, later])

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("space")
        feed.step()
        app.clock.now_s += 60
        await pilot.pause()
        app.redraw()
        assert "14:22:07" in text(app)
        assert "PAUSED 1m" in text(app)
        await pilot.press("space")
        assert "14:23:07" in text(app)
        assert "PAUSED" not in text(app)

    play(script, feed=feed)


def test_a_lost_engine_is_said_and_a_found_one_forgotten() -> None:
    feed = ScriptedFeed([INCIDENT])

    async def script(app: MonitorApp, pilot: Any) -> None:
        assert "LIVE" in text(app)
        feed.step(FeedStatus(live=False, note="engine lost: it ended or was killed; next try in 2 s"))
        app.clock.now_s += 30
        await pilot.pause()
        assert "engine lost: it ended" in text(app)
        assert "LIVE" not in text(app)
        feed.step(FeedStatus(live=True))
        await pilot.pause()
        assert "engine lost" not in text(app)

    play(script, feed=feed)


def test_replay_is_never_live() -> None:
    feed = ScriptedFeed([INCIDENT], status=FeedStatus(live=False, replay=True))
    press([], lambda app: _replays("\n".join(text(app).splitlines()[:2])), feed=feed)


def _replays(head: str) -> None:
    assert "REPLAY" in head
    assert "LIVE" not in head


def test_before_the_first_frame_the_host_speaks_and_q_works() -> None:
    def check(app: MonitorApp) -> None:
        assert "load " in text(app)
        assert "waiting for the engine" in text(app)

    app = press([], check, feed=ScriptedFeed([]))
    assert not app.goodbye
    assert press(["a", "e", "enter", "t", "down", "ctrl+s", "q"], lambda app: None, feed=ScriptedFeed([])).goodbye


def test_a_feed_that_cannot_start_ends_the_screen_with_its_line() -> None:
    class Nothing(ScriptedFeed):
        async def start(self) -> None:
            raise FeedError("no engine runs")

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.pause()

    app = play(script, feed=Nothing([]))
    assert app.failure == "no engine runs"
    assert app.return_code == 1


@pytest.mark.parametrize(("key", "goodbye"), [("q", True), ("ctrl+c", True)])
def test_leaving_on_purpose(key: str, goodbye: bool) -> None:
    app = press([key], lambda app: None)
    assert app.goodbye is goodbye
    assert app.return_code == 0


def test_ctrl_c_leaves_out_of_every_dialog() -> None:
    for opener in ("question_mark", "A", "slash", "t", "ctrl+p"):
        assert press([opener, "ctrl+c"], lambda app: None).goodbye, opener


def test_a_snapshot_is_asked_for_beside_the_user(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    feed = ScriptedFeed([INCIDENT])
    press(["ctrl+s"], lambda app: _shows(app, "wrote "), feed=feed)
    assert len(feed.sent) == 1
    command = feed.sent[0]
    assert isinstance(command, TakeSnapshot)
    assert command.path.startswith(f"{tmp_path}/tui-monitor-gpu-node-07-2025112")
    assert command.path.endswith(".sqlite")
    assert not command.force


class Slow(ScriptedFeed):
    """Answers about the past only when told to."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        super().__init__(frames)
        self.asked: list[HistoryQuery] = []
        self.gate = asyncio.Event()

    async def history(self, query: HistoryQuery) -> History:
        self.asked.append(query)
        await self.gate.wait()
        return await super().history(query)


def test_one_question_about_the_past_at_a_time_and_none_for_what_is_known() -> None:
    frames = [msgspec.structs.replace(INCIDENT, at=datetime(2025, 11, 21, 14, 22, 7 + n, tzinfo=UTC)) for n in range(6)]
    feed = Slow(frames)

    async def script(app: MonitorApp, pilot: Any) -> None:
        first = len(feed.asked)
        assert first
        for _ in range(3):
            feed.step()
            await pilot.pause()
        assert len(feed.asked) == first, "the first answer is still awaited"
        feed.gate.set()
        await pilot.pause()
        assert app._histories
        feed.step()
        feed.step()
        await pilot.pause()
        asked = len(feed.asked)
        app._ask_histories()
        await pilot.pause()
        assert len(feed.asked) == asked, "the same charts at the same moment are known"
        await pilot.press("w")
        await pilot.pause()
        assert len(feed.asked) > asked, "another window is another past"

    play(script, feed=feed)


def test_no_chart_no_question() -> None:
    feed = Slow([INCIDENT])
    press(["1"], lambda app: None, feed=feed, size=(80, 24))
    assert feed.asked == []


def test_equal_frames_draw_nothing() -> None:
    feed = ScriptedFeed([INCIDENT, msgspec.structs.replace(INCIDENT, seq=INCIDENT.seq + 1)])

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.pause()
        strips = list(app.query_one(Board)._strips)
        feed.step()
        await pilot.pause()
        app.redraw()
        assert all(new is old for new, old in zip(app.query_one(Board)._strips, strips, strict=True))

    play(script, feed=feed)


@pytest.mark.parametrize("size", [(160, 45), (120, 30), (80, 24), (60, 15), (20, 5), (1, 1)])
@pytest.mark.parametrize("look", ["default-dark", "default-light", "ansi-dark", "ansi-light", "mono"])
def test_every_size_and_theme_opens_every_dialog(size: tuple[int, int], look: str) -> None:
    async def script(app: MonitorApp, pilot: Any) -> None:
        for key in ("question_mark", "e", "enter", "t", "A", "slash", "ctrl+p"):
            await pilot.press(key)
            await pilot.pause()
            assert len(app.screen_stack) == 2, key
            await pilot.press("escape")
            await pilot.pause()

    play(script, size=size, look=look)


def test_themes_change_by_key_and_by_name() -> None:
    async def script(app: MonitorApp, pilot: Any) -> None:
        before = app.look.name
        await pilot.press("T")
        assert app.look.name != before
        app.wear("default-light")
        assert app.look.name == "default-light"
        app.wear("no-such")
        assert app.look.name == "default-light"
        assert "no theme 'no-such'" in text(app)

    play(script)
    app = press(["T"], lambda app: _shows(app, "no colour"), look="mono")
    assert app.look.name == "mono"


def test_the_palette_offers_the_table_and_the_themes() -> None:
    async def script(app: MonitorApp, pilot: Any) -> None:
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert {"acknowledge", "snapshot", "help", "theme mono", "theme default-light", "quit"} <= offered
        await pilot.press("ctrl+p", *"faults")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause()
        assert app.view.faults_only

    play(script)


def test_no_data_at_all_survives_every_key() -> None:
    from tui_monitor.ui.app import ACTIONS

    async def script(app: MonitorApp, pilot: Any) -> None:
        for pane in "14":
            await pilot.press(pane)
            for key, action in ACTIONS.items():
                if action not in {"leave", "suspend_process"} and not action.startswith(("pane", "next_pane")):
                    await pilot.press(key, "escape")
        assert app.crash is None

    play(script, NO_DATA)


def test_a_click_focuses_a_pane() -> None:
    async def script(app: MonitorApp, pilot: Any) -> None:
        row, column = next((y, line.index("3 Drift")) for y, line in enumerate(text(app).splitlines()) if "3 Drift" in line)
        await pilot.click(Board, offset=(column, row + 1))
        assert app.view.focus == "drift"

    play(script)


def test_a_crash_in_a_handler_is_kept_for_the_log() -> None:
    class Broken(ScriptedFeed):
        async def send(self, command: Any) -> Outcome:
            raise ValueError("ours")

    async def script(app: MonitorApp, pilot: Any) -> None:
        await pilot.press("a")
        await pilot.pause()

    from textual.worker import WorkerFailed

    with pytest.raises(WorkerFailed, match="ours"):
        play(script, feed=Broken([INCIDENT]))


def test_the_configuration_is_read_again_and_what_is_wrong_with_it_is_said() -> None:
    class Answers(ScriptedFeed):
        async def send(self, command: Command) -> Outcome:
            self.sent.append(command)
            wrong = Outcome(ok=False, message="configuration not read again: rules[0].wen: unknown key")
            return wrong if len(self.sent) > 1 else Outcome(ok=True, message="configuration read again")

    feed = Answers([INCIDENT])
    press(["R"], lambda app: _shows(app, "configuration read again"), feed=feed)
    press(["R"], lambda app: _shows(app, "configuration not read again: rules[0].wen: unknown key"), feed=feed)
    assert feed.sent == [Reload(), Reload()]
