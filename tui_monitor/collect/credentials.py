"""What a configured server wants to see before it answers: headers, user and password, certificates. Files are read when asked."""

from __future__ import annotations

from msgspec import Struct

from tui_monitor.collect.http import TlsFiles
from tui_monitor.config import PrometheusSettings, TargetSettings
from tui_monitor.credentials import CredentialError, secret
from tui_monitor.model import Failure

__all__ = ["CredentialError", "Credentials", "credentials", "read"]


class Credentials(Struct, frozen=True):
    """Never shown, never logged."""

    headers: dict[str, str]
    auth: tuple[str, str] | None
    tls: TlsFiles


def credentials(settings: TargetSettings | PrometheusSettings) -> Credentials:
    """The credentials of one server as they stand now.

    Raises:
        CredentialError: one line with the key and the reason.
    """
    headers = dict(settings.headers)
    token = secret("bearer_token", settings.bearer_token_file, settings.bearer_token_env)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    basic = settings.basic_auth
    auth = (basic.username, secret("basic_auth.password", basic.password_file, basic.password_env)) if basic.username else None
    return Credentials(headers, auth, TlsFiles(settings.tls.ca, settings.tls.cert, settings.tls.key))


def read(settings: TargetSettings | PrometheusSettings) -> Credentials | Failure:
    """The credentials as they stand now, or why there are none, as an answer like any other."""
    try:
        return credentials(settings)
    except CredentialError as error:
        return Failure("unreadable", str(error))
