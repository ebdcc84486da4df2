"""The messages of Bolt that a reader sends, and their chunks.

    60 60 b0 17   00 03 04 05  00 00 04 04  00 00 00 00  00 00 00 00      hello of the wire: 5.4 to 5.1, or 4.4
    00 00 04 05                                                          the server's choice: 5.4

    00 1d  b3 10 …  00 00               RUN    text, parameters, {mode: "r", db, tx_timeout, bookmarks?}
    00 06  b1 3f a1 81 6e ff  00 00     PULL   {n: -1}
    00 00                       a chunk of nothing between messages keeps a connection alive

A message is cut into chunks of 65,535 bytes at most, each behind its length, and ends with an empty one. In every
version here the server answers each message with SUCCESS, FAILURE or IGNORED, and PULL with RECORDs before that.
Source: Bolt Protocol, "Handshake", "Message exchange", "Messages".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hub.graph.bolt.codec import Codec

__all__ = [
    "FAILURE",
    "GOODBYE",
    "HANDSHAKE",
    "IGNORED",
    "MAX_MESSAGE",
    "PULL",
    "RECORD",
    "RESET",
    "SUCCESS",
    "VERSIONS",
    "chunked",
    "login",
    "route",
    "run",
]

SUCCESS: Final = 0x70
RECORD: Final = 0x71
IGNORED: Final = 0x7E
FAILURE: Final = 0x7F
MAX_MESSAGE: Final = 16 * 1024 * 1024
"""Most bytes of a message from the server."""

HANDSHAKE: Final = bytes.fromhex("6060b017 00030405 00000404 00000000 00000000")
VERSIONS: Final = {bytes((0, 0, minor, 5)): (5, minor) for minor in (1, 2, 3, 4)} | {bytes((0, 0, 4, 4)): (4, 4)}
"""The server's four bytes -> the version."""

_CHUNK: Final = 0xFFFF
_AGENT: Final = "tongban/1"


def chunked(message: bytes) -> bytes:
    """Cut a message into chunks."""
    if len(message) <= _CHUNK:
        return len(message).to_bytes(2, "big") + message + b"\0\0"
    parts = [message[start : start + _CHUNK] for start in range(0, len(message), _CHUNK)]
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts) + b"\0\0"


PULL: Final = chunked(bytes.fromhex("b13f a1 816e ff"))
RESET: Final = chunked(bytes.fromhex("b00f"))
GOODBYE: Final = chunked(bytes.fromhex("b002"))


def run(codec: Codec, text: str, parameters: Mapping[str, Any], extra: Mapping[str, Any]) -> bytes:
    """Spell out one read, RUN and PULL."""
    return chunked(b"\xb3\x10" + codec.pack(text) + codec.pack(dict(parameters)) + codec.pack(extra)) + PULL


def login(
    codec: Codec, version: tuple[int, int], auth: tuple[str, str], routing: Mapping[str, str] | None
) -> list[bytes]:
    """Spell out HELLO, with the password in it before 5.1 and a LOGON behind it since. routing: None asks for none."""
    credentials = {"scheme": "basic", "principal": auth[0], "credentials": auth[1]}
    told: dict[str, Any] = {"user_agent": _AGENT}
    if routing is not None:
        told["routing"] = dict(routing)
    if version < (5, 1):
        return [chunked(b"\xb1\x01" + codec.pack(told | credentials))]
    if version >= (5, 2):
        told["notifications_minimum_severity"] = "OFF"
    if version >= (5, 3):
        told["bolt_agent"] = {"product": _AGENT}
    return [chunked(b"\xb1\x01" + codec.pack(told)), chunked(b"\xb1\x6a" + codec.pack(credentials))]


def route(codec: Codec, routing: Mapping[str, str], database: str) -> bytes:
    """Spell out the question who may be read from."""
    return chunked(b"\xb3\x66" + codec.pack(dict(routing)) + codec.pack([]) + codec.pack({"db": database}))
