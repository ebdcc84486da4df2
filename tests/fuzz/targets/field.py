"""Targets of what is taken into the field: QR codes, the files of a sync folder, and zlib streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from ledger.base45 import base45_decode, base45_encode
from ledger.deflated import deflate, inflate
from ledger.encoding import canonical_json, parse_json
from ledger.landmarks import Growth, format_growth, format_landmarks, parse_growth, parse_landmarks
from ledger.qr import QR_PREFIX, format_qr, parse_qr
from ledger.qr_verifier import FieldVerifier
from ledger.status_list import status_list_claims, statuses_of
from ledger.sync_files import SyncFiles, format_head, format_keys, parse_head, parse_keys
from tests.fuzz.campaign import Target
from tests.fuzz.targets.receipts import check_verdict, named
from tests.fuzz.targets.texts import same
from tests.synced_log import NOW, qr_of, synced_files

__all__ = ["targets"]

MAX_INFLATED: Final = 65_536
CODES: Final = (1, 2, 4)


@cache
def _field() -> FieldVerifier:
    return synced_files().open(now=NOW)


@cache
def _codes() -> list[bytes]:
    return [*(qr_of(index).encode() for index in CODES), qr_of(8, size=None).encode()]


def _parse(text: str) -> None:
    """A code that is read is written as a code that says the same (format_qr reads it again); zlib has many texts."""
    format_qr(parse_qr(text))


def _qr(data: bytes) -> None:
    _parse(data.decode("latin-1"))


def _streams() -> list[bytes]:
    return [inflate(base45_decode(code.decode().removeprefix(QR_PREFIX)), max_bytes=MAX_INFLATED) for code in _codes()]


def _text_of(data: bytes) -> str:
    return QR_PREFIX + base45_encode(deflate(data))


def _payload(data: bytes) -> None:
    """Bytes inside a code."""
    _parse(_text_of(data))


def _verdict(data: bytes) -> str:
    """The same, judged by a verifier that synced."""
    verdict = _field().verify_qr(_text_of(data), now=NOW, max_age=86_400)
    check_verdict(verdict)
    if verdict.claims:
        assert verdict.claims["iss"] == "370214"
    return named(verdict)


def _base45(data: bytes) -> None:
    text = data.decode("latin-1")
    same(base45_encode(base45_decode(text)), text)


def _zlib(data: bytes) -> None:
    assert len(inflate(data, max_bytes=MAX_INFLATED)) <= MAX_INFLATED


def _bombs() -> list[bytes]:
    """Streams that are within the bound by a little, so that what is doubled in them is not."""
    return [deflate(bytes(MAX_INFLATED)), deflate(b"LIC1" * 99), deflate(bytes(range(256)) * 200)]


def _landmarks(data: bytes) -> None:
    same(format_landmarks(parse_landmarks(data)), data)


def _growth(data: bytes) -> None:
    same(format_growth(parse_growth(data)), data)


def _head(data: bytes) -> None:
    jws, path = parse_head(data)
    if jws.isascii():
        same(format_head(jws, path), data)


def _keys(data: bytes) -> None:
    rows = parse_keys(data)
    if all(entry.isascii() for _, entry in rows):
        same(format_keys(rows), data)


def _more_growth() -> list[bytes]:
    steps = [Growth(old=1, new=2, path=()), Growth(old=2, new=7, path=(bytes(32), b"\x01" * 32))]
    return [synced_files().growth, format_growth(steps)]


def _file_of(name: str) -> Callable[[bytes], None]:
    """One file of a folder changed: refused, or the folder says what it said before."""

    def run(data: bytes) -> None:
        files: SyncFiles = replace(synced_files(), **{name: data})
        synced = files.check(_field()._verifier, now=NOW)
        assert synced.statuses.to_bytes() == _field().synced.statuses.to_bytes()
        assert synced.size == _field().synced.size

    return run


def _seed_of(name: str) -> Callable[[], Sequence[bytes]]:
    return lambda: [getattr(synced_files(), name)]


def _status_lists() -> list[bytes]:
    claims = status_list_claims(deflate(bytes(300)), uri="https://hub.example/ledger/statuslist", time=NOW)
    return [canonical_json(claims)]


def _status_list(data: bytes) -> None:
    claims = parse_json(data, max_bytes=MAX_INFLATED)
    if isinstance(claims, dict):
        assert isinstance(statuses_of(claims), bytes)


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="status list", seeds=_status_lists, run=_status_list)
    yield Target(name="QR text", seeds=_codes, run=_qr)
    yield Target(name="QR payload", seeds=_streams, run=_payload)
    yield Target(name="QR verdict", seeds=_streams, run=_verdict, share=0.2)
    yield Target(name="base45", seeds=lambda: [b"BB8", b"%69 VD92EX0", b"UJCLQE7W581", b"QED8WEX0"], run=_base45)
    yield Target(name="zlib", seeds=_bombs, run=_zlib)
    yield Target(name="landmarks", seeds=lambda: [synced_files().landmarks], run=_landmarks)
    yield Target(name="growth", seeds=_more_growth, run=_growth)
    yield Target(name="sync head", seeds=lambda: [synced_files().head], run=_head)
    yield Target(name="sync keys", seeds=lambda: [synced_files().keys], run=_keys)
    for name in ("keys", "checkpoint", "head", "status", "landmarks", "growth"):
        yield Target(name=f"folder {name}", seeds=_seed_of(name), run=_file_of(name), share=0.1)
