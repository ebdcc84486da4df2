"""A server that cannot start: one line that says why, and the documented exit code."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hub.database import WriterLock
from hub.demo.alliance import Alliance

_COUNTY = "370214"


@pytest.fixture
def alliance(tmp_path: Path) -> Alliance:
    return Alliance.found(tmp_path / "alliance", ("320583", _COUNTY), provinces=1)


def _serve(alliance: Alliance, name: str = "hub") -> tuple[int, str]:
    """Run a server that is to fail; give its exit code and what it says last: what comes before is its log."""
    command = alliance._child(name, "healthz")
    done = subprocess.run(
        [sys.executable, *command.arguments],
        env=dict(command.environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=180,
    )  # fmt: skip
    said = done.stdout.splitlines(keepends=True)
    assert all(line.startswith("{") for line in said[:-1])
    return done.returncode, said[-1]


def test_a_second_hub_on_a_folder_is_unavailable(alliance: Alliance) -> None:
    """The first one here is a process that holds the ledger's lock and nothing else."""
    lock = WriterLock(alliance.data("hub") / "ledger.sqlite")
    try:
        assert _serve(alliance) == (3, "tongban: store_stopped: another process writes ledger.sqlite\n")
    finally:
        lock.release()


def test_a_second_node_on_a_folder_is_unavailable(alliance: Alliance) -> None:
    lock = WriterLock(alliance.data(_COUNTY) / "serve")
    try:
        assert _serve(alliance, _COUNTY) == (3, "tongban: store_stopped: another process serves this folder\n")
    finally:
        lock.release()


def test_a_ledger_that_does_not_hold_is_not_verified(alliance: Alliance) -> None:
    with closing(sqlite3.connect(alliance.data("hub") / "ledger.sqlite")) as connection, connection:
        connection.execute("UPDATE entry SET d = substr(d, 1, length(d) - 1) || x'41' WHERE i = 0")
    code, said = _serve(alliance)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("tongban: corrupt_store: ")


def test_a_ledger_that_is_no_database_is_not_verified(alliance: Alliance) -> None:
    (alliance.data("hub") / "ledger.sqlite").write_bytes(b"no database" * 1000)
    code, said = _serve(alliance)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("tongban: corrupt_store: ")


@pytest.mark.parametrize("name", ["ledger.sqlite", "journal.sqlite", "genesis", "policy"])
def test_a_hub_without_one_of_its_files_is_unavailable_and_told_to_found_no_second_log(
    alliance: Alliance, name: str
) -> None:
    (alliance.data("hub") / name).unlink()
    advice = "a log was founded here: put a backup's back, or make a new folder by `tongban ledger restore`"
    assert _serve(alliance) == (3, f"tongban: no_log: there is no {name}: {advice}\n")


def test_a_county_node_whose_records_do_not_read_says_so(alliance: Alliance) -> None:
    (alliance.data(_COUNTY) / "records.sqlite").write_bytes(b"no database" * 1000)
    code, said = _serve(alliance, _COUNTY)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("tongban: corrupt_store: ")


def test_an_address_that_is_taken_is_unavailable(alliance: Alliance) -> None:
    with socket.create_server(("127.0.0.1", alliance.hub_port)):
        said = f"cannot listen on 127.0.0.1:{alliance.hub_port}: Address already in use"
        assert _serve(alliance) == (3, f"tongban: not_ready: {said}\n")
