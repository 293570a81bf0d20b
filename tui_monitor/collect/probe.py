"""Puts golden questions to a live server over HTTP, one at a time, and hears what its model says.

Refused, timed out, 5xx and unreadable are failures and never answers. The server's own counters count these questions like anybody's; the
header `X-Tui-Monitor-Probe` tells them apart in its logs.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from msgspec import Struct, structs

from tui_monitor.collect import protocols
from tui_monitor.collect.credentials import CredentialError, Credentials, credentials
from tui_monitor.collect.http import Client, TlsFiles
from tui_monitor.config import TargetSettings
from tui_monitor.model import Failure, GoldenAnswer, GoldenQuestion

LIMIT_BYTES = 2_000_000
MARK = {"Accept": "application/json, text/plain;q=0.5, */*;q=0.1", "X-Tui-Monitor-Probe": "1"}
NOBODY = Credentials({}, None, TlsFiles())


class Place(Struct, frozen=True):
    """Where questions go."""

    url: str  # of the server's API
    kind: str
    model: str = ""
    settings: TargetSettings | None = None  # of a configured target: credentials and certificates


class Prober:
    """Asks one server. Never two questions at a time, whoever asks."""

    def __init__(self, protocol: str, timeout_s: float) -> None:
        """Nothing is opened yet; `protocol` as configured."""
        self._protocol, self._timeout_s = protocol, timeout_s
        self._client: Client | None = None
        self._place: Place | None = None
        self._asking = asyncio.Lock()

    @property
    def client(self) -> Client | None:
        """The one that asks: its connections are not users of the server."""
        return self._client

    async def ask(self, question: GoldenQuestion, place: Place, request: Any = None) -> GoldenAnswer:
        """Puts one question, or with `request` another one in its place. Never raises, except when it is cancelled."""
        request = question.request if request is None else request
        async with self._asking:
            at_s = time.time()
            try:
                protocol = protocols.protocol_of(self._protocol, place.kind, request)
                sent = protocols.sent(protocol, place.kind, place.model, request)
                client = await self._client_of(place)
            except (ValueError, TypeError, OverflowError, RecursionError) as error:
                return GoldenAnswer(question.id, at_s, 0.0, failure=Failure("unsupported", str(error)))
            except CredentialError as error:
                return GoldenAnswer(question.id, at_s, 0.0, failure=Failure("unreadable", str(error)))
            answer = await client.get(sent.path, method="POST", body=sent.body, content_type=sent.content_type)
            heard = GoldenAnswer(question.id, at_s, answer.took_s, failure=answer.failure)
            if answer.failure is not None:
                if answer.failure.kind == "auth":
                    await self.close()  # the token may have been replaced: its file is read again
                return heard
            try:
                return structs.replace(heard, value=protocols.heard(protocol, request, answer.body))
            except protocols.Unreadable as error:
                return structs.replace(heard, failure=Failure("damaged", str(error)))

    async def close(self) -> None:
        """Closes the connection; the next question opens it anew."""
        client, self._client, self._place = self._client, None, None
        if client is not None:
            await client.aclose()

    async def _client_of(self, place: Place) -> Client:
        if self._client is None or self._place is None or (place.url, place.settings) != (self._place.url, self._place.settings):
            await self.close()
            who = credentials(place.settings) if place.settings is not None else NOBODY
            self._client = Client(
                place.url, self._timeout_s, headers=who.headers, auth=who.auth, tls=who.tls, limit_bytes=LIMIT_BYTES, also=MARK
            )
        self._place = place
        return self._client
