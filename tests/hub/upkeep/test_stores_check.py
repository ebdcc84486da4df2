"""The whole check of a hub's folder: what holds, and whatever somebody changes in it."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from hub.database import open_reader, open_writer
from hub.journal.store import JournalStore
from hub.upkeep.fsck import Pinned, StoresReport, check_stores, pinned_in
from hub.workers import workers
from ledger.errors import Malformed, NotVerified, Unavailable
from ledger.transparency.note import NOTE_ED25519, VerifierKey
from ledger.transparency.policy import Policy
from ledger.transparency.sqlite import read_state
from tests.entropy import signer_of
from tests.hub_folder import ORIGIN, HubFolder, statement

STORES = ("ledger.sqlite", "journal.sqlite")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of 312 entries in five batches with revocations, 307 records, all bound but the last few."""
    made = HubFolder.make(tmp_path_factory.mktemp("hub"))
    made.work(30, accesses=2)
    made.work(250, revoke=[3])
    made.work(20)
    made.work(0, revoke=[4, 5])
    made.work(2)
    return made.data


@pytest.fixture
def data(template: Path, tmp_path: Path) -> Path:
    """Give a copy to change."""
    return shutil.copytree(template, tmp_path / "copy")


def check(data: Path) -> StoresReport:
    return check_stores(data, pinned_in(data))


def is_sound(data: Path) -> bool:
    try:
        check(data)
    except NotVerified:
        return False
    return True


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_a_folder_that_holds_is_reported(template: Path) -> None:
    seen: Counter[str] = Counter()
    of: dict[str, int] = {}

    def progress(what: str, more: int, total: int) -> None:
        seen[what] += more
        of[what] = total

    report = check_stores(template, pinned_in(template), progress=progress)
    assert (report.origin, report.size, report.published, report.journal.n) == (ORIGIN, 312, 312, 307)
    assert seen == of == {"entries": 312, "records": 307}


def test_worker_processes_find_the_same(template: Path) -> None:
    with workers(2) as in_order:
        assert check_stores(template, pinned_in(template), in_order=in_order) == check(template)


def test_the_check_changes_no_byte(data: Path) -> None:
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    check(data)
    assert {path: path.read_bytes() for path in before} == before


def test_an_immutable_file_is_read_without_one_beside_it(data: Path) -> None:
    """So is a copy in a folder that cannot be written to."""
    for beside in data.glob("ledger.sqlite-*"):
        beside.unlink()
    with closing(open_reader(data / "ledger.sqlite", immutable=True)) as connection:
        assert read_state(connection).size == 312
        assert not (data / "ledger.sqlite-wal").exists()


@pytest.mark.parametrize(
    ("store", "statement", "message"),
    [
        ("ledger", "UPDATE leaf SET i = 9 WHERE i = 8", "entry 8: the dedup tables do not name it"),
        ("ledger", "INSERT INTO leaf VALUES (x'00', 8)", "table leaf has 313 rows, its entries call for 312"),
        ("ledger", "INSERT INTO statement VALUES (x'00', 8)", "table statement has 313 rows"),
        ("ledger", "INSERT INTO entry VALUES (312, x'00')", "table entry has 313 rows"),
        ("ledger", "INSERT INTO tile VALUES (0, 9, x'00')", "table tile has 4 rows"),
        ("ledger", "INSERT INTO status VALUES (9, x'00')", "table status has 3 rows"),
        ("ledger", "INSERT INTO meta VALUES ('more', x'00')", "table meta has 4 rows"),
        ("ledger", "UPDATE change SET target = 6 WHERE target = 3", "recorded changes"),
        ("ledger", "DELETE FROM change", "recorded changes"),
        ("ledger", "DELETE FROM entry WHERE i = 200", "entry is missing in the store, from 0 on"),
        ("ledger", "UPDATE entry SET d = (SELECT d FROM entry WHERE i = 7) WHERE i = 6", "entry 6: the dedup tables"),
        ("ledger", "UPDATE cosig SET time = time + 1 WHERE size = 33", "has another name or time"),
        (
            "ledger",
            "UPDATE checkpoint SET note = CAST(replace(CAST(note AS TEXT), '83.e', '83.f') AS BLOB) WHERE size = 33",
            "no cosignature of 320583.fxample/witness",
        ),
        ("ledger", "UPDATE cosig SET name = 'x' WHERE size = 33 AND name LIKE '32%'", "has another name or time"),
        ("ledger", "INSERT INTO cosig VALUES (34, 'x', 1, x'00')", "never published"),
        ("ledger", "DELETE FROM checkpoint WHERE size = 312", "published is not the size of the last kept checkpoint"),
        ("ledger", "UPDATE checkpoint SET size = 34 WHERE size = 33", "checkpoint of size 34"),
        ("ledger", "UPDATE landmark SET day = '2026-06-02'", "cosigned on other days"),
        ("ledger", "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM leaf; END", "other tables, indexes"),
        ("journal", "CREATE TABLE more (a)", "other tables, indexes"),
        ("journal", "UPDATE record SET d = (SELECT d FROM record WHERE i = 7) WHERE i = 6", "record 6: the index"),
        ("journal", "UPDATE record SET d = x'7B' WHERE i = 40", "record 40: bad_json"),
        ("journal", "DELETE FROM record WHERE i = 40", "record 40: the index tables do not name it"),
        ("journal", "DELETE FROM record WHERE i = 306", "record 304: it is missing, or one behind it"),
        ("journal", "UPDATE stated SET i = 9 WHERE i = 8", "record 8: the index tables do not name it"),
        ("journal", "DELETE FROM license WHERE i = 8", "record 8: the index tables do not name it"),
        ("journal", "DELETE FROM recent WHERE i = 30", "record 30: the index tables do not name it"),
        ("journal", "UPDATE recent SET names = CAST(names || names AS BLOB)", "the index tables do not name it"),
        ("journal", "INSERT INTO recent VALUES (7, x'00')", "table recent has"),
        ("journal", "INSERT INTO access VALUES (0, x'00', 30)", "table access has 1 rows, its entries call for 0"),
        ("journal", "INSERT INTO license VALUES ('x', 30)", "table license has 303 rows"),
        ("journal", "UPDATE tile SET h = CAST(x'00' || substr(h, 2) AS BLOB) WHERE l = 0 AND n = 1", "another hash"),
        ("journal", "UPDATE tile SET h = CAST(h || zeroblob(32) AS BLOB) WHERE l = 0 AND n = 1", "more hashes than"),
        ("journal", "UPDATE head SET root = zeroblob(32)", "root is not that of its records"),
        ("journal", "UPDATE head SET n = 300", "the ledger binds 304 records, the journal has 300"),
        ("journal", "UPDATE head SET n = 'many'", "value of another type"),
        ("journal", "UPDATE head SET format = x'00'", "no journal of this format"),
    ],
)
def test_a_changed_row_is_found(data: Path, store: str, statement: str, message: str) -> None:
    with closing(sqlite3.connect(data / f"{store}.sqlite")) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises(NotVerified) as caught:
        check(data)
    assert (caught.value.code, message in caught.value.message) == ("corrupt_store", True), caught.value.message


def test_a_journal_written_anew_is_found_by_what_the_ledger_binds(data: Path, tmp_path: Path) -> None:
    """Whole and sound in itself, every signature right; but accesses say another cause, or are fewer."""
    (tmp_path / "other").mkdir()
    other = HubFolder.make(tmp_path / "other")
    other.cause = "another cause"
    other.work(30, accesses=2)
    shutil.copyfile(other.data / "journal.sqlite", data / "journal.sqlite")
    with pytest.raises(NotVerified, match="the ledger binds 304 records, the journal has 32"):
        check(data)
    other.work(250)
    other.work(22)
    shutil.copyfile(other.data / "journal.sqlite", data / "journal.sqlite")
    with pytest.raises(NotVerified) as caught:
        check(data)
    assert (caught.value.index, caught.value.message) == (
        31,
        "record 31: the ledger binds another root over it and those before it",
    )


def test_a_record_that_no_hub_may_take_is_found(data: Path) -> None:
    """Every hash of the journal is right; but it was signed by a seal key, or speaks of no seal."""
    sound = (data / "journal.sqlite").read_bytes()
    for kid, reason in (("370214#2", "key_use"), ("370214#4", "it states a license whose seal is not in the ledger")):
        (data / "journal.sqlite").write_bytes(sound)
        with closing(open_writer(data / "journal.sqlite")) as connection:
            journal = JournalStore(connection)
            assert journal.append([statement(900, bytes(32), kid=kid)]) == [307]
        with pytest.raises(NotVerified, match=f"record 307: {reason}"):
            check(data)


@pytest.mark.parametrize("store", STORES)
def test_a_flipped_byte_of_a_file_is_found_or_lies_where_nothing_is_stored(data: Path, store: str) -> None:
    """Anywhere in the file: a page's free space and a deleted cell are the only places that hold nothing."""
    path = data / store
    sound, rows = path.read_bytes(), dump(path)
    drawn = random.Random(store)
    found = 0
    for _ in range(25):
        at = drawn.randrange(len(sound))
        path.write_bytes(sound[:at] + bytes([sound[at] ^ (1 << drawn.randrange(8))]) + sound[at + 1 :])
        if is_sound(data):
            assert dump(path) == rows, f"byte {at} was changed unseen"
        else:
            found += 1
        for beside in data.glob(f"{store}-*"):
            beside.unlink()
    assert found > 10


def test_another_pinned_genesis_or_log_is_no_match(template: Path) -> None:
    pinned = pinned_in(template)
    other = VerifierKey(name="other.example/ledger", kind=pinned.log.kind, public_key=pinned.log.public_key)
    with pytest.raises(NotVerified, match="another log than"):
        check_stores(template, Pinned(log=other, cosigners=(), genesis=None))
    with pytest.raises(NotVerified, match="entry 0: it is another genesis"):
        check_stores(template, Pinned(log=pinned.log, cosigners=(), genesis=b"x"))


def test_a_log_key_that_the_policy_does_not_name_is_found(data: Path) -> None:
    (data / "log.vkey").write_text(VerifierKey.of(ORIGIN, NOTE_ED25519, signer_of("another log")).vkey() + "\n")
    with pytest.raises(NotVerified, match=r"log\.vkey is not the key that the policy names"):
        check(data)


@pytest.mark.parametrize("name", ["genesis", "policy", "log.vkey"])
def test_a_changed_or_missing_file_beside_the_stores_is_found(data: Path, name: str) -> None:
    path = data / name
    sound = path.read_bytes()
    path.write_bytes(sound[:40] + bytes([sound[40] ^ 1]) + sound[41:])
    with pytest.raises(NotVerified):
        check(data)
    path.unlink()
    with pytest.raises(NotVerified, match=f"cannot read {name}"):
        check(data)


def test_a_cosignature_that_does_not_verify_is_found_with_the_policy_alone(data: Path) -> None:
    """The line says the same name and time, and another signature; and so does the kept note."""
    with closing(sqlite3.connect(data / "ledger.sqlite")) as connection:
        ((line,),) = connection.execute("SELECT line FROM cosig WHERE size = 33 AND name LIKE '32%'")
        ((note,),) = connection.execute("SELECT note FROM checkpoint WHERE size = 33")
        other = line[:60] + b"AAAA" + line[64:]
        connection.execute("UPDATE cosig SET line = ? WHERE size = 33 AND name LIKE '32%'", (other,))
        connection.execute("UPDATE checkpoint SET note = ? WHERE size = 33", (note.replace(line, other),))
        connection.commit()
    with pytest.raises(NotVerified, match="checkpoint of size 33: bad_signature"):
        check(data)
    unknown = Pinned(log=pinned_in(data).log, cosigners=(), genesis=None)
    check_stores(data, unknown)
    with closing(sqlite3.connect(data / "ledger.sqlite")) as connection:
        connection.execute("UPDATE checkpoint SET note = ? WHERE size = 33", (note,))
        connection.commit()
    with pytest.raises(NotVerified, match=r"two cosignatures of 320583\.example/witness of one time differ"):
        check_stores(data, unknown)


def test_a_file_that_is_no_database_and_one_that_is_missing(data: Path) -> None:
    (data / "journal.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(NotVerified, match="file is not a database"):
        check(data)
    (data / "ledger.sqlite").unlink()
    with pytest.raises(Unavailable, match="no_log"):
        check(data)


def test_a_policy_of_two_logs_pins_no_hub(template: Path) -> None:
    policy = (template / "policy").read_bytes()
    second = VerifierKey.of("other.example/ledger", NOTE_ED25519, signer_of("another log"))
    with pytest.raises(Malformed, match="the policy must name it alone"):
        Pinned.of(Policy.parse(f"log {second.vkey()}\n".encode() + policy), None)
