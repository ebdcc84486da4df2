"""A hub's folder restored from a mirror: the same rows, the same receipts; and nothing where anything differs."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import stamina

from hub.database import open_reader
from hub.mirror.folder import MirrorFolder
from hub.mirror.mirror import Mirror
from hub.upkeep.backup import back_up
from hub.upkeep.fsck import check_stores, pinned_in
from hub.upkeep.restore import Brought, restore_hub
from ledger.anchor import TrustAnchor
from ledger.errors import Conflict, NotVerified, TongbanError, Unavailable
from ledger.transparency.policy import Policy
from ledger.transparency.snapshot import LogReads
from ledger.transparency.sqlite import SqliteReader
from tests.entropy import seeded
from tests.folder_log import TOKEN, FolderLog
from tests.hub_folder import PASSPHRASE, HubFolder


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a hub of 621 entries in six batches over three days, and its mirror, made in two passes."""
    folder = tmp_path_factory.mktemp("hub")
    hub = HubFolder.make(folder)
    hub.work(30, accesses=2)
    hub.work(250, revoke=[3])
    run(folder, hub)
    hub.now += 3600 * 20
    hub.work(20)
    hub.work(0, revoke=[4, 5])
    hub.now += 3600 * 24
    hub.offer()
    hub.open_case()
    hub.work(300)
    hub.work(10, accesses=0)
    run(folder, hub)
    return folder


def run(folder: Path, hub: HubFolder, *, token: str | None = TOKEN) -> None:
    anchor = TrustAnchor(Policy.parse((hub.data / "policy").read_bytes()), (hub.data / "genesis").read_bytes())
    Mirror(MirrorFolder(folder / "mirror"), FolderLog(hub.data).read(token=token), anchor).run(hub.now)


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "all", symlinks=True)


def brought(folder: Path) -> Brought:
    data = folder / "hub"
    policy, genesis = (data / "policy").read_bytes(), (data / "genesis").read_bytes()
    return Brought(policy=policy, genesis=genesis, keys=data / "keys", passphrase=PASSPHRASE)


def restore(folder: Path, what: Brought | None = None) -> Path:
    now = HubFolder(folder / "hub").now + 3600 * 48
    made = what or brought(folder)
    restore_hub(MirrorFolder(folder / "mirror"), folder / "new", made, now=now, random=seeded("restore"))
    return folder / "new"


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        text = "SELECT * FROM {} ORDER BY 1, 2"
        return {name: connection.execute(text.format(name)).fetchall() for name in names}


def test_every_row_of_the_ledger_comes_back(folder: Path) -> None:
    """Entries, dedup, tiles, statuses, changes, the note, published checkpoints, cosignatures, landmarks."""
    new = restore(folder)
    assert rows(new / "ledger.sqlite") == rows(folder / "hub" / "ledger.sqlite")
    assert len(rows(new / "ledger.sqlite")["landmark"]) == 3
    report = check_stores(new, pinned_in(new))
    assert (report.size, report.published) == (621, 621)


def test_the_journal_comes_back_as_far_as_the_head_binds_it(folder: Path) -> None:
    """The records of the last batch are behind the last head: nothing published binds them yet."""
    new, old = restore(folder), folder / "hub"
    before, after = rows(old / "journal.sqlite"), rows(new / "journal.sqlite")
    assert (len(before["record"]), len(after["record"])) == (619, 609)
    assert after["record"] == before["record"][:609]
    assert [row[1:] for row in after["casestep"]] == [(1, 306), (2, 307)]
    assert after["casestep"] == before["casestep"]


def test_original_receipts_are_the_same_byte_for_byte(folder: Path) -> None:
    receipts = []
    for data in (restore(folder), folder / "hub"):
        with closing(open_reader(data / "ledger.sqlite")) as connection:
            reads = LogReads(lambda connection=connection: SqliteReader(connection))  # type: ignore[misc]
            receipts.append([reads.evidence(index) for index in range(0, 621, 13)])
    assert receipts[0] == receipts[1]


def test_work_goes_on_in_the_restored_folder(folder: Path) -> None:
    new = HubFolder(restore(folder), licenses=600, now=HubFolder(folder / "hub").now + 3600 * 48)
    new.licenses = 610
    new.work(7, revoke=[6])
    report = check_stores(new.data, pinned_in(new.data))
    assert (report.size, report.journal.n) == (630, 617)


def test_a_backups_journal_serves_as_well_and_must_be_new_enough(folder: Path, tmp_path: Path) -> None:
    back_up(folder / "hub", tmp_path / "backup")
    shutil.rmtree(folder / "mirror" / "journal")
    with pytest.raises(Unavailable, match="binds 609 journal records, which this mirror does not hold"):
        restore(folder)
    new = restore(folder, replace(brought(folder), journal=tmp_path / "backup" / "journal.sqlite"))
    assert len(rows(new / "journal.sqlite")["record"]) == 619
    shutil.rmtree(new)
    (tmp_path / "older").mkdir()
    older = HubFolder.make(tmp_path / "older")
    older.work(30, accesses=2)
    with pytest.raises(NotVerified, match="the ledger binds 609 records, the journal has 32"):
        restore(folder, replace(brought(folder), journal=older.data / "journal.sqlite"))


def test_a_mirror_of_hashes_restores_nothing(folder: Path) -> None:
    shutil.rmtree(folder / "mirror" / "tile" / "entries")
    with pytest.raises(Unavailable, match="mirror of hashes"):
        restore(folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tile/entries/000", "tile/entries/000"),
        ("tile/0/001", "tile/1/000.p/2: it does not follow"),
        ("checkpoints/000", "checkpoints/000"),
        ("landmarks", "landmarks"),
        ("journal/sealed/000", "does not open with this key"),
        ("current/status.zlib", "checkpoint, head, keys or status.zlib"),
    ],
)
def test_a_changed_byte_of_the_mirror_restores_nothing(folder: Path, name: str, message: str) -> None:
    path = folder / "mirror" / name
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :])
    with pytest.raises(NotVerified, match=message):
        restore(folder)
    assert not (folder / "new").exists()
    assert not list(folder.glob(".new.*"))


def test_foreign_keys_a_foreign_genesis_and_a_folder_that_is_there_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = HubFolder.make(tmp_path / "other")
    (stranger.data / "keys" / "log.pem").write_bytes((stranger.data / "keys" / "token.pem").read_bytes())
    with pytest.raises(NotVerified, match="log key that was brought"):
        restore(folder, replace(brought(folder), keys=stranger.data / "keys"))
    with pytest.raises(TongbanError):
        restore(folder, replace(brought(folder), genesis=b"{}"))
    restore(folder)
    with pytest.raises(Conflict, match="already_exists"):
        restore(folder)
