"""Where every type stands in an answer, and what each caller is tried with: one document a place, all fields in it.

license(certificateIdentifier: "%C1", useCause: "x") > face > ... on Face
{ license(certificateIdentifier: "…", useCause: "x") { face { ... on Face { here: __typename … } } } }
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type

from hub.graph.driver import Step
from ledger.status import Status
from ledger.transparency.proof import TlogProof
from schema.access import ANONYMOUS, Principal
from schema.context import Access, Basis, Context, Published
from schema.feed import FeedEvent
from schema.roles import ROLES, RoleKind
from tests.case_world import FOREIGN_CASE, OUR_CASE
from tests.desk_world import FOREIGN_OBJECTION, MISSING_OBJECTION, OUR_OBJECTION, RATED_CASE
from tests.graph_world import ENDED_CONSENT, HOLDERS, LICENSES
from tests.ports import (
    CONSENT,
    CONSENTS,
    NOW,
    FakeBases,
    FakeEvents,
    FakeFaceSources,
    FakeJournal,
    FakeRegistry,
    request_context,
)

__all__ = ["BESIDE", "CALLERS", "PLACES", "Caller", "Place", "context_of", "document"]

_HOLDER_ONE: Final = '{certificateHolderTypeCode: "001", certificateHolderCode: "91370214MA3C000001"}'
_IDS: Final = {
    "%C1": str(LICENSES[0]["certificateIdentifier"]),
    "%C12": str(LICENSES[1]["certificateIdentifier"]),
    "%K1": str(LICENSES[2]["certificateIdentifier"]),
    "%K2": str(LICENSES[3]["certificateIdentifier"]),
    "%NEW": str(LICENSES[4]["certificateIdentifier"]),
    "%GRANT": CONSENT,
    "%ENDED": ENDED_CONSENT,
    "%CASE": OUR_CASE,
    "%ALONE": FOREIGN_CASE,
    "%RATED": RATED_CASE,
    "%OURS": OUR_OBJECTION,
    "%MISSING": MISSING_OBJECTION,
    "%THEIRS": FOREIGN_OBJECTION,
}
_NOWHERE: Final = {"case": "0" * 43, "consent": "D" * 21 + "Q", "objection": "A" * 22}
_ARGUMENTS: Final = {"extendInfo": '(fields: ["KZ_X"])'}
_NOTE: Final = b"hub.example/ledger\n6\n" + b"A" * 43 + b"=\n\n\xe2\x80\x94 hub.example/ledger " + b"A" * 92 + b"\n"

BESIDE: Final = (
    Step(
        text="MATCH (c:Case {caseNumber: $number}), (l:License {logIndex: 5}) MERGE (c)-[:PRODUCED]->(l)",
        parameters={"number": FOREIGN_CASE},
    ),
    Step(
        text="MERGE (o:Objection {id: $id}) SET o.kind = 'LICENSE_MISSING', o.open = true, o.holderKey = 'holder-one', "
        "o.certificateTypeCode = '11100000MB0143028R021', o.raisedBy = '220103', o.answeredBy = '370214', "
        "o.raisedAt = '2026-05-26T01:00:00.000Z'",
        parameters={"id": "M" * 21 + "A"},
    ),
)
"""What the small world has beside: the other case has produced a license of holder 2, and holder 1 misses one of C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. letter: of the role; place: C, K, X of a county, 1, 2, 3 of a holder."""

    letter: str
    place: str
    principal: Principal


_COUNTIES: Final = {"C": "370214", "K": "220103", "X": "130207"}
_LETTERS: Final = {
    "I": RoleKind.INTAKE_CLERK, "H": RoleKind.HANDLER, "S": RoleKind.SUPERVISOR, "A": RoleKind.AUDITOR,
    "P": RoleKind.PARTNER_SYSTEM,
}  # fmt: skip
_HELD: Final = {_IDS["%C1"]: "370214", _IDS["%C12"]: "370214", _IDS["%K1"]: "220103"}
_CASE_OF_ONE: Final = Basis(name="case/x", holder="holder-one", matter=None, fields=None, purpose=None)
_CASE_OF_TWO: Final = Basis(name="case/y", holder="holder-two", matter=None, fields=None, purpose=None)
_KEYS: Final = {"1": "holder-one", "2": "holder-two", "3": "holder-three"}


def _principal(role: RoleKind, county: str, holder: str | None = None) -> Principal:
    client = f"{county}#3"
    return Principal(county=county, client=client, token_id="t", scopes=ROLES[role], role=role, holder=holder)


CALLERS: Final = (
    Caller(letter="-", place="-", principal=ANONYMOUS),
    *(
        Caller(letter=letter, place=place, principal=_principal(role, county))
        for letter, role in _LETTERS.items()
        for place, county in _COUNTIES.items()
    ),
    *(
        Caller(letter="O", place=place, principal=_principal(RoleKind.HOLDER, "370214", key))
        for place, key in _KEYS.items()
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One way to a type. rows: of tests.rights_table. failing: what computed fields ask does not answer.

    bound: the root names the first holder, which another holder's token may not.
    """

    path: str
    rows: str = "public"
    failing: bool = False
    bound: bool = False
    operation: str = "query"

    @property
    def parts(self) -> list[str]:
        """The selections from the root down."""
        return self.path.split(" > ")

    @property
    def personal(self) -> bool:
        """Whether a row that the caller may not see must look absent."""
        return "%" in self.path

    def way(self, schema: GraphQLSchema) -> tuple[list[tuple[str, str]], GraphQLObjectType]:
        """Give (type, field) from the root down, and the type where the way ends."""
        named: Any = schema.type_map[self.operation.title()]
        found: list[tuple[str, str]] = []
        for part in self.parts:
            if part.startswith("... on "):
                named = schema.type_map[part.removeprefix("... on ")]
                continue
            name = part.partition("(")[0]
            found.append((named.name, name))
            named = get_named_type(named.fields[name].type)
        return found, named

    def text(self, *, nowhere: bool = False) -> str:
        """Give the selections with identifiers in place; nowhere: such as name nothing."""
        if not nowhere:
            return re.sub(r"%[A-Z0-9]+", lambda found: _IDS[found[0]], self.path)
        return re.sub(r"%[A-Z0-9]+", _NOWHERE.get(self.path.partition("(")[0], "1.2.156.0"), self.path)


def document(place: Place, named: GraphQLObjectType, fields: list[str], *, nowhere: bool = False) -> str:
    """Write the document that asks for these fields at a place."""
    asked = ["here: __typename"]
    for name in fields:
        below = "" if is_leaf_type(get_named_type(named.fields[name].type)) else " { __typename }"
        asked.append(f"{name}{_ARGUMENTS.get(name, '')}{below}")
    parts = place.text(nowhere=nowhere).split(" > ")
    return f"{place.operation} {{ {' { '.join(parts)} {{ {' '.join(asked)} }} {'} ' * len(parts)}"


def _event(number: int, what: str, **told: Any) -> FeedEvent:
    counties = (_COUNTIES["K"], _COUNTIES["C"])
    return FeedEvent(
        number=number, cursor=f"c{number}", id=f"i{number}", kind=what, case=OUR_CASE, time=NOW, counties=counties, told=told
    )  # fmt: skip


_EVENTS: Final = [
    _event(1, "STEP", sequence=2, kind="PRE_REVIEW", outcome="PASSED", county="220103"),
    _event(2, "LAMP", clock="INTAKE", county="220103", limit="PROMISED", days=2, lamp="RED"),
    _event(3, "LICENSE", certificateIdentifier=_IDS["%C1"], status="REVOKED", reason="04", logIndex=6),
]


def context_of(place: Place, caller: Caller) -> Context:
    """Give a request's context in which every computed field has something to say."""
    proof = TlogProof(index=0, path=(bytes(32),), checkpoint=_NOTE).format().decode()
    kept = {identifier: {"certificateName": "营业执照"} for identifier in _IDS.values()}
    return request_context(
        principal=caller.principal,
        holder_key=lambda _type, code: HOLDERS.get(code, "holder-three"),
        journal=FakeJournal(
            records=[_access(identifier) for identifier in _IDS.values()], holdings={"holder-one": _HELD}
        ),
        bases=FakeBases(FakeBases().kept | {OUR_CASE: _CASE_OF_ONE, FOREIGN_CASE: _CASE_OF_TWO}),
        events=FakeEvents(_EVENTS),
        faces=FakeFaceSources(codes=dict.fromkeys(_COUNTIES.values(), "deadline")) if place.failing else FakeFaceSources(kept),
        registry=FakeRegistry(
            newest=Published(note=_NOTE, size=6, root=bytes(32), time=NOW, cosigners=("w",)),
            receipts={} if place.failing else dict.fromkeys(range(6), b"{}"),
            proofs={0: proof},
            changed={2: Status.REVOKED},
            refuse={b"x": "bad_signature"} if place.failing else {},
        ),
    )  # fmt: skip


def _access(identifier: str) -> Access:
    return Access(
        county="130207", client="130207#3", token_id="t", use_cause="x", root_field="license", holder=None,
        licenses=(identifier,), fields=("License.status",), time=NOW,
    )  # fmt: skip


_ONE, _TWO = (f'basis: {{consent: "{CONSENTS[holder]}"}}' for holder in ("holder-one", "holder-two"))
_C1, _C12, _K1, _K2, _NEW = (
    f'license(certificateIdentifier: "%{one}", useCause: "x", {basis})'
    for one, basis in (("C1", _ONE), ("C12", _ONE), ("K1", _ONE), ("K2", _TWO), ("NEW", _TWO))
)
_RECEIPT: Final = f'receipt(certificateIdentifier: "%C1", useCause: "x", {_ONE})'
_LICENSES: Final = f'licenses(holder: {_HOLDER_ONE}, useCause: "x", {_ONE})'
_CHECKLIST: Final = f'checklist(matter: "000101002000", county: "370214", useCause: "x", holder: {_HOLDER_ONE}, {_ONE})'
_CONSENTS: Final = f"consents(holder: {_HOLDER_ONE})"
_READS: Final = f'accessRecords(holder: {_HOLDER_ONE}, useCause: "x")'
_CASES: Final = f'cases(holder: {_HOLDER_ONE}, useCause: "x")'
_OPEN: Final = 'objections(county: "220103", useCause: "x")'
_OURS: Final = 'case(caseNumber: "%CASE", useCause: "x")'
_ALONE: Final = 'case(caseNumber: "%ALONE", useCause: "x")'
_RATED: Final = 'case(caseNumber: "%RATED", useCause: "x")'
_ESCALATION: Final = 'escalation(county: "370214", useCause: "x")'
_COMPARISON: Final = 'comparison(matter: "000101002000", on: "2026-06-01")'
_STATISTICS: Final = 'statistics(county: "370214", from: "2026-06-01", to: "2026-06-30", by: MONTH)'
_NAMED: Final = '_entities(representations: [{__typename: "LicenseType", code: "11100000000013127D001"}])'
_SUBMIT: Final = 'submitEntries(entries: ["x"], wait: true)'
_FIRST: Final = "license of C, holder 1"
_SECOND: Final = "license of K, holder 2"
_SOME: Final = "some license of holder 1"
_TOLD: Final = "events of the case of K and C"
_MET: Final = "case of K and C, holder 1"

PLACES: Final = (
    Place(path=_C1, rows=_FIRST),
    Place(path=_C12, rows="license of C, holders 1 and 2"),
    Place(path=_K1, rows="license of K, holder 1"),
    Place(path=_K2, rows=_SECOND),
    Place(path=f"{_NEW} > replaces", rows=_SECOND),
    Place(path=f"{_K2} > replacedBy", rows=_SECOND),
    Place(path=f"{_C1} > face > ... on Face", rows=_FIRST),
    Place(path=f"{_C1} > face > ... on FaceUnavailable", rows=_FIRST, failing=True),
    Place(path=f"{_C1} > receipt > ... on Receipt", rows=_FIRST),
    Place(path=f"{_C1} > receipt > ... on Problem", rows=_FIRST, failing=True),
    Place(path=f"{_C1} > standing > ... on LicenseStanding", rows=_FIRST),
    Place(path=f"{_C1} > accessRecords > ... on AccessRecords", rows="reads of a license of C, holder 1"),
    Place(path=f"{_C1} > accessRecords > ... on AccessRecords > records", rows="reads of a license of C, holder 1"),
    Place(path=f"{_C1} > accessRecords > ... on Problem", rows="no reads of a license of C, holder 1"),
    Place(path=f"{_C1} > type", rows=_FIRST),
    Place(path=f"{_C1} > issuedBy > jurisdiction", rows=_FIRST),
    Place(path=_RECEIPT, rows=_FIRST),
    Place(path=f"{_RECEIPT} > result > ... on Receipt", rows=_FIRST),
    Place(path=f"{_RECEIPT} > result > ... on Problem", rows=_FIRST, failing=True),
    Place(path=_LICENSES, rows="checklist of holder 1", bound=True),
    Place(path=f"{_LICENSES} > pageInfo", rows="checklist of holder 1", bound=True),
    Place(path=f"{_LICENSES} > edges", rows=_SOME, bound=True),
    Place(path=f"{_LICENSES} > edges > node", rows=_SOME, bound=True),
    Place(path=_CHECKLIST, rows="checklist of holder 1", bound=True),
    Place(path=f"{_CHECKLIST} > findings", rows="checklist of holder 1", bound=True),
    Place(path=f"{_CHECKLIST} > findings > items", rows="checklist of holder 1", bound=True),
    Place(path=f"{_CHECKLIST} > findings > items > licenseTypes", rows="checklist of holder 1", bound=True),
    Place(path=f"{_CHECKLIST} > findings > items > license", rows=_SOME, bound=True),
    Place(path=f"{_CHECKLIST} > findings > items > unusable", rows="license of C, holder 1", bound=True),
    Place(
        path=f"{_CHECKLIST} > findings > items > objections", rows="missing license of C, holder 1, by K", bound=True
    ),
    Place(path='consent(id: "%GRANT")', rows="consent for C, by C, of holder 1"),
    Place(path='consent(id: "%ENDED")', rows="consent for K, by C, of holder 1"),
    Place(path=_CONSENTS, rows="checklist of holder 1", bound=True),
    Place(path=f"{_CONSENTS} > edges", rows="some consent of holder 1", bound=True),
    Place(path=f"{_CONSENTS} > pageInfo", rows="checklist of holder 1", bound=True),
    Place(path=_READS, rows="reads asked of holder 1", bound=True),
    Place(path=f"{_READS} > records > ... on AccessRecords", rows="reads asked of holder 1", bound=True),
    Place(path=f"{_READS} > records > ... on AccessRecords > records", rows="reads of holder 1", bound=True),
    Place(path=_OURS, rows=_MET),
    Place(path=_ALONE, rows="case of K alone, holder 2"),
    Place(path=_CASES, rows="page of cases of holder 1", bound=True),
    Place(path=f"{_CASES} > pageInfo", rows="page of cases of holder 1", bound=True),
    Place(path=f"{_CASES} > edges", rows="page of cases of holder 1", bound=True),
    Place(path=f"{_CASES} > edges > node", rows="page of cases of holder 1", bound=True),
    Place(path=f"{_OURS} > steps", rows=_MET),
    Place(path=f"{_OURS} > clocks", rows=_MET),
    Place(path=f"{_OURS} > clocks > promised", rows=_MET),
    Place(path=f"{_OURS} > clocks > statutory", rows=_MET),
    Place(path=f"{_OURS} > nextSteps", rows=_MET),
    Place(path=f"{_OURS} > assistance", rows=_MET),
    Place(path=f"{_OURS} > offering", rows=_MET),
    Place(path=_ESCALATION, rows="clocks of C"),
    Place(path=f"{_ESCALATION} > page", rows="clocks of C"),
    Place(path=f"{_ESCALATION} > page > clocks", rows="clocks of C"),
    Place(path=f"{_RATED} > appeals", rows="case of K and C without a license"),
    Place(path=f"{_RATED} > followUp", rows="case of K and C without a license"),
    Place(path='objection(id: "%OURS", useCause: "x")', rows="objection of C to K, holder 2"),
    Place(path='objection(id: "%MISSING", useCause: "x")', rows="objection of K to C, nobody known"),
    Place(path='objection(id: "%THEIRS", useCause: "x")', rows="objection of others to K, holder 2"),
    Place(path=_OPEN, rows="page of objections"),
    Place(path=f"{_OPEN} > pageInfo", rows="page of objections"),
    Place(path=f"{_OPEN} > edges", rows="objection of C to K, holder 2"),
    Place(path=f"{_OPEN} > edges > node", rows="objection of C to K, holder 2"),
    Place(path=f"{_C1} > cases", rows="case of K and C, by a license of C"),
    Place(path=f"{_K1} > cases", rows="case of K and C, by a license of K"),
    Place(path=f"{_NEW} > objections", rows="objections to a license of K, holder 2"),
    Place(path=f"{_OURS} > matter", rows=_MET),
    Place(path=f"{_OURS} > intakeCounty", rows=_MET),
    Place(path=f"{_OURS} > uses", rows="licenses in the case of K and C"),
    Place(path=f"{_ALONE} > produced", rows="licenses in the case of K alone"),
    Place(path="caseEventFeed", rows="feed of events"),
    Place(path='caseEvents(useCause: "x")', rows=_TOLD, operation="subscription"),
    Place(path='caseEvents(useCause: "x") > step', rows=_TOLD, operation="subscription"),
    Place(path='caseEvents(useCause: "x", kinds: [LAMP]) > lamp', rows=_TOLD, operation="subscription"),
    Place(path='caseEvents(useCause: "x", kinds: [LICENSE]) > license', rows=_TOLD, operation="subscription"),
    Place(path='authority(code: "11370214MB2857113F")'),
    Place(path='jurisdiction(code: "370214")'),
    Place(path="jurisdictions"),
    Place(path="jurisdictions > edges"),
    Place(path="jurisdictions > pageInfo"),
    Place(path='matter(code: "000101002000")'),
    Place(path='matter(code: "000101002000") > offerings'),
    Place(path="matters"),
    Place(path='matterList(on: "2026-06-01")'),
    Place(path='matterList(on: "2026-06-01") > edges'),
    Place(path='matterList(on: "2026-06-01") > edges > node'),
    Place(path="matters > edges"),
    Place(path='offering(matter: "000101002000", county: "370214", on: "2026-06-01") > materials'),
    Place(path='offerings(matter: "000101002000", on: "2026-06-01")'),
    Place(path='offerings(matter: "000101002000", on: "2026-06-01") > edges'),
    Place(path=_COMPARISON),
    Place(path=f"{_COMPARISON} > difference"),
    Place(path=f"{_COMPARISON} > difference > counties"),
    Place(path=f"{_COMPARISON} > benchmark"),
    Place(path=f"{_COMPARISON} > benchmark > counties"),
    Place(path='licenseType(code: "11100000000013127D001")'),
    Place(path="licenseTypes"),
    Place(path="licenseTypes > edges"),
    Place(path=_STATISTICS, rows="statistics"),
    Place(path=f"{_STATISTICS} > periods", rows="statistics"),
    Place(path=f"{_STATISTICS} > periods > handling", rows="statistics"),
    Place(path=f"{_STATISTICS} > periods > ratings", rows="statistics"),
    Place(path="checkpoint"),
    Place(path=f"{_NAMED} > ... on LicenseType"),
    Place(path="_service", rows="subgraph"),
    Place(path='verify(receipt: "x") > ... on Verdict'),
    Place(path='verify(receipt: "x") > ... on Verdict > steps'),
    Place(path=f"{_SUBMIT} > ... on Submitted", operation="mutation"),
    Place(path=f"{_SUBMIT} > ... on Submitted > proof", operation="mutation"),
    Place(path=f"{_SUBMIT} > ... on Submitted > receipt", operation="mutation"),
    Place(path=f"{_SUBMIT} > ... on Problem", operation="mutation", failing=True),
)
