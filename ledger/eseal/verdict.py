"""Verdict on an e-seal: what was found, step by step; the first step that fails decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.encoding import JsonValue
from ledger.errors import TongbanError
from ledger.verdict import Judgement, Outcome, Step, StepState

__all__ = ["BINDING_STEPS", "SEAL_STEPS", "STEPS", "ESealVerdict"]

STEPS: Final = (
    "parse",
    "seal",
    "maker",
    "listed",
    "signature",
    "signer",
    "time",
    "document",
    "timestamp",
)
"""Names of the steps 1..9 of `ledger.eseal.verification`."""

BINDING_STEPS: Final = ("attestation", "county", "license")
"""Names of the steps 10..12, with an attestation."""

SEAL_STEPS: Final = ("parse", "seal", "maker", "period")
"""Names of the steps of a bare seal."""

_OUTCOMES: Final = {
    "certificate_expired": Outcome.EXPIRED,
    "certificate_revoked": Outcome.REVOKED,
    "eseal_period": Outcome.EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ESealVerdict(Judgement):
    """The outcome for one e-seal: VALID, REVOKED, EXPIRED or FORGED.

    steps: 9, with an attestation 12, of a bare seal 4. facts: what the seal says, only when VALID. notes:
    `revocation_unknown` (of a certificate of the chains there is no list as new as the signature),
    `revoked_since` (a certificate of the chains was revoked after the time that the signer states: whoever had its key
    then can state an earlier one), `timestamp_not_judged`.
    """

    facts: Mapping[str, JsonValue] = field(default_factory=dict)

    @classmethod
    def stopped(cls, names: Sequence[str], passed: Sequence[Step], error: TongbanError) -> ESealVerdict:
        """Give the verdict of the step after those that passed: REVOKED, EXPIRED, or FORGED for all else."""
        at = len(passed)
        failed = Step(at + 1, names[at], StepState.FAILED, str(error))
        later = [Step(number, names[number - 1], StepState.NOT_REACHED, "") for number in range(at + 2, len(names) + 1)]
        outcome = _OUTCOMES.get(error.code, Outcome.FORGED)
        return cls(outcome=outcome, code=error.code, message=error.message, steps=(*passed, failed, *later))

    def to_json(self) -> dict[str, JsonValue]:
        """Return the verdict as JSON members."""
        return self._json({"facts": dict(self.facts)})
