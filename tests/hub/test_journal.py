"""The journal: records read strictly, appended durably in groups, found again, its tree checked."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.journal.access import AccessJournal
from hub.journal.intake import RecordIntake
from hub.journal.records import build_license_record, format_access, parse_access, parse_license_record, parse_record
from hub.journal.store import JournalHead, JournalRow, JournalStore
from hub.journal.writer import JournalWriter, create_journal
from ledger.encoding import JsonValue
from ledger.entries import MEMBER_TYP, MemberChange, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified, Refused, TongbanError, Unavailable
from ledger.governance import KeyAddition, MemberRow, member_payload
from ledger.identifiers import check_char
from ledger.jws import compact_jws, sign_general
from ledger.members import KeyState
from ledger.transparency.merkle import EMPTY_ROOT, leaf_hash, root_of, verify_consistency
from schema.context import Access
from tests.alliance import identifier_of
from tests.entropy import signer_of
from tests.offerings import LISTED

T0 = 1_780_300_800
LEAF = leaf_hash(b"a seal")
HOLDER = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
SIGNERS = {
    f"{county}#{number}": signer_of(f"{county}#{number}") for county in ("320583", "370214") for number in (1, 4)
}


def key_state() -> KeyState:
    rows = [
        MemberRow(
            county=county,
            keys=tuple(
                KeyAddition(kid=kid, public_key=SIGNERS[kid].public_key, uses=(use,), valid_from=T0)
                for kid, use in ((f"{county}#1", "govern"), (f"{county}#4", "journal"))
            ),
        )
        for county in ("320583", "370214")
    ]
    payload = member_payload(iat=T0, origin="hub.example/ledger", k=1, members=rows)
    entry = parse_entry(sign_general(MEMBER_TYP, payload, [(kid, SIGNERS[kid]) for kid in ("320583#1", "370214#1")]))
    assert isinstance(entry, MemberChange)
    return KeyState.genesis(entry)


def claims(number: int = 1, **changed: JsonValue) -> dict[str, JsonValue]:
    identifier = identifier_of(number)
    return {
        "certificateIdentifier": str(identifier),
        "certificateTypeCode": identifier.type_code,
        "certificateIssuingAuthorityCode": str(identifier.issuer),
        "holders": [HOLDER],
        "certificateIssuedDate": "2026-05-01",
        "certificateEffectiveDate": None,
        "certificateExpiringDate": "2031-04-30",
        "replaces": None,
        **changed,
    }


def record(number: int = 1, *, leaf: bytes = LEAF, kid: str = "370214#4", iat: int = T0, **changed: JsonValue) -> bytes:
    return build_license_record(claims(number, **changed), leaf=leaf, iat=iat, kid=kid, signer=SIGNERS[kid])


def access(number: int = 1, *, time: int = T0) -> Access:
    return Access(
        county="320583",
        client="320583#3",
        token_id="t",
        use_cause="办件 20260601-7",
        root_field="license",
        holder=None,
        licenses=(str(identifier_of(number)),),
        fields=("status", "face"),
        time=time,
    )


def test_a_license_record_is_read_back() -> None:
    found = parse_license_record(record())
    assert (found.iss, found.iat, found.leaf, found.identifier) == ("370214", T0, LEAF, str(identifier_of(1)))
    assert (found.holders, found.effective, found.expires, found.replaces) == ((HOLDER,), None, "2031-04-30", None)
    assert record() == record() == found.raw


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"certificateIssuedDate": "20260501"}, "bad_payload"),
        ({"certificateIssuedDate": "2026-02-30"}, "bad_payload"),
        ({"certificateIssuedDate": None}, "bad_payload"),
        ({"certificateIdentifier": str(identifier_of(1))[:-1] + "?"}, "bad_identifier"),
        ({"certificateTypeCode": "11100000MB0143028R002"}, "bad_payload"),
        ({"certificateIssuingAuthorityCode": "11100000MB0143028R"}, "bad_payload"),
        ({"holders": []}, "bad_payload"),
        ({"holders": [HOLDER, HOLDER]}, "bad_payload"),
        ({"holders": [HOLDER[:-1] + "V"]}, "bad_payload"),
        ({"holders": ["x"]}, "bad_payload"),
        ({"replaces": "x"}, "bad_identifier"),
        ({"extra": 1}, "bad_payload"),
    ],
)
def test_a_license_record_that_breaks_its_form_is_malformed(changed: dict[str, JsonValue], code: str) -> None:
    with pytest.raises(Malformed, match=code):
        parse_license_record(record(1, **changed))


@pytest.mark.parametrize(
    "payload",
    [
        {"iss": "320583", "iat": T0, "type": "license", "leaf": HOLDER, **claims()},
        {"iat": T0, "iss": "370214", "type": "license", "leaf": HOLDER, **claims()},
        {"iss": "370214", "iat": T0, "type": "access", "leaf": HOLDER, **claims()},
        {"iss": "370214", "iat": -1, "type": "license", "leaf": HOLDER, **claims()},
        {"iss": "370214", "iat": T0, "type": "license", "leaf": HOLDER, **claims(), "more": 1},
        {"iss": "370214", "iat": T0, "type": "license", "leaf": HOLDER},
    ],
)
def test_another_payload_is_refused(payload: dict[str, JsonValue]) -> None:
    header = {"alg": "Ed25519", "typ": "lic-record+jwt", "kid": "370214#4"}
    with pytest.raises(Malformed):
        parse_license_record(compact_jws(header, payload, SIGNERS["370214#4"]))


def test_an_access_record_is_read_back_and_only_in_its_one_form() -> None:
    raw = format_access(access())
    assert parse_access(raw) == parse_record(raw) == access()
    assert raw.startswith(b'{"type":"access","time":1780300800,"county":"320583"')
    others = [raw + b" ", raw.replace(b":", b": ", 1), raw.replace(b'"type":"access"', b'"type":"license"')]
    others += [
        raw.replace(b'"320583"', rb'"\u0033\u0032\u0030\u0035\u0038\u0033"'),
        raw.replace(b"1780300800", b"1780300800.0"),
    ]
    for other in others:
        with pytest.raises(Malformed):
            parse_access(other)
    with pytest.raises(Malformed, match="too_large"):
        format_access(replace(access(), fields=("x" * 70_000,)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "journal.sqlite"
    create_journal(file)
    return file


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def rows(count: int, *, start: int = 0) -> list[JournalRow]:
    return [JournalRow(raw=b"record %d" % number) for number in range(start, start + count)]


def test_a_new_journal_is_empty(path: Path) -> None:
    with closing(connect(path)) as connection:
        assert JournalStore(connection).head == JournalHead(n=0, root=EMPTY_ROOT)
        with pytest.raises(Conflict, match="already_exists"):
            JournalStore.create(connection)
    with pytest.raises(Conflict, match="already_exists"):
        create_journal(path)


def test_root_and_growth_are_those_of_all_records(path: Path) -> None:
    """Over several tiles, groups of all sizes and a restart."""
    heads, start = [JournalHead(n=0, root=EMPTY_ROOT)], 0
    for count in (1, 7, 300, 256, 1):
        with closing(connect(path)) as connection:
            store = JournalStore(connection)
            assert store.append(rows(count, start=start)) == list(range(start, start + count))
            heads.append(store.head)
        start += count
    leaves = [leaf_hash(row.raw) for row in rows(start)]
    assert heads == [JournalHead(n=head.n, root=root_of(leaves[: head.n])) for head in heads]
    with closing(connect(path)) as connection:
        reader = JournalStore(connection).reader
        for old, new in itertools.pairwise(heads):
            verify_consistency(old.n, new.n, old.root, new.root, reader.consistency(old.n, new.n))
        with pytest.raises(Conflict, match="wrong_target"):
            reader.consistency(1, start + 1)
        assert reader.records(306, 3) == [row.raw for row in rows(3, start=306)]


def test_a_statement_stands_once_and_a_license_is_stated_once(path: Path) -> None:
    first, other = JournalRow(raw=b"a", states="1.2.156.1"), JournalRow(raw=b"b", states="1.2.156.1")
    with closing(connect(path)) as connection:
        store = JournalStore(connection)
        position, again, refused, next_one = store.append([first, first, other, JournalRow(raw=b"c", states="x")])
        assert (position, again, next_one, store.head.n) == (0, 0, 1, 2)
        assert isinstance(refused, Conflict)
        assert refused.code == "duplicate_identifier"
        assert store.append([first]) == [0]


def test_equal_accesses_are_two_records(path: Path) -> None:
    row = JournalRow(raw=b"{access", accesses=("x", "x"))
    with closing(connect(path)) as connection:
        store = JournalStore(connection)
        assert store.append([row, row]) == [0, 1]
        assert store.reader.accesses(["x"], first=9, after=-1) == [(0, b"{access"), (1, b"{access")]
        assert store.reader.accesses(["x"], first=9, after=0) == [(1, b"{access")]
        assert store.reader.accesses(["x"], first=1, after=-1) == [(0, b"{access")]
        assert store.reader.accesses(["y"], first=9, after=-1) == []


def test_a_failed_write_stops_the_journal(path: Path) -> None:
    with closing(connect(path)) as connection, closing(connect(path)) as other:
        store = JournalStore(connection)
        connection.execute("PRAGMA busy_timeout=0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="store_stopped"):
            store.append(rows(1))
        other.execute("ROLLBACK")
        with pytest.raises(Unavailable, match="store_stopped"):
            store.append(rows(1))
    with closing(connect(path)) as connection:
        assert JournalStore(connection).append(rows(1)) == [0]


def test_a_second_writer_stops(path: Path) -> None:
    with closing(connect(path)) as connection, closing(connect(path)) as other:
        first, second = JournalStore(connection), JournalStore(other)
        first.append(rows(1))
        with pytest.raises(Unavailable, match="store_stopped"):
            second.append(rows(1, start=9))
        assert first.reader.records(0, 9) == [b"record 0"]


@pytest.mark.parametrize("change", ["UPDATE record SET d = x'00' WHERE i = 5", "UPDATE tile SET h = zeroblob(192)"])
def test_damage_is_found_at_start(path: Path, change: str) -> None:
    with closing(connect(path)) as connection:
        JournalStore(connection).append(rows(6))
        connection.execute(change)
        with pytest.raises(NotVerified, match="corrupt_store"):
            JournalStore(connection)


@asynccontextmanager
async def running(path: Path, **options: Any) -> AsyncIterator[JournalWriter]:
    writer = JournalWriter(path, **options)
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


async def test_many_callers_share_a_commit_and_find_their_records(path: Path) -> None:
    async with running(path) as writer:
        journal = AccessJournal(writer)
        positions = await asyncio.gather(*(journal.record_access(access(n % 3, time=T0 + n)) for n in range(100)))
        assert sorted(positions) == list(range(100))
        found = await journal.accesses(str(identifier_of(2)), first=5, after=30)
        assert [entry.access.time - T0 for entry in found] == [32, 35, 38, 41, 44]
        assert [entry.position for entry in found] == [positions[n] for n in (32, 35, 38, 41, 44)]
        assert (await writer.size(), len(await writer.read(98, 10))) == (100, 2)
    with closing(connect(path)) as connection:
        assert JournalStore(connection).head.n == 100


async def test_statements_are_announced_and_access_records_are_not(path: Path) -> None:
    """Whoever follows the counties' statements is not woken by each look-up."""
    told: list[int] = []
    read, said = JournalRow(raw=b"{access", accesses=("x",)), JournalRow(raw=b"statement", states="x")
    async with running(path, on_stated=lambda: told.append(writer.head.n)) as writer:
        for rows in ([read], [said], [read, read], [read, JournalRow(raw=b"another", states="y")]):
            await writer.append(rows)
    assert told == [2, 6]


async def test_a_full_journal_queue_pushes_back(path: Path) -> None:
    async with running(path, max_queue=2) as writer:
        with pytest.raises(Unavailable, match="pushback"):
            await writer.append(rows(3))
        assert await writer.append(rows(2)) == [0, 1]


async def test_a_stopped_journal_takes_nothing(path: Path) -> None:
    async with running(path) as writer:
        with closing(connect(path)) as other:
            other.execute("UPDATE head SET root = zeroblob(32)")
        for _ in range(2):
            with pytest.raises(Unavailable, match="store_stopped"):
                await AccessJournal(writer).record_access(access())
        assert isinstance(writer.fault, Unavailable)
    with pytest.raises(Unavailable, match="store_stopped"):
        await writer.append(rows(1))


async def test_a_second_process_cannot_open_the_journal(path: Path) -> None:
    async with running(path):
        with pytest.raises(Unavailable, match="another process writes"):
            await JournalWriter(path).start()


class SealedHere:
    """The ledger as the intake sees it."""

    keys = key_state()

    def __init__(self, issuers: Mapping[bytes, str]) -> None:
        self._issuers = issuers

    async def sealed_by(self, leaves: Sequence[bytes]) -> Mapping[bytes, str]:
        return {leaf: self._issuers[leaf] for leaf in leaves if leaf in self._issuers}


def code_of(result: int | TongbanError) -> int | str:
    return result if isinstance(result, int) else result.code


async def test_county_records_are_judged_one_by_one(path: Path) -> None:
    foreign = leaf_hash(b"sealed elsewhere")
    good = record()
    forged = good[:-8] + b"AAAAAAA" + good[-1:]
    wrong_use = compact_jws(
        {"alg": "Ed25519", "typ": "lic-record+jwt", "kid": "370214#1"},
        parse_license_record(good).jws.payload,
        SIGNERS["370214#1"],
    )
    async with running(path) as writer:
        with ThreadPoolExecutor(1) as pool:
            seals = SealedHere({LEAF: "370214", foreign: "320583"})
            intake = RecordIntake(writer, seals, listed=LISTED, pool=pool, clock=lambda: T0)
            results = await intake.submit(
                [
                    b"x", good, forged, wrong_use, record(2, leaf=leaf_hash(b"unknown")), record(3, leaf=foreign),
                    record(4, iat=T0 + 400), good, record(1, iat=T0 + 1), record(5),
                ]
            )  # fmt: skip
            assert list(map(code_of, results)) == [
                "bad_encoding", 0, "bad_signature", "key_use", "wrong_target", "not_issuer",
                "iat_in_future", 0, "duplicate_identifier", 1,
            ]  # fmt: skip
            assert isinstance(results[5], Refused)
            assert await intake.submit([good]) == [0]
            assert await writer.read(0, 9) == [good, record(5)]


async def test_a_county_cannot_state_what_another_countys_authority_issued(path: Path) -> None:
    """Though it sealed the identifier, and first: the true issuer's record still finds the license unstated."""
    squatted = leaf_hash(b"sealed by a member")
    async with running(path) as writer:
        with ThreadPoolExecutor(1) as pool:
            seals = SealedHere({LEAF: "370214", squatted: "320583"})
            intake = RecordIntake(writer, seals, listed=LISTED, pool=pool, clock=lambda: T0)
            results = await intake.submit([record(leaf=squatted, kid="320583#4"), record()])
            assert list(map(code_of, results)) == ["not_issuer", 0]
            assert isinstance(results[0], Refused)


@pytest.mark.parametrize("issuer", ["370214", "320583"])
def test_an_issuer_that_is_only_a_division_is_no_statement(issuer: str) -> None:
    """Such an identifier is read as foreign and never written."""
    identifier = identifier_of(1)
    foreign = f"1.2.156.3005.2.{identifier.type_code}.{issuer}.1.001."
    foreign += check_char("".join(foreign.removeprefix("1.2.156.3005.2.").split(".")))
    with pytest.raises(Malformed, match="bad_identifier: issuer"):
        parse_license_record(record(1, certificateIdentifier=foreign, certificateIssuingAuthorityCode=issuer))
