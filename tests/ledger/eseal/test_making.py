"""What is made is what is read: round trips, and what is not made at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed, NotVerified
from ledger.eseal.documents import DocumentBytes
from ledger.eseal.inspection import inspect_eseal
from ledger.eseal.making import make_seal, sign_document
from ledger.eseal.structures import ESeal, ESealSignature, Extension, Picture
from ledger.sm2 import sm3
from tests.cases_eseal.forms import seal_of_v1
from tests.eseals import (
    DAY,
    DOCUMENT,
    LICENSE,
    MADE_AT,
    PUT_ON_AT,
    certificate,
    draft,
    key,
    resealed,
    seal,
    signed,
)
from tests.small_log import T0

texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=40)
names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
times = st.integers(0, 2**35)


@given(
    esid=names, name=texts, vendor=names, kind=st.integers(0, 2**31 - 1), created=times, valid_from=times, valid_to=times,
    by_digest=st.booleans(),
    picture=st.builds(Picture, kind=names, data=st.binary(max_size=300), width=st.integers(1, 1000), height=st.integers(1, 1000)),
)  # fmt: skip
def test_a_seal_is_read_as_it_was_made(**members: Any) -> None:
    made = draft(**members)
    parsed = ESeal.parse(make_seal(made, certificate("maker"), key("maker")))
    assert {name: getattr(parsed, name) for name in members if name != "by_digest"} == {
        name: value for name, value in members.items() if name != "by_digest"
    }
    assert parsed.lists(certificate("signer").der)
    assert (not parsed.certificates) == members["by_digest"]
    assert (parsed.version, parsed.extensions, parsed.timestamp) == (4, (), None)
    assert parsed.certificate == certificate("maker").der


def test_a_signature_is_read_as_it_was_made() -> None:
    parsed = ESealSignature.parse(signed())
    assert (parsed.version, parsed.time, parsed.property_info) == (4, PUT_ON_AT, LICENSE)
    assert (parsed.data_hash, parsed.seal.der, parsed.certificate) == (sm3(DOCUMENT), seal(), certificate("signer").der)
    assert parsed.to_sign in parsed.der
    assert parsed.seal.info in seal()


def test_extensions_are_read_in_their_order() -> None:
    rows = [{"extnID": f"1.2.156.{number}", "extnValue": bytes([number])} for number in (2, 1)]
    parsed = ESeal.parse(resealed(seal(), lambda value: value["eSealInfo"].__setitem__("extDatas", rows)))
    assert parsed.extensions == (Extension(oid="1.2.156.2", value=b"\x02"), Extension(oid="1.2.156.1", value=b"\x01"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"esid": "章"}, "bad_eseal"),
        ({"esid": ""}, "bad_eseal"),
        ({"name": "a\nb"}, "bad_eseal"),
        ({"name": "a" * 513}, "bad_eseal"),
        ({"kind": -1}, "bad_eseal"),
        ({"created": 2**40}, "bad_number"),
        ({"valid_from": -(2**40)}, "bad_number"),
        ({"picture": Picture(kind="PNG", data=b"", width=0, height=1)}, "bad_eseal"),
        ({"picture": Picture(kind="PNG", data=b"\x00" * 2**20, width=1, height=1)}, "too_large"),
    ],
)
def test_a_seal_that_nobody_would_read_is_not_made(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        make_seal(draft(**changes), certificate("maker"), key("maker"))
    assert caught.value.code == code


@pytest.mark.parametrize("signers", [0, 65])
def test_a_seal_lists_1_to_64_signers(signers: int) -> None:
    made = replace(draft(), signers=(certificate("signer"),) * signers)
    with pytest.raises(Malformed, match="bad_eseal"):
        make_seal(made, certificate("maker"), key("maker"))


def test_a_key_signs_for_its_own_certificate_only() -> None:
    with pytest.raises(Malformed, match="bad_eseal"):
        make_seal(draft(), certificate("maker"), key("signer"))


def test_a_seal_is_put_on_by_those_it_lists_while_it_is_valid() -> None:
    other = certificate("signer of 320583")
    for given_, error, code in (
        ({"by": other}, NotVerified, "eseal_not_listed"),
        ({"time": MADE_AT - 1}, NotVerified, "eseal_period"),
        ({"time": T0 + 100 * DAY + 1}, NotVerified, "eseal_period"),
        ({"license_id": LICENSE[:-1] + "Y"}, Malformed, "bad_identifier"),
        ({"on": seal_of_v1()}, Malformed, "eseal_version"),
    ):
        with pytest.raises(error) as caught:
            signed(**given_)  # type: ignore[arg-type]  # one of them each
        assert caught.value.code == code
    with pytest.raises(Malformed, match="bad_eseal"):
        sign_document(seal(), DocumentBytes(b""), license_id=LICENSE, time=PUT_ON_AT, certificate=certificate("signer"),
                      signer=key("maker"))  # fmt: skip


def test_everything_that_is_in_a_seal_is_said() -> None:
    said = inspect_eseal(signed())
    assert {name: said[name] for name in ("kind", "version", "timeInfo", "propertyInfo", "timeStamp")} == {
        "kind": "SES_Signature",
        "version": 4,
        "timeInfo": "2026-06-01T08:00:30Z",
        "propertyInfo": LICENSE,
        "timeStamp": None,
    }
    assert said["dataHash"] == sm3(DOCUMENT).hex()
    assert said["seal"] == {name: value for name, value in inspect_eseal(seal()).items() if name != "kind"}
    assert isinstance(said["seal"], dict)
    assert said["seal"]["certs"] == [said["certificate"]]
    assert list(said["seal"]) == [
        "version", "Vid", "esID", "type", "name", "certs", "certDigestList", "createDate", "validStart", "validEnd",
        "picture", "extDatas", "timeStamp", "signedValue", "maker",
    ]  # fmt: skip


def test_a_certificate_that_cannot_be_read_is_said_in_its_place() -> None:
    broken = resealed(seal(), lambda value: value.__setitem__("cert", b"no certificate"))
    said = inspect_eseal(broken)
    assert said["maker"] == {
        "fault": "bad_certificate: bytes are no DER of the expected type",
        "sm3": sm3(b"no certificate").hex(),
    }


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad_eseal"),
        (DOCUMENT, "bad_eseal"),
        (seal_of_v1(), "eseal_version"),
        (b"\x30" * (2**20 + 1), "too_large"),
    ],
)
def test_what_is_no_seal_is_said_to_be_none(data: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        inspect_eseal(data)
    assert caught.value.code == code


@given(st.binary(max_size=400))
def test_no_bytes_make_inspection_fail_otherwise(data: bytes) -> None:
    with pytest.raises(Malformed):
        inspect_eseal(data)
