"""Targets of what a verifier is handed: receipts, synced statuses, status tiles and arrays; and seals that are signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

from ledger.encoding import b64u_decode, b64u_encode, canonical_json
from ledger.entries import MEMBER_TYP, RULE_TYP
from ledger.errors import TongbanError
from ledger.governance import MemberRow
from ledger.heads import HEAD_TYP
from ledger.jws import sign_protected
from ledger.receipt import format_receipt, parse_receipt
from ledger.status import StatusArray, verify_status_proof
from ledger.sync import check_sync
from ledger.transparency.policy import Policy
from ledger.verdict import Outcome, StepState, Verdict
from ledger.verifier import HolderChallenge, Verifier
from tests.cases.case import TIMES, edited, later_receipt, receipt
from tests.cases.presentations import CHALLENGE
from tests.cases.seals import HEADER, KEY, PAYLOAD, member_entry, receipt_of
from tests.cases.sm2 import sm2_receipt
from tests.fuzz.campaign import Target
from tests.fuzz.targets.entries import BOUND, bound_presentations, changes
from tests.fuzz.targets.texts import same
from tests.logbook import LogBook
from tests.small_log import CLAIMS, COUNTIES, GENESIS, LOG, ORIGIN, POLICY, SEALED, T0, sealed_log, small_log

__all__ = [
    "PAYLOADS",
    "check_verdict",
    "governed",
    "head_payloads",
    "headed",
    "named",
    "receipts",
    "resealed",
    "targets",
]

NOW: Final = T0 + 150
STATUSES: Final = 1_027
PAYLOADS: Final = (canonical_json(PAYLOAD), canonical_json({**PAYLOAD, "nbf": T0, "exp": T0 + 10**7}))


@cache
def _verifier() -> Verifier:
    return Verifier(Policy.parse(POLICY), GENESIS)


@cache
def receipts() -> tuple[bytes, ...]:
    """Valid and revoked receipts, one that brings key changes, one that is bound to its holder, one of an SM2 seal."""
    book = LogBook(GENESIS, LOG)
    change = member_entry(book, MemberRow(county="370214", cosigners={"auditor": None}))
    rich = receipt_of(SEALED.partition("~")[0].encode(), after=[change])
    bound = bound_presentations()[0].decode()
    held = receipt_of(BOUND.partition("~")[0].encode(), shown=bound.partition("~")[2])
    return receipt, later_receipt, rich, held, sm2_receipt()


def _receipt(data: bytes) -> None:
    same(format_receipt(parse_receipt(data)), data)


def check_verdict(verdict: Verdict) -> None:
    """A verdict names all steps, stops at the first that fails, and shows no claim that was not sealed."""
    states = [step.state for step in verdict.steps]
    assert len(states) == 14
    assert (verdict.outcome is Outcome.VALID) == (states == [StepState.PASSED] * 14)
    if StepState.NOT_REACHED in states:
        assert verdict.claims == {}
        assert states.count(StepState.FAILED) == 1
    canonical_json(verdict.to_json())


def _verdict(data: bytes) -> str:
    found = ""
    for holder in (HolderChallenge(**CHALLENGE), None):
        verdict = _verifier().verify(data, now=NOW, max_age=60, holder=holder)
        check_verdict(verdict)
        sealed = {name: verdict.claims[name] for name in CLAIMS if name in verdict.claims}
        assert sealed.items() <= CLAIMS.items(), "a claim that the county did not seal"
        if verdict.claims:
            assert verdict.claims["iss"] == "370214"
        found = named(verdict)
    return found


def named(verdict: Verdict) -> str:
    """Give a verdict in one line: outcome, step, code."""
    return f"{verdict.outcome} {verdict.failed.number if verdict.failed else ''} {verdict.code}"


def resealed(payload: bytes, shown: str = "") -> bytes:
    """Sign any bytes as the payload of a seal, let the log take it, and make the receipt."""
    signing_input = f"{b64u_encode(canonical_json(HEADER))}.{b64u_encode(payload)}"
    entry = f"{signing_input}.{b64u_encode(KEY.sign(signing_input.encode()))}".encode()
    return receipt_of(entry, shown=shown)


def governed(payload: bytes) -> bytes:
    """Sign any bytes as the payload of a member or rule entry, and bring it with a receipt as a key change."""
    typ = RULE_TYP if b'"set"' in payload else MEMBER_TYP
    pairs = [sign_protected(typ, b64u_encode(payload), f"{county}#1", key) for county, key in COUNTIES.items()]
    rows = [{"protected": protected, "signature": signature} for protected, signature in pairs]
    entry = canonical_json({"payload": b64u_encode(payload), "signatures": rows}).decode()
    return edited(lambda document: document.update(keys=[{"index": 1, "entry": entry}]))


def headed(payload: bytes) -> bytes:
    """Sign any bytes as the payload of a head with the log's key, as the last leaf of a tree that honest auditors saw."""
    header = canonical_json({"alg": "Ed25519", "typ": HEAD_TYP, "kid": ORIGIN})
    signing_input = f"{b64u_encode(header)}.{b64u_encode(payload)}"
    book = LogBook(GENESIS, LOG)
    book.add(SEALED.partition("~")[0].encode())
    book.close(f"{signing_input}.{b64u_encode(LOG.sign(signing_input.encode()))}".encode())
    return book.receipt(1, SEALED, book.checkpoint(list(TIMES.values())))


def head_payloads() -> list[bytes]:
    """The payload of an honest head."""
    return [b64u_decode(sealed_log()[0].entries[2].decode().split(".")[1])]


def _judged(make: Callable[[bytes], bytes]) -> Callable[[bytes], str]:
    """Judge what was signed over mutated bytes; where no entry can be made of them, nothing is to be judged."""

    def run(data: bytes) -> str:
        try:
            made = make(data)
        except TongbanError:  # too large for an entry
            return "too large"
        verdict = _verifier().verify(made, now=NOW, max_age=60)
        check_verdict(verdict)
        return named(verdict)

    return run


def _array(data: bytes) -> None:
    array = StatusArray.from_bytes(data, STATUSES)
    same(array.to_bytes(), data)
    array.root()


@cache
def _statuses() -> StatusArray:
    array = StatusArray()
    array.extend_to(STATUSES)
    return array


def _tile(data: bytes) -> None:
    """The first 64 bytes are the tile, the others the path."""
    path = [data[start : start + 32] for start in range(64, len(data), 32)]
    verify_status_proof(600, STATUSES, data[:64], path, _statuses().root())
    same(data, _tile_seeds()[0])


@cache
def _tile_seeds() -> list[bytes]:
    tile, path = _statuses().proof(600)
    return [tile + b"".join(path)]


def _sync(data: bytes) -> None:
    book, note = small_log()
    head, _, statuses = data.partition(b"\n")
    check_sync(_verifier().anchor, note, head, _head_path(), statuses, now=T0 + 3700)
    same(data, book.entries[4] + b"\n" + book.covered.to_bytes())


@cache
def _head_path() -> tuple[bytes, ...]:
    return small_log()[0].path(4)


def _sync_seeds() -> list[bytes]:
    book, _ = small_log()
    return [book.entries[4] + b"\n" + book.covered.to_bytes()]


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="receipt", seeds=receipts, run=_receipt)
    yield Target(name="verdict", seeds=receipts, run=_verdict, share=0.5)
    yield Target(name="signed seal", seeds=lambda: PAYLOADS, run=_judged(resealed), share=0.1)
    yield Target(name="signed change", seeds=changes, run=_judged(governed), share=0.1)
    yield Target(name="signed head", seeds=head_payloads, run=_judged(headed), share=0.1)
    yield Target(name="status array", seeds=lambda: [bytes(-(-STATUSES // 4))], run=_array)
    yield Target(name="status proof", seeds=_tile_seeds, run=_tile)
    yield Target(name="sync", seeds=_sync_seeds, run=_sync, share=0.1)
