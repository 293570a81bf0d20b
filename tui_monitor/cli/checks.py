"""The doctor's checks. Each looks at one thing, bounded in time, and changes nothing that stays."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from tui_monitor import __version__
from tui_monitor.cli import server_checks, settings
from tui_monitor.cli.exits import Stop
from tui_monitor.cli.finding import Finding
from tui_monitor.cli.instance import instance_of
from tui_monitor.config import ConfigError, Settings, bytes_of
from tui_monitor.engine import paths
from tui_monitor.model import clean

NVML_S = 5.0
LIBRARIES = ("textual", "h11", "msgspec", "numpy", "scipy", "pandas", "prometheus-api-client", "nvidia-ml-py", "shtab")


def everything(call: argparse.Namespace) -> Iterator[Finding]:
    """All checks, one after the other; a check that itself fails is a finding."""
    chosen = Settings()
    try:
        chosen, file = settings.read(call)
        configuration = Finding("PASS", "config", file or "no file; the defaults hold")
    except (ConfigError, Stop) as error:
        configuration = Finding("FAIL", "config", clean(error, 300), "`tui-monitor check` tells all of it")
    yield from _guarded("python", python)
    yield configuration
    yield from _guarded("terminal", lambda: terminal(call.theme or chosen.screen.theme))
    instance = instance_of(call)
    yield from _guarded("runtime", lambda: runtime(instance, chosen.engine.socket_group, looking=bool(chosen.engine.read_only_group)))
    yield from _guarded("state", lambda: state(instance, chosen))
    yield from _guarded("nvml", nvml)
    yield from _guarded("proc", proc)
    yield from _guarded("psi", psi)
    yield from _guarded("secret", lambda: server_checks.credentials(chosen))
    yield from _guarded("file_sd", lambda: server_checks.target_files(chosen))
    yield from _guarded("discovery", lambda: server_checks.servers(chosen))


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - the border: whatever a check runs into is its finding
        yield Finding("FAIL", name, clean(f"the check failed: {type(error).__name__}: {error}"), "please report this line")


def python() -> Iterator[Finding]:
    """The interpreter, and whether every library is there."""
    missing = []
    for name in LIBRARIES:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    said = f"Python {platform.python_version()}, tui-monitor {__version__}, {platform.system()} {platform.machine()}"
    if missing:
        yield Finding("FAIL", "python", f"{said}; missing: {' '.join(missing)}", f"{sys.executable} -m pip install {' '.join(missing)}")
    elif platform.system() != "Linux":
        yield Finding("WARN", "python", said, "only Linux shows processes, sockets and pressure")
    else:
        yield Finding("PASS", "python", said)


def terminal(theme: str) -> Iterator[Finding]:
    """Whether a screen can be shown, with which colours and letters."""
    from tui_monitor.ui import theme as looks
    from tui_monitor.ui.tty import colours

    try:
        looks.load(theme, settings.themes_folder())
    except looks.ThemeError as error:
        yield Finding("FAIL", "theme", clean(error, 300), "choose one of these with --theme or [screen] theme")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Finding("WARN", "terminal", "not a terminal here", "the screen needs one; `tui-monitor once` does not")
        return
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        yield Finding("FAIL", "terminal", f"TERM is {os.environ.get('TERM') or 'not set'}", "export TERM=xterm-256color")
        return
    size = shutil.get_terminal_size()
    depth = {0: "no colour", 16: "16 colours", 256: "256 colours"}.get(colours(os.environ), "24-bit colour")
    said = f"{os.environ['TERM']}, {size.columns}x{size.lines}, {depth}"
    if "utf" not in (sys.stdout.encoding or "").lower():
        yield Finding(
            "WARN", "terminal", f"{said}, {sys.stdout.encoding}", "a UTF-8 locale gives thin lines (export LANG=C.UTF-8), --ascii works too"
        )
    elif size.columns < 80 or size.lines < 24:
        yield Finding("WARN", "terminal", said, "80x24 shows a whole pane, 140x36 all four")
    else:
        yield Finding("PASS", "terminal", f"{said}, UTF-8")


def runtime(instance: str, group: str, *, looking: bool = False) -> Iterator[Finding]:
    """Where the socket lives, and whether an engine listens there; `looking`: the group may only look."""
    from tui_monitor.cli.places import socket_of
    from tui_monitor.engine.lifecycle import stands

    try:
        path = socket_of(instance, group)
        paths.make_runtime_dir(group, looking=looking)
    except (paths.UnsafePlace, Stop) as error:
        yield Finding("FAIL", "runtime", clean(error, 300), "no engine can be reached without it")
        return
    yield Finding("PASS", "runtime", f"{path}: {'an engine listens' if stands(path) else 'no engine runs now'}")


def state(instance: str, chosen: Settings) -> Iterator[Finding]:
    """Where things are kept, and whether there is room for what may be kept."""
    folder, trouble = paths.make_state_dir(instance)
    if not trouble:
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"\0" * 4096)
        except OSError as error:
            trouble = f"{folder}: {error.strerror}"
    if trouble:
        yield Finding(
            "WARN", "state", trouble, "nothing is recorded and no alert can be acknowledged; set XDG_STATE_HOME to a place of yours"
        )
        return
    yield Finding("PASS", "state", str(folder))
    if not chosen.recording.enabled:
        yield Finding("PASS", "disk", "[recording] is switched off")
        return
    room, wanted = shutil.disk_usage(folder).free, bytes_of(chosen.recording.max_size)
    said = f"{room / 1e9:.1f} GB free for recordings of at most {chosen.recording.max_size}"
    if room < 50e6:
        yield Finding("FAIL", "disk", said, "recording will pause; make room, or set XDG_STATE_HOME")
    elif room < wanted:
        yield Finding("WARN", "disk", said, "lower [recording] max_size, or make room")
    else:
        yield Finding("PASS", "disk", said)


def nvml() -> Iterator[Finding]:
    """The NVIDIA driver, asked in a thread of its own because it may hang."""
    from tui_monitor.collect.gpu import NOT_ASKED, NOT_READ, GpuWatch

    watch = GpuWatch(1.0)
    watch.start()
    end_s = time.monotonic() + NVML_S
    answer = watch.latest(time.time())
    while (answer.why == NOT_ASKED or any(gpu.why == NOT_READ for gpu in answer.gpus)) and time.monotonic() < end_s:
        time.sleep(0.02)
        answer = watch.latest(time.time())
    watch.stop()
    if answer.gpus:
        yield Finding("PASS", "nvml", ", ".join(f"GPU {gpu.index} {gpu.name} {gpu.state}" for gpu in answer.gpus))
    elif answer.why == NOT_ASKED:
        yield Finding("WARN", "nvml", f"the driver does not answer within {NVML_S:g} s", "nvidia-smi will hang too; see dmesg")
    else:
        why = answer.why or "no GPU"
        cure = "fine on a host without NVIDIA GPUs" if "driver" in why.lower() else "see nvidia-smi"
        yield Finding("WARN", "nvml", why, cure)


def proc() -> Iterator[Finding]:
    """Whether other users' processes, and the sockets they listen on, can be told apart."""
    me, hidden, seen, foreign = os.getuid(), 0, 0, 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            seen += 1
            if entry.stat().st_uid != me:
                foreign += 1
                with os.scandir(f"{entry.path}/fd"):
                    pass
        except PermissionError:
            hidden += 1
        except OSError:
            continue
    hides = [line for line in Path("/proc/mounts").read_text().splitlines() if line.split()[1] == "/proc" and "hidepid=" in line]
    if hides and me != 0:
        yield Finding(
            "WARN", "proc", "/proc is mounted with hidepid: other users' processes are invisible", "join the group of its gid= option"
        )
    elif hidden:
        yield Finding(
            "WARN",
            "proc",
            f"{seen} processes seen; which sockets {hidden} of other users listen on is hidden",
            "servers there are found by their answers; `sudo tui-monitor doctor` sees their processes, memory and GPUs too",
        )
    else:
        yield Finding("PASS", "proc", f"{seen} processes, all readable ({foreign} of other users)")


def psi() -> Iterator[Finding]:
    """Whether the kernel measures pressure."""
    try:
        Path("/proc/pressure/cpu").read_text()
    except OSError as error:
        cure = "boot with psi=1 for the pressure numbers; everything else works"
        yield Finding("WARN", "psi", f"no pressure (PSI) from this kernel: {error.strerror}", cure)
    else:
        yield Finding("PASS", "psi", "the kernel measures pressure")
