"""`engine`: run one in the foreground; `engine stop`, `engine status`."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, FAILED, USAGE, Stop
from tui_monitor.cli.instance import instance_of

if TYPE_CHECKING:
    from tui_monitor.demo.run import Demo

NAME = "engine"
HELP = "watch in the foreground without a screen, for good (for systemd); or stop, or tell about, the running one"
EXAMPLE = """example:
  tui-monitor engine                    run until a signal or `engine stop`; SIGHUP reads the configuration again
  tui-monitor engine status --json | jq .recording
  tui-monitor --instance demo engine stop"""

ENDED_S = 10.0
DEMO_LINGER_S = 5.0
DEMO_STATE = tuple(f"{name}.sqlite{tail}" for name in ("episodes", "recording") for tail in ("", "-wal", "-shm"))


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("act", nargs="?", choices=["stop", "status"], help="end the running engine, or tell about it")
    parser.add_argument("--json", action="store_true", help="with status: as JSON")
    parser.add_argument("--spawned", action="store_true", help=argparse.SUPPRESS)  # started by a screen: ends with the last one
    parser.add_argument("--demo", metavar="SCENARIO", help=argparse.SUPPRESS)
    parser.add_argument("--speed", type=float, default=1.0, help=argparse.SUPPRESS)


def run(call: argparse.Namespace) -> int:
    """Serve, stop or tell."""
    from tui_monitor.cli import settings

    if call.json and call.act != "status":
        raise Stop("--json belongs to `tui-monitor engine status`", USAGE)
    instance = instance_of(call, "demo" if call.demo else "default")
    if call.act == "stop":
        if call.read_only:
            raise Stop("--read-only: the engine is not stopped")
        return _stop(instance, settings.read(call)[0].engine.socket_group)
    if call.act == "status":
        return _status(instance, settings.read(call)[0].engine.socket_group, json=call.json)
    return _serve_demo(instance, call) if call.demo else _serve(instance, call)


# -- run ----------------------------------------------------------------------------------------------------------------------------


def _serve(instance: str, call: argparse.Namespace) -> int:
    import asyncio

    from tui_monitor.cli import places, settings
    from tui_monitor.engine.lifecycle import AlreadyRuns, serve

    chosen, file = settings.read(call)
    path = places.socket_of(instance, chosen.engine.socket_group)
    if not call.spawned:
        output.warn(f"engine of instance {instance} listens at {path}; {f'configuration {file}' if file else 'no configuration file'}")
    try:
        asyncio.run(
            serve(chosen, instance, permanent=not call.spawned, config=file, reload=lambda: _read_again(call.config)),
        )
    except AlreadyRuns:
        if call.spawned:
            return DONE  # two screens started at the same instant; both attach to the other one
        raise
    return DONE


def _read_again(file: str | None) -> Any:
    """The settings for SIGHUP: a wrong rule is a wrong configuration like any other, and the old one stays."""
    from tui_monitor.cli import settings
    from tui_monitor.config import ConfigError

    try:
        return settings.read_file(file)[0]
    except Stop as stop:
        raise ConfigError(str(stop)) from None


def _serve_demo(instance: str, call: argparse.Namespace) -> int:
    """The demo's servers and traffic live and die with this engine."""
    import asyncio

    from tui_monitor.cli import places, settings
    from tui_monitor.demo.run import Demo
    from tui_monitor.engine import paths
    from tui_monitor.engine.lifecycle import AlreadyRuns, serve, stands

    chosen, file = settings.read(call)
    path = places.socket_of(instance, chosen.engine.socket_group)
    state, trouble = paths.make_state_dir(instance)
    if trouble:
        raise Stop(f"the demo needs a directory for its files: {trouble}")
    directory = state / "demo"
    directory.mkdir(mode=0o700, exist_ok=True)
    lock = _demo_lock(directory, lambda: stands(path))
    if lock is None:
        return DONE  # another demo is there; the screen attaches to it
    for name in DEMO_STATE:  # a story begins at its beginning: no alert, reference or minute of the last one
        (state / name).unlink(missing_ok=True)
    try:
        with _demo(Demo, call, directory) as demo:
            asyncio.run(
                serve(
                    demo.settings(chosen),
                    instance,
                    permanent=False,
                    config=file,
                    demo=True,
                    simulated=demo.gpus(),
                    linger_s=DEMO_LINGER_S,
                )
            )
    except AlreadyRuns:
        pass
    finally:
        os.close(lock)
    return DONE


def _demo(kind: type[Demo], call: argparse.Namespace, directory: Path) -> Demo:
    try:
        return kind(call.demo, call.speed, directory)
    except ValueError as error:
        raise Stop(str(error), USAGE) from None


def _demo_lock(directory: Path, attached: Callable[[], bool]) -> int | None:
    """Only one engine at a time plays the demo's files; one that is just ending is waited for. None: another plays and answers."""
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    end_s = time.monotonic() + ENDED_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if attached() or time.monotonic() > end_s:
                os.close(lock)
                return None
            time.sleep(0.1)
        else:
            return lock


# -- status -------------------------------------------------------------------------------------------------------------------------


def _status(instance: str, group: str, *, json: bool) -> int:
    import asyncio

    import msgspec

    from tui_monitor.cli import frames, places

    frame = asyncio.run(frames.newest(instance, group))
    path = places.socket_of(instance, group)
    if frame is None:
        if json:
            output.say(msgspec.json.encode({"running": False, "instance": instance, "socket": str(path)}).decode())
        else:
            output.warn(f"no engine of instance {instance} runs")
        return FAILED
    engine = frame.engine
    told: dict[str, Any] = {
        "running": True,
        "pid": engine.pid,
        "socket": str(path),
        "version": frame.version,
        "instance": engine.instance,
        "uptime_s": round(max(0.0, time.time() - engine.started_at.timestamp()), 1),
        "screens": engine.screens,
        "people": engine.people,
        "recording": engine.recording,
        "recorded_bytes": engine.recorded_bytes,
        "late_ticks": engine.late_ticks,
        "cpu_ratio": engine.cpu_ratio,
        "rss_bytes": engine.rss_bytes,
        "interval_s": engine.interval_s,
        "config": engine.config,
        "demo": engine.demo,
    }
    if json:
        output.say(msgspec.json.encode(told).decode())
    else:
        output.write("".join(f"{key} {_shown(value)}\n" for key, value in told.items() if key != "running"))
    return DONE


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value in (None, "") else f"{value:.4g}" if isinstance(value, float) and value < 1 else str(value)


# -- stop ---------------------------------------------------------------------------------------------------------------------------


def _stop(instance: str, group: str) -> int:
    """Ask it to end and wait until it has; one that does not understand the question gets the signal instead."""
    import asyncio

    from tui_monitor.cli import places
    from tui_monitor.engine.feed import FeedError, ask
    from tui_monitor.model import Outcome, StopEngine

    path = places.socket_of(instance, group)
    pid = _listener(path)
    if pid is None:
        raise Stop(f"no engine of instance {instance} runs")
    end_s = time.monotonic() + ENDED_S
    try:
        answer = asyncio.run(ask(path, StopEngine(), wait_s=3.0))
        if isinstance(answer, Outcome) and not answer.ok:
            raise Stop(answer.message)
    except FeedError:  # an engine of another version, or one that hangs
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        except PermissionError:
            raise Stop(f"the engine (pid {pid}) belongs to another user") from None
    while time.monotonic() < end_s:
        if not _alive(pid):
            output.say(f"engine of instance {instance} has ended")
            return DONE
        time.sleep(0.05)
    raise Stop(f"the engine (pid {pid}) did not end within {ENDED_S:g} s; `kill -9 {pid}` ends it, what was acknowledged is on disk")


def _listener(path: Path) -> int | None:
    """The process behind a socket, told by the kernel; None when nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(str(path))
        except PermissionError:
            raise Stop(f"{path} belongs to another user") from None
        except OSError:
            return None
        pid: int = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[0]
        return pid


def _alive(pid: int) -> bool:
    """Whether a process still runs; one that only waits to be collected by its parent does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])
