"""Targets of what partner systems hand in and get: cursors of events, URLs of webhooks, signed deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.events.facts import Place, parse_cursor, write_cursor
from hub.events.signing import check_delivery, signed_headers
from hub.events.targets import check_target
from ledger.errors import Malformed
from ledger.suites import PublicKey
from tests.entropy import signer_of
from tests.fuzz.campaign import Target

__all__ = ["targets"]

_URL: Final = "https://counter.example/tongban/events"
_NOW: Final = 1_780_304_400
_SIGNER: Final = signer_of("hub")
_BODY: Final = b'{"id":"x"}'
_NAMES: Final = ("content-type", "content-digest", "webhook-id", "signature-input", "signature")


def _key(_kid: str) -> PublicKey:
    return _SIGNER.public_key


def _cursor(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert write_cursor(parse_cursor(text)) == text


def _target(data: bytes) -> None:
    check_target(data.decode("utf-8", "replace"), private=False)


def _delivery(data: bytes) -> None:
    """Headers, a line each. What is accepted bears the one signature that was made."""
    lines = data.decode("utf-8", "replace").split("\n")
    if len(lines) != len(_NAMES):
        raise Malformed("bad_header", "expected a line for each header")
    headers = dict(zip(_NAMES, lines, strict=True))
    check_delivery(_URL, headers, _BODY, now=_NOW, key_of=_key)
    assert headers == dict(zip(_NAMES, _deliveries()[0].decode().split("\n"), strict=True))


def _deliveries() -> list[bytes]:
    made = signed_headers(_URL, _BODY, "A" * 22, now=_NOW, kid="k" * 43, sign=_SIGNER.sign)
    return ["\n".join(made.values()).encode()]


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    places = (Place(0, 0, 0, 0), Place(7, 812, 33, _NOW, b"12345678"))
    yield Target(name="event cursor", seeds=lambda: [write_cursor(place).encode() for place in places], run=_cursor)
    urls = (_URL, "https://[2001:db8::1]:8443/", "https://a.example:443/x/y")
    yield Target(name="webhook url", seeds=lambda: [url.encode() for url in urls], run=_target)
    yield Target(name="webhook delivery", seeds=_deliveries, run=_delivery)
