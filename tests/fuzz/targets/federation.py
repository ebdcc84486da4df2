"""Targets of what comes from counties beside the log: answers of GB/T 36906 services, bundles as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hub.bundles.head import MAGIC, BundleHead, build_head, parse_head
from hub.bundles.keys import BundleKey
from hub.bundles.lines import answer_lines, outbox_lines
from hub.county.licenses import is_face_name
from hub.sources.legacy import parse_listing, parse_metadata, parse_verified
from ledger.jws import payload_part
from tests.alliance import NOW, license_of
from tests.entropy import signer_of
from tests.fuzz.campaign import Target
from tests.fuzz.targets.texts import same
from tests.legacy_server import on_the_wire

__all__ = ["targets"]

_LICENSE = license_of(1)
_ASKED = ("certificateHolderName", "certificateIssuedDate", "KZ_ADDRESS")


def _answer(status: object, data: Any) -> bytes:
    text = json.dumps({"head": {"status": status, "message": "said"}, "data": data}, ensure_ascii=False)
    return text.encode()


def _faces() -> list[bytes]:
    face = on_the_wire(_LICENSE.claims())
    return [_answer("0", face), _answer(0, {"ZZBS": _LICENSE.identifier, "CZZT": "甲;乙"}), _answer("10", None)]


def _metadata(data: bytes) -> None:
    """Whatever came: fields of a face alone, and of those that were asked no others."""
    whole = parse_metadata(data, _LICENSE.identifier, ())
    asked = parse_metadata(data, _LICENSE.identifier, _ASKED)
    if whole is None or asked is None:
        assert whole is asked
        return
    assert all(map(is_face_name, whole))
    assert asked == {name: value for name, value in whole.items() if name in _ASKED}


def _heads() -> list[bytes]:
    key = BundleKey.of_secret(bytes(32))
    outbox = BundleHead(
        kind="outbox", county="370214", number=7, previous=bytes(32), iat=NOW, to=key.thumbprint, length=9,
        total=bytes(32), answer_key=key.public,
    )  # fmt: skip
    heads = [outbox, replace(outbox, number=1, previous=None), replace(outbox, kind="answer", answer_key=None)]
    return [build_head(each, "370214#4", signer_of("370214#4")) for each in heads]


def _head(data: bytes) -> None:
    """What is read is written as the same two lines, whoever signed it."""
    signed = parse_head(data)
    header, _, signature = signed.jws.raw.decode("ascii").split(".")
    same(
        (MAGIC.decode() + f"{header}.{payload_part(signed.head.payload())}.{signature}\n").encode(), data[: signed.size]
    )


def _lines(data: bytes) -> None:
    rows = list(outbox_lines(data.split(b"\n")))
    same(b"\n".join(each.text() for each in rows), data)


def _answers(data: bytes) -> None:
    list(answer_lines(data.split(b"\n")))


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    row = {"certIdentifier": _LICENSE.identifier, "certName": "营业执照", "status": "01"}
    yield Target(name="legacy metadata", seeds=_faces, run=_metadata)
    yield Target(name="legacy listing", seeds=lambda: [_answer("0", [row, row]), _answer(3, None)], run=parse_listing)
    verified = [_answer("0", {"result": result}) for result in ("0", 7)]
    yield Target(name="bundle head", seeds=_heads, run=_head)
    sent = [b'{"id":"a","entry":"eyJ"}\n{"id":"b","record":"eyJ"}', b'{"id":"1.2","face":"eyJ~"}']
    yield Target(name="bundle lines", seeds=lambda: sent, run=_lines)
    told = b'{"id":"a","entry":{"index":7,"state":"witnessed"}}\n{"id":"b","face":{"error":{"code":"x"}}}'
    yield Target(name="bundle answers", seeds=lambda: [told], run=_answers)
    yield Target(name="legacy verified", seeds=lambda: [*verified, _answer("22", None)], run=parse_verified)
