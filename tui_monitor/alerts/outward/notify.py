"""Chat, mail and pagers through apprise: an extra, loaded in a thread when the first notice goes out (0.8 s and 34 MB)."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tui_monitor.alerts.outward.aside import aside
from tui_monitor.alerts.outward.item import OVER, Item
from tui_monitor.alerts.outward.labels import Origin
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.config import NotifySettings
from tui_monitor.model import clean
from tui_monitor.vocabulary import seconds

NAME = "notify"
MISSING = "apprise is not installed: pip install 'tui-monitor[notify]'"
MOST_URLS = 50
REMEMBERED = 500
_TYPES = {"critical": "failure", "warning": "warning", "info": "info"}


class Notify:
    """All URLs of a file, one a line. One that has a notice does not get it again because another has not."""

    name = NAME
    at_once = 1
    once = False

    def __init__(self, settings: NotifySettings, origin: Origin, *, say: Callable[[str], object] = lambda _: None) -> None:
        """The file is read when the first notice goes out, and again after a failure. `say` gets a line for the events."""
        self.settings, self.origin, self._say = settings, origin, say
        self._url_s = seconds(settings.timeout)
        self.deadline_s: float | None = 4 * self._url_s
        self._apprise: Any = None
        self._senders: list[Any] = []  # one apprise object for each line
        self._wrong = 0  # lines, already said
        self._sent: dict[str, set[int]] = {}  # key -> lines that have it
        self._stuck: threading.Event | None = None

    def wants(self, item: Item) -> bool:
        """Notices; it knows no acts."""
        return item.is_notice and item.episode is not None

    async def deliver(self, item: Item) -> None:
        """Tell all of them; see `Outward`."""
        if item.episode is None:
            return
        if self._stuck is not None and not self._stuck.is_set():
            raise NotSent("the notice before has not come back")
        if not self._senders:
            wrong = await aside("notify", self._load)
            if wrong != self._wrong:
                self._say(f"notify.urls_file: {wrong} line{'' if wrong == 1 else 's'} that apprise cannot read")
                self._wrong = wrong
        done = self._sent.setdefault(item.key, set())
        while len(self._sent) > REMEMBERED:
            del self._sent[next(iter(self._sent))]
        failed = [
            number for number, sender in enumerate(self._senders) if number not in done and not await self._one(item, number, sender, done)
        ]
        if failed:
            several = f"{len(failed)} of {len(self._senders)} services did" if len(self._senders) > 1 else "the service did"
            self._senders = []  # the file may be put right meanwhile
            raise NotSent(f"{several} not take it (line {', '.join(str(number + 1) for number in failed[:5])} of its file)")

    async def _one(self, item: Item, number: int, sender: Any, done: set[int]) -> bool:
        back = threading.Event()

        def send() -> bool:
            try:
                return bool(sender.notify(title=title_of(item, self.origin), body=item.text, notify_type=type_of(item)))
            finally:
                back.set()

        self._stuck = back
        try:
            async with asyncio.timeout(self._url_s):
                fine = await aside("notify", send)
        except TimeoutError:
            return False
        except Exception:  # noqa: BLE001 - a plug-in for somebody's service; its words may hold the URL
            return False
        if fine:
            done.add(number)
        return fine

    def _load(self) -> int:
        """Read the file, make the senders; returns how many lines cannot be read. Runs in a thread.

        Raises:
            NotSent: nothing can be sent.
        """
        try:
            import apprise
        except ImportError:
            raise NotSent(MISSING, again=False) from None
        logging.getLogger("apprise").propagate = False  # it logs whole URLs
        logging.getLogger("apprise").addHandler(logging.NullHandler())
        try:
            text = Path(self.settings.urls_file).expanduser().read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise NotSent(
                clean(f"notify.urls_file {self.settings.urls_file}: {getattr(error, 'strerror', None) or 'is not text'}")
            ) from None
        lines = [line.strip() for line in text.splitlines()]
        urls = [line for line in lines if line and not line.startswith("#")][:MOST_URLS]
        senders = []
        for url in urls:
            one = apprise.Apprise()
            if one.add(url):
                senders.append(one)
        if not senders:
            raise NotSent(clean(f"notify.urls_file {self.settings.urls_file}: holds no URL that apprise can read"))
        self._senders = senders
        return len(urls) - len(senders)

    async def aclose(self) -> None:
        """Nothing is open."""


def title_of(item: Item, origin: Origin) -> str:
    """`CRITICAL stalled on ranker (host)`, `RESOLVED ...`."""
    if item.episode is None:
        return origin.name
    word = item.what if item.what in OVER else item.episode.severity
    return f"{word.upper()} {item.episode.rule} on {item.episode.target} ({origin.name})"


def type_of(item: Item) -> str:
    """How apprise colours it."""
    if item.what == "resolved":
        return "success"
    return "info" if item.what == "lost" or item.episode is None else _TYPES[item.episode.severity]
