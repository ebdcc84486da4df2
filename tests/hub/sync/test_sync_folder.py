"""A sync folder under a process that is killed while it replaces it: always one of the two that were whole."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from hub.sync.folder import SyncFolder, read_sync
from tests.small_log import T0
from tests.synced_log import files_of, first_day, synced_files

ROOT: Final = Path(__file__).parents[2]
KILLS: Final = 4
REPLACING: Final = """
import sys
from pathlib import Path
from hub.sync.folder import SyncFolder, read_sync
folder, other = SyncFolder(Path(sys.argv[1])), Path(sys.argv[2])
files = [read_sync(folder.path), read_sync(other)]
with folder.locked():
    print("ready", flush=True)
    for number in range(10**9):
        folder.replace(files[number % 2])
        print(number, flush=True)
"""


def test_a_reader_beside_a_sync_gets_one_whole_folder(tmp_path: Path) -> None:
    old, new = files_of(first_day(), time=T0 + 3600), synced_files()
    folder = SyncFolder(tmp_path / "field")

    def replace() -> None:
        for number in range(6):
            folder.replace((old, new)[number % 2])

    with folder.locked(), ThreadPoolExecutor(1) as pool:
        folder.replace(new)
        replacing = pool.submit(replace)
        read = {read_sync(folder.path)}
        while not replacing.done():
            read.add(read_sync(folder.path))
        replacing.result()
    assert read <= {old, new}


def test_a_killed_process_leaves_one_whole_folder(tmp_path: Path) -> None:
    """Killed after some replacements, each time at another moment; the next one starts from what is left."""
    old, new = files_of(first_day(), time=T0 + 3600), synced_files()
    place = tmp_path / "field"
    for path, files in ((place, old), (tmp_path / "other", new)):
        with SyncFolder(path).locked():
            SyncFolder(path).replace(files)
    for kill in range(KILLS):
        command = [sys.executable, "-c", REPLACING, str(place), str(tmp_path / "other")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(2 + kill):
                assert process.stdout.readline()
            process.kill()
        assert read_sync(place) in {old, new}
    with SyncFolder(place).locked():  # the lock went with the process
        SyncFolder(place).replace(new)
    assert read_sync(place) == new
    assert len(list(place.iterdir())) == 2


def test_what_is_not_of_a_sync_stays(tmp_path: Path) -> None:
    """A sync into a folder that holds other things: only what a sync has made there is removed by the next one."""
    folder, own = SyncFolder(tmp_path), ("sync-photos", "sync-12345678x", ".sync-12345678x")
    for name in own:
        (tmp_path / name).mkdir()
    with folder.locked():
        folder.replace(synced_files())
        (tmp_path / "policy").write_bytes(b"a new one, to be pinned by the next sync")
        (tmp_path / "sync-0a1b2c3d").mkdir()  # left by an interrupted sync
        folder.replace(synced_files())
    assert {path.name for path in tmp_path.iterdir()} == {*own, "policy", "current", folder.place.name}
    assert read_sync(tmp_path) == synced_files()
