"""Targets of what comes from counties that are no part of the log: answers of GB/T 36906 services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hub.county.licenses import is_face_name
from hub.sources.legacy import parse_listing, parse_metadata, parse_verified
from tests.alliance import license_of
from tests.fuzz.campaign import Target
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


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    row = {"certIdentifier": _LICENSE.identifier, "certName": "营业执照", "status": "01"}
    yield Target(name="legacy metadata", seeds=_faces, run=_metadata)
    yield Target(name="legacy listing", seeds=lambda: [_answer("0", [row, row]), _answer(3, None)], run=parse_listing)
    verified = [_answer("0", {"result": result}) for result in ("0", 7)]
    yield Target(name="legacy verified", seeds=lambda: [*verified, _answer("22", None)], run=parse_verified)
