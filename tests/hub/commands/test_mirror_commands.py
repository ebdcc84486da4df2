"""`tongban ledger mirror`, `ledger restore` and `county check`, from their arguments to what they print and leave."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import stamina

from hub.logclient import HttpLog
from hub.mirror.folder import MirrorFolder
from hub.mirror.mirror import Mirror
from ledger.anchor import TrustAnchor
from ledger.transparency.policy import Policy
from tests.command_line import tongban
from tests.county_folder import CountyFolder
from tests.folder_log import TOKEN, FolderLog
from tests.hub_folder import HubFolder
from tests.logbook import LogBook
from tests.shown_log import SHOWN_URL, ShownLog
from tests.small_log import GENESIS, LOG, POLICY, T0, policy_rule
from tests.static_server import served


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


def mirrored(folder: Path, hub: HubFolder) -> Path:
    """Mirror a hub's folder, from its own routes, with a member's token."""
    anchor = TrustAnchor(Policy.parse((hub.data / "policy").read_bytes()), (hub.data / "genesis").read_bytes())
    Mirror(MirrorFolder(folder), FolderLog(hub.data).read(), anchor).run(int(time.time()))
    return folder


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a hub of 33 entries, its mirror, and a mirror of a hub that says something else."""
    folder = tmp_path_factory.mktemp("hub")
    for name in ("one", "other"):
        (folder / name).mkdir()
        hub = HubFolder.make(folder / name)
        hub.work(20 if name == "one" else 25)
        hub.work(9)
        mirrored(folder / name / "mirror", hub)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "all", symlinks=True)


@pytest.fixture
def pins(folder: Path) -> tuple[object, ...]:
    data = folder / "one" / "hub"
    return ("--policy", data / "policy", "--genesis", data / "genesis")


def test_a_mirror_is_made_without_and_with_a_token_and_checked(folder: Path, pins: tuple[object, ...]) -> None:
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text(TOKEN)
    with served(folder / "one" / "mirror") as url:
        made = tongban("ledger", "mirror", folder / "new", "--url", url, *pins)
        assert (made.code, made.out) == (0, "hub.example/ledger: 33 entries, 33 of them new\n")
        assert made.err.startswith("hashes only: ")
        again = tongban("ledger", "mirror", folder / "new", "--url", url, *pins, "--token-file", folder / "token")
        assert (again.code, again.out, again.err) == (0, "hub.example/ledger: 33 entries, 0 of them new\n", "")
        row = json.loads(tongban("ledger", "mirror", folder / "new", "--url", url, *pins, "--json").out)
        assert (row["ok"], row["size"], row["grown_from"], row["entries"]) == (True, 33, 33, False)
    found = tongban("ledger", "mirror", folder / "new", "--check", *pins)
    assert (found.code, found.out) == (0, "hub.example/ledger holds: 33 entries; with entries, with journal\n")
    assert json.loads(tongban("ledger", "mirror", folder / "new", "--check", *pins, "--json").out)["size"] == 33


def test_a_folder_that_is_no_mirror_is_left_alone(folder: Path, pins: tuple[object, ...], tmp_path: Path) -> None:
    """A hub's folder and a county's, with no file more than before; the log is not even asked."""
    county = CountyFolder.make(tmp_path).data
    for data in (folder / "one" / "hub", county):
        before = sorted(str(path) for path in data.rglob("*"))
        made = tongban("ledger", "mirror", data, "--url", "http://127.0.0.1:1/ledger", *pins)
        said = f"tongban: already_exists: {data} is no mirror and not empty: name another folder\n"
        assert (made.code, made.out, made.err) == (5, "", said)
        assert sorted(str(path) for path in data.rglob("*")) == before


def test_a_mirror_goes_on_that_was_cut_off_or_has_a_web_page_beside_it(folder: Path, pins: tuple[object, ...]) -> None:
    with served(folder / "one" / "mirror") as url:
        (folder / "new" / "tile").mkdir(parents=True)
        (folder / "new" / ".mirror.lock").touch()
        (folder / "new" / ".new-1-checkpoint").touch()
        assert tongban("ledger", "mirror", folder / "new", "--url", url, *pins).code == 0
        (folder / "new" / "index.html").touch()
        assert tongban("ledger", "mirror", folder / "new", "--url", url, *pins).code == 0


def test_a_verifier_syncs_from_a_mirror(folder: Path, pins: tuple[object, ...]) -> None:
    """The folder behind any web server is as good as the log: nothing about it need be believed."""
    with served(folder / "one" / "mirror") as url:
        made = tongban("sync", folder / "field", "--url", url, *pins, "--json")
    assert (made.code, made.err) == (0, "")
    assert json.loads(made.out)["size"] == 33


def test_a_policy_that_is_out_of_date_is_said(tmp_path: Path) -> None:
    """By the mirror that is made, and by its check."""
    (tmp_path / "policy").write_bytes(POLICY)
    (tmp_path / "genesis").write_bytes(GENESIS)
    book, other = LogBook(GENESIS, LOG), b"another policy"
    book.add(policy_rule(book, other))
    book.close()
    anchor = TrustAnchor(Policy.parse(POLICY), GENESIS, policy_digest=sha256(POLICY).digest())
    with ShownLog(book, time=T0 + 3600).client() as http:
        report = Mirror(MirrorFolder(tmp_path / "mirror"), HttpLog(SHOWN_URL, http), anchor).run(T0 + 3600)
    digest = sha256(other).hexdigest()
    assert (report.policy_named, report.to_json()["policy_named"]) == (digest, digest)
    pinned = ("--policy", tmp_path / "policy", "--genesis", tmp_path / "genesis")
    told = tongban("ledger", "mirror", tmp_path / "mirror", "--check", *pinned)
    note = f"the members have named another policy, SHA-256 {digest}: get it, read it, and pin it with --policy"
    assert (told.code, told.err) == (0, f"note: {note}\n")
    row = tongban("ledger", "mirror", tmp_path / "mirror", "--check", *pinned, "--json")
    assert (row.err, json.loads(row.out)["policy_named"]) == ("", digest)


def test_a_damaged_mirror_exits_1_and_names_the_file(folder: Path, pins: tuple[object, ...]) -> None:
    path = folder / "one" / "mirror" / "tile" / "entries" / "000.p" / "33"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = tongban("ledger", "mirror", folder / "one" / "mirror", "--check", *pins)
    assert (found.code, found.out) == (1, "")
    assert found.err == "tongban: corrupt_store: tile/entries/000.p/33: entry 32 has another hash\n"
    row = json.loads(tongban("ledger", "mirror", folder / "one" / "mirror", "--check", *pins, "--json").out)
    assert (row["ok"], row["code"]) == (False, "corrupt_store")


def test_following_goes_on_through_silence_and_ends_at_a_fork(folder: Path, pins: tuple[object, ...]) -> None:
    """First the log answers, then it does not, then it shows another tree."""
    asked = 0

    def choose(path: str) -> Path | None:
        nonlocal asked
        asked += path == "/checkpoint"
        return [folder / "one" / "mirror", None, folder / "other" / "mirror"][min(asked, 3) - 1]

    with served(choose) as url:
        made = tongban("ledger", "mirror", folder / "new", "--url", url, *pins, "--follow", 1, "--json")
    rows = [json.loads(line) for line in made.out.splitlines()]
    assert [(row["ok"], row.get("code")) for row in rows] == [(True, None), (False, "not_ready")]
    assert (made.code, "bad_consistency: the log forked: fork-evidence.json" in made.err) == (1, True)
    proven = tongban("ledger", "check-evidence", folder / "new" / "fork-evidence.json", *pins[:2])
    assert (proven.code, proven.out.startswith("the log forked: ")) == (0, True)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--url", "http://127.0.0.1:9", "--county-data", "c"),
        ("--url", "x", "--token-file", "t", "--county-data", "c"),
    ],
    ids=["no url", "no passphrase", "two ways to a token"],
)
def test_wrong_options_exit_2(folder: Path, pins: tuple[object, ...], options: tuple[str, ...]) -> None:
    assert tongban("ledger", "mirror", folder / "new", *pins, *options).code == 2


def test_a_hub_is_restored_by_command_and_never_over_another(folder: Path, pins: tuple[object, ...]) -> None:
    one = folder / "one"
    brought = ("--keys", one / "hub" / "keys", "--passphrase-file", one / "hub.pass")
    made = tongban("ledger", "restore", folder / "new", "--mirror", one / "mirror", *pins, *brought)
    assert (made.code, made.err) == (0, "")
    lines = made.out.splitlines()
    assert re.fullmatch(rf"restored {folder}/new, every entry and record checked \(\d+\.\d s\)", lines[0])
    assert lines[1] == "  log          hub.example/ledger: 33 entries, 33 published"
    assert lines[4:7] == [
        "  journal      21 records, of the mirror",
        "  keys         log.pem, token.pem, holder.key, vault.key",
        "not restored: the vault (counties deposit again) and the settings",
    ]
    assert lines[7].startswith(f"now: tongban serve --data {folder}/new --passphrase-file ")
    assert tongban("ledger", "check", "--data", folder / "new").code == 0
    assert tongban("ledger", "restore", folder / "new", "--mirror", one / "mirror", *pins, *brought).code == 5
    nowhere = tongban(
        "ledger", "restore", folder / "none", "--mirror", one / "mirror", *pins, *brought, "--journal", folder / "x"
    )
    assert (nowhere.code, nowhere.err) == (2, f"tongban: bad_file: cannot read {folder}/x: no such file\n")
    assert not (folder / "none").exists()
    backup = ("--journal", one / "hub" / "journal.sqlite", "--json")
    told = tongban("ledger", "restore", folder / "again", "--mirror", one / "mirror", *pins, *brought, *backup)
    row = json.loads(told.out)
    assert (row["ok"], row["size"], row["journal"]["n"], row["journal_from"]) == (True, 33, 31, "backup")
    assert row["keys"] == ["log.pem", "token.pem", "holder.key", "vault.key"]
    assert (lines[2].endswith(f"root {row['root']}"), lines[3]) == (True, f"  status root  {row['status_root']}")


def test_a_ledgers_small_files_are_remembered(folder: Path) -> None:
    data = folder / "one" / "hub"
    first = tongban("ledger", "check", "--data", data, "--remember")
    assert (first.code, first.out.splitlines()[1]) == (0, "remembered 8 files")
    assert tongban("ledger", "check", "--data", data).out.splitlines()[1] == "8 files are as remembered"
    assert json.loads(tongban("ledger", "check", "--data", data, "--json").out)["files"] == 8
    (data / "keys" / "holder.key").write_bytes(bytes(44))
    found = tongban("ledger", "check", "--data", data)
    said = "tongban: corrupt_store: keys/holder.key is not the file that was remembered: "
    assert (found.code, found.err) == (1, f"{said}if it was changed on purpose, run --remember again\n")


def test_a_county_is_checked_and_remembered(tmp_path: Path) -> None:
    county = CountyFolder.make(tmp_path)
    with county.opened():
        pass
    made = tongban("county", "check", "--data", county.data, "--remember")
    assert made.code == 0
    assert made.out.splitlines()[0] == f"{county.data} holds: 0 rows of records and outbox, 0 of the witness"
    assert re.fullmatch(r"remembered [0-9]+ files", made.out.splitlines()[1])
    assert json.loads(tongban("county", "check", "--data", county.data, "--json").out)["ok"] is True
    config = county.data / "county.json"
    config.write_bytes(config.read_bytes().replace(b"127.0.0.1:9", b"127.0.0.1:8", 1))
    found = tongban("county", "check", "--data", county.data)
    said = "tongban: corrupt_store: county.json is not the file that was remembered: "
    assert (found.code, found.err) == (1, f"{said}if it was changed on purpose, run --remember again\n")
    assert json.loads(tongban("county", "check", "--data", county.data, "--json").out)["ok"] is False
    config.unlink()
    assert tongban("county", "check", "--data", county.data).code == 2
