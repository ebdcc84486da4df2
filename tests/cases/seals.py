"""Entries that are in the log, under honest witnesses, and are no seal of the county: the operator let them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256, sha512
from typing import Any, Final

from ledger.attestation import issue
from ledger.encoding import b64u_decode, b64u_encode, canonical_json
from ledger.entries import MEMBER_TYP, RULE_TYP
from ledger.governance import KeyAddition, KeyRevocation, MemberRow, member_payload, rule_payload
from ledger.jws import compact_jws, payload_part, sign_general
from ledger.matterlist import ListChange
from ledger.signers import Signer
from ledger.suites import P256_ORDER
from ledger.verdict import Outcome
from tests.cases.case import TIMES, Case
from tests.entropy import signer_of
from tests.logbook import LogBook
from tests.small_log import CLAIMS, COUNTIES, GENESIS, LOG, SEALED, T0, VCT, issue_at, vector_random

__all__ = ["added_key", "cases", "list_entry", "member_entry", "member_entry_of", "receipt_of"]

KEY: Final = COUNTIES["370214"]
HEADER: Final = {"alg": "Ed25519", "typ": "dc+sd-jwt", "kid": "370214#1"}
PAYLOAD: Final[dict[str, Any]] = {
    "iss": "370214",
    "vct": VCT,
    "iat": T0 + 60,
    "_sd_alg": "sha-256",
    "_sd": sorted(b64u_encode(bytes([number]) * 32) for number in range(4)),
}
ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493


def receipt_of(entry: bytes, book: LogBook | None = None, *, after: Sequence[bytes] = (), shown: str = "") -> bytes:
    """Let the log take any entry, then the proper entries of `after`, and make the receipt."""
    log = book or LogBook(GENESIS, LOG)
    index = log.size
    log.append(entry)
    for proper in after:
        log.add(proper)
    log.close()
    return log.receipt(index, f"{entry.decode()}~{shown}", log.checkpoint(list(TIMES.values())))


def member_entry(book: LogBook, row: MemberRow, *, signers: Mapping[str, Signer] = COUNTIES) -> bytes:
    """Sign a change of one member's keys with the govern keys of `signers`."""
    payload = member_payload(iat=T0 + 30, k=2, members=[row], prev=book.state.digest())
    return sign_general(MEMBER_TYP, payload, [(f"{county}#1", signer) for county, signer in signers.items()])


def member_entry_of(payload: Mapping[str, Any]) -> bytes:
    """Sign any payload of a member entry with the govern keys of both counties."""
    return sign_general(MEMBER_TYP, payload_part(payload), [(f"{county}#1", key) for county, key in COUNTIES.items()])


def list_entry(book: LogBook, change: ListChange) -> bytes:
    """Sign a change of the list of matters with the govern keys of both counties."""
    documents = {"matters": bytes(32)} if change.begin else {}
    payload = rule_payload(iat=T0 + 30, prev=book.state.digest(), documents=documents, matters=change)
    return sign_general(RULE_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()])


def added_key(kid: str, signer: Signer, *uses: str) -> KeyAddition:
    """List a signer's public half, good from T0 on."""
    return KeyAddition(kid=kid, public_key=signer.public_key, uses=uses, valid_from=T0)


def _signed(payload: Mapping[str, Any] = PAYLOAD, *, signer: Signer = KEY, **header: str) -> bytes:
    return compact_jws({**HEADER, **header}, payload, signer)


def _raw_payload(text: bytes) -> bytes:
    signing_input = f"{b64u_encode(canonical_json(HEADER))}.{b64u_encode(text)}"
    return f"{signing_input}.{b64u_encode(KEY.sign(signing_input.encode()))}".encode()


def _with_signature(entry: bytes, signature: bytes) -> bytes:
    return entry.rpartition(b".")[0] + b"." + b64u_encode(signature).encode()


def _over_nothing(message: bytes) -> bytes:
    """Sign as RFC 8032, 5.1.6 says, with the nonce 0: R is the neutral point, S = k * a."""
    seed = sha256(b"tongban test vector: county 370214#1").digest()
    scalar = int.from_bytes(sha512(seed).digest()[:32], "little") & (2**254 - 8) | 2**254
    neutral = b"\x01" + bytes(31)
    k = int.from_bytes(sha512(neutral + KEY.public_key.x + message).digest(), "little")
    return neutral + (k * scalar % ED25519_ORDER).to_bytes(32, "little")


def cases() -> Iterator[Case]:
    """Make the cases of steps 2 and 8."""
    for name, why, entry, code in (*_headers(), *_payloads()):
        yield Case(name=name, why=why, receipt=receipt_of(entry), step=2, code=code)
    yield from _signatures()
    yield from _periods()
    yield from _es256()


def _headers() -> Iterator[tuple[str, str, bytes, str]]:
    yield "alg_none", "No signature is needed under `none`.", _signed(alg="none"), "unknown_alg"
    yield "alg_eddsa", "The name that RFC 9864 deprecates.", _signed(alg="EdDSA"), "unknown_alg"
    yield "alg_hs256", "A public key used as a shared secret.", _signed(alg="HS256"), "unknown_alg"
    yield "typ_jwt", "A JWT made for something else.", _signed(typ="JWT"), "unknown_typ"
    yield "typ_status", "A status entry with the payload of a seal.", _signed(typ="lic-status+jwt"), "bad_payload"
    yield (
        "typ_missing",
        "A header without typ.",
        compact_jws({"alg": "Ed25519", "kid": "370214#1"}, PAYLOAD, KEY),
        "bad_header",
    )
    yield (
        "unknown_critical_header",
        "A rule that the verifier does not know and must.",
        _signed(crit="b64"),
        "bad_header",
    )
    yield "key_in_header", "The signer brings the key to check itself with.", _signed(jwk="{}"), "bad_header"
    yield (
        "kid_of_another_county",
        "A county signs as another one.",
        _signed(kid="320583#1", signer=COUNTIES["320583"]),
        "bad_header",
    )
    yield "kid_of_the_log", "The log signs a seal.", _signed(kid="hub.example/ledger", signer=LOG), "bad_header"
    yield "kid_with_leading_zero", "Two texts for one kid.", _signed(kid="370214#01"), "bad_header"
    header = b64u_encode(b'{"alg":"Ed25519","typ":"dc+sd-jwt","kid":"370214#1","kid":"320583#1"}')
    yield (
        "duplicate_kid",
        "Two kids: which one is checked?",
        header.encode() + b"." + _signed().partition(b".")[2],
        "duplicate_member",
    )
    signature = _signed()[:-1] + bytes([_signed()[-1] + 1])
    yield (
        "signature_with_unused_bits",
        "Base64 whose unused bits are set makes a second entry of one seal.",
        signature,
        "bad_base64",
    )
    yield "four_parts", "A fourth part after the signature.", _signed() + b".AAAA", "bad_encoding"


def _payloads() -> Iterator[tuple[str, str, bytes, str]]:
    yield (
        "status_in_payload",
        "A status by the issuer, beside that of the ledger.",
        _signed({**PAYLOAD, "status": 0}),
        "unknown_member",
    )
    yield (
        "iat_as_float",
        "A time as 1.0.",
        _raw_payload(canonical_json(PAYLOAD).replace(b"%d" % (T0 + 60), b"1.0")),
        "bad_number",
    )
    yield "iat_as_text", "A time as text.", _signed({**PAYLOAD, "iat": str(T0)}), "bad_number"
    yield (
        "iat_beyond_integers",
        "A number that JavaScript reads as another.",
        _signed({**PAYLOAD, "iat": 2**53}),
        "bad_number",
    )
    yield "exp_before_iat", "Expired when it was issued.", _signed({**PAYLOAD, "exp": T0 + 60}), "bad_number"
    yield (
        "digests_not_sorted",
        "An order that tells which digest is which claim.",
        _signed({**PAYLOAD, "_sd": PAYLOAD["_sd"][::-1]}),
        "bad_payload",
    )
    yield (
        "digest_twice",
        "One digest in two places.",
        _signed({**PAYLOAD, "_sd": [PAYLOAD["_sd"][0]] * 4}),
        "bad_payload",
    )
    yield (
        "three_digests",
        "A number of digests that tells the number of claims.",
        _signed({**PAYLOAD, "_sd": PAYLOAD["_sd"][:3]}),
        "bad_payload",
    )
    yield (
        "another_digest_algorithm",
        "Digests of an algorithm of the issuer's choice.",
        _signed({**PAYLOAD, "_sd_alg": "md5"}),
        "bad_payload",
    )
    duplicate = canonical_json(PAYLOAD).replace(b'"iss"', b'"iss":"320583","iss"', 1)
    yield "duplicate_issuer", "Two issuers: which one is shown?", _raw_payload(duplicate), "duplicate_member"
    yield (
        "license_type_in_lower_case",
        "A second spelling of one license type.",
        _signed({**PAYLOAD, "vct": VCT.lower()}),
        "bad_payload",
    )
    weak = {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64u_encode(bytes(32))}}
    yield (
        "holder_key_of_small_order",
        "A holder's key under which one signature fits many messages.",
        _signed({**PAYLOAD, "cnf": weak}),
        "weak_key",
    )


def _signatures() -> Iterator[Case]:
    def case(name: str, why: str, entry: bytes, code: str = "bad_signature") -> Case:
        return Case(name=name, why=why, receipt=receipt_of(entry), step=8, code=code)

    yield case("unlisted_key", "A kid that the county never listed.", _signed(kid="370214#9"), "unknown_kid")
    yield case(
        "signed_by_another_county", "The county's kid, the key of another county.", _signed(signer=COUNTIES["320583"])
    )
    yield case("signed_by_another_key", "The county's kid, somebody else's key.", _signed(signer=signer_of("stranger")))
    other = b64u_decode(issue_at(T0 + 61).partition("~")[0].rpartition(".")[2])
    yield case("signature_of_another_seal", "A true signature over something else.", _with_signature(_signed(), other))
    proper = b64u_decode(_signed().decode().rpartition(".")[2])
    s = int.from_bytes(proper[32:], "little") + ED25519_ORDER
    malleated = proper[:32] + s.to_bytes(32, "little")
    yield case(
        "malleated_ed25519", "S plus the group order: a second signature.", _with_signature(_signed(), malleated)
    )
    yield case("r_of_small_order", "R = 0, which some libraries take: made by the county, it tells the world its key.",
               _with_signature(_signed(), _over_nothing(_signed().rpartition(b".")[0])))  # fmt: skip
    yield case("zero_signature", "A signature of zeros.", _with_signature(_signed(), bytes(64)))
    low_s = _with_signature(_signed(alg="ES256"), bytes(63) + b"\x01")
    yield case("alg_of_another_suite", "The header names another suite than the key's.", low_s)
    dated = _signed({**PAYLOAD, "iat": T0 + 421})
    yield case("dated_after_the_checkpoint", "A seal dated after the witnesses saw it.", dated)


def _periods() -> Iterator[Case]:
    seal, new = SEALED.partition("~")[0].encode(), signer_of("370214#2")
    fresh = _signed(kid="370214#2", signer=new)
    book = LogBook(GENESIS, LOG)
    added = member_entry(book, MemberRow(county="370214", keys=(added_key("370214#2", new, "govern", "seal"),)))
    revoked = member_entry(book, MemberRow(county="370214", keys=(added_key("370214#2", new, "govern", "seal"),),
                                           revoke=(KeyRevocation(kid="370214#1"),)))  # fmt: skip
    void = member_entry(book, MemberRow(county="370214", keys=(added_key("370214#2", new, "govern", "seal"),),
                                        revoke=(KeyRevocation(kid="370214#1", void_from=1),)))  # fmt: skip
    governing = member_entry(book, MemberRow(county="370214", keys=(added_key("370214#2", new, "govern"),)))

    def after(entry: bytes) -> LogBook:
        log = LogBook(GENESIS, LOG)
        log.add(entry)
        return log

    yield Case(name="key_before_its_period", why="A key that was added after the seal.", step=8, code="key_not_active",
               receipt=receipt_of(fresh, after=[added]))  # fmt: skip
    yield Case(name="key_after_its_period", why="A key that was revoked before the seal.", step=8, code="key_not_active",
               receipt=receipt_of(seal, after(revoked)))  # fmt: skip
    yield Case(name="key_for_another_use", why="A govern key signs a seal.", step=8, code="key_use",
               receipt=receipt_of(fresh, after(governing)))  # fmt: skip
    yield Case(name="key_compromised", why="Sealed by a thief before the key was revoked.", step=12, code="key_void",
               outcome=Outcome.REVOKED, receipt=receipt_of(seal, after=[void]))  # fmt: skip


def _es256() -> Iterator[Case]:
    signer, book = signer_of("370214#2", "ES256"), LogBook(GENESIS, LOG)
    book.add(member_entry(book, MemberRow(county="370214", keys=(added_key("370214#2", signer, "seal"),))))
    sealed = issue(CLAIMS, kid="370214#2", vct=VCT, iss="370214", iat=T0 + 60, signer=signer, random=vector_random())
    proper = sealed.partition("~")[0].encode()
    signature = b64u_decode(proper.decode().rpartition(".")[2])
    s = P256_ORDER - int.from_bytes(signature[32:], "big")
    malleated = _with_signature(proper, signature[:32] + s.to_bytes(32, "big"))
    yield Case(name="malleated_es256", why="(r, n - s) verifies too, and would be a second entry of a revoked license.",
               step=2, code="es256_high_s", receipt=receipt_of(malleated, book))  # fmt: skip
