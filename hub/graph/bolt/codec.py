"""PackStream, the values of Bolt: the driver's codec, behind a walk that makes it safe, and behind a self-test.

    92                    list of two
      84 6e 61 6d 65      "name"
      c9 01 00            256

The codec belongs to the driver and has no public name, so `find_codec` packs and unpacks known bytes before anybody
relies on it. Compiled by Rust, it ends the whole process over a depth that a message only claims, and panics over a
length. So a message is walked first: every length must fit, and nothing may lie deeper than 64. The walk also tells
apart what is no JSON value (bytes, and structures such as nodes and instants): the schema stores none.

A walk in Python costs more than all else that is done with an answer, and nearly all messages need none: without the
markers of long lengths and of bytes, with no more containers than the stack has room for, and with zeros behind it, a
message can claim nothing that hurts; its structures are refused by the decoder's own hook (`_is_plain`).
Source: Bolt Protocol, "PackStream".
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Broken", "Codec", "NoCodec", "NoJson", "find_codec"]

_DEPTH: Final = 64
_TEXT_8: Final = 0xD0
_LONG_OR_BYTES: Final = tuple(bytes([marker]) for marker in (0xCC, 0xCD, 0xCE, 0xD1, 0xD2, 0xD5, 0xD6, 0xD9, 0xDA))
_CONTAINERS: Final = bytes([*range(0x90, 0xC0), 0xD4, 0xD8])
_DEEPEST: Final = 8192  # containers in one another: 400 bytes of stack each, of the 8 MiB that a main thread has
_ZEROS: Final = bytes(256)  # a text of at most 255 bytes ends in them, however short the message is cut
_KNOWN_VALUE: Final = {"a": [1, -17, 40_000, None, True, False, 0.5, "省", "x" * 20], "b": {}}
_KNOWN_BYTES: Final = bytes.fromhex(
    "a2 8161 99 01 c8ef ca00009c40 c0 c3 c2 c13fe0000000000000 83e79c81 d014" + "78" * 20 + "8162 a0"
)


class Broken(Exception):
    """Bytes that are no Bolt. What followed cannot be told apart: the connection is given up."""


class NoCodec(Exception):
    """The driver's codec is not there, or does not do what it did."""


class NoJson(Exception):
    """A value of Bolt that is no JSON value."""


def _steps() -> bytes:
    """Give, for each marker, the bytes of a value without parts and without a length of its own; 0 for others."""
    steps = bytearray(256)
    for marker in (*range(0x80), *range(0xF0, 0x100), 0xC0, 0xC2, 0xC3):
        steps[marker] = 1
    steps[0xC1] = 9
    for power in range(4):
        steps[0xC8 + power] = 1 + (1 << power)
    for length in range(16):
        steps[0x80 + length] = 1 + length
    return bytes(steps)


_STEPS: Final = _steps()


@dataclass(frozen=True, slots=True)
class Codec:
    """Values to bytes and back. name: which of the driver's two."""

    name: str
    pack: Callable[[Any], bytes]
    _unpack: Callable[[bytearray, int], Any]
    _quick: Callable[[bytearray], tuple[Any, int]] | None = None

    def unpack(self, data: bytearray, start: int, end: int) -> Any:
        """Read the one JSON value in data[start:end]. Raises NoJson, Broken."""
        if self._quick is not None and _is_plain(message := data[start:end]):
            try:
                value, stop = self._quick(message + _ZEROS)
            except (ValueError, TypeError, IndexError):
                stop = -1  # what is wrong with it, the walk says
            if stop == end - start:
                return value
        return self._walked(data, start, end)

    def _walked(self, data: bytearray, start: int, end: int) -> Any:
        try:
            if _behind(data, start) != end:
                raise Broken("a value that does not end with its message")
            return self._unpack(data, start)
        except (ValueError, TypeError, IndexError) as error:
            raise Broken(f"not PackStream: {type(error).__name__}") from error


def find_codec() -> Codec:
    """Find the codec that the driver uses, and try it. Raises NoCodec, with the reason."""
    try:
        codec = _loaded()
        sample = bytearray(_KNOWN_BYTES)
        works = (
            codec.pack(_KNOWN_VALUE) == _KNOWN_BYTES
            and codec.unpack(sample, 0, len(sample)) == _KNOWN_VALUE
            and codec.pack({"t": (1,)}) == bytes.fromhex("a1 8174 91 01")
            and _refuses(codec, bytearray(b"\x92\x01\xb1\x4e\x01"))
        )
    except Exception as error:
        raise NoCodec(f"the driver's PackStream codec cannot be used: {type(error).__name__}") from error
    if not works:
        raise NoCodec("the driver's PackStream codec does not give the known bytes")
    return codec


def _refuses(codec: Codec, structure: bytearray) -> bool:
    try:
        codec.unpack(structure, 0, len(structure))
    except NoJson:
        return True
    return False


def _refuse(_structure: Any) -> Any:
    raise NoJson("a structure")


def _loaded() -> Codec:
    hooks = importlib.import_module("neo4j._codec.hydration").DehydrationHooks
    as_list = hooks(exact_values={}, exact_types={tuple: list}, subtypes={})
    try:
        rust = importlib.import_module("neo4j._rust.codec.packstream.v1")
    except ImportError:
        return _pure(as_list)
    pack, unpack = rust.pack, rust.unpack
    hooks = {importlib.import_module("neo4j._codec.packstream").Structure: _refuse}
    return Codec(
        "rust",
        lambda value: pack(value, as_list),
        lambda data, start: unpack(data, start, None)[0],
        lambda message: unpack(message, 0, hooks),
    )


def _pure(as_list: Any) -> Codec:
    python = importlib.import_module("neo4j._codec.packstream.v1")

    def pack(value: Any) -> bytes:
        buffer = python.PackableBuffer()
        python.Packer(buffer).pack(value, as_list)
        return bytes(buffer.data)

    def unpack(data: bytearray, start: int) -> Any:
        return python.Unpacker(python.UnpackableBuffer(data[start:])).unpack()

    return Codec("python", pack, unpack)


def _is_plain(message: bytearray) -> bool:
    """Tell whether the Rust decoder can be given a message, with zeros behind it, whatever it claims.

    Bytes of texts that look like markers only make the answer False: then the message is walked.
    """
    for marker in _LONG_OR_BYTES:
        if marker in message:
            return False
    size = len(message)
    return size <= _DEEPEST or size - len(message.translate(None, _CONTAINERS)) <= _DEEPEST


def _behind(data: bytearray, at: int) -> int:
    """Give the index behind the value that begins at `at`. Raises NoJson, Broken, IndexError."""
    steps, left, outer = _STEPS, 1, list[int]()
    while True:
        while left:
            left -= 1
            marker = data[at]
            if step := steps[marker]:
                at += step
            elif marker == _TEXT_8:
                at += 2 + data[at + 1]
            else:
                at, parts = _opened(data, at, marker)
                if parts:
                    outer.append(left)
                    left = parts
                    if len(outer) > _DEPTH:
                        raise Broken("values deeper than 64")
        if not outer:
            return at
        left = outer.pop()


def _opened(data: bytearray, at: int, marker: int) -> tuple[int, int]:
    """Step into a list or map, or over a long text; give the next index and how many values follow inside."""
    kind = marker & 0xF0
    if kind == 0x90:
        return at + 1, marker & 0x0F
    if kind == 0xA0:
        return at + 1, 2 * (marker & 0x0F)
    if kind == 0xB0 or 0xCC <= marker <= 0xCE:
        raise NoJson("bytes or a structure")
    width = 1 << (marker & 0x03)
    size, begin = int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width
    if marker in {0xD1, 0xD2}:
        return begin + size, 0
    if marker in {0xD4, 0xD5, 0xD6, 0xD8, 0xD9, 0xDA}:
        if size > len(data) - begin:  # each part has a byte at least
            raise Broken("a length beyond the message")
        return begin, size if marker < 0xD8 else 2 * size
    raise Broken(f"a marker that is none: {marker:02X}")
