"""With a real Alertmanager: alerts sent and read, acknowledgements as silences, two operators, a restart, and nobody there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tui_monitor.alerts.outward.alertmanager import Alertmanager
from tui_monitor.alerts.outward.dispatcher import Dispatcher
from tui_monitor.alerts.outward.item import Item, of_act, of_notice, rows
from tui_monitor.alerts.outward.labels import Origin
from tui_monitor.alerts.outward.watch import Watch
from tui_monitor.config import AlertmanagerSettings
from tui_monitor.model import Ack, Episode, Notice, Outgoing, utc

pytestmark = pytest.mark.services

CONFIG = "route: {receiver: none, group_by: [alertname], group_wait: 1s}\nreceivers: [{name: none}]\n"


class Running:
    """One real Alertmanager on a free port."""

    def __init__(self, program: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "alertmanager.yml").write_text(CONFIG)
        self._command = [
            program,
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pause, end_s = threading.Event(), time.monotonic() + 30
        while time.monotonic() < end_s:
            with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
            pause.wait(0.05)
        pytest.fail("the Alertmanager was not ready within 30 s")

    def stop(self) -> None:
        self.process.terminate()  # it writes its silences down
        self.process.wait(20)

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v2{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def alert(self, name: str, **labels: str) -> None:
        """As a Prometheus sends one."""
        now_s = time.time()
        self.ask(
            "/alerts",
            [
                {
                    "labels": {"alertname": name, "severity": "warning", "instance": "gpu7:9100"} | labels,
                    "annotations": {"summary": f"{name} is bad", "runbook_url": "http://wiki/x"},
                    "startsAt": _text(now_s - 60),
                    "endsAt": _text(now_s + 300),
                }
            ],
        )

    def active(self) -> list[Any]:
        return [one for one in self.ask("/silences") if one["status"]["state"] == "active"]

    def states(self) -> dict[str, str]:
        return {f"{one['labels']['alertname']}/{one['labels']['severity']}": one["status"]["state"] for one in self.ask("/alerts")}


def _text(at_s: float) -> str:
    return utc(at_s).isoformat().replace("+00:00", "Z")


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Running]:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("no Alertmanager is installed")
    running = Running(program, tmp_path)
    yield running
    running.process.kill()
    running.process.wait(10)


class Operator:
    """One engine's side of it, with clocks that can be moved."""

    def __init__(self, there: Running, host: str, *, send: bool = True) -> None:
        self.ahead_s = 0.0
        self.said: list[str] = []
        settings = AlertmanagerSettings(url=there.url, send=send, timeout="3s", interval="5s")
        self.of = Alertmanager(settings, Origin(host), clock=time.time, say=self.said.append)
        self.watch = Watch(self.of, clock=time.time, steady=lambda: time.monotonic() + self.ahead_s)

    def episode(self, severity: Any = "warning", identity: str = "aaaa0001", **changes: Any) -> Episode:
        now_s = time.time()
        one = Episode(
            id=identity, rule="slow", kind="target", target="ranker", severity=severity, state="firing",
            since_s=now_s - 60, fired_s=now_s - 30, for_s=30, last_true_s=now_s, value=0.5, unit="s", summary="p95 is 500 ms",
        )  # fmt: skip
        return replace(one, **changes)

    async def tell(self, what: Any, one: Episode) -> None:
        await self.of.deliver(of_notice(Notice(f"{one.id}.{what}", time.time(), what, one.summary, one)))

    def ack(self, one: Any, who: str, for_s: float = 3600, why: str = "looking") -> Item:
        return of_act("ack", one, who=who, at_s=time.time(), comment=why, until_s=time.time() + for_s)

    def unack(self, one: Any, who: str) -> Item:
        return of_act("unack", one, who=who, at_s=time.time())

    async def close(self) -> None:
        await self.of.aclose()


def test_our_alert_goes_there_is_acknowledged_gets_worse_and_ends(there: Running) -> None:
    async def run() -> None:
        box = Operator(there, "box1")
        one = box.episode()
        await box.tell("fired", one)
        assert there.states() == {"slow/warning": "active"}
        await box.of.deliver(box.ack(one, "alice"))
        assert there.states() == {"slow/warning": "suppressed"}
        (silence,) = there.active()
        assert (silence["createdBy"], silence["comment"]) == ("alice", "ACK! looking [tui-monitor aaaa0001@box1]")
        assert {m["name"]: m["value"] for m in silence["matchers"]} == there.ask("/alerts")[0]["labels"]
        await box.of.deliver(box.ack(one, "alice", 7200))
        (longer,) = there.active()
        assert longer["id"] == silence["id"]
        assert longer["endsAt"] > silence["endsAt"]
        await box.of.deliver(box.ack(one, "bob", 7200, "mine now"))
        (taken,) = there.active()
        assert (taken["id"], taken["createdBy"]) == (silence["id"], "bob")
        assert (await box.watch.look([one])).hidden == {}
        worse = replace(one, severity="critical")
        await box.tell("severity", worse)
        assert there.active() == []
        assert there.states() == {"slow/critical": "active"}
        await box.of.deliver(box.ack(worse, "bob"))
        assert there.states() == {"slow/critical": "suppressed"}
        await box.tell("resolved", replace(worse, state="resolved", ended_s=time.time()))
        assert there.active() == []
        assert there.states() == {}
        again = box.episode(identity="aaaa0002")
        await box.tell("fired", again)
        assert there.states() == {"slow/warning": "active"}, "a new episode is never born silent"
        await box.close()

    asyncio.run(run())


def test_an_engine_that_died_before_it_wrote_that_down_makes_no_second_silence(there: Running) -> None:
    async def run() -> None:
        box = Operator(there, "box1")
        one = box.episode()
        await box.tell("fired", one)
        ack = box.ack(one, "alice")
        await box.of.deliver(ack)
        (silence,) = there.active()
        await box.close()
        again = Operator(there, "box1")
        await again.tell("fired", one)
        await again.of.deliver(ack)
        assert [one["id"] for one in there.active()] == [silence["id"]]
        await again.of.deliver(again.unack(one, "alice"))
        await again.of.deliver(again.unack(one, "alice"))
        assert there.active() == []
        await again.close()

    asyncio.run(run())


def test_its_alerts_are_read_acknowledged_and_given_back(there: Running) -> None:
    async def run() -> None:
        there.alert("TargetDown", severity="page", odd='a "b" \\ c')
        box = Operator(there, "box1", send=False)
        (one,) = (await box.watch.look([])).alerts
        assert (one.rule, one.target, one.severity, one.state) == ("TargetDown", "gpu7:9100", "warning", "firing")
        assert (one.summary, one.runbook, one.labels["severity"]) == ("TargetDown is bad", "http://wiki/x", "page")
        await box.of.deliver(box.ack(one, "alice"))
        assert there.states() == {"TargetDown/page": "suppressed"}
        (acked,) = (await box.watch.look([])).alerts
        assert acked.id == one.id
        assert acked.acknowledged is not None
        assert (acked.acknowledged.by, acked.acknowledged.comment, acked.silenced) == ("alice", "looking", None)
        await box.of.deliver(box.unack(one, "alice"))
        assert there.active() == []
        (free,) = (await box.watch.look([])).alerts
        assert free.acknowledged is None
        await box.close()

    asyncio.run(run())


def test_the_silence_of_an_alert_that_is_over_is_deleted(there: Running) -> None:
    async def run() -> None:
        there.alert("TargetDown")
        box = Operator(there, "box1", send=False)
        (one,) = (await box.watch.look([])).alerts
        await box.of.deliver(box.ack(one, "alice"))
        box.ahead_s = 200  # it was young at the first look
        assert len((await box.watch.look([])).alerts) == 1
        now_s = time.time()
        ended = {"labels": there.ask("/alerts")[0]["labels"], "startsAt": _text(now_s - 60), "endsAt": _text(now_s)}
        there.ask("/alerts", [ended])
        over = await box.watch.look([])
        assert [(one.state, one.rule) for one in over.ended] == [("resolved", "TargetDown")]
        await box.watch.look([])
        await box.watch.look([])
        assert there.active() == []
        await box.close()

    asyncio.run(run())


def test_two_operators_have_one_silence_and_only_its_maker_deletes_it(there: Running) -> None:
    async def run() -> None:
        there.alert("TargetDown")
        box1, box2 = Operator(there, "box1", send=False), Operator(there, "box2", send=False)
        (one,), (two,) = (await box1.watch.look([])).alerts, (await box2.watch.look([])).alerts
        await box1.of.deliver(box1.ack(one, "alice"))
        await box2.of.deliver(box2.ack(two, "bob"))
        (silence,) = there.active()
        assert silence["createdBy"] == "alice"
        assert box2.said == ["acknowledgement of TargetDown leans on a silence of alice in the Alertmanager"]
        await box2.of.deliver(box2.unack(two, "bob"))
        assert len(there.active()) == 1
        (seen,) = (await box2.watch.look([])).alerts
        assert seen.acknowledged is not None
        assert seen.acknowledged.by == "alice"
        await box1.of.deliver(box1.unack(one, "alice"))
        assert there.active() == []
        for _ in range(10):  # at the same moment
            await asyncio.gather(box1.of.deliver(box1.ack(one, "alice")), box2.of.deliver(box2.ack(two, "bob")))
            assert len(there.active()) == 1
            await asyncio.gather(box1.of.deliver(box1.unack(one, "alice")), box2.of.deliver(box2.unack(two, "bob")))
            assert there.active() == []
        await box1.close()
        await box2.close()

    asyncio.run(run())


def test_a_silence_of_somebody_else_is_leant_on_shown_as_such_and_made_again_when_it_runs_out(there: Running) -> None:
    async def run() -> None:
        box = Operator(there, "box1")
        one = box.episode()
        await box.tell("fired", one)
        labels = there.ask("/alerts")[0]["labels"]
        matchers = [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in labels.items()]
        begin_s = time.time()
        body = {"matchers": matchers, "startsAt": _text(begin_s), "endsAt": _text(begin_s + 2), "createdBy": "carol", "comment": "later"}
        there.ask("/silences", body)
        held = replace(one, ack=Ack("alice", utc(begin_s), "looking", utc(begin_s + 3600)))
        await box.of.deliver(box.ack(held, "alice"))
        assert [one["createdBy"] for one in there.active()] == ["carol"]
        await box.watch.look([held])
        box.ahead_s = 200  # it was young at the first look
        seen = await box.watch.look([held])
        assert seen.hidden["aaaa0001"].by == "carol"
        assert [silence.by for silence in seen.silences] == ["carol"]
        while there.active():
            await asyncio.sleep(0.1)
        await box.watch.look([held])
        (silence,) = there.active()
        assert silence["createdBy"] == "alice"
        there.ask(f"/silence/{silence['id']}", method="DELETE")
        await box.watch.look([held])
        assert there.active() == [], "what somebody ended by hand stays ended"
        await box.close()

    asyncio.run(run())


def test_a_restart_is_never_taken_for_all_is_well(there: Running) -> None:
    async def run() -> None:
        there.alert("TargetDown")
        box = Operator(there, "box1")
        ours = box.episode()
        await box.watch.look([ours])
        (one,) = (await box.watch.look([ours])).alerts
        await box.of.deliver(box.ack(one, "alice"))
        box.ahead_s = 200
        there.stop()
        gone = await box.watch.look([ours])
        assert gone.why == f"nobody listens on 127.0.0.1:{there.port}"
        assert [(one.rule, one.state) for one in gone.alerts] == [("TargetDown", "firing")]
        assert "no answer for" in gone.alerts[0].holding
        assert gone.ended == ()
        there.start()
        back = await box.watch.look([ours])
        assert there.states() == {"slow/warning": "active"}, "ours are told again at once"
        assert [one.rule for one in back.alerts] == ["TargetDown"]
        assert "started anew" in back.alerts[0].holding
        assert len(there.active()) == 1, "the silence was kept by it, and is not deleted by us"
        there.alert("TargetDown")
        told = await box.watch.look([ours])
        assert (told.alerts[0].holding, told.alerts[0].id, told.ended) == ("", one.id, ())
        assert told.alerts[0].acknowledged is not None
        await box.close()

    asyncio.run(run())


def test_what_does_not_come_back_after_a_restart_is_over_in_the_end(there: Running) -> None:
    async def run() -> None:
        there.alert("TargetDown")
        box = Operator(there, "box1", send=False)
        await box.watch.look([])
        there.stop()
        there.start()
        assert len((await box.watch.look([])).alerts) == 1
        box.ahead_s = 79  # twice 5 s and 70 s
        assert len((await box.watch.look([])).alerts) == 1
        box.ahead_s = 81
        over = await box.watch.look([])
        assert (over.alerts, [one.state for one in over.ended]) == ((), ["resolved"])
        await box.close()

    asyncio.run(run())


def test_rows_wait_while_nobody_is_there_and_arrive_in_order_afterwards(there: Running) -> None:
    async def run() -> None:
        there.stop()
        box = Operator(there, "box1")
        settled: list[Outgoing] = []
        dispatcher = Dispatcher([box.of], settled.append, first_s=0.05)
        dispatcher.start()
        one = box.episode()
        fired = of_notice(Notice("aaaa0001.1", time.time(), "fired", one.summary, one))
        dispatcher.put(rows([fired, box.ack(one, "alice")], [box.of]))
        while not settled:
            await asyncio.sleep(0.01)
        assert dispatcher.why_not("aaaa0001") == {"alertmanager": f"not sent (nobody listens on 127.0.0.1:{there.port})"}
        await asyncio.to_thread(there.start)
        async with asyncio.timeout(20):
            while dispatcher.states()[0].waiting:
                await asyncio.sleep(0.01)
        assert [row.what for row in settled if row.state == "sent"] == ["fired", "ack"]
        assert there.states() == {"slow/warning": "suppressed"}
        assert len(there.active()) == 1
        await dispatcher.aclose()

    asyncio.run(run())
