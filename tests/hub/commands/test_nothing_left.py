"""A command that fails leaves nothing behind that was not there before, and what was there stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import stamina

from hub.database import held_lock
from hub.folderfiles import locked_folder
from hub.keyfiles import make_private_folder, write_private
from tests.command_line import Result, tongban
from tests.county_folder import CountyFolder
from tests.small_log import GENESIS, POLICY

NOBODY: Final = "http://127.0.0.1:9/ledger"


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Give a folder with what commands are handed: a passphrase, a holder key, a token, policy and genesis."""
    write_private(tmp_path / "pass", b"correct horse\n")
    write_private(tmp_path / "token", b"token\n")
    assert tongban("ledger", "holder-key", tmp_path / "holder.key").code == 0
    (tmp_path / "policy").write_bytes(POLICY)
    (tmp_path / "genesis").write_bytes(GENESIS)
    return tmp_path


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def init(desk: Path, data: Path, *options: object) -> tuple[object, ...]:
    given = ("--county", "370214", "--name", "城阳区", "--url", "http://127.0.0.1:9", "--hub-url", "http://127.0.0.1:8")
    secrets = ("--passphrase-file", desk / "pass", "--holder-key-file", desk / "holder.key")
    given = tuple(word for word in given if word not in options or not str(word).startswith("--"))
    return ("county", "init", "--data", data, *given, *secrets, *options)


def keygen(desk: Path, data: Path, origin: str) -> tuple[object, ...]:
    secrets = ("--passphrase-file", desk / "pass", "--holder-key-file", desk / "holder.key")
    return ("ledger", "keygen", "--data", data, "--origin", origin, *secrets)


def pins(desk: Path) -> tuple[object, ...]:
    return ("--policy", desk / "policy", "--genesis", desk / "genesis")


@pytest.mark.parametrize(
    ("what", "code"),
    [("init suite", 2), ("init domain", 2), ("keygen", 2), ("sync", 3), ("mirror", 3), ("audit", 3), ("restore", 3),
     ("backup", 2), ("test-ca", 2), ("evidence", 2)],
)  # fmt: skip
@pytest.mark.parametrize("place", ["new", "deep/down/new"])
def test_a_command_that_fails_leaves_no_folder(desk: Path, what: str, code: int, place: str) -> None:
    new = desk / place
    commands: dict[str, tuple[object, ...]] = {
        "init suite": init(desk, new, "--seal-alg", "RSA"),
        "init domain": init(desk, new, "--domain", "a b"),
        "keygen": keygen(desk, new, "hub example/ledger"),
        "sync": ("sync", new, "--url", NOBODY, *pins(desk)),
        "mirror": ("ledger", "mirror", new, "--url", NOBODY, *pins(desk)),
        "audit": ("audit", "--url", NOBODY, *pins(desk), "--data", new, "--token-file", desk / "token"),
        "restore": ("ledger", "restore", new, "--mirror", desk, *pins(desk), "--keys", desk, "--passphrase-file",
                    desk / "pass"),
        "backup": ("ledger", "backup", new, "--data", desk),
        "test-ca": ("seal", "test-ca", new, "--passphrase-file", desk / "pass", "--uscc", "1"),
        "evidence": ("county", "evidence", "--data", desk, "--output", new),
    }  # fmt: skip
    before = left(desk)
    assert tongban(*commands[what]).code == code
    assert left(desk) == before


def test_what_was_there_stays(desk: Path) -> None:
    """A volume that is mounted, a folder of a node that is there."""
    data = desk / "volume"
    make_private_folder(data)
    write_private(data / "somebodys", b"x")
    assert tongban(*init(desk, data, "--domain", "a b")).code == 2
    assert left(data) == ["somebodys"]
    made = CountyFolder.make(desk)
    before = left(made.data)
    assert tongban(*init(desk, made.data)).code == 5
    assert left(made.data) == before


def test_another_process_in_the_folder_is_one_code(desk: Path) -> None:
    """So it is for `serve` and `county serve` (test_serve_command.py); the folder stays as the other one has it."""
    field, mirror, kept = desk / "field", desk / "mirror", desk / "kept"
    for folder in (field, mirror, kept):
        make_private_folder(folder)
    token = ("--token-file", desk / "token")
    commands: dict[str, tuple[object, ...]] = {
        "syncs field": ("sync", field, "--url", NOBODY, *pins(desk)),
        "writes this mirror": ("ledger", "mirror", mirror, "--url", NOBODY, *pins(desk)),
        "writes audit.sqlite": ("audit", "--url", NOBODY, *pins(desk), "--data", kept, *token),
    }
    with locked_folder(field), held_lock(mirror / ".mirror"), held_lock(kept / "audit.sqlite"):
        before = left(desk)
        for what, command in commands.items():
            assert tongban(*command) == Result(3, "", f"tongban: store_stopped: another process {what}\n")
        assert left(desk) == before
