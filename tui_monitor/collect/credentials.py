"""What a configured server wants to see before it answers: headers, user and password, certificates. Files are read when asked."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from tui_monitor.collect.http import TlsFiles
from tui_monitor.config import PrometheusSettings, TargetSettings
from tui_monitor.model import Failure, clean


class CredentialError(Exception):
    """A file that the settings name cannot be read; the message never holds what is in it."""


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
    token = _secret("bearer_token", settings.bearer_token_file, settings.bearer_token_env)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    basic = settings.basic_auth
    auth = (basic.username, _secret("basic_auth.password", basic.password_file, basic.password_env)) if basic.username else None
    return Credentials(headers, auth, TlsFiles(settings.tls.ca, settings.tls.cert, settings.tls.key))


def read(settings: TargetSettings | PrometheusSettings) -> Credentials | Failure:
    """The credentials as they stand now, or why there are none, as an answer like any other."""
    try:
        return credentials(settings)
    except CredentialError as error:
        return Failure("unreadable", str(error))


def _secret(key: str, path: str, variable: str) -> str:
    """What a file holds, or an environment variable; empty where neither is named."""
    if path:
        try:
            return Path(path).expanduser().read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialError(clean(f"{key}_file {path}: {getattr(error, 'strerror', None) or 'is not text'}")) from None
    if variable:
        if variable not in os.environ:
            raise CredentialError(clean(f"{key}_env {variable}: is not set in the environment of the engine"))
        return os.environ[variable].strip()
    return ""
