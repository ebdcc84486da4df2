"""The cases of the small world: one of two counties, one that another county has alone; steps, clocks, every null."""

from __future__ import annotations

from typing import Any, Final

from hub.graph.driver import Step

__all__ = ["CASE_STEPS", "FOREIGN_CASE", "OUR_CASE"]

OUR_CASE: Final = "11370214MB2857113F4000101002000202606010001"
FOREIGN_CASE: Final = "11220103MB1234567X4000101002000202606010002"


def _case(number: str, counties: tuple[str, str, str], matter: str, stage: str, steps: int) -> dict[str, Any]:
    return {
        "caseNumber": number,
        "matterCode": matter,
        "mode": "PROXY_INTAKE",
        "stage": stage,
        "takenInBy": counties[0],
        "handledBy": counties[1],
        "pickedUpAt": counties[2],
        "appliedAt": "2026-05-25T01:00:00.000Z",
        "steppedAt": "2026-05-27T01:00:00.000Z",
        "stepCount": steps,
        "head": f"{steps:043d}",
        "offeringCode": f"{matter}@{counties[1]}@20260101",
        "holderKey": f"{steps:043d}",
        "missing": ["M03"] if number == OUR_CASE else [],
    }


def _step(number: str, sequence: int, kind: str, county: str, **more: Any) -> dict[str, Any]:
    return {
        "case": number,
        "set": {
            "code": f"{number}#{sequence:03d}",
            "sequence": sequence,
            "kind": kind,
            "county": county,
            "window": "A03",
            "role": "HANDLER",
            "takenAt": "2026-05-27T01:00:00.000Z",
            "leafHash": f"{sequence:043d}",
            "licenses": [],
            "supplied": [],
            **more,
        },
    }


def _clock(number: str, order: int, name: str, county: str, spans: list[str], **more: Any) -> dict[str, Any]:
    ended = len(spans) % 2 == 0
    open_ones = {} if ended else {"openIn": county, "urgency": f"2026-05-{27 + order}{number}.{name}"}
    properties = {
        "code": f"{number}#{name}",
        "name": name,
        "order": order,
        "county": county,
        "spans": spans,
        "ended": ended,
    }
    return {"case": number, "set": {**properties, **open_ones, **more}}


_APPLIED: Final = "2026-05-25T01:00:00.000Z"
_PASSED: Final = "2026-05-27T01:00:00.000Z"
_CASES: Final = [
    _case(OUR_CASE, ("220103", "370214", "370214"), "000101002000", "ACCEPTED", 3),
    _case(FOREIGN_CASE, ("220103", "220103", "220103"), "000000000000", "APPLIED", 1),
]
_STEPS: Final = [
    _step(OUR_CASE, 1, "APPLICATION", "220103", licenses=["1.2.156.3005.2.TYPE.ISSUER.00001.001.A"]),
    _step(OUR_CASE, 2, "HAND_OVER_RECEIPT", "370214", items=3),
    _step(OUR_CASE, 3, "ACCEPTANCE", "370214", outcome="ACCEPTED"),
    _step(FOREIGN_CASE, 1, "APPLICATION", "220103"),
]
_CLOCKS: Final = [
    _clock(OUR_CASE, 0, "INTAKE", "220103", [_APPLIED, _PASSED], promisedDays=2),
    _clock(OUR_CASE, 1, "ACCEPTANCE", "370214", [_PASSED, _PASSED], statutoryDays=5),
    _clock(
        OUR_CASE,
        2,
        "HANDLING",
        "370214",
        [_PASSED],
        statutoryDays=20,
        promisedDays=3,
        supervisedBy="220103",
        supervisedAt="2026-06-02T01:00:00.000Z",
    ),
    _clock(OUR_CASE, 3, "N01", "370214", [_PASSED], promisedDays=1),
    _clock(OUR_CASE, 4, "M03", "220103", [_APPLIED], promisedDays=5),
    _clock(FOREIGN_CASE, 0, "INTAKE", "220103", [_APPLIED], promisedDays=2),
]

_HELP: Final[list[dict[str, Any]]] = [
    {"kind": "ASSIGNED", "service": "ASSISTED_HANDLING", "staff": "Q-1042"},
    {"kind": "VIDEO_APPOINTMENT", "appointedAt": "2026-05-26T01:00:00.000Z"},
    {"kind": "NOTED", "subject": "CALLED_BACK", "digest": f"{7:043d}"},
]
_ASSISTED: Final = [
    {
        "code": f"{OUR_CASE}/{number}", "number": number, "county": "220103", "window": "A03", "role": "INTAKE_CLERK",
        "statedAt": "2026-05-25T01:00:00.000Z", **row,
    }
    for number, row in enumerate(_HELP, start=1)
]  # fmt: skip

CASE_STEPS: Final[tuple[Step, ...]] = (
    Step(text="UNWIND $rows AS row MERGE (c:Case {caseNumber: row.caseNumber}) SET c += row", parameters={"rows": _CASES}),
    Step(
        text="UNWIND $rows AS row MATCH (c:Case {caseNumber: row.caseNumber}), (m:Matter {code: row.matterCode}) "
        "MERGE (c)-[:FOR]->(m)",
        parameters={"rows": _CASES},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (c:Case {caseNumber: row.caseNumber}), (o:Offering {code: row.offeringCode}) "
        "MERGE (c)-[:FOR]->(o)",
        parameters={"rows": _CASES},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (c:Case {caseNumber: row.caseNumber}), (j:Jurisdiction {code: row.takenInBy}) "
        "MERGE (c)-[:TAKEN_IN_BY]->(j)",
        parameters={"rows": _CASES},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (c:Case {caseNumber: row.caseNumber}), (j:Jurisdiction {code: row.handledBy}) "
        "MERGE (c)-[:HANDLED_BY]->(j)",
        parameters={"rows": _CASES},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (c:Case {caseNumber: row.case}) MERGE (s:Step {code: row.set.code}) "
        "SET s += row.set MERGE (c)-[:HAS_STEP]->(s)",
        parameters={"rows": _STEPS},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (c:Case {caseNumber: row.case}) MERGE (k:Clock {code: row.set.code}) "
        "SET k += row.set MERGE (c)-[:TIMED_BY]->(k)",
        parameters={"rows": _CLOCKS},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (k:Clock {code: row.set.code}), (j:Jurisdiction {code: row.set.openIn}) "
        "MERGE (k)-[:OPEN_IN]->(j)",
        parameters={"rows": [row for row in _CLOCKS if "openIn" in row["set"]]},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (c:Case {caseNumber: $number}) MERGE (a:Assistance {code: row.code}) "
        "SET a += row MERGE (c)-[:HAS_HELP]->(a)",
        parameters={"rows": _ASSISTED, "number": OUR_CASE},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (c:Case {caseNumber: row.number}) MERGE (h:Holder {key: row.holder}) "
        "MERGE (c)-[:APPLIED_BY]->(h)",
        parameters={
            "rows": [
                {"number": OUR_CASE, "holder": "holder-one"}, {"number": FOREIGN_CASE, "holder": "holder-two"},
            ]
        },
    ),
    Step(
        text="MATCH (c:Case {caseNumber: $number}), (l:License) WHERE l.logIndex IN [1, 3] MERGE (c)-[:USES]->(l)",
        parameters={"number": OUR_CASE},
    ),
)  # fmt: skip
"""What `tests.graph_world` writes of them, behind its licenses."""
