"""Certificates, lists and seals across two implementations: made by the openssl command, read by us, and the other way."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from ledger.errors import NotVerified
from ledger.eseal.certificates import Certificate, read_certificates
from ledger.eseal.chains import TrustStore
from ledger.eseal.documents import DocumentBytes
from ledger.eseal.making import make_seal, sign_document
from ledger.eseal.revocation import read_revocations
from ledger.eseal.verification import verify_eseal
from ledger.signers import SoftwareSigner
from ledger.sm2_keys import Sm2PrivateKey
from ledger.verdict import Outcome
from tests.eseals import DOCUMENT, LICENSE, ROOT, USCC, authority, certificate, draft, list_of
from tests.small_log import T0

OPENSSL: Final = shutil.which("openssl")
ID: Final = "distid:1234567812345678"
CONFIG: Final = """
[ca]
default_ca = small
[small]
database = index.txt
default_md = sm3
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[between]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[signer]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature, nonRepudiation
authorityKeyIdentifier = keyid
subjectAltName = email:seal@chengyang.example
certificatePolicies = 1.2.156.1
"""


def _openssl(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _has_sm2() -> bool:
    if os.environ.get("TONGBAN_REQUIRE_OPENSSL") == "1":
        return True  # what is missing then fails
    if OPENSSL is None:
        return False
    done = subprocess.run([OPENSSL, "ecparam", "-name", "SM2", "-noout"], capture_output=True, check=False)
    return done.returncode == 0


pytestmark = pytest.mark.skipif(not _has_sm2(), reason="the openssl command is absent, or knows no SM2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let openssl make root, CA between, maker and signer, each with its key, and an empty list of revocation."""
    made = tmp_path_factory.mktemp("openssl")
    (made / "ca.conf").write_text(CONFIG)
    (made / "index.txt").write_text("")
    for name in ("root", "between", "maker", "signer"):
        _openssl(made, "ecparam", "-name", "SM2", "-genkey", "-noout", "-out", f"{name}.key")
    _openssl(made, "req", "-x509", "-new", "-key", "root.key", "-sm3", "-sigopt", ID, "-days", "900", "-subj",
             "/C=CN/O=示例/CN=根", "-utf8", "-config", "ca.conf", "-extensions", "root", "-out", "root.pem")  # fmt: skip
    _issue(made, "between", "root", "/C=CN/CN=BETWEEN", "between")
    _issue(made, "maker", "between", "/C=CN/CN=MAKER", "signer")
    _issue(made, "signer", "between", f"/C=CN/O=a, b/organizationIdentifier={USCC['370214']}/CN=SIGNER", "signer")
    return made


def _issue(folder: Path, name: str, issuer: str, subject: str, extensions: str) -> None:
    _openssl(folder, "req", "-new", "-key", f"{name}.key", "-sm3", "-sigopt", ID, "-subj", subject, "-config", "ca.conf",
             "-out", f"{name}.csr")  # fmt: skip
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key",
             "-CAcreateserial", "-sm3", "-sigopt", ID, "-vfyopt", ID, "-extfile", "ca.conf", "-extensions", extensions,
             "-days", "800", "-out", f"{name}.pem")  # fmt: skip


def _read(folder: Path, name: str) -> Certificate:
    (found,) = read_certificates((folder / f"{name}.pem").read_bytes())
    return found


def _signer(folder: Path, name: str) -> SoftwareSigner:
    """Read the key that openssl made."""
    text = _openssl(folder, "pkey", "-in", f"{name}.key", "-text", "-noout")
    scalar = "".join(text.partition("priv:")[2].partition("pub:")[0].split()).replace(":", "")
    return SoftwareSigner(Sm2PrivateKey(int(scalar, 16).to_bytes(32, "big")))


def test_a_chain_made_by_openssl_holds(folder: Path) -> None:
    root, between, signer = (_read(folder, name) for name in ("root", "between", "signer"))
    at = signer.not_before
    chain = TrustStore(roots=(root,), intermediates=(between,)).check(signer, at=at, proven=None)
    assert [each.subject for each in chain.path] == [
        f"CN=SIGNER, organizationIdentifier={USCC['370214']}, O=a\\, b, C=CN",
        "CN=BETWEEN, C=CN",
        "CN=根, O=示例, C=CN",
    ]
    assert signer.organization == USCC["370214"]
    with pytest.raises(NotVerified, match="bad_chain"):
        TrustStore(roots=(root,)).check(signer, at=at, proven=None)


def test_a_certificate_signed_with_an_empty_id_does_not_verify(folder: Path) -> None:
    """Without `distid` openssl leaves the ID empty, which is another Z."""
    _openssl(folder, "req", "-x509", "-new", "-key", "root.key", "-sm3", "-days", "9", "-subj", "/CN=EMPTY", "-config",
             "ca.conf", "-extensions", "root", "-out", "empty.pem")  # fmt: skip
    empty = _read(folder, "empty")
    assert not empty.is_signed_by(empty)


def test_a_seal_under_openssls_certificates_holds_and_its_list_revokes_it(folder: Path) -> None:
    root, between, maker, signer = (_read(folder, name) for name in ("root", "between", "maker", "signer"))
    now = signer.not_before + 3600  # the list is made meanwhile
    made = draft(signer, created=now, valid_from=now, valid_to=now + 1000)
    seal = make_seal(made, maker, _signer(folder, "maker"))
    document = DocumentBytes(DOCUMENT)
    data = sign_document(
        seal, document, license_id=LICENSE, time=now, certificate=signer, signer=_signer(folder, "signer")
    )
    lists: list[bytes] = []
    for _ in range(2):
        _openssl(folder, "ca", "-gencrl", "-config", "ca.conf", "-keyfile", "between.key", "-cert", "between.pem", "-md",
                 "sm3", "-sigopt", ID, "-crldays", "30", "-out", "list.pem")  # fmt: skip
        lists.append((folder / "list.pem").read_bytes())
        line = f"R\t991231235959Z\t260101000000Z,keyCompromise\t{signer.serial:X}\tunknown\t/CN=SIGNER\n"
        (folder / "index.txt").write_text(line.replace(f"{signer.serial:X}", f"{signer.serial:040X}"))
    outcomes = [
        verify_eseal(
            data,
            document,
            now=now,
            trust=TrustStore(roots=(root,), intermediates=(between,), revocations=read_revocations(each)),
        ).outcome
        for each in lists
    ]
    assert outcomes == [Outcome.VALID, Outcome.REVOKED]


def test_openssl_takes_our_certificates_and_lists(tmp_path: Path) -> None:
    east = authority("CA east")
    signer = certificate("signer", east)
    (tmp_path / "root.pem").write_bytes(ROOT.pem())
    (tmp_path / "east.pem").write_bytes(east.pem())
    (tmp_path / "signer.pem").write_bytes(signer.pem())
    (tmp_path / "list.der").write_bytes(list_of(signer, date=T0, reason="superseded"))
    # One step at a time: -vfyopt reaches the last certificate of a chain only.
    for name, issuer in (("east", "root"), ("signer", "east")):
        strictly = ("verify", "-x509_strict", "-partial_chain", "-attime", str(T0), "-vfyopt", ID)
        assert _openssl(tmp_path, *strictly, "-trusted", f"{issuer}.pem", f"{name}.pem") == f"{name}.pem: OK\n"
    text = _openssl(tmp_path, "crl", "-inform", "DER", "-in", "list.der", "-noout", "-text")
    assert f"Serial Number: {signer.serial:X}" in text
    assert "Superseded" in text
