"""Seals that say the same in another form, or another thing in the same: step 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from asn1crypto import core

from ledger.eseal.asn1 import ESEAL, ESEAL_SIGNATURE
from tests.cases_eseal.case import Case
from tests.eseals import resealed, resigned, seal, signed

__all__ = ["cases", "seal_of_v1", "with_seal"]

GOOD = signed()
_EXTENSION = {"extnID": "1.2.156.1", "extnValue": b"x"}


def _form(name: str, why: str, data: bytes, code: str = "bad_eseal") -> Case:
    return Case(name=name, why=why, eseal=data, step=1, code=code)


def cases() -> Iterator[Case]:
    """Make the cases of step 1."""
    yield from _as_bytes()
    yield from _old_versions()
    yield from _fields()


def with_seal(data: bytes) -> bytes:
    """Put another seal under the good signature, and sign it again."""
    return resigned(GOOD, lambda signed: signed.__setitem__("eseal", ESEAL.load(data)))


def seal_of_v1() -> bytes:
    """Write the good seal as GM/T 0031-2014 does: eSealInfo, and all about its signature in one element."""
    value = ESEAL.load(seal())
    sign_info = _sequence(value["cert"].dump(), value["signAlgID"].dump(), value["signedValue"].dump())
    return _sequence(value["eSealInfo"].dump(), sign_info)


def _sequence(*elements: bytes) -> bytes:
    content = b"".join(elements)
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


def _as_bytes() -> Iterator[Case]:
    yield _form("empty", "No bytes at all.", b"")
    yield _form("trailing_byte", "Bytes after the element are signed by nobody.", GOOD + b"\x00")
    yield _form("truncated", "Half a seal.", GOOD[: len(GOOD) // 2])
    body = GOOD[4:]
    yield _form("length_in_three_bytes", "BER: a length with a zero before it.",
                b"\x30\x83\x00" + len(body).to_bytes(2, "big") + body)  # fmt: skip
    yield _form(
        "indefinite_length", "BER: an element that ends where two zeros stand.", b"\x30\x80" + body + b"\x00\x00"
    )
    yield _form("huge_length", "4 GiB announced.", b"\x30\x84\xff\xff\xff\xff" + body)
    yield _form("length_of_length_126", "A length of 126 bytes.", b"\x30\xfe" + b"\xff" * 126 + body)
    yield _form("inner_length_too_long", "An inner element that is longer than the one around it.",
                GOOD[:4] + b"\x30\x84\x7f\xff\xff\xff" + GOOD[8:])  # fmt: skip
    yield _form("deep_nesting", "Elements enough to exhaust a recursive parser.", b"\x30\x80" * 5000)
    deep = b""
    for _ in range(200):
        deep = _sequence(deep)
    yield _form("deep_nesting_in_der", "The same, with right lengths.", deep)
    yield _form("bare_seal", "A seal that stands on nothing.", seal())


def _old_versions() -> Iterator[Case]:
    value = ESEAL_SIGNATURE.load(GOOD)
    yield _form("v1_signature", "A signature of two elements, as before 2020: certificates of weaker rules.",
                _sequence(value["toSign"].dump(), value["signature"].dump()), "eseal_version")  # fmt: skip
    to_sign = value["toSign"]
    parts = [to_sign[name].dump() for name in ("timeInfo", "dataHash", "propertyInfo")]
    old = _sequence(to_sign["version"].dump(), seal_of_v1(), *parts)
    rest = [value[name].dump() for name in ("cert", "signatureAlgID", "signature")]
    yield _form("v1_seal", "A seal of two elements under a new signature.", _sequence(old, *rest), "eseal_version")
    for version in (1, 3, 6):
        data = resealed(seal(), _header("version", version))
        yield _form(f"seal_of_version_{version}", "A version that is not read.", with_seal(data), "eseal_version")
    data = resigned(GOOD, lambda signed: signed.__setitem__("version", 3))
    yield _form("signature_of_version_3", "A version that is not read.", data, "eseal_version")
    data = resealed(seal(), _header("version", 5))
    yield _form("v5_seal_under_v4", "A seal of a version above its signature's.", with_seal(data), "eseal_version")


def _header(name: str, value: object) -> Callable[[Any], None]:
    return lambda seal: seal["eSealInfo"]["header"].__setitem__(name, value)


def _fields() -> Iterator[Case]:
    yield _form("another_header", "A header that does not say ES.", with_seal(resealed(seal(), _header("ID", "EC"))))
    data = resealed(seal(), lambda seal: seal.__setitem__("signAlgID", "1.2.840.10045.4.3.2"))
    yield _form("seal_by_ecdsa", "The maker's algorithm is named ECDSA.", with_seal(data))
    value = ESEAL_SIGNATURE.load(GOOD)
    value["signatureAlgID"] = "1.2.156.10197.1.401"
    yield _form("signature_by_sm3", "The signer's algorithm is named SM3 alone: nothing signed it.", value.dump())
    yield _form("timestamp_in_v4", "A timestamp where V4 has none.",
                with_seal(resealed(seal(), lambda seal: seal.__setitem__("timeStamp", b"t"))))  # fmt: skip
    critical = [{**_EXTENSION, "critical": True}]
    data = resigned(GOOD, lambda signed: signed.__setitem__("extDatas", critical))
    yield _form("critical_extension", "An extension that must be understood, and is not.", data)
    data = resigned(GOOD, lambda signed: [signed.__setitem__(name, [_EXTENSION]) for name in ("extDatas", "untagged")])
    yield _form("extensions_twice", "Extensions with the tag and without: which ones count?", data)
    data = resigned(GOOD, lambda signed: signed.__setitem__("dataHash", b"h" * 31))
    yield _form("short_digest", "A digest of 31 bytes.", data)
    data = resealed(seal(), lambda seal: seal["eSealInfo"]["property"].__setitem__("certList", []))
    yield _form("nobody_listed", "A seal for nobody.", with_seal(data))
    data = resealed(seal(), lambda seal: seal["eSealInfo"]["property"].__setitem__("name", "审批\u202e章"))
    yield _form("name_reversed", "A name that turns the writing direction.", with_seal(data))
    value = ESEAL_SIGNATURE.load(GOOD)
    value["cert"] = core.OctetString(b"0" * 64)
    yield _form("certificate_of_zeros", "No certificate where the signer's stands.", value.dump(), "bad_certificate")
