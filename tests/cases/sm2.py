"""Seals under an SM2 key that another way of hashing, or another suite, would take for good.

The signatures are made by the textbook, with nonces that are the same in every run; GmSSL draws its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from typing import Any, Final

from gmssl_pyx import sm3_hash

from ledger.attestation import issue
from ledger.encoding import b64u_decode, b64u_encode, canonical_json
from ledger.governance import MemberRow
from ledger.suites import PublicKey, load_public_key
from tests.cases.case import Case, edited, receipt
from tests.cases.seals import HEADER, PAYLOAD, added_key, member_entry, member_entry_of, receipt_of
from tests.logbook import LogBook
from tests.small_log import CLAIMS, GENESIS, LOG, T0, VCT, vector_random
from tests.textbook_sm2 import G, N, P, add, multiply, on_curve, sign_digest, z_of

__all__ = ["Sm2Textbook", "cases", "sm2_receipt"]

KID: Final = "370214#2"
Digest = Callable[[tuple[int, int], bytes], bytes]


def _scalar(label: str) -> int:
    return int.from_bytes(sha256(label.encode()).digest(), "big") % (N - 2) + 1


def standard_digest(key: tuple[int, int], message: bytes) -> bytes:
    """Compute e = SM3(Z || message)."""
    return bytes(sm3_hash(z_of(*key) + message))


class Sm2Textbook:
    """A signer whose nonce depends on the message alone. digest: how e is made, the standard's way unless told."""

    def __init__(self, digest: Digest = standard_digest) -> None:
        self._secret: Final = _scalar("tongban test vector: county 370214#2 SM2")
        point = multiply(self._secret, G)
        assert point is not None
        self.point: Final = point
        self._digest: Final = digest

    @property
    def public_key(self) -> PublicKey:
        x, y = (number.to_bytes(32, "big") for number in self.point)
        return load_public_key("SM2", x, y)

    def sign(self, message: bytes) -> bytes:
        nonce = _scalar(f"nonce {message.hex()}")
        r, s = sign_digest(self._secret, nonce, self._digest(self.point, message))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


SIGNER: Final = Sm2Textbook()


@cache
def _key_entry() -> bytes:
    row = MemberRow(county="370214", keys=(added_key(KID, SIGNER, "seal"),))
    return member_entry(LogBook(GENESIS, LOG), row)


def _log() -> LogBook:
    book = LogBook(GENESIS, LOG)
    book.add(_key_entry())
    return book


def sm2_receipt() -> bytes:
    """A receipt of a license that the county sealed with SM2: VALID at T0 + 150."""
    sealed = issue(CLAIMS, kid=KID, vct=VCT, iss="370214", iat=T0 + 60, signer=SIGNER, random=vector_random())
    entry, _, shown = sealed.partition("~")
    return receipt_of(entry.encode(), _log(), shown=shown)


def _entry(sign: Callable[[bytes], bytes], header: Mapping[str, Any] | None = None) -> bytes:
    protected = {**HEADER, "alg": "SM2", "kid": KID, **(header or {})}
    signing_input = f"{b64u_encode(canonical_json(protected))}.{b64u_encode(canonical_json(PAYLOAD))}".encode()
    return signing_input + b"." + b64u_encode(sign(signing_input)).encode()


def _case(name: str, why: str, entry: bytes, step: int = 8, code: str = "bad_signature") -> Case:
    return Case(name=f"sm2_{name}", why=why, receipt=receipt_of(entry, _log()), step=step, code=code)


def cases() -> Iterator[Case]:
    """Make the cases of SM2."""
    another_id = Sm2Textbook(lambda key, message: bytes(sm3_hash(z_of(*key, b"ALICE123@YAHOO.COM") + message)))
    yield _case("with_another_id", "Signed under the ID of the standard's example.", _entry(another_id.sign))
    no_z = Sm2Textbook(lambda _, message: bytes(sm3_hash(message)))
    yield _case("without_z", "The message alone is hashed: Z, which binds the key, is left out.", _entry(no_z.sign))
    other_hash = Sm2Textbook(lambda key, message: sha256(z_of(*key) + message).digest())
    yield _case("with_sha256", "SM2 over another hash than SM3.", _entry(other_hash.sign))
    yield _case("digest_in_header", "The peer brings the digest that is to be checked.",
                _entry(SIGNER.sign, {"e": b64u_encode(bytes(32))}), 2, "bad_header")  # fmt: skip
    yield _case("digest_of_choice", "r and s fit the key and a digest that the forger worked out from them.",
                _entry(lambda _: _fits_some_digest()))  # fmt: skip
    yield _case("zero_signature", "A signature of zeros.", _entry(lambda _: bytes(64)))
    yield _case("r_plus_s_is_the_order", "t = 0: the key is left out of the equation.",
                _entry(lambda _: (1).to_bytes(32, "big") + (N - 1).to_bytes(32, "big")))  # fmt: skip
    yield _case("s_as_great_as_the_order", "s = n, which another library reduces to 0.",
                _entry(lambda message: SIGNER.sign(message)[:32] + N.to_bytes(32, "big")))  # fmt: skip
    yield _case("under_ed25519", "The header names Ed25519, the key is SM2.", _entry(SIGNER.sign, {"alg": "Ed25519"}))
    yield _case("under_es256", "A signature of SM2 under the name of ES256.", _entry(_low, {"alg": "ES256"}))
    yield _case(
        "in_lower_case", "Another spelling of the suite.", _entry(SIGNER.sign, {"alg": "sm2"}), 2, "unknown_alg"
    )
    yield from _keys()


def _low(message: bytes) -> bytes:
    signature = SIGNER.sign(message)
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + min(s, N - s).to_bytes(32, "big")


def _fits_some_digest() -> bytes:
    s, t = _scalar("chosen s"), _scalar("chosen t")
    assert add(multiply(s, G), multiply(t, SIGNER.point)) is not None
    return ((t - s) % N).to_bytes(32, "big") + s.to_bytes(32, "big")


def _keys() -> Iterator[Case]:
    x, y = SIGNER.point
    assert not on_curve(x, y + 1)
    yield _key_case("sm2_key_off_the_curve", "A key that lies on a weaker curve.", {"y": y + 1})
    yield _key_case("sm2_coordinate_as_great_as_the_prime", "Two names for one point.", {"x": x % (2**256 - P) + P})
    weak = {"alg": "Ed25519", "x": b64u_encode(b"\x01" + bytes(31)), "y": None}
    yield _key_case("member_key_of_small_order", "A member's key under which one signature fits many messages.", weak)
    beyond = {"alg": "Ed25519", "x": b64u_encode(b"\xf0" + b"\xff" * 30 + b"\x7f"), "y": None}
    yield _key_case("member_key_not_canonical", "y = p + 3: two names for one key.", beyond)


def _key_case(name: str, why: str, changes: Mapping[str, Any]) -> Case:
    payload = _payload_of(_key_entry())
    key = payload["members"][0]["keys"][0]
    for member, value in changes.items():
        key[member] = b64u_encode(value.to_bytes(32, "big")) if isinstance(value, int) else value
        if value is None:
            del key[member]
    entry = member_entry_of(payload).decode()
    data = edited(lambda d: d.update(keys=[{"index": 1, "entry": entry}]), receipt)
    return Case(name=name, why=why, receipt=data, step=7, code="weak_key")


def _payload_of(entry: bytes) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(b64u_decode(json.loads(entry)["payload"]))
    return payload
