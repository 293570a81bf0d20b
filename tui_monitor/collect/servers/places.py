"""Where a server's API, its metrics page and its other places are, from what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from tui_monitor.collect.servers.kind import Kind
    from tui_monitor.model import Found


def places(found: Found, kind: Kind) -> tuple[str, str]:
    """Where the API is asked and where the metrics page is; either may be empty.

    A URL with a path that ends like the kind's page, or any path for a kind without an API, is the page itself. A page that has a port
    of its own by default keeps its distance from the API's port when that is moved (Triton: 8000 and 8002).
    """
    parts = urlsplit(found.url)
    path = parts.path.rstrip("/")
    page = kind.metrics
    origin = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    ends = (page.path, *page.also) if page else ()
    is_page = bool(path) and page is not None and (path.endswith(ends) or not (kind.ready or kind.models))
    api = origin if is_page else found.url.rstrip("/")
    if page is None:
        metrics = ""
    elif is_page:
        metrics = found.url
        if page.port:
            api = at_port(found.url, (parts.port or page.port) - page.port + kind.api_port)
    else:
        metrics = api + page.path
        if page.port:
            metrics = at_port(found.url, (parts.port or kind.api_port) - kind.api_port + page.port) + page.path
    return found.urls.get("api") or found.urls.get("health") or api, found.urls.get("metrics") or metrics


def place(found: Found, kind: Kind, name: str) -> str:
    """The base URL of one of the kind's places; "" when it has no such place."""
    api = places(found, kind)[0]
    if name in found.urls:
        return found.urls[name].rstrip("/")
    if name == "api" or name not in kind.places:
        return api if name == "api" else ""
    try:
        port = urlsplit(api).port or kind.api_port
    except ValueError:
        return ""
    return at_port(api, port - kind.api_port + kind.places[name])


def at_port(url: str, port: int) -> str:
    """The same host at another port, without a path."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return urlunsplit((parts.scheme, f"{user}{at}{host}:{port}", "", "", ""))
