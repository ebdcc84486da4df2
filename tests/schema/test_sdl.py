"""The exported SDL is the schema, byte for byte; what a partner reads there holds."""

from __future__ import annotations

from pathlib import Path

from graphql import GraphQLObjectType, build_schema

from schema.assembly import export_schema

SDL = Path(__file__).resolve().parents[2] / "schema" / "schema.graphql"


def test_the_committed_sdl_is_the_schema() -> None:
    """After a change: `tongban schema export` writes it anew; the difference is for the reviewer."""
    assert SDL.read_text("utf-8") == export_schema()


def test_the_sdl_stands_alone() -> None:
    schema = build_schema(SDL.read_text("utf-8"))
    assert schema.query_type is not None
    assert list(schema.query_type.fields) == [
        "jurisdiction",
        "jurisdictions",
        "authority",
        "matter",
        "matters",
        "matterList",
        "offering",
        "offerings",
        "comparison",
        "checklist",
        "licenseType",
        "licenseTypes",
        "license",
        "licenses",
        "receipt",
        "accessRecords",
        "consent",
        "consents",
        "case",
        "cases",
        "objections",
        "escalation",
        "statistics",
        "objection",
        "verify",
        "caseEventFeed",
        "checkpoint",
        "_entities",
        "_service",
    ]
    assert schema.mutation_type is not None
    assert list(schema.mutation_type.fields) == ["submitEntries"]


def test_costs_and_list_sizes_stand_in_the_sdl() -> None:
    text = SDL.read_text("utf-8")
    assert 'face: FaceResult @cost(weight: "20")\n' in text
    assert 'materials: [Material!]! @cost(weight: "2") @listSize(assumedSize: 30)\n' in text
    assert '): LicenseConnection @listSize(slicingArguments: ["first"], sizedFields: ["edges"])\n' in text


def test_every_personal_root_asks_for_a_cause() -> None:
    query = build_schema(SDL.read_text("utf-8")).query_type
    assert isinstance(query, GraphQLObjectType)
    asking = {name for name, field in query.fields.items() if "useCause" in field.args}
    named = "accessRecords case cases checklist escalation license licenses objection objections receipt"
    assert asking == set(named.split())
    assert {str(query.fields[name].args["useCause"].type) for name in asking} == {"UseCause!"}
