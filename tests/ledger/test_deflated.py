"""zlib streams: whole, bounded, with nothing after them."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.deflated import deflate, inflate
from ledger.errors import Malformed

STREAM = deflate(b"a license" * 100)


def test_the_limit_is_exact() -> None:
    assert inflate(STREAM, max_bytes=900) == b"a license" * 100
    with pytest.raises(Malformed, match=r"^too_large: "):
        inflate(STREAM, max_bytes=899)


def test_a_bomb_stops_at_the_limit() -> None:
    with pytest.raises(Malformed, match=r"^too_large: "):
        inflate(deflate(bytes(64 * 1024 * 1024)), max_bytes=65_536)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        STREAM[:-1],
        STREAM[:-4],
        STREAM + b"\x00",
        STREAM + STREAM,
        STREAM[:-1] + bytes([STREAM[-1] ^ 1]),  # another checksum
        b"\x1f\x8b" + STREAM,
        zlib.compressobj(wbits=-15).compress(b"raw") + b"\x00",
    ],
)
def test_what_is_no_whole_stream_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match=r"^bad_encoding: "):
        inflate(data, max_bytes=65_536)


def test_a_preset_dictionary_is_refused() -> None:
    stream = zlib.compressobj(zdict=b"a license")
    with pytest.raises(Malformed, match=r"^bad_encoding: "):
        inflate(stream.compress(b"a license") + stream.flush(), max_bytes=65_536)


@given(st.binary(max_size=2000))
def test_any_bytes_come_back_or_are_refused(data: bytes) -> None:
    assert inflate(deflate(data), max_bytes=2000) == data
    with pytest.raises(Malformed, match=r"^(?:bad_encoding|too_large): "):
        inflate(b"\x78\xda" + data, max_bytes=0)
