"""A command that is run when an alert fires: to call somebody, or to train again what has drifted.

An argument list and no shell; the alert stands in the environment. It is run once for a notice and never repeated; at most two run at a time;
`every` bounds how often one rule runs it. What it started is ended with it.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import FileIO
from pathlib import Path

from tui_monitor.alerts.acts import ago
from tui_monitor.alerts.outward.item import Item
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.children import end_group, signal_name
from tui_monitor.config import HookSettings
from tui_monitor.model import Episode, clean
from tui_monitor.vocabulary import seconds

PREFIX = "TUI_MONITOR_"
AT_ONCE = 2  # of all hooks together
KEPT_BYTES = 4096  # of what it says, the end
GRACE_S = 2.0  # between asking it to end and ending it
_RUNS_ON = ("fired", "severity", "flapping")  # not on reminders: it would train again and again


class Hook:
    """One `[[alerts.hooks]]`."""

    at_once = AT_ONCE
    once = True
    deadline_s: float | None = None  # it waits for its turn, then it has its own

    def __init__(
        self,
        settings: HookSettings,
        name: str,
        turns: asyncio.Semaphore,
        *,
        steady: Callable[[], float] = time.monotonic,
        say: Callable[[str], object] = lambda _: None,
        keep: Callable[[str, str, str], object] = lambda _episode, _hook, _text: None,
        hide: Iterable[str] = (),
    ) -> None:
        """Nothing runs yet.

        Args:
            settings: of the hook.
            name: what it is called: `hook:page`.
            turns: shared by all hooks.
            steady: monotonic time.
            say: gets a line for the events.
            keep: gets the episode, the hook's name, and what came of it with the end of what it said.
            hide: variables of our environment that it does not inherit, because they hold our secrets.
        """
        self.settings, self.name = settings, name
        self._turns, self._steady, self._say, self._keep = turns, steady, say, keep
        self._hide = frozenset(hide)
        self._timeout_s, self._every_s = seconds(settings.timeout), seconds(settings.every)
        self._ran_s: dict[str, float] = {}  # rule -> when it was last run, steady

    def wants(self, item: Item) -> bool:
        """Alerts that begin to fire, of the rules or severities that it names."""
        if item.episode is None or item.what not in _RUNS_ON:
            return False
        return not self.settings.on or bool({item.episode.rule, item.episode.severity} & set(self.settings.on))

    async def deliver(self, item: Item) -> None:
        """Run it; see `Outward`."""
        episode = item.episode
        if episode is None:
            return
        before_s = self._ran_s.get(episode.rule)
        if before_s is not None and self._steady() - before_s < self._every_s:
            raise NotSent(
                f"not run: it ran {ago(self._steady() - before_s)} ago for {episode.rule} (every = {self.settings.every})", again=False
            )
        about = f"for {episode.rule} on {episode.target}"
        if self.settings.dry_run:
            self._ran_s[episode.rule] = self._steady()
            self._say(clean(f"would run {shlex.join(self.settings.command)} {about} (dry_run)", 300))
            return
        self._ran_s[episode.rule] = self._steady()
        async with self._turns:
            result, output = await self._run(environment(episode, self._hide))
        self._keep(episode.id, self.name, f"{result}\n{output}".strip())
        last = clean(output.strip().rpartition("\n")[2], 120)
        if result:
            self._say(f"{self.name} {result} {about}")
            raise NotSent(f"{result}{f': {last}' if last else ''}", again=False)
        self._say(f"{self.name} ran {about}")

    async def _run(self, variables: Mapping[str, str]) -> tuple[str, str]:
        """What went wrong, or nothing; and the end of what it said."""
        # A pipe of our own: asyncio's would make the end of the command wait for every child that it left behind.
        ours, its = _pipe()
        said = bytearray()
        reading = asyncio.create_task(_tail(ours, said))
        try:
            process = await asyncio.create_subprocess_exec(
                *self.settings.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=its,
                stderr=its,
                env=dict(variables),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"cannot be run: {clean(getattr(error, 'strerror', None) or type(error).__name__, 80)}", ""
        finally:
            os.close(its)
        late = False
        try:
            async with asyncio.timeout(self._timeout_s):
                await process.wait()
        except TimeoutError:
            late = True
        finally:
            await _end(process, reading)
        text = "\n".join(clean(line, 500) for line in said.decode(errors="replace").splitlines())
        if late:
            return f"not done within {self.settings.timeout}, ended", text
        code = process.returncode or 0
        return (f"exit {code}" if code > 0 else f"ended by {signal_name(-code)}" if code else ""), text

    async def aclose(self) -> None:
        """Nothing is open; what runs is ended with its delivery."""


def _pipe() -> tuple[FileIO, int]:
    """The end that is read, which the event loop closes, and the one that is written to."""
    ours, its = os.pipe()
    return FileIO(ours, "rb"), its


async def _tail(pipe: FileIO, into: bytearray) -> None:
    """Keeps the end of what comes out of a pipe, until nobody can write to it any more."""
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    try:
        while more := await stream.read(65536):
            into += more
            del into[:-KEPT_BYTES]
    finally:
        transport.close()


async def _end(process: asyncio.subprocess.Process, reading: asyncio.Task[None]) -> None:
    """End all that it started, politely where it still runs itself, and take what was said."""
    await end_group(process, GRACE_S)
    await process.wait()
    await asyncio.wait([reading], timeout=1.0)
    reading.cancel()


def environment(episode: Episode, hide: frozenset[str] = frozenset(), ours: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without our settings and secrets, and the alert."""
    inherited = os.environ if ours is None else ours
    kept = {name: value for name, value in inherited.items() if not name.startswith(PREFIX) and name not in hide}
    alert = {
        "ALERT_ID": episode.id,
        "RULE": episode.rule,
        "SEVERITY": episode.severity,
        "STATE": episode.state,
        "TARGET": episode.target,
        "VALUE": "" if episode.value is None else f"{episode.value:g}",
        "SUMMARY": episode.summary,
    }
    return kept | {PREFIX + name: value.replace("\0", "") for name, value in alert.items()}


def names_of(hooks: Sequence[HookSettings]) -> list[str]:
    """What hooks are called: by their program, with a number where two have the same. A name stays while the list stays."""
    names: list[str] = []
    for hook in hooks:
        base = f"hook:{clean(Path(hook.command[0]).name, 40) if hook.command else 'empty'}"
        number = sum(name == base or name.startswith(f"{base}#") for name in names)
        names.append(base if not number else f"{base}#{number + 1}")
    return names
