from __future__ import annotations

from typing import Any, Final

import pytest

from ledger.confirmation import confirmation_of, confirmed_key
from ledger.encoding import b64u_encode
from ledger.errors import Malformed
from tests.entropy import signer_of
from tests.vector_files import read_vectors

EC: Final[dict[str, Any]] = read_vectors("rfc9901.json")["presentation"]["claims"]["cnf"]["jwk"]
OKP: Final[dict[str, Any]] = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_a_key_survives_its_confirmation(alg: str) -> None:
    key = signer_of("holder", alg).public_key
    assert confirmed_key(confirmation_of(key)) == key


def test_an_sm2_key_is_confirmed_to_nobody() -> None:
    with pytest.raises(Malformed) as caught:
        confirmation_of(signer_of("holder", "SM2").public_key)
    assert caught.value.code == "unknown_alg"


@pytest.mark.parametrize(("jwk", "alg"), [(EC, "ES256"), (OKP, "Ed25519")])
def test_keys_of_the_rfcs_are_read_and_written(jwk: dict[str, Any], alg: str) -> None:
    """Sources: RFC 9901, 5.1 and RFC 8037, A.2."""
    key = confirmed_key({"jwk": jwk})
    assert key.alg == alg
    assert confirmation_of(key) == {"jwk": jwk}


@pytest.mark.parametrize(
    ("cnf", "code"),
    [
        (None, "bad_payload"),
        ({}, "bad_payload"),
        ({"jwk": OKP, "kid": "1"}, "unknown_member"),
        ({"jwk": OKP | {"d": "x"}}, "unknown_member"),
        ({"jwk": OKP | {"alg": "Ed25519"}}, "unknown_member"),
        ({"jwk": {"kty": "OKP", "crv": "Ed25519"}}, "bad_payload"),
        ({"jwk": OKP | {"crv": "X25519"}}, "unknown_alg"),
        ({"jwk": OKP | {"kty": "EC"}}, "unknown_alg"),
        ({"jwk": EC | {"crv": "P-384"}}, "unknown_alg"),
        ({"jwk": EC | {"crv": "SM2"}}, "unknown_alg"),
        ({"jwk": OKP | {"crv": ["Ed25519"]}}, "unknown_alg"),
        ({"jwk": OKP | {"kty": None}}, "unknown_alg"),
        ({"jwk": OKP | {"x": 1}}, "bad_payload"),
        ({"jwk": OKP | {"x": OKP["x"] + "A"}}, "bad_base64"),
        ({"jwk": OKP | {"x": OKP["x"] + "="}}, "bad_base64"),
        ({"jwk": OKP | {"y": OKP["x"]}}, "weak_key"),
        ({"jwk": OKP | {"x": b64u_encode(b"\x00" * 32)}}, "weak_key"),
        ({"jwk": {name: EC[name] for name in ("kty", "crv", "x")}}, "weak_key"),
        ({"jwk": EC | {"y": EC["x"]}}, "weak_key"),
    ],
)
def test_a_confirmation_of_another_form_is_refused(cnf: Any, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        confirmed_key(cnf)
    assert caught.value.code == code
