"""Folders that one trusts: a county's or a hub's keeps the chain of keys, that of a sync stays as the sync left it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hub.sync.folder import SyncFolder, read_sync
from hub.trustfolder import TrustFolder
from ledger.errors import Unavailable
from tests.small_log import GENESIS, POLICY
from tests.synced_log import NOW, synced_files


@pytest.mark.parametrize("name", ["field", "field/current", "stick"])
def test_a_synced_folder_is_trusted_and_stays_of_one_size(tmp_path: Path, name: str) -> None:
    """A newer keys.json beside an older head would be a folder that no verifier takes."""
    with SyncFolder(tmp_path / "field").locked():
        SyncFolder(tmp_path / "field").replace(synced_files())
    (tmp_path / "stick").mkdir()
    for file, data in synced_files().named().items():
        (tmp_path / "stick" / file).write_bytes(data)
    folder = TrustFolder(tmp_path / name)
    folder.keep(replace(folder.held.chain(), entries=((11, b"a change above the synced head"),)))
    assert (folder.held.chain().genesis, folder.held.chain().entries) == (GENESIS, ())
    assert read_sync(tmp_path / name) == synced_files()
    read_sync(tmp_path / name).open(now=NOW)


def test_any_other_folder_keeps_a_longer_chain(tmp_path: Path) -> None:
    (tmp_path / "policy").write_bytes(POLICY)
    with pytest.raises(Unavailable, match="not_ready: the file genesis is not in the data folder"):
        TrustFolder(tmp_path)
    (tmp_path / "genesis").write_bytes(GENESIS)
    folder = TrustFolder(tmp_path)
    folder.keep(replace(folder.held.chain(), entries=((11, b"x"),)))
    assert b'{"index":11,"entry":"x"}' in (tmp_path / "keys.json").read_bytes()
