"""One document on its way through the 14 steps of `ledger.verdict`; what a step finds is there for the later ones.

    1  parse       5  inclusion    8  issuer         11  status proof
    2  entry       6  head         9  disclosures    12  status
    3  log         7  keys        10  holder         13  validity
    4  quorum                                        14  freshness

Steps 1-11 stop at the first failure. Steps 12-14 are all evaluated; the first of REVOKED, SUPERSEDED, SUSPENDED,
EXPIRED, STALE wins; none of them is VALID. A receipt brings its proofs, those of a QR code stand in a sync folder: what
differs is left to the two subclasses, and what a seal must be is here, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from ledger.anchor import BoundKeys, TrustAnchor
from ledger.attestation import SdJwt
from ledger.attestation import check as check_shown_claims
from ledger.encoding import JsonValue
from ledger.entries import Seal, parse_seal
from ledger.errors import NotVerified, TongbanError
from ledger.holder_binding import check_holder
from ledger.status import Status
from ledger.suites import verify as verify_signature
from ledger.verdict import STEPS, Outcome, Step, StepState, Verdict, utc

__all__ = ["AHEAD_S", "Examination", "Finding", "HolderChallenge"]

AHEAD_S: Final = 300  # seconds that clocks may differ
_FINDINGS: Final = (Outcome.REVOKED, Outcome.SUPERSEDED, Outcome.SUSPENDED, Outcome.EXPIRED, Outcome.STALE)
_OUTCOMES: Final = {
    (4, "no_quorum"): Outcome.UNWITNESSED,
    (5, "no_inclusion"): Outcome.UNWITNESSED,
    (5, "unknown_landmark"): Outcome.STALE,
    (7, "keys_behind"): Outcome.STALE,
}
"""(step, code) of a failure that is no forgery."""
Finding: TypeAlias = tuple[Outcome, str, str]
"""What one of the steps 12-14 found: outcome, code, message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderChallenge:
    """What the verifier gave the holder to bind the presentation to: its own name, and a nonce used once."""

    aud: str
    nonce: str


class Examination(ABC):
    """The steps of one document. now: POSIX seconds. max_age: greatest age of what was witnessed, seconds."""

    index: int
    presentation: str
    seal: Seal
    keys: BoundKeys
    claims: Mapping[str, JsonValue]
    status: Status

    def __init__(self, anchor: TrustAnchor, *, now: int, max_age: int, holder: HolderChallenge | None) -> None:
        self.anchor, self.now, self.max_age, self.holder = anchor, now, max_age, holder
        self.passed: list[Step] = []
        self.time: int | None = None
        self.void = False

    def run(self) -> Verdict:
        """Take the steps in their order."""
        try:
            for step in _PROOFS:
                self._pass(step(self))
        except TongbanError as error:
            return self._stopped(error)
        return self._found()

    def _pass(self, detail: str) -> None:
        self.passed.append(_passed(len(self.passed) + 1, detail))

    # Steps 1-11: each returns what it found, or raises.

    @abstractmethod
    def check_parse(self) -> str:
        """Step 1: read the form, set `index` and `presentation`."""

    def check_entry(self) -> str:
        """Step 2."""
        self.seal = parse_seal(self.presentation.partition("~")[0].encode("utf-8"))
        return f"seal of {self.seal.iss}"

    @abstractmethod
    def check_log(self) -> str:
        """Step 3."""

    @abstractmethod
    def check_quorum(self) -> str:
        """Step 4: set `time`."""

    @abstractmethod
    def check_inclusion(self) -> str:
        """Step 5: the seal stands at `index`."""

    @abstractmethod
    def check_head(self) -> str:
        """Step 6: a head covers `index`."""

    @abstractmethod
    def check_keys(self) -> str:
        """Step 7: set `keys`."""

    def check_issuer(self) -> str:
        """Step 8."""
        (signature,) = self.seal.signatures
        key = self.keys.state.listed_key(signature.kid)
        key.check_use(self.index, "seal")
        if key.public_key.alg != signature.alg:
            raise NotVerified("bad_signature", f"key {key.kid} is of suite {key.public_key.alg}, the seal says another")
        verify_signature(key.public_key, signature.message, signature.signature)
        if self.time is None or self.seal.iat > self.time + AHEAD_S:
            raise NotVerified("bad_signature", "the seal is dated after the checkpoint that holds it")
        self.void = key.is_void(self.index)  # sealed with a key that had leaked: a status, so step 12 says it
        return f"signed by {signature.kid}"

    def check_disclosures(self) -> str:
        """Step 9."""
        self.sd_jwt = SdJwt.parse(self.presentation)
        self.claims = check_shown_claims(self.sd_jwt, self.seal.jws.payload)
        return f"{len(self.sd_jwt.disclosures)} claims shown"

    def check_holder(self) -> str:
        """Step 10."""
        if self.holder is None:
            return "not required"
        try:
            check_holder(self.sd_jwt, self.seal.jws.payload, aud=self.holder.aud, nonce=self.holder.nonce, now=self.now)
        except TongbanError as error:
            raise NotVerified("holder_binding", error.message) from error
        return "bound by the holder's key"

    @abstractmethod
    def check_status_proof(self) -> str:
        """Step 11: set `status`."""

    # Steps 12-14: all evaluated; each gives None, or outcome, code and message of what it found.

    def judge_status(self) -> Finding | None:
        """Step 12."""
        if self.void:
            return Outcome.REVOKED, "key_void", "sealed with a key after it was compromised"
        if self.status is Status.VALID:
            return None
        name = self.status.name
        return Outcome[name], name.lower(), f"the issuer has {name.lower()} this license"

    def judge_validity(self) -> Finding | None:
        """Step 13."""
        if self.now < self.seal.not_before - AHEAD_S:
            return Outcome.EXPIRED, "not_yet_valid", f"valid only from {utc(self.seal.not_before)}"
        if self.seal.expires is not None and self.now >= self.seal.expires:
            return Outcome.EXPIRED, "expired", f"expired at {utc(self.seal.expires)}"
        return None

    def judge_freshness(self) -> Finding | None:
        """Step 14."""
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
        return self._verdict(_OUTCOMES.get((number, code), Outcome.FORGED), code, error.message, steps)

    def _found(self) -> Verdict:
        findings = [finding for finding in map(self._judge, _JUDGEMENTS) if finding is not None]
        if not findings:
            since = "" if self.time is None else utc(self.time)
            return self._verdict(Outcome.VALID, "valid", f"sealed by {self.seal.iss}, not revoked as of {since}")
        outcome, code, message = min(findings, key=lambda finding: _FINDINGS.index(finding[0]))
        return self._verdict(outcome, code, message)

    def _judge(self, judgement: Callable[[Examination], Finding | None]) -> Finding | None:
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
            index=self.index if self.passed else None,
            notes=self.notes() if proven else (),
        )

    def notes(self) -> tuple[str, ...]:
        """Say what to know beside a verdict that was reached."""
        return self.anchor.notes(self.keys)


_PROOFS: Final[tuple[Callable[[Examination], str], ...]] = (
    lambda each: each.check_parse(),
    lambda each: each.check_entry(),
    lambda each: each.check_log(),
    lambda each: each.check_quorum(),
    lambda each: each.check_inclusion(),
    lambda each: each.check_head(),
    lambda each: each.check_keys(),
    lambda each: each.check_issuer(),
    lambda each: each.check_disclosures(),
    lambda each: each.check_holder(),
    lambda each: each.check_status_proof(),
)
_JUDGEMENTS: Final[tuple[Callable[[Examination], Finding | None], ...]] = (
    lambda each: each.judge_status(),
    lambda each: each.judge_validity(),
    lambda each: each.judge_freshness(),
)


@lru_cache(maxsize=1024)  # most of what is found is the same for all receipts under one checkpoint
def _passed(number: int, detail: str) -> Step:
    return Step(number, STEPS[number - 1], StepState.PASSED, detail)
