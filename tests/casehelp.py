"""Statements beside the steps of a case for tests: help around it, and supervision of a clock, signed by a county."""

from __future__ import annotations

from typing import Any, Final

from hub.journal.assistance import ASSISTANCE_OWN, AssistanceKind, build_assistance
from hub.journal.supervision import build_supervision
from ledger.encoding import JsonValue, b64u_encode
from tests.casefile import FENGNAN, case_number
from tests.entropy import signer_of
from tests.statements import NOW

__all__ = ["assistance", "supervision"]

_USUAL: Final[dict[str, JsonValue]] = {
    "service": "ASSISTED_HANDLING", "staff": "Q-1042", "toWindow": "B01", "toRole": "HANDLER",
    "appointedAt": NOW + 7200, "subject": "CALLED_BACK", "digest": b64u_encode(bytes(32)),
}  # fmt: skip


def assistance(kind: str, number: int = 1, /, *, by: str = FENGNAN, at: int = NOW, **members: Any) -> bytes:
    """Sign a statement of help; `members` replaces any of its members."""
    claims: dict[str, JsonValue] = {
        "caseNumber": case_number(), "number": number, "kind": kind, "window": "A03", "role": "INTAKE_CLERK",
    }  # fmt: skip
    own = {name: _USUAL[name] for name in ASSISTANCE_OWN[AssistanceKind(kind)]}
    kid = f"{by}#4"
    return build_assistance({**claims, **own, **members}, iat=at, kid=kid, signer=signer_of(kid))


def supervision(clock: str = "INTAKE", *, by: str = FENGNAN, at: int = NOW, **members: Any) -> bytes:
    """Sign the urging on of a clock; `members` replaces any of its members."""
    claims: dict[str, JsonValue] = {"caseNumber": case_number(), "clock": clock, "window": "D01"}
    kid = f"{by}#4"
    return build_supervision({**claims, **members}, iat=at, kid=kid, signer=signer_of(kid))
