"""Computed fields of a license: its receipt, and who read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from graphql.pyutils import Path

from ledger.errors import Refused, Unavailable
from ledger.status import Status
from schema.connections import bound_label, encode_cursor
from schema.context import Access, Published
from schema.licenses import LicenseStatus
from tests.answers import ask_licenses
from tests.ports import CLERK, NOW, FakeJournal, FakeRegistry, request_context

_MINE = bound_label("AccessRecord", "370214", "L1")
ROW = {"certificateIdentifier": "L1", "sealedBy": "370214", "logIndex": 7}
PUBLISHED = Published(note=b"hub.example/ledger\n", size=8, root=bytes(32), time=NOW, cosigners=())
RECEIPT = "receipt { ... on Receipt { logIndex text } ... on Problem { code kind } }"
RECORDS = """accessRecords%s { ... on Problem { code kind } ... on AccessRecords { hasNextPage endCursor
  records { position time county client useCause rootField fields } } }"""


def access(number: int, *licenses: str) -> Access:
    """A read of licenses by another county."""
    return Access(
        county="130202",
        client="130202#3",
        token_id=f"token-{number}",
        use_cause=f"cause {number}",
        root_field="license",
        holder=None,
        licenses=licenses,
        fields=("status",),
        time=NOW + number,
    )


async def _license(selection: str, **ports: Any) -> Any:
    data = await ask_licenses(f"{{ licenses {{ {selection} }} }}", request_context(**ports), [ROW])
    return data["licenses"][0]


async def test_a_receipt_is_made_afresh_from_the_log_index() -> None:
    registry = FakeRegistry(newest=PUBLISHED, receipts={7: b'{"v":1}'})
    assert await _license(RECEIPT, registry=registry) == {"receipt": {"logIndex": 7, "text": '{"v":1}'}}


@pytest.mark.parametrize(
    ("registry", "code", "kind"),
    [
        (FakeRegistry(), "no_log", "UNAVAILABLE"),
        (FakeRegistry(newest=PUBLISHED), "wrong_target", "CONFLICT"),
        (FakeRegistry(down=Unavailable("store_stopped", "the store stopped")), "store_stopped", "UNAVAILABLE"),
    ],
)
async def test_a_receipt_that_cannot_be_made_is_a_problem(registry: FakeRegistry, code: str, kind: str) -> None:
    assert await _license(RECEIPT, registry=registry) == {"receipt": {"code": code, "kind": kind}}


STANDING = "standing { ... on LicenseStanding { status asOf checkpointSize } ... on Problem { code kind } }"


async def test_a_standing_is_the_ledgers_with_its_age() -> None:
    registry = FakeRegistry(changed={7: Status.SUSPENDED})
    found = {"status": "SUSPENDED", "asOf": "2026-06-01T08:59:00.000Z", "checkpointSize": 100}
    assert await _license(STANDING, registry=registry) == {"standing": found}


async def test_a_standing_that_the_ledger_cannot_give_now_is_a_problem() -> None:
    registry = FakeRegistry(down=Unavailable("no_log", "nothing is published yet"))
    assert await _license(STANDING, registry=registry) == {"standing": {"code": "no_log", "kind": "UNAVAILABLE"}}


async def test_the_root_receipt_gives_the_same_receipt() -> None:
    registry = FakeRegistry(newest=PUBLISHED, receipts={7: b'{"v":1}'})
    selection = "{ receipt { result { ... on Receipt { text } } } }"
    data = await ask_licenses(selection, request_context(registry=registry), [ROW])
    assert data == {"receipt": {"result": {"text": '{"v":1}'}}}


async def test_the_county_that_sealed_a_license_sees_who_read_it_page_by_page() -> None:
    journal = FakeJournal(records=[access(0, "L1"), access(1, "L2"), access(2, "L1", "L2"), access(3, "L1")])
    first = (await _license(RECORDS % "(first: 2)", journal=journal))["accessRecords"]
    assert [(one["position"], one["useCause"]) for one in first["records"]] == [(0, "cause 0"), (2, "cause 2")]
    assert first["records"][0] == {
        "position": 0,
        "time": "2026-06-01T09:00:00.000Z",
        "county": "130202",
        "client": "130202#3",
        "useCause": "cause 0",
        "rootField": "license",
        "fields": ["status"],
    }
    assert first["hasNextPage"] is True
    rest = (await _license(RECORDS % f'(after: "{first["endCursor"]}")', journal=journal))["accessRecords"]
    assert [one["position"] for one in rest["records"]] == [3]
    assert rest["hasNextPage"] is False


async def test_a_license_that_nobody_read_has_an_empty_page() -> None:
    assert await _license(RECORDS % "") == {"accessRecords": {"hasNextPage": False, "endCursor": None, "records": []}}


async def test_another_county_does_not_see_who_read_a_license() -> None:
    other = replace(CLERK, county="130202", client="130202#3")
    journal = FakeJournal(records=[access(0, "L1")])
    found = await _license(RECORDS % "", principal=other, journal=journal)
    assert found == {"accessRecords": {"code": "not_issuer", "kind": "REFUSED"}}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("(first: 0)", "limit_exceeded"),
        ("(first: 101)", "limit_exceeded"),
        (f'(after: "{encode_cursor("License", "7")}")', "bad_cursor"),
        (f'(after: "{encode_cursor("AccessRecord", "7")}")', "bad_cursor"),
        (f'(after: "{encode_cursor(bound_label("AccessRecord", "370214", "L2"), "7")}")', "bad_cursor"),
        (f'(after: "{encode_cursor(_MINE, "-7")}")', "bad_cursor"),
        (f'(after: "{encode_cursor(_MINE, "9" * 17)}")', "bad_cursor"),
        (f'(after: "{encode_cursor(_MINE, "٧")}")', "bad_cursor"),
    ],
)
async def test_a_page_out_of_bounds_is_a_problem(arguments: str, code: str) -> None:
    assert await _license(RECORDS % arguments) == {"accessRecords": {"code": code, "kind": "MALFORMED"}}


async def test_a_field_below_a_root_without_cause_is_refused() -> None:
    with pytest.raises(AssertionError) as failed:
        await ask_licenses("{ licenses { face { __typename } } }", request_context(), [ROW], use_cause="")
    assert "this field needs a useCause on its root field" in str(failed.value)


def test_the_cause_is_that_of_the_root_field_above() -> None:
    context = request_context(arguments={"mine": {"useCause": "cause"}, "other": {}})
    path = Path(Path(Path(None, "mine", "Query"), 0, None), "face", "License")
    assert context.use_cause(path) == "cause"
    with pytest.raises(Refused):
        context.use_cause(Path(Path(None, "other", "Query"), "face", "License"))


def test_a_status_is_stored_by_its_graphql_name() -> None:
    assert {status.name: status.value for status in LicenseStatus} == {
        name: name for name in ("VALID", "REVOKED", "SUSPENDED", "SUPERSEDED")
    }
