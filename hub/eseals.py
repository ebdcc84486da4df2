"""E-seals and files: documents, certificates and lists of revocation on disk, pictures, and the test CA's folder.

A document is hashed as it is read, whatever its size. The test CA's folder holds, each file of mode 0600:

    root.pem  maker.pem  signer.pem        certificates, TEST 测试 in every name
    root.key  maker.key  signer.key        encrypted PKCS#8 (ledger/signers.py)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from hub.county.licenses import LicenseRecord
from hub.keyfiles import create_signer, founded_folder, write_private
from ledger.errors import Malformed
from ledger.eseal.certificates import MAX_PEM_BYTES, Certificate, read_certificates
from ledger.eseal.chains import TrustStore
from ledger.eseal.documents import eseal_hash, sm3_of
from ledger.eseal.revocation import RevocationList, read_revocations
from ledger.eseal.structures import ESealSignature, Picture
from ledger.eseal.testca import CA_USES, SIGNER_USES, CertificateDraft, issue_certificate
from ledger.identifiers import Uscc

__all__ = [
    "MAX_PICTURE_BYTES",
    "FileDocument",
    "create_test_ca",
    "is_license_file",
    "open_certificate",
    "open_store",
    "picture_of",
    "with_eseal",
]

MAX_PICTURE_BYTES: Final = 524_288
_CHUNK: Final = 1_048_576
_PICTURES: Final = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"PK\x03\x04": "OFD",
}
_LICENSE_FILES: Final = (b"%PDF-", b"PK\x03\x04")
_TEST_NAMES: Final = ("root", "maker", "signer")
_YEAR_S: Final = 365 * 86_400


class FileDocument:
    """A document on disk; every digest reads it again. Raises Malformed bad_file (it cannot be read)."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self.start: Final = next(self._chunks(), b"")[:8]
        """The first 8 bytes, by which a file's kind is told."""

    def sm3(self, before: bytes = b"") -> bytes:
        """Give SM3(before || document), 32 bytes. Raises Malformed bad_file."""

        def parts() -> Iterator[bytes]:
            yield before
            yield from self._chunks()

        return sm3_of(parts())

    def _chunks(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise Malformed("bad_file", f"cannot read {self._path.name}: {error.strerror}") from error


def is_license_file(document: FileDocument) -> bool:
    """Tell whether a file begins as PDF and OFD files do."""
    return document.start.startswith(_LICENSE_FILES)


def picture_of(data: bytes, width: int, height: int) -> Picture:
    """Take the picture of a seal, sides in millimetres. Raises Malformed bad_file (no kind that is known)."""
    for start, kind in _PICTURES.items():
        if data.startswith(start):
            return Picture(kind=kind, data=data, width=width, height=height)
    raise Malformed("bad_file", f"expected a picture: one of {', '.join(_PICTURES.values())}")


def open_certificate(path: Path) -> Certificate:
    """Read the one certificate of a PEM or DER file. Raises Malformed bad_file, bad_certificate, too_large."""
    found = read_certificates(_bytes_of(path))
    if len(found) != 1:
        raise Malformed("bad_file", f"{path.name} has {len(found)} certificates, expected one")
    return found[0]


def open_store(roots: Iterable[Path], revocations: Iterable[Path] = ()) -> TrustStore:
    """Read what is trusted: self-signed certificates are roots, others help to reach them; then lists of revocation.

    Raises Malformed bad_file (no root in it), bad_certificate, too_large.
    """
    certificates = [each for path in roots for each in read_certificates(_bytes_of(path))]
    lists: list[RevocationList] = [each for path in revocations for each in _revocations(path)]
    store = TrustStore.of(certificates, lists)
    if not store.roots:
        raise Malformed("bad_file", "expected at least one self-signed SM2 certificate as root")
    return store


def _revocations(path: Path) -> tuple[RevocationList, ...]:
    found = read_revocations(_bytes_of(path))
    if not found:
        raise Malformed("bad_file", f"{path.name} has no list of revocation")
    return found


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PEM_BYTES + 1)  # one more than is taken: too_large
    except OSError as error:
        raise Malformed("bad_file", f"cannot read {path.name}: {error.strerror}") from error


def create_test_ca(
    folder: Path, uscc: str, *, years: int, passphrase: bytes, random: Callable[[int], bytes], now: int
) -> None:
    """Make the TEST CA's folder: root, maker, and a signer whose certificate names the USCC.

    Raises Malformed bad_identifier, bad_file, Conflict already_exists.
    """
    Uscc.parse(uscc)
    with founded_folder(folder, [f"{name}.{form}" for name in _TEST_NAMES for form in ("key", "pem")]):
        _fill_test_ca(folder, uscc, years=years, passphrase=passphrase, random=random, now=now)


def _fill_test_ca(
    folder: Path, uscc: str, *, years: int, passphrase: bytes, random: Callable[[int], bytes], now: int
) -> None:
    signers = {name: create_signer(folder / f"{name}.key", "SM2", passphrase, random) for name in _TEST_NAMES}

    def draft(name: str) -> CertificateDraft:
        return CertificateDraft(
            name=name,
            serial=int.from_bytes(random(15), "big") + 1,
            not_before=now,
            not_after=now + years * _YEAR_S,
            public_key=signers[name].public_key,
            organization=uscc if name == "signer" else None,
            uses=CA_USES if name == "root" else SIGNER_USES,
            is_ca=name == "root",
        )

    root = issue_certificate(draft("root"), signers["root"])
    issued = [issue_certificate(draft(name), signers["root"], root) for name in _TEST_NAMES[1:]]
    for name, certificate in zip(_TEST_NAMES, [root, *issued], strict=True):
        write_private(folder / f"{name}.pem", certificate.pem())


def with_eseal(record: LicenseRecord, data: bytes) -> LicenseRecord:
    """Bind an e-seal on a license's file to what is sealed of the license: one more claim, eSealHash.

    Raises Malformed bad_row (the e-seal is on another license), bad_eseal, eseal_version, too_large.
    """
    if ESealSignature.parse(data).property_info != record.identifier:
        raise Malformed("bad_row", "the e-seal is on another license")
    return replace(record, e_seal_hash=eseal_hash(data))
