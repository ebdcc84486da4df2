"""Frames of the channel between the hub and a reader.

    0         4         8         16    17
    | head u32 | body u32 | number u64 | kind u8 | head: JSON | body: bytes |        big-endian

    1 ASK     ["document", value]                   the other side answers under the same number
    2 DONE    value
    3 FAILED  ["pushback", "…", null, 1]            code, message, index, retry after; null: unforeseen
    4 TELL    ["graph", value]                      not answered; number 0

A body is what has a form of its own already: an answer in JSON, an access record. A head has at most 8 MiB, a body 64
MiB; a frame that says more, or is of another kind, ends the channel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Any, Final

import orjson

from hub.jsonbytes import json_bytes
from ledger.errors import Malformed

__all__ = ["MAX_BODY", "MAX_HEAD", "Frame", "Frames", "Kind"]

MAX_HEAD: Final = 8 * 1024 * 1024
MAX_BODY: Final = 64 * 1024 * 1024
_PREFIX: Final = Struct(">IIQB")


class Kind(IntEnum):
    """What a frame is."""

    ASK = 1
    DONE = 2
    FAILED = 3
    TELL = 4


_KINDS: Final = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. head: a JSON value."""

    kind: Kind
    number: int
    head: Any
    body: bytes = b""

    def pack(self) -> bytes:
        """Write the frame. Raises Malformed too_large."""
        head = json_bytes(self.head)
        if len(head) > MAX_HEAD or len(self.body) > MAX_BODY:
            raise Malformed("too_large", "a message between the hub and a reader is too large")
        return b"".join((_PREFIX.pack(len(head), len(self.body), self.number, self.kind), head, self.body))


class Frames:
    """Frames out of bytes as they come."""

    def __init__(self) -> None:
        self._bytes: Final = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes, give the frames that are whole. Raises Malformed bad_request for what is no frame."""
        self._bytes.extend(data)
        while len(self._bytes) >= _PREFIX.size:
            head, body, number, kind = _PREFIX.unpack_from(self._bytes)
            if head > MAX_HEAD or body > MAX_BODY or kind not in _KINDS:
                raise Malformed("bad_request", "expected a frame of the channel")
            start, end = _PREFIX.size + head, _PREFIX.size + head + body
            if len(self._bytes) < end:
                return
            frame = Frame(Kind(kind), number, _read(self._bytes[_PREFIX.size : start]), bytes(self._bytes[start:end]))
            del self._bytes[:end]
            yield frame


def _read(head: bytearray) -> Any:
    try:
        return orjson.loads(head)
    except orjson.JSONDecodeError:
        pass  # a lone surrogate, or a number beyond 64 bits, in what a client sent
    try:
        return json.loads(head)
    except ValueError as error:
        raise Malformed("bad_json", "expected JSON in the head of a frame") from error
