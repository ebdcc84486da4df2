"""Targets of what counties hand to each other: refusals, deposits, member files, drafts and their signatures."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from hub.county.member import KeyFile, MemberFile
from hub.governance.drafts import Draft
from hub.governance.governing import SignatureFile
from ledger.deposits import parse_deposit
from ledger.entries import MEMBER_TYP
from ledger.governance import KeyAddition, MemberRow, member_payload
from ledger.jws import sign_protected
from ledger.refusal import Refusal, parse_refusal, sign_refusal, verify_refusal
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey
from tests.entropy import signer_of
from tests.fuzz.campaign import Target
from tests.fuzz.targets.entries import genesis_state, status_entries
from tests.fuzz.targets.texts import same
from tests.small_log import AUDITORS, COUNTIES, ORIGIN, T0

__all__ = ["targets"]


def _refusals() -> list[bytes]:
    plain = Refusal(origin=ORIGIN, size=812, root=bytes(32), code="bad_head", iat=T0, index=811)
    left_out = Refusal(
        origin=ORIGIN, size=812, root=bytes(32), code="deposit_left_out", iat=T0, index=1, leaf=bytes(32)
    )
    signer = COUNTIES["370214"]
    return [sign_refusal(each, kid="370214#1", signer=signer) for each in (plain, left_out)]


def _refusal(data: bytes) -> None:
    refusal = parse_refusal(data)
    county, again = verify_refusal(data, genesis_state())
    assert (county, again) == ("370214", refusal)


def _deposit(data: bytes) -> None:
    same(parse_deposit(data).raw, data)


def _keys() -> tuple[KeyAddition, ...]:
    return tuple(
        KeyAddition(kid=f"370214#{number}", public_key=signer_of("new", alg).public_key, uses=uses, valid_from=T0)
        for number, alg, uses in ((2, "Ed25519", ("govern",)), (3, "SM2", ("seal",)))
    )


@cache
def _member_files() -> list[bytes]:
    auditor, witness = (
        VerifierKey.of(f"370214.example/{role}", COSIGNATURE_ED25519, signer_of(role))
        for role in ("auditor", "witness")
    )
    file = MemberFile(county="370214", name="城阳区", url="https://370214.example", keys=_keys(), witness=witness,
                      auditor=auditor)  # fmt: skip
    return [file.text()]


def _member_file(data: bytes) -> None:
    file = MemberFile.parse(data)
    assert MemberFile.parse(file.text()) == file


def _key_files() -> list[bytes]:
    vkey = VerifierKey.of(AUDITORS["370214"].name, COSIGNATURE_ED25519, AUDITORS["370214"].signer).vkey()
    return [KeyFile(county="370214", keys=_keys(), cosigners={"auditor": vkey}).text(), *_member_files()]


def _key_file(data: bytes) -> None:
    file = KeyFile.parse(data)
    assert KeyFile.parse(file.text()) == file


def _payload() -> str:
    return member_payload(iat=T0, k=2, members=[MemberRow(county="370214", keys=_keys())], prev=bytes(32))


def _draft(data: bytes) -> None:
    draft = Draft.parse(data)
    assert Draft.parse(draft.text()) == draft


def _signature_files() -> list[bytes]:
    protected, signature = sign_protected(MEMBER_TYP, _payload(), "370214#1", COUNTIES["370214"])
    return [SignatureFile(county="370214", protected=protected, signature=signature).text()]


def _signature_file(data: bytes) -> None:
    file = SignatureFile.parse(data)
    assert SignatureFile.parse(file.text()) == file


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="refusal", seeds=_refusals, run=_refusal)
    yield Target(name="deposit", seeds=status_entries, run=_deposit)
    yield Target(name="member file", seeds=_member_files, run=_member_file)
    yield Target(name="key file", seeds=_key_files, run=_key_file)
    yield Target(name="draft", seeds=lambda: [Draft(typ=MEMBER_TYP, payload=_payload()).text()], run=_draft)
    yield Target(name="signature file", seeds=_signature_files, run=_signature_file)
