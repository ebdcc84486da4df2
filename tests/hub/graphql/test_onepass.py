"""Documents in one pass: accepted means valid, with graphql-core's very tree; what is wrong or rare is left to it."""

from __future__ import annotations

import random
import re
from typing import Any, Final

import hypothesis_graphql
import pytest
from graphql import StringValueNode
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.graph.plan import Plan, make_plan
from hub.graph.tables import build_tables
from hub.graphql.limits import LIMITS
from loadtests.operations import OPERATIONS, operation
from schema.assembly import build_schema
from tests.compiled_documents import SCOPES
from tests.document_files import DOCUMENTS
from tests.random_documents import random_document
from tests.read_documents import SCHEMA, check_reading, judged, read

QUERIES: Final = {name: one.text for name, one in DOCUMENTS.items() if one.is_query}
LOADED: Final = {f"load of {name}": operation(name) for name in OPERATIONS}
ALL: Final = {**QUERIES, **LOADED}
SDL: Final = build_schema().as_str()
SCALARS: Final = {name: st.just(StringValueNode(value="1")) for name in re.findall(r"^scalar (\w+)", SDL, re.MULTILINE)}
HOLDER: Final = 'holder: {certificateHolderTypeCode: "001", certificateHolderCode: "1"}'


@pytest.mark.parametrize("name", ALL)
def test_every_query_of_ours_is_read_in_one_pass(name: str) -> None:
    assert check_reading(ALL[name])


@pytest.mark.parametrize("name", sorted(DOCUMENTS.keys() - QUERIES.keys()))
def test_what_is_no_query_is_left(name: str) -> None:
    assert read(DOCUMENTS[name].text) is None


@given(st.integers(min_value=0))
@settings(max_examples=150)
def test_random_documents_are_read_in_one_pass(seed: int) -> None:
    """Those that pass a limit of the endpoint are not: they are left, and then refused."""
    text = random_document(SCHEMA, seed, skip=frozenset()).text
    assert check_reading(text) or judged(text) is None


@given(hypothesis_graphql.queries(SDL, custom_scalars=SCALARS, allow_null=True))
@settings(max_examples=25)
def test_generated_documents_are_read_as_graphql_core_reads_them(text: str) -> None:
    check_reading(text)


PIECES: Final = (
    "", " ", "{", "}", "(", ")", ":", "!", "$", "@", "...", "on", "a", "name", "code", "status", "__typename", "null", "true", "1", '"1"', "[", "]",
    "=", "query", "fragment F on Matter", "...F", "... on License", "@skip(if: true)", "@include(if: $v0)", "$v0", "#", "\n", "first: 1", "face",
)  # fmt: skip


@given(st.integers(min_value=0), st.sampled_from([*ALL.values(), None]))
@settings(max_examples=500)
def test_mutated_documents_are_accepted_only_when_they_are_valid(seed: int, text: str | None) -> None:
    luck = random.Random(seed)
    text = text or random_document(SCHEMA, seed % 1000).text
    for _ in range(luck.randint(1, 3)):
        start = luck.randrange(len(text))
        end = start + luck.choice([0, 0, 1, 2, 8, 40])
        piece = luck.choice(
            [*PIECES, text[start : start + luck.randint(1, 60)], text[luck.randrange(len(text)) :][:20]]
        )
        text = text[:start] + piece + text[end:]
    check_reading(text)


ACCEPTED: Final = (
    "{__typename}",
    "query query { fragment: __typename on: __typename true: __typename }",
    'fragment fragment on Matter { name } query on { matter(code: "1") { ...fragment } }',
    '{ matter(code: """\n  1\n """) { name } }',
    r'{ matter(code: "\u0031") { name } }',
    "{ matters(first: 1, after: null, type: null) { edges { node { name } } } }",
    "query($f: Int) { matters(first: $f) { edges { cursor } } }",
    "query($f: Int = 3) { matters(first: $f) { edges { cursor } } }",
    "query($f: Int! = 3) { matters(first: $f) { edges { cursor } } }",
    "query($t: String!) { matters(type: $t) { edges { cursor } } }",
    "{ jurisdictions(level: COUNTY) { edges { cursor } } }",
    "query($l: JurisdictionLevel = COUNTY) { jurisdictions(level: $l) { edges { cursor } } }",
    "query($h: HolderInput!) { consents(holder: $h) { edges { cursor } } }",
    'query($c: HolderCode!) { consents(holder: {certificateHolderTypeCode: "001", certificateHolderCode: $c}) { edges { cursor } } }',
    f'{{ licenses({HOLDER}, useCause: "x", basis: {{consent: "{"A" * 22}"}}) {{ edges {{ cursor }} }} }}',
    f'query($b: ReadBasis) {{ licenses({HOLDER}, useCause: "x", basis: $b) {{ edges {{ cursor }} }} }}',
    f'query($s: StatementId!) {{ licenses({HOLDER}, useCause: "x", basis: {{consent: $s}}) {{ edges {{ cursor }} }} }}',
    f'{{ licenses({HOLDER}, useCause: "x", basis: null) {{ edges {{ cursor }} }} }}',
    '{ matter(code: "1") { name name a: name a: name } }',
    '{ matter(code: "1") { ...F ...F ... on Matter { name } ... { name } } } fragment F on Matter { name code }',
    '{ a: matter(code: "1") { name } a: matter(code: "1") { code } }',
    'query($s: Boolean!) { matter(code: "1") { name @skip(if: $s) @include(if: true) ... @include(if: $s) { code } } }',
    '{ matter(code: "1") { ...F } } fragment F on Matter { ...G } fragment G on Matter { ...H ...H } fragment H on Matter { name }',
    '{ verify(receipt: "{}") { __typename ... on Verdict { outcome } ... on Problem { code } ... on VerifyResult { __typename } } }',
    "\ufeff#é\n{ __typename, }",
    "{ matter(code: A) { name } }",
    f'{{ licenses({HOLDER}, useCause: "x", basis: {{}}) {{ edges {{ cursor }} }} }}',
    f'{{ licenses({HOLDER}, useCause: "x", basis: {{consent: null}}) {{ edges {{ cursor }} }} }}',
    f'query($s: StatementId) {{ licenses({HOLDER}, useCause: "x", basis: {{consent: $s}}) {{ edges {{ cursor }} }} }}',
)  # fmt: skip


@pytest.mark.parametrize("text", ACCEPTED)
def test_crooked_documents_are_read_in_one_pass(text: str) -> None:
    assert check_reading(text)


REFUSED: Final = (
    "{ matter(code:",
    '{ matter(code: "1") { name @skip(if:',
    "query($a: Int =",
    "{ ...",
    "{ ... on",
    "query($a: [",
    '{ matter(code: "1") { ...F @include(if: true) } } fragment F on Matter @skip(if: true) { name }',
    "query Q @skip(if: true) { __typename }",
    "",
    "{",
    "{ __typename } }",
    "{ __typename { a } }",
    "{ __typename } { __typename }",
    "query($a) { __typename }",
    "query() { __typename }",
    "{ __typename() }",
    "{ nothing }",
    '{ matter(code: "1") }',
    "{ matter { name } }",
    "{ matter(code: 1) { name } }",
    "{ matter(code: null) { name } }",
    '{ matter(code: ["1"]) { name } }',
    '{ matter(code: {a: "1"}) { name } }',
    '{ matter(code: "not a code") { name } }',
    '{ matter(code: "1", code: "1") { name } }',
    '{ matter(cod: "1") { name } }',
    '{ matter(code: "1") { name { a } } }',
    '{ matter(code: "1") { name: code name } }',
    '{ a: matter(code: "1") { name } a: matter(code: "2") { name } }',
    '{ a: matter(code: "1") { name } a: matterList { edges { cursor } } }',
    '{ matter(code: "1") { ...F a: code } } fragment F on Matter { a: name }',
    '{ matter(code: "1") { ...F } }',
    '{ matter(code: "1") { name } } fragment F on Matter { name }',
    '{ matter(code: "1") { ...F } } fragment F on Matter { ...F }',
    '{ matter(code: "1") { ...F } } fragment F on Matter { ...G } fragment G on Matter { ...F }',
    '{ matter(code: "1") { ...F } } fragment F on License { status }',
    '{ matter(code: "1") { ...F } } fragment F on Matter { name } fragment F on Matter { name }',
    '{ matter(code: "1") { ... on License { status } } }',
    '{ matter(code: "1") { ... on Mater { name } } }',
    '{ matter(code: "1") { ... on String { name } } }',
    '{ matter(code: "1") { ...on } }',
    '{ matter(code: "1") { name @skip } }',
    '{ matter(code: "1") { name @skip(if: "true") } }',
    '{ matter(code: "1") { name @skip(if: null) } }',
    '{ matter(code: "1") { name @skip(if: true) @skip(if: true) } }',
    '{ matter(code: "1") { name @skip(unless: true) } }',
    '{ matter(code: "1") { name @unknown } }',
    '{ matter(code: "1") { name @deprecated } }',
    'query($s: Boolean) { matter(code: "1") { name @skip(if: $s) } }',
    'query($s: Boolean!, $s: Boolean!) { matter(code: "1") { name @skip(if: $s) } }',
    "query($c: ID!) { matter(code: $c) { name } }",
    "query($c: CatalogueCode) { matter(code: $c) { name } }",
    "query($c: [CatalogueCode!]!) { matter(code: $c) { name } }",
    "query($c: Matter!) { matter(code: $c) { name } }",
    "query($c: Nothing!) { matter(code: $c) { name } }",
    "{ matter(code: $c) { name } }",
    "query($c: CatalogueCode!) { __typename }",
    "query($c: CatalogueCode! = 1) { matter(code: $c) { name } }",
    "query($c: CatalogueCode! = $c) { matter(code: $c) { name } }",
    "query($f: Int = null) { matters(first: $f, after: 1) { edges { cursor } } }",
    "{ matters(first: 2147483648) { edges { cursor } } }",
    "{ matters(first: 1.0) { edges { cursor } } }",
    '{ matters(first: "1") { edges { cursor } } }',
    '{ jurisdictions(level: "COUNTY") { edges { cursor } } }',
    "{ jurisdictions(level: VILLAGE) { edges { cursor } } }",
    '{ consents(holder: {certificateHolderCode: "1"}) { edges { cursor } } }',
    '{ consents(holder: {certificateHolderTypeCode: "001", certificateHolderCode: "1", other: 1}) { edges { cursor } } }',
    '{ consents(holder: {certificateHolderTypeCode: "001", certificateHolderTypeCode: "001", certificateHolderCode: "1"}) { edges { cursor } } }',
    '{ licenses(holder: "x", useCause: "x") { edges { cursor } } }',
    "{ __schema { types { name } } }",
    '{ __type(name: "License") { name } }',
    "{ ...F } fragment F on Query { __schema { types { name } } }",
    "type Query { a: String }",
    '"described" { __typename }',
    "{ " + "a: __typename " * (LIMITS.aliases + 1) + "}",
    "{ " + "__typename " * (LIMITS.root_fields + 1) + "}",
    "{ " + "__typename " * LIMITS.tokens + "}",
    "{ ...F0 } " + " ".join(f"fragment F{at} on Query {{ ...F{at + 1} ...F{at + 1} }}" for at in range(20)) + " fragment F20 on Query { __typename }",
)  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_wrong_is_left_to_graphql_core(text: str) -> None:
    """And refused there: by it, or by a limit."""
    assert read(text) is None
    assert judged(text) is None


RARE: Final = (
    "{}",
    "mutation { __typename }",
    "query A { __typename } query B { __typename }",
    '{ matter(code: "1") { } }',
    "{ " + "... { " * 40 + "__typename" + " }" * 40 + " }",
    "{ matters(first: 1) { edges { cursor } } matters(first:1) { pageInfo { hasNextPage } } }",
)  # fmt: skip


@pytest.mark.parametrize("text", RARE)
def test_what_is_rare_is_left_to_graphql_core(text: str) -> None:
    assert read(text) is None
    assert judged(text) is not None


TABLES: Final = build_tables(build_schema())


@pytest.mark.parametrize("scopes", [None, *SCOPES.values()], ids=["nobody", *SCOPES])
@pytest.mark.parametrize("name", ALL)
def test_plans_do_not_depend_on_who_read_the_document(name: str, scopes: frozenset[str] | None) -> None:
    """Statements, what is refused and where, and which argument's size counts."""
    ours, expected = (_plan(tree, scopes) for tree in (read(ALL[name]), judged(ALL[name])))
    assert [(root.response, root.compiled.text, root.fields) for root in ours.roots] == [
        (root.response, root.compiled.text, root.fields) for root in expected.roots
    ]
    assert [(one.code, one.path, one.node.loc) for one in ours.refusals] == [
        (one.code, one.path, one.node.loc) for one in expected.refusals
    ]
    assert (ours.refused, ours.empty, ours.personal, ours.fixed_cost) == (
        expected.refused, expected.empty, expected.personal, expected.fixed_cost,
    )  # fmt: skip


def _plan(tree: Any, scopes: frozenset[str] | None) -> Plan:
    operation, *fragments = tree.definitions
    return make_plan(TABLES, operation, {one.name.value: one for one in fragments}, {}, scopes)
