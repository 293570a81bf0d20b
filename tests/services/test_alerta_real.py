"""With a real Alerta on a real PostgreSQL: alerts sent, taken, given back, shelved and closed; two operators; both ends away and back.

Its program is found as `alertad` on the PATH, or where the variable ALERTAD says.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tui_monitor.alerts.outward.alerta import Alerta
from tui_monitor.alerts.outward.dispatcher import Dispatcher
from tui_monitor.alerts.outward.item import Item, of_act, of_notice, rows
from tui_monitor.alerts.outward.labels import Origin
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.alerts.outward.webhook import Webhook
from tui_monitor.config import AlertaSettings, WebhookSettings
from tui_monitor.model import Episode, Notice, Outgoing

pytestmark = pytest.mark.services

CONFIG = """
SECRET_KEY = 'for this test'
DATABASE_URL = 'postgresql://postgres@127.0.0.1:{port}/monitoring'
AUTH_REQUIRED = False
PLUGINS = ['reject', 'blackout', 'acked_by', 'heartbeat']
ALLOWED_ENVIRONMENTS = ['Production', 'Development']
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Running:
    """A PostgreSQL and an Alerta on free ports, in a folder of their own."""

    def __init__(self, alertad: str, postgres: Path, folder: Path) -> None:
        self._alertad, self._folder = alertad, folder
        self.port, database = _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        data = folder / "pg"
        data.mkdir()
        other = []
        if os.geteuid() == 0:  # it refuses to run as root
            folder.chmod(0o755)
            shutil.chown(data, "postgres")
            other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        subprocess.run([*other, postgres / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"], check=True, **quiet)
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={database}", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        self.database = subprocess.Popen([*other, postgres / "postgres", "-D", data, *options], **quiet)
        create = [postgres / "createdb", "-h", "127.0.0.1", "-p", str(database), "-U", "postgres", "monitoring"]
        self._wait(lambda: subprocess.run(create, check=False, **quiet).returncode == 0)
        (folder / "alertad.conf").write_text(CONFIG.format(port=database))
        self.start()

    def start(self) -> None:
        environment = os.environ | {"ALERTA_SVR_CONF_FILE": str(self._folder / "alertad.conf")}
        command = [self._alertad, "run", "-h", "127.0.0.1", "-p", str(self.port), "--without-threads"]
        self.process = subprocess.Popen(command, env=environment, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait(self._ready)

    def _ready(self) -> bool:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"{self.url}/management/healthcheck", timeout=2) as answer,
        ):
            return bool(answer.read() == b"OK")
        return False

    @staticmethod
    def _wait(ready: Any) -> None:
        pause, end_s = threading.Event(), time.monotonic() + 60
        while time.monotonic() < end_s:
            if ready():
                return
            pause.wait(0.2)
        pytest.fail("Alerta or its database was not ready within 60 s")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def end(self) -> None:
        for process in (self.process, self.database):
            process.terminate()
        for process in (self.process, self.database):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())

    def one(self, target: str) -> Any:
        (found,) = [alert for alert in self.ask("/alerts")["alerts"] if alert["resource"].endswith(f":{target}")]
        return found


@pytest.fixture(scope="module")
def there() -> Iterator[Running]:
    alertad = os.environ.get("ALERTAD") or shutil.which("alertad")
    if alertad is None:
        pytest.skip("no Alerta is installed (alertad, or the variable ALERTAD)")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [Path(one).parent for one in [shutil.which("initdb")] if one]
    if not found:
        pytest.skip("no PostgreSQL is installed")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL does not run as root, and there is no setpriv")
    folder = Path(tempfile.mkdtemp(prefix="alerta-"))
    running = None
    try:
        running = Running(alertad, found[-1], folder)
        yield running
    finally:
        if running is not None:
            running.end()
        shutil.rmtree(folder, ignore_errors=True)


def alerta(there: Running, host: str = "box1", **more: Any) -> Alerta:
    return Alerta(AlertaSettings(url=there.url, **more), Origin(host))


def episode(target: str, severity: Any = "warning", **changes: Any) -> Episode:
    now_s = time.time()
    one = Episode(
        id="aaaa0001", rule="slow", kind="target", target=target, severity=severity, state="firing",
        since_s=now_s - 60, fired_s=now_s - 30, for_s=30, last_true_s=now_s, value=0.5, unit="s", summary="p95 is 500 ms",
    )  # fmt: skip
    return replace(one, **changes)


def told(what: Any, one: Episode, number: int = 1) -> Item:
    return of_notice(Notice(f"{one.id}.{number}", time.time(), what, one.summary, one), "http://wiki/slow")


def act(what: Any, one: Episode, who: str, *, for_s: float | None = None, why: str = "looking", later_s: float = 0.0) -> Item:
    now_s = time.time() + later_s
    return of_act(what, one, who=who, at_s=now_s, comment=why, until_s=None if for_s is None else now_s + for_s)


def test_an_alert_and_what_people_do_with_it(there: Running) -> None:
    async def run() -> None:
        box, one = alerta(there), episode("ranker")
        await box.deliver(told("fired", one))
        seen = there.one("ranker")
        assert (seen["resource"], seen["event"], seen["severity"], seen["status"], seen["text"], seen["value"]) == (
            "box1:ranker", "slow", "warning", "open", "p95 is 500 ms", "0.5 s",
        )  # fmt: skip
        await box.deliver(act("ack", one, "alice", for_s=600))
        seen = there.one("ranker")
        assert seen["status"] == "ack"
        (row,) = [row for row in there.ask(f"/alert/{seen['id']}")["alert"]["history"] if row["type"] == "ack"]
        assert row["text"].startswith("alice: looking")
        assert 590 <= row["timeout"] <= 600
        worse = replace(one, severity="critical")
        await box.deliver(told("severity", worse, 2))
        assert (there.one("ranker")["status"], there.one("ranker")["severity"]) == ("open", "critical")
        await box.deliver(act("ack", worse, "alice", for_s=600))
        await box.deliver(act("unack", worse, "alice"))
        assert there.one("ranker")["status"] == "open"
        await box.deliver(act("unack", worse, "alice"))
        await box.deliver(act("shelve", worse, "alice", for_s=600))
        assert there.one("ranker")["status"] == "shelved"
        await box.deliver(act("unshelve", worse, "alice"))
        assert there.one("ranker")["status"] == "open"
        await box.deliver(told("resolved", replace(worse, state="resolved"), 3))
        assert (there.one("ranker")["status"], there.one("ranker")["severity"]) == ("closed", "normal")
        await box.aclose()

    asyncio.run(run())


def test_what_is_lost_is_never_said_to_be_well(there: Running) -> None:
    async def run() -> None:
        box, one = alerta(there), episode("lost-one", "critical")
        await box.deliver(told("fired", one))
        await box.deliver(told("lost", replace(one, state="lost"), 2))
        seen = there.one("lost-one")
        assert (seen["status"], seen["severity"]) == ("open", "unknown")
        await box.deliver(act("close", one, "alice", why="the box is gone"))
        assert there.one("lost-one")["status"] == "closed"
        await box.deliver(act("close", one, "alice", why="the box is gone", later_s=1))
        await box.deliver(told("fired", replace(one, id="aaaa0002")))
        assert (there.one("lost-one")["status"], there.one("lost-one")["severity"]) == ("open", "critical")
        await box.aclose()

    asyncio.run(run())


def test_the_second_operator_reads_who_was_first_and_the_first_may_repeat_himself(there: Running) -> None:
    async def run() -> None:
        box1, one = alerta(there), episode("shared")
        await box1.deliver(told("fired", one))
        first = act("ack", one, "alice", for_s=600)
        await box1.deliver(first)
        await box1.deliver(first)  # its answer was lost
        box2 = alerta(there)
        with pytest.raises(NotSent) as error:
            await box2.deliver(act("ack", one, "bob", for_s=600, later_s=1))
        assert str(error.value).startswith("alice was first in Alerta ")
        assert str(error.value).endswith(" s ago: looking")
        assert not error.value.again
        await box1.aclose()
        await box2.aclose()

    asyncio.run(run())


def test_an_acknowledgement_of_somebody_else_is_not_taken_back_and_ours_that_ended_is(there: Running) -> None:
    async def run() -> None:
        box, one = alerta(there), episode("theirs")
        await box.deliver(told("fired", one))
        identity = there.one("theirs")["id"]
        there.ask(f"/alert/{identity}/action", {"action": "ack", "text": "bob: mine", "timeout": 600}, "PUT")
        with pytest.raises(NotSent, match=r"bob was first in Alerta .*: mine"):
            await box.deliver(act("ack", one, "alice", for_s=600))
        await box.deliver(act("unack", one, "alice"))
        await box.deliver(told("ack-expired", one, 2))
        assert there.one("theirs")["status"] == "ack"
        there.ask(f"/alert/{identity}/action", {"action": "unack", "text": "bob: done"}, "PUT")
        await box.deliver(act("ack", one, "alice", for_s=600))
        await box.deliver(told("ack-expired", one, 3))
        assert there.one("theirs")["status"] == "open"
        await box.aclose()

    asyncio.run(run())


def test_it_reads_our_webhook_as_that_of_an_alertmanager(there: Running) -> None:
    async def run() -> None:
        hook, one = Webhook(WebhookSettings(url=f"{there.url}/webhooks/prometheus"), Origin("box9")), episode("hooked")
        await hook.deliver(told("fired", one))
        (seen,) = [alert for alert in there.ask("/alerts")["alerts"] if alert["event"] == "slow" and alert["resource"] == "box9"]
        assert (seen["severity"], seen["status"], seen["value"]) == ("warning", "open", "0.5 s")
        await hook.deliver(told("resolved", replace(one, state="resolved", ended_s=time.time()), 2))
        assert there.ask(f"/alert/{seen['id']}")["alert"]["status"] == "closed"
        await hook.aclose()

    asyncio.run(run())


def test_what_it_refuses_is_not_said_again(there: Running) -> None:
    async def run() -> None:
        box = alerta(there, environment="Nowhere")
        with pytest.raises(NotSent) as error:
            await box.deliver(told("fired", episode("refused")))
        assert "403" in str(error.value)
        assert "environment" in str(error.value).lower()
        await box.aclose()

    asyncio.run(run())


def test_rows_wait_while_it_is_away_and_arrive_in_order_afterwards(there: Running) -> None:
    async def run() -> None:
        there.stop()
        box, settled = alerta(there), list[Outgoing]()
        dispatcher = Dispatcher([box], settled.append, first_s=0.05)
        dispatcher.start()
        one = episode("away")
        dispatcher.put(rows([told("fired", one), act("ack", one, "alice", for_s=600)], [box]))
        while not settled:
            await asyncio.sleep(0.01)
        assert dispatcher.why_not("aaaa0001") == {"alerta": f"not sent (nobody listens on 127.0.0.1:{there.port})"}
        await asyncio.to_thread(there.start)
        async with asyncio.timeout(30):
            while dispatcher.states()[0].waiting:
                await asyncio.sleep(0.01)
        assert [row.what for row in settled if row.state == "sent"] == ["fired", "ack"]
        assert there.one("away")["status"] == "ack"
        await dispatcher.aclose()

    asyncio.run(run())
