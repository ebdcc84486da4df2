"""The ten documents that every contender is asked, and the new ones: valid, within the limits, never changed."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import build_schema, parse, validate

from hub.demo.alliance import SAMPLE
from hub.graphql.limits import LIMITS, check_document
from loadtests.bench.peers.mix import DOCUMENTS, Asked, check_data, cold, mix, neo4j_pairs, one, one_pairs
from loadtests.population import Holder

ROOT: Final = Path(__file__).parent.parent.parent
SDL: Final = build_schema((ROOT / "schema" / "schema.graphql").read_text("utf-8"))
HOLDERS: Final = [Holder(type_code="001", code=f"C{n}", identifiers=(f"1.{n}",), consent="c") for n in range(4)]

SUM: Final = "591a5564f02d248351ce3b8d104aafac87627481de630a81fd2240a6ba806be6"
"""Of the ten documents: whoever changes one bases every figure anew."""


def test_the_ten_documents_are_the_ten_of_before() -> None:
    assert [name[0] for name in DOCUMENTS] == ["l"] * 8 + ["m"] * 2
    assert sha256("\n".join(DOCUMENTS.values()).encode()).hexdigest() == SUM


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_is_valid_and_within_the_limits(name: str) -> None:
    document = parse(DOCUMENTS[name])
    assert validate(SDL, document) == []
    check_document(document, LIMITS)


def test_new_documents_are_valid_all_different_and_the_same_for_a_seed() -> None:
    found = cold(HOLDERS, 200, 1)
    assert len({each.document for each in found}) == 200
    assert found == cold(HOLDERS, 200, 1)
    assert {each.document for each in found}.isdisjoint(each.document for each in cold(HOLDERS, 20, 2))
    for each in found:
        document = parse(each.document)
        assert validate(SDL, document) == []
        check_document(document, LIMITS)


def test_eight_of_ten_ask_after_a_holder() -> None:
    asked = mix(HOLDERS, ["m1", "m2", "m3"])
    assert [sum(each.holder is not None for each in asked), sum(each.matter is not None for each in asked)] == [32, 8]
    assert {each.document for each in asked} == set(DOCUMENTS.values())
    assert {each.document for each in one(HOLDERS)} == {DOCUMENTS["l6-places"]}


def licenses(*identifiers: str) -> dict[str, Any]:
    return {"data": {"licenses": {"edges": [{"node": {"certificateIdentifier": each}} for each in identifiers]}}}


def test_content_is_checked() -> None:
    look_up = Asked(document="", variables={}, holder=HOLDERS[0])
    check_data(look_up, licenses("1.0"))
    matter = Asked(document="", variables={}, matter="m")
    offered = [{"county": {"code": county}} for county in SAMPLE]
    check_data(matter, {"data": {"matter": {"code": "m", "offerings": offered}}})
    for asked, wrong in (
        (look_up, licenses()),
        (look_up, licenses("1.0", "1.1")),
        (look_up, {**licenses("1.0"), "errors": [{}]}),
        (look_up, {"data": None}),
        (matter, {"data": {"matter": {"code": "n", "offerings": offered}}}),
        (matter, {"data": {"matter": {"code": "m", "offerings": offered[1:]}}}),
    ):
        with pytest.raises(ValueError, match=r"errors|holder's licenses|another matter"):
            check_data(asked, wrong)


def test_the_two_forms_of_one_answer_are_compared_by_their_values() -> None:
    node = {"status": "VALID", "type": {"name": "t"}, "issuedBy": {"name": "a", "jurisdiction": {"code": "c"}}}
    lists = {"status": "VALID", "type": [{"name": "t"}], "issuedBy": [{"name": "a", "jurisdiction": [{"code": "c"}]}]}
    theirs = neo4j_pairs({"data": {"holders": [{"licenses": [lists]}]}})
    assert one_pairs({"data": {"licenses": {"edges": [{"node": node}]}}}) == theirs == [["VALID", "t", "a", "c"]]


def test_the_npm_lock_pins_by_hash_and_names_no_host() -> None:
    folder = ROOT / "loadtests" / "bench" / "peers" / "node"
    text = (folder / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    assert "resolved" not in text
    assert "://" not in text
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
    wanted = json.loads((folder / "package.json").read_text("utf-8"))["dependencies"]
    assert [name for name, version in wanted.items() if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version)] == []
