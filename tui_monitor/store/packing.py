"""Frames made small, each still to be had alone.

A frame falls into *segments*: each element of its lists (a target, a GPU, a window ...) and each other field, as msgpack. Once a minute a
*key frame* is kept whole (deflate). The frames after it keep only the segments that differ from the key's, deflated with the key's
segments as dictionary. Deflate looks back 32 KiB at most, so the pairs go in groups that fit. One look at any moment reads two rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from tui_monitor.model import Frame

Segments = dict[str, bytes]  # "targets/0" -> msgpack

GROUP_BYTES = 14_000  # of dictionary: with as many new bytes the window still reaches its beginning
LARGEST_BYTES = 64 << 20  # of one unpacked frame: a damaged or hostile file must not fill the memory

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Frame)


class PackingError(ValueError):
    """The bytes are no frame."""


class _Difference(Struct, frozen=True, array_like=True):
    """What a frame has else than its key: which segments, how long each, and their bytes in groups."""

    names: list[int | str]  # place in the key, or the name of a new one
    sizes: list[int]
    gone: list[int]
    groups: list[bytes]


_difference = msgspec.msgpack.Decoder(_Difference)
_segments = msgspec.msgpack.Decoder(dict[str, bytes])


class Splitter:
    """Takes one frame after the other apart; an element that is the very object of the frame before is not written again."""

    def __init__(self) -> None:
        """No frame was seen yet."""
        self._before: dict[str, tuple[object, bytes]] = {}

    def split(self, frame: Frame) -> Segments:
        """A frame in segments."""
        now: dict[str, tuple[object, bytes]] = {}
        for name in frame.__struct_fields__:
            value = getattr(frame, name)
            if isinstance(value, list):
                for place, element in enumerate(value):
                    self._put(now, f"{name}/{place}", element)
            else:
                self._put(now, name, value)
        self._before = now
        return {name: body for name, (_, body) in now.items()}

    def _put(self, now: dict[str, tuple[object, bytes]], name: str, element: object) -> None:
        before = self._before.get(name)
        now[name] = before if before is not None and before[0] is element else (element, _encode(element))


def split(frame: Frame) -> Segments:
    """One frame in segments."""
    return Splitter().split(frame)


def join(segments: Segments) -> Frame:
    """The frame again.

    Raises:
        PackingError: these are no segments of a frame.
    """
    fields: dict[str, Any] = {}
    try:
        for name, body in segments.items():
            field, _, place = name.partition("/")
            if place:
                fields.setdefault(field, {})[int(place)] = msgspec.Raw(body)
            else:
                fields[field] = msgspec.Raw(body)
        whole = {field: [value[place] for place in sorted(value)] if isinstance(value, dict) else value for field, value in fields.items()}
        return _decoder.decode(_encode(whole))
    except (msgspec.MsgspecError, ValueError) as error:
        raise PackingError(str(error)) from error


def pack_key(segments: Segments) -> bytes:
    """A key frame for the disk."""
    return zlib.compress(_encode(segments), 6)


def unpack_key(data: bytes) -> Segments:
    """A key frame's segments, in their order.

    Raises:
        PackingError: no key frame.
    """
    try:
        engine = zlib.decompressobj()
        body = engine.decompress(data, LARGEST_BYTES)
        if not engine.eof:
            raise PackingError("cut, or too large")
        return _segments.decode(body)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise PackingError(str(error)) from error


def _groups(pairs: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """(old, new) pairs joined into groups that deflate's window covers."""
    groups: list[tuple[bytes, bytes]] = []
    old, new = b"", b""
    for before, after in pairs:
        if old and len(old) + len(before) > GROUP_BYTES:
            groups.append((old, new))
            old, new = b"", b""
        old, new = old + before, new + after
    if new or old:
        groups.append((old, new))
    return groups


def pack_difference(key: Segments, segments: Segments) -> bytes:
    """A frame as what differs from its key frame."""
    places = {name: place for place, name in enumerate(key)}
    changed = [(name, body) for name, body in segments.items() if key.get(name) != body]
    packed: list[bytes] = []
    for old, new in _groups((key.get(name, b""), body) for name, body in changed):
        engine = (
            zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, old) if old else zlib.compressobj(6, zlib.DEFLATED, -15)
        )
        packed.append(engine.compress(new) + engine.flush())
    return _encode(
        _Difference(
            [places.get(name, name) for name, _ in changed],
            [len(body) for _, body in changed],
            [place for name, place in places.items() if name not in segments],
            packed,
        )
    )


def unpack_difference(key: Segments, data: bytes) -> Segments:
    """The segments of a frame that was kept as a difference.

    Raises:
        PackingError: no difference to that key.
    """
    try:
        found = _difference.decode(data)
        order = list(key)
        names = [order[name] if isinstance(name, int) else name for name in found.names]
        gone = {order[place] for place in found.gone}
        if sum(found.sizes) > LARGEST_BYTES or min(found.sizes, default=0) < 0 or len(names) != len(found.sizes):
            raise PackingError("sizes that cannot be")
        kept = {name: body for name, body in key.items() if name not in gone}
        return kept | dict(zip(names, _inflated(key, names, found), strict=True))
    except (zlib.error, msgspec.MsgspecError, IndexError) as error:
        raise PackingError(str(error)) from error


def _inflated(key: Segments, names: list[str], found: _Difference) -> list[bytes]:
    """The changed segments' bytes, in the order of `names`."""
    olds = _groups((key.get(name, b""), b"\0" * size) for name, size in zip(names, found.sizes, strict=True))
    if len(olds) != len(found.groups):
        raise PackingError("groups are missing")
    bodies: list[bytes] = []
    for (old, new), packed in zip(olds, found.groups, strict=True):
        engine = zlib.decompressobj(-15, old) if old else zlib.decompressobj(-15)
        body = engine.decompress(packed, len(new) + 1)
        if len(body) != len(new):
            raise PackingError("a group is cut")
        bodies.append(body)
    whole, at = b"".join(bodies), 0
    parts: list[bytes] = []
    for size in found.sizes:
        parts.append(whole[at : at + size])
        at += size
    return parts
