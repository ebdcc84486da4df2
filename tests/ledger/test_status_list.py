"""Token Status List: the vector of the standard, and what an independent reader makes of our token."""

from __future__ import annotations

import json
import zlib

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from hub.auth import TokenIssuer
from ledger.deflated import deflate
from ledger.encoding import JsonValue, b64u_decode, b64u_encode
from ledger.errors import Malformed
from ledger.status import Status, StatusArray
from ledger.status_list import LIST_LIFETIME_S, status_list_claims, statuses_of
from tests.entropy import seeded, signer_of

VECTOR = (1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3)
STREAM = bytes.fromhex("78da3be9f2130003df0207")
URI = "https://hub.example/ledger/statuslist"
TIME = 1_780_304_461


def test_the_vector_of_the_standard() -> None:
    statuses = StatusArray()
    statuses.extend_to(len(VECTOR))
    for index, value in enumerate(VECTOR):
        statuses.set(index, Status(value))
    assert statuses.to_bytes() == bytes.fromhex("c944f9")
    assert deflate(statuses.to_bytes()) == STREAM
    claims = status_list_claims(STREAM, uri=URI, time=TIME)
    assert claims == {
        "sub": URI,
        "iat": TIME,
        "exp": TIME + LIST_LIFETIME_S,
        "ttl": 3600,
        "status_list": {"bits": 2, "lst": "eNo76fITAAPfAgc"},
    }
    assert statuses_of(claims) == bytes.fromhex("c944f9")


def test_an_independent_reader_reads_the_signed_list() -> None:
    """Signature by joserfc with the published JWK set, statuses by zlib and the draft's own arithmetic."""
    issuer = TokenIssuer(signer_of("hub token"), issuer="https://hub.example", random=seeded("jti"))
    token = issuer.status_list(status_list_claims(STREAM, uri=URI, time=TIME))
    keys = KeySet.import_key_set(json.loads(issuer.jwks()))
    decoded = jwt.decode(token, keys, algorithms=["Ed25519"])
    assert (decoded.header["typ"], decoded.header["kid"]) == ("statuslist+jwt", issuer.kid)
    array = zlib.decompress(b64u_decode(decoded.claims["status_list"]["lst"]))
    assert tuple(array[index // 4] >> (index % 4 * 2) & 3 for index in range(12)) == VECTOR


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        (None, "bad_payload"),
        ({"bits": 1, "lst": "eNo76fITAAPfAgc"}, "bad_payload"),
        ({"bits": 2, "lst": 7}, "bad_payload"),
        ({"bits": 2, "lst": "eNo76fITAAPfAgc="}, "bad_base64"),
        ({"bits": 2, "lst": b64u_encode(STREAM + b"\x00")}, "bad_encoding"),
    ],
)
def test_what_is_no_list_is_refused(listed: JsonValue, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        statuses_of({"status_list": listed})
    assert caught.value.code == code
