"""`tongban ledger check` and `tongban ledger backup`, from their arguments to what they print and leave."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.command_line import tongban
from tests.hub_folder import HubFolder


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = HubFolder.make(tmp_path_factory.mktemp("hub"))
    made.work(10)
    return made.data


@pytest.fixture
def data(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "hub")


def damage(data: Path) -> None:
    with closing(sqlite3.connect(data / "ledger.sqlite")) as connection:
        connection.execute("UPDATE entry SET d = CAST(d || 'A' AS BLOB) WHERE i = 5")
        connection.commit()


def test_a_ledger_that_holds_exits_0(data: Path) -> None:
    found = tongban("ledger", "check", "--data", data)
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith("hub.example/ledger holds: 13 entries, 13 published; 11 journal records (")
    machine = json.loads(tongban("ledger", "check", "--data", data, "--json", "--processes", 2).out)
    assert {name: machine[name] for name in ("ok", "origin", "size", "published")} == {
        "ok": True,
        "origin": "hub.example/ledger",
        "size": 13,
        "published": 13,
    }
    assert machine["journal"]["n"] == 11


def test_a_ledger_that_does_not_hold_exits_1_and_names_the_entry(data: Path) -> None:
    damage(data)
    found = tongban("ledger", "check", "--data", data)
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("tongban: corrupt_store: entry 5: ")
    machine = tongban("ledger", "check", "--data", data, "--json")
    assert machine.code == 1
    assert {name: json.loads(machine.out)[name] for name in ("ok", "code", "index")} == {
        "ok": False,
        "code": "corrupt_store",
        "index": 5,
    }


def test_a_verifier_checks_against_what_it_pinned(data: Path, template: Path, tmp_path: Path) -> None:
    """The folder was made up as a whole, by another log key."""
    pins = ("--policy", template / "policy", "--genesis", template / "genesis")
    assert tongban("ledger", "check", "--data", data, *pins).code == 0
    assert tongban("ledger", "check", "--data", data, *pins[:2]).code == 2
    (tmp_path / "x").write_bytes(b"another genesis")
    found = tongban("ledger", "check", "--data", data, *pins[:2], "--genesis", tmp_path / "x")
    assert (found.code, found.err) == (
        1,
        "tongban: corrupt_store: entry 0: it is another genesis than the pinned one\n",
    )


def test_where_no_ledger_is_the_command_exits_3(data: Path) -> None:
    (data / "ledger.sqlite").unlink()
    assert tongban("ledger", "check", "--data", data).code == 3


def test_a_backup_is_made_told_and_never_over_another(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    made = tongban("ledger", "backup", folder, "--data", data)
    assert (made.code, made.err) == (0, "")
    assert made.out == f"wrote {folder}: 13 entries, 13 published; 11 journal records; without keys\n"
    assert tongban("ledger", "check", "--data", folder).code == 0
    assert tongban("ledger", "backup", folder, "--data", data).code == 5
    machine = tongban("ledger", "backup", tmp_path / "other", "--data", data, "--with-keys", "--json")
    assert {name: json.loads(machine.out)[name] for name in ("size", "published", "records")} == {
        "size": 13,
        "published": 13,
        "records": 11,
    }
    assert (tmp_path / "other" / "keys" / "log.pem").is_file()
