"""Backups: a new folder with what a hub keeps for good, as of one moment, that a hub can go on with."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

from hub.database import open_writer
from hub.governance.founding import open_hub_keys
from hub.upkeep.backup import back_up
from hub.upkeep.fsck import check_stores, pinned_in
from hub.upkeep.stores import stores_of
from ledger.errors import Conflict, NotVerified, TongbanError, Unavailable
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import verify_consistency
from ledger.transparency.note import Note
from ledger.transparency.snapshot import LogReads
from ledger.transparency.sqlite import SqliteReader, read_state
from tests.hub_folder import PASSPHRASE, HubFolder

PINNED = ["genesis", "hub-jwks.json", "journal.sqlite", "ledger.sqlite", "log.vkey", "policy"]
KEYS = ["holder.key", "log.pem", "token.pem", "vault.key"]


@pytest.fixture
def hub(tmp_path: Path) -> HubFolder:
    made = HubFolder.make(tmp_path)
    made.work(20)
    return made


def published(data: Path) -> Checkpoint:
    with closing(open_writer(data / "ledger.sqlite")) as connection:
        size = read_state(connection).published
        (kept,) = SqliteReader(connection).checkpoints(size, 1)
        return Checkpoint.parse(Note.parse(kept.note).text)


def test_a_backup_holds_what_the_folder_holds_and_no_key(hub: HubFolder, tmp_path: Path) -> None:
    pages: dict[str, tuple[int, int]] = {}

    def progress(name: str, done: int, of: int) -> None:
        pages[name] = done, of

    report = back_up(hub.data, tmp_path / "backup", progress=progress)
    assert (report.size, report.published, report.records) == (23, 23, 21)
    assert report.bytes == sum((tmp_path / "backup" / name).stat().st_size for name in PINNED if "sqlite" in name)
    assert sorted(path.name for path in (tmp_path / "backup").iterdir()) == PINNED
    assert {name: done == of > 0 for name, (done, of) in pages.items()} == {
        "ledger.sqlite": True,
        "journal.sqlite": True,
    }
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "backup").iterdir()}
    assert (modes, (tmp_path / "backup").stat().st_mode & 0o777) == ({0o600}, 0o700)
    copy, original = tmp_path / "backup", hub.data
    assert check_stores(copy, pinned_in(copy)) == check_stores(original, pinned_in(original))


def test_keys_come_along_only_when_asked_for_and_still_encrypted(hub: HubFolder, tmp_path: Path) -> None:
    back_up(hub.data, tmp_path / "backup", with_keys=True)
    keys = tmp_path / "backup" / "keys"
    assert sorted(path.name for path in keys.iterdir()) == KEYS
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}
    assert b"ENCRYPTED PRIVATE KEY" in (keys / "log.pem").read_bytes()
    assert open_hub_keys(tmp_path / "backup", PASSPHRASE) is not None


def test_work_goes_on_from_a_backup_and_the_log_only_grows(hub: HubFolder, tmp_path: Path) -> None:
    """The newest published checkpoint before the backup is a beginning of the log after it."""
    before = published(hub.data)
    back_up(hub.data, tmp_path / "backup", with_keys=True)
    restored = HubFolder(tmp_path / "backup", licenses=hub.licenses)
    restored.work(7, revoke=[5])
    after = published(restored.data)
    with closing(open_writer(restored.data / "ledger.sqlite")) as connection:
        path = LogReads(lambda: SqliteReader(connection)).consistency(before.size, after.size)
    assert (before.size, after.size) == (23, 32)
    verify_consistency(before.size, after.size, before.root, after.root, path)
    report = check_stores(restored.data, pinned_in(restored.data))
    assert (report.size, report.journal.n) == (32, 29)


def test_a_backup_of_a_folder_that_is_written_to_holds_as_of_one_moment(hub: HubFolder, tmp_path: Path) -> None:
    """Whatever the writer does between the two copies: every record's seal, and every bound record, is there."""
    stop, worked = threading.Event(), threading.Semaphore(0)

    def write() -> None:
        while not stop.is_set():
            hub.work(3)
            worked.release()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(6):
            back_up(hub.data, tmp_path / f"backup-{number}")
            while worked.acquire(blocking=False):
                pass
            assert all(worked.acquire(timeout=60) for _ in range(2))  # the second began after the copy was made
    finally:
        stop.set()
        writer.join()
    sizes = []
    for number in range(6):
        copy = tmp_path / f"backup-{number}"
        sizes.append(check_stores(copy, pinned_in(copy)).size)
    assert sizes == sorted(set(sizes))


def test_an_open_view_does_not_change(hub: HubFolder) -> None:
    with stores_of(hub.data) as stores:
        before = read_state(stores.ledger)
        hub.work(1)
        assert read_state(stores.ledger) == before
    with stores_of(hub.data) as stores:
        assert read_state(stores.ledger).size == before.size + 2


def test_a_folder_that_is_there_is_not_written_into(hub: HubFolder, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    with pytest.raises(Conflict, match="already_exists"):
        back_up(hub.data, tmp_path / "backup")
    assert list((tmp_path / "backup").iterdir()) == []


@pytest.mark.parametrize("name", ["ledger.sqlite", "journal.sqlite", "genesis", "log.vkey", "keys/vault.key"])
def test_a_backup_that_fails_leaves_nothing(hub: HubFolder, tmp_path: Path, name: str) -> None:
    (hub.data / name).unlink()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TongbanError, match=r"no_log|bad_file"):
        back_up(hub.data, tmp_path / "backup", with_keys=True)
    assert sorted(tmp_path.iterdir()) == before


def test_a_damaged_store_is_not_copied(hub: HubFolder, tmp_path: Path) -> None:
    (hub.data / "journal.sqlite").write_bytes(b"no database" * 500)
    for beside in hub.data.glob("journal.sqlite-*"):
        beside.unlink()
    with pytest.raises((NotVerified, Unavailable)):
        back_up(hub.data, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
