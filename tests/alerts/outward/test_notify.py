"""Chat, mail and pagers: apprise is missing, wrong, slow or half well; and, where it is installed, real."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback import reply, serving
from outward_samples import ORIGIN, act, answering, episode, item, json_of

from tui_monitor.alerts.outward.notify import MISSING, Notify, title_of, type_of
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.config import NotifySettings


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """A stand-in for apprise: URLs ok://, fails://, raises:// and stuck://; others cannot be read."""
    sent: list[tuple[str, dict[str, str]]] = []

    class Apprise:
        def add(self, url: str) -> bool:
            self.url = url
            return url.startswith(("ok:", "fails:", "raises:", "stuck:"))

        def notify(self, **said: str) -> bool:
            if self.url.startswith("raises:"):
                raise RuntimeError(self.url)
            if self.url.startswith("stuck:"):
                module.release.wait(10)
            sent.append((self.url, said))
            return not self.url.startswith("fails:")

    module = types.ModuleType("apprise")
    module.Apprise = Apprise  # type: ignore[attr-defined]
    module.release = threading.Event()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "apprise", module)
    return sent


def notifying(path: Path, text: str, then: Callable[[Notify], Any] | None = None, **more: Any) -> Any:
    (path / "urls").write_text(text)
    said: list[str] = []
    notify = Notify(NotifySettings(urls_file=str(path / "urls"), **more), ORIGIN, say=said.append)

    async def run() -> Any:
        try:
            await (notify.deliver(item()) if then is None else then(notify))
            return said
        except NotSent as error:
            return error

    return asyncio.run(run())


def test_apprise_that_is_not_installed_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    error = notifying(tmp_path, "ok://secret")
    assert (str(error), error.again) == (MISSING, False)
    assert MISSING == "apprise is not installed: pip install 'tui-monitor[notify]'"


def test_each_line_of_the_file_gets_it(tmp_path: Path, sent: list[Any]) -> None:
    assert notifying(tmp_path, "# ours\nok://a\n\nok://b\nodd://s3cret\n") == ["notify.urls_file: 1 line that apprise cannot read"]
    assert [url for url, _ in sent] == ["ok://a", "ok://b"]
    assert sent[0][1] == {"title": "WARNING slow on ranker (box1)", "body": 'p95 is 750 ms, "a bit" slow', "notify_type": "warning"}


def test_who_has_it_does_not_get_it_again_because_another_has_not(tmp_path: Path, sent: list[Any]) -> None:
    async def twice(notify: Notify) -> None:
        with pytest.raises(NotSent, match=r"2 of 3 services did not take it \(line 2, 3 of its file\)") as error:
            await notify.deliver(item())
        assert "s3cret" not in str(error.value)
        (tmp_path / "urls").write_text("ok://a\nok://s3cret\nok://c\n")
        await notify.deliver(item())

    assert notifying(tmp_path, "ok://a\nfails://s3cret\nraises://s3cret\n", twice) == []
    assert [url for url, _ in sent] == ["ok://a", "fails://s3cret", "ok://s3cret", "ok://c"]


def test_a_service_that_never_comes_back_is_left_alone(tmp_path: Path, sent: list[Any]) -> None:
    async def twice(notify: Notify) -> None:
        with pytest.raises(NotSent, match="the service did not take it"):
            await notify.deliver(item())
        with pytest.raises(NotSent, match="the notice before has not come back"):
            await notify.deliver(item(number=2))
        sys.modules["apprise"].release.set()  # type: ignore[attr-defined]

    assert notifying(tmp_path, "stuck://x", twice, timeout="200ms") == []


def test_a_file_that_is_not_there_or_holds_nothing(tmp_path: Path, sent: list[Any]) -> None:
    assert "holds no URL that apprise can read" in str(notifying(tmp_path, "# none\nodd://s3cret"))
    notify = Notify(NotifySettings(urls_file=str(tmp_path / "none")), ORIGIN)
    with pytest.raises(NotSent, match=r"notify.urls_file .*: No such file or directory"):
        asyncio.run(notify.deliver(item()))


def test_what_it_is_called_and_coloured() -> None:
    assert title_of(item("lost", state="lost"), ORIGIN) == "LOST slow on ranker (box1)"
    assert [type_of(one) for one in (item(severity="critical"), item(severity="info"), item("resolved"), item("lost"))] == [
        "failure", "info", "success", "info",
    ]  # fmt: skip
    notify = Notify(NotifySettings(urls_file="x"), ORIGIN)
    assert notify.wants(item())
    assert not notify.wants(act("ack", episode()))


@pytest.mark.services
@pytest.mark.filterwarnings("default")
def test_with_the_real_apprise(tmp_path: Path) -> None:
    if importlib.util.find_spec("apprise") is None:
        pytest.skip("apprise is not installed")
    with serving(answering(reply(b"{}"))) as server:
        assert notifying(tmp_path, f"json://127.0.0.1:{server.port}/x?method=post\n") == []
        message = json_of(server.requests[0])
    assert (message["title"], message["type"]) == ("WARNING slow on ranker (box1)", "warning")
    with serving(answering(reply(b"", "500 Oh"))) as server:
        error = notifying(tmp_path, f"json://user:s3cret@127.0.0.1:{server.port}/x\n")
    assert str(error) == "the service did not take it (line 1 of its file)"
