"""`tongban county bundle`, `tongban ingest bundle`, `tongban ledger bundlekey`: a county whose node nobody can reach."""

from __future__ import annotations

import json
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from hub.bundles.keys import parse_public_key
from hub.demo.alliance import Alliance
from ledger.errors import Malformed
from tests.alliance import license_of
from tests.command_line import tongban
from tests.county_folder import CountyFolder

CUT_OFF: Final = "370214"
SERVED: Final = ("320583",)


@pytest.fixture(scope="module")
def alliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alliance]:
    """Run a hub and one of two counties; the other has no network."""
    founded = Alliance.found(tmp_path_factory.mktemp("closed") / "alliance", (*SERVED, CUT_OFF), provinces=1)
    toml = f'data = "{founded.data("hub")}"\npassphrase_file = "{founded.passphrase_file("hub")}"\nport = {founded.hub_port}\n'
    (founded.folder / "hub.toml").write_text(toml)
    try:
        founded.start("hub", *SERVED, graph=False)
        yield founded
    finally:
        founded.stop(*list(founded.children))


def _options(alliance: Alliance) -> tuple[str, ...]:
    return ("--data", str(alliance.data(CUT_OFF)), "--passphrase-file", str(alliance.passphrase_file(CUT_OFF)))


def test_a_bundle_goes_there_and_its_answer_comes_back(alliance: Alliance) -> None:
    """Real processes, the whole way: key, export, ingest, import, status; each step once more; a lost file."""
    hub, folder, options = alliance.data("hub"), alliance.folder, _options(alliance)
    made = tongban("ledger", "bundlekey", "--data", hub, "--json")
    assert (made.code, json.loads(made.out)["file"]) == (0, str(hub / "hub-bundle.json"))
    assert tongban("ledger", "bundlekey", "--data", hub).code == 5
    assert stat.S_IMODE((hub / "keys" / "bundle.key").stat().st_mode) == 0o600
    shutil.copy(hub / "hub-bundle.json", alliance.data(CUT_OFF))
    with alliance.node(CUT_OFF) as node:
        node.seal_many([license_of(number, county=CUT_OFF) for number in (1, 2)], int(time.time()))

    there, back = folder / "there", folder / "back"
    told = tongban("county", "bundle", "export", "--output", there, "--faces", *options)
    assert (told.code, told.out) == (0, f"bundle 1: 2 entry, 2 record, 2 face; wrote {there}\n")
    taking = ("ingest", "bundle", there, "--output", back, "--config", folder / "hub.toml")
    told = tongban(*taking)
    assert (told.code, told.out) == (0, f"bundle 1 of 370214: 2 entry, 2 record, 2 face; wrote {back}\n")
    assert tongban(*taking).code == 5  # the answer is there already
    again = tongban(*taking, "--force", "--json")
    assert json.loads(again.out) == {
        "county": "370214", "number": 1, "again": True, "lines": {"entry": 2, "record": 2, "face": 2}, "refused": [],
    }  # fmt: skip
    bringing = ("county", "bundle", "import", back, *options)
    assert tongban(*bringing).out == "answer 1: 4 settled, 0 wait, 2 faces in the vault\n"
    assert json.loads(tongban(*bringing, "--json").out)["settled"] == 0
    assert "stated     2\n" in tongban("county", "status", *options).out
    nothing = tongban("county", "bundle", "export", "--output", folder / "none", *options)
    assert (nothing.code, nothing.out, (folder / "none").exists()) == (0, "nothing waits: no bundle was made\n", False)

    assert (
        tongban("county", "revoke", license_of(1, county=CUT_OFF).identifier, "--reason", "03", "--yes", *options).code
        == 0
    )
    assert tongban("county", "bundle", "export", "--output", folder / "lost", *options).code == 0
    assert tongban("county", "bundle", "export", "--output", there, "--force", *options).code == 0
    missed = tongban(*taking, "--force")
    assert (missed.code, missed.err) == (5, "tongban: bundle_missing: bundle 2 of 370214 was not taken in\n")
    assert tongban("county", "bundle", "export", "--output", folder / "2", "--again", "2", *options).code == 0
    assert (folder / "2").read_bytes() == (folder / "lost").read_bytes()
    assert (
        tongban("ingest", "bundle", folder / "2", "--output", back, "--force", "--config", folder / "hub.toml").code
        == 0
    )
    assert tongban(*bringing).out == "answer 2: 1 settled, 0 wait, 0 faces in the vault\n"


def test_a_hub_without_a_key_takes_no_bundle(alliance: Alliance, tmp_path: Path) -> None:
    """So does one that is no hub, and a file that is no bundle."""
    config = tmp_path / "hub.toml"
    config.write_text(f'data = "{tmp_path}"\npassphrase_file = "x"\n')
    told = tongban("ingest", "bundle", config, "--output", tmp_path / "a", "--config", config)
    assert (told.code, (tmp_path / "a").exists()) == (2, False)
    told = tongban("ingest", "bundle", config, "--output", tmp_path / "a", "--config", alliance.folder / "hub.toml")
    assert (told.code, told.err.split(":")[1]) == (2, " bad_bundle")


def test_a_county_without_the_hubs_key_exports_nothing(tmp_path: Path) -> None:
    folder = CountyFolder.make(tmp_path)
    told = tongban("county", "bundle", "export", "--output", tmp_path / "a", *folder.options)
    assert (told.code, (tmp_path / "a").exists()) == (3, False)
    told = tongban("county", "bundle", "export", "--output", tmp_path / "a", "--again", "1", "--faces", *folder.options)
    assert (told.code, told.err.split(":")[1]) == (2, " bad_setting")
    told = tongban("county", "bundle", "export", "--output", tmp_path / "a", "--again", "1", *folder.options)
    assert (told.code, told.err.split(":")[1]) == (5, " wrong_target")


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"crv":"X25519","kid":"x","kty":"OKP","use":"enc","x":"AAAA"}', b"x" * 2000]
)
def test_another_file_is_no_key_of_a_hub(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_public_key(data)
    assert caught.value.code == "bad_file"
