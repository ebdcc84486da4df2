"""The load tests' documents hold against the SDL, and their checks take a right answer and refuse a wrong one."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import build_schema, parse, validate

from hub.graphql.limits import LIMITS, check_document
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.tiles import encode_bundle
from loadtests import answers
from loadtests.bench.figures import colddoc, journal, lanes, scale, shaper
from loadtests.bench.run import NAMES
from loadtests.operations import OPERATIONS, operation
from loadtests.population import Holder, Population, read_holders

ROOT: Final = Path(__file__).parent.parent
SDL: Final = (ROOT / "schema" / "schema.graphql").read_text("utf-8")
HOLDER: Final = Holder(type_code="001", code="C", identifiers=("1.2.A", "1.2.B"))
PASSED: Final = [{"number": number, "state": "PASSED"} for number in range(1, 15)]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_document_is_valid_and_within_the_limits(name: str) -> None:
    document = parse(operation(name))
    assert validate(build_schema(SDL), document) == []
    check_document(document, LIMITS)


def test_every_document_is_asked_by_a_user_of_the_load_test() -> None:
    source = (ROOT / "loadtests" / "locustfile.py").read_text("utf-8")
    assert sorted(re.findall(r'\.ask\(\s*"([a-z]+)"', source)) == sorted(OPERATIONS)


def test_every_figure_has_a_file() -> None:
    groups = (colddoc, journal, lanes, scale, shaper)
    several = {name: file.__name__.rpartition(".")[2] for file in groups for name in file.NAMES}
    files = {file.stem for file in (ROOT / "loadtests" / "bench" / "figures").glob("*.py")}
    assert files == {several.get(name, name) for name in NAMES}


@pytest.mark.parametrize("text", [scale.CHECKLIST, scale.STATISTICS])
def test_what_a_figure_asks_is_valid(text: str) -> None:
    assert validate(build_schema(SDL), parse(text)) == []


def test_a_population_is_the_same_for_the_same_seed() -> None:
    one, again = (Population.of(["370214", "320583"], licenses=40, as_of=date(2026, 6, 1)) for _ in range(2))
    other = Population.of(["370214", "320583"], licenses=40, as_of=date(2026, 6, 1), seed=2)
    assert one == again
    assert one.holders != other.holders
    assert sum(len(holder.identifiers) for holder in one.holders) == 80


def test_holders_of_a_real_alliance_are_read_from_a_file(tmp_path: Path) -> None:
    line = (
        '{"certificateHolderTypeCode":"001","certificateHolderCode":"C","identifiers":["1.2.B","1.2.A"],"consent":""}\n'
    )
    (tmp_path / "good").write_text(line, "utf-8")
    (tmp_path / "bad").write_text(line + '{"identifiers":[]}\n', "utf-8")
    assert read_holders(tmp_path / "good") == (HOLDER,)
    with pytest.raises(ValueError, match="line 2"):
        read_holders(tmp_path / "bad")


def licenses(*identifiers: str, **members: Any) -> dict[str, Any]:
    """Write an answer to `licenses` or `faces`."""
    place = {"type": {"name": "t"}, "issuedBy": {"jurisdiction": {"name": "j"}}, "status": "VALID"}
    nodes = [{"certificateIdentifier": identifier, **place, **members} for identifier in identifiers]
    return {"data": {"licenses": {"edges": [{"node": node} for node in nodes]}}}


def test_a_look_up_must_give_exactly_the_holders_licenses() -> None:
    answers.check_licenses(licenses("1.2.A", "1.2.B"), HOLDER)
    for wrong in (
        licenses("1.2.A"),
        licenses("1.2.B", "1.2.A"),
        licenses("1.2.A", "1.2.C"),
        licenses("1.2.A", "1.2.B", status=None),
        {**licenses("1.2.A", "1.2.B"), "errors": [{"message": "m"}]},
        {"data": None, "errors": [{"message": "m"}]},
    ):
        with pytest.raises(ValueError, match="licenses"):
            answers.check_licenses(wrong, HOLDER)


def test_a_face_must_be_there_and_be_the_holders() -> None:
    answers.check_faces(licenses("1.2.A", "1.2.B", face={"certificateHolderCode": ["B", "C"]}), HOLDER)
    for face in (None, {"code": "deadline", "county": "370214"}, {"certificateHolderCode": ["B"]}):
        with pytest.raises(ValueError, match="faces"):
            answers.check_faces(licenses("1.2.A", "1.2.B", face=face), HOLDER)


@pytest.mark.parametrize(("code", "partial"), [("deadline", True), ("source_unavailable", True), ("absent", False)])
def test_a_county_that_is_late_leaves_a_part_out_and_one_without_a_face_is_wrong(code: str, partial: bool) -> None:
    answer = licenses("1.2.A", "1.2.B", face={"certificateHolderCode": ["C"]})
    answer["data"]["licenses"]["edges"][1]["node"]["face"] = {"code": code, "county": "370214"}
    with pytest.raises(ValueError, match=code) as caught:
        answers.check_faces(answer, HOLDER)
    assert isinstance(caught.value, answers.PartialAnswerError) == partial
    answer["data"]["licenses"]["edges"][0]["node"]["face"] = {"certificateHolderCode": ["B"]}
    with pytest.raises(ValueError, match="another holder"):
        answers.check_faces(answer, HOLDER)


def test_a_receipt_must_be_of_the_license_that_was_asked_for() -> None:
    right = {"data": {"receipt": {"logIndex": 7, "result": {"logIndex": 7, "text": "{}"}}}}
    assert answers.check_receipt(right) == "{}"
    for result in ({"logIndex": 8, "text": "{}"}, {"code": "no_log"}):
        with pytest.raises(ValueError, match="receipt"):
            answers.check_receipt({"data": {"receipt": {"logIndex": 7, "result": result}}})


def test_a_verdict_must_be_valid_in_every_step() -> None:
    right = {"outcome": "VALID", "clerkText": "有效", "steps": PASSED}
    answers.check_verdict({"data": {"verify": right}})
    for wrong in ({**right, "outcome": "STALE"}, {**right, "clerkText": "存疑"}, {**right, "steps": []}, {"code": "x"}):
        with pytest.raises(ValueError, match="verify"):
            answers.check_verdict({"data": {"verify": wrong}})


def test_an_offering_must_be_the_one_that_was_asked_for() -> None:
    right = {"code": "m@c@20260601", "county": {"code": "c"}, "materials": [{"code": "m@c@20260601.01"}]}
    answers.check_offering({"data": {"offering": right}}, "m", "c")
    for wrong in (
        {**right, "code": "m@d@20260601"},
        {**right, "materials": []},
        {**right, "materials": [{"code": "n@c.01"}]},
    ):
        with pytest.raises(ValueError, match="offering"):
            answers.check_offering({"data": {"offering": wrong}}, "m", "c")


def test_a_holders_own_licenses_and_reads() -> None:
    answers.check_own(licenses("1.2.A", "1.2.B"), HOLDER)
    row = {"position": 4, "county": "320583", "useCause": "u"}
    answers.check_reads({"data": {"accessRecords": {"records": {"records": [row, {**row, "position": 5}]}}}})
    for wrong in ({"code": "not_party"}, {"records": [row, row]}, {"records": [{**row, "county": None}]}):
        with pytest.raises(ValueError, match="reads"):
            answers.check_reads({"data": {"accessRecords": {"records": wrong}}})


def test_a_case_must_be_whole_and_somebodys_turn() -> None:
    right = {"caseNumber": "n", "stage": "APPLIED", "stepCount": 1, "steps": [{"sequence": 1}], "nextSteps": [{}]}
    answers.check_case({"data": {"case": right}}, "n")
    for wrong in ({**right, "caseNumber": "o"}, {**right, "stepCount": 2}, {**right, "nextSteps": []}):
        with pytest.raises(ValueError, match="case"):
            answers.check_case({"data": {"case": wrong}}, "n")


def test_statistics_must_be_exact_for_the_own_county() -> None:
    right = {"code": "c", "exact": True, "periods": [{}]}
    answers.check_statistics({"data": {"statistics": right}}, "c")
    for wrong in ({**right, "code": "d"}, {**right, "exact": False}, {**right, "periods": []}):
        with pytest.raises(ValueError, match="statistics"):
            answers.check_statistics({"data": {"statistics": wrong}}, "c")


def test_entries_must_be_those_under_the_tile() -> None:
    entries = [b"one", b"two"]
    hashes = answers.tile_of_hashes(b"".join(map(leaf_hash, entries)))
    answers.check_bundle(encode_bundle(entries), hashes)
    with pytest.raises(ValueError, match="entries"):
        answers.check_bundle(encode_bundle(entries[::-1]), hashes)
    with pytest.raises(ValueError, match="tile"):
        answers.tile_of_hashes(b"short")
    assert answers.bundle_paths(100, 7) == ("/ledger/tile/entries/000.p/100", "/ledger/tile/0/000.p/100")
    assert answers.bundle_paths(700, 3) == ("/ledger/tile/entries/001", "/ledger/tile/0/001")


def test_the_log_must_never_shrink() -> None:
    answer = {"data": {"checkpoint": {"size": 9, "cosigners": ["w"]}}}
    assert answers.check_checkpoint(answer, 9) == 9
    with pytest.raises(ValueError, match="size 9 after 10"):
        answers.check_checkpoint(answer, 10)
