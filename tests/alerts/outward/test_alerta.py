"""An Alerta that refuses, is first, answers nonsense, or is not there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback import reply, serving
from outward_samples import NOW_S, ORIGIN, act, answering, episode, item, json_of, json_reply

from tui_monitor.alerts.outward.alerta import Alerta
from tui_monitor.alerts.outward.item import Item
from tui_monitor.alerts.outward.labels import rfc3339
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.config import AlertaSettings
from tui_monitor.model import ForeignAlert, utc

FOUND = {"GET /alerts": json_reply({"alerts": [{"id": "i1", "status": "open"}]})}


def answers(pages: dict[str, bytes]) -> Callable[[socket.socket, bytes], None]:
    def answer(connection: socket.socket, request: bytes) -> None:
        method, target, _ = request.split(b"\r\n", 1)[0].decode().split(" ", 2)
        connection.sendall(pages.get(f"{method} {target.partition('?')[0]}", reply(b"", "404 Not Found")))

    return answer


def history(*entries: tuple[str, str, str, str | None], status: str = "ack") -> dict[str, bytes]:
    rows = [{"type": kind, "status": status, "text": text, "updateTime": at, "user": user} for kind, text, at, user in entries]
    return {"GET /alert/i1": json_reply({"alert": {"id": "i1", "status": status, "history": rows}})}


def told(url: str, one: Item, **more: Any) -> NotSent | None:
    async def run() -> NotSent | None:
        alerta = Alerta(AlertaSettings(url=url, timeout="1s", **more), ORIGIN, clock=lambda: NOW_S + 12)
        try:
            await alerta.deliver(one)
        except NotSent as error:
            return error
        finally:
            await alerta.aclose()
        return None

    return asyncio.run(run())


def test_what_is_posted() -> None:
    with serving(answering(json_reply({"id": "i1"}, "201 Created"))) as server:
        for severity in ("critical", "warning", "info"):
            assert told(server.url + "/api", item(severity=severity)) is None
        assert told(server.url + "/api", item("resolved", 2, state="resolved")) is None
        assert told(server.url + "/api", item("lost", 2, state="lost")) is None
        posts = [json_of(request) for request in server.requests]
        assert server.requests[0].startswith(b"POST /api/alert HTTP")
    assert [post["severity"] for post in posts] == ["critical", "warning", "informational", "normal", "unknown"]
    assert posts[0] == {
        "resource": "box1:ranker",
        "event": "slow",
        "environment": "Production",
        "severity": "critical",
        "service": ["m"],
        "group": "target",
        "value": "0.75 s",
        "text": 'p95 is 750 ms, "a bit" slow',
        "origin": "tui-monitor/box1",
        "type": "tuiMonitorAlert",
        "createTime": "2027-01-15T08:00:00.000Z",
        "attributes": {"tm_id": "aaaa0001", "runbook": "http://wiki/slow"},
    }


ACK = act("ack", episode(), until_s=NOW_S + 612, comment="looking")


def test_an_ack_names_the_person_and_has_an_end() -> None:
    with serving(answers(FOUND | {"PUT /alert/i1/action": json_reply({})})) as server:
        assert told(server.url, ACK) is None
        assert json_of(server.requests[-1]) == {"action": "ack", "text": f"alice: looking [tui-monitor {ACK.key}]", "timeout": 600}


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (("ack", "bob: on it", rfc3339(NOW_S), None), "bob was first in Alerta 12 s ago: on it"),
        (("ack", "bob: on it [tui-monitor aaaa0001.ack.5]", rfc3339(NOW_S), None), "bob was first in Alerta 12 s ago: on it"),
        (("ack", "", rfc3339(NOW_S), "bob@example.org"), "bob@example.org was first in Alerta 12 s ago"),
        (("ack", "\x1b[31mmine", "never", None), "somebody was first in Alerta"),
        (("new", "", rfc3339(NOW_S), None), "Alerta refuses to ack it, its status is ack"),
    ],
)
def test_409_says_who_was_first_and_is_not_repeated(entry: tuple[str, str, str, str | None], line: str) -> None:
    with serving(answers(FOUND | history(entry) | {"PUT /alert/i1/action": json_reply({"message": "already"}, "409 Conflict")})) as server:
        error = told(server.url, ACK)
    assert (str(error), error is not None and error.again) == (line, False)


def test_409_after_a_lost_answer_is_our_own_act() -> None:
    ours = ("ack", f"alice: looking [tui-monitor {ACK.key}]", rfc3339(NOW_S), None)
    with serving(answers(FOUND | history(ours) | {"PUT /alert/i1/action": json_reply({}, "409 Conflict")})) as server:
        assert told(server.url, ACK) is None


@pytest.mark.parametrize(
    ("answer", "line", "again"),
    [
        (reply(b"no", "401 Unauthorized"), "401 Unauthorized (set bearer_token_file or basic_auth of [alerta]): no", True),
        (json_reply({"message": "[POLICY] not allowed"}, "403 Forbidden"), '[POLICY] not allowed"}', True),
        (reply(b"bad", "400 Bad Request"), "400 Bad Request: bad", False),
        (reply(b"", "500 Oh"), "500 Oh", True),
        (b"nonsense\r\n\r\n", "the connection broke off", True),
        (b"", "no answer within 1 s", True),
    ],
)
def test_every_failure_is_a_reason(answer: bytes, line: str, again: bool) -> None:
    with serving(answering(answer)) as server:
        error = told(server.url, item())
    assert str(error).endswith(line)
    assert error is not None
    assert error.again == again


@pytest.mark.parametrize("body", [b"<html>", b"{", b'{"alerts": 5}', b'{"alerts": [{"id": {}}]}', b"null"])
def test_nonsense_where_an_alert_should_be_found(body: bytes) -> None:
    with serving(answers({"GET /alerts": reply(body)})) as server:
        assert "answers with something else than it should" in str(told(server.url, ACK))


def test_what_it_does_not_have_cannot_be_acked_yet_and_needs_no_unack() -> None:
    with serving(answers({"GET /alerts": json_reply({"alerts": []})})) as server:
        error = told(server.url, ACK)
        assert (str(error), error is not None and error.again) == ("Alerta does not have this alert (yet)", True)
        assert told(server.url, act("unack", episode())) is None
        before = len(server.requests)
        assert told(server.url, act("ack", episode(), until_s=NOW_S)) is None, "it ended before it could be told"
        assert len(server.requests) == before


def test_its_key_is_sent_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret-key\n")
    with serving(lambda connection, request: connection.sendall(reply(b"key s3cret-key", "500 s3cret-key"))) as server:
        error = told(server.url, item(), api_key_file=str(tmp_path / "key"))
        assert b"x-api-key: s3cret-key" in server.requests[0].lower()
    assert "s3cret" not in str(error)
    assert "alerta.api_key_file" in str(told("http://127.0.0.1:1", item(), api_key_file=str(tmp_path / "none")))


def test_alerts_of_others_are_not_for_it() -> None:
    theirs = ForeignAlert(
        id="a1", source="alertmanager", fingerprint="f", rule="A", target="x", severity="info", state="firing", since=utc(NOW_S)
    )
    alerta = Alerta(AlertaSettings(url="http://127.0.0.1:1"), ORIGIN)
    assert not alerta.wants(act("ack", theirs))
    assert alerta.wants(item())
    assert not Alerta(AlertaSettings(url="http://127.0.0.1:1", send=False), ORIGIN).wants(item())
