"""A command that is run when an alert fires: what it sees, what it may not, and how it ends."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from outward_samples import act, episode, item, until

from tui_monitor.alerts.outward.channels import secret_variables
from tui_monitor.alerts.outward.hook import Hook, environment, names_of
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.config import HookSettings, Settings, TargetSettings


class Ran:
    """A hook with what it said and kept, and a clock that can be moved."""

    def __init__(self, command: list[str], turns: asyncio.Semaphore | None = None, **more: Any) -> None:
        self.said: list[str] = []
        self.kept: list[tuple[str, str, str]] = []
        self.now_s = 100.0
        settings = HookSettings(command=command, **({"dry_run": False} | more))
        self.hook = Hook(
            settings,
            "hook:x",
            turns or asyncio.Semaphore(2),
            steady=lambda: self.now_s,
            say=self.said.append,
            keep=lambda *kept: self.kept.append(kept),
            hide={"THE_TOKEN"},
        )


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_it_sees_the_alert_in_its_environment_and_no_shell_reads_its_words(tmp_path: Path) -> None:
    out = tmp_path / "out; rm -rf $HOME"
    ran = Ran([*python("import os, sys; open(sys.argv[1], 'w').write(repr({k: v for k, v in os.environ.items() if k.startswith('TUI_MONITOR_')}))"), str(out)])  # fmt: skip
    asyncio.run(ran.hook.deliver(item(summary='$(reboot) "x" `y`')))
    assert eval(out.read_text()) == {
        "TUI_MONITOR_ALERT_ID": "aaaa0001",
        "TUI_MONITOR_RULE": "slow",
        "TUI_MONITOR_SEVERITY": "warning",
        "TUI_MONITOR_STATE": "firing",
        "TUI_MONITOR_TARGET": "ranker",
        "TUI_MONITOR_VALUE": "0.75",
        "TUI_MONITOR_SUMMARY": '$(reboot) "x" `y`',
    }
    assert ran.said == ["hook:x ran for slow on ranker"]


def test_our_settings_and_secrets_are_not_inherited() -> None:
    ours = {"PATH": "/bin", "THE_TOKEN": "secret", "TUI_MONITOR_WEBHOOK__URL": "http://secret"}
    seen = environment(episode(value=None, summary="a\0b"), frozenset({"THE_TOKEN"}), ours)
    assert "secret" not in repr(seen)
    assert (seen["PATH"], seen["TUI_MONITOR_VALUE"], seen["TUI_MONITOR_SUMMARY"]) == ("/bin", "", "ab")
    settings = Settings(targets=[TargetSettings(name="a", url="http://a", bearer_token_env="THE_TOKEN")])
    assert list(secret_variables(settings)) == ["THE_TOKEN"]


def test_on_holds_rules_or_severities_and_nothing_means_all_that_fires() -> None:
    every, some = Ran(["x"]).hook, Ran(["x"], on=["drift", "critical"]).hook
    assert every.wants(item())
    assert not some.wants(item())
    assert some.wants(item(rule="drift"))
    assert some.wants(item(severity="critical"))
    assert not any(every.wants(item(what)) for what in ("resolved", "lost", "reminder", "ack-expired"))
    assert every.wants(item("severity"))
    assert not every.wants(act("ack", episode()))


def test_a_dry_run_says_what_would_run_and_runs_nothing(tmp_path: Path) -> None:
    ran = Ran(["/bin/touch", str(tmp_path / "a file")], dry_run=True)
    asyncio.run(ran.hook.deliver(item()))
    assert ran.said == [f"would run /bin/touch '{tmp_path}/a file' for slow on ranker (dry_run)"]
    assert list(tmp_path.iterdir()) == []
    assert HookSettings(command=["x"]).dry_run, "nobody's command runs before it was looked at"


def test_it_runs_seldom_for_one_rule() -> None:
    async def run() -> None:
        ran = Ran(["/bin/true"], every="10m")
        await ran.hook.deliver(item())
        ran.now_s += 180
        with pytest.raises(NotSent, match=r"not run: it ran 3 min ago for slow \(every = 10m\)") as error:
            await ran.hook.deliver(item(number=2))
        assert not error.value.again
        await ran.hook.deliver(item(rule="drift"))
        ran.now_s += 421
        await ran.hook.deliver(item(number=3))
        assert len(ran.kept) == 3

    asyncio.run(run())


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (python("print('all is lost'); raise SystemExit(3)"), "exit 3: all is lost"),
        (python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), "ended by SIGKILL"),
        (["/no/such/program"], "cannot be run: No such file or directory"),
        (["/etc"], "cannot be run: Permission denied"),
        (["with\0nul"], "cannot be run: ValueError"),
    ],
)
def test_what_goes_wrong_is_a_reason_and_is_not_repeated(command: list[str], reason: str) -> None:
    ran = Ran(command)
    with pytest.raises(NotSent) as error:
        asyncio.run(ran.hook.deliver(item()))
    assert (str(error.value), error.value.again, ran.hook.once) == (reason, False, True)


def test_the_end_of_what_it_says_is_kept_and_cleaned() -> None:
    ran = Ran(
        python("print('x' * 100 + '\\n', end='') or [print('line', i) for i in range(5000)]; print('\\x1b[31mred\\x1b]0;title\\x07')")
    )
    asyncio.run(ran.hook.deliver(item()))
    ((alert, hook, text),) = ran.kept
    assert (alert, hook) == ("aaaa0001", "hook:x")
    assert text.endswith("line 4999\nred")
    assert len(text) <= 4096
    assert "\x1b" not in text


def _ended(*pids: int) -> bool:
    """Whether all of them end, within some seconds: a signal takes its time."""
    pause, end_s = threading.Event(), time.monotonic() + 5
    while any(_alive(pid) for pid in pids):
        if time.monotonic() > end_s:
            return False
        pause.wait(0.01)
    return True


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("deaf", [False, True])
def test_at_the_time_limit_it_and_all_that_it_started_is_ended(tmp_path: Path, deaf: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.alerts.outward.hook.GRACE_S", 0.2)
    pids = tmp_path / "pids"
    code = (
        "import os, signal, subprocess, sys, time\n"
        + ("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if deaf else "")
        + "child = subprocess.Popen(['/bin/sleep', '600'])\n"
        + f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        + "print('working', flush=True)\ntime.sleep(600)"
    )
    ran = Ran(python(code), timeout="1s")
    begun_s = time.monotonic()
    with pytest.raises(NotSent, match="not done within 1s, ended: working"):
        asyncio.run(ran.hook.deliver(item()))
    assert time.monotonic() - begun_s < 10
    assert _ended(*map(int, pids.read_text().split()))


def test_a_child_left_behind_does_not_hold_it_up(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"import subprocess; open({str(pid)!r}, 'w').write(str(subprocess.Popen(['/bin/sleep', '600']).pid)); print('done')"
    begun_s = time.monotonic()
    asyncio.run(Ran(python(code)).hook.deliver(item()))
    assert time.monotonic() - begun_s < 20
    assert _ended(int(pid.read_text()))


def test_two_run_at_the_same_time_and_the_third_waits(tmp_path: Path) -> None:
    async def run() -> None:
        turns = asyncio.Semaphore(2)
        code = f"import os, pathlib, time\np = pathlib.Path({str(tmp_path)!r})\n(p / f'{{os.getpid()}}.run').touch()\nwhile not (p / 'go').exists(): time.sleep(0.01)"
        hooks = [Ran(python(code), turns).hook for _ in range(3)]
        tasks = [asyncio.create_task(hook.deliver(item())) for hook in hooks]
        await until(lambda: len(list(tmp_path.glob("*.run"))) == 2)
        await asyncio.sleep(0.3)
        assert len(list(tmp_path.glob("*.run"))) == 2
        (tmp_path / "go").touch()
        await asyncio.gather(*tasks)
        assert len(list(tmp_path.glob("*.run"))) == 3

    asyncio.run(run())


def test_a_delivery_that_is_cancelled_ends_its_command(tmp_path: Path) -> None:
    async def run() -> int:
        pid = tmp_path / "pid"
        task = asyncio.create_task(Ran(python(f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)")).hook.deliver(item()))  # fmt: skip
        await until(lambda: pid.exists() and pid.read_text())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return int(pid.read_text())

    assert _ended(asyncio.run(run()))


def test_names_stay_while_the_list_stays() -> None:
    hooks = [HookSettings(command=[one]) for one in ("/usr/bin/page", "train", "/opt/page", "page")]
    assert names_of(hooks) == ["hook:page", "hook:train", "hook:page#2", "hook:page#3"]
    assert os.environ.get("TUI_MONITOR_ALERT_ID") is None
