"""The offline verifier: one receipt in, one verdict out; no network, no clock, no exception for any input.

     #  step          checks                                                                         failure
     1  parse         size, canonical JSON, members, base64, forms of proof and note                 FORGED malformed
     2  entry         the text before the first `~` is a seal; leaf from its bytes                   FORGED
     3  log           origin is a log of the policy and signed; no known cosigner's line fails       FORGED
     4  quorum        enough witnesses of the policy cosigned; gives the time T                      UNWITNESSED
     5  inclusion     the leaf stands at `index` under the root                                      FORGED
     6  head          the last leaf is a head by the log key; it covers `index`                      FORGED
     7  keys          chain of key entries from the genesis to the state that the head binds         FORGED, STALE
     8  issuer        kid active at index for `seal`, signature; iat <= T + 300                      FORGED
     9  disclosures   each shown claim has its digest in the seal (RFC 9901)                         FORGED
    10  holder        key binding, only if the caller requires it                                    FORGED
    11  status proof  the status tile leads to the head's status root                                FORGED
    12  status        the two bits of `index`, from the newer of receipt and sync                    REVOKED, ...
    13  validity      nbf - 300 <= now < exp                                                         EXPIRED
    14  freshness     now - T <= max_age                                                             STALE

Steps 1-11 stop at the first failure. Steps 12-14 are all evaluated; the first of REVOKED, SUPERSEDED, SUSPENDED,
EXPIRED, STALE wins; none of them is VALID. There is no verdict without a policy, a pinned genesis and a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypeAlias

from ledger.anchor import BoundKeys, TrustAnchor
from ledger.attestation import SdJwt
from ledger.attestation import check as check_shown_claims
from ledger.encoding import JsonValue
from ledger.entries import Head, Seal, parse_seal
from ledger.errors import NotVerified, TongbanError
from ledger.holder_binding import check_holder
from ledger.receipt import Receipt, parse_receipt
from ledger.status import Status, verify_status_proof
from ledger.suites import verify as verify_signature
from ledger.sync import Synced
from ledger.transparency.merkle import verify_inclusion
from ledger.transparency.policy import Policy
from ledger.verdict import STEPS, Outcome, Step, StepState, Verdict

__all__ = ["AHEAD_S", "HolderChallenge", "Verifier", "verify"]

AHEAD_S: Final = 300  # seconds that clocks may differ
_FINDINGS: Final = (Outcome.REVOKED, Outcome.SUPERSEDED, Outcome.SUSPENDED, Outcome.EXPIRED, Outcome.STALE)
_OUTCOMES: Final = {"no_quorum": Outcome.UNWITNESSED, "keys_behind": Outcome.STALE}
Finding: TypeAlias = tuple[Outcome, str, str]
"""What one of the steps 12-14 found: outcome, code, message."""

_NOTHING: Final[Mapping[int, bytes]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderChallenge:
    """What the verifier gave the holder to bind the presentation to: its own name, and a nonce used once."""

    aud: str
    nonce: str


class Verifier:
    """Verifies receipts under one policy and one pinned genesis; keeps what verified, so that the next is cheap.

    With the checkpoint at hand a check costs little more than the issuer's signature. Safe to share between threads.
    policy_digest: SHA-256 of the policy file, for the note policy_not_current.
    Raises Malformed, NotVerified, Conflict if `genesis` is no valid genesis entry.
    """

    def __init__(self, policy: Policy, genesis: bytes, *, policy_digest: bytes | None = None) -> None:
        self.anchor: Final = TrustAnchor(policy, genesis, policy_digest=policy_digest)

    def verify(
        self,
        receipt: bytes,
        *,
        now: int,
        max_age: int,
        known_keys: Sequence[tuple[int, bytes]] = (),
        synced: Synced | None = None,
        holder: HolderChallenge | None = None,
    ) -> Verdict:
        """Return the verdict on a receipt; the 14 steps of this module.

        now: POSIX seconds. max_age: greatest age of the checkpoint in seconds. known_keys: (index, entry) of member and
        rule entries that the verifier has. synced: newer statuses (`ledger.sync`). holder: set to require key binding.
        """
        known = dict(known_keys) if known_keys else _NOTHING
        examination = _Examination(self.anchor, now=now, max_age=max_age, known=known, synced=synced, holder=holder)
        return examination.run(receipt)


def verify(
    receipt: bytes,
    *,
    policy: Policy,
    genesis: bytes,
    now: int,
    max_age: int,
    known_keys: Sequence[tuple[int, bytes]] = (),
    synced: Synced | None = None,
    holder: HolderChallenge | None = None,
) -> Verdict:
    """Return the verdict on one receipt. Arguments as for Verifier, which is the choice for more than one receipt."""
    verifier = Verifier(policy, genesis)
    return verifier.verify(receipt, now=now, max_age=max_age, known_keys=known_keys, synced=synced, holder=holder)


class _Examination:
    """One receipt on its way through the steps; what a step finds is there for the later ones."""

    receipt: Receipt
    seal: Seal
    head: Head
    keys: BoundKeys
    sd_jwt: SdJwt
    claims: Mapping[str, JsonValue]
    status: Status

    def __init__(
        self,
        anchor: TrustAnchor,
        *,
        now: int,
        max_age: int,
        known: Mapping[int, bytes],
        synced: Synced | None,
        holder: HolderChallenge | None,
    ) -> None:
        self.anchor, self.now, self.max_age, self.known = anchor, now, max_age, known
        self.synced, self.holder = synced, holder
        self.passed: list[Step] = []
        self.time: int | None = None
        self.void = False

    def run(self, data: bytes) -> Verdict:
        """Take the steps in their order."""
        try:
            self._pass(self.check_parse(data))
            for step in _PROOFS:
                self._pass(step(self))
        except TongbanError as error:
            return self._stopped(error)
        return self._found()

    def _pass(self, detail: str) -> None:
        self.passed.append(_passed(len(self.passed) + 1, detail))

    # Steps 1-11: each returns what it found, or raises.

    def check_parse(self, data: bytes) -> str:  # 1
        self.receipt = parse_receipt(data)
        return f"{len(data)} bytes"

    def check_entry(self) -> str:  # 2
        self.seal = parse_seal(self.receipt.entry)
        return f"seal of {self.seal.iss}"

    def check_log(self) -> str:  # 3
        checkpoint = self.anchor.checkpoint(self.receipt.proof.checkpoint).checkpoint
        return f"checkpoint of {checkpoint.origin}, size {checkpoint.size}"

    def check_quorum(self) -> str:  # 4
        self.time = self.anchor.quorum_time(self.receipt.proof.checkpoint, self.now)
        return f"witnessed at {_utc(self.time)}"

    def check_inclusion(self) -> str:  # 5
        proof = self.receipt.proof
        checkpoint = self.anchor.checkpoint(proof.checkpoint).checkpoint
        verify_inclusion(self.seal.leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)
        return f"entry {proof.index}"

    def check_head(self) -> str:  # 6
        self.head = self.anchor.head(self.receipt.proof.checkpoint, self.receipt.head, self.receipt.head_path)
        if self.receipt.proof.index >= self.head.n:
            raise NotVerified("bad_head", f"the head covers {self.head.n} entries and not this one")
        return f"covers {self.head.n} entries"

    def check_keys(self) -> str:  # 7
        origin = self.anchor.checkpoint(self.receipt.proof.checkpoint).checkpoint.origin
        self.keys = self.anchor.bound_keys(self.head, origin, self.receipt.keys, self.known)
        return "key state follows from the pinned genesis"

    def check_issuer(self) -> str:  # 8
        (signature,) = self.seal.signatures
        index = self.receipt.proof.index
        key = self.keys.state.listed_key(signature.kid)
        key.check_use(index, "seal")
        if key.public_key.alg != signature.alg:
            raise NotVerified("bad_signature", f"key {key.kid} is of suite {key.public_key.alg}, the seal says another")
        verify_signature(key.public_key, signature.message, signature.signature)
        if self.time is None or self.seal.iat > self.time + AHEAD_S:
            raise NotVerified("bad_signature", "the seal is dated after the checkpoint that holds it")
        self.void = key.is_void(index)  # sealed with a key that had leaked: a status, so step 12 says it
        return f"signed by {signature.kid}"

    def check_disclosures(self) -> str:  # 9
        self.sd_jwt = SdJwt.parse(self.receipt.sd_jwt)
        self.claims = check_shown_claims(self.sd_jwt, self.seal.jws.payload)
        return f"{len(self.sd_jwt.disclosures)} claims shown"

    def check_holder(self) -> str:  # 10
        if self.holder is None:
            return "not required"
        try:
            check_holder(self.sd_jwt, self.seal.jws.payload, aud=self.holder.aud, nonce=self.holder.nonce, now=self.now)
        except TongbanError as error:
            raise NotVerified("holder_binding", error.message) from error
        return "bound by the holder's key"

    def check_status_proof(self) -> str:  # 11
        receipt = self.receipt
        self.status = verify_status_proof(
            receipt.proof.index, self.head.n, receipt.tile, receipt.status_path, self.head.root
        )
        return "status tile leads to the head's root"

    # Steps 12-14: all evaluated; each gives None, or outcome, code and message of what it found.

    def judge_status(self) -> Finding | None:  # 12
        status, index = self.status, self.receipt.proof.index
        if self.synced is not None and self.synced.size >= self.head.n:
            status, self.time = self.synced.status_of(index), self.synced.time_after(self.head.n, self.time)
        if self.void:
            return Outcome.REVOKED, "key_void", "sealed with a key after it was compromised"
        if status is Status.VALID:
            return None
        return Outcome[status.name], status.name.lower(), f"the issuer has {status.name.lower()} this license"

    def judge_validity(self) -> Finding | None:  # 13
        if self.now < self.seal.not_before - AHEAD_S:
            return Outcome.EXPIRED, "not_yet_valid", f"valid only from {_utc(self.seal.not_before)}"
        if self.seal.expires is not None and self.now >= self.seal.expires:
            return Outcome.EXPIRED, "expired", f"expired at {_utc(self.seal.expires)}"
        return None

    def judge_freshness(self) -> Finding | None:  # 14
        age = self._age() or 0
        if age > self.max_age:
            return Outcome.STALE, "stale", f"checkpoint is {age} s old, at most {self.max_age} s are asked for"
        return None

    def _age(self) -> int | None:
        return None if self.time is None else self.now - self.time

    # Verdicts

    def _stopped(self, error: TongbanError) -> Verdict:
        number = len(self.passed) + 1
        code = "malformed" if number == 1 else error.code
        steps = [*self.passed, Step(number, STEPS[number - 1], StepState.FAILED, str(error))]
        steps += [
            Step(later, STEPS[later - 1], StepState.NOT_REACHED, "") for later in range(number + 1, len(STEPS) + 1)
        ]
        outcome = _OUTCOMES.get(code, Outcome.FORGED) if number in {4, 7} else Outcome.FORGED
        return self._verdict(outcome, code, error.message, steps)

    def _found(self) -> Verdict:
        findings = [finding for finding in map(self._judge, _JUDGEMENTS) if finding is not None]
        if not findings:
            since = "" if self.time is None else _utc(self.time)
            return self._verdict(Outcome.VALID, "valid", f"sealed by {self.seal.iss}, not revoked as of {since}")
        outcome, code, message = min(findings, key=lambda finding: _FINDINGS.index(finding[0]))
        return self._verdict(outcome, code, message)

    def _judge(self, judgement: Callable[[_Examination], Finding | None]) -> Finding | None:
        finding = judgement(self)
        if finding is None:
            self._pass("")
        else:
            number = len(self.passed) + 1
            self.passed.append(Step(number, STEPS[number - 1], StepState.FAILED, finding[2]))
        return finding

    def _verdict(self, outcome: Outcome, code: str, message: str, steps: Sequence[Step] | None = None) -> Verdict:
        proven = steps is None
        return Verdict(
            outcome=outcome,
            code=code,
            message=message,
            time=self.time,
            age=self._age(),
            steps=tuple(self.passed if steps is None else steps),
            claims=self.claims if proven else {},
            index=self.receipt.proof.index if self.passed else None,
            notes=self.anchor.notes(self.keys) if proven else (),
        )


_PROOFS: Final[tuple[Callable[[_Examination], str], ...]] = (
    _Examination.check_entry,
    _Examination.check_log,
    _Examination.check_quorum,
    _Examination.check_inclusion,
    _Examination.check_head,
    _Examination.check_keys,
    _Examination.check_issuer,
    _Examination.check_disclosures,
    _Examination.check_holder,
    _Examination.check_status_proof,
)
_JUDGEMENTS: Final = (_Examination.judge_status, _Examination.judge_validity, _Examination.judge_freshness)


@lru_cache(maxsize=1024)  # most of what is found is the same for all receipts under one checkpoint
def _passed(number: int, detail: str) -> Step:
    return Step(number, STEPS[number - 1], StepState.PASSED, detail)


@lru_cache(maxsize=1024)
def _utc(time: int) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):  # past the year 9999
        return f"POSIX time {time}"
