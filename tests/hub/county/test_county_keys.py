"""Keys of a county on disk: encrypted, for their owner only, never overwritten; and the member file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Final

import pytest

from hub.county.keys import USES, create_keys, open_keys
from hub.county.member import MemberFile
from hub.keyfiles import create_secret, make_private_folder, read_passphrase, read_private, read_secret, write_private
from ledger.encoding import canonical_json, parse_json
from ledger.errors import Conflict, Malformed
from ledger.transparency.note import COSIGNATURE_ED25519
from tests.entropy import seeded

PASSPHRASE: Final = b"correct horse"


def _create(folder: Path, **changes: Any) -> Any:
    options: dict[str, Any] = {
        "county": "370214", "passphrase": PASSPHRASE, "holder": bytes(32), "random": seeded("keys"),
        "seal_alg": "Ed25519",
    }  # fmt: skip
    return create_keys(folder, **(options | changes))


def test_every_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    _create(tmp_path / "keys", auditor=True)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}
    pems = {f"{name}.pem" for name in (*USES, "witness", "auditor")}
    names = {*pems, "records.key", "holder.key"}
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_keys_are_encrypted_pkcs8_and_open_with_their_passphrase_only(tmp_path: Path) -> None:
    made = _create(tmp_path / "keys")
    assert (tmp_path / "keys" / "seal.pem").read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert open_keys(tmp_path / "keys", "370214", PASSPHRASE).public_keys() == made.public_keys()
    with pytest.raises(Malformed) as caught:
        open_keys(tmp_path / "keys", "370214", b"wrong")
    assert caught.value.code == "bad_file"


def test_the_six_keys_and_two_secrets_are_all_different(tmp_path: Path) -> None:
    keys = _create(tmp_path / "keys", holder=b"h" * 32, auditor=True)
    public = [each.x for each in keys.public_keys().values()] + [keys.witness.public_key.x, keys.auditor.public_key.x]
    assert len(set(public)) == 6
    assert keys.records != keys.holder == b"h" * 32


def test_an_auditors_key_is_made_where_there_is_to_be_an_auditor_only(tmp_path: Path) -> None:
    keys = _create(tmp_path / "keys")
    assert not (tmp_path / "keys" / "auditor.pem").exists()
    with pytest.raises(Malformed) as caught:
        _ = keys.auditor
    text = "370214 has no auditor's key: `tongban county rotate --use auditor` makes one"
    assert str(caught.value) == f"bad_file: {text}"


@pytest.mark.parametrize("alg", ["ES256", "SM2"])
def test_the_seal_key_can_be_of_another_suite(tmp_path: Path, alg: str) -> None:
    keys = _create(tmp_path / "keys", seal_alg=alg)
    assert {use: key.alg for use, key in keys.public_keys().items()} == dict.fromkeys(USES, "Ed25519") | {"seal": alg}
    assert open_keys(tmp_path / "keys", "370214", PASSPHRASE).public_keys() == keys.public_keys()


@pytest.mark.parametrize("alg", ["sm2", "EdDSA", ""])
def test_an_unknown_suite_leaves_no_half_made_folder(tmp_path: Path, alg: str) -> None:
    with pytest.raises(Malformed) as caught:
        _create(tmp_path / "keys", seal_alg=alg)
    assert caught.value.code == "unknown_alg"
    assert not (tmp_path / "keys").exists()


def test_keys_that_are_there_are_never_overwritten(tmp_path: Path) -> None:
    _create(tmp_path / "keys")
    before = (tmp_path / "keys" / "govern.pem").read_bytes()
    with pytest.raises(Conflict) as caught:
        _create(tmp_path / "keys")
    assert caught.value.code == "already_exists"
    assert (tmp_path / "keys" / "govern.pem").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    _create(tmp_path / "keys")
    (tmp_path / "keys" / "seal.pem").chmod(mode)
    with pytest.raises(Malformed) as caught:
        open_keys(tmp_path / "keys", "370214", PASSPHRASE)
    assert caught.value.code == "bad_file"


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)
    with pytest.raises(Malformed) as caught:
        make_private_folder(tmp_path / "keys")
    assert caught.value.code == "bad_file"


def test_a_link_in_the_place_of_a_key_is_refused(tmp_path: Path) -> None:
    write_private(tmp_path / "real", b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(Malformed):
        read_private(tmp_path / "link", max_bytes=10)
    with pytest.raises(Conflict):
        write_private(tmp_path / "link", b"y")


def test_a_folder_or_a_named_pipe_in_the_place_of_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("folder", "pipe", "nothing"):
        with pytest.raises(Malformed) as caught:
            read_private(tmp_path / name, max_bytes=10)
        assert caught.value.code == "bad_file"


@pytest.mark.parametrize("county", ["37021", "3702140", "37021a", "../../", ""])
def test_a_county_is_six_digits(tmp_path: Path, county: str) -> None:
    with pytest.raises(Malformed) as caught:
        _create(tmp_path / "keys", county=county)
    assert caught.value.code == "bad_setting"


@pytest.mark.parametrize(
    ("data", "expected"), [(b"secret\n", b"secret"), (b"secret", b"secret"), (b" a b \n", b" a b ")]
)
def test_a_passphrase_is_one_line_without_its_newline(tmp_path: Path, data: bytes, expected: bytes) -> None:
    write_private(tmp_path / "passphrase", data)
    assert read_passphrase(tmp_path / "passphrase") == expected


@pytest.mark.parametrize("data", [b"", b"\n", b"a\nb\n", b"x" * 1024])
def test_a_passphrase_file_of_another_form_is_refused(tmp_path: Path, data: bytes) -> None:
    write_private(tmp_path / "passphrase", data)
    with pytest.raises(Malformed):
        read_passphrase(tmp_path / "passphrase")


def test_a_secret_is_32_bytes_on_one_line(tmp_path: Path) -> None:
    create_secret(tmp_path / "a.key", bytes(range(32)))
    assert (tmp_path / "a.key").read_bytes() == b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n"
    assert read_secret(tmp_path / "a.key") == bytes(range(32))
    with pytest.raises(Malformed):
        create_secret(tmp_path / "b.key", bytes(31))


@pytest.mark.parametrize("data", [b"", b"AAAA\n", b"A" * 43, b"A" * 42 + b"B\n", b"\xff" * 43 + b"\n"])
def test_a_damaged_secret_is_refused(tmp_path: Path, data: bytes) -> None:
    write_private(tmp_path / "a.key", data)
    with pytest.raises(Malformed):
        read_secret(tmp_path / "a.key")


def _member(tmp_path: Path, seal_alg: str = "Ed25519", *, auditor: bool = False) -> MemberFile:
    keys = _create(tmp_path / "keys", seal_alg=seal_alg, auditor=auditor)
    url = "http://127.0.0.1:8101"
    return MemberFile.of(keys, name="城阳区", domain="tongban.example", url=url, valid_from=7, auditor=auditor)


@pytest.mark.parametrize("seal_alg", ["Ed25519", "ES256", "SM2"])
def test_the_member_file_says_what_genesis_needs(tmp_path: Path, seal_alg: str) -> None:
    member = _member(tmp_path, seal_alg)
    assert MemberFile.parse(member.text()) == member
    assert [(key.kid, key.uses) for key in member.keys] == [
        ("370214#1", ("govern",)), ("370214#2", ("seal",)), ("370214#3", ("client",)), ("370214#4", ("journal",)),
    ]  # fmt: skip
    assert member.witness.name == "370214.tongban.example/witness"
    assert member.cosigner == ("w370214", member.witness, "http://127.0.0.1:8101/witness")
    assert member.row.cosigners == {"witness": member.witness.vkey()}


def test_a_county_with_an_auditor_is_asked_there_and_not_at_its_witness(tmp_path: Path) -> None:
    member = _member(tmp_path, auditor=True)
    assert MemberFile.parse(member.text()) == member
    assert member.auditor is not None
    assert (member.auditor.name, member.auditor.kind) == ("370214.tongban.example/auditor", COSIGNATURE_ED25519)
    assert member.auditor.public_key != member.witness.public_key
    assert member.cosigner == ("a370214", member.auditor, "http://127.0.0.1:8101/auditor")
    assert list(member.row.cosigners) == ["witness", "auditor"]


@pytest.mark.parametrize(
    "change",
    [
        {"county": "130202"},
        {"county": "x"},
        {"name": 3},
        {"witness": "x"},
        {"auditor": None},
        {"auditor": "x"},
        {"keys": [{"kid": "370214#1"}]},
        {"keys": "x"},
        {"more": 1},
    ],
)
def test_a_member_file_of_another_form_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    document = parse_json(_member(tmp_path).text(), max_bytes=65_536)
    assert isinstance(document, dict)
    with pytest.raises(Malformed):
        MemberFile.parse(canonical_json({**document, **change}))
