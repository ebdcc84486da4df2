"""`tongban seal`: from the test CA to a seal that holds, beside a receipt too; exit codes; files that are not what they should be."""

from __future__ import annotations

import csv
import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from ledger.eseal.documents import eseal_hash
from ledger.receipt import parse_receipt
from tests.cases_eseal.bindings import receipt_with
from tests.cases_eseal.forms import seal_of_v1
from tests.command_line import Result, tongban
from tests.county_folder import CountyFolder
from tests.eseals import DOCUMENT, LICENSE, ROOT, USCC, certificate, list_of, seal, signed
from tests.small_log import GENESIS, POLICY, T0

AT: Final = ("--at", "2026-06-01T08:02:30Z")
PNG: Final = b"\x89PNG\r\n\x1a\n...."


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with what is at hand: a license file, a picture, a passphrase, the small world's files."""

    folder: Path

    def file(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    @property
    def passphrase(self) -> tuple[str, Path]:
        path = self.folder / "ca.pass"
        if not path.exists():
            self.file("ca.pass", b"correct horse\n").chmod(0o600)
        return ("--passphrase-file", path)

    def issuing(self, name: str) -> tuple[object, ...]:
        ca = self.folder / "ca"
        return ("--certificate", ca / f"{name}.pem", "--key", ca / f"{name}.key", *self.passphrase)

    @property
    def trust(self) -> tuple[object, ...]:
        return ("--roots", self.file("root.pem", ROOT.pem()))

    @property
    def ledger(self) -> tuple[object, ...]:
        return ("--policy", self.file("policy", POLICY), "--genesis", self.file("genesis", GENESIS))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give a folder with a license file."""
    (tmp_path / "license.pdf").write_bytes(DOCUMENT)
    return Desk(tmp_path)


def made(desk: Desk, *options: str) -> Result:
    """Make the test CA and a seal."""
    assert tongban("seal", "test-ca", desk.folder / "ca", *desk.passphrase).code == 0
    return tongban("seal", "make", desk.file("seal.png", PNG), "--esid", "37021400000001", "--name", "审批专用章",
                   "--signer", desk.folder / "ca/signer.pem", *desk.issuing("maker"), "--output", desk.folder / "seal.der",
                   *options)  # fmt: skip


def put_on(desk: Desk, *options: object) -> Result:
    """Put the seal on a document."""
    return tongban("seal", "sign", desk.folder / "seal.der", "--license", LICENSE, *desk.issuing("signer"), "--output",
                   desk.folder / "license.eseal", *options)  # fmt: skip


@pytest.mark.parametrize("options", [(), ("--by-digest",)])
def test_a_seal_is_made_put_on_and_verified(desk: Desk, options: tuple[str, ...]) -> None:
    result = made(desk, *options)
    assert (result.code, result.err) == (0, "")
    document = desk.folder / "license.pdf"
    assert put_on(desk, "--document", document).code == 0
    roots = ("--roots", desk.folder / "ca/root.pem")
    result = tongban("seal", "verify", desk.folder / "license.eseal", "--document", document, *roots)
    lines = result.out.splitlines()
    assert (result.code, result.err) == (0, "")
    assert lines[:2] == ["e-seal VALID 有效: 审批专用章, made by CN=TEST 测试 maker, C=CN", "note: revocation_unknown"]
    assert [line[5] for line in lines[2:]] == ["✓"] * 9
    document.write_bytes(DOCUMENT + b"!")
    result = tongban("seal", "verify", desk.folder / "license.eseal", "--document", document, *roots, "--json")
    assert (result.code, json.loads(result.out)["eseal"]["code"]) == (1, "eseal_digest")


def test_the_test_ca_says_test_and_keeps_its_keys_private(desk: Desk) -> None:
    ca = desk.folder / "ca"
    result = tongban("seal", "test-ca", ca, *desk.passphrase, "--uscc", "11370214MB2000004E", "--years", "1")
    assert (result.code, result.out) == (0, f"wrote root, maker and signer into {ca}: for tests only (仅供测试)\n")
    assert sorted(path.name for path in ca.iterdir()) == [
        "maker.key", "maker.pem", "root.key", "root.pem", "signer.key", "signer.pem",
    ]  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in ca.iterdir()} == {0o600}
    assert (ca / "root.key").read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    again = tongban("seal", "test-ca", ca, *desk.passphrase)
    assert (again.code, again.err.split(":")[1]) == (5, " already_exists")
    wrong = tongban("seal", "test-ca", desk.folder / "b", *desk.passphrase, "--uscc", "11370214MB2000004F")
    assert (wrong.code, wrong.err.split(":")[1]) == (2, " bad_identifier")


def test_what_cannot_be_sealed_exits_by_its_class(desk: Desk) -> None:
    made(desk)
    text, picture = desk.file("a.txt", b"no license file"), desk.file("a.svg", b"<svg/>")
    receipt = desk.file("a.lic-receipt", receipt_with())
    for options, code, error in (
        (("--document", text), 2, "bad_file"),
        (("--document", desk.folder / "nothing.pdf"), 2, "bad_file"),
        ((), 2, "bad_setting"),
        (("--document", desk.folder / "license.pdf", "--receipt", receipt), 2, "bad_setting"),
        (("--document", desk.folder / "license.pdf", "--at", "2020-01-01T00:00:00Z"), 1, "eseal_period"),
        (("--receipt", text), 2, "bad_receipt"),
    ):
        result = put_on(desk, *options)
        assert (result.code, result.out) == (code, ""), options
        if error != "bad_receipt":
            assert result.err.split(":")[1] == f" {error}"
    result = tongban("seal", "make", picture, "--esid", "1", "--name", "章", "--signer", desk.folder / "ca/signer.pem",
                     *desk.issuing("maker"), "--output", desk.folder / "b.der")  # fmt: skip
    assert result.err == "tongban: bad_file: expected a picture: one of PNG, JPG, GIF, BMP, OFD\n"
    assert not (desk.folder / "license.eseal").exists()


def test_a_seal_on_an_attestation_is_verified_with_its_receipt(desk: Desk) -> None:
    receipt = receipt_with()
    data = signed(parse_receipt(receipt).entry)
    arguments = (
        desk.file("a.eseal", data),
        *desk.trust,
        "--receipt",
        desk.file("a.lic-receipt", receipt),
        *desk.ledger,
    )
    result = tongban("seal", "verify", *arguments, *AT)
    lines = result.out.splitlines()
    assert (result.code, result.err) == (0, "")
    assert lines[1] == "receipt VALID 有效: sealed by 370214, not revoked as of 2026-06-01T08:02:00Z"
    assert [line[5] for line in lines[3:]] == ["✓"] * 12


def judged(desk: Desk, data: bytes, receipt: bytes, *options: object) -> tuple[int, Any]:
    """Verify a seal on the license file with a receipt; give the exit code and the answer for machines."""
    files = (
        desk.file("a.eseal", data),
        "--document",
        desk.folder / "license.pdf",
        "--receipt",
        desk.file("a.lic-receipt", receipt),
    )
    result = tongban("seal", "verify", *files, *desk.trust, *desk.ledger, "--json", *(options or AT))
    assert result.err == ""
    return result.code, json.loads(result.out)


def test_both_must_be_valid(desk: Desk) -> None:
    good = receipt_with(eSealHash=eseal_hash(signed()))
    code, answer = judged(desk, signed(), good)
    assert (code, answer["eseal"]["outcome"], answer["receipt"]["outcome"]) == (0, "VALID", "VALID")
    code, answer = judged(desk, signed(), good, "--at", "2026-06-03T08:00:00Z")
    assert (code, answer["eseal"]["outcome"], answer["receipt"]["outcome"]) == (1, "VALID", "STALE")
    code, answer = judged(desk, signed(), receipt_with())
    assert (code, answer["eseal"]["code"], answer["receipt"]["outcome"]) == (1, "eseal_unbound", "VALID")
    code, answer = judged(desk, signed(), good.replace(b"index 1", b"index 2"))
    assert (code, answer["eseal"]["code"], answer["receipt"]["outcome"]) == (1, "eseal_unbound", "FORGED")
    code, answer = judged(desk, signed(), b"no receipt")
    assert (code, answer["eseal"]["code"], answer["receipt"]["outcome"]) == (1, "eseal_unbound", "FORGED")


def test_a_bare_seal_is_verified_as_the_maker_gives_it(desk: Desk) -> None:
    arguments = ("--bare", *desk.trust, *AT)
    result = tongban("seal", "verify", desk.file("a.der", seal()), *arguments)
    lines = result.out.splitlines()
    assert (result.code, [line.split()[2] for line in lines[2:]]) == (0, ["parse", "seal", "maker", "period"])
    assert lines[-1].endswith("can be put on until 2026-09-09T08:00:00Z")
    for data, code in ((seal(valid_to=T0), "eseal_period"), (signed(), "bad_eseal"), (seal_of_v1(), "eseal_version")):
        result = tongban("seal", "verify", desk.file("a.der", data), *arguments, "--json")
        assert (result.code, json.loads(result.out)["eseal"]["code"]) == (1, code)
    for option in (
        ("--document", desk.folder / "license.pdf"),
        ("--authority", "X"),
        ("--license", LICENSE),
        desk.ledger,
    ):
        assert tongban("seal", "verify", desk.file("a.der", seal()), *arguments, *option).code == 2


def test_a_certificate_without_a_uscc_counts_as_it_is_registered(desk: Desk) -> None:
    signer = certificate("signer", organization=None)
    data = signed(on=seal(signers=(signer,)), by=signer)
    receipt = receipt_with(eSealHash=eseal_hash(data))
    file = desk.file("signer.pem", signer.pem())
    for options, code, found in (
        ((), 1, "eseal_county"),
        (("--registered", f"{USCC['370214']}={file}"), 0, "valid"),
        (("--registered", f"{USCC['320583']}={file}"), 1, "eseal_county"),
        (("--registered", f"{USCC['320583']}={file}", "--authority", USCC["320583"]), 0, "valid"),
    ):
        exit_code, answer = judged(desk, data, receipt, *AT, *options)
        assert (exit_code, answer["eseal"]["code"]) == (code, found)


def test_one_certificate_is_registered_for_one_holder(desk: Desk) -> None:
    file = desk.file("signer.pem", certificate("signer", organization=None).pem())
    twice = [f"{USCC[county]}={file}" for county in ("370214", "320583")]
    arguments = (desk.file("a.eseal", signed()), "--receipt", desk.file("r", receipt_with()), *desk.trust, *desk.ledger)
    result = tongban("seal", "verify", *arguments, "--registered", twice[0], "--registered", twice[1])
    said = f"--registered names one certificate for {USCC['370214']} and {USCC['320583']}"
    assert result == Result(2, "", f"tongban: bad_setting: {said}\n")
    assert tongban("seal", "verify", *arguments, "--registered", str(file)).err == (
        "tongban: bad_setting: --registered takes USCC=FILE\n"
    )


def test_a_list_of_revocation_counts(desk: Desk) -> None:
    crl = desk.file("list.crl", list_of(certificate("signer"), date=T0))
    arguments = (desk.file("a.eseal", signed()), "--document", desk.folder / "license.pdf", *desk.trust, *AT)
    assert tongban("seal", "verify", *arguments).code == 0
    result = tongban("seal", "verify", *arguments, "--crl", crl)
    assert (result.code, result.out.splitlines()[0]) == (
        1,
        f"e-seal REVOKED 失效 · certificate_revoked: {certificate('signer').subject} was revoked: unspecified",
    )


def test_an_authority_of_the_county_is_told(desk: Desk) -> None:
    result = tongban("seal", "verify", desk.file("a.eseal", signed()), "--document", desk.folder / "license.pdf",
                     *desk.trust, *AT, "--authority", "11370214MB2000004E")  # fmt: skip
    assert (result.code, result.err.split(":")[1]) == (2, " bad_setting")
    code, answer = judged(desk, signed(), receipt_with(eSealHash=eseal_hash(signed())), *AT, "--authority", "X")
    assert (code, answer["eseal"]["outcome"]) == (0, "VALID")


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [("root.pem", b"", "bad_file"), ("root.pem", certificate("signer").pem(), "bad_file"), ("list.crl", b"", "bad_file"),
     ("root.pem", ROOT.pem().replace(b"MI", b"MA", 1), "bad_certificate")],
)  # fmt: skip
def test_trust_that_is_none_is_wrong_usage(desk: Desk, name: str, data: bytes, error: str) -> None:
    roots = desk.file("root.pem", ROOT.pem())
    crl = ("--crl", desk.file(name, data)) if name == "list.crl" else ("--roots", desk.file(name, data))
    result = tongban("seal", "verify", desk.file("a.eseal", signed()), "--document", desk.folder / "license.pdf", *crl,
                     "--roots", roots, *AT)  # fmt: skip
    assert (result.code, result.err.split(":")[1]) == (2, f" {error}")


def test_a_seal_that_cannot_be_parsed_is_a_verdict_and_one_that_is_not_there_wrong_usage(desk: Desk) -> None:
    license_file, good = desk.folder / "license.pdf", desk.file("a.eseal", signed())
    result = tongban("seal", "verify", desk.file("empty", b""), "--document", license_file, *desk.trust)
    assert (result.code, result.err) == (1, "")
    assert result.out.startswith("e-seal FORGED 存疑 · bad_eseal: ")
    message = f"cannot read {desk.folder / 'none'}: No such file or directory"
    for file, document in ((desk.folder / "none", license_file), (good, desk.folder / "none")):
        result = tongban("seal", "verify", file, "--document", document, *desk.trust)
        assert (result.code, result.out, result.err) == (2, "", f"tongban: bad_file: {message}\n")
        result = tongban("seal", "verify", file, "--document", document, *desk.trust, "--json")
        assert (result.code, json.loads(result.out)["message"]) == (2, message)
    assert tongban("seal", "verify", desk.folder / "none", *desk.trust).code == 2


def test_inspect_says_all_and_fails_without_a_traceback(desk: Desk) -> None:
    file = desk.file("a.eseal", signed())
    said = json.loads(tongban("seal", "inspect", file, "--json").out)
    assert (said["version"], said["seal"]["esID"], said["propertyInfo"]) == (4, "37021400000001", LICENSE)
    lines = tongban("seal", "inspect", file).out.splitlines()
    assert lines[:3] == ["kind: SES_Signature", "version: 4", f"bytes: {len(signed())}"]
    assert "  subject: CN=TEST 测试 maker, C=CN" in [line[2:] for line in lines]
    for data, code in ((seal_of_v1(), "eseal_version"), (b"", "bad_eseal"), (b"\x30\x80\x00\x00", "bad_eseal")):
        result = tongban("seal", "inspect", desk.file("b.eseal", data))
        assert (result.code, result.out, result.err.split(":")[1]) == (2, "", f" {code}")


def test_a_county_binds_the_seal_on_the_file_to_what_it_seals(tmp_path: Path) -> None:
    folder, feed = CountyFolder.make(tmp_path), tmp_path / "feed.csv"
    assert tongban("feed", "--county", "370214", "--count", 1, "--output", feed).code == 0
    (identifier,) = (row["ZZBS"] for row in csv.DictReader(feed.read_text("utf-8").splitlines()))
    for license_id, code in ((LICENSE, 2), (identifier, 0)):
        (tmp_path / "a.eseal").write_bytes(signed(license_id=license_id))
        assert tongban("county", "seal", feed, "--eseal", tmp_path / "a.eseal", *folder.options).code == code
    with folder.opened() as node:
        face = node.records.face(identifier)
    assert face is not None
    assert face.values()["eSealHash"] == eseal_hash(signed(license_id=identifier))
