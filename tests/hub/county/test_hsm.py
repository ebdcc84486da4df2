"""A seal key in a PKCS#11 token: SoftHSM stands in for the county's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from hub.county import CountyNode, open_county
from hub.county.hsm import TokenKey, TokenPlace
from hub.county.rotation import rotate
from hub.governance.drafts import MemberWishes
from hub.keyfiles import create_secret, write_private
from ledger.errors import Malformed, Unavailable
from ledger.suites import P256_ORDER, verify
from ledger.verdict import Outcome
from tests.alliance import NOW, PASSPHRASE, found_alliance, identifier_of, license_of
from tests.command_line import tongban
from tests.entropy import seeded, signer_of
from tests.governed import GovernedHub
from tests.ports import FakeClock
from tests.softhsm import PIN, TOKEN, SoftHsm

HOME: Final = "370214"


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """Give a token; a machine without SoftHSM says why."""
    try:
        made = SoftHsm.make(tmp_path_factory.mktemp("softhsm"))
    except (OSError, subprocess.SubprocessError) as error:
        reason = f"no SoftHSM here: {error} {getattr(error, 'stderr', '')}"
        if os.environ.get("TONGBAN_REQUIRE_SOFTHSM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    os.environ["SOFTHSM2_CONF"] = str(made.configuration)  # the library reads it in this process
    yield made
    del os.environ["SOFTHSM2_CONF"]


def place(softhsm: SoftHsm, label: str = "") -> TokenPlace:
    return TokenPlace(module=softhsm.module, token=TOKEN, label=label, pin_file=softhsm.pin_file)


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
def test_what_a_token_signs_verifies(softhsm: SoftHsm, alg: str) -> None:
    key = TokenKey.make(place(softhsm, f"suite {alg}"), alg)
    for number in range(32):
        message = f"message {number}".encode()
        signature = key.sign(message)
        verify(key.public_key, message, signature)
        assert alg != "ES256" or int.from_bytes(signature[32:], "big") <= P256_ORDER // 2
    assert TokenKey.make(place(softhsm, f"suite {alg}"), alg).public_key == key.public_key


def test_the_file_names_the_key_and_holds_no_secret(softhsm: SoftHsm, tmp_path: Path) -> None:
    key = TokenKey.make(place(softhsm, "file"), "ES256")
    write_private(tmp_path / "seal.token", key.text())
    document = json.loads(key.text())
    assert list(document) == ["module", "token", "label", "pinFile", "alg", "x", "y"]
    assert PIN not in key.text().decode()
    again = TokenKey.open(tmp_path / "seal.token")
    assert again.public_key == key.public_key
    verify(key.public_key, b"x", again.sign(b"x"))


def test_a_file_that_names_another_public_key_signs_nothing(softhsm: SoftHsm) -> None:
    TokenKey.make(place(softhsm, "other"), "ES256")
    foreign = TokenKey(place(softhsm, "other"), signer_of("somebody", "ES256").public_key)
    with pytest.raises(Malformed, match="another key under the label"):
        foreign.sign(b"x")


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[GovernedHub]:
    founded = found_alliance(tmp_path)
    async with GovernedHub.running(founded, tmp_path, FakeClock(NOW)) as running:
        yield running
    founded.close()


async def test_a_county_moves_its_seal_key_into_a_token(softhsm: SoftHsm, hub: GovernedHub) -> None:
    home = hub.alliance.nodes[HOME]
    made = rotate(home, "seal", now=NOW, alg="ES256", token=place(softhsm))
    assert sorted(path.name for path in (home.data / "keys").glob("seal*")) == ["seal-5.token", "seal.pem"]
    await hub.change(MemberWishes(add=[made.file], revoke=["370214#2"]), ("320583",))
    home.seal_many([license_of(number) for number in range(1, 4)], NOW)
    assert await hub.deliver(home) == 6
    home.revoke(str(identifier_of(2)), "04", NOW)
    assert await hub.deliver(home) == 1
    verdicts = [await hub.verdict(home, number, by=hub.alliance.nodes["320583"]) for number in (1, 2, 3)]
    assert [each.outcome for each in verdicts] == [Outcome.VALID, Outcome.REVOKED, Outcome.VALID]
    assert verdicts[0].steps[7].detail == "signed by 370214#5"


def init(folder: Path, softhsm: SoftHsm, changed: dict[str, object]) -> list[str]:
    """Give the words of `tongban county init` with a token."""
    if not (folder / "county.pass").exists():
        write_private(folder / "county.pass", PASSPHRASE + b"\n")
        create_secret(folder / "holder.key", seeded("holder")(32))
    given: dict[str, object] = {
        "--data": folder / "county", "--passphrase-file": folder / "county.pass", "--county": HOME, "--name": "城阳区",
        "--url": "http://127.0.0.1:8101", "--hub-url": "http://127.0.0.1:8080",
        "--holder-key-file": folder / "holder.key", "--seal-alg": "ES256", "--hsm-module": softhsm.module,
        "--hsm-token": TOKEN, "--hsm-pin-file": softhsm.pin_file,
    }  # fmt: skip
    return ["county", "init", *(str(word) for pair in (given | changed).items() for word in pair)]


def test_the_command_makes_a_county_whose_seal_key_lies_in_the_token(softhsm: SoftHsm, tmp_path: Path) -> None:
    for option, wrong, code, said in (
        ("--seal-alg", "SM2", 2, "unknown_alg: a token's seal key is of suite ES256 or Ed25519"),
        ("--hsm-token", "nobody's", 3, "not_ready: there is no token of this name"),
    ):
        refused = tongban(*init(tmp_path, softhsm, {option: wrong}))
        assert (refused.code, refused.err.startswith(f"tongban: {said}")) == (code, True)
        assert not (tmp_path / "county" / "keys").exists()
    done = tongban(*init(tmp_path, softhsm, {"--hsm-label": "init"}))
    assert (done.code, done.err) == (0, "")
    listed = json.loads((tmp_path / "county" / "member.json").read_bytes())["keys"][1]
    assert (listed["alg"], listed["uses"], "y" in listed) == ("ES256", ["seal"], True)


def test_a_wrong_pin_is_told_and_not_repeated(softhsm: SoftHsm, tmp_path: Path) -> None:
    """In a process of its own: a login is the process's, and this one has a good one."""
    words = init(tmp_path, softhsm, {"--hsm-pin-file": softhsm.folder / "wrong-pin"})
    command = [sys.executable, "-m", "hub", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    said = "tongban: bad_setting: the token does not take the PIN: PinIncorrect\n"
    assert (done.returncode, done.stderr) == (2, said)


def open_at(folder: Path) -> CountyNode:
    return open_county(folder / HOME, PASSPHRASE, random=seeded("node"))


def test_who_only_reads_needs_no_token(tmp_path: Path) -> None:
    founded = found_alliance(tmp_path)
    founded.close()
    away = TokenPlace(module=tmp_path / "nothing.so", token="away", label="away", pin_file=tmp_path / "pin")
    (tmp_path / HOME / "keys" / "seal.pem").unlink()
    public = signer_of("away", "ES256").public_key
    write_private(tmp_path / HOME / "keys" / "seal.token", TokenKey(away, public).text())
    with closing(open_at(tmp_path)) as node:
        assert [row.alg for row in node.standing.rows() if row.use == "seal"] == ["ES256"]
        (tmp_path / HOME / "genesis").unlink()
    with closing(open_at(tmp_path)) as node, pytest.raises(Malformed, match="no PKCS#11 library"):
        node.keys.seal.sign(b"x")


def test_without_the_extra_the_reason_is_told() -> None:
    code = (
        "import sys; sys.modules['pkcs11'] = None\n"
        "from hub.county.hsm import TokenKey, TokenPlace\nfrom pathlib import Path\n"
        "TokenKey.make(TokenPlace(module=Path('x'), token='x', label='x', pin_file=Path('x')), 'ES256')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "bad_setting: a key in a token needs the extra `hsm`" in done.stderr


@pytest.mark.parametrize("change", [{"x": "AA"}, {"alg": "RSA"}, {"pin": "1"}, {"module": 1}])
def test_a_token_file_of_another_form_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    public = signer_of("any", "ES256").public_key
    where = TokenPlace(module=tmp_path / "x", token="x", label="x", pin_file=tmp_path / "pin")
    document = json.loads(TokenKey(where, public).text())
    write_private(tmp_path / "seal.token", json.dumps({**document, **change}).encode())
    with pytest.raises(Malformed):
        TokenKey.open(tmp_path / "seal.token")


def test_a_token_that_is_away_is_unavailable(softhsm: SoftHsm) -> None:
    with pytest.raises(Unavailable, match="not_ready"):
        TokenKey.make(TokenPlace(module=softhsm.module, token="away", label="x", pin_file=softhsm.pin_file), "ES256")
    with pytest.raises(Malformed, match="no key of this label"):
        TokenKey(place(softhsm, "nothing"), signer_of("any", "ES256").public_key).sign(b"x")
    key = TokenKey.make(place(softhsm, "again"), "ES256")
    verify(key.public_key, b"x", key.sign(b"x"))
