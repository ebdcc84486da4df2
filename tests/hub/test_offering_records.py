"""Offerings in the journal: read strictly, judged by the catalogue, stated once a version, found sound by the check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from hub.database import open_reader
from hub.journal.intake import RecordIntake, check_offering
from hub.journal.offerings import OFFERING_TYP, OfferedMaterial, OfferingRecord, build_offering
from hub.journal.records import parse_record
from hub.journal.replay import Bound, replay_journal
from hub.journal.store import JournalRow
from hub.journal.writer import JournalWriter, create_journal
from ledger.encoding import JsonValue
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError
from ledger.jws import MAX_ENTRY_BYTES, compact_jws, parse_jws
from tests.hub.test_journal import SIGNERS, T0, key_state
from tests.offerings import LISTED, MATTER, OTHER_TYPE, material, offering
from tests.statements import TYPE_CODE

KID: Final = "370214#4"


def record(*, kid: str = KID, iat: int = T0, **members: Any) -> bytes:
    """Sign an offering as the county of `kid`."""
    return build_offering(offering(**members), iat=iat, kid=kid, signer=SIGNERS[kid])


def signed(payload: Mapping[str, JsonValue], *, kid: str = KID) -> bytes:
    """Sign any payload as an offering's."""
    return compact_jws({"alg": "Ed25519", "typ": OFFERING_TYP, "kid": kid}, payload, SIGNERS[KID])


def test_an_offering_is_read_back() -> None:
    found = parse_record(record())
    assert isinstance(found, OfferingRecord)
    assert (found.iss, found.iat, found.matter, found.effective) == ("370214", T0, MATTER, "2026-07-01")
    assert (found.code, found.raw) == (f"{MATTER}@370214@20260701", record())
    assert found.claims == offering()
    assert found.materials == (
        OfferedMaterial(name="操作证", kind="电子", need=True, tolerance=None, type_codes=(TYPE_CODE,)),
        OfferedMaterial(name="申请表", kind="表格", need=False, tolerance=None, type_codes=()),
        OfferedMaterial(name="营业执照", kind="电子", need=True, tolerance=5, type_codes=(OTHER_TYPE,)),
    )
    assert (found.produces, found.type_codes) == ((TYPE_CODE,), frozenset({TYPE_CODE, OTHER_TYPE}))


FAULTS: Final[list[tuple[dict[str, Any], str]]] = [
    ({"matter": "12"}, "bad_payload"),
    ({"planEffectiveDate": "2026-02-30"}, "bad_payload"),
    ({"planEffectiveDate": None}, "bad_payload"),
    ({"planEffectiveDate": "2026-05-31"}, "bad_payload"),
    ({"planCancelDate": "2026-06-30"}, "bad_payload"),
    ({"statutoryDays": 4}, "bad_payload"),
    ({"statutoryDays": 3651}, "bad_number"),
    ({"promisedDays": -1}, "bad_number"),
    ({"promisedDays": 1.0}, "bad_number"),
    ({"dayUnit": "weeks"}, "bad_payload"),
    ({"mode": "网办"}, "bad_payload"),
    ({"visits": 0}, "bad_payload"),
    ({"visits": True}, "bad_number"),
    ({"onSiteReason": None}, "bad_payload"),
    ({"onSiteReason": " "}, "bad_payload"),
    ({"fee": "0"}, "bad_number"),
    ({"feeStandard": "x" * 201}, "bad_payload"),
    ({"flow": ["申请", ""]}, "bad_payload"),
    ({"flow": ["x"] * 21}, "bad_payload"),
    ({"materials": [material(name=f"材料{number}") for number in range(31)]}, "bad_payload"),
    ({"materials": [material(), material()]}, "bad_payload"),
    ({"materials": ["操作证"]}, "bad_payload"),
    ({"materials": [material() | {"page": 1}]}, "unknown_member"),
    ({"materials": [dict(reversed(material().items()))]}, "bad_payload"),
    ({"materials": [material(name="a\nb")]}, "bad_payload"),
    ({"materials": [material(kind="口头")]}, "bad_payload"),
    ({"materials": [material(need=1)]}, "bad_payload"),
    ({"materials": [material(toleranceDays=0)]}, "bad_number"),
    ({"materials": [material(toleranceDays=61)]}, "bad_number"),
    ({"materials": [material(need=False, toleranceDays=5)]}, "bad_payload"),
    ({"materials": [material(certificateTypeCodes=["营业执照"])]}, "bad_payload"),
    ({"materials": [material(certificateTypeCodes=[OTHER_TYPE, TYPE_CODE])]}, "bad_payload"),
    ({"materials": [material(certificateTypeCodes=[TYPE_CODE, TYPE_CODE])]}, "bad_payload"),
    ({"produces": TYPE_CODE}, "bad_payload"),
    ({"source": ""}, "bad_payload"),
]


@pytest.mark.parametrize(("members", "code"), FAULTS)
def test_a_faulty_offering_is_neither_signed_nor_read(members: dict[str, Any], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        record(**members)
    assert caught.value.code == code
    payload = {"iss": "370214", "iat": T0, "type": "offering", **offering(**members)}
    with pytest.raises(Malformed) as caught:
        parse_record(signed(payload))
    assert caught.value.code == code


def test_the_order_of_the_members_and_who_signs_are_part_of_the_form() -> None:
    payload = {"iss": "370214", "iat": T0, "type": "offering", **offering()}
    for broken, code in (
        (dict(reversed(payload.items())), "bad_payload"),
        (payload | {"more": 1}, "unknown_member"),
        ({name: value for name, value in payload.items() if name != "fee"}, "bad_payload"),
        (payload | {"iss": "320583"}, "bad_header"),
        (payload | {"type": "license"}, "bad_payload"),
    ):
        with pytest.raises(Malformed, match=rf"^{code}: "):
            parse_record(signed(broken))
    with pytest.raises(Malformed, match="exactly its listed members"):
        build_offering(offering() | {"more": 1}, iat=T0, kid=KID, signer=SIGNERS[KID])


def test_an_offering_that_does_not_fit_a_record_is_not_signed() -> None:
    many = [material(name=f"{number:03d}" + "材" * 197) for number in range(30)]
    with pytest.raises(Malformed, match=r"^too_large: "):
        record(materials=many)
    assert len(record(materials=many[:12])) < MAX_ENTRY_BYTES


@pytest.mark.parametrize(
    ("matter", "types", "message"),
    [
        ("000117002000", {TYPE_CODE}, "the catalogue lists no matter 000117002000 on 2026-07-01"),
        (MATTER, {TYPE_CODE, "11100000MB0143028R999"}, "the catalogue lists no license type 11100000MB0143028R999"),
    ],
)
def test_what_the_catalogue_does_not_list_is_a_conflict(matter: str, types: set[str], message: str) -> None:
    with pytest.raises(Conflict) as caught:
        check_offering(matter, frozenset(types), LISTED, date(2026, 7, 1))
    assert (caught.value.code, caught.value.message) == ("not_listed", message)


class NoSeals:
    """A ledger without seals: offerings ask for none."""

    keys = key_state()

    async def sealed_by(self, leaves: Sequence[bytes]) -> Mapping[bytes, str]:
        raise AssertionError(leaves)


async def _submitted(path: Path, *raws: bytes) -> list[int | str]:
    writer = JournalWriter(path)
    await writer.start()
    try:
        with ThreadPoolExecutor(1) as pool:
            intake = RecordIntake(writer, NoSeals(), listed=LISTED, pool=pool, clock=lambda: T0)
            results = await intake.submit(raws)
            return [result.code if isinstance(result, TongbanError) else result for result in results]
    finally:
        await writer.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create_journal(tmp_path / "journal.sqlite")
    return tmp_path / "journal.sqlite"


async def test_offerings_are_judged_one_by_one_and_stated_once_a_version(path: Path) -> None:
    good = record()
    forged = good[:-8] + b"AAAAAAA" + good[-1:]
    sealing = compact_jws(
        {"alg": "Ed25519", "typ": OFFERING_TYP, "kid": "370214#1"}, parse_jws(good).payload, SIGNERS["370214#1"]
    )
    assert await _submitted(
        path, b"x", good, forged, sealing, record(matter="000117002000"), record(produces=["11100000MB0143028R999"]),
        record(iat=T0 + 400), good, record(iat=T0 + 1), record(fee=9), record(planEffectiveDate="2026-07-02"),
        record(kid="320583#4"),
    ) == [
        "bad_encoding", 0, "bad_signature", "key_use", "not_listed", "not_listed",
        "iat_in_future", 0, "duplicate_identifier", "duplicate_identifier", 1,
        2,
    ]  # fmt: skip
    assert await _submitted(path, good) == [0]


async def test_the_check_of_the_journal_reads_offerings_and_their_signatures(path: Path) -> None:
    await _submitted(path, record(), record(planEffectiveDate="2026-08-01"))
    bound = Bound(roots={}, keys=key_state(), issuers_of=dict.fromkeys)
    with closing(open_reader(path)) as connection:
        assert replay_journal(connection, bound).n == 2


async def test_an_offering_of_a_key_that_was_never_listed_for_records_is_found(path: Path) -> None:
    writer = JournalWriter(path)
    await writer.start()
    raw = compact_jws(
        {"alg": "Ed25519", "typ": OFFERING_TYP, "kid": "370214#1"}, parse_jws(record()).payload, SIGNERS["370214#1"]
    )
    found = parse_record(raw)
    assert isinstance(found, OfferingRecord)

    await writer.append([JournalRow(raw=raw, states=found.code)])
    await writer.stop()
    bound = Bound(roots={}, keys=key_state(), issuers_of=dict.fromkeys)
    with closing(open_reader(path)) as connection, pytest.raises(NotVerified, match=r"^corrupt_store: record 0: "):
        replay_journal(connection, bound)
