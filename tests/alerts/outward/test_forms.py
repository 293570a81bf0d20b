"""What goes out, byte for byte: labels, the webhook's message, the terminal's sequences."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from loopback import reply, serving
from outward_samples import NOW_S, ORIGIN, act, answering, episode, item, json_of

from tui_monitor.alerts.outward import terminal
from tui_monitor.alerts.outward.labels import Origin, annotations_of, is_ours, labels_of, read_time, rfc3339
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.alerts.outward.webhook import Webhook
from tui_monitor.config import WebhookSettings
from tui_monitor.model import clean

LABELS = {
    "alertname": "slow",
    "severity": "warning",
    "target": "ranker",
    "kind": "target",
    "instance": "box1",
    "tm_instance": "default",
    "tm_id": "aaaa0001",
}


def test_labels_name_one_episode_and_stay_while_it_lasts() -> None:
    one = episode()
    assert labels_of(one, ORIGIN) == LABELS
    assert labels_of(episode(value=9.0, labels={"model": "other"}, last_true_s=NOW_S + 60, flaps=2), ORIGIN) == LABELS
    assert labels_of(episode(severity="critical"), ORIGIN) != LABELS
    assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) for name in LABELS)
    assert is_ours(LABELS, ORIGIN)
    assert not is_ours(LABELS, Origin("box2"))
    assert not is_ours(LABELS, Origin("box1", "demo"))
    assert not is_ours({"alertname": "slow", "instance": "box1"}, ORIGIN)


def test_annotations_explain_it() -> None:
    assert annotations_of(episode(), "rose to critical", "http://wiki/slow") == {
        "summary": 'p95 is 750 ms, "a bit" slow',
        "description": "rose to critical",
        "value": "0.75 s",
        "model": "m",
        "runbook_url": "http://wiki/slow",
    }
    assert annotations_of(episode(value=None, labels={}), "", "call Anna") == {
        "summary": 'p95 is 750 ms, "a bit" slow',
        "runbook": "call Anna",
    }


def test_times() -> None:
    assert rfc3339(NOW_S) == "2027-01-15T08:00:00.000Z"
    assert read_time("2027-01-15T08:00:00.123456789Z") == pytest.approx(NOW_S + 0.123, abs=0.001)
    assert read_time("2027-01-15T09:00:00+01:00") == NOW_S
    assert [read_time(odd) for odd in ("", "yesterday", None, 5)] == [None] * 4


def test_the_webhook_s_message_is_version_4() -> None:
    async def run(url: str) -> None:
        hook = Webhook(WebhookSettings(url=url), ORIGIN)
        await hook.deliver(item())
        await hook.deliver(item("resolved", 2, state="resolved", ended_s=NOW_S + 90))
        await hook.aclose()
        assert not hook.wants(act("ack", episode(), until_s=NOW_S))

    with serving(answering(reply(b"", "204 No Content"))) as server:
        asyncio.run(run(server.url + "/hook"))
        fired, resolved = (json_of(request) for request in server.requests)
        assert b"idempotency-key: aaaa0001.1" in server.requests[0].lower()
    (alert,) = fired.pop("alerts")
    assert fired == {
        "version": "4",
        "groupKey": '{}:{alertname="slow", tm_id="aaaa0001"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "tui-monitor",
        "groupLabels": {"alertname": "slow", "tm_id": "aaaa0001"},
        "commonLabels": LABELS,
        "commonAnnotations": alert["annotations"],
        "externalURL": "http://box1/",
    }
    assert re.fullmatch("[0-9a-f]{16}", alert.pop("fingerprint"))
    assert alert == {
        "status": "firing",
        "labels": LABELS,
        "annotations": {"summary": 'p95 is 750 ms, "a bit" slow', "value": "0.75 s", "model": "m", "runbook_url": "http://wiki/slow"},
        "startsAt": "2027-01-15T08:00:00.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://box1/tui-monitor/default/aaaa0001",
    }
    assert (resolved["status"], resolved["alerts"][0]["status"]) == ("resolved", "resolved")
    assert resolved["alerts"][0]["endsAt"] == "2027-01-15T08:01:30.000Z"
    assert resolved["groupKey"] == fired["groupKey"]


def test_a_webhook_s_secret_url_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    async def run(path: Path) -> NotSent:
        hook = Webhook(WebhookSettings(url_file=str(path)), ORIGIN)
        try:
            with pytest.raises(NotSent) as error:
                await hook.deliver(item())
        finally:
            await hook.aclose()
        return error.value

    with serving(answering(reply(b"no /services/T00/s3cr3tpath here", "500 Oh"))) as server:
        (tmp_path / "url").write_text(f"{server.url}/services/T00/s3cr3tpath?k=v4lue\n")
        error = asyncio.run(run(tmp_path / "url"))
        assert b"POST /services/T00/s3cr3tpath?k=v4lue" in server.requests[0]
    assert "500 Oh" in str(error)
    assert "s3cr3t" not in str(error)
    assert "v4lue" not in str(error)
    assert "webhook.url_file" in str(asyncio.run(run(tmp_path / "none")))


# -- the terminal -------------------------------------------------------------------------------------------------------------------


def test_what_a_terminal_is_sent() -> None:
    assert terminal.bell() == b"\x07"
    assert terminal.osc9("it is slow") == b"\x1b]9;it is slow\x07"
    assert terminal.osc9("4;1;50") == b"\x1b]9;! 4;1;50\x07", "not a progress bar"
    assert terminal.osc777("slow; on ranker", "a;b") == b"\x1b]777;notify;slow, on ranker;a;b\x07"
    assert terminal.through_tmux(terminal.osc9("x")) == b"\x1bPtmux;\x1b\x1b]9;x\x07\x1b\\"


@example("a;b", "c;d", "777")
@example("\x1b[", "x", "777")
@example("x\x1b\\\x07\x1b]0;y", "\x9d0;z\x9c", "9")
@given(st.text(), st.text(), st.sampled_from(["9", "777"]))
def test_no_text_ends_a_sequence_early_or_begins_another(title: str, text: str, osc: str) -> None:
    sent = terminal.osc777(title, text) if osc == "777" else terminal.osc9(f"{title}{text}")
    assert sent[:1] == b"\x1b"
    assert sent[-1:] == b"\x07"
    assert not re.search("[\x00-\x1f\x7f-\x9f]", sent[1:-1].decode())
    assert not re.match(rb"\x1b\]9;[0-9]", sent)
    if osc == "777":
        assert sent[: len(sent) - len(clean(text, terminal.LONGEST).encode()) - 1].count(b";") == 3, "of them two around the title"
