"""How full the file systems are, asked so that one that hangs (a lost NFS server, a dying disk) holds nobody up.

Each mount is asked in a daemon thread of its own, and not again before that thread came back.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from tui_monitor.collect.kernel import Mount
from tui_monitor.model import Disk, clean

HUNG_AFTER_S = 5.0


class Space(Struct, frozen=True):
    """A file system in bytes; `free` is what programs without privilege may still take."""

    used: int
    total: int
    free: int


def space(point: str) -> Space:
    """What statvfs says; may block for ever.

    Raises:
        OSError: the file system is gone, or not ours to see.
    """
    stat = os.statvfs(point)
    return Space((stat.f_blocks - stat.f_bfree) * stat.f_frsize, stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize)


class _Look:
    """One mount, its newest answer and the question under way."""

    def __init__(self, mount: Mount) -> None:
        self.mount = mount
        self.answer: Space | str = "not looked at yet"
        self.asked_s: float | None = None  # None: no question under way
        self.done = threading.Event()


class Disks:
    """The newest known space of each mount."""

    def __init__(self, ask: Callable[[str], Space] = space) -> None:
        """`ask` may block; it runs in threads only."""
        self._ask = ask
        self._looks: dict[str, _Look] = {}

    def look(self, mounts: Sequence[Mount], tick_s: float, patience_s: float) -> None:
        """Ask every mount that has no question under way, and give all of them together `patience_s` to answer.

        Args:
            mounts: those mounted now; others are forgotten.
            tick_s: now, on a clock that never goes back.
            patience_s: how long the caller has; late answers are in the next `known`.
        """
        self._looks = {mount.point: self._looks.get(mount.point) or _Look(mount) for mount in mounts}
        for look in self._looks.values():
            if look.asked_s is None:
                look.asked_s = tick_s
                look.done.clear()
                threading.Thread(target=self._run, args=(look,), name=f"statvfs {look.mount.point}", daemon=True).start()
        end_s = time.monotonic() + patience_s
        for look in self._looks.values():
            look.done.wait(max(0.0, end_s - time.monotonic()))

    def _run(self, look: _Look) -> None:
        try:
            look.answer = self._ask(look.mount.point)
        except OSError as error:
            look.answer = f"cannot be read: {error.strerror or error}"
        look.asked_s = None
        look.done.set()

    def known(self, tick_s: float) -> list[tuple[Disk, Space | None]]:
        """Every mount; one that does not answer, or not any more, has a `why` and no numbers."""
        return [self._judge(look, tick_s) for look in self._looks.values()]

    def _judge(self, look: _Look, tick_s: float) -> tuple[Disk, Space | None]:
        asked_s, answer = look.asked_s, look.answer
        point, device = clean(look.mount.point), clean(look.mount.device)
        waited_s = 0.0 if asked_s is None else tick_s - asked_s
        if waited_s >= HUNG_AFTER_S:
            return Disk(point, device, None, None, f"does not answer for {waited_s:.0f} s"), None
        if isinstance(answer, str):
            return Disk(point, device, None, None, answer), None
        return Disk(point, device, answer.used, answer.total), answer
