"""Desk statements for tests: what a county says beside a case's steps, signed; only what matters must be said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hub.journal.followups import build_follow_up
from hub.journal.hotline import build_hotline
from hub.journal.objections import build_objection
from ledger.encoding import b64u_encode
from tests.casefile import CHENGYANG, FENGNAN, case_number
from tests.entropy import seeded, signer_of
from tests.statements import NOW, TYPE_CODE, County

__all__ = ["Appeal", "Dispute", "follow_up", "made_id"]


def made_id(name: str) -> str:
    """Make a statement's name of 22 characters, the same in every run."""
    return b64u_encode(seeded(name)(16))


@dataclass(slots=True)
class Appeal:
    """One hotline appeal of a case, received by Fengnan, passed on to Chengyang."""

    case: str = field(default_factory=case_number)
    name: str = "appeal"

    def event(self, event: str, by: str, *, at: int = NOW, **own: Any) -> bytes:
        """Sign an event. own: its member, or others."""
        claims = {"id": made_id(self.name), "caseNumber": self.case, "event": event, **own}
        return build_hotline(claims, iat=at, kid=f"{by}#4", signer=signer_of(f"{by}#4"))

    def received(self, *, by: str = FENGNAN, at: int = NOW, kind: str = "COMPLAINT") -> bytes:
        """Sign that it came in."""
        return self.event("RECEIVED", by, at=at, kind=kind)

    def passed(self, *, by: str = FENGNAN, to: str = CHENGYANG, at: int = NOW) -> bytes:
        """Sign that it was passed on."""
        return self.event("PASSED", by, at=at, to=to)

    def answered(self, *, by: str = CHENGYANG, at: int = NOW, outcome: str = "RESOLVED") -> bytes:
        """Sign that it was answered."""
        return self.event("ANSWERED", by, at=at, outcome=outcome)


@dataclass(slots=True)
class Dispute:
    """One objection, raised by Fengnan; about a license of Chengyang, or about a missing one of its."""

    license: str | None = None
    name: str = "objection"

    def raised(self, *, by: str = FENGNAN, at: int = NOW, **own: Any) -> bytes:
        """Sign that it is raised. own: members to be other than usual."""
        missing = self.license is None
        claims = {
            "id": made_id(self.name),
            "event": "RAISED",
            "kind": "LICENSE_MISSING" if missing else "FACE_DIFFERS",
            "certificateIdentifier": self.license,
            "certificateTypeCode": TYPE_CODE if missing else None,
            "holder": County.holder("1") if missing else None,
            "answeredBy": CHENGYANG,
            "caseNumber": None,
            **own,
        }
        return build_objection(claims, iat=at, kid=f"{by}#4", signer=signer_of(f"{by}#4"))

    def decided(self, outcome: str = "UPHELD", *, by: str = CHENGYANG, at: int = NOW, **own: Any) -> bytes:
        """Sign its end."""
        claims = {"id": made_id(self.name), "event": "DECIDED", "outcome": outcome, **own}
        return build_objection(claims, iat=at, kid=f"{by}#4", signer=signer_of(f"{by}#4"))


def follow_up(
    case: str | None = None, *, by: str = CHENGYANG, at: int = NOW, outcome: str = "RECTIFIED", **own: Any
) -> bytes:
    """Sign that a case was followed up."""
    claims = {"caseNumber": case_number() if case is None else case, "outcome": outcome, **own}
    return build_follow_up(claims, iat=at, kid=f"{by}#4", signer=signer_of(f"{by}#4"))
