"""Desk statements of the small world: objections open, decided and of others; a rated case with appeals and a follow-up."""

from __future__ import annotations

from typing import Any, Final

from hub.graph.driver import Step

__all__ = ["DESK_STEPS", "FOREIGN_OBJECTION", "MISSING_OBJECTION", "OUR_OBJECTION", "RATED_CASE"]

RATED_CASE: Final = "11370214MB2857113F4000101002000202605110003"
OUR_OBJECTION: Final = "AAAAAAAAAAAAAAAAAAAAAQ"
MISSING_OBJECTION: Final = "AAAAAAAAAAAAAAAAAAAAAg"
FOREIGN_OBJECTION: Final = "AAAAAAAAAAAAAAAAAAAAAw"

_LICENSE: Final = "1.2.156.3005.2.TYPE.ISSUER.{:05d}.001.A"


def _objection(code: str, kind: str, by: str, to: str, **more: Any) -> dict[str, Any]:
    raised = {"id": code, "kind": kind, "raisedBy": by, "raisedAt": "2026-05-26T01:00:00.000Z", "answeredBy": to}
    return {**raised, "open": "outcome" not in more, "order": f"{raised['raisedAt']} {code}", **more}


_OBJECTIONS: Final = [
    _objection(
        OUR_OBJECTION, "FACE_DIFFERS", "370214", "220103", certificateIdentifier=_LICENSE.format(5), caseNumber=RATED_CASE
    ),
    _objection(
        MISSING_OBJECTION, "LICENSE_MISSING", "220103", "370214", certificateTypeCode="11100000000013127D001",
        holderKey="47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
    ),
    _objection(
        FOREIGN_OBJECTION, "STATUS_WRONG", "320583", "220103", certificateIdentifier=_LICENSE.format(4),
        outcome="UPHELD", decidedBy="220103", decidedAt="2026-06-03T01:00:00.000Z",
    ),
]  # fmt: skip
_CASE: Final = {
    "caseNumber": RATED_CASE,
    "matterCode": "000101002000",
    "mode": "PROXY_INTAKE",
    "stage": "EVALUATED",
    "takenInBy": "220103",
    "handledBy": "370214",
    "pickedUpAt": "220103",
    "appliedAt": "2026-05-11T01:00:00.000Z",
    "steppedAt": "2026-05-27T01:00:00.000Z",
    "stepCount": 14,
    "head": f"{14:043d}",
}
_EVALUATION: Final = {
    "code": f"{RATED_CASE}#014",
    "sequence": 14,
    "kind": "EVALUATION",
    "county": "220103",
    "window": "A03",
    "role": "INTAKE_CLERK",
    "takenAt": "2026-05-27T01:00:00.000Z",
    "leafHash": f"{14:043d}",
    "licenses": [],
    "rating": 4,
}


def _appeal(serial: int, received: str, **more: Any) -> dict[str, Any]:
    code = f"AAAAAAAAAAAAAAAAAAAB{serial:01d}A"
    first = {"id": code, "kind": "COMPLAINT", "receivedBy": "220103", "receivedAt": received}
    return {**first, "order": f"{received} {code}", **more}


_APPEALS: Final = [
    _appeal(
        1, "2026-05-28T01:00:00.000Z", passedTo="370214", passedAt="2026-05-28T03:00:01.000Z", outcome="EXPLAINED",
        answeredAt="2026-05-29T01:00:00.000Z",
    ),
    _appeal(2, "2026-06-01T07:15:00.000Z", kind="HELP"),
]  # fmt: skip
"""The first was passed on a second too late; the second waits, 15 minutes before its time is up at 09:00."""

DESK_STEPS: Final[tuple[Step, ...]] = (
    Step(text="UNWIND $rows AS row MERGE (o:Objection {id: row.id}) SET o += row", parameters={"rows": _OBJECTIONS}),
    Step(
        text="UNWIND $rows AS row MATCH (o:Objection {id: row.id}), "
        "(l:License {certificateIdentifier: row.certificateIdentifier}) MERGE (l)-[:DISPUTED_BY]->(o) "
        "SET l.disputed = o.open",
        parameters={"rows": [one for one in _OBJECTIONS if "certificateIdentifier" in one]},
    ),
    Step(
        text="MATCH (o:Objection) WHERE o.open MATCH (j:Jurisdiction {code: o.answeredBy}) MERGE (o)-[:OPEN_AT]->(j)",
        parameters={},
    ),
    Step(
        text="MERGE (c:Case {caseNumber: $case.caseNumber}) SET c += $case MERGE (s:Step {code: $step.code}) "
        "SET s += $step MERGE (c)-[:HAS_STEP]->(s) MERGE (f:FollowUp {code: $case.caseNumber}) "
        "SET f.county = '370214', f.doneAt = '2026-06-01T01:00:00.000Z', f.outcome = 'RECTIFIED' "
        "MERGE (c)-[:FOLLOWED_UP_BY]->(f)",
        parameters={"case": _CASE, "step": _EVALUATION},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (c:Case {caseNumber: $number}) MERGE (a:HotlineAppeal {id: row.id}) "
        "SET a += row MERGE (c)-[:HAS_APPEAL]->(a)",
        parameters={"rows": _APPEALS, "number": RATED_CASE},
    ),
)
"""What `tests.graph_world` writes of them, behind its licenses."""
