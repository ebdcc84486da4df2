"""Verdict on an e-seal: what was found, step by step; the first step that fails decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.encoding import JsonValue
from ledger.errors import TongbanError
from ledger.verdict import Outcome, Step, StepState

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
class ESealVerdict:
    """The outcome for one e-seal: VALID, REVOKED, EXPIRED or FORGED.

    code: stable reason. message: one sentence for a person. steps: all 9, with an attestation 12, of a bare seal 4, in
    order. facts: what the seal says, only when VALID. notes: codes of what to know beside the verdict:
    `revocation_unknown` (of a certificate of the chains there is no list as new as the signature),
    `revoked_since` (a certificate of the chains was revoked after the time that the signer states: whoever had its key
    then can state an earlier one), `timestamp_not_judged`.
    """

    outcome: Outcome
    code: str
    message: str
    steps: tuple[Step, ...]
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def stopped(cls, names: Sequence[str], passed: Sequence[Step], error: TongbanError) -> ESealVerdict:
        """Give the verdict of the step after those that passed: REVOKED, EXPIRED, or FORGED for all else."""
        at = len(passed)
        failed = Step(at + 1, names[at], StepState.FAILED, str(error))
        later = [Step(number, names[number - 1], StepState.NOT_REACHED, "") for number in range(at + 2, len(names) + 1)]
        outcome = _OUTCOMES.get(error.code, Outcome.FORGED)
        return cls(outcome=outcome, code=error.code, message=error.message, steps=(*passed, failed, *later))

    @property
    def clerk(self) -> str:
        """The word for the clerk at the counter."""
        return self.outcome.clerk

    @property
    def failed(self) -> Step | None:
        """The first step that failed."""
        return next((step for step in self.steps if step.state is StepState.FAILED), None)

    def to_json(self) -> dict[str, JsonValue]:
        """Return the verdict as JSON members."""
        return {
            "outcome": self.outcome.value,
            "clerk": self.clerk,
            "code": self.code,
            "message": self.message,
            "facts": dict(self.facts),
            "notes": [*self.notes],
            "steps": [step.to_json() for step in self.steps],
        }
