"""The complete small log: genesis, a seal, a head, its revocation, a head; every byte follows from the labels."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from ledger.attestation import issue
from ledger.entries import MEMBER_TYP, RULE_TYP, build_status
from ledger.governance import KeyAddition, MemberRow, member_payload, rule_payload
from ledger.jws import sign_general
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, VerifierKey
from tests.entropy import vector_signer
from tests.logbook import Cosigner, LogBook

__all__ = [
    "AUDITORS",
    "CLAIMS",
    "COUNTIES",
    "GENESIS",
    "LOG",
    "ORIGIN",
    "POLICY",
    "SEALED",
    "SHOWN",
    "T0",
    "VCT",
    "issue_at",
    "policy_rule",
    "revocation",
    "sealed_log",
    "small_log",
    "vector_random",
]

T0: Final = 1_780_300_800  # 2026-06-01T08:00:00Z
ORIGIN: Final = "hub.example/ledger"
VCT: Final = "urn:tongban:license:11100000MB0143028R001"
LOG: Final = vector_signer("log")
COUNTIES: Final = {county: vector_signer(f"county {county}#1") for county in ("320583", "370214")}
AUDITORS: Final = {
    county: Cosigner(f"{county}.example/auditor", vector_signer(f"auditor {county}")) for county in COUNTIES
}
CLAIMS: Final = {
    "certificateIdentifier": "1.2.156.3005.2.11100000MB0143028R001.11370214MB2000004E.202604010000000001.001.Z",
    "certificateHolderName": "示例食品店",
    "certificateTypeName": "营业执照",
}
SHOWN: Final = ("certificateIdentifier", "certificateTypeName")


def vector_random() -> Callable[[int], bytes]:
    """Give salts and decoys as the vectors have them: H("tongban test salt <i>")[:16]; "tongban test decoy <i>" itself.

    A decoy's digest is the hash of what is drawn here; both are counted from 0.
    """
    drawn = {16: 0, 32: 0}

    def random(size: int) -> bytes:
        number, drawn[size] = drawn[size], drawn[size] + 1
        if size == 16:
            return sha256(f"tongban test salt {number}".encode()).digest()[:size]
        return f"tongban test decoy {number}".encode()

    return random


def _vkey(county: str) -> str:
    return VerifierKey.of(AUDITORS[county].name, COSIGNATURE_ED25519, AUDITORS[county].signer).vkey()


def _member(county: str) -> MemberRow:
    key = KeyAddition(kid=f"{county}#1", public_key=COUNTIES[county].public_key, uses=("govern", "seal"), valid_from=T0)
    return MemberRow(county=county, keys=(key,), cosigners={"auditor": _vkey(county)})


GENESIS: Final = sign_general(
    MEMBER_TYP,
    member_payload(iat=T0, origin=ORIGIN, k=2, members=[_member(county) for county in COUNTIES]),
    [(f"{county}#1", signer) for county, signer in COUNTIES.items()],
)
POLICY: Final = (
    f"log {VerifierKey.of(ORIGIN, NOTE_ED25519, LOG).vkey()} https://{ORIGIN}\n"
    f"witness a {_vkey('370214')}\nwitness b {_vkey('320583')}\ngroup q all a b\nquorum q\n"
).encode()


def issue_at(iat: int, *, county: str = "370214", exp: int | None = T0 + 31_536_060) -> str:
    """Seal the sample license with the county's key."""
    kid, signer = f"{county}#1", COUNTIES[county]
    return issue(CLAIMS, kid=kid, vct=VCT, iss=county, iat=iat, exp=exp, signer=signer, random=vector_random())


SEALED: Final = issue_at(T0 + 60)


def sealed_log() -> tuple[LogBook, bytes]:
    """Give the log of size 3 and its checkpoint, cosigned at T0 + 120 and T0 + 121."""
    book = LogBook(GENESIS, LOG)
    book.add(SEALED.partition("~")[0].encode())
    book.close()
    return book, book.checkpoint([(AUDITORS["320583"], T0 + 120), (AUDITORS["370214"], T0 + 121)])


def revocation(book: LogBook, *, of: int = 1, iat: int = T0 + 3600) -> bytes:
    """Sign the revocation of a seal of 370214."""
    leaf = leaf_hash(book.entries[of])
    signer = COUNTIES["370214"]
    return build_status(of=of, leaf=leaf, to=Status.REVOKED, reason="04", iat=iat, kid="370214#1", signer=signer)


def small_log() -> tuple[LogBook, bytes]:
    """Give the log of size 5 and its checkpoint, cosigned at T0 + 3660 and T0 + 3661."""
    book, _ = sealed_log()
    book.add(revocation(book))
    book.close()
    return book, book.checkpoint([(AUDITORS["320583"], T0 + 3660), (AUDITORS["370214"], T0 + 3661)])


def policy_rule(book: LogBook, policy: bytes) -> bytes:
    """Let all members name a policy file in a rule entry."""
    payload = rule_payload(iat=T0 + 30, prev=book.state.digest(), documents={"policy": sha256(policy).digest()})
    return sign_general(RULE_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()])
