"""The basis of a personal read: asked for before anything is read, judged again before the answer leaves."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import pytest

from hub.graphql.documents import DocumentRefused
from hub.graphql.execution import Answer, Execution, GraphQLRequest
from hub.graphql.masking import field_error
from ledger.consents import Purpose
from ledger.errors import Malformed
from schema.access import Principal
from schema.assembly import build_schema
from schema.consents import COVERED
from schema.context import Basis
from schema.inspection import core_schema
from tests.case_world import OUR_CASE
from tests.graph_fakes import CannedGraph
from tests.ports import CLERK, CONSENT, CONSENTS, FakeBases, FakeFaceSources, FakeJournal, request_context

SCHEMA: Final = build_schema()
HOLDER: Final = 'holder: {certificateHolderTypeCode: "001", certificateHolderCode: "X"}'
X: Final = CONSENTS["key of 001 X"]
OTHER: Final = f', basis: {{consent: "{CONSENT}"}}'
"""Of another holder than the roots ask after."""
OWN: Final = Principal(
    county="370214", client="370214#3", token_id="t", scopes=frozenset({"license.read.own", "license.face"})
)
ROOTS: Final = (
    'license(certificateIdentifier: "1", useCause: "x"%s) { status }',
    'receipt(certificateIdentifier: "1", useCause: "x"%s) { status }',
    f'licenses({HOLDER}, useCause: "x"%s) {{ pageInfo {{ hasNextPage }} }}',
    f'checklist(matter: "000101002000", county: "370214", {HOLDER}, useCause: "x"%s) {{ code }}',
)


async def ask(text: str, *, graph: CannedGraph | None = None, **members: Any) -> Answer:
    """Run one document."""
    execution = Execution(SCHEMA, graph or CannedGraph())
    return await execution.run(GraphQLRequest(query=text), request_context(**members))


def codes(answer: Answer) -> list[str]:
    return [field_error(error, "r")["extensions"]["code"] for error in answer.errors]


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(
    ("basis", "code"),
    [
        ("", "basis_required"),
        (", basis: null", "basis_required"),
        (', basis: {consent: "DDDDDDDDDDDDDDDDDDDDDQ"}', "no_basis"),
        (f', basis: {{case: "{OUR_CASE}"}}', "no_basis"),
    ],
)
async def test_without_a_basis_nothing_is_read_and_nothing_is_recorded(root: str, basis: str, code: str) -> None:
    """In the same words whether the license exists or not: neither graph nor journal was asked."""
    graph, journal = CannedGraph(rows=[["L1", "VALID"]]), FakeJournal()
    answer = await ask(f"{{ r: {root % basis} }}", graph=graph, journal=journal)
    assert (answer.data, codes(answer)) == ({"r": None}, [code])
    assert (graph.asked, journal.records) == ([], [])


@pytest.mark.parametrize("root", ROOTS[2:])
async def test_a_basis_of_another_holder_is_none(root: str) -> None:
    graph, journal = CannedGraph(), FakeJournal()
    answer = await ask(f"{{ r: {root % OTHER} }}", graph=graph, journal=journal)
    assert (codes(answer), graph.asked, journal.records) == (["no_basis"], [], [])


@pytest.mark.parametrize("root", ROOTS[:2])
async def test_a_license_is_sought_among_those_of_the_basis_alone(root: str) -> None:
    graph = CannedGraph()
    answer = await ask(f"{{ r: {root % OTHER} }}", graph=graph)
    assert (answer.data, codes(answer)) == ({"r": None}, [])
    (statement,) = graph.asked
    assert statement.parameters["basis_holder"] == "holder-one"
    assert "EXISTS { (a0)-[:HELD_BY]->(:Holder {key: $basis_holder}) }" in statement.text


@pytest.mark.parametrize("root", ROOTS)
async def test_who_reads_own_licenses_only_needs_no_basis(root: str) -> None:
    graph, journal = CannedGraph(), FakeJournal()
    answer = await ask(f"{{ r: {root % ''} }}", graph=graph, journal=journal, principal=OWN)
    assert codes(answer) == []
    assert [record.basis for record in journal.records] == [None]
    assert [statement.parameters.get("basis_holder") for statement in graph.asked] == [None]


async def test_a_basis_for_one_matter_is_none_for_another() -> None:
    known = Basis(name="consent/x", holder="key of 001 X", matter="000707003000", fields=None, purpose=Purpose.HANDLING)
    bases = FakeBases({X: known})
    graph = CannedGraph()
    basis = f', basis: {{consent: "{X}"}}'
    assert codes(await ask(f"{{ r: {ROOTS[3] % basis} }}", graph=graph, bases=bases)) == ["not_consented"]
    assert graph.asked == []
    bases.kept[X] = replace(known, matter="000101002000")
    assert codes(await ask(f"{{ r: {ROOTS[3] % basis} }}", graph=graph, bases=bases)) == []


@pytest.mark.parametrize("root", ROOTS[:3])
async def test_a_consent_for_one_matter_covers_what_is_read_for_it_and_nothing_else(root: str) -> None:
    """A reading says what it is for; one that does not say it is for none. A consent for any matter asks nothing."""
    known = Basis(name="consent/x", holder="key of 001 X", matter="000707003000", fields=None, purpose=Purpose.HANDLING)
    found: list[tuple[list[str], int]] = []
    for matter in (None, "000707003000", "000101002000"):
        for said in ("", ', matter: "000707003000"', ', matter: "000101002000"', ", matter: null"):
            graph, journal = CannedGraph(), FakeJournal()
            bases = FakeBases({X: replace(known, matter=matter)})
            basis = f', basis: {{consent: "{X}"}}{said}'
            answer = await ask(f"{{ r: {root % basis} }}", graph=graph, journal=journal, bases=bases)
            assert len(journal.records) == len(graph.asked)
            found.append((codes(answer), len(graph.asked)))
    good, bad = ([], 1), (["not_consented"], 0)
    assert found == [good, good, good, good, bad, good, bad, bad, bad, bad, good, bad]


@pytest.mark.parametrize("root", ROOTS[:3])
async def test_a_case_says_itself_what_it_is_for(root: str) -> None:
    known = Basis(name="case/x", holder="key of 001 X", matter="000707003000", fields=None, purpose=None)
    bases, found = FakeBases({OUR_CASE: known}), []
    for said in ("", ', matter: "000707003000"', ', matter: "000101002000"'):
        basis = f', basis: {{case: "{OUR_CASE}"}}{said}'
        found.append(codes(await ask(f"{{ r: {root % basis} }}", graph=CannedGraph(), bases=bases)))
    assert found == [[], [], ["not_consented"]]


@pytest.mark.parametrize(
    ("of_basis", "said", "recorded"),
    [
        (None, ', matter: "000707003000"', "000707003000"),
        (None, "", None),
        (None, ', matter: "ZhangSan.370202199001011234"', None),
        ("000707003000", ', matter: "000707003000"', "000707003000"),
    ],
)
async def test_the_access_record_names_the_matter_and_no_text_that_is_none(
    of_basis: str | None, said: str, recorded: str | None
) -> None:
    """Under a consent for any matter the caller names it: the holder is to see for which one it was used."""
    bases, journal = FakeBases(), FakeJournal()
    bases.kept[X] = replace(bases.kept[X], matter=of_basis)
    basis = f', basis: {{consent: "{X}"}}{said}'
    assert codes(await ask(f"{{ r: {ROOTS[0] % basis} }}", journal=journal, bases=bases)) == []
    assert [record.matter for record in journal.records] == [recorded]


async def test_a_reading_by_a_case_or_of_a_checklist_is_for_its_matter() -> None:
    known = Basis(name="case/x", holder="key of 001 X", matter="000707003000", fields=None, purpose=None)
    bases, journal = FakeBases({OUR_CASE: known}), FakeJournal()
    basis = f', basis: {{case: "{OUR_CASE}"}}'
    await ask(f"{{ r: {ROOTS[2] % basis} }}", journal=journal, bases=bases)
    await ask(f"{{ r: {ROOTS[3] % ''} }}", journal=journal, principal=OWN)
    assert [record.matter for record in journal.records] == ["000707003000", "000101002000"]


async def test_each_purpose_covers_its_questions_and_no_other() -> None:
    """Every root field that takes a basis, by every purpose; what is not covered is neither read nor recorded."""
    names = [root.partition("(")[0] for root in ROOTS]
    with_basis = {name for name, field in core_schema(SCHEMA).query_type.fields.items() if "basis" in field.args}  # type: ignore[union-attr]
    assert with_basis == set(names) == COVERED[Purpose.HANDLING]
    found: dict[Purpose, set[str]] = {}
    for purpose in Purpose:
        bases = FakeBases(
            {X: Basis(name="consent/x", holder="key of 001 X", matter=None, fields=None, purpose=purpose)}
        )
        for name, root in zip(names, ROOTS, strict=True):
            graph, journal = CannedGraph(), FakeJournal()
            basis = f', basis: {{consent: "{X}"}}'
            answer = await ask(f"{{ r: {root % basis} }}", graph=graph, journal=journal, bases=bases)
            if codes(answer) == []:
                found.setdefault(purpose, set()).add(name)
            else:
                assert (codes(answer), graph.asked, journal.records) == (["not_consented"], [], [])
    assert found == {
        Purpose.HANDLING: {"checklist", "license", "licenses", "receipt"},
        Purpose.ADVICE: {"checklist"},
        Purpose.VERIFICATION: {"license", "receipt"},
    }


@pytest.mark.parametrize("given", ["{}", f'{{consent: "{X}", case: "{OUR_CASE}"}}', "{consent: null}"])
@pytest.mark.parametrize("root", ROOTS)
async def test_a_basis_has_exactly_one_member(root: str, given: str) -> None:
    """In the document; in the variables, too."""
    graph = CannedGraph()
    with suppress(Malformed):  # where the size of a page counts, the whole request is refused
        answer = await ask(f"{{ r: {root % f', basis: {given}'} }}", graph=graph)
        assert codes(answer) == ["bad_variables"]
    text = f"query($b: ReadBasis) {{ r: {root % ', basis: $b'} }}"
    with pytest.raises(DocumentRefused) as caught:
        await Execution(SCHEMA, graph).run(GraphQLRequest(query=text, variables={"b": {}}), request_context())
    assert [fault.code for fault in caught.value.faults] == ["bad_variables"]
    assert graph.asked == []


FACES: Final = (
    f'{{ other: matter(code: "1") {{ code }} mine: licenses({HOLDER}, useCause: "x", basis: {{consent: "{X}"}})'
    " { edges { node { face { ... on Face { certificateHolderName certificateNumber withheld } } } } } }"
)
FACE: Final = {"certificateHolderName": ["张三"], "certificateNumber": "123456789012345678"}


def _rows(statement: Any) -> list[list[Any]]:
    return [["m"]] if "Matter" in statement.text else [["L1", "220103"]]


async def test_a_basis_that_ends_in_the_middle_takes_its_root_field_and_no_other() -> None:
    """The faces have come by then; the access record stays."""
    journal, faces = FakeJournal(), FakeFaceSources(kept={"L1": FACE})
    answer = await ask(
        FACES, graph=CannedGraph(answer=_rows), journal=journal, faces=faces, bases=FakeBases(ends=1)
    )  # fmt: skip
    assert answer.data == {"other": {"code": "m"}, "mine": None}
    assert [(error.path, code) for error, code in zip(answer.errors, codes(answer), strict=True)] == [
        (["mine"], "basis_ended")
    ]
    assert len(faces.calls) == 1
    assert [record.basis for record in journal.records] == [f"consent/{X}"]


async def test_it_is_judged_by_the_clock_of_each_time() -> None:
    bases = FakeBases()
    await ask(FACES, graph=CannedGraph(answer=_rows), bases=bases)
    assert [(consent, case, county) for consent, case, county, _ in bases.asked] == [(X, None, "370214")] * 2


async def test_fields_that_are_not_covered_do_not_leave_the_county_and_are_named_once() -> None:
    faces = FakeFaceSources(kept={"L1": FACE, "L2": FACE})
    name = frozenset({"certificateHolderName"})
    bases = FakeBases(
        {X: Basis(name=f"consent/{X}", holder="key of 001 X", matter=None, fields=name, purpose=Purpose.HANDLING)}
    )

    def rows(statement: Any) -> list[list[Any]]:
        return [*_rows(statement), *([] if "Matter" in statement.text else [["L2", "220103"]])]

    answer = await ask(FACES, graph=CannedGraph(answer=rows), faces=faces, bases=bases)
    face = {"certificateHolderName": ["张三"], "certificateNumber": None, "withheld": ["certificateNumber"]}
    assert answer.data == {"other": {"code": "m"}, "mine": {"edges": [{"node": {"face": face}}] * 2}}
    assert [(error.path, error.message) for error in answer.errors] == [
        (["mine"], "the basis does not cover certificateNumber")
    ]
    assert codes(answer) == ["not_consented"]
    assert [each.fields for each in faces.calls[0]] == [("certificateHolderName",)] * 2


CASE: Final = f'{{ case(caseNumber: "{OUR_CASE}", useCause: "x") {{ uses {{ face {{ ... on Face {{ certificateNumber }} }} }} }} }}'
PARTY: Final = replace(CLERK, scopes=frozenset({"case.read", "license.read", "license.face"}))


@pytest.mark.parametrize(
    ("bases", "number", "found"),
    [
        (
            {OUR_CASE: Basis(name=f"case/{OUR_CASE}", holder="h", matter=None, fields=None, purpose=None)},
            FACE["certificateNumber"],
            [],
        ),
        ({}, None, ["not_consented"]),
    ],
)
async def test_an_open_case_is_the_basis_for_the_faces_in_it(
    bases: dict[str, Basis], number: str | None, found: list[str]
) -> None:
    """One that is over shows its licenses, and nothing of their faces."""
    graph = CannedGraph(rows=[[OUR_CASE, [["L1", "220103"]]]])
    faces = FakeFaceSources(kept={"L1": FACE})
    answer = await ask(CASE, graph=graph, faces=faces, bases=FakeBases(bases), principal=PARTY)
    assert codes(answer) == found
    assert answer.data == {"case": {"uses": [{"face": {"certificateNumber": number}}]}}


async def test_below_a_case_no_face_is_asked_of_another_than_its_applicant() -> None:
    """The statement gives the applicant's licenses alone, for every caller."""
    bases = {OUR_CASE: Basis(name=f"case/{OUR_CASE}", holder="h", matter=None, fields=None, purpose=None)}
    for principal in (PARTY, replace(PARTY, scopes=PARTY.scopes - {"license.read"} | {"license.read.own"})):
        graph = CannedGraph(rows=[[OUR_CASE, []]])
        await ask(CASE, graph=graph, bases=FakeBases(bases), principal=principal)
        (statement,) = graph.asked
        assert statement.parameters["basis_holder"] == "h"
        assert "-[:HELD_BY]->(:Holder {key: $basis_holder})" in statement.text


async def test_two_readings_of_one_license_see_each_what_its_own_basis_covers() -> None:
    """Their fields are asked of the county in one call; no value passes from one to the other."""
    name, number = (frozenset({each}) for each in ("certificateHolderName", "certificateNumber"))
    bases = FakeBases(
        {
            X: Basis(name="consent/x", holder="key of 001 X", matter=None, fields=name, purpose=Purpose.HANDLING),
            CONSENT: Basis(
                name="consent/y", holder="key of 001 X", matter=None, fields=number, purpose=Purpose.HANDLING
            ),
        }
    )
    face = "{ edges { node { face { ... on Face { certificateHolderName certificateNumber } } } } }"
    text = "{ " + " ".join(
        f'{alias}: licenses({HOLDER}, useCause: "x", basis: {{consent: "{consent}"}}) {face}'
        for alias, consent in (("a", X), ("b", CONSENT))
    ) + " }"  # fmt: skip
    faces = FakeFaceSources(kept={"L1": FACE})
    answer = await ask(text, graph=CannedGraph(answer=_rows), faces=faces, bases=bases)
    assert answer.data is not None
    seen = {alias: answer.data[alias]["edges"][0]["node"]["face"] for alias in ("a", "b")}
    assert seen == {
        "a": {"certificateHolderName": ["张三"], "certificateNumber": None},
        "b": {"certificateHolderName": None, "certificateNumber": FACE["certificateNumber"]},
    }
    assert len(faces.calls) == 1
