"""The outward systems that a configuration names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from tui_monitor.alerts.outward.alerta import Alerta
from tui_monitor.alerts.outward.alertmanager import Alertmanager
from tui_monitor.alerts.outward.hook import AT_ONCE, Hook, names_of
from tui_monitor.alerts.outward.labels import Origin
from tui_monitor.alerts.outward.notify import Notify
from tui_monitor.alerts.outward.outward import Outward
from tui_monitor.alerts.outward.watch import Watch
from tui_monitor.alerts.outward.webhook import Webhook
from tui_monitor.config import Settings


class Channels(Struct, frozen=True, eq=False):
    """All of them, and what reads an Alertmanager where there is one."""

    tellers: tuple[Outward, ...]
    watch: Watch | None = None


def channels(
    settings: Settings,
    origin: Origin,
    *,
    say: Callable[[str], object] = lambda _: None,
    keep: Callable[[str, str, str], object] = lambda _episode, _hook, _text: None,
) -> Channels:
    """What there is to tell; nothing is opened or read yet.

    Args:
        settings: the whole configuration.
        origin: who speaks.
        say: gets a line for the events.
        keep: gets an episode, a hook's name, and what came of running it.
    """
    tellers: list[Outward] = []
    watch: Watch | None = None
    if settings.alertmanager.url:
        alertmanager = Alertmanager(settings.alertmanager, origin, say=say)
        tellers.append(alertmanager)
        watch = Watch(alertmanager)
    if settings.alerta.url and settings.alerta.send:
        tellers.append(Alerta(settings.alerta, origin))
    hook = settings.webhook
    if hook.send and (hook.url or hook.url_file or hook.url_env):
        tellers.append(Webhook(hook, origin))
    if settings.notify.urls_file:
        tellers.append(Notify(settings.notify, origin, say=say))
    turns = asyncio.Semaphore(AT_ONCE)
    hide = frozenset(secret_variables(settings))
    tellers += [
        Hook(one, name, turns, say=say, keep=keep, hide=hide)
        for one, name in zip(settings.alerts.hooks, names_of(settings.alerts.hooks), strict=True)
    ]
    return Channels(tuple(tellers), watch)


def secret_variables(at: Any) -> Iterator[str]:
    """Names of the environment variables that hold secrets: all settings that end in `_env`."""
    if isinstance(at, Struct):
        for name in at.__struct_fields__:
            value = getattr(at, name)
            if name.endswith("_env") and isinstance(value, str):
                yield from (value,) if value else ()
            else:
                yield from secret_variables(value)
    elif isinstance(at, list):
        for one in at:
            yield from secret_variables(one)
