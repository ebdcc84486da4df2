"""Signed deliveries: the exact headers, a base written by hand, and everything that must not pass."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import pytest

from hub.events.signing import check_delivery, signed_headers
from hub.events.targets import resolved
from ledger.encoding import b64_decode, b64_encode
from ledger.errors import Malformed, NotVerified, Refused
from ledger.suites import verify
from tests.entropy import signer_of

URL: Final = "https://counter.example/events"
BODY: Final = b'{"id":"e"}'
NOW: Final = 1_780_304_400
KID: Final = "k" * 43
SIGNER: Final = signer_of("hub")
HEADERS: Final = {
    name.lower(): value
    for name, value in signed_headers(URL, BODY, "e" * 22, now=NOW, kid=KID, sign=SIGNER.sign).items()
}


def test_the_base_is_that_of_rfc_9421() -> None:
    """Written out here, line by line (section 2.5), and verified without our own code for it."""
    covered = '("@method" "@target-uri" "content-type" "content-digest" "webhook-id")'
    parameters = f'{covered};created={NOW};expires={NOW + 300};keyid="{KID}";alg="ed25519"'
    digest = f"sha-256=:{b64_encode(sha256(BODY).digest())}:"
    base = (
        f'"@method": POST\n"@target-uri": {URL}\n"content-type": application/json\n"content-digest": {digest}\n'
        f'"webhook-id": {"e" * 22}\n"@signature-params": {parameters}'
    )
    assert HEADERS["signature-input"] == f"tongban={parameters}"
    assert HEADERS["content-digest"] == digest
    signature = HEADERS["signature"].removeprefix("tongban=:").removesuffix(":")
    verify(SIGNER.public_key, base.encode(), b64_decode(signature))


def check(url: str = URL, body: bytes = BODY, now: int = NOW, **headers: Any) -> str:
    given = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return check_delivery(url, given, body, now=now, key_of=lambda _: SIGNER.public_key)


def test_a_delivery_names_its_event() -> None:
    assert check() == "e" * 22
    assert check(now=NOW - 60) == check(now=NOW + 299) == "e" * 22


@pytest.mark.parametrize(
    "changed",
    [
        {"url": URL + "/"}, {"body": b"{}"}, {"now": NOW + 300}, {"now": NOW - 61}, {"webhook_id": "f" * 22},
        {"content_digest": "sha-256=:AAAA:"}, {"signature": f"tongban=:{'A' * 86}==:"},
        {"signature_input": HEADERS["signature-input"].replace(str(NOW), str(NOW + 1))},
    ],
)  # fmt: skip
def test_what_was_not_signed_is_not_taken(changed: dict[str, Any]) -> None:
    with pytest.raises(NotVerified, match="bad_signature"):
        check(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"signature_input": ""}, {"signature": ""}, {"content_type": "text/plain"},
        {"signature_input": HEADERS["signature-input"].replace('"@method" ', "")},
        {"signature_input": HEADERS["signature-input"].replace("ed25519", "hmac-sha256")},
    ],
)  # fmt: skip
def test_a_signature_of_another_form_is_not_read(changed: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="bad_header"):
        check(**changed)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[fd00::1]", "100.64.0.1"]
)  # fmt: skip
async def test_an_address_that_is_not_public_is_never_asked(host: str) -> None:
    with pytest.raises(Refused, match="forbidden"):
        await resolved(f"https://{host}/x", private=False)
    assert (await resolved(f"https://{host}/x", private=True)).host == host


async def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    found = await resolved("https://8.8.8.8:8443/x", private=False)
    assert (found.url, found.host, found.name) == ("https://8.8.8.8:8443/x", "8.8.8.8:8443", "8.8.8.8")
