"""Another Alertmanager's alerts by a clock that the test moves: held, lost, over; and what goes wrong while reading."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from loopback import Loopback, reply, serving
from outward_samples import NOW_S, ORIGIN, acked, act, episode, item, json_of, json_reply

from tui_monitor.alerts.outward.alertmanager import Alertmanager
from tui_monitor.alerts.outward.labels import rfc3339
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.alerts.outward.watch import MOST, Watch
from tui_monitor.config import AlertmanagerSettings
from tui_monitor.model import Foreign


class Fake:
    """As much of an Alertmanager as a test needs, on loopback."""

    def __init__(self) -> None:
        self.uptime_s = NOW_S - 86400
        self.alerts: list[dict[str, Any]] = []
        self.silences: list[dict[str, Any]] = []
        self.posted: list[Any] = []
        self.deleted: list[str] = []
        self.broken: dict[str, bytes] = {}  # path -> the answer instead

    def __call__(self, connection: socket.socket, request: bytes) -> None:
        method, target, _ = request.split(b"\r\n", 1)[0].decode().split(" ", 2)
        path = urlsplit(target).path.removeprefix("/api/v2")
        matcher = parse_qs(urlsplit(target).query).get("filter", [""])[0]
        connection.sendall(self.broken.get(f"{method} {path}") or self._answer(method, path, matcher, request))

    def _answer(self, method: str, path: str, matcher: str, request: bytes) -> bytes:
        if method == "DELETE":
            self.deleted.append(path.rpartition("/")[2])
            return reply(b"")
        if method == "POST" and path == "/silences":
            self.posted.append(json_of(request))
            return json_reply({"silenceID": "new"})
        if method == "POST":
            self.posted.append(json_of(request))
            return reply(b"")
        if path == "/status":
            return json_reply({"uptime": rfc3339(self.uptime_s), "cluster": {}})
        if path == "/silences":
            return json_reply(self.silences)
        name, _, value = matcher.partition("=")
        return json_reply([one for one in self.alerts if not matcher or one["labels"].get(name) == json.loads(value)])

    def alert(self, name: str, since_s: float = NOW_S - 60, **more: Any) -> None:
        labels = {"alertname": name, "severity": "critical", "instance": "gpu7"} | more.pop("labels", {})
        status = {"state": "active", "silencedBy": more.pop("silenced", []), "inhibitedBy": []}
        one = {
            "fingerprint": f"f{name}",
            "labels": labels,
            "annotations": {},
            "startsAt": rfc3339(since_s),
            "status": status,
            "receivers": [],
        }
        self.alerts.append(one | more)

    def silence(
        self, identity: str, labels: dict[str, str], comment: str, by: str = "bob", state: str = "active", end_s: float = NOW_S + 3600
    ) -> None:
        self.silences.append(
            {
                "id": identity,
                "matchers": [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in labels.items()],
                "startsAt": rfc3339(NOW_S),
                "endsAt": rfc3339(end_s),
                "createdBy": by,
                "comment": comment,
                "status": {"state": state},
            }
        )


class Bench:
    """A watch on a fake, and its clock."""

    def __init__(self, fake: Fake, server: Loopback, **more: Any) -> None:
        self.fake, self.now_s, self.port = fake, NOW_S, server.port
        settings = AlertmanagerSettings(url=server.url, interval="10s", timeout="2s", **more)
        self.of = Alertmanager(settings, ORIGIN, clock=lambda: self.now_s)
        self.watch = Watch(self.of, clock=lambda: self.now_s, steady=lambda: self.now_s - NOW_S + 5)

    async def look(self, *firing: Any, later_s: float = 0.0) -> Foreign:
        self.now_s += later_s
        return await self.watch.look(firing)


def run(scene: Callable[[Fake, Bench], Any], **more: Any) -> None:
    async def all_of_it() -> None:
        fake = Fake()
        with serving(fake) as server:
            bench = Bench(fake, server, **more)
            try:
                await scene(fake, bench)
            finally:
                await bench.of.aclose()

    asyncio.run(all_of_it())


def test_what_is_not_listed_any_more_is_over() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.alert("A")
        fake.alert("B", labels={"severity": "info"})
        first = await bench.look()
        assert [(one.rule, one.severity, one.target) for one in first.alerts] == [("A", "critical", "gpu7"), ("B", "info", "gpu7")]
        assert first.why == ""
        assert first.silent_s is None
        fake.alerts.pop()
        second = await bench.look(later_s=10)
        assert [(one.rule, one.state, one.ended_at is not None) for one in second.ended] == [("B", "resolved", True)]
        assert (await bench.look(later_s=10)).ended == ()

    run(scene)


def test_one_that_began_again_is_another_one() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.alert("A")
        (first,) = (await bench.look()).alerts
        fake.alerts.clear()
        fake.alert("A", since_s=NOW_S + 5)
        now = await bench.look(later_s=10)
        assert now.alerts[0].id != first.id
        assert [one.id for one in now.ended] == [first.id]

    run(scene)


def test_no_answer_holds_everything_and_after_a_while_loses_it_but_resolves_nothing() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.alert("A")
        await bench.look()
        fake.broken["GET /alerts"] = reply(b"no", "500 Oh")
        for _ in range(30):
            held = await bench.look(later_s=10)
            assert [one.state for one in held.alerts] == ["firing"]
            assert held.ended == ()
        assert held.alerts[0].holding == "no answer for 300 s"
        assert held.why == f"127.0.0.1:{bench.port}: 500 Oh: no"
        assert held.silent_s is not None
        gone = await bench.look(later_s=10)
        assert (gone.alerts, [one.state for one in gone.ended]) == ((), ["lost"])
        fake.broken.clear()
        (back,) = (await bench.look(later_s=10)).alerts
        assert back.holding == ""

    run(scene)


def test_an_empty_one_that_was_started_anew_resolves_nothing_until_it_was_told_again() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.alert("A")
        fake.alert("B")
        first = await bench.look()
        told, fake.alerts = fake.alerts, []
        bench.now_s += 10
        fake.uptime_s = bench.now_s - 2
        for _ in range(9):
            young = await bench.look()
            assert len(young.alerts) == 2
            assert young.ended == ()
            bench.now_s += 9.9
        assert "started anew" in young.why
        fake.alerts = told[:1]
        now = await bench.look(later_s=2)
        assert [one.id for one in now.alerts] == [one.id for one in first.alerts if one.rule == "A"]
        assert now.alerts[0].holding == ""
        assert [one.rule for one in now.ended] == ["B"]

    run(scene)


def test_several_behind_one_address_are_not_taken_for_restarts_for_ever() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.alert("A")
        for uptime_s in (NOW_S - 900, NOW_S - 500, NOW_S - 900, NOW_S - 500, NOW_S - 900):
            fake.uptime_s = uptime_s
            await bench.look(later_s=60)
        fake.alerts.clear()
        assert [one.rule for one in (await bench.look(later_s=60)).ended] == ["A"]

    run(scene)


def test_silences_of_others_are_shown_as_silences_and_acknowledgements_as_acknowledgements() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.silence("s1", {"instance": "gpu7"}, "maintenance \x1b[31m")
        fake.silence("s2", {"alertname": "B", "severity": "critical", "instance": "gpu7"}, "ACK! mine", by="karma")
        fake.alert("A", silenced=["s1"])
        fake.alert("B", silenced=["s1", "s2"])
        now = {one.rule: one for one in (await bench.look()).alerts}
        assert now["A"].silenced is not None
        assert (now["A"].silenced.by, now["A"].silenced.comment, now["A"].silenced.source) == ("bob", "maintenance", "alertmanager")
        assert now["A"].acknowledged is None
        assert now["B"].acknowledged is not None
        assert (now["B"].acknowledged.by, now["B"].acknowledged.comment, now["B"].silenced) == ("karma", "mine", None)

    run(scene)


def test_ours_are_not_shown_a_second_time_and_say_who_hides_them_there() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        labels = {"alertname": "slow", "tm_id": "aaaa0001", "instance": "box1", "tm_instance": "default"}
        fake.silence("s1", {"instance": "box1"}, "maintenance")
        fake.alert("slow", labels=labels, silenced=["s1"])
        now = await bench.look()
        assert now.alerts == ()
        assert now.hidden["aaaa0001"].by == "bob"
        fake.silences[0]["comment"] = "ACK! x [tui-monitor aaaa0001@box1]"
        assert (await bench.look()).hidden == {}

    run(scene)


def test_what_fires_here_is_told_again_every_minute_and_at_once_to_one_that_was_started_anew() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        one = episode()
        for _ in range(13):
            await bench.look(one, later_s=10)
        assert len(fake.posted) == 3
        (post,) = fake.posted[-1]
        assert post["labels"]["tm_id"] == "aaaa0001"
        assert post["endsAt"] == rfc3339(bench.now_s + 240 - 0)
        fake.uptime_s = bench.now_s
        await bench.look(one, later_s=1)
        assert len(fake.posted) == 4

    run(scene, send=True)


def test_one_that_is_only_read_is_told_nothing() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        await bench.look(episode())
        assert fake.posted == []
        assert not bench.of.wants(item())
        assert not bench.of.wants(act("ack", episode()))
        fake.alert("A")
        (theirs,) = (await bench.look()).alerts
        assert bench.of.wants(act("ack", theirs))

    run(scene)


def test_our_silence_over_nothing_is_deleted_the_second_time_it_is_seen_and_no_other_ever() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.silence("ours", {"alertname": "Gone"}, "ACK! x [tui-monitor aaaa0009@box1]")
        fake.silence("theirs", {"alertname": "Gone"}, "ACK! x [tui-monitor aaaa0009@box2]")
        fake.silence("bobs", {"alertname": "Gone"}, "ACK! x")
        fake.silence("held", {"alertname": "slow"}, "ACK! x [tui-monitor aaaa0001@box1]")
        held = acked(episode(), "alice", NOW_S, NOW_S + 3600)
        await bench.look(held)
        assert fake.deleted == []
        await bench.look(held, later_s=10)
        assert fake.deleted == ["ours"]

    run(scene)


def test_what_was_given_back_while_nobody_could_tell_loses_its_silence() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.silence("ours", {"alertname": "slow"}, "ACK! x [tui-monitor aaaa0001@box1]")
        await bench.look(episode())
        assert fake.deleted == [], "it may have been acknowledged during the look"
        await bench.look(episode(), later_s=10)
        assert fake.deleted == ["ours"]

    run(scene)


def test_an_acknowledgement_without_a_silence_gets_one_again() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        held = acked(episode(), "alice", NOW_S, NOW_S + 1800)
        await bench.look(held)
        made = [one for one in fake.posted if isinstance(one, dict)]
        assert [(one["createdBy"], one["endsAt"]) for one in made] == [("alice", rfc3339(NOW_S + 1800))]
        assert {m["name"]: m["value"] for m in made[0]["matchers"]}["severity"] == "warning"
        labels = {m["name"]: m["value"] for m in made[0]["matchers"]}
        fake.silence("s", labels, "ACK! looking [tui-monitor aaaa0001@box1]", by="alice", state="expired")
        await bench.look(held, later_s=10)
        assert len([one for one in fake.posted if isinstance(one, dict)]) == 1, "somebody ended it by hand"

    run(scene, send=True)


PAGES = ("GET /status", "GET /alerts", "GET /silences")
ODD = (
    reply(b"<html>login</html>"),
    reply(b"{"),
    json_reply({"data": []}),
    json_reply([{"fingerprint": 5}]),
    json_reply([None]),
    reply(b"no", "401 Unauthorized"),
    b"\x00\x01\r\n\r\n",
)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("odd", ODD)
def test_odd_answers_are_a_reason_and_end_nothing(page: str, odd: bytes) -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.alert("A")
        await bench.look()
        fake.broken[page] = odd
        now = await bench.look(later_s=10)
        assert [one.state for one in now.alerts] == ["firing"]
        assert now.ended == ()
        assert now.why

    run(scene)


def test_hostile_words_and_numbers_are_cleaned_and_bounded() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.alert(
            "A\x1b[2J", labels={"severity": "SEV1\n", "instance": "x" * 5000}, annotations={"summary": "\u202eevil" * 500}, startsAt="never"
        )
        for number in range(MOST + 5):
            fake.alert(f"N{number}")
        now = await bench.look()
        assert now.why == f"only the first {MOST} of its {MOST + 6} alerts"
        assert len(now.alerts) == MOST
        one = next(one for one in now.alerts if one.rule.startswith("A"))
        assert (one.rule, one.severity) == ("A", "warning")
        assert len(one.summary) <= 500
        assert "\u202e" not in one.summary
        assert len(one.target) <= 200

    run(scene)


def test_an_unreachable_one_is_a_reason_for_each_thing_to_tell() -> None:
    async def scene(fake: Fake, bench: Bench) -> None:
        fake.broken = {"POST /alerts": reply(b"", "503 Service Unavailable"), "GET /silences": reply(b"", "503 Service Unavailable")}
        for one in (item(), act("ack", episode(), until_s=NOW_S + 60), act("unack", episode())):
            with pytest.raises(NotSent, match="503 Service Unavailable") as error:
                await bench.of.deliver(one)
            assert error.value.again
        await bench.of.deliver(act("ack", episode(), until_s=NOW_S - 1))

    run(scene, send=True)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # this host is asked directly
