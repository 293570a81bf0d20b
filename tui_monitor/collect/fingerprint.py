"""What kind of server answers at a URL, by a handful of GETs; never a POST, never anything that makes it work."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

from tui_monitor.collect.credentials import CredentialError, credentials
from tui_monitor.collect.http import Answer, Client, without_secrets
from tui_monitor.collect.servers.kind import Kind
from tui_monitor.collect.servers.places import places
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.config import TargetSettings
from tui_monitor.model import Found

MAX_QUESTIONS = 8  # to an unknown port
SLOW = ("/api/serve/applications/",)  # answered after ten seconds where it is asked for the first time: the last one
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
    closed: bool = False  # nobody listens at this address


@functools.cache
def questions(*names: str) -> tuple[str, ...]:
    """The paths that tell some kinds apart (all when none is named), the most telling first; few enough for an unknown port.

    Each kind is covered by one at least, as far as MAX_QUESTIONS go; what is left is filled up with further paths.
    """
    by_path: dict[str, set[str]] = {}
    for kind in _kinds(names):
        for path in (*(sign.path for sign in kind.signs), *_pages(kind)):
            by_path.setdefault(path, set()).add(kind.name)
    ranks = {path: rank for rank, path in enumerate(("/", "/v2", "/v1/models", "/metrics"))}
    by_path = dict(sorted(by_path.items(), key=lambda item: (ranks.get(item[0], len(ranks)), -len(item[1]))))
    chosen = [path for path in by_path if path in ranks]
    missing = {kind.name for kind in _kinds(names)} - {name for path in chosen for name in by_path[path]}
    left = [path for path in by_path if path not in ranks]
    while left and len(chosen) < MAX_QUESTIONS:
        best = max(left, key=lambda path: len(by_path[path] & missing))
        left.remove(best)
        chosen.append(best)
        missing -= by_path[best]
    return tuple(sorted(chosen, key=lambda path: path in SLOW))


def _kinds(names: tuple[str, ...]) -> list[Kind]:
    return [kind for kind in KINDS.values() if kind.name in names or not names]


def _pages(kind: Kind) -> tuple[str, ...]:
    return (kind.metrics.path, *kind.metrics.also) if kind.metrics else ()


async def fingerprint(client: Question, *names: str, asked: set[str] | None = None) -> Print:
    """Asks until one kind fits. Silence, or an answer that is no HTTP (a gRPC port), ends it at once.

    Args:
        client: asks the port.
        names: kinds to tell apart; none: all of them.
        asked: paths that need no question any more; those that were answered are added, and all go when the round is over.
    """
    heard = unsure = False
    done = set() if asked is None else asked
    for path in questions(*names):
        if path in done:
            continue
        answer = await client.get(path)
        if answer.status is None:
            why = answer.failure.kind if answer.failure is not None else ""
            return Print(None, "", heard, why == "timeout", why == "refused")
        heard, unsure = True, unsure or answer.status == 503
        text = answer.body[:SIGN_BYTES].decode(errors="replace")
        for kind in _kinds(names):
            if any(sign.path == path and sign.fits(answer.status, answer.headers, text) for sign in kind.signs):
                return Print(kind, "api", heard=True, unsure=False)
        if answer.failure is None:
            for kind in _kinds(names):
                if path in _pages(kind) and has_family(answer.body, kind.families):
                    return Print(kind, "metrics", heard=True, unsure=False)
        if answer.status != 503:
            done.add(path)
    done.clear()
    return Print(None, "", heard, unsure)


def has_family(page: bytes, beginnings: tuple[str, ...]) -> bool:
    """Whether a metrics page has a family that begins so."""
    return any(re.search(rb"(?m)^(# TYPE )?" + re.escape(beginning.encode()), page) for beginning in beginnings)


def kind_of(names: Iterable[str]) -> Kind | None:
    """The kind whose families these names of a metrics page are."""
    names = set(names)
    return next((kind for kind in KINDS.values() if kind.families and any(name.startswith(kind.families) for name in names)), None)


async def recognise(settings: TargetSettings, *, timeout_s: float = 2.0) -> Found | None:
    """What kind of server a configured target with `kind = "auto"` is; None while it does not tell."""
    try:
        who = credentials(settings)
    except CredentialError:
        return None  # the source says so when its kind is given; `check` says so always

    def client(url: str) -> Client:
        follow = settings.follow_redirects
        return Client(url, timeout_s, headers=who.headers, auth=who.auth, tls=who.tls, follow_redirects=follow, limit_bytes=PAGE_BYTES)

    def found(kind: Kind, at: str, url: str = settings.url) -> Found:
        how = f"answers like {kind.name} at {without_secrets(at)}"
        return Found(settings.name, kind.name, url, urls=dict(settings.urls), how=how, configured=True, models=tuple(settings.models))

    parts = urlsplit(settings.url)  # of a URL that the configuration has checked
    page_path = any(parts.path.rstrip("/").endswith(path) for kind in KINDS.values() for path in _pages(kind))
    base = urlunsplit((parts.scheme, parts.netloc, "", "", "")) if page_path else settings.url
    one = client(settings.url)
    try:
        hit = await _page_of(one) if page_path else None
    finally:
        await one.aclose()
    if hit is not None:
        return found(hit, settings.url)
    one = client(base)
    try:
        seen = await fingerprint(one)
    finally:
        await one.aclose()
    if seen.kind is not None:
        alone = seen.by == "metrics" and seen.kind.metrics is not None and seen.kind.metrics.port and not page_path and not settings.urls
        return found(seen.kind, base, base + seen.kind.metrics.path if alone and seen.kind.metrics else settings.url)
    if not (seen.heard or seen.closed or settings.urls):
        return None  # silent: its other ports would keep us as long again
    asked = {base, settings.url}
    for kind in KINDS.values():  # its page may be elsewhere: in `urls`, or on the kind's own port
        _, page = places(found(kind, base), kind)
        there = urlsplit(page)
        asked_there = there.netloc == parts.netloc and (there.path in questions() or not seen.heard)
        if page and page not in asked and not asked_there:
            asked.add(page)
            one = client(page)
            try:
                hit = await _page_of(one)
            finally:
                await one.aclose()
            if hit is not None:
                return found(hit, page)
    return None


async def _page_of(client: Question) -> Kind | None:
    """The kind whose metrics page a URL is."""
    answer = await client.get()
    if answer.failure is not None:
        return None
    return next((kind for kind in KINDS.values() if has_family(answer.body, kind.families)), None)
