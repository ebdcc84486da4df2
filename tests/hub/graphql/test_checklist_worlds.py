"""Checklists over random worlds on both engines, against the slow reference: every holder, every kind of caller.

Several materials share types, a license has several holders, holders have several licenses of a type, of two counties,
in every status and with every kind of dates, in doubt or not; objections say that others are missing. Other versions,
other matters and other holders stand beside.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, Final

import pytest

from hub.graph.driver import BoltDriver, BoltGraph, Step, Unit
from hub.graph.offerings import offering_row, offering_steps
from hub.graphql.execution import Execution, GraphQLRequest
from hub.journal.offerings import OfferingRecord, build_offering
from hub.journal.records import parse_record
from ledger.status import Status
from schema.access import Principal
from schema.assembly import build_schema
from tests.checklists import Claim, Line, Paper, expected_line
from tests.entropy import signer_of
from tests.graphs import UNHURRIED
from tests.offerings import MATTER, material, offering
from tests.ports import CLERK, CONSENTS, FakeJournal, FakeRegistry, request_context

TODAY: Final = "2026-06-01"
DAYS: Final = ("2020-01-01", "2026-05-31", TODAY, "2026-06-02", "2031-01-01")
TYPES: Final = tuple(f"11100000MB0143028R{number:03d}" for number in range(4))
HOLDERS: Final = ("one", "two", "three")
COUNTIES: Final = ("370214", "220103")
PARTIES: Final = (*COUNTIES, "320583")
RAISED: Final = "2026-05-28T01:00:00.000Z"
OWN: Final = Principal(county="370214", client="370214#3", token_id="t", scopes=frozenset({"license.read.own"}))
OWN_TOO: Final = replace(OWN, scopes=OWN.scopes | {"objection.read"})
SCHEMA: Final = build_schema()
QUESTION: Final = """\
query Q($matter: CatalogueCode!, $code: HolderCode!, $basis: ReadBasis) {
  checklist(matter: $matter, county: "370214", useCause: "x", basis: $basis,
            holder: {certificateHolderTypeCode: "001", certificateHolderCode: $code}) {
    county { name }
    findings {
      complete held toBring
      items {
        state toleratedUntil license { certificateIdentifier } unusable { certificateIdentifier reason }
        objections { id answeredBy due lamp }
      }
    }
  }
}
"""


def _papers(rng: random.Random) -> list[Paper]:
    return [
        Paper(
            identifier=f"1.2.156.3005.2.{number:04d}",
            holders=frozenset(rng.sample(HOLDERS, rng.choice([1, 1, 2]))),
            type_code=rng.choice(TYPES),
            status=rng.choice(["VALID", "VALID", *(status.name for status in Status)]),
            county=rng.choice(COUNTIES),
            issued=rng.choice(DAYS[:3]),
            effective=rng.choice([None, None, *DAYS]),
            expires=rng.choice([None, *DAYS]),
            disputed=rng.choice([None, None, False, True]),
        )
        for number in range(rng.randint(0, 40))
    ]


def _claims(rng: random.Random) -> list[Claim]:
    return [
        Claim(
            id=f"claim-{number:016d}",
            holder=rng.choice(HOLDERS),
            type_code=rng.choice(TYPES),
            counties=(rng.choice(PARTIES), rng.choice(PARTIES)),
            open=rng.random() < 0.7,
        )
        for number in range(rng.randint(0, 12))
    ]


def _materials(rng: random.Random) -> list[dict[str, Any]]:
    found = []
    for number in range(rng.randint(0, 8)):
        need = rng.random() < 0.7
        found.append(
            material(
                name=f"材料{number}",
                need=need,
                toleranceDays=rng.choice([None, None, 1, 5, 15]) if need else None,
                certificateTypeCodes=sorted(rng.sample(TYPES, rng.choice([0, 1, 1, 2, 3]))),
            )
        )
    return found


def _row(claims: dict[str, Any]) -> dict[str, Any]:
    raw = build_offering(claims, iat=1_780_000_000, kid="370214#4", signer=signer_of("370214#4"))
    record = parse_record(raw)
    assert isinstance(record, OfferingRecord)
    return offering_row(0, record, "2026-05-28T20:26:40.000Z")


async def _fill(driver: BoltDriver, papers: list[Paper], claims_: list[Claim], materials: list[dict[str, Any]]) -> None:
    """Write types, the version in force between an older and a newer one, another matter's, licenses and objections."""
    days = {"2026-05-29": [material(name="旧")], TODAY: materials, "2026-06-02": [material(name="新")]}
    claims = [offering(planEffectiveDate=day, materials=asked, produces=[]) for day, asked in days.items()]
    claims.append(offering(matter="000117002000", planEffectiveDate=TODAY, materials=[material()], produces=[]))
    rows = [
        {
            "index": number, "identifier": paper.identifier, "type": paper.type_code, "county": paper.county,
            "issued": paper.issued, "effective": paper.effective, "expires": paper.expires,
            "holders": sorted(paper.holders), "disputed": paper.disputed,
        }
        for number, paper in enumerate(papers)
    ]  # fmt: skip
    named = Step(
        text="UNWIND $codes AS code MERGE (t:LicenseType {code: code}) SET t.name = code",
        parameters={"codes": list(TYPES)},
    )
    stated = Step(
        text="UNWIND $rows AS row MERGE (l:License {logIndex: row.index}) SET l.certificateIdentifier = row.identifier, "
        "l.certificateTypeCode = row.type, l.sealedBy = row.county, l.certificateIssuedDate = row.issued, "
        "l.certificateEffectiveDate = row.effective, l.certificateExpiringDate = row.expires, l.status = 'VALID', l.disputed = row.disputed",
        parameters={"rows": rows},
    )
    held = Step(
        text="UNWIND $rows AS row MATCH (l:License {logIndex: row.index}) UNWIND row.holders AS key "
        "MERGE (h:Holder {key: key}) MERGE (l)-[:HELD_BY]->(h)",
        parameters={"rows": rows},
    )
    said = Step(
        text="UNWIND $rows AS row MERGE (o:Objection {id: row.id}) SET o += row",
        parameters={
            "rows": [
                {
                    "id": each.id, "holderKey": each.holder, "certificateTypeCode": each.type_code, "open": each.open,
                    "raisedBy": each.counties[0], "answeredBy": each.counties[1], "raisedAt": RAISED,
                }
                for each in claims_
            ]
        },
    )  # fmt: skip
    listed = Step(text="MERGE (m:Matter {code: $code}) SET m.name = 'x'", parameters={"code": MATTER})
    steps = [named, listed, *offering_steps([_row(each) for each in claims])]
    await driver.write(Unit(steps=[*steps, *([stated, held] if rows else []), *([said] if claims_ else [])]))


@pytest.mark.parametrize("seed", range(8))
async def test_every_holder_and_caller_gets_the_checklist_of_the_slow_reference(driver: BoltDriver, seed: int) -> None:
    rng = random.Random(seed)
    papers, materials, claims = _papers(rng), _materials(rng), _claims(rng)
    await _fill(driver, papers, claims, materials)
    execution = Execution(SCHEMA, BoltGraph(driver), limits=UNHURRIED)
    registry = FakeRegistry(changed={number: Status[paper.status] for number, paper in enumerate(papers)})
    for holder in (*HOLDERS, "nobody"):
        for caller in (CLERK, OWN, OWN_TOO):
            journal = FakeJournal()
            context = request_context(
                principal=caller, registry=registry, journal=journal, holder_key=lambda _type, code: code
            )
            basis = {"consent": CONSENTS[holder]} if caller is CLERK else None
            variables = {"matter": MATTER, "code": holder, "basis": basis}
            request = GraphQLRequest(query=QUESTION, variables=variables)
            answer = await execution.run(request, context)
            assert answer.errors == []
            data: Any = answer.data
            assert data["checklist"]["county"] is None  # no catalogue lists it here
            county = None if caller is CLERK else "370214"
            said = claims if "objection.read" in caller.scopes else []
            lines = [_line(papers, said, each, holder, county) for each in materials]
            _check(data["checklist"]["findings"], lines, materials, said)
            shown = _read(papers, materials, holder, county)
            assert journal.records[0].licenses == (*shown, *_objections_read(said, materials, holder))


def _line(papers: list[Paper], claims: list[Claim], asked: dict[str, Any], holder: str, county: str | None) -> Line:
    return expected_line(
        papers, holder=holder, county=county, types=frozenset(asked["certificateTypeCodes"]),
        tolerance=asked["toleranceDays"], today=TODAY, claims=claims, party="370214",
    )  # fmt: skip


def _objections_read(claims: list[Claim], materials: list[dict[str, Any]], holder: str) -> tuple[str, ...]:
    """Give the objections of the holder, of the caller's county, about a type that some material names."""
    types = {code for each in materials for code in each["certificateTypeCodes"]}
    return tuple(
        each.id
        for each in claims
        if each.open and each.holder == holder and "370214" in each.counties and each.type_code in types
    )


def _read(papers: list[Paper], materials: list[dict[str, Any]], holder: str, county: str | None) -> tuple[str, ...]:
    """Say whose read is to be recorded: licenses that some material of the version in force names, and no others."""
    types = {code for each in materials for code in each["certificateTypeCodes"]}
    return tuple(
        paper.identifier
        for paper in papers
        if holder in paper.holders and paper.type_code in types and county in {None, paper.county}
    )


def _check(findings: Any, lines: list[Line], materials: list[dict[str, Any]], claims: list[Claim]) -> None:
    shown = [
        Line(
            state=item["state"],
            license=item["license"] and item["license"]["certificateIdentifier"],
            unusable=tuple((each["certificateIdentifier"], each["reason"]) for each in item["unusable"]),
            until=item["toleratedUntil"],
            claims=tuple(each["id"] for each in item["objections"]),
        )
        for item in findings["items"]
    ]
    assert shown == lines
    answering = {each.id: each.counties[1] for each in claims}
    assert [each for item in findings["items"] for each in item["objections"]] == [
        {"id": name, "answeredBy": answering[name], "due": "2026-06-04", "lamp": "BLUE"}
        for line in lines
        for name in line.claims
    ]
    needed = [line.state for line, each in zip(lines, materials, strict=True) if each["need"]]
    assert findings["held"] == sum(line.state == "HELD" for line in lines)
    assert findings["toBring"] == sum(state != "HELD" for state in needed)
    assert findings["complete"] == (not {"MISSING", "UNUSABLE"}.intersection(needed))
