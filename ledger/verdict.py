"""Verdict: what a verifier found out about a receipt, step by step, and the word that a clerk sees.

    VALID                                     有效
    REVOKED, SUSPENDED, SUPERSEDED, EXPIRED   失效
    STALE, UNWITNESSED, FORGED                存疑

The fourth word, 查无, belongs to look-ups by identifier or index that find nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from ledger.encoding import JsonValue

__all__ = ["STEPS", "Judgement", "Outcome", "Step", "StepState", "Verdict", "utc"]

STEPS: Final = (
    "parse",
    "entry",
    "log",
    "quorum",
    "inclusion",
    "head",
    "keys",
    "issuer",
    "disclosures",
    "holder",
    "status proof",
    "status",
    "validity",
    "freshness",
)
"""Names of the steps 1..14 of `ledger.verifier`."""


class Outcome(StrEnum):
    """The eight verdicts."""

    VALID = "VALID"
    REVOKED = "REVOKED"
    SUSPENDED = "SUSPENDED"
    SUPERSEDED = "SUPERSEDED"
    EXPIRED = "EXPIRED"
    STALE = "STALE"
    UNWITNESSED = "UNWITNESSED"
    FORGED = "FORGED"

    @property
    def clerk(self) -> str:
        """The word for the clerk at the counter."""
        if self is Outcome.VALID:
            return "有效"
        return "失效" if self in {Outcome.REVOKED, Outcome.SUSPENDED, Outcome.SUPERSEDED, Outcome.EXPIRED} else "存疑"


class StepState(StrEnum):
    """How far a step came."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a verification: of the 14 of a receipt, or of those of an e-seal.

    detail: what was found, one short sentence; empty if not reached.
    """

    number: int
    name: str
    state: StepState
    detail: str

    def to_json(self) -> dict[str, JsonValue]:
        """Return the step as JSON members."""
        return {"number": self.number, "name": self.name, "state": self.state.value, "detail": self.detail}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What every verdict has. code: stable reason. message: one sentence for a person. steps: all of them, in order.

    notes: codes of what to know beside it.
    """

    outcome: Outcome
    code: str
    message: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def clerk(self) -> str:
        """The word for the clerk at the counter."""
        return self.outcome.clerk

    @property
    def failed(self) -> Step | None:
        """The first step that failed."""
        return next((step for step in self.steps if step.state is StepState.FAILED), None)

    def _json(self, found: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        return {
            "outcome": self.outcome.value,
            "clerk": self.clerk,
            "code": self.code,
            "message": self.message,
            **found,
            "notes": [*self.notes],
            "steps": [step.to_json() for step in self.steps],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Judgement):
    """The outcome for one receipt; there is no other result of verification.

    time: T, POSIX seconds: when a quorum of witnesses held the checkpoint, or a newer one that was synced, to be the
    largest; None before step 4 passed. age: now - T, seconds. steps: all 14. claims: what the seal says and the holder
    shows, only when steps 1-11 passed. index: of the seal in the log, as the receipt says; None before step 1 passed.
    """

    time: int | None
    age: int | None
    claims: Mapping[str, JsonValue] = field(default_factory=dict)
    index: int | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Return the verdict as JSON members."""
        return self._json({"time": self.time, "age": self.age, "index": self.index, "claims": dict(self.claims)})


@lru_cache(maxsize=1024)
def utc(time: int) -> str:
    """Write a time as RFC 3339, for a person: `2026-06-01T08:00:00Z`."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):  # past the year 9999
        return f"POSIX time {time}"
