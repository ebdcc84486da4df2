"""PackStream by the driver's codec: known bytes, any JSON value, any garbage, and a codec that is not as it was."""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.graph.bolt.codec import Broken, Codec, NoCodec, NoJson, find_codec
from hub.graph.bolt.lane import lane_beside
from hub.graph.driver import BoltDriver
from tests.graphs import PlacedEngine

_RUST: Final = "neo4j._rust.codec.packstream.v1"

VECTORS: Final[list[tuple[Any, str]]] = [
    (None, "c0"),
    (False, "c2"),
    (True, "c3"),
    (127, "7f"),
    (-16, "f0"),
    (-17, "c8ef"),
    (128, "c90080"),
    (32_768, "ca00008000"),
    (-(2**63), "cb8000000000000000"),
    (1.5, "c13ff8000000000000"),
    ("省", "83e79c81"),
    ("x" * 16, "d010" + "78" * 16),
    ("x" * 256, "d10100" + "78" * 256),
    ([1, [2]], "92019102"),
    ([0] * 16, "d410" + "00" * 16),
    ({"a": {}}, "a18161a0"),
]

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=18) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
    max_leaves=15,
)


def _pure() -> Codec:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, _RUST, None)
        return find_codec()


RUST: Final = find_codec()
PURE: Final = _pure()


def _read(codec: Codec, data: bytes) -> Any:
    return codec.unpack(bytearray(data), 0, len(data))


@pytest.mark.parametrize("codec", [RUST, PURE], ids=["rust", "python"])
@pytest.mark.parametrize(("value", "text"), VECTORS)
def test_values_are_packed_as_the_protocol_says(codec: Codec, value: Any, text: str) -> None:
    assert codec.pack(value).hex() == text
    assert repr(_read(codec, bytes.fromhex(text))) == repr(value)


def test_the_compiled_codec_is_used_where_it_is() -> None:
    assert (RUST.name, PURE.name) == ("rust", "python")


@given(values)
def test_both_codecs_give_any_value_back(value: Any) -> None:
    packed = RUST.pack(value)
    assert packed == PURE.pack(value)
    assert repr(_read(RUST, packed)) == repr(_read(PURE, packed)) == repr(value)


@given(st.binary(max_size=200))
def test_garbage_is_told_and_never_ends_the_process(data: bytes) -> None:
    for codec in (RUST, PURE):
        with suppress(Broken, NoJson):
            _read(codec, data)


WALKED: Final = replace(RUST, _quick=None)  # as if no message could be given to the decoder as it is


def _verdict(codec: Codec, data: bytes) -> str:
    try:
        return repr(_read(codec, data))
    except (Broken, NoJson) as error:
        return type(error).__name__


@given(values, st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=4), st.integers(0, 6))
def test_a_message_that_is_not_walked_has_the_same_verdict(
    value: Any, changes: list[tuple[int, int]], cut: int
) -> None:  # fmt: skip
    packed = bytearray(RUST.pack([value, value]))
    for place, byte in changes:
        packed[place % len(packed)] = byte
    packed = packed[: max(1, len(packed) - cut)]
    assert _verdict(RUST, packed) == _verdict(WALKED, packed)


@given(st.binary(min_size=1, max_size=300))
def test_garbage_that_is_not_walked_has_the_same_verdict(data: bytes) -> None:
    assert _verdict(RUST, data) == _verdict(WALKED, data)


@pytest.mark.parametrize(
    "opening", [b"\x91", b"\xa1\x81a", b"\xd4\x01", b"\xb1\x4e"], ids=["list", "map", "long", "node"]
)
def test_as_many_containers_as_a_message_may_open_unwalked_end_no_process(opening: bytes) -> None:
    """8,192 of them: a list is given as it is, for who deals with lists of rows to refuse; all else is told."""
    deep = opening * (8192 // len(opening) - 1)
    for tail in (b"", b"\x01", b"\xc4"):
        with suppress(Broken, NoJson):
            _read(RUST, deep + tail)


def test_a_text_that_ends_behind_its_message_is_told_without_a_panic(capfd: pytest.CaptureFixture[str]) -> None:
    """The compiled decoder would say on stderr that it has panicked."""
    for text in ("d0ff61", "8f61", "92d0ff", "a18f"):
        assert _verdict(RUST, bytes.fromhex(text)) == "Broken"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("cut", [1, 2, 3, 7])
@given(values, st.data())
def test_a_message_that_is_cut_or_changed_is_told(cut: int, value: Any, data: st.DataObject) -> None:
    packed = bytearray(RUST.pack([value, value]))
    with pytest.raises(Broken):
        RUST.unpack(packed[:-cut], 0, max(len(packed) - cut, 0))
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Broken, NoJson):
        RUST.unpack(packed, 0, len(packed))


@pytest.mark.parametrize(
    "text",
    [
        "d6ffffffff01",  # a list of 4 billion: the compiled codec would make room for it
        "daffffffff01",
        "d2ffffffff61",
        "91" * 100_000 + "00",  # deeper than a stack
        "a18161" * 100_000 + "00",
        "d0ff61",
        "df",
        "0102",
        "",
    ],
)
def test_what_would_end_the_process_is_broken(text: str) -> None:
    with pytest.raises(Broken):
        _read(RUST, bytes.fromhex(text))


@pytest.mark.parametrize("text", ["cc0101", "91b14401", "a18161b34e019090"])
def test_bytes_and_structures_are_no_json_values(text: str) -> None:
    with pytest.raises(NoJson):
        _read(RUST, bytes.fromhex(text))


@pytest.mark.parametrize("pack", [lambda _value, _hooks: b"\xc0", None])
def test_a_codec_that_changed_leaves_the_reads_to_the_driver(pack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module(_RUST), "pack", pack)
    with pytest.raises(NoCodec, match=r"^the driver's PackStream codec "):
        find_codec()
    assert lane_beside(BoltDriver(PlacedEngine())) is None
