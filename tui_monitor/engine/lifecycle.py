"""An engine's life as a process: one per instance (a lock), started and ended in order, lingering for a lost screen."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import os
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from tui_monitor.config import Settings
from tui_monitor.engine import paths, people
from tui_monitor.engine.engine import Engine, GpuSource
from tui_monitor.engine.serve import Server
from tui_monitor.model import Outcome
from tui_monitor.vocabulary import seconds


class AlreadyRuns(Exception):
    """Another engine holds the instance."""


class Lock:
    """The instance's lock: held for life, given back by the kernel even after kill -9."""

    def __init__(self, instance: str, group: str = "", *, looking: bool = False) -> None:
        """Take it.

        Raises:
            AlreadyRuns: another process holds it.
            UnsafePlace: there is no directory for it.
        """
        self._path = paths.make_runtime_dir(group, looking=looking) / f"{instance}.lock"
        mode = 0o660 if group and not looking else 0o600  # who may only look must not hold it either
        while True:
            if self._path.is_symlink():
                self._path.unlink(missing_ok=True)  # a link at our name is replaced, never followed
            try:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
            except PermissionError:
                raise paths.UnsafePlace(f"{self._path.parent} belongs to another user, who starts the engine there") from None
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = self._path.stat().st_ino == os.fstat(self._fd).st_ino
            except FileNotFoundError:
                held = False
            except OSError:
                os.close(self._fd)
                raise AlreadyRuns(f"an engine of instance {instance!r} runs already; `tui-monitor engine status` tells") from None
            if held:
                return
            os.close(self._fd)  # it was removed by the engine that just ended, between our opening and our locking it

    def release(self) -> None:
        """Let the next one have it; nothing is left behind."""
        self._path.unlink(missing_ok=True)
        os.close(self._fd)


def stands(socket_path: Path) -> bool:
    """Whether an engine listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(socket_path))
        except OSError:
            return False
        return True


async def serve(
    settings: Settings,
    instance: str,
    *,
    permanent: bool,
    config: str = "",
    reload: Callable[[], Settings] | None = None,
    demo: bool = False,
    simulated: GpuSource | None = None,
    linger_s: float | None = None,
) -> None:
    """Run an engine with its socket until it is told to end.

    A `permanent` one ends by signal or `engine stop` only. The others end with the goodbye of the last screen, and `linger_s` after the last
    screen was lost.

    Raises:
        AlreadyRuns, UnsafePlace: see Lock.
    """
    shared = settings.engine.socket_group
    lock = Lock(instance, shared, looking=bool(settings.engine.read_only_group))
    _allow_many_connections()
    try:
        state, trouble = paths.make_state_dir(instance)
        engine = Engine(settings, instance, state, trouble=trouble, config=config, demo=demo, simulated=simulated)
        life = _Life(engine, permanent=permanent, linger_s=seconds(settings.engine.linger) if linger_s is None else linger_s)
        server = Server(engine, paths.socket_path(instance, shared), life.empty, shared=bool(shared), rights=_rights(settings))
        engine.audience = lambda: (server.screens, server.people)
        life.occupied = lambda: server.screens > 0
        engine.read_settings = reload
        _on_signals(engine)
        gc.collect()
        gc.freeze()  # what start-up made stays: a first large page must not be slowed by walks over it
        gc.set_threshold(20_000, 20, 20)  # frames are made of thousands of small things without circles among them
        await server.start()
        life.empty(said_goodbye=False)  # nobody has come yet
        try:
            await engine.run(server.publish)
        finally:
            await server.close()
    finally:
        lock.release()


def _rights(settings: Settings) -> people.Rights:
    try:
        return people.Rights(settings.engine.group, settings.engine.read_only_group)
    except KeyError:
        raise paths.UnsafePlace(f"[engine] group: there is no Unix group {settings.engine.group!r}") from None


def _allow_many_connections() -> None:
    """As many open files as the system lets us have: the usual 1,024 are used up by 350 targets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Life:
    """When an engine that was started for a screen ends."""

    def __init__(self, engine: Engine, *, permanent: bool, linger_s: float) -> None:
        self._engine, self._permanent, self._linger_s = engine, permanent, linger_s
        self._timer: asyncio.TimerHandle | None = None
        self.occupied: Callable[[], bool] = lambda: False

    def empty(self, said_goodbye: bool) -> None:  # noqa: FBT001 - the server's callback
        """The last screen has gone: on purpose, or lost."""
        if self._permanent:
            return
        if self._timer:
            self._timer.cancel()
        if said_goodbye:
            self._engine.stop()
            return
        self._timer = asyncio.get_running_loop().call_later(self._linger_s, self._end_if_empty)

    def _end_if_empty(self) -> None:
        if not self.occupied():
            self._engine.stop()


def _on_signals(engine: Engine) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, engine.stop)
    tasks: set[asyncio.Task[Outcome]] = set()

    def read_again() -> None:
        task = loop.create_task(engine.read_again())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, read_again)
