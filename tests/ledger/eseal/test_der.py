"""Strict DER: one form a value, nothing costly read, only coded errors."""

from __future__ import annotations

from typing import Any

import pytest
from asn1crypto import core
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.eseal.asn1 import ESEAL, ESEAL_SIGNATURE, X509
from ledger.eseal.der import check_der, children_of, read_der
from tests.eseals import signed


@pytest.mark.parametrize(
    "text",
    [
        "0500", "3000", "30030201ff", "020100", "02020080", "0201ff", "0101ff", "010100", "0603551d0f", "a003020101",
        "0481" + "80" + "00" * 128, "170d" + b"260601080000Z".hex(), "180f" + b"20260601080000Z".hex(),
    ],
)  # fmt: skip
def test_der_passes(text: str) -> None:
    check_der(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing"), ("05", "half an element"), ("0501", "content missing"), ("050000", "something after it"),
        ("05000500", "two elements"), ("3001", "container cut"), ("30020500ff", "a byte after it"),
        ("3003020100ff", "after it"), ("300402020001", "INTEGER 0001"), ("0202ff80", "INTEGER ff80"), ("0200", "INTEGER of nothing"),
        ("02" + "41" + "01" * 65, "INTEGER of 65 bytes"), ("010101", "BOOLEAN 01"), ("0100", "BOOLEAN of nothing"),
        ("048105" + "00" * 5, "long form of 5"), ("04820080" + "00" * 128, "length with a zero before it"),
        ("0485000000000100", "length of 5 bytes"), ("0480" + "0000", "indefinite"), ("30800000", "indefinite container"),
        ("1f810100", "tag number above 30"), ("2403040100", "constructed OCTET STRING"), ("1000", "primitive SEQUENCE"),
        ("0600", "OID of nothing"), ("0621" + "2a" * 33, "OID of 33 bytes"), ("170b" + b"2606010800Z".hex(), "UTCTime without seconds"),
        ("1811" + b"20260601080000.5Z".hex(), "time with a fraction"), ("1813" + b"20260601080000+0800".hex(), "time with a zone"),
        ("180e" + b"20260601080000".hex(), "local time"), ("3005" + "3084ffffffff", "4 GiB inside"),
    ],
)  # fmt: skip
def test_what_is_no_der_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="no DER"):
        check_der(bytes.fromhex(text))


def nested(levels: int) -> bytes:
    data = b""
    for _ in range(levels):
        data = b"\x30" + bytes([len(data)]) + data
    return data


def test_nesting_and_number_of_elements_are_bounded() -> None:
    check_der(nested(15))
    many = b"\x05\x00" * 4095
    check_der(b"\x30\x82" + len(many).to_bytes(2, "big") + many)
    for data in (nested(17), b"\x30\x82" + (len(many) + 2).to_bytes(2, "big") + many + b"\x05\x00"):
        with pytest.raises(ValueError, match="no DER"):
            check_der(data)


def values() -> st.SearchStrategy[bytes]:
    """DER as another writer writes it."""
    simple = st.one_of(
        st.integers(-(2**200), 2**200).map(core.Integer),
        st.binary(max_size=300).map(core.OctetString),
        st.booleans().map(core.Boolean),
        st.text(max_size=20).map(core.UTF8String),
        st.just(core.Null()),
    )
    plain = simple.map(lambda value: bytes(value.dump()))
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=4).map(lambda parts: core.Sequence(contents=b"".join(parts)).dump()),
    )


@given(values())
def test_what_another_writer_writes_passes_and_no_cut_of_it_does(data: bytes) -> None:
    check_der(data)
    for cut in {0, 1, len(data) // 2, len(data) - 1} - {len(data)}:
        with pytest.raises(ValueError, match="no DER"):
            check_der(data[:cut])
    with pytest.raises(ValueError, match="no DER"):
        check_der(data + b"\x00")


@given(st.binary(max_size=200))
@example(b"\x30\x00")
@example(b"0\x820000")
def test_random_bytes_give_coded_errors_only(data: bytes) -> None:
    for spec in (ESEAL, ESEAL_SIGNATURE, X509.certificate, X509.revocations):
        with pytest.raises(Malformed) as caught:
            read_der(spec, data, lambda value: value.native, max_bytes=100, code="bad_eseal")
        assert caught.value.code == ("too_large" if len(data) > 100 else "bad_eseal")


def test_a_default_that_is_spelled_out_is_no_der() -> None:
    plain = X509.basic_constraints({"ca": False}).dump()
    assert plain == b"\x30\x00"
    check_der(b"\x30\x03\x01\x01\x00")
    with pytest.raises(Malformed, match="bad_certificate"):
        read_der(X509.basic_constraints, b"\x30\x03\x01\x01\x00", bool, max_bytes=9, code="bad_certificate")


def test_an_error_of_the_reader_is_an_error_of_the_bytes() -> None:
    def reader(_value: Any) -> None:
        raise KeyError

    with pytest.raises(Malformed, match="bad_eseal"):
        read_der(ESEAL_SIGNATURE, signed(), reader, max_bytes=10_000, code="bad_eseal")


def test_children_are_those_of_a_sequence() -> None:
    assert children_of(bytes.fromhex("30050500020107")) == [b"\x05\x00", b"\x02\x01\x07"]
    assert children_of(bytes.fromhex("3000")) == []
    for text in ("", "0500", "31020500", "3003050000", "30030500"):
        assert children_of(bytes.fromhex(text)) == []
