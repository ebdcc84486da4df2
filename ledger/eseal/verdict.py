"""Verdict on an e-seal: what was found, step by step; the first step that fails decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ledger.encoding import JsonValue
from ledger.verdict import Outcome, Step, StepState

__all__ = ["BINDING_STEPS", "STEPS", "ESealVerdict", "outcome_of"]

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

_OUTCOMES: Final = {
    "certificate_expired": Outcome.EXPIRED,
    "certificate_revoked": Outcome.REVOKED,
    "eseal_period": Outcome.EXPIRED,
}


def outcome_of(code: str) -> Outcome:
    """Give the word for a failure: REVOKED or EXPIRED where a certificate or seal is, FORGED for all else."""
    return _OUTCOMES.get(code, Outcome.FORGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ESealVerdict:
    """The outcome for one e-seal: VALID, REVOKED, EXPIRED or FORGED.

    code: stable reason. message: one sentence for a person. steps: all 9, with an attestation 12, in order. facts: what
    the seal says, only when VALID. notes: codes of what to know beside the verdict: `revocation_unknown` (of a
    certificate of the two chains there is no list as new as the signature), `timestamp_not_judged`.
    """

    outcome: Outcome
    code: str
    message: str
    steps: tuple[Step, ...]
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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
            "steps": [
                {"number": step.number, "name": step.name, "state": step.state.value, "detail": step.detail}
                for step in self.steps
            ],
        }
