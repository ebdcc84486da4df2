"""Restoring a hub from a backup or a mirror, with real processes: it goes on where that ends, or does not start."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.database import open_reader
from ledger.errors import Unavailable
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import verify_consistency
from ledger.transparency.note import Note
from ledger.transparency.snapshot import LogReads
from ledger.transparency.sqlite import SqliteReader, read_state
from tests.command_line import tongban
from tests.live_alliance import LiveAlliance

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]  # six starts of a hub, on a busy machine


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveAlliance]:
    with LiveAlliance.running(tmp_path) as running:
        yield running


def checkpoint(live: LiveAlliance) -> Checkpoint:
    return Checkpoint.parse(Note.parse(live.note()).text)


def check_grown(live: LiveAlliance, old: Checkpoint, new: Checkpoint) -> None:
    with closing(open_reader(live.data / "ledger.sqlite")) as connection:
        path = LogReads(lambda: SqliteReader(connection)).consistency(old.size, new.size)
    verify_consistency(old.size, new.size, old.root, new.root, path)


def restore(live: LiveAlliance, backup: Path) -> None:
    """Put a backup in place of the hub's folder, with the settings file, which is no part of it."""
    settings = (live.data / "hub.toml").read_bytes()
    shutil.rmtree(live.data)
    shutil.copytree(backup, live.data)
    (live.data / "hub.toml").write_bytes(settings)


def receipts(live: LiveAlliance) -> dict[int, tuple[bytes | None, bytes | None]]:
    """Give the original receipt or proof of every published entry, as it is sent for a repeated submission."""
    with closing(open_reader(live.data / "ledger.sqlite")) as connection:
        reads = LogReads(lambda: SqliteReader(connection))
        return {index: reads.evidence(index) for index in range(read_state(connection).published)}


def test_a_restored_hub_goes_on_and_one_restored_too_late_does_not_start(live: LiveAlliance, tmp_path: Path) -> None:
    """Made while the hub runs; what was published before it is a beginning of what is published afterwards.

    The witnesses keep an old copy from starting. From a mirror that followed, all of it comes back, and they go on.
    """
    live.seal(30)
    before, backup = checkpoint(live), tmp_path / "backup"
    made = tongban("ledger", "backup", backup, "--data", live.data, "--with-keys")
    assert (made.code, made.err) == (0, "")
    live.alliance.stop("hub")
    restore(live, backup)
    assert tongban("ledger", "check", "--data", live.data).code == 0
    live.alliance.start("hub", graph=False)
    live.seal(30)
    after = checkpoint(live)
    assert after.size >= before.size + 31
    check_grown(live, before, after)
    assert tongban("ledger", "check", "--data", live.data).code == 0

    county = (live.alliance.data("320583"), "--passphrase-file", live.alliance.passphrase_file("320583"))
    pins = ("--policy", backup / "policy", "--genesis", backup / "genesis")
    made = tongban("ledger", "mirror", tmp_path / "mirror", "--url", live.url, *pins, "--county-data", *county)
    assert (made.code, made.err) == (0, "")
    live.alliance.stop("hub")
    given = receipts(live)
    restore(live, backup)
    with pytest.raises(Unavailable, match="it is an old copy"):
        live.alliance.start("hub", graph=False)
    live.alliance.stop("hub")

    settings = (live.data / "hub.toml").read_bytes()
    shutil.rmtree(live.data)
    brought = ("--keys", backup / "keys", "--passphrase-file", live.alliance.passphrase_file("hub"))
    made = tongban("ledger", "restore", live.data, "--mirror", tmp_path / "mirror", *pins, *brought)
    assert (made.code, made.err) == (0, "")
    again = receipts(live)
    assert {index: given[index] for index in again} == again
    assert len(again) >= after.size
    (live.data / "hub.toml").write_bytes(settings)
    live.alliance.start("hub", graph=False)
    live.seal(10)
    last = checkpoint(live)
    assert last.size >= after.size + 11
    check_grown(live, after, last)
    assert tongban("ledger", "check", "--data", live.data).code == 0
