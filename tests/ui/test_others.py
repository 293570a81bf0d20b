"""An Alertmanager's alerts below ours, and who is not told: whose they are, what can be done with them, and why something is missing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from frames import AT, CALM, INCIDENT, STORM, VIEW, ago
from msgspec.structs import replace
from test_alert_keys import Answers, board, dialog, play, press

from tui_monitor.model import Ack, Acknowledge, Foreign, ForeignAlert, Frame, OutwardState, Silence, Unacknowledge
from tui_monitor.ui import others
from tui_monitor.ui.board import draw_board
from tui_monitor.ui.panes import order

BEN = Silence("ben", ago(hours=1), AT + timedelta(hours=2), "rack move", "f00d", "rack=~r.*", "alertmanager")


def there(name: str, severity: str = "critical", **more: Any) -> ForeignAlert:
    given = {"id": f"f-{name}", "source": "alertmanager", "fingerprint": name, "rule": name, "target": f"node-{name}", "state": "firing"}
    return ForeignAlert(**{**given, "severity": severity, "since": ago(minutes=4), "summary": f"{name} is out", **more})


def says(*alerts: ForeignAlert, of: Frame = INCIDENT, **more: Any) -> Frame:
    return replace(of, foreign=Foreign(source="alertmanager", at_s=AT.timestamp(), alerts=alerts, **more))


PSU, FAN = there("psu"), there("fan", "warning")
BOTH = says(PSU, FAN)


def drawn(frame: Frame, width: int = 160, height: int = 50, **view: Any) -> list[str]:
    canvas = draw_board(frame, replace(VIEW, focus="alerts", zoom=True, **view), {}, width, height)
    return ["".join(run.text for run in row) for row in canvas.rows()]


@pytest.mark.parametrize("size", [(160, 50), (80, 24), (60, 16)])
def test_theirs_stand_apart_below_ours_with_the_name_of_their_source(size: tuple[int, int]) -> None:
    lines = drawn(BOTH, *size, alert=PSU.id)
    heading = next(i for i, line in enumerate(lines) if "in alertmanager ──" in line)
    assert "psu" in lines[heading + 1]
    assert not [line for line in lines[heading + 2 :] if line.startswith("│") and "llama-70b" in line]


def test_theirs_stay_apart_in_groups_and_go_through_the_filter() -> None:
    assert [alert.id for alert in order.listed_alerts(BOTH, replace(VIEW, group="rule"))][-2:] == [PSU.id, FAN.id]
    assert "in alertmanager ─" in "\n".join(drawn(BOTH, group="rule"))
    assert [alert.id for alert in order.listed_alerts(BOTH, replace(VIEW, filter="fan"))] == [FAN.id]


def test_the_pane_counts_them_and_not_among_ours() -> None:
    now = "\n".join(drawn(BOTH))
    assert " · 2 in alertmanager" in now
    firing = "2 firing"
    assert firing in "\n".join(drawn(INCIDENT))
    assert firing in now


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ([PSU, there("ups"), FAN], "+2 in alertmanager"),
        ([FAN], ""),
        ([replace(PSU, inhibited=True)], ""),
        ([replace(PSU, silenced=BEN)], ""),
        ([replace(PSU, acknowledged=Ack("ana", AT, "", AT + timedelta(hours=1)))], ""),
    ],
)
def test_the_header_speaks_only_of_critical_ones_that_nobody_has(alerts: list[ForeignAlert], said: str) -> None:
    header = drawn(says(*alerts))[0]
    assert said in header
    assert ("+" in header) == bool(said)


def test_what_is_hidden_there_says_by_whom() -> None:
    lines = "\n".join(drawn(says(replace(PSU, silenced=BEN), replace(FAN, inhibited=True))))
    assert "ben (alertmanager) rack move" in lines
    assert "inhibited there" in lines


def test_one_of_ours_that_they_silence_says_so() -> None:
    ours = replace(INCIDENT, alerts=[replace(INCIDENT.alerts[0], silenced=BEN)])
    assert "ben (alertmanager) rack move" in "\n".join(drawn(ours))


def test_their_silences_are_listed_with_ours() -> None:
    async def script(app: Any, pilot: Any) -> None:
        await pilot.press("S")
        await pilot.pause()
        assert "ben (alertmanager)  rack=~r.*  rack move" in dialog(app)

    play(script, Answers([says(silences=(BEN,))]))


# -- acts ------------------------------------------------------------------------------------------------------------------------------


def test_one_of_theirs_is_acknowledged_and_given_back() -> None:
    said = "acknowledged node-psu psu: alertmanager is asked for a silence; u undoes"
    assert press(Answers([BOTH]), ["a"], select=PSU.id, words=said) == [Acknowledge(PSU.id)]
    assert press(Answers([BOTH]), ["a", "u"], select=PSU.id) == [Acknowledge(PSU.id), Unacknowledge(PSU.id)]
    held = says(replace(PSU, acknowledged=Ack("ana", AT, "", AT + timedelta(hours=1))))
    assert press(Answers([held]), ["U"], select=PSU.id) == [Unacknowledge(PSU.id)]


@pytest.mark.parametrize("key", ["x", "l", "n", "s", "m"])
def test_what_can_only_be_done_there_says_so(key: str) -> None:
    assert press(Answers([BOTH]), [key], select=PSU.id, words="is alertmanager's: a acknowledges it there") == []


def test_the_past_of_theirs_is_theirs() -> None:
    assert press(Answers([BOTH]), ["h"], select=PSU.id, words="the past of node-psu psu is in alertmanager") == []


def test_from_another_pane_and_for_all_only_ours_are_meant() -> None:
    async def script(app: Any, pilot: Any) -> None:
        app.choose(focus="health")
        await pilot.press("a")
        assert "nothing fires" in board(app)

    feed = Answers([says(PSU, of=CALM)])
    play(script, feed)
    assert feed.sent == []
    assert press(Answers([says(PSU, of=STORM)]), ["asterisk"], words="ack 26 alerts?") == []


def test_the_detail_of_one_of_theirs() -> None:
    press(Answers([BOTH]), ["enter"], select=PSU.id, words="psu is out")


# -- trouble ---------------------------------------------------------------------------------------------------------------------------

SINCE_S = AT.timestamp() - 190
REFUSED = OutwardState(name="webhook", waiting=4, error="connection refused", since_s=SINCE_S)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"outward": [REFUSED]}, "▲ not sent to webhook for 3 min: connection refused (4 wait)"),
        ({"outward": [replace(REFUSED, waiting=0, given_up=2, since_s=None)]}, "▲ not sent to webhook: connection refused (2 given up)"),
        ({"foreign": Foreign(source="am", at_s=AT.timestamp() - 2, silent_s=10.0, why="refused")}, "am: not answered for 12 s: refused"),
        ({"foreign": Foreign(source="am", at_s=AT.timestamp(), why="started anew")}, "am: started anew"),
    ],
)
@pytest.mark.parametrize("of", [INCIDENT, replace(CALM, alerts=[])], ids=["incident", "calm"])
def test_trouble_is_one_line_of_the_pane(of: Frame, more: dict[str, Any], said: str) -> None:
    assert said in "\n".join(drawn(replace(of, **more)))
    assert said not in "\n".join(drawn(of))


def test_many_that_are_not_told_take_little_room_and_the_one_that_waits_longest_is_first() -> None:
    states = [replace(REFUSED, name=f"hook:{i}", since_s=SINCE_S - i) for i in range(5)]
    frame = replace(INCIDENT, outward=[OutwardState(name="fine"), *states])
    assert [line.text.partition(" for")[0] for line in others.troubles(frame)] == [
        "not sent to hook:4", "not sent to hook:3", "not sent to hook:2", "nor to hook:1, hook:0",
    ]  # fmt: skip
    assert "not sent to hook:4" in "\n".join(drawn(frame, 80, 16))


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min"), (3600, "1 h"), (180000, "2 d")])
def test_spans(seconds: float, said: str) -> None:
    assert others.span(seconds) == said
