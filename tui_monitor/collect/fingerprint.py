"""What kind of server answers at a URL, by a handful of GETs; never a POST, never anything that makes it work."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from tui_monitor.collect.credentials import CredentialError, credentials
from tui_monitor.collect.http import Answer, Client, without_secrets
from tui_monitor.collect.servers.kind import Kind
from tui_monitor.collect.servers.places import places
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.config import TargetSettings
from tui_monitor.model import Found

QUESTION_S = 1.0  # of one GET to an unknown port of this host; a busy serving host is not quick
PAGE_BYTES = 2_000_000
SIGN_BYTES = 65_536


class Question(Protocol):
    """The part of `http.Client` that is used here."""

    async def get(self, url_or_path: str = "", /) -> Answer:
        """Asks once, never raises."""

    async def aclose(self) -> None:
        """Closes the connection."""


ClientFactory = Callable[[str, float], Question]


def plain_client(url: str, timeout_s: float) -> Question:
    """A client without credentials."""
    return Client(url, timeout_s, limit_bytes=PAGE_BYTES)


class Print(NamedTuple):
    """What the answers at a URL look like."""

    kind: Kind | None
    by: Literal["", "api", "metrics"]  # what gave it away
    heard: bool  # something spoke HTTP
    unsure: bool  # it accepted and was silent, or said that it is busy: worth another look


async def fingerprint(client: Question) -> Print:
    """Asks until one kind fits: the signs of all kinds, then their metrics pages. Silence ends it at once."""
    heard = unsure = False
    for path in dict.fromkeys(sign.path for kind in KINDS.values() for sign in kind.signs):
        answer = await client.get(path)
        if answer.status is None:
            return Print(None, "", heard, answer.failure is not None and answer.failure.kind == "timeout")
        heard, unsure = True, unsure or answer.status == 503
        text = answer.body[:SIGN_BYTES].decode(errors="replace")
        for kind in KINDS.values():
            if any(sign.path == path and sign.fits(answer.status, answer.headers, text) for sign in kind.signs):
                return Print(kind, "api", heard=True, unsure=False)
    for path in dict.fromkeys(path for kind in KINDS.values() if kind.metrics for path in (kind.metrics.path, *kind.metrics.also)):
        answer = await client.get(path)
        if answer.failure is None:
            for kind in KINDS.values():
                if kind.metrics and path in (kind.metrics.path, *kind.metrics.also) and has_family(answer.body, kind.families):
                    return Print(kind, "metrics", heard=True, unsure=False)
    return Print(None, "", heard, unsure)


def has_family(page: bytes, beginnings: tuple[str, ...]) -> bool:
    """Whether a metrics page has a family that begins so."""
    return any(re.search(rb"(?m)^(# TYPE )?" + re.escape(beginning.encode()), page) for beginning in beginnings)


async def recognise(settings: TargetSettings, *, timeout_s: float = 2.0) -> Found | None:
    """What kind of server a configured target with `kind = "auto"` is; None while it does not tell."""
    try:
        who = credentials(settings)
    except CredentialError:
        return None  # the source says so when its kind is given; `check` says so always

    def client(url: str) -> Client:
        follow = settings.follow_redirects
        return Client(url, timeout_s, headers=who.headers, auth=who.auth, tls=who.tls, follow_redirects=follow, limit_bytes=PAGE_BYTES)

    asked: set[str] = set()
    for kind in KINDS.values():  # the URL may be a base URL, or a page itself, or one of `urls`
        _, page = places(Found(settings.name, kind.name, settings.url, urls=dict(settings.urls)), kind)
        for url in (settings.url, page):
            if url in asked:
                continue
            asked.add(url)
            one = client(url)
            try:
                hit = await _page_of(one) or ((await fingerprint(one)).kind if url == settings.url else None)
            finally:
                await one.aclose()
            if hit is not None:
                how = f"answers like {hit.name} at {without_secrets(url)}"
                return Found(settings.name, hit.name, settings.url, urls=dict(settings.urls), how=how, configured=True)
    return None


async def _page_of(client: Question) -> Kind | None:
    """The kind whose metrics page a URL is."""
    answer = await client.get()
    if answer.failure is not None:
        return None
    return next((kind for kind in KINDS.values() if has_family(answer.body, kind.families)), None)
