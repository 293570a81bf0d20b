"""Length-prefixed msgpack of the types in `model`, over any stream: four bytes big-endian, then the message."""

from __future__ import annotations

import asyncio
import struct
from typing import TypeVar

import msgspec

from tui_monitor.model import ToEngine, ToScreen

T = TypeVar("T")

TO_ENGINE_LIMIT = 1 << 20
TO_SCREEN_LIMIT = 64 << 20

_encoder = msgspec.msgpack.Encoder()
_to_engine: msgspec.msgpack.Decoder[ToEngine] = msgspec.msgpack.Decoder(ToEngine)
_to_screen: msgspec.msgpack.Decoder[ToScreen] = msgspec.msgpack.Decoder(ToScreen)


class WireError(Exception):
    """The peer does not speak our language; `str(error)` says what was wrong."""


def pack(message: ToEngine | ToScreen) -> bytes:
    """One message with its length in front."""
    body = _encoder.encode(message)
    return struct.pack(">I", len(body)) + body


async def _receive(reader: asyncio.StreamReader, limit: int, decoder: msgspec.msgpack.Decoder[T]) -> T | None:
    try:
        size = struct.unpack(">I", await reader.readexactly(4))[0]
        if size > limit:
            raise WireError(f"a message of {size} bytes is over the limit of {limit}")
        return decoder.decode(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except msgspec.MsgspecError as error:
        raise WireError(f"not a message of this program: {error}") from None


async def receive_in_engine(reader: asyncio.StreamReader) -> ToEngine | None:
    """The next message of a client, or None when it has gone.

    Raises:
        WireError: too large, or no message of ours.
    """
    return await _receive(reader, TO_ENGINE_LIMIT, _to_engine)


async def receive_in_screen(reader: asyncio.StreamReader) -> ToScreen | None:
    """The next message of the engine, or None when it has gone.

    Raises:
        WireError: too large, or no message of ours.
    """
    return await _receive(reader, TO_SCREEN_LIMIT, _to_screen)
